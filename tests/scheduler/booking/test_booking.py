"""Booking: what it writes, and what's refused."""

from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import select

from models import AuditEntry, Coach, CoachingSession, CoachStatus, Notification, NotificationKind, SessionStatus
from models.storage.database import Database
from scheduler.availability import free_times
from scheduler.booking.cancellation import cancel
from scheduler.core.actor import Actor
from scheduler.core.clock import stamp
from scheduler.core.errors import NotBookable, NotFound, SlotTaken, Unreadable
from tests.support.bookings import CARA, ELEVEN, SAM, STU, TEN, book, booked
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
    everything,
    refusal,
)
from tests.support.stored import enqueued, reservations, session_now
from tests.support.transactions import fetch_only, transact

NEAREST = (TEN - HOUR, ELEVEN, ELEVEN + 30 * MINUTE)
"""The free times closest to ten, once ten is taken."""
BOOKED = Notification.kind == NotificationKind.SESSION_BOOKED


async def test_booking_writes_the_session_both_reservations_and_both_notifications(db: Database) -> None:
    await a_server_with_a_coach(db, buffer_before_minutes=10, buffer_after_minutes=5, rate_minor=5000)

    await transact(db, book, minutes=90, notes="  The second verse. ")

    one = await fetch_only(db, select(CoachingSession))
    assert (one.coach_id, one.student_id, one.starts_at, one.duration) == (COACH, STUDENT, TEN, 90 * MINUTE)
    assert (one.status, one.student.notes) == (SessionStatus.SCHEDULED, "The second verse.")
    assert (one.student.total_cost_minor, one.currency) == (7500, "USD")
    assert (one.created_at, one.next_step_at) == (MONDAY, TEN - 15 * MINUTE)
    assert await reservations(db) == [
        (COACH, TEN - 10 * MINUTE, TEN + 95 * MINUTE),
        (STUDENT, TEN, TEN + 90 * MINUTE),
    ]
    assert await enqueued(db, BOOKED) == [(NotificationKind.SESSION_BOOKED, one) for one in (STUDENT, COACH)]
    assert await fetch_only(db, select(AuditEntry.action)) == "session_booked"


async def test_a_session_keeps_its_price_when_the_rate_changes(db: Database) -> None:
    session_id = await booked(db)

    async with db.begin() as session:
        (await session.get_one(Coach, (GUILD, COACH))).rate_minor = 9900

    assert (await session_now(db, session_id)).student.total_cost_minor == 6000


async def test_two_sessions_can_touch(db: Database) -> None:
    await booked(db)

    await transact(db, book, SAM, ELEVEN)

    assert (COACH, ELEVEN, ELEVEN + HOUR) in await reservations(db)


async def test_codes_are_short_distinct_and_without_letters_that_look_alike(db: Database) -> None:
    await a_server_with_a_coach(db)

    async with db.begin() as session:
        codes = {(await book(session, starts_at=MONDAY + hour * HOUR)).code for hour in range(1, 9)}

    assert len(codes) == 8
    assert all(len(code) == 7 and not set(code) & set("01loaeiu") for code in codes)


async def test_booking_the_same_twice_returns_the_same_session(db: Database) -> None:
    session_id = await booked(db)
    before = await everything(db)

    again = await transact(db, book)

    assert again.id == session_id
    assert await everything(db) == before


async def test_a_time_can_be_booked_again_after_a_cancellation(db: Database) -> None:
    first = await booked(db)
    await transact(db, cancel, first, STU, GUILD, "", MONDAY)

    second = await transact(db, book)

    assert second.id != first
    assert len(await reservations(db)) == 2


# Refusals.


@pytest.mark.parametrize(
    ("coach", "asked", "sentence"),
    [
        ({}, {"actor": CARA}, "You can't book yourself. Choose another coach."),
        (
            {"accepting": False},
            {},
            "This coach isn't taking new bookings at the moment. Choose another coach with `/book`.",
        ),
        (
            {"time_zone": "Mars/Base"},
            {},
            "This coach has to choose a time zone in `/availability` before anyone can book them. Choose another "
            "coach with `/book`.",
        ),
        ({}, {"minutes": 45}, "This coach offers sessions of 30, 60 or 90 minutes. Choose another length."),
        ({}, {"starts_at": MONDAY - HOUR}, "That time is in the past. Choose a later one."),
        ({}, {"starts_at": MONDAY}, "That time is in the past. Choose a later one."),
    ],
    ids=["oneself", "paused", "unknown zone", "length", "past", "now"],
)
async def test_what_can_never_be_booked_is_refused_with_what_to_do(
    db: Database, coach: dict[str, Any], asked: dict[str, Any], sentence: str
) -> None:
    await a_server_with_a_coach(db, **coach)

    refused = await refusal(db, NotBookable, partial(book, **asked))

    assert str(refused) == sentence


