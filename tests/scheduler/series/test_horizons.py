"""Whoever lets a coach be booked further ahead makes the lessons in the same transaction."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from models import Coach, CoachStatus, Guild, NotificationKind, Series
from models.storage.database import Database
from scheduler.availability import booking_policy, schedule
from scheduler.coaches import applications, default_rules, suspensions
from scheduler.core import members
from tests.support.bookings import CARA, TEN
from tests.support.builders import (
    ADMIN,
    COACH,
    GUILD,
    MONDAY,
    STUDENT,
    a_coach,
    a_guild,
    a_server_with_a_coach,
)
from tests.support.series import FIRST_DAY, a_series, a_weekly_pair, lessons_of
from tests.support.stored import notifications
from tests.support.time_off import a_closure
from tests.support.transactions import fetch, transact

WEEK = timedelta(weeks=1)
FAR = replace(booking_policy.Rules(), horizon_days=100)
ELSEWHERE = GUILD + 1


async def set_rules(session: AsyncSession) -> None:
    await schedule.set_rules(session, GUILD, CARA, FAR, MONDAY)


async def give_the_default_rules(session: AsyncSession) -> None:
    guild = await session.get_one(Guild, GUILD)
    guild.default_policy = booking_policy.to_json(FAR)
    await default_rules.apply_to_all(session, guild, ADMIN, MONDAY)


async def reinstate_elsewhere(session: AsyncSession) -> None:
    await a_guild(session, id=ELSEWHERE)
    await a_coach(session, guild_id=ELSEWHERE, horizon_days=100, status=CoachStatus.SUSPENDED)
    await suspensions.reinstate(session, ELSEWHERE, COACH, ADMIN, MONDAY)


async def approve_elsewhere(session: AsyncSession) -> None:
    await a_guild(session, id=ELSEWHERE)
    await a_coach(session, guild_id=ELSEWHERE, horizon_days=100, status=CoachStatus.PENDING)
    await applications.approve(session, ELSEWHERE, COACH, ADMIN, MONDAY)


@pytest.mark.parametrize("raise_it", [set_rules, give_the_default_rules, reinstate_elsewhere, approve_elsewhere])
async def test_lessons_are_made_up_to_the_new_horizon(
    db: Database, raise_it: Callable[[AsyncSession], Awaitable[None]]
) -> None:
    series_id = await a_weekly_pair(db)
    assert len(await lessons_of(db, series_id)) == 5

    await transact(db, raise_it)

    assert [one.starts_at for one in await lessons_of(db, series_id)] == [TEN + n * WEEK for n in range(15)]


async def test_undoing_a_shorter_horizon_makes_them_too(db: Database) -> None:
    await a_server_with_a_coach(db, horizon_days=100)
    async with db.begin() as session:
        await schedule.set_rules(session, GUILD, CARA, booking_policy.Rules(horizon_days=5), MONDAY)
    series = await transact(db, a_series)
    async with db.begin() as session:
        change = await schedule.last_change(session, await session.get_one(Coach, (GUILD, COACH)))
        assert change is not None
        await schedule.undo(session, GUILD, CARA, change, MONDAY)

    assert len(await lessons_of(db, series.id)) == 15


async def test_what_is_skipped_then_is_told(db: Database) -> None:
    await a_weekly_pair(db)
    await transact(db, a_closure, FIRST_DAY + 7 * WEEK)

    await transact(db, set_rules)

    told = [one.user_id for one in await notifications(db) if one.kind is NotificationKind.LESSONS_SKIPPED]
    assert told == [STUDENT, COACH]


async def test_a_coach_is_not_held_up_by_a_student_who_is_booking(db: Database) -> None:
    series_id = await a_weekly_pair(db)
    is_locked, may_end = asyncio.Event(), asyncio.Event()

    async def booking() -> None:
        async with db.begin() as session:
            await members.lock(session, STUDENT)
            is_locked.set()
            await may_end.wait()

    if db.is_sqlite:
        return  # only one transaction writes at a time
    task = asyncio.create_task(booking())
    await is_locked.wait()
    await transact(db, set_rules)
    may_end.set()
    await task

    assert len(await lessons_of(db, series_id)) == 5
    assert (await fetch(db, Series, series_id)).next_step_at == MONDAY
