"""In the room: its messages, who can press what, and when it closes."""

import pytest

from models import Attendance, SessionStatus
from scheduler.core.clock import stamp
from tests.support.meetings import (
    HOUR,
    MINUTE,
    NO_ACCESS,
    QUARTER,
    TWO,
    booked,
    met,
    no_minimum_notice,
    opened,
    pinged,
    reloaded,
    reserved_until,
    said,
    to_the_end,
    told,
)
from tests.support.presses import press_together
from tests.support.simulated import Academy, reply, words
from tests.support.steps import labels, press, rows

OVER = "The session is over. The room closes once everyone has left."


async def test_the_welcome_mentions_both_with_times_and_notes(world: Academy) -> None:
    made = await booked(world, notes="My *vocals* sound thin.")

    room = await opened(world, made)

    [welcome] = room.history()
    assert f"### Welcome {world.coach.mention} {world.student.mention}" in words(welcome)
    assert f"starts {stamp(made.starts_at, 'R')} and ends at {stamp(made.ends_at, 't')}" in words(welcome)
    assert "My \\*vocals\\* sound thin." in words(welcome)
    assert list(labels(welcome)) == ["+15 minutes", "End now"]
    [both] = pinged(world, room.id)
    assert set(both) == {str(world.coach.id), str(world.student.id)}


@pytest.mark.parametrize("who", ["coach", "student"])
async def test_coach_and_student_can_extend_the_session(world: Academy, who: str) -> None:
    made, room = await met(world, world.coach, world.student)

    answer = await press(getattr(world, who), room.last_message, "+15 minutes")

    later = made.ends_at + QUARTER
    assert words(answer) == f"Your session now ends at {stamp(later, 't')}, at the same price."
    assert ((await reloaded(world, made)).ends_at, (await reloaded(world, made)).total_cost_minor) == (later, 6000)
    assert await reserved_until(world, made) == [later, later]
    [welcome] = room.history()
    assert f"ends at {stamp(later, 't')}" in words(welcome)


async def test_pressed_by_both_at_once_the_session_is_extended_once(world: Academy) -> None:
    made, room = await met(world, world.coach, world.student)

    both = [(person, room.last_message) for person in (world.coach, world.student)]
    await press_together(world, both, label="+15 minutes")

    assert (await reloaded(world, made)).ends_at == made.ends_at + QUARTER


async def test_extending_is_not_offered_before_another_booking(world: Academy) -> None:
    await booked(world, TWO + HOUR, student=world.other_student)
    made, room = await met(world, world.coach, world.student)
    before = await rows(world)

    refused = await world.press_custom_id(world.student, f"room:longer:{made.id}")

    assert list(labels(room.last_message)) == ["End now"]
    expected = f"15 more minutes don't fit: one of you is booked soon after {stamp(made.ends_at, 't')}."
    assert words(reply(refused)) == expected
    assert await rows(world) == before


async def test_extending_stops_before_a_booking_made_meanwhile(world: Academy) -> None:
    made, room = await met(world, world.coach, world.student)
    await no_minimum_notice(world)
    await booked(world, made.ends_at + 2 * QUARTER, student=world.other_student)

    answers = []
    for _ in range(2):
        answers.append(words(await press(world.coach, room.last_message, "+15 minutes")))
        await world.leap_to(world.now + MINUTE)
    refused = reply(await world.press_custom_id(world.coach, f"room:longer:{made.id}"))

    assert all(one.startswith("Your session now ends at") for one in answers)
    assert words(refused).startswith("15 more minutes don't fit: one of you is booked soon after")
    assert (await reloaded(world, made)).ends_at == made.ends_at + 2 * QUARTER
    assert list(labels(room.last_message)) == ["End now"]


@pytest.mark.parametrize("restart", [False, True])
async def test_end_now_frees_the_time_and_the_room_closes_once_empty(world: Academy, restart: bool) -> None:
    made, room = await met(world, world.coach, world.student)
    if restart:
        await world.restart()

    answer = await press(world.coach, room.last_message, "End now")

    ended = await reloaded(world, made)
    assert words(answer) == OVER
    assert (ended.status, ended.ends_at) == (SessionStatus.COMPLETED, world.now)
    assert await reserved_until(world, made) == [world.now, world.now]
    assert labels(room.last_message) == {}
    assert "The room closes once it's empty." in words(room.last_message)
    await world.coach.leave_voice()
    assert world.room(made.code) is not None
    await world.student.leave_voice()
    assert world.room(made.code) is None
    assert len(told(world, world.student, "How was it?")) == 1


async def test_the_second_of_two_who_end_at_once_hears_that_it_is_over(world: Academy) -> None:
    made, room = await met(world, world.coach, world.student)

    both = [(person, room.last_message) for person in (world.coach, world.student)]
    answers = await press_together(world, both, label="End now")

    assert sorted(words(reply(one)) for one in answers) == [OVER, "This session is over."]
    assert (await reloaded(world, made)).status is SessionStatus.COMPLETED
    assert len(told(world, world.student, "How was it?")) == 1


