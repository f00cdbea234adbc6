"""Reminders, from the instant at which they are due to what people read and press."""

from datetime import UTC, datetime, timedelta
from typing import Any

from models import CoachingSession, Guild, Member
from scheduler.booking import booking
from scheduler.core.actor import Actor
from scheduler.core.clock import stamp
from tests.support.simulated import Academy, reply, words
from tests.support.steps import labels, press
from tests.support.transactions import fetch

WEDNESDAY = datetime(2026, 3, 4, 13, tzinfo=UTC)
"""14:00 in Berlin, two days after the world begins."""
DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
REMINDER = "### Your session with"


async def booked(world: Academy, starts_at: datetime = WEDNESDAY, notes: str | None = None) -> CoachingSession:
    """The student's session, by the use case behind Confirm, and both are told."""
    async with world.db.begin() as session:
        guild = await session.get_one(Guild, world.guild.id)
        student = Actor(world.student.id)
        made = await booking.book(session, guild, student, world.coach.id, starts_at, HOUR, notes, world.now)
    await world.leap_to(world.now)
    return made


def reminders(person: Any) -> list[Any]:
    """Those that this person got, oldest first."""
    return [one for one in person.user.dm_channel.history() if words(one).startswith(REMINDER)]


def counts(world: Academy) -> tuple[int, int]:
    """How many reminders student and coach have got."""
    return len(reminders(world.student)), len(reminders(world.coach))


async def test_both_are_reminded_once_a_day_and_once_an_hour_before(open_world: Academy) -> None:
    world = open_world
    await booked(world)
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


async def test_a_reminder_says_when_with_whom_where_and_what_about(open_world: Academy) -> None:
    world = open_world
    session = await booked(world, notes="The *bridge*. " + "x" * 500)

    await world.leap_to(WEDNESDAY - DAY)

    [mine], [theirs] = reminders(world.student), reminders(world.coach)
    for message, other in ((mine, world.coach), (theirs, world.student)):
        said = words(message)
        assert said.startswith(f"{REMINDER} {other.mention} starts {stamp(WEDNESDAY, 'R')}\n{stamp(WEDNESDAY)} (")
        assert f"Your private room opens {stamp(WEDNESDAY - 5 * MINUTE, 'R')}." in said
        assert r"The \*bridge\*. xxx" in said
        assert "x" * 290 not in said
        assert said.endswith(
            "…\nReschedule…\nCancel…\nCalendar file\nTurn reminders off\n" + said.splitlines()[-1]
        )
        assert session.code in said.splitlines()[-1]


async def test_a_session_can_be_cancelled_from_its_reminder(open_world: Academy) -> None:
    world = open_world
    await booked(world)
    await world.leap_to(WEDNESDAY - DAY)

    form = await world.student.user.click(reminders(world.student)[0], label="Cancel…")
    await world.student.user.submit_modal(form, {"Reason": "Ill."})
    await world.leap_to(WEDNESDAY - HOUR)

    assert "Session cancelled by the student" in world.dms(world.coach)[-1]
    assert counts(world) == (0, 1)  # the student's has become the answer, and no other came an hour before


async def test_a_bot_that_was_down_reminds_late_but_not_after_the_start(open_world: Academy) -> None:
    world = open_world
    await booked(world)
    await booked(world, WEDNESDAY + DAY)

    await world.leap_to(WEDNESDAY - 20 * MINUTE)
    late = [words(one) for one in reminders(world.student)]
    await world.leap_to(WEDNESDAY + DAY)

    assert len(late) == 1  # not one for the day and one for the hour
    assert stamp(WEDNESDAY, "R") in late[0]
    assert counts(world) == (1, 1)


async def test_reminders_can_be_turned_off_and_on_from_a_reminder(open_world: Academy) -> None:
    world = open_world
    await booked(world)
    await world.leap_to(WEDNESDAY - DAY)
    [message] = reminders(world.student)
    before = words(message)

    off = await press(world.student.user, message, "Turn reminders off")
    again = await press(world.student.user, message, "Turn reminders off")
    await world.restart()
    await world.leap_to(WEDNESDAY - HOUR)
    without = counts(world)
    on = await press(world.student.user, off, "Turn reminders on")
    await booked(world, WEDNESDAY + DAY)
    await world.leap_to(WEDNESDAY + DAY - HOUR)

    assert words(off) == words(again)
    assert words(off).startswith("### Reminders are off\nYou are not reminded of your sessions any more")
    assert words(on).startswith("### Reminders are on\n")
    assert words(reminders(world.student)[0]) == before
    assert (without, counts(world)) == ((1, 2), (2, 3))


async def test_reminders_can_be_turned_off_and_on_in_the_list_of_sessions(open_world: Academy) -> None:
    world = open_world
    await booked(world)
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


async def test_the_list_stays_on_its_page_when_reminders_are_turned_off(open_world: Academy) -> None:
    world = open_world
    for day in range(4):
        await booked(world, WEDNESDAY + timedelta(days=(0, 1, 2, 5)[day]))
    panel = reply(await world.student.slash(world.lobby, "sessions"))
    second = await press(world.student, panel, "More ▶")

    off = await press(world.student, second, "Reminders: on")

    assert words(off) == words(second).replace("Reminders: on", "Reminders: off")
    assert stamp(WEDNESDAY + 5 * DAY) in words(off)


async def test_who_presses_decides_for_themselves_only(open_world: Academy) -> None:
    world = open_world
    await booked(world)

    await world.press_custom_id(world.outsider, "reminders:off")
    await world.leap_to(WEDNESDAY - DAY)

    assert counts(world) == (1, 1)
    assert (await fetch(world.db, Member, world.outsider.id)).reminders_off


async def set_reminders(world: Academy, typed: str) -> str:
    """The admin sets the times; what they read."""
    answer = await world.admin.slash(world.lobby, "coaching set", setting="Reminders", value=typed)
    return words(reply(answer))


async def test_the_server_chooses_when_people_are_reminded(open_world: Academy) -> None:
    world = open_world
    await booked(world)

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
