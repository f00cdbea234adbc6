"""Rooms that somebody touched by hand, and people who left: what becomes of the session, and who is told."""

import pytest

from models import AccessMode, Alert, Attendance, SessionStatus
from tests.support.meetings import (
    MINUTE,
    booked,
    delete_by_hand,
    let_in_by_hand,
    met,
    now,
    opened,
    said,
    settings,
    to_the_end,
    told,
)
from tests.support.simulated import Academy, reply, words

AGAIN = "The first room was deleted, so there is another one."


def both(world: Academy, title: str) -> list[int]:
    """How often coach and student were told this."""
    return [len(told(world, who, title)) for who in (world.coach, world.student)]


async def test_a_room_deleted_before_its_opening_is_made_again_and_opens_in_time(open_world: Academy) -> None:
    world = open_world
    made = await booked(world)
    await world.leap_to(made.starts_at - 10 * MINUTE)
    first = world.room(made.code)
    assert first is not None

    await delete_by_hand(world, first)
    second = world.room(made.code)
    assert second is not None
    hidden = not world.sees(world.student, second)
    await world.leap_to(made.starts_at - 4 * MINUTE)

    assert second.id != first.id
    assert hidden
    assert world.sees(world.student, second)
    assert both(world, AGAIN) == [1, 1]


async def test_an_open_room_that_is_deleted_is_made_again_at_once_and_both_are_told(open_world: Academy) -> None:
    world = open_world
    made = await booked(world)
    first = await opened(world, made)
    await world.leap_to(world.now + MINUTE)

    await delete_by_hand(world, first)

    second = world.room(made.code)
    assert second is not None
    assert second.id != first.id
    assert [world.sees(who, second) for who in (world.coach, world.student, world.outsider)] == [True, True, False]
    assert both(world, "Your room is open") == [2, 2]
    assert both(world, AGAIN) == [1, 1]
    assert len(said(second, "Welcome")) == 1


async def test_a_room_deleted_again_and_again_is_made_more_rarely_with_one_word_a_room_and_one_to_the_admins(
    open_world: Academy,
) -> None:
    world = open_world
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
        assert both(world, "Your room is open") == [len(rooms)] * 2

    assert len(rooms) == 6  # the first, one at once, and those after 1, 2, 4 and 8 minutes
    [alert] = said(world.lobby, "Coaching needs an admin")
    assert f"keeps deleting session rooms: the one for `{made.code}`" in words(alert)


async def test_an_admin_who_has_stopped_the_deleting_gets_the_room_at_once(open_world: Academy) -> None:
    world = open_world
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


async def test_deleted_while_they_talk_it_is_made_again_and_what_they_attended_still_counts(
    open_world: Academy,
) -> None:
    world = open_world
    made, first = await met(world, world.coach, world.student)

    await delete_by_hand(world, first)
    second = world.room(made.code)
    assert second is not None
    await world.leap_to(world.now + 2 * MINUTE)
    await world.coach.join_voice(second)
    await to_the_end(world, made)

    over = await now(world, made)
    assert over.status is SessionStatus.COMPLETED
    assert both(world, AGAIN) == [1, 1]
    assert await world.count(Attendance) == 3
    await world.coach.leave_voice()
    assert world.room(made.code) is None
    assert await world.count(Alert) == 0  # that what was said in the first room is gone with it is none


async def test_a_room_that_was_renamed_and_moved_is_kept(open_world: Academy) -> None:
    world = open_world
    made = await booked(world)
    await world.leap_to(made.starts_at - 10 * MINUTE)
    room = world.room(made.code)
    assert room is not None

    world.env.backend.edit_channel(room.id, {"name": "cara-and-stu", "parent_id": None})
    await world.leap_to(made.starts_at - 4 * MINUTE)

    assert world.room(made.code) is None
    assert world.sees(world.student, room)
    assert (await now(world, made)).discord_channel_id == room.id
    await to_the_end(world, made)
    assert "cara-and-stu" not in world.guild.channels


async def test_who_was_let_in_by_hand_is_shut_out_at_the_opening(open_world: Academy) -> None:
    world = open_world
    made = await booked(world)
    await world.leap_to(made.starts_at - 10 * MINUTE)
    room = world.room(made.code)
    assert room is not None
    let_in_by_hand(world, room, world.outsider)
    assert world.sees(world.outsider, room)

    await world.leap_to(made.starts_at - 4 * MINUTE)

    assert [world.sees(who, room) for who in (world.coach, world.student, world.outsider)] == [True, True, False]


