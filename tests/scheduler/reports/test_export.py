"""Exported tables: who and what is in them, in which order, and that long ones are read in pieces."""

import csv
import io
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from sqlalchemy import insert

from models import AuditEntry, Review
from models.storage.database import Database
from scheduler.core import audit
from scheduler.core.actor import Actor
from scheduler.core.errors import NotAllowed
from scheduler.parsing.spreadsheets import BOM, unescape
from scheduler.reports import export
from tests.support.builders import ADMIN, COACH, GUILD, MONDAY, STUDENT, a_guild, a_server_with_a_coach, a_session
from tests.support.stored_workshops import ANN, BEN, CLEO, a_workshop
from tests.support.transactions import query, transact

DAY = timedelta(days=1)


async def log(db: Database, action: str, **about: Any) -> None:
    async with db.begin() as session:
        audit.record(session, GUILD, action, at=MONDAY, **about)


async def readable(db: Database, what: str, columns: export.Columns) -> list[str]:
    """Return the lines of a table for people, without the headings."""
    async with db.read() as session:
        pieces = [piece async for piece in export.readable_csv(session, what, GUILD, ADMIN, columns)]
    return "".join(pieces).splitlines()[1:]


async def test_sessions_are_in_the_order_of_their_starts(db: Database) -> None:
    await a_server_with_a_coach(db)
    for days in (3, 1, 2):
        await transact(db, a_session, starts_at=MONDAY + days * DAY)

    lines = await readable(db, "sessions", {"Date": lambda row: row.CoachingSession.starts_at.date()})

    assert lines == [str((MONDAY + days * DAY).date()) for days in (1, 2, 3)]


async def test_reviews_and_the_audit_log_name_their_sessions(db: Database) -> None:
    await a_server_with_a_coach(db)
    one = await transact(db, a_session)
    async with db.begin() as session:
        people = {"guild_id": GUILD, "coach_id": COACH, "student_id": STUDENT}
        session.add(Review(session_id=one.id, stars=5, created_at=MONDAY, updated_at=MONDAY, **people))
        audit.record(session, GUILD, "room_made", at=MONDAY, session_id=one.id)
        audit.record(session, GUILD, "bot_returned", at=MONDAY)

    assert await readable(db, "reviews", {"Session": lambda row: row.code}) == [one.code]
    assert await readable(db, "audit", {"Session": lambda row: row.code}) == [one.code, '""']


async def test_numbers_dates_and_times_are_plain_and_text_is_escaped(db: Database) -> None:
    await transact(db, a_guild)
    await log(db, "bot_returned")
    cells: list[Any] = [date(2026, 3, 5), time(16, 30, 59), 5, 4.5, None, "2026-03-05", "=1+1", "$60.00"]

    [line] = await readable(
        db, "audit", {str(number): lambda _, cell=cell: cell for number, cell in enumerate(cells)}
    )

    assert line == "2026-03-05,16:30,5,4.5,,'2026-03-05,'=1+1,$60.00"


async def test_a_complete_table_has_instants_in_utc(db: Database) -> None:
    await a_server_with_a_coach(db)
    at = datetime(2026, 3, 29, 0, 59, 59, 5, tzinfo=UTC)
    await transact(db, a_session, starts_at=MONDAY + DAY, created_at=at)

    async with db.read() as session:
        content = "".join([piece async for piece in export.complete_csv(session, "sessions", GUILD, ADMIN)])

    assert at.isoformat() in content
    assert content.count("\r\n") == 2


async def test_a_complete_table_of_sessions_has_a_row_for_each_participant(db: Database) -> None:
    await a_server_with_a_coach(db)
    await transact(db, a_session)
    workshop = await transact(db, a_workshop, ANN, BEN, CLEO, left=[BEN], starts_at=MONDAY + DAY)

    async with db.read() as session:
        content = "".join([piece async for piece in export.complete_csv(session, "sessions", GUILD, ADMIN)])

    rows = list(csv.DictReader(io.StringIO(content.removeprefix(BOM), newline="")))
    assert [(unescape(row["student_id"]), row["participant_status"], row["status"]) for row in rows[1:]] == [
        (str(ANN), "booked", "SCHEDULED"),
        (str(BEN), "left", "SCHEDULED"),
        (str(CLEO), "booked", "SCHEDULED"),
    ]
    assert [row["id"] for row in rows[1:]] == [str(workshop.id)] * 3


async def test_everyone_but_the_coaches_is_looked_up(db: Database) -> None:
    await a_server_with_a_coach(db)
    await transact(db, a_session)
    await log(db, "member_blocked", actor_id=7, member_id=8)

    assert await query(db, export.people_in, "sessions", GUILD, ADMIN) == {STUDENT}
    assert await query(db, export.people_in, "reviews", GUILD, ADMIN) == set()
    assert await query(db, export.people_in, "coaches", GUILD, ADMIN) == set()
    assert {7, 8} <= await query(db, export.people_in, "audit", GUILD, ADMIN)
    assert await query(db, export.coach_names, GUILD) == {COACH: "Cara"}


async def test_a_long_table_comes_in_pieces(db: Database) -> None:
    await transact(db, a_guild)
    rows = [{"guild_id": GUILD, "at": MONDAY, "action": "room_made", "details": {}} for _ in range(250)]
    async with db.begin() as session:
        await session.execute(insert(AuditEntry), rows)

    async with db.read() as session:
        columns: export.Columns = {"At": lambda row: row.AuditEntry.at.date()}
        pieces = [piece async for piece in export.readable_csv(session, "audit", GUILD, ADMIN, columns)]
        complete = [piece async for piece in export.complete_csv(session, "audit", GUILD, ADMIN)]

    assert [piece.count("\r\n") for piece in pieces] == [1, 100, 100, 50]
    assert [piece.count("\r\n") for piece in complete] == [1, 100, 100, 50]
    assert pieces[0] == f"{BOM}At\r\n"


@pytest.mark.parametrize("what", export.TABLES)
async def test_only_admins_can_export(db: Database, what: str) -> None:
    await transact(db, a_guild)
    coach = Actor(COACH)

    async with db.read() as session:
        for pieces in (
            export.readable_csv(session, what, GUILD, coach, {}),
            export.complete_csv(session, what, GUILD, coach),
        ):
            with pytest.raises(NotAllowed):
                await anext(pieces)
        with pytest.raises(NotAllowed):
            await export.people_in(session, what, GUILD, coach)
