"""The loop: sessions are advanced, each on its own, and APScheduler runs the ticks."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, text

from bot.demo.simcord_private import apscheduler_clock
from models import (
    Alert,
    AuditEntry,
    Coach,
    CoachingSession,
    Guild,
    Heartbeat,
    JobRun,
    Notification,
    NotificationKind,
    SessionStatus,
    SessionType,
)
from models.storage.database import Database
from scheduler.attendance import attendance
from scheduler.booking import cancellation
from scheduler.core.actor import Actor
from scheduler.core.errors import DiscordFailure, RoomGone
from scheduler.core.retry import pause
from scheduler.loop.loop import Loop, NotTicking
from scheduler.loop.tick import TickReport, next_due
from scheduler.notifications import admin_alerts
from scheduler.rooms import rooms
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
    a_notification,
    a_session,
    everything,
)
from tests.support.fakes import Call, FakeDiscord
from tests.support.rounds import advance_due, tick
from tests.support.transactions import fetch_all, fetch_only, transact

SECOND = timedelta(seconds=1)
TEN = MONDAY + 2 * HOUR
ELEVEN = TEN + HOUR
ROOM, ACCESS = TEN - 15 * MINUTE, TEN - 5 * MINUTE
"""When the room of a session at ten is made and opened."""
LINGERED = ELEVEN + 15 * MINUTE
"""When those who are still inside are told to leave."""


async def set_up(db: Database, *codes: str, **changed: Any) -> None:
    """A server with a session at ten for each code, of different people."""
    async with db.begin() as session:
        await a_guild(session)
        for number, code in enumerate(codes):
            await a_coach(session, user_id=COACH + number, hours=())
            values: dict[str, Any] = {"coach_id": COACH + number, "student_id": STUDENT + number, **changed}
            await a_session(session, code=code, starts_at=TEN, ends_at=ELEVEN, **values)


async def found(db: Database, code: str = "abc") -> CoachingSession:
    """The session as it is now."""
    return await fetch_only(db, select(CoachingSession).where(CoachingSession.code == code))


async def cancel(db: Database, now: datetime, code: str = "abc") -> None:
    """Its student cancels."""
    one = await found(db, code)
    await transact(db, cancellation.cancel, one.id, Actor(one.student_id), GUILD, "", now)


async def enqueued(db: Database) -> list[NotificationKind]:
    return await fetch_all(db, select(Notification.kind).order_by(Notification.id))


async def story(db: Database) -> list[str]:
    """What the audit entries say happened."""
    return await fetch_all(db, select(AuditEntry.action).order_by(AuditEntry.id))


async def live(
    db: Database, discord: FakeDiscord, clock: FakeClock, code: str = "abc"
) -> list[tuple[str, datetime]]:
    """Move the clock from due instant to due instant until nothing is due; what Discord was to do, and when."""
    asked: list[tuple[str, datetime]] = []
    while (due_at := (await found(db, code)).next_step_at) is not None:
        clock.now = max(clock(), due_at)
        before = len(discord.effects)
        await advance_due(db, discord, clock)
        asked += [(call.method, clock()) for call in discord.effects[before:]]
        assert len(asked) < 20, "it never ends"
    return asked


async def test_a_tick_says_how_late_it_began_what_was_due_first(db: Database) -> None:
    await set_up(db, "abc")
    discord, clock = FakeDiscord(), FakeClock(ROOM - MINUTE)

    early = await tick(db, discord, clock)
    clock.now = ROOM + 3 * MINUTE
    late = await tick(db, discord, clock)

    assert early is not None
    assert late is not None
    assert (early.late, late.late) == (timedelta(0), 3 * MINUTE)


# One session's life.


async def test_a_session_lives_its_life_at_the_right_instants(db: Database) -> None:
    await set_up(db, "abc")
    discord = FakeDiscord()

    asked = await live(db, discord, FakeClock())

    assert asked == [("ensure_room", ROOM), ("open_room", ACCESS), ("remove_room", ELEVEN)]
    one = await found(db)
    assert (one.status, one.discord_setup_complete) == (SessionStatus.COMPLETED, True)
    assert (one.room_intended_at, one.access_granted_at, one.room_removed_at) == (ROOM, ACCESS, ELEVEN)
    assert await story(db) == [
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
    await set_up(db, "abc")
    discord, clock, statuses = FakeDiscord(), FakeClock(), []

    for clock.now in (ROOM, TEN - SECOND, TEN, ELEVEN - SECOND, ELEVEN):
        await advance_due(db, discord, clock)
        statuses.append((await found(db)).status)

    assert statuses == [
        SessionStatus.SCHEDULED,
        SessionStatus.SCHEDULED,
        SessionStatus.IN_PROGRESS,
        SessionStatus.IN_PROGRESS,
        SessionStatus.COMPLETED,
    ]


async def test_discord_is_told_which_room_and_who_is_let_in(db: Database) -> None:
    await set_up(db, "abc", session_type=SessionType.VOICE)
    discord = FakeDiscord()

    await live(db, discord, FakeClock())

    made, opened, removed = discord.effects
    assert made.room is not None
    assert (made.room.name, made.room.guild_id, made.room.category_id) == ("coaching-session-abc", GUILD, 99)
    assert (made.room.channel_id, made.room.intended_at) == (None, ROOM)
    assert opened.access == Access((COACH, STUDENT), video=False)
    assert opened.room is not None
    assert removed.room is not None
    assert opened.room.channel_id == removed.room.channel_id == (await found(db)).discord_channel_id


async def test_what_is_not_due_is_left_alone(db: Database) -> None:
    await set_up(db, "abc")
    discord, before = FakeDiscord(), await everything(db)

    outcome = await advance_due(db, discord, FakeClock(ROOM - SECOND))

    assert (outcome, discord.calls) == (([], []), [])
    assert await everything(db) == before


async def test_after_a_downtime_what_still_helps_is_done_at_once(db: Database) -> None:
    await set_up(db, "abc")
    discord, clock = FakeDiscord(), FakeClock(TEN + 10 * MINUTE)

    done, failed = await advance_due(db, discord, clock)

    assert (done, failed) == (["abc make_room", "abc open_room", "abc start"], [])
    assert (await found(db)).next_step_at == ELEVEN


async def test_after_a_downtime_over_the_whole_session_no_room_is_made_and_both_are_asked(db: Database) -> None:
    await set_up(db, "abc")
    discord = FakeDiscord()

    done, _ = await advance_due(db, discord, FakeClock(ELEVEN))

    assert (done, discord.calls) == (["abc start", "abc finish"], [])
    one = await found(db)
    assert (one.status, one.missed_at, one.next_step_at) == (SessionStatus.COMPLETED, ELEVEN, None)
    assert await enqueued(db) == [NotificationKind.SESSION_MISSED, NotificationKind.SESSION_MISSED]


async def test_servers_have_their_own_lead_times(db: Database) -> None:
    await set_up(db, "abc")
    async with db.begin() as session:
        guild = await session.get_one(Guild, GUILD)
        guild.room_lead_minutes, guild.access_lead_minutes, guild.linger_minutes = 30, 0, 0
        (await session.scalars(select(CoachingSession))).one().next_step_at = TEN - 30 * MINUTE

    asked = await live(db, FakeDiscord(), FakeClock())

    assert asked == [("ensure_room", TEN - 30 * MINUTE), ("open_room", TEN), ("remove_room", ELEVEN)]


async def test_discord_is_never_asked_while_the_database_is_held(db: Database) -> None:
    await set_up(db, "abc")
    discord = FakeDiscord()

    async def write(call: Call) -> None:
        async with asyncio.timeout(10), db.begin() as session:
            (await session.scalars(select(CoachingSession).with_for_update())).one().notes = call.method

    for method in ("is_member", "ensure_room", "open_room", "remove_room"):
        discord.meanwhile(method, write)

    await live(db, discord, FakeClock())

    assert (await found(db)).notes == "remove_room"


async def test_a_process_that_dies_while_the_room_is_being_made_asks_for_the_same_room_again(db: Database) -> None:
    await set_up(db, "abc")
    discord, clock, reached = FakeDiscord(), FakeClock(ROOM), asyncio.Event()

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
    done, failed = await advance_due(db, discord, clock)

    assert (done, failed) == (["abc make_room"], [])
    assert [call.room and call.room.intended_at for call in discord.effects] == [ROOM, ROOM]


# Failures.


async def test_a_failing_session_never_delays_others(db: Database) -> None:
    await set_up(db, "one", "two", "three")
    discord = FakeDiscord()
    discord.fail("ensure_room", DiscordFailure("The category is full."), about="coaching-session-two")

    done, failed = await advance_due(db, discord, FakeClock(ROOM))

    assert sorted(done) == ["one make_room", "three make_room"]
    assert failed == ["two make_room: The category is full."]
    assert [(await found(db, code)).discord_setup_complete for code in ("one", "two", "three")] == [
        True,
        False,
        True,
    ]


async def test_a_session_that_hangs_at_discord_does_not_delay_others(db: Database) -> None:
    codes = [f"s{number}" for number in range(10)]
    await set_up(db, *codes)
    discord, others_are_done = FakeDiscord(), asyncio.Event()

    async def hang(call: Call) -> None:
        if call.about == "coaching-session-s0":
            async with asyncio.timeout(30):
                await others_are_done.wait()
        elif len(discord.effects) == len(codes):
            others_are_done.set()

    discord.meanwhile("ensure_room", hang)

    done, failed = await advance_due(db, discord, FakeClock(ROOM))

    assert (len(done), failed) == (10, [])


async def test_a_failure_is_kept_on_the_row_and_tried_again_with_growing_pauses(db: Database) -> None:
    await set_up(db, "abc")
    discord, clock, pauses = FakeDiscord(), FakeClock(ROOM), []
    discord.fail("ensure_room", DiscordFailure("The category is full."))

    for _ in range(5):
        await advance_due(db, discord, clock)
        due_at = (await found(db)).next_step_at
        assert due_at is not None
        pauses.append((due_at - clock()) / SECOND)
        clock.now = due_at
    failing = await found(db)

    least = [15, 30, 60, 120, 240]
    assert all(at_least <= pause <= at_least * 1.2 for pause, at_least in zip(pauses, least, strict=True))
    assert (failing.attempts, failing.last_error) == (5, "The category is full.")
    assert failing.discord_setup_complete is False


async def test_a_failure_is_forgotten_when_it_has_healed(db: Database) -> None:
    await set_up(db, "abc")
    discord, clock = FakeDiscord(), FakeClock(ROOM)
    discord.fail("ensure_room", DiscordFailure("The category is full."))
    await advance_due(db, discord, clock)
    discord.heal()

    clock.forward(18 * SECOND)
    done, failed = await advance_due(db, discord, clock)

    healed = await found(db)
    assert (done, failed) == (["abc make_room"], [])
    assert (healed.attempts, healed.last_error, healed.next_step_at) == (0, None, ACCESS)


async def test_a_room_that_cannot_be_made_keeps_the_session_neither_from_starting_nor_from_ending(
    db: Database,
) -> None:
    await set_up(db, "abc")
    discord, clock, statuses = FakeDiscord(), FakeClock(ROOM), {}
    discord.fail("ensure_room", DiscordFailure("The category is full."))

    while (due_at := (await found(db)).next_step_at) is not None:
        clock.now = due_at
        await advance_due(db, discord, clock)
        statuses.setdefault((await found(db)).status, clock())

    assert statuses == {
        SessionStatus.SCHEDULED: ROOM,
        SessionStatus.IN_PROGRESS: TEN,
        SessionStatus.COMPLETED: ELEVEN,
    }
    assert discord.calls[-1].method == "remove_room"  # its answer may have been lost: it may exist


@pytest.mark.parametrize("attempts", [11, 43, 44, 1000])
async def test_however_long_a_failure_lasts_it_is_tried_every_ten_minutes_or_little_more(
    db: Database, attempts: int
) -> None:
    await set_up(db, "abc", attempts=attempts)
    discord = FakeDiscord()
    discord.fail("ensure_room", DiscordFailure("The category is full."))

    _, failed = await advance_due(db, discord, FakeClock(ROOM))

    one = await found(db)
    assert failed == ["abc make_room: The category is full."]
    assert one.attempts == attempts + 1
    assert one.next_step_at is not None
    assert 10 * MINUTE <= one.next_step_at - ROOM <= 12 * MINUTE


async def test_a_bug_in_one_step_is_recorded_without_its_text_and_delays_nobody(db: Database) -> None:
    await set_up(db, "one", "two")
    discord = FakeDiscord()
    discord.fail("ensure_room", RuntimeError("a secret"), about="coaching-session-one")

    done, failed = await advance_due(db, discord, FakeClock(ROOM))

    assert (done, failed) == (["two make_room"], ["one make_room: RuntimeError (a bug; see the log)"])
    one = await found(db, "one")
    assert one.next_step_at == ROOM + pause(1, one.id)


async def test_a_room_that_somebody_deleted_is_made_again_and_opened(db: Database) -> None:
    await set_up(db, "abc")
    discord, clock = FakeDiscord(), FakeClock(ROOM)
    await advance_due(db, discord, clock)
    lost_id = (await found(db)).discord_channel_id

    async def gone_once(call: Call) -> None:
        if call.room is not None and call.room.channel_id == lost_id:
            raise RoomGone("The room is gone.")

    discord.meanwhile("open_room", gone_once)
    clock.now = ACCESS
    _, failed = await advance_due(db, discord, clock)

    one = await found(db)
    assert failed == ["abc open_room: The room is gone."]
    assert (one.attempts, one.last_error, one.rooms_lost) == (0, None, 1)
    assert [call.method for call in discord.effects] == ["ensure_room", "open_room", "ensure_room", "open_room"]
    made_again = discord.effects[2].room
    assert made_again is not None
    assert (made_again.channel_id, made_again.intended_at) == (None, ACCESS)
    assert one.discord_channel_id not in (None, lost_id)
    assert (one.access_granted_at, one.next_step_at) == (ACCESS, TEN)


async def test_a_room_that_keeps_being_deleted_is_made_less_and_less_often_and_admins_hear_of_it_once(
    db: Database,
) -> None:
    await set_up(db, "abc", "other")
    discord, clock, made_at, attempts = FakeDiscord(), FakeClock(ACCESS), list[timedelta](), list[int]()
    discord.fail("open_room", RoomGone("The room is gone."), about="coaching-session-abc")

    while clock() < ELEVEN:
        asked = len(discord.asked("ensure_room"))
        await advance_due(db, discord, clock)
        made_at += [clock() - ACCESS] * (len(discord.asked("ensure_room")) - asked)
        one = await found(db)
        attempts.append(one.attempts)
        clock.now = max(one.next_step_at or ELEVEN, clock() + SECOND)

    theirs, others = [at // MINUTE for at in made_at if at], made_at.count(0 * MINUTE)
    assert others == 3  # the other session's, and this one's first and second
    assert theirs == [1, 3, 7, 15, 25, 35, 45, 55]
    assert attempts == sorted(attempts)
    assert (await found(db, "other")).access_granted_at == ACCESS
    async with db.read() as session:
        enqueued = list(await session.scalars(select(Notification.kind)))
        [alert] = await session.scalars(select(Alert))
    assert enqueued.count(NotificationKind.ALERT) == 1
    assert (alert.key, alert.fixed_at) == ("room_deleted", None)
    assert "`abc` has been deleted 10 times" in alert.text


@pytest.mark.parametrize(("rooms_lost", "is_fixed"), [(0, True), (1, False)])
async def test_that_rooms_are_left_alone_again_shows_at_the_end_of_a_session_that_kept_its_own(
    db: Database, rooms_lost: int, is_fixed: bool
) -> None:
    await set_up(
        db,
        "abc",
        rooms_lost=rooms_lost,
        status=SessionStatus.IN_PROGRESS,
        discord_channel_id=5,
        discord_setup_complete=True,
        room_intended_at=ROOM,
        access_granted_at=ACCESS,
        next_step_at=ELEVEN,
    )
    await transact(db, admin_alerts.raise_alert, GUILD, "room_deleted", "Somebody deletes rooms.", ROOM)

    await advance_due(db, FakeDiscord(), FakeClock(ELEVEN))

    async with db.read() as session:
        [alert] = await session.scalars(select(Alert))
    assert (alert.fixed_at is not None) is is_fixed


async def test_a_room_that_is_deleted_while_it_is_being_opened_is_not_called_open(db: Database) -> None:
    await set_up(db, "abc")
    discord, clock, deleted = FakeDiscord(), FakeClock(ACCESS), list[int]()

    async def deleted_at_once(call: Call) -> None:
        assert call.room is not None
        assert call.room.channel_id is not None
        deleted.append(call.room.channel_id)
        await transact(db, rooms.channel_deleted, call.room.channel_id, clock())

    discord.meanwhile("open_room", deleted_at_once)
    await advance_due(db, discord, clock)

    one = await found(db)
    assert (one.discord_channel_id, one.access_granted_at, one.rooms_lost) == (None, None, len(deleted))
    assert len(deleted) == 2
    assert await fetch_all(db, select(Notification.kind)) == [NotificationKind.ALERT]


async def test_what_was_to_be_said_of_a_deleted_room_is_said_of_the_next_one_alone(db: Database) -> None:
    await set_up(db, "abc")
    discord, clock = FakeDiscord(), FakeClock(ACCESS)
    await advance_due(db, discord, clock)
    clock.forward(SECOND)

    await transact(db, rooms.channel_deleted, (await found(db)).discord_channel_id or 0, clock())
    await advance_due(db, discord, clock)

    async with db.read() as session:
        due = await session.scalars(
            select(Notification.kind).where(Notification.due_at.is_not(None)).order_by(Notification.id)
        )
    kinds = [NotificationKind.ROOM_OPEN] * 2 + [NotificationKind.ROOM_WELCOME, NotificationKind.ROOM_ENDING]
    assert list(due) == kinds


# Cancellations and occupied rooms.


async def test_a_cancellation_while_the_room_is_being_made_wins_and_the_room_is_removed(db: Database) -> None:
    await set_up(db, "abc")
    discord, clock = FakeDiscord(), FakeClock(ROOM)
    discord.meanwhile("ensure_room", lambda _call: cancel(db, clock()))

    await advance_due(db, discord, clock)

    one = await found(db)
    assert [call.method for call in discord.effects] == ["ensure_room", "remove_room"]
    removed = discord.effects[1].room
    assert removed is not None
    assert removed.channel_id == one.discord_channel_id
    assert (one.status, one.room_removed_at, one.next_step_at) == (SessionStatus.CANCELLED, ROOM, None)
    assert one.access_granted_at is None
    assert NotificationKind.ROOM_OPEN not in await enqueued(db)


async def test_a_cancellation_while_the_room_cannot_be_made_still_removes_what_may_exist(db: Database) -> None:
    await set_up(db, "abc")
    discord, clock = FakeDiscord(), FakeClock(ROOM)

    async def cancel_and_fail(_call: Call) -> None:
        await cancel(db, clock())
        raise DiscordFailure("The answer was lost.")

    discord.meanwhile("ensure_room", cancel_and_fail)

    await advance_due(db, discord, clock)

    one = await found(db)
    assert [call.method for call in discord.effects] == ["ensure_room", "remove_room"]
    assert (one.status, one.room_removed_at, one.next_step_at) == (SessionStatus.CANCELLED, ROOM, None)


async def test_a_cancellation_while_people_are_let_in_wins_and_nobody_is_invited(db: Database) -> None:
    await set_up(db, "abc")
    discord, clock = FakeDiscord(), FakeClock(ROOM)
    discord.meanwhile("open_room", lambda _call: cancel(db, clock()))

    await live(db, discord, clock)

    one = await found(db)
    assert [call.method for call in discord.effects] == ["ensure_room", "open_room", "remove_room"]
    assert (one.status, one.room_removed_at) == (SessionStatus.CANCELLED, ACCESS)
    assert NotificationKind.ROOM_OPEN not in await enqueued(db)


async def test_a_session_that_was_cancelled_before_its_room_asks_nothing_of_discord(db: Database) -> None:
    await set_up(db, "abc")
    await cancel(db, MONDAY)
    discord = FakeDiscord()

    await advance_due(db, discord, FakeClock(ROOM))

    assert discord.calls == []


@pytest.mark.parametrize("why", [Removal.OCCUPIED, Removal.UNKNOWN])
async def test_an_occupied_room_stays_until_the_hard_limit(db: Database, why: Removal) -> None:
    await set_up(db, "abc")
    discord = FakeDiscord()
    discord.rooms_stay = why

    clock = FakeClock()
    for clock.now in (ROOM, ACCESS, TEN, ELEVEN):
        await advance_due(db, discord, clock)
    look_again = (await found(db)).next_step_at

    for clock.now in (ELEVEN + MINUTE, LINGERED + HOUR - MINUTE, LINGERED + HOUR):
        await advance_due(db, discord, clock)

    assert look_again == ELEVEN + MINUTE
    assert [call.even_if_occupied for call in discord.calls if call.method == "remove_room"] == [False] * 3 + [
        True
    ]
    one = await found(db)
    assert (one.room_removed_at, one.next_step_at) == (LINGERED + HOUR, None)


async def test_people_who_linger_too_long_are_warned_once(db: Database) -> None:
    await set_up(db, "abc")
    discord, clock, warnings = FakeDiscord(), FakeClock(), []
    discord.rooms_stay = Removal.OCCUPIED
    for clock.now in (ROOM, ACCESS, TEN, ELEVEN):
        await advance_due(db, discord, clock)

    for clock.now in (LINGERED - MINUTE, LINGERED, LINGERED + MINUTE, LINGERED + HOUR):
        await advance_due(db, discord, clock)
        warnings.append((await enqueued(db)).count(NotificationKind.ROOM_CLOSING))

    assert warnings == [0, 1, 1, 1]


async def test_a_room_goes_as_soon_as_everybody_has_left(db: Database) -> None:
    await set_up(db, "abc")
    discord, clock = FakeDiscord(), FakeClock()
    discord.rooms_stay = Removal.OCCUPIED
    for clock.now in (ROOM, ACCESS, TEN, ELEVEN):
        await advance_due(db, discord, clock)
    stayed = await found(db)
    discord.rooms_stay = None

    clock.forward(MINUTE)
    await advance_due(db, discord, clock)

    assert (stayed.room_removed_at, stayed.attempts, stayed.last_error) == (None, 0, None)
    assert (await found(db)).room_removed_at == ELEVEN + MINUTE


async def test_a_room_whose_last_guest_left_just_after_it_was_found_occupied_goes_at_once(db: Database) -> None:
    await set_up(db, "abc")
    discord, clock = FakeDiscord(), FakeClock()
    discord.rooms_stay = Removal.OCCUPIED

    async def leave(call: Call) -> None:
        assert call.room is not None
        clock.forward(SECOND)
        assert await transact(db, attendance.record_leave, call.room.channel_id or 0, STUDENT, clock())

    discord.meanwhile("remove_room", leave)
    for clock.now in (ROOM, ACCESS, TEN, ELEVEN):
        await advance_due(db, discord, clock)
    discord.rooms_stay = None

    await advance_due(db, discord, clock)

    assert (await found(db)).room_removed_at == ELEVEN + 2 * SECOND


async def test_a_room_that_emptied_while_nobody_watched_goes_as_soon_as_somebody_looks(db: Database) -> None:
    await set_up(db, "abc")
    discord, clock = FakeDiscord(), FakeClock()
    discord.rooms_stay = Removal.OCCUPIED
    for clock.now in (ROOM, ACCESS, TEN, ELEVEN):
        await advance_due(db, discord, clock)
    discord.rooms_stay = None

    clock.forward(SECOND)
    await transact(db, attendance.resync, [GUILD], {}, None, clock())
    await advance_due(db, discord, clock)

    assert (await found(db)).room_removed_at == ELEVEN + SECOND


async def test_a_cancelled_session_with_people_inside_keeps_its_room_for_an_hour_at_most(db: Database) -> None:
    await set_up(db, "abc")
    discord, clock = FakeDiscord(), FakeClock()
    discord.rooms_stay = Removal.OCCUPIED
    for clock.now in (ROOM, ACCESS, TEN):
        await advance_due(db, discord, clock)
    await cancel(db, TEN + 5 * MINUTE)

    for clock.now in (TEN + 5 * MINUTE, TEN + 65 * MINUTE):
        await advance_due(db, discord, clock)

    assert [call.even_if_occupied for call in discord.calls if call.method == "remove_room"] == [False, True]
    assert (await found(db)).room_removed_at == TEN + 65 * MINUTE


# A tick.


async def test_a_tick_that_does_nothing_writes_only_the_heartbeat(db: Database) -> None:
    await set_up(db, "abc")
    discord, clock = FakeDiscord(), FakeClock()
    await tick(db, discord, clock)
    before = await everything(db)

    clock.forward(SECOND)
    report = await tick(db, discord, clock)

    after = await everything(db)
    assert before.pop("heartbeats") == [("tick", MONDAY)]
    assert after.pop("heartbeats") == [("tick", MONDAY + SECOND)]
    assert after == before
    assert report == TickReport(next_due_at=ROOM)
    assert not TickReport().did_something


async def test_a_tick_that_did_something_is_on_record(db: Database) -> None:
    await set_up(db, "one", "two")
    async with db.begin() as session:
        coach = await session.get_one(Coach, (GUILD, COACH))
        coach.role_due_at = MONDAY
        await a_notification(session)
    discord = FakeDiscord()
    discord.fail("ensure_room", DiscordFailure("no"), about="coaching-session-two")

    report = await tick(db, discord, FakeClock(ROOM))

    assert report is not None
    assert (report.steps, report.roles, report.notifications) == (["one make_room"], 1, 1)
    assert report.failures == ["two make_room: no"]
    run = await fetch_only(db, select(JobRun))
    assert (run.started_at, run.finished_at) == (ROOM, ROOM)
    assert (run.trigger, run.due) == ("manual", 3)  # two sessions and a notification
    assert (run.steps, run.roles, run.notifications, run.failures) == (1, 1, 1, 1)


async def test_what_a_step_owes_goes_out_with_the_same_tick(db: Database) -> None:
    await set_up(db, "abc")
    discord, clock = FakeDiscord(), FakeClock(ACCESS)

    report = await tick(db, discord, clock)

    assert report is not None
    assert (report.steps, report.notifications) == (["abc make_room", "abc open_room"], 3)


async def test_a_failing_role_keeps_no_notice_waiting(db: Database) -> None:
    await set_up(db, "abc")
    async with db.begin() as session:
        (await session.get_one(Coach, (GUILD, COACH))).role_due_at = MONDAY
        await a_notification(session)
    discord = FakeDiscord()
    discord.fail("set_role", RuntimeError("a bug"))

    report = await tick(db, discord, FakeClock())

    assert report is not None
    assert (report.notifications, report.failure_count) == (1, 1)


async def test_while_another_process_ticks_this_one_does_nothing(db: Database) -> None:
    await set_up(db, "abc")
    discord, before = FakeDiscord(), await everything(db)

    async with db.tick_lock():
        report = await tick(db, discord, FakeClock(ROOM))

    assert (report, discord.calls) == (None, [])
    assert await everything(db) == before


async def test_the_next_due_instant_is_the_earliest_of_all_that_is_ahead(db: Database) -> None:
    nothing = await next_due(db)
    await set_up(db, "abc")
    a_session_is = await next_due(db)
    await transact(db, a_notification, due_at=MONDAY + MINUTE)
    a_notification_is = await next_due(db)
    async with db.begin() as session:
        (await session.get_one(Coach, (GUILD, COACH))).role_due_at = MONDAY
    a_role_is = await next_due(db)

    assert [nothing, a_session_is, a_notification_is, a_role_is] == [None, ROOM, MONDAY + MINUTE, MONDAY]


# The loop. It runs on the real AsyncIOScheduler; an interval of a day means that only `wake` makes a second tick.


class Running:
    """A loop, and what a test has to wait for."""

    def __init__(self, db: Database, clock: FakeClock) -> None:
        self.db, self.clock, self.discord = db, clock, FakeDiscord()
        self.loop = Loop(db, self.discord, clock, DAY)

    async def held_in_its_first_tick(self) -> asyncio.Event:
        """Start it, and hold the first message that it delivers until the returned event is set."""
        under_way, may_go_on = asyncio.Event(), asyncio.Event()

        async def hold_the_first(_call: Call) -> None:
            if len(self.discord.effects) == 1:
                under_way.set()
                await may_go_on.wait()

        self.discord.meanwhile("deliver", hold_the_first)
        self.loop.start()
        await under_way.wait()
        return may_go_on

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait for it, and let others run meanwhile."""
        async with asyncio.timeout(30):
            while not holds():
                await self.beats()

    async def beats(self) -> list[datetime]:
        """When the last tick ended; nothing before the first."""
        return await fetch_all(self.db, select(Heartbeat.at).where(Heartbeat.job == "tick"))

    async def until_it_beats_at(self, at: datetime) -> None:
        """Wait for the end of a tick."""
        async with asyncio.timeout(30):
            while await self.beats() != [at]:
                pass


