"""Someone removes the bot from a server: no more requests about it, and everything resumes when it returns."""

import dataclasses
from typing import Any

import pytest
from sqlalchemy import select

from models import AuditEntry, Coach, CoachingSession, Guild, Notification, Participant, SessionStatus
from scheduler.notifications.bot_removal import REMOVED
from tests.bot.gateway.test_attendance_watch import connected_anew, connection_lost, unheard
from tests.cogs.setup.test_welcome import join
from tests.support.builders import DAY, HOUR, MINUTE
from tests.support.meetings import TWO, booked, met, opened, reloaded, settings, to_the_end, told
from tests.support.simulated import Academy
from tests.support.transactions import fetch, fetch_all

REMINDER = "**Reminder of your session"


@dataclasses.dataclass
class Removal:
    """A server without the bot, as it was left."""

    world: Academy
    channels: dict[int, Any]
    messages: dict[int, Any]
    requests: int
    """How many the bot had sent until then."""

    @property
    def asked(self) -> list[str]:
        """Return the bot's requests since."""
        return [f"{one.method} {one.path}" for one in self.world.env.http_requests[self.requests :]]

    async def add_again(self) -> None:
        backend: Any = self.world.env.backend
        backend.guilds[self.world.guild.id] = self.world.guild._guild
        backend.channels.update(self.channels)
        backend.messages.update(self.messages)
        await join(self.world, self.world.guild)


async def remove_bot(world: Academy) -> Removal:
    """Remove the bot, as Discord reports it, and return what's needed to add it again."""
    backend, server = world.env.backend, world.guild._guild
    ids = list(server.channel_ids)
    left = Removal(
        world,
        {one: backend.channels[one] for one in ids},
        {one: backend.messages[one] for one in ids if one in backend.messages},
        len(world.env.http_requests),
    )
    backend.remove_guild(server.id)
    await world.env.settle()
    return left


async def removed_at(world: Academy) -> Any:
    return (await fetch(world.db, Guild, world.guild.id)).bot_removed_at


async def still_due(world: Academy) -> list[Any]:
    columns = (
        CoachingSession.next_step_at,
        Participant.membership_due_at,
        Coach.membership_due_at,
        Coach.role_due_at,
        Notification.due_at,
    )
    return [at for one in columns for at in await fetch_all(world.db, select(one).where(one.is_not(None)))]


async def a_month_passes(world: Academy, *moments: Any) -> None:
    """Let a month pass, with a tick at each of these times and then every day."""
    begun = world.now
    for at in (*moments, *(begun + days * DAY for days in range(1, 31))):
        await world.leap_to(at)


@pytest.mark.slow
async def test_a_server_that_removed_the_bot_causes_no_requests_for_a_month(world: Academy) -> None:
    with_room = await booked(world)
    later = await booked(world, with_room.starts_at + 3 * DAY, student=world.other_student)
    await world.leap_to(with_room.starts_at - 10 * MINUTE)
    out = await remove_bot(world)

    await a_month_passes(world, with_room.starts_at, with_room.ends_at, with_room.ends_at + 2 * HOUR)

    assert out.asked == []
    assert await still_due(world) == []
    ended = [await reloaded(world, one) for one in (with_room, later)]
    assert [(one.status, one.last_error) for one in ended] == [(SessionStatus.COMPLETED, REMOVED)] * 2
    assert [one.missed_at is not None for one in ended] == [True, True]
    actions = await fetch_all(world.db, select(AuditEntry.action).order_by(AuditEntry.id))
    assert [actions.count(one) for one in ("bot_removed", "session_missed")] == [1, 2]


async def test_one_not_found_answer_is_enough_for_the_whole_server(world: Academy) -> None:
    made = [await booked(world, TWO + hours * HOUR) for hours in range(3)]
    with unheard(world):
        out = await remove_bot(world)

    await a_month_passes(world, *(one.starts_at for one in made))

    assert len(out.asked) == 1
    assert await still_due(world) == []


@pytest.mark.slow
async def test_a_removal_while_the_bot_was_stopped_causes_no_requests_either(world: Academy) -> None:
    made = await booked(world)
    with unheard(world):
        out = await remove_bot(world)
    await world.restart()
    out.requests = len(world.env.http_requests)

    await a_month_passes(world, made.starts_at, made.ends_at)

    assert out.asked == []
    assert (await reloaded(world, made)).missed_at is not None


