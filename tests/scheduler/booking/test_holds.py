"""Holds: who they keep out, for how long, and that they leave nothing behind."""

import asyncio
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import delete, select

from models import Coach, CoachStatus, Hold, HoldPurpose, Reservation
from models.storage.database import Database
from scheduler.availability import free_times
from scheduler.booking.holds import HOLD
from scheduler.core.actor import Actor
from scheduler.core.errors import CoachingError, NotBookable, NotFound, SlotTaken
from tests.support.bookings import ELEVEN, SAM, STU, TEN, TWELVE, book, booked, hold, reschedule, rescheduling_to
from tests.support.builders import (
    COACH,
    DAY,
    GUILD,
    HOUR,
    MINUTE,
    MONDAY,
    STUDENT,
    a_server_with_a_coach,
    a_session,
    refusal,
)
from tests.support.transactions import fetch_all, transact

ELSEWHERE = GUILD + 1
INSTANT = timedelta(microseconds=1)


async def another_server(db: Database, coach_id: int = COACH + 1) -> None:
    """Store a second server with a coach of its own, or with the same one."""
    await a_server_with_a_coach(db, guild={"id": ELSEWHERE}, guild_id=ELSEWHERE, user_id=coach_id)


async def held(db: Database, *args: Any, **kwargs: Any) -> datetime:
    """Hold a time, and return until when."""
    return (await transact(db, hold, *args, **kwargs)).expires_at


async def reserved(db: Database) -> list[tuple[int, datetime, datetime, bool]]:
    """Return person, start, end and whether a hold owns it, of every reservation."""
    rows = await fetch_all(db, select(Reservation).order_by(Reservation.user_id, Reservation.starts_at))
    return [(row.user_id, row.starts_at, row.ends_at, row.hold_id is not None) for row in rows]


async def offered(db: Database, actor: Actor, *, now: datetime = MONDAY) -> set[datetime]:
    """Return what the list offers this student on the first day."""
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


@pytest.mark.parametrize(
    ("starts_at", "minutes"),
    [(ELEVEN, 60), (TEN + 30 * MINUTE, 60), (TEN, 90), (TEN, 30)],
    ids=["elsewhere", "overlapping", "longer", "shorter"],
)
async def test_a_second_hold_replaces_the_students_first(db: Database, starts_at: datetime, minutes: int) -> None:
    await a_server_with_a_coach(db)
    await held(db)

    await held(db, STU, starts_at, minutes=minutes)

    end = starts_at + minutes * MINUTE
    assert await reserved(db) == [(COACH, starts_at, end, True), (STUDENT, starts_at, end, True)]


async def test_holding_the_same_time_again_does_not_extend_the_hold_until_it_has_expired(db: Database) -> None:
    await a_server_with_a_coach(db)
    until = await held(db)

    assert await held(db, now=until - INSTANT) == until
    assert await held(db, now=until) == until + HOLD
    assert len(await reserved(db)) == 2


async def test_a_hold_ends_exactly_when_it_expires(db: Database) -> None:
    await a_server_with_a_coach(db)
    until = await held(db)

    assert TEN not in await offered(db, SAM, now=until - INSTANT)
    await refusal(db, SlotTaken, partial(hold, actor=SAM, now=until - INSTANT))
    assert TEN in await offered(db, SAM, now=until)
    assert await held(db, SAM, now=until) == until + HOLD
    assert await reserved(db) == [(COACH, TEN, ELEVEN, True), (SAM.user_id, TEN, ELEVEN, True)]


async def test_a_hold_hides_the_time_from_everyone_but_its_student(db: Database) -> None:
    await a_server_with_a_coach(db)
    before = await offered(db, STU)

    await held(db)

    assert await offered(db, STU) == before
    assert before - await offered(db, SAM) == {TEN - 30 * MINUTE, TEN, TEN + 30 * MINUTE}


async def test_booking_releases_the_hold(db: Database) -> None:
    await a_server_with_a_coach(db)
    await held(db, STU, ELEVEN)

    await transact(db, book)

    assert await reserved(db) == [(COACH, TEN, ELEVEN, False), (STUDENT, TEN, ELEVEN, False)]
    assert await fetch_all(db, select(Hold)) == []


async def test_times_that_are_being_paid_for_stay_while_their_student_chooses_others(db: Database) -> None:
    await a_server_with_a_coach(db)
    for starts_at in (TEN, ELEVEN):
        async with db.begin() as session:
            (await hold(session, starts_at=starts_at)).purpose = HoldPurpose.PAYMENT

    until = await held(db, starts_at=TWELVE)

    assert [start for user_id, start, *_ in await reserved(db) if user_id == STUDENT] == [TEN, ELEVEN, TWELVE]
    assert await offered(db, STU) & {TEN, ELEVEN, TWELVE} == {TWELVE}
    refused = await refusal(db, NotBookable, partial(book, starts_at=TEN + 30 * MINUTE, now=until - INSTANT))
    assert str(refused).startswith("You're already paying for a session at that time.")
    await refusal(db, SlotTaken, partial(book, actor=SAM, starts_at=TEN, now=until - INSTANT))
    await transact(db, partial(book, starts_at=TEN, now=until))


