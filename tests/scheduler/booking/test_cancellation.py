"""Cancelling a session: who can, until when, and when that's late."""

import asyncio
from datetime import datetime, timedelta
from functools import partial

import pytest

from models import Guild, Notification, NotificationKind, SessionStatus
from models.storage.database import Database
from scheduler.booking import cancellation
from scheduler.booking.cancellation import is_late
from scheduler.core.actor import Actor
from scheduler.core.clock import stamp
from scheduler.core.errors import NotFound, TooLate, Unreadable
from tests.support.attended_sessions import at, both_came
from tests.support.bookings import CARA, ELEVEN, SAM, STU, TEN, Press, also_booked, attempt, book, booked
from tests.support.builders import (
    ADMIN,
    COACH,
    GUILD,
    HOUR,
    MINUTE,
    MONDAY,
    STUDENT,
    change_session,
    refusal,
    session_for_one,
)
from tests.support.stored import enqueued, reservations, session_now
from tests.support.transactions import transact

A_DAY_OF_NOTICE = Guild(id=GUILD, cancel_notice_minutes=24 * 60)
BOOKED = session_for_one(guild_id=GUILD, coach_id=COACH, student_id=STUDENT, starts_at=MONDAY)
MOMENT = timedelta(microseconds=1)
CANCELLED = NotificationKind.SESSION_CANCELLED


def cancel(
    session_id: int,
    actor: Actor = STU,
    *,
    guild_id: int | None = GUILD,
    reason: str = "",
    now: datetime = MONDAY,
) -> Press:
    """Return the use case behind the cancel button."""
    return partial(
        cancellation.cancel, session_id=session_id, actor=actor, guild_id=guild_id, reason=reason, now=now
    )


@pytest.mark.parametrize(
    ("before", "late"), [(24 * HOUR + MOMENT, False), (24 * HOUR, False), (24 * HOUR - MOMENT, True)]
)
def test_a_student_can_cancel_until_exactly_the_notice_before_the_start(before: timedelta, late: bool) -> None:
    assert is_late(BOOKED, A_DAY_OF_NOTICE, STU, MONDAY - before) is late


def test_without_notice_a_student_can_cancel_until_the_start() -> None:
    no_notice = Guild(id=GUILD, cancel_notice_minutes=0)

    assert not is_late(BOOKED, no_notice, STU, MONDAY - MOMENT)
    assert is_late(BOOKED, no_notice, STU, MONDAY)


def test_a_coach_is_never_late() -> None:
    assert not is_late(BOOKED, A_DAY_OF_NOTICE, CARA, MONDAY)


@pytest.mark.parametrize("actor", [CARA, STU], ids=["coach", "student"])
async def test_once_both_have_met_a_session_can_only_be_ended(db: Database, actor: Actor) -> None:
    session_id = await both_came(db)

    refused = await refusal(db, TooLate, cancel(session_id, actor, now=at(10)))

    assert "**End now**" in str(refused)


@pytest.mark.parametrize(
    ("actor", "guild_id"),
    [(STU, GUILD), (CARA, GUILD), (ADMIN, GUILD), (STU, None), (CARA, None)],
    ids=["student", "coach", "admin", "student in a DM", "coach in a DM"],
)
async def test_a_cancellation_frees_the_time_and_tells_both(
    db: Database, actor: Actor, guild_id: int | None
) -> None:
    session_id = await booked(db)

    await transact(db, cancel(session_id, actor, guild_id=guild_id, reason=" Ill. ", now=MONDAY + HOUR))

    one = await session_now(db, session_id)
    assert (one.status, one.cancelled_at) == (SessionStatus.CANCELLED, MONDAY + HOUR)
    assert (one.cancelled_by, one.cancel_reason) == (actor.user_id, "Ill.")
    assert await reservations(db) == []
    assert await enqueued(db, Notification.kind == CANCELLED) == [(CANCELLED, STUDENT), (CANCELLED, COACH)]
    await transact(db, book, SAM)


