"""A database that fails for a second, from a chosen statement on."""

import asyncio
import contextlib
import datetime as dt
from collections.abc import Callable, Iterator
from typing import Any

from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from bot.gateway.lanes import LANE
from models.storage.database import Database

MADE_UP = "the disk is full, says the test"
FAILS_FOR = dt.timedelta(seconds=1)


class Statements:
    """Counts the gateway lanes' statements, and fails all statements for a while."""

    def __init__(self, now: Callable[[], dt.datetime]) -> None:
        self._now = now
        self._fails_at: int | None = None
        self._failed_at: dt.datetime | None = None
        self.said: list[str] = []

    def begin(self, *, fails_at: int | None = None) -> None:
        """Count from now on, and fail from this statement on."""
        self._fails_at, self._failed_at, self.said = fails_at, None, []

    @property
    def has_failed(self) -> bool:
        """Whether the chosen statement was reached."""
        return self._failed_at is not None

    def next(self, what: str) -> None:
        """Count a statement. Raises OperationalError while the database fails."""
        task = asyncio.current_task()
        if task is not None and task.get_name().startswith(LANE):
            if len(self.said) == self._fails_at:
                self._failed_at = self._now()
                self._fails_at = None
            self.said.append(what)
        if self._failed_at is not None and self._now() < self._failed_at + FAILS_FOR:
            raise OperationalError(what, None, Exception(MADE_UP))


@contextlib.contextmanager
def failing_statements(db: Database, now: Callable[[], dt.datetime]) -> Iterator[Statements]:
    """Watch every statement and commit, including the loop's."""
    counted = Statements(now)

    def execute(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        counted.next(statement)

    def commit(_connection: Any) -> None:
        counted.next("COMMIT")

    engines = [engine.sync_engine for engine in db._engines]
    for engine in engines:
        event.listen(engine, "before_cursor_execute", execute)
        event.listen(engine, "commit", commit)
    try:
        yield counted
    finally:
        for engine in engines:
            event.remove(engine, "before_cursor_execute", execute)
            event.remove(engine, "commit", commit)