@pytest.mark.parametrize("limit", ["daily_limit", "weekly_limit"])
async def test_a_hold_counts_towards_the_coachs_limit_except_for_its_student(db: Database, limit: str) -> None:
    await a_server_with_a_coach(db, **{limit: 1})
    until = await held(db)

    assert await offered(db, SAM) == set()
    await refusal(db, SlotTaken, partial(hold, actor=SAM, starts_at=ELEVEN, now=until - INSTANT))
    assert ELEVEN in await offered(db, STU)
    assert ELEVEN in await offered(db, SAM, now=until)
    await held(db, SAM, ELEVEN, now=until)


async def test_a_replaced_hold_no_longer_counts_towards_the_limit(db: Database) -> None:
    await a_server_with_a_coach(db, daily_limit=1)
    await held(db)

    await held(db, STU, TEN + DAY)

    assert ELEVEN in await offered(db, SAM)


async def test_a_students_hold_in_another_server_blocks_the_same_time_here_while_it_lasts(db: Database) -> None:
    await a_server_with_a_coach(db)
    await another_server(db)
    until = await held(db, guild_id=ELSEWHERE, coach_id=COACH + 1)

    refused = await refusal(db, SlotTaken, hold)

    assert refused.why == "The student has another session at that time."
    assert TEN not in await offered(db, STU)
    assert ELEVEN in await offered(db, STU)
    assert TEN in await offered(db, SAM)
    await held(db, now=until)
    assert len(await reserved(db)) == 2


async def test_a_hold_on_a_coach_in_another_server_blocks_the_same_time_here(db: Database) -> None:
    await a_server_with_a_coach(db)
    await another_server(db, COACH)
    until = await held(db, guild_id=ELSEWHERE)

    await refusal(db, SlotTaken, partial(hold, actor=SAM))

    await held(db, SAM, now=until)
    assert len(await reserved(db)) == 2


async def test_a_student_can_hold_a_time_in_each_of_two_servers(db: Database) -> None:
    await a_server_with_a_coach(db)
    await another_server(db)

    await held(db)
    await held(db, STU, ELEVEN, guild_id=ELSEWHERE, coach_id=COACH + 1)

    assert len(await reserved(db)) == 4


async def test_expired_holds_never_block_a_booking(db: Database) -> None:
    await a_server_with_a_coach(db)
    await another_server(db)
    until = await held(db, SAM)
    await held(db, guild_id=ELSEWHERE, coach_id=COACH + 1)

    await transact(db, book, now=until)

    assert [of_hold for *_, of_hold in await reserved(db)] == [False, False]


@pytest.mark.parametrize("by_coach", [False, True], ids=["by the student", "by the coach"])
@pytest.mark.parametrize(
    ("holder", "now"), [(SAM, MONDAY + HOLD), (STU, MONDAY)], ids=["an expired hold", "the student's own hold"]
)
async def test_some_holds_do_not_block_rescheduling(
    db: Database, holder: Actor, now: datetime, by_coach: bool
) -> None:
    session_id = await booked(db)
    await held(db, holder, ELEVEN)

    await reschedule(db, session_id, ELEVEN, Actor(COACH) if by_coach else STU, reason="Ill.", now=now)

    assert await reserved(db) == [(COACH, ELEVEN, TWELVE, False), (STUDENT, ELEVEN, TWELVE, False)]


async def test_another_students_hold_blocks_rescheduling_to_that_time(db: Database) -> None:
    session_id = await booked(db)
    until = await held(db, SAM, ELEVEN)

    refused = await refusal(db, SlotTaken, rescheduling_to(session_id, ELEVEN, now=until - INSTANT))

    assert refused.rescheduling_id == session_id


async def test_deleting_a_hold_deletes_its_reservations(db: Database) -> None:
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

    await refusal(db, kind, hold)
    await refusal(db, kind, book)


async def test_a_student_with_the_most_upcoming_sessions_cannot_hold_another(db: Database) -> None:
    await a_server_with_a_coach(db, guild={"most_upcoming": 1})
    await transact(db, a_session, starts_at=TEN)

    await refusal(db, NotBookable, partial(hold, starts_at=ELEVEN))

    await held(db, SAM, ELEVEN)


async def test_exactly_one_of_ten_racing_students_holds_the_slot(db: Database) -> None:
    await a_server_with_a_coach(db)

    outcomes = await asyncio.gather(
        *(held(db, Actor(STUDENT + number)) for number in range(10)), return_exceptions=True
    )

    assert [type(one) for one in outcomes].count(SlotTaken) == 9
    assert len(await reserved(db)) == 2


async def test_a_student_who_presses_several_times_at_once_holds_one_time(db: Database) -> None:
    await a_server_with_a_coach(db)

    await asyncio.gather(*(held(db, STU, MONDAY + (1 + number) * HOUR) for number in range(8)))

    assert len(await reserved(db)) == 2
