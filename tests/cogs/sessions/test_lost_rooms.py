"""Rooms changed by hand, people who left, and sessions that the bot missed."""

from typing import Any

import pytest

from models import AccessMode, Alert, Attendance, CoachingSession, SessionStatus
from tests.support.meetings import (
    MINUTE,
    booked,
    delete_by_hand,
    let_in_by_hand,
    met,
    opened,
    reloaded,
    said,
    settings,
    to_the_end,
    told,
)
from tests.support.simulated import Academy, reply, words
from tests.support.steps import labels

AGAIN = "The first room was deleted, so here's a new one."


async def with_room(world: Academy) -> tuple[CoachingSession, Any]:
    """Return a session and its room, which isn't open yet."""
    made = await booked(world)
    await world.leap_to(made.starts_at - 10 * MINUTE)
    room = world.room(made.code)
    assert room is not None
    return made, room


async def missed(world: Academy) -> CoachingSession:
    """Return a session during which the bot was down."""
    made = await booked(world)
    await world.leap_to(made.ends_at + 20 * MINUTE)
    return made


def seeing(world: Academy, room: Any) -> list[bool]:
    """Whether coach, student and an outsider see the room."""
    return [world.sees(who, room) for who in (world.coach, world.student, world.outsider)]


def both(world: Academy, title: str) -> list[int]:
    """Count how often coach and student were told this."""
    return [len(told(world, who, title)) for who in (world.coach, world.student)]


async def test_a_room_deleted_before_it_opens_is_made_again_and_opens_in_time(world: Academy) -> None:
    made, first = await with_room(world)

    await delete_by_hand(world, first)
    second = world.room(made.code)
    assert second is not None
    hidden = not world.sees(world.student, second)
    await world.leap_to(made.starts_at - 4 * MINUTE)

    assert second.id != first.id
    assert hidden
    assert world.sees(world.student, second)
    assert both(world, AGAIN) == [1, 1]


async def test_a_deleted_open_room_is_made_again_and_both_are_told(world: Academy) -> None:
    made = await booked(world)
    first = await opened(world, made)
    await world.leap_to(world.now + MINUTE)

    await delete_by_hand(world, first)

    second = world.room(made.code)
    assert second is not None
    assert second.id != first.id
    assert seeing(world, second) == [True, True, False]
    assert both(world, "Your room is") == [2, 2]
    assert both(world, AGAIN) == [1, 1]
    assert len(said(second, "Welcome")) == 1


@pytest.mark.slow
async def test_a_room_deleted_repeatedly_is_made_again_less_and_less_often(world: Academy) -> None:
    await settings(world, log_channel_id=world.lobby.id)
    made = await booked(world)
    rooms = {getattr(await opened(world, made), "id", None)}

    for _ in range(17):
        await world.leap_to(world.now + MINUTE)
        if (room := world.room(made.code)) is not None:
            rooms.add(room.id)
            await delete_by_hand(world, room)
        if (again := world.room(made.code)) is not None:
            rooms.add(again.id)
        assert both(world, "Your room is") == [len(rooms)] * 2

    assert len(rooms) == 6  # the first, one at once, and those after 1, 2, 4 and 8 minutes
    [alert] = said(world.lobby, "Coaching needs an admin")
    assert f"keeps deleting session rooms: the one for `{made.code}`" in words(alert)


async def test_repair_room_makes_a_repeatedly_deleted_room_at_once(world: Academy) -> None:
    made = await booked(world)
    room = await opened(world, made)
    for _ in range(2):
        await delete_by_hand(world, room)
        room = world.room(made.code)
    assert world.room(made.code) is None

    panel = reply(await world.admin.slash(world.lobby, "coaching session", code=made.code))
    assert "someone, or another bot, deleted the room" in words(panel)
    await world.admin.click(panel, label="Repair room")

    assert world.sees(world.student, world.room(made.code))


@pytest.mark.slow
async def test_attendance_in_a_room_deleted_during_the_session_counts(world: Academy) -> None:
    made, first = await met(world, world.coach, world.student)

    await delete_by_hand(world, first)
    second = world.room(made.code)
    assert second is not None
    await world.leap_to(world.now + 2 * MINUTE)
    await world.coach.join_voice(second)
    announced = both(world, AGAIN)
    await to_the_end(world, made)

    over = await reloaded(world, made)
    assert over.status is SessionStatus.COMPLETED
    assert announced == [1, 1]
    assert await world.count(Attendance) == 3
    await world.coach.leave_voice()
    assert world.room(made.code) is None
    assert await world.count(Alert) == 0  # losing the first room's messages isn't a problem


