"""What becomes of a session's room, status and notifications when it is moved, also while the loop works on it."""

import asyncio
from datetime import datetime

import pytest
from sqlalchemy import event, select

from models import AuditEntry, CoachingSession, Guild, Notification, NotificationKind, SessionStatus
from models.storage.database import Database
from scheduler.booking import cancellation
from scheduler.booking.rescheduling import reschedule
from scheduler.core.actor import Actor
from scheduler.core.errors import DiscordFailure
from scheduler.loop.tick import next_due
from scheduler.notifications import kinds
from scheduler.notifications.kinds import Audience
from scheduler.rooms import rooms
from scheduler.rooms.ports import Removal
from scheduler.rooms.reconciliation import sweep
from scheduler.servers import settings
from scheduler.servers.settings import GuildChanges
from tests.support.builders import (
    ADMIN,
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
)
from tests.support.fakes import Call, FakeDiscord, Method
from tests.support.rounds import advance_due, tick
from tests.support.transactions import fetch_all, fetch_only, transact

TEN = MONDAY + 2 * HOUR
ROOM, ACCESS = TEN - 15 * MINUTE, TEN - 5 * MINUTE
NEXT_WEEK = TEN + 7 * DAY


async def set_up(db: Database) -> tuple[FakeDiscord, FakeClock]:
    """A server with a session at ten."""
    async with db.begin() as session:
        await a_guild(session)
        await a_coach(session)
        await a_session(session, code="abc", starts_at=TEN)
    return FakeDiscord(), FakeClock()


async def found(db: Database) -> CoachingSession:
    return await fetch_only(db, select(CoachingSession))


async def move(db: Database, starts_at: datetime, now: datetime) -> None:
    """Its student moves it."""
    session_id = (await found(db)).id
    await transact(db, reschedule, session_id, Actor(STUDENT), starts_at, "", now)


async def story(db: Database) -> list[str]:
    """What the audit entries say happened."""
    return await fetch_all(db, select(AuditEntry.action).order_by(AuditEntry.id))


async def told(db: Database) -> list[tuple[NotificationKind, datetime]]:
    """What the student was told about where and when it is."""
    other = NotificationKind.SESSION_REMINDER, NotificationKind.REVIEW_REQUEST
    theirs = Notification.user_id == STUDENT, Notification.kind.not_in(other)
    async with db.read() as session:
        rows = await session.scalars(select(Notification).where(*theirs).order_by(Notification.id))
        return [(one.kind, one.sent_at) for one in rows if one.sent_at is not None]


async def said_in_the_room(db: Database) -> list[tuple[NotificationKind, datetime, int]]:
    """What was said there, when, and how often it was written, the corrections included."""
    there = Notification.kind.in_(kinds.sent_to(Audience.ROOM)), Notification.sent_at.is_not(None)
    async with db.read() as session:
        rows = await session.scalars(
            select(Notification).where(*there).order_by(Notification.sent_at, Notification.id)
        )
        return [(one.kind, one.sent_at, one.revision) for one in rows if one.sent_at is not None]


async def live(db: Database, discord: FakeDiscord, clock: FakeClock) -> list[tuple[str, datetime]]:
    """Tick from due instant to due instant until nothing is due; what was asked of Discord, and when."""
    asked: list[tuple[str, datetime]] = []
    while (due_at := await next_due(db)) is not None:
        clock.now = max(clock(), due_at)
        before = len(discord.effects)
        await tick(db, discord, clock)
        asked += [(call.method, clock()) for call in discord.effects[before:] if call.method != "deliver"]
        assert len(asked) < 20, "it never ends"
    return asked


def life_at(starts_at: datetime) -> list[tuple[str, datetime]]:
    """What an hour's life asks of Discord."""
    return [
        ("ensure_room", starts_at - 15 * MINUTE),
        ("open_room", starts_at - 5 * MINUTE),
        ("remove_room", starts_at + HOUR),
    ]


