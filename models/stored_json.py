"""JSON columns that always load in the expected shape.

Another release, or someone by hand, may have written a row. One malformed value would otherwise break every query
that returns it, so whatever can't be read is dropped here.
"""

from collections.abc import Callable
from typing import Any

from sqlalchemy import JSON, Dialect
from sqlalchemy.types import TypeDecorator

_DAY = 24 * 60
_LONGEST_LEAD = 14 * _DAY
_MOST_PRESETS, _LONGEST_NAME = 5, 60
_LARGEST_ID = 2**63 - 1
_USUAL_LENGTH = 60
"""The duration in minutes, if none of a coach's can be read."""


class StoredJSON(TypeDecorator[Any]):
    """JSON that `read` brings into shape on loading. It never raises; None is stored as NULL."""

    impl = JSON
    cache_ok = True

    def __init__(self, read: Callable[[Any], Any]) -> None:
        super().__init__(none_as_null=True)
        self.read = read

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        """Return the value in the expected shape."""
        return self.read(value)


def lengths(value: Any) -> list[int]:
    """Read distinct session durations in minutes, up to a day; at least one."""
    found = dict.fromkeys(one for one in _listed(value) if _whole(one, 1, _DAY))
    return list(found) or [_USUAL_LENGTH]


def windows(value: Any) -> list[list[int]]:
    """Read `[start, end)` in minutes of a day; an empty list is a day off."""
    return [list(one) for one in map(_listed, _listed(value)) if _is_window(one)]


def leads(value: Any) -> list[int] | None:
    """Read reminder times in minutes, longest first, `[]` for none; None (the defaults) if none can be read."""
    found = {one for one in _listed(value) if _whole(one, 1, _LONGEST_LEAD)}
    return sorted(found, reverse=True) if found or value == [] else None


def ids(value: Any) -> list[int] | None:
    """Read Discord ids; None if there are none."""
    return [one for one in _listed(value) if _whole(one, 1, _LARGEST_ID)] or None


def presets(value: Any) -> list[list[Any]] | None:
    """Read `[name, start minute, end minute]` lists; None (the defaults) if none can be read."""
    found = [list(one) for one in map(_listed, _listed(value)) if _is_named(one) and _is_window(one[1:])]
    return found[:_MOST_PRESETS] or None


def mapping(value: Any) -> dict[str, Any]:
    """Read names with their values."""
    return value if isinstance(value, dict) else {}


def mapping_or_none(value: Any) -> dict[str, Any] | None:
    """Read names with their values; None if there's nothing to read."""
    return value if isinstance(value, dict) else None


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _whole(value: Any, least: int, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def _is_window(value: list[Any]) -> bool:
    return len(value) == 2 and all(_whole(one, 0, _DAY) for one in value) and value[0] < value[1]


def _is_named(value: list[Any]) -> bool:
    return bool(value) and isinstance(value[0], str) and 0 < len(value[0].strip()) <= _LONGEST_NAME
