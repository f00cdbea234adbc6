"""What two processes need: a second connection pool on the same database."""

from collections.abc import AsyncIterator

import pytest

from models.storage.database import Database


@pytest.fixture
async def another(db: Database, database_url: str) -> AsyncIterator[Database]:
    """Open the database again, as another process does."""
    opened = Database(database_url)
    yield opened
    await opened.close()
