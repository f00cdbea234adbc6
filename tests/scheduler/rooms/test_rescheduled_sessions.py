"""What happens to a session's room and notifications when it's rescheduled, even in the middle of a step."""

from datetime import datetime

import pytest
from sqlalchemy import select

from models import AuditEntry, Guild, Notification, NotificationKind, SessionStatus
from models.storage.database import Database
from scheduler.booking import cancellation, rescheduling
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
    a_server_with_a_coach,
    a_session,
)
from tests.support.fakes import Call, FakeDiscord, Method
from tests.support.parameters import first_plain
from tests.support.rounds import advance_due, tick
from tests.support.stored import notifications, session_called
from tests.support.transactions import fetch_all, transact

TEN = MONDAY + 2 * HOUR
ROOM, ACCESS = TEN - 15 * MINUTE, TEN - 5 * MINUTE
NEXT_WEEK = TEN + 7 * DAY


async def set_up(db: Database, *instants: datetime) -> tuple[FakeDiscord, FakeClock]:
    """Store a server with a session at ten, and tick at these instants."""
    await a_server_with_a_coach(db)
    await transact(db, a_session, code="abc", starts_at=TEN)
    discord, clock = FakeDiscord(), FakeClock()
    for clock.now in instants:
        await tick(db, discord, clock)
    return discord, clock


async def reschedule(db: Database, starts_at: datetime, now: datetime) -> None:
    session_id = (await session_called(db)).id
    await transact(db, rescheduling.reschedule, session_id, Actor(STUDENT), starts_at, "", now)


async def actions(db: Database) -> list[str]:
    return await fetch_all(db, select(AuditEntry.action).order_by(AuditEntry.id))


async def told(db: Database) -> list[tuple[NotificationKind, datetime]]:
    """Return what the student was told about where and when the session is."""
    others = NotificationKind.SESSION_REMINDER, NotificationKind.REVIEW_REQUEST
    theirs = await notifications(db, Notification.user_id == STUDENT, Notification.kind.not_in(others))
    return [(one.kind, one.sent_at) for one in theirs if one.sent_at is not None]


async def said_in_the_room(db: Database) -> list[tuple[NotificationKind, datetime, int]]:
    """Return what was said in the room, when, and how often it was written, with corrections."""
    there = await notifications(db, Notification.kind.in_(kinds.sent_to(Audience.ROOM)))
    sent = [(one.kind, one.sent_at, one.revision) for one in there if one.sent_at is not None]
    return sorted(sent, key=lambda one: one[1])


async def live(db: Database, discord: FakeDiscord, clock: FakeClock) -> list[tuple[str, datetime]]:
    """Tick whenever something is due until nothing is, and return what was asked of Discord, and when."""
    asked: list[tuple[str, datetime]] = []
    while (due_at := await next_due(db)) is not None:
        clock.now = max(clock(), due_at)
        before = len(discord.effects)
        await tick(db, discord, clock)
        asked += [(call.method, clock()) for call in discord.effects[before:] if call.method != "deliver"]
        assert len(asked) < 20, "it never ends"
    return asked


def life_at(starts_at: datetime) -> list[tuple[str, datetime]]:
    """What an hour's session asks of Discord."""
    return [
        ("ensure_room", starts_at - 15 * MINUTE),
        ("open_room", starts_at - 5 * MINUTE),
        ("remove_room", starts_at + HOUR),
    ]


@pytest.mark.parametrize("opened", [False, True], ids=["made", "opened"])
async def test_a_session_rescheduled_to_next_week_loses_its_room_and_gets_another_then(
    db: Database, opened: bool
) -> None:
    discord, clock = await set_up(db, *((ROOM, ACCESS) if opened else (ROOM,)))
    first_room = (await session_called(db)).discord_channel_id
    clock.forward(MINUTE)
    rescheduled_at = clock()

    await reschedule(db, NEXT_WEEK, rescheduled_at)
    await tick(db, discord, clock)
    between = await session_called(db)
    asked = await live(db, discord, clock)

    removed = next(call.room for call in discord.calls if call.method == "remove_room")
    assert removed is not None
    assert removed.channel_id == first_room
    assert (between.status, between.discord_setup_complete) == (SessionStatus.SCHEDULED, False)
    assert (between.discord_channel_id, between.access_granted_at, between.room_removed_at) == (None, None, None)
    assert between.next_step_at == NEXT_WEEK - 15 * MINUTE
    assert asked == life_at(NEXT_WEEK)
    ended = await session_called(db)
    assert (ended.status, ended.room_removed_at) == (SessionStatus.COMPLETED, NEXT_WEEK + HOUR)
    assert ended.discord_channel_id not in (None, first_room)
    assert await told(db) == [
        *([(NotificationKind.ROOM_OPEN, ACCESS)] if opened else []),
        (NotificationKind.SESSION_RESCHEDULED, rescheduled_at),
        (NotificationKind.ROOM_OPEN, NEXT_WEEK - 5 * MINUTE),
    ]
    assert (await actions(db))[-6:] == [
        "room_removed",
        "room_made",
        "room_opened",
        "session_in_progress",
        "session_completed",
        "room_removed",
    ]


