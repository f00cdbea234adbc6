"""What the audit log keeps of changed settings, and how it's described."""

from collections.abc import Callable, Mapping
from typing import Any

from scheduler.core.errors import Unreadable
from scheduler.servers.declarations import BY_COLUMN, RENAMED_COLUMNS
from scheduler.servers.resources import ServerResource
from scheduler.servers.setting_kinds import Text

_RESOURCES = {place.column: place for place in ServerResource}
_NOT_SET = "not set"

NameOf = Callable[[ServerResource, int], str]
"""Names the channel, category or role with this id."""


def details(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """Return the old and new value of each column that differs. Of free texts, only whether they were set."""
    return {
        column: {"from": _kept(column, before[column]), "to": _kept(column, new)}
        for column, new in after.items()
        if new != before[column]
    }


def describe(details: Mapping[str, Any], name_of: NameOf) -> list[str]:
    """Name each changed setting by its label, with the old and the new value: "Currency: USD → EUR".

    Understands earlier releases, which kept new values only and used other names for some columns. Leaves out
    what this release doesn't know.
    """
    lines = (_describe(RENAMED_COLUMNS.get(column, column), value, name_of) for column, value in details.items())
    return [line for line in lines if line]


def _kept(column: str, value: Any) -> Any:
    return bool(value) if _is_text(column) else value


def _describe(column: str, value: Any, name_of: NameOf) -> str | None:
    known = _RESOURCES.get(column) or BY_COLUMN.get(column)
    if known is None:
        return None
    if not (isinstance(value, dict) and value.keys() == {"from", "to"}):
        shown = _show(column, value, name_of)
        return f"{known.label}: {shown}" if shown else known.label
    old, new = (_show(column, one, name_of) for one in (value["from"], value["to"]))
    if old == new:  # two texts
        return f"{known.label}: changed"
    return f"{known.label}: {old or 'unknown'} → {new or 'unknown'}"


def _show(column: str, value: Any, name_of: NameOf) -> str:
    """Show the value as people know it, or nothing if this release doesn't understand it."""
    if (place := _RESOURCES.get(column)) is not None:
        return name_of(place, value) if isinstance(value, int) else _NOT_SET
    if _is_text(column):
        return {True: "set", False: _NOT_SET}.get(value, "") if isinstance(value, bool) else ""
    kind = BY_COLUMN[column].kind
    try:
        return kind.show(kind.check(value))
    except Unreadable:
        return ""


def _is_text(column: str) -> bool:
    return column in BY_COLUMN and isinstance(BY_COLUMN[column].kind, Text)
