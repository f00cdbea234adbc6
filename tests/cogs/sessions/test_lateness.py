"""Running late, from the press to what the others read."""

from typing import Any

import pytest

from models import SessionStatus
from scheduler.core.clock import stamp
from tests.support.meetings import (
    MINUTE,
    booked,
    met,
    opened,
    reloaded,
    to_the_end,
    told,
)
from tests.support.parameters import first_plain
from tests.support.simulated import Academy, reply, words
from tests.support.steps import press


async def late_by(world: Academy, person: Any, message: Any, minutes: int) -> Any:
    """Press **Running late…** on a message, then the number of minutes, and return the answer."""
    question = await press(person, message, "Running late…")
    answer = await press(person, question, f"{minutes} min")
    await world.leap_to(world.now)
    return answer


async def sessions(world: Academy, person: Any) -> Any:
    return reply(await person.slash(world.lobby, "sessions"))


async def test_the_student_says_so_in_the_reminder_and_the_coach_waits(world: Academy) -> None:
    made = await booked(world)
    await world.leap_to(made.starts_at - 60 * MINUTE)
    reminder = told(world, world.student, "Reminder of your session")[-1]

    question = await press(world.student.user, reminder, "Running late…")
    asked = words(question)
    answer = await press(world.student.user, question, "10 min")
    await world.leap_to(world.now)

    until = stamp(made.starts_at + 25 * MINUTE, "t")
    assert "You can say this once, and get that much longer to show up." in asked
    assert words(answer) == f"We've told Cara that you'll be 10 minutes late. You have until {until} to show up."
    [news] = told(world, world.coach, "Stu is running late")
    assert f"Your student will be about 10 minutes late. You both have until {until} to show up." in words(news)
    assert f"The session still ends at {stamp(made.ends_at, 't')}." in words(news)
    assert "Running late…" not in words(told(world, world.student, "Reminder of your session")[-1])
    assert f"**Running late** {world.student.mention}, 10 min" in words(await sessions(world, world.coach))


async def test_the_coach_says_so_in_sessions_and_the_room_shows_it(world: Academy) -> None:
    made = await booked(world)
    room = await opened(world, made, world.student)

    await late_by(world, world.coach, await sessions(world, world.coach), 15)

    [news] = told(world, world.student, "Cara is running late")
    until = stamp(made.starts_at + 30 * MINUTE, "t")
    assert f"Your coach will be about 15 minutes late. You both have until {until} to show up." in words(news)
    assert "Go to your room" in words(news)
    assert f"**Running late** {world.coach.mention}, 15 min" in words(room.history()[0])
    listed = await sessions(world, world.coach)
    assert "**Running late** you, 15 min" in words(listed)
    assert "Running late…" not in words(listed)


@pytest.mark.parametrize(
    ("minutes", "status"), first_plain([(24, SessionStatus.COMPLETED), (26, SessionStatus.NO_SHOW)], plain=2)
)
async def test_who_comes_in_their_time_is_no_no_show(world: Academy, minutes: int, status: SessionStatus) -> None:
    made, room = await met(world, world.coach)
    link = told(world, world.student, "Your room is open")[-1]

    answer = await late_by(world, world.student.user, link, 10)
    await world.coach.leave_voice()
    await world.leap_to(made.starts_at + minutes * MINUTE)
    await world.student.join_voice(room)
    await to_the_end(world, made)

    assert "We've told Cara" in words(answer)
    assert (await reloaded(world, made)).status is status


async def test_nobody_is_asked_before_or_after(world: Academy) -> None:
    made = await booked(world)
    await world.leap_to(made.starts_at - 61 * MINUTE)
    before = words(await sessions(world, world.student))
    await opened(world, made)
    link = told(world, world.student, "Your room is open")[-1]
    in_time = words(link)
    question = await press(world.student.user, link, "Running late…")
    await world.leap_to(made.starts_at + 15 * MINUTE)

    refused = await press(world.student.user, question, "5 min")

    assert "Running late…" not in before
    assert "Running late…" in in_time
    assert words(refused) == "It's too late to say that you'll be late: the time to show up has passed."
    assert "Running late…" not in words(told(world, world.student, "Your room is open")[-1])
