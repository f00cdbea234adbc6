"""Admins' rights, and the order in which people are locked."""

from typing import Any

import pytest
from sqlalchemy import event

from models.storage.database import Database
from scheduler.core import members
from scheduler.core.actor import Actor
from scheduler.core.errors import NotAllowed
from tests.support.builders import STUDENT
from tests.support.transactions import transact


def test_only_admins_pass_as_admins() -> None:
    Actor(STUDENT, is_admin=True).must_be_admin()

    with pytest.raises(NotAllowed, match="Only admins"):
        Actor(STUDENT).must_be_admin()


async def test_people_are_locked_by_ascending_id(db: Database) -> None:
    people = (1, 3, 8)  # a set has them in another order
    locked: list[int] = []

    def note(_connection: Any, _cursor: Any, statement: str, values: Any, *_: Any) -> None:
        if statement.startswith("INSERT INTO members"):
            locked.extend(one for one in values if one in people)

    event.listen(db.engine.sync_engine, "before_cursor_execute", note)
    try:
        await transact(db, members.lock, *reversed(people))
    finally:
        event.remove(db.engine.sync_engine, "before_cursor_execute", note)

    assert locked == [*people]
