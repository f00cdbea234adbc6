"""Buttons pressed in the room at the same moment as another press, a booking, a cancellation or the end."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

from sqlalchemy.ext.asyncio import AsyncSession

from models import CoachingSession, Guild, SessionStatus
from models.storage.database import Database
from scheduler.attendance import no_shows
from scheduler.booking import booking as bookings
from scheduler.booking import cancellation
from scheduler.core.actor import Actor
from scheduler.core.errors import AlreadyDecided, NotBookable, SlotTaken, TooLate
from scheduler.rooms import extensions, in_room
from scheduler.rooms.extensions import Terms
from tests.support.attended_sessions import (
    CARA,
    ELEVEN,
    STRANGER,
    STU,
    TEN,
    a_meeting,
    at,
    audit_log,
    both_came,
    enqueued,
    found,
)
from tests.support.builders import COACH, GUILD, STUDENT, FakeClock, change_session
from tests.support.fakes import FakeDiscord
from tests.support.integrity import faults_of
from tests.support.rounds import advance_due
from tests.support.stored import reservations
from tests.support.transactions import attempt, transact

Press = Callable[[AsyncSession], Awaitable[CoachingSession]]
HALF_PAST, LONGER = at(30), at(75)
OFFER = Terms(LONGER, 0)


def ask(session_id: int, actor: Actor) -> Press:
    return partial(extensions.ask, session_id=session_id, actor=actor, terms=OFFER, now=HALF_PAST)


def agree(session_id: int, actor: Actor) -> Press:
    return partial(extensions.agree, session_id=session_id, actor=actor, terms=OFFER, now=HALF_PAST)


def decline(session_id: int, actor: Actor) -> Press:
    return partial(extensions.decline, session_id=session_id, actor=actor, terms=OFFER, now=HALF_PAST)


async def asked(db: Database) -> int:
    """Store a session in which the student has asked for 15 more minutes."""
    session_id = await both_came(db)
    await transact(db, ask(session_id, STU))
    return session_id


def end_early(session_id: int, actor: Actor) -> Press:
    return partial(in_room.end_early, session_id=session_id, actor=actor, now=HALF_PAST)


async def book_next(session: AsyncSession) -> CoachingSession:
    guild = await session.get_one(Guild, GUILD)
    return await bookings.book(session, guild, STRANGER, COACH, ELEVEN, ELEVEN - TEN, None, HALF_PAST)


async def test_two_people_who_ask_at_once_agree_on_15_minutes(db: Database, another: Database) -> None:
    session_id = await both_came(db)

    outcomes = await asyncio.gather(
        *(attempt(db, ask(session_id, STU)) for _ in range(2)),
        *(attempt(another, ask(session_id, CARA)) for _ in range(2)),
    )

    assert {type(one) for one in outcomes} == {CoachingSession}
    assert await reservations(db) == [(COACH, TEN, LONGER), (STUDENT, TEN, LONGER)]
    assert [action for action, _ in await audit_log(db)] == ["extension_asked", "session_extended"]


async def test_agreeing_twice_at_once_extends_once(db: Database, another: Database) -> None:
    session_id = await asked(db)

    outcomes = await asyncio.gather(
        attempt(db, agree(session_id, CARA)), attempt(another, agree(session_id, CARA))
    )

    assert [one.ends_at for one in outcomes if isinstance(one, CoachingSession)] == [LONGER] * 2
    assert await reservations(db) == [(COACH, TEN, LONGER), (STUDENT, TEN, LONGER)]


async def test_agreeing_and_taking_back_at_once_have_one_winner(db: Database, another: Database) -> None:
    session_id = await asked(db)

    agreed, taken_back = await asyncio.gather(
        attempt(db, agree(session_id, CARA)), attempt(another, decline(session_id, STU))
    )

    assert {type(agreed), type(taken_back)} == {CoachingSession, AlreadyDecided}
    one = await found(db, session_id)
    assert one.ends_at == (LONGER if isinstance(agreed, CoachingSession) else ELEVEN)
    assert one.extension_asked_at is None


async def test_an_extension_and_a_booking_of_one_time_have_one_winner(db: Database, another: Database) -> None:
    session_id = await asked(db)

    longer, booked = await asyncio.gather(attempt(db, agree(session_id, CARA)), attempt(another, book_next))

    if isinstance(longer, NotBookable):
        assert isinstance(booked, CoachingSession)
        assert (await found(db, session_id)).ends_at == ELEVEN
    else:
        assert isinstance(booked, SlotTaken)
        assert (await found(db, session_id)).ends_at == LONGER
    assert not [fault for fault in await faults_of(db) if "overlap" in fault or "reserves" in fault]


async def test_an_extension_and_an_early_end_at_once_end_the_session(db: Database, another: Database) -> None:
    session_id = await asked(db)

    longer, over = await asyncio.gather(
        attempt(db, agree(session_id, CARA)), attempt(another, end_early(session_id, STU))
    )

    assert isinstance(longer, CoachingSession | TooLate)
    assert isinstance(over, CoachingSession)
    assert await reservations(db) == [(COACH, TEN, HALF_PAST), (STUDENT, TEN, HALF_PAST)]
    one = await found(db, session_id)
    assert (one.status, one.ends_at) == (SessionStatus.COMPLETED, HALF_PAST)
    assert one.agreed_until == (LONGER if isinstance(longer, CoachingSession) else ELEVEN)


async def test_two_people_who_end_a_session_at_once_end_it_once(db: Database, another: Database) -> None:
    session_id = await both_came(db)

    outcomes = await asyncio.gather(
        attempt(db, end_early(session_id, STU)), attempt(another, end_early(session_id, CARA))
    )

    assert {type(one) for one in outcomes} == {CoachingSession, TooLate}
    assert [kind for kind, _ in await enqueued(db)] == ["review_request"]
    assert [action for action, _ in await audit_log(db)] == ["session_completed", "session_ended"]


async def test_a_cancellation_during_a_request_frees_all_time(db: Database, another: Database) -> None:
    session_id = await a_meeting(db, (STUDENT, 0, None))
    longer = partial(extensions.ask, session_id=session_id, actor=STU, terms=OFFER, now=at(5))
    cancel = partial(cancellation.cancel, session_id=session_id, actor=CARA, guild_id=GUILD, reason="", now=at(5))

    pressed, cancelled = await asyncio.gather(attempt(db, longer), attempt(another, cancel))

    assert isinstance(pressed, CoachingSession | TooLate)
    assert isinstance(cancelled, CoachingSession)
    assert (await found(db, session_id)).status is SessionStatus.CANCELLED
    assert await reservations(db) == []


async def test_a_tick_and_a_person_who_end_a_session_at_once_end_it_once(db: Database, another: Database) -> None:
    session_id = await both_came(db, next_step_at=ELEVEN)
    last_moment = partial(in_room.end_early, session_id=session_id, actor=STU, now=at(59))

    pressed, _ = await asyncio.gather(
        attempt(another, last_moment), advance_due(db, FakeDiscord(), FakeClock(ELEVEN))
    )

    assert isinstance(pressed, CoachingSession | TooLate)
    assert [kind for kind, _ in await enqueued(db)] == ["review_request"]
    assert [action for action, _ in await audit_log(db)].count("session_completed") == 1


def deciding(session_id: int, actor_id: int, *, was_there: bool, of: int | None = None) -> Press:
    """Return an admin's press that decides somebody's appeal."""
    how = {"was_there": was_there, "now": at(90), "of": of}
    return lambda session: no_shows.decide_appeal(
        session, session_id, Actor(actor_id, is_admin=True), GUILD, **how
    )


async def test_appeals_of_two_people_that_are_decided_at_once_clear_both(db: Database, another: Database) -> None:
    session_id = await a_meeting(db)
    theirs = {"appealed_at": ELEVEN, "coach_appealed_at": ELEVEN}
    await change_session(db, session_id, status=SessionStatus.NO_SHOW, absent="both", **theirs)

    await asyncio.gather(
        transact(db, deciding(session_id, 9001, was_there=True, of=STUDENT)),
        transact(another, deciding(session_id, 9002, was_there=True, of=COACH)),
    )

    one = await found(db, session_id)
    assert (one.status, one.absent) == (SessionStatus.COMPLETED, None)
    assert (one.student.appeal_decided_by, one.coach_appeal_decided_by) == (9001, 9002)


async def test_only_one_of_two_admins_at_once_decides_an_appeal(db: Database, another: Database) -> None:
    session_id = await a_meeting(db)
    await change_session(
        db, session_id, status=SessionStatus.NO_SHOW, absent="student", appealed_at=ELEVEN, appeal_reason="!"
    )

    outcomes = await asyncio.gather(
        attempt(db, deciding(session_id, 9001, was_there=True)),
        attempt(another, deciding(session_id, 9002, was_there=False)),
    )

    assert {type(one) for one in outcomes} == {CoachingSession, AlreadyDecided}
    won = next(one for one in outcomes if isinstance(one, CoachingSession))
    one = await found(db, session_id)
    assert (one.student.appeal_decided_by, one.status) == (won.student.appeal_decided_by, won.status)
    assert len(await audit_log(db)) == 1
