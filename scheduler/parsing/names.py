"""Compare, search and sort names the way people read them.

The database doesn't do this, because engines disagree: SQLite only knows upper and lower case in ASCII, and
PostgreSQL sorts by its host's language.
"""

import unicodedata
from functools import lru_cache

from scheduler.time.folding import OTHER_LETTERS

_FOLDED_LETTERS = str.maketrans(OTHER_LETTERS)
_NO_ACCENTS = (7, 8, 9)
"""Combining classes of marks that make another letter, as in か and が."""


@lru_cache(maxsize=4096)
def key(name: str) -> str:
    """Fold a name: no case, accents, wide letters or extra spaces, so that "José" and "jose" match."""
    folded = unicodedata.normalize("NFKD", name).casefold()
    plain = "".join(one for one in folded if unicodedata.combining(one) in (0, *_NO_ACCENTS))
    return " ".join(plain.translate(_FOLDED_LETTERS).split())


def are_same(name: str, other: str) -> bool:
    """Return whether people would call it the same name."""
    return key(name) == key(other)


def contains(name: str, part: str) -> bool:
    """Return whether the name contains what someone typed."""
    return key(part) in key(name)


def sort_key(name: str, id_: int) -> tuple[str, str, int]:
    """Return the key to sort by, the same on every engine and host: the name, then what tells namesakes apart."""
    return key(name), name, id_
