"""Long lists, one page at a time."""

from collections.abc import Sequence
from typing import Generic, NamedTuple, TypeVar

T = TypeVar("T")


class Page(NamedTuple, Generic[T]):
    """A page of results."""

    shown: Sequence[T]
    has_more: bool
