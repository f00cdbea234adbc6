"""What a step records when the session changes in that very moment."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models import AuditEntry, SessionStatus
from models.storage.database import Database
from scheduler.booking import cancellation
from scheduler.core.actor import Actor
from tests.support.attended_sessions import TEN, a_meeting
from tests.support.builders import GUILD, STUDENT, FakeClock
from tests.support.fakes import FakeDiscord
from tests.support.rounds import advance_due
from tests.support.stored import session_now
from tests.support.transactions import fetch_all, transact


async def test_a_start_is_not_recorded_over_a_cancellation_of_that_moment(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    session_id = await a_meeting(db, status=SessionStatus.SCHEDULED, next_step_at=TEN)
    begin = db.begin

    @asynccontextmanager
    async def begin_after_the_student_cancelled() -> AsyncIterator[AsyncSession]:
        monkeypatch.undo()
        await transact(db, cancellation.cancel, session_id, Actor(STUDENT), GUILD, "", TEN)
        async with begin() as session:
            yield session

    monkeypatch.setattr(db, "begin", begin_after_the_student_cancelled)
    await advance_due(db, FakeDiscord(), FakeClock(TEN))

    assert (await session_now(db, session_id)).status is SessionStatus.CANCELLED
    assert "session_in_progress" not in await fetch_all(db, select(AuditEntry.action))
