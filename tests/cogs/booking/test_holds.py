"""Times held while someone decides, and times that are gone."""

from datetime import UTC, datetime

import pytest

from models import CoachingSession, Hold, Reservation
from scheduler.core.clock import stamp
from tests.cogs.booking.people import Visitor, about_to_confirm, change_coach, confirm_id
from tests.support.presses import press_together
from tests.support.simulated import Academy, reply, words

TAKEN = "⚠️ That time was just taken.\n**Nearest free times** in **Europe/Berlin**:"


async def test_a_held_time_is_refused_to_others_with_the_nearest_free_times(world: Academy) -> None:
    sam = await Visitor(world, world.other_student).book()
    await about_to_confirm(world, world.student)

    await sam.press("14:00")

    assert sam.said.startswith(TAKEN)
    assert sam.buttons == ["Mon 2 Mar, 15:00", "Mon 2 Mar, 15:30", "Mon 2 Mar, 16:00", "All free times"]
    await sam.press("All free times")
    assert sam.times == ["11:00", "15:00", "15:30", "16:00"]
    assert sam.alt_text.startswith("Mon 2 Mar: 11:00-12:00 free, 13:30-14:00 free, 15:00-17:00 free, 14:00-15:00")


async def test_one_of_the_nearest_times_takes_two_presses_to_book(world: Academy) -> None:
    sam = await Visitor(world, world.other_student).book()
    await world.book(world.student, "14:00")

    await sam.press("14:00", "Mon 2 Mar, 15:00", "Confirm")

    assert [one.starts_at for one in await world.sessions()] == [
        datetime(2026, 3, 2, hour, tzinfo=UTC) for hour in (13, 14)
    ]
    assert "Booked ✅" in sam.said


async def test_your_own_hold_does_not_hide_the_time_from_you(world: Academy) -> None:
    stu = await about_to_confirm(world, world.student)

    await stu.press("Other time")

    assert stu.times == ["11:00", "13:30", "14:00", "14:30", "15:00", "15:30", "16:00"]
    assert "taken" not in stu.alt_text
    await stu.press("14:00", "Confirm")
    assert "Booked ✅" in stu.said


async def test_holding_another_time_frees_the_first(world: Academy) -> None:
    stu = await about_to_confirm(world, world.student, "14:00")

    await stu.press("Other time", "15:00")
    sam = await Visitor(world, world.other_student).book()

    assert sam.times == ["11:00", "13:30", "14:00", "16:00"]
    assert await world.count(Hold) == 1


async def test_pressing_a_held_time_again_does_not_extend_the_hold(world: Academy) -> None:
    stu = await about_to_confirm(world, world.student)
    until = stamp(world.now + world.minutes(5), "R")
    await world.wait_until(world.now + world.minutes(3))

    await stu.press("Other time", "14:00")

    assert f"The hold ends {until}." in stu.said


async def test_a_hold_expires_even_if_nobody_cleans_up(world: Academy) -> None:
    await about_to_confirm(world, world.student)
    sam = Visitor(world, world.other_student)

    await world.wait_until(world.now + world.minutes(4))
    during = (await sam.book()).times
    await world.wait_until(world.now + world.minutes(1))
    afterwards = (await sam.book()).times

    assert "14:00" not in during
    assert "14:00" in afterwards
    assert await world.count(Hold) == 1
    assert "taken" not in sam.alt_text


async def test_after_the_hold_expires_another_student_can_book_the_time(world: Academy) -> None:
    stu = await about_to_confirm(world, world.student)
    await world.wait_until(world.now + world.minutes(6))
    await world.book(world.other_student, "14:00")

    await stu.press("Confirm")

    assert stu.said.startswith(TAKEN)
    [booked] = await world.sessions()
    assert booked.student_id == world.other_student.id
    await stu.press("Mon 2 Mar, 15:30", "Confirm")
    assert "Booked ✅" in stu.said


async def test_an_expired_hold_can_still_be_confirmed_while_the_time_is_free(world: Academy) -> None:
    stu = await about_to_confirm(world, world.student)
    await world.wait_until(world.now + world.minutes(30))

    await stu.press("Confirm")

    assert "Booked ✅" in stu.said
    assert (await world.count(Hold), await world.count(Reservation)) == (0, 2)