async def test_a_renamed_room_is_kept(world: Academy) -> None:
    made, room = await with_room(world)

    world.env.backend.edit_channel(room.id, {"name": "cara-and-stu", "parent_id": None})
    await world.leap_to(made.starts_at - 4 * MINUTE)

    assert world.room(made.code) is None
    assert world.sees(world.student, room)
    assert (await reloaded(world, made)).discord_channel_id == room.id
    await to_the_end(world, made)
    assert "cara-and-stu" not in world.guild.channels


async def test_people_let_in_by_hand_are_shut_out_when_the_room_opens(world: Academy) -> None:
    made, room = await with_room(world)
    let_in_by_hand(world, room, world.outsider)
    assert world.sees(world.outsider, room)

    await world.leap_to(made.starts_at - 4 * MINUTE)

    assert seeing(world, room) == [True, True, False]


async def test_a_departed_students_session_is_cancelled_and_the_coach_told(world: Academy) -> None:
    made = await booked(world)
    world.guild.remove_member(world.student)

    await world.leap_to(made.starts_at - 15 * MINUTE)

    after = await reloaded(world, made)
    assert (after.status, after.cancelled_by) == (SessionStatus.CANCELLED, world.student.id)
    assert world.room(made.code) is None
    [heard] = told(world, world.coach, "Session cancelled by your student")
    assert "The student left the server." in words(heard)


async def test_a_kept_session_of_a_departed_student_opens_for_the_coach(world: Academy) -> None:
    await settings(world, keep_after_departure=True)
    made = await booked(world)
    world.guild.remove_member(world.student)

    await world.leap_to(made.starts_at - 4 * MINUTE)

    room = world.room(made.code)
    assert (await reloaded(world, made)).status is SessionStatus.SCHEDULED
    assert world.sees(world.coach, room)
    assert room is not None
    assert str(world.student.id) not in str([one.target_id for one in room._channel.overwrites])
    assert len(told(world, world.coach, "Your student has left the server. Your session is still booked.")) == 1


async def test_a_sessions_own_role_gives_access_and_goes_with_the_room(world: Academy) -> None:
    await settings(world, access_mode=AccessMode.ROLE)
    made = await booked(world)

    room = await opened(world, made, world.coach, world.student)
    role = world.guild.roles[f"coaching-session-{made.code}"]
    holding = [world.has_role(who, role) for who in (world.coach, world.student, world.outsider)]
    seen = seeing(world, room)
    stored = (await reloaded(world, made)).discord_role_id
    await world.leap_to(made.starts_at)
    await to_the_end(world, made)
    await world.coach.leave_voice()
    await world.student.leave_voice()

    assert holding == seen == [True, True, False]
    assert stored == role.id
    assert world.room(made.code) is None
    assert role.name not in world.guild.roles


async def test_after_missing_a_session_the_bot_asks_whether_it_took_place(world: Academy) -> None:
    made = await missed(world)

    after = await reloaded(world, made)
    assert (after.status, after.missed_at) == (SessionStatus.COMPLETED, world.now)
    assert both(world, "Did your session take place?") == [1, 1]
    assert world.room(made.code) is None
    assert told(world, world.student, "How was it?") == []


@pytest.mark.parametrize(
    ("label", "status", "heard", "asked"),
    [
        ("Yes, we met", SessionStatus.COMPLETED, "Your coach says that your session took place", 1),
        ("No", SessionStatus.CANCELLED, "Your coach says that your session did not take place", 0),
    ],
)
async def test_the_first_answer_counts_and_the_other_person_is_told(
    world: Academy, label: str, status: SessionStatus, heard: str, asked: int
) -> None:
    made = await missed(world)
    [coachs] = told(world, world.coach, "Did your session take place?")
    other_answer = int(label == "No")

    await world.coach.user.click(coachs, label=label)
    late = await world.press_custom_id(world.student, f"session:happened:{made.id}:{other_answer}")

    assert (await reloaded(world, made)).status is status
    assert len(told(world, world.student, heard)) == 1
    assert "That's been answered already" in words(reply(late))
    [theirs] = told(world, world.student, "Did your session take place?")
    assert labels(theirs) == {}
    assert len(told(world, world.student, "How was it?")) == asked


async def test_only_coach_and_student_answer(world: Academy) -> None:
    made = await missed(world)

    for who in (world.outsider, world.admin, world.other_student):
        answer = await world.press_custom_id(who, f"session:happened:{made.id}:1")
        assert "`/sessions` lists yours." in words(reply(answer))

    assert (await reloaded(world, made)).took_place is None