async def test_a_session_rescheduled_by_half_an_hour_keeps_its_room_which_is_opened_again(db: Database) -> None:
    discord, clock = await set_up(db, ROOM, ACCESS)
    room = (await session_called(db)).discord_channel_id

    await reschedule(db, TEN + 30 * MINUTE, clock())
    asked = await live(db, discord, clock)

    assert asked == life_at(TEN + 30 * MINUTE)[1:]
    assert {call.room.channel_id for call in discord.calls if call.room} == {None, room}
    assert await told(db) == [
        (NotificationKind.ROOM_OPEN, ACCESS),
        (NotificationKind.SESSION_RESCHEDULED, ACCESS),
        (NotificationKind.ROOM_OPEN, ACCESS + 30 * MINUTE),
    ]
    assert await said_in_the_room(db) == [
        # Corrected with the new time at once and at the opening, and when the session is over.
        (NotificationKind.ROOM_WELCOME, ACCESS, 4),
        (NotificationKind.ROOM_ENDING, TEN + 85 * MINUTE, 2),
    ]


@pytest.mark.parametrize("target", [NEXT_WEEK, MONDAY + HOUR], ids=["later", "earlier"])
async def test_a_session_rescheduled_before_it_has_a_room_gets_one_at_the_new_time(
    db: Database, target: datetime
) -> None:
    discord, clock = await set_up(db)

    await reschedule(db, target, MONDAY)
    asked = await live(db, discord, clock)

    assert asked == life_at(target)
    assert await told(db) == [
        (NotificationKind.SESSION_RESCHEDULED, MONDAY),
        (NotificationKind.ROOM_OPEN, target - 5 * MINUTE),
    ]


# Rescheduled during a step.


@pytest.mark.parametrize(("method", "at"), first_plain([("ensure_room", ROOM), ("open_room", ACCESS)]))
@pytest.mark.parametrize(
    "target",
    first_plain([TEN + 3 * HOUR, NEXT_WEEK, TEN + 30 * MINUTE]),
)
@pytest.mark.parametrize("late", [False, True], ids=["on time", "at the old start"])
async def test_a_session_rescheduled_during_a_step_is_only_opened_at_the_new_time(
    db: Database, method: Method, at: datetime, target: datetime, late: bool
) -> None:
    discord, clock = await set_up(db)

    async def reschedule_once(_call: Call) -> None:
        if len(discord.asked(method)) == 1:
            await reschedule(db, target, TEN - MINUTE if late else clock())
            if late:  # the step took until then
                clock.now = TEN

    discord.meanwhile(method, reschedule_once)
    for clock.now in sorted({ROOM, at}):
        await tick(db, discord, clock)
    after_the_step = await session_called(db)
    asked = await live(db, discord, clock)

    assert (after_the_step.status, after_the_step.access_granted_at) == (SessionStatus.SCHEDULED, None)
    assert [one for one in asked if one[0] == "open_room"] == [("open_room", target - 5 * MINUTE)]
    ended = await session_called(db)
    assert (ended.status, ended.access_granted_at) == (SessionStatus.COMPLETED, target - 5 * MINUTE)
    rescheduled, opened = await told(db)
    assert rescheduled[0] is NotificationKind.SESSION_RESCHEDULED
    assert opened == (NotificationKind.ROOM_OPEN, target - 5 * MINUTE)


async def test_a_room_opened_for_the_old_time_counts_as_closed(db: Database) -> None:
    discord, clock = await set_up(db, ROOM)

    async def reschedule_meanwhile(_call: Call) -> None:
        await reschedule(db, TEN + 30 * MINUTE, clock())

    discord.meanwhile("open_room", reschedule_meanwhile)
    clock.now = ACCESS
    await advance_due(db, discord, clock)

    one = await session_called(db)
    assert (one.access_granted_at, one.next_step_at) == (None, ACCESS + 30 * MINUTE)
    assert "room_opened" not in await actions(db)


async def test_a_session_rescheduled_while_making_its_room_fails_removes_what_may_exist(db: Database) -> None:
    discord, clock = await set_up(db)

    async def reschedule_and_fail(_call: Call) -> None:
        await reschedule(db, NEXT_WEEK, clock())
        raise DiscordFailure("The answer was lost.")

    discord.meanwhile("ensure_room", reschedule_and_fail)
    clock.now = ROOM

    await advance_due(db, discord, clock)

    one = await session_called(db)
    assert [call.method for call in discord.effects] == ["ensure_room", "remove_room"]
    assert (one.room_intended_at, one.discord_setup_complete) == (None, False)


