"""What becomes of someone's sessions when they leave the server or can no longer coach, and who is told."""

from datetime import datetime
from typing import Any

import pytest

from models import CoachStatus, NotificationKind, SessionStatus
from models.storage.database import Database
from scheduler.booking import departures, membership_checks
from scheduler.booking.departures import Why
from scheduler.core.errors import DiscordFailure
from scheduler.rooms.ports import Access
from tests.support.attended_sessions import a_meeting, at, audit_log, both_came
from tests.support.bookings import ELEVEN, STU, TEN, book
from tests.support.builders import (
    COACH,
    DAY,
    GUILD,
    HOUR,
    MINUTE,
    MONDAY,
    STUDENT,
    FakeClock,
    a_server_with_a_coach,
    a_session,
    change_session,
    everything,
)
from tests.support.fakes import Call, FakeDiscord
from tests.support.rounds import advance_due, tick
from tests.support.stored import reservations, session_now, still_enqueued
from tests.support.transactions import transact

DOWN = DiscordFailure("Discord did not answer")
SCHEDULED, CANCELLED = SessionStatus.SCHEDULED, SessionStatus.CANCELLED
CANCELLATION, LEFT = NotificationKind.SESSION_CANCELLED, NotificationKind.PERSON_LEFT
KEPT = {"keep_after_departure": True}
OTHER = {COACH: STUDENT, STUDENT: COACH}
either = pytest.mark.parametrize("who", [COACH, STUDENT], ids=["coach", "student"])


async def an_upcoming_one(
    db: Database, guild: dict[str, Any] | None = None, coach: dict[str, Any] | None = None, **changed: Any
) -> int:
    """Store a server with a session at ten, called `abc`, of which nothing has happened yet."""
    await a_server_with_a_coach(db, guild=guild, **coach or {})
    return await another(db, code="abc", **changed)


async def another(db: Database, **changed: Any) -> int:
    return (await transact(db, a_session, **changed)).id


async def depart(db: Database, who: int, why: Why = Why.LEFT, now: datetime = MONDAY) -> int:
    return await transact(db, departures.handle_departure, GUILD, who, why, now)


def without(*gone: int) -> FakeDiscord:
    """Return a Discord whose server these people have left."""
    discord = FakeDiscord()
    discord.gone.update(gone)
    return discord


def accesses(discord: FakeDiscord) -> list[Access]:
    return [call.access for call in discord.calls if call.access]


@either
async def test_sessions_of_someone_who_left_are_cancelled_and_the_other_is_told_once(
    db: Database, who: int
) -> None:
    session_id = await an_upcoming_one(db)

    cancelled = [await depart(db, who) for _ in range(2)]

    one = await session_now(db, session_id)
    assert cancelled == [1, 0]
    assert (one.status, one.cancelled_at) == (CANCELLED, MONDAY)
    assert (one.cancelled_by, one.student.cancelled_late) == ((None, None) if who == COACH else (STUDENT, False))
    assert one.cancel_reason == f"The {'coach' if who == COACH else 'student'} left the server."
    assert await reservations(db) == []
    assert await still_enqueued(db) == [(CANCELLATION, OTHER[who])]
    assert await audit_log(db) == [("session_cancelled_left", None)]


@either
async def test_leaving_shortly_before_a_session_counts_as_a_students_late_cancellation(
    db: Database, who: int
) -> None:
    session_id = await an_upcoming_one(db, {"cancel_notice_minutes": 60})

    await depart(db, who, now=TEN - HOUR + MINUTE)

    one = await session_now(db, session_id)
    assert (one.cancelled_by, one.student.cancelled_late) == ((None, None) if who == COACH else (STUDENT, True))


async def test_when_a_coach_is_suspended_both_are_told(db: Database) -> None:
    session_id = await an_upcoming_one(db)

    cancelled = await depart(db, COACH, Why.SUSPENDED)

    one = await session_now(db, session_id)
    assert cancelled == 1
    assert (one.status, one.cancel_reason) == (CANCELLED, "The coach no longer coaches here.")
    assert await still_enqueued(db) == [(CANCELLATION, STUDENT), (CANCELLATION, COACH)]
    assert await audit_log(db) == [("session_cancelled_suspended", None)]


async def test_a_session_that_has_just_started_is_cancelled_too_and_its_room_goes(db: Database) -> None:
    session_id = await a_meeting(db)

    await depart(db, STUDENT, now=at(5))

    one = await session_now(db, session_id)
    assert (one.status, one.next_step_at) == (CANCELLED, at(5))


