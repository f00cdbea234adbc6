"""Cara coaches in every test here, on weekdays from 9 to 12 and from 13:30 to 17."""

import pytest

from tests.support.simulated import Academy


@pytest.fixture(autouse=True)
def opened(open_world: Academy) -> None:
    """Open the academy, which is the `world` that tests get."""
