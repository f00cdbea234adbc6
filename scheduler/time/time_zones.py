"""Find time zones by their IANA names, or by a country, state or city."""

from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from scheduler.core.errors import Unreadable
from scheduler.time.zone_names import zone_names

_MAX_LISTED = 4
"""How many cities of the same name an error lists."""


def parse_zone(text: str) -> str:
    """Return the IANA name for text like "europe/berlin", "new york", "India", "Munich" or "Paris, Texas".

    Tries a whole zone name first, then countries and states by name or code, then the last part of a zone name
    ("Dublin" is Europe/Dublin), then cities. Raises Unreadable if nothing matches, or if a country, state or city
    name could mean several zones and no city is by far the largest.
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
    from scheduler.time import regions  # imported late: it loads every country's names

    found = regions.regions_named(text)
    zones = regions.distinct_zones(zone for region in found for zone in region.zones)
    if len(zones) <= 1:
        return zones[0] if zones else None
    if len(found) == 1:
        raise Unreadable(
            f"{found[0].label} has several time zones: {', '.join(zones)}. Type one of them, or your city."
        )
    listed = "; ".join(f"{region.label}: {', '.join(region.zones)}" for region in found)
    raise Unreadable(f'"{text.strip()[:40]}" could mean several places. {listed}. Type your time zone.')


def _zone_of_city(text: str) -> str:
    from scheduler.time.cities import cities_named  # imported late: it loads every city

    places = cities_named(text)
    if len(places) == 1:
        return places[0].zone
    if places:
        listed = "; ".join(f"{place.label}: {place.zone}" for place in places[:_MAX_LISTED])
        raise Unreadable(f'Several cities are called "{text.strip()[:40]}": {listed}. Type your time zone.')
    raise Unreadable(
        f'I don\'t know the time zone "{text.strip()[:40]}". '
        "Type one like Europe/Berlin or UTC, or a city like Munich."
    )


def zone(name: str) -> ZoneInfo:
    """Return the zone of this name, or UTC if this host doesn't know it (see `is_known`)."""
    return _load(name) or ZoneInfo("UTC")


def is_known(name: str) -> bool:
    """Return whether this host knows the zone.

    Names are checked before they're stored, but a system update can remove zones later. Check this before using a
    coach's hours: hours on the wrong clock are worse than none.
    """
    return _load(name) is not None


@lru_cache(maxsize=1024)
def _load(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # OSError: "Europe" is a directory
        return None
