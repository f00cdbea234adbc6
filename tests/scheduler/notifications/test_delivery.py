"""Notifications: delivered once, tried again, given up, requeued while on their way."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from models import CoachingSession, CoachStatus, Guild, Member, Notification, NotificationKind, SessionStatus
from models.storage.database import Database
from scheduler.core.errors import DiscordFailure, Unreachable
from scheduler.notifications import kinds, outbox
from scheduler.notifications.delivery import Delivered
from scheduler.notifications.kinds import Audience
from scheduler.notifications.outbox import enqueue, requeue
from scheduler.servers import settings
from scheduler.servers.settings import GuildChanges
from tests.support.builders import (
    ADMIN,
    COACH,
    GUILD,
    HOUR,
    MINUTE,
    MONDAY,
    STUDENT,
    FakeClock,
    a_coach,
    a_guild,
    a_notification,
    a_session,
)
from tests.support.fakes import Call, FakeDiscord
from tests.support.rounds import deliver_due
from tests.support.transactions import fetch_all, fetch_only, transact

SECOND = timedelta(seconds=1)
NOTHING = Delivered(0, 0, more=False)
ONE = Delivered(1, 0, more=False)


async def set_up(db: Database, count: int = 1, **changed: Any) -> list[int]:
    """A server with a session, and notifications about it that are due; gives back their ids."""
    async with db.begin() as session:
        await a_guild(session)
        await a_coach(session)
        about = await a_session(session)
        values: dict[str, Any] = {"session_id": about.id, **changed}
        return [(await a_notification(session, **values)).id for _ in range(count)]


async def only(db: Database) -> Notification:
    """The one notification there is, besides what was enqueued because it could not be delivered."""
    told_of_it = NotificationKind.STUDENT_UNREACHABLE, *kinds.sent_to(Audience.ADMINS)
    return await fetch_only(db, select(Notification).where(Notification.kind.not_in(told_of_it)))


async def requeued(db: Database, notification_id: int, now: datetime = MONDAY) -> None:
    """It has something new to say."""
    async with db.begin() as session:
        requeue(await session.get_one(Notification, notification_id), now)


async def dms_closed(db: Database, user_id: int = STUDENT) -> datetime | None:
    """What is known about this person's direct messages."""
    async with db.read() as session:
        member = await session.get(Member, user_id)
        return member.dms_closed_at if member else None


# Enqueuing.


async def test_what_is_enqueued_is_due_at_once(db: Database) -> None:
    async with db.begin() as session:
        await a_guild(session)
        enqueue(session, NotificationKind.SESSION_BOOKED, GUILD, now=MONDAY, user_id=STUDENT)

    notification = await only(db)
    assert (notification.due_at, notification.revision, notification.attempts, notification.sent_at) == (
        MONDAY,
        1,
        0,
        None,
    )


async def test_what_was_enqueued_in_a_transaction_that_failed_is_not_sent(db: Database) -> None:
    async def fail() -> None:
        async with db.begin() as session:
            await a_guild(session)
            enqueue(session, NotificationKind.SESSION_BOOKED, GUILD, now=MONDAY, user_id=STUDENT)
            await session.flush()
            raise RuntimeError("half way")

    with pytest.raises(RuntimeError, match="half way"):
        await fail()

    discord = FakeDiscord()
    assert await deliver_due(db, discord, FakeClock()) == NOTHING
    assert discord.calls == []


# Delivering.


async def test_a_notification_is_delivered_once(db: Database) -> None:
    (notification_id,) = await set_up(db)
    discord, clock = FakeDiscord(), FakeClock()

    first = await deliver_due(db, discord, clock)
    clock.forward(HOUR)
    second = await deliver_due(db, discord, clock)

    assert (first, second) == (ONE, NOTHING)
    assert discord.asked() == [f"deliver {notification_id}"]
    notification = await only(db)
    assert (notification.sent_at, notification.due_at, notification.attempts) == (MONDAY, None, 0)
    assert (notification.channel_id, notification.message_id) == (40, 10_000 + notification_id)


async def test_a_notification_that_is_not_due_yet_waits(db: Database) -> None:
    await set_up(db, due_at=MONDAY + SECOND)
    discord, clock = FakeDiscord(), FakeClock()

    early = await deliver_due(db, discord, clock)
    clock.forward(SECOND)
    on_time = await deliver_due(db, discord, clock)

    assert (early, on_time) == (NOTHING, ONE)