@pytest.fixture
def clock() -> Iterator[FakeClock]:
    """A clock that APScheduler shares."""
    one = FakeClock()
    with apscheduler_clock(one):
        yield one


@asynccontextmanager
async def running(db: Database, clock: FakeClock) -> AsyncIterator[Running]:
    """A loop that has been started and is stopped at the end."""
    one = Running(db, clock)
    one.loop.start()
    try:
        yield one
    finally:
        await one.loop.stop()


async def owe_one(db: Database, clock: FakeClock) -> None:
    await transact(db, a_notification, due_at=clock())


async def test_a_loop_that_starts_does_first_what_became_due_while_nothing_ran(
    db: Database, clock: FakeClock
) -> None:
    await set_up(db, "abc")
    clock.now = ROOM

    async with running(db, clock) as one:
        await one.until_it_beats_at(ROOM)

    assert [call.method for call in one.discord.effects] == ["ensure_room"]


async def test_waking_an_idle_loop_makes_it_tick_at_once(db: Database, clock: FakeClock) -> None:
    await set_up(db)
    async with running(db, clock) as one:
        await one.until_it_beats_at(MONDAY)
        clock.forward(MINUTE)
        await owe_one(db, clock)

        one.loop.wake()
        await one.until_it_beats_at(MONDAY + MINUTE)

    assert one.discord.asked("deliver") == ["1"]


