"""The web endpoint: what it says of the bot, and who may make it do something."""

import asyncio
import datetime as dt
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest
from aiohttp import web_request
from aiohttp.test_utils import TestClient, TestServer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select, text, update

from bot import web
from bot.app import CoachBot
from bot.demo import simulation
from models import Heartbeat, JobRun
from models.database import Database
from tests.simulated import Academy, academy, lost_answers

SECRET = "a long random text, ünïcode"
DEADLINE_SECONDS = 30
"""Against hanging; no measure of speed."""
SHORTLY = dt.timedelta(milliseconds=50)
Client = TestClient[Any, Any]


@pytest.fixture
def engine_name() -> str:
    """What is asked here does not depend on the engine."""
    return "sqlite"


@pytest.fixture
async def world(db: Database) -> AsyncIterator[Academy]:
    async with academy(db) as made:
        yield made


@asynccontextmanager
async def endpoint(world: Academy, secret: str = SECRET, patience: dt.timedelta = web.PATIENCE) -> AsyncIterator[Client]:
    """Somebody who asks the endpoint of the running bot."""
    bot = world.env.bot
    assert isinstance(bot, CoachBot)
    server = TestServer(web.application(bot, secret, patience=patience))
    starting: list[asyncio.Task[None]] = []
    # In the world's own time, as everything that the bot does.
    await simulation.as_the_bot(
        world.env, lambda: starting.append(asyncio.create_task(server.start_server(access_log=None)))
    )
    await starting[0]
    async with TestClient(server) as client, asyncio.timeout(DEADLINE_SECONDS):
        yield client


def bearer(secret: str = SECRET) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


async def test_healthz(world: Academy) -> None:
    async with endpoint(world) as client:
        answer = await client.get("/healthz")
        print(answer.headers, await answer.json())
        answer = await client.get("/readyz")
        print(answer.headers, await answer.json())
        answer = await client.get(web.CRON)
        print(answer.headers, await answer.json())
        answer = await client.get(web.CRON, headers=bearer())
        print(answer.headers, await answer.json())
        answer = await client.delete(web.CRON, headers=bearer())
        print(answer.headers, await answer.json())
        answers = await asyncio.gather(*(client.get(web.CRON, headers=bearer()) for _ in range(1000)))
        print({a.status for a in answers})
    await world.env.settle()