@pytest.mark.parametrize("opened", [False, True], ids=["made", "opened"])
async def test_a_session_that_moves_to_next_week_gives_its_room_up_and_gets_another_then(
    db: Database, opened: bool
) -> None:
    discord, clock = await set_up(db)
    for clock.now in (ROOM, ACCESS) if opened else (ROOM,):
        await tick(db, discord, clock)
    first_room = (await found(db)).discord_channel_id
    clock.forward(MINUTE)
    rescheduled_at = clock()

    await move(db, NEXT_WEEK, rescheduled_at)
    await tick(db, discord, clock)
    between = await found(db)
    asked = await live(db, discord, clock)

    removed = next(call.room for call in discord.calls if call.method == "remove_room")
    assert removed is not None
    assert removed.channel_id == first_room
    assert (between.status, between.discord_setup_complete, between.access_granted_at) == (
        SessionStatus.SCHEDULED, False, None
    )  # fmt: skip
    assert (between.discord_channel_id, between.room_removed_at) == (None, None)
    assert between.next_step_at == NEXT_WEEK - 15 * MINUTE
    assert asked == life_at(NEXT_WEEK)
    ended = await found(db)
    assert (ended.status, ended.room_removed_at) == (SessionStatus.COMPLETED, NEXT_WEEK + HOUR)
    assert ended.discord_channel_id not in (None, first_room)
    before_the_move = [(NotificationKind.ROOM_OPEN, ACCESS)] if opened else []
    assert await told(db) == [
        *before_the_move,
        (NotificationKind.SESSION_RESCHEDULED, rescheduled_at),
        (NotificationKind.ROOM_OPEN, NEXT_WEEK - 5 * MINUTE),
    ]
    assert (await story(db))[-6:] == [
        "room_removed",
        "room_made",
        "room_opened",
        "session_in_progress",
        "session_completed",
        "room_removed",
    ]


async def test_a_session_that_moves_by_half_an_hour_keeps_its_room_which_is_opened_again(db: Database) -> None:
    discord, clock = await set_up(db)
    for clock.now in (ROOM, ACCESS):
        await tick(db, discord, clock)
    room = (await found(db)).discord_channel_id

    await move(db, TEN + 30 * MINUTE, clock())
    asked = await live(db, discord, clock)

    assert asked == life_at(TEN + 30 * MINUTE)[1:]
    assert {call.room.channel_id for call in discord.calls if call.room} == {None, room}
    assert await told(db) == [
        (NotificationKind.ROOM_OPEN, ACCESS),
        (NotificationKind.SESSION_RESCHEDULED, ACCESS),
        (NotificationKind.ROOM_OPEN, ACCESS + 30 * MINUTE),
    ]
    assert await said_in_the_room(db) == [
        (
            NotificationKind.ROOM_WELCOME,
            ACCESS,
            4,
        ),  # the new time, at once and at the opening, and that it is over
        (NotificationKind.ROOM_ENDING, TEN + 85 * MINUTE, 1),
    ]


async def test_a_session_that_moves_before_it_has_a_room_gets_one_at_the_new_time_only(db: Database) -> None:
    discord, clock = await set_up(db)

    await move(db, NEXT_WEEK, MONDAY)
    asked = await live(db, discord, clock)

    assert asked == life_at(NEXT_WEEK)
    assert await told(db) == [
        (NotificationKind.SESSION_RESCHEDULED, MONDAY),
        (NotificationKind.ROOM_OPEN, NEXT_WEEK - 5 * MINUTE),
    ]


async def test_a_session_that_moves_to_an_earlier_time_is_due_earlier(db: Database) -> None:
    discord, clock = await set_up(db)

    await move(db, MONDAY + HOUR, MONDAY)
    asked = await live(db, discord, clock)

    assert asked == life_at(MONDAY + HOUR)


# Moved while a step was under way.


