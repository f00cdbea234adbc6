"""Someone's sessions page by page, compared with a plain sort of them all, and what a page costs."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncSession

from models import CoachingSession, SessionStatus
from models.storage.database import Database
from scheduler.sessions import upcoming
from tests.support.builders import COACH, DAY, GUILD, HOUR, MINUTE, MONDAY, STUDENT, a_coach, a_guild, a_session
from tests.support.transactions import query, transact

SIZE = 3
OTHER = STUDENT + 1
AHEAD = (SessionStatus.SCHEDULED, SessionStatus.IN_PROGRESS)


async def set_up(session: AsyncSession) -> None:
    await a_guild(session)
    for user_id in (COACH, STUDENT):  # the student coaches too
        await a_coach(session, user_id=user_id)


async def some_sessions(session: AsyncSession, count: int, seed: int) -> list[CoachingSession]:
    """Store sessions of both roles and of others, many of them at the same instants."""
    chance = random.Random(seed)
    made = []
    for _ in range(count):
        coach_id, student_id = chance.choice([(COACH, STUDENT), (STUDENT, OTHER), (COACH, OTHER)])
        starts_at = MONDAY + chance.randrange(-8, 8) * 3 * HOUR
        status = chance.choice(list(SessionStatus))
        values: dict[str, Any] = {"coach_id": coach_id, "student_id": student_id, "status": status}
        made.append(await a_session(session, starts_at=starts_at, reserved=False, **values))
    return made


async def a_page(session: AsyncSession, user_id: int = STUDENT, page: int = 0) -> upcoming.Page:
    return await upcoming.list_page(session, [GUILD], user_id, MONDAY, page=page, size=SIZE)


async def all_pages(session: AsyncSession, user_id: int) -> list[upcoming.Page]:
    pages = [await a_page(session, user_id)]
    while pages[-1].has_more:
        pages.append(await a_page(session, user_id, len(pages)))
    return pages


@pytest.mark.parametrize("seed", range(5))
async def test_all_pages_together_are_a_plain_sort_of_all_sessions(db: Database, seed: int) -> None:
    async with db.begin() as session:
        await set_up(session)
        made = await some_sessions(session, 40, seed)

    async with db.read() as session:
        for user_id in (COACH, STUDENT, OTHER):
            mine = [one for one in made if user_id in (one.coach_id, one.student_id)]
            ahead = sorted(one.starts_at for one in mine if one.status in AHEAD)
            past = sorted((one.starts_at for one in mine if one.status not in AHEAD), reverse=True)

            pages = await all_pages(session, user_id)

            found = [one for page in pages for one in page.sessions]
            assert sorted(one.id for one in found) == sorted(one.id for one in mine)
            assert [one.starts_at for one in found] == ahead + past
            assert {page.upcoming for page in pages} == {len(ahead)}
            assert [len(page.sessions) for page in pages[:-1]] == [SIZE] * (len(pages) - 1)


async def test_sessions_at_the_same_instant_are_on_exactly_one_page(db: Database) -> None:
    async with db.begin() as session:
        await set_up(session)
        made = [
            await a_session(session, starts_at=MONDAY, status=SessionStatus.CANCELLED, reserved=False)
            for _ in range(40)
        ]
        for one in reversed(made[::2]):  # updated rows are stored in a different order
            one.student.notes = "x" * 500
            await session.flush()

    pages = await query(db, all_pages, STUDENT)

    found = [one.id for page in pages for one in page.sessions]
    assert found == [one.id for one in reversed(made)]


@pytest.mark.parametrize("count", [0, 1, SIZE - 1, SIZE, SIZE + 1, 2 * SIZE, 2 * SIZE + 1])
@pytest.mark.parametrize("ahead", [0, 1, SIZE, SIZE + 1])
async def test_only_the_last_page_has_no_more(db: Database, count: int, ahead: int) -> None:
    async with db.begin() as session:
        await set_up(session)
        for number in range(count):
            status = SessionStatus.SCHEDULED if number < ahead else SessionStatus.COMPLETED
            await a_session(session, starts_at=MONDAY + number * HOUR, status=status, reserved=False)

    async with db.read() as session:
        pages = await all_pages(session, STUDENT)
        beyond = await a_page(session, page=len(pages) + 5)

    lengths = [min(SIZE, count - first) for first in range(0, max(count, 1), SIZE)]
    assert [len(page.sessions) for page in pages] == lengths
    assert (beyond.sessions, beyond.has_more, beyond.upcoming) == ([], False, min(ahead, count))


@pytest.mark.parametrize(
    ("ago", "is_ahead"), [(HOUR, True), (25 * HOUR - MINUTE, True), (25 * HOUR, False), (9 * DAY, False)]
)
async def test_a_session_that_started_too_long_ago_to_be_running_is_over_whatever_its_status(
    db: Database, ago: timedelta, is_ahead: bool
) -> None:
    async with db.begin() as session:
        await set_up(session)
        await a_session(session, starts_at=MONDAY - ago, status=SessionStatus.IN_PROGRESS, reserved=False)

    page = await query(db, a_page)

    assert (page.upcoming, len(page.sessions)) == (int(is_ahead), 1)


async def test_sessions_of_another_server_are_not_listed(db: Database) -> None:
    async with db.begin() as session:
        await set_up(session)
        await a_guild(session, id=GUILD + 1)
        await a_coach(session, guild_id=GUILD + 1)
        await a_session(session, guild_id=GUILD + 1)

    page = await query(db, a_page)

    assert page == upcoming.Page([], 0, has_more=False)


@contextmanager
def cost(db: Database) -> Iterator[dict[str, int]]:
    """Count the statements sent and the sessions loaded."""
    spent = {"statements": 0, "rows": 0}

    def sent(*_: object) -> None:
        spent["statements"] += 1

    def read(*_: object) -> None:
        spent["rows"] += 1

    event.listen(db.engine.sync_engine, "before_cursor_execute", sent)
    event.listen(CoachingSession, "load", read)
    try:
        yield spent
    finally:
        event.remove(db.engine.sync_engine, "before_cursor_execute", sent)
        event.remove(CoachingSession, "load", read)


async def first_page_cost(db: Database, first: datetime, count: int) -> dict[str, int]:
    """Return what the first page costs with `count` more past sessions, from `first` backwards."""
    async with db.begin() as session:
        for number in range(count):
            starts_at = first - number * DAY
            await a_session(session, starts_at=starts_at, status=SessionStatus.COMPLETED, reserved=False)
    with cost(db) as spent:
        # In a writing transaction: on SQLite, only that engine has listeners.
        page = await transact(db, a_page)
    assert len(page.sessions) == SIZE
    assert page.has_more
    return spent


async def test_a_page_costs_the_same_however_long_the_history(db: Database) -> None:
    async with db.begin() as session:
        await set_up(session)
        await a_session(session, starts_at=MONDAY + HOUR)

    short = await first_page_cost(db, MONDAY - DAY, 10)
    long = await first_page_cost(db, MONDAY - 20 * DAY, 300)

    assert long == short
    assert short["statements"] <= 8
    assert short["rows"] <= 2 * (SIZE + 1)
