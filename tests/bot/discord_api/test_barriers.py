"""What keeps someone out of a room, as Discord says afterwards."""

import datetime as dt

import discord
import pytest
from simcord.backend.models import Overwrite
from simcord.enums import OverwriteType

from scheduler.attendance.ports import Barrier
from scheduler.core.errors import DiscordFailure
from scheduler.rooms.ports import Access
from tests.support.direct import Direct

CONNECT, VIEW = discord.Permissions(connect=True).value, discord.Permissions(view_channel=True).value


async def an_open_room(here: Direct, *, by_role: bool = False) -> int:
    """Open a room for coach and student, and return its id."""
    both = (here.world.coach.id, here.world.student.id)
    room = here.a_room(role_intended_at=here.world.now if by_role else None)
    role_id = await here.port.ensure_role(room) if by_role else None
    channel_id = await here.port.ensure_room(room)
    opened = here.a_room(channel_id=channel_id, role_id=role_id, role_intended_at=room.role_intended_at)
    await here.port.open_room(opened, Access(both, video=True, role_id=role_id))
    await here.world.env.settle()
    return channel_id


async def barrier(here: Direct, room_id: int | None, **at: float) -> Barrier | None:
    """Return what keeps the student out, this long from now."""
    instant = here.world.now + dt.timedelta(**at)
    return await here.port.barrier(here.world.guild.id, here.world.student.id, room_id, instant)


def time_out(here: Direct, minutes: float) -> None:
    """Time the student out for this many minutes."""
    until = here.world.now + dt.timedelta(minutes=minutes)
    here.world.guild._guild.members[here.world.student.id].timed_out_until = until.isoformat()


@pytest.mark.parametrize("by_role", [False, True], ids=["people", "role"])
async def test_nothing_keeps_people_out_of_their_open_room(here: Direct, by_role: bool) -> None:
    room_id = await an_open_room(here, by_role=by_role)

    assert await barrier(here, room_id) is None


@pytest.mark.parametrize(("minutes", "found"), [(-1, None), (0, Barrier.TIMED_OUT), (30, Barrier.TIMED_OUT)])
async def test_a_past_timeout_counts_if_it_lasted_until_they_were_late(
    here: Direct, minutes: int, found: Barrier | None
) -> None:
    room_id = await an_open_room(here)
    time_out(here, minutes)

    assert await barrier(here, room_id) is found
    assert await barrier(here, None) is found


async def test_someone_not_in_the_server_was_kept_out(here: Direct) -> None:
    room_id = await an_open_room(here)
    here.world.guild.remove_member(here.world.student)

    assert await barrier(here, room_id) is Barrier.LEFT


@pytest.mark.parametrize(
    "permissions", [{"allow": VIEW, "deny": CONNECT}, {"deny": VIEW}, None], ids=["denied", "hidden", "removed"]
)
async def test_the_rooms_own_permissions_can_keep_someone_out(
    here: Direct, permissions: dict[str, int] | None
) -> None:
    room_id = await an_open_room(here)
    room = here.backend.channels[room_id]
    theirs = [Overwrite(here.world.student.id, OverwriteType.MEMBER, **permissions)] if permissions else []
    room.overwrites[:] = [one for one in room.overwrites if one.target_id != here.world.student.id] + theirs
    await here.world.env.settle()

    assert await barrier(here, room_id) is Barrier.SHUT_OUT


async def test_losing_the_sessions_role_keeps_someone_out(here: Direct) -> None:
    room_id = await an_open_room(here, by_role=True)
    here.world.guild._guild.members[here.world.student.id].role_ids.clear()

    assert await barrier(here, room_id) is Barrier.SHUT_OUT


@pytest.mark.parametrize(
    ("limit", "inside", "found"), [(1, False, Barrier.FULL), (2, True, None), (99, True, None), (0, True, None)]
)
async def test_a_reached_user_limit_keeps_someone_out(
    here: Direct, limit: int, inside: bool, found: Barrier | None
) -> None:
    room_id = await an_open_room(here)
    if inside:
        await here.world.coach.join_voice(here.world.room("abc"))
    here.backend.edit_channel(room_id, {"user_limit": limit})
    await here.world.env.settle()

    assert await barrier(here, room_id) is found


async def test_only_the_person_is_checked_if_the_room_is_gone(here: Direct) -> None:
    room_id = await an_open_room(here)
    here.backend.delete_channel(room_id)

    assert await barrier(here, room_id) is None


async def test_no_barrier_is_known_if_discord_does_not_answer(here: Direct) -> None:
    room_id = await an_open_room(here)
    here.refuse("GET", f"/guilds/*/members/{here.world.student.id}", status=500, code=0)

    with pytest.raises(DiscordFailure):
        await barrier(here, room_id)
