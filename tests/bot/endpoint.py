"""A minimal Discord on this machine: as much of its HTTP API and of its gateway as the whole program touches.

It remembers what it was asked and what exists, and judges nothing but the token: permissions and limits are
simcord's part (tests/simulated.py).
"""

import asyncio
import base64
import contextlib
import itertools
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

import discord
from aiohttp import web

BOT_ID, GUILD_ID, REVIEW_CHANNEL_ID = 1111111111111, 2222222222222, 3333333333333
TOKEN = f"{base64.b64encode(str(BOT_ID).encode()).decode().rstrip('=')}.made-up.for-tests"
DEADLINE_SECONDS = 30

Json = dict[str, Any]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
T = TypeVar("T")

_DISPATCH, _HEARTBEAT, _IDENTIFY, _HELLO, _HEARTBEAT_ACK = 0, 1, 2, 10, 11
_TEXT, _DM, _VOICE = 0, 1, 2
_WITHOUT_TOKEN = ("/interactions/", "/webhooks/")  # there the path holds a token of its own


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked; `path` has no `/api`, `body` is the JSON or None."""

    method: str
    path: str
    body: Any


@dataclass(slots=True)
class Endpoint:
    """One server with a review channel. `api` and `gateway` are the addresses to send the program to."""

    api: str = ""
    gateway: str = ""
    channels: dict[int, Json] = field(default_factory=dict)
    """The server's channels as they are now."""
    requests: list[Request] = field(default_factory=list)
    """Each from the moment on in which its effect is there, before it is answered."""
    identities: list[Json] = field(default_factory=list)
    """What each connection to the gateway sent to identify itself."""
    _refused: set[tuple[str, str]] = field(default_factory=set)
    _held: set[tuple[str, str]] = field(default_factory=set)
    _released: asyncio.Event = field(default_factory=asyncio.Event)
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    _sockets: list[web.WebSocketResponse] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def refuse(self, method: str, path: str) -> None:
        """Answer this with 403 Missing Permissions from now on."""
        self._refused.add((method, path))

    def hold(self, method: str, path: str) -> None:
        """Do what this asks, but leave it unanswered until `release`."""
        self._held.add((method, path))
        self._released.clear()

    def release(self) -> None:
        """Answer what was held, and hold nothing any more."""
        self._held.clear()
        self._released.set()

    def asked(self, method: str, path: str) -> list[Request]:
        """The requests so far whose path ends like this."""
        return [one for one in self.requests if one.method == method and one.path.endswith(path)]

    async def receive(self, method: str, path: str) -> Request:
        """The first request whose path ends like this, waited for."""
        return (await self._until(lambda: self.asked(method, path), f"{method} {path}"))[0]

    async def identified(self) -> Json:
        """How the program identified itself, waited for; after this, events reach it."""
        return (await self._until(lambda: self.identities, "a connection to the gateway"))[0]

    async def emit(self, event: str, data: Json) -> None:
        """Send an event over each open connection."""
        for socket in self._sockets:
            await _dispatch(socket, next(self._numbers), event, data)

    async def hang_up(self, code: int) -> None:
        """Close each open connection for this reason."""
        for socket in self._sockets:
            await socket.close(code=code)

    async def _until(self, found: Callable[[], list[T]], what: str) -> list[T]:
        try:
            async with asyncio.timeout(DEADLINE_SECONDS), self._changed:
                return await self._changed.wait_for(found)
        except TimeoutError:
            raise AssertionError(f"{what} did not come; only {self.requests}") from None

    def application(self) -> web.Application:
        """All of it, to be served: which method answers what."""
        api = web.Application(middlewares=[self._receive])
        api.add_routes(self._routes())
        both = web.Application()
        both.add_routes([web.get("/gateway/", self._connect)])
        both.add_subapp("/api", api)
        return both

    def _routes(self) -> list[web.RouteDef]:
        return [
            web.get("/users/@me", self._me),
            web.get("/oauth2/applications/@me", self._application),
            web.put("/applications/{id}/commands", self._put_commands),
            web.put("/applications/{id}/guilds/{guild_id}/commands", self._put_commands),
            web.post("/interactions/{interaction_id}/{token}/callback", self._answer_interaction),
            web.patch("/webhooks/{id}/{token}/messages/@original", self._write_message),
            web.post("/webhooks/{id}/{token}", self._write_message),
            web.get("/guilds/{id}", self._guild),
            web.get("/guilds/{id}/channels", self._guild_channels),
            web.post("/guilds/{id}/channels", self._create_channel),
            web.get("/channels/{channel_id}", self._channel),
            web.patch("/channels/{channel_id}", self._channel),
            web.post("/users/@me/channels", self._open_dm),
            web.post("/channels/{channel_id}/messages", self._write_message),
        ]

    @web.middleware
    async def _receive(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Check the token, refuse what is to be refused, do it, remember it, and hold what is to be held."""
        path = request.path.removeprefix("/api")
        key = (request.method, path)
        request["body"] = body = await _json_of(request)
        if not path.startswith(_WITHOUT_TOKEN) and request.headers.get("Authorization") != f"Bot {TOKEN}":
            response = _error(401, 0, "401: Unauthorized")
        elif key in self._refused:
            response = _error(403, 50013, "Missing Permissions")
        elif request.match_info.http_exception is not None:
            response = _error(404, 0, "404: Not Found")
        else:
            response = await handler(request)
        async with self._changed:
            self.requests.append(Request(*key, body))
            self._changed.notify_all()
        if key in self._held:
            await self._released.wait()
        return response

    async def _connect(self, request: web.Request) -> web.StreamResponse:
        """The gateway; uncompressed, which discord.py accepts although it asks for more."""
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_json({"op": _HELLO, "d": {"heartbeat_interval": 40_000}})
        async for message in socket:
            frame = message.json()
            if frame["op"] == _HEARTBEAT:
                await socket.send_json({"op": _HEARTBEAT_ACK})
            elif frame["op"] == _IDENTIFY:
                await self._welcome(socket, frame["d"])
        return socket

    async def _welcome(self, socket: web.WebSocketResponse, identity: Json) -> None:
        if identity["token"] != TOKEN:
            await socket.close(code=4004, message=b"Authentication failed.")
            return
        ready = {
            "v": 10,
            "user": _user(BOT_ID),
            "guilds": [{"id": str(GUILD_ID), "unavailable": True}],
            "session_id": "session",
            "resume_gateway_url": self.gateway,
            "application": {"id": str(BOT_ID), "flags": 0},
        }
        await _dispatch(socket, next(self._numbers), "READY", ready)
        guild = _guild() | {"channels": list(self.channels.values()), "unavailable": False, "member_count": 1}
        await _dispatch(socket, next(self._numbers), "GUILD_CREATE", guild)
        async with self._changed:
            self._sockets.append(socket)
            self.identities.append(identity)
            self._changed.notify_all()

    async def _me(self, _request: web.Request) -> web.Response:
        """GET /users/@me."""
        return _json(_user(BOT_ID))

    async def _application(self, _request: web.Request) -> web.Response:
        """GET /oauth2/applications/@me."""
        flags = {"bot_public": False, "bot_require_code_grant": False}
        about = {"id": str(BOT_ID), "name": "coachbot", "description": "", "icon": None, "verify_key": ""}
        return _json(about | flags | {"owner": _user(1)})

    async def _put_commands(self, request: web.Request) -> web.Response:
        """PUT /applications/…/commands, for a server or for all."""
        given = {"application_id": str(BOT_ID), "guild_id": request.match_info.get("guild_id")}
        return _json([one | given | {"id": self._new_id()} for one in await request.json()])

    async def _answer_interaction(self, request: web.Request) -> web.Response:
        """POST /interactions/…/callback."""
        about = {"id": request.match_info["interaction_id"], "type": 2}
        return _json({"interaction": about, "resource": {"type": request["body"]["type"]}})

    async def _guild(self, _request: web.Request) -> web.Response:
        """GET /guilds/…."""
        return _json(_guild())

    async def _guild_channels(self, _request: web.Request) -> web.Response:
        """GET /guilds/…/channels."""
        return _json(list(self.channels.values()))

    async def _create_channel(self, request: web.Request) -> web.Response:
        """POST /guilds/…/channels."""
        channel = self.add_channel(int(self._new_id()), **await request.json())
        return _json(channel, status=201)

    async def _channel(self, request: web.Request) -> web.Response:
        """GET and PATCH /channels/…."""
        found = self.channels.get(int(request.match_info["channel_id"]))
        if found is None:
            return _error(404, 10003, "Unknown Channel")
        if request.method == "PATCH":
            found.update(await request.json())
        return _json(found)

    async def _open_dm(self, request: web.Request) -> web.Response:
        """POST /users/@me/channels."""
        recipient = int((await request.json())["recipient_id"])
        return _json({"id": self._new_id(), "type": _DM, "recipients": [_user(recipient)]})

    async def _write_message(self, request: web.Request) -> web.Response:
        """POST /channels/…/messages, PATCH and POST /webhooks/…."""
        body: Json = request["body"]
        channel_id = request.match_info.get("channel_id", str(REVIEW_CHANNEL_ID))
        nothing = {"attachments": [], "embeds": [], "mentions": [], "mention_roles": [], "components": []}
        about = {"id": self._new_id(), "channel_id": channel_id, "author": _user(BOT_ID), "type": 0, "content": ""}
        flags = {"edited_timestamp": None, "tts": False, "mention_everyone": False, "pinned": False}
        written = about | nothing | flags | {"timestamp": datetime.now(UTC).isoformat()}
        files = [
            {"size": 1, "url": self.api, "proxy_url": self.api} | one for one in body.get("attachments") or ()
        ]
        return _json(written | {key: value for key, value in body.items() if value} | {"attachments": files})

    def add_channel(self, channel_id: int, **given: Any) -> Json:
        """Put a channel into the server, as Discord describes it."""
        usual = {"position": 0, "parent_id": None, "bitrate": 64000, "user_limit": 0, "permission_overwrites": []}
        self.channels[channel_id] = usual | given | {"id": str(channel_id), "guild_id": str(GUILD_ID)}
        return self.channels[channel_id]

    def _new_id(self) -> str:
        """A snowflake of this moment, which tells the age of what it names."""
        return str(discord.utils.time_snowflake(datetime.now(UTC)) + next(self._numbers))


@contextlib.asynccontextmanager
async def local_discord() -> AsyncIterator[Endpoint]:
    """An endpoint that listens on a free port of this machine."""
    endpoint = Endpoint()
    endpoint.add_channel(REVIEW_CHANNEL_ID, type=_TEXT, name="applications")
    runner = web.AppRunner(endpoint.application(), access_log=None, shutdown_timeout=1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        endpoint.api, endpoint.gateway = f"http://{host}:{port}/api", f"ws://{host}:{port}/gateway/"
        yield endpoint
    finally:
        endpoint.release()
        await runner.cleanup()


def slash(command: str, user_id: int) -> Json:
    """INTERACTION_CREATE of a person without any permission who used this command."""
    member = {"user": _user(user_id), "roles": [], "flags": 0, "permissions": "0", "joined_at": None}
    return {
        "id": str(discord.utils.time_snowflake(datetime.now(UTC))),
        "application_id": str(BOT_ID),
        "type": 2,
        "token": "interaction",
        "version": 1,
        "attachment_size_limit": 0,
        "guild_id": str(GUILD_ID),
        "channel": {"id": str(REVIEW_CHANNEL_ID), "type": _TEXT},
        "member": member,
        "data": {"id": "1", "type": 1, "name": command},
    }


async def _dispatch(socket: web.WebSocketResponse, number: int, event: str, data: Json) -> None:
    await socket.send_json({"op": _DISPATCH, "s": number, "t": event, "d": data})


def _user(user_id: int) -> Json:
    return {"id": str(user_id), "username": f"user-{user_id}", "discriminator": "0", "avatar": None}


def _guild() -> Json:
    everyone = {"id": str(GUILD_ID), "name": "@everyone", "permissions": "0", "position": 0}
    return {"id": str(GUILD_ID), "name": "Academy", "owner_id": "1", "roles": [everyone]}


def _json(data: Any, *, status: int = 200) -> web.Response:
    """Without a charset in its type, beside which discord.py does not recognize JSON."""
    return web.Response(body=json.dumps(data).encode(), content_type="application/json", status=status)


async def _json_of(request: web.Request) -> Any:
    """What a request says; beside files it stands in a part of its own."""
    if not request.can_read_body:
        return None
    if not request.content_type.startswith("multipart/"):
        return await request.json()
    form = await request.post()
    return json.loads(str(form["payload_json"]))


def _error(status: int, code: int, message: str) -> web.Response:
    return _json({"code": code, "message": message}, status=status)
