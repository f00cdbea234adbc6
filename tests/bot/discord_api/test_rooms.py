"""Where rooms are created, and that they're recognised whatever people do to them."""

import asyncio
import datetime as dt
from dataclasses import replace
from typing import Any

import discord
import pytest

from scheduler.core.errors import DiscordFailure, RoomGone
from scheduler.rooms.ports import Access, Removal, RoomSeen
from tests.support.direct import NAME, Direct
from tests.support.simulated import lost_answers


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


async def test_a_full_category_is_followed_by_the_next_ones(here: Direct):
    here.fill("Coaching")
    first = await here.port.ensure_room(here.a_room())
    second = await here.port.ensure_room(here.a_room(name="coaching-session-def"))
    here.fill("Coaching", "Coaching 2")

    third = await here.port.ensure_room(here.a_room(name="coaching-session-ghi"))

    assert [category_of(here, one) for one in (first, second, third)] == ["Coaching 2", "Coaching 2", "Coaching 3"]
    assert categories(here) == ["Coaching", "Coaching 2", "Coaching 3"]


async def test_a_room_in_another_category_is_hidden_too(here: Direct):
    here.fill("Coaching")

    await here.port.ensure_room(here.a_room())

    made = [body for body in here.asked("POST", "/channels") if body["name"] == NAME]
    assert len(made) == 2
    assert made[0]["permission_overwrites"] == made[1]["permission_overwrites"]
    assert {one["id"] for one in made[1]["permission_overwrites"]} == {
        here.world.guild.id,
        here.backend.bot_user.id,
    }


async def test_an_existing_category_with_the_next_name_is_used(here: Direct):
    theirs = here.world.guild.create_category("Coaching 2")
    here.fill("Coaching")

    made = await here.port.ensure_room(here.a_room())

    assert here.backend.channels[made].parent_id == theirs.id
    assert categories(here) == ["Coaching", "Coaching 2"]


async def test_a_deleted_category_is_replaced_by_one_with_the_default_name(here: Direct):
    here.backend.delete_channel(here.world.rooms.id)

    made = [await here.port.ensure_room(here.a_room(name=f"coaching-session-{one}")) for one in "ab"]

    assert [category_of(here, one) for one in made] == ["Coaching 2", "Coaching 2"]
    assert categories(here) == ["Coaching 2"]


async def test_a_category_being_deleted_is_skipped(here: Direct):
    here.refuse_category(
        lambda category: category == here.world.rooms.id, "CHANNEL_PARENT_INVALID", "Category does not exist"
    )

    made = await here.port.ensure_room(here.a_room())

    assert category_of(here, made) == "Coaching 2"


async def test_a_category_whose_answer_was_lost_is_found_by_name(here: Direct):
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


async def test_rooms_created_together_share_the_next_category(here: Direct, monkeypatch: pytest.MonkeyPatch):
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


async def test_a_refused_new_category_is_not_retried(here: Direct):
    here.refuse_category(lambda _: True, "CHANNEL_PARENT_INVALID", "Category does not exist")

    for _ in range(3):  # as often as it's tried
        with pytest.raises(DiscordFailure, match="Category does not exist"):
            await here.port.ensure_room(here.a_room())

    assert categories(here) == ["Coaching", "Coaching 2"]


async def test_a_server_without_a_category_gets_none(here: Direct):
    made = await here.port.ensure_room(here.a_room(category_id=None))

    assert category_of(here, made) is None
    assert categories(here) == ["Coaching"]


async def test_other_errors_do_not_create_another_category(here: Direct):
    here.refuse(
        "POST", "/guilds/*/channels", status=400, code=50035, message="Invalid Form Body\nIn name: Too long"
    )

    with pytest.raises(DiscordFailure, match="In name: Too long") as failure:
        await here.port.ensure_room(here.a_room())

    assert not failure.value.for_admins
    assert categories(here) == ["Coaching"]


async def test_a_server_with_500_channels_is_reported_to_admins(here: Direct):
    here.refuse("POST", "/guilds/*/channels", status=400, code=30013, message="Maximum number of guild channels")

    with pytest.raises(DiscordFailure, match="has 500 channels") as failure:
        await here.port.ensure_room(here.a_room())

    assert failure.value.for_admins


async def test_a_room_deleted_just_before_opening_is_reported_lost(here: Direct):
    made = await here.port.ensure_room(here.a_room())
    here.refuse("PATCH", f"/channels/{made}", status=404, code=10003)

    with pytest.raises(RoomGone):
        await here.port.open_room(here.a_room(channel_id=made), Access((here.world.coach.id,), video=True))


async def test_a_room_renamed_and_moved_by_hand_is_kept_and_finally_deleted(here: Direct):
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
async def test_people_can_attach_files_but_stream_only_in_video_sessions(here: Direct, video: bool):
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


async def test_all_voice_channels_are_listed_whoever_created_them(here: Direct):
    theirs = here.world.guild.create_voice_channel("Lounge")
    made = await here.port.ensure_room(here.a_room())

    seen = await here.port.voice_rooms(here.world.guild.id)

    assert sorted(seen, key=lambda one: one.id) == [
        RoomSeen(theirs.id, "Lounge", as_we_make_it=False),
        RoomSeen(made, NAME, as_we_make_it=True),
    ]


async def test_a_server_without_the_bot_lists_no_rooms(here: Direct):
    with pytest.raises(DiscordFailure, match="not in this server any more"):
        await here.port.voice_rooms(4711)


async def test_a_twin_with_someone_inside_is_kept(here: Direct):
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


async def test_an_unknown_twin_is_deleted_with_its_room(here: Direct):
    made = await here.port.ensure_room(here.a_room())
    twin = here.world.guild.create_voice_channel(NAME)
    let_look_like(here, twin.id, made)

    await here.port.remove_room(here.a_room(channel_id=made), even_if_occupied=True)

    assert room_channels(here) == []


@pytest.mark.parametrize("is_cloned", [False, True], ids=["made by hand", "cloned from the room"])
async def test_anothers_channel_with_the_rooms_name_is_never_used_or_deleted(here: Direct, is_cloned: bool):
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


async def test_a_channel_created_by_hand_is_not_taken_for_the_missing_room(here: Direct):
    theirs = here.world.guild.create_voice_channel(NAME)

    made = await here.port.ensure_room(here.a_room())

    assert made != theirs.id
    assert {one.id for one in room_channels(here)} == {theirs.id, made}


async def test_a_known_room_that_is_gone_is_created_again_any_time_later(here: Direct):
    first = await here.port.ensure_room(here.a_room())
    room = here.a_room(channel_id=first)
    here.backend.delete_channel(first)
    await here.world.wait_until(here.world.now + dt.timedelta(minutes=10))

    second = await here.port.ensure_room(room)

    assert second != first
    assert [one.id for one in room_channels(here)] == [second]
