"""Delivering notifications: once, with retries, and again after they're requeued."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from models import CoachStatus, Guild, Member, Notification, NotificationKind
from models.storage.database import Database
from scheduler.core.errors import DiscordFailure, Unreachable
from scheduler.notifications import kinds, outbox
from scheduler.notifications.delivery import Delivered
from scheduler.notifications.kinds import Audience, NotificationContext
from scheduler.notifications.outbox import enqueue, requeue
from scheduler.servers import settings
from scheduler.servers.settings import GuildChanges
from tests.support import stored
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
    a_notification,
    a_server_with_a_coach,
    a_session,
    change_session,
)
from tests.support.fakes import Call, FakeDiscord
from tests.support.rounds import deliver_due
from tests.support.transactions import fetch_all, fetch_only, query, transact

SECOND = timedelta(seconds=1)
NOTHING = Delivered(0, 0, more=False)
ONE = Delivered(1, 0, more=False)
NO_ANSWER = DiscordFailure("Discord does not answer.")
HAVE_LEFT = Unreachable("They have left.")


async def set_up(db: Database, count: int = 1, **changed: Any) -> list[int]:
    """Create a server with a session, and notifications about it that are due. Returns their ids."""
    await a_server_with_a_coach(db)
    async with db.begin() as session:
        values: dict[str, Any] = {"session_id": (await a_session(session)).id, **changed}
        return [(await a_notification(session, **values)).id for _ in range(count)]


async def only(db: Database) -> Notification:
    """Return the only notification, besides those about it that couldn't be delivered."""
    reports = NotificationKind.STUDENT_UNREACHABLE, *kinds.sent_to(Audience.ADMINS)
    return await fetch_only(db, select(Notification).where(Notification.kind.not_in(reports)))


async def requeued(db: Database, notification_id: int, now: datetime = MONDAY) -> None:
    async with db.begin() as session:
        requeue(await session.get_one(Notification, notification_id), now)


async def dms_closed(db: Database) -> list[datetime | None]:
    return await fetch_all(db, select(Member.dms_closed_at).where(Member.user_id == STUDENT))


def contexts(discord: FakeDiscord) -> list[NotificationContext]:
    return [call.context for call in discord.calls if call.context is not None]


def during_the_first(discord: FakeDiscord, happens: Callable[[], Awaitable[None]]) -> None:
    """Let something happen while the first message is being sent."""

    async def once(_call: Call) -> None:
        if len(discord.calls) == 1:
            await happens()

    discord.meanwhile("deliver", once)


# Enqueuing.


async def test_an_enqueued_notification_is_due_at_once(db: Database) -> None:
    async with db.begin() as session:
        await a_guild(session)
        enqueue(session, NotificationKind.SESSION_BOOKED, GUILD, now=MONDAY, user_id=STUDENT)

    one = await only(db)
    assert (one.due_at, one.revision, one.attempts, one.sent_at) == (MONDAY, 1, 0, None)


async def test_a_notification_of_a_failed_transaction_is_not_sent(db: Database) -> None:
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


async def test_a_notification_is_delivered_once_when_it_is_due(db: Database) -> None:
    [notification_id] = await set_up(db)
    discord = FakeDiscord()

    outcomes = [await deliver_due(db, discord, FakeClock(MONDAY + n * SECOND)) for n in (-1, 0, 1)]

    assert outcomes == [NOTHING, ONE, NOTHING]
    assert discord.asked() == [f"deliver {notification_id}"]
    one = await only(db)
    assert (one.sent_at, one.due_at, one.attempts) == (MONDAY, None, 0)
    assert (one.channel_id, one.message_id) == (40, 10_000 + notification_id)


async def test_a_context_has_the_rows_the_notification_is_about(db: Database) -> None:
    await set_up(db)
    discord = FakeDiscord()

    await deliver_due(db, discord, FakeClock())

    [context] = contexts(discord)
    assert (context.guild.id, context.about_coach.user_id) == (GUILD, COACH)
    assert (context.about_session.student_id, context.maybe_sent) == (STUDENT, False)


