"""Telling a session's own room from one that only looks like it."""

from datetime import timedelta

import pytest

from scheduler.rooms.own_rooms import is_own, made_at
from tests.support.builders import HOUR, MINUTE, MONDAY
from tests.support.fakes import an_id_made_at

KNOWN = an_id_made_at(MONDAY)
TOLERANCE = 2 * MINUTE


def test_an_id_tells_when_it_was_made() -> None:
    assert made_at(KNOWN) == MONDAY


@pytest.mark.parametrize("as_we_make_it", [True, False])
def test_the_known_room_is_its_own_whatever_people_changed(as_we_make_it: bool) -> None:
    assert is_own(KNOWN, known_id=KNOWN, as_we_make_it=as_we_make_it, since=MONDAY + HOUR)


@pytest.mark.parametrize(
    ("after", "own"), [(-TOLERANCE, True), (TOLERANCE, True), (-TOLERANCE - MINUTE, False), (3 * MINUTE, False)]
)
def test_a_twin_was_made_at_the_same_time_as_the_known_room(after: timedelta, own: bool) -> None:
    twin = an_id_made_at(MONDAY + after) + 1

    assert is_own(twin, known_id=KNOWN, as_we_make_it=True, since=MONDAY) is own
    assert not is_own(twin, known_id=KNOWN, as_we_make_it=False, since=MONDAY)


@pytest.mark.parametrize(
    ("after", "own"),
    [(-TOLERANCE, True), (HOUR + TOLERANCE, True), (-3 * MINUTE, False), (HOUR + 3 * MINUTE, False)],
)
def test_without_a_known_room_it_was_made_while_there_should_have_been_one(after: timedelta, own: bool) -> None:
    found = an_id_made_at(MONDAY + after)

    assert is_own(found, known_id=None, as_we_make_it=True, since=MONDAY, until=MONDAY + HOUR) is own
    assert not is_own(found, known_id=None, as_we_make_it=False, since=MONDAY, until=MONDAY + HOUR)
