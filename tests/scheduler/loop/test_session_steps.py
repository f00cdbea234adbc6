"""A session's steps, from making its room to removing it: when each is done, and what happens when one fails."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models import Alert, AuditEntry, Notification, NotificationKind, SessionStatus, SessionType
from models.storage.database import Database
from scheduler.attendance import attendance
from scheduler.booking import cancellation, rescheduling
from scheduler.core.actor import Actor
from scheduler.core.errors import DiscordFailure, RoomGone
from scheduler.core.retry import pause
from scheduler.notifications import admin_alerts
from scheduler.rooms import extensions, rooms
from scheduler.rooms.extensions import Terms
from scheduler.rooms.ports import Access, Removal
from tests.support.builders import (
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
    a_session,
    everything,
)
from tests.support.fakes import Call, FakeDiscord, Method
from tests.support.rounds import advance_due
from tests.support.stored import notifications, session_called
from tests.support.transactions import fetch_all, fetch_only, transact

SECOND = timedelta(seconds=1)
TEN = MONDAY + 2 * HOUR
ELEVEN = TEN + HOUR
ROOM, ACCESS = TEN - 15 * MINUTE, TEN - 5 * MINUTE
"""When the room of a session at ten is made and opened."""
LINGERED = ELEVEN + 15 * MINUTE
"""When people who are still inside are warned."""
FULL = DiscordFailure("The category is full.")


async def set_up(
    db: Database, *codes: str, now: datetime = MONDAY, guild: Any = None, **changed: Any
) -> tuple[FakeDiscord, FakeClock]:
    """Store a server with a session at ten for each code, each between different people."""
    async with db.begin() as session:
        await a_guild(session, **guild or {})
        for number, code in enumerate(codes):
            await a_coach(session, user_id=COACH + number, hours=())
            values: dict[str, Any] = {"coach_id": COACH + number, "student_id": STUDENT + number, **changed}
            await a_session(session, code=code, starts_at=TEN, ends_at=ELEVEN, **values)
    return FakeDiscord(), FakeClock(now)


async def an_occupied_room(db: Database) -> tuple[FakeDiscord, FakeClock]:
    """Store a session that has just ended, with someone still in its room."""
    discord, clock = await set_up(db, "abc")
    discord.rooms_stay = Removal.OCCUPIED
    await pass_time(db, discord, clock, ROOM, ACCESS, TEN, ELEVEN)
    return discord, clock


async def pass_time(db: Database, discord: FakeDiscord, clock: FakeClock, *instants: datetime) -> None:
    """Do what's due at each of these instants."""
    for clock.now in instants:
        await advance_due(db, discord, clock)


async def live(db: Database, discord: FakeDiscord, clock: FakeClock) -> list[tuple[str, datetime]]:
    """Do what's due until nothing is, and return what Discord was asked to do, and when."""
    asked: list[tuple[str, datetime]] = []
    while (due_at := (await session_called(db)).next_step_at) is not None:
        before = len(discord.effects)
        await pass_time(db, discord, clock, max(clock(), due_at))
        asked += [(call.method, clock()) for call in discord.effects[before:]]
        assert len(asked) < 20, "it never ends"
    return asked


async def cancel(db: Database, now: datetime) -> None:
    one = await session_called(db)
    await transact(db, cancellation.cancel, one.id, Actor(one.student_id), GUILD, "", now)


async def enqueued(db: Database) -> list[NotificationKind]:
    return [one.kind for one in await notifications(db)]


async def actions(db: Database) -> list[str]:
    return await fetch_all(db, select(AuditEntry.action).order_by(AuditEntry.id))


# One session's life.


