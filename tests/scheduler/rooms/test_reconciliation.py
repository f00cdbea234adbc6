"""Rooms held against rows: what is left over goes, what is missing is made again, what is not ours stays."""

from typing import Any

import pytest
from sqlalchemy import select

from models import AuditEntry, CoachingSession, Notification, NotificationKind, SessionStatus
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
    a_coach,
    a_guild,
    a_session,
    change_session,
    everything,
)
from tests.support.fakes import Call, FakeDiscord, an_id_made_at
from tests.support.rounds import advance_due
from tests.support.transactions import fetch_only, transact

TEN = MONDAY + 2 * HOUR
ROOM, ACCESS = TEN - 15 * MINUTE, TEN - 5 * MINUTE
NAME = "coaching-session-abc"


async def set_up(db: Database, **changed: Any) -> tuple[FakeDiscord, FakeClock]:
    async with db.begin() as session:
        await a_guild(session)
        await a_coach(session)
        await a_session(session, code="abc", starts_at=TEN, **changed)
    return FakeDiscord(), FakeClock()


async def an_open_room(db: Database) -> tuple[FakeDiscord, FakeClock]:
    """A session whose room has just been opened."""
    discord, clock = await set_up(db)
    for clock.now in (ROOM, ACCESS):
        await advance_due(db, discord, clock)
    return discord, clock


async def a_past_session(db: Database) -> tuple[FakeDiscord, FakeClock]:
    """One whose room was made, opened and removed."""
    discord, clock = await an_open_room(db)
    for clock.now in (TEN, TEN + HOUR):
        await advance_due(db, discord, clock)
    assert discord.rooms == {}
    clock.forward(HOUR)
    return discord, clock


async def found(db: Database) -> CoachingSession:
    return await fetch_only(db, select(CoachingSession).where(CoachingSession.code == "abc"))


async def invitations(db: Database) -> list[int | None]:
    """Who was told that a room is open."""
    async with db.read() as session:
        told = (
            select(Notification.user_id)
            .where(Notification.kind == NotificationKind.ROOM_OPEN)
            .order_by(Notification.id)
        )
        return list(await session.scalars(told))


async def test_where_rooms_and_rows_agree_nothing_is_written_but_the_heartbeat(db: Database) -> None:
    discord, clock = await an_open_room(db)
    before = await everything(db)

    assert await sweep(db, discord, clock) == 0

    after = await everything(db)
    assert after.pop("heartbeats") == [*before.pop("heartbeats"), ("sweep", ACCESS)]
    assert after == before


async def test_a_room_that_is_still_there_although_it_was_removed_is_removed_again(db: Database) -> None:
    discord, clock = await a_past_session(db)
    channel_id = (await found(db)).discord_channel_id
    assert channel_id is not None
    discord.rooms[channel_id] = NAME

    assert await sweep(db, discord, clock) == 1
    await advance_due(db, discord, clock)

    one = await found(db)
    assert discord.rooms == {}
    assert (one.status, one.room_removed_at, one.next_step_at) == (SessionStatus.COMPLETED, clock(), None)
    assert await sweep(db, discord, clock) == 0


async def test_a_left_over_room_with_somebody_inside_stays_until_it_is_empty_or_too_late(db: Database) -> None:
    discord, clock = await a_past_session(db)
    channel_id = (await found(db)).discord_channel_id
    assert channel_id is not None
    discord.rooms[channel_id] = NAME

    await sweep(db, discord, clock)
    await advance_due(db, discord, clock)

    removal = discord.effects[-1]
    assert (removal.method, removal.even_if_occupied) == ("remove_room", False)