async def test_a_context_holds_the_rows_that_its_words_are_made_of(db: Database) -> None:
    await set_up(db)
    discord = FakeDiscord()

    await deliver_due(db, discord, FakeClock())

    context = discord.calls[0].context
    assert context is not None
    assert context.guild.id == GUILD
    assert context.coach is not None
    assert context.coach.user_id == COACH
    assert context.session is not None
    assert (context.session.student_id, context.maybe_sent) == (STUDENT, False)


async def test_many_messages_to_channels_go_out_in_one_round(db: Database) -> None:
    ids = await set_up(db, count=30, kind=NotificationKind.APPEAL_CARD, user_id=None)
    discord = FakeDiscord()

    outcome = await deliver_due(db, discord, FakeClock())

    assert outcome == Delivered(30, 0, more=False)
    assert sorted(map(int, discord.asked("deliver"))) == ids


async def test_a_message_is_never_on_its_way_while_the_database_is_held(db: Database) -> None:
    await set_up(db)
    discord = FakeDiscord()

    async def write(_call: Call) -> None:
        async with asyncio.timeout(10), db.begin() as session:
            (await session.get_one(Guild, GUILD)).currency = "EUR"

    discord.meanwhile("deliver", write)

    assert await deliver_due(db, discord, FakeClock()) == ONE


# Failing.


async def test_a_failed_notification_is_tried_again_with_growing_pauses_and_then_given_up(db: Database) -> None:
    (notification_id,) = await set_up(db)
    discord, clock = FakeDiscord(), FakeClock()
    discord.fail("deliver", DiscordFailure("Discord does not answer."))

    pauses = []
    for _ in range(11):
        assert await deliver_due(db, discord, clock) == Delivered(0, 1, more=False)
        due_at = (await only(db)).due_at
        assert due_at is not None
        pauses.append((due_at - clock()) / SECOND)
        clock.now = due_at - SECOND
        assert await deliver_due(db, discord, clock) == NOTHING
        clock.now = due_at
    await deliver_due(db, discord, clock)

    notification = await only(db)
    least = [15, 30, 60, 120, 240, 480, 600, 600, 600, 600, 600]
    assert all(at_least <= pause <= at_least * 1.2 for pause, at_least in zip(pauses, least, strict=True))
    assert (notification.due_at, notification.given_up_at, notification.attempts) == (None, clock(), 12)
    assert notification.last_error == "Discord does not answer."
    assert discord.asked("deliver") == [str(notification_id)] * 12


async def test_a_notification_that_failed_is_delivered_when_discord_has_healed(db: Database) -> None:
    await set_up(db)
    discord, clock = FakeDiscord(), FakeClock()
    discord.fail("deliver", DiscordFailure("Discord does not answer."))
    await deliver_due(db, discord, clock)
    discord.heal()

    clock.forward(18 * SECOND)
    outcome = await deliver_due(db, discord, clock)

    notification = await only(db)
    assert outcome == ONE
    assert (notification.due_at, notification.attempts, notification.last_error) == (None, 0, None)
    assert notification.sent_at == MONDAY + 18 * SECOND


async def test_a_second_attempt_knows_that_the_first_may_have_got_through(db: Database) -> None:
    await set_up(db)
    discord, clock = FakeDiscord(), FakeClock()
    discord.fail("deliver", DiscordFailure("The answer was lost."))

    await deliver_due(db, discord, clock)
    discord.heal()
    clock.forward(18 * SECOND)
    await deliver_due(db, discord, clock)

    assert [call.context and call.context.maybe_sent for call in discord.calls] == [False, True]
    assert (await only(db)).tried_at == MONDAY


async def test_a_notification_to_somebody_with_closed_dms_is_given_up_and_that_is_noted(db: Database) -> None:
    (notification_id,) = await set_up(db)
    discord, clock = FakeDiscord(), FakeClock()
    closed = Unreachable("They take no direct messages.", dms_closed=True)
    discord.fail("deliver", closed, about=str(notification_id))

    outcome = await deliver_due(db, discord, clock)
    clock.forward(HOUR)
    await deliver_due(db, discord, clock)

    notification = await only(db)
    assert outcome == NOTHING
    assert discord.asked("deliver").count(str(notification_id)) == 1
    assert (notification.due_at, notification.given_up_at, notification.sent_at) == (None, MONDAY, None)
    assert notification.last_error == "They take no direct messages."
    assert await dms_closed(db) == MONDAY


