"""In the room: its messages, who can press what, and when it closes."""

from typing import Any

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
    delete_by_hand,
    met,
    no_minimum_notice,
    opened,
    pinged,
    reloaded,
    reserved_until,
    said,
    settings,
    to_the_end,
    told,
)
from tests.support.parameters import first_plain
from tests.support.presses import press_together
from tests.support.simulated import Academy, reply, words
from tests.support.steps import labels, press, rows

OVER = "The session is over. The room closes once everyone has left."


async def test_the_welcome_mentions_both_with_times_and_notes(world: Academy) -> None:
    made = await booked(world, notes="My *vocals* sound thin.")

    room = await opened(world, made)

    [welcome] = room.history()
    assert f"### Welcome {world.coach.mention} {world.student.mention}" in words(welcome)
    assert f"starts at {stamp(made.starts_at, 't')} and ends at {stamp(made.ends_at, 't')}" in words(welcome)
    assert "My \\*vocals\\* sound thin." in words(welcome)
    assert list(labels(welcome)) == ["+15 minutes", "End now"]
    [both] = pinged(world, room.id)
    assert set(both) == {str(world.coach.id), str(world.student.id)}


def requests(room: Any) -> list[Any]:
    """Return the messages in the room that ask for more time, or did."""
    return [one for one in room.history() if "15 more minutes?" in words(one) or "request for 15" in words(one)]


@pytest.mark.parametrize(("who", "restart"), first_plain([("student", True), ("coach", False)]))
async def test_one_asks_and_the_other_accepts_with_one_press(world: Academy, who: str, restart: bool) -> None:
    made, room = await met(world, world.coach, world.student)
    asker, other = (world.coach, world.student) if who == "coach" else (world.student, world.coach)

    asked = await press(asker, room.history()[0], "+15 minutes")
    if restart:
        await world.restart()
    [request] = requests(room)
    still = (await reloaded(world, made)).ends_at
    agreed = await press(other, request, "Accept")

    later = made.ends_at + QUARTER
    until = stamp(later, "t")
    said_to_asker = f"We've asked {other.mention} in the room: 15 more minutes, until {until}, at no extra cost."
    assert words(asked) == f"{said_to_asker}\nTake it back"
    assert f"{other.mention}, {asker.mention} asks to go on until {until}, at no extra cost." in words(request)
    assert list(labels(request)) == ["Accept", "Decline"]
    assert still == made.ends_at
    assert words(agreed) == f"Your session now ends at {until}. Price: $60.00."
    assert ((await reloaded(world, made)).ends_at, (await reloaded(world, made)).student.total_cost_minor) == (
        later,
        6000,
    )
    assert await reserved_until(world, made) == [later, later]
    welcome, answered = room.history()
    assert f"ends at {until}" in words(welcome)
    assert words(answered).startswith(f"You agreed on 15 more minutes, until {until}. Price: $60.00.")
    assert labels(answered) == {}


@pytest.mark.slow
async def test_while_the_request_is_open_only_it_has_buttons_for_more_time(world: Academy) -> None:
    _, room = await met(world, world.coach, world.student)
    welcome = room.history()[0]
    before = words(welcome)

    await press(world.student, welcome, "+15 minutes")

    assert "You can go on for 15 minutes, at no extra cost, if you both agree." in before
    assert list(labels(room.history()[0])) == ["End now"]


async def test_a_declined_request_changes_nothing_and_says_so(world: Academy) -> None:
    made, room = await met(world, world.coach, world.student)
    await press(world.student, room.history()[0], "+15 minutes")

    answer = await press(world.coach, requests(room)[0], "Decline")

    assert words(answer) == f"Your session still ends at {stamp(made.ends_at, 't')}."
    assert words(requests(room)[0]).startswith("The request for 15 more minutes was declined.")
    assert (await reloaded(world, made)).ends_at == made.ends_at
    assert list(labels(room.history()[0])) == ["+15 minutes", "End now"]


async def test_whoever_asked_can_take_it_back_but_not_accept(world: Academy) -> None:
    made, room = await met(world, world.coach, world.student)
    asked = await press(world.student, room.history()[0], "+15 minutes")

    refused = await press(world.student, requests(room)[0], "Accept")
    answer = await press(world.student, asked, "Take it back")

    assert words(refused) == f"You asked for this, so {world.coach.mention} has to accept it."
    assert words(answer) == f"Your session still ends at {stamp(made.ends_at, 't')}."
    assert words(requests(room)[0]).startswith("The request for 15 more minutes was taken back.")


@pytest.mark.slow
async def test_an_unanswered_request_lapses_when_the_session_ends(world: Academy) -> None:
    made, room = await met(world, world.coach, world.student)
    await press(world.student, room.history()[0], "+15 minutes")

    await to_the_end(world, made)

    said_then = "Nobody answered the request for 15 more minutes before the session was over."
    assert words(requests(room)[0]).startswith(said_then)
    assert [one for one in room.history() if labels(one)] == []
    assert (await reloaded(world, made)).status is SessionStatus.COMPLETED