async def test_each_step_is_done_when_it_is_due(db: Database) -> None:
    discord, clock = await set_up(db, "abc")

    asked = await live(db, discord, clock)

    assert asked == [("ensure_room", ROOM), ("open_room", ACCESS), ("remove_room", ELEVEN)]
    one = await session_called(db)
    assert (one.status, one.discord_setup_complete) == (SessionStatus.COMPLETED, True)
    assert (one.room_intended_at, one.access_granted_at, one.room_removed_at) == (ROOM, ACCESS, ELEVEN)
    assert await actions(db) == [
        "room_made",
        "room_opened",
        "session_in_progress",
        "session_completed",
        "room_removed",
    ]
    assert await enqueued(db) == [
        NotificationKind.ROOM_OPEN,
        NotificationKind.ROOM_OPEN,
        NotificationKind.ROOM_WELCOME,
        NotificationKind.ROOM_ENDING,
        NotificationKind.REVIEW_REQUEST,
    ]


async def test_the_status_follows_the_clock(db: Database) -> None:
    discord, clock = await set_up(db, "abc")
    statuses: list[str] = []

    for now in (ROOM, TEN - SECOND, TEN, ELEVEN - SECOND, ELEVEN):
        await pass_time(db, discord, clock, now)
        statuses.append((await session_called(db)).status.name)

    assert statuses == ["SCHEDULED", "SCHEDULED", "IN_PROGRESS", "IN_PROGRESS", "COMPLETED"]


async def test_discord_is_told_which_room_to_make_and_who_to_let_in(db: Database) -> None:
    discord, clock = await set_up(db, "abc", session_type=SessionType.VOICE)

    await live(db, discord, clock)

    made, opened, removed = discord.effects
    assert made.room is not None
    assert (made.room.name, made.room.guild_id, made.room.category_id) == ("coaching-session-abc", GUILD, 99)
    assert (made.room.channel_id, made.room.intended_at) == (None, ROOM)
    assert opened.access == Access((COACH, STUDENT), video=False)
    assert opened.room is not None
    assert removed.room is not None
    assert opened.room.channel_id == removed.room.channel_id == (await session_called(db)).discord_channel_id


async def test_nothing_is_done_before_it_is_due(db: Database) -> None:
    discord, clock = await set_up(db, "abc", now=ROOM - SECOND)
    before = await everything(db)

    outcome = await advance_due(db, discord, clock)

    assert (outcome, discord.calls) == (([], []), [])
    assert await everything(db) == before


async def test_after_downtime_whatever_still_helps_is_done_at_once(db: Database) -> None:
    discord, clock = await set_up(db, "abc", now=TEN + 10 * MINUTE)

    outcome = await advance_due(db, discord, clock)

    assert outcome == (["abc make_room", "abc open_room", "abc start"], [])
    assert (await session_called(db)).next_step_at == ELEVEN


async def test_after_downtime_throughout_a_session_both_are_asked_about_it(db: Database) -> None:
    discord, clock = await set_up(db, "abc", now=ELEVEN)

    done, _ = await advance_due(db, discord, clock)

    assert (done, discord.calls) == (["abc start", "abc finish"], [])
    one = await session_called(db)
    assert (one.status, one.missed_at, one.next_step_at) == (SessionStatus.COMPLETED, ELEVEN, None)
    assert await enqueued(db) == [NotificationKind.SESSION_MISSED, NotificationKind.SESSION_MISSED]


async def test_lead_times_are_the_servers(db: Database) -> None:
    leads = {"room_lead_minutes": 30, "access_lead_minutes": 0, "linger_minutes": 0}
    discord, clock = await set_up(db, "abc", guild=leads, next_step_at=TEN - 30 * MINUTE)

    asked = await live(db, discord, clock)

    assert asked == [("ensure_room", TEN - 30 * MINUTE), ("open_room", TEN), ("remove_room", ELEVEN)]


async def test_a_process_that_dies_while_making_a_room_asks_for_the_same_room_again(db: Database) -> None:
    discord, clock = await set_up(db, "abc", now=ROOM)
    reached = asyncio.Event()

    async def hang(_call: Call) -> None:
        if len(discord.effects) == 1:
            reached.set()
            await asyncio.Event().wait()

    discord.meanwhile("ensure_room", hang)
    dying = asyncio.create_task(advance_due(db, discord, clock))
    await reached.wait()
    dying.cancel()
    with pytest.raises(asyncio.CancelledError):
        await dying

    clock.forward(MINUTE)
    outcome = await advance_due(db, discord, clock)

    assert outcome == (["abc make_room"], [])
    assert [call.room and call.room.intended_at for call in discord.effects] == [ROOM, ROOM]


