"""Measures the process against a Discord on this machine: `python -m tests.bench.process [--json] [--quick]`.

Ours and a bare one (`tests.bench.bare`) alternate in one run, so that ratios mean something on any machine: memory
when the gateway is ready, time from start to ready, and time from a `/book` event to its acknowledgement. Our
database is up to date and has a coach in it.
"""

import asyncio
import contextlib
import itertools
import json
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

from aiohttp import web

from models.storage.database import Database
from scheduler.core.clock import utc_now
from tests.bench.options import Options, from_command_line, write
from tests.support.builders import a_server_with_a_coach
from tests.support.endpoint import DEADLINE_SECONDS, GUILD_ID, Endpoint, local_discord, slash
from tests.support.program import Program


@dataclass(frozen=True, slots=True)
class Size:
    """How often to start and press each. The first start, which fills caches, doesn't count."""

    starts: int = 7
    presses: int = 1000
    warm_up: int = 50


QUICK = Size(starts=1, presses=5, warm_up=1)
READY = b"connected as"
STUDENT = 12
NAMES = {"bare": "tests.bench.bare", "ours": "bot"}
TARGETS = {"memory": 1.3, "ready": 1.5}
"""The highest accepted ratios. Memory hardly varies; start times do on a busy machine."""


@dataclass(slots=True)
class Watch(Endpoint):
    """A Discord that notes when it was acknowledged and when the answer came."""

    acknowledged: asyncio.Future[float] | None = None
    answered: asyncio.Event = field(default_factory=asyncio.Event)

    async def _answer_interaction(self, request: web.Request) -> web.Response:
        if self.acknowledged is not None and not self.acknowledged.done():
            self.acknowledged.set_result(perf_counter())
        return await Endpoint._answer_interaction(self, request)

    async def _write_message(self, request: web.Request) -> web.Response:
        self.answered.set()
        return await Endpoint._write_message(self, request)


@dataclass(slots=True)
class Side:
    """One of the two, with its folder and measurements."""

    name: str
    folder: Path
    numbers: Iterator[int] = field(default_factory=itertools.count)
    megabytes: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    milliseconds: list[float] = field(default_factory=list)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[Watch]:
        """Start a process with its own Discord, and measure until the gateway is ready."""
        async with local_discord(watch := Watch()):
            program = Program(self.folder, watch.api, watch.gateway, NAMES[self.name])
            began = perf_counter()
            async with program.started("run") as process, asyncio.TaskGroup() as group:
                ready = asyncio.Event()
                assert process.stderr is not None
                reading = group.create_task(_read(process.stderr, ready))
                async with asyncio.timeout(DEADLINE_SECONDS):
                    await watch.identified()
                    self.seconds.append(perf_counter() - began)
                    await ready.wait()
                self.megabytes.append(_resident_megabytes(process.pid))
                yield watch
                process.kill()
                await process.wait()
                await reading

    async def press(self, watch: Watch) -> float:
        """Send one `/book`, wait for all of it, and return the milliseconds to its acknowledgement."""
        event = slash("book", STUDENT)
        event |= {"token": f"interaction-{next(self.numbers)}"}
        watch.requests.clear()
        watch.answered.clear()
        watch.acknowledged = asyncio.get_running_loop().create_future()
        began = perf_counter()
        await watch.emit("INTERACTION_CREATE", event)
        async with asyncio.timeout(DEADLINE_SECONDS):
            ended = await watch.acknowledged
            if self.name == "ours":
                await watch.answered.wait()
        return (ended - began) * 1000


async def _read(lines: asyncio.StreamReader, ready: asyncio.Event) -> None:
    """Read the process's output, or it would block."""
    async for line in lines:
        if READY in line:
            ready.set()


def _resident_megabytes(pid: int) -> float:
    [line] = [one for one in Path(f"/proc/{pid}/status").read_text().splitlines() if one.startswith("VmRSS")]
    return int(line.split()[1]) / 1024


def p99(times: Sequence[float]) -> float:
    return sorted(times)[int(len(times) * 0.99)]


async def measure(folder: Path, size: Size) -> tuple[Side, Side]:
    """Measure the bare process and ours, alternating which goes first."""
    sides = [Side(name, folder / name) for name in NAMES]
    for side in sides:
        side.folder.mkdir()
    db = Database(f"sqlite:///{folder / 'ours' / 'coachbot.db'}")
    await db.upgrade()
    await a_server_with_a_coach(db, guild={"id": GUILD_ID}, guild_id=GUILD_ID, applied_at=utc_now())
    await db.close()
    for number in range(size.starts):
        for side in sides[:: -1 if number % 2 else 1]:
            async with side.running():
                pass
    bare, ours = sides
    async with bare.running() as of_bare, ours.running() as of_ours:
        both = ((bare, of_bare), (ours, of_ours))
        acknowledged: list[Any] = []
        for number in range(size.warm_up + size.presses):
            for side, watch in both[:: -1 if number % 2 else 1]:
                took = await side.press(watch)
                acknowledged.append(watch.asked("POST", "/callback")[0].body)
                if number >= size.warm_up:
                    side.milliseconds.append(took)
    assert all(one == acknowledged[0] for one in acknowledged), "the two acknowledge differently"
    return bare, ours


def ratios(bare: Side, ours: Side) -> dict[str, float]:
    """Return how many times more ours takes; the first start of each fills caches."""
    found = zip(("memory", "ready", "ack_p50", "ack_p99"), _figures(bare), _figures(ours), strict=True)
    return {name: own / theirs for name, theirs, own in found}


def _figures(side: Side) -> tuple[float, float, float, float]:
    times = side.milliseconds
    return median(side.megabytes[1:]), median(side.seconds[1:]), median(times), p99(times)


def table(bare: Side, ours: Side, size: Size) -> str:
    names = ("memory when ready, MB", "start until ready, s", "/book acknowledged, ms", "  99 of 100, ms")
    lines = [f"{'':26}{'bare':>9}{'ours':>9}{'ratio':>9}{'target':>9}"]
    found = zip(names, _figures(bare), _figures(ours), ratios(bare, ours).items(), strict=True)
    for name, theirs, own, (key, ratio) in found:
        lines.append(f"{name:26}{theirs:9.2f}{own:9.2f}{ratio:9.2f}{TARGETS.get(key, ''):>9}")
    return "\n".join([*lines, f"Of {size.starts} starts and {size.presses:,} presses, in turns."])


def run(options: Options) -> None:
    size = QUICK if options.quick else Size()
    folder = Path(tempfile.mkdtemp(prefix="coachbot-bench-"))
    try:
        found = asyncio.run(measure(folder, size))
    finally:
        shutil.rmtree(folder)
    rounded = {name: round(value, 2) for name, value in ratios(*found).items()}
    write(json.dumps(rounded) if options.as_json else table(*found, size))


if __name__ == "__main__":
    run(from_command_line(__doc__, "the four ratios"))
