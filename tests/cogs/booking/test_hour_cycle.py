"""People whose Discord writes times in 12 hours read and press them so."""

from typing import Any

from models import Member
from tests.cogs.booking.people import TWO, Visitor
from tests.cogs.test_zone_questions import select_of
from tests.support.simulated import Academy, reply, words
from tests.support.steps import alt_text, labels, week

AMERICAN = "en-US"


def speaks(world: Academy, person: Any, language: str) -> None:
    """Let this person use Discord in this language."""
    world.languages[person.id] = language


async def test_an_american_books_at_2_pm(world: Academy) -> None:
    speaks(world, world.student, AMERICAN)
    stu = await Visitor(world, world.student).book()

    assert "11:00 AM" in stu.buttons
    assert "11 AM" in stu.alt_text
    assert "11:00" not in stu.buttons
    await stu.press("2:00 PM")
    assert "Mon 2:00 PM in Europe/Berlin" in stu.said
    await stu.press("Confirm")

    [booked] = await world.sessions()
    assert booked.starts_at == TWO


async def test_a_taken_time_is_refused_with_times_on_their_clock(world: Academy) -> None:
    speaks(world, world.student, AMERICAN)
    stu = await Visitor(world, world.student).book()
    await world.book(world.other_student, "14:00")

    await stu.press("2:00 PM")

    assert "Mon 2 Mar, 3:00 PM" in stu.buttons


async def test_a_session_is_rescheduled_on_their_clock(world: Academy) -> None:
    await world.book(world.student, "14:00")
    speaks(world, world.student, AMERICAN)

    stu = await (await Visitor(world, world.student).slash("sessions")).press("Reschedule…")

    assert "3:30 PM" in stu.buttons


async def test_a_coachs_panel_form_and_picture_are_on_their_clock(world: Academy) -> None:
    speaks(world, world.coach, AMERICAN)

    panel = await week(world)
    opened = await world.coach.click(panel, label="Edit hours…")
    saved = reply(await world.coach.submit_modal(opened, {"Days": "Tue", "Hours": "9 AM–12 PM, 2 PM–5:30 PM"}))

    assert "Morning 8 AM–12 PM" in labels(panel)
    assert "✅ Set Tue: 9 AM–12 PM, 2 PM–5:30 PM" in words(saved)
    assert alt_text(saved)["Tue 3 Mar"] == "9 AM-12 PM free, 2 PM-5:30 PM free"


async def test_zones_are_suggested_with_the_time_on_their_clock(world: Academy) -> None:
    speaks(world, world.student, AMERICAN)

    found = await world.student.autocomplete(world.lobby, "timezone", "place", "Berlin")

    assert any("Mon 9:00 AM" in str(one) for one in found)
    answer = reply(await world.student.slash(world.lobby, "timezone", place="Berlin"))
    assert "It's **Monday, 9:00 AM** there now." in words(answer)


async def test_unclear_zones_are_asked_about_with_the_time_on_their_clock(world: Academy) -> None:
    speaks(world, world.student, AMERICAN)

    question = reply(await world.student.slash(world.lobby, "timezone", place="IST"))

    assert "Asia/Kolkata · Mon 1:30 PM" in [option["label"] for option in select_of(question)["options"]]


async def test_nothing_is_stored_about_someone_who_only_looks(world: Academy) -> None:
    speaks(world, world.outsider, AMERICAN)

    await world.outsider.slash(world.lobby, "sessions")

    async with world.db.read() as session:
        assert await session.get(Member, world.outsider.id) is None
