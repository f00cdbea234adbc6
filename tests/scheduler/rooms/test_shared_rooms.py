"""The room of two people with sessions in a row: what's asked of Discord, and when."""

from datetime import datetime
from typing import Any

from sqlalchemy import select

from models import AccessMode, Attendance, AuditEntry, CoachingSession, SessionStatus
from models.storage.database import Database
from scheduler.attendance import attendance
from scheduler.core.errors import DiscordFailure
from scheduler.rooms.ports import Removal
from scheduler.rooms.reconciliation import sweep
from tests.support.builders import (
    COACH,
    HOUR,
    MINUTE,
    MONDAY,
    STUDENT,
    FakeClock,
    a_server_with_a_coach,
    a_session,
    change_session,
)
from tests.support.fakes import FakeDiscord
from tests.support.rounds import advance_due
from tests.support.stored import session_called
from tests.support.transactions import fetch_all, transact

TEN = MONDAY + 2 * HOUR
ELEVEN, TWELVE = TEN + HOUR, TEN + 2 * HOUR


async def two_in_a_row(db: Database, *, next_at: datetime = ELEVEN, **guild: Any) -> tuple[FakeDiscord, FakeClock]:
    """Store an hour at ten and another at eleven."""
    await a_server_with_a_coach(db, guild=guild)
    for code, at in (("first", TEN), ("second", next_at)):
        await transact(db, a_session, code=code, starts_at=at)
    return FakeDiscord(), FakeClock()


async def pass_time(db: Database, discord: FakeDiscord, clock: FakeClock, *instants: datetime) -> None:
    """Do what's due at each of these instants."""
    for clock.now in instants:
        assert (await advance_due(db, discord, clock))[1] == []


async def rows(db: Database) -> tuple[CoachingSession, CoachingSession]:
    """Return both sessions as they are now."""
    return await session_called(db, "first"), await session_called(db, "second")


def effects(discord: FakeDiscord) -> list[str]:
    """Return what Discord was asked to do, like "open_room second"."""
    return [f"{one.method} {one.about.removeprefix('coaching-session-')}" for one in discord.effects]


UNTIL_THE_FIRST_IS_OPEN = [TEN - 15 * MINUTE, TEN - 5 * MINUTE, TEN]
BEFORE_THE_SECOND = [ELEVEN - 15 * MINUTE, ELEVEN - 5 * MINUTE]


async def test_the_second_session_takes_over_the_room_of_the_first(db: Database) -> None:
    discord, clock = await two_in_a_row(db)

    await pass_time(db, discord, clock, *UNTIL_THE_FIRST_IS_OPEN, *BEFORE_THE_SECOND)
    meanwhile = (await rows(db))[1]
    await pass_time(db, discord, clock, ELEVEN)
    first, second = await rows(db)
    await pass_time(db, discord, clock, TWELVE)

    assert (meanwhile.room_intended_at, meanwhile.next_step_at) == (None, ELEVEN)
    assert effects(discord) == ["ensure_room first", "open_room first", "open_room second", "remove_room second"]
    assert (first.room_removed_at, first.next_step_at) == (ELEVEN, None)
    assert (second.discord_channel_id, second.access_granted_at) == (first.discord_channel_id, ELEVEN)
    assert second.status is SessionStatus.IN_PROGRESS
    assert discord.effects[-1].room is not None
    assert discord.effects[-1].room.channel_id == first.discord_channel_id
    told = await fetch_all(db, select(AuditEntry.action).where(AuditEntry.session_id == first.id))
    assert "room_handed_over" in told


async def test_a_sweep_leaves_a_room_that_was_taken_over_alone(db: Database) -> None:
    discord, clock = await two_in_a_row(db)
    await pass_time(db, discord, clock, *UNTIL_THE_FIRST_IS_OPEN, ELEVEN)
    clock.forward(MINUTE)

    assert await sweep(db, discord, clock) == 0
    await pass_time(db, discord, clock, ELEVEN + 2 * MINUTE)

    assert "remove_room first" not in effects(discord)
    await pass_time(db, discord, clock, TWELVE)
    assert discord.rooms == {}


