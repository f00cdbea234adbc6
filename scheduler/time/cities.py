"""Find the city someone names instead of a time zone.

The cities come from GeoNames (https://www.geonames.org, CC BY 4.0). `cities.dat` holds those with 15,000
inhabitants or more, cut down to what a search needs. `tests/support/city_data.py` writes it.
"""

import zlib
from array import array
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import lru_cache
from heapq import merge
from importlib import resources
from io import BytesIO
from itertools import islice
from threading import Lock
from typing import NamedTuple

from scheduler.core.errors import Unreadable
from scheduler.time.abbreviations import show_zone, zones_abbreviated, zones_at_offset
from scheduler.time.folding import Fold
from scheduler.time.zone_names import Place, zone_names

WELL_KNOWN = (
    Place("London, United Kingdom", "Europe/London"),
    Place("New York City, New York, United States", "America/New_York"),
    Place("Mumbai, India", "Asia/Kolkata"),
    Place("Berlin, Germany", "Europe/Berlin"),
    Place("Los Angeles, California, United States", "America/Los_Angeles"),
    Place("Singapore, Singapore", "Asia/Singapore"),
    Place("São Paulo, Brazil", "America/Sao_Paulo"),
    Place("Sydney, Australia", "Australia/Sydney"),
    Place("Chicago, Illinois, United States", "America/Chicago"),
    Place("Tokyo, Japan", "Asia/Tokyo"),
    Place("Lagos, Nigeria", "Africa/Lagos"),
    Place("Dubai, United Arab Emirates", "Asia/Dubai"),
    Place("Denver, Colorado, United States", "America/Denver"),
    Place("Shanghai, China", "Asia/Shanghai"),
    Place("Istanbul, Turkey", "Europe/Istanbul"),
    Place("Mexico City, Mexico", "America/Mexico_City"),
    Place("Johannesburg, South Africa", "Africa/Johannesburg"),
    Place("Auckland, New Zealand", "Pacific/Auckland"),
    Place("UTC", "UTC"),
)
"""Suggestions before anything is typed: a big city for most of the world's clocks."""

_DOMINANT_FACTOR = 10
"""A city this many times larger than its namesakes is the one people mean."""

_MAX_TEXT = 100


class _Region(NamedTuple):
    """Whatever tells cities of the same name apart: usually a country or a US state."""

    label: str
    names: tuple[str, ...]
    codes: tuple[str, ...]


class _Lines:
    """One line of names per city, each name between bars, in a single buffer to save memory."""

    def __init__(self) -> None:
        self.starts = array("L", [0])
        self.whole = bytearray()

    def append(self, line: bytes) -> None:
        """Add the next city's names."""
        self.whole += line
        self.whole += b"\n"
        self.starts.append(len(self.whole))

    def __getitem__(self, number: int) -> str:
        return self.whole[self.starts[number] : self.starts[number + 1] - 1].decode()

    def find(self, part: str) -> Iterator[int]:
        """Yield the numbers of the lines that contain `part`."""
        wanted = part.encode()
        at = self.whole.find(wanted)
        while at >= 0:
            number = bisect_right(self.starts, at) - 1
            yield number
            at = self.whole.find(wanted, self.starts[number + 1])


class _Index(NamedTuple):
    """All cities, largest first, in a few large objects: one object per city would take 60 MB."""

    shown: _Lines
    own: _Lines
    other: _Lines
    zone: "array[int]"
    region: "array[int]"
    population: "array[int]"
    zones: list[str]
    regions: list[_Region]

    def place(self, city: int) -> Place:
        """Return the city as people see it."""
        return Place(f"{self.shown[city]}, {self.regions[self.region[city]].label}", self.zones[self.zone[city]])


def search(text: str, *, most: int = 25) -> list[Place]:
    """Return up to `most` different places for what someone has typed so far, the likeliest first.

    The order is: the zones of an abbreviation or an offset ("EST", "GMT+2"), the place with that very label,
    cities of a country or US state with that name, exact city names, names that start with the text (a city's
    own name before its other ones), names with a word that starts with it. Larger cities come first in each
    group. Case and accents don't matter, except in labels that differ by nothing else, and "portland, or" or
    "portland oregon" narrows a name down. Empty text returns `WELL_KNOWN`. The first call also loads the data,
    which takes about 0.2 seconds.
    """
    if not text.strip():
        return list(WELL_KNOWN[:most])
    found: dict[str, Place] = {}
    for place in _matches(text[:_MAX_TEXT]):
        if len(found) >= most:
            break
        found.setdefault(place.label, place)
    return list(found.values())


def cities_named(text: str) -> list[Place]:
    """Return the cities whose whole name is `text`: the largest in each zone, largest first.

    A city that dwarfs the others is returned alone. A region can follow the name, as in "Paris, Texas". A label
    from `search` returns exactly its place.
    """
    if labelled := list(_labelled(text[:_MAX_TEXT])):
        return labelled
    index = _index()
    largest: dict[int, int] = {}
    for name, regions in _name_and_regions(text[:_MAX_TEXT]):
        for city in _in_typed_regions(_exact_matches(index, name), index, regions):
            largest.setdefault(index.zone[city], city)
        if largest:
            break
    cities = list(largest.values())
    if len(cities) > 1 and index.population[cities[0]] >= _DOMINANT_FACTOR * index.population[cities[1]]:
        del cities[1:]
    return [index.place(city) for city in cities]


