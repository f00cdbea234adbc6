"""Cities and zones as people search for them."""

import subprocess
import sys
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from scheduler.time import cities as city_search
from scheduler.time.cities import WELL_KNOWN, Place, cities_named, search
from scheduler.time.folding import Fold
from scheduler.time.time_zones import parse_zone
from scheduler.time.zone_names import zone_names
from tests.support.parameters import first_plain


@pytest.fixture(scope="module", autouse=True)
def cities() -> None:
    """Load them, or Hypothesis would take the first example for a slow test."""
    search("Munich")


@pytest.mark.parametrize(
    ("text", "label", "zone"),
    [
        ("Munich", "Munich, Germany", "Europe/Berlin"),
        ("München", "Munich, Germany", "Europe/Berlin"),
        ("MUNCHEN", "Munich, Germany", "Europe/Berlin"),
        ("muenchen", "Munich, Germany", "Europe/Berlin"),
        ("muni", "Munich, Germany", "Europe/Berlin"),
        ("Mumbai", "Mumbai, India", "Asia/Kolkata"),
        ("Bombay", "Mumbai, India", "Asia/Kolkata"),
        ("Bangalore", "Bengaluru, India", "Asia/Kolkata"),
        ("Beijing", "Beijing, China", "Asia/Shanghai"),
        ("Peking", "Beijing, China", "Asia/Shanghai"),
        ("San Francisco", "San Francisco, California, United States", "America/Los_Angeles"),
        ("sf", "San Francisco, California, United States", "America/Los_Angeles"),
        ("san fran", "San Francisco, California, United States", "America/Los_Angeles"),
        ("la", "Los Angeles, California, United States", "America/Los_Angeles"),
        ("NYC", "New York City, New York, United States", "America/New_York"),
        ("new york", "New York City, New York, United States", "America/New_York"),
        ("usa", "New York City, New York, United States", "America/New_York"),
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
        ("wies", "Wiesbaden, Germany", "Europe/Berlin"),
        ("janeiro", "Rio de Janeiro, Brazil", "America/Sao_Paulo"),
        ("germany", "Berlin, Germany", "Europe/Berlin"),
        ("texas", "Houston, Texas, United States", "America/Chicago"),
        ("Europe/Ber", "Europe/Berlin", "Europe/Berlin"),
        ("europe/berlin", "Europe/Berlin", "Europe/Berlin"),
        ("America/New York", "America/New_York", "America/New_York"),
        ("utc", "UTC", "UTC"),
    ],
)
def test_the_place_people_mean_is_found_first(text: str, label: str, zone: str) -> None:
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
def test_less_likely_places_are_found_later(text: str, label: str) -> None:
    assert label in [place.label for place in search(text, most=200)[1:]]


def test_exact_names_come_first_and_larger_cities_before_smaller_ones() -> None:
    labels = [place.label for place in search("vienna", most=200)]

    in_order = ["Vienna, Austria", "Vienna, Virginia, United States", "Europe/Vienna"]
    assert [label for label in labels if label in in_order] == in_order
    labels = [place.label for place in search("vegas", most=200)]
    in_order = ["Las Vegas, Nevada, United States", "North Las Vegas, Nevada, United States"]
    assert [label for label in labels if label in in_order] == in_order


@pytest.mark.parametrize(
    "text", ["qwxz", "???", ",", "|", "|munich|qwxz", "/", "_", "x" * 10_000, "Munich, Texas"]
)
def test_other_text_finds_nothing(text: str) -> None:
    assert [place for place in search(text) if "/" not in place.label] == []


@pytest.mark.parametrize("most", [1, 5, 25])
@pytest.mark.parametrize("text", ["", "a", "san", "united states"])
def test_a_search_returns_at_most_as_many_as_asked_for(text: str, most: int) -> None:
    assert len(search(text, most=most)) == min(most, len(WELL_KNOWN) if not text else most)


@pytest.mark.parametrize("text", ["", "  \n"])
def test_empty_text_suggests_places_on_many_clocks(text: str) -> None:
    offered = search(text)

    assert offered == list(WELL_KNOWN)
    assert len({place.zone for place in offered}) == len(offered)


