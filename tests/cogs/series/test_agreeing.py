"""Weekly lessons, from **Once** on the panel before a booking to what both read when the coach has answered."""

from datetime import date
from typing import Any

from sqlalchemy import select

from models import CoachingSession, Guild, Series, SeriesPayment, SeriesStatus
from tests.cogs.booking.people import BUTTON, TWO, Visitor, about_to_confirm, components
from tests.support.builders import DAY, HOUR, MINUTE, a_session
from tests.support.simulated import Academy, reply, words
from tests.support.transactions import fetch_all, fetch_only

_ENDS = "series:end:"


async def about_to_ask(world: Academy, person: Any, label: str = "14:00", often: str = "Every week") -> Visitor:
    """Let this person look at the dates of lessons with Cara."""
    return await (await about_to_confirm(world, person, label)).choose("series:repeat:", often)


async def asked(world: Academy, person: Any) -> Visitor:
    """Let this person ask Cara for lessons every Monday at two."""
    return await (await about_to_ask(world, person)).press("Ask Cara")


def last_dm(person: Any) -> Any:
    return person.user.dm_channel.history()[-1]


def labels(message: Any) -> list[str]:
    return [one["label"] for one in components(message, BUTTON)]


async def only_series(world: Academy) -> Series:
    return await fetch_only(world.db, select(Series))


async def test_three_presses_after_the_time_ask_for_weekly_lessons(open_world: Academy) -> None:
    world = open_world
    stu = await about_to_ask(world, world.student)

    assert "Every Monday with" in stu.said
    assert "60 min · $60.00 each" in stu.said
    assert stu.said.count("✓ <t:") == 8
    assert "The next 8 lessons" in stu.said
    assert stu.buttons == ["Ask Cara", "Add notes…", "Other end…", "Just once"]
    assert stu.chosen(_ENDS) == "No end, until one of you ends them"

    await stu.press("Ask Cara")

    assert "You've asked" in stu.said
    assert "Every Monday at 14:00 in Europe/Berlin" in stu.said
    assert stu.buttons == ["Take back"]
    assert (await only_series(world)).status is SeriesStatus.REQUESTED


async def test_both_read_about_accepted_lessons_in_one_message_each(open_world: Academy) -> None:
    world = open_world
    await asked(world, world.student)
    await world.wait_until(world.now + MINUTE)
    card = words(last_dm(world.coach))
    assert "Stu asks for weekly lessons" in card
    assert labels(last_dm(world.coach)) == ["Accept", "Decline…"]
    before = len(world.dms(world.student)), len(world.dms(world.coach))

    accepted = words(reply(await world.coach.user.click(last_dm(world.coach), label="Accept")))
    await world.wait_until(world.now + MINUTE)

    assert "You accepted weekly lessons with Stu" in accepted
    assert (len(world.dms(world.student)), len(world.dms(world.coach))) == (before[0] + 1, before[1] + 1)
    assert "Cara accepted: you have weekly lessons ✅" in words(last_dm(world.student))
    assert "You have weekly lessons with Stu ✅" in words(last_dm(world.coach))
    assert labels(last_dm(world.student)) == ["All lessons"]
    [updated] = [one for one in world.dms(world.coach) if "asks for" in one]
    assert "You accepted." in updated
    assert len(await fetch_all(world.db, select(CoachingSession))) > 1


async def test_a_declined_request_says_why(open_world: Academy) -> None:
    world = open_world
    await asked(world, world.student)
    await world.wait_until(world.now + MINUTE)

    form = await world.coach.user.click(last_dm(world.coach), label="Decline…")
    await world.coach.user.submit_modal(form, {"Reason": "Mondays are full. Try Tuesdays?"})
    await world.wait_until(world.now + MINUTE)

    told = words(last_dm(world.student))
    assert "Cara can't give you weekly lessons" in told
    assert "Mondays are full. Try Tuesdays?" in told
    assert not any("Accept" in labels(one) for one in world.coach.user.dm_channel.history())


async def test_a_request_is_listed_in_sessions_and_can_be_taken_back(open_world: Academy) -> None:
    world = open_world
    await asked(world, world.student)
    cara = await (await Visitor(world, world.coach).slash("sessions")).press("Requests: 1")
    assert cara.buttons == ["Accept", "Decline…", "◀ Sessions"]
    stu = await (await Visitor(world, world.student).slash("sessions")).press("Requests: 1")

    await stu.press("Take back")

    assert "You've taken it back" in stu.said
    assert "No open requests" in stu.said
    assert (await only_series(world)).status is SeriesStatus.WITHDRAWN