@pytest.mark.slow
async def test_a_request_follows_into_a_room_that_replaces_a_deleted_one(world: Academy) -> None:
    made, room = await met(world, world.coach, world.student)
    await press(world.student, room.history()[0], "+15 minutes")
    await delete_by_hand(world, room)
    second: Any = world.room(made.code)

    agreed = await press(world.coach, requests(second)[0], "Accept")

    assert words(agreed).startswith(f"Your session now ends at {stamp(made.ends_at + QUARTER, 't')}.")


@pytest.mark.slow
async def test_pressed_by_both_at_once_the_session_is_extended_once(world: Academy) -> None:
    made, room = await met(world, world.coach, world.student)

    both = [(person, room.history()[0]) for person in (world.coach, world.student)]
    await press_together(world, both, label="+15 minutes")

    assert (await reloaded(world, made)).ends_at == made.ends_at + QUARTER
    assert [one for one in room.history() if "Accept" in labels(one)] == []


@pytest.mark.slow
async def test_the_server_sets_how_often_and_at_what_price(world: Academy) -> None:
    await settings(world, most_extensions=1, extension_price="pro_rata")
    made, room = await met(world, world.coach, world.student)
    shown = words(room.history()[0])

    await press(world.student, room.history()[0], "+15 minutes")
    asking = words(requests(room)[0])
    agreed = await press(world.coach, requests(room)[0], "Accept")

    until = stamp(made.ends_at + QUARTER, "t")
    assert "You can go on for 15 minutes, $15.00 more, if you both agree." in shown
    assert f"asks to go on until {until}, $15.00 more ($75.00 in all)." in asking
    assert words(agreed) == f"Your session now ends at {until}. Price: $75.00."
    assert list(labels(room.history()[0])) == ["End now"]
    card = words(reply(await world.student.slash(world.lobby, "sessions")))
    assert "75 min · $75.00 · booked 60 min, $60.00 · Code" in card
    refused = await world.press_custom_id(world.coach, f"room:longer:{made.id}")
    assert words(reply(refused)) == "You can't ask for more time in this session. Book another one with `/book`."


async def test_a_button_with_another_price_shows_the_new_one_first(world: Academy) -> None:
    made, room = await met(world, world.coach, world.student)
    await settings(world, extension_price="pro_rata")

    answers = [
        await press(world.student, room.history()[0], "+15 minutes"),
        reply(await world.press_custom_id(world.student, f"room:longer:{made.id}")),
    ]
    asked = await press(world.student, answers[1], "+15 minutes")

    assert {words(one) for one in answers} == {
        "15 more minutes are $15.00 more here. Do you want to ask?\n+15 minutes"
    }
    assert "$15.00 more" in words(asked)


async def test_extending_is_not_offered_before_another_booking(world: Academy) -> None:
    await booked(world, TWO + HOUR, student=world.other_student)
    made, room = await met(world, world.coach, world.student)
    before = await rows(world)

    refused = await world.press_custom_id(world.student, f"room:longer:{made.id}")

    assert list(labels(room.last_message)) == ["End now"]
    expected = f"15 more minutes don't fit: one of you is booked soon after {stamp(made.ends_at, 't')}."
    assert words(reply(refused)) == expected
    assert await rows(world) == before


@pytest.mark.slow
async def test_a_booking_made_meanwhile_stops_the_extension(world: Academy) -> None:
    made, room = await met(world, world.coach, world.student)
    await no_minimum_notice(world)
    await press(world.student, room.history()[0], "+15 minutes")
    await booked(world, made.ends_at, student=world.other_student)

    refused = await press(world.coach, requests(room)[0], "Accept")

    assert words(refused).startswith("15 more minutes don't fit: one of you is booked soon after")
    assert (await reloaded(world, made)).ends_at == made.ends_at


@pytest.mark.slow
async def test_at_the_start_itself_the_buttons_work(world: Academy) -> None:
    made = await booked(world)
    room = await opened(world, made, world.coach, world.student)
    await world.leap_to(made.starts_at)

    asked = await press(world.student, room.history()[0], "+15 minutes")
    ended = await press(world.coach, await press(world.coach, room.history()[0], "End now"), "End session")

    assert words(asked).startswith("We've asked")
    assert words(ended) == OVER
    assert (await reloaded(world, made)).status is SessionStatus.COMPLETED


