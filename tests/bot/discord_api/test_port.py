"""The port when things go wrong at Discord: lost answers, meddling people, people who leave."""

import datetime as dt
from typing import Any

import discord
import pytest
from sqlalchemy import select

from models import CoachingSession, Member, Notification, NotificationKind
from models.storage.database import Database
from tests.support.simulated import UTC, Academy, academy, lost_answers, reply, words
from tests.support.transactions import fetch, fetch_only

START = dt.datetime(2026, 3, 2, 10, tzinfo=UTC)


@pytest.fixture
async def world(db: Database) -> Any:
    """Open an academy with one session, at 11:00 in Berlin."""
    async with academy(db) as world:
        await world.open_for_booking()
        await world.book(world.student, "11:00")
        yield world


def before_start(minutes: float) -> dt.datetime:
    return START - dt.timedelta(minutes=minutes)


async def the_session(world: Academy) -> CoachingSession:
    [only] = await world.sessions()
    return only


def rooms(world: Academy) -> list[int]:
    """Return the ids of all channels named like a session's room."""
    backend = world.env.backend
    names = {one: backend.channels[one].name or "" for one in world.guild._guild.channel_ids}
    return [one for one, name in names.items() if name.startswith("coaching-session-")]


def creations(world: Academy) -> list[Any]:
    """Return the bodies of requests that created voice channels."""
    path = f"/guilds/{world.guild.id}/channels"
    return [one.json for one in world.env.http_requests if (one.method, one.path) == ("POST", path)]


async def test_a_room_is_hidden_from_its_creation_on(world: Academy) -> None:
    await world.wait_until(before_start(15))

    [body] = creations(world)
    everyone = next(one for one in body["permission_overwrites"] if one["id"] == world.guild.id)
    denied = discord.Permissions(int(everyone["deny"]))
    assert denied.view_channel
    assert denied.connect
    assert {one["id"] for one in body["permission_overwrites"]} == {
        world.guild.id,
        world.env.backend.bot_user.id,
    }


async def test_a_room_whose_creation_was_never_answered_is_adopted(world: Academy) -> None:
    with lost_answers(world, "POST", "/guilds/*/channels") as lost:
        await world.wait_until(before_start(14))

    assert lost
    assert len(creations(world)) == 1
    assert rooms(world) == [(await the_session(world)).discord_channel_id]
    assert (await the_session(world)).last_error is None


async def test_a_twin_left_by_a_repeated_request_is_deleted(world: Academy) -> None:
    http: Any = world.env.bot.http
    original = http.request

    async def twice(route: Any, **kwargs: Any) -> Any:
        if route.method == "POST" and route.path == "/guilds/{guild_id}/channels":
            await original(route, **kwargs)  # answered 502, so discord.py repeats it
        return await original(route, **kwargs)

    http.request = twice
    await world.wait_until(before_start(14))

    assert len(creations(world)) == 2
    assert rooms(world) == [(await the_session(world)).discord_channel_id]


@pytest.mark.slow
async def test_a_channel_that_merely_looks_like_ours_is_left_alone(world: Academy) -> None:
    code = (await the_session(world)).code
    await world.wait_until(before_start(60))
    older = world.guild.create_voice_channel(f"coaching-session-{code}")

    await world.wait_until(before_start(5))
    ours = (await the_session(world)).discord_channel_id
    assert set(rooms(world)) == {older.id, ours}
    assert older.id != ours
    await world.wait_until(START + dt.timedelta(minutes=76))

    assert rooms(world) == [older.id]


async def test_a_room_deleted_by_hand_is_created_again_and_opened(world: Academy) -> None:
    await world.wait_until(before_start(10))
    first = (await the_session(world)).discord_channel_id
    assert first is not None
    world.env.backend.delete_channel(first)

    await world.wait_until(before_start(5))

    again = (await the_session(world)).discord_channel_id
    assert rooms(world) == [again]
    assert again != first
    assert world.sees(world.student, world.room((await the_session(world)).code))


@pytest.mark.slow
async def test_overwrites_changed_by_hand_are_corrected_at_the_opening(world: Academy) -> None:
    await world.wait_until(before_start(10))
    room = world.room((await the_session(world)).code)
    assert room is not None
    everyone = next(one for one in room._channel.overwrites if one.target_id == world.guild.id)
    everyone.deny = 0
    assert world.sees(world.outsider, room)

    await world.wait_until(before_start(5))

    assert not world.sees(world.outsider, room)
    assert world.sees(world.coach, room)


@pytest.mark.slow
async def test_an_occupied_room_stays_until_people_leave(world: Academy) -> None:
    await world.wait_until(START)
    room = world.room((await the_session(world)).code)
    assert room is not None
    await world.student.join_voice(room)

    await world.wait_until(START + dt.timedelta(minutes=64))
    await world.leap_to(START + dt.timedelta(minutes=90))
    assert rooms(world) == [room.id]
    await world.student.leave_voice()
    await world.wait_until(START + dt.timedelta(minutes=92))

    assert rooms(world) == []


