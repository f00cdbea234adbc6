"""The terms on which coaches can be booked, and the defaults for new coaches."""

import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from models import Coach, Guild, SessionType
from scheduler.core.errors import Unreadable
from scheduler.parsing.durations import LONGEST_MINUTES, MOST_LENGTHS, SHORTEST_MINUTES
from scheduler.parsing.fields import Fields

log = logging.getLogger(__name__)

LABELS = {
    "session_type": "Rooms",
    "durations_minutes": "Lengths in minutes, default first",
    "slot_step_minutes": "Sessions start every",
    "buffer_before_minutes": "Buffer before",
    "buffer_after_minutes": "Buffer after",
    "minimum_notice_minutes": "Minimum notice",
    "horizon_days": "Booking horizon",
    "daily_limit": "Daily limit",
    "weekly_limit": "Weekly limit",
}
"""What each rule is called in forms."""
_RANGES = {
    "slot_step_minutes": ("Type 5 minutes to 12 hours.", 5, 12 * 60),
    "buffer_before_minutes": ("Type at most 6 hours.", 0, 6 * 60),
    "buffer_after_minutes": ("Type at most 6 hours.", 0, 6 * 60),
    "minimum_notice_minutes": ("Type at most 60 days.", 0, 60 * 24 * 60),
    "horizon_days": ("Type 1 to 365 days.", 1, 365),
    "daily_limit": ('Type 1 to 50 sessions, or "no limit".', 1, 50),
    "weekly_limit": ('Type 1 to 200 sessions, or "no limit".', 1, 200),
}


@dataclass(frozen=True, slots=True)
class Rules:
    """The terms on which a coach can be booked, named like the columns of `coaches`.

    A limit of None means no limit. The first duration is the usual one.
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
        """Raise WrongFields if values are out of range."""
        with Fields() as fields:
            for name, label in LABELS.items():
                fields.read(label, check_rule, name, getattr(self, name))


def check_rule(name: str, value: Any) -> Any:
    """Return the value of one rule. Raises Unreadable if it's out of range."""
    if name == "durations_minutes":
        if not 0 < len(set(value)) == len(value) <= MOST_LENGTHS:
            raise Unreadable(f"Offer 1 to {MOST_LENGTHS} different lengths, like 60, 30, 90.")
        if not all(SHORTEST_MINUTES <= minutes <= LONGEST_MINUTES for minutes in value):
            raise Unreadable("A session can last 5 minutes to 12 hours. Type lengths in minutes, like 60, 30, 90.")
    elif name in _RANGES and value is not None:
        sentence, least, most = _RANGES[name]
        if not least <= value <= most:
            raise Unreadable(sentence)
    return value


def rules_of(coach: Coach) -> Rules:
    """Return the coach's booking rules."""
    columns: dict[str, Any] = {field.name: getattr(coach, field.name) for field in fields(Rules)}
    columns["durations_minutes"] = tuple(coach.durations_minutes)
    return Rules(**columns)


def apply_rules(coach: Coach, rules: Rules) -> None:
    """Set the coach's booking rules."""
    for name, value in to_json(rules).items():
        setattr(coach, name, value)


def default_policy(guild: Guild) -> Rules:
    """Return the booking rules new coaches on this server start with."""
    return from_json(guild.default_policy or {})


def to_json(rules: Rules) -> dict[str, Any]:
    """Return the rules as they're stored."""
    return asdict(rules) | {"durations_minutes": list(rules.durations_minutes)}


def from_json(values: dict[str, Any]) -> Rules:
    """Read rules from `to_json`, with defaults for missing and invalid values."""
    rules = Rules()
    for name in [field.name for field in fields(Rules) if field.name in values]:
        try:
            wanted = replace(rules, **{name: _READERS.get(name, _integer)(values[name])})
            wanted.check()
        except (TypeError, ValueError, Unreadable):
            log.warning("using the default for a stored booking rule that isn't valid: %s", name)
        else:
            rules = wanted
    return rules


def _integer(value: Any) -> int:
    if type(value) is not int:
        raise TypeError("not a whole number")
    return value


def _limit(value: Any) -> int | None:
    return None if value is None else _integer(value)


_READERS: dict[str, Callable[[Any], Any]] = {
    "session_type": SessionType,
    "durations_minutes": lambda values: tuple(map(_integer, values)),
    "daily_limit": _limit,
    "weekly_limit": _limit,
}
"""How to read a rule from JSON, unless it's a whole number. Raises TypeError or ValueError."""
