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
"""Connections at a time."""
REQUEST_TIMEOUT = timedelta(seconds=10)
"""Time limit for sending a request's headers, both for the first request and for later ones."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class ConnectionLimit:
    """Counts connections. When there are too many, closes the one that has been silent longest."""

    def __init__(self, *, most: int = MAX_CONNECTIONS, to_ask: timedelta = REQUEST_TIMEOUT) -> None:
        self.most, self.to_ask = most, to_ask
        self._inside: dict[asyncio.BaseTransport, _Connection] = {}
        self._silent: dict[_Connection, asyncio.TimerHandle] = {}
        """Longest silent first."""

    def wrap(self, server: Callable[[], asyncio.Protocol]) -> Callable[[], asyncio.Protocol]:
        """Wrap a protocol factory for `create_server`."""
        return lambda: _Connection(self, server)

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Stop the clock while a request is being answered."""
        guest = self._inside.get(request.transport) if request.transport else None
        with self._while_answering(guest) if guest else contextlib.nullcontext():
            return await handler(request)

    @contextlib.contextmanager
    def _while_answering(self, guest: "_Connection") -> Iterator[None]:
        self._stop_timer(guest)
        try:
            yield
        finally:
            if guest in self._inside.values():
                self._start_timer(guest)

    def admit(self, guest: "_Connection") -> bool:
        """Admit a connection, making room if possible. Returns whether there was room."""
        if len(self._inside) >= self.most:
            if not self._silent:
                return False
            longest = next(iter(self._silent))
            self.release(longest)
            longest.transport.abort()
        self._inside[guest.transport] = guest
        self._start_timer(guest)
        return True

    def release(self, guest: "_Connection") -> None:
        """Forget a closed connection."""
        self._stop_timer(guest)
        self._inside.pop(guest.transport, None)

    def _start_timer(self, guest: "_Connection") -> None:
        loop = asyncio.get_running_loop()
        self._silent[guest] = loop.call_later(self.to_ask.total_seconds(), guest.transport.abort)

    def _stop_timer(self, guest: "_Connection") -> None:
        if timer := self._silent.pop(guest, None):
            timer.cancel()


class _Connection(asyncio.Protocol):
    """One connection. Once admitted, passes everything on to the server's protocol."""

    transport: asyncio.Transport

    def __init__(self, door: ConnectionLimit, server: Callable[[], asyncio.Protocol]) -> None:
        self._door, self._server = door, server
        self._inner: asyncio.Protocol | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Admit the connection, or close it at once."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        if self._door.admit(self):
            self._inner = self._server()
            self._inner.connection_made(transport)
        else:
            transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Free its place."""
        self._door.release(self)
        if self._inner is not None:
            self._inner.connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Pass it on."""
        if self._inner is not None:
            self._inner.data_received(data)

    def eof_received(self) -> bool | None:
        """Pass it on."""
        return self._inner.eof_received() if self._inner is not None else None

    def pause_writing(self) -> None:
        """Pass it on."""
        if self._inner is not None:
            self._inner.pause_writing()

    def resume_writing(self) -> None:
        """Pass it on."""
        if self._inner is not None:
            self._inner.resume_writing()