async def test_who_is_unreachable_for_another_reason_has_no_closed_dms(db: Database) -> None:
    await set_up(db)
    discord = FakeDiscord()
    discord.fail("deliver", Unreachable("They have left."))

    await deliver_due(db, discord, FakeClock())

    assert (await only(db)).given_up_at == MONDAY
    assert await dms_closed(db) is None


async def test_a_message_that_gets_through_shows_that_dms_are_open_again(db: Database) -> None:
    await set_up(db)
    async with db.begin() as session:
        session.add(Member(user_id=STUDENT, dms_closed_at=MONDAY - HOUR))

    await deliver_due(db, FakeDiscord(), FakeClock())

    assert await dms_closed(db) is None


@pytest.mark.parametrize(
    ("failure", "failures", "noted"),
    [
        (DiscordFailure("Discord does not answer."), 1, "Discord does not answer."),
        (Unreachable("They have left."), 0, "They have left."),
        (RuntimeError("secret"), 1, "RuntimeError (a bug; see the log)"),
    ],
    ids=["failure", "unreachable", "bug"],
)
async def test_one_failing_notification_does_not_hold_up_others(
    db: Database, failure: Exception, failures: int, noted: str
) -> None:
    first, second, third = await set_up(db, count=3)
    discord = FakeDiscord()
    discord.fail("deliver", failure, about=str(second))

    outcome = await deliver_due(db, discord, FakeClock())

    assert outcome == Delivered(2, failures, more=False)
    found = {one.id: one for one in await fetch_all(db, select(Notification))}
    assert (found[first].sent_at, found[third].sent_at) == (MONDAY, MONDAY)
    assert (found[second].sent_at, found[second].last_error) == (None, noted)


async def test_one_notification_that_hangs_does_not_hold_up_the_next_ones(db: Database) -> None:
    slow, *others = await set_up(db, count=10, session_id=None)
    discord = FakeDiscord()
    all_others_are_out = asyncio.Event()

    async def hang(call: Call) -> None:
        if call.about == str(slow):
            async with asyncio.timeout(30):
                await all_others_are_out.wait()
        elif len(discord.calls) == 10:
            all_others_are_out.set()

    discord.meanwhile("deliver", hang)

    assert await deliver_due(db, discord, FakeClock()) == Delivered(10, 0, more=False)
    assert sorted(map(int, discord.asked("deliver"))) == [slow, *others]


async def test_what_one_person_is_told_of_one_session_goes_out_in_order(db: Database) -> None:
    ids = await set_up(db, count=6, kind=NotificationKind.SESSION_CANCELLED)
    discord, on_their_way = FakeDiscord(), 0

    async def one_at_a_time(_call: Call) -> None:
        nonlocal on_their_way
        on_their_way += 1
        async with db.read() as session:
            await session.scalars(select(Notification))
        assert on_their_way == 1
        on_their_way -= 1

    discord.meanwhile("deliver", one_at_a_time)

    outcome = await deliver_due(db, discord, FakeClock())

    assert outcome == Delivered(6, 0, more=False)
    assert [int(about) for about in discord.asked("deliver")] == ids


async def taken_back(db: Database, session_id: int) -> None:
    await transact(db, outbox.drop, session_id, list(NotificationKind), "it is something else now", MONDAY)


async def put_off(db: Database, session_id: int) -> None:
    async with db.begin() as session:
        for notification in await session.scalars(
            select(Notification).where(Notification.session_id == session_id)
        ):
            notification.due_at = MONDAY + HOUR


@pytest.mark.parametrize("happens", [taken_back, put_off], ids=lambda one: one.__name__)
@pytest.mark.parametrize("kind", list(NotificationKind))
async def test_what_is_taken_back_or_put_off_after_it_was_listed_is_not_said(
    db: Database, kind: NotificationKind, happens: Callable[[Database, int], Awaitable[None]]
) -> None:
    (first,) = await set_up(db)
    async with db.begin() as session:
        about = (await session.get_one(Notification, first)).session_id
        other = await a_session(session, starts_at=MONDAY + 5 * HOUR, reserved=False)
        await a_notification(session, kind=kind, session_id=other.id, coach_id=COACH, user_id=STUDENT + 1)
        last = await a_notification(session, kind=kind, session_id=other.id, coach_id=COACH, user_id=STUDENT + 1)
    discord = FakeDiscord()

    async def meanwhile(call: Call) -> None:
        """While the first of a person's messages is sent, the second one, listed with it, becomes another one."""
        if call.context is not None and call.context.notification.session_id == other.id:
            await happens(db, other.id)

    discord.meanwhile("deliver", meanwhile)

    await deliver_due(db, discord, FakeClock())

    assert about != other.id
    assert str(last.id) not in discord.asked("deliver")


