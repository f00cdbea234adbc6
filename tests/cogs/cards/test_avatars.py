"""Coaches' avatars in the list, on the profile, and before confirming."""

from typing import Any

import pytest
from sqlalchemy import update

from models import Coach
from tests.cogs.booking.people import Visitor, a_coach, components
from tests.support.simulated import Academy, reply
from tests.support.transactions import fetch

THUMBNAIL = 11
OWN, IN_SERVER = "a" * 32, "b" * 32

pytestmark = pytest.mark.usefixtures("open_world")


def avatars(message: Any) -> list[str]:
    """Return the addresses of a message's thumbnails, without the size."""
    return [one["media"]["url"].partition("?")[0] for one in components(message, THUMBNAIL)]


async def test_a_coachs_avatar_is_shown_after_their_next_press(world: Academy) -> None:
    world.env.backend.users[world.coach.id].avatar = OWN
    before = (await Visitor(world, world.student).slash("book")).panel

    await world.coach.slash(world.lobby, "sessions")

    url = f"https://cdn.discordapp.com/avatars/{world.coach.id}/{OWN}.png"
    stu = await Visitor(world, world.student).slash("book")
    assert (avatars(before), avatars(stu.panel)) == ([], [url])
    await stu.press("Book", "14:00")
    assert avatars(stu.panel) == [url]
    profile = await world.student.slash(world.lobby, "coach profile", member=world.coach)
    assert avatars(reply(profile)) == [url]


async def test_the_servers_own_avatar_wins_and_a_removed_one_goes(world: Academy) -> None:
    world.env.backend.users[world.coach.id].avatar = OWN
    member = world.guild._guild.members[world.coach.id]
    stored = []

    for avatar, own in ((IN_SERVER, OWN), (None, OWN), (None, None)):
        member.avatar, world.env.backend.users[world.coach.id].avatar = avatar, own
        await world.coach.slash(world.lobby, "sessions")
        stored.append((await fetch(world.db, Coach, (world.guild.id, world.coach.id))).avatar_url)

    assert stored[2] is None
    assert [IN_SERVER in (stored[0] or ""), OWN in (stored[1] or "")] == [True, True]


async def test_who_used_the_bot_before_applying_has_an_avatar_at_once(world: Academy) -> None:
    world.env.backend.users[world.outsider.id].avatar = OWN
    await world.outsider.slash(world.lobby, "sessions")

    await world.apply(world.outsider)

    assert OWN in ((await fetch(world.db, Coach, (world.guild.id, world.outsider.id))).avatar_url or "")


@pytest.mark.slow
async def test_a_full_page_of_coaches_has_room_for_avatars(world: Academy) -> None:
    for number in range(5):
        await a_coach(world, f"v{number}", hours="9-12")
    url = f"https://cdn.discordapp.com/avatars/1/{OWN}.png"
    async with world.db.begin() as session:
        await session.execute(update(Coach).values(avatar_url=url))

    stu = await Visitor(world, world.student).slash("book")

    assert avatars(stu.panel) == [url] * 5
    assert stu.buttons == [*["Book"] * 5, "▶", "Nothing suits? Tell me when…"]
