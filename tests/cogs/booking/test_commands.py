"""`/book`, from the first press to the calendar file."""

from datetime import UTC, datetime

import pytest

from models import CoachingSession, Hold, Reservation
from scheduler.core.clock import stamp
from tests.cogs.booking.people import TWO, Visitor, about_to_confirm, calendar_in, confirm_id, much_later
from tests.support.parameters import first_plain
from tests.support.presses import press_together
from tests.support.simulated import Academy, reply, words

NOTES = "Notes for your coach"


async def test_from_the_list_of_coaches_to_a_booked_session(world: Academy) -> None:
    stu = Visitor(world, world.student)

    await stu.slash("book")
    assert f"**{world.coach.mention}** · new · $60.00 an hour" in stu.said
    assert f"next free {stamp(datetime(2026, 3, 2, 10, tzinfo=UTC), 'R')}" in stu.said
    await stu.press("Book", "14:00")
    until = world.now + world.minutes(5)
    assert f"The hold ends {stamp(until, 'R')}." in stu.said
    assert f"\n## {stamp(TWO)}\n-# Mon 14:00 in Europe/Berlin\nWith {world.coach.mention}\n" in stu.said
    assert "\n60 min · $60.00\n" in stu.said
    await stu.fill("Add notes…", **{NOTES: "The second verse."})
    await stu.press("Confirm")

    [booked] = await world.sessions()
    assert (booked.starts_at, booked.duration, booked.student.notes) == (
        TWO,
        world.minutes(60),
        "The second verse.",
    )
    for part in (
        "Booked ✅",
        f"\n## {stamp(TWO)}\nWith {world.coach.mention}\n60 min · $60.00 · Code `{booked.code}`\n",
        "Your private room opens 5 minutes before the start.",
    ):
        assert part in stu.said
    assert stu.buttons == ["Reschedule…", "Cancel…", "Google Calendar", "Outlook", "All sessions"]
    assert [one.filename for one in stu.panel.attachments] == [f"session-{booked.code}.ics"]
    assert (await calendar_in(stu.panel)).events[0].start == TWO
    assert (await world.count(Hold), await world.count(Reservation)) == (0, 2)


async def test_both_get_a_direct_message_with_the_calendar_file(world: Academy) -> None:
    await world.book(world.student, "14:00", notes="The second verse.")

    for person, title, summary in (
        (world.student, "Session booked", "Coaching with Cara"),
        (world.coach, "New booking", "Coaching Stu"),
    ):
        [*_, message] = person.user.dm_channel.history()
        assert title in words(message)
        assert "The second verse." in words(message)
        [event] = (await calendar_in(message)).events
        assert (event.start, event["summary"]) == (TWO, summary)
    assert "\nWith Stu\n" in world.dms(world.coach)[-1]


async def test_a_name_that_discord_does_not_tell_keeps_no_message_back(world: Academy) -> None:
    path = f"/guilds/{world.guild.id}/members/{world.student.id}"
    refusal = {"status": 400, "code": 30013, "message": "Maximum number of guild channels reached (500)"}
    world.env.inject_error("GET", path, **refusal, times=None)

    await world.book(world.student, "14:00")

    assert "New booking" in world.dms(world.coach)[-1]
    assert "With your student" in world.dms(world.coach)[-1]


@pytest.mark.parametrize(
    ("day", "time", "presses", "starts_at"),
    [(None, "14:00", 2, TWO), ("Thu 5 Mar", "09:00", 3, datetime(2026, 3, 5, 8, tzinfo=UTC))],
    ids=["first free day", "another day"],
)
async def test_booking_a_known_coach_takes_few_presses_and_no_form(
    world: Academy, day: str | None, time: str, presses: int, starts_at: datetime
) -> None:
    stu = await Visitor(world, world.student).book()

    if day:
        await stu.choose("book:day:", day)
    await stu.press(time, "Confirm")

    assert "Booked ✅" in stu.said
    assert stu.presses == presses
    [booked] = await world.sessions()
    assert (booked.starts_at, booked.student.notes) == (starts_at, None)


async def test_the_first_day_with_a_free_time_is_already_chosen(world: Academy) -> None:
    await much_later(world, datetime(2026, 3, 6, 17, tzinfo=UTC))  # Friday evening

    stu = await Visitor(world, world.student).book()

    assert stu.chosen("book:day:") == "Mon 9 Mar · 11 free"
    assert "**Monday, 9 March** · times in **Europe/Berlin**" in stu.said


async def test_another_length_changes_price_and_times_and_what_is_booked(world: Academy) -> None:
    stu = await Visitor(world, world.student).book()

    assert stu.chosen("book:length:") == "60 min · $60.00"
    await stu.choose("book:length:", "90 min · $90.00")
    assert stu.times == ["13:30", "14:00", "14:30", "15:00", "15:30"]
    await stu.press("15:30", "Confirm")

    [booked] = await world.sessions()
    assert (booked.duration, booked.student.total_cost_minor) == (world.minutes(90), 9000)


