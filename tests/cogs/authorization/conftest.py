"""The academy in which everyone tries everything, which takes cards."""

from collections.abc import AsyncIterator

import pytest

from models.storage.database import Database
from tests.support.simulated import Academy, selling_academy
from tests.support.worlds import draw_once


@pytest.fixture
async def world(db: Database, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Academy]:
    """Open an academy that can take cards, so that there are all controls."""
    draw_once(monkeypatch)
    async with selling_academy(db) as made:
        yield made
