"""One transaction a line: run a use case, or look at what's in the database afterwards."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy import Select, inspect, text
from sqlalchemy.ext.asyncio import AsyncSession

from models.base import Base
from models.storage.database import Database
from scheduler.core.errors import CoachingError

P = ParamSpec("P")
T = TypeVar("T")
Row = TypeVar("Row", bound=Base)


async def transact(
    db: Database, use_case: Callable[Concatenate[AsyncSession, P], Awaitable[T]], *args: P.args, **kwargs: P.kwargs
) -> T:
    """Run this in a transaction of its own that commits; return what it returns."""
    async with db.begin() as session:
        return await use_case(session, *args, **kwargs)


async def attempt(
    db: Database, use_case: Callable[Concatenate[AsyncSession, P], Awaitable[T]], *args: P.args, **kwargs: P.kwargs
) -> T | CoachingError:
    """Like `transact`, but return the refusal. Raises any other error."""
    try:
        return await transact(db, use_case, *args, **kwargs)
    except CoachingError as refused:
        return refused


async def query(
    db: Database, question: Callable[Concatenate[AsyncSession, P], Awaitable[T]], *args: P.args, **kwargs: P.kwargs
) -> T:
    """Run this in a transaction that only reads; return what it returns."""
    async with db.read() as session:
        return await question(session, *args, **kwargs)


async def fetch(db: Database, table: type[Row], key: Any) -> Row:
    """Return the row with this primary key; fails if there is none."""
    async with db.read() as session:
        return await session.get_one(table, key)


async def fetch_all(db: Database, rows: Select[T]) -> list[T]:
    """Return everything that this selects, by primary key where the statement leaves the order open."""
    table = inspect(rows.column_descriptions[0]["entity"])
    async with db.read() as session:
        return list(await session.scalars(rows.order_by(*table.primary_key)))


async def fetch_only(db: Database, rows: Select[T]) -> T:
    """Return the one row that this selects; fails if there are none, or several."""
    async with db.read() as session:
        return (await session.scalars(rows)).one()


async def until_blocked(db: Database, *tasks: asyncio.Future[Any]) -> None:
    """Return once some transaction waits for a lock. Fails if all of `tasks` end without having to wait.

    SQLite begins one transaction at a time, so there's nothing to wait for.
    """
    async with asyncio.timeout(30):
        while not db.is_sqlite and not await query(db, _is_any_blocked):
            assert not all(one.done() for one in tasks), "it didn't wait"


async def _is_any_blocked(session: AsyncSession) -> bool:
    waiting = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    return bool(await session.scalar(text(f"SELECT EXISTS ({waiting})")))
