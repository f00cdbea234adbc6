"""Direct messages that were sent are brought up to date when their session changes, or their time is up."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import select

from models import Absent, CoachingSession, Guild, Member, Notification, NotificationKind, SessionStatus
from models.notification import Route
from models.storage.database import Database
from scheduler.booking import cancellation, rescheduling
from scheduler.core.actor import Actor
from scheduler.core.errors import DiscordFailure, Unreachable
from scheduler.notifications import outbox
from scheduler.notifications.delivery import Delivered
from scheduler.reports.metrics import gather
from scheduler.rooms import extensions, in_room
from scheduler.rooms.extensions import Terms
from tests.support.builders import (
    COACH,
    DAY,
    GUILD,
    HOUR,
    MINUTE,
    MONDAY,
    STUDENT,
    FakeClock,
    a_notification,
    a_server_with_a_coach,
    a_session,
)
from tests.support.fakes import Call, FakeDiscord
from tests.support.rounds import advance_due, deliver_due
from tests.support.stored import notifications
from tests.support.transactions import fetch_only, query, transact

K = NotificationKind
STARTS_AT = MONDAY + DAY + 2 * HOUR
GONE = Unreachable("the message is gone")


async def sent_messages(db: Database, *kinds: NotificationKind, route: Route | None = None, count: int = 1) -> int:
    """Store a session and messages to its student that were sent. Returns the session's id."""
    await a_server_with_a_coach(db)
    async with db.begin() as session:
        about = await a_session(session, starts_at=STARTS_AT)
        session.add(Member(user_id=STUDENT))
        for kind in kinds * count:
            one = await a_notification(
                session,
                kind=kind,
                session_id=about.id,
                due_at=None,
                tried_at=MONDAY,
                sent_at=MONDAY,
                route=route,
            )
            one.channel_id, one.message_id = 40, 10_000 + one.id  # as the fake Discord gives them
        return about.id


async def reschedule(db: Database, session_id: int) -> None:
    await transact(
        db, rescheduling.reschedule, session_id, Actor(COACH), STARTS_AT + HOUR, "Ill.", MONDAY + MINUTE
    )


async def cancel(db: Database, session_id: int) -> None:
    await transact(db, cancellation.cancel, session_id, Actor(COACH), GUILD, "", MONDAY + MINUTE)


async def start(db: Database, _session_id: int) -> None:
    await advance_due(db, FakeDiscord(), FakeClock(STARTS_AT + MINUTE))


async def end(db: Database, _session_id: int) -> None:
    await advance_due(db, FakeDiscord(), FakeClock(STARTS_AT + 2 * HOUR))


async def extend(db: Database, session_id: int) -> None:
    await start(db, session_id)
    now = STARTS_AT + 30 * MINUTE
    terms = Terms(STARTS_AT + HOUR + extensions.EXTENSION, 0)
    await updated(db, FakeDiscord(), FakeClock(now))
    await transact(db, extensions.ask, session_id, Actor(COACH), terms, now)
    await transact(db, extensions.agree, session_id, Actor(STUDENT), terms, now)


async def end_early(db: Database, session_id: int) -> None:
    await start(db, session_id)
    now = STARTS_AT + 30 * MINUTE
    await updated(db, FakeDiscord(), FakeClock(now))
    await transact(db, in_room.end_early, session_id, Actor(COACH), now)


async def updated(db: Database, discord: FakeDiscord, now: FakeClock) -> list[NotificationKind]:
    """Deliver what's due, and return the kinds of the messages that were updated."""
    before = len(discord.calls)
    while (await deliver_due(db, discord, now)).more:
        pass
    contexts = [call.context for call in discord.calls[before:] if call.context is not None]
    return sorted(one.notification.kind for one in contexts if one.notification.message_id is not None)


@pytest.mark.parametrize("change", [reschedule, cancel, start, end], ids=lambda one: one.__name__)
async def test_each_message_is_updated_once_when_its_session_changes(
    db: Database, change: Callable[[Database, int], Awaitable[None]]
) -> None:
    session_id = await sent_messages(db, K.SESSION_BOOKED, K.SESSION_REMINDER, K.ATTENDANCE_CHANGED)
    discord, clock = FakeDiscord(), FakeClock(STARTS_AT + 2 * HOUR)

    await change(db, session_id)

    assert await updated(db, discord, clock) == [K.SESSION_BOOKED, K.SESSION_REMINDER]
    assert await updated(db, discord, clock) == []


@pytest.mark.parametrize("change", [extend, end_early], ids=lambda one: one.__name__)
async def test_another_end_updates_each_message_once(
    db: Database, change: Callable[[Database, int], Awaitable[None]]
) -> None:
    session_id = await sent_messages(db, K.SESSION_BOOKED, K.SESSION_REMINDER)
    discord, clock = FakeDiscord(), FakeClock(STARTS_AT + 31 * MINUTE)

    await change(db, session_id)

    open_rooms = [K.ROOM_OPEN] * 2
    assert await updated(db, discord, clock) == [*open_rooms, K.SESSION_BOOKED, K.SESSION_REMINDER]
    assert await updated(db, discord, clock) == []


