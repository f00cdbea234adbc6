"""Parameters of tests that plain pytest runs with few of them."""

from collections.abc import Iterable
from typing import Any

import pytest


def first_plain(values: Iterable[Any], *, plain: int = 1) -> list[Any]:
    """Leave all but the first values to the slow tests, where one case shows nearly as much as all."""
    listed = list(values)
    return [*listed[:plain], *(pytest.param(*_as_tuple(one), marks=pytest.mark.slow) for one in listed[plain:])]


def _as_tuple(value: Any) -> tuple[Any, ...]:
    return value if type(value) is tuple else (value,)  # a named tuple is one value
