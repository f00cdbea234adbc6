"""`/book` from the first press to the calendar file."""

from datetime import UTC, datetime

import pytest

from models import CoachingSession, Hold, Reservation
from scheduler.core.clock import stamp
from tests.cogs.booking.people import Visitor, calendar_in, much_later
from tests.support.presses import press_together
from tests.support.simulated import Academy, reply, words

TWO = datetime(2026, 3, 2, 13, tzinfo=UTC)
"""14:00 in Berlin on the first day."""
NOTES = "Notes for your coach"


async def test_from_the_list_of_coaches_to_a_booked_session(open_world: Academy) -> None:
    world = open_world
    stu = Visitor(world, world.student)

    await stu.slash("book")
    assert f"**{world.coach.mention}** · new · $60.00 an hour" in stu.said
    assert f"next free {stamp(datetime(2026, 3, 2, 10, tzinfo=UTC), 'R')}" in stu.said
    await stu.press("Book", "14:00")
    until = world.now + world.minutes(5)
    assert f"Held for you until {stamp(until, 'T')} ({stamp(until, 'R')})" in stu.said
    assert f"**Time** {stamp(TWO)}\n-# Mon 14:00 in Europe/Berlin" in stu.said
    assert "**Length** 60 min\n**Price** $60.00" in stu.said
    await stu.fill("Add notes…", **{NOTES: "The second verse."})
    await stu.press("Confirm")

    [booked] = await world.sessions()
    assert (booked.starts_at, booked.duration, booked.notes) == (TWO, world.minutes(60), "The second verse.")
    for part in (
        "Booked ✅",
        stamp(TWO),
        f"**Coach** {world.coach.mention}",
        "**Length** 60 min · **Price** $60.00",
        f"`{booked.code}`",
        f"Your private room opens {stamp(TWO - world.minutes(5), 'R')}.",
    ):
        assert part in stu.said
    assert stu.buttons == ["Reschedule…", "Cancel…", "Calendar file"]
    assert [one.filename for one in stu.panel.attachments] == [f"session-{booked.code}.ics"]
    calendar = await calendar_in(stu.panel)
    assert calendar.events[0].start == TWO
    assert await world.count(Hold) == 0
    assert await world.count(Reservation) == 2


async def test_both_are_told_by_direct_message_with_the_calendar_file(open_world: Academy) -> None:
    world = open_world

    await world.book(world.student, "14:00", notes="The second verse.")

    for person, title, summary in (
        (world.student, "Your session is booked", "Coaching with Cara"),
        (world.coach, "New booking", "Coaching Stu"),
    ):
        [*_, message] = person.user.dm_channel.history()
        assert title in words(message)
        assert "The second verse." in words(message)
        [event] = (await calendar_in(message)).events
        assert (event.start, event["summary"]) == (TWO, summary)
    assert f"**Student** {world.student.mention}" in world.dms(world.coach)[-1]


async def test_given_a_coach_the_first_free_day_takes_two_presses_and_no_form(open_world: Academy) -> None:
    stu = Visitor(open_world, open_world.student)

    await (await stu.book()).press("14:00", "Confirm")

    assert "Booked ✅" in stu.said
    assert stu.presses == 2


async def test_given_a_coach_another_day_takes_three_presses_and_no_form(open_world: Academy) -> None:
    stu = Visitor(open_world, open_world.student)

    await stu.book()
    await stu.choose("book:day:", "Thu 5 Mar")
    await stu.press("09:00", "Confirm")

    assert "Booked ✅" in stu.said
    assert stu.presses == 3
    [booked] = await open_world.sessions()
    assert booked.starts_at == datetime(2026, 3, 5, 8, tzinfo=UTC)


