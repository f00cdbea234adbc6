"""A server's rows as CSV (RFC 4180), for spreadsheets and for whoever wants to leave with their data."""

import csv
import io
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import datetime
from enum import Enum
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models import AuditEntry, Base, Coach, CoachingSession, Review
from scheduler.people import Actor

TABLES: Mapping[str, type[Base]] = {
    "sessions": CoachingSession,
    "coaches": Coach,
    "reviews": Review,
    "audit": AuditEntry,
}
"""What there is to export, by what admins call it."""

_ROWS = 500
"""Read at a time, so that a long history does not have to fit into memory twice."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""Spreadsheets run what begins so, https://owasp.org/www-community/attacks/CSV_Injection"""


async def lines(
    session: AsyncSession, what: str, guild_id: int, actor: Actor, zone: ZoneInfo
) -> AsyncIterator[str]:
    """The table in pieces, its header first; instants as ISO 8601 in `zone`, ids as text. Raises NotAllowed."""
    actor.must_be_admin()
    table: Any = TABLES[what]
    columns = [column.key for column in table.__table__.columns]
    yield _written([columns])
    query = select(*table.__table__.columns).where(table.guild_id == guild_id)
    found = await session.stream(query.order_by(*table.__table__.primary_key))
    async for rows in found.partitions(_ROWS):
        yield _written([[_cell(value, zone) for value in row] for row in rows])


def _written(rows: list[list[str]]) -> str:
    written = io.StringIO()
    csv.writer(written).writerows(rows)
    return written.getvalue()


def _cell(value: object, zone: ZoneInfo) -> str:
    for kind, write in _WRITE.items():
        if isinstance(value, kind):
            return write(value, zone)
    return str(value)


def _harmless(text: str, _: ZoneInfo) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text


_WRITE: Mapping[type[Any], Callable[[Any, ZoneInfo], str]] = {
    type(None): lambda _value, _zone: "",
    datetime: lambda at, zone: at.astimezone(zone).isoformat(timespec="seconds"),
    Enum: lambda one, _zone: str(one.value),
    str: _harmless,
}
