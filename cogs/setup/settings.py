"""How a server's settings are shown to its admins, and which channels and roles they may choose."""

from datetime import timedelta

import discord

from cogs import ui
from cogs.ui import Interaction
from models import AccessMode, Guild
from scheduler.core.errors import Misconfigured, NotAllowed
from scheduler.notifications.reminder_times import reminder_times, write_reminder_times
from scheduler.parsing.durations import write_length
from scheduler.servers import settings
from scheduler.time.time_zones import is_known

_EXCERPT = 200


def lines(guild: Guild) -> list[str]:
    """Everything that is set but channels, categories and roles."""
    access = "by a role per session" if guild.access_mode is AccessMode.ROLE else "each person by themselves"
    reminded = write_reminder_times(reminder_times(guild))
    gone = "are kept" if guild.keep_after_departure else "are cancelled"
    presets = ", ".join(preset.name for preset in settings.presets(guild))
    instructions = guild.payment_instructions
    return [
        f"**Time zone** {_zone(guild)} · **Currency** {guild.currency}",
        f"**Rooms** made {guild.room_lead_minutes} min before, opened {guild.access_lead_minutes} min before, "
        f"removed {guild.linger_minutes} min after the end; people are let in {access}",
        f"**Reminders** {reminded if reminded == 'none' else f'{reminded} before the start'}",
        f"**Students** up to {guild.most_upcoming} upcoming sessions, free cancellation until {_notice(guild)}",
        f"**No-show** who has not come {guild.no_show_grace_minutes} min after the start",
        f"**Coming sessions** of somebody who has left, or may not coach any more, {gone}",
        f"**Presets** {ui.quoted(presets, _EXCERPT)}",
        f"**How to pay** {ui.quoted(instructions, _EXCERPT) if instructions else 'not set'}",
    ]


def _zone(guild: Guild) -> str:
    if is_known(guild.time_zone):
        return guild.time_zone
    return f'⚠️ I no longer know "{ui.quoted(guild.time_zone)}", so times are shown in UTC. Choose another one'


def _notice(guild: Guild) -> str:
    notice = timedelta(minutes=guild.cancel_notice_minutes)
    return f"{write_length(notice)} before it starts" if notice else "it starts"


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
        raise NotAllowed("Only who may manage the server chooses the admin role and the coach role.")


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
