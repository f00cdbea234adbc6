"""Fixtures for tests that call Discord. Requests don't depend on the engine."""

from collections.abc import AsyncIterator

import pytest

from models.storage.database import Database
from tests.support.direct import Direct, direct
from tests.support.worlds import world

__all__ = ["engine_name", "here", "world"]


@pytest.fixture
def engine_name() -> str:
    return "sqlite"


@pytest.fixture
async def here(db: Database) -> AsyncIterator[Direct]:
    async with direct(db) as here:
        yield here
