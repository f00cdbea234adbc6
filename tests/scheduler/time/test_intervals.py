"""Half-open intervals, held against sets of points."""

from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler.time.intervals import Interval, overlaps_any, subtract, union

POINTS = range(-5, 30)

Pairs = list[tuple[int, int]]

PAIRS = st.lists(st.tuples(st.integers(-3, 25), st.integers(-3, 25)), max_size=8)
"""Also empty and reversed ones."""


def points(intervals: Pairs | list[Interval]) -> set[int]:
    """Every whole point that is inside."""
    return {point for point in POINTS for start, end in intervals if start <= point < end}


def is_tidy(intervals: list[Interval]) -> bool:
    """Sorted, none empty, none touching the next."""
    return all(one.start < one.end for one in intervals) and all(
        one.end < after.start for one, after in pairwise(intervals)
    )


@pytest.mark.parametrize(
    ("given_", "expected"),
    [
        ([], []),
        ([(1, 3)], [(1, 3)]),
        ([(5, 7), (1, 3)], [(1, 3), (5, 7)]),
        ([(1, 3), (2, 5)], [(1, 5)]),
        ([(1, 3), (3, 5)], [(1, 5)]),
        ([(1, 9), (2, 3)], [(1, 9)]),
        ([(4, 4), (6, 2)], []),
    ],
    ids=["none", "one", "sorted", "overlapping", "touching", "inside", "empty and reversed"],
)
def test_a_union_is_sorted_and_joins_what_overlaps_or_touches(given_: Pairs, expected: Pairs) -> None:
    assert union(given_) == expected


@pytest.mark.parametrize(
    ("taken", "left"),
    [
        ([], [(10, 20)]),
        ([(5, 10), (20, 25)], [(10, 20)]),
        ([(12, 14)], [(10, 12), (14, 20)]),
        ([(5, 12), (18, 25)], [(12, 18)]),
        ([(10, 20)], []),
        ([(5, 25)], []),
        ([(12, 14), (14, 16)], [(10, 12), (16, 20)]),
    ],
    ids=["nothing", "touching", "the middle", "both ends", "all", "more than all", "two that touch"],
)
def test_subtracting_leaves_what_is_in_none_of_the_others(taken: Pairs, left: Pairs) -> None:
    assert subtract([(10, 20)], taken) == left


@pytest.mark.parametrize(
    ("start", "end", "meets"),
    [
        (0, 10, False),
        (0, 11, True),
        (20, 30, False),
        (19, 30, True),
        (12, 13, True),
        (0, 99, True),
        (22, 28, False),
    ],
)
def test_touching_is_not_meeting(start: int, end: int, meets: bool) -> None:
    assert overlaps_any([Interval(10, 20), Interval(30, 40)], start, end) is meets


def test_intervals_of_instants_work_like_those_of_minutes() -> None:
    nine, ten, eleven = (datetime(2026, 3, 2, hour, tzinfo=UTC) for hour in (9, 10, 11))

    assert union([(ten, eleven), (nine, ten)]) == [(nine, eleven)]
    assert subtract([(nine, eleven)], [(ten, eleven)]) == [(nine, ten)]


@given(PAIRS)
def test_a_union_has_the_same_points(pairs: Pairs) -> None:
    joined = union(pairs)

    assert points(joined) == points(pairs)
    assert is_tidy(joined)


@given(PAIRS, PAIRS)
def test_a_difference_has_the_points_of_one_and_not_of_the_other(pairs: Pairs, taken: Pairs) -> None:
    left = subtract(pairs, taken)

    assert points(left) == points(pairs) - points(taken)
    assert is_tidy(left)


@given(PAIRS, st.integers(-5, 27), st.integers(1, 10))
def test_meeting_is_sharing_a_point(pairs: Pairs, start: int, length: int) -> None:
    shared = points(pairs) & set(range(start, start + length))

    assert overlaps_any(union(pairs), start, start + length) is bool(shared)
