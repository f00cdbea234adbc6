"""Back-to-back sessions of the same two people: they stay in one room, and each session counts on its own."""

from typing import Any

import pytest

from models import Absent, AccessMode, Coach, CoachingSession, SessionStatus
from scheduler.booking import cancellation, rescheduling
from scheduler.core.actor import Actor
from scheduler.rooms import extensions, in_room
from scheduler.rooms.extensions import Terms
from tests.cogs.booking.people import BUTTON, components
from tests.support.meetings import (
    HOUR,
    MINUTE,
    QUARTER,
    TWO,
    booked,
    delete_by_hand,
    no_minimum_notice,
    opened,
    reloaded,
    said,
    settings,
    to_the_end,
    told,
)
from tests.support.parameters import first_plain
from tests.support.simulated import Academy, words
from tests.support.transactions import transact

COMPLETED = (SessionStatus.COMPLETED, None)
STUDENT_ABSENT = (SessionStatus.NO_SHOW, Absent.STUDENT)


async def adjoining(world: Academy, *gaps: Any) -> list[CoachingSession]:
    """Book an hour of Stu with Cara from two o'clock, and another hour after each of these gaps."""
    async with world.db.begin() as session:
        (await session.get_one(Coach, (world.guild.id, world.coach.id))).slot_step_minutes = 5
    made = [await booked(world)]
    for gap in gaps:
        made.append(await booked(world, made[-1].ends_at + gap))
    return made


async def first_over(world: Academy, first: CoachingSession, *inside: Any) -> Any:
    """Run the first session with these people inside, and return the room."""
    room = await opened(world, first, *inside)
    await world.leap_to(first.starts_at)
    await to_the_end(world, first)
    return room


async def run(world: Academy, one: CoachingSession) -> None:
    """Go through the session, stopping wherever something is due."""
    for at in (one.starts_at, one.starts_at + MINUTE, one.ends_at - 5 * MINUTE):
        await world.leap_to(at)
    await to_the_end(world, one)


async def outcomes(world: Academy, *made: CoachingSession) -> list[tuple[SessionStatus, Absent | None]]:
    """Return status and absence of these sessions."""
    return [(row.status, row.absent) for row in [await reloaded(world, one) for one in made]]


async def leave(world: Academy) -> None:
    """Let both leave the room, and a minute pass."""
    await world.coach.leave_voice()
    await world.student.leave_voice()
    await world.leap_to(world.now + MINUTE)


def rooms_made(world: Academy) -> int:
    """Count the rooms that the bot ever created."""
    made = [one.json for one in world.env.http_requests if one.method == "POST" and one.json]
    return sum(str(one.get("name", "")).startswith("coaching-session-") and "type" in one for one in made)


def is_there(world: Academy, room: Any) -> bool:
    """Whether the channel still exists."""
    return room.id in world.env.backend.channels


@pytest.mark.parametrize("mode", first_plain(AccessMode))
async def test_three_sessions_in_a_row_share_one_room(world: Academy, mode: AccessMode) -> None:
    await settings(world, access_mode=mode)
    made = await adjoining(world, 0 * HOUR, 0 * HOUR)
    people = (world.coach, world.student, world.outsider)

    room = await opened(world, made[0], world.coach, world.student)
    for one in made:
        await world.leap_to(one.starts_at)
        await world.leap_to(one.starts_at + MINUTE)
        assert [world.sees(who, room) for who in people] == [True, True, False]
        await run(world, one)
    still_there = is_there(world, room)
    await leave(world)

    assert await outcomes(world, *made) == [COMPLETED] * 3
    assert rooms_made(world) == 1
    assert (still_there, is_there(world, room)) == (True, False)
    assert [name for name in world.guild.roles if name.startswith("coaching-session-")] == []
    assert [len(told(world, who, "Your room is")) for who in (world.coach, world.student)] == [1, 1]


