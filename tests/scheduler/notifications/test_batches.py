"""Rounds of notices: at most ten direct messages each, what is pointless dropped, each story in order."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from models import Notification, NotificationKind, SessionStatus
from models.storage.database import Database
from scheduler.core.errors import DiscordFailure
from scheduler.notifications.delivery import Delivered
from scheduler.notifications.outbox import requeue
from tests.support.builders import (
    DAY,
    HOUR,
    MINUTE,
    MONDAY,
    STUDENT,
    FakeClock,
    a_coach,
    a_guild,
    a_notification,
    a_session,
    change_session,
)
from tests.support.fakes import Call, FakeDiscord
from tests.support.rounds import deliver_due
from tests.support.transactions import fetch_all, transact

TEN = MONDAY + 2 * HOUR
ELEVEN = TEN + HOUR


async def set_up(db: Database, *kinds: NotificationKind, **about: Any) -> tuple[int, list[int]]:
    """A session, with these notifications to its student in this order; its id and theirs."""
    async with db.begin() as session:
        await a_guild(session)
        await a_coach(session)
        row = await a_session(session, starts_at=TEN, **about)
        ids = [
            (
                await a_notification(
                    session, kind=kind, session_id=row.id, due_at=MONDAY + n * timedelta(seconds=1)
                )
            ).id
            for n, kind in enumerate(kinds)
        ]
        return row.id, ids


async def found(db: Database) -> list[Notification]:
    return await fetch_all(db, select(Notification).order_by(Notification.id))


async def many_people(db: Database, count: int) -> None:
    """A server with a direct message to each of so many people."""
    async with db.begin() as session:
        await a_guild(session)
        for number in range(count):
            await a_notification(session, user_id=STUDENT + number, kind=NotificationKind.APPLICATION_APPROVED)


async def test_a_round_sends_ten_direct_messages_and_the_rest_go_out_with_the_next_ones(db: Database) -> None:
    await many_people(db, 25)
    discord = FakeDiscord()

    outcomes = [await deliver_due(db, discord, FakeClock()) for _ in range(4)]

    assert outcomes == [
        Delivered(10, 0, more=True),
        Delivered(10, 0, more=True),
        Delivered(5, 0, more=False),
        Delivered(0, 0, more=False),
    ]
    asked = list(map(int, discord.asked("deliver")))
    assert [sorted(asked[:10]), sorted(asked[10:20])] == [list(range(1, 11)), list(range(11, 21))]
    assert sorted(asked) == list(range(1, 26))


async def test_ten_direct_messages_leave_nothing_for_another_round(db: Database) -> None:
    await many_people(db, 10)

    assert await deliver_due(db, FakeDiscord(), FakeClock()) == Delivered(10, 0, more=False)


async def test_many_direct_messages_keep_no_channel_waiting(db: Database) -> None:
    await many_people(db, 300)
    card = await transact(db, a_notification, user_id=None, kind=NotificationKind.APPLICATION_CARD, due_at=MONDAY)
    discord = FakeDiscord()

    outcome = await deliver_due(db, discord, FakeClock())

    assert outcome == Delivered(11, 0, more=True)
    assert str(card.id) in discord.asked("deliver")


# What is pointless.


@pytest.mark.parametrize(
    ("kind", "about", "why"),
    [
        (NotificationKind.SESSION_BOOKED, {"status": SessionStatus.CANCELLED}, "it was cancelled"),
        (NotificationKind.ROOM_ENDING, {"status": SessionStatus.COMPLETED}, "the room is not open"),
        (NotificationKind.ROOM_WELCOME, {"status": SessionStatus.CANCELLED}, "the room is not open"),
        (
            NotificationKind.REVIEW_REQUEST,
            {"status": SessionStatus.NO_SHOW},
            "there is nothing to review (any more)",
        ),
        (NotificationKind.NO_SHOW, {"status": SessionStatus.COMPLETED}, "it is no no-show any more"),
        (NotificationKind.SESSION_MISSED, {"took_place": True}, "it was answered"),
    ],
    ids=lambda one: one.value if isinstance(one, NotificationKind) else None,
)
async def test_what_is_pointless_is_dropped_with_a_note(
    db: Database, kind: NotificationKind, about: dict[str, object], why: str
) -> None:
    await set_up(db, kind, access_granted_at=MONDAY, discord_channel_id=555, **about)
    discord = FakeDiscord()

    outcome = await deliver_due(db, discord, FakeClock())

    assert (outcome, discord.calls) == (Delivered(0, 0, more=False), [])
    (notification,) = await found(db)
    assert (notification.due_at, notification.sent_at, notification.given_up_at) == (None, None, MONDAY)
    assert notification.last_error == why
    assert notification.undeliverable_at is None


async def test_a_week_after_the_session_nobody_is_asked_whether_it_took_place(db: Database) -> None:
    await set_up(db, NotificationKind.SESSION_MISSED)

    await deliver_due(db, FakeDiscord(), FakeClock(TEN + HOUR + 7 * DAY + MINUTE))

    (notification,) = await found(db)
    assert (notification.sent_at, notification.last_error) == (None, "it is too late to answer")


async def test_what_was_said_already_is_brought_up_to_date_although_it_would_not_be_said_any_more(
    db: Database,
) -> None:
    session_id, (notification_id,) = await set_up(db, NotificationKind.SESSION_BOOKED)
    discord, clock = FakeDiscord(), FakeClock()
    await deliver_due(db, discord, clock)
    await change_session(db, session_id, status=SessionStatus.CANCELLED)

    async with db.begin() as session:
        requeue(await session.get_one(Notification, notification_id), clock())
    outcome = await deliver_due(db, discord, clock)

    assert outcome == Delivered(1, 0, more=False)
    assert discord.calls[1].context is not None
    assert discord.calls[1].context.notification.message_id == 10_000 + notification_id


# Order.


async def test_what_somebody_is_told_of_one_session_waits_for_what_came_before_and_nobody_else_does(
    db: Database,
) -> None:
    _, (first, second) = await set_up(db, NotificationKind.SESSION_BOOKED, NotificationKind.SESSION_RESCHEDULED)
    other = await transact(db, a_notification, user_id=STUDENT + 1, due_at=MONDAY + MINUTE)
    discord, other_is_out = FakeDiscord(), asyncio.Event()

    async def hang(call: Call) -> None:
        if call.about == str(first):
            async with asyncio.timeout(30):
                await other_is_out.wait()
            assert str(second) not in discord.asked("deliver")
        elif call.about == str(other.id):
            other_is_out.set()

    discord.meanwhile("deliver", hang)

    outcome = await deliver_due(db, discord, FakeClock(MONDAY + MINUTE))

    assert outcome == Delivered(3, 0, more=False)
    assert sorted(discord.asked("deliver")) == sorted([str(first), str(other.id), str(second)])
    assert discord.asked("deliver")[-1] == str(second)


# Requeued while under way.


async def test_what_is_requeued_while_it_is_under_way_goes_out_again_as_the_same_message(db: Database) -> None:
    session_id, (notification_id,) = await set_up(db, NotificationKind.SESSION_BOOKED)
    discord = FakeDiscord()

    async def requeue_once(_call: Call) -> None:
        if len(discord.calls) == 1:
            await change_session(db, session_id, starts_at=ELEVEN, ends_at=ELEVEN + HOUR)
            async with db.begin() as session:
                requeue(await session.get_one(Notification, notification_id), MONDAY)

    discord.meanwhile("deliver", requeue_once)

    await deliver_due(db, discord, FakeClock())
    await deliver_due(db, discord, FakeClock())

    contexts = [call.context for call in discord.calls if call.context is not None]
    assert [one.session.starts_at for one in contexts if one.session] == [TEN, ELEVEN]
    assert [one.notification.message_id for one in contexts] == [None, 10_000 + notification_id]


async def test_what_is_requeued_while_it_fails_is_tried_at_once_and_not_after_the_pause(db: Database) -> None:
    _, (notification_id,) = await set_up(db, NotificationKind.SESSION_BOOKED)
    discord = FakeDiscord()

    async def requeue_and_fail_once(_call: Call) -> None:
        if len(discord.calls) == 1:
            async with db.begin() as session:
                requeue(await session.get_one(Notification, notification_id), MONDAY)
            raise DiscordFailure("Discord does not answer.")

    discord.meanwhile("deliver", requeue_and_fail_once)

    outcomes = [await deliver_due(db, discord, FakeClock()) for _ in range(2)]

    assert outcomes == [Delivered(0, 1, more=False), Delivered(1, 0, more=False)]
    assert (await found(db))[0].revision == 2
