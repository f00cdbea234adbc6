"""Describe booking rules and edit them in forms, for a coach or as a server's defaults."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from cogs import ui
from cogs.ui import Typed
from models import SessionType
from scheduler.availability.booking_policy import LABELS, Rules, check_rule
from scheduler.core.errors import Unreadable
from scheduler.parsing.durations import parse_length, parse_minutes_list, write_length
from scheduler.parsing.fields import Fields

_SESSIONS = (
    "durations_minutes",
    "session_type",
    "slot_step_minutes",
    "buffer_before_minutes",
    "buffer_after_minutes",
)
_LIMITS = "minimum_notice_minutes", "horizon_days", "daily_limit", "weekly_limit"
_LENGTHS, _TYPE, _STEP, _BEFORE, _AFTER = (LABELS[name] for name in _SESSIONS)
_NOTICE, _HORIZON, _DAILY, _WEEKLY = (LABELS[name] for name in _LIMITS)
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
        _TYPE: SESSION_TYPES[rules.session_type],
        _STEP: _write_minutes(rules.slot_step_minutes),
        _BEFORE: _write_minutes(rules.buffer_before_minutes),
        _AFTER: _write_minutes(rules.buffer_after_minutes),
    }
    return ui.Form(
        "Sessions",
        custom_id,
        ui.field(_LENGTHS, typed, placeholder="60, 30, 90", most=60),
        ui.choice(_TYPE, SESSION_TYPES.values(), typed),
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
    """Apply what was typed into `sessions_form`. Raises WrongFields."""
    return _read(rules, typed, _SESSIONS)


def read_limits(rules: Rules, typed: Typed) -> Rules:
    """Apply what was typed into `limits_form`. Raises WrongFields."""
    return _read(rules, typed, _LIMITS)


def _read(rules: Rules, typed: Typed, names: Iterable[str]) -> Rules:
    with Fields() as fields:
        values = {name: fields.read(LABELS[name], _read_rule, name, typed.get(LABELS[name], "")) for name in names}
    return replace(rules, **values)


def _read_rule(name: str, typed: str) -> Any:
    return check_rule(name, _READERS[name](typed))


def _write_minutes(minutes: int) -> str:
    return write_length(minutes * _MINUTE)


def _read_minutes(typed: str) -> int:
    return parse_length(typed, unit="minutes") // _MINUTE


def _read_notice(typed: str) -> int:
    return parse_length(typed, unit="hours") // _MINUTE


def _read_days(typed: str) -> int:
    length = parse_length(typed, unit="days")
    if length % timedelta(days=1):
        raise Unreadable(f'"{write_length(length)}" isn\'t a whole number of days. Type it like "2 days".')
    return length.days


def _read_type(typed: str) -> SessionType:
    for kind, words in SESSION_TYPES.items():
        if words == typed:
            return kind
    raise Unreadable("Choose one from the list.")


def _write_limit(limit: int | None) -> str:
    return "no limit" if limit is None else str(limit)


def _read_limit(typed: str) -> int | None:
    words = typed.strip().lower()
    if words in ("", "-", "none", "no limit", "unlimited"):
        return None
    if not (words.isascii() and words.isdigit() and len(words) < 5):
        raise Unreadable(f'"{typed.strip()[:40]}" isn\'t a number of sessions. Type a number, or "no limit".')
    return int(words)


_READERS: dict[str, Callable[[str], Any]] = {
    "durations_minutes": lambda typed: tuple(parse_minutes_list(typed)),
    "session_type": _read_type,
    "slot_step_minutes": _read_minutes,
    "buffer_before_minutes": _read_minutes,
    "buffer_after_minutes": _read_minutes,
    "minimum_notice_minutes": _read_notice,
    "horizon_days": _read_days,
    "daily_limit": _read_limit,
    "weekly_limit": _read_limit,
}
"""How to read each rule."""
