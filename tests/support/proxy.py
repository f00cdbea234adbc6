"""A way to PostgreSQL that can be cut, and that can fall silent: what is sent is taken, and never answered."""

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
    """How many have come so far."""
    _lines: list[_Line] = field(default_factory=list)
    _is_silent: bool = False
    _is_cut: bool = False

    def fall_silent(self) -> None:
        """Swallow everything from now on, also of those who connect anew. The server is told nothing either."""
        self._is_silent = True
        for line in self._lines:
            line.is_silent = True

    def speak(self) -> None:
        """Serve those who connect anew; the others stay silent."""
        self._is_silent = False

    def cut(self) -> None:
        """Close all connections, and each new one, as a server does that is restarted."""
        self._is_cut = True
        lines, self._lines = self._lines, []
        for line in lines:
            line.client.close()
            if line.server is not None:
                line.server.close()

    def mend(self) -> None:
        """Let new ones come again."""
        self._is_cut = False

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry what one client says, and what it is answered."""
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
            if not line.is_silent:  # else the server is not told that the client is gone
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
    """A proxy in front of the server of that URL, which listens on a Unix socket."""
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
