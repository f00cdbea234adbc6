"""Rescheduling a session, and keeping it outside its coach's hours: what changes and what doesn't."""

from datetime import timedelta
from functools import partial

import pytest
from sqlalchemy import select

from models import AuditEntry, Coach, NotificationKind
from models.storage.database import Database
from scheduler.booking import rescheduling
from scheduler.core.actor import Actor
from scheduler.core.errors import NotFound
from tests.support.bookings import (
    CARA,
    ELEVEN,
    LATER,
    SAM,
    STU,
    TEN,
    TWELVE,
    also_booked,
    book,
    booked,
    enqueued,
    reschedule,
)
from tests.support.builders import (
    ADMIN,
    COACH,
    DAY,
    GUILD,
    HOUR,
    MINUTE,
    MONDAY,
    STUDENT,
    FakeClock,
    a_server_with_a_coach,
    a_session,
    change_session,
    everything,
    refusal,
    statements,
)
from tests.support.fakes import Call, FakeDiscord
from tests.support.rounds import deliver_due
from tests.support.stored import reservations, session_now
from tests.support.transactions import fetch_all, fetch_only, transact

RESCHEDULED = NotificationKind.SESSION_RESCHEDULED


@pytest.mark.parametrize(("actor", "reason"), [(STU, ""), (STU, " Ill. "), (CARA, " Ill. ")])
async def test_student_and_coach_can_reschedule(db: Database, actor: Actor, reason: str) -> None:
    session_id = await booked(db, buffer_before_minutes=10, buffer_after_minutes=20)
    before, start = await session_now(db, session_id), TWELVE + DAY

    await reschedule(db, session_id, start, actor, reason=reason)

    one = await session_now(db, session_id)
    assert (one.starts_at, one.ends_at, one.rescheduled_from) == (start, start + HOUR, TEN)
    assert (one.rescheduled_at, one.rescheduled_by, one.updated_at) == (LATER, actor.user_id, LATER)
    assert one.reschedule_reason == ("Ill." if reason else None)
    assert one.next_step_at == start - 15 * MINUTE
    assert (one.code, one.student.notes, one.created_at) == (before.code, "The bridge.", MONDAY)
    assert await reservations(db) == [
        (COACH, start - 10 * MINUTE, start + 80 * MINUTE),
        (STUDENT, start, start + HOUR),
    ]
    assert await enqueued(db) == [(RESCHEDULED, STUDENT, LATER), (RESCHEDULED, COACH, LATER)]
    *_, entry = await fetch_all(db, select(AuditEntry).order_by(AuditEntry.id))
    assert (entry.action, entry.actor_id) == ("session_moved", actor.user_id)
    assert (entry.coach_id, entry.session_id) == (COACH, session_id)


async def test_two_changes_before_delivery_are_one_notification(db: Database) -> None:
    session_id, discord, clock = await booked(db), FakeDiscord(), FakeClock(LATER + MINUTE)
    await deliver_due(db, discord, clock)

    await reschedule(db, session_id, ELEVEN)
    await reschedule(db, session_id, TWELVE, now=clock())
    twice = await enqueued(db)
    await deliver_due(db, discord, clock)
    await reschedule(db, session_id, ELEVEN, now=clock())

    assert twice == [(RESCHEDULED, user_id, LATER + MINUTE) for user_id in (STUDENT, COACH)]
    contexts = [call.context for call in discord.calls if call.context is not None]
    told = [one.about_session.starts_at for one in contexts if one.notification.kind is RESCHEDULED]
    assert told == [TWELVE, TWELVE]
    assert len(await enqueued(db)) == 4


async def test_a_change_during_delivery_is_delivered_too(db: Database) -> None:
    session_id, discord, clock = await booked(db), FakeDiscord(), FakeClock(LATER)
    await deliver_due(db, discord, clock)
    await reschedule(db, session_id, ELEVEN)
    before = len(discord.calls)

    async def reschedule_again(_call: Call) -> None:
        if len(discord.calls) == before + 1:
            await reschedule(db, session_id, TWELVE)

    discord.meanwhile("deliver", reschedule_again)
    await deliver_due(db, discord, clock)
    await deliver_due(db, discord, clock)

    newest = {
        call.context.notification.user_id: call.context.session.starts_at
        for call in discord.calls
        if call.context and call.context.session
    }
    assert newest == {STUDENT: TWELVE, COACH: TWELVE}
    assert [due_at for _, _, due_at in await enqueued(db) if due_at] == []


