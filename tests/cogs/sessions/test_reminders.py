"""Reminders, from when they are sent to what people read and press."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from models import Member
from scheduler.core.clock import stamp
from tests.support.meetings import HOUR, MINUTE, booked
from tests.support.simulated import Academy, reply, words
from tests.support.steps import labels, press
from tests.support.transactions import fetch

WEDNESDAY = datetime(2026, 3, 4, 13, tzinfo=UTC)
"""14:00 in Berlin, two days after the world begins."""
DAY = timedelta(days=1)
REMINDER = "**Reminder of your session"


def reminders(person: Any) -> list[Any]:
    """Return this person's reminders, oldest first."""
    return [one for one in person.user.dm_channel.history() if words(one).startswith(REMINDER)]


def counts(world: Academy) -> tuple[int, int]:
    """Count the reminders of student and coach."""
    return len(reminders(world.student)), len(reminders(world.coach))


async def set_reminders(world: Academy, typed: str) -> str:
    """Set the server's reminder times as the admin, and return the answer."""
    answer = await world.admin.slash(world.lobby, "coaching set", setting="Reminders", value=typed)
    return words(reply(answer))


async def test_both_are_reminded_a_day_and_an_hour_before(world: Academy) -> None:
    await booked(world, WEDNESDAY)
    seen = []

    for lead in (DAY, HOUR):
        await world.leap_to(WEDNESDAY - lead - 2 * MINUTE)
        seen.append(counts(world))
        await world.wait_until(WEDNESDAY - lead + MINUTE)
        seen.append(counts(world))
        await world.restart()
        await world.wait_until(WEDNESDAY - lead + 3 * MINUTE)
    await world.leap_to(WEDNESDAY + MINUTE)

    assert seen == [(0, 0), (1, 1), (1, 1), (2, 2)]
    assert counts(world) == (2, 2)
    [session] = await world.sessions()
    assert session.reminder_sent


async def test_a_reminder_has_time_person_room_and_notes(world: Academy) -> None:
    session = await booked(world, WEDNESDAY, notes="The *bridge*. " + "x" * 500)

    await world.leap_to(WEDNESDAY - DAY)

    [mine], [theirs] = reminders(world.student), reminders(world.coach)
    for message, other in ((mine, "Cara"), (theirs, "Stu")):
        said = words(message)
        assert said.startswith(f"{REMINDER}**\n## {stamp(WEDNESDAY)}\nWith {other}\n")
        assert "Your private room opens 5 minutes before the start." in said
        assert r"The \*bridge\*. xxx" in said
        assert "x" * 290 not in said
        *_, last_line = said.splitlines()
        assert said.endswith(f"…\nReschedule…\nCancel…\nAdd to calendar\nTurn reminders off\n{last_line}")
        assert session.code in last_line


async def test_a_session_can_be_cancelled_from_its_reminder(world: Academy) -> None:
    await booked(world, WEDNESDAY)
    await world.leap_to(WEDNESDAY - DAY)

    form = await world.student.user.click(reminders(world.student)[0], label="Cancel…")
    await world.student.user.submit_modal(form, {"Reason": "Ill."})
    await world.leap_to(WEDNESDAY - HOUR)

    assert "Session cancelled by your student" in world.dms(world.coach)[-1]
    assert counts(world) == (1, 1)  # none came an hour before


@pytest.mark.slow
async def test_after_downtime_reminders_come_late_but_not_after_the_start(world: Academy) -> None:
    await booked(world, WEDNESDAY)
    await booked(world, WEDNESDAY + DAY)

    await world.leap_to(WEDNESDAY - 20 * MINUTE)
    late = [words(one) for one in reminders(world.student)]
    await world.leap_to(WEDNESDAY + DAY)

    assert len(late) == 1  # not one for the day and one for the hour
    assert stamp(WEDNESDAY) in late[0]
    assert counts(world) == (1, 1)


async def test_reminders_can_be_turned_off_and_on_from_a_reminder(world: Academy) -> None:
    await booked(world, WEDNESDAY)
    await world.leap_to(WEDNESDAY - DAY)
    [message] = reminders(world.student)
    before = words(message)

    off = await press(world.student.user, message, "Turn reminders off")
    again = await press(world.student.user, message, "Turn reminders off")
    await world.restart()
    await world.leap_to(WEDNESDAY - HOUR)
    without, after = counts(world), words(reminders(world.student)[0])
    on = await press(world.student.user, off, "Turn reminders on")
    await booked(world, WEDNESDAY + DAY)
    await world.leap_to(WEDNESDAY + DAY - HOUR)

    assert words(off) == words(again)
    assert words(off).startswith("### Reminders are off\nYou won't be reminded of your sessions any more")
    assert words(on).startswith("### Reminders are on\n")
    assert after == before
    assert (without, counts(world)) == ((1, 2), (2, 3))


async def test_reminders_can_be_turned_off_and_on_in_the_list(world: Academy) -> None:
    await booked(world, WEDNESDAY)
    panel = reply(await world.student.slash(world.lobby, "sessions"))

    off = await press(world.student, panel, "Reminders: on")
    says_off = "Reminders: off" in labels(off)  # the message changes in place
    await world.restart()
    await world.leap_to(WEDNESDAY - DAY)
    without = counts(world)
    on = await press(world.student, off, "Reminders: off")
    await world.leap_to(WEDNESDAY - HOUR)

    assert says_off
    assert "Reminders: on" in labels(on)
    assert "1 upcoming" in words(on)
    assert (without, counts(world)) == ((0, 1), (1, 2))


@pytest.mark.slow
async def test_turning_reminders_off_stays_on_the_page(world: Academy) -> None:
    for days in (0, 1, 2, 5):
        await booked(world, WEDNESDAY + days * DAY)
    panel = reply(await world.student.slash(world.lobby, "sessions"))
    second = await press(world.student, panel, "Older ▶")

    off = await press(world.student, second, "Reminders: on")

    assert words(off) == words(second).replace("Reminders: on", "Reminders: off")
    assert stamp(WEDNESDAY + 5 * DAY) in words(off)


async def test_people_turn_off_only_their_own_reminders(world: Academy) -> None:
    await booked(world, WEDNESDAY)

    await world.press_custom_id(world.outsider, "reminders:off")
    await world.leap_to(WEDNESDAY - DAY)

    assert counts(world) == (1, 1)
    assert (await fetch(world.db, Member, world.outsider.id)).reminders_off


async def test_admins_choose_when_people_are_reminded(world: Academy) -> None:
    await booked(world, WEDNESDAY)

    shown = await set_reminders(world, "2h, 3 hours")
    await world.leap_to(WEDNESDAY - DAY)
    early = counts(world)
    await world.leap_to(WEDNESDAY - 3 * HOUR)
    first = counts(world)
    none = await set_reminders(world, "none")
    await world.leap_to(WEDNESDAY - HOUR)

    assert "**Reminders** 1 day, 1 h → 3 h, 2 h" in shown
    assert "**Reminders** 3 h, 2 h → none" in none
    assert (early, first, counts(world)) == ((0, 0), (1, 1), (1, 1))
