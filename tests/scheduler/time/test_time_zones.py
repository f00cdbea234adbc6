"""Time zones as people type them."""

import subprocess
import sys
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from scheduler.time import cities as city_search
from scheduler.time.abbreviations import ABBREVIATIONS, show_zone
from scheduler.time.time_zones import SeveralZones, parse_zone, zone
from scheduler.time.zone_names import zone_names
from tests.support.typed_text import refused, understood


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Europe/Berlin", "Europe/Berlin"),
        ("europe/berlin", "Europe/Berlin"),
        ("  Europe/Berlin ", "Europe/Berlin"),
        ("Berlin", "Europe/Berlin"),
        ("Munich", "Europe/Berlin"),
        ("münchen", "Europe/Berlin"),
        (" Muenchen ", "Europe/Berlin"),
        ("Munich, Germany", "Europe/Berlin"),
        ("new york", "America/New_York"),
        ("America/New York", "America/New_York"),
        ("Boston", "America/New_York"),
        ("portland maine", "America/New_York"),
        ("Washington, D.C.", "America/New_York"),
        ("kolkata", "Asia/Kolkata"),
        ("Bombay", "Asia/Kolkata"),
        ("utc", "UTC"),
        ("port-au-prince", "America/Port-au-Prince"),
        ("Dublin", "Europe/Dublin"),
        ("San Francisco", "America/Los_Angeles"),
        ("Portland, OR", "America/Los_Angeles"),
        ("Paris, Texas", "America/Chicago"),
        ("Birmingham, UK", "Europe/London"),
        ("Santa Quitéria, Brazil", "America/Fortaleza"),
        ("Puebla, Mexico (America/Tijuana)", "America/Tijuana"),
    ],
)
def test_a_zone_is_read_from_its_name_or_a_city(text: str, name: str) -> None:
    assert parse_zone(text) == name


@pytest.mark.parametrize(
    "text",
    [
        *("", ",", "Foo", "Europe/", "CEST+2", "UTC+", "+2x", "UTC 2", "../../etc/passwd", "Europe/Berlin/x"),
        *("XST", "Etc/UTC", "Bavaria", "Muni", "Munich, Texas", "X, Germany"),
    ],
)
def test_other_text_is_refused_with_examples(text: str) -> None:
    assert refused(parse_zone, text) == (
        f'I don\'t know the time zone "{text}". Type one like Europe/Berlin or UTC+2, or a city like Munich.'
    )


@pytest.mark.parametrize(
    ("text", "name", "shown"),
    [
        ("GMT+2", "Etc/GMT-2", "UTC+2"),
        ("UTC-3", "Etc/GMT+3", "UTC-3"),
        (" utc +02:00", "Etc/GMT-2", "UTC+2"),
        ("+0200", "Etc/GMT-2", "UTC+2"),
        ("\u22123", "Etc/GMT+3", "UTC-3"),
        ("Etc/GMT-2", "Etc/GMT-2", "UTC+2"),
        ("UTC+14", "Etc/GMT-14", "UTC+14"),
        ("-12", "Etc/GMT+12", "UTC-12"),
        ("GMT+0", "UTC", "UTC"),
        ("Z", "UTC", "UTC"),
        ("+05:30", "Asia/Kolkata", "Asia/Kolkata"),
        ("UTC+5:45", "Asia/Kathmandu", "Asia/Kathmandu"),
        ("GMT-0330", "America/St_Johns", "America/St_Johns"),
        ("EST", "America/New_York", "America/New_York"),
        ("edt", "America/New_York", "America/New_York"),
        ("P.S.T.", "America/Los_Angeles", "America/Los_Angeles"),
        ("CET", "Europe/Berlin", "Europe/Berlin"),
        ("cest", "Europe/Berlin", "Europe/Berlin"),
        ("JST", "Asia/Tokyo", "Asia/Tokyo"),
        ("louisville", "America/Kentucky/Louisville", "America/Kentucky/Louisville"),
    ],
)
def test_offsets_and_abbreviations_are_read_and_shown_as_people_write_them(
    text: str, name: str, shown: str
) -> None:
    assert parse_zone(text) == name
    assert show_zone(name) == shown
    assert parse_zone(shown) == name


