"""Weekly lessons while many press at once: nobody else gets an hour of theirs, and each is made once."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models import CoachingSession, Guild, Lesson, Series, SeriesPayment, SeriesStatus, SessionStatus
from models.storage.database import Database
from scheduler.availability import booking_policy, schedule
from scheduler.booking import booking, holds
from scheduler.core.actor import Actor
from scheduler.core.task_pool import TaskPool
from scheduler.series import answers, due, requests
from scheduler.series.preview import Wanted
from tests.support.builders import (
    COACH,
    GUILD,
    HOUR,
    MINUTE,
    MONDAY,
    STUDENT,
    FakeClock,
    a_server_with_a_coach,
)
from tests.support.parameters import first_plain
from tests.support.race_worker import Press, press
from tests.support.series import a_series, lessons_of
from tests.support.series_presses import series_faults
from tests.support.transactions import fetch_all, transact

pytestmark = pytest.mark.slow

TEN, WEEK = MONDAY + 2 * HOUR, timedelta(weeks=1)
CARA = Actor(COACH)
Way = Callable[[AsyncSession], Awaitable[object]]


def booking_at(week: int, student: int, minutes: int = 0, *, holding: bool = False) -> Way:
    """Return the press of a student on the series' hour in some week, or close to it."""

    async def use_case(session: AsyncSession) -> None:
        """Book or hold it as this student."""
        guild, at = await session.get_one(Guild, GUILD), TEN + week * WEEK + minutes * MINUTE
        if holding:
            await holds.hold(session, guild, Actor(student), COACH, at, HOUR, MONDAY)
        else:
            await booking.book(session, guild, Actor(student), COACH, at, HOUR, None, MONDAY)

    return use_case


async def at_once(db: Database, *ways: Way) -> Counter[str]:
    """Press all of these at the same moment, and count how they ended."""
    ended: list[Press] = await asyncio.gather(*(press(db, way) for way in ways))
    assert [one.error for one in ended if one.error] == []
    return Counter("won" if one.won else one.refused for one in ended)


async def taken_by_others(db: Database, series_id: int) -> list[CoachingSession]:
    """Return sessions that overlap the hour of the series in any week, and aren't its lessons."""
    sessions = await fetch_all(
        db, select(CoachingSession).where(CoachingSession.status == SessionStatus.SCHEDULED)
    )
    lessons = {one.session_id for one in await fetch_all(db, select(Lesson).where(Lesson.series_id == series_id))}
    close = [(one, (one.starts_at - TEN) % WEEK) for one in sessions if one.id not in lessons]
    return [one for one, off in close if off < HOUR or off > WEEK - HOUR]


@pytest.mark.parametrize("rounds", first_plain([2, 12]))
async def test_nobody_gets_an_hour_while_the_horizon_rises_and_lessons_are_made(db: Database, rounds: int) -> None:
    """Each round lets the coach be booked further ahead, while others press on those very hours."""
    await a_server_with_a_coach(db, horizon_days=5)
    async with db.begin() as session:
        (await session.get_one(Guild, GUILD)).most_upcoming = 100
        series = await a_series(session)
    clock = FakeClock()

    async def raise_it(session: AsyncSession, days: int) -> None:
        wanted = replace(booking_policy.Rules(), horizon_days=days, minimum_notice_minutes=0)
        await schedule.set_rules(session, GUILD, CARA, wanted, MONDAY)

    async def tick() -> None:
        assert await due.do_due(db, clock, TaskPool(wait_for_slow=True)) == 0

    for number in range(rounds):
        weeks = range(1, 4 * number + 5)
        students = [STUDENT + 100 + number * 100 + week * 3 for week in weeks]
        presses = [
            way
            for week, student in zip(weeks, students, strict=True)
            for way in (
                booking_at(week, student),
                booking_at(week, student + 1, 30),
                booking_at(week, student + 2, -30, holding=True),
            )
        ]
        ended, *_ = await asyncio.gather(
            at_once(db, *presses[::2], partial(raise_it, days=28 * number + 40), *presses[1::2]), tick()
        )
        assert ended["won"] == 1, ended  # the coach

    assert await taken_by_others(db, series.id) == []
    assert await series_faults(db) == []
    made = await lessons_of(db, series.id)
    assert len(made) >= 6 + 4 * (rounds - 1)
    assert {one.skipped for one in made} == {None}