@pytest.mark.slow
async def test_an_occupied_room_is_deleted_at_the_hard_limit(world: Academy) -> None:
    await world.wait_until(START)
    room = world.room((await the_session(world)).code)
    assert room is not None
    await world.student.join_voice(room)
    await world.restart()

    for minutes in (60, 60 + 15, 60 + 15 + 59):
        await world.leap_to(START + dt.timedelta(minutes=minutes))
    assert rooms(world) == [room.id]
    await world.leap_to(START + dt.timedelta(minutes=60 + 15 + 61))

    assert rooms(world) == []


async def test_a_refusal_is_stored_on_the_row_and_recovers(world: Academy) -> None:
    world.env.inject_error("POST", f"/guilds/{world.guild.id}/channels", status=403, code=50013, times=2)

    await world.wait_until(before_start(15))
    refused = await the_session(world)
    await world.wait_until(before_start(12))

    assert refused.attempts == 1
    assert refused.last_error == (
        "can't create the room: the bot is missing a permission there; `coachbot invite` lists what it needs "
        "(HTTP 403, code 50013)"
    )
    healed = await the_session(world)
    assert (healed.attempts, healed.last_error) == (0, None)
    assert rooms(world) == [healed.discord_channel_id]


async def test_closed_dms_are_stored_and_the_other_person_is_still_told(db: Database) -> None:
    async with academy(db) as world:
        await world.open_for_booking()
        dm = world.student.user.dm_channel
        world.env.inject_error("POST", f"/channels/{dm.id}/messages", status=403, code=50007)

        await world.book(world.student, "11:00")

        student = await fetch(db, Member, world.student.id)
        theirs = Notification.user_id == world.student.id, Notification.kind == NotificationKind.SESSION_BOOKED
        notification = await fetch_only(db, select(Notification).where(*theirs))
        assert student.dms_closed_at == world.now
        assert (notification.due_at, notification.last_error) == (None, "their direct messages are closed")
        assert "New booking" in world.dms(world.coach)[-1]


async def test_a_departed_applicant_does_not_keep_the_loop_busy(db: Database) -> None:
    async with academy(db) as world:
        await world.set_up()
        await world.apply(world.coach)
        world.guild.remove_member(world.coach)

        answer = await world.admin.click(world.card, label="Approve")

        assert "Approved." in words(reply(answer))
        before = len(world.env.http_requests)
        await world.wait_until(world.now + world.minutes(30))
        assert len(world.env.http_requests) == before


async def test_a_role_above_the_bots_own_is_explained_and_given_once_possible(db: Database) -> None:
    async with academy(db) as world:
        await world.set_up()
        role = world.guild._guild.roles[world.coach_role.id]
        role.position = 999
        await world.apply(world.coach)
        await world.admin.click(world.card, label="Approve")
        assert not world.has_role(world.coach, world.coach_role)

        role.position = 1
        await world.wait_until(world.now + world.minutes(2))

        assert world.has_role(world.coach, world.coach_role)


@pytest.mark.slow
async def test_a_room_stays_while_nobody_knows_who_is_inside(world: Academy) -> None:
    await world.wait_until(START)
    room = world.room((await the_session(world)).code)
    assert room is not None
    await world.student.join_voice(room)
    # After READY the cache holds a stub of the server, without voice states, until its own event comes.
    stub: Any = world.env.bot.get_guild(world.guild.id)
    known, stub._voice_states = stub._voice_states, {}
    stub.unavailable = True

    await world.wait_until(START + dt.timedelta(minutes=62))
    await world.leap_to(START + dt.timedelta(minutes=80))
    assert rooms(world) == [room.id]
    stub._voice_states, stub.unavailable = known, False
    await world.wait_until(START + dt.timedelta(minutes=85))
    assert rooms(world) == [room.id]
    await world.student.leave_voice()
    await world.wait_until(START + dt.timedelta(minutes=87))

    assert rooms(world) == []
    assert (await the_session(world)).last_error is None


@pytest.mark.slow
async def test_outdated_messages_are_dropped_when_discord_recovers(db: Database) -> None:
    async with academy(db) as world:
        await world.open_for_booking()
        dm = world.student.user.dm_channel
        world.env.inject_error("POST", f"/channels/{dm.id}/messages", status=500, times=1)

        await world.book(world.student, "11:00")
        panel = reply(await world.student.slash(world.lobby, "sessions"))
        form = await world.student.click(panel, label="Cancel…")
        await world.student.submit_modal(form, {})
        await world.wait_until(world.now + world.minutes(3))

        [told] = world.dms(world.student)
        assert "Session cancelled by you" in told
        assert "Academy · Session" in told
