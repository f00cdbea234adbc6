"""A role per session: created once, given to its two people, deleted with the room."""

import datetime as dt
from dataclasses import replace

import discord
import pytest

from bot.discord_api.permissions import ROOM_GUEST
from scheduler.core.errors import DiscordFailure
from scheduler.rooms.ports import Access, Removal, RoomSpec
from tests.support.direct import NAME, Direct
from tests.support.simulated import lost_answers


def roles(here: Direct) -> list[int]:
    """Return the ids of all roles named like the session's."""
    return sorted(one.id for one in here.world.guild._guild.roles.values() if one.name == NAME)


def holds(here: Direct, person_id: int, role_id: int) -> bool:
    return role_id in here.world.guild._guild.members[person_id].role_ids


async def a_closed_room(here: Direct) -> RoomSpec:
    """Return a hidden room with a role that nobody has."""
    room = here.a_room(role_intended_at=here.world.now)
    channel_id = await here.port.ensure_room(room)
    role_id = await here.port.ensure_role(room)
    await here.world.env.settle()
    return replace(room, channel_id=channel_id, role_id=role_id)


async def test_the_role_grants_nothing_and_is_created_once(here: Direct):
    room = here.a_room(role_intended_at=here.world.now)

    first = await here.port.ensure_role(room)
    by_name = await here.port.ensure_role(room)
    by_id = await here.port.ensure_role(replace(room, role_id=first))

    assert [first, by_name, by_id] == [first] * 3
    [made] = here.asked("POST", "/roles")
    assert (made["name"], int(made["permissions"])) == (NAME, 0)
    assert (made["hoist"], made["mentionable"]) == (False, False)


async def test_an_open_room_is_seen_by_the_two_with_its_role(here: Direct):
    world, room = here.world, await a_closed_room(here)
    assert room.role_id
    channel = world.room("abc")
    assert not world.sees(world.student, channel)

    await here.port.open_room(room, Access((world.coach.id, world.student.id), video=False, role_id=room.role_id))

    [opened] = here.asked("PATCH", f"/channels/{room.channel_id}")
    allowed = {one["id"]: (one["type"], int(one["allow"])) for one in opened["permission_overwrites"]}
    assert allowed[room.role_id] == (0, ROOM_GUEST.value)
    assert set(allowed) == {world.guild.id, here.backend.bot_user.id, room.role_id}
    assert [world.sees(one, channel) for one in (world.coach, world.student, world.outsider)] == [
        True,
        True,
        False,
    ]


async def test_opening_twice_gives_the_role_once(here: Direct):
    world, room = here.world, await a_closed_room(here)
    access = Access((world.coach.id, world.student.id), video=False, role_id=room.role_id)

    await here.port.open_room(room, access)
    await world.env.settle()
    await here.port.open_room(room, access)

    assert len(here.asked("PUT", f"/roles/{room.role_id}")) == 2


async def test_someone_who_left_is_skipped_and_the_other_is_let_in(here: Direct):
    world, room = here.world, await a_closed_room(here)
    world.guild.remove_member(world.coach)

    await here.port.open_room(room, Access((world.coach.id, world.student.id), video=False, role_id=room.role_id))

    assert world.sees(world.student, world.room("abc"))


async def test_the_role_is_deleted_with_the_room(here: Direct):
    room = await a_closed_room(here)

    removed = await here.port.remove_room(room, even_if_occupied=False)

    assert removed is Removal.REMOVED
    assert here.world.room("abc") is None
    assert roles(here) == []


async def test_the_role_stays_while_someone_is_in_the_room(here: Direct):
    world, room = here.world, await a_closed_room(here)
    access = Access((world.coach.id, world.student.id), video=False, role_id=room.role_id)
    await here.port.open_room(room, access)
    channel = world.room("abc")
    assert channel is not None
    await world.student.join_voice(channel)

    removed = await here.port.remove_room(room, even_if_occupied=False)

    assert removed is Removal.OCCUPIED
    assert roles(here) == [room.role_id]


