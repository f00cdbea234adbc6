"""A process that dies at any chosen step between its transactions and its requests to Stripe."""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from models.storage.database import Database


class Died(BaseException):
    """The process is gone. Nothing catches this, as nothing runs after a kill."""


@dataclass
class Doom:
    """How many steps a process has left. None: it lives."""

    left: int | None = None

    def step(self) -> None:
        """Take a step, or die."""
        if self.left is None:
            return
        if self.left == 0:
            raise Died
        self.left -= 1


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
