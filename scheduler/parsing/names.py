"""Comparing, searching and sorting names the way people read them.

The database doesn't do this, because engines disagree: SQLite only knows upper and lower case in ASCII, and
PostgreSQL sorts by its host's language.
"""

import unicodedata
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import TypeVar

T = TypeVar("T")

_OTHER_LETTERS = str.maketrans({"ł": "l", "ø": "o", "đ": "d", "ð": "d", "ı": "i", "æ": "ae", "œ": "oe", "þ": "th"})
"""Letters that Unicode doesn't decompose, with what people type who don't have them on their keyboard."""

_NO_ACCENTS = (7, 8, 9)
"""Combining classes of marks that make a different letter, as in か and が."""


@lru_cache(maxsize=4096)
def key(name: str) -> str:
    """Fold a name: no case, accents, wide letters or extra spaces, so that "José" and "jose" match."""
    folded = unicodedata.normalize("NFKD", name).casefold()
    plain = "".join(one for one in folded if unicodedata.combining(one) in (0, *_NO_ACCENTS))
    return " ".join(plain.translate(_OTHER_LETTERS).split())


def same(name: str, other: str) -> bool:
    """Whether people would call it the same name."""
    return key(name) == key(other)


def contains(name: str, part: str) -> bool:
    """Whether the name contains what somebody typed."""
    return key(part) in key(name)


def in_order(rows: Iterable[T], name_and_id: Callable[[T], tuple[str, int]]) -> list[T]:
    """Sort by name, then by id; the same on every engine and host."""
    return sorted(rows, key=lambda row: place(*name_and_id(row)))


def place(name: str, id_: int) -> tuple[str, str, int]:
    """The key to sort by: the name, then what tells apart people who share it."""
    return key(name), name, id_
