"""The bot's requests, checked against Discord's own OpenAPI description."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from models import Guild
from models.storage.database import Database
from scheduler.core.errors import DiscordFailure
from scheduler.rooms.ports import Access
from scheduler.servers.resources import CREATABLE
from tests.support.direct import direct
from tests.support.simulated import Academy, academy, reply

DOCUMENT = Path(__file__).parents[4] / "shared" / "discord-openapi.json"


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    if not DOCUMENT.exists():
        pytest.skip(f"Discord's OpenAPI document is not beside this checkout ({DOCUMENT.name})")
    return json.loads(DOCUMENT.read_text("utf-8"))


def operation(document: dict[str, Any], method: str, path: str) -> dict[str, Any]:
    """Return the matching operation with the most fixed path parts."""
    found = [
        (template.count("{"), methods[method.lower()])
        for template, methods in document["paths"].items()
        if method.lower() in methods and re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path)
    ]
    assert found, f"Discord has no {method} {path}"
    return min(found, key=lambda one: one[0])[1]


async def everything_once(world: Academy) -> None:
    """Apply, decide, set hours, book, cancel and let a session end, so that each kind of request is sent."""
    await world.open_for_booking()
    await world.apply(world.other_student, **{"About you": "Me too."})
    form = await world.admin.click(world.card, label="Reject…")
    await world.admin.submit_modal(form, {"Reason": "Not yet."})
    panel = reply(await world.coach.slash(world.lobby, "availability"))
    await world.coach.click(panel, label="Edit hours…")
    kept = await world.book(world.student, "11:00", notes="Vocals.")
    await world.book(world.other_student, "16:00")
    panel = reply(await world.other_student.slash(world.lobby, "sessions"))
    form = await world.other_student.click(panel, label="Cancel…")
    await world.other_student.submit_modal(form, {"Reason": "Ill."})
    await world.wait_until(kept.ends_at + world.minutes(16))


def held_against(document: dict[str, Any], requests: list[Any]) -> set[str]:
    """Return the operations used. Fails if one doesn't match the description."""
    asked = set()
    for request in requests:
        described = operation(document, request.method, request.path)
        asked.add(described["operationId"])
        content = described.get("requestBody", {}).get("content", {})
        if request.json is None or "application/json" not in content:
            continue
        schema = content["application/json"]["schema"] | {"components": document["components"]}
        # Ids are strings on the wire; discord.py writes some as numbers, which Discord accepts.
        body = json.loads(
            json.dumps(request.json), parse_int=lambda digits: digits if len(digits) > 16 else int(digits)
        )
        for file in body.get("attachments", ()) if isinstance(body, dict) else ():
            file["id"] = str(file["id"])
        if described["operationId"] == "create_guild_role":
            body["permissions"] = int(body["permissions"])  # a string, as Discord's guide to permissions has it
        problems = [error.message for error in Draft202012Validator(schema).iter_errors(body)]
        assert not problems, f"{request.method} {request.path}: {problems} in {body}"
    return asked


async def test_every_request_matches_discords_description(db: Database, document: dict[str, Any]) -> None:
    async with academy(db) as world:
        await everything_once(world)

        requests = list(world.env.http_requests)

    assert {
        "bulk_set_application_commands",
        "create_guild_channel",
        "update_channel",
        "delete_channel",
        "create_message",
        "update_message",
        "create_dm",
        "add_guild_member_role",
        "create_interaction_response",
    } <= held_against(document, requests)


async def test_requests_for_roles_categories_and_room_chats_match_the_description(
    db: Database, document: dict[str, Any]
) -> None:
    async with direct(db) as here:
        here.fill("Coaching")
        here.pinged.append(here.world.student.id)
        room = here.a_room(role_intended_at=here.world.now)
        made = await here.port.ensure_room(room)
        role_id = await here.port.ensure_role(room)
        room = replace(room, channel_id=made, role_id=role_id)
        await here.port.open_room(room, Access((here.world.student.id,), video=True, role_id=role_id))
        await here.port.deliver(here.a_context(channel_id=made))
        await here.port.deliver(here.a_context(channel_id=made, maybe_sent=True))
        for place in CREATABLE:
            await here.port.ensure_place(Guild(id=here.world.guild.id), place)
        here.refuse("DELETE", "/channels/*")
        with pytest.raises(DiscordFailure):
            await here.port.remove_room(room, even_if_occupied=False)
        await here.port.remove_room(room, even_if_occupied=False)

        requests = list(here.world.env.http_requests)

    assert {
        "create_guild_channel",
        "create_guild_role",
        "list_guild_roles",
        "delete_guild_role",
        "add_guild_member_role",
        "update_channel",
        "create_message",
        "list_messages",
        "update_message",
        "get_guild",
        "get_guild_member",
    } <= held_against(document, requests)
