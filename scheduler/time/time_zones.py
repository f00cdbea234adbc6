"""Find time zones by their IANA names, or by a country, state or city."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from scheduler.core.errors import Unreadable
from scheduler.time.abbreviations import show_zone, zones_abbreviated, zones_at_offset
from scheduler.time.zone_names import Place, zone_names

_MAX_LISTED = 10
"""How many zones the text of an error lists."""


class SeveralZones(Unreadable):
    """What someone typed could mean several zones, so they're asked which one."""

    def __init__(self, typed: str, question: str, places: Iterable[Place]) -> None:
        self.typed, self.question = typed, question
        one_each: dict[str, Place] = {}
        for place in places:
            one_each.setdefault(place.zone, place)
        self.places = tuple(one_each.values())
        """One place for each zone, the likeliest first."""
        self.answer: tuple[str, str] | None = None
        """The `custom_id` and field that take the answer, unless it was typed into a form."""
        listed = "; ".join(
            place.label if place.zone in place.label else f"{place.label}: {place.zone}"
            for place in self.places[:_MAX_LISTED]
        )
        super().__init__(f"{question} Type one of these: {listed}.")


def parse_zone(text: str) -> str:
    """Return the zone's name for text like "europe/berlin", "GMT+2", "EST", "India", "Munich" or "Paris, Texas".

    Tries a whole zone name first, then offsets and abbreviations, countries and states by name or code, the last
    part of a zone name ("Dublin" is Europe/Dublin), and cities. Raises SeveralZones if it could mean several (of
    cities, one that's by far the largest is meant), and Unreadable if nothing matches.
    """
    typed = text.strip().lower().replace(" ", "_")
    names = zone_names()
    if typed in names:
        return names[typed]
    if zones := zones_at_offset(text):
        return _only(text, _distinct(zones))
    if zones := zones_abbreviated(text):
        return _only(text, [*zones, *(_zones_of_code(text) if len(typed) == 2 else ())])
    if (region := _zone_of_region(text)) is not None:
        return region
    if zones := [name for low, name in names.items() if typed and low.rpartition("/")[2] == typed]:
        return _only(text, _distinct(zones))
    return _zone_of_city(text)


def _only(text: str, zones: Iterable[str]) -> str:
    """Return the only zone. Raises SeveralZones."""
    first, *others = zones
    if others:
        places = (Place(show_zone(name), name) for name in (first, *others))
        raise SeveralZones(text, f'"{text.strip()[:40]}" could mean several time zones.', places)
    return first


def _distinct(zones: Sequence[str]) -> Sequence[str]:
    """Leave out zones that always agree with a more populous one."""
    from scheduler.time.regions import by_population  # imported late: it loads every city

    return by_population(zones) if len(zones) > 1 else zones


def _zones_of_code(text: str) -> list[str]:
    """Return the zones of the country and the state with this code: "MT" is Malta and Montana, too."""
    from scheduler.time.regions import regions_named  # imported late: it loads every country's names

    return [name for region in regions_named(text) for name in region.zones]


def _zone_of_region(text: str) -> str | None:
    from scheduler.time import regions  # imported late: it loads every country's names

    found = regions.regions_named(text)
    zones = regions.distinct_zones(zone for region in found for zone in region.zones)
    if len(zones) <= 1:
        return zones[0] if zones else None
    if len(found) == 1:
        places = [Place(name, name) for name in zones]
        raise SeveralZones(text, f"{found[0].label} has several time zones.", places)
    places = [Place(f"{region.label}: {name}", name) for region in found for name in region.zones]
    raise SeveralZones(text, f'"{text.strip()[:40]}" could mean several places.', places)


def _zone_of_city(text: str) -> str:
    from scheduler.time.cities import cities_named  # imported late: it loads every city

    places = cities_named(text)
    if len(places) == 1:
        return places[0].zone
    if places:
        raise SeveralZones(text, f'Several cities are called "{text.strip()[:40]}".', places)
    raise Unreadable(
        f'I don\'t know the time zone "{text.strip()[:40]}". '
        "Type one like Europe/Berlin or UTC+2, or a city like Munich."
    )


def zone(name: str) -> ZoneInfo:
    """Return the zone of this name, or UTC if this host doesn't know it (see `is_known`)."""
    return _load(name) or ZoneInfo("UTC")


def zone_with_offset(name: str, at: datetime) -> str:
    """Write a zone with its offset at an instant: "Europe/Berlin (UTC+1)"."""
    offset = at.astimezone(zone(name)).utcoffset() or timedelta(0)
    hours, minutes = divmod(abs(offset) // timedelta(minutes=1), 60)
    sign = "-" if offset < timedelta(0) else "+"
    shown = f"UTC{sign}{hours}{f':{minutes:02}' if minutes else ''}" if offset else "UTC"
    return shown if name == shown else f"{name} ({shown})"


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