async def test_whoever_asks_during_a_tick_gets_the_one_after_it(db: Database, clock: FakeClock) -> None:
    await set_up(db)
    await owe_one(db, clock)
    one = Running(db, clock)
    may_go_on = await one.held_in_its_first_tick()
    await owe_one(db, clock)
    await owe_one(db, clock)

    asked = [asyncio.create_task(one.loop.run_now()) for _ in range(3)]
    await asyncio.sleep(0)  # so that all have asked
    asked.pop().cancel()
    may_go_on.set()
    first, second = await asyncio.gather(*asked)
    await one.loop.stop()

    assert first is not None
    assert first is second
    assert (first.trigger, first.due, first.notifications) == ("request", 2, 2)
    assert one.discord.asked("deliver") == ["1", "2", "3"]


async def test_while_another_process_ticks_whoever_asks_is_told_so(db: Database, clock: FakeClock) -> None:
    await set_up(db)
    async with running(db, clock) as one:
        await one.until_it_beats_at(MONDAY)

        async with db.tick_lock():
            report = await one.loop.run_now()

    assert report is None


async def test_a_tick_that_fails_is_told_to_whoever_asked_for_it(
    db: Database, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    await set_up(db)
    async with running(db, clock) as one:
        await one.until_it_beats_at(MONDAY)
        async with db.begin() as session:
            await session.execute(text("ALTER TABLE heartbeats RENAME TO gone"))

        with pytest.raises(NotTicking):
            await one.loop.run_now()
        async with db.begin() as session:
            await session.execute(text("ALTER TABLE gone RENAME TO heartbeats"))
        after = await one.loop.run_now()

    assert "a tick failed" in caplog.text
    assert after is not None


async def test_a_loop_that_does_not_run_refuses_to_tick(db: Database, clock: FakeClock) -> None:
    await set_up(db)
    one = Running(db, clock)

    with pytest.raises(NotTicking):
        await one.loop.run_now()
    one.loop.start()
    await one.until_it_beats_at(MONDAY)
    await one.loop.stop()
    with pytest.raises(NotTicking):
        await one.loop.run_now()


async def test_whoever_asked_when_the_loop_is_stopped_is_not_kept_waiting(db: Database, clock: FakeClock) -> None:
    await set_up(db)
    await owe_one(db, clock)
    one = Running(db, clock)
    under_way, may_go_on = asyncio.Event(), asyncio.Event()

    async def hold(_call: Call) -> None:
        under_way.set()
        await may_go_on.wait()

    one.discord.meanwhile("deliver", hold)
    one.loop.start()
    await under_way.wait()

    asked = asyncio.create_task(one.loop.run_now())
    await asyncio.sleep(0)  # so that it has asked
    stopping = asyncio.create_task(one.loop.stop())
    await asyncio.sleep(0)  # so that it has begun to stop
    may_go_on.set()
    async with asyncio.timeout(30):
        [outcome] = await asyncio.gather(asked, return_exceptions=True)
    await stopping

    assert isinstance(outcome, NotTicking)
    assert one.discord.asked("deliver") == ["1"]


async def test_waking_during_a_tick_runs_it_once_more(db: Database, clock: FakeClock) -> None:
    await set_up(db)
    await owe_one(db, clock)
    one = Running(db, clock)
    may_go_on = await one.held_in_its_first_tick()
    await owe_one(db, clock)  # too late for the tick under way: it has asked already what is due

    for _ in range(3):
        one.loop.wake()
    may_go_on.set()
    await one.until(lambda: len(one.discord.effects) == 2)
    await one.loop.stop()

    assert sorted(one.discord.asked("deliver")) == ["1", "2"]
    async with db.read() as session:
        assert len((await session.scalars(select(JobRun))).all()) == 2


async def test_stopping_awaits_the_tick_in_progress_and_starts_no_other(db: Database, clock: FakeClock) -> None:
    await set_up(db)
    await owe_one(db, clock)
    one = Running(db, clock)
    under_way, may_go_on = asyncio.Event(), asyncio.Event()

    async def hold(_call: Call) -> None:
        under_way.set()
        await may_go_on.wait()

    one.discord.meanwhile("deliver", hold)
    one.loop.start()
    await under_way.wait()
    await owe_one(db, clock)
    one.loop.wake()

    stopping = asyncio.create_task(one.loop.stop())
    await one.beats()
    stopped_early = stopping.done()
    may_go_on.set()
    await stopping

    assert not stopped_early
    assert await one.beats() == [MONDAY]
    sent = {one.id: one.sent_at for one in await fetch_all(db, select(Notification))}
    assert sent == {1: MONDAY, 2: None}


async def test_a_stopped_loop_stays_stopped(db: Database, clock: FakeClock) -> None:
    await set_up(db)
    async with running(db, clock) as one:
        await one.until_it_beats_at(MONDAY)
    clock.forward(DAY)
    await owe_one(db, clock)

    one.loop.wake()
    await one.loop.stop()
    await one.beats()

    assert one.discord.effects == []
    assert await one.beats() == [MONDAY]


async def test_a_loop_that_never_started_can_be_woken_and_stopped(db: Database, clock: FakeClock) -> None:
    await set_up(db)
    one = Running(db, clock)

    one.loop.wake()
    await one.loop.stop()

    assert await one.beats() == []


async def test_a_tick_that_fails_does_not_end_the_loop(db: Database, clock: FakeClock) -> None:
    await set_up(db)
    one, asked = Running(db, clock), 0

    def stops_once() -> datetime:
        nonlocal asked
        asked += 1
        if asked == 2:  # the first tick; the first to ask was `start`
            raise RuntimeError("The clock has stopped.")
        return clock()

    one.loop = Loop(db, one.discord, stops_once, DAY)
    one.loop.start()
    await one.until(lambda: asked == 2)
    await owe_one(db, clock)

    one.loop.wake()
    await one.until(lambda: len(one.discord.effects) == 1)
    await one.loop.stop()

    assert one.discord.asked("deliver") == ["1"]
    assert await one.beats() == [MONDAY]