async def test_end_now_asks_first_and_keeps_what_was_agreed(world: Academy) -> None:
    made, room = await met(world, world.coach, world.student)

    asking = await press(world.student, room.history()[0], "End now")
    question = words(asking)
    kept = await press(world.student, asking, "Keep going")
    running = (await reloaded(world, made)).status
    await press(world.student, await press(world.student, room.history()[0], "End now"), "End session")
    listed = reply(await world.student.slash(world.lobby, "sessions"))
    details = words(reply(await world.admin.slash(world.lobby, "coaching session", code=made.code)))

    assert f"### End this session now?\nIt runs until {stamp(made.ends_at, 't')}." in question
    assert "The price stays $60.00. You can't undo this." in question
    assert words(kept) == f"The session continues until {stamp(made.ends_at, 't')}."
    assert running is SessionStatus.IN_PROGRESS
    assert ":60:" in labels(listed)["Book again"]
    for card in (words(listed), details):
        assert "60 min · $60.00 · Code" in card
        assert f"**Ended early** at {stamp(world.now, 't')}, after 10 min" in card


async def test_end_now_frees_the_time_and_the_room_closes_once_empty(world: Academy) -> None:
    made, room = await met(world, world.coach, world.student)
    await world.restart()

    answer = await press(world.coach, await press(world.coach, room.last_message, "End now"), "End session")

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


@pytest.mark.slow
async def test_the_second_of_two_who_end_at_once_hears_that_it_is_over(world: Academy) -> None:
    made, room = await met(world, world.coach, world.student)

    both = [(one, await press(one, room.last_message, "End now")) for one in (world.coach, world.student)]
    answers = await press_together(world, both, label="End session")

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


async def test_others_change_nothing_in_the_room(world: Academy) -> None:
    made, _ = await met(world, world.coach, world.student)
    before = await rows(world)
    end, longer = f"room:end:{made.id}", f"room:longer:{made.id}"

    for person, presses in (
        (world.outsider, (end, longer)),
        (world.other_student, (end, longer)),
        (world.admin, (longer,)),
    ):
        for custom_id in presses:
            assert words(reply(await world.press_custom_id(person, custom_id))) == NO_ACCESS, custom_id

    assert await rows(world) == before


@pytest.mark.slow
async def test_once_both_have_met_the_session_can_only_be_ended(world: Academy) -> None:
    made, _ = await met(world, world.coach, world.student)

    listed = reply(await world.coach.slash(world.lobby, "sessions"))
    refused = reply(await world.press_custom_id(world.coach, f"session:cancel:{made.id}"))

    assert "End now" in labels(listed)
    assert "Cancel…" not in labels(listed)
    assert words(refused).startswith("It's too late to cancel: coach and student have met")
    assert (await reloaded(world, made)).status is SessionStatus.IN_PROGRESS


@pytest.mark.slow
async def test_while_someone_may_still_come_the_session_can_be_cancelled(world: Academy) -> None:
    await met(world, world.student)

    listed = reply(await world.student.slash(world.lobby, "sessions"))

    assert "Cancel…" in labels(listed)
    assert "End now" not in labels(listed)


async def test_an_admin_ends_a_running_session_from_its_details(world: Academy) -> None:
    made, _ = await met(world, world.coach, world.student)
    details = reply(await world.admin.slash(world.lobby, "coaching session", code=made.code))

    answer = await press(world.admin, await press(world.admin, details, "End now"), "End session")

    assert words(answer) == OVER
    assert (await reloaded(world, made)).status is SessionStatus.COMPLETED


async def test_both_are_warned_once_five_minutes_before_the_end(world: Academy) -> None:
    made, room = await met(world, world.coach, world.student)

    await world.leap_to(made.ends_at - 6 * MINUTE)
    before = len(said(room, "your session ends"))
    await world.leap_to(made.ends_at - 5 * MINUTE)
    await world.restart()
    await world.leap_to(made.ends_at - 4 * MINUTE)

    [warning] = said(room, f"your session ends at {stamp(made.ends_at, 't')}")
    assert before == 0
    assert list(labels(warning)) == ["+15 minutes", "End now"]
    assert len(pinged(world, room.id)[-1]) == 2


@pytest.mark.slow
async def test_after_extending_the_warning_comes_before_the_new_end(world: Academy) -> None:
    made, room = await met(world, world.coach, world.student)
    await press(world.student, room.last_message, "+15 minutes")
    await press(world.coach, requests(room)[0], "Accept")
    later = made.ends_at + QUARTER

    await world.leap_to(made.ends_at)
    early = len(said(room, "your session ends"))
    status = (await reloaded(world, made)).status
    await world.leap_to(later - 5 * MINUTE)

    assert (early, status) == (0, SessionStatus.IN_PROGRESS)
    assert len(said(room, f"your session ends at {stamp(later, 't')}")) == 1


@pytest.mark.slow
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
    warnings = said(room, f"This room closes at {stamp(made.ends_at + QUARTER + HOUR, 't')}")
    still = world.room(made.code)
    await world.leap_to(made.ends_at + QUARTER + HOUR)

    assert (early, len(warnings)) == (0, 1)
    assert still is not None
    assert world.room(made.code) is None
    assert await world.count(Attendance) == 2