async def test_a_request_that_nobody_answers_runs_out_for_both(open_world: Academy) -> None:
    world = open_world
    await asked(world, world.student)

    await world.leap_to((await only_series(world)).answer_by + MINUTE)
    await world.wait_until(world.now + MINUTE)

    assert "Cara didn't answer your request for weekly lessons" in words(last_dm(world.student))
    assert any("ran out" in one for one in world.dms(world.coach))


async def test_notes_and_the_end_stay_while_something_else_is_chosen(open_world: Academy) -> None:
    world = open_world
    stu = await about_to_ask(world, world.student)

    await stu.fill("Add notes…", **{"Notes for your coach": "Scales *first*."})
    await stu.choose(_ENDS, "4 times")
    await stu.choose("series:weeks:", "Every two weeks")

    assert "Every other Monday" in stu.said
    assert "All 4 lessons" in stu.said
    assert "Scales *first*." in stu.said.replace("\\", "")
    await stu.press("Ask Cara")
    series = await only_series(world)
    assert (series.lesson_count, series.rules[0].interval_weeks, series.notes) == (4, 2, "Scales *first*.")


async def test_other_ends_are_typed_as_a_date_or_a_number(open_world: Academy) -> None:
    world = open_world
    stu = await about_to_ask(world, world.student)

    await stu.fill("Other end…", Ends="until 30 Mar")
    assert "All 5 lessons" in stu.said
    assert stu.chosen(_ENDS) == "Until 30 March 2026"
    await stu.fill("Other end…", Ends="3 times")
    assert "All 3 lessons" in stu.said
    await stu.fill("Other end…", Ends="")
    assert "The next 8 lessons" in stu.said
    await stu.fill("Other end…", Ends="99")
    assert "2 to 52 times" in stu.said


async def test_the_last_day_is_on_the_students_clock(open_world: Academy) -> None:
    world = open_world
    await world.student.slash(world.lobby, "timezone", place="Auckland")
    stu = await Visitor(world, world.student).book()
    await stu.choose("book:day:", "Tue 3 Mar")
    await stu.press("02:00")  # on Monday in Berlin
    await stu.choose("series:repeat:", "Every week")

    await stu.fill("Other end…", Ends="17 Mar")
    await stu.press("Ask Cara")

    assert (await only_series(world)).until == date(2026, 3, 16)
    assert "until 17 March 2026" in stu.said


async def test_taken_dates_are_crossed_out_with_the_reason(open_world: Academy) -> None:
    world = open_world
    sam = await Visitor(world, world.other_student).book()
    await sam.choose("book:day:", "Mon 9 Mar")
    await sam.press("14:00", "Confirm")

    stu = await about_to_ask(world, world.student)

    assert stu.said.count("✓ <t:") == 7
    assert "your coach isn't free" in stu.said
    await stu.press("Ask Cara")
    assert "No lesson on <t:" in stu.said


async def test_if_most_dates_are_taken_a_better_time_is_one_press_away(open_world: Academy) -> None:
    world = open_world
    async with world.db.begin() as session:
        for week in range(1, 6):
            people = {"guild_id": world.guild.id, "coach_id": world.coach.id, "student_id": world.other_student.id}
            starts_at = TWO + week * 7 * DAY - (HOUR if week > 3 else 0 * HOUR)  # two o'clock in Berlin
            await a_session(session, starts_at=starts_at, **people)

    stu = await about_to_ask(world, world.student)

    assert "More than half of these dates are taken" in stu.said
    assert stu.buttons == ["Monday at 15:00", "Just once"]
    await stu.press("Monday at 15:00")
    assert stu.said.count("✓ <t:") == 8
    await stu.press("Ask Cara")
    assert (await only_series(world)).rules[0].start_minute == 15 * 60


async def test_a_server_can_book_lessons_without_an_answer(open_world: Academy) -> None:
    world = open_world
    async with world.db.begin() as session:
        (await session.get_one(Guild, world.guild.id)).series_answer_hours = 0
    stu = await about_to_ask(world, world.student)

    await stu.press("Confirm")
    await world.wait_until(world.now + MINUTE)

    assert "You have weekly lessons with" in stu.said
    series = await only_series(world)
    assert (series.status, series.pays_with) == (SeriesStatus.ACTIVE, SeriesPayment.OTHERWISE)
    assert "You have weekly lessons with Cara ✅" in words(last_dm(world.student))


async def test_once_leads_back_to_the_booking_with_its_notes(open_world: Academy) -> None:
    world = open_world
    stu = await about_to_ask(world, world.student)
    await stu.fill("Add notes…", **{"Notes for your coach": "Scales."})

    await stu.press("Just once")

    assert "Confirm your session" in stu.said
    assert stu.chosen("series:repeat:") == "Once"
    await stu.press("Confirm")
    assert (await world.sessions())[-1].student.notes == "Scales."
