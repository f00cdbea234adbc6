"""Notifications that can't be delivered: sent to the room or the fallback channel, or reported."""

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
    a_guild,
    a_notification,
    a_server_with_a_coach,
    a_session,
)
from tests.support.fakes import Call, FakeDiscord
from tests.support.rounds import deliver_due
from tests.support.stored import notifications
from tests.support.transactions import fetch_all, transact

CLOSED = Unreachable("their direct messages are closed", dms_closed=True)
FALLBACK, ROOM = 66, 555
OPEN_ROOM = {"access_granted_at": MONDAY, "discord_channel_id": ROOM, "discord_setup_complete": True}
TEN = MONDAY + 2 * HOUR


async def set_up(db: Database, *kinds: NotificationKind, fallback: bool = False, **about: Any) -> list[int]:
    """Create a session with these notifications to its student. Returns their ids."""
    await a_server_with_a_coach(db, guild={"fallback_channel_id": FALLBACK if fallback else None})
    async with db.begin() as session:
        row = await a_session(session, starts_at=TEN, **about)
        enqueued = kinds or (NotificationKind.SESSION_BOOKED,)
        return [(await a_notification(session, kind=kind, session_id=row.id)).id for kind in enqueued]


def closed_to(*user_ids: int) -> FakeDiscord:
    """Return a Discord where these people's direct messages are closed."""
    discord = FakeDiscord()

    async def refuse(call: Call) -> None:
        assert call.context is not None
        if call.context.notification.user_id in user_ids and call.context.notification.route is None:
            raise CLOSED

    discord.meanwhile("deliver", refuse)
    return discord


def attempts(discord: FakeDiscord) -> list[tuple[NotificationKind, Route | None, int | None]]:
    """Return kind, route and channel of every attempt."""
    contexts = [call.context for call in discord.calls if call.context is not None]
    return [(one.notification.kind, one.notification.route, one.channel_id) for one in contexts]


async def of_kind(db: Database, kind: NotificationKind) -> list[Notification]:
    return await notifications(db, Notification.kind == kind)


async def rounds(db: Database, discord: FakeDiscord, count: int = 4) -> None:
    """Deliver repeatedly, so that what the first round enqueues is sent, too."""
    for _ in range(count):
        await deliver_due(db, discord, FakeClock())


async def test_they_are_mentioned_in_an_open_room(db: Database) -> None:
    await set_up(db, NotificationKind.ROOM_OPEN, fallback=True, **OPEN_ROOM)
    discord = closed_to(STUDENT)

    outcome = await deliver_due(db, discord, FakeClock())

    assert outcome == Delivered(1, 0, more=False)
    assert attempts(discord) == [
        (NotificationKind.ROOM_OPEN, None, None),
        (NotificationKind.ROOM_OPEN, Route.ROOM, ROOM),
    ]
    [notification] = await of_kind(db, NotificationKind.ROOM_OPEN)
    assert (notification.route, notification.sent_at, notification.undeliverable_at) == (Route.ROOM, MONDAY, None)


@pytest.mark.parametrize(
    "about",
    [{}, {"discord_channel_id": ROOM, "discord_setup_complete": True}, {**OPEN_ROOM, "room_removed_at": MONDAY}],
    ids=["none", "not open yet", "removed"],
)
async def test_they_are_mentioned_in_the_fallback_channel_without_an_open_room(
    db: Database, about: dict[str, Any]
) -> None:
    await set_up(db, fallback=True, **about)
    discord = closed_to(STUDENT)

    await deliver_due(db, discord, FakeClock())

    assert attempts(discord)[1:] == [(NotificationKind.SESSION_BOOKED, Route.FALLBACK, FALLBACK)]
    [notification] = await of_kind(db, NotificationKind.SESSION_BOOKED)
    assert (notification.sent_at, notification.undeliverable_at) == (MONDAY, None)


async def test_the_fallback_channel_is_used_if_the_room_is_gone(db: Database) -> None:
    await set_up(db, fallback=True, **OPEN_ROOM)
    discord = FakeDiscord()

    async def refuse(call: Call) -> None:
        assert call.context is not None
        if call.context.notification.route is not Route.FALLBACK:
            raise CLOSED if call.context.notification.route is None else Unreachable("the room is gone")

    discord.meanwhile("deliver", refuse)

    await deliver_due(db, discord, FakeClock())

    assert [channel_id for _, _, channel_id in attempts(discord)] == [None, ROOM, FALLBACK]


async def test_a_message_in_the_fallback_channel_is_updated_there(db: Database) -> None:
    [notification_id] = await set_up(db, fallback=True)
    discord = closed_to(STUDENT)
    await deliver_due(db, discord, FakeClock())
    assert [call.context and call.context.maybe_sent for call in discord.calls] == [False, False]

    async with db.begin() as session:
        (await session.get_one(Notification, notification_id)).due_at = MONDAY
    await deliver_due(db, discord, FakeClock())

    assert attempts(discord)[-1] == (NotificationKind.SESSION_BOOKED, Route.FALLBACK, FALLBACK)
    context = discord.calls[-1].context
    assert context is not None
    assert context.notification.message_id == 10_000 + notification_id