async def test_no_transaction_is_open_while_a_message_is_sent(db: Database) -> None:
    await set_up(db)
    discord = FakeDiscord()

    async def write(_call: Call) -> None:
        async with asyncio.timeout(10), db.begin() as session:
            (await session.get_one(Guild, GUILD)).currency = "EUR"

    discord.meanwhile("deliver", write)

    assert await deliver_due(db, discord, FakeClock()) == ONE


# Failing.


async def test_a_failing_notification_is_retried_with_growing_pauses_and_then_given_up(db: Database) -> None:
    [notification_id] = await set_up(db)
    discord, clock = FakeDiscord(), FakeClock()
    discord.fail("deliver", NO_ANSWER)

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

    one = await only(db)
    least = [15, 30, 60, 120, 240, 480, 600, 600, 600, 600, 600]
    assert all(at_least <= pause <= at_least * 1.2 for pause, at_least in zip(pauses, least, strict=True))
    assert (one.due_at, one.given_up_at, one.attempts) == (None, clock(), 12)
    assert one.last_error == "Discord does not answer."
    assert discord.asked("deliver") == [str(notification_id)] * 12


async def test_a_notification_is_not_given_up_after_two_tries_however_far_apart(db: Database) -> None:
    await set_up(db)
    discord, clock = FakeDiscord(), FakeClock()
    discord.fail("deliver", NO_ANSWER)

    for clock.now in (MONDAY, MONDAY + DAY):  # the bot was down between them
        await deliver_due(db, discord, clock)

    one = await only(db)
    assert (one.attempts, one.given_up_at) == (2, None)


async def test_a_retry_knows_that_the_first_attempt_may_have_succeeded(db: Database) -> None:
    await set_up(db)
    discord, clock = FakeDiscord(), FakeClock()
    discord.fail("deliver", NO_ANSWER)
    await deliver_due(db, discord, clock)
    discord.heal()

    clock.forward(18 * SECOND)
    outcome = await deliver_due(db, discord, clock)

    one = await only(db)
    assert outcome == ONE
    assert [context.maybe_sent for context in contexts(discord)] == [False, True]
    assert (one.due_at, one.attempts, one.last_error) == (None, 0, None)
    assert (one.tried_at, one.sent_at) == (MONDAY, MONDAY + 18 * SECOND)


async def test_a_notification_to_closed_direct_messages_is_given_up(db: Database) -> None:
    [notification_id] = await set_up(db)
    discord, clock = FakeDiscord(), FakeClock()
    closed = Unreachable("They take no direct messages.", dms_closed=True)
    discord.fail("deliver", closed, about=str(notification_id))

    outcome = await deliver_due(db, discord, clock)
    clock.forward(HOUR)
    await deliver_due(db, discord, clock)

    one = await only(db)
    assert outcome == NOTHING
    assert discord.asked("deliver").count(str(notification_id)) == 1
    assert (one.due_at, one.given_up_at, one.sent_at) == (None, MONDAY, None)
    assert one.last_error == "They take no direct messages."
    assert await dms_closed(db) == [MONDAY]


async def test_someone_unreachable_for_another_reason_has_no_closed_direct_messages(db: Database) -> None:
    await set_up(db)
    discord = FakeDiscord()
    discord.fail("deliver", HAVE_LEFT)

    await deliver_due(db, discord, FakeClock())

    assert (await only(db)).given_up_at == MONDAY
    assert await dms_closed(db) == [None]


async def test_a_delivered_message_shows_that_direct_messages_are_open_again(db: Database) -> None:
    await set_up(db)
    async with db.begin() as session:
        session.add(Member(user_id=STUDENT, dms_closed_at=MONDAY - HOUR))

    await deliver_due(db, FakeDiscord(), FakeClock())

    assert await dms_closed(db) == [None]


