"""The demo's page: its JSON, its actions, and simcord's preview inside it.

Everything has one origin. The preview listens on its own loopback port, and requests that this server doesn't know
are passed on to it.
"""

import asyncio
import datetime as dt
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import aiohttp
from aiohttp import web

from bot.demo import academy, simcord_private
from bot.demo.stage import DIRECT, NotPossible, Stage
from bot.demo.tour import tour
from cogs.ui.text import whole_number
from scheduler.loop.tick import next_due

log = logging.getLogger(__name__)

_STATIC = Path(__file__).parent / "static"
_TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_CATEGORY, _VOICE = 4, 2
_PASSED_ON = {"content-type", "accept", "range"}
_DROPPED = {
    "x-frame-options",
    "content-length",
    "transfer-encoding",
    "date",
    "server",
    "connection",
    "content-encoding",
}
_OWN_HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'",
}
_LARGEST_UPLOAD = 30 * 2**20
_LOOPBACK = {"127.0.0.1", "localhost", "::1"}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Page:
    """The page around one stage."""

    def __init__(self, stage: Stage, host: str) -> None:
        self._stage = stage
        self._names = _LOOPBACK if host in _LOOPBACK else None
        self._http: aiohttp.ClientSession | None = None
        self._tabs: set[web.WebSocketResponse] = set()
        self.any_open, self.all_closed = asyncio.Event(), asyncio.Event()
        """Whether any tab is open, and whether the last one was closed."""

    def app(self) -> web.Application:
        """Build the web application, which answers only its own pages."""
        app = web.Application(
            client_max_size=_LARGEST_UPLOAD, middlewares=[self._own_name, _same_origin, _sentences]
        )
        app.router.add_get("/", self._file)
        app.router.add_get("/demo/world", self._world)
        app.router.add_get("/demo/here", self._here)
        app.on_shutdown.append(self._hang_up)
        app.router.add_post("/demo/person", self._person)
        app.router.add_post("/demo/place", self._place)
        app.router.add_post("/demo/jump", self._jump)
        app.router.add_post("/demo/voice", self._voice)
        app.router.add_get("/demo/{name}", self._file)
        app.router.add_get("/discord", self._pass_on)
        app.router.add_route("*", "/{path:.*}", self._pass_on)
        app.cleanup_ctx.append(self._with_client)
        return app

    async def _with_client(self, _app: web.Application) -> AsyncIterator[None]:
        async with aiohttp.ClientSession() as self._http:
            yield

    async def _file(self, request: web.Request) -> web.Response:
        path = _STATIC / request.match_info.get("name", "index.html")
        if path.parent != _STATIC or path.suffix not in _TYPES or not path.is_file():
            raise web.HTTPNotFound
        return web.Response(text=path.read_text("utf-8"), content_type=_TYPES[path.suffix], headers=_OWN_HEADERS)

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
        for socket in list(self._tabs):
            await socket.close()

    async def _world(self, request: web.Request) -> web.Response:
        if "looking" in request.query:
            self._stage.mark_seen()
        return web.json_response(await world(self._stage), headers=_OWN_HEADERS)

    async def _person(self, request: web.Request) -> web.Response:
        await self._stage.become(str((await _body(request)).get("key")))
        return await self._world(request)

    async def _place(self, request: web.Request) -> web.Response:
        await self._stage.go(str((await _body(request)).get("id")))
        return await self._world(request)

    async def _jump(self, request: web.Request) -> web.Response:
        minutes = (await _body(request)).get("minutes")
        if minutes is None:
            await self._stage.jump_to_next_event()
        elif isinstance(minutes, int):
            await self._stage.jump(dt.timedelta(minutes=max(-1, min(minutes, 10**6))))
        else:
            raise NotPossible("The time machine takes whole minutes.")
        return await self._world(request)

    async def _voice(self, request: web.Request) -> web.Response:
        wanted = (await _body(request)).get("id")
        await self._stage.join(None if wanted is None else whole_number(str(wanted)) or 0)
        return await self._world(request)

    async def _pass_on(self, request: web.Request) -> web.Response:
        """Pass the request to the preview. Presses wait their turn, so they never run during a time jump."""
        if request.method == "POST" and request.path == "/api/action":
            async with self._stage.turn:
                return await self._ask_preview(request)
        return await self._ask_preview(request)

    async def _ask_preview(self, request: web.Request) -> web.Response:
        assert self._http is not None, "the server is running"
        port, _ = self._stage.preview_address
        path = "/" if request.path == "/discord" else request.path_qs
        headers = {
            name: value
            for name, value in request.headers.items()
            if name.lower() in _PASSED_ON or name.lower().startswith("x-simcord")
        }
        try:
            async with self._http.request(
                request.method, f"http://127.0.0.1:{port}{path}", headers=headers, data=await request.read()
            ) as answer:
                body = await answer.read()
                kept = {name: value for name, value in answer.headers.items() if name.lower() not in _DROPPED}
                status = answer.status
        except aiohttp.ClientError:
            raise web.HTTPServiceUnavailable from None  # requested by the frame of a place that was just left
        if path == "/":
            body = body.replace(b"</head>", b'<link rel="stylesheet" href="/demo/discord.css"></head>')
        policy = kept.get("Content-Security-Policy", "")
        kept["Content-Security-Policy"] = policy.replace("frame-ancestors 'none'", "frame-ancestors 'self'")
        return web.Response(status=status, body=body, headers=kept)


