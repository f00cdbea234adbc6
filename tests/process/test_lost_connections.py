"""The real program while its PostgreSQL restarts, fails over, or goes silent."""

import asyncio
import signal
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from models import Heartbeat
from models.storage.database import Database
from tests.process.test_process import ROOMS, a_session
from tests.support.endpoint import Endpoint
from tests.support.program import Program, ended
from tests.support.proxy import Proxy, proxy
from tests.support.transactions import fetch

pytestmark = [pytest.mark.slow, pytest.mark.parametrize("engine_name", ["postgres"])]

TO_STOP_SECONDS = 30
TO_NOTICE_SECONDS = 60
"""Time to notice that a server is gone or back."""


@pytest.fixture
async def way(database_url: str) -> AsyncIterator[Proxy]:
    async with proxy(database_url) as made:
        yield made


@pytest.fixture
async def another_way(database_url: str) -> AsyncIterator[Proxy]:
    async with proxy(database_url) as made:
        yield made


async def ticks_after(db: Database, at: datetime) -> None:
    """Wait until a tick has ended after this instant."""
    async with asyncio.timeout(TO_NOTICE_SECONDS):
        while True:
            async with db.read() as session:
                beat = await session.get(Heartbeat, "tick")
            if beat is not None and beat.at > at:
                return


async def ticks_no_more(db: Database) -> None:
    """Wait until no tick has ended for a while; normally one ends each second."""
    async with asyncio.timeout(TO_NOTICE_SECONDS):
        while True:
            beat = await fetch(db, Heartbeat, "tick")
            if datetime.now(UTC) - beat.at > timedelta(seconds=5):
                return


async def comes(way: Proxy) -> None:
    """Wait for two connections: an attempt to take the lock, and a retry."""
    async with asyncio.timeout(TO_NOTICE_SECONDS):
        while way.connected < 2:  # noqa: ASYNC110  (there's no event to wait for)
            await asyncio.sleep(0)


async def test_a_silent_database_pauses_the_loop_and_lets_the_bot_stop(
    db: Database, way: Proxy, program: Program
) -> None:
    async with program.started("run", DATABASE_URL=way.url, TICK_SECONDS="1") as process:
        await ticks_after(db, datetime.now(UTC))
        way.fall_silent()
        await ticks_no_more(db)
        way.speak()
        await ticks_after(db, datetime.now(UTC))

        way.fall_silent()
        await ticks_no_more(db)
        process.send_signal(signal.SIGTERM)
        outcome = await ended(process, TO_STOP_SECONDS)

    assert outcome.code == 0, outcome.err
    assert "the lock is back" in outcome.err
    assert "still not stopped" not in outcome.err


async def test_a_manual_tick_reports_a_lost_database_in_one_line(
    db: Database, way: Proxy, program: Program, endpoint: Endpoint
) -> None:
    await a_session(db, starts_in=timedelta(minutes=10))
    endpoint.hold("POST", ROOMS)
    async with program.started("process-sessions", DATABASE_URL=way.url) as process:
        await endpoint.receive("POST", ROOMS)
        way.cut()
        outcome = await ended(process, TO_STOP_SECONDS)

    assert outcome.code == 1
    assert (
        "the background checks were cut short: they lost their lock; run it again" in outcome.err.splitlines()[-1]
    )
    assert "Traceback" not in outcome.err


async def test_one_of_two_bots_runs_after_a_database_restart(
    db: Database, way: Proxy, another_way: Proxy, program: Program, endpoint: Endpoint
) -> None:
    async with program.started("run", DATABASE_URL=way.url, TICK_SECONDS="1") as first:
        await ticks_after(db, datetime.now(UTC))
        async with program.started("run", "--wait", DATABASE_URL=another_way.url, TICK_SECONDS="1") as second:
            await comes(another_way)
            for one in (way, another_way):
                one.cut()
            await ticks_no_more(db)
            both_wait = first.returncode is second.returncode is None
            another_way.mend()
            await ticks_after(db, datetime.now(UTC))
            way.mend()
            lost = await ended(first, TO_NOTICE_SECONDS)
            await ticks_after(db, datetime.now(UTC))
            second.send_signal(signal.SIGTERM)
            outcome = await ended(second, TO_STOP_SECONDS)

    assert both_wait
    assert len(endpoint.identities) == 2  # one after the other
    assert (lost.code, outcome.code) == (1, 0), lost.err + outcome.err
    assert "another coachbot took over" in lost.err.splitlines()[-1]
    assert "trying again" in outcome.err
    assert "Traceback" not in outcome.err
