"""The names of the zones people can choose."""

from functools import cache
from zoneinfo import available_timezones


@cache
def zone_names() -> dict[str, str]:
    """Return every zone people can choose, by its lower-case name."""
    hidden = ("posix/", "right/", "Etc/", "SystemV/")
    names = (name for name in available_timezones() if "/" in name and not name.startswith(hidden))
    return {name.lower(): name for name in sorted([*names, "UTC"])}
