"""Connection limits of the web endpoint: how many, and how long they may stay silent."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from aiohttp import web

from bot.connection_limit import ConnectionLimit

DEADLINE_SECONDS = 30
"""Against hanging; not a measure of speed."""
MOST = 5
HALF, WHOLE = b"GET / HTTP/1.1\r\nHost: here\r\n", b"GET / HTTP/1.1\r\nHost: here\r\n\r\n"
Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Server:
    """Answers everything, or waits while `held`."""

    def __init__(self, timeout: timedelta) -> None:
        self.limit = ConnectionLimit(at_most=MOST, timeout=timeout)
        self.asked, self.held, self.answered = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self.held.set()
        self.port = 0

    async def answer(self, _request: web.BaseRequest) -> web.StreamResponse:
        self.asked.set()
        await self.held.wait()
        self.answered.set()
        return web.Response(text="here")

    async def call(self, says: bytes) -> Connection:
        """Connect and send this."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(says)
        return reader, writer


@contextlib.asynccontextmanager
async def serving(silence: timedelta = timedelta(hours=1)) -> AsyncIterator[Server]:
    """Serve with limits that allow callers to be silent for `silence`."""
    server = Server(silence)
    app = web.Application(middlewares=[server.limit.middleware])
    app.router.add_get("/", server.answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    assert runner.server is not None
    listening = await asyncio.get_running_loop().create_server(server.limit.wrap(runner.server), "127.0.0.1", 0)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        server.held.set()
        listening.close()
        await runner.cleanup()


async def is_closed(connection: Connection) -> bool:
    """Wait until the other side hangs up without an answer."""
    async with asyncio.timeout(DEADLINE_SECONDS):
        try:
            return await connection[0].read() == b""
        except ConnectionResetError:
            return True
        finally:
            connection[1].close()


async def is_answered(connection: Connection) -> bool:
    async with asyncio.timeout(DEADLINE_SECONDS):
        head = await connection[0].readuntil(b"\r\n\r\n")
        return head.startswith(b"HTTP/1.1 200") and await connection[0].readexactly(4) == b"here"


@pytest.mark.parametrize("says", [b"", b"G", HALF])
async def test_a_silent_connection_is_closed(says: bytes) -> None:
    async with serving(timedelta(milliseconds=50)) as server:
        assert await is_closed(await server.call(says))


async def test_a_connection_that_is_silent_after_an_answer_is_closed() -> None:
    async with serving(timedelta(milliseconds=200)) as server:
        connection = await server.call(WHOLE)

        assert await is_answered(connection)
        assert await is_closed(connection)


async def test_an_answer_has_no_time_limit() -> None:
    async with serving(timedelta(milliseconds=300)) as server:
        server.held.clear()
        asking = await server.call(WHOLE)
        await server.asked.wait()
        assert await is_closed(await server.call(HALF))  # it came later, so the other one's time is over too

        server.held.set()
        assert await is_answered(asking)
        asking[1].close()


async def test_a_caller_who_hangs_up_early_frees_their_place() -> None:
    async with serving() as server:
        server.held.clear()
        _, writer = await server.call(WHOLE)
        await server.asked.wait()
        writer.close()
        async with asyncio.timeout(DEADLINE_SECONDS):
            while server.limit._open:  # noqa: ASYNC110  (there's nothing to wait for)
                await asyncio.sleep(0)
            server.held.set()
            await server.answered.wait()

        assert not server.limit._silent


async def test_unfinished_requests_lock_nobody_out_and_stay_within_the_limit() -> None:
    async with serving() as server:
        halves = [await server.call(HALF) for _ in range(200)]
        asking = await server.call(WHOLE)

        assert await is_answered(asking)
        gone = [await is_closed(one) for one in halves[: len(halves) - MOST + 1]]
        asking[1].close()
        for _, writer in halves:
            writer.close()
    assert set(gone) == {True}


async def test_new_connections_are_refused_while_all_others_wait_for_answers() -> None:
    async with serving() as server:
        server.held.clear()
        asking = [await server.call(WHOLE) for _ in range(MOST)]
        async with asyncio.timeout(DEADLINE_SECONDS):
            while len(server.limit._silent) or len(server.limit._open) < MOST:  # noqa: ASYNC110  (there's nothing to wait for)
                await asyncio.sleep(0)

        assert await is_closed(await server.call(WHOLE))
        server.held.set()
        assert all([await is_answered(one) for one in asking])
        for _, writer in asking:
            writer.close()


class Line(asyncio.Transport):
    """A connection that's still open."""

    is_cut = False

    def abort(self) -> None:
        self.is_cut = True


async def test_simultaneous_connections_each_replace_a_silent_one() -> None:
    arrive, lines = ConnectionLimit(at_most=2).wrap(asyncio.Protocol), [Line() for _ in range(4)]

    for line in lines:
        arrive().connection_made(line)

    assert [line.is_cut for line in lines] == [True, True, False, False]