async def world(stage: Stage) -> dict[str, Any]:
    """Return everything the page shows around the channel."""
    person = stage.person
    _, secret = stage.preview_address
    due = await next_due(stage.db)
    return {
        "clock": f"{stage.now.astimezone(ZoneInfo(academy.ZONE)):%a %-d %b %Y, %H:%M}",
        "zone": academy.ZONE,
        "next": _in_words(due - stage.now) if due else None,
        "server": stage.world.guild.name,
        "person": person.key,
        "people": [
            {
                "key": one.key,
                "name": one.name,
                "part": one.part,
                "unread": stage.unread(one, stage.channel_id(one, DIRECT)),
            }
            for one in stage.world.people.values()
        ],
        "place": str(stage.place),
        "frame": f"/discord#{secret}",
        "channels": _channels(stage),
        "direct": {"id": DIRECT, "unread": stage.unread(person, stage.channel_id(person, DIRECT))},
        "tour": [
            {"person": step.person, "title": step.title, "detail": step.detail, "done": step.done}
            for step in await tour(stage)
        ],
        "faults": stage.faults.lines,
    }


def _channels(stage: Stage) -> list[dict[str, Any]]:
    member = stage.person.member
    names = {one.member.id: one.name for one in stage.world.people.values()}
    listed = []
    for one in stage.places(stage.person):
        here = [names.get(user, "someone") for user in simcord_private.inside(stage.world.guild, one.id)]
        listed.append(
            {
                "id": str(one.id),
                "name": one.name,
                "kind": {_CATEGORY: "category", _VOICE: "voice"}.get(int(one.type), "text"),
                "parent": str(one.parent_id) if one.parent_id else None,
                "unread": stage.unread(stage.person, one.id),
                "inside": here,
                "joined": member.id in simcord_private.inside(stage.world.guild, one.id),
                "may_join": simcord_private.may(stage.env, stage.world.guild, member, one.id, "connect"),
            }
        )
    return listed


def _in_words(span: dt.timedelta) -> str:
    minutes = max(int(span.total_seconds() // 60), 0)
    days, minutes = divmod(minutes, 24 * 60)
    hours, minutes = divmod(minutes, 60)
    parts = [f"{count} {unit}" for count, unit in ((days, "d"), (hours, "h"), (minutes, "min")) if count]
    return " ".join(parts[:2]) or "now"


async def _body(request: web.Request) -> dict[str, Any]:
    try:
        body = await request.json()
    except ValueError:  # not JSON, or a number with more digits than Python reads
        body = None
    if not isinstance(body, dict):
        raise web.HTTPBadRequest(text="expected a JSON object")
    return body


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


@web.middleware
async def _sentences(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer an impossible action with a sentence."""
    try:
        return await handler(request)
    except NotPossible as refusal:
        return web.json_response({"sentence": str(refusal)}, status=409, headers=_OWN_HEADERS)
