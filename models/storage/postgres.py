"""Connections to PostgreSQL that notice when the other end stops answering.

After a failover, or when a router forgets a connection, nothing reports it: requests just stay unanswered. So
everything here has a time limit, and the server drops silent clients too.
"""

import contextlib
import socket
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import asyncpg
from sqlalchemy import event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from models.storage.libpq import Address

TO_CONNECT = timedelta(seconds=10)
STATEMENT_TIMEOUT = timedelta(seconds=30)
"""Time limit for one statement. The longest one, a full export, takes a fraction of it."""
BEGIN_TIMEOUT = timedelta(seconds=10)
"""Time limit for statements that take no time, such as the one that starts each transaction."""
_FAREWELL_SECONDS = 2
_IDLE_SECONDS, _INTERVAL_SECONDS, _PROBES = 30, 10, 3
_SILENT_SECONDS = _IDLE_SECONDS + _PROBES * _INTERVAL_SECONDS
"""How long a connection may be silent before both ends consider it lost."""
_SERVER_OPTIONS = {
    "tcp_keepalives_idle": _IDLE_SECONDS,
    "tcp_keepalives_interval": _INTERVAL_SECONDS,
    "tcp_keepalives_count": _PROBES,
    "tcp_user_timeout": _SILENT_SECONDS * 1000,
    "idle_in_transaction_session_timeout": 300_000,
}
"""Without these, a lost connection could hold its locks for hours."""
_SOCKET_OPTIONS = {
    "keepalives_idle": ("TCP_KEEPIDLE", _IDLE_SECONDS),
    "keepalives_interval": ("TCP_KEEPINTVL", _INTERVAL_SECONDS),
    "keepalives_count": ("TCP_KEEPCNT", _PROBES),
    "tcp_user_timeout": ("TCP_USER_TIMEOUT", _SILENT_SECONDS * 1000),
}
"""By libpq's name: the socket option, which not every system has, and its default."""


def engine(address: Address, *, to_answer: timedelta | None, **options: Any) -> AsyncEngine:
    """Create an engine that notices a silent server. Without `to_answer`, statements have no limit."""
    limit = to_answer.total_seconds() if to_answer else None
    wanted = {"timeout": TO_CONNECT.total_seconds(), "command_timeout": limit} | address.options
    made = create_async_engine(
        address.url, connect_args=wanted | {"connection_class": _Connection}, hide_parameters=True, **options
    )
    of_server = _SERVER_OPTIONS | ({"statement_timeout": round(limit * 1000)} if limit else {})
    set_up = ";".join(f"SET {name} = {value}" for name, value in of_server.items())

    @event.listens_for(made.sync_engine, "connect")
    def keep_alive(connection: Any, _record: Any) -> None:
        connection.run_async(lambda driver: driver.keep_alive(address.keepalive, set_up))

    @event.listens_for(made.sync_engine, "handle_error")
    def fall_silent(context: ExceptionContext) -> Exception | None:
        if not isinstance(context.original_exception, TimeoutError):
            return None
        context.is_disconnect = True  # older connections are lost too
        return TimeoutError("PostgreSQL does not answer")

    return made


class _Connection(asyncpg.Connection):
    """A connection with a time limit for starting and ending transactions."""

    async def execute(self, query: str, *args: Any, timeout: float | None = None) -> str:  # noqa: ASYNC109  (asyncpg's own)
        """Execute a query, with a short limit for one that only starts or rolls back a transaction."""
        if timeout is None and query.startswith(("BEGIN", "ROLLBACK", ";")):
            timeout = BEGIN_TIMEOUT.total_seconds()
        try:
            return await super().execute(query, *args, timeout=timeout)
        except TimeoutError:
            self.terminate()  # so that the pool notices too
            raise asyncpg.ConnectionDoesNotExistError("PostgreSQL does not answer") from None

    async def close(self, *, timeout: float | None = None) -> None:  # noqa: ASYNC109  (asyncpg's own)
        """Close the connection. If the goodbye isn't answered, the server notices the closed socket."""
        with contextlib.suppress(TimeoutError):
            await super().close(timeout=timeout or _FAREWELL_SECONDS)

    async def keep_alive(self, chosen: Mapping[str, int], set_up: str) -> None:
        """Enable TCP keepalive on both ends."""
        await self.execute(set_up, timeout=BEGIN_TIMEOUT.total_seconds())
        of_client: socket.socket = self._transport.get_extra_info("socket")
        if of_client.family not in (socket.AF_INET, socket.AF_INET6) or chosen.get("keepalives") == 0:
            return
        of_client.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, (option, usual) in _SOCKET_OPTIONS.items():
            if (number := getattr(socket, option, None)) is not None:
                of_client.setsockopt(socket.IPPROTO_TCP, number, chosen.get(name, usual))
