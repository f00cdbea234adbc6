"""Every way to give up a running session: none escapes a no-show or undoes a session that took place."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, NamedTuple

import pytest

from models import Absent, NotificationKind, SessionStatus
from models.storage.database import Database
from scheduler.booking import cancellation, departures, rescheduling
from scheduler.booking.departures import Why
from scheduler.coaches import suspensions
from scheduler.core.actor import Actor
from scheduler.core.errors import NotFound, TooEarly, TooLate
from scheduler.rooms import in_room
from tests.support.attended_sessions import CARA, STRANGER, STU, Spell, a_meeting, at, audit_log
from tests.support.builders import ADMIN, COACH, GUILD, STUDENT, FakeClock, a_guild, change_session, refusal
from tests.support.fakes import FakeDiscord
from tests.support.parameters import first_plain
from tests.support.rounds import advance_due
from tests.support.stored import reservations, session_now, still_enqueued
from tests.support.transactions import attempt, transact

CANCELLED, COMPLETED, NO_SHOW = SessionStatus.CANCELLED, SessionStatus.COMPLETED, SessionStatus.NO_SHOW


class Case(NamedTuple):
    """What has happened in an hour with 15 minutes of grace, and whose no-show it would be if it ended now."""

    minute: int
    spells: list[Spell]
    absent: Absent | None
    changed: dict[str, Any] | None = None


STUDENT_ALONE: list[Spell] = [(STUDENT, 0, None)]
DECIDED = {
    "the coach didn't come": Case(59, STUDENT_ALONE, Absent.COACH),
    "the student didn't come": Case(16, [(COACH, -3, None)], Absent.STUDENT),
    "nobody came": Case(15, [], Absent.BOTH),
    "both met just now": Case(1, [(COACH, -2, None), (STUDENT, 0, None)], None),
    "both met and left": Case(59, [(COACH, 0, 5), (STUDENT, 0, 5)], None),
    "both met in a room that is gone": Case(
        20, [(COACH, 0, 5), (STUDENT, 0, 5)], None, {"access_granted_at": None, "room_lost_at": at(5)}
    ),
    "the room opened late": Case(25, [(STUDENT, 10, None)], Absent.COACH, {"access_granted_at": at(10)}),
}
OPEN = {
    "the coach may still come": Case(14, STUDENT_ALONE, None),
    "they missed each other before the start": Case(3, [(COACH, -5, -1), (STUDENT, -4, -2)], None),
    "the room opened late": Case(24, [(STUDENT, 10, None)], None, {"access_granted_at": at(10)}),
    "there was no room": Case(59, [], None, {"access_granted_at": None}),
}
decided = pytest.mark.parametrize("case", DECIDED.values(), ids=DECIDED)
still_open = pytest.mark.parametrize("case", OPEN.values(), ids=OPEN)


async def running(db: Database, case: Case, **changed: Any) -> int:
    return await a_meeting(db, *case.spells, watched_until=at(case.minute), **(case.changed or {}) | changed)


def cancel(session_id: int, actor: Actor, case: Case) -> Callable[..., Any]:
    return lambda session: cancellation.cancel(session, session_id, actor, GUILD, "Ill.", at(case.minute))


def end(session_id: int, actor: Actor, minute: int, guild_id: int | None = GUILD) -> Callable[..., Any]:
    return lambda session: in_room.end_early(session, session_id, actor, at(minute), guild_id=guild_id)


async def student_leaves(db: Database, minute: int) -> int:
    """Returns how many sessions that cancels."""
    return await transact(db, departures.handle_departure, GUILD, STUDENT, Why.LEFT, at(minute))


async def coach_is_suspended(db: Database, minute: int) -> int:
    """Returns how many sessions that cancels."""
    return await transact(db, suspensions.suspend, GUILD, COACH, ADMIN, "Complaints.", at(minute), keep=False)


Goes = Callable[[Database, int], Awaitable[int]]
ways = pytest.mark.parametrize("goes", [student_leaves, coach_is_suspended])


# It's already certain whether someone was absent.


@decided
async def test_it_cannot_be_cancelled_any_more(db: Database, case: Case) -> None:
    session_id = await running(db, case)

    for status in (SessionStatus.IN_PROGRESS, SessionStatus.SCHEDULED):  # the tick at the start may be late
        await change_session(db, session_id, status=status)
        for actor in (CARA, STU, ADMIN):
            refused = await refusal(db, TooLate, cancel(session_id, actor, case))
            assert str(refused).startswith("It's too late to cancel: coach and student have met")


@decided
@pytest.mark.parametrize("actor", first_plain([CARA, ADMIN], plain=4), ids=["coach", "admin"])
async def test_it_can_be_ended_and_counts_the_same(db: Database, case: Case, actor: Actor) -> None:
    session_id = await running(db, case)

    await transact(db, end(session_id, actor, case.minute))
    await advance_due(db, FakeDiscord(), FakeClock(at(case.minute)))  # if someone is absent, asks Discord why

    one = await session_now(db, session_id)
    assert (one.status, one.absent) == (NO_SHOW if case.absent else COMPLETED, case.absent)
    assert one.ends_at == at(case.minute)


@decided
@ways
async def test_someone_going_ends_it_and_it_counts_the_same(db: Database, case: Case, goes: Goes) -> None:
    session_id = await running(db, case)

    assert await goes(db, case.minute) == 0
    await advance_due(db, FakeDiscord(), FakeClock(at(case.minute)))

    one = await session_now(db, session_id)
    assert one.status is (NO_SHOW if case.absent else COMPLETED)
    assert (one.absent, one.cancelled_at) == (case.absent, None)
    assert {end for _, _, end in await reservations(db)} == {at(case.minute)}
    kinds = {kind for kind, _ in await still_enqueued(db)} - {NotificationKind.COACH_SUSPENDED}
    assert kinds == {NotificationKind.NO_SHOW if case.absent else NotificationKind.REVIEW_REQUEST}


async def test_the_audit_log_says_why_it_ended(db: Database) -> None:
    await running(db, DECIDED["nobody came"])

    await student_leaves(db, 20)

    assert ("session_ended_left", None) in await audit_log(db)


async def test_it_cannot_be_rescheduled_any_more(db: Database) -> None:
    session_id = await running(db, DECIDED["nobody came"])

    for actor in (CARA, STU):
        use_case = partial(rescheduling.reschedule, session_id=session_id, actor=actor, starts_at=at(180))
        await refusal(db, TooLate, partial(use_case, reason="Ill.", now=at(20)))


# Someone may still come.


@still_open
@pytest.mark.parametrize("actor", [CARA, STU], ids=["coach", "student"])
async def test_before_that_it_can_be_cancelled(db: Database, case: Case, actor: Actor) -> None:
    session_id = await running(db, case)

    await transact(db, cancel(session_id, actor, case))

    one = await session_now(db, session_id)
    assert (one.status, one.student.cancelled_late) == (CANCELLED, actor is STU)


@still_open
@ways
async def test_before_that_someone_going_cancels_it(db: Database, case: Case, goes: Goes) -> None:
    session_id = await running(db, case)

    assert await goes(db, case.minute) == 1

    assert (await session_now(db, session_id)).status is CANCELLED


async def test_before_the_start_it_can_be_cancelled_even_with_both_in_the_room(db: Database) -> None:
    both: list[Spell] = [(COACH, -4, None), (STUDENT, -4, None)]
    session_id = await a_meeting(db, *both, status=SessionStatus.SCHEDULED)

    refused = await attempt(db, cancel(session_id, CARA, Case(0, both, None)))
    await transact(db, cancel(session_id, CARA, Case(-1, both, None)))

    assert isinstance(refused, TooLate)
    assert (await session_now(db, session_id)).status is CANCELLED


# Who can end it.


async def test_only_the_two_and_admins_of_their_server_can_end_it(db: Database) -> None:
    session_id = await running(db, DECIDED["nobody came"])
    await transact(db, a_guild, id=GUILD + 1)

    for actor, guild_id in ((STRANGER, GUILD), (ADMIN, GUILD + 1), (ADMIN, None)):
        await refusal(db, NotFound, end(session_id, actor, 20, guild_id))


async def test_admins_cannot_end_it_while_someone_may_still_come(db: Database) -> None:
    session_id = await running(db, DECIDED["nobody came"])

    refused = await refusal(db, TooEarly, end(session_id, ADMIN, 10))

    assert "they have until" in str(refused)