async def test_the_first_day_that_has_a_free_time_is_chosen_already(open_world: Academy) -> None:
    world = open_world
    await much_later(world, datetime(2026, 3, 6, 17, tzinfo=UTC))  # Friday evening
    stu = Visitor(world, world.student)

    await stu.book()

    assert stu.chosen("book:day:") == "Mon 9 Mar · 11 free"
    assert "**Monday, 9 March** · times in **Europe/Berlin**" in stu.said


async def test_another_length_changes_price_and_times_and_what_is_booked(open_world: Academy) -> None:
    world = open_world
    stu = Visitor(world, world.student)

    await stu.book()
    assert stu.chosen("book:length:") == "60 min · $60.00"
    await stu.choose("book:length:", "90 min · $90.00")
    assert stu.times == ["13:30", "14:00", "14:30", "15:00", "15:30"]
    await stu.press("15:30", "Confirm")

    [booked] = await world.sessions()
    assert (booked.duration, booked.total_cost_minor) == (world.minutes(90), 9000)


async def test_a_form_for_notes_that_was_dismissed_leaves_everything_working(open_world: Academy) -> None:
    stu = Visitor(open_world, open_world.student)
    await (await stu.book()).press("14:00")
    await stu.open_form("Add notes…")
    await stu.open_form("Add notes…")

    await stu.press("Other time", "15:00")
    await stu.open_form("Add notes…")
    await stu.press("Confirm")

    [booked] = await open_world.sessions()
    assert (booked.starts_at.hour, booked.notes) == (14, None)


async def test_notes_can_be_changed_and_taken_back_before_confirming(open_world: Academy) -> None:
    stu = Visitor(open_world, open_world.student)
    await (await stu.book()).press("14:00")

    await stu.fill("Add notes…", **{NOTES: "x" * 1000})
    await stu.fill("Change notes…", **{NOTES: "  "})
    without = stu.said
    await stu.press("Confirm")

    assert NOTES not in without
    assert "Add notes…" in without
    [booked] = await open_world.sessions()
    assert booked.notes is None


async def test_a_double_click_on_confirm_books_once_and_tells_each_once(open_world: Academy) -> None:
    world = open_world
    panel = await world.about_to_confirm(world.student, "14:00")

    answers = await press_together(world, [(world.student, panel)] * 2, label="Confirm")

    [booked] = await world.sessions()
    assert all(f"`{booked.code}`" in words(reply(answer)) for answer in answers)
    for person in (world.student, world.coach):
        assert sum(booked.code in said for said in world.dms(person)) == 1


@pytest.mark.parametrize("restart_before", ["Book", "14:00", "Add notes…", "the form is sent", "Confirm"])
async def test_a_restart_between_any_two_steps_changes_nothing(open_world: Academy, restart_before: str) -> None:
    world = open_world
    stu = Visitor(world, world.student)

    async def maybe_restart(step: str) -> None:
        if step == restart_before:
            await world.restart()

    await stu.slash("book")
    for step in ("Book", "14:00"):
        await maybe_restart(step)
        await stu.press(step)
    await maybe_restart("Add notes…")
    form = await stu.open_form("Add notes…")
    await maybe_restart("the form is sent")
    await stu.send(form, **{NOTES: "Quiet drums"})
    await maybe_restart("Confirm")
    await stu.press("Confirm")

    [booked] = await world.sessions()
    assert (booked.starts_at, booked.notes) == (TWO, "Quiet drums")
    assert booked.code in world.dms(world.coach)[-1]


async def test_booking_works_although_direct_messages_are_closed(open_world: Academy) -> None:
    world = open_world
    for person in (world.student, world.coach):
        path = f"/channels/{person.user.dm_channel.id}/messages"
        world.env.inject_error("POST", path, status=403, code=50007, times=None)

    booked = await world.book(world.student, "14:00")

    stu = await Visitor(world, world.student).slash("sessions")
    assert booked.code in stu.said
    assert await world.count(CoachingSession) == 1
    assert not any(booked.code in said for person in (world.student, world.coach) for said in world.dms(person))