async def test_a_session_cannot_be_ended_while_someone_may_still_come(world: Academy) -> None:
    made = await booked(world)
    room = await opened(world, made, world.coach)

    early = words(await press(world.coach, room.last_message, "End now"))
    longer = words(await press(world.coach, room.last_message, "+15 minutes"))
    await world.leap_to(made.starts_at + MINUTE)
    waiting = words(await press(world.coach, room.last_message, "End now"))

    assert early == longer == f"This session starts {stamp(made.starts_at, 'R')}. To cancel it, use `/sessions`."
    assert f"Not everyone is here yet, and they have until {stamp(made.starts_at + QUARTER, 't')}." in waiting
    assert (await reloaded(world, made)).status is SessionStatus.IN_PROGRESS


@pytest.mark.parametrize(
    ("custom_id", "others"),
    [("room:end:{}", ["outsider", "other_student"]), ("room:longer:{}", ["admin", "outsider", "other_student"])],
)
async def test_others_change_nothing_in_the_room(world: Academy, custom_id: str, others: list[str]) -> None:
    made, _ = await met(world, world.coach, world.student)
    before = await rows(world)

    for one in others:
        answer = await world.press_custom_id(getattr(world, one), custom_id.format(made.id))
        assert words(reply(answer)) == NO_ACCESS

    assert await rows(world) == before


async def test_once_both_have_met_the_session_can_only_be_ended(world: Academy) -> None:
    made, _ = await met(world, world.coach, world.student)

    listed = reply(await world.coach.slash(world.lobby, "sessions"))
    refused = reply(await world.press_custom_id(world.coach, f"session:cancel:{made.id}"))

    assert "End now" in labels(listed)
    assert "Cancel…" not in labels(listed)
    assert words(refused).startswith("It's too late to cancel: coach and student have met")
    assert (await reloaded(world, made)).status is SessionStatus.IN_PROGRESS


async def test_while_someone_may_still_come_the_session_can_be_cancelled(world: Academy) -> None:
    await met(world, world.student)

    listed = reply(await world.student.slash(world.lobby, "sessions"))

    assert "Cancel…" in labels(listed)
    assert "End now" not in labels(listed)


async def test_an_admin_ends_a_running_session_from_its_details(world: Academy) -> None:
    made, _ = await met(world, world.coach, world.student)
    details = reply(await world.admin.slash(world.lobby, "coaching session", code=made.code))

    answer = await press(world.admin, details, "End now")

    assert words(answer) == OVER
    assert (await reloaded(world, made)).status is SessionStatus.COMPLETED


async def test_both_are_warned_once_five_minutes_before_the_end(world: Academy) -> None:
    made, room = await met(world, world.coach, world.student)

    await world.leap_to(made.ends_at - 6 * MINUTE)
    before = len(said(room, "your session ends"))
    await world.leap_to(made.ends_at - 5 * MINUTE)
    await world.restart()
    await world.leap_to(made.ends_at - 4 * MINUTE)

    [warning] = said(room, f"your session ends {stamp(made.ends_at, 'R')}")
    assert before == 0
    assert list(labels(warning)) == ["+15 minutes", "End now"]
    assert len(pinged(world, room.id)[-1]) == 2


async def test_after_extending_the_warning_comes_before_the_new_end(world: Academy) -> None:
    made, room = await met(world, world.coach, world.student)
    await press(world.student, room.last_message, "+15 minutes")
    later = made.ends_at + QUARTER

    await world.leap_to(made.ends_at)
    early = len(said(room, "your session ends"))
    status = (await reloaded(world, made)).status
    await world.leap_to(later - 5 * MINUTE)

    assert (early, status) == (0, SessionStatus.IN_PROGRESS)
    assert len(said(room, f"your session ends {stamp(later, 'R')}")) == 1


async def test_after_the_end_the_room_closes_when_the_last_person_leaves(world: Academy) -> None:
    made, room = await met(world, world.coach, world.student)
    await to_the_end(world, made)

    await world.student.leave_voice()
    with_one = world.room(made.code)
    await world.coach.leave_voice()

    assert getattr(with_one, "id", None) == room.id
    assert world.room(made.code) is None
    assert (await reloaded(world, made)).next_step_at is None


async def test_people_who_stay_are_warned_before_the_room_closes(world: Academy) -> None:
    made, room = await met(world, world.coach, world.student)
    await to_the_end(world, made)

    await world.leap_to(made.ends_at + 14 * MINUTE)
    early = len(said(room, "This room closes"))
    for minutes in (15, 16, 40, 74):
        await world.leap_to(made.ends_at + minutes * MINUTE)
    warnings = said(room, f"This room closes {stamp(made.ends_at + QUARTER + HOUR, 'R')}")
    still = world.room(made.code)
    await world.leap_to(made.ends_at + QUARTER + HOUR)

    assert (early, len(warnings)) == (0, 1)
    assert still is not None
    assert world.room(made.code) is None
    assert await world.count(Attendance) == 2
