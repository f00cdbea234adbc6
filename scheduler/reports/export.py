"""Export a server's data as CSV (RFC 4180), for spreadsheets or for rescheduling_id elsewhere."""

import csv
import io
import json
import re
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import datetime
from enum import Enum
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Column, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import AuditEntry, Base, Coach, CoachingSession, Review
from models.base import DiscordId
from scheduler.core.actor import Actor
from scheduler.reports.spreadsheets import BOM, escape

TABLES: Mapping[str, type[Base]] = {
    "sessions": CoachingSession,
    "coaches": Coach,
    "reviews": Review,
    "audit": AuditEntry,
}
"""The tables that can be exported, by the names admins use."""

_BATCH_SIZE = 500
"""Rows to read at a time, so a long history doesn't have to fit into memory twice."""
_ACTION, _DETAILS = AuditEntry.__table__.c.action, AuditEntry.__table__.c.details

DescribeDetails = Callable[[str, Mapping[str, Any]], str]
"""Describes the details of an audit log entry with this action."""


async def csv_pieces(
    session: AsyncSession,
    what: str,
    guild_id: int,
    actor: Actor,
    zone: ZoneInfo,
    describe_details: DescribeDetails,
) -> AsyncIterator[str]:
    """Yield the table as pieces of CSV, starting with the header. Raises NotAllowed.

    Times are ISO 8601 in `zone`, and ids are text. To read the file back in Python, open it as "utf-8-sig" for
    `csv` and pass cells to `spreadsheets.unescape`.
    """
    actor.must_be_admin()
    table: Any = TABLES[what]
    columns = list(table.__table__.columns)
    yield BOM + _to_csv([[heading(column.key) for column in columns]])
    query = select(*table.__table__.columns).where(table.guild_id == guild_id)
    found = await session.stream(query.order_by(*table.__table__.primary_key))
    async for rows in found.partitions(_BATCH_SIZE):
        yield _to_csv([_cells(columns, row, zone, describe_details) for row in rows])


def heading(column: str) -> str:
    """Name a column for people: "starts_at" is "Starts at", "coach_id" is "Coach ID"."""
    words = re.sub(r"\bid$", "ID", column.replace("_", " "))
    return words[:1].upper() + words[1:]


def _to_csv(rows: list[list[str]]) -> str:
    written = io.StringIO()
    csv.writer(written).writerows(rows)
    return written.getvalue()


def _cells(columns: list[Column[Any]], row: Any, zone: ZoneInfo, describe_details: DescribeDetails) -> list[str]:
    return [
        escape(describe_details(row.action, value)) if column is _DETAILS else _cell(column, value, zone)
        for column, value in zip(columns, row, strict=True)
    ]


def _cell(column: Column[Any], value: object, zone: ZoneInfo) -> str:
    match value:
        case None:
            return ""
        case datetime():
            return value.astimezone(zone).isoformat(timespec="seconds")
        case Enum():
            return str(value.value)
        case dict() | list():
            return escape(json.dumps(value, ensure_ascii=False))
        case int() if isinstance(column.type, DiscordId):
            return escape(str(value))
        case str() if column is _ACTION:
            return value.replace("_", " ")
        case str():
            return escape(value)
        case _:
            return str(value)