@pytest.mark.parametrize(
    ("room_intended_at", "next_step_at"), [(None, None), (TEN, TEN + MINUTE)], ids=["no room", "a room"]
)
async def test_a_cancelled_session_is_due_at_once_if_it_has_a_room(
    db: Database, room_intended_at: datetime | None, next_step_at: datetime | None
) -> None:
    session_id = await booked(db)
    await change_session(db, session_id, room_intended_at=room_intended_at)

    await transact(db, cancel(session_id, now=TEN + MINUTE))

    assert (await session_now(db, session_id)).next_step_at == next_step_at


@pytest.mark.parametrize(
    ("actor", "guild_id"),
    [(SAM, GUILD), (SAM, None), (ADMIN, GUILD + 1), (ADMIN, None)],
    ids=["stranger", "stranger in a DM", "admin of another server", "admin in a DM"],
)
async def test_for_everyone_else_the_session_does_not_exist(
    db: Database, actor: Actor, guild_id: int | None
) -> None:
    session_id = await booked(db)

    theirs = await refusal(db, NotFound, cancel(session_id, actor, guild_id=guild_id))
    none = await refusal(db, NotFound, cancel(404, actor, guild_id=guild_id))

    assert str(theirs) == str(none) == "You have no such session. `/sessions` lists yours."


async def test_a_session_cannot_be_cancelled_twice(db: Database) -> None:
    session_id = await booked(db)
    await transact(db, cancel(session_id))

    refused = await refusal(db, TooLate, cancel(session_id, CARA))

    assert str(refused) == f"This session was cancelled {stamp(MONDAY, 'R')}. Book a new one with `/book`."


async def test_only_one_of_several_simultaneous_cancellations_counts(db: Database) -> None:
    session_id = await booked(db)

    outcomes = await asyncio.gather(*(attempt(db, cancel(session_id, actor)) for actor in (STU, CARA, ADMIN)))

    assert sorted(type(one).__name__ for one in outcomes) == ["CoachingSession", "TooLate", "TooLate"]
    assert len(await enqueued(db, Notification.kind == CANCELLED)) == 2


@pytest.mark.parametrize("status", [one for one in SessionStatus if one is not SessionStatus.CANCELLED])
async def test_a_session_cannot_be_cancelled_after_its_end_whatever_its_status(
    db: Database, status: SessionStatus
) -> None:
    session_id = await booked(db)
    await change_session(db, session_id, status=status)

    refused = await refusal(db, TooLate, cancel(session_id, now=ELEVEN))

    assert str(refused) == (
        "This session is over, so it can't be cancelled. If something went wrong, talk to an admin."
    )


@pytest.mark.parametrize("status", [SessionStatus.COMPLETED, SessionStatus.NO_SHOW])
async def test_a_session_that_ended_early_cannot_be_cancelled(db: Database, status: SessionStatus) -> None:
    session_id = await booked(db)
    await change_session(db, session_id, status=status)

    await refusal(db, TooLate, cancel(session_id, now=ELEVEN - MINUTE))


async def test_a_running_session_can_be_cancelled(db: Database) -> None:
    session_id = await booked(db)
    await change_session(db, session_id, status=SessionStatus.IN_PROGRESS)

    await transact(db, cancel(session_id, now=ELEVEN - MINUTE))

    assert (await session_now(db, session_id)).status is SessionStatus.CANCELLED


async def test_a_reason_that_is_too_long_is_refused(db: Database) -> None:
    session_id = await booked(db)

    refused = await refusal(db, Unreadable, cancel(session_id, reason="x" * 1001))

    assert str(refused) == "The reason has 1,001 characters; at most 1,000 fit."


async def test_cancelling_one_session_leaves_the_others(db: Database) -> None:
    session_id = await booked(db)
    await also_booked(db, ELEVEN)

    await transact(db, cancel(session_id))

    assert {user_id for user_id, _, _ in await reservations(db)} == {COACH, SAM.user_id}
