"""Somebody's sessions page by page, against a plain sort of all of them, and what a page costs."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

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
OVER = tuple(set(SessionStatus) - set(AHEAD))


async def set_up(session: AsyncSession) -> None:
    await a_guild(session)
    for user_id in (COACH, STUDENT):  # the student coaches, too
        await a_coach(session, user_id=user_id)


async def some_sessions(session: AsyncSession, count: int, seed: int) -> list[CoachingSession]:
    """Sessions of both roles and of others, many of them at the same instants."""
    chance = random.Random(seed)
    made = []
    for _ in range(count):
        coach_id, student_id = chance.choice([(COACH, STUDENT), (STUDENT, OTHER), (COACH, OTHER)])
        starts_at = MONDAY + chance.randrange(-8, 8) * 3 * HOUR
        status = chance.choice(list(SessionStatus))
        made.append(
            await a_session(
                session,
                coach_id=coach_id,
                student_id=student_id,
                starts_at=starts_at,
                status=status,
                reserved=False,
            )
        )
    return made


async def all_pages(session: AsyncSession, user_id: int) -> list[upcoming.Page]:
    pages = [await upcoming.page_of(session, GUILD, user_id, MONDAY, page=0, size=SIZE)]
    while pages[-1].has_more:
        pages.append(await upcoming.page_of(session, GUILD, user_id, MONDAY, page=len(pages), size=SIZE))
    return pages


@pytest.mark.parametrize("seed", range(5))
async def test_all_pages_together_are_a_plain_sort_of_all_sessions(db: Database, seed: int) -> None:
    async with db.begin() as session:
        await set_up(session)
        made = await some_sessions(session, 40, seed)

    async with db.read() as session:
        for user_id in (COACH, STUDENT, OTHER):
            mine = [one for one in made if user_id in (one.coach_id, one.student_id)]
            coming = [one for one in mine if one.status in AHEAD]
            over = [one for one in mine if one.status in OVER]
            starts = [
                *sorted(one.starts_at for one in coming),
                *sorted((one.starts_at for one in over), reverse=True),
            ]

            pages = await all_pages(session, user_id)

            found = [one for page in pages for one in page.sessions]
            assert sorted(one.id for one in found) == sorted(one.id for one in mine)
            assert [one.starts_at for one in found] == starts
            assert {page.coming for page in pages} == {len(coming)}
            assert [len(page.sessions) for page in pages[:-1]] == [SIZE] * (len(pages) - 1)


async def test_sessions_at_the_same_instant_stand_on_exactly_one_page(db: Database) -> None:
    async with db.begin() as session:
        await set_up(session)
        made = [
            await a_session(session, starts_at=MONDAY, status=SessionStatus.CANCELLED, reserved=False)
            for _ in range(40)
        ]
        for one in reversed(made[::2]):  # rewritten rows lie in another order than they were made in
            one.notes = "x" * 500
            await session.flush()

    pages = await query(db, all_pages, STUDENT)

    found = [one.id for page in pages for one in page.sessions]
    assert found == [one.id for one in reversed(made)]


@pytest.mark.parametrize("count", [0, 1, SIZE - 1, SIZE, SIZE + 1, 2 * SIZE, 2 * SIZE + 1])
@pytest.mark.parametrize("coming", [0, 1, SIZE, SIZE + 1])
async def test_only_the_last_page_has_no_more(db: Database, count: int, coming: int) -> None:
    async with db.begin() as session:
        await set_up(session)
        for number in range(count):
            status = SessionStatus.SCHEDULED if number < coming else SessionStatus.COMPLETED
            await a_session(session, starts_at=MONDAY + number * HOUR, status=status, reserved=False)

    async with db.read() as session:
        pages = await all_pages(session, STUDENT)
        beyond = await upcoming.page_of(session, GUILD, STUDENT, MONDAY, page=len(pages) + 5, size=SIZE)

    assert [len(page.sessions) for page in pages] == [
        min(SIZE, count - first) for first in range(0, max(count, 1), SIZE)
    ]
    assert (beyond.sessions, beyond.has_more, beyond.coming) == ([], False, min(coming, count))


@pytest.mark.parametrize(
    ("ago", "is_coming"), [(HOUR, True), (25 * HOUR - MINUTE, True), (25 * HOUR, False), (9 * DAY, False)]
)
async def test_what_began_too_long_ago_to_be_running_is_over_although_nobody_wrote_it_down(
    db: Database, ago: timedelta, is_coming: bool
) -> None:
    async with db.begin() as session:
        await set_up(session)
        await a_session(session, starts_at=MONDAY - ago, status=SessionStatus.IN_PROGRESS, reserved=False)

    page = await query(db, upcoming.page_of, GUILD, STUDENT, MONDAY, page=0, size=SIZE)

    assert (page.coming, len(page.sessions)) == (int(is_coming), 1)


async def test_sessions_of_another_server_are_not_listed(db: Database) -> None:
    async with db.begin() as session:
        await set_up(session)
        await a_guild(session, id=GUILD + 1)
        await a_coach(session, guild_id=GUILD + 1)
        await a_session(session, guild_id=GUILD + 1)

    page = await query(db, upcoming.page_of, GUILD, STUDENT, MONDAY, page=0, size=SIZE)

    assert page == upcoming.Page([], 0, has_more=False)


@contextmanager
def cost(db: Database) -> Iterator[dict[str, int]]:
    """How many statements were sent and how many sessions were read from rows."""
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
    """What the first page costs with `count` more sessions that are over, from `first` backwards."""
    async with db.begin() as session:
        for number in range(count):
            starts_at = first - number * DAY
            await a_session(session, starts_at=starts_at, status=SessionStatus.COMPLETED, reserved=False)
    with cost(db) as spent:
        # `begin`, because on SQLite only the writing engine can be listened to.
        page = await transact(db, upcoming.page_of, GUILD, STUDENT, MONDAY, page=0, size=SIZE)
    assert len(page.sessions) == SIZE
    assert page.has_more
    return spent


async def test_a_page_costs_the_same_whatever_lies_behind_somebody(db: Database) -> None:
    async with db.begin() as session:
        await set_up(session)
        await a_session(session, starts_at=MONDAY + HOUR)

    short = await first_page_cost(db, MONDAY - DAY, 10)
    long = await first_page_cost(db, MONDAY - 20 * DAY, 300)

    assert long == short
    assert short["statements"] <= 8
    assert short["rows"] <= 2 * (SIZE + 1)
