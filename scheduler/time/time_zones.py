"""Time zones by their IANA names, and by the countries, states and cities in them."""

from functools import cache, lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from scheduler.core.errors import Unreadable

_CANDIDATES = 4
"""How many cities of one name a refusal lists."""


@cache
def zone_names() -> dict[str, str]:
    """Lower-case name → name, of every zone that a person may choose."""
    hidden = ("posix/", "right/", "Etc/", "SystemV/")
    names = (name for name in available_timezones() if "/" in name and not name.startswith(hidden))
    return {name.lower(): name for name in sorted([*names, "UTC"])}


def parse_zone(text: str) -> str:
    """The zone's proper name: "europe/berlin", "new york", "India", "Munich" and "Paris, Texas" are understood.

    A country or state, by its name or code, goes before all but a zone's whole name, and the last part of a zone's
    name before a city's: "Dublin" is Europe/Dublin. A country or state is understood if it has one clock, a city
    if all that are called so share a zone, or if it is by far the largest. Raises Unreadable if there is none, or
    several.
    """
    typed = text.strip().lower().replace(" ", "_")
    names = zone_names()
    if typed in names:
        return names[typed]
    if (region := _zone_of_region(text)) is not None:
        return region
    cities = [name for low, name in names.items() if typed and low.rpartition("/")[2] == typed]
    if len(cities) == 1:
        return cities[0]
    if cities:
        raise Unreadable(f'Several time zones match "{text.strip()[:40]}": {", ".join(cities)}. Type one of them.')
    return _zone_of_city(text)


def _zone_of_region(text: str) -> str | None:
    from scheduler.time.regions import (  # here, since it reads the names of all countries
        one_of_each_clock,
        regions_called,
    )

    regions = regions_called(text)
    zones = one_of_each_clock(zone for region in regions for zone in region.zones)
    if len(zones) <= 1:
        return zones[0] if zones else None
    if len(regions) == 1:
        raise Unreadable(
            f"{regions[0].label} has several time zones: {', '.join(zones)}. Type one of them, or your city."
        )
    listed = "; ".join(f"{region.label}: {', '.join(region.zones)}" for region in regions)
    raise Unreadable(f'"{text.strip()[:40]}" could mean several places. {listed}. Type your time zone.')


def _zone_of_city(text: str) -> str:
    from scheduler.time.cities import named  # here, since it reads the zones' names, and is seldom needed

    places = named(text)
    if len(places) == 1:
        return places[0].zone
    if places:
        listed = "; ".join(f"{place.label}: {place.zone}" for place in places[:_CANDIDATES])
        raise Unreadable(f'Several cities are called "{text.strip()[:40]}": {listed}. Type your time zone.')
    raise Unreadable(
        f'I don\'t know the time zone "{text.strip()[:40]}". '
        "Type one like Europe/Berlin or UTC, or a city like Munich."
    )


def zone(name: str) -> ZoneInfo:
    """The zone that a row names, or UTC if this host does not know it (any more): see `is_known`."""
    return _known(name) or ZoneInfo("UTC")


def is_known(name: str) -> bool:
    """Whether this host knows the zone that a row names.

    Names are checked when they are written, but the host's list of zones changes under the rows. What depends on a
    coach's clock asks this first, because hours read on the wrong clock are worse than none.
    """
    return _known(name) is not None


@lru_cache(maxsize=1024)
def _known(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # "Europe" is a folder of zones
        return None
