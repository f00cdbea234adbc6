"""The names of the zones people can choose."""

from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import NamedTuple
from zoneinfo import available_timezones

_EXTRA_ZONES = {
    "XK": "Europe/Belgrade",
    "IC": "Atlantic/Canary",
    "EA": "Africa/Ceuta",
    "AC": "Atlantic/St_Helena",
    "TA": "Atlantic/St_Helena",
    "DG": "Indian/Chagos",
}
"""Territories with a name and code of their own that the time zone database leaves out."""


class Place(NamedTuple):
    """A city, or a zone under its own name, and the IANA zone it uses."""

    label: str
    zone: str


@cache
def zone_names() -> dict[str, str]:
    """Return every zone people can choose, by its lower-case name."""
    hidden = ("posix/", "right/", "Etc/", "SystemV/")
    names = (name for name in available_timezones() if "/" in name and not name.startswith(hidden))
    return {name.lower(): name for name in sorted([*names, "UTC"])}


@cache
def zones_by_country() -> Mapping[str, list[str]]:
    """Return each country's zones, by country code."""
    zones: dict[str, list[str]] = {code: [zone] for code, zone in _EXTRA_ZONES.items()}
    # zone.tab has one country per line; zone1970.tab would give Norway Germany's zone.
    table = (resources.files("tzdata") / "zoneinfo" / "zone.tab").read_text("utf-8")
    for line in table.splitlines():
        if line and not line.startswith("#"):
            code, _, zone, *_ = line.split("\t")
            zones.setdefault(code, []).append(zone)
    return zones
