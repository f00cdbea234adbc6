"""Names as people type and read them: when two are the same, which contains which, and in what order they stand.

It is done here and not by the database, because no two engines agree: SQLite knows upper and lower case of ASCII
only, and PostgreSQL sorts as its host's language does.
"""

import unicodedata
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import TypeVar

T = TypeVar("T")

_OTHER_LETTERS = str.maketrans({"ł": "l", "ø": "o", "đ": "d", "ð": "d", "ı": "i", "æ": "ae", "œ": "oe", "þ": "th"})
"""Letters that people without them on their keyboard type otherwise, but that Unicode does not take apart."""

_NO_ACCENTS = (7, 8, 9)
"""Combining classes of marks that make another letter of it: か and が, say."""


@lru_cache(maxsize=4096)
def key(name: str) -> str:
    """A name without case, accents, wide letters and blanks too many, so that "José" and "jose" agree."""
    folded = unicodedata.normalize("NFKD", name).casefold()
    plain = "".join(one for one in folded if unicodedata.combining(one) in (0, *_NO_ACCENTS))
    return " ".join(plain.translate(_OTHER_LETTERS).split())


def same(name: str, other: str) -> bool:
    """Whether people would take them for one name."""
    return key(name) == key(other)


def contains(name: str, part: str) -> bool:
    """Whether somebody who has typed `part` may mean this name."""
    return key(part) in key(name)


def in_order(rows: Iterable[T], name_and_id: Callable[[T], tuple[str, int]]) -> list[T]:
    """By name, then by id; the same on every engine and host."""
    return sorted(rows, key=lambda row: place(*name_and_id(row)))


def place(name: str, id_: int) -> tuple[str, str, int]:
    """To sort by: the name, and what keeps those apart who share it."""
    return key(name), name, id_
