"""Substitutes: who is asked, what substitute and student answer, and what becomes of the session."""

from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import select

from models import (
    AuditEntry,
    BlockedFrom,
    Coach,
    CoachingSession,
    Hold,
    NotificationKind,
    SessionStatus,
    Substitution,
    SubstitutionState,
)
from models.storage.database import Database
from scheduler.booking import blocks, cancellation, departures, rescheduling
from scheduler.booking.departures import Why
from scheduler.core.actor import Actor
from scheduler.core.errors import AlreadyDecided, NotBookable, NotFound, TooLate
from scheduler.core.task_pool import TaskPool
from scheduler.time_off import answers, decisions, due, substitutes
from scheduler.time_off.questions import closes_at
from tests.support.bookings import CARA, STU, TEN, book
from tests.support.builders import ADMIN, COACH, DAY, GUILD, HOUR, MINUTE, MONDAY, STUDENT, FakeClock, a_coach
from tests.support.stored import reservations, session_now
from tests.support.time_off import (
    SAM,
    SAMS,
    WEDNESDAY,
    accept,
    ask,
    asked,
    away,
    left_of,
    outcomes_to,
    sent_to,
    two_coaches,
)
from tests.support.transactions import attempt, fetch, fetch_all, fetch_only, query, transact
from tests.support.waiting_list import WEDNESDAY_TEN

UNTIL = MONDAY + DAY
"""When a question about `WEDNESDAY_TEN` runs out that's asked on `MONDAY`."""


async def decline(db: Database, question: Substitution, actor: Actor, now: datetime = MONDAY) -> Substitution:
    return await transact(db, answers.decline, question.id, actor, now)


async def state_of(db: Database, question: Substitution) -> SubstitutionState:
    return (await fetch(db, Substitution, question.id)).state


async def holds(db: Database) -> list[tuple[int, datetime]]:
    return [(one.coach_id, one.expires_at) for one in await fetch_all(db, select(Hold))]


@pytest.mark.parametrize("order", [(SAMS, STU), (STU, SAMS)], ids=["substitute_first", "student_first"])
async def test_once_both_have_accepted_the_session_is_the_substitutes(
    db: Database, order: tuple[Actor, Actor]
) -> None:
    question = await asked(db, substitute={"rate_minor": 9000})
    first, second = order

    await accept(db, question, first)
    between = await session_now(db, question.session_id)
    done = await accept(db, question, second, MONDAY + MINUTE)

    row = await session_now(db, question.session_id)
    assert between.coach_id == COACH
    assert (done.state, row.coach_id, row.status) == (SubstitutionState.TAKEN_OVER, SAM, SessionStatus.SCHEDULED)
    assert (row.student.coach_id, row.student.total_cost_minor, row.student.notes) == (SAM, 6000, "The bridge.")
    assert await reservations(db) == sorted(
        [(SAM, WEDNESDAY_TEN, WEDNESDAY_TEN + HOUR), (STUDENT, WEDNESDAY_TEN, WEDNESDAY_TEN + HOUR)]
    )
    assert await holds(db) == []
    for person in (COACH, STUDENT):
        assert await outcomes_to(db, person) == [[(row.id, "taken_over")]]
    assert len(await sent_to(db, SAM, NotificationKind.SESSION_BOOKED)) == 1
    recorded = await fetch_only(db, select(AuditEntry).where(AuditEntry.action == "session_taken_over"))
    assert (recorded.coach_id, recorded.member_id) == (SAM, COACH)


async def test_the_students_card_comes_with_the_substitutes_yes_or_after_half_of_the_time(db: Database) -> None:
    question = await asked(db)
    [card] = await sent_to(db, STUDENT, NotificationKind.SUBSTITUTE_PROPOSED)

    await accept(db, question, SAMS, MONDAY + HOUR)

    [after] = await sent_to(db, STUDENT, NotificationKind.SUBSTITUTE_PROPOSED)
    assert card.due_at == MONDAY + DAY / 2
    assert after.due_at == MONDAY + HOUR