@pytest.mark.parametrize(("method", "at"), [("ensure_room", ROOM), ("open_room", ACCESS)])
@pytest.mark.parametrize(
    "target",
    [TEN + 3 * HOUR, *(pytest.param(one, marks=pytest.mark.slow) for one in (NEXT_WEEK, TEN + 30 * MINUTE))],
)
@pytest.mark.parametrize("late", [False, True], ids=["on time", "at the old start"])
async def test_a_session_that_is_moved_while_a_step_is_under_way_is_never_begun_at_the_old_time(
    db: Database, method: Method, at: datetime, target: datetime, late: bool
) -> None:
    discord, clock = await set_up(db)
    moves = 0

    async def move_once(_call: Call) -> None:
        nonlocal moves
        moves += 1
        if moves == 1:
            if late:
                clock.now = TEN - MINUTE  # the step took its time
            await move(db, target, clock())
            if late:
                clock.now = TEN

    discord.meanwhile(method, move_once)
    for clock.now in sorted({ROOM, at}):
        await tick(db, discord, clock)
    after_the_step = await found(db)
    asked = await live(db, discord, clock)

    assert (after_the_step.status, after_the_step.access_granted_at) == (SessionStatus.SCHEDULED, None)
    assert [one for one in asked if one[0] == "open_room"] == [("open_room", target - 5 * MINUTE)]
    ended = await found(db)
    assert (ended.status, ended.access_granted_at) == (SessionStatus.COMPLETED, target - 5 * MINUTE)
    assert [kind for kind, _ in await told(db)] == [
        NotificationKind.SESSION_RESCHEDULED,
        NotificationKind.ROOM_OPEN,
    ]
    assert (await told(db))[1] == (NotificationKind.ROOM_OPEN, target - 5 * MINUTE)


async def test_a_session_that_is_moved_while_its_room_cannot_be_made_removes_what_may_exist(db: Database) -> None:
    discord, clock = await set_up(db)

    async def move_and_fail(_call: Call) -> None:
        await move(db, NEXT_WEEK, clock())
        raise DiscordFailure("The answer was lost.")

    discord.meanwhile("ensure_room", move_and_fail)
    clock.now = ROOM

    await advance_due(db, discord, clock)

    one = await found(db)
    assert [call.method for call in discord.effects] == ["ensure_room", "remove_room"]
    assert (one.room_intended_at, one.discord_setup_complete) == (None, False)


