"""Fixtures of the simulated academy, for tests that press buttons."""

import functools
from collections.abc import AsyncIterator

import pytest

from cogs.images import week_image
from models.storage.database import Database
from scheduler.time import cities as city_search
from tests.support.simulated import Academy, academy


@pytest.fixture
def engine_name() -> str:
    """SQLite only: presses don't depend on the engine, and use cases are tested on both."""
    return "sqlite"


@pytest.fixture(scope="session", autouse=True)
def cities() -> None:
    """Load the cities once: on a busy machine that takes longer than a world waits."""
    city_search.search("Berlin")


_draw_once = functools.cache(week_image.draw)


def draw_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let all tests share equal week pictures."""
    monkeypatch.setattr(week_image, "draw", _draw_once)


@pytest.fixture
async def world(db: Database, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Academy]:
    """Open an academy on a Monday morning, not set up yet."""
    draw_once(monkeypatch)
    async with academy(db) as made:
        yield made


@pytest.fixture
async def open_world(world: Academy) -> Academy:
    """Open an academy where Cara coaches on weekdays from 9 to 12 and from 13:30 to 17."""
    await world.already_open()
    return world