async def test_pressing_twice_changes_nothing_more(db: Database) -> None:
    question = await asked(db)

    for actor in (SAMS, SAMS, STU, STU, SAMS):
        await accept(db, question, actor)
    after = await attempt(db, answers.decline, question.id, SAMS, MONDAY)

    assert isinstance(after, TooLate)
    assert str(after) == "This is settled: the session was taken over."
    assert (await session_now(db, question.session_id)).revision == 1
    assert len(await sent_to(db, SAM, NotificationKind.SESSION_BOOKED)) == 1


async def test_asking_twice_is_one_question_and_another_coach_has_to_wait(db: Database) -> None:
    question = await asked(db)
    absence = await away(db)
    async with db.begin() as session:
        await a_coach(session, user_id=SAM + 1, display_name="Max")

    again = await ask(db, absence, question.session_id)
    refused = await attempt(db, _ask_max, absence.id, question.session_id)

    assert again.id == question.id
    assert isinstance(refused, AlreadyDecided)


async def _ask_max(session: Any, absence_id: int, session_id: int) -> object:
    from scheduler.time_off import questions

    return await questions.ask(session, absence_id, session_id, SAM + 1, GUILD, CARA, MONDAY)


async def test_the_substitutes_time_is_kept_while_they_are_asked(db: Database) -> None:
    question = await asked(db)

    refused = await attempt(db, book, Actor(STUDENT + 1), WEDNESDAY_TEN, coach_id=SAM)
    await decline(db, question, SAMS)
    booked = await transact(db, book, Actor(STUDENT + 1), WEDNESDAY_TEN, coach_id=SAM)

    assert "Nearest free" in str(refused)
    assert booked.coach_id == SAM


@pytest.mark.parametrize(
    ("actor", "state"), [(SAMS, SubstitutionState.DECLINED), (STU, SubstitutionState.REFUSED)], ids=["sam", "stu"]
)
async def test_when_one_of_them_declines_the_coach_decides_again(
    db: Database, actor: Actor, state: SubstitutionState
) -> None:
    question = await asked(db)
    other = STU if actor == SAMS else SAMS
    await accept(db, question, other)

    await decline(db, question, actor)
    late = await attempt(db, answers.accept, question.id, other, MONDAY)

    assert await state_of(db, question) is state
    assert isinstance(late, TooLate)
    assert await outcomes_to(db, COACH) == [[(question.session_id, "no_substitute")]]
    assert await holds(db) == []
    absence = await away(db)
    assert [row.id for row in (await left_of(db, absence)).left] == [question.session_id]
    told = await sent_to(db, SAM, NotificationKind.SUBSTITUTE_NOT_NEEDED)
    assert len(told) == (actor == STU)
    assert await outcomes_to(db, STUDENT) == ([] if actor == STU else [[(question.session_id, "no_substitute")]])


async def test_a_question_that_nobody_answers_lapses(db: Database) -> None:
    question = await asked(db)
    await accept(db, question, SAMS)

    early = await due.do_due(db, FakeClock(UNTIL - MINUTE), TaskPool(wait_for_slow=True))
    before = await state_of(db, question)
    late = await attempt(db, answers.accept, question.id, STU, UNTIL)
    failed = await due.do_due(db, FakeClock(UNTIL), TaskPool(wait_for_slow=True))

    assert (early, failed, before) == (0, 0, SubstitutionState.OPEN)
    assert isinstance(late, TooLate)
    assert "the time ran out" in str(late)
    assert await state_of(db, question) is SubstitutionState.LAPSED
    assert await outcomes_to(db, COACH) == [[(question.session_id, "no_substitute")]]
    assert len(await sent_to(db, SAM, NotificationKind.SUBSTITUTE_NOT_NEEDED)) == 1


@pytest.mark.parametrize(
    ("left", "allowed"),
    [(4 * DAY, DAY), (2 * DAY, DAY), (HOUR, 30 * MINUTE), (18 * MINUTE, 10 * MINUTE), (15 * MINUTE, 10 * MINUTE)],
)
def test_how_long_there_is_to_answer(left: Any, allowed: Any) -> None:
    assert closes_at(MONDAY + left, MONDAY) == MONDAY + allowed


def test_it_is_too_late_to_ask_in_the_last_15_minutes() -> None:
    with pytest.raises(TooLate, match="too late to find a substitute"):
        closes_at(MONDAY + 14 * MINUTE, MONDAY)


