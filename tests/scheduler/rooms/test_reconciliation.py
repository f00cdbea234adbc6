"""Sweeps: leftover rooms go, missing ones are made again, and channels that aren't the bot's stay."""

from datetime import datetime

import pytest
from sqlalchemy import select

from models import AuditEntry, NotificationKind, SessionStatus
from models.storage.database import Database
from scheduler.core.errors import DiscordFailure
from scheduler.rooms.reconciliation import sweep
from tests.support.builders import (
    COACH,
    GUILD,
    HOUR,
    MINUTE,
    MONDAY,
    STUDENT,
    FakeClock,
    a_guild,
    a_server_with_a_coach,
    a_session,
    everything,
)
from tests.support.fakes import FakeDiscord, an_id_made_at
from tests.support.rounds import advance_due
from tests.support.stored import enqueued, session_called
from tests.support.transactions import fetch_all, transact

TEN = MONDAY + 2 * HOUR
ROOM, ACCESS = TEN - 15 * MINUTE, TEN - 5 * MINUTE
NAME = "coaching-session-abc"


async def set_up(db: Database, *instants: datetime) -> tuple[FakeDiscord, FakeClock]:
    """Store a server with a session at ten, and do what's due at these instants."""
    await a_server_with_a_coach(db)
    await transact(db, a_session, code="abc", starts_at=TEN)
    discord, clock = FakeDiscord(), FakeClock()
    for clock.now in instants:
        await advance_due(db, discord, clock)
    return discord, clock


async def an_open_room(db: Database) -> tuple[FakeDiscord, FakeClock]:
    """Store a session whose room has just been opened."""
    return await set_up(db, ROOM, ACCESS)


async def a_past_session(db: Database) -> tuple[FakeDiscord, FakeClock]:
    """Store a session whose room has been removed."""
    discord, clock = await set_up(db, ROOM, ACCESS, TEN, TEN + HOUR)
    assert discord.rooms == {}
    clock.forward(HOUR)
    return discord, clock


async def a_leftover_room(db: Database) -> tuple[FakeDiscord, FakeClock]:
    """Store a session whose room has been removed, but is still there."""
    discord, clock = await a_past_session(db)
    channel_id = (await session_called(db)).discord_channel_id
    assert channel_id is not None
    discord.rooms[channel_id] = NAME
    return discord, clock


async def test_if_rooms_and_rows_agree_only_the_heartbeat_is_written(db: Database) -> None:
    discord, clock = await an_open_room(db)
    before = await everything(db)

    assert await sweep(db, discord, clock) == 0

    after = await everything(db)
    assert after.pop("heartbeats") == [*before.pop("heartbeats"), ("sweep", ACCESS)]
    assert after == before


async def test_a_leftover_room_is_removed_once_it_is_empty(db: Database) -> None:
    discord, clock = await a_leftover_room(db)

    assert await sweep(db, discord, clock) == 1
    await advance_due(db, discord, clock)

    one = await session_called(db)
    assert discord.rooms == {}
    assert discord.effects[-1].even_if_occupied is False
    assert (one.status, one.room_removed_at, one.next_step_at) == (SessionStatus.COMPLETED, clock(), None)
    assert await sweep(db, discord, clock) == 0


async def test_a_missing_room_is_made_again_and_both_people_are_told(db: Database) -> None:
    discord, clock = await an_open_room(db)
    lost_id = (await session_called(db)).discord_channel_id
    discord.rooms.clear()
    clock.forward(MINUTE)

    assert await sweep(db, discord, clock) == 1
    await advance_due(db, discord, clock)

    one = await session_called(db)
    assert one.discord_channel_id not in (None, lost_id)
    assert (list(discord.rooms), one.room_lost_at) == ([one.discord_channel_id], clock())
    assert (one.access_granted_at, one.room_intended_at) == (clock(), clock())
    told = [user_id for kind, user_id in await enqueued(db) if kind is NotificationKind.ROOM_OPEN]
    assert told == [COACH, STUDENT] * 2
    assert "room_vanished" in await fetch_all(db, select(AuditEntry.action))


async def test_a_renamed_room_is_recognized_by_its_id(db: Database) -> None:
    discord, clock = await an_open_room(db)
    discord.rooms = dict.fromkeys(discord.rooms, "our cosy corner")
    before = discord.effects

    assert await sweep(db, discord, clock) == 0
    await advance_due(db, discord, clock)

    assert discord.effects == before


async def test_a_room_that_is_not_needed_any_more_is_not_missing(db: Database) -> None:
    discord, clock = await an_open_room(db)
    discord.rooms.clear()
    clock.now = TEN + HOUR  # the end, when it goes anyway

    assert await sweep(db, discord, clock) == 0


@pytest.mark.parametrize("name", ["coaching-session-zzz", "coaching-session-", "abc", "lounge"])
async def test_a_channel_that_only_looks_like_a_room_is_left_alone(db: Database, name: str) -> None:
    discord, clock = await a_past_session(db)
    discord.rooms[77] = name
    before = discord.effects

    assert await sweep(db, discord, clock) == 0
    await advance_due(db, discord, clock)

    assert discord.effects == before
    assert discord.rooms == {77: name}


@pytest.mark.parametrize(
    ("made_at", "looks_like_ours"),
    [
        pytest.param(ROOM - HOUR, True, id="made before"),
        pytest.param(TEN + 90 * MINUTE, True, id="made after its removal"),
        pytest.param(ROOM + 5 * MINUTE, True, id="cloned from it"),
        pytest.param(ROOM, False, id="made at the same time"),
    ],
)
async def test_someone_elses_channel_with_the_name_of_a_past_room_is_left_alone(
    db: Database, made_at: datetime, looks_like_ours: bool
) -> None:
    discord, clock = await a_past_session(db)
    other = an_id_made_at(made_at)
    discord.rooms[other] = NAME
    if not looks_like_ours:
        discord.theirs.add(other)

    assert await sweep(db, discord, clock) == 0

    assert (await session_called(db)).next_step_at is None


async def test_a_twin_of_a_past_room_is_removed(db: Database) -> None:
    discord, clock = await a_past_session(db)
    discord.rooms[an_id_made_at(ROOM)] = NAME

    assert await sweep(db, discord, clock) == 1
    await advance_due(db, discord, clock)

    assert discord.effects[-1].method == "remove_room"


async def test_a_room_that_is_not_due_yet_is_not_missing(db: Database) -> None:
    discord, clock = await set_up(db)

    assert await sweep(db, discord, clock) == 0

    assert (await session_called(db)).room_lost_at is None


@pytest.mark.parametrize("error", [DiscordFailure("down"), ValueError("no such thing")], ids=["down", "bug"])
async def test_a_server_that_cannot_be_swept_does_not_stop_the_others(db: Database, error: Exception) -> None:
    discord, clock = await a_leftover_room(db)
    await transact(db, a_guild, id=GUILD - 1)
    discord.fail("voice_rooms", error, about=str(GUILD - 1))

    assert await sweep(db, discord, clock) == 1