# Nobody can be reached.


async def test_the_coach_hears_once_per_session_that_a_student_is_unreachable(db: Database) -> None:
    await set_up(db, NotificationKind.SESSION_BOOKED, NotificationKind.SESSION_RESCHEDULED)
    async with db.begin() as session:
        other = await a_session(session, starts_at=TEN + 2 * HOUR)
        await a_notification(session, session_id=other.id)

    await rounds(db, closed_to(STUDENT))

    to_student = await notifications(db, Notification.user_id == STUDENT)
    assert len(to_student) == 3
    assert {(one.undeliverable_at, one.given_up_at, one.due_at) for one in to_student} == {(MONDAY, MONDAY, None)}
    assert {one.last_error for one in to_student} == {"their direct messages are closed"}
    reports = await of_kind(db, NotificationKind.STUDENT_UNREACHABLE)
    assert [(one.user_id, one.sent_at) for one in reports] == [(COACH, MONDAY)] * 2
    assert len({one.session_id for one in reports}) == 2
    assert await of_kind(db, NotificationKind.ALERT) == []


async def test_admins_hear_once_that_a_coach_is_unreachable(db: Database) -> None:
    await set_up(db)
    async with db.begin() as session:
        row = (await session.scalars(select(CoachingSession))).one()
        for kind in (NotificationKind.SESSION_BOOKED, NotificationKind.SESSION_RESCHEDULED):
            await a_notification(session, kind=kind, user_id=COACH, session_id=row.id)

    await rounds(db, closed_to(COACH))

    assert len(await of_kind(db, NotificationKind.ALERT)) == 1
    assert await of_kind(db, NotificationKind.STUDENT_UNREACHABLE) == []


async def test_admins_hear_of_the_coach_if_the_student_is_unreachable_too(db: Database) -> None:
    await set_up(db)

    await rounds(db, closed_to(STUDENT, COACH))

    assert await fetch_all(db, select(Alert.key)) == [f"unreachable:{COACH}"]
    [sent] = await of_kind(db, NotificationKind.ALERT)
    assert sent.sent_at == MONDAY


async def test_admins_hear_when_a_coach_is_reachable_again(db: Database) -> None:
    async with db.begin() as session:
        await a_guild(session)
        await a_notification(session, user_id=COACH, kind=NotificationKind.APPLICATION_APPROVED)
    discord, clock = closed_to(COACH), FakeClock()
    await rounds(db, discord)
    before = await of_kind(db, NotificationKind.ALERT_RESOLVED)

    clock.forward(MINUTE)
    await transact(db, a_notification, user_id=COACH, kind=NotificationKind.APPLICATION_APPROVED, due_at=clock())
    await deliver_due(db, FakeDiscord(), clock)

    assert before == []
    assert len(await of_kind(db, NotificationKind.ALERT_RESOLVED)) == 1


# Alerts.


@pytest.mark.parametrize("log_channel_id", [None, 44])
async def test_an_alert_goes_to_the_alerts_channel_if_there_is_one(
    db: Database, log_channel_id: int | None
) -> None:
    await an_alert(db, log_channel_id)
    discord = FakeDiscord()

    await deliver_due(db, discord, FakeClock())

    assert attempts(discord) == [(NotificationKind.ALERT, None, log_channel_id)]


async def test_an_alert_goes_elsewhere_if_the_alerts_channel_is_gone(db: Database) -> None:
    await an_alert(db, 44)
    discord = FakeDiscord()

    async def refuse(call: Call) -> None:
        if call.context is not None and call.context.channel_id == 44:
            raise Unreachable("it does not exist any more")

    discord.meanwhile("deliver", refuse)

    outcome = await deliver_due(db, discord, FakeClock())

    assert outcome.sent == 1
    assert [channel_id for _, _, channel_id in attempts(discord)] == [44, None]


async def an_alert(db: Database, log_channel_id: int | None) -> None:
    """Create a server with this alerts channel, and an alert that is due."""
    async with db.begin() as session:
        await a_guild(session, log_channel_id=log_channel_id)
        alert = Alert(guild_id=GUILD, key="k", text="t", since=MONDAY, told_at=MONDAY, times_told=1)
        session.add(alert)
        await session.flush()
        await a_notification(session, kind=NotificationKind.ALERT, user_id=None, alert_id=alert.id)


async def test_only_the_server_concerned_hears_of_an_unreachable_coach(db: Database) -> None:
    await set_up(db)
    async with db.begin() as session:
        await a_guild(session, id=GUILD + 1)
        await a_notification(
            session, guild_id=GUILD + 1, user_id=COACH, kind=NotificationKind.APPLICATION_APPROVED
        )

    await rounds(db, closed_to(COACH))

    assert await fetch_all(db, select(Alert.guild_id)) == [GUILD + 1]