async def test_who_leaves_the_server_has_their_sessions_cancelled_and_the_other_is_told(
    open_world: Academy,
) -> None:
    world = open_world
    made = await booked(world)
    world.guild.remove_member(world.student)

    await world.leap_to(made.starts_at - 15 * MINUTE)

    gone = await now(world, made)
    assert (gone.status, gone.cancelled_by) == (SessionStatus.CANCELLED, None)
    assert world.room(made.code) is None
    [heard] = told(world, world.coach, "Session cancelled by the bot")
    assert "The student left the server." in words(heard)


async def test_where_the_server_keeps_such_sessions_the_room_is_for_who_is_there(open_world: Academy) -> None:
    world = open_world
    await settings(world, keep_after_departure=True)
    made = await booked(world)
    world.guild.remove_member(world.student)

    await world.leap_to(made.starts_at - 4 * MINUTE)

    room = world.room(made.code)
    assert (await now(world, made)).status is SessionStatus.SCHEDULED
    assert world.sees(world.coach, room)
    assert room is not None
    assert str(world.student.id) not in str([one.target_id for one in room._channel.overwrites])
    assert len(told(world, world.coach, "The other side has left the server. The session stays booked.")) == 1


async def test_in_role_mode_a_role_of_its_own_lets_the_two_in_and_goes_with_the_room(open_world: Academy) -> None:
    world = open_world
    await settings(world, access_mode=AccessMode.ROLE)
    made = await booked(world)

    room = await opened(world, made, world.coach, world.student)
    role = world.guild.roles[f"coaching-session-{made.code}"]
    holding = [world.has_role(who, role) for who in (world.coach, world.student, world.outsider)]
    seeing = [world.sees(who, room) for who in (world.coach, world.student, world.outsider)]
    stored = (await now(world, made)).discord_role_id
    await world.leap_to(made.starts_at)
    await to_the_end(world, made)
    await world.coach.leave_voice()
    await world.student.leave_voice()

    assert holding == seeing == [True, True, False]
    assert stored == role.id
    assert world.room(made.code) is None
    assert role.name not in world.guild.roles


async def test_down_over_the_whole_session_both_are_asked_whether_it_took_place(open_world: Academy) -> None:
    world = open_world
    made = await booked(world)

    await world.leap_to(made.ends_at + 20 * MINUTE)

    missed = await now(world, made)
    assert (missed.status, missed.missed_at) == (SessionStatus.COMPLETED, world.now)
    assert both(world, "Did it take place?") == [1, 1]
    assert world.room(made.code) is None
    assert told(world, world.student, "How was it?") == []


@pytest.mark.parametrize(
    ("label", "status", "heard", "asked"),
    [
        ("Yes, we met", SessionStatus.COMPLETED, "The other side says that it took place", 1),
        ("No", SessionStatus.CANCELLED, "The other side says that it did not take place", 0),
    ],
)
async def test_the_first_answer_counts_and_the_other_side_hears_of_it(
    open_world: Academy, label: str, status: SessionStatus, heard: str, asked: int
) -> None:
    world = open_world
    made = await booked(world)
    await world.leap_to(made.ends_at + 20 * MINUTE)
    [coachs], [theirs] = (told(world, who, "Did it take place?") for who in (world.coach, world.student))
    other = "No" if label != "No" else "Yes, we met"

    await world.coach.user.click(coachs, label=label)
    late = await world.student.user.click(theirs, label=other)

    assert (await now(world, made)).status is status
    assert len(told(world, world.student, heard)) == 1
    assert "That's been answered already" in words(reply(late))
    assert len(told(world, world.student, "How was it?")) == asked


async def test_strangers_and_admins_do_not_answer_for_the_two(open_world: Academy) -> None:
    world = open_world
    made = await booked(world)
    await world.leap_to(made.ends_at + 20 * MINUTE)

    for who in (world.outsider, world.admin, world.other_student):
        answer = await world.press_custom_id(who, f"session:happened:{made.id}:1")
        assert "`/sessions` lists yours." in words(reply(answer))

    assert (await now(world, made)).took_place is None
