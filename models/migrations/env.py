"""Runs migrations on a connection from `models.storage.database`, or on `-x url=…` from the shell."""

import asyncio
from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext
from sqlalchemy import Connection

import models  # noqa: F401  (registers the tables)
from models.base import Base, UTCDateTime
from models.storage.database import Database


def render_item(kind: str, item: Any, _context: AutogenContext) -> str | Literal[False]:
    """Write our column types the way script.py.mako imports them."""
    return "UTCDateTime()" if kind == "type" and isinstance(item, UTCDateTime) else False


def run(connection: Connection) -> None:
    """Run the requested migrations on this connection."""
    context.configure(
        connection=connection, target_metadata=Base.metadata, render_as_batch=True, render_item=render_item
    )
    with context.begin_transaction():
        context.run_migrations()


async def from_shell() -> None:
    """Run `alembic -x url=sqlite:///file revision --autogenerate -m "…"`."""
    database = Database(context.get_x_argument(as_dictionary=True)["url"])
    async with database.engine.begin() as connection:
        await connection.run_sync(run)
    await database.close()


if (given := context.config.attributes.get("connection")) is not None:
    run(given)
else:
    asyncio.run(from_shell())
