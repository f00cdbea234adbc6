"""Somebody left the server or may not coach any more: what becomes of their sessions and who hears of it."""

from typing import Any

import pytest

from models import CoachingSession, CoachStatus, NotificationKind, SessionStatus
from models.storage.database import Database
from scheduler.booking import booking, departures, membership_checks
from scheduler.booking.departures import Why
from scheduler.core import coaches
from scheduler.core.errors import DiscordFailure
from scheduler.rooms.ports import Access
from tests.support.attended_sessions import ELEVEN, STU, TEN, a_meeting, at, both_came, enqueued, found, recorded
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
    a_server_with_a_coach,
    a_session,
    everything,
)
from tests.support.fakes import Call, FakeDiscord
from tests.support.rounds import advance_due, tick
from tests.support.stored import reservations
from tests.support.transactions import transact

DOWN = DiscordFailure("Discord did not answer")
CANCELLED, KEPT = SessionStatus.CANCELLED, {"keep_after_departure": True}
OTHER = {COACH: STUDENT, STUDENT: COACH}
BOTH = pytest.mark.parametrize("who", [COACH, STUDENT], ids=["coach", "student"])


async def a_coming_one(db: Database, guild: dict[str, Any] | None = None, **changed: Any) -> int:
    """A server with a session at ten, of which nothing is there yet."""
    async with db.begin() as session:
        await a_guild(session, **guild or {})
        await a_coach(session)
        return (await a_session(session, starts_at=TEN, **changed)).id


async def another(db: Database, **changed: Any) -> int:
    return (await transact(db, a_session, **changed)).id


async def is_gone(db: Database, who: int, why: Why = Why.LEFT) -> int:
    return await transact(db, departures.handle_departure, GUILD, who, why, MONDAY)


# Where sessions are cancelled.


@BOTH
async def test_the_sessions_of_who_left_are_cancelled_and_the_other_side_is_told_once(
    db: Database, who: int
) -> None:
    session_id = await a_coming_one(db)

    cancelled = [await is_gone(db, who) for _ in range(2)]

    one = await found(db, session_id)
    assert cancelled == [1, 0]
    assert (one.status, one.cancelled_at, one.cancelled_by, one.cancelled_late) == (CANCELLED, MONDAY, None, None)
    assert one.cancel_reason == f"The {'coach' if who == COACH else 'student'} left the server."
    assert await reservations(db) == []
    assert await enqueued(db) == [(NotificationKind.SESSION_CANCELLED, OTHER[who])]
    assert await recorded(db) == [("session_cancelled_left", None)]


async def test_of_a_coach_who_may_not_coach_any_more_both_are_told(db: Database) -> None:
    session_id = await a_coming_one(db)

    cancelled = await is_gone(db, COACH, Why.SUSPENDED)

    one = await found(db, session_id)
    assert cancelled == 1
    assert (one.status, one.cancel_reason) == (CANCELLED, "The coach no longer coaches here.")
    cancelled_kind = NotificationKind.SESSION_CANCELLED
    assert await enqueued(db) == [(cancelled_kind, STUDENT), (cancelled_kind, COACH)]
    assert await recorded(db) == [("session_cancelled_suspended", None)]


async def test_a_session_that_has_just_begun_is_cancelled_too_and_its_room_goes(db: Database) -> None:
    session_id = await a_meeting(db)

    await transact(db, departures.handle_departure, GUILD, STUDENT, Why.LEFT, at(5))

    one = await found(db, session_id)
    assert (one.status, one.next_step_at) == (CANCELLED, at(5))


async def test_what_is_over_or_elsewhere_or_of_others_stays(db: Database) -> None:
    await a_coming_one(db, status=SessionStatus.COMPLETED, next_step_at=None, reserved=False)
    await a_server_with_a_coach(db, guild={"id": GUILD + 1}, guild_id=GUILD + 1)
    await another(db, guild_id=GUILD + 1, starts_at=TEN + DAY)
    await another(db, student_id=STUDENT + 1, starts_at=TEN + 2 * DAY)
    await another(db, starts_at=MONDAY - HOUR, ends_at=MONDAY, next_step_at=MONDAY, reserved=False)
    before = await everything(db)

    assert await is_gone(db, STUDENT) == 0

    assert await everything(db) | {"members": []} == before


# Where they are kept.


