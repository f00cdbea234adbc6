"""Read lists, reporting all their bad parts at once, and write them as English does: "30, 60 or 90"."""

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from scheduler.core.errors import Unreadable

T = TypeVar("T")

MOST_PROBLEMS = 10
"""Further problems are only counted, so that a refusal fits a message."""


def read_each(parts: Iterable[str], parse: Callable[[str], T], *others: str) -> list[T]:
    """Return what `parse` returns for each part of a list.

    Raises Unreadable for all parts that can't be read, and for `others`, which are problems with the whole list.
    The error is of the same type as the first part's.
    """
    read: list[T] = []
    wrong: list[Unreadable] = [Unreadable(*others)] if others else []
    for part in parts:
        try:
            read.append(parse(part))
        except Unreadable as error:
            wrong.append(error)
    if not wrong:
        return read
    problems = list(dict.fromkeys(problem for error in wrong for problem in error.problems))
    if (left_out := len(problems) - MOST_PROBLEMS) > 0:
        problems[MOST_PROBLEMS:] = [f"… and {left_out} more."]
    raise wrong[0] if len(wrong) == 1 else type(wrong[0])(*problems)


def all_of(words: Iterable[str], *, most: int | None = None) -> str:
    """Join words with "and". Of more than `most`, the rest is counted: "Ann, Bo and 3 more"."""
    listed = [*words]
    if most is not None and len(listed) > most:
        listed[most:] = [f"{len(listed) - most} more"]
    return _joined(listed, "and")


def any_of(words: Iterable[str]) -> str:
    """Join words with "or"."""
    return _joined([*words], "or")


def _joined(words: Sequence[str], last: str) -> str:
    *others, final = words or [""]
    return f"{', '.join(others)} {last} {final}" if others else final
