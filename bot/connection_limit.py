"""Limits how many connections the web endpoint takes, and how long they may stay silent.

aiohttp waits forever for a first request, and a process that runs out of file descriptors can neither open its
database nor reach Discord.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta

from aiohttp import web

MAX_CONNECTIONS = 100
REQUEST_TIMEOUT = timedelta(seconds=10)
"""Time limit for sending a request's headers, both for the first request and for later ones."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class ConnectionLimit:
    """Counts connections. When there are too many, closes the one that has been silent longest."""

    def __init__(self, *, at_most: int = MAX_CONNECTIONS, timeout: timedelta = REQUEST_TIMEOUT) -> None:
        self.at_most, self.timeout = at_most, timeout
        self._open: dict[asyncio.BaseTransport, _Connection] = {}
        self._silent: dict[_Connection, asyncio.TimerHandle] = {}
        """Longest silent first."""

    def wrap(self, server: Callable[[], asyncio.Protocol]) -> Callable[[], asyncio.Protocol]:
        """Wrap a protocol factory for `create_server`."""
        return lambda: _Connection(self, server)

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Stop the clock while a request is being answered."""
        connection = self._open.get(request.transport) if request.transport else None
        with self._while_answering(connection) if connection else contextlib.nullcontext():
            return await handler(request)

    @contextlib.contextmanager
    def _while_answering(self, connection: "_Connection") -> Iterator[None]:
        self._stop_timer(connection)
        try:
            yield
        finally:
            if connection in self._open.values():
                self._start_timer(connection)

    def admit(self, connection: "_Connection") -> bool:
        """Admit a connection, making room if possible. Returns whether there was room."""
        if len(self._open) >= self.at_most:
            if not self._silent:
                return False
            longest = next(iter(self._silent))
            self.release(longest)
            longest.transport.abort()
        self._open[connection.transport] = connection
        self._start_timer(connection)
        return True

    def release(self, connection: "_Connection") -> None:
        """Forget a closed connection."""
        self._stop_timer(connection)
        self._open.pop(connection.transport, None)

    def _start_timer(self, connection: "_Connection") -> None:
        loop = asyncio.get_running_loop()
        self._silent[connection] = loop.call_later(self.timeout.total_seconds(), connection.transport.abort)

    def _stop_timer(self, connection: "_Connection") -> None:
        if timer := self._silent.pop(connection, None):
            timer.cancel()


class _Connection(asyncio.Protocol):
    """One connection. Once admitted, passes everything on to the server's protocol, and until then to nobody."""

    transport: asyncio.Transport

    def __init__(self, limit: ConnectionLimit, server: Callable[[], asyncio.Protocol]) -> None:
        self._limit, self._server = limit, server
        self._inner = asyncio.Protocol()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Admit the connection, or close it at once."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        if self._limit.admit(self):
            self._inner = self._server()
            self._inner.connection_made(transport)
        else:
            transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Free its place."""
        self._limit.release(self)
        self._inner.connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Pass it on."""
        self._inner.data_received(data)

    def eof_received(self) -> bool | None:
        """Pass it on."""
        return self._inner.eof_received()

    def pause_writing(self) -> None:
        """Pass it on."""
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        """Pass it on."""
        self._inner.resume_writing()
