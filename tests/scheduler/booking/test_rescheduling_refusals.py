"""Why a session can't be rescheduled. A refusal leaves nothing behind."""

from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import delete, event, insert

from models import AvailabilityRule, Coach, CoachStatus, Reservation, SessionStatus
from models.storage.database import Database
from scheduler.booking import rescheduling
from scheduler.core.actor import Actor
from scheduler.core.clock import stamp
from scheduler.core.errors import NotBookable, NotFound, SlotTaken, TooLate, Unreadable
from tests.support.bookings import (
    CARA,
    ELEVEN,
    LATER,
    SAM,
    STU,
    TEN,
    TWELVE,
    also_booked,
    booked,
    reschedule,
    rescheduling_to,
)
from tests.support.builders import (
    ADMIN,
    COACH,
    DAY,
    GUILD,
    HOUR,
    MINUTE,
    MONDAY,
    a_coach,
    a_server_with_a_coach,
    change_session,
    everything,
    refusal,
)
from tests.support.transactions import transact

STARTED = "This session has already started, so it can't be rescheduled. Book another one with `/book`."


async def test_a_time_that_is_taken_is_refused_with_the_nearest_free_ones(db: Database) -> None:
    session_id = await booked(db)
    await also_booked(db, TWELVE)

    refused = await refusal(db, SlotTaken, rescheduling_to(session_id, TWELVE + 30 * MINUTE))

    assert refused.nearest[:2] == (TWELVE + HOUR, TWELVE + 90 * MINUTE)
    listed = ", ".join(stamp(at) for at in refused.nearest)
    assert str(refused) == f"That time was just taken. Nearest free: {listed}."


@pytest.mark.parametrize(
    ("actor", "sentence"),
    [
        (
            STU,
            "Your coach has to choose a time zone in `/availability` before this session can be rescheduled. Ask "
            "them to, or cancel the session.",
        ),
        (CARA, "I no longer know your time zone. Choose one in `/availability`, then reschedule."),
    ],
    ids=["student", "coach"],
)
async def test_an_unknown_time_zone_is_named_as_the_reason(db: Database, actor: Actor, sentence: str) -> None:
    session_id = await booked(db)
    async with db.begin() as session:
        (await session.get_one(Coach, (GUILD, COACH))).time_zone = "Mars/Base"

    refused = await refusal(db, NotBookable, rescheduling_to(session_id, TWELVE, actor, reason="Ill."))

    assert str(refused) == sentence


async def test_with_nothing_else_free_the_session_stays(db: Database) -> None:
    session_id = await booked(db, horizon_days=1)
    async with db.begin() as session:
        await session.execute(delete(AvailabilityRule))

    refused = await refusal(db, SlotTaken, rescheduling_to(session_id, TWELVE))

    assert str(refused).endswith(" Nothing else is free. The session stays as it is.")


async def test_the_sessions_own_time_is_not_suggested(db: Database) -> None:
    session_id = await booked(db)
    await also_booked(db, ELEVEN)

    refused = await refusal(db, SlotTaken, rescheduling_to(session_id, ELEVEN))

    assert TEN not in refused.nearest


async def test_the_students_other_session_blocks_rescheduling(db: Database) -> None:
    session_id = await booked(db)
    await transact(db, a_coach, user_id=COACH + 1)
    await also_booked(db, TWELVE, STU, COACH + 1)

    refused = await refusal(db, SlotTaken, rescheduling_to(session_id, TWELVE, CARA, reason="Ill."))

    assert str(refused).startswith("The student has another session at that time. Nearest free: ")


@pytest.mark.parametrize(
    ("rules", "starts_at", "why"),
    [
        ({"buffer_after_minutes": 30}, TWELVE, "That time is too close to another of the coach's sessions."),
        ({"minimum_notice_minutes": 119}, MONDAY + 2.5 * HOUR,
         "That time is too soon: this coach needs 1 hour 59 minutes of notice."),
        ({}, MONDAY - DAY, "That time has already passed."),
        ({}, LATER, "That time has already passed."),
        ({"horizon_days": 1}, TWELVE + DAY,
         "That time is too far ahead: this coach can be booked up to 1 day ahead."),
        ({}, MONDAY + 10 * HOUR, "That time is outside the coach's hours."),
        ({}, TWELVE + timedelta(seconds=1), "Sessions start every 30 minutes, but not at that time."),
    ],
    ids=["buffer", "notice", "past", "now", "horizon", "hours", "step"],
)  # fmt: skip
async def test_the_coachs_rules_apply_to_rescheduling_too(
    db: Database, rules: dict[str, Any], starts_at: datetime, why: str
) -> None:
    session_id = await booked(db, **rules)
    await also_booked(db, TWELVE + HOUR)

    refused = await refusal(db, SlotTaken, rescheduling_to(session_id, starts_at))

    assert str(refused).startswith(f"{why} Nearest free: ")


