"""The forms of `/coaching setup`: what stands in them, and what an admin asks for who sends one."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from cogs import ui
from cogs.ui import Typed
from models import AccessMode, Guild
from scheduler.core.errors import Unreadable
from scheduler.notifications.reminder_times import parse_reminder_times, reminder_times, write_reminder_times
from scheduler.parsing.durations import parse_length, write_length
from scheduler.servers.settings import LONGEST_HOW_TO_PAY, GuildChanges

ZONE = "Time zone"
_CURRENCY, _HOW_TO_PAY = "Currency", "How to pay"
_ROOM, _ACCESS_LEAD, _LINGER = "Room made before the start", "People let in before the start", "Room stays after"
_REMINDERS, _GRACE = "Reminders", "Absent after the start"
_MOST, _CANCEL = "Coming sessions of a student", "Cancel in time until"
_ACCESS, _GONE = "People are let in", "Coming sessions of who has gone"
_MINUTE = timedelta(minutes=1)


def basics(custom_id: str, guild: Guild, typed: Typed) -> ui.Form:
    """Asks for zone, currency and how to pay."""
    typed = typed or {
        ZONE: guild.time_zone,
        _CURRENCY: guild.currency,
        _HOW_TO_PAY: guild.payment_instructions or "",
    }
    return ui.Form(
        "Zone and pay",
        custom_id,
        ui.field(
            ZONE,
            typed,
            description="A city or zone for people who haven't set their own. Coaches keep theirs.",
            placeholder="Munich",
            most=60,
        ),
        ui.field(
            _CURRENCY,
            typed,
            description="For new rates. Coaches keep theirs until they change it. You can ask them to.",
            placeholder="EUR",
            most=3,
        ),
        ui.field(
            _HOW_TO_PAY,
            typed,
            description="What students read before they confirm.",
            long=True,
            required=False,
            most=LONGEST_HOW_TO_PAY,
        ),
    )


def times(custom_id: str, guild: Guild, typed: Typed) -> ui.Form:
    """Asks when what happens around a session."""
    typed = typed or {
        _ROOM: write_length(guild.room_lead_minutes * _MINUTE),
        _ACCESS_LEAD: write_length(guild.access_lead_minutes * _MINUTE),
        _LINGER: write_length(guild.linger_minutes * _MINUTE),
        _REMINDERS: write_reminder_times(reminder_times(guild)),
        _GRACE: write_length(guild.no_show_grace_minutes * _MINUTE),
    }
    return ui.Form(
        "Times",
        custom_id,
        ui.field(_ROOM, typed, placeholder="15 minutes", most=30),
        ui.field(_ACCESS_LEAD, typed, placeholder="5 minutes", most=30),
        ui.field(_LINGER, typed, placeholder="15 minutes", most=30),
        ui.field(_REMINDERS, typed, description="Before the start; or none.", placeholder="24h, 1h", most=150),
        ui.field(_GRACE, typed, description="Who has not come by then.", placeholder="15 minutes", most=30),
    )


def rules(custom_id: str, guild: Guild, typed: Typed) -> ui.Form:
    """Asks what students may, and how people are let in."""
    typed = typed or {
        _MOST: str(guild.most_upcoming),
        _CANCEL: write_length(guild.cancel_notice_minutes * _MINUTE),
        _ACCESS: guild.access_mode,
        _GONE: "keep" if guild.keep_after_departure else "cancel",
    }
    access = (("Each person by themselves", AccessMode.PEOPLE), ("By a role per session", AccessMode.ROLE))
    gone = (("Are cancelled", "cancel"), ("Are kept", "keep"))
    return ui.Form(
        "Rules",
        custom_id,
        ui.field(_MOST, typed, description="At most so many.", placeholder="10", most=3),
        ui.field(_CANCEL, typed, description="Before the start; or none.", placeholder="24 hours", most=30),
        ui.choice(_ACCESS, [(words, mode, mode == typed.get(_ACCESS)) for words, mode in access]),
        ui.choice(_GONE, [(words, value, value == typed.get(_GONE)) for words, value in gone]),
    )


def read_basics(guild: Guild, typed: Typed, zone_name: str) -> GuildChanges:
    """What differs from what is set."""
    payment_instructions = typed.get(_HOW_TO_PAY, "").strip()
    wanted = {"time_zone": zone_name, "currency": typed.get(_CURRENCY, "").strip().upper()}
    return _different(
        guild,
        wanted
        | (
            {"payment_instructions": payment_instructions}
            if payment_instructions or guild.payment_instructions
            else {}
        ),
    )


def read_times(guild: Guild, typed: Typed) -> GuildChanges:
    """What differs from what is set. Raises Unreadable."""
    reminders = parse_reminder_times(typed.get(_REMINDERS, ""))
    wanted: dict[str, Any] = {
        "room_lead_minutes": _minutes(typed, _ROOM),
        "access_lead_minutes": _minutes(typed, _ACCESS_LEAD),
        "linger_minutes": _minutes(typed, _LINGER),
        "no_show_grace_minutes": _minutes(typed, _GRACE),
    }
    if reminders != [time // _MINUTE for time in reminder_times(guild)]:
        wanted["reminder_minutes"] = reminders
    return _different(guild, wanted)


def read_rules(guild: Guild, typed: Typed) -> GuildChanges:
    """What differs from what is set. Raises Unreadable."""
    most = typed.get(_MOST, "").strip()
    if not (most.isascii() and most.isdigit()):
        raise Unreadable(f'I can\'t read "{most}" as a number of sessions. Type it in digits, like 10.')
    wanted: dict[str, Any] = {
        "most_upcoming": int(most),
        "cancel_notice_minutes": parse_length(typed.get(_CANCEL, ""), unit="hours") // _MINUTE,
        "keep_after_departure": typed.get(_GONE) == "keep",
        "access_mode": AccessMode.ROLE if typed.get(_ACCESS) == AccessMode.ROLE else AccessMode.PEOPLE,
    }
    return _different(guild, wanted)


def _minutes(typed: Typed, name: str) -> int:
    return parse_length(typed.get(name, ""), unit="minutes") // _MINUTE


def _different(guild: Guild, wanted: dict[str, Any]) -> GuildChanges:
    """So that the audit tells only what was changed."""
    return replace(GuildChanges(), **{key: value for key, value in wanted.items() if value != getattr(guild, key)})
