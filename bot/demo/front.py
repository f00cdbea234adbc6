"""The demo's web server. It answers before the academy is open: everything here loads within a moment.

Everything has one origin. What this server doesn't know is passed on to the page once it's there.
"""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from aiohttp import web

STATIC = Path(__file__).parent / "static"
_TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
OWN_HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'",
}
_LARGEST_UPLOAD = 30 * 2**20
_LOOPBACK = {"127.0.0.1", "localhost", "::1"}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Answering(Protocol):
    """What answers the requests that need the academy."""

    async def answer(self, request: web.Request, tabs: int) -> web.StreamResponse:
        """Answer a request while this many tabs are open."""
        ...


class Front:
    """The server's own files, and the tabs that are open."""

    def __init__(self, host: str) -> None:
        self._names = _LOOPBACK if host in _LOOPBACK else None
        self._tabs: set[web.WebSocketResponse] = set()
        self._page: asyncio.Future[Answering] = asyncio.get_running_loop().create_future()
        self.any_open, self.all_closed = asyncio.Event(), asyncio.Event()
        """Whether any tab is open, and whether the last one was closed."""

    def open(self, page: Answering) -> None:
        """Pass requests on from now on, and those that are waiting."""
        self._page.set_result(page)

    @property
    def is_open(self) -> bool:
        """Whether the academy is open."""
        return self._page.done() and not self._page.cancelled()

    def app(self) -> web.Application:
        """Build the web application, which answers only its own pages."""
        app = web.Application(client_max_size=_LARGEST_UPLOAD, middlewares=[self._own_name, _same_origin])
        app.router.add_get("/", self._file)
        app.router.add_get("/demo/world", self._world)
        app.router.add_get("/demo/here", self._here)
        app.router.add_get("/demo/{name}", self._file)
        app.router.add_route("*", "/{path:.*}", self._pass_on)
        app.on_shutdown.append(self._hang_up)
        return app

    async def _file(self, request: web.Request) -> web.Response:
        path = STATIC / request.match_info.get("name", "index.html")
        if path.parent != STATIC or path.suffix not in _TYPES or not path.is_file():
            raise web.HTTPNotFound
        return web.Response(text=path.read_text("utf-8"), content_type=_TYPES[path.suffix], headers=OWN_HEADERS)

    @web.middleware
    async def _own_name(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """On loopback, reject other host names, against DNS rebinding."""
        if self._names is not None and urlsplit(f"//{request.host}").hostname not in self._names:
            raise web.HTTPForbidden(text="wrong host name for this page")
        return await handler(request)

    async def _here(self, request: web.Request) -> web.WebSocketResponse:
        """Keep a connection open while a tab is open, however the tab ends."""
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self._tabs.add(socket)
        self.all_closed.clear()
        self.any_open.set()
        try:
            async for _ in socket:
                pass  # tabs send nothing
        finally:
            self._tabs.discard(socket)
            if not self._tabs:
                self.any_open.clear()
                self.all_closed.set()
        return socket

    async def _hang_up(self, _app: web.Application) -> None:
        self._page.cancel()
        for socket in list(self._tabs):
            await socket.close()

    async def _world(self, request: web.Request) -> web.StreamResponse:
        if not self.is_open:
            return web.json_response({"starting": True}, headers=OWN_HEADERS)
        return await self._pass_on(request)

    async def _pass_on(self, request: web.Request) -> web.StreamResponse:
        page = await asyncio.shield(self._page)
        return await page.answer(request, len(self._tabs))


@web.middleware
async def _same_origin(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Reject requests from other sites, which must neither press buttons here nor read along."""
    origin = request.headers.get("Origin")
    foreign = request.headers.get("Sec-Fetch-Site") == "cross-site"
    if foreign or (origin is not None and origin != f"{request.scheme}://{request.host}"):
        raise web.HTTPForbidden(text="this page only accepts its own requests")
    ours = request.path.startswith("/demo/")
    if ours and request.method != "GET" and request.content_type != "application/json":
        raise web.HTTPUnsupportedMediaType(text="expected JSON")
    return await handler(request)
