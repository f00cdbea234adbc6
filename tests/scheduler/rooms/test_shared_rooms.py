"""The room of two people whose sessions adjoin: what is asked of Discord for it, and when."""

from datetime import datetime
from typing import Any

from sqlalchemy import select, update

from models import AccessMode, Attendance, AuditEntry, CoachingSession, SessionStatus
from models.storage.database import Database
from scheduler.attendance import attendance
from scheduler.core.errors import DiscordFailure
from scheduler.rooms.ports import Removal
from scheduler.rooms.reconciliation import sweep
from tests.support.builders import COACH, HOUR, MINUTE, MONDAY, STUDENT, FakeClock, a_coach, a_guild, a_session
from tests.support.fakes import FakeDiscord
from tests.support.rounds import advance_due
from tests.support.transactions import fetch_all, transact

TEN = MONDAY + 2 * HOUR
ELEVEN, TWELVE = TEN + HOUR, TEN + 2 * HOUR


async def two_in_a_row(db: Database, *, next_at: datetime = ELEVEN, **guild: Any) -> tuple[FakeDiscord, FakeClock]:
    """An hour from ten on, and another from eleven on unless the test says otherwise."""
    async with db.begin() as session:
        await a_guild(session, **guild)
        await a_coach(session)
        for code, at in (("first", TEN), ("second", next_at)):
            await a_session(session, code=code, starts_at=at)
    return FakeDiscord(), FakeClock()


async def pass_time(db: Database, discord: FakeDiscord, clock: FakeClock, *instants: datetime) -> None:
    """Let the loop look at each of these instants."""
    for clock.now in instants:
        assert (await advance_due(db, discord, clock))[1] == []


async def rows(db: Database) -> tuple[CoachingSession, CoachingSession]:
    """Both sessions as they are now."""
    async with db.read() as session:
        first, second = await session.scalars(select(CoachingSession).order_by(CoachingSession.id))
        return first, second


def effects(discord: FakeDiscord) -> list[str]:
    """What Discord was asked to do, like "open_room second"."""
    return [f"{one.method} {one.about.removeprefix('coaching-session-')}" for one in discord.effects]


UNTIL_THE_FIRST_IS_OPEN = [TEN - 15 * MINUTE, TEN - 5 * MINUTE, TEN]
BEFORE_THE_SECOND = [ELEVEN - 15 * MINUTE, ELEVEN - 5 * MINUTE]


async def test_the_second_makes_no_room_but_takes_over_the_first_ones_although_it_is_empty(db: Database) -> None:
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


async def test_a_look_at_all_rooms_leaves_one_that_was_taken_over_to_its_session(db: Database) -> None:
    discord, clock = await two_in_a_row(db)
    await pass_time(db, discord, clock, *UNTIL_THE_FIRST_IS_OPEN, ELEVEN)
    clock.forward(MINUTE)

    assert await sweep(db, discord, clock) == 0
    await pass_time(db, discord, clock, ELEVEN + 2 * MINUTE)

    assert "remove_room first" not in effects(discord)
    await pass_time(db, discord, clock, TWELVE)
    assert discord.rooms == {}


async def test_whoever_is_inside_attends_the_first_until_its_end_and_then_the_second(db: Database) -> None:
    discord, clock = await two_in_a_row(db)
    await pass_time(db, discord, clock, *UNTIL_THE_FIRST_IS_OPEN)
    first, second = await rows(db)
    async with db.begin() as session:
        for person in (COACH, STUDENT):
            await attendance.record_join(session, first.discord_channel_id or 0, person, TEN)

    await pass_time(db, discord, clock, ELEVEN)
    await transact(db, attendance.record_leave, first.discord_channel_id or 0, STUDENT, ELEVEN + 5 * MINUTE)

    async with db.read() as session:
        stays = await session.scalars(select(Attendance).order_by(Attendance.id))
        assert [(one.session_id, one.user_id, one.joined_at, one.left_at) for one in stays] == [
            (first.id, COACH, TEN, ELEVEN),
            (first.id, STUDENT, TEN, ELEVEN),
            (second.id, COACH, ELEVEN, None),
            (second.id, STUDENT, ELEVEN, ELEVEN + 5 * MINUTE),
        ]


