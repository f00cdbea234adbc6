"""`/sessions`: pages, the notice rule, calendar files, and booking the same coach again."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from models import CoachingSession, SessionStatus
from scheduler.core.clock import stamp
from tests.cogs.booking.people import Visitor, calendar_in, much_later
from tests.support import builders
from tests.support.simulated import Academy

WEDNESDAY = datetime(2026, 3, 4, 8, tzinfo=UTC)
"""9:00 in Berlin, two days after the world begins."""
LATE = "this is a **late cancellation**"


async def notice(world: Academy, hours: int) -> None:
    """Let the server ask for so much notice."""
    await world.choose(cancel_notice_minutes=hours * 60)


async def booked(world: Academy) -> CoachingSession:
    """The student's session on Wednesday morning."""
    stu = await Visitor(world, world.student).book()
    await stu.choose("book:day:", "Wed 4 Mar")
    await stu.press("09:00", "Confirm")
    return (await world.sessions())[-1]


async def a_row(world: Academy, starts_at: datetime, **changed: Any) -> CoachingSession:
    """A session that is there already, without its reservations."""
    async with world.db.begin() as session:
        return await builders.a_session(
            session,
            guild_id=world.guild.id,
            coach_id=world.coach.id,
            starts_at=starts_at,
            reserved=False,
            **{"student_id": world.student.id, "next_step_at": None, "notes": "*" * 1000, **changed},
        )


async def test_a_student_moves_a_session_while_there_is_notice(open_world: Academy) -> None:
    world = open_world
    await notice(world, 24)
    before = await booked(world)
    await much_later(world, WEDNESDAY - timedelta(hours=24))
    stu = await Visitor(world, world.student).slash("sessions")

    await stu.press("Reschedule…")
    await stu.choose("move:day:", "Thu 5 Mar")
    await stu.press("10:00")
    await stu.fill("Move it…")

    [moved] = await world.sessions()
    assert (moved.id, moved.starts_at) == (before.id, datetime(2026, 3, 5, 9, tzinfo=UTC))
    assert "Session moved ✅" in stu.said


@pytest.mark.parametrize("step", ["Reschedule…", "10:00", "Move it…"])
async def test_a_student_cannot_move_a_session_with_less_notice(open_world: Academy, step: str) -> None:
    world = open_world
    await notice(world, 24)
    before = await booked(world)
    too_late = WEDNESDAY - timedelta(hours=24) + world.minutes(1)
    stu = await Visitor(world, world.student).slash("sessions")
    if step != "Reschedule…":
        await stu.press("Reschedule…")
        await stu.choose("move:day:", "Thu 5 Mar")
    if step == "Move it…":
        await stu.press("10:00")
    await much_later(world, too_late)

    if step != "Move it…":
        await stu.press(step)
    if step != "Reschedule…":
        await stu.fill("Move it…")

    assert (
        "It's too late to reschedule: this server asks for 1 day of notice. Ask your coach to reschedule, or "
        "cancel, which counts as a late cancellation."
    ) in stu.said
    assert (await world.sessions())[0].starts_at == before.starts_at


async def test_a_coach_moves_a_session_whatever_notice_students_need(open_world: Academy) -> None:
    world = open_world
    await notice(world, 24 * 7)
    await booked(world)
    cara = await Visitor(world, world.coach).slash("sessions")

    await cara.press("Reschedule…")
    await cara.choose("move:day:", "Thu 5 Mar")
    await cara.press("10:00")
    await cara.fill("Move it…", Reason="My train is late.")

    assert "Session moved ✅" in cara.said
    assert "Session moved by the coach" in world.dms(world.student)[-1]
    assert "My train is late." in world.dms(world.student)[-1]


async def test_the_form_says_beforehand_that_cancelling_is_in_time(open_world: Academy) -> None:
    world = open_world
    await notice(world, 24)
    await booked(world)
    await much_later(world, WEDNESDAY - timedelta(hours=24))
    stu = await Visitor(world, world.student).slash("sessions")

    form = await stu.open_form("Cancel…")
    await stu.send(form)

    until = stamp(WEDNESDAY - timedelta(hours=24))
    assert f"You can cancel for free until {until}." in str(form.modal)
    assert (await world.sessions())[0].cancelled_late is False
    assert "· cancelled\n" in stu.said


