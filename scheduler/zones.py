"""Time zones by their IANA names."""

from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from scheduler.errors import Unreadable


@cache
def zone_names() -> dict[str, str]:
    """Lower-case name → name, of every zone that a person may choose."""
    hidden = ("posix/", "right/", "Etc/", "SystemV/")
    names = (name for name in available_timezones() if "/" in name and not name.startswith(hidden))
    return {name.lower(): name for name in sorted([*names, "UTC"])}


def parse_zone(text: str) -> str:
    """The zone's proper name: "europe/berlin", "Berlin" and "new york" are understood.

    Raises Unreadable if there is none or several.
    """
    typed = text.strip().lower().replace(" ", "_")
    names = zone_names()
    if typed in names:
        return names[typed]
    cities = [name for low, name in names.items() if typed and low.rpartition("/")[2] == typed]
    if len(cities) == 1:
        return cities[0]
    if cities:
        raise Unreadable(f'Several zones are called "{text.strip()[:40]}": {", ".join(cities)}. Type one of them.')
    raise Unreadable(
        f'I know no time zone "{text.strip()[:40]}". Type it like Europe/Berlin, America/New_York or UTC.'
    )


def zone(name: str) -> ZoneInfo:
    """The zone that a row names. Its name was checked by `parse_zone` when it was written."""
    return ZoneInfo(name)
