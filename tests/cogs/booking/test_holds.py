"""A time that is held while somebody makes up their mind, and times that are gone."""

from datetime import UTC, datetime

from cogs.booking.panels import currency_number
from models import CoachingSession, Hold, Reservation
from scheduler.core.clock import stamp
from tests.cogs.booking.people import Visitor, change_coach
from tests.support.presses import press_together
from tests.support.simulated import Academy, reply, words

USD = currency_number("USD")

TAKEN = "⚠️ That time was just taken.\n**Nearest free**, in **Europe/Berlin**:"


async def about_to_confirm(world: Academy, person: object, label: str = "14:00") -> Visitor:
    """Somebody who holds the time."""
    return await (await Visitor(world, person).book()).press(label)


async def test_a_time_that_another_holds_is_not_offered_and_refused_with_others(open_world: Academy) -> None:
    world = open_world
    sam = await Visitor(world, world.other_student).book()
    await about_to_confirm(world, world.student)

    await sam.press("14:00")

    assert sam.said.startswith(TAKEN)
    assert sam.buttons == ["Mon 2 Mar, 15:00", "Mon 2 Mar, 15:30", "Mon 2 Mar, 16:00", "All free times"]
    await sam.press("All free times")
    assert sam.times == ["11:00", "15:00", "15:30", "16:00"]
    assert sam.alt_text.startswith("Mon 2 Mar: 11:00-12:00 free, 13:30-14:00 free, 15:00-17:00 free, 14:00-15:00")


async def test_one_of_the_nearest_times_is_booked_with_two_presses(open_world: Academy) -> None:
    world = open_world
    sam = await Visitor(world, world.other_student).book()
    await world.book(world.student, "14:00")

    await sam.press("14:00", "Mon 2 Mar, 15:00", "Confirm")

    assert [one.starts_at for one in await world.sessions()] == [
        datetime(2026, 3, 2, hour, tzinfo=UTC) for hour in (13, 14)
    ]
    assert "Booked ✅" in sam.said


async def test_nobody_hides_a_time_from_themselves_by_holding_it(open_world: Academy) -> None:
    world = open_world
    stu = await about_to_confirm(world, world.student)

    await stu.press("Other time")

    assert stu.times == ["11:00", "13:30", "14:00", "14:30", "15:00", "15:30", "16:00"]
    assert "taken" not in stu.alt_text
    await stu.press("14:00", "Confirm")
    assert "Booked ✅" in stu.said


async def test_holding_another_time_frees_the_first_for_others(open_world: Academy) -> None:
    world = open_world
    stu = await about_to_confirm(world, world.student, "14:00")

    await stu.press("Other time", "15:00")
    sam = await Visitor(world, world.other_student).book()

    assert sam.times == ["11:00", "13:30", "14:00", "16:00"]
    assert await world.count(Hold) == 1


async def test_pressing_a_held_time_again_does_not_hold_it_longer(open_world: Academy) -> None:
    world = open_world
    stu = await about_to_confirm(world, world.student)
    until = stamp(world.now + world.minutes(5), "T")
    await world.wait_until(world.now + world.minutes(3))

    await stu.press("Other time", "14:00")

    assert f"Held for you until {until}" in stu.said


async def test_a_hold_ends_by_itself_although_nobody_cleans_up(open_world: Academy) -> None:
    world = open_world
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


async def test_what_was_held_too_long_can_be_booked_by_another_and_is_then_refused(open_world: Academy) -> None:
    world = open_world
    stu = await about_to_confirm(world, world.student)
    await world.wait_until(world.now + world.minutes(6))
    await world.book(world.other_student, "14:00")

    await stu.press("Confirm")

    assert stu.said.startswith(TAKEN)
    [booked] = await world.sessions()
    assert booked.student_id == world.other_student.id
    await stu.press("Mon 2 Mar, 15:30", "Confirm")
    assert "Booked ✅" in stu.said


async def test_what_was_held_too_long_is_booked_all_the_same_while_it_is_free(open_world: Academy) -> None:
    world = open_world
    stu = await about_to_confirm(world, world.student)
    await world.wait_until(world.now + world.minutes(30))

    await stu.press("Confirm")

    assert "Booked ✅" in stu.said
    assert (await world.count(Hold), await world.count(Reservation)) == (0, 2)


async def test_notes_added_after_the_hold_ended_hold_the_time_anew(open_world: Academy) -> None:
    world = open_world
    stu = await about_to_confirm(world, world.student)
    form = await stu.open_form("Add notes…")
    await world.wait_until(world.now + world.minutes(6))

    await stu.send(form, **{"Notes for your coach": "Slow"})

    assert f"Held for you until {stamp(world.now + world.minutes(5), 'T')}" in stu.said
    assert "14:00" not in (await Visitor(world, world.other_student).book()).times


