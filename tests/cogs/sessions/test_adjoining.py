"""Sessions of the same two people that adjoin: they stay in one room, and each session counts by itself."""

from typing import Any

import pytest

from models import Absent, AccessMode, Coach, CoachingSession, SessionStatus
from scheduler.booking import cancellation, rescheduling
from scheduler.core.actor import Actor
from scheduler.rooms import in_room
from tests.support.meetings import (
    HOUR,
    MINUTE,
    QUARTER,
    TWO,
    booked,
    delete_by_hand,
    no_minimum_notice,
    now,
    opened,
    said,
    settings,
    to_the_end,
    told,
)
from tests.support.simulated import Academy, words
from tests.support.transactions import transact

COMPLETED = (SessionStatus.COMPLETED, None)


async def adjoining(world: Academy, *gaps: Any) -> list[CoachingSession]:
    """An hour of Stu with Cara from two on, and another hour after each of these gaps."""
    async with world.db.begin() as session:
        (await session.get_one(Coach, (world.guild.id, world.coach.id))).slot_step_minutes = 5
    made = [await booked(world)]
    for gap in gaps:
        made.append(await booked(world, made[-1].ends_at + gap))
    return made


async def outcomes(world: Academy, *made: CoachingSession) -> list[tuple[SessionStatus, Absent | None]]:
    """What became of these."""
    return [(row.status, row.absent) for row in [await now(world, one) for one in made]]


async def leave(world: Academy) -> None:
    """Both go, and time passes a little."""
    await world.coach.leave_voice()
    await world.student.leave_voice()
    await world.leap_to(world.now + MINUTE)


def rooms_made(world: Academy) -> int:
    """How many rooms were asked for in all."""
    made = [one.json for one in world.env.http_requests if one.method == "POST" and one.json]
    return sum(str(one.get("name", "")).startswith("coaching-session-") and "type" in one for one in made)


def is_there(world: Academy, room: Any) -> bool:
    """Whether the channel still exists."""
    return room.id in world.env.backend.channels


@pytest.mark.parametrize("mode", AccessMode)
async def test_who_stays_for_three_sessions_in_a_row_stays_in_one_room_and_attends_all_of_them(
    open_world: Academy, mode: AccessMode
) -> None:
    world = open_world
    await settings(world, access_mode=mode)
    made = await adjoining(world, 0 * HOUR, 0 * HOUR)

    room = await opened(world, made[0], world.coach, world.student)
    for one in made:
        await world.leap_to(one.starts_at)
        await world.leap_to(one.starts_at + MINUTE)
        assert [world.sees(who, room) for who in (world.coach, world.student, world.outsider)] == [
            True,
            True,
            False,
        ]
        await world.leap_to(one.ends_at - 5 * MINUTE)
        await to_the_end(world, one)
    still_there = is_there(world, room)
    await leave(world)

    assert await outcomes(world, *made) == [COMPLETED] * 3
    assert rooms_made(world) == 1
    assert (still_there, is_there(world, room)) == (True, False)
    assert [name for name in world.guild.roles if name.startswith("coaching-session-")] == []
    assert [len(told(world, who, "Your room is open")) for who in (world.coach, world.student)] == [1, 1]


async def test_each_session_is_welcomed_and_warned_of_in_the_room_in_which_the_two_are(
    open_world: Academy,
) -> None:
    world = open_world
    made = await adjoining(world, 0 * HOUR)

    room = await opened(world, made[0], world.coach, world.student)
    for one in made:
        await world.leap_to(one.starts_at)
        await world.leap_to(one.starts_at + MINUTE)
        await world.leap_to(one.ends_at - 5 * MINUTE)
        await to_the_end(world, one)
    await world.leap_to(made[1].ends_at + QUARTER)

    first, second = (f"Session {one.code}" for one in made)
    [over] = said(room, f"Session `{made[0].code}` completed. Your next session is in this room too.")
    assert first in words(over)
    [goes] = said(room, f"Session `{made[1].code}` completed. The room goes as soon as it is empty.")
    assert second in words(goes)
    assert [
        len([one for one in said(room, "the session ends") if code in words(one)]) for code in (first, second)
    ] == [
        1,
        1,
    ]
    [closing] = said(room, "This room closes")
    assert second in words(closing)


async def test_who_comes_to_the_first_alone_is_missed_in_the_second(open_world: Academy) -> None:
    world = open_world
    first, second = await adjoining(world, 0 * HOUR)
    await opened(world, first, world.coach, world.student)
    await world.leap_to(first.starts_at)
    await to_the_end(world, first)

    await world.student.leave_voice()
    await to_the_end(world, second)

    assert await outcomes(world, first, second) == [COMPLETED, (SessionStatus.NO_SHOW, Absent.STUDENT)]


async def test_who_comes_to_the_second_alone_is_missed_in_the_first_and_finds_the_room_by_the_message(
    open_world: Academy,
) -> None:
    world = open_world
    first, second = await adjoining(world, 0 * HOUR)
    room = await opened(world, first, world.coach)
    await world.leap_to(first.starts_at)
    await to_the_end(world, first)
    await world.leap_to(second.starts_at + MINUTE)

    assert f"<#{room.id}> is open for you now" in words(told(world, world.student, "Your room is open")[-1])
    await world.student.join_voice(room)
    await to_the_end(world, second)

    assert await outcomes(world, first, second) == [(SessionStatus.NO_SHOW, Absent.STUDENT), COMPLETED]
    assert [len(told(world, who, "Your room is open")) for who in (world.coach, world.student)] == [1, 2]


