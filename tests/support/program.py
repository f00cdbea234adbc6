"""The program as its own process, connected to our Discord: started, waited for, killed."""

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
    """How a process ended."""

    code: int
    out: str
    err: str


@dataclass(frozen=True, slots=True)
class Program:
    """`python -m bot` in its own folder, connected to our Discord."""

    folder: Path
    api: str
    gateway: str
    module: str = "bot"
    """What to run; a benchmark compares with something else."""

    @contextlib.asynccontextmanager
    async def started(self, *arguments: str, **environment: str) -> AsyncIterator[asyncio.subprocess.Process]:
        """Start the process with the token and no other environment; killed at the end if it's still running."""
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
            sys.stderr.write(err.decode())  # pytest shows it if the test fails

    @contextlib.asynccontextmanager
    async def forking(self, **environment: str) -> AsyncIterator["Nursery"]:
        """Open a process that starts `run` repeatedly; its output is pytest's."""
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
    """Wait for the process to end in time."""
    async with asyncio.timeout(within_seconds):
        out, err = await process.communicate()
    assert process.returncode is not None
    return Outcome(process.returncode, out.decode(), err.decode())


@dataclass(frozen=True, slots=True)
class Nursery:
    """A process that has imported the program and forks to run it."""

    process: asyncio.subprocess.Process

    @contextlib.asynccontextmanager
    async def started(self) -> AsyncIterator[int]:
        """Start the bot and yield its process id; killed at the end."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(b"\n")
        pid = int(await self.process.stdout.readline())
        try:
            yield pid
        finally:
            with contextlib.suppress(ProcessLookupError):  # it may already have been killed
                os.kill(pid, signal.SIGKILL)
            assert await self.process.stdout.readline() == b"ended\n"