@pytest.mark.parametrize("place", WELL_KNOWN)
def test_a_search_finds_the_suggested_places(place: Place) -> None:
    assert search(place.label)[0] == place


def test_every_city_has_a_known_zone_and_its_own_label() -> None:
    found = search("a", most=100_000) + search("s", most=100_000)

    by_label = {place.label: place for place in found}
    assert len(by_label) > 5_000
    assert {place.zone for place in found} <= set(zone_names().values())
    assert all(by_label[place.label] == place for place in found)
    assert max(len(label) for label in by_label) <= 100  # the longest choice Discord allows
    assert ZoneInfo(found[0].zone)


@pytest.mark.parametrize("letters", first_plain(["aa", "ka", "pu", "sa", "st", "zh", "wa"], plain=2))
def test_a_found_label_is_read_as_its_zone(letters: str) -> None:
    for place in search(letters, most=60):
        assert parse_zone(place.label) == place.zone
        assert cities_named(place.label) in ([place], [])  # the name of a zone isn't a city's


def test_cities_of_the_same_name_and_country_are_labelled_with_their_zones() -> None:
    labels = [place.label for place in search("puebla, mexico")]

    assert {"Puebla, Mexico (America/Mexico_City)", "Puebla, Mexico (America/Tijuana)"} <= set(labels)


@pytest.mark.parametrize(
    ("text", "zones"),
    [
        ("Munich", ["Europe/Berlin"]),
        ("London", ["Europe/London"]),
        ("Portland", ["America/Los_Angeles", "America/New_York", "America/Chicago"]),
        ("hyderabad", ["Asia/Kolkata", "Asia/Karachi"]),
        *((text, []) for text in ("ist", "muni", "", "mwskw", "Bandung, in", "Munich, Germany, Austria")),
        ("Bandung, Indonesia", ["Asia/Jakarta"]),
        ("Bandung, Indo", ["Asia/Jakarta"]),
    ],
)
def test_a_whole_name_means_the_largest_city_per_zone_or_the_dominant_one(text: str, zones: list[str]) -> None:
    assert [place.zone for place in cities_named(text)] == zones


@given(
    st.text(max_size=40) | st.lists(st.sampled_from([*"aeos,/_ -|'.ß東", "san", "new"]), max_size=8).map("".join)
)
@example("ﷺ" * 100)
@example("\x00")
@example("\ud800")
@example("un")  # Un and Ūn, both in India
def test_any_text_finds_different_places(text: str) -> None:
    found = search(text)

    assert len({place.label for place in found}) == len(found) <= 25
    assert all(search(place.label, most=1) == [place] for place in found[:2])


def test_places_that_only_an_accent_tells_apart_find_themselves() -> None:
    index, spellings = city_search._index(), defaultdict[str, set[Place]](set)
    for number in range(len(index.zone)):
        place = index.place(number)
        spellings[Fold()(place.label)].add(place)
    alike = [place for places in spellings.values() if len(places) > 1 for place in places]

    assert len(alike) > 50
    assert [search(one.label, most=1) for one in alike] == [[one] for one in alike]
    assert [cities_named(one.label) for one in alike] == [[one] for one in alike]


def test_concurrent_threads_load_the_data_once() -> None:
    city_search._load.cache_clear()

    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(search, ["Munich"] * 8))

    assert all(one == found[0] for one in found)
    assert city_search._load.cache_info().misses == 1


def test_cities_in_a_zone_unknown_to_the_host_are_left_out() -> None:
    program = (
        "import zoneinfo; known = zoneinfo.available_timezones() - {'Europe/Vienna'}; "
        "zoneinfo.available_timezones = lambda: known; "
        "from scheduler.time.cities import population_by_zone, search; "
        "print(search('Vienna')[0].label); found = population_by_zone(); "
        "print('Europe/Vienna' in found, len(found) > 300)"
    )

    printed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout

    assert printed.splitlines() == ["Vienna, Virginia, United States", "False True"]
