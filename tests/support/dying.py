"""A process that dies at a chosen request to Discord: before it, after it, or before its result is stored."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from discord.http import Route
from simcord.http import FakeHTTPClient
from sqlalchemy.ext.asyncio import AsyncSession

from tests.support.simulated import Academy


class Moment(StrEnum):
    """When the process dies."""

    BEFORE = "before"
    """The request never reaches Discord."""
    AFTER = "after"
    """It takes effect, but its answer never arrives."""
    RECORD = "record"
    """The answer arrives, but nothing is stored after it."""


@dataclass
class Process:
    """The bot's process.

    Once dead it requests and writes nothing, until `revive`.
    """

    world: Academy
    dies_at: Callable[[Route], Moment | None]
    looks: Callable[[], None]
    """Called after each request that took effect."""
    deaths: int = 0
    is_dead: bool = False
    _writes_nothing_more: bool = False

    async def revive(self) -> None:
        """Restart the process, however often it dies."""
        while self.is_dead:
            self.is_dead = self._writes_nothing_more = False
            await self.world.restart()
            # A restart logs cancelled work; a killed process logs nothing.
            logged = self.world.faults.read()
            assert [one for one in logged if not one.endswith("asyncio.exceptions.CancelledError")] == []

    async def request(self, http: Any, route: Route, **given: Any) -> Any:
        """Send the request to Discord, unless the process dies here."""
        if not route.path.startswith(("/guilds", "/channels", "/users/@me/channels")):
            # each start asks for the bot's identity and registers its commands
            return await _request(http, route, **given)
        if self.is_dead:
            await self._hang()
        moment = self.dies_at(route)
        if moment is Moment.BEFORE:
            await self._die()
        answer = await _request(http, route, **given)
        self.looks()
        if moment is Moment.AFTER:
            await self._die()
        self._writes_nothing_more |= moment is Moment.RECORD
        return answer

    async def before_writing(self) -> None:
        """Begin a transaction, unless the process dies here."""
        if self.is_dead:
            await self._hang()
        if self._writes_nothing_more:
            await self._die()

    async def _die(self) -> None:
        self.deaths += 1
        self.is_dead = True
        await self._hang()

    async def _hang(self) -> None:
        waiting = asyncio.get_running_loop().create_future()
        await self.world.env.external_wait(waiting, reason="the process is dead")


_request = FakeHTTPClient.request


@contextlib.contextmanager
def process(
    world: Academy, dies_at: Callable[[Route], Moment | None], looks: Callable[[], None] = lambda: None
) -> Iterator[Process]:
    """Watch everything the bot requests and writes, across restarts."""
    ours, begin = Process(world, dies_at, looks), world.db.begin
    env: Any = world.env
    transport: Any = FakeHTTPClient  # patch the class, because each process has its own client
    schedule = env._schedule_timer

    def in_virtual_time_alone(record: Any, *given: Any) -> None:
        schedule(record, *given)
        record.real_handle.cancel()  # otherwise the test would wait in real time for the dead process's ticks

    @contextlib.asynccontextmanager
    async def begin_if_alive() -> AsyncIterator[AsyncSession]:
        await ours.before_writing()
        async with begin() as session:
            yield session

    async def request(http: FakeHTTPClient, route: Route, **given: Any) -> Any:
        return await ours.request(http, route, **given)

    transport.request = request
    world.db.begin = begin_if_alive
    env._schedule_timer = in_virtual_time_alone
    try:
        yield ours
    finally:
        transport.request = _request
        del world.db.begin, env._schedule_timer