async def test_each_session_gets_its_own_messages_in_the_shared_room(world: Academy) -> None:
    made = await adjoining(world, 0 * HOUR)

    room = await opened(world, made[0], world.coach, world.student)
    for one in made:
        await run(world, one)
    await world.leap_to(made[1].ends_at + QUARTER)

    first, second = (f"Session {one.code}" for one in made)
    [over] = said(room, f"Session `{made[0].code}`: completed. Your next session is in this room too.")
    assert first in words(over)
    [last] = said(room, f"Session `{made[1].code}`: completed. The room closes once it's empty.")
    assert second in words(last)
    warnings = [one for one in map(words, said(room, "your session is over")) if "room closes" not in one]
    assert [sum(code in one for one in warnings) for code in (first, second)] == [1, 1]
    [closing] = said(room, "This room closes")
    assert second in words(closing)


@pytest.mark.slow
async def test_leaving_after_the_first_session_is_a_no_show_in_the_second(world: Academy) -> None:
    first, second = await adjoining(world, 0 * HOUR)
    await first_over(world, first, world.coach, world.student)

    await world.student.leave_voice()
    await to_the_end(world, second)

    assert await outcomes(world, first, second) == [COMPLETED, STUDENT_ABSENT]


@pytest.mark.slow
async def test_missing_the_first_session_still_leads_to_the_room_of_the_second(world: Academy) -> None:
    first, second = await adjoining(world, 0 * HOUR)
    room = await first_over(world, first, world.coach)
    await world.leap_to(second.starts_at + MINUTE)

    link, _late = components(told(world, world.student, "Your room is open")[-1], BUTTON)
    assert link["url"] == f"https://discord.com/channels/{world.guild.id}/{room.id}"
    await world.student.join_voice(room)
    await to_the_end(world, second)

    assert await outcomes(world, first, second) == [STUDENT_ABSENT, COMPLETED]
    assert [len(told(world, who, "Your room is")) for who in (world.coach, world.student)] == [1, 2]


@pytest.mark.slow
@pytest.mark.parametrize("gap", [15, 10, 45])
async def test_people_who_wait_out_a_gap_stay_in_the_room(world: Academy, gap: int) -> None:
    await settings(world, linger_minutes=30)
    first, second = await adjoining(world, gap * MINUTE)
    room = await first_over(world, first, world.coach, world.student)

    await world.leap_to(second.starts_at - 15 * MINUTE)
    await world.leap_to(second.starts_at - 5 * MINUTE)
    await to_the_end(world, second)
    await leave(world)

    assert await outcomes(world, first, second) == [COMPLETED] * 2
    assert rooms_made(world) == 1
    assert not is_there(world, room)


@pytest.mark.slow
async def test_an_empty_room_goes_and_a_later_session_gets_its_own(world: Academy) -> None:
    first, second = await adjoining(world, 45 * MINUTE)
    room = await opened(world, first, world.coach, world.student)
    await world.leap_to(first.starts_at)
    await world.leap_to(first.ends_at - 2 * MINUTE)
    await leave(world)

    await world.leap_to(first.ends_at)
    gone = not is_there(world, room)
    other = await opened(world, second, world.coach, world.student)
    await to_the_end(world, second)

    assert gone
    assert other.id != room.id
    assert await outcomes(world, first, second) == [COMPLETED] * 2


@pytest.mark.slow
async def test_after_an_early_end_the_room_waits_for_the_next_session(world: Academy) -> None:
    first, second = await adjoining(world, 0 * HOUR)
    room = await opened(world, first, world.coach, world.student)
    await world.leap_to(first.starts_at + 20 * MINUTE)

    await transact(world.db, in_room.end_early, first.id, Actor(world.student.id), world.now)
    await world.leap_to(world.now + MINUTE)
    await world.leap_to(second.starts_at - 15 * MINUTE)
    await world.leap_to(second.starts_at)
    await to_the_end(world, second)

    assert await outcomes(world, first, second) == [COMPLETED] * 2
    assert (await reloaded(world, second)).discord_channel_id == room.id
    assert rooms_made(world) == 1


