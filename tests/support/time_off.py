"""Closures for tests."""

from datetime import date
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from models import Closure
from tests.support.builders import GUILD, MONDAY


async def a_closure(session: AsyncSession, first: date, last: date | None = None, **changed: Any) -> Closure:
    """Store days on which the server is closed: one day, unless there's a last one."""
    values: dict[str, Any] = {"guild_id": GUILD, "name": "Closed", "created_at": MONDAY}
    made = Closure(first=first, last=last or first, **values | changed)
    session.add(made)
    await session.flush()
    return made
