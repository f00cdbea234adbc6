"""Time zones as people type them."""

import subprocess
import sys
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from scheduler.time import cities as city_search
from scheduler.time.time_zones import parse_zone, zone
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
        *("", ",", "Foo", "Europe/", "CEST+2", "+02:00", "UTC+2", "../../etc/passwd", "Europe/Berlin/x"),
        *("IST", "PST", "BST", "Bavaria", "Muni", "Munich, Texas", "X, Germany"),
    ],
)
def test_other_text_is_refused_with_examples(text: str) -> None:
    assert refused(parse_zone, text) == (
        f'I don\'t know the time zone "{text}". Type one like Europe/Berlin or UTC, or a city like Munich.'
    )


def test_a_city_in_several_zone_names_is_refused_with_the_zones() -> None:
    assert refused(parse_zone, "louisville") == (
        'Several time zones match "louisville": America/Kentucky/Louisville, America/Louisville. Type one of them.'
    )


def test_a_city_name_in_several_zones_is_refused_with_the_largest_of_each() -> None:
    assert refused(parse_zone, "san josé") == (
        'Several cities are called "san josé": San Jose, California, United States: America/Los_Angeles; '
        "San José, Costa Rica: America/Costa_Rica; San Jose, Philippines: Asia/Manila; "
        "San José de Mayo, Uruguay: America/Montevideo. Type your time zone."
    )


def test_at_most_four_cities_of_the_same_name_are_listed() -> None:
    assert refused(parse_zone, "Santa Cruz").count(";") == 3
    assert len(city_search.cities_named("Santa Cruz")) > 4


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
