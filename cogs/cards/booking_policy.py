"""Booking rules in words and in forms, for coaches and for a server's first rules alike."""

from dataclasses import replace
from datetime import timedelta

from cogs import ui
from cogs.ui import Typed
from models import SessionType
from scheduler.availability.booking_policy import Rules
from scheduler.core.errors import Unreadable
from scheduler.parsing.durations import parse_length, parse_minutes_list, write_length

_LENGTHS, _TYPE, _STEP = "Lengths in minutes, the usual one first", "Rooms", "A session can start every"
_BEFORE, _AFTER = "Buffer before", "Buffer after"
_NOTICE, _HORIZON = "Minimum notice", "Booking horizon"
_DAILY, _WEEKLY = "Most sessions a day", "Most sessions a week"
SESSION_TYPES = {SessionType.VOICE: "Voice only", SessionType.VIDEO: "Voice, camera and screen"}
_MINUTE = timedelta(minutes=1)


def describe(rules: Rules) -> str:
    """All rules, a line each."""
    usual, *others = rules.durations_minutes
    also = f", also {', '.join(map(str, others))}" if others else ""
    before, after = (
        write_length(minutes * _MINUTE) for minutes in (rules.buffer_before_minutes, rules.buffer_after_minutes)
    )
    return "\n".join(
        (
            f"**Lengths** {usual} min{also} · **rooms** {SESSION_TYPES[rules.session_type].lower()}",
            f"**Start every** {write_length(rules.slot_step_minutes * _MINUTE)} from the beginning of your hours",
            f"**Buffers** {before} before, {after} after each session",
            f"**Minimum notice** {write_length(rules.minimum_notice_minutes * _MINUTE)} · "
            f"**booking horizon** {write_length(timedelta(days=rules.horizon_days))}",
            f"**Limits** {_limit(rules.daily_limit)} a day, {_limit(rules.weekly_limit)} a week",
        )
    )


def sessions_form(custom_id: str, rules: Rules, typed: Typed) -> ui.Form:
    """Asks how sessions are."""
    typed = typed or {
        _LENGTHS: ", ".join(map(str, rules.durations_minutes)),
        _TYPE: rules.session_type,
        _STEP: write_length(rules.slot_step_minutes * _MINUTE),
        _BEFORE: write_length(rules.buffer_before_minutes * _MINUTE),
        _AFTER: write_length(rules.buffer_after_minutes * _MINUTE),
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
    """Asks how soon, how far ahead and how many."""
    typed = typed or {
        _NOTICE: write_length(rules.minimum_notice_minutes * _MINUTE),
        _HORIZON: write_length(timedelta(days=rules.horizon_days)),
        _DAILY: _limit(rules.daily_limit),
        _WEEKLY: _limit(rules.weekly_limit),
    }
    return ui.Form(
        "Notice and limits",
        custom_id,
        ui.field(_NOTICE, typed, description="How soon can one book?", placeholder="2 hours", most=30),
        ui.field(_HORIZON, typed, description="How far ahead can one book?", placeholder="4 weeks", most=30),
        ui.field(_DAILY, typed, placeholder="no limit", required=False, most=10),
        ui.field(_WEEKLY, typed, placeholder="no limit", required=False, most=10),
    )


def read_sessions(rules: Rules, typed: Typed) -> Rules:
    """The rules with what was typed into `sessions_form`. Raises Unreadable."""
    kind = typed.get(_TYPE, rules.session_type)
    return replace(
        rules,
        durations_minutes=tuple(parse_minutes_list(typed.get(_LENGTHS, ""))),
        session_type=SessionType(kind) if kind in SESSION_TYPES else rules.session_type,
        slot_step_minutes=_minutes(typed, _STEP),
        buffer_before_minutes=_minutes(typed, _BEFORE),
        buffer_after_minutes=_minutes(typed, _AFTER),
    )


def read_limits(rules: Rules, typed: Typed) -> Rules:
    """The rules with what was typed into `limits_form`. Raises Unreadable."""
    return replace(
        rules,
        minimum_notice_minutes=parse_length(typed.get(_NOTICE, ""), unit="hours") // _MINUTE,
        horizon_days=_days(typed, _HORIZON),
        daily_limit=_read_limit(typed.get(_DAILY, "")),
        weekly_limit=_read_limit(typed.get(_WEEKLY, "")),
    )


def _minutes(typed: Typed, name: str) -> int:
    return parse_length(typed.get(name, ""), unit="minutes") // _MINUTE


def _days(typed: Typed, name: str) -> int:
    length = parse_length(typed.get(name, ""), unit="days")
    if length % timedelta(days=1):
        raise Unreadable(f'"{write_length(length)}" is not a number of whole days. Type it like "2 days".')
    return length.days


def _limit(limit: int | None) -> str:
    return "no limit" if limit is None else str(limit)


def _read_limit(typed: str) -> int | None:
    words = typed.strip().lower()
    if words in ("", "-", "none", "no limit", "unlimited"):
        return None
    if not (words.isascii() and words.isdigit() and len(words) < 5):
        raise Unreadable(f'I can\'t read "{typed.strip()[:40]}" as a number of sessions. Type one, or "no limit".')
    return int(words)
