"""The program as a process of its own, sent to a Discord of ours: started, waited for, killed."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from tests.support.endpoint import DEADLINE_SECONDS, TOKEN

ROOT = Path(__file__).parents[2]
REDIRECT = Path(__file__).parent / "redirect"


class Outcome(NamedTuple):
    """What is left of a process."""

    code: int
    out: str
    err: str


@dataclass(frozen=True, slots=True)
class Program:
    """`python -m bot` in a folder of its own, sent to a Discord of ours."""

    folder: Path
    api: str
    gateway: str
    module: str = "bot"
    """What is run; a benchmark runs something else for comparison."""

    @contextlib.asynccontextmanager
    async def started(self, *arguments: str, **environment: str) -> AsyncIterator[asyncio.subprocess.Process]:
        """A process that knows the token and nothing of the test's own environment; killed if still alive."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", self.module, *arguments),
            cwd=self.folder,
            env=self._environment(environment),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            yield process
        finally:
            if process.returncode is None:
                process.kill()
            _, err = await process.communicate()
            sys.stderr.write(err.decode())  # which pytest shows if the test fails

    @contextlib.asynccontextmanager
    async def forking(self, **environment: str) -> AsyncIterator["Nursery"]:
        """Somewhere to start `run` again and again; what these write goes where pytest's own output goes."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.support.forking"),
            cwd=self.folder,
            env=self._environment(environment),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        try:
            yield Nursery(process)
        finally:
            assert process.stdin is not None
            process.stdin.close()  # so that it ends
            await process.wait()

    def _environment(self, added: dict[str, str]) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.pathsep.join([str(REDIRECT), str(ROOT)]),
            "TEST_DISCORD_API": self.api,
            "TEST_DISCORD_GATEWAY": self.gateway,
            "DISCORD_BOT_TOKEN": TOKEN,
            **added,
        }

    async def run(self, *arguments: str, **environment: str) -> Outcome:
        """Start it and wait for its end."""
        async with self.started(*arguments, **environment) as process:
            return await ended(process, DEADLINE_SECONDS)


async def ended(process: asyncio.subprocess.Process, within_seconds: float) -> Outcome:
    """The end of the process, which has to come in time."""
    async with asyncio.timeout(within_seconds):
        out, err = await process.communicate()
    assert process.returncode is not None
    return Outcome(process.returncode, out.decode(), err.decode())


@dataclass(frozen=True, slots=True)
class Nursery:
    """A process that has imported the program and forks when it is to run."""

    process: asyncio.subprocess.Process

    @contextlib.asynccontextmanager
    async def started(self) -> AsyncIterator[int]:
        """The id of a process that runs the bot; killed in the end, if not before, and then it is gone."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(b"\n")
        pid = int(await self.process.stdout.readline())
        try:
            yield pid
        finally:
            with contextlib.suppress(ProcessLookupError):  # it may have been killed already
                os.kill(pid, signal.SIGKILL)
            assert await self.process.stdout.readline() == b"ended\n"
