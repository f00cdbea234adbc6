"""What the demo's page asks for: the world as JSON, its actions, pages to pay on, and simcord's preview."""

import datetime as dt
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any
from zoneinfo import ZoneInfo

import aiohttp
from aiohttp import web

from bot.demo import academy, client, pay_pages, simcord_private
from bot.demo.front import OWN_HEADERS
from bot.demo.stage import DIRECT, NotPossible, Stage
from bot.demo.tour import tour
from cogs.ui.text import whole_number
from scheduler.loop.tick import next_due
from scheduler.time.hour_cycle import HourCycle

_CATEGORY, _VOICE = 4, 2
_PASSED_ON = {"content-type", "accept", "range"}
_CAPABILITY = "X-Simcord-Capability"
_DROPPED = {
    "x-frame-options",
    "content-length",
    "transfer-encoding",
    "date",
    "server",
    "connection",
    "content-encoding",
}
_Action = Callable[[dict[str, Any]], Awaitable[None]]


class Page:
    """The page around one stage. The preview listens on its own loopback port."""

    def __init__(self, stage: Stage, http: aiohttp.ClientSession) -> None:
        self._stage = stage
        self._http = http
        self._actions: dict[str, _Action] = {
            "/demo/person": self._become,
            "/demo/place": self._go,
            "/demo/jump": self._jump,
            "/demo/voice": self._voice,
        }

    async def answer(self, request: web.Request, tabs: int) -> web.StreamResponse:
        """Answer one of the page's requests, or pass it on to the preview."""
        if request.path.startswith((pay_pages.PAY, pay_pages.RECEIPT)):
            return await pay_pages.answer(self._stage, request)
        act = self._actions.get(request.path)
        if act is None and request.path != "/demo/world":
            return await self._pass_on(request)
        try:
            if act is not None:
                await act(await _body(request))
        except NotPossible as refusal:
            return web.json_response({"sentence": str(refusal)}, status=409, headers=OWN_HEADERS)
        if "looking" in request.query:
            self._stage.mark_seen()
        return web.json_response(await world(self._stage) | {"tabs": tabs}, headers=OWN_HEADERS)

    async def _become(self, body: dict[str, Any]) -> None:
        await self._stage.become(str(body.get("key")))

    async def _go(self, body: dict[str, Any]) -> None:
        await self._stage.go(str(body.get("id")))

    async def _jump(self, body: dict[str, Any]) -> None:
        minutes = body.get("minutes")
        if minutes is None:
            await self._stage.jump_to_next_event()
        elif isinstance(minutes, int):
            await self._stage.jump(dt.timedelta(minutes=max(-1, min(minutes, 10**6))))
        else:
            raise NotPossible("The time machine takes whole minutes.")

    async def _voice(self, body: dict[str, Any]) -> None:
        wanted = body.get("id")
        await self._stage.join(None if wanted is None else whole_number(str(wanted)) or 0)

    async def _pass_on(self, request: web.Request) -> web.Response:
        """Pass the request to the preview. Presses wait their turn, so they never run during a time jump."""
        if request.method == "POST" and request.path == "/api/action":
            async with self._stage.turn:
                return await self._ask_preview(request)
        try:
            return await self._ask_preview(request)
        except aiohttp.ClientError:  # the place was just left
            async with self._stage.turn:
                return await self._ask_preview(request)

    async def _ask_preview(self, request: web.Request) -> web.Response:
        port, _ = self._stage.preview_address
        if request.headers.get(_CAPABILITY) in self._stage.left:
            return web.Response(status=204)  # browsers log failures, and the frame that asks is about to go
        path = "/" if request.path == "/discord" else request.path_qs
        headers = {
            name: value
            for name, value in request.headers.items()
            if name.lower() in _PASSED_ON or name.lower().startswith("x-simcord")
        }
        async with self._http.request(
            request.method, f"http://127.0.0.1:{port}{path}", headers=headers, data=await request.read()
        ) as answer:
            body = await answer.read()
            kept = {name: value for name, value in answer.headers.items() if name.lower() not in _DROPPED}
            status = answer.status
        if status == 410 or (status == 404 and path.startswith("/api/assets/")):
            status, body = (
                204,
                b"",
            )  # likewise, from a preview that closes, or for the picture of an edited message
        policy = kept.get("Content-Security-Policy", "")
        kept["Content-Security-Policy"] = policy.replace("frame-ancestors 'none'", "frame-ancestors 'self'")
        return web.Response(status=status, body=client.adapt(path, body), headers=kept)


@asynccontextmanager
async def page_of(stage: Stage) -> AsyncIterator[Page]:
    """Open the page of a stage."""
    async with aiohttp.ClientSession() as http:
        yield Page(stage, http)


async def world(stage: Stage) -> dict[str, Any]:
    """Return everything the page shows around the channel."""
    person = stage.person
    _, secret = stage.preview_address
    due = await next_due(stage.db)
    local = stage.now.astimezone(ZoneInfo(academy.ZONE))
    return {
        "clock": f"{local:%a %-d %b %Y}, {HourCycle.of(academy.LANGUAGE).clock(local)}",
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
    names |= {one.id: name.capitalize() for name, one in stage.world.others.items()}
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
