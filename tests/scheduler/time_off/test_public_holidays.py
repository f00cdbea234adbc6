"""Public holidays: how many there are where, and how people name a country and its subdivision."""

from datetime import date

import pytest

from scheduler.core.errors import Unreadable
from scheduler.time_off import public_holidays
from scheduler.time_off.public_holidays import Region


@pytest.mark.parametrize(("code", "count"), [("DE", 9), ("DE-BY", 12), ("GB-SCT", 10), ("US", 11)])
def test_regions_have_their_own_holidays(code: str, count: int) -> None:
    found = public_holidays.days_of(code, date(2025, 1, 1), date(2025, 12, 31))

    assert len(found) == count


def test_they_are_named_in_english_and_only_those_in_the_span() -> None:
    found = public_holidays.days_of("DE-BY", date(2026, 12, 1), date(2027, 1, 6))

    assert found == {
        date(2026, 12, 25): "Christmas Day",
        date(2026, 12, 26): "Second Day of Christmas",
        date(2027, 1, 1): "New Year's Day",
        date(2027, 1, 6): "Epiphany",
    }


@pytest.mark.parametrize(
    ("country", "subdivision", "region", "written"),
    [
        ("Germany", "", Region("DE"), "Germany"),
        ("deutschland", "bayern", Region("DE", "BY"), "Bavaria, Germany"),
        ("DE", "Bavaria", Region("DE", "BY"), "Bavaria, Germany"),
        ("DE", "DE-BY", Region("DE", "BY"), "Bavaria, Germany"),
        ("UK", "Scotland", Region("GB", "SCT"), "Scotland, United Kingdom"),
        ("usa", "california", Region("US", "CA"), "California, United States"),
    ],
)
def test_regions_are_read_as_people_name_them(
    country: str, subdivision: str, region: Region, written: str
) -> None:
    read = public_holidays.parse_region(country, subdivision)

    assert read == region
    assert public_holidays.read_code(read.code) == region
    assert public_holidays.write_region(read.code) == written


@pytest.mark.parametrize(
    ("country", "subdivision", "says"),
    [
        ("Mars", "", 'I don\'t know the country "Mars"'),
        ("Germany", "Atlantis", "There is Augsburg, Baden-Württemberg, Bavaria, Berlin"),
        ("Syria", "North", "The public holidays of Syria are the same everywhere"),
    ],
)
def test_what_is_not_known_is_refused(country: str, subdivision: str, says: str) -> None:
    with pytest.raises(Unreadable) as refused:
        public_holidays.parse_region(country, subdivision)

    assert says in str(refused.value)
