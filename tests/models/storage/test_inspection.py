"""Inspecting a database without writing to it."""

import os
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from models.storage import inspection, schema_version
from models.storage.database import Database


async def test_inspection_cannot_write(db: Database):
    with pytest.raises(DBAPIError, match=r"read-?only"):
        await inspection.inspect_database(db, lambda session: session.execute(text("DELETE FROM guilds")))


async def test_inspection_does_not_create_a_missing_file(tmp_path: Path):
    db = Database(f"sqlite:///{tmp_path / 'none.db'}")

    with pytest.raises(DBAPIError):
        await inspection.inspect_database(db, schema_version.current_revision)

    await db.close()
    assert os.listdir(tmp_path) == []
