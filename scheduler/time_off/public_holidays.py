"""Which days are public holidays where. The library that knows is loaded when it's first asked."""

from collections.abc import Mapping
from datetime import date
from typing import Any, NamedTuple

from scheduler.core.errors import Unreadable
from scheduler.time.folding import Fold
from scheduler.time.regions import countries_named, country_name

_ENGLISH = {
    "AT": {
        "Carinthia": "2",
        "Lower Austria": "3",
        "Upper Austria": "4",
        "Styria": "6",
        "Tyrol": "7",
        "Vienna": "9",
    },
    "DE": {
        "Bavaria": "BY",
        "Hesse": "HE",
        "Lower Saxony": "NI",
        "North Rhine-Westphalia": "NW",
        "Rhineland-Palatinate": "RP",
        "Saxony": "SN",
        "Saxony-Anhalt": "ST",
        "Thuringia": "TH",
    },
    "ES": {
        "Andalusia": "AN",
        "Balearic Islands": "IB",
        "Basque Country": "PV",
        "Catalonia": "CT",
        "Navarre": "NC",
    },
}
"""Names of subdivisions that the library only knows in the country's own language."""
_LISTED = 60
"""How many subdivisions a refusal names."""
_LONGEST_NAME = 100
_fold = Fold()


class Region(NamedTuple):
    """A country and, where holidays differ, one of its subdivisions, by their ISO 3166 codes."""

    country: str
    subdivision: str | None = None

    @property
    def code(self) -> str:
        """Write "DE" or "DE-BY", as it's stored."""
        return f"{self.country}-{self.subdivision}" if self.subdivision else self.country


def read_code(code: str) -> Region:
    """Read what `Region.code` wrote."""
    country, _, subdivision = code.partition("-")
    return Region(country, subdivision or None)


def parse_region(country: str, subdivision: str) -> Region:
    """Return the region that someone means by a country, and by a subdivision of it unless that's empty.

    Loads the library, so call it in a thread. Raises Unreadable, also for a country whose holidays nobody knows.
    """
    named = countries_named(country)
    if not named:
        raise Unreadable(
            f'I don\'t know the country "{country.strip()[:50]}". Type it in English, like "Germany".'
        )
    known = _supported()
    code = next((one for one in named if one in known), None)
    if code is None:
        raise Unreadable(
            f"I don't know the public holidays of {country_name(named[0])}. Close the days one by one."
        )
    if not subdivision.strip():
        return Region(code)
    names = _subdivisions(code)
    wanted = names.get(_fold(subdivision.strip().removeprefix(f"{code}-")))
    if wanted is None:
        raise Unreadable(_unknown(code, subdivision))
    return Region(code, wanted)


def days_of(code: str, first: date, last: date) -> Mapping[date, str]:
    """Return the names of a region's public holidays from `first` to `last`, by date.

    Loads the library, so call it in a thread.
    """
    country, subdivision = read_code(code)
    found = _calendar(country, subdivision, range(first.year, last.year + 1))
    return {day: name[:_LONGEST_NAME] for day, name in sorted(found.items()) if first <= day <= last}


def write_region(code: str) -> str:
    """Name a stored region: "Bavaria, Germany". Loads the library if it has a subdivision."""
    country, subdivision = read_code(code)
    if subdivision is None:
        return country_name(country)
    named = (name for name, one in _named(country).items() if one == subdivision)
    return f"{next(named, subdivision)}, {country_name(country)}"


def _unknown(code: str, typed: str) -> str:
    listed = [*{one: name for name, one in reversed([*_named(code).items()])}.values()]
    country = country_name(code)
    if not listed:
        return f"The public holidays of {country} are the same everywhere. Leave that field empty."
    more = f" and {len(listed) - _LISTED} more" if len(listed) > _LISTED else ""
    there = ", ".join(sorted(listed)[:_LISTED])
    return f'I don\'t know "{typed.strip()[:50]}" in {country}. There is {there}{more}.'


def _subdivisions(country: str) -> Mapping[str, str]:
    """Return the codes of a country's subdivisions by their folded names and codes."""
    return {_fold(name): code for name, code in _named(country).items()} | {
        _fold(code): code for code in _supported()[country]
    }


def _named(country: str) -> Mapping[str, str]:
    """Return the codes of a country's subdivisions by name, English first. Those without a name are their own."""
    kind: Any = type(_calendar(country, None, ()))
    names = {**_ENGLISH.get(country, {}), **kind.subdivisions_aliases}
    return names | {code: code for code in _supported()[country] if code not in names.values()}


def _supported() -> Mapping[str, list[str]]:
    """Return the subdivisions of each country whose holidays are known, by code."""
    import holidays  # imported late: 13 MB on disk, and few servers close on public holidays

    return holidays.list_supported_countries(include_aliases=False)


def _calendar(country: str, subdivision: str | None, years: range | tuple[int, ...]) -> Any:
    import holidays  # imported late, like above

    languages = holidays.country_holidays(country).supported_languages
    english = next((one for one in ("en_US", "en_GB") if one in languages), None)
    return holidays.country_holidays(country, subdiv=subdivision, years=years, language=english)
