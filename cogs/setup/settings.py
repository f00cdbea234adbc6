"""Shows a server's settings, and checks the channels and roles that admins choose."""

import discord

from cogs import ui
from cogs.ui import Interaction
from models import Guild
from scheduler.core.errors import Misconfigured, NotAllowed
from scheduler.servers import settings
from scheduler.servers.declarations import SETTINGS, Form, Setting
from scheduler.servers.setting_kinds import Text, Zone
from scheduler.time.time_zones import is_known

_EXCERPT = 200


def groups(guild: Guild) -> dict[str, list[str]]:
    """List all settings except channels, categories and roles: the lines of each form, by its title."""
    found: dict[Form, dict[str, str]] = {form: {} for form in Form}
    for one in SETTINGS:
        lines, value, heading = found[one.form], _shown(guild, one), one.heading or one.label
        if heading in lines:
            lines[heading] += f" · {value}"
        else:
            lines[heading] = value if one.names_itself else f"{heading}: {value}"
    presets = ", ".join(preset.name for preset in settings.presets(guild))
    return {form.value: [*lines.values()] for form, lines in found.items()} | {
        "For new coaches": [f"Presets: {ui.quoted(presets, _EXCERPT)}"]
    }


def _shown(guild: Guild, setting: Setting) -> str:
    value = settings.value_of(guild, setting)
    words = setting.describe(value)
    if isinstance(setting.kind, Zone) and not is_known(str(value)):
        return f'⚠️ I no longer know "{ui.quoted(words)}", so times are shown in UTC. Choose another time zone'
    return ui.quoted(words, _EXCERPT) if isinstance(setting.kind, Text) else words


def check_channel(channel: discord.TextChannel) -> None:
    """Raise Misconfigured unless the bot can write there."""
    mine = channel.permissions_for(channel.guild.me)
    if not (mine.view_channel and mine.send_messages and mine.read_message_history):
        raise Misconfigured(
            f"I can't write in {channel.mention}. Grant me View Channel, Send Messages and Read Message History "
            "there, then choose it again."
        )


def must_manage_server(interaction: Interaction) -> None:
    """Raise NotAllowed for admins without Manage Server, who can't choose roles."""
    if not interaction.permissions.manage_guild:
        raise NotAllowed("Only members with Manage Server can choose the admin role and the coach role.")


def check_admin_role(interaction: Interaction, role: discord.Role) -> None:
    """Check a chosen admin role. Raises NotAllowed, Misconfigured."""
    must_manage_server(interaction)
    if role.is_default():
        raise Misconfigured("Everyone here has that role, so everyone would be an admin. Choose another one.")


def check_coach_role(interaction: Interaction, role: discord.Role) -> None:
    """Check that both the bot and the person choosing the role could give it. Raises NotAllowed, Misconfigured."""
    must_manage_server(interaction)
    member = interaction.user
    assert isinstance(member, discord.Member), "the command is for servers only"
    could_give = member.guild_permissions.manage_roles and member.top_role > role
    if member.id != role.guild.owner_id and not could_give:
        raise NotAllowed(
            "You can only choose a coach role that you could give yourself: you need Manage Roles, and your "
            f"highest role must be above {role.mention}."
        )
    if not role.is_assignable():
        raise Misconfigured(
            f"I can't give {role.mention} to anyone. If it belongs to a bot, choose another role; otherwise drag "
            "my role above it in **Server Settings → Roles** and choose it again."
        )
