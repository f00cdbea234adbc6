"""Export a server's data as CSV (RFC 4180): tables for people, and complete ones for other programs."""

import csv
import dataclasses
import io
import json
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal
from enum import Enum
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from models import (
    AuditEntry,
    Base,
    Coach,
    CoachingSession,
    Guild,
    Offer,
    Participant,
    Review,
    Series,
    SeriesRule,
    Wish,
    Workshop,
)
from models.base import DiscordId
from scheduler.availability import coach_search
from scheduler.core.actor import Actor
from scheduler.parsing.spreadsheets import BOM, escape
from scheduler.reports import earnings, workshops
from scheduler.reports.earnings import Earned

TABLES: Mapping[str, type[Base]] = {
    "sessions": CoachingSession,
    "coaches": Coach,
    "reviews": Review,
    "audit": AuditEntry,
    "wishes": Wish,
    "offers": Offer,
    "workshops": Workshop,
    "series": Series,
}
"""The tables that can be exported, by the names admins use."""
STATEMENT = "statement"
"""What can be exported, too: what each coach earned by month."""

_BATCH_SIZE = 100
"""Rows to read and write at a time, so a long history neither fills the memory nor keeps others waiting."""
_PEOPLE = {
    "sessions": (Participant.user_id,),
    "coaches": (),
    "reviews": (Review.student_id,),
    "audit": (AuditEntry.actor_id, AuditEntry.coach_id, AuditEntry.member_id),
    "wishes": (Wish.user_id,),
    "offers": (Offer.user_id,),
    "workshops": (),
    "series": (Series.student_id, Series.decided_by, Series.ended_by),
}
"""The columns with people who may not be coaches."""

Cell = str | int | float | Decimal | date | time | None
"""Spreadsheets can sort and add numbers, dates and times. Text is escaped, so it stays text."""
Columns = Mapping[str, Callable[[Any], Cell]]
"""What each column of a table for people holds, by its heading."""


async def coach_names(session: AsyncSession, guild_id: int) -> dict[int, str]:
    """Return the stored names of all coaches and applicants, by id."""
    names = select(Coach.user_id, Coach.display_name).where(Coach.guild_id == guild_id)
    return dict(list(await session.execute(names)))


async def taught(session: AsyncSession, guild_id: int) -> dict[int, str]:
    """Return what each coach teaches, by id: "Mixing, Mastering"."""
    taught = await coach_search.specialties_by_coach(session, guild_id)
    return {coach_id: ", ".join(names.values()) for coach_id, names in taught.items()}


async def people_in(session: AsyncSession, what: str, guild_id: int, actor: Actor) -> set[int]:
    """Return the ids of everyone in a table but its coaches. Raises NotAllowed."""
    actor.must_be_admin()
    found: set[int] = set()
    for column in _PEOPLE.get(what, ()):
        ids = select(column).where(column.parent.class_.guild_id == guild_id, column.is_not(None)).distinct()
        found.update(await session.scalars(ids))
    return found


async def readable_csv(
    session: AsyncSession, what: str, guild_id: int, actor: Actor, columns: Columns
) -> AsyncIterator[str]:
    """Yield a table for people as pieces of CSV, starting with the headings. Raises NotAllowed.

    `columns` are given rows with an object of the table under its class's name, for reviews, the audit log,
    wishes and offers with the `code` of the session, for the last two with the `title` of the workshop in which a
    seat is meant, for wishes also with when it `starts_at`, for workshops with the number of seats `taken`, and
    for series with the `SeriesRule` that was made last.
    """
    actor.must_be_admin()
    table: Any = TABLES[what]
    query = _READABLE[what].where(table.guild_id == guild_id)
    async for piece in csv_of(session, query, columns):
        yield piece


async def csv_of(session: AsyncSession, query: Select[Any], columns: Columns) -> AsyncIterator[str]:
    """Yield the rows of a query as pieces of CSV for people, starting with the headings."""
    async for piece in _pieces(session, query, columns, lambda row: [fill(row) for fill in columns.values()]):
        yield piece


async def complete_csv(session: AsyncSession, what: str, guild_id: int, actor: Actor) -> AsyncIterator[str]:
    """Yield a table for other programs as pieces of CSV: all columns, by their names. Raises NotAllowed.

    Times are ISO 8601 in UTC, amounts are in minor units, ids are text, and lists are JSON. To read the file back
    in Python, open it as "utf-8-sig" for `csv` and pass cells to `spreadsheets.unescape`.
    """
    actor.must_be_admin()
    table: Any = TABLES[what]
    columns: dict[str, Any] = dict(table.__table__.columns)
    query: Any = select(table.__table__)
    order: list[Any] = list(table.__table__.primary_key)
    if table is CoachingSession:
        theirs = {_OF_PARTICIPANT.get(name, name): one for name, one in Participant.__table__.columns.items()}
        columns |= {name: one for name, one in theirs.items() if name not in ("session_id", *columns)}
        order += [Participant.joined_at, Participant.user_id]
        query = query.join(Participant, Participant.session_id == CoachingSession.id)
    if table is Workshop:
        columns |= {"taken": workshops.taken()} | {
            name: CoachingSession.__table__.c[name] for name in _OF_WORKSHOP
        }
        query = query.join(CoachingSession, CoachingSession.id == Workshop.session_id)
    if table is Series:
        columns |= {name: SeriesRule.__table__.c[name] for name in _OF_RULE}
        query = query.join(SeriesRule, _LAST_RULE)
    query = query.with_only_columns(*columns.values(), maintain_column_froms=True)

    def cells(row: Any) -> list[Cell]:
        return [_complete(column, value) for column, value in zip(columns.values(), row, strict=True)]

    query = query.where(table.guild_id == guild_id).order_by(*order)
    async for piece in _pieces(session, query, columns, cells):
        yield piece


