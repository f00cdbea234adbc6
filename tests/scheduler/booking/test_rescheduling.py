"""Moving a session, and letting it stay outside its coach's hours: what changes and what does not."""

from datetime import timedelta
from functools import partial

import pytest
from sqlalchemy import select

from models import (
    AuditEntry,
    Coach,
    NotificationKind,
)
from models.storage.database import Database
from scheduler.booking import booking as bookings
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
    booked,
    enqueued,
    found,
    move,
    reservations,
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
    a_coach,
    a_guild,
    a_session,
    change_session,
    everything,
    refusal,
    statements,
)
from tests.support.fakes import Call, FakeDiscord
from tests.support.rounds import deliver_due
from tests.support.transactions import transact


@pytest.mark.parametrize(("actor", "reason"), [(STU, ""), (STU, " Ill. "), (CARA, " Ill. ")])
async def test_student_and_coach_move_a_session(db: Database, actor: Actor, reason: str) -> None:
    session_id = await booked(db, buffer_before_minutes=10, buffer_after_minutes=20)
    before = await found(db, session_id)

    await move(db, session_id, TWELVE + DAY, actor, reason=reason)

    moved = await found(db, session_id)
    assert (moved.starts_at, moved.ends_at, moved.rescheduled_from) == (TWELVE + DAY, TWELVE + DAY + HOUR, TEN)
    assert (moved.rescheduled_at, moved.rescheduled_by, moved.updated_at) == (LATER, actor.user_id, LATER)
    assert moved.reschedule_reason == ("Ill." if reason else None)
    assert moved.next_step_at == TWELVE + DAY - 15 * MINUTE
    assert (moved.code, moved.notes, moved.created_at) == (before.code, "The bridge.", MONDAY)
    assert await reservations(db) == [
        (COACH, TWELVE + DAY - 10 * MINUTE, TWELVE + DAY + 80 * MINUTE),
        (STUDENT, TWELVE + DAY, TWELVE + DAY + HOUR),
    ]
    assert await enqueued(db) == [
        (NotificationKind.SESSION_RESCHEDULED, STUDENT, LATER),
        (NotificationKind.SESSION_RESCHEDULED, COACH, LATER),
    ]
    async with db.read() as session:
        entry = (await session.scalars(select(AuditEntry).order_by(AuditEntry.id.desc()))).first()
    assert entry is not None
    assert (entry.action, entry.actor_id, entry.coach_id, entry.session_id) == (
        "session_moved", actor.user_id, COACH, session_id
    )  # fmt: skip


async def test_who_has_not_heard_of_the_first_move_is_told_once_of_both(db: Database) -> None:
    session_id, discord, clock = await booked(db), FakeDiscord(), FakeClock(LATER + MINUTE)
    await deliver_due(db, discord, clock)

    await move(db, session_id, ELEVEN)
    await move(db, session_id, TWELVE, now=clock())
    twice = await enqueued(db)
    sent, *_ = await deliver_due(db, discord, clock)
    await move(db, session_id, ELEVEN, now=clock())

    assert twice == [
        (NotificationKind.SESSION_RESCHEDULED, user_id, LATER + MINUTE) for user_id in (STUDENT, COACH)
    ]
    assert sent == 2
    told = [call.context.session.starts_at for call in discord.calls[-2:] if call.context and call.context.session]
    assert told == [TWELVE, TWELVE]
    assert [due_at is not None for _, _, due_at in await enqueued(db)] == [False, False, True, True]


async def test_a_move_while_the_notification_of_the_last_one_is_under_way_is_told_too(db: Database) -> None:
    session_id, discord, clock = await booked(db), FakeDiscord(), FakeClock(LATER)
    await deliver_due(db, discord, clock)
    await move(db, session_id, ELEVEN)
    before = len(discord.calls)

    async def move_again(_call: Call) -> None:
        if len(discord.calls) == before + 1:
            await move(db, session_id, TWELVE)

    discord.meanwhile("deliver", move_again)
    await deliver_due(db, discord, clock)
    await deliver_due(db, discord, clock)

    newest = {
        call.context.notification.user_id: call.context.session.starts_at
        for call in discord.calls
        if call.context and call.context.session
    }
    assert newest == {STUDENT: TWELVE, COACH: TWELVE}
    assert [due_at for _, _, due_at in await enqueued(db) if due_at] == []


async def test_one_update_moves_both_reservations(db: Database) -> None:
    session_id = await booked(db)

    with statements(db) as said:
        await move(db, session_id, TWELVE)

    assert len([one for one in said if "reservations" in one and not one.startswith("SELECT")]) == 1