async def test_a_room_that_is_needed_and_gone_is_made_again_and_both_are_told(db: Database) -> None:
    discord, clock = await an_open_room(db)
    lost_id = (await found(db)).discord_channel_id
    discord.rooms.clear()
    clock.forward(MINUTE)

    assert await sweep(db, discord, clock) == 1
    await advance_due(db, discord, clock)

    one = await found(db)
    assert one.discord_channel_id not in (None, lost_id)
    assert (list(discord.rooms), one.room_lost_at) == ([one.discord_channel_id], clock())
    assert (one.access_granted_at, one.room_intended_at) == (clock(), clock())
    assert await invitations(db) == [COACH, STUDENT] * 2
    async with db.read() as session:
        said = set(await session.scalars(select(AuditEntry.action)))
    assert "room_vanished" in said


async def test_a_room_that_was_renamed_by_hand_is_known_by_its_id(db: Database) -> None:
    discord, clock = await an_open_room(db)
    discord.rooms = dict.fromkeys(discord.rooms, "our cosy corner")
    before = discord.effects

    assert await sweep(db, discord, clock) == 0
    await advance_due(db, discord, clock)

    assert discord.effects == before


async def test_a_room_that_nobody_needs_any_more_is_not_missed(db: Database) -> None:
    discord, clock = await an_open_room(db)
    discord.rooms.clear()
    clock.now = TEN + HOUR  # its end, at which it is to go anyway

    assert await sweep(db, discord, clock) == 0


@pytest.mark.parametrize("name", ["coaching-session-zzz", "coaching-session-", "abc", "lounge"])
async def test_a_channel_that_only_looks_like_a_room_is_never_touched(db: Database, name: str) -> None:
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
        pytest.param(ROOM - HOUR, True, id="before it"),
        pytest.param(TEN + 90 * MINUTE, True, id="after its removal"),
        pytest.param(ROOM + 5 * MINUTE, True, id="cloned from it"),
        pytest.param(ROOM, False, id="at the same moment"),
    ],
)
async def test_somebody_elses_channel_with_the_name_of_a_past_room_is_never_touched(
    db: Database, made_at: Any, looks_like_ours: bool
) -> None:
    discord, clock = await a_past_session(db)
    other = an_id_made_at(made_at)
    discord.rooms[other] = NAME
    if not looks_like_ours:
        discord.theirs.add(other)
    before = await everything(db)

    assert await sweep(db, discord, clock) == 0

    assert (await everything(db))["audit_entries"] == before["audit_entries"]
    assert (await found(db)).next_step_at is None


async def test_a_twin_of_a_past_room_is_removed_although_nobody_knew_its_id(db: Database) -> None:
    discord, clock = await a_past_session(db)
    discord.rooms[an_id_made_at(ROOM)] = NAME

    assert await sweep(db, discord, clock) == 1
    await advance_due(db, discord, clock)

    assert discord.effects[-1].method == "remove_room"


async def test_a_session_whose_room_is_not_due_yet_has_none_to_miss(db: Database) -> None:
    discord, clock = await set_up(db)

    assert await sweep(db, discord, clock) == 0

    assert (await found(db)).room_lost_at is None


@pytest.mark.parametrize("error", [DiscordFailure("down"), ValueError("no such thing")], ids=["down", "bug"])
async def test_a_server_that_cannot_be_looked_at_keeps_no_other_waiting(db: Database, error: Exception) -> None:
    discord, clock = await a_past_session(db)
    await transact(db, a_guild, id=GUILD - 1)
    channel_id = (await found(db)).discord_channel_id
    assert channel_id is not None
    discord.rooms[channel_id] = NAME
    discord.fail("voice_rooms", error, about=str(GUILD - 1))

    assert await sweep(db, discord, clock) == 1


async def test_the_database_is_not_held_while_discord_is_asked(db: Database) -> None:
    discord, clock = await an_open_room(db)

    async def write(_call: Call) -> None:
        await change_session(db, (await found(db)).id, notes="written meanwhile")

    discord.meanwhile("voice_rooms", write)

    await sweep(db, discord, clock)

    assert (await found(db)).notes == "written meanwhile"
