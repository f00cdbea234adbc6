"""Cities and zones as people look for them."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from scheduler.time import cities as city_search
from scheduler.time.cities import WELL_KNOWN, Place, cities_named, search
from scheduler.time.time_zones import parse_zone
from scheduler.time.zone_names import zone_names


@pytest.fixture(scope="module", autouse=True)
def cities() -> None:
    """Load them: Hypothesis would take the first example for a slow test."""
    search("Munich")


@pytest.mark.parametrize(
    ("text", "label", "zone"),
    [
        ("Munich", "Munich, Germany", "Europe/Berlin"),
        ("München", "Munich, Germany", "Europe/Berlin"),
        ("MUNCHEN", "Munich, Germany", "Europe/Berlin"),
        ("muenchen", "Munich, Germany", "Europe/Berlin"),
        ("Mumbai", "Mumbai, India", "Asia/Kolkata"),
        ("Bombay", "Mumbai, India", "Asia/Kolkata"),
        ("Bangalore", "Bengaluru, India", "Asia/Kolkata"),
        ("Beijing", "Beijing, China", "Asia/Shanghai"),
        ("Peking", "Beijing, China", "Asia/Shanghai"),
        ("San Francisco", "San Francisco, California, United States", "America/Los_Angeles"),
        ("sf", "San Francisco, California, United States", "America/Los_Angeles"),
        ("la", "Los Angeles, California, United States", "America/Los_Angeles"),
        ("NYC", "New York City, New York, United States", "America/New_York"),
        ("new york", "New York City, New York, United States", "America/New_York"),
        ("Köln", "Köln, Germany", "Europe/Berlin"),
        ("cologne", "Köln, Germany", "Europe/Berlin"),
        ("Wien", "Vienna, Austria", "Europe/Vienna"),
        ("Vienna", "Vienna, Austria", "Europe/Vienna"),
        ("Kyiv", "Kyiv, Ukraine", "Europe/Kyiv"),
        ("Kiev", "Kyiv, Ukraine", "Europe/Kyiv"),
        ("São Paulo", "São Paulo, Brazil", "America/Sao_Paulo"),
        ("sao  paulo", "São Paulo, Brazil", "America/Sao_Paulo"),
        ("Sa\u0303o Paulo", "São Paulo, Brazil", "America/Sao_Paulo"),
        ("Москва", "Moscow, Russia", "Europe/Moscow"),
        ("東京", "Tokyo, Japan", "Asia/Tokyo"),
        ("القاهرة", "Cairo, Egypt", "Africa/Cairo"),
        ("दिल्ली", "Delhi, India", "Asia/Kolkata"),
        ("lodz", "Łódź, Poland", "Europe/Warsaw"),
        ("İSTANBUL", "Istanbul, Turkey", "Europe/Istanbul"),
        ("st johns", "St. John's, Canada", "America/St_Johns"),
        ("port au prince", "Port-au-Prince, Haiti", "America/Port-au-Prince"),
        ("Portland", "Portland, Oregon, United States", "America/Los_Angeles"),
        ("portland, me", "Portland, Maine, United States", "America/New_York"),
        ("portland maine", "Portland, Maine, United States", "America/New_York"),
        ("Paris, Texas", "Paris, Texas, United States", "America/Chicago"),
        ("london uk", "London, United Kingdom", "Europe/London"),
        ("london, ca", "London, Canada", "America/Toronto"),
        ("washington, d.c.", "Washington, District of Columbia, United States", "America/New_York"),
        ("san fran", "San Francisco, California, United States", "America/Los_Angeles"),
        ("muni", "Munich, Germany", "Europe/Berlin"),
        ("wies", "Wiesbaden, Germany", "Europe/Berlin"),
        ("janeiro", "Rio de Janeiro, Brazil", "America/Sao_Paulo"),
        ("germany", "Berlin, Germany", "Europe/Berlin"),
        ("texas", "Houston, Texas, United States", "America/Chicago"),
        ("usa", "New York City, New York, United States", "America/New_York"),
        ("Europe/Ber", "Europe/Berlin", "Europe/Berlin"),
        ("europe/berlin", "Europe/Berlin", "Europe/Berlin"),
        ("America/New York", "America/New_York", "America/New_York"),
        ("utc", "UTC", "UTC"),
    ],
)
def test_a_city_or_zone_is_found_first_by_what_people_call_it(text: str, label: str, zone: str) -> None:
    assert search(text)[0] == Place(label, zone)


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("berlin", "Europe/Berlin"),
        ("new york", "America/New_York"),
        ("calcutta", "Asia/Calcutta"),
        ("york", "America/New_York"),
        ("germ", "Berlin, Germany"),
    ],
)
def test_what_is_likely_too_is_found_later(text: str, label: str) -> None:
    assert label in [place.label for place in search(text, most=200)[1:]]


def test_exact_names_come_first_then_beginnings_then_words_inside_and_larger_cities_before_smaller() -> None:
    labels = [place.label for place in search("vienna", most=200)]

    in_order = ["Vienna, Austria", "Vienna, Virginia, United States", "Europe/Vienna"]
    assert [label for label in labels if label in in_order] == in_order
    labels = [place.label for place in search("vegas", most=200)]
    assert labels.index("Vegas, Spain" if "Vegas, Spain" in labels else labels[0]) == 0
    assert labels.index("Las Vegas, Nevada, United States") < labels.index(
        "North Las Vegas, Nevada, United States"
    )


@pytest.mark.parametrize(
    "text", ["qwxz", "???", ",", "|", "|munich|qwxz", "/", "_", "x" * 10_000, "Munich, Texas"]
)
def test_where_there_is_nothing_nothing_is_found(text: str) -> None:
    assert [place for place in search(text) if "/" not in place.label] == []


@pytest.mark.parametrize("most", [1, 5, 25])
@pytest.mark.parametrize("text", ["", "a", "san", "united states"])
def test_no_more_are_found_than_asked_for(text: str, most: int) -> None:
    assert len(search(text, most=most)) == min(most, len(WELL_KNOWN) if not text else most)


@pytest.mark.parametrize("text", ["", "  \n"])
def test_before_anything_is_typed_places_on_many_clocks_are_offered(text: str) -> None:
    offered = search(text)

    assert offered == list(WELL_KNOWN)
    assert len({place.zone for place in offered}) == len(offered)


@pytest.mark.parametrize("place", WELL_KNOWN)
def test_what_is_offered_unasked_is_what_a_search_finds(place: Place) -> None:
    assert search(place.label)[0] == place


def test_every_city_is_in_a_zone_that_exists_and_has_a_label_of_its_own() -> None:
    found = search("a", most=100_000) + search("s", most=100_000)

    by_label = {place.label: place for place in found}
    assert len(by_label) > 5_000
    assert {place.zone for place in found} <= set(zone_names().values())
    assert all(by_label[place.label] == place for place in found)
    assert max(len(label) for label in by_label) <= 100  # Discord takes no longer choices
    assert ZoneInfo(found[0].zone)


@pytest.mark.parametrize("letters", ["aa", "ka", "pu", "sa", "st", "zh", "wa"])
def test_a_label_that_was_found_is_understood_as_its_zone(letters: str) -> None:
    for place in search(letters, most=60):
        assert parse_zone(place.label) == place.zone
        assert cities_named(place.label) in ([place], [])  # a zone's own name is no city's


def test_cities_of_one_name_and_country_are_told_apart_by_their_zones() -> None:
    labels = [place.label for place in search("puebla, mexico")]

    assert {"Puebla, Mexico (America/Mexico_City)", "Puebla, Mexico (America/Tijuana)"} <= set(labels)


@pytest.mark.parametrize(
    ("text", "zones"),
    [
        ("Munich", ["Europe/Berlin"]),
        ("London", ["Europe/London"]),
        ("Portland", ["America/Los_Angeles", "America/New_York", "America/Chicago"]),
        ("hyderabad", ["Asia/Kolkata", "Asia/Karachi"]),
        ("ist", []),
        ("muni", []),
        ("", []),
        ("mwskw", []),
        ("Bandung, Indonesia", ["Asia/Jakarta"]),
        ("Bandung, Indo", ["Asia/Jakarta"]),
        ("Bandung, in", []),
        ("Munich, Germany, Austria", []),
    ],
)
def test_a_whole_name_means_the_largest_city_of_each_zone_or_the_one_that_is_by_far_the_largest(
    text: str, zones: list[str]
) -> None:
    assert [place.zone for place in cities_named(text)] == zones


@given(
    st.text(max_size=40) | st.lists(st.sampled_from([*"aeos,/_ -|'.ß東", "san", "new"]), max_size=8).map("".join)
)
@example("ﷺ" * 100)
@example("\x00")
@example("\ud800")
def test_whatever_is_typed_the_places_found_are_different_ones(text: str) -> None:
    found = search(text)

    assert len({place.label for place in found}) == len(found) <= 25
    assert all(search(place.label, most=1) == [place] for place in found[:2])


def test_threads_that_search_at_once_read_the_data_once() -> None:
    city_search._load.cache_clear()

    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(search, ["Munich"] * 8))

    assert all(one == found[0] for one in found)
    assert city_search._load.cache_info().misses == 1


def test_cities_in_a_zone_that_the_host_does_not_know_are_left_out() -> None:
    program = (
        "import zoneinfo; known = zoneinfo.available_timezones() - {'Europe/Vienna'}; "
        "zoneinfo.available_timezones = lambda: known; "
        "from scheduler.time.cities import population_by_zone, search; "
        "print(search('Vienna')[0].label); found = population_by_zone(); "
        "print('Europe/Vienna' in found, len(found) > 300)"
    )

    printed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout

    assert printed.splitlines() == ["Vienna, Virginia, United States", "False True"]