async def test_the_role_is_deleted_even_if_the_room_is_gone(here: Direct):
    room = await a_closed_room(here)
    assert room.channel_id
    here.backend.delete_channel(room.channel_id)

    removed = await here.port.remove_room(replace(room, role_id=None), even_if_occupied=False)

    assert removed is Removal.REMOVED
    assert roles(here) == []


async def test_a_role_whose_answer_was_lost_is_found_by_name(here: Direct):
    room = here.a_room(role_intended_at=here.world.now)
    with lost_answers(here.world, "POST", "/guilds/*/roles") as lost, pytest.raises(DiscordFailure):
        await here.port.ensure_role(room)

    found = await here.port.ensure_role(room)

    assert lost
    assert roles(here) == [found]


async def test_a_twin_left_by_a_repeated_request_is_deleted(here: Direct):
    with here.twice("POST", "/guilds/{guild_id}/roles"):
        kept = await here.port.ensure_role(here.a_room(role_intended_at=here.world.now))

    assert len(here.asked("POST", "/roles")) == 2
    assert roles(here) == [kept]


async def test_twins_after_a_crash_are_resolved_by_a_retry_or_finally_deleted(here: Direct):
    room = await a_closed_room(here)
    here.world.guild.create_role(NAME)
    assert len(roles(here)) == 2

    settled = await here.port.ensure_role(room)
    assert roles(here) == [settled] == [room.role_id]
    here.world.guild.create_role(NAME)
    await here.port.remove_room(room, even_if_occupied=False)

    assert roles(here) == []


async def test_a_role_from_before_the_intent_is_never_ours(here: Direct):
    older = here.world.guild.create_role(NAME)
    await here.world.wait_until(here.world.now + dt.timedelta(minutes=3))
    room = await a_closed_room(here)
    assert room.role_id != older.id

    await here.port.remove_room(room, even_if_occupied=False)

    assert roles(here) == [older.id]


async def test_a_session_without_a_role_causes_no_role_requests(here: Direct):
    room = here.a_room()
    made = await here.port.ensure_room(room)
    await here.port.open_room(room, Access((here.world.coach.id, here.world.student.id), video=False))

    await here.port.remove_room(replace(room, channel_id=made), even_if_occupied=False)

    assert [one.path for one in here.world.env.http_requests if "/roles" in one.path] == []


async def test_a_role_deleted_by_hand_is_created_again(here: Direct):
    world, room = here.world, await a_closed_room(here)
    access = Access((world.coach.id, world.student.id), video=False, role_id=room.role_id)
    here.backend.delete_role(world.guild.id, room.role_id)

    with pytest.raises(DiscordFailure, match="the session's role no longer exists") as failure:
        await here.port.open_room(room, access)
    again = await here.port.ensure_role(room)
    await here.port.open_room(replace(room, role_id=again), replace(access, role_id=again))

    assert not failure.value.for_admins
    assert world.sees(world.student, world.room("abc"))
    assert holds(here, world.coach.id, again)


async def test_a_server_with_250_roles_is_reported_to_admins(here: Direct):
    here.refuse("POST", "/guilds/*/roles", status=400, code=30005)

    with pytest.raises(DiscordFailure, match="has 250 roles") as failure:
        await here.port.ensure_role(here.a_room(role_intended_at=here.world.now))

    assert failure.value.for_admins


@pytest.mark.parametrize("made_later", [False, True], ids=["that gives something", "made later"])
async def test_anothers_role_with_the_sessions_name_is_never_used_or_deleted(here: Direct, made_later: bool):
    room = here.a_room(role_intended_at=here.world.now)
    made = await here.port.ensure_role(room)
    if made_later:
        await here.world.wait_until(here.world.now + dt.timedelta(minutes=3))
    theirs = here.world.guild.create_role(NAME, permissions=discord.Permissions(speak=not made_later))
    known = replace(room, role_id=made)

    again = await here.port.ensure_role(known)
    await here.port.remove_room(known, even_if_occupied=True)

    assert again == made
    assert [one.id for one in here.world.guild._guild.roles.values() if one.name == NAME] == [theirs.id]