async def test_a_session_rescheduled_back_while_its_room_is_removed_gets_another(db: Database) -> None:
    discord, clock = await set_up(db, ROOM)
    await reschedule(db, NEXT_WEEK, clock())

    async def reschedule_back(_call: Call) -> None:
        if (await session_called(db)).starts_at == NEXT_WEEK:
            await reschedule(db, TEN, clock())

    discord.meanwhile("remove_room", reschedule_back)
    await tick(db, discord, clock)
    asked = await live(db, discord, clock)

    assert discord.asked("ensure_room") == ["coaching-session-abc"] * 2
    assert asked == life_at(TEN)[1:]
    assert (await session_called(db)).status is SessionStatus.COMPLETED


@pytest.mark.parametrize("noticed_by", ["the gateway", "a sweep"])
async def test_removing_the_room_of_a_rescheduled_session_does_not_count_as_losing_it(
    db: Database, noticed_by: str
) -> None:
    discord, clock = await set_up(db, ROOM)
    await reschedule(db, NEXT_WEEK, clock())

    async def is_noticed(_call: Call) -> None:
        channel_id = (await session_called(db)).discord_channel_id or 0
        discord.rooms.clear()
        if noticed_by == "the gateway":
            await transact(db, rooms.handle_deleted_channel, channel_id, clock())
        else:
            await sweep(db, discord, clock)

    discord.meanwhile("remove_room", is_noticed)
    await tick(db, discord, clock)

    waiting = await session_called(db)
    assert (waiting.rooms_lost, waiting.attempts, waiting.last_error) == (0, 0, None)
    assert waiting.next_step_at == NEXT_WEEK - 15 * MINUTE
    assert "room_vanished" not in await actions(db)


async def set_lead_times(db: Database, room: int, access: int) -> None:
    wanted = GuildChanges(room_lead_minutes=room, access_lead_minutes=access)
    async with db.begin() as session:
        await settings.change(session, await session.get_one(Guild, GUILD), ADMIN, wanted, MONDAY)


async def test_a_room_that_new_lead_times_make_much_too_early_is_removed(db: Database) -> None:
    discord, clock = await set_up(db)
    await set_lead_times(db, 120, 120)
    await tick(db, discord, clock)

    await set_lead_times(db, 15, 5)
    asked = await live(db, discord, clock)

    assert asked == [("remove_room", MONDAY), *life_at(TEN)]
    assert await told(db) == [(NotificationKind.ROOM_OPEN, MONDAY), (NotificationKind.ROOM_OPEN, ACCESS)]


# Rooms with someone inside.


@pytest.mark.parametrize("why", first_plain([Removal.OCCUPIED, Removal.UNKNOWN]))
async def test_an_occupied_room_stays_until_it_is_empty(db: Database, why: Removal) -> None:
    discord, clock = await set_up(db, ROOM, ACCESS)
    discord.rooms_stay = why
    await reschedule(db, NEXT_WEEK, clock())

    for _ in range(15):
        await tick(db, discord, clock)
        clock.forward(6 * MINUTE)
    occupied = await session_called(db)
    discord.rooms_stay = None
    await tick(db, discord, clock)

    removals = [call.even_if_occupied for call in discord.calls if call.method == "remove_room"]
    assert removals == [False] * 16
    assert occupied.discord_setup_complete
    emptied = await session_called(db)
    assert (emptied.discord_setup_complete, emptied.next_step_at) == (False, NEXT_WEEK - 15 * MINUTE)
    assert (emptied.attempts, emptied.last_error) == (0, None)


async def test_a_room_that_stays_occupied_until_the_new_time_is_used_then(db: Database) -> None:
    discord, clock = await set_up(db, ROOM)
    discord.rooms_stay = Removal.OCCUPIED
    later = TEN + 3 * HOUR
    await reschedule(db, later, clock())

    asked = []
    while clock() < later:
        before = len(discord.effects)
        await advance_due(db, discord, clock)
        asked += [(call.method, clock()) for call in discord.effects[before:] if call.method != "remove_room"]
        clock.forward(5 * MINUTE)

    assert asked == [("open_room", later - 5 * MINUTE)]
    assert discord.asked("ensure_room") == ["coaching-session-abc"]


async def test_a_rescheduled_session_that_is_cancelled_loses_its_room(db: Database) -> None:
    discord, clock = await set_up(db, ROOM)
    one = await session_called(db)
    await reschedule(db, TEN + 30 * MINUTE, clock())

    await transact(db, cancellation.cancel, one.id, Actor(STUDENT), GUILD, "", clock())
    await tick(db, discord, clock)

    one = await session_called(db)
    assert (one.status, one.room_removed_at, one.next_step_at) == (SessionStatus.CANCELLED, ROOM, None)
    assert [kind for kind, _ in await told(db)] == [NotificationKind.SESSION_CANCELLED]