async def test_a_late_cancellation_is_announced_and_marked(open_world: Academy) -> None:
    world = open_world
    await notice(world, 24)
    await booked(world)
    await much_later(world, WEDNESDAY - timedelta(hours=24) + world.minutes(1))
    stu = await Visitor(world, world.student).slash("sessions")

    form = await stu.open_form("Cancel…")
    await stu.send(form, Reason="Ill.")

    assert LATE in str(form.modal)
    assert (await world.sessions())[0].cancelled_late is True
    for said in (stu.said, world.dms(world.coach)[-1], (await stu.slash("sessions")).said):
        assert "· cancelled late" in said


@pytest.mark.parametrize("who", ["coach", "admin"])
async def test_only_students_can_be_late(open_world: Academy, who: str) -> None:
    world = open_world
    await notice(world, 24 * 7)
    one = await booked(world)
    person = getattr(world, who)

    form = await world.press_custom_id(person, f"session:cancel:{one.id}")
    visitor = await Visitor(world, person).send(form, Reason="Flood.")

    assert "late cancellation" not in str(form.modal)
    assert "in time" not in str(form.modal)
    assert (await world.sessions())[0].cancelled_late is False
    assert "· cancelled\n" in visitor.said
    assert "cancelled late" not in world.dms(world.student)[-1]


async def test_without_a_rule_the_form_says_nothing_of_one(open_world: Academy) -> None:
    world = open_world
    await booked(world)
    stu = await Visitor(world, world.student).slash("sessions")

    form = await stu.open_form("Cancel…")
    await stu.send(form)

    assert "late" not in str(form.modal)
    assert (await world.sessions())[0].cancelled_late is False


@pytest.mark.parametrize("status", [SessionStatus.COMPLETED, SessionStatus.CANCELLED, SessionStatus.NO_SHOW])
async def test_book_again_goes_to_the_coach_and_length_of_the_session_that_was(
    open_world: Academy, status: SessionStatus
) -> None:
    world = open_world
    starts_at = world.now - timedelta(days=2)
    await a_row(world, starts_at, ends_at=starts_at + world.minutes(90), status=status)
    stu = await Visitor(world, world.student).slash("sessions")

    await stu.press("Book again")

    assert f"Book {world.coach.mention}" in stu.said
    assert stu.chosen("book:length:") == "90 min · $90.00"
    await stu.press("14:00", "Confirm")
    again = (await world.sessions())[-1]
    assert (again.duration, again.status) == (world.minutes(90), SessionStatus.SCHEDULED)


async def test_coaches_are_not_asked_to_book_themselves_again(open_world: Academy) -> None:
    world = open_world
    await a_row(world, world.now - timedelta(days=2), status=SessionStatus.COMPLETED)

    cara = await Visitor(world, world.coach).slash("sessions")

    assert "Book again" not in cara.buttons


async def test_a_direct_message_offers_no_button_that_works_in_the_server_only(open_world: Academy) -> None:
    world = open_world
    await booked(world)
    stu = await Visitor(world, world.student).slash("sessions")

    await stu.fill("Cancel…")

    assert "Book again" in stu.buttons
    assert "Session cancelled by you" in world.dms(world.student)[-1]
    assert "Book again" not in world.dms(world.student)[-1]


async def test_cancelling_in_a_direct_message_offers_no_such_button_either(open_world: Academy) -> None:
    world = open_world
    await booked(world)
    user = world.student.user

    form = await user.click(user.dm_channel.last_message, label="Cancel…")
    stu = Visitor(world, world.student).take(await user.submit_modal(form, {}))

    assert "Session cancelled" in stu.said
    assert "Book again" not in stu.buttons


