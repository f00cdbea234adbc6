"""The loop in virtual time: on time to the second, in rounds, and once an hour against what is there."""

import asyncio
from datetime import datetime
from typing import Any

from sqlalchemy import select

from bot.demo import simcord_private
from models import CoachingSession, Heartbeat, JobRun, NotificationKind
from models.storage.database import Database
from scheduler.core.task_pool import SLOW
from scheduler.notifications.outbox import enqueue
from scheduler.notifications.room_names import room_name
from tests.bot.test_punctuality import HALF_A_DAY, break_rooms, when
from tests.scheduler.loop.test_loop import SECOND
from tests.support.builders import HOUR, MINUTE, a_coach, a_session
from tests.support.simulated import MONDAY, Academy, academy
from tests.support.transactions import transact

BEGINS = MONDAY + 7 * SECOND
"""So that no tick of the interval falls on a full minute."""


async def runs(db: Database) -> list[tuple[str, datetime, int]]:
    """What made each run that did something, when, and how much was due."""
    async with db.read() as session:
        found = await session.scalars(select(JobRun).order_by(JobRun.id))
        return [(one.trigger, one.started_at, one.due) for one in found]


async def booked_at(
    world: Academy, starts_at: datetime, code: str = "abc", people: tuple[Any, Any] | None = None
) -> CoachingSession:
    """An hour that the bot's loop has heard of, between Cara and Stu if not between other people."""
    coach, student = people or (world.coach, world.student)
    async with world.db.begin() as session:
        return await a_session(
            session,
            guild_id=world.guild.id,
            coach_id=coach.id,
            student_id=student.id,
            code=code,
            starts_at=starts_at,
            next_step_at=starts_at - 15 * MINUTE,
        )


async def enqueue_messages(world: Academy, count: int) -> None:
    """So many direct messages, of which nobody tells the loop."""
    kind, cara = NotificationKind.APPLICATION_APPROVED, world.coach.id
    async with world.db.begin() as session:
        for _ in range(count):
            enqueue(session, kind, world.guild.id, now=world.now, user_id=cara, coach_id=cara)


async def test_a_step_is_done_at_its_very_second_and_the_run_says_so(db: Database) -> None:
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


async def test_runs_say_whether_they_were_woken_began_with_the_process_or_came_by_themselves(
    db: Database,
) -> None:
    async with academy(db, begins=BEGINS, tick_interval=MINUTE) as world:
        await world.already_open()
        await enqueue_messages(world, 1)
        await world.leap_to(BEGINS)
        await enqueue_messages(world, 1)
        await world.restart()
        await enqueue_messages(world, 1)
        await world.wait_until(BEGINS + MINUTE)

        assert [trigger for trigger, _, _ in await runs(db)] == ["wake", "start", "interval"]


async def test_what_becomes_due_while_discord_keeps_another_waiting_is_done_right_after(db: Database) -> None:
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


async def test_what_one_round_leaves_goes_out_two_seconds_later(db: Database) -> None:
    async with academy(db, begins=BEGINS) as world:
        await world.already_open()
        known = len(await runs(db))
        await enqueue_messages(world, 12)

        await world.leap_to(BEGINS + 10 * SECOND)
        await world.wait_until(BEGINS + 20 * SECOND)

        assert (await runs(db))[known:] == [
            ("wake", BEGINS + 10 * SECOND, 12),
            ("due", BEGINS + 12 * SECOND, 2),
        ]


async def test_rooms_are_held_against_rows_at_the_start_and_every_hour(db: Database) -> None:
    async with academy(db, begins=BEGINS) as world:
        sweeps = [await swept_at(db)]
        for to in (BEGINS + HOUR - SECOND, BEGINS + HOUR + MINUTE):
            await world.leap_to(to)
            sweeps.append(await swept_at(db))

        assert sweeps == [BEGINS, BEGINS, BEGINS + HOUR + MINUTE]


async def test_a_server_that_does_not_answer_when_rooms_are_held_against_rows_makes_no_room_late(
    db: Database,
) -> None:
    async with academy(db, begins=BEGINS) as world:
        await world.already_open()
        room_at = BEGINS + HOUR + 30 * SECOND
        await booked_at(world, room_at + 15 * MINUTE)
        which_rooms_are_there_hangs(world)

        await world.leap_to(BEGINS + HOUR)
        await world.wait_until(room_at)

        assert list((await when(world, "room_made")).values()) == [room_at]
        assert await swept_at(db) == BEGINS


async def test_rooms_are_held_against_rows_again_if_that_was_asked_for_while_it_was_going_on(db: Database) -> None:
    async with academy(db, begins=BEGINS, tick_interval=MINUTE) as world:
        await world.already_open()
        asked_at = which_rooms_are_there_hangs(world)
        await world.leap_to(BEGINS + HOUR)
        bot: Any = world.env.bot
        await simcord_private.as_the_bot(world.env, bot._heart.sweep_soon)
        await world.wait_until(BEGINS + HOUR + 2 * MINUTE)

        assert asked_at == [BEGINS + HOUR, BEGINS + HOUR + SLOW + MINUTE]


def which_rooms_are_there_hangs(world: Academy) -> list[datetime]:
    """The next time that this is asked, Discord does not answer. When it was asked."""
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


async def swept_at(db: Database) -> datetime | None:
    async with db.read() as session:
        return await session.scalar(select(Heartbeat.at).where(Heartbeat.job == "sweep"))