async def test_the_role_of_the_room_goes_over_with_it(db: Database) -> None:
    discord, clock = await two_in_a_row(db, access_mode=AccessMode.ROLE)

    await pass_time(db, discord, clock, *UNTIL_THE_FIRST_IS_OPEN, ELEVEN, TWELVE)

    roles = {
        one.room.role_id for one in discord.effects if one.room and one.method in ("open_room", "remove_room")
    }
    first, second = await rows(db)
    assert roles == {first.discord_role_id} == {second.discord_role_id}
    assert first.discord_role_id is not None


async def test_down_over_the_change_the_second_takes_the_room_over_at_once(db: Database) -> None:
    discord, clock = await two_in_a_row(db)
    await pass_time(db, discord, clock, *UNTIL_THE_FIRST_IS_OPEN)

    await pass_time(db, discord, clock, ELEVEN + 20 * MINUTE)

    assert effects(discord)[2:] == ["open_room second"]
    assert [one.status for one in await rows(db)] == [SessionStatus.COMPLETED, SessionStatus.IN_PROGRESS]


async def test_what_failed_with_the_room_is_over_for_the_first_once_the_second_has_it(db: Database) -> None:
    discord, clock = await two_in_a_row(db, next_at=ELEVEN + 30 * MINUTE)
    await pass_time(db, discord, clock, *UNTIL_THE_FIRST_IS_OPEN)
    discord.fail("remove_room", DiscordFailure("Discord did not answer", unanswered=True))
    clock.now = ELEVEN
    await advance_due(db, discord, clock)
    failing = (await rows(db))[0].last_error
    async with db.begin() as session:  # as after some more tries
        await session.execute(
            update(CoachingSession).where(CoachingSession.last_error == failing).values(next_step_at=TWELVE)
        )

    await pass_time(db, discord, clock, ELEVEN + 15 * MINUTE)

    first, second = await rows(db)
    assert (failing, second.discord_channel_id) == ("Discord did not answer", first.discord_channel_id)
    assert (first.next_step_at, first.attempts, first.last_error) == (None, 0, None)


async def test_where_the_first_never_got_a_room_the_second_makes_its_own_when_the_first_is_over(
    db: Database,
) -> None:
    discord, clock = await two_in_a_row(db)

    await pass_time(db, discord, clock, ELEVEN)

    assert effects(discord) == ["ensure_room second", "open_room second"]


async def test_a_room_that_is_still_occupied_long_after_the_end_is_not_removed_from_under_the_next_session(
    db: Database,
) -> None:
    discord, clock = await two_in_a_row(db, next_at=ELEVEN + 90 * MINUTE)
    await pass_time(db, discord, clock, *UNTIL_THE_FIRST_IS_OPEN)
    discord.rooms_stay = Removal.OCCUPIED
    await pass_time(db, discord, clock, ELEVEN, ELEVEN + 15 * MINUTE)

    await pass_time(db, discord, clock, ELEVEN + 75 * MINUTE)  # the hard limit, and the next room is due

    assert effects(discord)[-1] != "ensure_room second"
    assert [one.even_if_occupied for one in discord.effects if one.method == "remove_room"] == [False, False]
    assert (await rows(db))[1].discord_channel_id == (await rows(db))[0].discord_channel_id


async def test_a_session_that_was_moved_far_away_leaves_its_room_to_the_one_that_is_due(db: Database) -> None:
    discord, clock = await two_in_a_row(db)
    await pass_time(db, discord, clock, TEN - 15 * MINUTE)
    first, _ = await rows(db)
    room = first.discord_channel_id
    async with db.begin() as session:
        moved = await session.get_one(CoachingSession, first.id)
        moved.starts_at, moved.ends_at = TEN + 48 * HOUR, ELEVEN + 48 * HOUR
        moved.next_step_at = ELEVEN - 15 * MINUTE

    await pass_time(db, discord, clock, ELEVEN - 15 * MINUTE)

    first, second = await rows(db)
    assert effects(discord) == ["ensure_room first"]
    assert (first.discord_channel_id, first.room_intended_at, second.discord_channel_id) == (None, None, room)
