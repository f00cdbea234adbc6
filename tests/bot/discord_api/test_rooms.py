"""Where rooms are created, and that they're recognised whatever people do to them."""

import asyncio
import datetime as dt
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import discord
import pytest

from models.storage.database import Database
from scheduler.core.errors import DiscordFailure, RoomGone
from scheduler.rooms.ports import Access, Removal, RoomSeen
from tests.support.direct import NAME, Direct, direct
from tests.support.simulated import lost_answers


@pytest.fixture
def engine_name() -> str:
    """Requests to Discord don't depend on the engine."""
    return "sqlite"


@pytest.fixture
async def here(db: Database) -> AsyncIterator[Direct]:
    async with direct(db) as here:
        yield here


def categories(here: Direct) -> list[str]:
    return sorted(one.name for one in here.channels(discord.ChannelType.category).values())


def room_channels(here: Direct) -> list[Any]:
    return list(here.channels(discord.ChannelType.voice).values())


def let_look_like(here: Direct, channel_id: int, other_id: int) -> None:
    """Give one the other's overwrites, as a repeated request or Discord's "Clone Channel" would."""
    here.backend.channels[channel_id].overwrites[:] = here.backend.channels[other_id].overwrites


def category_of(here: Direct, channel_id: int) -> str | None:
    parent_id = here.backend.channels[channel_id].parent_id
    return here.backend.channels[parent_id].name if parent_id else None


async def test_where_a_category_is_full_the_next_one_is_made_and_used_and_then_the_one_after(here: Direct):
    here.fill("Coaching")
    first = await here.port.ensure_room(here.a_room())
    second = await here.port.ensure_room(here.a_room(name="coaching-session-def"))
    here.fill("Coaching", "Coaching 2")

    third = await here.port.ensure_room(here.a_room(name="coaching-session-ghi"))

    assert [category_of(here, one) for one in (first, second, third)] == ["Coaching 2", "Coaching 2", "Coaching 3"]
    assert categories(here) == ["Coaching", "Coaching 2", "Coaching 3"]


async def test_a_room_in_another_category_is_as_hidden(here: Direct):
    here.fill("Coaching")

    await here.port.ensure_room(here.a_room())

    made = [body for body in here.asked("POST", "/channels") if body["name"] == NAME]
    assert len(made) == 2
    assert made[0]["permission_overwrites"] == made[1]["permission_overwrites"]
    assert {one["id"] for one in made[1]["permission_overwrites"]} == {
        here.world.guild.id,
        here.backend.bot_user.id,
    }


async def test_a_category_of_the_next_name_that_is_there_already_is_used(here: Direct):
    theirs = here.world.guild.create_category("Coaching 2")
    here.fill("Coaching")

    made = await here.port.ensure_room(here.a_room())

    assert here.backend.channels[made].parent_id == theirs.id
    assert categories(here) == ["Coaching", "Coaching 2"]


async def test_a_category_that_is_gone_is_replaced_by_one_of_the_usual_name(here: Direct):
    here.backend.delete_channel(here.world.rooms.id)

    made = [await here.port.ensure_room(here.a_room(name=f"coaching-session-{one}")) for one in "ab"]

    assert [category_of(here, one) for one in made] == ["Coaching 2", "Coaching 2"]
    assert categories(here) == ["Coaching 2"]


async def test_a_category_that_is_deleted_at_this_moment_is_passed_over(here: Direct):
    here.refuse_category(
        lambda category: category == here.world.rooms.id, "CHANNEL_PARENT_INVALID", "Category does not exist"
    )

    made = await here.port.ensure_room(here.a_room())

    assert category_of(here, made) == "Coaching 2"


async def test_after_a_lost_answer_the_category_that_was_made_is_found_by_its_name(here: Direct):
    here.fill("Coaching")
    with (
        lost_answers(here.world, "POST", "/guilds/*/channels") as lost,
        pytest.raises(DiscordFailure, match="did not answer"),
    ):
        await here.port.ensure_room(here.a_room())

    made = await here.port.ensure_room(here.a_room())

    assert lost
    assert categories(here) == ["Coaching", "Coaching 2"]
    assert category_of(here, made) == "Coaching 2"