@BOTH
async def test_a_session_that_is_kept_stays_and_the_other_side_is_told_once(db: Database, who: int) -> None:
    session_id = await a_coming_one(db, KEPT)
    kept = await reservations(db)

    cancelled = [await is_gone(db, who) for _ in range(2)]

    assert cancelled == [0, 0]
    assert (await found(db, session_id)).status is SessionStatus.SCHEDULED
    assert await reservations(db) == kept
    assert await enqueued(db) == [(NotificationKind.PERSON_LEFT, OTHER[who])]
    assert await recorded(db) == [("session_kept_left", None)]


async def test_a_suspended_coach_whose_sessions_are_kept_holds_them_like_before(db: Database) -> None:
    await a_meeting(db, guild=KEPT)
    before = await everything(db)

    assert await is_gone(db, COACH, Why.SUSPENDED) == 0

    said = {"members": [], "audit_entries": []}
    assert await everything(db) | said == before
    assert await recorded(db) == [("session_kept_suspended", None)]


@BOTH
async def test_who_left_is_shut_out_of_the_room_of_a_session_that_is_kept(db: Database, who: int) -> None:
    session_id = await both_came(db, guild=KEPT)
    await another(db, student_id=STUDENT + 1, starts_at=TEN + 2 * DAY)
    discord, clock = FakeDiscord(), FakeClock(at(20))
    discord.gone.add(who)
    await transact(db, departures.handle_departure, GUILD, who, Why.LEFT, clock())

    await advance_due(db, discord, clock)

    assert [call.access for call in discord.calls if call.method == "open_room"] == [
        Access((OTHER[who],), video=True)
    ]
    assert (await found(db, session_id)).access_granted_at == at(20)
    clock.now = ELEVEN
    await advance_due(db, discord, clock)
    one = await found(db, session_id)
    assert (one.status, one.missed_at) == (SessionStatus.COMPLETED, None)


async def test_a_room_that_is_opened_anew_is_no_news_for_who_stayed(db: Database) -> None:
    await a_coming_one(db, KEPT, code="abc")
    discord, clock = FakeDiscord(), FakeClock(at(-5))
    await advance_due(db, discord, clock)
    told = await enqueued(db)
    discord.gone.add(STUDENT)
    clock.now = at(-3)

    await transact(db, departures.handle_departure, GUILD, STUDENT, Why.LEFT, clock())
    await advance_due(db, discord, clock)

    assert len(discord.asked("open_room")) == 2
    assert await enqueued(db) == [*told, (NotificationKind.PERSON_LEFT, COACH)]


# Asked before each step.


async def test_before_a_room_is_made_who_left_is_noticed_and_none_is_made(db: Database) -> None:
    session_id = await a_coming_one(db)
    discord = FakeDiscord()
    discord.gone.add(STUDENT)

    await advance_due(db, discord, FakeClock(at(-15)))

    assert discord.asked() == [f"is_member {COACH}", f"is_member {STUDENT}"]
    assert (await found(db, session_id)).status is CANCELLED


async def test_before_a_room_is_opened_who_left_is_noticed_and_it_goes(db: Database) -> None:
    session_id = await a_coming_one(db, code="abc")
    discord, clock = FakeDiscord(), FakeClock(at(-15))
    await advance_due(db, discord, clock)
    discord.gone.add(COACH)
    clock.now = at(-5)

    await advance_due(db, discord, clock)

    assert discord.asked("open_room") == []
    assert discord.asked("remove_room") == ["coaching-session-abc"]
    one = await found(db, session_id)
    assert (one.status, one.room_removed_at) == (CANCELLED, at(-5))
    assert await enqueued(db) == [(NotificationKind.SESSION_CANCELLED, STUDENT)]


async def test_the_room_of_a_kept_session_is_opened_for_who_is_there(db: Database) -> None:
    await a_coming_one(db, KEPT, code="abc")
    discord = FakeDiscord()
    discord.gone.add(STUDENT)

    await advance_due(db, discord, FakeClock(at(-5)))

    assert [call.access for call in discord.calls if call.access] == [Access((COACH,), video=True)]
    assert [user_id for kind, user_id in await enqueued(db) if kind is NotificationKind.ROOM_OPEN] == [COACH]


async def test_a_discord_that_cannot_say_who_is_there_cancels_nothing(db: Database) -> None:
    session_id = await a_coming_one(db, code="abc")
    discord = FakeDiscord()
    discord.fail("is_member", DOWN)

    await advance_due(db, discord, FakeClock(at(-5)))

    one = await found(db, session_id)
    assert (one.status, one.access_granted_at) == (SessionStatus.SCHEDULED, at(-5))
    assert [call.access for call in discord.calls if call.access] == [Access((COACH, STUDENT), video=True)]