@pytest.mark.parametrize(
    ("kind", "status", "now", "said"),
    [
        (NotificationKind.SESSION_BOOKED, SessionStatus.SCHEDULED, MONDAY, True),
        (NotificationKind.SESSION_BOOKED, SessionStatus.CANCELLED, MONDAY, False),
        (NotificationKind.SESSION_RESCHEDULED, SessionStatus.SCHEDULED, MONDAY, True),
        (NotificationKind.SESSION_RESCHEDULED, SessionStatus.CANCELLED, MONDAY, False),
        (NotificationKind.SESSION_CANCELLED, SessionStatus.CANCELLED, MONDAY, True),
        (NotificationKind.ROOM_OPEN, SessionStatus.IN_PROGRESS, MONDAY + 3 * HOUR - SECOND, True),
        (NotificationKind.ROOM_OPEN, SessionStatus.IN_PROGRESS, MONDAY + 3 * HOUR, False),
        (NotificationKind.ROOM_OPEN, SessionStatus.CANCELLED, MONDAY, False),
    ],
)
async def test_what_is_no_longer_true_is_not_said(
    db: Database, kind: NotificationKind, status: SessionStatus, now: datetime, said: bool
) -> None:
    await set_up(db, kind=kind)
    async with db.begin() as session:
        about = (await session.scalars(select(CoachingSession))).one()
        about.status, about.access_granted_at = status, MONDAY
    discord = FakeDiscord()

    await deliver_due(db, discord, FakeClock(now))

    notification = await only(db)
    assert len(discord.calls) == (1 if said else 0)
    assert (notification.sent_at, notification.given_up_at) == ((now, None) if said else (None, now))
    assert notification.due_at is None


async def test_nobody_is_invited_into_a_room_that_a_move_has_closed_again(db: Database) -> None:
    await set_up(db, kind=NotificationKind.ROOM_OPEN)
    discord = FakeDiscord()

    await deliver_due(db, discord, FakeClock())

    notification = await only(db)
    assert discord.calls == []
    assert (notification.sent_at, notification.given_up_at, notification.last_error) == (
        None,
        MONDAY,
        "the room is not open",
    )


# Requeuing.


async def test_a_requeued_notification_brings_the_same_message_up_to_date(db: Database) -> None:
    (notification_id,) = await set_up(db)
    discord, clock = FakeDiscord(), FakeClock()
    await deliver_due(db, discord, clock)

    clock.forward(HOUR)
    await requeued(db, notification_id, clock())
    await deliver_due(db, discord, clock)

    context = discord.calls[1].context
    assert context is not None
    assert (context.notification.message_id, context.maybe_sent) == (10_000 + notification_id, False)
    notification = await only(db)
    assert (notification.sent_at, notification.due_at, notification.revision) == (MONDAY, None, 2)


async def test_an_update_that_arrives_while_an_older_text_is_under_way_is_delivered_too(db: Database) -> None:
    (notification_id,) = await set_up(db)
    discord, clock = FakeDiscord(), FakeClock()

    async def requeue_once(_call: Call) -> None:
        if len(discord.calls) == 1:
            await requeued(db, notification_id)

    discord.meanwhile("deliver", requeue_once)

    outcomes = [await deliver_due(db, discord, clock) for _ in range(3)]

    assert outcomes == [ONE, ONE, NOTHING]
    assert [call.context and call.context.notification.revision for call in discord.calls] == [1, 2]