# Failures.


@pytest.mark.parametrize(
    ("error", "line"),
    [(FULL, "The category is full."), (RuntimeError("a secret"), "RuntimeError (a bug; see the log)")],
    ids=["failure", "bug"],
)
async def test_a_failing_session_does_not_delay_others(db: Database, error: Exception, line: str) -> None:
    discord, clock = await set_up(db, "one", "two", "three", now=ROOM)
    discord.fail("ensure_room", error, about="coaching-session-two")

    done, failed = await advance_due(db, discord, clock)

    assert (sorted(done), failed) == (["one make_room", "three make_room"], [f"two make_room: {line}"])
    made = [(await session_called(db, code)).discord_setup_complete for code in ("one", "two", "three")]
    assert made == [True, False, True]
    two = await session_called(db, "two")
    assert two.next_step_at == ROOM + pause(1, two.id)


async def test_a_session_that_hangs_at_discord_does_not_delay_others(db: Database) -> None:
    codes = [f"s{number}" for number in range(10)]
    discord, clock = await set_up(db, *codes, now=ROOM)
    others_are_done = asyncio.Event()

    async def hang(call: Call) -> None:
        if call.about == "coaching-session-s0":
            async with asyncio.timeout(30):
                await others_are_done.wait()
        elif len(discord.effects) == len(codes):
            others_are_done.set()

    discord.meanwhile("ensure_room", hang)

    done, failed = await advance_due(db, discord, clock)

    assert (len(done), failed) == (10, [])


async def test_a_failing_step_is_retried_with_growing_pauses(db: Database) -> None:
    discord, clock = await set_up(db, "abc", now=ROOM)
    discord.fail("ensure_room", FULL)
    pauses: list[float] = []

    for _ in range(5):
        await advance_due(db, discord, clock)
        due_at = (await session_called(db)).next_step_at
        assert due_at is not None
        pauses.append((due_at - clock()) / SECOND)
        clock.now = due_at

    least = [15, 30, 60, 120, 240]
    assert all(at_least <= pause <= at_least * 1.2 for pause, at_least in zip(pauses, least, strict=True))
    failing = await session_called(db)
    assert (failing.attempts, failing.last_error) == (5, "The category is full.")
    assert failing.discord_setup_complete is False


@pytest.mark.parametrize("attempts", [11, 43, 44, 1000])
async def test_however_long_a_step_fails_it_is_retried_about_every_ten_minutes(
    db: Database, attempts: int
) -> None:
    discord, clock = await set_up(db, "abc", now=ROOM, attempts=attempts)
    discord.fail("ensure_room", FULL)

    await advance_due(db, discord, clock)

    one = await session_called(db)
    assert one.attempts == attempts + 1
    assert one.next_step_at is not None
    assert 10 * MINUTE <= one.next_step_at - ROOM <= 12 * MINUTE


async def test_a_failure_is_forgotten_once_the_step_works(db: Database) -> None:
    discord, clock = await set_up(db, "abc", now=ROOM)
    discord.fail("ensure_room", FULL)
    await advance_due(db, discord, clock)
    discord.heal()

    clock.forward(18 * SECOND)
    outcome = await advance_due(db, discord, clock)

    healed = await session_called(db)
    assert outcome == (["abc make_room"], [])
    assert (healed.attempts, healed.last_error, healed.next_step_at) == (0, None, ACCESS)


async def test_a_session_starts_and_ends_even_if_its_room_cannot_be_made(db: Database) -> None:
    discord, clock = await set_up(db, "abc", now=ROOM)
    discord.fail("ensure_room", FULL)
    since: dict[SessionStatus, datetime] = {}

    while (due_at := (await session_called(db)).next_step_at) is not None:
        await pass_time(db, discord, clock, due_at)
        since.setdefault((await session_called(db)).status, clock())

    assert since == {
        SessionStatus.SCHEDULED: ROOM,
        SessionStatus.IN_PROGRESS: TEN,
        SessionStatus.COMPLETED: ELEVEN,
    }
    assert discord.calls[-1].method == "remove_room"  # the room may exist, if only an answer was lost