@pytest.mark.parametrize("hours", range(-12, 15))
def test_a_whole_offset_is_that_far_from_utc_all_year(hours: int) -> None:
    fixed = zone(parse_zone(f"UTC{hours:+d}"))

    assert {datetime(2026, month, 1, tzinfo=fixed).utcoffset() for month in (1, 7)} == {timedelta(hours=hours)}


@pytest.mark.parametrize("text", ["UTC+15", "-13", "+05:20", "GMT+2:99", "+99"])
def test_an_offset_that_nobody_uses_is_refused(text: str) -> None:
    assert refused(parse_zone, text) == f'No time zone has the offset "{text}". Type a city like Munich.'


@pytest.mark.parametrize(
    ("text", "zones"),
    [
        ("IST", ["Asia/Kolkata", "Europe/Dublin", "Asia/Jerusalem"]),
        ("BST", ["Europe/London", "Asia/Dhaka"]),
        ("GMT", ["Europe/London", "UTC"]),
        ("CT", ["America/Chicago", "America/New_York"]),  # Connecticut
        ("MT", ["America/Denver", "America/Phoenix", "Europe/Malta"]),
        ("+09:30", ["Australia/Adelaide", "Australia/Darwin"]),
        ("+10:30", ["Australia/Adelaide", "Australia/Lord_Howe"]),
    ],
)
def test_an_ambiguous_abbreviation_or_offset_leads_to_a_question(text: str, zones: list[str]) -> None:
    with pytest.raises(SeveralZones) as asked:
        parse_zone(text)

    assert [place.zone for place in asked.value.places] == zones
    assert asked.value.question == f'"{text}" could mean several time zones.'


@pytest.mark.parametrize("abbreviation", ABBREVIATIONS)
def test_an_abbreviation_is_one_of_its_zones(abbreviation: str) -> None:
    informal = {"ZULU", "Z", "MEZ", "MESZ", "ET", "CT", "MT", "PT", "AKT", "PHT", "PHST", "AET", "NZT"}
    for name in ABBREVIATIONS[abbreviation]:
        local = {datetime(2026, month, 1, tzinfo=zone(name)).tzname() for month in (1, 7)}
        has_letters = any(one and one[0] not in "+-" for one in local)
        known = abbreviation in {(one or "").upper() for one in local}
        assert known or not has_letters or abbreviation in informal or name == "UTC", (abbreviation, local)


def test_a_city_name_in_several_zones_leads_to_a_question_about_the_largest_of_each() -> None:
    assert refused(parse_zone, "san josé") == (
        'Several cities are called "san josé". Type one of these: '
        "San Jose, California, United States: America/Los_Angeles; "
        "San José, Costa Rica: America/Costa_Rica; San Jose, Philippines: Asia/Manila; "
        "San José de Mayo, Uruguay: America/Montevideo; San José de Barlovento, Venezuela: America/Caracas; "
        "Puerto San José, Guatemala: America/Guatemala."
    )


def test_reading_a_zone_by_name_does_not_load_the_cities() -> None:
    program = (
        "import sys; from scheduler.time.time_zones import parse_zone; "
        "print(parse_zone('Europe/Berlin'), parse_zone('tokyo'), "
        "'scheduler.time.cities' in sys.modules, parse_zone('Munich'), 'scheduler.time.cities' in sys.modules)"
    )

    printed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout

    assert printed.split() == ["Europe/Berlin", "Asia/Tokyo", "False", "Europe/Berlin", "True"]


def test_every_offered_name_is_read_and_is_a_zone() -> None:
    for name in zone_names().values():
        assert parse_zone(name) == name
        assert isinstance(zone(name), ZoneInfo)


def test_administrative_zones_are_not_offered() -> None:
    names = set(zone_names().values())

    assert {"Europe/Berlin", "UTC"} <= names
    assert not [name for name in names if name.startswith(("Etc/", "posix/", "right/", "SystemV/"))]


@pytest.fixture(scope="module")
def cities() -> None:
    """Load them, or Hypothesis would take the first example for a slow test."""
    city_search.search("Munich")


@pytest.mark.usefixtures("cities")
@given(
    st.text(max_size=60)
    | st.sampled_from(["/", "a/b", "utc\x00", "EUROPE/BERLIN", ",,", "munich,", ",germany", "|", "\n", "|munich|"])
)
@example("x" * 5000)
def test_any_text_is_a_zone_or_refused(text: str) -> None:
    name = understood(parse_zone, text)

    assert name is None or parse_zone(name) == name