async def test_a_dismissed_notes_form_leaves_the_panel_working(world: Academy) -> None:
    stu = await about_to_confirm(world, world.student)
    await stu.open_form("Add notes…")
    await stu.open_form("Add notes…")

    await stu.press("Other time", "15:00")
    await stu.open_form("Add notes…")
    await stu.press("Confirm")

    [booked] = await world.sessions()
    assert (booked.starts_at.hour, booked.student.notes) == (14, None)


async def test_notes_stay_on_the_panel_until_they_are_booked(world: Academy) -> None:
    stu = await about_to_confirm(world, world.student)
    await stu.fill("Add notes…", **{NOTES: "**Loud** drums\n@everyone"})
    assert f"**{NOTES}**\n" r"\*\*Loud\*\* drums" "\n" r"\@everyone" in stu.said

    form = await stu.open_form("Change notes…")
    assert form.modal["components"][0]["component"]["value"] == "**Loud** drums\n@everyone"
    await stu.send(form, **{NOTES: "Quiet drums"})
    await stu.press("Confirm")

    [booked] = await world.sessions()
    assert booked.student.notes == "Quiet drums"
    assert "Quiet drums" in world.dms(world.coach)[-1]


async def test_notes_can_be_removed_before_confirming(world: Academy) -> None:
    stu = await about_to_confirm(world, world.student)

    await stu.fill("Add notes…", **{NOTES: "x" * 1000})
    await stu.fill("Change notes…", **{NOTES: "  "})
    without = stu.said
    await stu.press("Confirm")

    assert NOTES not in without
    assert "Add notes…" in without
    [booked] = await world.sessions()
    assert booked.student.notes is None


async def test_a_double_click_on_confirm_books_once_and_tells_each_once(world: Academy) -> None:
    panel = await world.about_to_confirm(world.student, "14:00")

    answers = await press_together(world, [(world.student, panel)] * 2, label="Confirm")

    [booked] = await world.sessions()
    assert all(f"`{booked.code}`" in words(reply(answer)) for answer in answers)
    for person in (world.student, world.coach):
        assert sum(booked.code in said for said in world.dms(person)) == 1


@pytest.mark.parametrize(
    "restart_before", first_plain(["Book", "14:00", "Add notes…", "the form is sent", "Confirm"])
)
async def test_a_restart_between_any_two_presses_changes_nothing(world: Academy, restart_before: str) -> None:
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
    assert (booked.starts_at, booked.student.notes) == (TWO, "Quiet drums")
    assert booked.code in world.dms(world.coach)[-1]


async def test_booking_works_with_closed_direct_messages(world: Academy) -> None:
    for person in (world.student, world.coach):
        path = f"/channels/{person.user.dm_channel.id}/messages"
        world.env.inject_error("POST", path, status=403, code=50007, times=None)

    booked = await world.book(world.student, "14:00")

    stu = await Visitor(world, world.student).slash("sessions")
    assert booked.code in stu.said
    assert await world.count(CoachingSession) == 1
    assert not any(booked.code in said for person in (world.student, world.coach) for said in world.dms(person))


async def test_a_time_confirmed_too_late_is_refused(world: Academy) -> None:
    stu = await about_to_confirm(world, world.student, "11:00")
    await world.leap_to(datetime(2026, 3, 2, 10, 30, tzinfo=UTC))

    await stu.press("Confirm")

    assert stu.said == "That time is in the past. Choose a later one."
    assert await world.sessions() == []


async def test_coaches_cannot_book_themselves(world: Academy) -> None:
    cara = await Visitor(world, world.coach).slash("book")
    assert "No coaches to book yet" in cara.said
    assert "/coach apply" in cara.said

    refused = [(await cara.book()).said]
    confirm = confirm_id(world)
    old_confirm = confirm.rpartition(":")[0]
    time = old_confirm.rpartition(":")[0].replace("confirm", "time")
    for custom_id in (time, old_confirm, confirm):
        refused.append(cara.take(await world.press_custom_id(world.coach, custom_id)).said)

    assert refused == ["You can't book yourself. Choose another coach."] * 4
    assert (await world.count(Hold), await world.count(CoachingSession)) == (0, 0)


async def test_only_approved_coaches_can_be_booked(world: Academy) -> None:
    await world.apply(world.outsider)

    for person in (world.outsider, world.student):  # an applicant, and someone who never applied
        stu = await Visitor(world, world.student).book(coach=str(person.id))
        assert "There's no such coach here. `/book` lists the coaches" in stu.said
