"""A minimal Discord on this machine: as much of its HTTP API and gateway as the program uses.

It records requests and state, and checks only the token. Permissions and limits are left to simcord
(tests/support/simulated.py).
"""

import asyncio
import base64
import contextlib
import fnmatch
import itertools
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any, TypeVar

import discord
from aiohttp import web

from bot.discord_api.permissions import INVITE

BOT_ID, GUILD_ID, REVIEW_CHANNEL_ID = 1111111111111, 2222222222222, 3333333333333
BOT_ROLE_ID, OWNER_ID = 4444444444444, 1
TOKEN = f"{base64.b64encode(str(BOT_ID).encode()).decode().rstrip('=')}.made-up.for-tests"
DEADLINE_SECONDS = 30

Json = dict[str, Any]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
T = TypeVar("T")

_BODY: web.RequestKey[Any] = web.RequestKey("body")
_DISPATCH, _HEARTBEAT, _IDENTIFY, _HELLO, _HEARTBEAT_ACK = 0, 1, 2, 10, 11
_TEXT, _DM, _VOICE = 0, 1, 2
_WITHOUT_TOKEN = ("/interactions/", "/webhooks/")  # these paths contain their own token


@dataclass(frozen=True, slots=True)
class Request:
    """A request; `path` without `/api`, `body` is the JSON or None."""

    method: str
    path: str
    body: Any