async def test_an_update_that_arrives_while_an_older_text_fails_is_tried_too(db: Database) -> None:
    (notification_id,) = await set_up(db)
    discord, clock = FakeDiscord(), FakeClock()

    async def requeue_and_fail_once(_call: Call) -> None:
        if len(discord.calls) == 1:
            await requeued(db, notification_id)
            raise Unreachable("The channel is gone.")

    discord.meanwhile("deliver", requeue_and_fail_once)

    await deliver_due(db, discord, clock)
    clock.forward(MINUTE)
    await deliver_due(db, discord, clock)

    assert [call.context and call.context.notification.revision for call in discord.calls] == [1, 2]
    notification = await only(db)
    assert (notification.sent_at, notification.given_up_at) == (MONDAY + MINUTE, None)


async def test_a_notification_that_was_given_up_is_tried_again_when_it_is_requeued(db: Database) -> None:
    (notification_id,) = await set_up(db)
    discord, clock = FakeDiscord(), FakeClock()
    discord.fail("deliver", Unreachable("They have left."))
    await deliver_due(db, discord, clock)
    discord.heal()

    await requeued(db, notification_id)
    await deliver_due(db, discord, clock)

    notification = await only(db)
    assert discord.asked("deliver").count(str(notification_id)) == 2
    assert (notification.sent_at, notification.given_up_at, notification.last_error) == (MONDAY, None, None)
    assert notification.undeliverable_at is None


# The admins' cards.


async def a_card(db: Database, review_channel_id: int | None) -> None:
    """A server with an application's card that is due."""
    async with db.begin() as session:
        await a_guild(session, review_channel_id=review_channel_id)
        await a_coach(session, status=CoachStatus.PENDING)
        await a_notification(session, kind=NotificationKind.APPLICATION_CARD, user_id=None, coach_id=COACH)


async def choose_review_channel(db: Database) -> None:
    """What `/coaching setup` does."""
    async with db.begin() as session:
        guild = await session.get_one(Guild, GUILD)
        await settings.change(session, guild, ADMIN, GuildChanges(review_channel_id=89), MONDAY)


async def test_a_card_waits_for_a_review_channel(db: Database) -> None:
    await a_card(db, review_channel_id=None)
    discord, clock = FakeDiscord(), FakeClock()

    without = await deliver_due(db, discord, clock)
    asked_without = discord.asked()
    await choose_review_channel(db)
    with_one = await deliver_due(db, discord, clock)

    assert (without, asked_without, with_one) == (NOTHING, [], ONE)
    notification = await only(db)
    assert (notification.sent_at, notification.given_up_at) == (MONDAY, None)


async def test_a_review_channel_that_is_chosen_while_a_card_fails_in_the_old_one_gets_the_card(
    db: Database,
) -> None:
    await a_card(db, review_channel_id=88)
    discord, clock = FakeDiscord(), FakeClock()

    async def choose_and_fail_once(_call: Call) -> None:
        if len(discord.calls) == 1:
            await choose_review_channel(db)
            raise Unreachable("The review channel is gone.")

    discord.meanwhile("deliver", choose_and_fail_once)

    await deliver_due(db, discord, clock)
    clock.forward(MINUTE)
    await deliver_due(db, discord, clock)

    assert len(discord.calls) == 2
    assert (await only(db)).sent_at == MONDAY + MINUTE


async def test_a_card_that_is_posted_while_another_review_channel_is_chosen_is_posted_there_too(
    db: Database,
) -> None:
    await a_card(db, review_channel_id=88)
    discord, clock = FakeDiscord(), FakeClock()

    async def choose_once(_call: Call) -> None:
        if len(discord.calls) == 1:
            await choose_review_channel(db)

    discord.meanwhile("deliver", choose_once)

    await deliver_due(db, discord, clock)
    await deliver_due(db, discord, clock)

    contexts = [call.context for call in discord.calls if call.context is not None]
    assert [context.guild.review_channel_id for context in contexts] == [88, 89]
    assert [context.notification.message_id for context in contexts] == [None, None]  # not an edit of the old one


async def test_the_newest_card_about_somebody_is_the_one_that_counts(db: Database) -> None:
    await a_card(db, review_channel_id=88)
    async with db.begin() as session:
        newest = await a_notification(
            session, kind=NotificationKind.APPLICATION_CARD, user_id=None, coach_id=COACH
        )
        await a_notification(session, kind=NotificationKind.APPLICATION_APPROVED, coach_id=COACH)

    async with db.read() as session:
        found = await outbox.application_card(session, GUILD, COACH)
        nobodys = await outbox.application_card(session, GUILD, COACH + 1)

    assert (found and found.id, nobodys) == (newest.id, None)