async def test_a_message_whose_session_changes_twice_before_a_round_is_updated_once(db: Database) -> None:
    session_id = await sent_messages(db, K.SESSION_BOOKED)
    await reschedule(db, session_id)
    await cancel(db, session_id)
    discord = FakeDiscord()

    assert await updated(db, discord, FakeClock(MONDAY + HOUR)) == [K.SESSION_BOOKED]
    [context] = [call.context for call in discord.calls if call.context and call.context.notification.message_id]
    assert context.about_session.status is SessionStatus.CANCELLED


async def test_a_message_being_sent_while_its_session_changes_is_updated_afterwards(db: Database) -> None:
    await a_server_with_a_coach(db)
    async with db.begin() as session:
        about = await a_session(session, starts_at=STARTS_AT)
        await a_notification(session, session_id=about.id)
    discord, clock = FakeDiscord(), FakeClock(MONDAY + HOUR)

    async def cancel_meanwhile(_call: Call) -> None:
        if len(discord.calls) == 1:
            await cancel(db, about.id)

    discord.meanwhile("deliver", cancel_meanwhile)
    await deliver_due(db, discord, clock)

    assert await updated(db, discord, clock) == [K.SESSION_BOOKED]


async def test_messages_sent_elsewhere_are_left_alone(db: Database) -> None:
    session_id = await sent_messages(db, K.SESSION_BOOKED, route=Route.FALLBACK)

    await cancel(db, session_id)

    assert await updated(db, FakeDiscord(), FakeClock(MONDAY + HOUR)) == []


async def test_an_update_of_a_message_that_is_gone_is_given_up_without_telling_anyone(db: Database) -> None:
    session_id = await sent_messages(db, K.SESSION_BOOKED)
    await transact(db, outbox.requeue_direct, session_id, MONDAY)
    discord = FakeDiscord()
    discord.fail("deliver", GONE)

    outcome = await deliver_due(db, discord, FakeClock())
    again = await deliver_due(db, discord, FakeClock(MONDAY + HOUR))

    assert (outcome, again) == (Delivered(0, 0, more=False), Delivered(0, 0, more=False))
    [one] = await notifications(db)
    assert (one.due_at, one.route, one.undeliverable_at, one.sent_at) == (None, None, None, MONDAY)
    assert (await query(db, gather)).notifications == {"sent": 1, "waiting": 0, "given_up": 0}


async def test_a_failing_update_is_retried_and_given_up_in_the_end(db: Database) -> None:
    session_id = await sent_messages(db, K.SESSION_BOOKED)
    await transact(db, outbox.requeue_direct, session_id, MONDAY)
    discord, clock = FakeDiscord(), FakeClock()
    discord.fail("deliver", DiscordFailure("Maximum number of edits to messages older than 1 hour reached."))

    while (due_at := (await notifications(db))[0].due_at) is not None:
        clock.now = due_at
        await deliver_due(db, discord, clock)

    assert len(discord.calls) == 12
    assert [one.kind for one in await notifications(db)] == [K.SESSION_BOOKED]


async def test_updates_hold_up_no_new_messages_and_few_go_out_at_a_time(db: Database) -> None:
    session_id = await sent_messages(db, K.SESSION_BOOKED, count=50)
    await transact(db, outbox.requeue_direct, session_id, MONDAY - HOUR)
    async with db.begin() as session:
        for number in range(10):
            await a_notification(session, kind=K.APPLICATION_APPROVED, user_id=STUDENT + 1 + number)
    discord = FakeDiscord()

    outcome = await deliver_due(db, discord, FakeClock())

    assert outcome == Delivered(30, 0, more=True)
    sent = [call.context.notification for call in discord.calls if call.context is not None]
    assert [one.message_id is None for one in sent].count(True) == 10


async def test_an_update_says_nothing_about_whether_direct_messages_are_open(db: Database) -> None:
    session_id = await sent_messages(db, K.SESSION_REMINDER)
    async with db.begin() as session:
        (await session.get_one(Member, STUDENT)).dms_closed_at = MONDAY
        await outbox.requeue_direct(session, session_id, MONDAY)

    assert await updated(db, FakeDiscord(), FakeClock()) == [K.SESSION_REMINDER]

    async with db.read() as session:
        assert (await session.get_one(Member, STUDENT)).dms_closed_at == MONDAY
        [reminder] = await notifications(db, Notification.kind == K.SESSION_REMINDER)
    assert reminder.sent_at == MONDAY


WEEK_OVER = STARTS_AT + HOUR + 7 * DAY


async def question(db: Database, kind: NotificationKind, user_id: int = STUDENT, **about: Any) -> None:
    """Store a session that's over and a question about it, which is due."""
    await a_server_with_a_coach(db)
    async with db.begin() as session:
        session.add(Member(user_id=user_id))
        one = await a_session(session, starts_at=STARTS_AT, next_step_at=None, **about)
        await a_notification(session, kind=kind, session_id=one.id, user_id=user_id, due_at=STARTS_AT + HOUR)