@dataclass(slots=True)
class Endpoint:
    """One server with a review channel. Point the program at `api` and `gateway`."""

    api: str = ""
    gateway: str = ""
    channels: dict[int, Json] = field(default_factory=dict)
    roles: dict[int, Json] = field(default_factory=dict)
    """Besides @everyone and the bot's own."""
    held_roles: dict[int, set[int]] = field(default_factory=dict)
    """By person."""
    gone: set[int] = field(default_factory=set)
    """People who aren't in the server; everyone else is."""
    messages: dict[int, list[Json]] = field(default_factory=dict)
    """The bot's messages by channel, oldest first; without answers to interactions."""
    bygone: list[Json] = field(default_factory=list)
    """The bot's messages in deleted channels."""
    inside: dict[int, int] = field(default_factory=dict)
    """Who is in which voice channel."""
    dms: dict[int, int] = field(default_factory=dict)
    """By person."""
    requests: list[Request] = field(default_factory=list)
    """Recorded once the effect is there, before the answer."""
    own_permissions: discord.Permissions = field(default_factory=lambda: discord.Permissions(INVITE.value))
    """What the bot's own role grants."""
    clock_ahead: timedelta = timedelta()
    """How far its clock, which dates its answers, is ahead of this machine's."""
    identities: list[Json] = field(default_factory=list)
    """The IDENTIFY payload of each gateway connection."""
    vandalized: set[str] = field(default_factory=set)
    """For these methods (POST, PATCH), another bot deletes each room at once."""
    commands: dict[str | None, list[Json]] = field(default_factory=dict)
    """By server; None for those in all servers."""
    _refused: set[tuple[str, str]] = field(default_factory=set)
    _held: set[tuple[str, str]] = field(default_factory=set)
    _slow: dict[tuple[str, str], float] = field(default_factory=dict)
    _lost: dict[tuple[str, str], int] = field(default_factory=dict)
    _nonces: dict[tuple[int, str], Json] = field(default_factory=dict)
    _released: asyncio.Event = field(default_factory=asyncio.Event)
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    _sockets: list[web.WebSocketResponse] = field(default_factory=list)
    _strike: tuple[str, str, int, Callable[[], None]] | None = None
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def refuse(self, method: str, path: str) -> None:
        """Answer this with 403 Missing Permissions from now on."""
        self._refused.add((method, path))

    def hold(self, method: str, path: str) -> None:
        """Do what this requests, but don't answer until `release`."""
        self._held.add((method, path))
        self._released.clear()

    def release(self) -> None:
        """Answer what was held, and hold nothing more."""
        self._held.clear()
        self._released.set()

    def lose(self, method: str, pattern: str, *, times: int = 1) -> None:
        """Do what the next requests of this kind ask, but answer 502, so that discord.py repeats them."""
        self._lost[method, pattern] = times

    def strike(self, method: str, pattern: str, after: int, blow: Callable[[], None]) -> None:
        """Call `blow` once this many more requests of a kind have taken effect, before the last is answered."""
        self._strike = method, pattern, after, blow

    def slow_down(self, method: str, path: str, seconds: float) -> None:
        """Answer this with 429 from now on, as a global rate limit."""
        self._slow[method, path] = seconds

    def forget_nonces(self) -> None:
        """Forget nonces, as Discord does after a few minutes: from now on a message can be sent twice."""
        self._nonces.clear()

    def said(self, channel_id: int) -> list[str]:
        """Return a channel's messages as text."""
        return [json.dumps(one["components"], ensure_ascii=False) for one in self.messages.get(channel_id, ())]

    def asked(self, method: str, path: str) -> list[Request]:
        """Return the requests whose path ends like this."""
        return [one for one in self.requests if one.method == method and one.path.endswith(path)]

    async def receive(self, method: str, path: str, *, number: int = 1) -> Request:
        """Wait for the nth request whose path ends like this."""
        return (await self._until(lambda: self.asked(method, path)[number - 1 :], f"{method} {path}"))[0]

    async def a_moment(self) -> None:
        """Wait for many requests, but not for long if fewer come."""
        enough = len(self.requests) + 50
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.2), self._changed:
                await self._changed.wait_for(lambda: len(self.requests) >= enough)

    async def identified(self) -> Json:
        """Wait until the program has identified itself; then it receives events."""
        return (await self._until(lambda: self.identities, "a connection to the gateway"))[0]

    async def emit(self, event: str, data: Json) -> None:
        """Send an event over each open connection."""
        for socket in list(self._sockets):
            with contextlib.suppress(ConnectionError):  # for a process that was just killed
                await _dispatch(socket, next(self._numbers), event, data)

    async def move(self, user_id: int, channel_id: int | None) -> None:
        """Let someone enter a voice channel or leave theirs."""
        if channel_id is None:
            self.inside.pop(user_id, None)
        else:
            self.inside[user_id] = channel_id
        voice = _voice(user_id, channel_id) | {"member": self._person(user_id), "guild_id": str(GUILD_ID)}
        await self.emit("VOICE_STATE_UPDATE", voice)

    async def hang_up(self, code: int) -> None:
        """Close each open connection with this code."""
        for socket in self._sockets:
            await socket.close(code=code)

    async def _until(self, found: Callable[[], list[T]], what: str) -> list[T]:
        try:
            async with asyncio.timeout(DEADLINE_SECONDS), self._changed:
                return await self._changed.wait_for(found)
        except TimeoutError:
            raise AssertionError(f"{what} did not come; only {self.requests}") from None

    def application(self) -> web.Application:
        """Return the web application that serves the API and the gateway."""
        api = web.Application(middlewares=[self._receive])
        api.add_routes(self._routes())
        both = web.Application()
        both.add_routes([web.get("/gateway/", self._connect)])
        both.add_subapp("/api", api)
        return both

    def _routes(self) -> list[web.RouteDef]:
        return [
            web.get("/users/@me", self._me),
            web.get("/users/@me/guilds", self._my_guilds),
            web.get("/oauth2/applications/@me", self._application),
            web.get("/applications/{id}/commands", self._get_commands),
            web.put("/applications/{id}/commands", self._put_commands),
            web.get("/applications/{id}/guilds/{guild_id}/commands", self._get_commands),
            web.put("/applications/{id}/guilds/{guild_id}/commands", self._put_commands),
            web.post("/interactions/{interaction_id}/{token}/callback", self._answer_interaction),
            web.patch("/webhooks/{id}/{token}/messages/@original", self._write_message),
            web.post("/webhooks/{id}/{token}", self._write_message),
            web.get("/guilds/{id}", self._guild),
            web.get("/guilds/{id}/channels", self._guild_channels),
            web.post("/guilds/{id}/channels", self._create_channel),
            web.get("/guilds/{id}/roles", self._guild_roles),
            web.post("/guilds/{id}/roles", self._create_role),
            web.delete("/guilds/{id}/roles/{role_id}", self._delete_role),
            web.get("/guilds/{id}/members/{user_id}", self._member),
            web.put("/guilds/{id}/members/{user_id}/roles/{role_id}", self._change_role),
            web.delete("/guilds/{id}/members/{user_id}/roles/{role_id}", self._change_role),
            web.get("/channels/{channel_id}", self._channel),
            web.patch("/channels/{channel_id}", self._channel),
            web.delete("/channels/{channel_id}", self._channel),
            web.post("/users/@me/channels", self._open_dm),
            web.get("/channels/{channel_id}/messages", self._history),
            web.post("/channels/{channel_id}/messages", self._send_message),
            web.patch("/channels/{channel_id}/messages/{message_id}", self._edit_message),
        ]

    @web.middleware
    async def _receive(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Check the token, apply scripted failures, handle and record the request, and maybe hold the answer."""
        path = request.path.removeprefix("/api")
        key = (request.method, path)
        request[_BODY] = body = await _json_of(request)
        if not path.startswith(_WITHOUT_TOKEN) and request.headers.get("Authorization") != f"Bot {TOKEN}":
            response = _error(401, 0, "401: Unauthorized")
        elif key in self._refused:
            response = _error(403, 50013, "Missing Permissions")
        elif key in self._slow:
            response = _too_many(self._slow[key])
        elif request.match_info.http_exception is not None:
            response = _error(404, 0, "404: Not Found")
        else:
            response = await handler(request)
            if response.status < 300 and self._is_lost(*key):
                response = _error(502, 0, "502: Bad Gateway")
        async with self._changed:
            self.requests.append(Request(*key, body))
            self._changed.notify_all()
        self._count_down(*key)
        if key in self._held:
            await self._released.wait()
        response.headers["Date"] = format_datetime(datetime.now(UTC) + self.clock_ahead, usegmt=True)
        return response

    def _count_down(self, method: str, path: str) -> None:
        if self._strike is None:
            return
        of_method, pattern, left, blow = self._strike
        if fnmatch.fnmatch(method, of_method) and fnmatch.fnmatch(path, pattern):
            self._strike = (of_method, pattern, left - 1, blow) if left > 1 else None
            if left == 1:
                blow()

    def _is_lost(self, method: str, path: str) -> bool:
        for (lost_method, pattern), times in self._lost.items():
            if times and lost_method == method and fnmatch.fnmatch(path, pattern):
                self._lost[lost_method, pattern] -= 1
                return True
        return False

    async def _connect(self, request: web.Request) -> web.StreamResponse:
        """Serve the gateway, uncompressed, which discord.py accepts although it asks for compression."""
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_json({"op": _HELLO, "d": {"heartbeat_interval": 40_000}})
        try:
            async for message in socket:
                frame = message.json()
                if frame["op"] == _HEARTBEAT:
                    await socket.send_json({"op": _HEARTBEAT_ACK})
                elif frame["op"] == _IDENTIFY:
                    await self._welcome(socket, frame["d"])
        finally:
            if socket in self._sockets:
                self._sockets.remove(socket)
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
        guild = self._server() | {"channels": list(self.channels.values()), "unavailable": False}
        guild |= {"member_count": 1, "members": [self._person(BOT_ID)]}
        guild |= {"voice_states": [_voice(*one) for one in self.inside.items()]}
        self._sockets.append(socket)  # before anything can change that isn't in `guild`
        await _dispatch(socket, next(self._numbers), "GUILD_CREATE", guild)
        async with self._changed:
            self.identities.append(identity)
            self._changed.notify_all()

    async def _me(self, _request: web.Request) -> web.Response:
        return _json(_user(BOT_ID))

    async def _my_guilds(self, _request: web.Request) -> web.Response:
        return _json([] if BOT_ID in self.gone else [self._server()])

    async def _application(self, _request: web.Request) -> web.Response:
        flags = {"bot_public": False, "bot_require_code_grant": False}
        about = {"id": str(BOT_ID), "name": "coachbot", "description": "", "icon": None, "verify_key": ""}
        return _json(about | flags | {"owner": _user(1)})

    async def _put_commands(self, request: web.Request) -> web.Response:
        guild_id = request.match_info.get("guild_id")
        ids = {one["name"]: one["id"] for one in self.commands.get(guild_id, ())}
        given = {"application_id": str(BOT_ID), "guild_id": guild_id}
        self.commands[guild_id] = [
            one | given | {"id": ids.get(one["name"]) or self._new_id()} for one in await request.json()
        ]
        return _json(self.commands[guild_id])

    async def _get_commands(self, request: web.Request) -> web.Response:
        return _json(self.commands.get(request.match_info.get("guild_id"), []))

    async def _answer_interaction(self, request: web.Request) -> web.Response:
        about = {"id": request.match_info["interaction_id"], "type": 2}
        return _json({"interaction": about, "resource": {"type": request[_BODY]["type"]}})

    async def _guild(self, _request: web.Request) -> web.Response:
        return _json(self._server())

    async def _guild_channels(self, _request: web.Request) -> web.Response:
        return _json(list(self.channels.values()))

    async def _create_channel(self, request: web.Request) -> web.Response:
        channel = self.add_channel(int(self._new_id()), **await request.json())
        await self.emit("CHANNEL_CREATE", channel)
        await self._vandalize("POST", channel)
        return _json(channel, status=201)

    async def _channel(self, request: web.Request) -> web.Response:
        channel_id = int(request.match_info["channel_id"])
        if channel_id in self.dms.values():
            return _json(self._dm(channel_id))
        found = self.channels.get(channel_id)
        if found is None:
            return _error(404, 10003, "Unknown Channel")
        if request.method == "PATCH":
            found.update(request[_BODY])
            await self.emit("CHANNEL_UPDATE", found)
            await self._vandalize("PATCH", found)
        elif request.method == "DELETE":
            await self._delete(channel_id)
        return _json(found)

    async def _vandalize(self, method: str, channel: Json) -> None:
        if method in self.vandalized and channel["type"] == _VOICE:
            await self._delete(int(channel["id"]))

    async def _delete(self, channel_id: int) -> None:
        found = self.channels.pop(channel_id)
        self.bygone += self.messages.pop(channel_id, [])
        self.inside = {person: one for person, one in self.inside.items() if one != channel_id}
        await self.emit("CHANNEL_DELETE", found)

    async def _guild_roles(self, _request: web.Request) -> web.Response:
        return _json(self._server()["roles"])

    async def _create_role(self, request: web.Request) -> web.Response:
        role_id = int(self._new_id())
        self.roles[role_id] = _role(role_id, **{"name": "new role", "permissions": "0"} | request[_BODY])
        await self.emit("GUILD_ROLE_CREATE", {"guild_id": str(GUILD_ID), "role": self.roles[role_id]})
        return _json(self.roles[role_id])

    async def _delete_role(self, request: web.Request) -> web.Response:
        role_id = int(request.match_info["role_id"])
        if self.roles.pop(role_id, None) is None:
            return _error(404, 10011, "Unknown Role")
        for roles in self.held_roles.values():
            roles.discard(role_id)
        await self.emit("GUILD_ROLE_DELETE", {"guild_id": str(GUILD_ID), "role_id": str(role_id)})
        return web.Response(status=204)

    async def _member(self, request: web.Request) -> web.Response:
        user_id = int(request.match_info["user_id"])
        return _error(404, 10007, "Unknown Member") if user_id in self.gone else _json(self._person(user_id))

    async def _change_role(self, request: web.Request) -> web.Response:
        user_id, role_id = (int(request.match_info[one]) for one in ("user_id", "role_id"))
        if user_id in self.gone:
            return _error(404, 10007, "Unknown Member")
        if role_id not in self.roles:
            return _error(404, 10011, "Unknown Role")
        roles = self.held_roles.setdefault(user_id, set())
        (roles.add if request.method == "PUT" else roles.discard)(role_id)
        return web.Response(status=204)

    async def _open_dm(self, request: web.Request) -> web.Response:
        """Return the same channel each time."""
        person = int(request[_BODY]["recipient_id"])
        if person not in self.dms:
            self.dms[person] = int(self._new_id())
        return _json(self._dm(self.dms[person]))

    async def _history(self, request: web.Request) -> web.Response:
        """Newest first."""
        channel_id = int(request.match_info["channel_id"])
        if not self._exists(channel_id):
            return _error(404, 10003, "Unknown Channel")
        before = int(request.query.get("before", 1 << 63))
        older = [one for one in self.messages.get(channel_id, ()) if int(one["id"]) < before]
        return _json(older[::-1][: int(request.query.get("limit", 50))])

    async def _send_message(self, request: web.Request) -> web.Response:
        """Never twice with the same nonce."""
        channel_id, body = int(request.match_info["channel_id"]), request[_BODY]
        if not self._exists(channel_id):
            return _error(404, 10003, "Unknown Channel")
        nonce = str(body.get("nonce")) if body.get("enforce_nonce") else self._new_id()
        if (channel_id, nonce) not in self._nonces:
            written = self._nonces[channel_id, nonce] = self._written(channel_id, body)
            self.messages.setdefault(channel_id, []).append(written)
        return _json(self._nonces[channel_id, nonce])

    async def _edit_message(self, request: web.Request) -> web.Response:
        channel_id, message_id = (request.match_info[one] for one in ("channel_id", "message_id"))
        if not self._exists(int(channel_id)):
            return _error(404, 10003, "Unknown Channel")
        for written in self.messages.get(int(channel_id), ()):
            if written["id"] == message_id:
                written.update(self._written(int(channel_id), request[_BODY]) | {"id": message_id})
                return _json(written)
        return _error(404, 10008, "Unknown Message")

    async def _write_message(self, request: web.Request) -> web.Response:
        return _json(self._written(REVIEW_CHANNEL_ID, request[_BODY]))

    def _written(self, channel_id: int, body: Json) -> Json:
        nothing = {"attachments": [], "embeds": [], "mentions": [], "mention_roles": [], "components": []}
        about = {"id": self._new_id(), "channel_id": str(channel_id), "author": _user(BOT_ID), "type": 0}
        flags = {"edited_timestamp": None, "tts": False, "mention_everyone": False, "pinned": False}
        written = about | nothing | flags | {"content": "", "timestamp": datetime.now(UTC).isoformat()}
        files = [
            {"size": 1, "url": self.api, "proxy_url": self.api} | one for one in body.get("attachments") or ()
        ]
        return written | {key: value for key, value in body.items() if value} | {"attachments": files}

    def _exists(self, channel_id: int) -> bool:
        return channel_id in self.channels or channel_id in self.dms.values()

    def _dm(self, channel_id: int) -> Json:
        [person] = [one for one, dm in self.dms.items() if dm == channel_id]
        return {"id": str(channel_id), "type": _DM, "recipients": [_user(person)]}

    def _server(self) -> Json:
        everyone = _role(GUILD_ID, name="@everyone", permissions="0", position=0)
        own = _role(
            BOT_ROLE_ID, name="coachbot", permissions=str(self.own_permissions.value), position=100, managed=True
        )
        roles = [everyone, own, *self.roles.values()]
        return {"id": str(GUILD_ID), "name": "Academy", "owner_id": str(OWNER_ID), "roles": roles}

    def _person(self, user_id: int) -> Json:
        roles = [BOT_ROLE_ID] if user_id == BOT_ID else sorted(self.held_roles.get(user_id, ()))
        return {"user": _user(user_id), "roles": [str(one) for one in roles], "flags": 0, "joined_at": None}

    def add_channel(self, channel_id: int, **given: Any) -> Json:
        """Add a channel to the server, as Discord describes it."""
        usual = {"position": 0, "parent_id": None, "bitrate": 64000, "user_limit": 0, "permission_overwrites": []}
        self.channels[channel_id] = usual | given | {"id": str(channel_id), "guild_id": str(GUILD_ID)}
        return self.channels[channel_id]

    def _new_id(self) -> str:
        """Return a snowflake of this moment."""
        return str(discord.utils.time_snowflake(datetime.now(UTC)) + next(self._numbers))


@contextlib.asynccontextmanager
async def local_discord(endpoint: Endpoint | None = None) -> AsyncIterator[Endpoint]:
    """Listen on a free port of this machine."""
    endpoint = endpoint or Endpoint()
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


def overwrites(channel: Json) -> dict[int, tuple[int, int]]:
    """Return what a channel's overwrites allow and deny, by id."""
    return {int(one["id"]): (int(one["allow"]), int(one["deny"])) for one in channel["permission_overwrites"]}


def slash(command: str, user_id: int) -> Json:
    """Return an INTERACTION_CREATE for this command, from a person without permissions."""
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


def _voice(user_id: int, channel_id: int | None) -> Json:
    flags = dict.fromkeys(("deaf", "mute", "self_deaf", "self_mute", "self_video", "suppress"), False)
    place = str(channel_id) if channel_id else None
    return flags | {"user_id": str(user_id), "channel_id": place, "session_id": str(user_id)}


def _role(role_id: int, **given: Any) -> Json:
    usual = {"position": 1, "hoist": False, "mentionable": False, "managed": False, "color": 0, "flags": 0}
    return usual | given | {"id": str(role_id)}


def _too_many(seconds: float) -> web.Response:
    """Return a global 429. Without Via, discord.py would take it for a ban by Discord's proxy."""
    response = _json(
        {"message": "You are being rate limited.", "retry_after": seconds, "global": True}, status=429
    )
    response.headers["Via"] = "1.1 test"
    return response


def _json(data: Any, *, status: int = 200) -> web.Response:
    """Return JSON without a charset, which discord.py wouldn't recognize."""
    return web.Response(body=json.dumps(data).encode(), content_type="application/json", status=status)


async def _json_of(request: web.Request) -> Any:
    """Return the request's JSON, which has its own part next to files."""
    if not request.can_read_body:
        return None
    if not request.content_type.startswith("multipart/"):
        return await request.json()
    form = await request.post()
    return json.loads(str(form["payload_json"]))


def _error(status: int, code: int, message: str) -> web.Response:
    return _json({"code": code, "message": message}, status=status)
