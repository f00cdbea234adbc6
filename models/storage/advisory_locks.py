"""Locks of a PostgreSQL database: advisory locks, which are lost with their connection."""

import asyncio
import contextlib
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from models.storage.locks import RUN, TICK, UNREACHABLE, LockHolder, Locks


class AdvisoryLocks(Locks):
    """PostgreSQL advisory locks. A running bot holds both on one connection, so that it loses both together."""

    def __init__(self, engine: AsyncEngine, pool: AsyncEngine, keys: dict[str, int]) -> None:
        """`engine` opens a connection for each lock; `pool` is used for queries."""
        super().__init__()
        self._engine, self._pool, self._keys = engine, pool, keys
        self._ticks = False

    async def acquire(self, name: str) -> LockHolder | None:
        """Take a lock on the run lock's connection if there is one, else on a new one."""
        if name == TICK and isinstance(self._run, _LockConnection):
            return await self._lock_tick_on(self._run)
        session = await _LockConnection.connect(self._engine)
        try:
            if await session.lock(self._keys[name]):
                return session
        except BaseException:
            await session.release()
            raise
        await session.release()
        return None

    async def _lock_tick_on(self, run: "_LockConnection") -> LockHolder | None:
        if self._ticks:  # PostgreSQL would grant the same connection a lock twice
            return None
        self._ticks, taken = True, False
        try:
            with contextlib.suppress(*UNREACHABLE):  # then the run lock is lost too, which is reported there
                taken = await run.lock(self._keys[TICK])
        finally:
            self._ticks = taken
        if not taken:
            return None
        return _SharedLock(self, run, self._keys[TICK])

    def tick_released(self) -> None:
        """Let the next tick begin."""
        self._ticks = False

    async def reacquire(self, old: LockHolder) -> LockHolder | None:
        """Take the run lock again. Ends the lost connection first, if the server hasn't noticed yet."""
        assert isinstance(old, _LockConnection)
        await old.release()
        session = await _LockConnection.connect(self._engine)
        try:
            if await session.lock(self._keys[RUN]):
                self._ticks = False
                return session
            if await session.end(old):
                raise ConnectionResetError("the server still held the lock for the lost connection")
        except BaseException:
            await session.release()
            raise
        await session.release()
        return None

    async def is_bot_running(self) -> bool:
        """Query which locks are held."""
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


class _LockConnection(LockHolder):
    """A connection of its own, outside any transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        super().__init__()
        self._connection, self._alone = connection, asyncio.Lock()
        self._identity: tuple[Any, ...] = ()

    @classmethod
    async def connect(cls, engine: AsyncEngine) -> "_LockConnection":
        """Connect."""
        session = cls(await engine.connect())
        try:
            raw = await session._connection.get_raw_connection()
            driver: Any = raw.driver_connection
            driver.add_termination_listener(lambda _: session.mark_lost())
            [session._identity] = await session._ask(
                "SELECT pid, CAST(backend_start AS text) FROM pg_stat_activity WHERE pid = pg_backend_pid()"
            )
        except BaseException:
            await session.release()
            raise
        return session

    async def lock(self, key: int) -> bool:
        """Take the lock if it's free. Raises one of UNREACHABLE if the connection is lost."""
        [[taken]] = await self._ask("SELECT pg_try_advisory_lock(:key)", key=key)
        return bool(taken)

    async def unlock(self, key: int) -> None:
        """Release the lock, unless the connection is lost."""
        with contextlib.suppress(*UNREACHABLE):
            await self._ask("SELECT pg_advisory_unlock(:key)", key=key)

    async def end(self, other: "_LockConnection") -> bool:
        """End another connection of this process. Returns whether there was one."""
        pid, since = other._identity
        return bool(
            await self._ask(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE pid = :pid AND CAST(backend_start AS text) = :since",
                pid=pid,
                since=since,
            )
        )

    async def check(self) -> None:
        """Check that the connection still answers."""
        if not self.lost.done():
            with contextlib.suppress(*UNREACHABLE):
                await self._ask("SELECT 1")

    async def release(self) -> None:
        """Release everything this connection holds, so that it's free at once."""
        if not self.lost.done():
            with contextlib.suppress(*UNREACHABLE):
                await self._ask("SELECT pg_advisory_unlock_all()")
        self.mark_lost()
        with contextlib.suppress(*UNREACHABLE):
            await self._connection.invalidate()
        with contextlib.suppress(*UNREACHABLE):
            await self._connection.close()

    async def _ask(self, question: str, **values: Any) -> list[Any]:
        async with self._alone:
            try:
                return list((await self._connection.execute(text(question), values)).all())
            except BaseException:
                self.mark_lost()  # from now on, nobody knows what this connection holds
                raise


class _SharedLock(LockHolder):
    """The tick lock, on the run lock's connection."""

    def __init__(self, locks: AdvisoryLocks, session: _LockConnection, key: int) -> None:
        super().__init__(session.lost)
        self._locks, self._session, self._key = locks, session, key

    async def check(self) -> None:
        """Check the run lock's connection."""
        await self._session.check()

    async def release(self) -> None:
        """Release the lock but keep the connection."""
        if not self._session.lost.done():
            await self._session.unlock(self._key)
            self._locks.tick_released()
