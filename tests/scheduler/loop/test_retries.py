"""How often a failure is retried, what retries it sooner, and when it's given up."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from models import Alert, AuditEntry, Coach, CoachingSession, Notification, NotificationKind, SessionStatus
from models.storage.database import Database
from scheduler.coaches.coach_role import sync_roles
from scheduler.core.errors import DiscordFailure
from scheduler.loop import retries
from scheduler.notifications import bot_removal
from scheduler.reports import session_history
from scheduler.rooms.reconciliation import sweep
from tests.support.builders import (
    ADMIN,
    COACH,
    DAY,
    GUILD,
    HOUR,
    MINUTE,
    MONDAY,
    FakeClock,
    a_coach,
    a_guild,
    a_notification,
    a_server_with_a_coach,
    a_session,
)
from tests.support.fakes import Call, FakeDiscord
from tests.support.rounds import advance_due, deliver_due
from tests.support.stored import notifications, session_called
from tests.support.transactions import fetch, fetch_all, fetch_only, transact

TEN = MONDAY + 2 * HOUR
ROOM = TEN - 15 * MINUTE
LINGERS = 75 * MINUTE
"""How long people can stay in the room after the end."""
REFUSED = DiscordFailure("I lack Manage Channels", for_admins=True)
DOWN = DiscordFailure("Discord did not answer", unanswered=True)


async def set_up(db: Database, code: str = "abc", guild_id: int = GUILD) -> tuple[FakeDiscord, FakeClock]:
    """Store a server with a session at ten, and let its room be due."""
    who: dict[str, Any] = {"coach_id": guild_id * 10, "student_id": guild_id * 10 + 1}
    async with db.begin() as session:
        await a_guild(session, id=guild_id)
        await a_coach(session, guild_id=guild_id, user_id=guild_id * 10, hours=())
        await a_session(session, guild_id=guild_id, code=code, starts_at=TEN, **who)
    return FakeDiscord(), FakeClock(ROOM)


async def a_room_that_cannot_be_removed(db: Database) -> tuple[FakeDiscord, FakeClock]:
    """Store a session whose room is open and about to end."""
    discord, clock = await set_up(db)
    await until(db, discord, clock, TEN + HOUR - MINUTE)
    discord.fail("remove_room", REFUSED)
    return discord, clock


async def until(db: Database, discord: FakeDiscord, clock: FakeClock, end: datetime) -> None:
    """Do what's due, whenever something is."""
    while clock() <= end:
        await advance_due(db, discord, clock)
        due_at = (await session_called(db)).next_step_at
        clock.now = end + MINUTE if due_at is None else max(due_at, clock() + timedelta(seconds=1))


async def test_while_discord_does_not_answer_no_step_waits_much_longer_than_a_minute(db: Database) -> None:
    discord, clock = await set_up(db)
    discord.fail("ensure_room", DOWN)
    pauses: list[timedelta] = []

    for _ in range(10):
        await advance_due(db, discord, clock)
        next_step_at = (await session_called(db)).next_step_at
        assert next_step_at is not None
        pauses.append(next_step_at - clock())
        clock.now = next_step_at

    assert timedelta(minutes=1) <= max(pauses) <= timedelta(seconds=72)


@pytest.mark.parametrize("guild_id", [None, GUILD], ids=["all servers", "this server"])
async def test_failures_are_brought_forward_and_nothing_else_is(db: Database, guild_id: int | None) -> None:
    discord, clock = await set_up(db)
    await set_up(db, "other", guild_id=GUILD + 1)
    for method in ("ensure_room", "deliver", "set_role"):
        discord.fail(method, REFUSED)
    async with db.begin() as session:
        await a_notification(session, due_at=ROOM)
        waiting = await a_notification(session, due_at=TEN)
        await session.execute(update(Coach).values(role_due_at=ROOM))
    await advance_due(db, discord, clock)
    await sync_roles(db, discord, clock)
    await deliver_due(db, discord, clock)

    assert await retries.bring_forward(db, clock, guild_id)

    failed = Notification.attempts > 0, Notification.guild_id == GUILD
    assert {one.due_at for one in await notifications(db, *failed)} == {ROOM}
    assert (await fetch(db, Notification, waiting.id)).due_at == TEN
    roles = {one.guild_id: one.role_due_at for one in await fetch_all(db, select(Coach))}
    assert (await session_called(db)).next_step_at == roles[GUILD] == ROOM
    others = ((await session_called(db, "other")).next_step_at, roles[GUILD + 1])
    assert [at == ROOM for at in others] == [guild_id is None] * 2


async def test_if_nothing_has_failed_nothing_is_retried(db: Database) -> None:
    await set_up(db)

    assert not await retries.bring_forward(db, FakeClock())
    assert not await retries.retry_all(db, FakeClock(), GUILD)

    assert (await session_called(db)).next_step_at == ROOM