async def test_a_coach_who_accepts_twice_while_others_book_makes_the_lessons_once(db: Database) -> None:
    await a_server_with_a_coach(db)
    async with db.begin() as session:
        guild, wanted = await session.get_one(Guild, GUILD), Wanted(TEN, 60)
        series = await requests.request(
            session, guild, Actor(STUDENT), COACH, wanted, None, SeriesPayment.OTHERWISE, MONDAY
        )

    async def accept(session: AsyncSession) -> None:
        await answers.accept(session, series.id, CARA, MONDAY)

    others = [booking_at(week, STUDENT + 10 + week) for week in range(4)]
    ended = await at_once(db, *others, accept, accept, *others)

    assert ended == Counter(won=2, SlotTaken=8)
    assert [one.starts_at for one in await lessons_of(db, series.id)] == [TEN + n * WEEK for n in range(5)]
    assert await taken_by_others(db, series.id) == []


@pytest.mark.parametrize("rounds", first_plain([3, 15]))
async def test_of_requests_for_the_same_hour_one_is_made(db: Database, rounds: int) -> None:
    await a_server_with_a_coach(db, hours=[(day, 8 * 60, 23 * 60) for day in range(7)])

    def asking(student: int, number: int) -> Way:
        """Return the press of a student who asks for the hour of this round."""

        async def use_case(session: AsyncSession) -> None:
            guild = await session.get_one(Guild, GUILD)
            wanted, way = (
                Wanted(MONDAY + 24 * (number % 5 + 1) * HOUR + number // 5 * HOUR, 60),
                SeriesPayment.OTHERWISE,
            )
            await requests.request(session, guild, Actor(student), COACH, wanted, None, way, MONDAY)

        return use_case

    for number in range(rounds):
        ended = await at_once(db, *(asking(STUDENT + number * 10 + one, number) for one in range(8)))
        assert ended == Counter(won=1, SlotTaken=7)


async def test_two_loops_make_each_lesson_once(db: Database) -> None:
    await a_server_with_a_coach(db)
    async with db.begin() as session:
        ids = [
            (await a_series(session, start_minute=hour * 60, student_id=STUDENT + hour)).id
            for hour in range(9, 14)
        ]

    async def tick(week: int) -> int:
        return await due.do_due(db, FakeClock(MONDAY + week * WEEK), TaskPool(wait_for_slow=True))

    for week in range(1, 4):
        assert sum(await asyncio.gather(*(tick(week) for _ in range(3)))) == 0

    for series_id in ids:
        made: Any = await lessons_of(db, series_id)
        assert [one.occurrence for one in made] == list(range(8))
    running = await fetch_all(db, select(Series).where(Series.status == SeriesStatus.ACTIVE))
    assert len(running) == 5
    assert await series_faults(db) == []


async def test_a_lesson_that_is_made_meanwhile_is_no_longer_kept_twice(db: Database) -> None:
    """A coach's hour is kept or reserved at every moment, so lists of free times never show it."""
    await a_server_with_a_coach(db)
    series = await transact(db, a_series)
    for week in range(1, 4):
        later = MONDAY + week * WEEK
        watched = [booking_at(4 + week, STUDENT + 50 + n, n * 15 - 45) for n in range(7)]

        async def tick(later: Any = later) -> None:
            await due.do_due(db, FakeClock(later), TaskPool(wait_for_slow=True))

        ended, *_ = await asyncio.gather(at_once(db, *watched), tick())
        assert ended["won"] == 0

    assert await taken_by_others(db, series.id) == []