async def test_a_session_that_is_moved_at_the_moment_of_its_start_does_not_start(db: Database) -> None:
    discord, clock = await set_up(db)
    for clock.now in (ROOM, ACCESS):
        await tick(db, discord, clock)
    one = await found(db)
    decided, engines = asyncio.Event(), [engine.sync_engine for engine in db._engines]

    def listen(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if "FROM guilds" in statement:  # the last that is read before a step is decided on
            decided.set()

    async with db.begin() as session:
        await reschedule(session, one.id, Actor(STUDENT), NEXT_WEEK, "", TEN - MINUTE)
        await session.flush()
        for engine in engines:
            event.listen(engine, "after_cursor_execute", listen)
        try:
            clock.now = TEN
            ticking = asyncio.create_task(advance_due(db, discord, clock))
            async with asyncio.timeout(30):
                await decided.wait()
        finally:
            for engine in engines:
                event.remove(engine, "after_cursor_execute", listen)
    await ticking

    moved = await found(db)
    assert (moved.status, moved.starts_at, moved.discord_channel_id) == (SessionStatus.SCHEDULED, NEXT_WEEK, None)
    assert "session_in_progress" not in await story(db)


async def test_a_session_that_is_moved_back_while_its_room_is_removed_gets_another_room(db: Database) -> None:
    discord, clock = await set_up(db)
    clock.now = ROOM
    await tick(db, discord, clock)
    await move(db, NEXT_WEEK, clock())

    async def move_back(_call: Call) -> None:
        if (await found(db)).starts_at == NEXT_WEEK:
            await move(db, TEN, clock())

    discord.meanwhile("remove_room", move_back)
    await tick(db, discord, clock)
    asked = await live(db, discord, clock)

    assert discord.asked("ensure_room") == ["coaching-session-abc"] * 2
    assert asked == life_at(TEN)[1:]
    assert (await found(db)).status is SessionStatus.COMPLETED


@pytest.mark.parametrize("told_by", ["the gateway", "a look at all rooms"])
async def test_that_the_room_of_a_moved_session_goes_is_no_deletion_by_somebody_else(
    db: Database, told_by: str
) -> None:
    discord, clock = await set_up(db)
    clock.now = ROOM
    await tick(db, discord, clock)
    await move(db, NEXT_WEEK, clock())

    async def is_heard_of(_call: Call) -> None:
        channel_id = (await found(db)).discord_channel_id or 0
        discord.rooms.clear()
        if told_by == "the gateway":
            await transact(db, rooms.channel_deleted, channel_id, clock())
        else:
            await sweep(db, discord, clock)

    discord.meanwhile("remove_room", is_heard_of)
    await tick(db, discord, clock)

    waiting = await found(db)
    assert (waiting.rooms_lost, waiting.attempts, waiting.last_error) == (0, 0, None)
    assert waiting.next_step_at == NEXT_WEEK - 15 * MINUTE
    assert "room_vanished" not in await story(db)


async def test_a_room_that_new_lead_times_make_much_too_early_goes_and_people_are_let_in_again(
    db: Database,
) -> None:
    discord, clock = await set_up(db)
    await set_lead_times(db, GuildChanges(room_lead_minutes=120, access_lead_minutes=120))
    await tick(db, discord, clock)

    await set_lead_times(db, GuildChanges(room_lead_minutes=15, access_lead_minutes=5))
    asked = await live(db, discord, clock)

    assert asked == [("remove_room", MONDAY), *life_at(TEN)]
    assert await told(db) == [(NotificationKind.ROOM_OPEN, MONDAY), (NotificationKind.ROOM_OPEN, ACCESS)]


async def set_lead_times(db: Database, wanted: GuildChanges) -> None:
    async with db.begin() as session:
        await settings.change(session, await session.get_one(Guild, GUILD), ADMIN, wanted, MONDAY)


# Rooms with somebody inside.


@pytest.mark.parametrize("why", [Removal.OCCUPIED, Removal.UNKNOWN])
async def test_a_room_with_somebody_inside_stays_until_it_is_empty(db: Database, why: Removal) -> None:
    discord, clock = await set_up(db)
    for clock.now in (ROOM, ACCESS):
        await tick(db, discord, clock)
    discord.rooms_stay = why
    await move(db, NEXT_WEEK, clock())

    for _ in range(15):
        await tick(db, discord, clock)
        clock.forward(6 * MINUTE)
    occupied = await found(db)
    discord.rooms_stay = None
    await tick(db, discord, clock)

    removals = [call.even_if_occupied for call in discord.calls if call.method == "remove_room"]
    assert removals == [False] * 16
    assert occupied.discord_setup_complete
    emptied = await found(db)
    assert (emptied.discord_setup_complete, emptied.next_step_at) == (False, NEXT_WEEK - 15 * MINUTE)
    assert (emptied.attempts, emptied.last_error) == (0, None)


async def test_a_room_that_stayed_occupied_until_the_new_time_is_near_is_used_then(db: Database) -> None:
    discord, clock = await set_up(db)
    clock.now = ROOM
    await tick(db, discord, clock)
    discord.rooms_stay = Removal.OCCUPIED
    later = TEN + 3 * HOUR
    await move(db, later, clock())

    asked = []
    while clock() < later:
        before = len(discord.effects)
        await advance_due(db, discord, clock)
        asked += [(call.method, clock()) for call in discord.effects[before:] if call.method != "remove_room"]
        clock.forward(MINUTE)

    assert asked == [("open_room", later - 5 * MINUTE)]
    assert discord.asked("ensure_room") == ["coaching-session-abc"]


async def test_a_moved_session_that_is_cancelled_loses_its_room(db: Database) -> None:
    discord, clock = await set_up(db)
    clock.now = ROOM
    await tick(db, discord, clock)
    one = await found(db)
    await move(db, TEN + 30 * MINUTE, clock())

    await transact(db, cancellation.cancel, one.id, Actor(STUDENT), GUILD, "", clock())
    await tick(db, discord, clock)

    gone = await found(db)
    assert (gone.status, gone.room_removed_at, gone.next_step_at) == (SessionStatus.CANCELLED, ROOM, None)
    assert [kind for kind, _ in await told(db)] == [NotificationKind.SESSION_CANCELLED]