async def test_a_room_that_cannot_be_removed_is_given_up_after_a_week(db: Database) -> None:
    discord, clock = await a_room_that_cannot_be_removed(db)

    await until(db, discord, clock, TEN + 30 * DAY)
    given_up = await session_called(db)
    alerts = await fetch_all(db, select(Alert.text).where(Alert.fixed_at.is_(None)))
    swept = await sweep(db, discord, clock)

    assert (given_up.status, given_up.next_step_at) == (SessionStatus.COMPLETED, None)
    assert given_up.last_error == "given up: I lack Manage Channels"
    assert len(discord.asked("remove_room")) < 60
    given_up_at = await fetch_only(db, select(AuditEntry.at).where(AuditEntry.action == "steps_given_up"))
    assert 7 * DAY <= given_up_at - (TEN + HOUR + LINGERS) <= 7 * DAY + 8 * HOUR
    assert [one for one in alerts if "stopped trying" in one and "/coaching session abc" in one]
    assert swept == 0  # it isn't tried again until an admin says so

    discord.heal()
    await transact(db, session_history.retry, GUILD, given_up.id, ADMIN, clock())
    await advance_due(db, discord, clock)

    row = await session_called(db)
    assert (row.room_removed_at, row.last_error) == (clock(), None)
    assert discord.rooms == {}


async def test_nothing_counts_as_given_up_because_the_bot_was_removed(db: Database) -> None:
    discord, clock = await a_room_that_cannot_be_removed(db)

    async def is_removed(_call: Call) -> None:
        await bot_removal.record_removal_found(db, clock, GUILD)

    discord.meanwhile("remove_room", is_removed)
    clock.now = TEN + HOUR
    await advance_due(db, discord, clock)

    one = await session_called(db)
    assert (one.next_step_at, one.last_error) == (None, bot_removal.REMOVED)
    assert [one for one in await fetch_all(db, select(Alert.text)) if "week" in one] == []
    assert not await retries.retry_all(db, clock, GUILD)


async def test_what_was_given_up_is_retried_once_the_bot_has_the_permission(db: Database) -> None:
    _, clock = await set_up(db)
    async with db.begin() as session:
        await session.execute(
            update(Coach).values(role_due_at=None, role_error="given up: I lack Manage Roles", role_attempts=40)
        )
        stuck = {"next_step_at": None, "last_error": "given up: I lack Manage Channels", "attempts": 40}
        await session.execute(update(CoachingSession).values(stuck))
        card = {"kind": NotificationKind.APPLICATION_CARD, "user_id": None, "coach_id": GUILD * 10}
        await a_notification(session, due_at=None, given_up_at=ROOM, **card)
        await a_notification(session, due_at=None, given_up_at=ROOM)

    assert await retries.retry_all(db, clock, GUILD)

    assert await fetch_only(db, select(Coach.role_due_at)) == ROOM
    one = await session_called(db)
    assert (one.next_step_at, one.last_error, one.attempts) == (ROOM, None, 0)
    due = await notifications(db, Notification.due_at == ROOM)
    assert [one.kind for one in due] == [NotificationKind.APPLICATION_CARD]


async def test_a_bot_that_was_down_for_weeks_still_tries_to_remove_the_room(db: Database) -> None:
    discord, clock = await a_room_that_cannot_be_removed(db)
    clock.now = TEN + 30 * DAY
    await advance_due(db, discord, clock)
    discord.heal()

    await until(db, discord, clock, clock() + HOUR)

    assert discord.rooms == {}


async def test_a_role_that_cannot_be_given_is_given_up_after_a_week(db: Database) -> None:
    await a_server_with_a_coach(db, role_due_at=MONDAY)
    discord, clock = FakeDiscord(), FakeClock()
    discord.fail("set_role", REFUSED)

    while (coach := await fetch(db, Coach, (GUILD, COACH))).role_due_at is not None:
        clock.now = coach.role_due_at
        await sync_roles(db, discord, clock)

    assert coach.role_error == "given up: I lack Manage Channels"
    assert 6 * DAY < clock() - MONDAY < 10 * DAY


async def a_message_that_cannot_be_sent(db: Database, why: DiscordFailure) -> tuple[FakeDiscord, FakeClock, int]:
    """Store a message to someone, and return its id, too."""
    discord = FakeDiscord()
    discord.fail("deliver", why)
    await transact(db, a_guild)
    approved = {"kind": NotificationKind.APPLICATION_APPROVED, "coach_id": None}
    return discord, FakeClock(), (await transact(db, a_notification, **approved)).id


async def test_no_message_is_lost_because_discord_was_down_for_hours(db: Database) -> None:
    discord, clock, notification_id = await a_message_that_cannot_be_sent(db, DOWN)
    for _ in range(36):
        await deliver_due(db, discord, clock)
        clock.forward(10 * MINUTE)
    discord.heal()

    await deliver_due(db, discord, clock)

    assert (await fetch(db, Notification, notification_id)).sent_at == clock()


async def test_no_message_is_given_up_because_its_tries_were_brought_forward(db: Database) -> None:
    discord, clock, notification_id = await a_message_that_cannot_be_sent(db, REFUSED)

    for _ in range(15):
        await deliver_due(db, discord, clock)
        await retries.bring_forward(db, clock, GUILD)
        clock.forward(timedelta(seconds=20))
    discord.heal()
    await deliver_due(db, discord, clock)

    assert (await fetch(db, Notification, notification_id)).sent_at == clock()


async def test_a_message_that_cannot_be_sent_for_more_than_a_day_is_given_up(db: Database) -> None:
    discord, clock, notification_id = await a_message_that_cannot_be_sent(db, DOWN)

    for _ in range(14):
        await deliver_due(db, discord, clock)
        clock.forward(2 * HOUR)

    kept = await fetch(db, Notification, notification_id)
    assert (kept.due_at, kept.given_up_at) == (None, MONDAY + 24 * HOUR)
