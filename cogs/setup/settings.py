"""How a server's settings are shown to its admins, and which channels and roles they may choose."""

import discord

from cogs import ui
from cogs.ui import Interaction
from models import Guild
from scheduler.core.errors import Misconfigured, NotAllowed
from scheduler.servers import settings
from scheduler.servers.declarations import SETTINGS, Setting
from scheduler.servers.setting_kinds import Text, Zone
from scheduler.time.time_zones import is_known

_EXCERPT = 200


def lines(guild: Guild) -> list[str]:
    """Everything that is set but channels, categories and roles: a line for each heading."""
    found: dict[str, list[str]] = {}
    for one in SETTINGS:
        found.setdefault(one.heading, []).append(_shown(guild, one))
    presets = ", ".join(preset.name for preset in settings.presets(guild))
    found["Presets"] = [ui.quoted(presets, _EXCERPT)]
    return [f"**{heading}** {' · '.join(values)}" for heading, values in found.items()]


def _shown(guild: Guild, setting: Setting) -> str:
    words = setting.describe(settings.value_of(guild, setting))
    if isinstance(setting.kind, Zone) and not is_known(words):
        return f'⚠️ I no longer know "{ui.quoted(words)}", so times are shown in UTC. Choose another one'
    return ui.quoted(words, _EXCERPT) if isinstance(setting.kind, Text) else words


def check_channel(channel: discord.TextChannel | None) -> None:
    """Raise Misconfigured unless the bot may write there."""
    if channel is None:
        return
    mine = channel.permissions_for(channel.guild.me)
    if not (mine.view_channel and mine.send_messages and mine.read_message_history):
        raise Misconfigured(
            f"I cannot write in {channel.mention}. Give me View Channel, Send Messages and Read Message History "
            "there, then set it again."
        )


def must_manage_server(interaction: Interaction) -> None:
    """Only they say who is an admin here, and what coaches get. Raises NotAllowed."""
    if not interaction.permissions.manage_guild:
        raise NotAllowed("Only members with Manage Server can choose the admin role and the coach role.")


def check_roles(
    interaction: Interaction, admin_role: discord.Role | None, coach_role: discord.Role | None
) -> None:
    """Nobody hands out through the bot what they could not hand out themselves."""
    if admin_role or coach_role:
        must_manage_server(interaction)
    if admin_role is not None and admin_role.is_default():
        raise Misconfigured("Everybody here has that role, so everybody would be an admin. Choose another one.")
    if coach_role is None:
        return
    by = interaction.user
    assert isinstance(by, discord.Member), "the command is for servers only"
    could_give = by.guild_permissions.manage_roles and by.top_role > coach_role
    if by.id != coach_role.guild.owner_id and not could_give:
        raise NotAllowed(
            f"Choose a coach role that you could give yourself: that takes Manage Roles, and {coach_role.mention} "
            "has to stand below your own highest role."
        )
    if not coach_role.is_assignable():
        raise Misconfigured(
            f"I cannot give {coach_role.mention} to anybody. In the server's role list, move my own role above it "
            "(and choose no role that belongs to a bot), then set it again."
        )