@pytest.mark.parametrize("status", [CoachStatus.PENDING, CoachStatus.REJECTED, CoachStatus.SUSPENDED])
async def test_only_approved_coaches_can_be_booked(db: Database, status: CoachStatus) -> None:
    await a_server_with_a_coach(db, status=status)

    await refusal(db, NotFound, book)


async def test_a_coach_of_another_server_cannot_be_booked_here(db: Database) -> None:
    await a_server_with_a_coach(db)
    await transact(db, a_guild, id=GUILD + 1)

    refused = await refusal(db, NotFound, partial(book, guild_id=GUILD + 1))

    assert (
        str(refused) == "There's no such coach here. `/book` lists the coaches. To become one, use `/coach apply`."
    )


async def test_notes_that_are_too_long_are_refused_with_the_limit(db: Database) -> None:
    await a_server_with_a_coach(db)

    refused = await refusal(db, Unreadable, partial(book, notes="x" * 1001))

    assert str(refused) == "Your notes have 1,001 characters; at most 1,000 fit. Please shorten them."


@pytest.mark.parametrize(
    ("coach", "starts_at"),
    [
        ({}, MONDAY + 13 * HOUR),
        ({}, TEN + 5 * MINUTE),
        ({}, TEN + timedelta(seconds=1)),
        ({}, MONDAY + 8.5 * HOUR),
        ({"minimum_notice_minutes": 121}, TEN),
        ({"horizon_days": 1}, TEN + DAY),
    ],
    ids=["outside hours", "off the steps", "a second late", "into the evening", "too soon", "beyond the horizon"],
)
async def test_a_time_that_is_not_offered_is_refused_with_times_that_are(
    db: Database, coach: dict[str, Any], starts_at: datetime
) -> None:
    await a_server_with_a_coach(db, **coach)

    refused = await refusal(db, SlotTaken, partial(book, starts_at=starts_at))

    assert len(refused.nearest) == 3
    for alternative in refused.nearest:
        session_id = (await transact(db, book, starts_at=alternative)).id
        await transact(db, cancel, session_id, STU, GUILD, "", MONDAY)


async def test_the_second_of_two_students_sees_the_nearest_free_times(db: Database) -> None:
    await booked(db)

    refused = await refusal(db, SlotTaken, partial(book, actor=SAM))

    assert refused.nearest == NEAREST
    listed = ", ".join(stamp(at) for at in refused.nearest)
    assert str(refused) == f"That time was just taken. Nearest free: {listed}."


async def test_when_nothing_else_is_free_another_coach_is_suggested(db: Database) -> None:
    await booked(db, hours=[(0, 10 * 60, 11 * 60)], horizon_days=1)

    refused = await refusal(db, SlotTaken, partial(book, actor=SAM))

    assert str(refused) == "That time was just taken. This coach has nothing else free. Choose another one."


@pytest.mark.parametrize("actor", [STU, CARA], ids=["student", "coach who books another coach"])
async def test_nobody_is_in_two_sessions_at_once(db: Database, actor: Actor) -> None:
    await booked(db)
    other = (await transact(db, a_coach, user_id=COACH + 1)).user_id

    refused = await refusal(db, SlotTaken, partial(book, actor=actor, coach_id=other, starts_at=TEN + 30 * MINUTE))

    assert refused.nearest == (ELEVEN, ELEVEN + 30 * MINUTE, TEN - HOUR)


class RollBack(Exception):
    """Ends a savepoint that must leave nothing behind."""


async def test_exactly_the_listed_times_can_be_booked(db: Database) -> None:
    await a_server_with_a_coach(
        db,
        hours=[(0, 9 * 60, 12 * 60 + 10), (0, 13 * 60, 15 * 60)],
        slot_step_minutes=25,
        buffer_before_minutes=5,
        buffer_after_minutes=10,
        minimum_notice_minutes=70,
        horizon_days=1,
    )
    await transact(db, a_session, starts_at=MONDAY + 3.5 * HOUR, ends_at=MONDAY + 4 * HOUR)
    bookable: list[datetime] = []

    async with db.begin() as session:
        coach = await session.get_one(Coach, (GUILD, COACH))
        listed = list(await free_times.free_times(session, coach, 30 * MINUTE, student_id=SAM.user_id, now=MONDAY))
        for minute in sorted({*range(30, 8 * 60, 5), *range(100, 150)}):
            at = MONDAY + minute * MINUTE
            try:
                async with session.begin_nested():
                    await book(session, SAM, at, minutes=30)
                    bookable.append(at)
                    raise RollBack
            except (RollBack, SlotTaken):
                pass

    assert bookable == listed
    assert 5 < len(listed) < 15
