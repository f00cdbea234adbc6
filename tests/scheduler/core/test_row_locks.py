"""The order in which rows are locked."""

import pytest

from models import CoachingSession
from models.storage.database import Database
from scheduler.core import row_locks
from tests.support.builders import DAY, GUILD, MONDAY, a_server_with_a_coach, a_session
from tests.support.transactions import transact


async def test_sessions_are_locked_by_ascending_id(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_locks, "_AT_ONCE", 1)  # otherwise it takes hundreds of them
    await a_server_with_a_coach(db)
    made = [(await transact(db, a_session, starts_at=MONDAY + days * DAY)).id for days in (3, 2, 1)]

    locked = await transact(db, row_locks.lock_sessions, CoachingSession.guild_id == GUILD)

    assert [one.id for one in locked] == made == sorted(made)