async def test_adding_notes_after_the_hold_expired_holds_the_time_again(world: Academy) -> None:
    stu = await about_to_confirm(world, world.student)
    form = await stu.open_form("Add notes…")
    await world.wait_until(world.now + world.minutes(6))

    await stu.send(form, **{"Notes for your coach": "Slow"})

    assert f"The hold ends {stamp(world.now + world.minutes(5), 'R')}" in stu.said
    assert "14:00" not in (await Visitor(world, world.other_student).book()).times


async def test_exactly_one_of_three_simultaneous_presses_holds_the_time(world: Academy) -> None:
    people = (world.student, world.other_student, world.admin)
    panels = [(who, (await Visitor(world, who).book()).panel) for who in people]

    answers = await press_together(world, panels, label="14:00")

    said = [words(reply(answer)) for answer in answers]
    assert sum("We hold this time for you" in one for one in said) == 1
    assert sum(one.startswith(TAKEN) for one in said) == 2
    assert await world.count(Hold) == 1


async def test_exactly_one_of_two_expired_holds_confirmed_together_books(world: Academy) -> None:
    stu = await about_to_confirm(world, world.student)
    await world.wait_until(world.now + world.minutes(6))
    sam = await about_to_confirm(world, world.other_student)
    await world.wait_until(world.now + world.minutes(6))

    both = [(one.person, one.panel) for one in (stu, sam)]
    answers = await press_together(world, both, label="Confirm")

    assert sorted("Booked ✅" in words(reply(answer)) for answer in answers) == [False, True]
    assert await world.count(CoachingSession) == 1


async def test_nobody_can_confirm_a_time_that_another_student_holds(world: Academy) -> None:
    stu = await about_to_confirm(world, world.student)

    answer = await world.press_custom_id(world.outsider, confirm_id(world))
    await stu.press("Confirm")

    assert words(reply(answer)).startswith(TAKEN)
    assert "Booked ✅" in stu.said


@pytest.mark.slow
async def test_a_session_can_be_rescheduled_to_a_time_its_student_holds(world: Academy) -> None:
    await world.book(world.student, "11:00")
    await about_to_confirm(world, world.other_student)
    await world.wait_until(world.now + world.minutes(6))  # that hold has expired
    await about_to_confirm(world, world.student)
    stu = await Visitor(world, world.student).slash("sessions")

    await stu.press("Reschedule…", "14:00")
    await stu.fill("Reschedule…")

    assert "Session rescheduled ✅" in stu.said


async def test_a_session_cannot_be_rescheduled_to_a_time_another_student_holds(world: Academy) -> None:
    await world.book(world.student, "11:00")
    stu = await Visitor(world, world.student).slash("sessions")
    await stu.press("Reschedule…")
    await about_to_confirm(world, world.other_student, "14:00")

    await stu.press("14:00")

    assert stu.said.startswith(TAKEN)
    await stu.press("Mon 2 Mar, 15:00")
    await stu.fill("Reschedule…")
    assert "Session rescheduled ✅" in stu.said


async def test_with_nothing_else_free_the_refusal_leads_to_other_coaches(world: Academy) -> None:
    await change_coach(world, horizon_days=1)
    await world.coach.slash(world.lobby, "availability", days="Mon-Fri", hours="off")
    await world.coach.slash(world.lobby, "availability", days="Mon", hours="14-15")
    stu = await Visitor(world, world.student).book()
    await world.book(world.other_student, "14:00")

    await stu.press("14:00")

    assert "This coach has nothing else free. Choose another one." in stu.said
    await stu.press("All free times", "◀ All coaches")
    assert "Who would you like to book?" in stu.said


async def test_notes_sent_after_the_time_is_gone_are_kept(world: Academy) -> None:
    stu = await about_to_confirm(world, world.student)
    form = await stu.open_form("Add notes…")
    await world.wait_until(world.now + world.minutes(6))
    await world.book(world.other_student, "14:00")

    await stu.send(form, **{"Notes for your coach": "A long story."})
    said = stu.said
    await stu.press("Mon 2 Mar, 15:00")

    assert "That time was just taken." in said
    assert "A long story." in stu.said


async def test_a_rescheduling_coach_sees_the_nearest_times_in_their_own_zone(world: Academy) -> None:
    stu = await Visitor(world, world.student).book()
    await stu.fill("Change zone…", **{"City or time zone": "Tokyo"})
    await stu.press("19:00", "Confirm")
    cara = await (await Visitor(world, world.coach).slash("sessions")).press("Reschedule…")
    await about_to_confirm(world, world.other_student)

    await cara.press("14:00")

    assert cara.said.startswith(TAKEN)
    assert "Mon 2 Mar, 15:00" in cara.buttons
