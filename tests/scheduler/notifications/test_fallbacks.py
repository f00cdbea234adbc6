"""Notifications to people with closed direct messages: by the room, by the fallback channel, or not at all."""

from typing import Any

import pytest
from sqlalchemy import select

from models import Alert, CoachingSession, Notification, NotificationKind, Route
from models.storage.database import Database
from scheduler.core.errors import Unreachable
from scheduler.notifications.delivery import Delivered
from tests.support.builders import (
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
from tests.support.transactions import fetch_all, transact

CLOSED = Unreachable("their direct messages are closed", dms_closed=True)
FALLBACK, ROOM = 66, 555
OPEN_ROOM = {"access_granted_at": MONDAY, "discord_channel_id": ROOM, "discord_setup_complete": True}
TEN = MONDAY + 2 * HOUR


async def set_up(db: Database, *kinds: NotificationKind, fallback: bool = False, **about: Any) -> list[int]:
    """A server with a session, with these notifications to its student; gives back their ids."""
    async with db.begin() as session:
        await a_guild(session, fallback_channel_id=FALLBACK if fallback else None)
        await a_coach(session)
        row = await a_session(session, starts_at=TEN, **about)
        enqueued = kinds or (NotificationKind.SESSION_BOOKED,)
        return [(await a_notification(session, kind=kind, session_id=row.id)).id for kind in enqueued]


def closed_to(*user_ids: int) -> FakeDiscord:
    """Discord, where these people take no direct messages."""
    discord = FakeDiscord()

    async def refuse(call: Call) -> None:
        assert call.context is not None
        if call.context.notification.user_id in user_ids and call.context.notification.route is None:
            raise CLOSED

    discord.meanwhile("deliver", refuse)
    return discord


def went(discord: FakeDiscord) -> list[tuple[NotificationKind, Route | None, int | None]]:
    """Kind, way and channel of every attempt."""
    contexts = [call.context for call in discord.calls if call.context is not None]
    return [(one.notification.kind, one.notification.route, one.channel_id) for one in contexts]


async def notifications_of(db: Database, kind: NotificationKind) -> list[Notification]:
    return await fetch_all(db, select(Notification).where(Notification.kind == kind).order_by(Notification.id))


async def rounds(db: Database, discord: FakeDiscord, count: int = 4) -> None:
    """So many ticks' worth of deliveries, in which what the first one enqueues goes out, too."""
    for _ in range(count):
        await deliver_due(db, discord, FakeClock())


async def test_with_an_open_room_they_are_mentioned_there(db: Database) -> None:
    await set_up(db, NotificationKind.ROOM_OPEN, fallback=True, **OPEN_ROOM)
    discord = closed_to(STUDENT)

    outcome = await deliver_due(db, discord, FakeClock())

    assert outcome == Delivered(1, 0, more=False)
    assert went(discord) == [
        (NotificationKind.ROOM_OPEN, None, None),
        (NotificationKind.ROOM_OPEN, Route.ROOM, ROOM),
    ]
    (notification,) = await notifications_of(db, NotificationKind.ROOM_OPEN)
    assert (notification.route, notification.sent_at, notification.undeliverable_at) == (Route.ROOM, MONDAY, None)


@pytest.mark.parametrize(
    "about",
    [{}, {"discord_channel_id": ROOM, "discord_setup_complete": True}, {**OPEN_ROOM, "room_removed_at": MONDAY}],
    ids=["none", "not open yet", "removed"],
)
async def test_without_an_open_room_they_are_mentioned_in_the_fallback_channel(
    db: Database, about: dict[str, Any]
) -> None:
    await set_up(db, fallback=True, **about)
    discord = closed_to(STUDENT)

    await deliver_due(db, discord, FakeClock())

    assert went(discord)[1:] == [(NotificationKind.SESSION_BOOKED, Route.FALLBACK, FALLBACK)]
    (notification,) = await notifications_of(db, NotificationKind.SESSION_BOOKED)
    assert (notification.sent_at, notification.undeliverable_at) == (MONDAY, None)


async def test_a_room_that_is_gone_by_then_leaves_the_fallback_channel(db: Database) -> None:
    await set_up(db, fallback=True, **OPEN_ROOM)
    discord = FakeDiscord()

    async def refuse(call: Call) -> None:
        assert call.context is not None
        if call.context.notification.route is not Route.FALLBACK:
            raise CLOSED if call.context.notification.route is None else Unreachable("the room is gone")

    discord.meanwhile("deliver", refuse)

    await deliver_due(db, discord, FakeClock())

    assert [channel_id for _, _, channel_id in went(discord)] == [None, ROOM, FALLBACK]


async def test_another_way_begins_with_no_message_to_look_for(db: Database) -> None:
    await set_up(db, fallback=True)
    discord = closed_to(STUDENT)

    await deliver_due(db, discord, FakeClock())

    assert [call.context and call.context.maybe_sent for call in discord.calls] == [False, False]


async def test_a_message_that_went_another_way_is_brought_up_to_date_there(db: Database) -> None:
    (notification_id,) = await set_up(db, fallback=True)
    discord = closed_to(STUDENT)
    await deliver_due(db, discord, FakeClock())

    async with db.begin() as session:
        (await session.get_one(Notification, notification_id)).due_at = MONDAY
    await deliver_due(db, discord, FakeClock())

    assert went(discord)[-1] == (NotificationKind.SESSION_BOOKED, Route.FALLBACK, FALLBACK)
    context = discord.calls[-1].context
    assert context is not None
    assert context.notification.message_id == 10_000 + notification_id


# No way is left.


async def test_a_student_who_cannot_be_reached_is_given_up_and_the_coach_hears_of_it_once_a_session(
    db: Database,
) -> None:
    await set_up(db, NotificationKind.SESSION_BOOKED, NotificationKind.SESSION_RESCHEDULED)
    discord = closed_to(STUDENT)

    await rounds(db, discord)

    for kind in (NotificationKind.SESSION_BOOKED, NotificationKind.SESSION_RESCHEDULED):
        (notification,) = await notifications_of(db, kind)
        assert (notification.undeliverable_at, notification.given_up_at, notification.due_at) == (
            MONDAY,
            MONDAY,
            None,
        )
        assert notification.last_error == "their direct messages are closed"
    (told,) = await notifications_of(db, NotificationKind.STUDENT_UNREACHABLE)
    assert (told.user_id, told.sent_at) == (COACH, MONDAY)
    assert await notifications_of(db, NotificationKind.ALERT) == []


async def test_the_coach_hears_of_it_again_for_another_session(db: Database) -> None:
    await set_up(db)
    async with db.begin() as session:
        other = await a_session(session, starts_at=TEN + 2 * HOUR)
        await a_notification(session, session_id=other.id)

    await rounds(db, closed_to(STUDENT))

    told = await notifications_of(db, NotificationKind.STUDENT_UNREACHABLE)
    assert len({one.session_id for one in told}) == len(told) == 2


async def test_of_a_coach_who_cannot_be_reached_the_admins_hear_once_however_much_is_lost(db: Database) -> None:
    await set_up(db)
    async with db.begin() as session:
        row = (await session.scalars(select(CoachingSession))).one()
        for kind in (NotificationKind.SESSION_BOOKED, NotificationKind.SESSION_RESCHEDULED):
            await a_notification(session, kind=kind, user_id=COACH, session_id=row.id)

    await rounds(db, closed_to(COACH))

    assert len(await notifications_of(db, NotificationKind.ALERT)) == 1
    assert await notifications_of(db, NotificationKind.STUDENT_UNREACHABLE) == []


async def test_when_neither_student_nor_coach_can_be_reached_the_admins_hear_of_the_coach(db: Database) -> None:
    await set_up(db)

    await rounds(db, closed_to(STUDENT, COACH))

    assert await fetch_all(db, select(Alert.key)) == [f"unreachable:{COACH}"]
    (told,) = await notifications_of(db, NotificationKind.ALERT)
    assert told.sent_at == MONDAY


async def test_admins_hear_when_somebody_can_be_reached_again(db: Database) -> None:
    async with db.begin() as session:
        await a_guild(session)
        await a_notification(session, user_id=COACH, kind=NotificationKind.APPLICATION_APPROVED)
    discord, clock = closed_to(COACH), FakeClock()
    await rounds(db, discord)
    before = await notifications_of(db, NotificationKind.ALERT_RESOLVED)

    discord.meanwhile("deliver", _nothing)
    clock.forward(MINUTE)
    await transact(db, a_notification, user_id=COACH, kind=NotificationKind.APPLICATION_APPROVED, due_at=clock())
    await deliver_due(db, discord, clock)

    assert before == []
    assert len(await notifications_of(db, NotificationKind.ALERT_RESOLVED)) == 1


async def _nothing(_call: Call) -> None:
    """All is well."""


# Problems find a reader.


@pytest.mark.parametrize("log_channel_id", [None, 44])
async def test_a_problem_goes_to_the_log_channel_if_there_is_one(db: Database, log_channel_id: int | None) -> None:
    await a_problem(db, log_channel_id)
    discord = FakeDiscord()

    await deliver_due(db, discord, FakeClock())

    assert went(discord) == [(NotificationKind.ALERT, None, log_channel_id)]


async def test_a_problem_leaves_a_log_channel_that_is_gone_for_wherever_admins_will_see_it(db: Database) -> None:
    await a_problem(db, 44)
    discord = FakeDiscord()

    async def refuse(call: Call) -> None:
        if call.context is not None and call.context.channel_id == 44:
            raise Unreachable("it does not exist any more")

    discord.meanwhile("deliver", refuse)

    outcome = await deliver_due(db, discord, FakeClock())

    assert outcome.sent == 1
    assert [channel_id for _, _, channel_id in went(discord)] == [44, None]


async def a_problem(db: Database, log_channel_id: int | None) -> None:
    """A problem of which admins are still to be told, in a server with this log channel."""
    async with db.begin() as session:
        await a_guild(session, log_channel_id=log_channel_id)
        alert = Alert(guild_id=GUILD, key="k", text="t", since=MONDAY, told_at=MONDAY, times_told=1)
        session.add(alert)
        await session.flush()
        await a_notification(session, kind=NotificationKind.ALERT, user_id=None, alert_id=alert.id)


async def test_one_server_is_not_told_of_anothers_silence(db: Database) -> None:
    await set_up(db)
    async with db.begin() as session:
        await a_guild(session, id=GUILD + 1)
        await a_notification(
            session, guild_id=GUILD + 1, user_id=COACH, kind=NotificationKind.APPLICATION_APPROVED
        )

    await rounds(db, closed_to(COACH))

    assert await fetch_all(db, select(Alert.guild_id)) == [GUILD + 1]
