"""Set operations on half-open intervals `[start, end)`. Touching intervals don't overlap."""

from collections.abc import Iterable
from typing import Any, NamedTuple, TypeVar

T = TypeVar("T", bound=Any)


class Interval(NamedTuple):
    """`[start, end)` in minutes, or any other ordered type."""

    start: Any
    end: Any


def union(intervals: Iterable[tuple[Any, Any]]) -> list[Interval]:
    """Merge overlapping and touching intervals, sort them, and drop empty ones."""
    merged: list[Interval] = []
    for start, end in sorted(pair for pair in intervals if pair[0] < pair[1]):
        if merged and start <= merged[-1].end:
            if end > merged[-1].end:
                merged[-1] = Interval(merged[-1].start, end)
        else:
            merged.append(Interval(start, end))
    return merged


def subtract(intervals: Iterable[tuple[Any, Any]], taken: Iterable[tuple[Any, Any]]) -> list[Interval]:
    """Remove `taken` from `intervals`. The result is sorted, and its intervals don't touch."""
    left: list[Interval] = []
    cuts = union(taken)
    first = 0
    for start, end in union(intervals):
        while first < len(cuts) and cuts[first].end <= start:
            first += 1
        at = start
        for cut in cuts[first:]:
            if cut.start >= end:
                break
            if cut.start > at:
                left.append(Interval(at, cut.start))
            at = cut.end
        if at < end:
            left.append(Interval(at, end))
    return left


def intersect(intervals: Iterable[tuple[Any, Any]], others: Iterable[tuple[Any, Any]]) -> list[Interval]:
    """Return what both have in common. The result is sorted, and its intervals don't touch."""
    first = union(intervals)
    return subtract(first, subtract(first, others))