async def test_the_price_and_the_length_stay_whatever_the_coach_offers_now(db: Database) -> None:
    session_id = await booked(db)
    async with db.begin() as session:
        coach = await session.get_one(Coach, (GUILD, COACH))
        coach.rate_minor, coach.durations_minutes = 9900, [30]

    await move(db, session_id, TWELVE)

    moved = await found(db, session_id)
    assert (moved.total_cost_minor, moved.duration) == (6000, HOUR)


@pytest.mark.parametrize("by", [-30 * MINUTE, 30 * MINUTE])
async def test_a_session_may_overlap_its_own_old_time(db: Database, by: timedelta) -> None:
    session_id = await booked(db)

    await move(db, session_id, TEN + by)

    assert await reservations(db) == [(COACH, TEN + by, ELEVEN + by), (STUDENT, TEN + by, ELEVEN + by)]


async def test_the_longest_session_with_the_longest_buffers_can_be_moved(db: Database) -> None:
    async with db.begin() as session:
        guild = await a_guild(session)
        rules = {"buffer_before_minutes": 360, "buffer_after_minutes": 360, "durations_minutes": [720]}
        await a_coach(session, hours=[(day, 0, 1440) for day in range(7)], **rules)
        booking = await bookings.book(session, guild, STU, COACH, MONDAY + DAY, 12 * HOUR, None, MONDAY)

    await move(db, booking.id, MONDAY + DAY + HOUR)

    assert (COACH, MONDAY + DAY - 5 * HOUR, MONDAY + 2 * DAY - 5 * HOUR) in await reservations(db)


async def test_a_move_begins_the_sessions_life_anew(db: Database) -> None:
    session_id = await booked(db)
    await change_session(
        db, session_id, access_granted_at=MONDAY, reminder_sent=True, attempts=3, last_error="x", kept_at=MONDAY
    )

    await move(db, session_id, TWELVE)

    moved = await found(db, session_id)
    assert (moved.access_granted_at, moved.reminder_sent, moved.kept_at) == (None, False, None)
    assert (moved.attempts, moved.last_error) == (0, None)


async def test_a_moved_session_can_be_moved_again_and_back(db: Database) -> None:
    session_id = await booked(db)
    await move(db, session_id, TWELVE)

    await move(db, session_id, TEN, now=LATER + MINUTE)

    moved = await found(db, session_id)
    assert (moved.starts_at, moved.rescheduled_from, moved.rescheduled_at) == (TEN, TWELVE, LATER + MINUTE)
    assert await reservations(db) == [(COACH, TEN, ELEVEN), (STUDENT, TEN, ELEVEN)]


@pytest.mark.parametrize("actor", [STU, CARA], ids=["student", "coach, without a reason"])
async def test_moving_to_the_same_time_changes_nothing_and_tells_nobody(db: Database, actor: Actor) -> None:
    session_id = await booked(db)
    before = await everything(db)

    await move(db, session_id, TEN, actor)

    after = await everything(db)
    assert after == before


async def test_the_old_time_is_free_at_once(db: Database) -> None:
    session_id = await booked(db)

    await move(db, session_id, TWELVE)
    await also_booked(db, TEN)

    assert (COACH, TEN, ELEVEN) in await reservations(db)


async def test_a_session_of_a_coach_who_has_paused_can_be_moved(db: Database) -> None:
    session_id = await booked(db)
    async with db.begin() as session:
        (await session.get_one(Coach, (GUILD, COACH))).accepting = False

    await move(db, session_id, TWELVE)

    assert (await found(db, session_id)).starts_at == TWELVE


# Keeping.


async def test_a_coach_keeps_a_session_although_it_lies_outside_their_hours(db: Database) -> None:
    async with db.begin() as session:
        await a_guild(session)
        await a_coach(session, hours=())
        session_id = (await a_session(session)).id

    await transact(db, rescheduling.keep_session, session_id, CARA, LATER)

    kept = await found(db, session_id)
    assert (kept.kept_at, kept.updated_at, kept.starts_at) == (LATER, LATER, TEN)
    assert await enqueued(db) == []
    async with db.read() as session:
        assert (await session.scalars(select(AuditEntry.action))).all() == ["session_kept"]


@pytest.mark.parametrize("actor", [STU, SAM, ADMIN])
async def test_only_its_coach_decides_to_keep_a_session(db: Database, actor: Actor) -> None:
    session_id = await booked(db)

    await refusal(db, NotFound, partial(rescheduling.keep_session, session_id=session_id, actor=actor, now=LATER))

    assert (await found(db, session_id)).kept_at is None