async def test_rooms_that_are_made_at_once_share_the_next_category(here: Direct, monkeypatch: pytest.MonkeyPatch):
    here.fill("Coaching")
    http: Any = here.world.env.bot.http
    request = http.request

    async def in_turns(route: Any, **kwargs: Any) -> Any:
        await asyncio.sleep(0)  # yield, as a network request does
        return await request(route, **kwargs)

    monkeypatch.setattr(http, "request", in_turns)

    made = await asyncio.gather(
        *(here.port.ensure_room(here.a_room(name=f"coaching-session-{one}")) for one in "abcdef")
    )

    assert {category_of(here, one) for one in made} == {"Coaching 2"}
    assert categories(here) == ["Coaching", "Coaching 2"]


async def test_where_even_a_new_category_is_refused_no_further_one_is_made(here: Direct):
    here.refuse_category(lambda _: True, "CHANNEL_PARENT_INVALID", "Category does not exist")

    for _ in range(3):  # as often as it's tried
        with pytest.raises(DiscordFailure, match="Category does not exist"):
            await here.port.ensure_room(here.a_room())

    assert categories(here) == ["Coaching", "Coaching 2"]


async def test_without_a_category_the_room_is_made_outside_and_no_category_is_made(here: Direct):
    made = await here.port.ensure_room(here.a_room(category_id=None))

    assert category_of(here, made) is None
    assert categories(here) == ["Coaching"]


async def test_another_fault_in_the_request_is_no_reason_for_another_category(here: Direct):
    here.refuse(
        "POST", "/guilds/*/channels", status=400, code=50035, message="Invalid Form Body\nIn name: Too long"
    )

    with pytest.raises(DiscordFailure, match="In name: Too long") as failure:
        await here.port.ensure_room(here.a_room())

    assert not failure.value.for_admins
    assert categories(here) == ["Coaching"]


async def test_a_server_with_500_channels_is_for_its_admins_to_clean_up(here: Direct):
    here.refuse("POST", "/guilds/*/channels", status=400, code=30013, message="Maximum number of guild channels")

    with pytest.raises(DiscordFailure, match="has 500 channels") as failure:
        await here.port.ensure_room(here.a_room())

    assert failure.value.for_admins


async def test_a_room_that_vanishes_between_the_look_and_the_opening_is_gone(here: Direct):
    made = await here.port.ensure_room(here.a_room())
    here.refuse("PATCH", f"/channels/{made}", status=404, code=10003)

    with pytest.raises(RoomGone):
        await here.port.open_room(here.a_room(channel_id=made), Access((here.world.coach.id,), video=True))


async def test_a_room_that_was_renamed_and_moved_by_hand_is_kept_and_removed_in_the_end(here: Direct):
    room = here.a_room()
    made = await here.port.ensure_room(room)
    here.backend.edit_channel(made, {"name": "their-own-name", "parent_id": None})
    known = replace(room, channel_id=made)

    again = await here.port.ensure_room(known)
    await here.port.open_room(known, Access((here.world.coach.id, here.world.student.id), video=True))

    [channel] = room_channels(here)
    assert again == made == channel.id
    assert (channel.name, channel.parent_id) == ("their-own-name", None)
    assert here.world.sees(here.world.student, here.world.guild.channels["their-own-name"])
    assert await here.port.remove_room(known, even_if_occupied=False) is Removal.REMOVED
    assert room_channels(here) == []


@pytest.mark.parametrize("video", [True, False])
async def test_people_may_attach_files_in_the_rooms_chat_and_stream_in_video_sessions_only(
    here: Direct, video: bool
):
    made = await here.port.ensure_room(here.a_room())

    await here.port.open_room(here.a_room(channel_id=made), Access((here.world.student.id,), video=video))

    [opened] = here.asked("PATCH", f"/channels/{made}")
    given = {one["id"]: int(one["allow"]) for one in opened["permission_overwrites"]}[here.world.student.id]
    expected = discord.Permissions(
        view_channel=True,
        connect=True,
        speak=True,
        send_messages=True,
        read_message_history=True,
        attach_files=True,
        stream=video,
    )
    assert dict(discord.Permissions(given)) == dict(expected)