async def test_both_reservations_change_in_one_update(db: Database) -> None:
    session_id = await booked(db)

    with statements(db) as sent:
        await reschedule(db, session_id, TWELVE)

    assert len([one for one in sent if "reservations" in one and not one.startswith("SELECT")]) == 1


async def test_price_and_length_stay_whatever_the_coach_offers_now(db: Database) -> None:
    session_id = await booked(db)
    async with db.begin() as session:
        coach = await session.get_one(Coach, (GUILD, COACH))
        coach.rate_minor, coach.durations_minutes, coach.accepting = 9900, [30], False

    await reschedule(db, session_id, TWELVE)

    one = await session_now(db, session_id)
    assert (one.starts_at, one.student.total_cost_minor, one.duration) == (TWELVE, 6000, HOUR)


@pytest.mark.parametrize("by", [-30 * MINUTE, 30 * MINUTE])
async def test_the_new_time_can_overlap_the_old_one(db: Database, by: timedelta) -> None:
    session_id = await booked(db)

    await reschedule(db, session_id, TEN + by)

    assert await reservations(db) == [(COACH, TEN + by, ELEVEN + by), (STUDENT, TEN + by, ELEVEN + by)]


async def test_the_longest_session_with_the_longest_buffers_can_be_rescheduled(db: Database) -> None:
    rules = {"buffer_before_minutes": 360, "buffer_after_minutes": 360, "durations_minutes": [720]}
    await a_server_with_a_coach(db, hours=[(day, 0, 1440) for day in range(7)], **rules)
    session_id = (await transact(db, book, starts_at=MONDAY + DAY, minutes=720)).id

    await reschedule(db, session_id, MONDAY + DAY + HOUR)

    assert (COACH, MONDAY + DAY - 5 * HOUR, MONDAY + 2 * DAY - 5 * HOUR) in await reservations(db)


async def test_rescheduling_resets_what_has_happened_to_the_session(db: Database) -> None:
    session_id = await booked(db)
    await change_session(
        db, session_id, access_granted_at=MONDAY, reminder_sent=True, attempts=3, last_error="x", kept_at=MONDAY
    )

    await reschedule(db, session_id, TWELVE)

    one = await session_now(db, session_id)
    assert (one.access_granted_at, one.reminder_sent, one.kept_at) == (None, False, None)
    assert (one.attempts, one.last_error) == (0, None)


async def test_a_session_can_be_rescheduled_again_and_back(db: Database) -> None:
    session_id = await booked(db)
    await reschedule(db, session_id, TWELVE)

    await reschedule(db, session_id, TEN, now=LATER + MINUTE)

    one = await session_now(db, session_id)
    assert (one.starts_at, one.rescheduled_from, one.rescheduled_at) == (TEN, TWELVE, LATER + MINUTE)
    assert await reservations(db) == [(COACH, TEN, ELEVEN), (STUDENT, TEN, ELEVEN)]


@pytest.mark.parametrize("actor", [STU, CARA], ids=["student", "coach, without a reason"])
async def test_rescheduling_to_the_same_time_changes_nothing(db: Database, actor: Actor) -> None:
    session_id = await booked(db)
    before = await everything(db)

    await reschedule(db, session_id, TEN, actor)

    assert await everything(db) == before


async def test_the_old_time_is_free_at_once(db: Database) -> None:
    session_id = await booked(db)

    await reschedule(db, session_id, TWELVE)
    await also_booked(db, TEN)

    assert (COACH, TEN, ELEVEN) in await reservations(db)


async def test_a_coach_can_keep_a_session_outside_their_hours(db: Database) -> None:
    await a_server_with_a_coach(db, hours=())
    session_id = (await transact(db, a_session)).id

    await transact(db, rescheduling.keep_session, session_id, CARA, LATER)

    kept = await session_now(db, session_id)
    assert (kept.kept_at, kept.updated_at, kept.starts_at) == (LATER, LATER, TEN)
    assert await enqueued(db) == []
    assert await fetch_only(db, select(AuditEntry.action)) == "session_kept"


@pytest.mark.parametrize("actor", [STU, SAM, ADMIN])
async def test_only_its_coach_can_keep_a_session(db: Database, actor: Actor) -> None:
    session_id = await booked(db)

    await refusal(db, NotFound, partial(rescheduling.keep_session, session_id=session_id, actor=actor, now=LATER))
