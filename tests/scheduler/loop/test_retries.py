"""How often what fails is tried, when its pause is cut short, and how it ends."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import func, select, update

from models import (
    Alert,
    AuditEntry,
    Coach,
    CoachingSession,
    Notification,
    NotificationKind,
    SessionStatus,
    UTCDateTime,
)
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
from tests.support.transactions import fetch, fetch_all, fetch_only, transact

TEN = MONDAY + 2 * HOUR
ROOM = TEN - 15 * MINUTE
REFUSED = DiscordFailure("I lack Manage Channels", for_admins=True)
DOWN = DiscordFailure("Discord did not answer", unanswered=True)


async def set_up(db: Database, *codes: str, guild_id: int = GUILD) -> None:
    """A server with a session at ten for each code, of different people."""
    async with db.begin() as session:
        await a_guild(session, id=guild_id)
        for number, code in enumerate(codes):
            who = guild_id * 10 + number
            await a_coach(session, guild_id=guild_id, user_id=who, hours=())
            student_id = who + 500_000
            await a_session(
                session, guild_id=guild_id, code=code, starts_at=TEN, coach_id=who, student_id=student_id
            )


async def found(db: Database, code: str = "abc") -> CoachingSession:
    return await fetch_only(db, select(CoachingSession).where(CoachingSession.code == code))


async def the_coach(db: Database) -> Coach:
    return await fetch(db, Coach, (GUILD, COACH))


async def until(db: Database, discord: FakeDiscord, clock: FakeClock, end: datetime) -> None:
    """The loop does what is due, at each instant at which something is."""
    while clock() <= end:
        await advance_due(db, discord, clock)
        async with db.read() as session:
            following = await session.scalar(select(func.min(CoachingSession.next_step_at, type_=UTCDateTime())))
        clock.now = end + MINUTE if following is None else max(following, clock() + timedelta(seconds=1))


async def test_while_discord_does_not_answer_a_step_never_waits_longer_than_a_good_minute(db: Database) -> None:
    await set_up(db, "abc")
    discord, clock, pauses = FakeDiscord(), FakeClock(ROOM), []
    discord.fail("ensure_room", DOWN)

    for _ in range(10):
        await advance_due(db, discord, clock)
        next_step_at = (await found(db)).next_step_at
        assert next_step_at is not None
        pauses.append(next_step_at - clock())
        clock.now = next_step_at

    assert timedelta(minutes=1) <= max(pauses) <= timedelta(seconds=72)


@pytest.mark.parametrize("guild_id", [None, GUILD], ids=["all servers", "this server"])
async def test_what_waits_is_brought_forward_and_what_has_not_failed_stays(
    db: Database, guild_id: int | None
) -> None:
    await set_up(db, "abc")
    await set_up(db, "other", guild_id=GUILD + 1)
    discord, clock = FakeDiscord(), FakeClock(ROOM)
    for method in ("ensure_room", "deliver", "set_role"):
        discord.fail(method, REFUSED)
    async with db.begin() as session:
        await a_notification(session, due_at=ROOM)
        waiting = await a_notification(session, due_at=TEN)
        await session.execute(update(Coach).values(role_due_at=ROOM))
    for _ in range(5):
        await advance_due(db, discord, clock)
        await sync_roles(db, discord, clock)
        await deliver_due(db, discord, clock)
        async with db.begin() as session:
            await session.execute(update(CoachingSession).values(next_step_at=clock()))
    await advance_due(db, discord, clock)

    assert await retries.bring_forward(db, clock, guild_id)

    async with db.read() as session:
        failed = select(Notification.due_at).where(Notification.attempts > 0, Notification.guild_id == GUILD)
        assert set(await session.scalars(failed)) == {ROOM}
        assert await session.scalar(select(Notification.due_at).where(Notification.id == waiting.id)) == TEN
        roles = dict(list(await session.execute(select(Coach.guild_id, Coach.role_due_at))))
    assert (await found(db)).next_step_at == roles[GUILD] == ROOM
    others = ((await found(db, "other")).next_step_at, roles[GUILD + 1])
    assert [at == ROOM for at in others] == [guild_id is None] * 2


async def test_where_nothing_waits_nothing_is_written(db: Database) -> None:
    await set_up(db, "abc")

    assert not await retries.bring_forward(db, FakeClock())
    assert not await retries.begin_anew(db, FakeClock(), GUILD)

    assert (await found(db)).next_step_at == ROOM


async def test_a_room_that_cannot_be_removed_is_given_up_after_a_week_with_a_note(db: Database) -> None:
    await set_up(db, "abc")
    discord, clock = FakeDiscord(), FakeClock(ROOM)
    await until(db, discord, clock, TEN + HOUR - MINUTE)
    discord.fail("remove_room", REFUSED)

    await until(db, discord, clock, TEN + 30 * DAY)

    row = await found(db)
    assert (row.status, row.next_step_at) == (SessionStatus.COMPLETED, None)
    assert row.last_error == "given up: I lack Manage Channels"
    assert len(discord.asked("remove_room")) < 60
    async with db.read() as session:
        assert await session.scalar(select(AuditEntry.at).where(AuditEntry.action == "steps_given_up"))
        told = list(await session.scalars(select(Alert.text).where(Alert.fixed_at.is_(None))))
    assert [one for one in told if "stopped trying" in one and "/coaching session abc" in one]


async def test_nothing_is_called_given_up_because_the_bot_was_removed_from_the_server(db: Database) -> None:
    await set_up(db, "abc")
    discord, clock = FakeDiscord(), FakeClock(ROOM)
    await until(db, discord, clock, TEN + HOUR - MINUTE)

    async def is_removed(_call: Call) -> None:
        await bot_removal.found_removed(db, clock, GUILD)

    discord.meanwhile("remove_room", is_removed)
    discord.fail("remove_room", REFUSED)
    clock.now = TEN + HOUR
    await advance_due(db, discord, clock)

    assert (await found(db)).next_step_at is None
    assert [one for one in await fetch_all(db, select(Alert.text)) if "week" in one] == []


async def test_what_was_given_up_is_not_begun_anew_by_the_hourly_look_but_by_an_admin(db: Database) -> None:
    await set_up(db, "abc")
    discord, clock = FakeDiscord(), FakeClock(ROOM)
    await until(db, discord, clock, TEN + HOUR - MINUTE)
    discord.fail("remove_room", REFUSED)
    await until(db, discord, clock, TEN + 30 * DAY)
    discord.heal()

    looked = await sweep(db, discord, clock)
    await transact(db, session_history.retry, GUILD, (await found(db)).id, ADMIN, clock())
    await advance_due(db, discord, clock)

    row = await found(db)
    assert looked == 0
    assert (row.room_removed_at, row.last_error) == (clock(), None)
    assert discord.rooms == {}


async def test_what_was_given_up_is_tried_when_an_admin_gives_the_bot_what_it_lacked(db: Database) -> None:
    await set_up(db, "abc")
    clock = FakeClock(ROOM)
    async with db.begin() as session:
        await session.execute(
            update(Coach).values(role_due_at=None, role_error="given up: I lack Manage Roles", role_attempts=40)
        )
        card = {"kind": NotificationKind.APPLICATION_CARD, "user_id": None, "coach_id": GUILD * 10}
        await a_notification(session, due_at=None, given_up_at=ROOM, **card)
        await a_notification(session, due_at=None, given_up_at=ROOM)

    assert await retries.begin_anew(db, clock, GUILD)

    async with db.read() as session:
        assert await session.scalar(select(Coach.role_due_at)) == ROOM
        due = select(Notification.kind).where(Notification.due_at == ROOM)
        assert list(await session.scalars(due)) == [NotificationKind.APPLICATION_CARD]


async def test_what_ended_while_the_bot_was_not_in_the_server_was_not_given_up(db: Database) -> None:
    await set_up(db, "abc")
    async with db.begin() as session:
        over = {"status": SessionStatus.COMPLETED, "next_step_at": None, "last_error": bot_removal.NOTE}
        await session.execute(update(CoachingSession).values(over))

    assert not await retries.begin_anew(db, FakeClock(TEN), GUILD)

    assert (await found(db)).last_error == bot_removal.NOTE


async def test_a_bot_that_was_down_for_weeks_still_tries_to_remove_the_room(db: Database) -> None:
    await set_up(db, "abc")
    discord, clock = FakeDiscord(), FakeClock(ROOM)
    await until(db, discord, clock, TEN + HOUR - MINUTE)
    clock.now = TEN + 30 * DAY
    discord.fail("remove_room", DOWN)
    await advance_due(db, discord, clock)
    discord.heal()

    await until(db, discord, clock, clock() + HOUR)

    assert discord.rooms == {}


async def test_a_role_that_cannot_be_given_for_a_week_is_given_up_with_a_note(db: Database) -> None:
    await a_server_with_a_coach(db, role_due_at=MONDAY)
    discord, clock = FakeDiscord(), FakeClock()
    discord.fail("set_role", REFUSED)

    while (coach := await the_coach(db)).role_due_at is not None:
        clock.now = coach.role_due_at
        await sync_roles(db, discord, clock)

    assert coach.role_error == "given up: I lack Manage Channels"
    assert 6 * DAY < clock() - MONDAY < 10 * DAY


async def test_no_message_is_lost_because_discord_was_down_for_hours(db: Database) -> None:
    await set_up(db)
    discord, clock = FakeDiscord(), FakeClock()
    discord.fail("deliver", DOWN)
    notification = await transact(db, a_notification, kind=NotificationKind.APPLICATION_APPROVED, coach_id=None)
    while clock() < MONDAY + 6 * HOUR:
        await deliver_due(db, discord, clock)
        clock.forward(MINUTE)
    discord.heal()

    clock.forward(2 * MINUTE)
    await deliver_due(db, discord, clock)

    assert (await fetch(db, Notification, notification.id)).sent_at == clock()


async def test_no_message_is_given_up_because_its_tries_were_brought_forward(db: Database) -> None:
    await set_up(db)
    discord, clock = FakeDiscord(), FakeClock()
    discord.fail("deliver", REFUSED)
    await transact(db, a_notification)

    for _ in range(15):
        await deliver_due(db, discord, clock)
        await retries.bring_forward(db, clock, GUILD)
        clock.forward(timedelta(seconds=20))
    discord.heal()
    await deliver_due(db, discord, clock)

    async with db.read() as session:
        sent = await session.scalar(
            select(Notification.sent_at).where(Notification.kind == NotificationKind.SESSION_BOOKED)
        )
    assert sent == clock()


async def test_a_message_that_cannot_be_sent_for_more_than_a_day_is_given_up(db: Database) -> None:
    await set_up(db)
    discord, clock = FakeDiscord(), FakeClock()
    discord.fail("deliver", DOWN)
    notification = await transact(db, a_notification, kind=NotificationKind.APPLICATION_APPROVED, coach_id=None)

    for _ in range(14):
        await deliver_due(db, discord, clock)
        clock.forward(2 * HOUR)

    kept = await fetch(db, Notification, notification.id)
    assert (kept.due_at, kept.given_up_at) == (None, MONDAY + 24 * HOUR)
