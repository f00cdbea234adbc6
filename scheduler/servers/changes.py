"""Describe changed settings from the audit log's details."""

from collections.abc import Mapping
from typing import Any

from scheduler.core.errors import Unreadable
from scheduler.servers.declarations import BY_COLUMN, RENAMED_COLUMNS
from scheduler.servers.resources import ServerResource
from scheduler.servers.setting_kinds import Text

_RESOURCES = {place.column: place for place in ServerResource}


def describe(details: Mapping[str, Any]) -> list[str]:
    """Name each changed setting by its label, with its new value if it's in the log.

    Understands columns' earlier names. Leaves out what this release doesn't know.
    """
    return [line for column, value in details.items() if (line := _describe(column, value))]


def _describe(column: str, value: Any) -> str | None:
    column = RENAMED_COLUMNS.get(column, column)
    if (place := _RESOURCES.get(column)) is not None:
        return f"{place.label}: not set" if value is None else place.label
    if (setting := BY_COLUMN.get(column)) is None:
        return None
    try:
        shown = "" if isinstance(setting.kind, Text) else setting.kind.show(setting.kind.check(value))
    except Unreadable:
        shown = ""
    return f"{setting.label}: {shown}" if shown else setting.label
