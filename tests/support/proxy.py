"""A proxy to PostgreSQL that can be cut, or fall silent: it accepts everything and never answers."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import cast

from sqlalchemy import URL, make_url


@dataclass
class _Line:
    """One connection through it."""

    client: asyncio.StreamWriter
    server: asyncio.StreamWriter | None = None
    is_silent: bool = False


@dataclass
class Proxy:
    """`url` leads through it to the database."""

    socket: str
    """Where the server listens."""
    url: str = ""
    connected: int = 0
    """How many connections there have been."""
    _lines: list[_Line] = field(default_factory=list)
    _is_silent: bool = False
    _is_cut: bool = False

    def fall_silent(self) -> None:
        """Swallow everything from now on, from new connections too, without telling the server."""
        self._is_silent = True
        for line in self._lines:
            line.is_silent = True

    def speak(self) -> None:
        """Serve new connections; the others stay silent."""
        self._is_silent = False

    def cut(self) -> None:
        """Close all connections and each new one, like a restarting server."""
        self._is_cut = True
        lines, self._lines = self._lines, []
        for line in lines:
            line.client.close()
            if line.server is not None:
                line.server.close()

    def mend(self) -> None:
        """Serve new connections again."""
        self._is_cut = False

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass on what one client sends and receives."""
        self.connected += 1
        if self._is_cut:
            writer.close()
            return
        line = _Line(writer, is_silent=self._is_silent)
        self._lines.append(line)
        with contextlib.suppress(ConnectionError):
            if line.is_silent:
                await _carry(line, reader, None)
                return
            from_server, line.server = await asyncio.open_unix_connection(self.socket)
            answering = asyncio.create_task(_carry(line, from_server, writer))
            await _carry(line, reader, line.server)
            if not line.is_silent:  # otherwise the server isn't told that the client has left
                line.server.close()
                await asyncio.gather(answering, return_exceptions=True)
                writer.close()


async def _carry(line: _Line, reader: asyncio.StreamReader, writer: asyncio.StreamWriter | None) -> None:
    with contextlib.suppress(ConnectionError):
        while said := await reader.read(65536):
            if writer is not None and not line.is_silent:
                writer.write(said)
        if writer is not None and not line.is_silent:
            writer.close()


@contextlib.asynccontextmanager
async def proxy(url: str) -> AsyncIterator[Proxy]:
    """Open a proxy on a Unix socket in front of this URL's server."""
    parsed = make_url(url)
    made = Proxy(f"{cast(str, parsed.query['host'])}/.s.PGSQL.5432")
    async with await asyncio.start_server(made.serve, "127.0.0.1", 0) as server:
        port: int = server.sockets[0].getsockname()[1]
        through = URL.create("postgresql", parsed.username, parsed.password, "127.0.0.1", port, parsed.database)
        made.url = through.render_as_string(hide_password=False)
        try:
            yield made
        finally:
            made.cut()
