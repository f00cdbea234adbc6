"""Rounds of notifications: their limits, obsolete messages, and the order of messages about a session."""

import asyncio
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import update

from models import Notification, NotificationKind, SessionStatus
from models.storage.database import Database
from scheduler.notifications.delivery import Delivered
from tests.support.builders import (
    DAY,
    HOUR,
    MINUTE,
    MONDAY,
    STUDENT,
    FakeClock,
    a_guild,
    a_notification,
    a_server_with_a_coach,
    a_session,
    change_session,
)
from tests.support.fakes import Call, FakeDiscord
from tests.support.rounds import deliver_due
from tests.support.stored import notifications
from tests.support.transactions import transact

ENDS = MONDAY + 3 * HOUR
SECOND = MINUTE / 60
IN_ROOM = {"access_granted_at": MONDAY, "discord_channel_id": 555}


async def set_up(db: Database, *kinds: NotificationKind, **about: Any) -> list[int]:
    """Create a session, and notifications to its student in this order. Returns their ids."""
    await a_server_with_a_coach(db)
    async with db.begin() as session:
        row = await a_session(session, **about)
        due = ((kind, MONDAY + n * SECOND) for n, kind in enumerate(kinds))
        return [(await a_notification(session, kind=kind, session_id=row.id, due_at=at)).id for kind, at in due]


async def a_message_each(db: Database, count: int, **changed: Any) -> None:
    """Create a server with a direct message to each of so many people."""
    async with db.begin() as session:
        await a_guild(session)
        for number in range(count):
            values = {"user_id": STUDENT + number, "kind": NotificationKind.APPLICATION_APPROVED, **changed}
            await a_notification(session, **values)


# Limits.


async def test_a_round_sends_ten_direct_messages_oldest_first(db: Database) -> None:
    await a_message_each(db, 25)
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


async def test_exactly_ten_direct_messages_fill_one_round(db: Database) -> None:
    await a_message_each(db, 10)

    assert await deliver_due(db, FakeDiscord(), FakeClock()) == Delivered(10, 0, more=False)


async def test_thirty_messages_to_channels_go_out_in_one_round(db: Database) -> None:
    await a_message_each(db, 30, kind=NotificationKind.APPEAL_CARD, user_id=None)
    discord = FakeDiscord()

    assert await deliver_due(db, discord, FakeClock()) == Delivered(30, 0, more=False)
    assert sorted(map(int, discord.asked("deliver"))) == list(range(1, 31))


async def test_direct_messages_do_not_hold_up_channels(db: Database) -> None:
    await a_message_each(db, 300)
    card = await transact(db, a_notification, user_id=None, kind=NotificationKind.APPLICATION_CARD)
    discord = FakeDiscord()

    outcome = await deliver_due(db, discord, FakeClock())

    assert outcome == Delivered(11, 0, more=True)
    assert str(card.id) in discord.asked("deliver")


# Obsolete messages.


@pytest.mark.parametrize(
    ("kind", "about", "now", "why"),
    [
        (NotificationKind.SESSION_BOOKED, {}, MONDAY, None),
        (NotificationKind.SESSION_BOOKED, {"status": SessionStatus.CANCELLED}, MONDAY, "it was cancelled"),
        (NotificationKind.SESSION_RESCHEDULED, {}, MONDAY, None),
        (NotificationKind.SESSION_RESCHEDULED, {"status": SessionStatus.CANCELLED}, MONDAY, "it was cancelled"),
        (NotificationKind.SESSION_CANCELLED, {"status": SessionStatus.CANCELLED}, MONDAY, None),
        (NotificationKind.ROOM_OPEN, {"status": SessionStatus.IN_PROGRESS}, ENDS - SECOND, None),
        (NotificationKind.ROOM_OPEN, {"status": SessionStatus.IN_PROGRESS}, ENDS, "the room isn't open"),
        (NotificationKind.ROOM_OPEN, {"status": SessionStatus.CANCELLED}, MONDAY, "the room isn't open"),
        (NotificationKind.ROOM_OPEN, {"access_granted_at": None}, MONDAY, "the room isn't open"),
        (NotificationKind.ROOM_ENDING, {"status": SessionStatus.COMPLETED}, MONDAY, "the room isn't open"),
        (NotificationKind.ROOM_WELCOME, {"status": SessionStatus.CANCELLED}, MONDAY, "the room isn't open"),
        (
            NotificationKind.REVIEW_REQUEST,
            {"status": SessionStatus.NO_SHOW},
            MONDAY,
            "there's nothing left to review",
        ),
        (NotificationKind.NO_SHOW, {"status": SessionStatus.COMPLETED}, MONDAY, "it isn't a no-show any more"),
        (NotificationKind.SESSION_MISSED, {"took_place": True}, MONDAY, "it's been answered"),
        (NotificationKind.SESSION_MISSED, {}, ENDS + 7 * DAY + MINUTE, "it's too late to answer"),
    ],
)
async def test_a_message_that_no_longer_helps_is_dropped_with_a_note(
    db: Database, kind: NotificationKind, about: dict[str, Any], now: datetime, why: str | None
) -> None:
    await set_up(db, kind, **IN_ROOM | about)
    discord = FakeDiscord()

    outcome = await deliver_due(db, discord, FakeClock(now))

    is_sent = why is None
    assert (outcome.sent, len(discord.calls)) == ((1, 1) if is_sent else (0, 0))
    [one] = await notifications(db)
    assert (one.sent_at, one.given_up_at, one.last_error) == ((now, None, None) if is_sent else (None, now, why))
    assert (one.due_at, one.undeliverable_at) == (None, None)


async def test_a_sent_message_is_updated_even_if_it_would_no_longer_be_sent(db: Database) -> None:
    [notification_id] = await set_up(db, NotificationKind.SESSION_BOOKED)
    discord, clock = FakeDiscord(), FakeClock()
    await deliver_due(db, discord, clock)
    await change_session(db, 1, status=SessionStatus.CANCELLED)

    async with db.begin() as session:
        await session.execute(update(Notification).values(due_at=MONDAY))
    outcome = await deliver_due(db, discord, clock)

    assert outcome == Delivered(1, 0, more=False)
    assert discord.calls[1].context is not None
    assert discord.calls[1].context.notification.message_id == 10_000 + notification_id


# Order.


async def test_messages_to_one_person_about_one_session_are_sent_in_order(db: Database) -> None:
    first, second = await set_up(db, NotificationKind.SESSION_BOOKED, NotificationKind.SESSION_RESCHEDULED)
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
