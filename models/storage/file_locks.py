"""Locks of a SQLite database: two files next to it, which can be checked without disturbing anyone."""

import asyncio
import fcntl
import os
import time
from pathlib import Path

from models.storage.locks import RUN, TICK, LockHolder, Locks


class FileLocks(Locks):
    """Locks on two files next to a SQLite database."""

    def __init__(self, database: Path) -> None:
        super().__init__()
        self._database = database

    async def acquire(self, name: str) -> LockHolder | None:
        """Lock the file, creating it if needed. Raises OSError for a database with two names."""
        beside = self._run if name == TICK else None
        if beside is None:
            self._refuse_hard_links()
        else:
            await beside.check()
            if beside.lost.done():
                return None
        taken = _lock_file(self._path(name))
        return _FileLock(self._path(name), taken, beside and beside.lost) if taken is not None else None

    async def reacquire(self, old: LockHolder) -> LockHolder | None:
        """Lock the file again after someone deleted it."""
        await old.release()
        return await self.acquire(RUN)

    async def is_bot_running(self) -> bool:
        """Check the file without creating it. Raises like `acquire`."""
        self._refuse_hard_links()
        return _is_locked(self._path(RUN))

    def _refuse_hard_links(self) -> None:
        """Raise OSError for a hard-linked file: a write-ahead log per name would destroy it."""
        if self._database.exists() and self._database.stat().st_nlink > 1:
            raise OSError(
                "the file has a second name (a hard link), and using both would destroy it. Remove the other one, "
                "or replace it with a copy made by `coachbot backup`"
            )

    def _path(self, name: str) -> Path:
        return self._database.with_name(f"{self._database.name}.{name}")


class _FileLock(LockHolder):
    def __init__(self, path: Path, descriptor: int, lost: asyncio.Future[None] | None) -> None:
        super().__init__(lost)
        self._path, self._descriptor = path, descriptor

    async def check(self) -> None:
        """Check that the file wasn't deleted: another process could create and lock a new one."""
        if not _is_same(self._path, self._descriptor):
            self.mark_lost()

    async def release(self) -> None:
        """Release the lock by closing the file."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


_PAUSE_SECONDS, _TRIES = 0.01, 200


def _lock_file(path: Path) -> int | None:
    """Lock a file exclusively, or return None. Processes that only check it let go at once."""
    for _ in range(_TRIES):
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_same(path, descriptor):
                return descriptor
        except BlockingIOError:
            if _is_locked(path):
                os.close(descriptor)
                return None
            time.sleep(_PAUSE_SECONDS)
        os.close(descriptor)
    return None


def _is_locked(path: Path) -> bool:
    """Whether another process holds the lock. Any number of processes can check at once."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _is_same(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False
