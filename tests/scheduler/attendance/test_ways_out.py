"""Nobody escapes a no-show, or undoes a session that took place: every way to give up one that is running."""

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from models import Absent, CoachingSession, NotificationKind, SessionStatus
from models.storage.database import Database
from scheduler.booking import cancellation, departures, rescheduling
from scheduler.booking.departures import Why
from scheduler.coaches import suspensions
from scheduler.core.actor import Actor
from scheduler.core.errors import NotFound, TooEarly, TooLate
from scheduler.rooms import in_room
from tests.support.attended_sessions import (
    CARA,
    STRANGER,
    STU,
    Spell,
    a_meeting,
    at,
    enqueued,
    found,
    press,
    recorded,
)
from tests.support.builders import ADMIN, COACH, GUILD, STUDENT, FakeClock, a_guild, change_session, refusal
from tests.support.fakes import FakeDiscord
from tests.support.rescheduled_sessions import reservations
from tests.support.rounds import advance_due, tick
from tests.support.transactions import transact

CANCELLED, COMPLETED, NO_SHOW = SessionStatus.CANCELLED, SessionStatus.COMPLETED, SessionStatus.NO_SHOW


class Case(NamedTuple):
    """What has happened so far in an hour with 15 minutes of grace, and whose no-show it would be if it ended."""

    minute: int
    spells: list[Spell]
    absent: Absent | None
    changed: dict[str, Any] | None = None


STUDENT_ALONE: list[Spell] = [(STUDENT, 0, None)]
DECIDED = {
    "the coach did not come": Case(59, STUDENT_ALONE, Absent.COACH),
    "the student did not come": Case(16, [(COACH, -3, None)], Absent.STUDENT),
    "nobody came": Case(15, [], Absent.BOTH),
    "both met just now": Case(1, [(COACH, -2, None), (STUDENT, 0, None)], None),
    "both met, and parted": Case(59, [(COACH, 0, 5), (STUDENT, 0, 5)], None),
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
    async def use_case(session: Any) -> CoachingSession:
        return await cancellation.cancel(session, session_id, actor, GUILD, "Ill.", at(case.minute))

    return use_case


WAYS = {"student leaves": (STUDENT, Why.LEFT), "coach is suspended": None}
ways = pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)


async def goes(db: Database, way: tuple[int, Why] | None, minute: int) -> int:
    async with db.begin() as session:
        if way is None:
            return await suspensions.suspend(session, GUILD, COACH, ADMIN, "Complaints.", at(minute), keep=False)
        return await departures.handle_departure(session, GUILD, *way, at(minute))


# What has got so far that it is known whether somebody was absent.


@decided
async def test_it_is_not_cancelled_any_more(db: Database, case: Case) -> None:
    session_id = await running(db, case)

    for status in (SessionStatus.IN_PROGRESS, SessionStatus.SCHEDULED):  # the tick may be late
        await change_session(db, session_id, status=status)
        for actor in (CARA, STU, ADMIN):
            refused = await refusal(db, TooLate, cancel(session_id, actor, case))
            assert str(refused).startswith("It's too late to cancel: coach and student have met")


@decided
@pytest.mark.parametrize("actor", [CARA, ADMIN], ids=["coach", "admin"])
async def test_it_can_be_ended_and_is_judged_as_at_its_end(db: Database, case: Case, actor: Actor) -> None:
    session_id = await running(db, case)

    await press(db, lambda session: in_room.end_early(session, session_id, actor, at(case.minute), guild_id=GUILD))
    await tick(db, FakeDiscord(), FakeClock(at(case.minute)))  # where somebody is absent, Discord is asked why

    one = await found(db, session_id)
    assert (one.status, one.absent) == (NO_SHOW if case.absent else COMPLETED, case.absent)
    assert one.ends_at == at(case.minute)


@decided
@ways
async def test_who_goes_meanwhile_ends_it_and_it_is_judged_as_at_its_end(
    db: Database, case: Case, way: tuple[int, Why] | None
) -> None:
    session_id = await running(db, case)

    assert await goes(db, way, case.minute) == 0
    await advance_due(db, FakeDiscord(), FakeClock(at(case.minute)))

    one = await found(db, session_id)
    assert (one.status, one.absent, one.cancelled_at) == (
        NO_SHOW if case.absent else COMPLETED,
        case.absent,
        None,
    )
    assert {end for _, _, end in await reservations(db)} == {at(case.minute)}
    kinds = {kind for kind, _ in await enqueued(db)} - {NotificationKind.COACH_SUSPENDED}
    assert kinds == {NotificationKind.NO_SHOW if case.absent else NotificationKind.REVIEW_REQUEST}


async def test_it_is_recorded_why_it_ended(db: Database) -> None:
    await running(db, DECIDED["nobody came"])

    await goes(db, (COACH, Why.LEFT), 20)

    assert ("session_ended_left", None) in await recorded(db)


async def test_it_goes_to_no_other_time(db: Database) -> None:
    session_id = await running(db, DECIDED["nobody came"])

    for actor in (CARA, STU):
        await refusal(
            db,
            TooLate,
            lambda session, actor=actor: rescheduling.reschedule(
                session, session_id, actor, at(180), "Ill.", at(20)
            ),
        )


# What may still come to nothing.


@still_open
@pytest.mark.parametrize("actor", [CARA, STU], ids=["coach", "student"])
async def test_before_that_it_is_cancelled(db: Database, case: Case, actor: Actor) -> None:
    session_id = await running(db, case)

    await press(db, cancel(session_id, actor, case))

    one = await found(db, session_id)
    assert (one.status, one.cancelled_late) == (CANCELLED, actor is STU)


@still_open
@ways
async def test_before_that_who_goes_cancels_it(db: Database, case: Case, way: tuple[int, Why] | None) -> None:
    session_id = await running(db, case)

    assert await goes(db, way, case.minute) == 1

    assert (await found(db, session_id)).status is CANCELLED


async def test_before_the_start_it_is_cancelled_though_both_are_in_the_room_already(db: Database) -> None:
    both: list[Spell] = [(COACH, -4, None), (STUDENT, -4, None)]
    session_id = await a_meeting(db, *both, status=SessionStatus.SCHEDULED)

    await press(db, cancel(session_id, CARA, Case(0, both, None)))

    assert (await found(db, session_id)).status is CANCELLED


# Who may end it.


async def test_nobody_but_the_two_and_admins_of_their_server_ends_it(db: Database) -> None:
    session_id = await running(db, DECIDED["nobody came"])
    await transact(db, a_guild, id=GUILD + 1)

    for actor, guild_id in ((STRANGER, GUILD), (ADMIN, GUILD + 1), (ADMIN, None)):
        await refusal(
            db,
            NotFound,
            lambda session, actor=actor, guild_id=guild_id: in_room.end_early(
                session, session_id, actor, at(20), guild_id=guild_id
            ),
        )


async def test_an_admin_ends_no_session_in_which_somebody_may_still_come(db: Database) -> None:
    session_id = await running(db, DECIDED["nobody came"])

    refused = await refusal(
        db, TooEarly, lambda session: in_room.end_early(session, session_id, ADMIN, at(10), guild_id=GUILD)
    )

    assert "they have until" in str(refused)
