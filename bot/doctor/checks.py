"""The result of a check: what was found, how bad it is and what to do."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

CHECK_TIMEOUT = timedelta(seconds=15)
"""How long Discord or a database server may take per check."""


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARNING = "warning"
    """The bot works, but perhaps not as expected."""
    ERROR = "error"
    """Something doesn't work, or soon won't."""


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the report. Contains no token and nothing about people."""

    name: str
    level: Level
    found: str
    advice: str | None = None
    """What to do, if anything."""


def ok(name: str, found: str) -> Check:
    """Report that all is well."""
    return Check(name, Level.OK, found)


def warning(name: str, found: str, advice: str) -> Check:
    """Report something that may need attention."""
    return Check(name, Level.WARNING, found, advice)


def error(name: str, found: str, advice: str) -> Check:
    """Report something that must be fixed."""
    return Check(name, Level.ERROR, found, advice)
