"""The locks of a SQLite database: two files beside it, which are looked at without standing in anybody's way."""

import asyncio
import fcntl
import os
import time
from pathlib import Path

from models.storage.locks import RUN, TICK, LockHolder, Locks


class FileLocks(Locks):
    """Locks on two files beside a SQLite database."""

    def __init__(self, database: Path) -> None:
        super().__init__()
        self._database = database

    async def grasp(self, name: str) -> LockHolder | None:
        """A file that is not there is made. Raises OSError for a database that has two names."""
        beside = self._run if name == TICK else None
        if beside is None:
            self._must_have_one_name()
        else:
            await beside.look()
            if beside.lost.done():
                return None
        taken = _take(self._path(name))
        return _FileGrip(self._path(name), taken, beside and beside.lost) if taken is not None else None

    async def grasp_again(self, old: LockHolder) -> LockHolder | None:
        """Somebody removed the file; a new one serves as well."""
        await old.let_go()
        return await self.grasp(RUN)

    async def is_run(self) -> bool:
        """Whether somebody has the run lock. Makes no file, and stands in nobody's way. Raises as `grasp`."""
        self._must_have_one_name()
        return _is_taken(self._path(RUN))

    def _must_have_one_name(self) -> None:
        """Each name has a write-ahead log of its own: used under both, the file would be destroyed."""
        if self._database.exists() and self._database.stat().st_nlink > 1:
            raise OSError(
                "the file has a second name (a hard link), and using both would destroy it. Remove the other one, "
                "or replace it with a copy made by `coachbot backup`"
            )

    def _path(self, name: str) -> Path:
        return self._database.with_name(f"{self._database.name}.{name}")


class _FileGrip(LockHolder):
    def __init__(self, path: Path, descriptor: int, lost: asyncio.Future[None] | None) -> None:
        super().__init__(lost)
        self._path, self._descriptor = path, descriptor

    async def look(self) -> None:
        """Somebody may have removed the file, and whoever makes another would lock that one."""
        if not _is(self._path, self._descriptor):
            self.lose()

    async def let_go(self) -> None:
        """The lock goes with the descriptor."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


_A_LOOK_SECONDS, _LOOKS = 0.01, 200


def _take(path: Path) -> int | None:
    """Lock a file; None if another has the lock. Those who only look at it are gone in a moment."""
    for _ in range(_LOOKS):
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is(path, descriptor):
                return descriptor
        except BlockingIOError:
            if _is_taken(path):
                os.close(descriptor)
                return None
            time.sleep(_A_LOOK_SECONDS)
        os.close(descriptor)
    return None


def _is_taken(path: Path) -> bool:
    """Whether somebody has locked it for themselves; others may look at the same time."""
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


def _is(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False