@pytest.mark.slow
async def test_nobody_is_absent_because_the_bot_was_removed_while_the_other_waited(world: Academy) -> None:
    made, _ = await met(world, world.coach)
    await remove_bot(world)

    for at in (made.ends_at - MINUTE, made.ends_at):
        await world.leap_to(at)

    assert (await reloaded(world, made)).status is SessionStatus.COMPLETED
    assert told(world, world.student, "You missed your session") == []


@pytest.mark.slow
async def test_returning_in_time_creates_the_room_and_sends_what_was_missed(world: Academy) -> None:
    made = await booked(world)
    out = await remove_bot(world)
    await world.leap_to(made.starts_at - HOUR)
    assert told(world, world.student, REMINDER) == []
    await world.leap_to(made.starts_at - 14 * MINUTE)

    await out.add_again()
    room = await opened(world, made, world.coach, world.student)
    await world.leap_to(made.starts_at)
    await to_the_end(world, made)

    over = await reloaded(world, made)
    assert (over.status, over.missed_at, over.last_error) == (SessionStatus.COMPLETED, None, None)
    assert len(told(world, world.student, REMINDER)) == 1
    assert len(told(world, world.student, "Your room is")) == 1
    assert room.id == over.discord_channel_id
    assert await removed_at(world) is None


async def test_returning_late_asks_both_and_deletes_the_empty_room(world: Academy) -> None:
    made = await booked(world)
    await world.leap_to(made.starts_at - 10 * MINUTE)
    out = await remove_bot(world)
    for at in (made.starts_at, made.ends_at, made.ends_at + DAY):
        await world.leap_to(at)

    await out.add_again()

    assert world.room(made.code) is None
    assert [len(told(world, who, "Did your session take place?")) for who in (world.coach, world.student)] == [
        1,
        1,
    ]


@pytest.mark.slow
async def test_returning_midway_counts_nobody_absent_for_unwatched_time(world: Academy) -> None:
    made, _ = await met(world, world.coach)
    out = await remove_bot(world)
    await world.leap_to(made.starts_at + 25 * MINUTE)
    await out.add_again()
    await to_the_end(world, made)

    assert (await reloaded(world, made)).status is SessionStatus.COMPLETED


@pytest.mark.slow
async def test_people_who_left_while_the_bot_was_removed_are_found_on_return(world: Academy) -> None:
    made = await booked(world, TWO + 3 * DAY)
    out = await remove_bot(world)
    world.guild._guild.members.pop(world.student.id)
    await world.leap_to(world.now + 2 * DAY)

    await out.add_again()
    await world.leap_to(world.now + MINUTE)

    assert (await reloaded(world, made)).status is SessionStatus.CANCELLED


async def test_a_pending_coach_role_is_given_when_the_bot_returns(world: Academy) -> None:
    world.guild._guild.members[world.coach.id].role_ids.remove(world.coach_role.id)
    out = await remove_bot(world)
    async with world.db.begin() as session:
        (await session.get_one(Coach, (world.guild.id, world.coach.id))).role_due_at = world.now
    await world.leap_to(world.now + HOUR)
    assert out.asked == []

    await out.add_again()

    assert world.has_role(world.coach, world.coach_role)


@pytest.mark.slow
async def test_an_unavailable_server_is_not_taken_for_a_removal(world: Academy) -> None:
    made = await booked(world)
    world.env.backend.emit("GUILD_DELETE", {"id": str(world.guild.id), "unavailable": True})
    await world.env.settle()
    path = f"/guilds/{world.guild.id}"
    world.env.inject_error("GET", path, status=404, code=10004, times=None)

    for minutes in (15, 10):
        await world.leap_to(made.starts_at - minutes * MINUTE)
    waiting = (await reloaded(world, made)).last_error or ""
    world.env.backend.faults.clear()
    await world.leap_to(made.starts_at - 4 * MINUTE)

    assert await removed_at(world) is None
    assert "Discord can't reach this server right now" in waiting
    assert world.room(made.code) is not None


async def test_a_server_wrongly_taken_for_a_removal_resumes_with_the_next_connection(world: Academy) -> None:
    made = await booked(world)
    await settings(world, bot_removed_at=world.now)

    await connection_lost(world)
    await connected_anew(world)
    await world.leap_to(made.starts_at - 14 * MINUTE)

    assert await removed_at(world) is None
    assert world.room(made.code) is not None
