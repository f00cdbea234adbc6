"""Half-open intervals, compared with sets of points."""

from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler.time.intervals import Interval, intersect, subtract, union

POINTS = range(-5, 30)

Pairs = list[tuple[int, int]]

PAIRS = st.lists(st.tuples(st.integers(-3, 25), st.integers(-3, 25)), max_size=8)
"""Some are empty or reversed."""


def points(intervals: Pairs | list[Interval]) -> set[int]:
    """Return every whole point inside."""
    return {point for point in POINTS for start, end in intervals if start <= point < end}


def is_tidy(intervals: list[Interval]) -> bool:
    """Return whether they're sorted, none is empty, and none touches the next."""
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
def test_a_union_is_sorted_and_joins_overlapping_and_touching_intervals(given_: Pairs, expected: Pairs) -> None:
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
def test_subtracting_leaves_what_no_other_interval_covers(taken: Pairs, left: Pairs) -> None:
    assert subtract([(10, 20)], taken) == left


def test_intervals_of_instants_work_like_intervals_of_minutes() -> None:
    nine, ten, eleven = (datetime(2026, 3, 2, hour, tzinfo=UTC) for hour in (9, 10, 11))

    assert union([(ten, eleven), (nine, ten)]) == [(nine, eleven)]
    assert subtract([(nine, eleven)], [(ten, eleven)]) == [(nine, ten)]


@given(PAIRS)
def test_a_union_has_the_same_points(pairs: Pairs) -> None:
    joined = union(pairs)

    assert points(joined) == points(pairs)
    assert is_tidy(joined)


@given(PAIRS, PAIRS)
def test_a_difference_has_the_points_of_only_the_first(pairs: Pairs, taken: Pairs) -> None:
    left = subtract(pairs, taken)

    assert points(left) == points(pairs) - points(taken)
    assert is_tidy(left)


@given(PAIRS, PAIRS)
def test_an_intersection_has_the_points_of_both(pairs: Pairs, others: Pairs) -> None:
    common = intersect(pairs, others)

    assert points(common) == points(pairs) & points(others)
    assert is_tidy(common)