async def test_of_two_who_press_a_time_at_the_same_moment_one_holds_it(open_world: Academy) -> None:
    world = open_world
    panels = [
        (who, (await Visitor(world, who).book()).panel)
        for who in (world.student, world.other_student, world.admin)
    ]

    answers = await press_together(world, panels, label="14:00")

    said = [words(reply(answer)) for answer in answers]
    assert sum("Held for you" in one for one in said) == 1
    assert sum(one.startswith(TAKEN) for one in said) == 2
    assert await world.count(Hold) == 1


async def test_of_two_whose_holds_have_ended_and_who_confirm_together_one_gets_it(open_world: Academy) -> None:
    world = open_world
    stu = await about_to_confirm(world, world.student)
    await world.wait_until(world.now + world.minutes(6))
    sam = await about_to_confirm(world, world.other_student)
    await world.wait_until(world.now + world.minutes(6))

    both = [(one.person, one.panel) for one in (stu, sam)]
    answers = await press_together(world, both, label="Confirm")

    said = sorted("Booked ✅" in words(reply(answer)) for answer in answers)
    assert said == [False, True]
    assert await world.count(CoachingSession) == 1


async def test_somebody_without_a_hold_cannot_confirm_what_another_holds(open_world: Academy) -> None:
    world = open_world
    stu = await about_to_confirm(world, world.student)
    start = int(datetime(2026, 3, 2, 13, tzinfo=UTC).timestamp()) // 60

    answer = await world.press_custom_id(world.outsider, f"book:confirm:{world.coach.id}:60:{start}:6000:{USD}")
    await stu.press("Confirm")

    assert words(reply(answer)).startswith(TAKEN)
    assert "Booked ✅" in stu.said


async def test_a_session_can_be_moved_to_a_time_that_somebody_held_too_long_ago(open_world: Academy) -> None:
    world = open_world
    await world.book(world.student, "11:00")
    await about_to_confirm(world, world.other_student, "14:00")
    await world.wait_until(world.now + world.minutes(6))
    stu = await Visitor(world, world.student).slash("sessions")

    await stu.press("Reschedule…", "14:00")
    await stu.fill("Move it…")

    assert "Session moved ✅" in stu.said


async def test_a_session_can_be_moved_to_a_time_that_its_student_holds(open_world: Academy) -> None:
    world = open_world
    await world.book(world.student, "11:00")
    await about_to_confirm(world, world.student, "14:00")
    stu = await Visitor(world, world.student).slash("sessions")

    await stu.press("Reschedule…", "14:00")
    await stu.fill("Move it…")

    assert "Session moved ✅" in stu.said


async def test_a_session_cannot_be_moved_to_a_time_that_another_holds(open_world: Academy) -> None:
    world = open_world
    await world.book(world.student, "11:00")
    stu = await Visitor(world, world.student).slash("sessions")
    await stu.press("Reschedule…")
    await about_to_confirm(world, world.other_student, "14:00")

    await stu.press("14:00")

    assert stu.said.startswith(TAKEN)
    await stu.press("Mon 2 Mar, 15:00")
    await stu.fill("Move it…")
    assert "Session moved ✅" in stu.said


async def test_with_nothing_else_free_the_refusal_leads_to_other_coaches(open_world: Academy) -> None:
    world = open_world
    await change_coach(world, horizon_days=1)
    await world.coach.slash(world.lobby, "availability", days="Mon-Fri", hours="off")
    await world.coach.slash(world.lobby, "availability", days="Mon", hours="14-15")
    stu = await Visitor(world, world.student).book()
    await world.book(world.other_student, "14:00")

    await stu.press("14:00")

    assert "This coach has nothing else free. Please choose another one." in stu.said
    await stu.press("All free times", "◀ All coaches")
    assert "Who would you like to book?" in stu.said


async def test_notes_that_arrive_when_the_time_is_gone_are_not_lost(open_world: Academy) -> None:
    world = open_world
    stu = await about_to_confirm(world, world.student)
    form = await stu.open_form("Add notes…")
    await world.wait_until(world.now + world.minutes(6))
    await world.book(world.other_student, "14:00")

    await stu.send(form, **{"Notes for your coach": "A long story."})
    said = stu.said
    await stu.press("Mon 2 Mar, 15:00")

    assert "That time was just taken." in said
    assert "A long story." in stu.said


async def test_a_coach_who_moves_a_session_reads_the_nearest_times_on_their_own_clock(open_world: Academy) -> None:
    world = open_world
    stu = await Visitor(world, world.student).book()
    await stu.fill("Change zone…", **{"City or time zone": "Tokyo"})
    await stu.press("19:00", "Confirm")
    cara = await (await Visitor(world, world.coach).slash("sessions")).press("Reschedule…")
    await about_to_confirm(world, world.other_student)

    await cara.press("14:00")

    assert cara.said.startswith(TAKEN)
    assert "Mon 2 Mar, 15:00" in cara.buttons