@pytest.mark.parametrize(
    ("failure", "failures", "error"),
    [
        (NO_ANSWER, 1, "Discord does not answer."),
        (HAVE_LEFT, 0, "They have left."),
        (RuntimeError("secret"), 1, "RuntimeError (a bug; see the log)"),
    ],
    ids=["failure", "unreachable", "bug"],
)
async def test_a_failing_notification_does_not_hold_up_others(
    db: Database, failure: Exception, failures: int, error: str
) -> None:
    _, failing, _ = await set_up(db, count=3)
    discord = FakeDiscord()
    discord.fail("deliver", failure, about=str(failing))

    outcome = await deliver_due(db, discord, FakeClock())

    assert outcome == Delivered(2, failures, more=False)
    states = [(one.sent_at, one.last_error) for one in await stored.notifications(db)]
    assert states[:3] == [(MONDAY, None), (None, error), (MONDAY, None)]


async def test_a_hanging_notification_does_not_hold_up_others(db: Database) -> None:
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


async def withdrawn(db: Database, session_id: int) -> None:
    await transact(db, outbox.drop, session_id, list(NotificationKind), "it is something else now", MONDAY)


async def postponed(db: Database, session_id: int) -> None:
    async with db.begin() as session:
        await session.execute(update(Notification).values(due_at=MONDAY + HOUR))


@pytest.mark.parametrize("happens", [withdrawn, postponed], ids=lambda one: one.__name__)
async def test_a_message_withdrawn_or_postponed_during_a_round_is_not_sent(
    db: Database, happens: Callable[[Database, int], Awaitable[None]]
) -> None:
    first, _ = await set_up(db, count=2)
    about = (await stored.notifications(db))[0].session_id
    assert about is not None
    discord = FakeDiscord()
    during_the_first(discord, lambda: happens(db, about))

    await deliver_due(db, discord, FakeClock())

    assert discord.asked("deliver") == [str(first)]


# Requeuing.


async def test_requeuing_updates_the_same_message(db: Database) -> None:
    [notification_id] = await set_up(db)
    discord, clock = FakeDiscord(), FakeClock()
    await deliver_due(db, discord, clock)

    clock.forward(HOUR)
    await requeued(db, notification_id, clock())
    await deliver_due(db, discord, clock)

    context = contexts(discord)[1]
    assert (context.notification.message_id, context.maybe_sent) == (10_000 + notification_id, False)
    one = await only(db)
    assert (one.sent_at, one.due_at, one.revision) == (MONDAY, None, 2)


async def test_a_message_requeued_while_it_is_sent_is_updated_with_the_news(db: Database) -> None:
    [notification_id] = await set_up(db)
    discord, new_start = FakeDiscord(), MONDAY + 3 * HOUR

    async def reschedule() -> None:
        await change_session(db, 1, starts_at=new_start, ends_at=new_start + HOUR)
        await requeued(db, notification_id)

    during_the_first(discord, reschedule)

    outcomes = [await deliver_due(db, discord, FakeClock()) for _ in range(3)]

    assert outcomes == [ONE, ONE, NOTHING]
    seen = [(one.about_session.starts_at, one.notification.message_id) for one in contexts(discord)]
    assert seen == [(MONDAY + 2 * HOUR, None), (new_start, 10_000 + notification_id)]


@pytest.mark.parametrize("failure", [NO_ANSWER, HAVE_LEFT], ids=["failure", "unreachable"])
async def test_a_message_requeued_while_it_fails_is_retried_without_a_pause(
    db: Database, failure: DiscordFailure
) -> None:
    [notification_id] = await set_up(db)
    discord = FakeDiscord()

    async def requeue_and_fail() -> None:
        await requeued(db, notification_id)
        raise failure

    during_the_first(discord, requeue_and_fail)

    for _ in range(2):
        await deliver_due(db, discord, FakeClock())

    assert [context.notification.revision for context in contexts(discord)] == [1, 2]
    one = await only(db)
    assert (one.sent_at, one.given_up_at) == (MONDAY, None)