@pytest.mark.slow
async def test_an_extended_session_keeps_the_room_until_its_new_end(world: Academy) -> None:
    first, second = await adjoining(world, QUARTER)
    room = await opened(world, first, world.coach, world.student)
    await world.leap_to(first.ends_at - 2 * MINUTE)

    terms = Terms(first.ends_at + QUARTER, 0)
    await transact(world.db, extensions.ask, first.id, Actor(world.student.id), terms, world.now)
    await transact(world.db, extensions.agree, first.id, Actor(world.coach.id), terms, world.now)
    await world.leap_to(first.ends_at + MINUTE)
    owners = [(await reloaded(world, one)).discord_channel_id for one in (first, second)]
    await world.leap_to(second.starts_at)
    await to_the_end(world, second)

    assert owners == [room.id, None]
    assert await outcomes(world, first, second) == [COMPLETED] * 2


@pytest.mark.parametrize(
    ("when", "change"),
    [
        (-10, "cancel"),
        pytest.param(-10, "reschedule", marks=pytest.mark.slow),
        pytest.param(1, "cancel", marks=pytest.mark.slow),
        (1, "reschedule"),
    ],
    ids=["cancelled before", "rescheduled before", "cancelled after", "rescheduled after it took over"],
)
async def test_without_the_second_session_the_room_stays_until_it_is_empty(
    world: Academy, change: str, when: int
) -> None:
    await no_minimum_notice(world)
    first, second = await adjoining(world, 5 * MINUTE)
    room = await opened(world, first, world.coach, world.student)
    await world.leap_to(first.starts_at)
    stu = Actor(world.student.id)
    for at in (first.ends_at - 10 * MINUTE, first.ends_at, first.ends_at + MINUTE):
        await world.leap_to(at)
        if at != first.ends_at + when * MINUTE:
            continue
        if change == "cancel":
            await transact(world.db, cancellation.cancel, second.id, stu, world.guild.id, "", world.now)
        else:
            await transact(world.db, rescheduling.reschedule, second.id, stu, TWO + 24 * HOUR, "", world.now)

    await world.leap_to(second.starts_at + MINUTE)
    while_inside = is_there(world, room)
    await leave(world)

    assert await outcomes(world, first) == [COMPLETED]
    assert (while_inside, is_there(world, room)) == (True, False)
    if change == "reschedule":
        other = await opened(world, await reloaded(world, second), world.coach, world.student)
        assert other.id != room.id


@pytest.mark.slow
async def test_a_restart_leaves_a_room_alone_that_the_second_session_took_over(world: Academy) -> None:
    first, second = await adjoining(world, 0 * HOUR)
    room = await first_over(world, first, world.coach, world.student)

    await world.restart()
    await world.leap_to(second.starts_at + 2 * MINUTE)
    await to_the_end(world, second)

    assert is_there(world, room)
    assert await outcomes(world, first, second) == [COMPLETED] * 2


@pytest.mark.slow
async def test_a_deleted_shared_room_is_made_again_for_the_second_session(world: Academy) -> None:
    first, second = await adjoining(world, 0 * HOUR)
    room = await first_over(world, first, world.coach, world.student)
    await world.leap_to(second.starts_at + MINUTE)

    await delete_by_hand(world, room)
    again = world.room(second.code)
    assert again is not None
    for person in (world.coach, world.student):
        await person.join_voice(again)
    await to_the_end(world, second)

    assert await outcomes(world, first, second) == [COMPLETED] * 2


async def test_another_students_next_session_has_a_room_of_its_own(world: Academy) -> None:
    first = await booked(world)
    other = await booked(world, first.ends_at, student=world.other_student)
    room = await opened(world, first, world.coach, world.student)
    await world.leap_to(first.starts_at)

    theirs = await opened(world, other)

    assert theirs.id != room.id
    assert [world.sees(world.other_student, one) for one in (room, theirs)] == [False, True]
