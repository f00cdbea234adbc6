"""Describe booking rules and edit them in forms, for a coach or as a server's defaults."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any, NamedTuple

from cogs import ui
from cogs.ui import Typed
from models import SessionType
from scheduler.availability.booking_policy import LABELS, Rules, check_rule
from scheduler.core.errors import Unreadable
from scheduler.parsing.durations import parse_length, parse_minutes_list, write_length
from scheduler.parsing.fields import Fields

SESSION_TYPES = {SessionType.VOICE: "Voice only", SessionType.VIDEO: "Voice, camera and screen"}
_MINUTE = timedelta(minutes=1)


def facts(rules: Rules) -> dict[str, str]:
    """Return each rule's name and value, in the order they're shown."""
    usual, *others = rules.durations_minutes
    usually = f" ({usual} by default)" if others else ""
    lengths = ", ".join(map(str, sorted(rules.durations_minutes)))
    before, after = map(_write_minutes, (rules.buffer_before_minutes, rules.buffer_after_minutes))
    limits = ((rules.daily_limit, "day"), (rules.weekly_limit, "week"))
    return {
        "Lengths": f"{lengths} min{usually}",
        "Rooms": SESSION_TYPES[rules.session_type].lower(),
        "Start every": _write_minutes(rules.slot_step_minutes),
        "Buffers": "none" if before == after == "none" else f"{before} before, {after} after",
        "Minimum notice": _write_minutes(rules.minimum_notice_minutes),
        "Booking horizon": _write_days(rules.horizon_days),
        "Limits": ", ".join(f"{most} a {span}" for most, span in limits if most is not None) or "none",
    }


def describe(rules: Rules) -> str:
    """Show all rules, short ones on the same line."""
    lengths, rooms, *between, notice, horizon, limits = (
        f"**{name}** {value}" for name, value in facts(rules).items()
    )
    return "\n".join((f"{lengths} · {rooms}", *between, f"{notice} · {horizon}", limits))


class _Field(NamedTuple):
    """How a form asks for a rule."""

    read: Callable[[str], Any]
    write: Callable[[Any], str]
    placeholder: str = ""
    most: int = 30
    description: str | None = None
    required: bool = True

    def item(self, label: str, typed: Typed) -> ui.Item:
        """Make the field."""
        if self.read is _read_type:
            return ui.choice(label, SESSION_TYPES.values(), typed)
        return ui.field(
            label,
            typed,
            description=self.description,
            required=self.required,
            most=self.most,
            placeholder=self.placeholder,
        )


class RulesForm(NamedTuple):
    """A form for some of the rules, by their names."""

    title: str
    fields: Mapping[str, _Field]

    def form(self, custom_id: str, rules: Rules, typed: Typed) -> ui.Form:
        """Make the form, holding the rules or what was typed before."""
        typed = typed or {LABELS[name]: one.write(getattr(rules, name)) for name, one in self.fields.items()}
        return ui.Form(
            self.title, custom_id, *(one.item(LABELS[name], typed) for name, one in self.fields.items())
        )

    def read(self, rules: Rules, typed: Typed) -> Rules:
        """Apply what was typed. Raises WrongFields."""

        def read(name: str) -> Any:
            return check_rule(name, self.fields[name].read(typed.get(LABELS[name], "")))

        with Fields() as fields:
            values = {name: fields.read(LABELS[name], read, name) for name in self.fields}
        return replace(rules, **values)


def _write_minutes(minutes: int) -> str:
    return write_length(minutes * _MINUTE)


def _write_days(days: int) -> str:
    return write_length(timedelta(days=days))


def _write_lengths(minutes: tuple[int, ...]) -> str:
    return ", ".join(map(str, minutes))


def _read_lengths(typed: str) -> tuple[int, ...]:
    return tuple(parse_minutes_list(typed))


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


SESSIONS = RulesForm(
    "Sessions",
    {
        "durations_minutes": _Field(_read_lengths, _write_lengths, "60, 30, 90", most=60),
        "session_type": _Field(_read_type, SESSION_TYPES.__getitem__),
        "slot_step_minutes": _Field(_read_minutes, _write_minutes, "30 minutes"),
        "buffer_before_minutes": _Field(
            _read_minutes, _write_minutes, "10 minutes", description="Kept free around sessions."
        ),
        "buffer_after_minutes": _Field(_read_minutes, _write_minutes, "10 minutes"),
    },
)
LIMITS = RulesForm(
    "Notice and limits",
    {
        "minimum_notice_minutes": _Field(
            _read_notice,
            _write_minutes,
            "2 hours",
            description="How long before the start can students last book?",
        ),
        "horizon_days": _Field(_read_days, _write_days, "4 weeks", description="How far ahead can students book?"),
        "daily_limit": _Field(_read_limit, _write_limit, "no limit", most=10, required=False),
        "weekly_limit": _Field(_read_limit, _write_limit, "no limit", most=10, required=False),
    },
)
