"""A real process whose rooms keep being deleted, and one room that two sessions share."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from models import Attendance, SessionStatus
from models.storage.database import Database
from tests.support.builders import COACH, HOUR, MINUTE, STUDENT, a_coach, a_guild, a_session, change_session
from tests.support.endpoint import DEADLINE_SECONDS, GUILD_ID, REVIEW_CHANNEL_ID, Endpoint
from tests.support.program import Program
from tests.support.stored import session_now
from tests.support.transactions import fetch_all

pytestmark = pytest.mark.slow

ROOMS = f"/guilds/{GUILD_ID}/channels"
ALERTS = f"/channels/{REVIEW_CHANNEL_ID}/messages"


async def sessions_at(db: Database, *starts: timedelta) -> list[int]:
    """Store sessions of one coach and student that begin this long from now."""
    now = datetime.now(UTC)
    async with db.begin() as session:
        nowhere = dict.fromkeys(("review_channel_id", "room_category_id", "coach_role_id"))
        await a_guild(session, id=GUILD_ID, log_channel_id=REVIEW_CHANNEL_ID, **nowhere)
        await a_coach(session, guild_id=GUILD_ID, hours=[])
        made = [
            await a_session(session, guild_id=GUILD_ID, starts_at=now + start, next_step_at=now)
            for start in starts
        ]
        return [one.id for one in made]


async def until(endpoint: Endpoint, holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(DEADLINE_SECONDS):
        while not await holds():
            await endpoint.a_moment()


def invitations(endpoint: Endpoint) -> list[int]:
    """Count how often coach and student were told that their room is open."""
    return [
        sum("Your room is" in one for one in endpoint.said(endpoint.dms.get(person, 0)))
        for person in (COACH, STUDENT)
    ]


@pytest.mark.parametrize(
    "kills",
    [
        pytest.param((), id="alive"),
        pytest.param((("POST", ROOMS), ("PATCH", "/channels/*")), id="killed", marks=pytest.mark.slow),
    ],
)
async def test_rooms_deleted_by_another_bot_are_created_twice_then_reported(
    endpoint: Endpoint, program: Program, db: Database, database_url: str, kills: tuple[tuple[str, str], ...]
):
    environment = {"DATABASE_URL": database_url, "TICK_SECONDS": "1"}
    [session_id] = await sessions_at(db, 4 * MINUTE)
    endpoint.vandalized = {"PATCH"}
    for method, path in kills:
        async with program.started("run", **environment) as process:
            endpoint.strike(method, path, 1, process.kill)
            await process.wait()

    async with program.started("run", **environment):
        alert = await endpoint.receive("POST", ALERTS)
        lost = await session_now(db, session_id)
        rooms, told = len(endpoint.asked("POST", ROOMS)), invitations(endpoint)
        endpoint.vandalized = set()
        await change_session(
            db, session_id, room_lost_at=datetime.now(UTC) - 11 * MINUTE, next_step_at=datetime.now(UTC)
        )

        async def is_open() -> bool:
            row = await session_now(db, session_id)
            return row.access_granted_at is not None and invitations(endpoint) == [one + 1 for one in told]

        await until(endpoint, is_open)

    assert "keeps deleting session rooms" in str(alert.body)
    assert rooms == 2
    assert max(told) <= rooms
    assert (lost.rooms_lost, lost.last_error) == (2, "someone, or another bot, deleted the room")
    assert lost.attempts > 0
    assert len(endpoint.asked("POST", ROOMS)) == rooms + 1
    assert len(endpoint.asked("POST", ALERTS)) == 1


@pytest.mark.parametrize("is_killed", [pytest.param(False, id="alive"), pytest.param(True, id="killed")])
async def test_people_who_stay_for_their_next_session_keep_their_room(
    endpoint: Endpoint, program: Program, db: Database, database_url: str, is_killed: bool
):
    environment = {"DATABASE_URL": database_url, "TICK_SECONDS": "1"}
    first, second = await sessions_at(db, -20 * MINUTE, 40 * MINUTE)

    async with program.started("run", **environment) as process:
        room_id = int((await endpoint.receive("PATCH", "")).path.rpartition("/")[2])

        async def both_are_invited() -> bool:  # people who are already inside aren't told
            return invitations(endpoint) == [1, 1]

        await until(endpoint, both_are_invited)
        for person in (COACH, STUDENT):
            await endpoint.move(person, room_id)

        async def both_are_seen() -> bool:
            inside = select(Attendance.user_id).where(Attendance.left_at.is_(None))
            return set(await fetch_all(db, inside)) == {COACH, STUDENT}

        await until(endpoint, both_are_seen)
        now = datetime.now(UTC)
        if is_killed:  # once the room has been opened for the second session
            endpoint.strike("PATCH", f"/channels/{room_id}", 1, process.kill)
        await change_session(db, second, starts_at=now, ends_at=now + HOUR, next_step_at=now)
        await change_session(db, first, ends_at=now, next_step_at=now)
        if is_killed:
            await process.wait()
        else:
            await both_end(endpoint, db, first, second, room_id)
    if is_killed:
        async with program.started("run", **environment):
            await both_end(endpoint, db, first, second, room_id)

    rows = [await session_now(db, one) for one in (first, second)]
    assert [(one.status, one.absent) for one in rows] == [(SessionStatus.COMPLETED, None)] * 2
    assert len(endpoint.asked("POST", ROOMS)) == 1
    assert len(endpoint.asked("DELETE", f"/channels/{room_id}")) == 1
    assert invitations(endpoint) == [1, 1]


async def both_end(endpoint: Endpoint, db: Database, first: int, second: int, room_id: int) -> None:
    """Wait until the second session has the room, end it, and let both leave."""

    async def the_second_is_on() -> bool:
        one, other = await session_now(db, first), await session_now(db, second)
        is_on = other.status is SessionStatus.IN_PROGRESS and other.access_granted_at is not None
        return one.status is SessionStatus.COMPLETED and is_on

    await until(endpoint, the_second_is_on)
    assert (await session_now(db, second)).discord_channel_id == room_id
    now = datetime.now(UTC)
    await change_session(db, second, ends_at=now, next_step_at=now)

    async def the_second_is_over() -> bool:
        return (await session_now(db, second)).status is not SessionStatus.IN_PROGRESS

    await until(endpoint, the_second_is_over)
    for person in (COACH, STUDENT):
        await endpoint.move(person, None)
    await endpoint.receive("DELETE", f"/channels/{room_id}")