async def test_only_free_coaches_of_the_same_specialty_can_be_asked(db: Database) -> None:
    await two_coaches(db)
    booked = await transact(db, book, STU, WEDNESDAY_TEN)
    absence = await away(db)
    async with db.begin() as session:
        await a_coach(session, user_id=SAM + 1, display_name="Max")  # teaches nothing alike

    free = await query(db, _substitutes, booked.id)
    await transact(db, book, Actor(STUDENT + 1), WEDNESDAY_TEN, coach_id=SAM)
    taken = await query(db, _substitutes, booked.id)
    refused = await attempt(db, _ask_max, absence.id, booked.id)

    assert (free, taken) == (["Sam"], [])
    assert isinstance(refused, NotBookable)


async def test_whoever_is_away_or_paused_is_not_asked(db: Database) -> None:
    await two_coaches(db)
    booked = await transact(db, book, STU, WEDNESDAY_TEN)
    await away(db)

    absent = await away(db, WEDNESDAY, actor=SAMS)
    while_away = await query(db, _substitutes, booked.id)
    await transact(db, decisions.come_back, absent.id, GUILD, SAMS, MONDAY)
    back = await query(db, _substitutes, booked.id)
    async with db.begin() as session:
        (await session.get_one(Coach, (GUILD, SAM))).accepting = False
    paused = await query(db, _substitutes, booked.id)

    assert (while_away, back, paused) == ([], ["Sam"], [])


async def _substitutes(session: Any, session_id: int) -> list[str]:
    row = await session.get_one(CoachingSession, session_id)
    return [one.display_name for one in await substitutes.find(session, row, MONDAY)]


async def test_nobody_else_can_answer(db: Database) -> None:
    question = await asked(db)

    for actor in (CARA, ADMIN, Actor(STUDENT + 1)):
        for use_case in (answers.accept, answers.decline):
            assert isinstance(await attempt(db, use_case, question.id, actor, MONDAY), NotFound)


async def cancelled(db: Database, question: Substitution) -> None:
    await transact(db, cancellation.cancel, question.session_id, STU, None, "", MONDAY)


async def rescheduled(db: Database, question: Substitution) -> None:
    await transact(db, rescheduling.reschedule, question.session_id, STU, TEN, "", MONDAY)


async def kept(db: Database, question: Substitution) -> None:
    await transact(db, decisions.keep, question.absence_id, question.session_id, GUILD, CARA, MONDAY)


async def back(db: Database, question: Substitution) -> None:
    await transact(db, decisions.come_back, question.absence_id, GUILD, CARA, MONDAY)


async def coach_gone(db: Database, _question: Substitution) -> None:
    await transact(db, departures.handle_departure, GUILD, COACH, Why.LEFT, MONDAY)


async def substitute_suspended(db: Database, _question: Substitution) -> None:
    await transact(db, departures.handle_departure, GUILD, SAM, Why.SUSPENDED, MONDAY)


async def student_gone(db: Database, _question: Substitution) -> None:
    await transact(db, departures.handle_departure, GUILD, STUDENT, Why.LEFT, MONDAY)


async def student_blocked(db: Database, _question: Substitution) -> None:
    await transact(db, blocks.block, GUILD, STUDENT, ADMIN, [BlockedFrom.BOOKING], "", MONDAY)


_TELLS_COACH = (substitute_suspended, student_blocked)


@pytest.mark.parametrize(
    "happens",
    [
        cancelled,
        rescheduled,
        kept,
        back,
        coach_gone,
        substitute_suspended,
        student_gone,
        student_blocked,
    ],
    ids=lambda one: one.__name__,
)
async def test_a_question_ends_with_what_it_was_about(db: Database, happens: Any) -> None:
    question = await asked(db)
    await accept(db, question, SAMS)

    await happens(db, question)
    late = await attempt(db, answers.accept, question.id, STU, MONDAY)

    assert await state_of(db, question) is SubstitutionState.WITHDRAWN
    assert isinstance(late, TooLate)
    assert await holds(db) == []
    assert len(await sent_to(db, SAM, NotificationKind.SUBSTITUTE_NOT_NEEDED)) == 1
    expected = [[(question.session_id, "no_substitute")]] if happens in _TELLS_COACH else []
    assert await outcomes_to(db, COACH) == expected
    assert (await session_now(db, question.session_id)).coach_id == COACH
