"""Substitute and student answer at the same moment, or something else happens to their session just then."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models import Hold, Notification, NotificationKind, Substitution, SubstitutionState
from models.storage.database import Database
from scheduler.booking import cancellation, rescheduling
from scheduler.core.actor import Actor
from scheduler.core.errors import CoachingError
from scheduler.time_off import answers
from tests.support.bookings import STU, TEN, book
from tests.support.builders import COACH, GUILD, HOUR, MONDAY, STUDENT
from tests.support.stored import notifications, reservations, session_now
from tests.support.time_off import FRIDAY, SAM, SAMS, WEDNESDAY, ask, away, two_coaches
from tests.support.transactions import fetch, fetch_all, transact
from tests.support.waiting_list import WEDNESDAY_TEN

pytestmark = pytest.mark.slow

ROUNDS = range(6)
Press = Callable[[AsyncSession], Awaitable[object]]


async def questions(db: Database) -> list[Substitution]:
    """Let Sam be asked to take over six sessions, one after the other."""
    await two_coaches(db)
    booked = [await transact(db, book, STU, WEDNESDAY_TEN + number * HOUR) for number in ROUNDS]
    absence = await away(db, WEDNESDAY, FRIDAY)
    return [await ask(db, absence, one.id) for one in booked]


async def at_once(*presses: tuple[Database, Press]) -> list[object]:
    """Press all of these at the same moment, and return what comes of each."""

    async def press(db: Database, use_case: Press) -> object:
        try:
            return await transact(db, use_case)
        except CoachingError as refused:
            return refused

    return await asyncio.gather(*(press(db, use_case) for db, use_case in presses))


def accepting(question: Substitution, actor: Actor) -> Press:
    return partial(answers.accept, question_id=question.id, actor=actor, now=MONDAY)


async def booked_messages(db: Database, session_id: int) -> int:
    to_sam = Notification.user_id == SAM, Notification.kind == NotificationKind.SESSION_BOOKED
    return len(await notifications(db, *to_sam, Notification.session_id == session_id))


async def test_two_who_accept_at_once_take_it_over_once(db: Database, another: Database) -> None:
    for question in await questions(db):
        sam, stu = accepting(question, SAMS), accepting(question, STU)

        ends = await at_once((db, sam), (another, stu), (another, sam), (db, stu))

        assert [one for one in ends if isinstance(one, CoachingError)] == []
        assert (await fetch(db, Substitution, question.id)).state is SubstitutionState.TAKEN_OVER
        row = await session_now(db, question.session_id)
        assert (row.coach_id, row.revision) == (SAM, 1)
        assert await booked_messages(db, row.id) == 1
    assert sorted({who for who, _, _ in await reservations(db)}) == sorted([SAM, STUDENT])
    assert await fetch_all(db, select(Hold)) == []


@pytest.mark.parametrize("first", [True, False])
async def test_who_accepts_while_the_other_declines_leaves_one_outcome(
    db: Database, another: Database, first: bool
) -> None:
    for question in await questions(db):
        await transact(db, accepting(question, SAMS))
        yes = db, accepting(question, STU)
        no = another, partial(answers.decline, question_id=question.id, actor=SAMS, now=MONDAY)

        await at_once(*((yes, no) if first else (no, yes)))

        state = (await fetch(db, Substitution, question.id)).state
        row = await session_now(db, question.session_id)
        assert (state, row.coach_id) in (
            (SubstitutionState.TAKEN_OVER, SAM),
            (SubstitutionState.DECLINED, COACH),
        )
        assert await booked_messages(db, row.id) == (row.coach_id == SAM)
    assert await fetch_all(db, select(Hold)) == []


@pytest.mark.parametrize("what", ["cancel", "reschedule"])
async def test_who_accepts_while_the_session_changes_gets_it_as_it_is_or_not_at_all(
    db: Database, another: Database, what: str
) -> None:
    for number, question in enumerate(await questions(db)):
        await transact(db, accepting(question, SAMS))
        changes = {
            "cancel": partial(
                cancellation.cancel,
                session_id=question.session_id,
                actor=STU,
                guild_id=GUILD,
                reason="",
                now=MONDAY,
            ),
            "reschedule": partial(
                rescheduling.reschedule,
                session_id=question.session_id,
                actor=STU,
                starts_at=TEN + number * HOUR,
                reason="",
                now=MONDAY,
            ),
        }

        await at_once((another, changes[what]), (db, accepting(question, STU)))

        row = await session_now(db, question.session_id)
        state = (await fetch(db, Substitution, question.id)).state
        assert state in (SubstitutionState.TAKEN_OVER, SubstitutionState.WITHDRAWN)
        assert row.coach_id == (SAM if state is SubstitutionState.TAKEN_OVER else COACH)
        taken = [who for who, starts_at, _ in await reservations(db) if starts_at == row.starts_at]
        assert taken == ([] if what == "cancel" else sorted([row.coach_id, STUDENT]))
    assert await fetch_all(db, select(Hold)) == []