async def test_past_sessions_other_servers_and_other_people_are_left_alone(db: Database) -> None:
    await an_upcoming_one(db, status=SessionStatus.COMPLETED, next_step_at=None, reserved=False)
    await a_server_with_a_coach(db, guild={"id": GUILD + 1}, guild_id=GUILD + 1)
    await another(db, guild_id=GUILD + 1, starts_at=TEN + DAY)
    await another(db, student_id=STUDENT + 1, starts_at=TEN + 2 * DAY)
    await another(db, starts_at=MONDAY - HOUR, ends_at=MONDAY, next_step_at=MONDAY, reserved=False)
    before = await everything(db)

    assert await depart(db, STUDENT) == 0

    assert await everything(db) | {"members": []} == before


# Where the server keeps sessions.


@either
async def test_a_kept_session_stays_and_the_other_is_told_once(db: Database, who: int) -> None:
    session_id = await an_upcoming_one(db, KEPT)
    before = await reservations(db)

    cancelled = [await depart(db, who) for _ in range(2)]

    assert cancelled == [0, 0]
    assert (await session_now(db, session_id)).status is SCHEDULED
    assert await reservations(db) == before
    assert await still_enqueued(db) == [(LEFT, OTHER[who])]
    assert await audit_log(db) == [("session_kept_left", None)]


async def test_a_suspended_coachs_kept_sessions_go_on_as_before(db: Database) -> None:
    await a_meeting(db, guild=KEPT)
    before = await everything(db)

    assert await depart(db, COACH, Why.SUSPENDED) == 0

    assert await everything(db) | {"members": [], "audit_entries": []} == before
    assert await audit_log(db) == [("session_kept_suspended", None)]


@either
async def test_whoever_left_loses_access_to_the_room_of_a_kept_session(db: Database, who: int) -> None:
    session_id = await both_came(db, guild=KEPT)
    await another(db, student_id=STUDENT + 1, starts_at=TEN + 2 * DAY)
    discord, clock = without(who), FakeClock(at(20))
    await depart(db, who, now=clock())

    await advance_due(db, discord, clock)

    assert [call.access for call in discord.calls if call.method == "open_room"] == [
        Access((OTHER[who],), video=True)
    ]
    assert (await session_now(db, session_id)).access_granted_at == at(20)
    clock.now = ELEVEN
    await advance_due(db, discord, clock)
    one = await session_now(db, session_id)
    assert (one.status, one.missed_at) == (SessionStatus.COMPLETED, None)


async def test_opening_a_room_again_does_not_notify_whoever_stayed_again(db: Database) -> None:
    await an_upcoming_one(db, KEPT)
    discord, clock = FakeDiscord(), FakeClock(at(-5))
    await advance_due(db, discord, clock)
    told = await still_enqueued(db)
    discord.gone.add(STUDENT)
    clock.now = at(-3)

    await depart(db, STUDENT, now=clock())
    await advance_due(db, discord, clock)

    assert len(discord.asked("open_room")) == 2
    assert await still_enqueued(db) == [*told, (LEFT, COACH)]


# Asked before each step.


async def test_no_room_is_made_if_the_student_has_left(db: Database) -> None:
    session_id, discord = await an_upcoming_one(db), without(STUDENT)

    await advance_due(db, discord, FakeClock(at(-15)))

    assert discord.asked() == [f"is_member {COACH}", f"is_member {STUDENT}"]
    assert (await session_now(db, session_id)).status is CANCELLED


async def test_a_room_is_removed_instead_of_opened_if_the_coach_has_left(db: Database) -> None:
    session_id = await an_upcoming_one(db)
    discord, clock = FakeDiscord(), FakeClock(at(-15))
    await advance_due(db, discord, clock)
    discord.gone.add(COACH)
    clock.now = at(-5)

    await advance_due(db, discord, clock)

    assert discord.asked("open_room") == []
    assert discord.asked("remove_room") == ["coaching-session-abc"]
    one = await session_now(db, session_id)
    assert (one.status, one.room_removed_at) == (CANCELLED, at(-5))
    assert await still_enqueued(db) == [(CANCELLATION, STUDENT)]


