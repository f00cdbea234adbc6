"""These tests use a simulated academy that takes bookings."""

import pytest

from tests.support.simulated import Academy
from tests.support.worlds import cities, engine_name
from tests.support.worlds import world as new_world

__all__ = ["cities", "engine_name", "new_world"]


@pytest.fixture
async def world(new_world: Academy) -> Academy:
    await new_world.already_open()
    return new_world