async def test_all_voice_rooms_of_a_server_are_told_whoever_made_them(here: Direct):
    theirs = here.world.guild.create_voice_channel("Lounge")
    made = await here.port.ensure_room(here.a_room())

    seen = await here.port.voice_rooms(here.world.guild.id)

    assert sorted(seen, key=lambda one: one.id) == [
        RoomSeen(theirs.id, "Lounge", as_we_make_it=False),
        RoomSeen(made, NAME, as_we_make_it=True),
    ]


async def test_of_a_server_in_which_the_bot_is_not_nothing_is_told(here: Direct):
    with pytest.raises(DiscordFailure, match="not in this server any more"):
        await here.port.voice_rooms(4711)


async def test_a_twin_with_somebody_inside_is_not_taken_from_them(here: Direct):
    room = here.a_room()
    with here.twice("POST", "/guilds/{guild_id}/channels"):
        made = await here.port.ensure_room(room)
    await here.world.env.settle()
    assert [one.id for one in room_channels(here)] == [made]
    twin = here.world.guild.create_voice_channel(NAME)
    await here.world.student.join_voice(twin)
    let_look_like(here, twin.id, made)

    await here.port.ensure_room(replace(room, channel_id=made))

    assert {one.id for one in room_channels(here)} == {made, twin.id}


async def test_a_channel_from_before_the_intent_is_never_ours(here: Direct):
    older = here.world.guild.create_voice_channel(NAME)
    await here.world.wait_until(here.world.now + dt.timedelta(minutes=3))

    made = await here.port.ensure_room(here.a_room())

    assert {one.id for one in room_channels(here)} == {older.id, made}
    assert older.id != made


async def test_a_twin_that_nobody_heard_of_goes_with_its_room(here: Direct):
    made = await here.port.ensure_room(here.a_room())
    twin = here.world.guild.create_voice_channel(NAME)
    let_look_like(here, twin.id, made)

    await here.port.remove_room(here.a_room(channel_id=made), even_if_occupied=True)

    assert room_channels(here) == []


@pytest.mark.parametrize("is_cloned", [False, True], ids=["made by hand", "cloned from the room"])
async def test_a_channel_of_somebody_elses_with_the_rooms_name_is_never_taken_or_removed(
    here: Direct, is_cloned: bool
):
    room = here.a_room()
    made = await here.port.ensure_room(room)
    await here.world.wait_until(here.world.now + dt.timedelta(minutes=3))
    theirs = here.world.guild.create_voice_channel(NAME)
    if is_cloned:
        let_look_like(here, theirs.id, made)
    known = replace(room, channel_id=made)

    again = await here.port.ensure_room(known)
    await here.port.remove_room(known, even_if_occupied=True)

    assert again == made
    assert [one.id for one in room_channels(here)] == [theirs.id]
    with pytest.raises(RoomGone):
        await here.port.open_room(known, Access((here.world.coach.id,), video=True))


async def test_a_channel_that_somebody_made_by_hand_while_the_room_was_missing_is_not_taken_for_it(here: Direct):
    theirs = here.world.guild.create_voice_channel(NAME)

    made = await here.port.ensure_room(here.a_room())

    assert made != theirs.id
    assert {one.id for one in room_channels(here)} == {theirs.id, made}


async def test_a_room_whose_id_is_known_and_that_is_gone_is_made_again_however_much_later(here: Direct):
    first = await here.port.ensure_room(here.a_room())
    room = here.a_room(channel_id=first)
    here.backend.delete_channel(first)
    await here.world.wait_until(here.world.now + dt.timedelta(minutes=10))

    second = await here.port.ensure_room(room)

    assert second != first
    assert [one.id for one in room_channels(here)] == [second]
