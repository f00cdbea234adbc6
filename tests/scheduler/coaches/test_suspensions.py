"""Suspending coaches."""

from functools import partial

import pytest

from models import CoachStatus
from models.storage.database import Database
from scheduler.coaches import suspensions
from scheduler.core.actor import Actor
from scheduler.core.errors import AlreadyDecided, NotAllowed, NotFound, WrongFields
from tests.support.builders import (
    ADMIN,
    COACH,
    DAY,
    GUILD,
    MONDAY,
    STUDENT,
    a_server_with_a_coach,
    a_session,
    refusal,
)
from tests.support.transactions import query, transact

CARA = Actor(COACH)


async def test_admins_learn_how_many_sessions_a_suspension_affects(db: Database) -> None:
    await a_server_with_a_coach(db)
    async with db.begin() as session:
        await a_session(session)
        await a_session(session, starts_at=MONDAY + DAY, student_id=STUDENT + 1)
        await a_session(session, starts_at=MONDAY - DAY, next_step_at=None)

    before = await query(db, suspensions.count_affected_sessions, GUILD, COACH, ADMIN, MONDAY)
    cancelled = await transact(db, suspensions.suspend, GUILD, COACH, ADMIN, "Away.", MONDAY, keep=False)

    assert before == cancelled == 2


async def test_only_what_can_be_suspended_is_asked_about(db: Database) -> None:
    await a_server_with_a_coach(db, status=CoachStatus.SUSPENDED, decided_by=7, decided_at=MONDAY)

    await refusal(db, NotAllowed, lambda s: suspensions.count_affected_sessions(s, GUILD, COACH, CARA, MONDAY))
    await refusal(db, NotFound, lambda s: suspensions.count_affected_sessions(s, GUILD, STUDENT, ADMIN, MONDAY))
    refused = await refusal(
        db, AlreadyDecided, lambda s: suspensions.count_affected_sessions(s, GUILD, COACH, ADMIN, MONDAY)
    )
    assert "This coach was already suspended by <@7>" in str(refused)


@pytest.mark.parametrize("reason", ["  ", "x" * 1001], ids=["none", "too long"])
async def test_a_suspension_needs_a_reason_that_fits(db: Database, reason: str) -> None:
    await a_server_with_a_coach(db)

    await refusal(
        db,
        WrongFields,
        partial(suspensions.suspend, guild_id=GUILD, user_id=COACH, actor=ADMIN, reason=reason, now=MONDAY),
    )