# Rooms that someone deletes.


async def test_a_room_that_someone_deleted_is_made_again_and_opened(db: Database) -> None:
    discord, clock = await set_up(db, "abc")
    await pass_time(db, discord, clock, ROOM)
    lost_id = (await session_called(db)).discord_channel_id

    async def gone_once(call: Call) -> None:
        if call.room is not None and call.room.channel_id == lost_id:
            raise RoomGone("The room is gone.")

    discord.meanwhile("open_room", gone_once)
    clock.now = ACCESS
    _, failed = await advance_due(db, discord, clock)

    one = await session_called(db)
    assert failed == ["abc open_room: The room is gone."]
    assert (one.attempts, one.last_error, one.rooms_lost) == (0, None, 1)
    assert [call.method for call in discord.effects] == ["ensure_room", "open_room", "ensure_room", "open_room"]
    made_again = discord.effects[2].room
    assert made_again is not None
    assert (made_again.channel_id, made_again.intended_at) == (None, ACCESS)
    assert one.discord_channel_id not in (None, lost_id)
    assert (one.access_granted_at, one.next_step_at) == (ACCESS, TEN)


async def test_a_room_that_keeps_being_deleted_is_made_less_and_less_often(db: Database) -> None:
    discord, clock = await set_up(db, "abc", "other", now=ACCESS)
    made_at, attempts = list[timedelta](), list[int]()
    discord.fail("open_room", RoomGone("The room is gone."), about="coaching-session-abc")

    while clock() < ELEVEN:
        asked = len(discord.asked("ensure_room"))
        await advance_due(db, discord, clock)
        made_at += [clock() - ACCESS] * (len(discord.asked("ensure_room")) - asked)
        one = await session_called(db)
        attempts.append(one.attempts)
        clock.now = max(one.next_step_at or ELEVEN, clock() + SECOND)

    assert made_at.count(0 * MINUTE) == 3  # the other session's room, and this one's first two
    assert [at // MINUTE for at in made_at if at] == [1, 3, 7, 15, 25, 35, 45, 55]
    assert attempts == sorted(attempts)
    assert (await session_called(db, "other")).access_granted_at == ACCESS
    alert = await fetch_only(db, select(Alert))
    assert (await enqueued(db)).count(NotificationKind.ALERT) == 1
    assert (alert.key, alert.fixed_at) == ("room_deleted", None)
    assert "`abc` has been deleted 10 times" in alert.text


@pytest.mark.parametrize(("rooms_lost", "is_resolved"), [(0, True), (1, False)])
async def test_the_alert_is_resolved_once_a_session_has_kept_its_room(
    db: Database, rooms_lost: int, is_resolved: bool
) -> None:
    discord, clock = await set_up(
        db,
        "abc",
        now=ELEVEN,
        rooms_lost=rooms_lost,
        status=SessionStatus.IN_PROGRESS,
        discord_channel_id=5,
        discord_setup_complete=True,
        room_intended_at=ROOM,
        access_granted_at=ACCESS,
        next_step_at=ELEVEN,
    )
    await transact(db, admin_alerts.raise_alert, GUILD, "room_deleted", "Someone deletes rooms.", ROOM)

    await advance_due(db, discord, clock)

    assert ((await fetch_only(db, select(Alert))).fixed_at is not None) is is_resolved


async def test_a_room_that_is_deleted_while_it_is_opened_is_not_announced(db: Database) -> None:
    discord, clock = await set_up(db, "abc", now=ACCESS)
    deleted: list[int] = []

    async def delete(call: Call) -> None:
        assert call.room is not None
        assert call.room.channel_id is not None
        deleted.append(call.room.channel_id)
        await transact(db, rooms.handle_deleted_channel, call.room.channel_id, clock())

    discord.meanwhile("open_room", delete)
    await advance_due(db, discord, clock)

    one = await session_called(db)
    assert (one.discord_channel_id, one.access_granted_at, one.rooms_lost) == (None, None, 2)
    assert len(deleted) == 2
    assert await enqueued(db) == [NotificationKind.ALERT]


async def test_messages_about_a_deleted_room_are_sent_about_the_next_one_only(db: Database) -> None:
    discord, clock = await set_up(db, "abc", now=ACCESS)
    await advance_due(db, discord, clock)
    clock.forward(SECOND)

    await transact(db, rooms.handle_deleted_channel, (await session_called(db)).discord_channel_id or 0, clock())
    await advance_due(db, discord, clock)

    assert [one.kind for one in await notifications(db, Notification.due_at.is_not(None))] == [
        NotificationKind.ROOM_OPEN,
        NotificationKind.ROOM_OPEN,
        NotificationKind.ROOM_WELCOME,
        NotificationKind.ROOM_ENDING,
    ]


# Cancellations.


@pytest.mark.parametrize(
    ("method", "fails", "asked"),
    [
        ("ensure_room", False, ["ensure_room", "remove_room"]),
        ("ensure_room", True, ["ensure_room", "remove_room"]),
        ("open_room", False, ["ensure_room", "open_room", "remove_room"]),
    ],
    ids=["while the room is made", "while it cannot be made", "while people are let in"],
)
async def test_a_cancellation_during_a_step_wins_and_the_room_is_removed(
    db: Database, method: Method, fails: bool, asked: list[str]
) -> None:
    discord, clock = await set_up(db, "abc")

    async def cancelled(_call: Call) -> None:
        await cancel(db, clock())
        if fails:
            raise DiscordFailure("The answer was lost.")  # so the room may exist

    discord.meanwhile(method, cancelled)

    calls = await live(db, discord, clock)

    one = await session_called(db)
    assert [call for call, _ in calls] == asked
    assert (one.status, one.room_removed_at) == (SessionStatus.CANCELLED, calls[-1][1])
    removed = discord.effects[-1].room
    assert removed is not None
    assert removed.channel_id == one.discord_channel_id
    assert NotificationKind.ROOM_OPEN not in await enqueued(db)


async def test_a_session_cancelled_before_it_has_a_room_asks_nothing_of_discord(db: Database) -> None:
    discord, clock = await set_up(db, "abc", now=ROOM)
    await cancel(db, MONDAY)

    await advance_due(db, discord, clock)

    assert discord.calls == []


async def reschedule(db: Database, now: datetime) -> None:
    one = await session_called(db)
    await transact(db, rescheduling.reschedule, one.id, Actor(STUDENT), TEN + 7 * DAY, "", now)


def before_the_write(
    db: Database, monkeypatch: pytest.MonkeyPatch, change: Callable[[], Awaitable[object]]
) -> None:
    """Let something change after the next step has read its session, and before it writes."""
    begin = db.begin

    @asynccontextmanager
    async def begin_after_the_change() -> AsyncIterator[AsyncSession]:
        monkeypatch.undo()
        await change()
        async with begin() as session:
            yield session

    monkeypatch.setattr(db, "begin", begin_after_the_change)


@pytest.mark.parametrize(
    ("change", "status"), [(cancel, SessionStatus.CANCELLED), (reschedule, SessionStatus.SCHEDULED)]
)
async def test_a_session_that_changes_as_it_starts_does_not_start(
    db: Database,
    monkeypatch: pytest.MonkeyPatch,
    change: Callable[[Database, datetime], Awaitable[None]],
    status: SessionStatus,
) -> None:
    discord, clock = await set_up(db, "abc")
    await pass_time(db, discord, clock, ROOM, ACCESS)
    before_the_write(db, monkeypatch, lambda: change(db, TEN - MINUTE))
    await pass_time(db, discord, clock, TEN)

    assert (await session_called(db)).status is status
    assert "session_in_progress" not in await actions(db)


async def test_a_session_that_is_extended_as_it_ends_goes_on(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    discord, clock = await set_up(db, "abc")
    await pass_time(db, discord, clock, ROOM, ACCESS, TEN)
    session_id, terms = (await session_called(db)).id, Terms(ELEVEN + 15 * MINUTE, 0)
    await transact(db, extensions.ask, session_id, Actor(STUDENT), terms, ELEVEN - MINUTE)

    async def agree() -> None:
        await transact(db, extensions.agree, session_id, Actor(COACH), terms, ELEVEN - SECOND)

    before_the_write(db, monkeypatch, agree)
    await pass_time(db, discord, clock, ELEVEN)

    one = await session_called(db)
    assert (one.status, one.ends_at) == (SessionStatus.IN_PROGRESS, terms.ends_at)
    assert one.next_step_at == terms.ends_at


# Occupied rooms.


@pytest.mark.parametrize("why", [Removal.OCCUPIED, Removal.UNKNOWN])
async def test_an_occupied_room_stays_until_the_hard_limit(db: Database, why: Removal) -> None:
    discord, clock = await set_up(db, "abc")
    discord.rooms_stay = why
    await pass_time(db, discord, clock, ROOM, ACCESS, TEN, ELEVEN)
    look_again_at = (await session_called(db)).next_step_at

    await pass_time(db, discord, clock, ELEVEN + MINUTE, LINGERED + HOUR - MINUTE, LINGERED + HOUR)

    assert look_again_at == ELEVEN + MINUTE
    forced = [call.even_if_occupied for call in discord.calls if call.method == "remove_room"]
    assert forced == [False, False, False, True]
    one = await session_called(db)
    assert (one.room_removed_at, one.next_step_at) == (LINGERED + HOUR, None)


async def test_people_who_linger_too_long_are_warned_once(db: Database) -> None:
    discord, clock = await an_occupied_room(db)
    warnings: list[int] = []

    for now in (LINGERED - MINUTE, LINGERED, LINGERED + MINUTE, LINGERED + HOUR):
        await pass_time(db, discord, clock, now)
        warnings.append((await enqueued(db)).count(NotificationKind.ROOM_CLOSING))

    assert warnings == [0, 1, 1, 1]


async def test_a_room_goes_once_everyone_has_left(db: Database) -> None:
    discord, clock = await an_occupied_room(db)
    occupied = await session_called(db)
    discord.rooms_stay = None

    await pass_time(db, discord, clock, ELEVEN + MINUTE)

    assert (occupied.room_removed_at, occupied.attempts, occupied.last_error) == (None, 0, None)
    assert (await session_called(db)).room_removed_at == ELEVEN + MINUTE


async def test_a_room_goes_at_once_if_the_last_person_left_just_after_it_was_checked(db: Database) -> None:
    discord, clock = await set_up(db, "abc")
    discord.rooms_stay = Removal.OCCUPIED

    async def leave(call: Call) -> None:
        assert call.room is not None
        clock.forward(SECOND)
        assert await transact(db, attendance.record_leave, call.room.channel_id or 0, STUDENT, clock())

    discord.meanwhile("remove_room", leave)
    await pass_time(db, discord, clock, ROOM, ACCESS, TEN, ELEVEN)
    discord.rooms_stay = None

    await advance_due(db, discord, clock)

    assert (await session_called(db)).room_removed_at == ELEVEN + 2 * SECOND


async def test_a_room_that_emptied_unwatched_goes_at_the_next_resync(db: Database) -> None:
    discord, clock = await an_occupied_room(db)
    discord.rooms_stay = None

    await transact(db, attendance.resync, [GUILD], {}, None, ELEVEN + SECOND)
    await pass_time(db, discord, clock, ELEVEN + SECOND)

    assert (await session_called(db)).room_removed_at == ELEVEN + SECOND


async def test_an_occupied_room_of_a_cancelled_session_stays_for_an_hour_at_most(db: Database) -> None:
    discord, clock = await set_up(db, "abc")
    discord.rooms_stay = Removal.OCCUPIED
    await pass_time(db, discord, clock, ROOM, ACCESS, TEN)
    await cancel(db, TEN + 5 * MINUTE)

    await pass_time(db, discord, clock, TEN + 5 * MINUTE, TEN + 65 * MINUTE)

    assert [call.even_if_occupied for call in discord.calls if call.method == "remove_room"] == [False, True]
    assert (await session_called(db)).room_removed_at == TEN + 65 * MINUTE
