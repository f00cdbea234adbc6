"""Describe booking rules and edit them in forms, for a coach or as a server's defaults."""

from dataclasses import replace
from datetime import timedelta

from cogs import ui
from cogs.ui import Typed
from models import SessionType
from scheduler.availability.booking_policy import Rules
from scheduler.core.errors import Unreadable
from scheduler.parsing.durations import parse_length, parse_minutes_list, write_length

_LENGTHS, _TYPE, _STEP = "Lengths in minutes, default first", "Rooms", "Sessions start every"
_BEFORE, _AFTER = "Buffer before", "Buffer after"
_NOTICE, _HORIZON = "Minimum notice", "Booking horizon"
_DAILY, _WEEKLY = "Daily limit", "Weekly limit"
SESSION_TYPES = {SessionType.VOICE: "Voice only", SessionType.VIDEO: "Voice, camera and screen"}
_MINUTE = timedelta(minutes=1)


def facts(rules: Rules) -> dict[str, str]:
    """Return each rule's name and value, in the order they're shown."""
    usual, *others = rules.durations_minutes
    also = f", also {', '.join(map(str, others))}" if others else ""
    before, after = map(_write_minutes, (rules.buffer_before_minutes, rules.buffer_after_minutes))
    limits = ((rules.daily_limit, "day"), (rules.weekly_limit, "week"))
    return {
        "Lengths": f"{usual} min{also}",
        "Rooms": SESSION_TYPES[rules.session_type].lower(),
        "Start every": _write_minutes(rules.slot_step_minutes),
        "Buffers": "none" if before == after == "none" else f"{before} before, {after} after",
        "Minimum notice": _write_minutes(rules.minimum_notice_minutes),
        "Booking horizon": write_length(timedelta(days=rules.horizon_days)),
        "Limits": ", ".join(f"{most} a {span}" for most, span in limits if most is not None) or "none",
    }


def describe(rules: Rules) -> str:
    """Show all rules, short ones on the same line."""
    lengths, rooms, *between, notice, horizon, limits = (
        f"**{name}** {value}" for name, value in facts(rules).items()
    )
    return "\n".join((f"{lengths} · {rooms}", *between, f"{notice} · {horizon}", limits))


def sessions_form(custom_id: str, rules: Rules, typed: Typed) -> ui.Form:
    """Make the form for lengths, rooms, start times and buffers."""
    typed = typed or {
        _LENGTHS: ", ".join(map(str, rules.durations_minutes)),
        _TYPE: rules.session_type,
        _STEP: _write_minutes(rules.slot_step_minutes),
        _BEFORE: _write_minutes(rules.buffer_before_minutes),
        _AFTER: _write_minutes(rules.buffer_after_minutes),
    }
    return ui.Form(
        "Sessions",
        custom_id,
        ui.field(_LENGTHS, typed, placeholder="60, 30, 90", most=60),
        ui.choice(_TYPE, [(words, kind, kind == typed.get(_TYPE)) for kind, words in SESSION_TYPES.items()]),
        ui.field(_STEP, typed, placeholder="30 minutes", most=30),
        ui.field(_BEFORE, typed, description="Kept free around sessions.", placeholder="10 minutes", most=30),
        ui.field(_AFTER, typed, placeholder="10 minutes", most=30),
    )


def limits_form(custom_id: str, rules: Rules, typed: Typed) -> ui.Form:
    """Make the form for notice, horizon and limits."""
    typed = typed or {
        _NOTICE: _write_minutes(rules.minimum_notice_minutes),
        _HORIZON: write_length(timedelta(days=rules.horizon_days)),
        _DAILY: _write_limit(rules.daily_limit),
        _WEEKLY: _write_limit(rules.weekly_limit),
    }
    return ui.Form(
        "Notice and limits",
        custom_id,
        ui.field(_NOTICE, typed, description="How much notice do coaches need?", placeholder="2 hours", most=30),
        ui.field(_HORIZON, typed, description="How far ahead can students book?", placeholder="4 weeks", most=30),
        ui.field(_DAILY, typed, placeholder="no limit", required=False, most=10),
        ui.field(_WEEKLY, typed, placeholder="no limit", required=False, most=10),
    )


def read_sessions(rules: Rules, typed: Typed) -> Rules:
    """Apply what was typed into `sessions_form`. Raises Unreadable."""
    kind = typed.get(_TYPE, rules.session_type)
    return replace(
        rules,
        durations_minutes=tuple(parse_minutes_list(typed.get(_LENGTHS, ""))),
        session_type=SessionType(kind) if kind in SESSION_TYPES else rules.session_type,
        slot_step_minutes=_read_minutes(typed, _STEP),
        buffer_before_minutes=_read_minutes(typed, _BEFORE),
        buffer_after_minutes=_read_minutes(typed, _AFTER),
    )


def read_limits(rules: Rules, typed: Typed) -> Rules:
    """Apply what was typed into `limits_form`. Raises Unreadable."""
    return replace(
        rules,
        minimum_notice_minutes=parse_length(typed.get(_NOTICE, ""), unit="hours") // _MINUTE,
        horizon_days=_read_days(typed, _HORIZON),
        daily_limit=_read_limit(typed.get(_DAILY, "")),
        weekly_limit=_read_limit(typed.get(_WEEKLY, "")),
    )


def _write_minutes(minutes: int) -> str:
    return write_length(minutes * _MINUTE)


def _read_minutes(typed: Typed, name: str) -> int:
    return parse_length(typed.get(name, ""), unit="minutes") // _MINUTE


def _read_days(typed: Typed, name: str) -> int:
    length = parse_length(typed.get(name, ""), unit="days")
    if length % timedelta(days=1):
        raise Unreadable(f'"{write_length(length)}" isn\'t a whole number of days. Type it like "2 days".')
    return length.days


def _write_limit(limit: int | None) -> str:
    return "no limit" if limit is None else str(limit)


def _read_limit(typed: str) -> int | None:
    words = typed.strip().lower()
    if words in ("", "-", "none", "no limit", "unlimited"):
        return None
    if not (words.isascii() and words.isdigit() and len(words) < 5):
        raise Unreadable(f'"{typed.strip()[:40]}" isn\'t a number of sessions. Type a number, or "no limit".')
    return int(words)
