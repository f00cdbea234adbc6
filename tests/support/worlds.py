"""The simulated academy as fixtures, for tests that press buttons."""

import functools
from collections.abc import AsyncIterator

import pytest

from cogs.images import week_image
from models.storage.database import Database
from scheduler.time import cities as city_search
from tests.support.simulated import Academy, academy


@pytest.fixture
def engine_name() -> str:
    """SQLite only: what people press does not depend on the engine, and the use cases are tested on both."""
    return "sqlite"


@pytest.fixture(scope="session", autouse=True)
def cities() -> None:
    """Read the list of cities once: on a busy machine that takes longer than a world waits."""
    city_search.search("Berlin")


_draw_once = functools.cache(week_image.draw)


@pytest.fixture
async def world(db: Database, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Academy]:
    """An academy on a Monday morning, not set up yet. Weeks that look alike are drawn once for all tests."""
    monkeypatch.setattr(week_image, "draw", _draw_once)
    async with academy(db) as made:
        yield made


@pytest.fixture
async def open_world(world: Academy) -> Academy:
    """An academy where Cara coaches on weekdays from 9 to 12 and from 13:30 to 17."""
    await world.already_open()
    return world