async def readable_statement(
    session: AsyncSession, guild: Guild, actor: Actor, now: datetime, columns: Columns
) -> str:
    """Return what each coach earned by month as CSV for people, whose `columns` are given `Earned`.

    Raises NotAllowed.
    """
    earned = await earnings.by_month(session, guild, actor, now)
    return BOM + _to_csv([list(columns), *([fill(one) for fill in columns.values()] for one in earned)])


async def complete_statement(session: AsyncSession, guild: Guild, actor: Actor, now: datetime) -> str:
    """Return what each coach earned by month as CSV for other programs. Raises NotAllowed."""
    names = [field.name for field in dataclasses.fields(Earned)]
    earned = await earnings.by_month(session, guild, actor, now)
    rows = ([_plain(name, getattr(one, name)) for name in names] for one in earned)
    return BOM + _to_csv([names, *rows])


def _plain(name: str, value: Cell) -> Cell:
    return str(value) if name == "coach_id" else value


async def _pieces(
    session: AsyncSession, query: Select[Any], headings: Iterable[str], cells: Callable[[Any], list[Cell]]
) -> AsyncIterator[str]:
    yield BOM + _to_csv([list(headings)])
    found = await session.stream(query.execution_options(yield_per=_BATCH_SIZE))
    async for rows in found.partitions():
        yield _to_csv(map(cells, rows))


def _to_csv(rows: Iterable[list[Any]]) -> str:
    written = io.StringIO()
    csv.writer(written).writerows([_written(cell) for cell in row] for row in rows)
    return written.getvalue()


def _written(cell: Cell) -> str:
    match cell:
        case None:
            return ""
        case str():
            return escape(cell)
        case time():
            return f"{cell:%H:%M}"
        case _:
            return str(cell)


def _complete(column: ColumnElement[Any], value: object) -> Cell:
    match value:
        case datetime():
            return value.astimezone(UTC).isoformat()
        case Enum():
            return str(value.value)
        case dict() | list():
            return json.dumps(value, ensure_ascii=False)
        case bool():
            return json.dumps(value)
        case int() if isinstance(column.type, DiscordId):
            return str(value)
        case str() | int() | float() | None:
            return value
        case _:
            return str(value)


_OF_PARTICIPANT = {"user_id": "student_id", "status": "participant_status"}
"""How their columns are called in the complete table of sessions, which has a row for each participant."""

_OF_WORKSHOP = (
    "code",
    "coach_id",
    "starts_at",
    "ends_at",
    "currency",
    "status",
    "cancelled_at",
    "cancelled_by",
    "cancel_reason",
)
"""What the complete table of workshops says about their sessions."""

_OF_RULE = ("first_day", "start_minute", "time_zone", "interval_weeks")
"""What the complete table of series says about the rule that was made last."""
_LATER = aliased(SeriesRule)
_LAST_RULE = (SeriesRule.series_id == Series.id) & (
    SeriesRule.first_occurrence
    == select(func.max(_LATER.first_occurrence)).where(_LATER.series_id == Series.id).scalar_subquery()
)

_READABLE: Mapping[str, Any] = {
    "sessions": select(CoachingSession, Participant)
    .join(CoachingSession.participants)
    .order_by(CoachingSession.starts_at, CoachingSession.id, Participant.joined_at, Participant.user_id),
    "coaches": select(Coach).order_by(Coach.display_name, Coach.user_id),
    "reviews": select(Review, CoachingSession.code)
    .join(CoachingSession, CoachingSession.id == Review.session_id)
    .order_by(Review.created_at, Review.session_id, Review.student_id),
    "audit": select(AuditEntry, CoachingSession.code)
    .outerjoin(CoachingSession, CoachingSession.id == AuditEntry.session_id)
    .order_by(AuditEntry.at, AuditEntry.id),
    "wishes": select(Wish, Workshop.title, CoachingSession.starts_at, CoachingSession.code)
    .outerjoin(CoachingSession, CoachingSession.id == Wish.session_id)
    .outerjoin(Workshop, Workshop.session_id == Wish.session_id)
    .order_by(Wish.id),
    "offers": select(Offer, Workshop.title, CoachingSession.code)
    .outerjoin(CoachingSession, CoachingSession.id == Offer.session_id)
    .outerjoin(Workshop, Workshop.session_id == Offer.session_id)
    .order_by(Offer.id),
    "workshops": select(Workshop, workshops.taken())
    .join(Workshop.session)
    .order_by(CoachingSession.starts_at, CoachingSession.id),
    "series": select(Series, SeriesRule).join(SeriesRule, _LAST_RULE).order_by(Series.id),
}
