"""The loop in virtual time: on time to the second, in batches, and with an hourly sweep."""

import asyncio
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import select

from bot.demo import simcord_private
from models import CoachingSession, Heartbeat, JobRun, NotificationKind
from models.storage.database import Database
from scheduler.core.task_pool import SLOW
from scheduler.notifications.outbox import enqueue
from scheduler.notifications.room_names import room_name
from tests.bot.test_punctuality import HALF_A_DAY, break_rooms, when
from tests.scheduler.loop.test_session_steps import SECOND
from tests.support.builders import HOUR, MINUTE, a_coach, a_session
from tests.support.simulated import MONDAY, Academy, academy
from tests.support.transactions import fetch, fetch_all, transact

BEGINS = MONDAY + 7 * SECOND
"""Keeps the interval's ticks off full minutes."""


async def runs(db: Database) -> list[tuple[str, datetime, int]]:
    """Return what triggered each run that did something, when, and how much was due."""
    found = await fetch_all(db, select(JobRun).order_by(JobRun.id))
    return [(one.trigger, one.started_at, one.due) for one in found]


async def swept_at(db: Database) -> datetime:
    return (await fetch(db, Heartbeat, "sweep")).at


async def booked_at(
    world: Academy, starts_at: datetime, code: str = "abc", people: tuple[Any, Any] | None = None
) -> CoachingSession:
    """Book an hour, for Cara and Stu unless other people are given."""
    coach, student = people or (world.coach, world.student)
    ids = {"guild_id": world.guild.id, "coach_id": coach.id, "student_id": student.id}
    return await transact(world.db, a_session, code=code, starts_at=starts_at, **ids)


async def enqueue_messages(world: Academy, count: int) -> None:
    """Enqueue this many direct messages without waking the loop."""
    kind, cara = NotificationKind.APPLICATION_APPROVED, world.coach.id
    async with world.db.begin() as session:
        for _ in range(count):
            enqueue(session, kind, world.guild.id, now=world.now, user_id=cara, coach_id=cara)


async def test_a_step_is_done_to_the_second(db: Database) -> None:
    async with academy(db, begins=BEGINS) as world:
        await world.already_open()
        await booked_at(world, MONDAY + 30 * MINUTE)
        await world.wait_until(MONDAY + 15 * MINUTE - SECOND)
        before = world.room("abc")
        known = len(await runs(db))

        await world.wait_until(MONDAY + 15 * MINUTE)

        assert before is None
        assert world.room("abc") is not None
        assert (await runs(db))[known:] == [("due", MONDAY + 15 * MINUTE, 1)]


async def test_each_run_records_what_triggered_it(db: Database) -> None:
    async with academy(db, begins=BEGINS, tick_interval=MINUTE) as world:
        await world.already_open()
        await enqueue_messages(world, 1)
        await world.leap_to(BEGINS)
        await enqueue_messages(world, 1)
        await world.restart()
        await enqueue_messages(world, 1)
        await world.wait_until(BEGINS + MINUTE)

        assert [trigger for trigger, _, _ in await runs(db)] == ["wake", "start", "interval"]


@pytest.mark.slow
async def test_a_step_that_becomes_due_while_another_hangs_is_done_right_after(db: Database) -> None:
    async with academy(db, begins=BEGINS) as world:
        await world.already_open()
        await booked_at(world, MONDAY + 30 * MINUTE)
        await transact(world.db, a_coach, guild_id=world.guild.id, user_id=world.outsider.id)
        others = (world.outsider, world.other_student)
        await booked_at(world, MONDAY + 30 * MINUTE + SECOND, "def", others)
        break_rooms(world, {room_name("abc")}, "hanging")

        await world.wait_until(MONDAY + 15 * MINUTE + 3 * SECOND)

        assert world.room("abc") is None
        assert list((await when(world, "room_made")).values()) == [MONDAY + 15 * MINUTE + SLOW]
        await world.wait_until(world.now + HALF_A_DAY)  # otherwise stopping waits for what hangs, in real time


async def test_messages_left_by_one_run_go_out_two_seconds_later(db: Database) -> None:
    async with academy(db, begins=BEGINS) as world:
        await world.already_open()
        known = len(await runs(db))
        await enqueue_messages(world, 12)

        await world.leap_to(BEGINS + 10 * SECOND)
        await world.wait_until(BEGINS + 20 * SECOND)

        assert (await runs(db))[known:] == [("wake", BEGINS + 10 * SECOND, 12), ("due", BEGINS + 12 * SECOND, 2)]


async def test_rooms_are_swept_at_the_start_and_every_hour(db: Database) -> None:
    async with academy(db, begins=BEGINS) as world:
        sweeps = [await swept_at(db)]
        for to in (BEGINS + HOUR - SECOND, BEGINS + HOUR + MINUTE):
            await world.leap_to(to)
            sweeps.append(await swept_at(db))

        assert sweeps == [BEGINS, BEGINS, BEGINS + HOUR + MINUTE]


@pytest.mark.slow
async def test_a_sweep_that_hangs_delays_no_room(db: Database) -> None:
    async with academy(db, begins=BEGINS) as world:
        await world.already_open()
        room_at = BEGINS + HOUR + 30 * SECOND
        await booked_at(world, room_at + 15 * MINUTE)
        hang_the_next_sweep(world)

        await world.leap_to(BEGINS + HOUR)
        await world.wait_until(room_at)

        assert list((await when(world, "room_made")).values()) == [room_at]
        assert await swept_at(db) == BEGINS
        await world.wait_until(world.now + HALF_A_DAY)  # otherwise stopping waits for what hangs, in real time


@pytest.mark.slow
async def test_a_sweep_requested_during_another_runs_after_it(db: Database) -> None:
    async with academy(db, begins=BEGINS, tick_interval=MINUTE) as world:
        await world.already_open()
        asked_at = hang_the_next_sweep(world)
        await world.leap_to(BEGINS + HOUR)
        bot: Any = world.env.bot
        await simcord_private.as_the_bot(world.env, bot._loop.sweep_soon)
        await world.wait_until(BEGINS + HOUR + 2 * MINUTE)

        assert asked_at == [BEGINS + HOUR, BEGINS + HOUR + SLOW + MINUTE]


def hang_the_next_sweep(world: Academy) -> list[datetime]:
    """Let Discord not answer the next sweep; returns when sweeps asked it."""
    http: Any = world.env.bot.http
    request = http.request
    asked_at: list[datetime] = []

    async def asked(route: Any, **kwargs: Any) -> Any:
        if (route.method, route.path) == ("GET", "/guilds/{guild_id}/channels"):
            asked_at.append(world.now)
            if len(asked_at) == 1:
                await asyncio.sleep(HALF_A_DAY.total_seconds())
        return await request(route, **kwargs)

    http.request = asked
    return asked_at
