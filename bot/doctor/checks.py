"""What a check found, how bad that is, and what to do about it."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

TO_ANSWER = timedelta(seconds=15)
"""How long Discord, or a database on the network, may take for one check."""


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARNING = "warning"
    """The bot works, but not as somebody may expect."""
    ERROR = "error"
    """Something does not work, or is not going to."""


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the report. It holds no token, and of people nothing at all."""

    name: str
    level: Level
    found: str
    advice: str | None = None
    """Where there is something to do."""


def ok(name: str, found: str) -> Check:
    """It is as it should be."""
    return Check(name, Level.OK, found)


def warning(name: str, found: str, advice: str) -> Check:
    """Somebody may want to do something."""
    return Check(name, Level.WARNING, found, advice)


def error(name: str, found: str, advice: str) -> Check:
    """Somebody has to do something."""
    return Check(name, Level.ERROR, found, advice)
