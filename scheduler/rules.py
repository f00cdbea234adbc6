"""Booking rules: on which terms coaches give away their hours, and which ones new coaches begin with."""

from dataclasses import asdict, dataclass, fields
from typing import Any

from models import Coach, Guild, SessionType
from scheduler.errors import Unreadable

_RANGES = {
    "slot_step_minutes": ("Sessions can start every 5 minutes to 12 hours.", 5, 12 * 60),
    "buffer_before_minutes": ("A buffer is at most 6 hours.", 0, 6 * 60),
    "buffer_after_minutes": ("A buffer is at most 6 hours.", 0, 6 * 60),
    "minimum_notice_minutes": ("The minimum notice is at most 60 days.", 0, 60 * 24 * 60),
    "horizon_days": ("The booking horizon is 1 to 365 days.", 1, 365),
    "daily_limit": ("A daily limit is 1 to 50 sessions.", 1, 50),
    "weekly_limit": ("A weekly limit is 1 to 200 sessions.", 1, 200),
}
_SHORTEST, _LONGEST, _MOST_LENGTHS = 5, 12 * 60, 10


@dataclass(frozen=True, slots=True)
class Rules:
    """On which terms a coach gives away their hours; the names are those of the columns of `coaches`.

    Minutes and days are whole, a limit of None is no limit, and the first length is the usual one.
    """

    session_type: SessionType = SessionType.VIDEO
    durations_minutes: tuple[int, ...] = (60, 30, 90)
    slot_step_minutes: int = 30
    buffer_before_minutes: int = 0
    buffer_after_minutes: int = 0
    minimum_notice_minutes: int = 120
    horizon_days: int = 28
    daily_limit: int | None = None
    weekly_limit: int | None = None

    def check(self) -> None:
        """Raise Unreadable for what no coach can keep to."""
        lengths = self.durations_minutes
        if not 0 < len(set(lengths)) == len(lengths) <= _MOST_LENGTHS:
            raise Unreadable(f"Offer 1 to {_MOST_LENGTHS} different lengths, like 60, 30, 90.")
        if not all(_SHORTEST <= minutes <= _LONGEST for minutes in lengths):
            raise Unreadable("A session takes 5 minutes to 12 hours. Type lengths in minutes, like 60, 30, 90.")
        for name, (sentence, least, most) in _RANGES.items():
            value = getattr(self, name)
            if value is not None and not least <= value <= most:
                raise Unreadable(f"{sentence} Type another value.")


def rules_of(coach: Coach) -> Rules:
    """The coach's booking rules."""
    return from_json({field.name: getattr(coach, field.name) for field in fields(Rules)})


def put(coach: Coach, rules: Rules) -> None:
    """Write the rules on the coach's row."""
    for name, value in as_json(rules).items():
        setattr(coach, name, value)


def first_rules(guild: Guild) -> Rules:
    """The rules that a new coach of this server begins with."""
    return from_json(guild.first_rules or {})


def as_json(rules: Rules) -> dict[str, Any]:
    """The rules as a row or a log keeps them."""
    return asdict(rules) | {"durations_minutes": list(rules.durations_minutes)}


def from_json(values: dict[str, Any]) -> Rules:
    """What `as_json` gave; what is missing is as usual."""
    known = as_json(Rules()) | values
    return Rules(
        **known
        | {
            "session_type": SessionType(known["session_type"]),
            "durations_minutes": tuple(known["durations_minutes"]),
        }
    )
