"""A database that fails for long: what waits for it is bounded, and a fresh look finds the rest."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

import pytest
from sqlalchemy import select, text

from bot.app import CoachBot
from bot.gateway.attendance_watch import _MAX_WAITING
from models import Attendance, CoachingSession
from models.storage.database import Database
from scheduler.attendance import attendance
from tests.support.meetings import MINUTE, met, move, reloaded
from tests.support.simulated import Academy, academy
from tests.support.transactions import fetch_all, query

pytestmark = pytest.mark.slow


@pytest.fixture
def engine_name() -> str:
    """How much waits doesn't depend on the engine."""
    return "sqlite"


@pytest.fixture
async def world(db: Database) -> AsyncIterator[Academy]:
    async with academy(db) as world:
        await world.already_open()
        yield world


def bot_of(world: Academy) -> CoachBot:
    return cast("CoachBot", world.env.bot)


@asynccontextmanager
async def failing(world: Academy) -> AsyncIterator[None]:
    """Let nobody read or write attendance during the block."""
    async with world.db.begin() as session:
        await session.execute(text("ALTER TABLE attendance RENAME TO away"))
    yield
    async with world.db.begin() as session:
        await session.execute(text("ALTER TABLE away RENAME TO attendance"))
    await world.wait_until(world.now + MINUTE / 2)
    await world.leap_to(world.now)


async def open_stays(world: Academy, made: CoachingSession) -> set[int | None]:
    """Return who is inside, by the database."""
    theirs = Attendance.session_id == made.id, Attendance.left_at.is_(None)
    return set(await fetch_all(world.db, select(Attendance.user_id).where(*theirs)))


async def gaps(world: Academy, made: CoachingSession) -> list[float]:
    """Return the minutes nobody was watching, per gap."""
    stays = await query(world.db, attendance.stays_of, made.id, world.now)
    return [(one.until - one.since) / MINUTE for one in stays if one.user_id is None and one.until > one.since]


async def test_the_queue_is_bounded_during_an_outage_and_the_truth_is_found(world: Academy) -> None:
    made, room = await met(world, world.coach)

    most = 0
    async with failing(world):
        for _ in range(_MAX_WAITING):
            move(world, world.student, room.id, None)
            [server] = bot_of(world)._gateway._watch._servers.values()
            most = max(most, len(server.waiting))
        move(world, world.student, room.id)
        move(world, world.coach, None)
        await world.env.settle()

    assert most == _MAX_WAITING
    assert await open_stays(world, made) == {world.student.id}
    assert len(await gaps(world, made)) == 1
    assert bot_of(world)._gateway._watch._servers == {}


async def test_an_unrecordable_event_is_replaced_by_a_fresh_look(world: Academy) -> None:
    made, room = await met(world, world.coach)

    async with failing(world):
        move(world, world.student, room.id)
        await world.env.settle()
        await world.wait_until(world.now + 2 * MINUTE)
        trouble = bot_of(world).trouble

    [gap] = await gaps(world, made)
    assert "OperationalError" in (trouble or "")
    assert await open_stays(world, made) == {world.coach.id, world.student.id}
    assert 2 <= gap < 3
    assert bot_of(world).trouble is None


async def test_a_room_deleted_during_an_outage_is_created_again(world: Academy) -> None:
    made, room = await met(world, world.coach)

    async with failing(world):
        move(world, world.student, room.id)
        await world.env.settle()
        await world.wait_until(world.now + 2 * MINUTE)
        world.env.backend.delete_channel(room.id)
        await world.env.settle()
    world.faults.read()

    again = world.room(made.code)
    assert again is not None
    assert (await reloaded(world, made)).discord_channel_id == again.id != room.id


async def test_a_stop_does_not_wait_for_failing_work(world: Academy) -> None:
    _, room = await met(world, world.coach)
    gateway = bot_of(world)._gateway

    async with failing(world):
        move(world, world.student, room.id)
        await world.env.settle()
        assert gateway.trouble is not None
        await gateway.stop()
        move(world, world.student, None)
        await world.env.settle()

    assert gateway.trouble is None
    assert list((gateway.unwatched() or {}).keys()) == [world.guild.id]
