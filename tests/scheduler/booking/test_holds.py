"""Holding a time: whom it keeps away, for how long, and that nothing of it is left behind."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import Coach, CoachingSession, CoachStatus, Guild, Hold, Reservation
from models.storage.database import Database
from scheduler.availability import free_times
from scheduler.booking import booking, holds, rescheduling
from scheduler.booking.holds import HOLD
from scheduler.core.actor import Actor
from scheduler.core.errors import CoachingError, NotBookable, NotFound, SlotTaken
from tests.support.builders import (
    COACH,
    DAY,
    GUILD,
    HOUR,
    MINUTE,
    MONDAY,
    STUDENT,
    a_coach,
    a_guild,
    a_server_with_a_coach,
    a_session,
    refusal,
)
from tests.support.transactions import transact

STU, SAM = Actor(STUDENT), Actor(STUDENT + 1)
TEN = MONDAY + 2 * HOUR
ELEVEN = TEN + HOUR
ELSEWHERE = GUILD + 1
INSTANT = timedelta(microseconds=1)


async def another_server(db: Database, coach_id: int = COACH + 1) -> None:
    """A second server with a coach of its own, or with the same one."""
    await a_server_with_a_coach(db, guild={"id": ELSEWHERE}, guild_id=ELSEWHERE, user_id=coach_id)


async def hold(
    session: AsyncSession,
    actor: Actor = STU,
    starts_at: datetime = TEN,
    *,
    now: datetime = MONDAY,
    minutes: int = 60,
    guild_id: int = GUILD,
    coach_id: int = COACH,
) -> Hold:
    """Hold the coach for an actor, an hour at ten unless told otherwise."""
    guild = await session.get_one(Guild, guild_id)
    return await holds.hold(session, guild, actor, coach_id, starts_at, minutes * MINUTE, now)


async def book(
    session: AsyncSession, actor: Actor = STU, starts_at: datetime = TEN, *, now: datetime = MONDAY
) -> CoachingSession:
    guild = await session.get_one(Guild, GUILD)
    return await booking.book(session, guild, actor, COACH, starts_at, HOUR, None, now)


async def held(db: Database, *args: Any, **kwargs: Any) -> datetime:
    """Hold in a transaction of its own; until when."""
    return (await transact(db, hold, *args, **kwargs)).expires_at


async def reserved(db: Database) -> list[tuple[int, datetime, datetime, bool]]:
    """Person, start, end and whether a hold owns it, of every reservation."""
    async with db.read() as session:
        rows = await session.scalars(select(Reservation).order_by(Reservation.user_id, Reservation.starts_at))
        return [(row.user_id, row.starts_at, row.ends_at, row.hold_id is not None) for row in rows]


async def offered(db: Database, actor: Actor, *, now: datetime = MONDAY) -> set[datetime]:
    """What the listing offers this student on the first day."""
    async with db.read() as session:
        coach = await session.get_one(Coach, (GUILD, COACH))
        free = await free_times.free_times(
            session, coach, HOUR, student_id=actor.user_id, now=now, until=MONDAY + 12 * HOUR
        )
        return set(free)


async def test_a_hold_takes_the_time_from_both_for_five_minutes_with_the_coachs_buffers(db: Database) -> None:
    await a_server_with_a_coach(db, buffer_before_minutes=10, buffer_after_minutes=5)

    until = await held(db)

    assert until == MONDAY + 5 * MINUTE
    assert await reserved(db) == [
        (COACH, TEN - 10 * MINUTE, TEN + 65 * MINUTE, True),
        (STUDENT, TEN, ELEVEN, True),
    ]


async def test_another_hold_in_the_same_server_takes_the_place_of_the_first(db: Database) -> None:
    await a_server_with_a_coach(db)
    await held(db)

    await held(db, STU, ELEVEN)

    assert await reserved(db) == [(COACH, ELEVEN, ELEVEN + HOUR, True), (STUDENT, ELEVEN, ELEVEN + HOUR, True)]
    await held(db, SAM, TEN)


@pytest.mark.parametrize("changed", [{"starts_at": TEN + 30 * MINUTE}, {"minutes": 90}, {"minutes": 30}])
async def test_a_hold_gives_way_to_one_that_overlaps_it_of_the_same_student(
    db: Database, changed: dict[str, Any]
) -> None:
    await a_server_with_a_coach(db)
    await held(db)

    await held(db, **changed)

    assert len(await reserved(db)) == 2


async def test_the_same_time_held_again_is_kept_no_longer_until_it_has_expired(db: Database) -> None:
    await a_server_with_a_coach(db)
    until = await held(db)

    assert await held(db, now=until - INSTANT) == until
    assert await held(db, now=until) == until + HOLD
    assert len(await reserved(db)) == 2


async def test_a_hold_ends_at_its_very_instant(db: Database) -> None:
    await a_server_with_a_coach(db)
    until = await held(db)

    assert TEN not in await offered(db, SAM, now=until - INSTANT)
    await refusal(db, SlotTaken, lambda session: hold(session, SAM, now=until - INSTANT))
    assert TEN in await offered(db, SAM, now=until)
    assert await held(db, SAM, now=until) == until + HOLD
    assert [(user_id, of_hold) for user_id, _, _, of_hold in await reserved(db)] == [
        (COACH, True),
        (SAM.user_id, True),
    ]


async def test_nobodys_own_hold_hides_a_time_from_themselves(db: Database) -> None:
    await a_server_with_a_coach(db)
    before = await offered(db, STU)

    await held(db)

    assert await offered(db, STU) == before
    assert before - await offered(db, SAM) == {TEN - 30 * MINUTE, TEN, TEN + 30 * MINUTE}


async def test_booking_lets_the_hold_go(db: Database) -> None:
    await a_server_with_a_coach(db)
    await held(db, STU, ELEVEN)

    await transact(db, book)

    assert await reserved(db) == [(COACH, TEN, ELEVEN, False), (STUDENT, TEN, ELEVEN, False)]
    async with db.read() as session:
        assert (await session.scalars(select(Hold))).all() == []


@pytest.mark.parametrize("limit", ["daily_limit", "weekly_limit"])
async def test_a_hold_counts_towards_a_coachs_limit_while_it_lasts_but_not_for_its_student(
    db: Database, limit: str
) -> None:
    await a_server_with_a_coach(db, **{limit: 1})
    until = await held(db)

    assert await offered(db, SAM) == set()
    await refusal(db, SlotTaken, lambda session: hold(session, SAM, ELEVEN, now=until - INSTANT))
    assert ELEVEN in await offered(db, STU)
    assert ELEVEN in await offered(db, SAM, now=until)
    await held(db, SAM, ELEVEN, now=until)


async def test_a_hold_that_was_given_up_uses_up_no_limit(db: Database) -> None:
    await a_server_with_a_coach(db, daily_limit=1)
    await held(db)

    await held(db, STU, TEN + DAY)

    assert ELEVEN in await offered(db, SAM)


async def test_what_a_student_holds_in_another_server_blocks_the_same_time_here_while_it_lasts(
    db: Database,
) -> None:
    await a_server_with_a_coach(db)
    await another_server(db)
    until = await held(db, guild_id=ELSEWHERE, coach_id=COACH + 1)

    refused = await refusal(db, SlotTaken, lambda session: hold(session))

    assert refused.why == "The student has another session at that time."
    assert TEN not in await offered(db, STU)
    assert ELEVEN in await offered(db, STU)
    assert TEN in await offered(db, SAM)
    await held(db, now=until)
    assert len(await reserved(db)) == 2


async def test_what_is_held_of_a_coach_in_another_server_blocks_the_same_time_here(db: Database) -> None:
    await a_server_with_a_coach(db)
    await another_server(db, COACH)
    until = await held(db, guild_id=ELSEWHERE)

    await refusal(db, SlotTaken, lambda session: hold(session, SAM))

    await held(db, SAM, now=until)
    assert len(await reserved(db)) == 2


async def test_holds_in_two_servers_stand_side_by_side(db: Database) -> None:
    await a_server_with_a_coach(db)
    await another_server(db)

    await held(db)
    await held(db, STU, ELEVEN, guild_id=ELSEWHERE, coach_id=COACH + 1)

    assert len(await reserved(db)) == 4


async def test_expired_holds_of_others_never_block_a_booking(db: Database) -> None:
    await a_server_with_a_coach(db)
    await another_server(db)
    until = await held(db, SAM)
    await held(db, guild_id=ELSEWHERE, coach_id=COACH + 1)

    await transact(db, book, now=until)

    assert [of_hold for *_, of_hold in await reserved(db)] == [False, False]


@pytest.mark.parametrize("holder", [SAM, STU])
async def test_neither_an_expired_hold_nor_ones_own_blocks_moving_a_session(db: Database, holder: Actor) -> None:
    await a_server_with_a_coach(db)
    moved = await transact(db, a_session, starts_at=TEN)
    until = await held(db, holder, ELEVEN)
    now = until if holder == SAM else MONDAY

    await transact(db, rescheduling.reschedule, moved.id, STU, ELEVEN, "", now)

    assert (STUDENT, ELEVEN, ELEVEN + HOUR, False) in await reserved(db)


async def test_a_hold_of_another_blocks_moving_a_session_there(db: Database) -> None:
    await a_server_with_a_coach(db)
    moved = await transact(db, a_session, starts_at=TEN)
    until = await held(db, SAM, ELEVEN)

    refused = await refusal(
        db,
        SlotTaken,
        lambda session: rescheduling.reschedule(session, moved.id, STU, ELEVEN, "", until - INSTANT),
    )

    assert refused.moving == moved.id


async def test_a_hold_that_goes_takes_its_reservations_along(db: Database) -> None:
    await a_server_with_a_coach(db)
    await held(db)

    async with db.begin() as session:
        await session.execute(delete(Hold))

    assert await reserved(db) == []


@pytest.mark.parametrize(
    ("coach", "kind"),
    [
        ({"accepting": False}, NotBookable),
        ({"left_at": MONDAY}, NotBookable),
        ({"durations_minutes": [30]}, NotBookable),
        ({"user_id": COACH + 5}, NotFound),
        ({"status": CoachStatus.SUSPENDED}, NotFound),
        ({"minimum_notice_minutes": 121}, SlotTaken),
    ],
)
async def test_what_cannot_be_booked_cannot_be_held_either(
    db: Database, coach: dict[str, Any], kind: type[CoachingError]
) -> None:
    await a_server_with_a_coach(db, **coach)

    await refusal(db, kind, lambda session: hold(session))
    await refusal(db, kind, lambda session: book(session))


async def test_whoever_has_as_many_coming_sessions_as_the_server_allows_holds_nothing(db: Database) -> None:
    async with db.begin() as session:
        await a_guild(session, most_upcoming=1)
        await a_coach(session)
        await a_session(session, starts_at=TEN)

    await refusal(db, NotBookable, lambda session: hold(session, STU, ELEVEN))

    await held(db, SAM, ELEVEN)


async def test_of_ten_students_who_hold_the_same_time_at_once_exactly_one_does(db: Database) -> None:
    await a_server_with_a_coach(db)

    async def press(number: int) -> bool:
        try:
            await held(db, Actor(STUDENT + number))
        except SlotTaken:
            return False
        return True

    outcomes = await asyncio.gather(*map(press, range(10)))

    assert outcomes.count(True) == 1
    assert len(await reserved(db)) == 2


async def test_one_student_who_presses_many_times_at_once_holds_one_of_them(db: Database) -> None:
    await a_server_with_a_coach(db)

    await asyncio.gather(*(held(db, STU, MONDAY + (1 + number) * HOUR) for number in range(8)))

    assert len(await reserved(db)) == 2