async def test_the_calendar_file_is_had_from_the_list_and_from_the_message(open_world: Academy) -> None:
    world = open_world
    one = await booked(world)
    stu = Visitor(world, world.student)

    await (await stu.slash("sessions")).press("Calendar file")
    from_list = await calendar_in(stu.panel)
    message = world.student.user.dm_channel.last_message
    stu.take(await world.student.user.click(message, label="Calendar file"))
    from_message = await calendar_in(stu.panel)
    cara = await (await Visitor(world, world.coach).slash("sessions")).press("Calendar file")

    assert from_list.to_ical() == from_message.to_ical()
    [hers], [theirs] = (await calendar_in(cara.panel)).events, from_list.events
    assert (hers["uid"], hers["sequence"]) == (theirs["uid"], theirs["sequence"])
    assert (theirs["summary"], hers["summary"]) == (
        "Coaching with Cara",
        "Coaching Stu",
    )
    assert from_list.events[0].uid == f"{one.code}@session.coachbot"
    assert "Open it with your calendar." in stu.said


async def test_the_coachs_file_names_a_student_who_has_left_too_and_tells_sessions_apart_where_nobody_is_named(
    open_world: Academy,
) -> None:
    world = open_world
    one = await booked(world)
    server = world.guild.name

    async def title() -> str:
        cara = await (await Visitor(world, world.coach).slash("sessions")).press("Calendar file")
        return str((await calendar_in(cara.panel)).events[0]["summary"])

    world.guild.remove_member(world.student)
    after_leaving = await title()
    world.env.inject_error("GET", f"/users/{world.student.id}", status=404, code=10013)
    without_account = await title()
    world.env.inject_error("GET", f"/guilds/{world.guild.id}/members/{world.student.id}", status=500)
    in_trouble = await title()

    assert after_leaving == "Coaching Stu"
    assert without_account == in_trouble == f"Coaching session {one.code} in {server}"


async def test_each_message_about_a_session_brings_the_file_as_it_then_was(open_world: Academy) -> None:
    world = open_world
    await booked(world)
    stu = await Visitor(world, world.student).slash("sessions")

    await stu.press("Reschedule…", "14:00")
    await stu.fill("Move it…")
    await (await stu.slash("sessions")).fill("Cancel…")

    for person in (world.student, world.coach):
        # An approval brings no file.
        messages = [one for one in person.user.dm_channel.history() if one.attachments]
        calendars = [await calendar_in(one) for one in messages]
        assert [(one["method"], one.events[0]["sequence"]) for one in calendars] == [
            ("PUBLISH", 0),
            ("PUBLISH", 1),
            ("CANCEL", 2),
        ]
        assert len({one.events[0].uid for one in calendars}) == 1


async def test_what_is_coming_is_listed_soonest_first_and_then_what_is_over_newest_first(
    open_world: Academy,
) -> None:
    world = open_world
    over = [SessionStatus.COMPLETED, SessionStatus.CANCELLED, SessionStatus.NO_SHOW, SessionStatus.COMPLETED]
    past = [
        await a_row(world, world.now - timedelta(days=n), status=one, cancel_reason="*" * 1000)
        for n, one in enumerate(over, 1)
    ]
    coming = [await a_row(world, world.now + timedelta(days=n)) for n in (3, 1, 2, 5)]
    stu = await Visitor(world, world.student).slash("sessions")

    pages = [stu.said]
    while any(label.startswith("More") for label in stu.buttons):
        await stu.press("More ▶")
        pages.append(stu.said)

    expected = [coming[n].code for n in (1, 2, 0, 3)] + [one.code for one in past]
    listed = [[line.split("`")[1] for line in one.splitlines() if "**Code**" in line] for one in pages]
    assert listed == [expected[:3], expected[3:6], expected[6:]]
    assert all("4 upcoming" in one for one in pages)
    await stu.press("◀ Sooner", "◀ Sooner")
    assert stu.said == pages[0]


async def test_a_page_that_is_not_there_any_more_leads_back(open_world: Academy) -> None:
    world = open_world
    await a_row(world, WEDNESDAY)
    stu = Visitor(world, world.student)

    stu.take(await world.press_custom_id(world.student, "session:list:9000000000"))

    assert "1 upcoming" in stu.said
    assert stu.buttons == ["◀ Sooner", "Reminders: on"]


async def test_with_no_session_the_list_says_how_to_get_one(open_world: Academy) -> None:
    stu = await Visitor(open_world, open_world.student).slash("sessions")

    assert stu.said == "### No sessions yet\nBook your first one with `/book`."
