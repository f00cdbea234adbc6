"""One transaction a line: run a use case, or look at what's in the database afterwards."""

from collections.abc import Awaitable, Callable
from typing import Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy import Select
from sqlalchemy.ext.asyncio import AsyncSession

from models.base import Base
from models.storage.database import Database

P = ParamSpec("P")
T = TypeVar("T")
Row = TypeVar("Row", bound=Base)


async def transact(
    db: Database, use_case: Callable[Concatenate[AsyncSession, P], Awaitable[T]], *args: P.args, **kwargs: P.kwargs
) -> T:
    """Run this in a transaction of its own that commits; return what it returns."""
    async with db.begin() as session:
        return await use_case(session, *args, **kwargs)


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
    """Return everything that this selects."""
    async with db.read() as session:
        return list(await session.scalars(rows))


async def fetch_only(db: Database, rows: Select[T]) -> T:
    """Return the one row that this selects; fails if there are none, or several."""
    async with db.read() as session:
        return (await session.scalars(rows)).one()
