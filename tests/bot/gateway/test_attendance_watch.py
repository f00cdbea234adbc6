"""What the bot knows about attendance while it was away, and whom it tells when someone can't be reached."""

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest
from simcord.backend.serializers import guild_create_payload

from bot.demo import simcord_private
from models import SessionStatus
from scheduler.attendance import attendance
from tests.support.meetings import MINUTE, booked, met, opened, pinged, reloaded, said, settings, to_the_end, told
from tests.support.simulated import Academy, reply, words
from tests.support.transactions import query


@contextlib.contextmanager
def unheard(world: Academy) -> Iterator[None]:
    """Let things happen at Discord without the bot hearing of it."""
    backend: Any = world.env.backend
    backend.emit = lambda *_: None
    try:
        yield
    finally:
        del backend.emit


async def connection_lost(world: Academy) -> None:
    await simcord_private.as_the_bot(world.env, lambda: world.env.bot.dispatch("disconnect"))


async def connected_anew(world: Academy) -> None:
    """Start another gateway session: Discord sends the current state again."""

    def ready() -> None:
        known: Any = world.env.bot._connection
        me = known.user
        known.clear(views=False)
        known.user = me
        world.env.backend.emit("GUILD_CREATE", guild_create_payload(world.env.backend, world.guild._guild))
        world.env.bot.dispatch("ready")

    await simcord_private.as_the_bot(world.env, ready)


async def listed(world: Academy) -> str:
    """Return Cara's list of sessions."""
    return words(reply(await world.coach.slash(world.lobby, "sessions")))


async def test_a_restart_in_the_middle_costs_nobody_a_minute(world: Academy) -> None:
    made, _ = await met(world, world.coach, world.student)

    await world.restart()
    await to_the_end(world, made)

    assert (await reloaded(world, made)).status is SessionStatus.COMPLETED
    assert (await listed(world)).count("64 min inside") == 2


@pytest.mark.slow
async def test_leaving_during_a_lost_connection_counts_from_the_last_time_seen(world: Academy) -> None:
    made, _ = await met(world, world.coach, world.student)

    await connection_lost(world)
    with unheard(world):
        await world.student.leave_voice()
        await world.leap_to(made.starts_at + 14 * MINUTE)
    await connected_anew(world)
    await to_the_end(world, made)

    said = await listed(world)
    assert (await reloaded(world, made)).status is SessionStatus.COMPLETED
    assert "**Student** joined at" in said
    assert "14 min inside" in said
    assert "64 min inside" in said


async def test_a_restart_records_since_when_nobody_watched(world: Academy) -> None:
    made, _ = await met(world, world.coach, world.student)

    await connection_lost(world)
    with unheard(world):
        await world.student.leave_voice()
        await world.leap_to(made.starts_at + 14 * MINUTE)
    await world.restart()

    stays = await query(world.db, attendance.stays_of, made.id, world.now)
    gone = [one.until for one in stays if one.user_id == world.student.id]
    unwatched = [(one.since, one.until) for one in stays if one.user_id is None]
    assert gone == [made.starts_at + 10 * MINUTE]
    assert unwatched[0] == (made.starts_at + 10 * MINUTE, made.starts_at + 14 * MINUTE)


@pytest.mark.slow
async def test_nobody_is_absent_after_a_long_unwatched_time(world: Academy) -> None:
    made, _ = await met(world, world.coach)

    await connection_lost(world)
    await world.leap_to(made.starts_at + 30 * MINUTE)
    await connected_anew(world)
    await to_the_end(world, made)

    assert (await reloaded(world, made)).status is SessionStatus.COMPLETED
    assert told(world, world.student, "You missed your session") == []


@pytest.mark.slow
async def test_an_unavailable_server_does_not_affect_others(world: Academy) -> None:
    other = world.env.create_guild("Other")
    await world.env.settle()
    known = world.env.bot.get_guild(other.id)
    assert known is not None
    known.unavailable = True

    await simcord_private.as_the_bot(world.env, lambda: world.env.bot.dispatch("ready"))
    made, _ = await met(world, world.coach)
    await to_the_end(world, made)

    assert (await reloaded(world, made)).status is SessionStatus.NO_SHOW


@pytest.mark.slow
async def test_nobody_is_absent_while_their_server_is_unavailable(world: Academy) -> None:
    made, room = await met(world, world.coach)
    gone = {"id": str(world.guild.id), "unavailable": True}
    await simcord_private.as_the_bot(world.env, lambda: world.env.backend.emit("GUILD_DELETE", gone))

    with unheard(world):
        await world.student.join_voice(room)
    await to_the_end(world, made)

    assert (await reloaded(world, made)).status is SessionStatus.COMPLETED


@pytest.mark.slow
async def test_people_with_closed_messages_are_mentioned_in_the_room(world: Academy) -> None:
    made = await booked(world)
    dm = world.student.user.dm_channel
    world.env.inject_error("POST", f"/channels/{dm.id}/messages", status=403, code=50007, times=None)

    room = await opened(world, made)
    await world.leap_to(made.starts_at)

    [mention] = said(room, "Your room is open")
    assert words(mention).startswith(world.student.mention)
    assert [str(world.student.id)] in pinged(world, room.id)


async def test_the_fallback_channel_says_nothing_private(world: Academy) -> None:
    news = world.guild.create_text_channel("news")
    await settings(world, fallback_channel_id=news.id)
    dm = world.student.user.dm_channel
    world.env.inject_error("POST", f"/channels/{dm.id}/messages", status=403, code=50007, times=None)

    made = await booked(world, notes="My secret project.")

    [mention] = news.history()
    assert (
        f"{world.student.mention} I have a message about your coaching, but your direct messages are closed."
        in words(mention)
    )
    private = (made.code, "secret", "Cara", world.coach.mention)
    assert [one for one in private if one in words(mention)] == []
    assert pinged(world, news.id) == [[str(world.student.id)]]


async def test_the_coach_is_told_once_that_the_student_cannot_be_reached(world: Academy) -> None:
    dm = world.student.user.dm_channel
    world.env.inject_error("POST", f"/channels/{dm.id}/messages", status=403, code=50007, times=None)

    made = await booked(world)
    await world.leap_to(made.starts_at - 60 * MINUTE)

    assert len(told(world, world.coach, "We couldn't message your student.")) == 1


@pytest.mark.parametrize(
    "where",
    [
        "log channel",
        pytest.param("system channel", marks=pytest.mark.slow),
        pytest.param("owner", marks=pytest.mark.slow),
    ],
)
async def test_admins_are_told_once_what_to_fix_and_that_it_works_again(world: Academy, where: str) -> None:
    place: Any = world.guild.owner.dm_channel
    if where == "log channel":
        place = world.guild.create_text_channel("log")
        await settings(world, log_channel_id=place.id)
    elif where == "system channel":
        place = world.guild.create_text_channel("system")
        world.guild._guild.system_channel_id = place.id
        await connected_anew(world)
    made = await booked(world)
    path = f"/guilds/{world.guild.id}/channels"
    world.env.inject_error("POST", path, status=403, code=50013, times=None)

    for minutes in (15, 14, 12, 10):
        await world.leap_to(made.starts_at - minutes * MINUTE)
    warned = [words(one) for one in place.history()]
    world.env.backend.faults.clear()
    await world.leap_to(made.starts_at - 4 * MINUTE)
    told_now = [words(one) for one in place.history()]

    assert ["Coaching needs an admin" in one for one in warned] == [True]
    assert "Can't create the room" in warned[0]
    assert ["Solved" in one for one in told_now] == [False, True]
    assert world.sees(world.student, world.room(made.code))