async def test_requeuing_retries_a_notification_that_was_given_up(db: Database) -> None:
    [notification_id] = await set_up(db)
    discord, clock = FakeDiscord(), FakeClock()
    discord.fail("deliver", HAVE_LEFT)
    await deliver_due(db, discord, clock)
    discord.heal()

    await requeued(db, notification_id)
    await deliver_due(db, discord, clock)

    one = await only(db)
    assert discord.asked("deliver").count(str(notification_id)) == 2
    assert (one.sent_at, one.given_up_at, one.last_error, one.undeliverable_at) == (MONDAY, None, None, None)


# Cards in the review channel.


async def a_card(db: Database, review_channel_id: int | None = 88) -> None:
    """Create a server with an application's card that is due."""
    async with db.begin() as session:
        await a_guild(session, review_channel_id=review_channel_id)
        await a_coach(session, status=CoachStatus.PENDING)
        await a_notification(session, kind=NotificationKind.APPLICATION_CARD, user_id=None, coach_id=COACH)


async def choose_another_channel(db: Database) -> None:
    async with db.begin() as session:
        guild = await session.get_one(Guild, GUILD)
        await settings.change(session, guild, ADMIN, GuildChanges(review_channel_id=89), MONDAY)


async def test_a_card_waits_for_a_review_channel(db: Database) -> None:
    await a_card(db, review_channel_id=None)
    discord, clock = FakeDiscord(), FakeClock()

    without = await deliver_due(db, discord, clock)
    asked_without = discord.asked()
    await choose_another_channel(db)
    with_one = await deliver_due(db, discord, clock)

    assert (without, asked_without, with_one) == (NOTHING, [], ONE)
    one = await only(db)
    assert (one.sent_at, one.given_up_at) == (MONDAY, None)


async def test_a_card_that_fails_while_another_review_channel_is_chosen_is_posted_there(db: Database) -> None:
    await a_card(db)
    discord, clock = FakeDiscord(), FakeClock()

    async def choose_and_fail() -> None:
        await choose_another_channel(db)
        raise Unreachable("The review channel is gone.")

    during_the_first(discord, choose_and_fail)

    await deliver_due(db, discord, clock)
    clock.forward(MINUTE)
    await deliver_due(db, discord, clock)

    assert len(discord.calls) == 2
    assert (await only(db)).sent_at == MONDAY + MINUTE


async def test_a_card_posted_while_another_review_channel_is_chosen_is_posted_again_there(db: Database) -> None:
    await a_card(db)
    discord, clock = FakeDiscord(), FakeClock()
    during_the_first(discord, lambda: choose_another_channel(db))

    await deliver_due(db, discord, clock)
    await deliver_due(db, discord, clock)

    posted = [(one.guild.review_channel_id, one.notification.message_id) for one in contexts(discord)]
    assert posted == [(88, None), (89, None)]  # a new message, not an edit of the old one


async def test_an_open_card_whose_channel_is_gone_is_posted_in_the_chosen_one(db: Database) -> None:
    await a_card(db, review_channel_id=89)
    async with db.begin() as session:
        await session.execute(update(Notification).values(channel_id=88, message_id=5, sent_at=MONDAY))
    discord = FakeDiscord()

    async def gone() -> None:
        raise Unreachable("The channel is gone.")

    during_the_first(discord, gone)

    assert await deliver_due(db, discord, FakeClock()) == ONE
    assert [(one.channel_id, one.notification.message_id) for one in contexts(discord)] == [(88, 5), (89, None)]


async def test_the_newest_card_about_an_applicant_counts(db: Database) -> None:
    await a_card(db)
    async with db.begin() as session:
        newest = await a_notification(
            session, kind=NotificationKind.APPLICATION_CARD, user_id=None, coach_id=COACH
        )
        await a_notification(session, kind=NotificationKind.APPLICATION_APPROVED, coach_id=COACH)

    found = await query(db, outbox.application_card, GUILD, COACH)

    assert found is not None
    assert found.id == newest.id
    assert await query(db, outbox.application_card, GUILD, COACH + 1) is None