# The daily look for students.


async def looked_for(db: Database, discord: FakeDiscord, clock: FakeClock) -> list[str]:
    """About whom it was asked in one round."""
    before = len(discord.calls)
    await membership_checks.check_due(db, discord, clock)
    return [call.about for call in discord.calls[before:]]


async def test_from_booking_on_it_is_asked_once_a_day_whether_the_student_is_still_there(db: Database) -> None:
    async with db.begin() as session:
        guild = await a_guild(session)
        await a_coach(session)
        ids = [
            (await booking.book(session, guild, STU, COACH, TEN + days * DAY, HOUR, None, MONDAY)).id
            for days in (0, 2, 3)
        ]
    discord, clock = FakeDiscord(), FakeClock()

    asked: list[list[str]] = []
    looks = [DAY - MINUTE, DAY, DAY, 2 * DAY - MINUTE, 2 * DAY, 3 * DAY, 4 * DAY]
    for clock.now in (MONDAY + after for after in looks):
        asked.append(await looked_for(db, discord, clock))

    # Once for all their sessions; shortly before one its steps ask by themselves.
    once = [str(STUDENT)]
    assert asked == [[], once, [], [], once, once, []]
    assert [(await found(db, one)).membership_due_at for one in ids] == [None, None, None]


async def test_a_student_who_left_is_noticed_by_the_daily_look(db: Database) -> None:
    session_id = await a_coming_one(db, membership_due_at=MONDAY)
    discord = FakeDiscord()
    discord.gone.add(STUDENT)

    report = await tick(db, discord, FakeClock())

    assert report is not None
    one = await found(db, session_id)
    assert (one.status, one.membership_due_at, one.next_step_at) == (CANCELLED, None, None)
    assert await enqueued(db) == [(NotificationKind.SESSION_CANCELLED, COACH)]
    assert (await recorded(db)) == [("session_cancelled_left", None)]


@pytest.mark.parametrize("failure", [DOWN, ValueError("a bug")], ids=["down", "bug"])
async def test_without_an_answer_nothing_is_cancelled_and_it_is_asked_again_soon(
    db: Database, failure: Exception
) -> None:
    session_id = await a_coming_one(db, membership_due_at=MONDAY)
    discord, clock = FakeDiscord(), FakeClock()
    discord.fail("is_member", failure)

    failed = await membership_checks.check_due(db, discord, clock)

    one = await found(db, session_id)
    assert failed == 1
    assert (one.status, one.membership_due_at) == (SessionStatus.SCHEDULED, MONDAY + 10 * MINUTE)
    assert await enqueued(db) == []


async def test_a_session_that_was_cancelled_while_discord_was_asked_is_not_looked_after_any_more(
    db: Database,
) -> None:
    session_id = await a_coming_one(db, membership_due_at=MONDAY)
    discord = FakeDiscord()

    async def cancel(_: Call) -> None:
        async with db.begin() as session:
            row = await session.get_one(CoachingSession, session_id)
            row.status, row.membership_due_at = CANCELLED, None

    discord.meanwhile("is_member", cancel)

    await membership_checks.check_due(db, discord, FakeClock())

    assert (await found(db, session_id)).membership_due_at is None


async def test_a_coach_who_left_is_noticed_by_the_daily_look_and_their_students_are_told(db: Database) -> None:
    first = await a_coming_one(db)
    second = await another(db, starts_at=TEN + DAY, student_id=STUDENT + 1)
    discord = FakeDiscord()
    discord.gone.add(COACH)

    await membership_checks.check(db, discord, FakeClock(), GUILD, COACH)

    assert [(await found(db, one)).status for one in (first, second)] == [CANCELLED, CANCELLED]
    cancelled = NotificationKind.SESSION_CANCELLED
    assert await enqueued(db) == [(cancelled, STUDENT), (cancelled, STUDENT + 1)]


async def test_who_coaches_no_more_does_not_lose_their_sessions_to_the_daily_look(db: Database) -> None:
    session_id = await a_coming_one(db)
    async with db.begin() as session:
        coach = await coaches.find(session, GUILD, COACH)
        assert coach is not None
        coach.status = CoachStatus.SUSPENDED
    discord = FakeDiscord()
    discord.gone.add(COACH)

    await membership_checks.check(db, discord, FakeClock(), GUILD, COACH)

    assert (await found(db, session_id)).status is SessionStatus.SCHEDULED