async def test_people_inside_attend_the_first_session_and_then_the_second(db: Database) -> None:
    discord, clock = await two_in_a_row(db)
    await pass_time(db, discord, clock, *UNTIL_THE_FIRST_IS_OPEN)
    first, second = await rows(db)
    room = first.discord_channel_id or 0
    for person in (COACH, STUDENT):
        await transact(db, attendance.record_join, room, person, TEN)

    await pass_time(db, discord, clock, ELEVEN)
    await transact(db, attendance.record_leave, room, STUDENT, ELEVEN + 5 * MINUTE)

    stays = await fetch_all(db, select(Attendance).order_by(Attendance.id))
    assert [(one.session_id, one.user_id, one.joined_at, one.left_at) for one in stays] == [
        (first.id, COACH, TEN, ELEVEN),
        (first.id, STUDENT, TEN, ELEVEN),
        (second.id, COACH, ELEVEN, None),
        (second.id, STUDENT, ELEVEN, ELEVEN + 5 * MINUTE),
    ]


async def test_the_role_is_taken_over_with_the_room(db: Database) -> None:
    discord, clock = await two_in_a_row(db, access_mode=AccessMode.ROLE)

    await pass_time(db, discord, clock, *UNTIL_THE_FIRST_IS_OPEN, ELEVEN, TWELVE)

    roles = {
        one.room.role_id for one in discord.effects if one.room and one.method in ("open_room", "remove_room")
    }
    first, second = await rows(db)
    assert roles == {first.discord_role_id} == {second.discord_role_id}
    assert first.discord_role_id is not None


async def test_after_downtime_the_second_session_takes_the_room_over_at_once(db: Database) -> None:
    discord, clock = await two_in_a_row(db)
    await pass_time(db, discord, clock, *UNTIL_THE_FIRST_IS_OPEN)

    await pass_time(db, discord, clock, ELEVEN + 20 * MINUTE)

    assert effects(discord)[2:] == ["open_room second"]
    assert [one.status for one in await rows(db)] == [SessionStatus.COMPLETED, SessionStatus.IN_PROGRESS]


async def test_the_rooms_failures_end_for_the_first_session_once_the_second_has_it(db: Database) -> None:
    discord, clock = await two_in_a_row(db, next_at=ELEVEN + 30 * MINUTE)
    await pass_time(db, discord, clock, *UNTIL_THE_FIRST_IS_OPEN)
    discord.fail("remove_room", DiscordFailure("Discord did not answer", unanswered=True))
    clock.now = ELEVEN
    await advance_due(db, discord, clock)
    failing = (await rows(db))[0].last_error
    await change_session(db, (await rows(db))[0].id, next_step_at=TWELVE)  # as after some more tries

    await pass_time(db, discord, clock, ELEVEN + 15 * MINUTE)

    first, second = await rows(db)
    assert (failing, second.discord_channel_id) == ("Discord did not answer", first.discord_channel_id)
    assert (first.next_step_at, first.attempts, first.last_error) == (None, 0, None)


async def test_if_the_first_session_never_got_a_room_the_second_makes_its_own(db: Database) -> None:
    discord, clock = await two_in_a_row(db)

    await pass_time(db, discord, clock, ELEVEN)

    assert effects(discord) == ["ensure_room second", "open_room second"]


async def test_an_occupied_room_is_not_removed_just_before_the_next_session(db: Database) -> None:
    discord, clock = await two_in_a_row(db, next_at=ELEVEN + 90 * MINUTE)
    await pass_time(db, discord, clock, *UNTIL_THE_FIRST_IS_OPEN)
    discord.rooms_stay = Removal.OCCUPIED
    await pass_time(db, discord, clock, ELEVEN, ELEVEN + 15 * MINUTE)

    await pass_time(db, discord, clock, ELEVEN + 75 * MINUTE)  # the hard limit, and the next room is due

    assert "ensure_room second" not in effects(discord)
    assert [one.even_if_occupied for one in discord.effects if one.method == "remove_room"] == [False, False]
    first, second = await rows(db)
    assert second.discord_channel_id == first.discord_channel_id


async def test_a_rescheduled_session_leaves_its_room_to_the_one_that_is_due(db: Database) -> None:
    discord, clock = await two_in_a_row(db)
    await pass_time(db, discord, clock, TEN - 15 * MINUTE)
    first, _ = await rows(db)
    room = first.discord_channel_id
    later = {"starts_at": TEN + 48 * HOUR, "ends_at": ELEVEN + 48 * HOUR}
    await change_session(db, first.id, next_step_at=ELEVEN - 15 * MINUTE, **later)

    await pass_time(db, discord, clock, ELEVEN - 15 * MINUTE)

    first, second = await rows(db)
    assert effects(discord) == ["ensure_room first"]
    assert (first.discord_channel_id, first.room_intended_at, second.discord_channel_id) == (None, None, room)
