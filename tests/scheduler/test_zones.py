"""Time zones as people type them."""

from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from scheduler.errors import Unreadable
from scheduler.zones import parse_zone, zone, zone_names
from tests.scheduler.test_hours import understood


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Europe/Berlin", "Europe/Berlin"),
        ("europe/berlin", "Europe/Berlin"),
        ("  Europe/Berlin ", "Europe/Berlin"),
        ("Berlin", "Europe/Berlin"),
        ("new york", "America/New_York"),
        ("America/New York", "America/New_York"),
        ("kolkata", "Asia/Kolkata"),
        ("utc", "UTC"),
        ("port-au-prince", "America/Port-au-Prince"),
    ],
)
def test_a_zone_is_read_by_its_name_or_its_city(text: str, name: str) -> None:
    assert parse_zone(text) == name


@pytest.mark.parametrize("text", ["", "Foo", "Europe/", "CEST+2", "+02:00", "../../etc/passwd", "Europe/Berlin/x"])
def test_what_is_no_zone_is_refused_with_examples(text: str) -> None:
    with pytest.raises(Unreadable) as refusal:
        parse_zone(text)

    assert str(refusal.value) == (
        f'I know no time zone "{text}". Type it like Europe/Berlin, America/New_York or UTC.'
    )


def test_a_city_that_names_several_zones_is_refused_with_their_names() -> None:
    with pytest.raises(Unreadable) as refusal:
        parse_zone("louisville")

    assert str(refusal.value) == (
        'Several zones are called "louisville": America/Kentucky/Louisville, America/Louisville. Type one of them.'
    )


def test_every_name_that_is_offered_is_understood_and_a_zone() -> None:
    for name in zone_names().values():
        assert parse_zone(name) == name
        assert isinstance(zone(name), ZoneInfo)


def test_administrative_zones_are_not_offered() -> None:
    names = set(zone_names().values())

    assert {"Europe/Berlin", "UTC"} <= names
    assert not [name for name in names if name.startswith(("Etc/", "posix/", "right/", "SystemV/"))]


@given(st.text(max_size=60) | st.sampled_from(["/", "a/b", "utc\x00", "EUROPE/BERLIN"]))
@example("x" * 5000)
def test_whatever_is_typed_as_a_zone_is_understood_or_refused_with_a_sentence(text: str) -> None:
    name = understood(parse_zone, text)

    assert name is None or parse_zone(name) == name
