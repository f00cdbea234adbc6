"""Find the zones people mean by an abbreviation like "EST", or by an offset like "GMT+2"."""

import re
from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from scheduler.core.errors import Unreadable
from scheduler.time.zone_names import zones_by_country

ABBREVIATIONS = {
    abbreviation: tuple(zones.split())
    for abbreviations, zones in (
        ("GMT", "Europe/London UTC"),
        ("Z ZULU", "UTC"),
        ("BST", "Europe/London Asia/Dhaka"),
        ("IST", "Asia/Kolkata Europe/Dublin Asia/Jerusalem"),
        ("WET WEST", "Europe/Lisbon"),
        ("CET CEST MEZ MESZ", "Europe/Berlin"),
        ("EET EEST", "Europe/Athens Africa/Cairo"),
        ("MSK", "Europe/Moscow"),
        ("TRT", "Europe/Istanbul"),
        ("IDT", "Asia/Jerusalem"),
        ("ET EST EDT", "America/New_York"),
        ("CT", "America/Chicago"),
        ("CST", "America/Chicago America/Mexico_City Asia/Shanghai America/Havana"),
        ("CDT", "America/Chicago America/Havana"),
        ("MT", "America/Denver America/Phoenix"),
        ("MST", "America/Denver America/Phoenix"),
        ("MDT", "America/Denver"),
        ("PT PST PDT", "America/Los_Angeles"),
        ("AKT AKST AKDT", "America/Anchorage"),
        ("HST", "Pacific/Honolulu"),
        ("AST", "America/Halifax America/Puerto_Rico Asia/Riyadh"),
        ("ADT", "America/Halifax"),
        ("NST NDT", "America/St_Johns"),
        ("BRT", "America/Sao_Paulo"),
        ("ART", "America/Argentina/Buenos_Aires"),
        ("CLT CLST", "America/Santiago"),
        ("COT", "America/Bogota"),
        ("PET", "America/Lima"),
        ("VET", "America/Caracas"),
        ("BOT", "America/La_Paz"),
        ("ECT", "America/Guayaquil"),
        ("UYT", "America/Montevideo"),
        ("PYT", "America/Asuncion"),
        ("WAT", "Africa/Lagos"),
        ("CAT", "Africa/Maputo"),
        ("EAT", "Africa/Nairobi"),
        ("SAST", "Africa/Johannesburg"),
        ("GST", "Asia/Dubai"),
        ("IRST", "Asia/Tehran"),
        ("AMT", "Asia/Yerevan America/Manaus"),
        ("AZT", "Asia/Baku"),
        ("GET", "Asia/Tbilisi"),
        ("PKT", "Asia/Karachi"),
        ("UZT", "Asia/Tashkent"),
        ("NPT", "Asia/Kathmandu"),
        ("BDT", "Asia/Dhaka"),
        ("MMT", "Asia/Yangon"),
        ("ICT", "Asia/Bangkok"),
        ("WIB", "Asia/Jakarta"),
        ("WITA", "Asia/Makassar"),
        ("WIT", "Asia/Jayapura"),
        ("SGT", "Asia/Singapore"),
        ("MYT", "Asia/Kuala_Lumpur"),
        ("PHT PHST", "Asia/Manila"),
        ("HKT", "Asia/Hong_Kong"),
        ("JST", "Asia/Tokyo"),
        ("KST", "Asia/Seoul"),
        ("AWST", "Australia/Perth"),
        ("ACST", "Australia/Adelaide Australia/Darwin"),
        ("ACDT", "Australia/Adelaide"),
        ("AEST AET", "Australia/Sydney Australia/Brisbane"),
        ("AEDT", "Australia/Sydney"),
        ("CHST", "Pacific/Guam"),
        ("SST", "Asia/Singapore Pacific/Pago_Pago"),
        ("NZT NZST NZDT", "Pacific/Auckland"),
    )
    for abbreviation in abbreviations.split()
}
"""Abbreviation → the zones people mean by it, the likeliest first, whatever the time of the year."""

_OFFSET = re.compile(
    r"(?P<etc>etc/)?(?:utc|gmt)?\s*(?P<sign>[+\-\u2212\u2013])\s*(?P<hours>\d{1,2})(?::?(?P<minutes>\d{2}))?",
    re.ASCII | re.IGNORECASE,
)
_FIXED = re.compile(r"Etc/GMT([+-]\d+)")
_LEAST, _MOST = -12, 14
_HALF_YEARS = datetime(2026, 1, 15, tzinfo=UTC), datetime(2026, 7, 15, tzinfo=UTC)


def zones_abbreviated(text: str) -> tuple[str, ...]:
    """Return the zones that this abbreviation can mean, the likeliest first."""
    return ABBREVIATIONS.get(text.strip().replace(".", "").upper(), ())


def zones_at_offset(text: str) -> list[str] | None:
    """Return the zones for "GMT+2", "UTC-3", "+05:30" and the like, or None if the text isn't an offset.

    Whole hours are a zone of their own that never changes its clock, like Etc/GMT-2. Other offsets mean the places
    that have them for at least a part of the year. Raises Unreadable if there are none.
    """
    found = _OFFSET.fullmatch(text.strip())
    if found is None:
        return None
    hours, minutes = int(found["hours"]), int(found["minutes"] or 0)
    is_ahead = (found["sign"] == "+") != bool(found["etc"])  # POSIX counts Etc/GMT-2 the other way round
    if minutes:
        offset = timedelta(hours=hours, minutes=minutes)
        zones = _zones_by_offset().get(offset if is_ahead else -offset, [])
    else:
        signed = hours if is_ahead else -hours
        zones = [_fixed(signed)] if _LEAST <= signed <= _MOST else []
    if not zones:
        raise Unreadable(f'No time zone has the offset "{text.strip()[:40]}". Type a city like Munich.')
    return zones


def show_zone(name: str) -> str:
    """Return the name people see: "UTC+2" for Etc/GMT-2, and every other zone's own."""
    fixed = _FIXED.fullmatch(name)
    return f"UTC{-int(fixed[1]):+d}" if fixed else name


def _fixed(hours: int) -> str:
    return f"Etc/GMT{-hours:+d}" if hours else "UTC"


@cache
def _zones_by_offset() -> dict[timedelta, list[str]]:
    """Return the zones at each offset that isn't in whole hours."""
    found: dict[timedelta, set[str]] = {}
    for name in (name for zones in zones_by_country().values() for name in zones):
        for at in _HALF_YEARS:
            offset = at.astimezone(ZoneInfo(name)).utcoffset()
            if offset is not None and offset % timedelta(hours=1):
                found.setdefault(offset, set()).add(name)
    return {offset: sorted(zones) for offset, zones in found.items()}