async def test_a_coach_has_to_give_a_reason(db: Database) -> None:
    session_id = await booked(db)

    refused = await refusal(db, Unreadable, rescheduling_to(session_id, TWELVE, CARA, reason="  "))

    assert str(refused) == "Add a reason, so your student knows why."


async def test_a_reason_has_at_most_a_thousand_characters(db: Database) -> None:
    session_id = await booked(db)

    refused = await refusal(db, Unreadable, rescheduling_to(session_id, TWELVE, reason="x" * 1001))
    await reschedule(db, session_id, TWELVE, reason="x" * 1000 + " ")

    assert str(refused) == "The reason has 1,001 characters; at most 1,000 fit."


@pytest.mark.parametrize(
    ("now", "status", "sentence"),
    [
        (LATER, SessionStatus.CANCELLED, "This session was cancelled. Book a new one with `/book`."),
        (TEN, SessionStatus.SCHEDULED, STARTED),
        (LATER, SessionStatus.IN_PROGRESS, STARTED),
        (LATER, SessionStatus.COMPLETED, STARTED),
        (LATER, SessionStatus.NO_SHOW, STARTED),
    ],
)
async def test_only_a_session_that_has_not_started_can_be_rescheduled_or_kept(
    db: Database, now: datetime, status: SessionStatus, sentence: str
) -> None:
    session_id = await booked(db)
    await change_session(db, session_id, status=status)

    refused = await refusal(db, TooLate, rescheduling_to(session_id, TWELVE, now=now))
    kept = await refusal(
        db, TooLate, partial(rescheduling.keep_session, session_id=session_id, actor=CARA, now=now)
    )

    assert str(refused) == str(kept) == sentence


async def test_a_student_needs_the_notice_to_reschedule_and_a_coach_does_not(db: Database) -> None:
    await a_server_with_a_coach(db, guild={"cancel_notice_minutes": 60})
    session_id = await also_booked(db, TEN, STU)
    too_late = TEN - HOUR + MINUTE

    refused = await refusal(db, TooLate, rescheduling_to(session_id, TWELVE, now=too_late))
    await reschedule(db, session_id, TWELVE, CARA, reason="Ill.", now=too_late)

    assert str(refused).startswith("It's too late to reschedule: this server asks for 1 hour of notice.")


@pytest.mark.parametrize("actor", [SAM, ADMIN], ids=["stranger", "admin"])
async def test_for_everyone_else_the_session_does_not_exist(db: Database, actor: Actor) -> None:
    session_id = await booked(db)

    theirs = await refusal(db, NotFound, rescheduling_to(session_id, TWELVE, actor, reason="Ill."))
    none = await refusal(db, NotFound, rescheduling_to(404, TWELVE, actor, reason="Ill."))

    assert str(theirs) == str(none) == "You have no such session. `/sessions` lists yours."


async def test_a_session_of_a_suspended_coach_cannot_be_rescheduled(db: Database) -> None:
    session_id = await booked(db)
    async with db.begin() as session:
        (await session.get_one(Coach, (GUILD, COACH))).status = CoachStatus.SUSPENDED

    refused = await refusal(db, NotFound, rescheduling_to(session_id, TWELVE))

    assert (
        str(refused) == "There's no such coach here. `/book` lists the coaches. To become one, use `/coach apply`."
    )


async def test_the_database_refuses_a_time_that_was_taken_after_the_check(db: Database) -> None:
    session_id = await booked(db)
    other = await also_booked(db, TEN + DAY)
    engine, before = db.engine.sync_engine, await everything(db)

    def slip_in(connection: Any, _name: str) -> None:
        """Take the time between the check and the write."""
        connection.execute(
            insert(Reservation).values(user_id=COACH, starts_at=TWELVE, ends_at=TWELVE + HOUR, session_id=other)
        )

    event.listen(engine, "savepoint", slip_in)
    try:
        refused = await refusal(db, SlotTaken, rescheduling_to(session_id, TWELVE))
    finally:
        event.remove(engine, "savepoint", slip_in)

    assert refused.nearest == (ELEVEN, TWELVE + HOUR, TEN + 30 * MINUTE)
    assert await everything(db) == before
