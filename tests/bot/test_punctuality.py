"""Many sessions at one full hour: each room is created and opened on time, whatever happens to the others."""

import asyncio
import datetime as dt
import functools
from collections.abc import AsyncIterator
from typing import Any

import discord
import pytest
from simcord.backend.errors import missing_permissions
from sqlalchemy import select

from models import AuditEntry
from models.storage.database import Database
from scheduler.notifications.room_names import room_name
from tests.support.builders import MINUTE, a_coach, a_session
from tests.support.simulated import Academy, academy
from tests.support.transactions import fetch_all

pytestmark = pytest.mark.slow

GRANULARITY = dt.timedelta(seconds=15)
"""How often the loop ticks in production."""
HALF_A_DAY = dt.timedelta(hours=12)
SIZES = [
    pytest.param(12, 9, id="12"),  # more fail than are worked on at once
    pytest.param(60, 12, id="60"),
    pytest.param(300, 20, id="300"),
]


@pytest.fixture
def engine_name() -> str:
    """Requests to Discord don't depend on the engine."""
    return "sqlite"


@pytest.fixture
async def world(db: Database) -> AsyncIterator[Academy]:
    """Open an academy that's patient enough for many sessions at once."""
    async with academy(db) as world:
        env: Any = world.env
        # With this much going on, each check for idleness takes long.
        env._settle_internal = functools.partial(env._settle_internal, idle=0.05)
        await world.already_open()
        yield world


async def booked_for_one_hour(world: Academy, count: int) -> dt.datetime:
    """Book this many sessions, each with its own coach and student, at the same hour, and return it."""
    starts_at = world.now + dt.timedelta(hours=4)
    async with world.db.begin() as session:
        for number in range(count):
            coach, student = (
                world.guild.add_member(world.env.create_user(f"{side}{number}")) for side in ("coach", "student")
            )
            values: dict[str, Any] = {"guild_id": world.guild.id, "membership_due_at": starts_at + HALF_A_DAY}
            await a_coach(session, user_id=coach.id, hours=(), **values)
            del values["membership_due_at"]
            await a_session(
                session, coach_id=coach.id, student_id=student.id, starts_at=starts_at, code=f"n{number}", **values
            )
    return starts_at


async def when(world: Academy, action: str) -> dict[int, dt.datetime]:
    """Return session id → when this action was first recorded for it."""
    newest_first = select(AuditEntry).where(AuditEntry.action == action).order_by(AuditEntry.id.desc())
    entries = await fetch_all(world.db, newest_first)
    return {one.session_id: one.at for one in entries if one.session_id is not None}


def break_rooms(world: Academy, names: set[str], fault: str) -> list["asyncio.Task[None]"]:
    """From now on, refuse requests for these rooms, or let them hang. Returns what the hanging ones wait for."""
    http: Any = world.env.bot.http
    backend: Any = world.env.backend
    request, create = http.request, backend.create_channel
    waits: list[asyncio.Task[None]] = []

    async def asked(route: Any, **kwargs: Any) -> Any:
        if fault == "hanging" and route.method == "POST" and (kwargs.get("json") or {}).get("name") in names:
            waits.append(asyncio.create_task(asyncio.sleep(HALF_A_DAY.total_seconds())))
            await waits[-1]
        return await request(route, **kwargs)

    def create_channel(guild_id: int, name: str, **given: Any) -> Any:
        if name in names:
            raise missing_permissions()
        return create(guild_id, name, **given)

    http.request, backend.create_channel = asked, create_channel
    return waits


def lateness(instants: dict[int, dt.datetime], due: dt.datetime) -> dt.timedelta:
    return max(instants.values()) - due


@pytest.mark.parametrize(("count", "_failing"), SIZES)
async def test_many_rooms_at_one_hour_are_created_and_opened_on_time(
    world: Academy, count: int, _failing: int
) -> None:
    starts_at = await booked_for_one_hour(world, count)

    await world.leap_to(starts_at - 16 * MINUTE)
    await world.wait_until(starts_at + MINUTE)

    made, opened, started = [await when(world, one) for one in ("room_made", "room_opened", "session_in_progress")]
    sessions = await world.sessions()
    assert len(made) == len(opened) == len(started) == count
    assert lateness(made, starts_at - 15 * MINUTE) <= GRANULARITY
    assert lateness(opened, starts_at - 5 * MINUTE) <= GRANULARITY
    assert lateness(started, starts_at) <= GRANULARITY
    assert min(opened.values()) >= starts_at - 5 * MINUTE
    assert len(rooms_of(world)) == count
    assert {one.last_error for one in sessions} == {None}


@pytest.mark.parametrize("fault", ["403", "hanging"])
@pytest.mark.parametrize(("count", "failing"), SIZES)
async def test_failing_rooms_make_no_other_session_late(
    world: Academy, count: int, failing: int, fault: str
) -> None:
    starts_at = await booked_for_one_hour(world, count)
    sessions = await world.sessions()
    broken, others = sessions[:failing], {one.id for one in sessions[failing:]}
    waits = break_rooms(world, {room_name(one.code) for one in broken}, fault)

    await world.leap_to(starts_at - 16 * MINUTE)
    await world.wait_until(starts_at + MINUTE)

    made, opened, started = [await when(world, one) for one in ("room_made", "room_opened", "session_in_progress")]
    assert set(made) == set(opened) == others
    assert lateness(made, starts_at - 15 * MINUTE) <= GRANULARITY
    assert lateness(opened, starts_at - 5 * MINUTE) <= GRANULARITY
    assert lateness({one: at for one, at in started.items() if one in others}, starts_at) <= GRANULARITY
    assert others <= set(started)
    assert [one.last_error is not None for one in (await world.sessions())[:failing]] == [True] * failing
    for one in waits:
        one.cancel()  # otherwise the bot's stop waits for them


def rooms_of(world: Academy) -> list[str | None]:
    every = (world.env.backend.channels[one] for one in world.guild._guild.channel_ids)
    return [one.name for one in every if one.type == discord.ChannelType.voice.value]