@pytest.mark.parametrize("gap", [pytest.param(10, marks=pytest.mark.slow), 15, 45])
async def test_who_stays_over_a_gap_stays_in_the_room(open_world: Academy, gap: int) -> None:
    world = open_world
    await settings(world, linger_minutes=30)
    first, second = await adjoining(world, gap * MINUTE)
    room = await opened(world, first, world.coach, world.student)
    await world.leap_to(first.starts_at)
    await to_the_end(world, first)

    await world.leap_to(second.starts_at - 15 * MINUTE)
    await world.leap_to(second.starts_at - 5 * MINUTE)
    await to_the_end(world, second)
    await leave(world)

    assert await outcomes(world, first, second) == [COMPLETED] * 2
    assert rooms_made(world) == 1
    assert not is_there(world, room)


async def test_a_room_that_is_empty_when_its_time_is_over_goes_and_a_later_session_gets_its_own(
    open_world: Academy,
) -> None:
    world = open_world
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


async def test_ended_early_the_room_waits_with_whoever_stays_for_the_next_session(open_world: Academy) -> None:
    world = open_world
    first, second = await adjoining(world, 0 * HOUR)
    room = await opened(world, first, world.coach, world.student)
    await world.leap_to(first.starts_at + 20 * MINUTE)

    await transact(world.db, in_room.end_early, first.id, Actor(world.student.id), world.now)
    await world.leap_to(world.now + MINUTE)
    await world.leap_to(second.starts_at - 15 * MINUTE)
    await world.leap_to(second.starts_at)
    await to_the_end(world, second)

    assert await outcomes(world, first, second) == [COMPLETED] * 2
    assert (await now(world, second)).discord_channel_id == room.id
    assert rooms_made(world) == 1


async def test_made_longer_the_first_keeps_the_room_until_then(open_world: Academy) -> None:
    world = open_world
    first, second = await adjoining(world, QUARTER)
    room = await opened(world, first, world.coach, world.student)
    await world.leap_to(first.ends_at - 2 * MINUTE)

    await transact(world.db, in_room.extend, first.id, Actor(world.student.id), world.now)
    await world.leap_to(first.ends_at + MINUTE)
    owners = [(await now(world, one)).discord_channel_id for one in (first, second)]
    await world.leap_to(second.starts_at)
    await to_the_end(world, second)

    assert owners == [room.id, None]
    assert await outcomes(world, first, second) == [COMPLETED] * 2


@pytest.mark.parametrize(
    ("when", "call_off"),
    [
        (-10, "cancel"),
        pytest.param(-10, "move", marks=pytest.mark.slow),
        pytest.param(1, "cancel", marks=pytest.mark.slow),
        (1, "move"),
    ],
    ids=["cancelled before", "moved before", "cancelled after", "moved after it took over"],
)
async def test_when_the_second_is_called_off_the_room_stays_until_it_is_empty(
    open_world: Academy, call_off: str, when: int
) -> None:
    world = open_world
    await no_minimum_notice(world)
    first, second = await adjoining(world, 5 * MINUTE)
    room = await opened(world, first, world.coach, world.student)
    await world.leap_to(first.starts_at)
    for at in (first.ends_at - 10 * MINUTE, first.ends_at, first.ends_at + MINUTE):
        await world.leap_to(at)
        if at == first.ends_at + when * MINUTE:
            async with world.db.begin() as session:
                stu = Actor(world.student.id)
                if call_off == "cancel":
                    await cancellation.cancel(session, second.id, stu, world.guild.id, "", world.now)
                else:
                    tomorrow = TWO + 24 * HOUR
                    await rescheduling.reschedule(session, second.id, stu, tomorrow, "", world.now)

    await world.leap_to(second.starts_at + MINUTE)
    while_inside = is_there(world, room)
    await leave(world)

    assert await outcomes(world, first) == [COMPLETED]
    assert (while_inside, is_there(world, room)) == (True, False)
    if call_off == "move":
        other = await opened(world, await now(world, second), world.coach, world.student)
        assert other.id != room.id


async def test_a_restart_and_its_look_at_all_rooms_leave_a_room_that_was_taken_over_alone(
    open_world: Academy,
) -> None:
    world = open_world
    first, second = await adjoining(world, 0 * HOUR)
    room = await opened(world, first, world.coach, world.student)
    await world.leap_to(first.starts_at)
    await to_the_end(world, first)

    await world.restart()
    await world.leap_to(second.starts_at + 2 * MINUTE)
    await to_the_end(world, second)

    assert is_there(world, room)
    assert await outcomes(world, first, second) == [COMPLETED] * 2


async def test_a_room_that_was_taken_over_and_is_deleted_is_made_again_for_the_second(open_world: Academy) -> None:
    world = open_world
    first, second = await adjoining(world, 0 * HOUR)
    room = await opened(world, first, world.coach, world.student)
    await world.leap_to(first.starts_at)
    await to_the_end(world, first)
    await world.leap_to(second.starts_at + MINUTE)

    await delete_by_hand(world, room)
    again = world.room(second.code)
    assert again is not None
    for person in (world.coach, world.student):
        await person.join_voice(again)
    await to_the_end(world, second)

    assert await outcomes(world, first, second) == [COMPLETED] * 2


async def test_a_session_of_others_that_adjoins_has_a_room_of_its_own(open_world: Academy) -> None:
    world = open_world
    first = await booked(world)
    other = await booked(world, first.ends_at, student=world.other_student)
    room = await opened(world, first, world.coach, world.student)
    await world.leap_to(first.starts_at)

    theirs = await opened(world, other)

    assert theirs.id != room.id
    assert [world.sees(world.other_student, one) for one in (room, theirs)] == [False, True]
