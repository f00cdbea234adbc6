"""Find the countries and states people name instead of a time zone, and the zones in them.

The IANA time zone database says which zones a country has. `country_names.txt` holds the names of countries in
English and in their own languages, from the Unicode CLDR.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib import resources
from typing import NamedTuple
from zoneinfo import ZoneInfo

from scheduler.time.folding import Fold
from scheduler.time.states import STATES, State
from scheduler.time.zone_names import zones_by_country

_EXTRA_NAMES = {
    "AE": ("UAE", "Emirates"),
    "AG": ("Antigua",),
    "BA": ("Bosnia",),
    "BN": ("Brunei Darussalam",),
    "CD": ("DRC", "DR Congo", "Democratic Republic of the Congo", "Congo", "Zaire"),
    "CG": ("Republic of the Congo", "Congo"),
    "CN": ("PRC", "People's Republic of China", "Mainland China"),
    "CV": ("Cabo Verde",),
    "CZ": ("Czech Republic",),
    "FK": ("Falklands",),
    "FM": ("Federated States of Micronesia",),
    "GB": ("UK", "Great Britain", "Britain", "England", "Scotland", "Wales", "Northern Ireland"),
    "IE": ("Republic of Ireland",),
    "IR": ("Islamic Republic of Iran",),
    "KP": ("DPRK",),
    "KR": ("Korea", "Republic of Korea"),
    "MD": ("Republic of Moldova",),
    "MK": ("Macedonia",),
    "MO": ("Macau",),
    "NL": ("Holland",),
    "NZ": ("Aotearoa",),
    "PG": ("PNG",),
    "PS": ("Palestine", "State of Palestine"),
    "RU": ("Russian Federation",),
    "SA": ("KSA",),
    "ST": ("Sao Tome",),
    "SY": ("Syrian Arab Republic",),
    "SZ": ("Swaziland",),
    "TL": ("East Timor",),
    "TR": ("Turkey", "Türkiye"),
    "TT": ("Trinidad", "Tobago"),
    "TW": ("Republic of China",),
    "TZ": ("United Republic of Tanzania",),
    "US": ("USA", "US of A", "United States of America", "America"),
    "VA": ("Vatican", "Holy See"),
    "VC": ("Saint Vincent",),
    "VN": ("Viet Nam",),
}
"""Country code → common names missing from `country_names.txt`."""

_IGNORED_WORDS = {"and", "the", "of"}
_MAX_TEXT = 100
_SINCE, _UNTIL = datetime(2026, 1, 1, tzinfo=UTC), datetime(2038, 1, 1, tzinfo=UTC)
"""Zones that agree throughout this period agree forever: from 2038 on, compiled zones repeat one rule."""


class Region(NamedTuple):
    """A country or state and its zones, with duplicates (zones that always agree) left out."""

    label: str
    zones: tuple[str, ...]


def regions_named(text: str) -> list[Region]:
    """Return the countries, then the states, that `text` names by name or code. "Georgia, USA" names one state.

    Each one's zones are ordered by population.
    """
    index, typed = _index(), text[:_MAX_TEXT]
    found = index.get(_key(typed), [])
    if not found and "," in typed:
        name, _, country = typed.partition(",")
        around = {code for code, state in index.get(_key(country), ()) if state is None}
        found = [meant for meant in index.get(_key(name), ()) if meant[1] is not None and meant[0] in around]
    return [_region(code, state) for code, state in found]


def countries_named(text: str) -> list[str]:
    """Return the codes of the countries that `text` names by name or code."""
    return [code for code, state in _index().get(_key(text[:_MAX_TEXT]), ()) if state is None]


def country_name(code: str) -> str:
    """Return the English name of a country by its code, or the code itself if it's unknown."""
    return _names().get(code, [code])[0]


def distinct_zones(zones: Iterable[str]) -> list[str]:
    """Leave out zones that always agree with an earlier one."""
    clocks: dict[object, str] = {}
    for zone in zones:
        clocks.setdefault(_offset_changes(zone), zone)
    return list(clocks.values())


_Match = tuple[str, State | None]
"""A country code, and a state unless the whole country is meant."""


@cache
def _index() -> Mapping[str, list[_Match]]:
    """Return what each folded name or code can mean."""
    index: dict[str, list[_Match]] = {}
    for code, names in _names().items():
        for name in names:
            _add(index, name, (code, None))
    for state in STATES:
        for name in filter(None, (state.code, *state.names)):
            _add(index, name, (state.country, state))
    return index


def _add(index: dict[str, list[_Match]], name: str, meant: _Match) -> None:
    # "Myanmar (Burma)" is two names.
    for part in {name, *name.rstrip(")").split(" (")}:
        meanings = index.setdefault(_key(part), [])
        if meant not in meanings:
            meanings.append(meant)


@cache
def _names() -> Mapping[str, list[str]]:
    """Return each country's names (English first) and codes, by country code."""
    lines = (resources.files("scheduler.time") / "country_names.txt").read_text("utf-8").splitlines()
    found: dict[str, list[str]] = {}
    for line in lines:
        code, three, *names = line.split("|")
        if code in zones_by_country():
            found[code] = [*names, *_EXTRA_NAMES.get(code, ()), code, *filter(None, [three])]
    return found


def _region(country: str, state: State | None) -> Region:
    label = _names()[country][0]
    if state is not None:
        return Region(f"{state.names[0]}, {label}", tuple(distinct_zones(state.zones)))
    return Region(label, by_population(zones_by_country()[country]))


def by_population(zones: Sequence[str]) -> tuple[str, ...]:
    """Keep the most populous of the zones that always agree, and order by population."""
    if len(zones) == 1:
        return (zones[0],)
    from scheduler.time.cities import population_by_zone  # imported late: it loads every city

    living = population_by_zone()
    return tuple(distinct_zones(sorted(zones, key=lambda zone: -living.get(zone, 0))))


_fold = Fold()


def _key(name: str) -> str:
    words = ["saint" if word == "st" else word for word in _fold(name.replace(".", "")).split()]
    return " ".join([word for word in words if word not in _IGNORED_WORDS] or words)  # AND is also Andorra's code


@cache
def _offset_changes(zone: str) -> tuple[tuple[datetime, timedelta | None], ...]:
    """Return the zone's UTC offsets and when each starts."""
    shown, changes, at = ZoneInfo(zone), list[tuple[datetime, timedelta | None]](), _SINCE
    while at < _UNTIL:
        ahead = at.astimezone(shown).utcoffset()
        if not changes or ahead != changes[-1][1]:
            changes.append((at, ahead))
        at += timedelta(days=1)
    return tuple(changes)