def population_by_zone() -> dict[str, int]:
    """Return how many people live in the cities of each zone."""
    index, living = _index(), Counter[int]()
    for zone, people in zip(index.zone, index.population, strict=True):
        living[zone] += people
    return {index.zones[zone]: people for zone, people in living.items()}


def _matches(text: str) -> Iterator[Place]:
    yield from (Place(show_zone(name), name) for name in _short_forms(text))
    whole, ends, begins, inside = _matching_zones(text)
    yield from whole
    yield from _labelled(text)
    index = _index()
    anything = bool(whole or ends or begins or inside)
    for name, regions in _name_and_regions(text):
        region = _in_typed_regions(_cities_in_region(index, name, whole=True), index, regions)
        largest = list(islice(region, 1))
        tiers: list[tuple[Iterable[int], list[Place]]] = [
            (largest, ends if largest else []),
            (region, []),
            (_exact_matches(index, name), ends),
            (index.own.find(f"|{name}"), begins),
            (index.other.find(f"|{name}"), []),
            (index.own.find(f" {name}"), inside),
            (_cities_in_region(index, name, whole=False), []),
        ]
        for cities, zones in tiers:
            for city in _in_typed_regions(cities, index, regions) if name else ():
                anything = True
                yield index.place(city)
            yield from zones
        if anything:
            return


def _labelled(text: str) -> Iterator[Place]:
    """Yield the place with exactly this label, which can differ from another's by an accent alone."""
    label, index = text.strip(), _index()
    name, regions = next(_name_and_regions(text))
    for city in _in_typed_regions(_exact_matches(index, name), index, regions):
        if (place := index.place(city)).label == label:
            yield place
            return


def _short_forms(text: str) -> Iterable[str]:
    """Return the zones of an abbreviation or an offset."""
    try:
        return zones_at_offset(text) or zones_abbreviated(text)
    except Unreadable:
        return ()


def _matching_zones(text: str) -> tuple[list[Place], ...]:
    """Return zones by whole name, exact last part, beginning, and beginning of a later word, in that order."""
    typed = " ".join(text.casefold().replace("_", " ").split())
    tiers: tuple[list[Place], ...] = ([], [], [], [])
    for low, name in zone_names().items():
        words = low.replace("_", " ")
        last = words.rpartition("/")[2]
        if words == typed:
            tiers[0].append(Place(name, name))
        elif last == typed:
            tiers[1].append(Place(name, name))
        elif last.startswith(typed) or words.startswith(typed):
            tiers[2].append(Place(name, name))
        elif f" {typed}" in last or f"/{typed}" in words:
            tiers[3].append(Place(name, name))
    return tiers


def _exact_matches(index: _Index, name: str) -> Iterable[int]:
    return merge(index.own.find(f"|{name}|"), index.other.find(f"|{name}|")) if name else ()


def _cities_in_region(index: _Index, name: str, *, whole: bool) -> Iterator[int]:
    """Return the cities in regions called `name` or, unless `whole`, starting with it."""
    meant = {
        number
        for number, region in enumerate(index.regions)
        if name in region.names or (not whole and any(one.startswith(name) for one in region.names))
    }
    return (city for city, region in enumerate(index.region) if region in meant) if meant else iter(())


def _in_typed_regions(cities: Iterable[int], index: _Index, typed: list[str]) -> Iterator[int]:
    """Yield the cities that lie in every typed region, given by its name, the start of it or its code."""
    for city in cities:
        region = index.regions[index.region[city]]
        # Two letters only count as a code; otherwise "or" would match Orissa too.
        if all(
            part.replace(" ", "") in region.codes  # "D.C."
            or part in region.names
            or (len(part) > 2 and any(name.startswith(part) for name in region.names))
            for part in typed
        ):
            yield city


def _name_and_regions(text: str) -> Iterator[tuple[str, list[str]]]:
    """Yield ways to split the text into a name and its regions, in the order to try them."""
    fold = Fold()
    name, *regions = (fold(part) for part in text.split(","))
    yield name, [region for region in regions if region]
    if not regions:
        words = name.split()
        for cut in range(len(words) - 1, max(len(words) - 4, 0), -1):
            yield " ".join(words[:cut]), [" ".join(words[cut:])]


_loading = Lock()


def _index() -> _Index:
    with _loading:  # otherwise two threads could each load the file
        return _load()


@lru_cache(maxsize=1)
def _load() -> _Index:
    """Load the cities whose zones this host knows.

    The file is zlib-compressed text. Tabs separate fields; bars separate names and codes. Up to the first empty
    line, each line is a region: label, names, codes. The rest are cities, largest first: population, zone, region
    number, display name, own names, other names.
    """
    packed = (resources.files("scheduler.time") / "cities.dat").read_bytes()
    lines = BytesIO(zlib.decompress(packed))
    regions = [_region(line.decode().rstrip("\n")) for line in iter(lines.readline, b"\n")]
    index = _Index(_Lines(), _Lines(), _Lines(), array("H"), array("H"), array("L"), [], regions)
    known, numbers = set(zone_names().values()), dict[str, int]()
    for line in lines:
        population, zone_name, region, shown, own, other = line[:-1].split(b"\t")
        if (zone := zone_name.decode()) not in known:
            continue
        index.population.append(int(population))
        index.zone.append(numbers.setdefault(zone, len(numbers)))
        index.region.append(int(region))
        index.shown.append(shown)
        index.own.append(own)
        index.other.append(other)
    index.zones.extend(numbers)
    return index


def _region(line: str) -> _Region:
    label, names, codes = line.split("\t")
    return _Region(label, tuple(names.split("|")), tuple(codes.split("|")))
