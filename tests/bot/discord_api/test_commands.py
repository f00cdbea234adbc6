"""Which commands are registered where, and that none is listed twice."""

from typing import Any

import pytest
from sqlalchemy import delete

from bot.app import CoachBot
from models import Heartbeat
from scheduler.servers.settings import GuildDefaults
from tests.support.simulated import Academy, reply, words

EVERYWHERE = {"credits", "series", "sessions", "timezone"}
IN_SERVERS = {"availability", "book", "coach", "coaching", "workshop"}
MOST_CHARACTERS, MOST_SUBCOMMANDS = 8000, 25
"""Discord's limits for one command with all its subcommands: https://docs.discord.com/developers/interactions."""


def names(world: Academy, guild_id: int | None) -> set[str]:
    return {name for name, _kind in world.env.backend.commands.get(guild_id, {})}


def ids(world: Academy) -> dict[Any, Any]:
    return {place: {one["id"] for one in all_.values()} for place, all_ in world.env.backend.commands.items()}


def changes(world: Academy) -> list[str]:
    """Return the paths of all requests so far that registered commands."""
    return [one.path for one in world.env.backend.http_requests if one.path.endswith("/commands")]


async def start(world: Academy, *, home: bool) -> None:
    """Start another bot, with the academy as its home server or without one."""
    env = world.env
    home_id = world.guild.id if home else None
    await env.restart_bot(CoachBot(world.db, GuildDefaults(), home_guild_id=home_id, clock=env.now))


def test_a_bot_for_all_servers_has_all_commands_everywhere(world: Academy) -> None:
    assert names(world, None) == EVERYWHERE | IN_SERVERS
    assert names(world, world.guild.id) == set()


async def test_only_what_works_in_direct_messages_is_registered_outside_the_home_server(world: Academy) -> None:
    await start(world, home=True)

    assert names(world, None) == EVERYWHERE
    assert names(world, world.guild.id) == IN_SERVERS
    assert "sessions" in world.student.available_commands(world.lobby)
    assert "book" in world.student.available_commands(world.lobby)


async def test_starting_again_changes_nothing(world: Academy) -> None:
    for home in (False, True):
        await start(world, home=home)
        before, requests = ids(world), len(changes(world))

        await start(world, home=home)

        assert ids(world) == before
        assert len(changes(world)) == requests + 1 + home


async def test_a_former_home_server_keeps_no_commands_of_its_own(world: Academy) -> None:
    await start(world, home=True)
    await start(world, home=False)

    assert names(world, None) == EVERYWHERE | IN_SERVERS
    assert names(world, world.guild.id) == set()


async def test_commands_listed_twice_by_an_earlier_version_are_removed(world: Academy) -> None:
    everywhere = list(world.env.backend.commands[None].values())
    kept = [{"name": one["name"], "description": "Old"} for one in everywhere]
    world.env.backend.register_commands(world.guild.id, kept)
    async with world.db.begin() as session:
        await session.execute(delete(Heartbeat))

    await start(world, home=False)

    assert names(world, world.guild.id) == set()


async def test_a_server_that_refuses_commands_does_not_stop_the_start(world: Academy) -> None:
    await start(world, home=True)
    path = f"/applications/{world.env.backend.application_id}/guilds/{world.guild.id}/commands"
    world.env.inject_error("PUT", path, status=403, code=50001)

    await start(world, home=False)

    assert "No sessions yet" in words(reply(await world.student.slash(world.lobby, "sessions")))


async def test_a_command_that_no_longer_exists_is_refused_with_what_to_do(world: Academy) -> None:
    world.env.backend.register_commands(world.guild.id, [{"name": "lessons", "description": "Old"}])

    answer = reply(await world.student.slash(world.lobby, "lessons"))

    assert words(answer) == "This command is out of date. Reload Discord to see the current ones."


async def test_only_members_with_manage_server_see_coaching(world: Academy) -> None:
    elsewhere = world.env.create_guild("Elsewhere")
    hall, member = elsewhere.create_text_channel("hall"), elsewhere.add_member(world.student.user)

    seen = member.available_commands(hall)

    assert {name.split()[0] for name in seen} == EVERYWHERE | IN_SERVERS - {"coaching"}
    assert "coaching setup" in world.admin.available_commands(world.lobby)


@pytest.mark.parametrize("name", sorted(EVERYWHERE | IN_SERVERS))
def test_commands_keep_to_discords_limits(world: Academy, name: str) -> None:
    command = world.env.backend.find_command(name, None)
    assert command is not None

    def characters(one: dict[str, Any]) -> int:
        own = len(one["name"]) + len(one["description"])
        choices = (len(choice["name"]) + len(str(choice["value"])) for choice in one.get("choices") or ())
        return own + sum(choices) + sum(map(characters, one.get("options") or ()))

    assert characters(command) <= MOST_CHARACTERS
    assert len(command["options"]) <= MOST_SUBCOMMANDS
