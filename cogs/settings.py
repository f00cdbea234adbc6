"""How a server's settings are shown to its admins."""

from datetime import timedelta

from cogs import ui
from models import AccessMode, Guild
from scheduler.lengths import write_length
from scheduler.reminder_times import reminder_times, write_reminder_times


def settings_panel(guild: Guild) -> ui.Panel:
    """Everything that `/coaching setup` sets, and what is missing."""
    parts = ("\n".join(lines) for lines in (_places(guild), _sessions(guild), _problems(guild)))
    return ui.Panel(
        *(ui.text(words) for words in parts),
        ui.text("-# Change any of these with the options of `/coaching setup`."),
    )


def _places(guild: Guild) -> list[str]:
    return [
        "### Coaching in this server",
        f"**Applications arrive in** {_named('#', guild.review_channel_id, '⚠️ not set: nobody sees new ones')}",
        f"**Coach role** {_named('@&', guild.coach_role_id, '⚠️ not set: coaches get none')}",
        f"**Admin role** {_named('@&', guild.admin_role_id, '⚠️ not set: whoever manages the server decides')}",
        f"**Rooms are made in** {_named('#', guild.room_category_id, '⚠️ not set: outside any category')}",
        f"**Time zone** {guild.time_zone} · **Currency** {guild.currency}",
    ]


def _sessions(guild: Guild) -> list[str]:
    access = "by a role per session" if guild.access_mode is AccessMode.ROLE else "each person by themselves"
    reminded = write_reminder_times(reminder_times(guild))
    return [
        f"**Rooms** made {guild.room_lead_minutes} min before, opened {guild.access_lead_minutes} min before, "
        f"removed {guild.linger_minutes} min after the end; people are let in {access}",
        f"**Reminders** {reminded if reminded == 'none' else f'{reminded} before the start'}",
        f"**Students** have at most {guild.most_coming} coming sessions and cancel in time until {_notice(guild)}",
        f"**How to pay** {ui.quoted(guild.how_to_pay) if guild.how_to_pay else 'not said'}",
    ]


def _problems(guild: Guild) -> list[str]:
    """Where admins and people are told that something went wrong, and what then holds."""
    gone = "are kept" if guild.keep_when_gone else "are cancelled"
    return [
        f"**No-show** who has not come {guild.no_show_grace_minutes} min after the start",
        f"**Coming sessions** of somebody who has left, or may not coach any more, {gone}",
        f"**Admins are told of problems in** {_named('#', guild.log_channel_id, 'the system channel')}",
        "**People with closed direct messages are asked to look in** "
        f"{_named('#', guild.fallback_channel_id, 'no channel')}",
    ]


def _named(kind: str, id_: int | None, missing: str) -> str:
    return f"<{kind}{id_}>" if id_ else missing


def _notice(guild: Guild) -> str:
    notice = timedelta(minutes=guild.cancel_notice_minutes)
    return f"{write_length(notice)} before it starts" if notice else "it starts"
