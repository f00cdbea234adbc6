"""The locks of a PostgreSQL database: advisory locks, which are lost with the connection that holds them."""

import asyncio
import contextlib
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from models.storage.locks import RUN, TICK, UNREACHABLE, LockHolder, Locks


class AdvisoryLocks(Locks):
    """Advisory locks of PostgreSQL. They belong to a connection; a bot that runs has both on the same one, so that
    whoever loses one loses the other.
    """

    def __init__(self, engine: AsyncEngine, pool: AsyncEngine, keys: dict[str, int]) -> None:
        """`engine` makes a connection for each lock; those of `pool` serve to look."""
        super().__init__()
        self._engine, self._pool, self._keys = engine, pool, keys
        self._ticks = False

    async def grasp(self, name: str) -> LockHolder | None:
        """On the run lock's connection, if there is one, else on a new one."""
        if name == TICK and isinstance(self._run, _Session):
            return await self._tick_beside(self._run)
        session = await _Session.begin(self._engine)
        try:
            if await session.lock(self._keys[name]):
                return session
        except BaseException:
            await session.let_go()
            raise
        await session.let_go()
        return None

    async def _tick_beside(self, run: "_Session") -> LockHolder | None:
        if self._ticks:  # for PostgreSQL one session may have a lock twice
            return None
        self._ticks, taken = True, False
        try:
            with contextlib.suppress(*UNREACHABLE):  # then the run lock is lost as well, and that is said there
                taken = await run.lock(self._keys[TICK])
        finally:
            self._ticks = taken
        if not taken:
            return None
        return _Share(self, run, self._keys[TICK])

    def ticked(self) -> None:
        """The next tick may begin."""
        self._ticks = False

    async def grasp_again(self, old: LockHolder) -> LockHolder | None:
        """Where the server has not noticed yet that the old connection is lost, that one is ended first."""
        assert isinstance(old, _Session)
        await old.let_go()
        session = await _Session.begin(self._engine)
        try:
            if await session.lock(self._keys[RUN]):
                self._ticks = False
                return session
            if await session.end(old):
                raise ConnectionResetError("the server still held the lock for the connection that is lost")
        except BaseException:
            await session.let_go()
            raise
        await session.let_go()
        return None

    async def is_run(self) -> bool:
        """Whether somebody has the run lock, without taking it."""
        key = self._keys[RUN]
        async with self._pool.connect() as connection:
            found = await connection.scalar(
                text(
                    "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 1"
                    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
                    " AND classid = CAST(:high AS oid) AND objid = CAST(:low AS oid))"
                ),
                {"high": key >> 32, "low": key & 0xFFFFFFFF},
            )
        return bool(found)


class _Session(LockHolder):
    """A connection of its own, outside any transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        super().__init__()
        self._connection, self._alone = connection, asyncio.Lock()
        self._identity: tuple[Any, ...] = ()

    @classmethod
    async def begin(cls, engine: AsyncEngine) -> "_Session":
        """Connect."""
        session = cls(await engine.connect())
        try:
            raw = await session._connection.get_raw_connection()
            driver: Any = raw.driver_connection
            driver.add_termination_listener(lambda _: session.lose())
            [session._identity] = await session._ask(
                "SELECT pid, CAST(backend_start AS text) FROM pg_stat_activity WHERE pid = pg_backend_pid()"
            )
        except BaseException:
            await session.let_go()
            raise
        return session

    async def lock(self, key: int) -> bool:
        """Whether the lock was to be had. Raises one of UNREACHABLE, and then everything is lost."""
        [[taken]] = await self._ask("SELECT pg_try_advisory_lock(:key)", key=key)
        return bool(taken)

    async def unlock(self, key: int) -> None:
        """What is lost need not be given back."""
        with contextlib.suppress(*UNREACHABLE):
            await self._ask("SELECT pg_advisory_unlock(:key)", key=key)

    async def end(self, other: "_Session") -> bool:
        """End another session of this process; whether there was one."""
        pid, since = other._identity
        return bool(
            await self._ask(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE pid = :pid AND CAST(backend_start AS text) = :since",
                pid=pid,
                since=since,
            )
        )

    async def look(self) -> None:
        """A connection that answers has not lost anything."""
        if not self.lost.done():
            with contextlib.suppress(*UNREACHABLE):
                await self._ask("SELECT 1")

    async def let_go(self) -> None:
        """What the session holds goes with it; said by ourselves, it is free at once."""
        if not self.lost.done():
            with contextlib.suppress(*UNREACHABLE):
                await self._ask("SELECT pg_advisory_unlock_all()")
        self.lose()
        with contextlib.suppress(*UNREACHABLE):
            await self._connection.invalidate()
        with contextlib.suppress(*UNREACHABLE):
            await self._connection.close()

    async def _ask(self, question: str, **values: Any) -> list[Any]:
        async with self._alone:
            try:
                return list((await self._connection.execute(text(question), values)).all())
            except BaseException:
                self.lose()  # whatever it was, nobody can say any more what this session holds
                raise


class _Share(LockHolder):
    """The tick lock, on the connection of the run lock."""

    def __init__(self, locks: AdvisoryLocks, session: _Session, key: int) -> None:
        super().__init__(session.lost)
        self._locks, self._session, self._key = locks, session, key

    async def look(self) -> None:
        """As the other one."""
        await self._session.look()

    async def let_go(self) -> None:
        """The connection stays."""
        if not self._session.lost.done():
            await self._session.unlock(self._key)
            self._locks.ticked()
