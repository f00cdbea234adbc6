"""What becomes of the room and the reminders of a session that is moved."""

import datetime as dt
from typing import Any

from models import CoachingSession, SessionStatus
from tests.support.simulated import Academy, lost_answers, reply, words
from tests.support.steps import fill, press

OPEN = "### Your room is open"


async def move(world: Academy, session: CoachingSession, at: dt.datetime) -> Any:
    """The student moves it, from the list."""
    panel = await press(world.student, reply(await world.student.slash(world.lobby, "sessions")), "Reschedule…")
    day = at.date().toordinal()
    panel = reply(await world.student.select(panel, [str(day)], custom_id=f"move:day:{session.id}:0"))
    minute = int(at.timestamp()) // 60
    question = reply(await world.student.click(panel, custom_id=f"move:time:{session.id}:{minute}"))
    moved = await fill(world.student, question, "Move it…", {})
    assert "Session moved ✅" in words(moved)
    return moved


def reminders(world: Academy) -> list[int]:
    """How often the student and the coach were told that the room is open."""
    return [sum(OPEN in said for said in world.dms(who)) for who in (world.student, world.coach)]


async def test_moved_to_another_week_the_room_goes_and_is_made_anew_in_time(open_world: Academy) -> None:
    world = open_world
    booked = await world.book(world.student, "14:00")
    await world.leap_to(booked.starts_at - world.minutes(10))
    old = world.room(booked.code)
    assert old is not None
    later = booked.starts_at + dt.timedelta(days=8)

    await move(world, booked, later)
    await world.wait_until(world.now + world.minutes(2))
    assert world.room(booked.code) is None
    await world.leap_to(later - world.minutes(16))
    assert world.room(booked.code) is None
    await world.wait_until(later - world.minutes(14))
    new = world.room(booked.code)
    assert new is not None
    assert not world.sees(world.student, new)
    await world.wait_until(later - world.minutes(4))

    assert new.id != old.id
    assert world.sees(world.student, new)
    assert world.sees(world.coach, new)
    assert reminders(world) == [1, 1]


async def test_moved_after_it_was_opened_the_room_goes_too_and_both_are_reminded_again(
    open_world: Academy,
) -> None:
    world = open_world
    booked = await world.book(world.student, "14:00")
    await world.leap_to(booked.starts_at - world.minutes(4))
    assert reminders(world) == [1, 1]
    later = booked.starts_at + dt.timedelta(days=1)

    await move(world, booked, later)
    await world.wait_until(booked.starts_at + world.minutes(2))
    assert world.room(booked.code) is None
    [waiting] = await world.sessions()
    assert waiting.status is SessionStatus.SCHEDULED
    await world.leap_to(later - world.minutes(15))
    await world.leap_to(later - world.minutes(6))
    assert reminders(world) == [1, 1]
    await world.wait_until(later - world.minutes(4))

    assert reminders(world) == [2, 2]
    assert world.sees(world.student, world.room(booked.code))


async def test_moved_by_half_an_hour_the_room_stays_and_opens_at_the_new_time(open_world: Academy) -> None:
    world = open_world
    await no_notice(world)
    booked = await world.book(world.student, "14:00")
    await world.leap_to(booked.starts_at - world.minutes(10))
    room = world.room(booked.code)
    assert room is not None

    await move(world, booked, booked.starts_at + world.minutes(30))
    await world.leap_to(booked.starts_at + world.minutes(24))
    assert reminders(world) == [0, 0]
    assert not world.sees(world.student, room)
    await world.wait_until(booked.starts_at + world.minutes(26))

    assert world.room(booked.code) is not None
    assert getattr(world.room(booked.code), "id", None) == room.id
    assert world.sees(world.student, room)
    assert reminders(world) == [1, 1]


async def test_moved_to_an_earlier_time_the_room_is_made_and_opened_at_once(open_world: Academy) -> None:
    world = open_world
    await no_notice(world)
    booked = await world.book(world.student, "14:00")
    soon = booked.starts_at - world.minutes(30)
    await world.leap_to(soon - world.minutes(3))
    assert world.room(booked.code) is None

    await move(world, booked, soon)
    await world.wait_until(world.now + world.minutes(1))

    assert world.sees(world.student, world.room(booked.code))
    assert reminders(world) == [1, 1]


async def test_a_moved_session_runs_at_its_new_time(open_world: Academy) -> None:
    world = open_world
    booked = await world.book(world.student, "14:00")
    new = booked.starts_at + dt.timedelta(minutes=90)
    await move(world, booked, new)

    await world.leap_to(booked.ends_at)
    before = [one.status for one in await world.sessions()]
    await world.leap_to(new)
    during = [one.status for one in await world.sessions()]
    await world.leap_to(new + world.minutes(61))
    after = [one.status for one in await world.sessions()]

    assert (before, during, after) == (
        [SessionStatus.SCHEDULED],
        [SessionStatus.IN_PROGRESS],
        [SessionStatus.COMPLETED],
    )


async def test_somebody_who_sits_in_the_room_is_not_thrown_out_by_a_move(open_world: Academy) -> None:
    world = open_world
    booked = await world.book(world.student, "14:00")
    await world.leap_to(booked.starts_at - world.minutes(4))
    room = world.room(booked.code)
    assert room is not None
    await world.student.join_voice(room)

    await move(world, booked, booked.starts_at + dt.timedelta(days=1))
    await world.wait_until(world.now + world.minutes(3))
    assert world.room(booked.code) is not None
    [welcome] = [words(one) for one in room.history() if booked.code in words(one)]
    assert (
        f"Your session was rescheduled: it now starts <t:{int(booked.starts_at.timestamp()) + 24 * 3600}:F>"
        in welcome
    )
    await world.student.leave_voice()
    await world.wait_until(world.now + world.minutes(3))

    assert world.room(booked.code) is None


async def test_a_room_whose_making_nobody_heard_of_is_found_and_removed_after_a_move(open_world: Academy) -> None:
    world = open_world
    booked = await world.book(world.student, "14:00")
    with lost_answers(world, "POST", "/guilds/*/channels"):
        await world.leap_to(booked.starts_at - world.minutes(15))
    assert world.room(booked.code) is not None

    await move(world, booked, booked.starts_at + dt.timedelta(days=1))
    await world.wait_until(world.now + world.minutes(2))

    assert world.room(booked.code) is None
    world.faults.read()


async def test_a_cancelled_move_leaves_no_room_behind(open_world: Academy) -> None:
    world = open_world
    booked = await world.book(world.student, "14:00")
    await world.leap_to(booked.starts_at - world.minutes(10))
    await move(world, booked, booked.starts_at + dt.timedelta(minutes=60 * 24))

    listed = reply(await world.student.slash(world.lobby, "sessions"))
    await fill(world.student, listed, "Cancel…", {})
    await world.wait_until(world.now + world.minutes(2))

    assert world.room(booked.code) is None
    assert reminders(world) == [0, 0]


async def no_notice(world: Academy) -> None:
    """Cara takes bookings up to the last minute."""
    panel = reply(await world.coach.slash(world.lobby, "availability"))
    await fill(
        world.coach, await press(world.coach, panel, "Rules"), "Notice and limits…", {"Minimum notice": "none"}
    )
