"""States and provinces of the US, Canada and Australia, and their time zones.

Sources: 49 CFR part 71 for the United States, comments in the IANA time zone database for Canada and Australia.
Of zones that always agree, the table lists one. The zone most people in the state use comes first.
"""

from functools import partial
from typing import NamedTuple

_EAST, _CENTRAL, _MOUNTAIN, _PACIFIC = (
    "America/New_York",
    "America/Chicago",
    "America/Denver",
    "America/Los_Angeles",
)


class State(NamedTuple):
    """A state: its country's code, its own code (can be empty), its names (best known first) and its zones."""

    country: str
    code: str
    names: tuple[str, ...]
    zones: tuple[str, ...]


def _state(country: str, area: str, code: str, names: str, *zones: str) -> State:
    return State(country, code, tuple(names.split("|")), tuple(area + zone for zone in zones))


_us = partial(_state, "US", "")
_ca = partial(_state, "CA", "America/")
_au = partial(_state, "AU", "Australia/")

STATES = (
    _us("AL", "Alabama", _CENTRAL),
    _us("AK", "Alaska", "America/Anchorage", "America/Adak"),
    _us("AZ", "Arizona", "America/Phoenix", _MOUNTAIN),
    _us("AR", "Arkansas", _CENTRAL),
    _us("CA", "California", _PACIFIC),
    _us("CO", "Colorado", _MOUNTAIN),
    _us("CT", "Connecticut", _EAST),
    _us("DE", "Delaware", _EAST),
    _us("DC", "District of Columbia|Washington DC|Washington", _EAST),
    _us("FL", "Florida", _EAST, _CENTRAL),
    _us("GA", "Georgia", _EAST),
    _us("HI", "Hawaii", "Pacific/Honolulu"),
    _us("ID", "Idaho", _MOUNTAIN, _PACIFIC),
    _us("IL", "Illinois", _CENTRAL),
    _us("IN", "Indiana", _EAST, _CENTRAL),
    _us("IA", "Iowa", _CENTRAL),
    _us("KS", "Kansas", _CENTRAL, _MOUNTAIN),
    _us("KY", "Kentucky", _EAST, _CENTRAL),
    _us("LA", "Louisiana", _CENTRAL),
    _us("ME", "Maine", _EAST),
    _us("MD", "Maryland", _EAST),
    _us("MA", "Massachusetts", _EAST),
    _us("MI", "Michigan", _EAST, _CENTRAL),
    _us("MN", "Minnesota", _CENTRAL),
    _us("MS", "Mississippi", _CENTRAL),
    _us("MO", "Missouri", _CENTRAL),
    _us("MT", "Montana", _MOUNTAIN),
    _us("NE", "Nebraska", _CENTRAL, _MOUNTAIN),
    _us("NV", "Nevada", _PACIFIC, _MOUNTAIN),
    _us("NH", "New Hampshire", _EAST),
    _us("NJ", "New Jersey", _EAST),
    _us("NM", "New Mexico", _MOUNTAIN),
    _us("NY", "New York|New York State", _EAST),
    _us("NC", "North Carolina", _EAST),
    _us("ND", "North Dakota", _CENTRAL, _MOUNTAIN),
    _us("OH", "Ohio", _EAST),
    _us("OK", "Oklahoma", _CENTRAL),
    _us("OR", "Oregon", _PACIFIC, _MOUNTAIN),
    _us("PA", "Pennsylvania", _EAST),
    _us("RI", "Rhode Island", _EAST),
    _us("SC", "South Carolina", _EAST),
    _us("SD", "South Dakota", _CENTRAL, _MOUNTAIN),
    _us("TN", "Tennessee", _CENTRAL, _EAST),
    _us("TX", "Texas", _CENTRAL, _MOUNTAIN),
    _us("UT", "Utah", _MOUNTAIN),
    _us("VT", "Vermont", _EAST),
    _us("VA", "Virginia", _EAST),
    _us("WA", "Washington|Washington State", _PACIFIC),
    _us("WV", "West Virginia", _EAST),
    _us("WI", "Wisconsin", _CENTRAL),
    _us("WY", "Wyoming", _MOUNTAIN),
    _ca("AB", "Alberta", "Edmonton"),
    _ca(
        "BC",
        "British Columbia|Colombie-Britannique",
        *("Vancouver", "Edmonton", "Dawson_Creek", "Fort_Nelson", "Creston"),
    ),
    _ca("MB", "Manitoba", "Winnipeg"),
    _ca("NB", "New Brunswick|Nouveau-Brunswick", "Moncton"),
    _ca("NL", "Newfoundland and Labrador|Terre-Neuve-et-Labrador", "St_Johns", "Goose_Bay"),
    _ca("", "Newfoundland|Terre-Neuve", "St_Johns"),
    _ca("", "Labrador", "Goose_Bay", "St_Johns"),
    _ca("NT", "Northwest Territories|Territoires du Nord-Ouest", "Inuvik", "Edmonton"),
    _ca("NS", "Nova Scotia|Nouvelle-Écosse", "Halifax"),
    _ca("NU", "Nunavut", "Iqaluit", "Rankin_Inlet", "Resolute", "Cambridge_Bay", "Atikokan"),
    _ca("ON", "Ontario", "Toronto", "Winnipeg", "Atikokan"),
    _ca("PE", "Prince Edward Island|Île-du-Prince-Édouard|PEI", "Halifax"),
    _ca("QC", "Quebec", "Toronto", "Halifax", "Blanc-Sablon"),
    _ca("SK", "Saskatchewan", "Regina", "Swift_Current", "Edmonton"),
    _ca("YT", "Yukon|Yukon Territory", "Whitehorse", "Dawson"),
    _au("ACT", "Australian Capital Territory", "Sydney"),
    _au("NSW", "New South Wales", "Sydney", "Broken_Hill", "Lord_Howe"),
    _au("NT", "Northern Territory", "Darwin"),
    _au("QLD", "Queensland", "Brisbane"),
    _au("SA", "South Australia", "Adelaide"),
    _au("TAS", "Tasmania", "Hobart"),
    _au("VIC", "Victoria", "Melbourne"),
    _au("WA", "Western Australia", "Perth", "Eucla"),
)