COMPLETED = {"status": SessionStatus.COMPLETED}
NO_SHOW = {"status": SessionStatus.NO_SHOW, "absent": Absent.STUDENT}
LATE = {"status": SessionStatus.CANCELLED, "cancelled_at": MONDAY, "cancelled_late": True}
CHARGED = {"credit_minutes": 60, "credit_charged_at": STARTS_AT + HOUR}
DECIDED = {"coach_appealed_at": WEEK_OVER, "coach_appeal_decided_at": WEEK_OVER + DAY}
expiring = pytest.mark.parametrize(
    ("kind", "user_id", "about", "expires_at"),
    [
        (K.REVIEW_REQUEST, STUDENT, COMPLETED, WEEK_OVER),
        (K.SESSION_MISSED, COACH, COMPLETED | {"missed_at": MONDAY}, WEEK_OVER),
        (K.NO_SHOW, STUDENT, NO_SHOW, WEEK_OVER),
        (K.NO_SHOW, COACH, NO_SHOW, WEEK_OVER),
        (K.NO_SHOW, STUDENT, NO_SHOW | DECIDED | {"absent": Absent.BOTH}, WEEK_OVER + 8 * DAY),
        (K.NO_SHOW, STUDENT, NO_SHOW | {"absent": Absent.COACH}, None),
        (K.SESSION_CANCELLED, STUDENT, LATE, None),
        (K.ATTENDANCE_CHANGED, STUDENT, COMPLETED, None),
    ],
    ids=["review", "missed", "appeal", "coach's word", "second appeal", "coach absent", "cancelled", "news"],
)


@expiring
async def test_a_question_is_updated_once_when_it_is_too_late_to_answer(
    db: Database, kind: NotificationKind, user_id: int, about: dict[str, Any], expires_at: datetime | None
) -> None:
    await question(db, kind, user_id, **about)
    discord, clock = FakeDiscord(), FakeClock(STARTS_AT + HOUR)

    await deliver_due(db, discord, clock)
    [asked] = await notifications(db)
    assert (asked.sent_at, asked.due_at) == (clock.now, expires_at)

    clock.now = STARTS_AT + 100 * DAY
    assert await updated(db, discord, clock) == ([] if expires_at is None else [kind])
    assert await updated(db, discord, clock) == []
    has_expired = [call.context.has_expired for call in discord.calls if call.context is not None]
    assert has_expired == ([False] if expires_at is None else [False, True])


@pytest.mark.parametrize(
    ("kind", "user_id", "about", "ends_at"),
    [
        (K.NO_SHOW, STUDENT, NO_SHOW, [STARTS_AT + HOUR + 3 * DAY, WEEK_OVER]),
        (K.NO_SHOW, COACH, NO_SHOW, [WEEK_OVER]),
        (K.SESSION_CANCELLED, STUDENT, LATE, [STARTS_AT + HOUR + 3 * DAY]),
        (K.SESSION_CANCELLED, COACH, LATE, [MONDAY + 7 * DAY]),
    ],
    ids=["student's no-show", "coach's", "student's cancellation", "coach's cancellation"],
)
async def test_a_message_about_a_charge_is_updated_when_each_button_stops_working(
    db: Database, kind: NotificationKind, user_id: int, about: dict[str, Any], ends_at: list[datetime]
) -> None:
    await question(db, kind, user_id, **about, **CHARGED)
    discord, clock = FakeDiscord(), FakeClock(STARTS_AT + HOUR)

    await deliver_due(db, discord, clock)
    for at in ends_at:
        [told] = await notifications(db)
        assert told.due_at == at
        clock.now = at
        assert await updated(db, discord, clock) == [kind]

    assert [one.due_at for one in await notifications(db)] == [None]


async def test_a_question_that_changes_meanwhile_still_expires(db: Database) -> None:
    await question(db, K.REVIEW_REQUEST, status=SessionStatus.COMPLETED)
    discord, clock = FakeDiscord(), FakeClock(STARTS_AT + HOUR)
    await deliver_due(db, discord, clock)
    about = await fetch_only(db, select(CoachingSession))

    await transact(db, outbox.requeue_direct, about.id, clock.now)
    await updated(db, discord, clock)

    assert [one.due_at for one in await notifications(db)] == [WEEK_OVER]


async def test_a_question_in_a_channel_is_not_updated_by_time(db: Database) -> None:
    await question(db, K.REVIEW_REQUEST, status=SessionStatus.COMPLETED)
    async with db.begin() as session:
        [asked] = await session.scalars(select(Notification))
        asked.route = Route.FALLBACK
        (await session.get_one(Guild, GUILD)).fallback_channel_id = 40

    await deliver_due(db, FakeDiscord(), FakeClock(STARTS_AT + HOUR))

    assert [(one.sent_at, one.due_at) for one in await notifications(db)] == [(STARTS_AT + HOUR, None)]


async def test_a_sent_question_counts_as_sent(db: Database) -> None:
    await question(db, K.REVIEW_REQUEST, status=SessionStatus.COMPLETED)

    await deliver_due(db, FakeDiscord(), FakeClock(STARTS_AT + HOUR))

    assert (await query(db, gather)).notifications == {"sent": 1, "waiting": 0, "given_up": 0}
