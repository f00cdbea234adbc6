"""What happens to the room and the reminders of a rescheduled session."""

import datetime as dt
from typing import Any

import pytest

from cogs.ui.time_picker import minute_of
from models import CoachingSession, SessionStatus
from scheduler.core.clock import stamp
from tests.support.meetings import no_minimum_notice
from tests.support.simulated import Academy, lost_answers, reply, words
from tests.support.steps import fill, press

DAY = dt.timedelta(days=1)


async def move(world: Academy, session: CoachingSession, at: dt.datetime) -> None:
    """Reschedule as the student, from the list."""
    panel = await press(world.student, reply(await world.student.slash(world.lobby, "sessions")), "Reschedule…")
    day = str(at.date().toordinal())
    panel = reply(await world.student.select(panel, [day], custom_id=f"move:day:{session.id}:0"))
    custom_id = f"move:time:{session.id}:{minute_of(at)}"
    question = reply(await world.student.click(panel, custom_id=custom_id))
    assert "Session rescheduled ✅" in words(await fill(world.student, question, "Reschedule…", {}))


async def booked_with_room(world: Academy, minutes_before: int) -> tuple[CoachingSession, Any]:
    """Book, go to so many minutes before the start, and return the session and its room."""
    booked = await world.book(world.student, "14:00")
    await world.leap_to(booked.starts_at - world.minutes(minutes_before))
    room = world.room(booked.code)
    assert room is not None
    return booked, room


def openings(world: Academy) -> list[int]:
    """Count how often student and coach were told that the room is open."""
    people = (world.student, world.coach)
    return [sum("Your room is" in said for said in world.dms(who)) for who in people]


@pytest.mark.slow
async def test_rescheduled_to_another_week_the_room_is_made_again_in_time(world: Academy) -> None:
    booked, old = await booked_with_room(world, 10)
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
    assert openings(world) == [1, 1]


@pytest.mark.slow
async def test_rescheduled_after_opening_the_room_opens_again_later(world: Academy) -> None:
    booked, _ = await booked_with_room(world, 4)
    assert openings(world) == [1, 1]
    later = booked.starts_at + DAY

    await move(world, booked, later)
    await world.wait_until(booked.starts_at + world.minutes(2))
    assert world.room(booked.code) is None
    [waiting] = await world.sessions()
    assert waiting.status is SessionStatus.SCHEDULED
    await world.leap_to(later - world.minutes(15))
    await world.leap_to(later - world.minutes(6))
    assert openings(world) == [1, 1]
    await world.wait_until(later - world.minutes(4))

    assert openings(world) == [2, 2]
    assert world.sees(world.student, world.room(booked.code))


@pytest.mark.slow
async def test_rescheduled_by_half_an_hour_the_room_stays_and_opens_later(world: Academy) -> None:
    await no_minimum_notice(world)
    booked, room = await booked_with_room(world, 10)

    await move(world, booked, booked.starts_at + world.minutes(30))
    await world.leap_to(booked.starts_at + world.minutes(24))
    assert openings(world) == [0, 0]
    assert not world.sees(world.student, room)
    await world.wait_until(booked.starts_at + world.minutes(26))

    assert getattr(world.room(booked.code), "id", None) == room.id
    assert world.sees(world.student, room)
    assert openings(world) == [1, 1]


@pytest.mark.slow
async def test_rescheduled_to_minutes_from_now_the_room_opens_at_once(world: Academy) -> None:
    await no_minimum_notice(world)
    booked = await world.book(world.student, "14:00")
    soon = booked.starts_at - world.minutes(30)
    await world.leap_to(soon - world.minutes(3))
    assert world.room(booked.code) is None

    await move(world, booked, soon)
    await world.wait_until(world.now + world.minutes(1))

    assert world.sees(world.student, world.room(booked.code))
    assert openings(world) == [1, 1]


@pytest.mark.slow
async def test_a_rescheduled_session_runs_at_its_new_time(world: Academy) -> None:
    booked = await world.book(world.student, "14:00")
    new = booked.starts_at + dt.timedelta(minutes=90)
    await move(world, booked, new)

    for at, status in (
        (booked.ends_at, SessionStatus.SCHEDULED),
        (new, SessionStatus.IN_PROGRESS),
        (new + world.minutes(61), SessionStatus.COMPLETED),
    ):
        await world.leap_to(at)
        assert [one.status for one in await world.sessions()] == [status]


async def test_rescheduling_throws_nobody_out_of_the_room(world: Academy) -> None:
    booked, room = await booked_with_room(world, 4)
    await world.student.join_voice(room)

    await move(world, booked, booked.starts_at + DAY)
    await world.wait_until(world.now + world.minutes(3))
    assert world.room(booked.code) is not None
    [welcome] = [words(one) for one in room.history() if booked.code in words(one)]
    assert f"Your session was rescheduled: it now starts {stamp(booked.starts_at + DAY)}" in welcome
    await world.student.leave_voice()
    await world.wait_until(world.now + world.minutes(3))

    assert world.room(booked.code) is None


@pytest.mark.slow
async def test_a_room_whose_creation_was_never_confirmed_is_removed(world: Academy) -> None:
    booked = await world.book(world.student, "14:00")
    with lost_answers(world, "POST", "/guilds/*/channels"):
        await world.leap_to(booked.starts_at - world.minutes(15))
    assert world.room(booked.code) is not None

    await move(world, booked, booked.starts_at + DAY)
    await world.wait_until(world.now + world.minutes(2))

    assert world.room(booked.code) is None
    world.faults.read()


@pytest.mark.slow
async def test_cancelling_after_rescheduling_leaves_no_room_behind(world: Academy) -> None:
    booked, _ = await booked_with_room(world, 10)
    await move(world, booked, booked.starts_at + DAY)

    listed = reply(await world.student.slash(world.lobby, "sessions"))
    await fill(world.student, listed, "Cancel…", {})
    await world.wait_until(world.now + world.minutes(2))

    assert world.room(booked.code) is None
    assert openings(world) == [0, 0]
