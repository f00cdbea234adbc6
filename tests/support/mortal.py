"""A process that dies, or fails once, at any chosen step: a transaction, a statement, or a request to Stripe."""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import event
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncSession

from models.storage.database import Database


class Died(BaseException):
    """The process is gone. Nothing catches this, as nothing runs after a kill."""


@dataclass
class Doom:
    """How many steps a process has left. None: it lives."""

    left: int | None = None
    only_fails: bool = False
    """Whether that step merely fails, and the process lives on."""
    has_struck: bool = False

    def begin(self, left: int | None) -> None:
        """Count from now on."""
        self.left, self.has_struck = left, False

    def step(self, error: Exception | None = None) -> None:
        """Take a step, or die; if it only fails, raise this error, or else the database's."""
        if self.left is None:
            return
        if self.left > 0:
            self.left -= 1
            return
        self.has_struck = True
        if not self.only_fails:
            raise Died
        self.left = None
        raise error or OperationalError("a statement", None, Exception("the disk is full, says the test"))


@contextlib.contextmanager
def doomed_statements(db: Database, doom: Doom) -> Iterator[None]:
    """Let each statement and each commit, also of transactions that only read, be a step."""

    def execute(*_: Any) -> None:
        doom.step()

    engines = [engine.sync_engine for engine in db._engines]
    names = "before_cursor_execute", "commit"
    for engine in engines:
        for name in names:
            event.listen(engine, name, execute)
    try:
        yield
    finally:
        for engine in engines:
            for name in names:
                event.remove(engine, name, execute)


class MortalDatabase:
    """A database whose user dies before a transaction, inside it, or right after its commit."""

    def __init__(self, db: Database, doom: Doom) -> None:
        self._db, self._doom = db, doom

    def __getattr__(self, name: str) -> Any:
        return getattr(self._db, name)

    @contextlib.asynccontextmanager
    async def begin(self) -> AsyncIterator[AsyncSession]:
        """Begin a transaction."""
        self._doom.step()
        async with self._db.begin() as session:
            yield session
            self._doom.step()
        self._doom.step()


class MortalStripe:
    """Stripe, whose user dies before a request is sent, or once it has taken effect."""

    def __init__(self, api: Any, doom: Doom) -> None:
        self._api, self._doom = api, doom

    def __getattr__(self, name: str) -> Any:
        found: Any = getattr(self._api, name)
        return self._mortal(found) if callable(found) else found

    def _mortal(self, ask: Any) -> Callable[..., Awaitable[Any]]:
        async def asked(*args: Any) -> Any:
            self._doom.step()
            answer = await ask(*args)
            self._doom.step()
            return answer

        return asked