async def test_the_room_of_a_kept_session_opens_for_whoever_is_present(db: Database) -> None:
    await an_upcoming_one(db, KEPT)
    discord = without(STUDENT)

    await advance_due(db, discord, FakeClock(at(-5)))

    assert accesses(discord) == [Access((COACH,), video=True)]
    assert (NotificationKind.ROOM_OPEN, COACH) in await still_enqueued(db)
    assert (NotificationKind.ROOM_OPEN, STUDENT) not in await still_enqueued(db)


async def test_nothing_is_cancelled_if_discord_cannot_say_who_is_present(db: Database) -> None:
    session_id, discord = await an_upcoming_one(db), FakeDiscord()
    discord.fail("is_member", DOWN)

    await advance_due(db, discord, FakeClock(at(-5)))

    one = await session_now(db, session_id)
    assert (one.status, one.access_granted_at) == (SCHEDULED, at(-5))
    assert accesses(discord) == [Access((COACH, STUDENT), video=True)]


# The daily check.


async def test_students_with_upcoming_sessions_are_checked_once_a_day(db: Database) -> None:
    await a_server_with_a_coach(db)
    ids = [(await transact(db, book, STU, TEN + days * DAY)).id for days in (0, 2, 3)]
    discord, clock = FakeDiscord(), FakeClock()

    asked: list[list[str]] = []
    for after in [DAY - MINUTE, DAY, DAY, 2 * DAY - MINUTE, 2 * DAY, 3 * DAY, 4 * DAY]:
        clock.now, before = MONDAY + after, len(discord.calls)
        await membership_checks.check_due(db, discord, clock)
        asked.append([call.about for call in discord.calls[before:]])

    # Once for all their sessions; shortly before one, its own steps ask.
    once = [str(STUDENT)]
    assert asked == [[], once, [], [], once, once, []]
    assert [(await session_now(db, one)).student.membership_due_at for one in ids] == [None, None, None]


async def test_the_daily_check_notices_a_student_who_left(db: Database) -> None:
    session_id = await an_upcoming_one(db, membership_due_at=MONDAY)

    assert await tick(db, without(STUDENT), FakeClock()) is not None

    one = await session_now(db, session_id)
    assert (one.status, one.student.membership_due_at, one.next_step_at) == (CANCELLED, None, None)
    assert await still_enqueued(db) == [(CANCELLATION, COACH)]
    assert await audit_log(db) == [("session_cancelled_left", None)]


@pytest.mark.parametrize("failure", [DOWN, ValueError("a bug")], ids=["down", "bug"])
async def test_without_an_answer_nothing_is_cancelled_and_the_check_is_repeated_soon(
    db: Database, failure: Exception
) -> None:
    session_id, discord = await an_upcoming_one(db, membership_due_at=MONDAY), FakeDiscord()
    discord.fail("is_member", failure)

    failed = await membership_checks.check_due(db, discord, FakeClock())

    one = await session_now(db, session_id)
    assert failed == 1
    assert (one.status, one.student.membership_due_at) == (SCHEDULED, MONDAY + 10 * MINUTE)
    assert await still_enqueued(db) == []


async def test_a_session_cancelled_during_the_check_is_not_checked_again(db: Database) -> None:
    session_id, discord = await an_upcoming_one(db, membership_due_at=MONDAY), FakeDiscord()

    async def cancel(_: Call) -> None:
        await change_session(db, session_id, status=CANCELLED, membership_due_at=None)

    discord.meanwhile("is_member", cancel)

    await membership_checks.check_due(db, discord, FakeClock())

    assert (await session_now(db, session_id)).student.membership_due_at is None


async def test_the_daily_check_notices_a_coach_who_left_and_tells_their_students(db: Database) -> None:
    first = await an_upcoming_one(db)
    second = await another(db, starts_at=TEN + DAY, student_id=STUDENT + 1)

    await membership_checks.check(db, without(COACH), FakeClock(), GUILD, COACH)

    assert [(await session_now(db, one)).status for one in (first, second)] == [CANCELLED, CANCELLED]
    assert await still_enqueued(db) == [(CANCELLATION, STUDENT), (CANCELLATION, STUDENT + 1)]


async def test_the_daily_check_leaves_a_suspended_coachs_sessions_alone(db: Database) -> None:
    session_id = await an_upcoming_one(db, coach={"status": CoachStatus.SUSPENDED})

    await membership_checks.check(db, without(COACH), FakeClock(), GUILD, COACH)

    assert (await session_now(db, session_id)).status is SCHEDULED
