"""Direct messages about a session after it was rescheduled, began, ended or was cancelled."""

from typing import Any

import pytest
from simcord.components import walk_components

from tests.cogs.test_direct_messages import RAW_ID
from tests.support.builders import DAY
from tests.support.meetings import HOUR, MINUTE, TWO, booked, ended_session, met, opened
from tests.support.parameters import first_plain
from tests.support.simulated import Academy, reply, words
from tests.support.steps import fill, press

WEEK = 7 * DAY


def messages(person: Any) -> list[Any]:
    """Return the bot's direct messages to this person, oldest first."""
    return list(person.user.dm_channel.history())


def title(message: Any) -> str:
    return words(message).splitlines()[0].removeprefix("### ").strip("*")


def titles(person: Any) -> list[str]:
    return [title(one) for one in messages(person)]


def with_buttons(person: Any) -> list[str]:
    """Return the titles of the messages that have buttons."""
    return [
        title(one)
        for one in messages(person)
        if any(part.get("type") == 2 for part in walk_components([part.to_dict() for part in one.components]))
    ]


async def test_after_rescheduling_only_the_news_has_buttons(world: Academy) -> None:
    await booked(world)
    stu = world.student.user

    picker = await press(stu, messages(world.student)[0], "Reschedule…")
    question = await press(stu, picker, "15:30")
    done = await fill(stu, question, "Reschedule…", {})

    assert titles(world.student)[:2] == ["Session booked · rescheduled", "Session rescheduled by you"]
    assert titles(world.coach) == ["New booking · rescheduled", "Session rescheduled by your student"]
    assert with_buttons(world.coach) == ["Session rescheduled by your student"]
    assert with_buttons(world.student)[0] == "Session rescheduled by you"
    assert not any(RAW_ID.search(words(one)) for one in (picker, question, done))


async def test_after_cancelling_from_a_message_it_says_so_and_has_no_buttons(world: Academy) -> None:
    await booked(world)

    done = await fill(world.coach.user, messages(world.coach)[0], "Cancel…", {"Reason": "Ill."})

    assert "Session cancelled" in words(done)
    assert "With Stu" in words(done)
    assert titles(world.coach)[0] == "New booking · cancelled"
    assert titles(world.student) == ["Session booked · cancelled", "Session cancelled by your coach"]
    assert "New booking · cancelled" not in with_buttons(world.coach)
    assert with_buttons(world.student) == ["Session cancelled by your coach"]  # to book another time


async def test_while_a_session_runs_its_messages_only_lead_to_the_room(world: Academy) -> None:
    await met(world, world.coach)

    booking, reminder = "Session booked · started", "Reminder of your session · started"
    assert titles(world.student) == [booking, reminder, "Your room is open"]
    assert with_buttons(world.student) == ["Your room is open"]


async def test_after_a_session_only_the_question_about_it_has_buttons(world: Academy) -> None:
    await ended_session(world, world.coach, world.student)

    both = ["Reminder of your session · over", "Your room is closed · over"]
    assert titles(world.student) == ["Session booked · over", *both, "How was it?"]
    assert titles(world.coach) == ["New booking · over", *both]
    assert (with_buttons(world.student), with_buttons(world.coach)) == (["How was it?"], [])


@pytest.mark.slow
async def test_a_week_later_nobody_can_review_or_correct_any_more(world: Academy) -> None:
    await ended_session(world, world.coach, world.student)
    asked = with_buttons(world.student)

    await world.leap_to(TWO + HOUR + WEEK)

    assert (asked, with_buttons(world.student)) == (["How was it?"], [])
    assert "can't be reviewed any more." in words(messages(world.student)[-1])


@pytest.mark.slow
async def test_a_week_later_a_no_show_has_no_buttons(world: Academy) -> None:
    await ended_session(world, world.coach)
    card = words(reply(await world.student.slash(world.lobby, "sessions")))

    await world.leap_to(TWO + HOUR + WEEK - MINUTE)
    before = with_buttons(world.student)
    await world.leap_to(TWO + HOUR + WEEK)

    assert (before, with_buttons(world.student)) == (["You missed your session"], [])
    assert "It's too late to change this here. If it's wrong, talk to an admin" in world.dms(world.student)[-1]
    assert "Appeal…" in card
    assert "Appeal…" not in words(reply(await world.student.slash(world.lobby, "sessions")))


async def test_an_appeal_takes_its_button_away_and_a_decision_clears_the_message(world: Academy) -> None:
    await ended_session(world, world.coach)

    await fill(world.student.user, messages(world.student)[-1], "Appeal…", {"What happened": "I was there."})
    missed = next(one for one in messages(world.student) if title(one) == "You missed your session")
    assert "Appeal…" not in words(missed)
    assert "An admin will decide." in words(missed)
    await world.admin.click(world.card, label="Overturn no-show")

    assert "This session counts as completed after all" in titles(world.student)
    assert "This session counts as completed after all" in titles(world.coach)
    assert "Was here after all" not in "\n".join(world.dms(world.coach))


@pytest.mark.slow
async def test_a_restart_before_the_update_loses_nothing(world: Academy) -> None:
    made = await booked(world)
    await opened(world, made)
    path = f"/channels/{world.student.user.dm_channel.id}/messages/*"
    for _ in range(2):
        world.env.inject_error("PATCH", path, status=500)

    await world.leap_to(TWO)
    before = titles(world.student)
    await world.restart()
    await world.leap_to(TWO + 2 * MINUTE)

    assert before[0] == "Session booked"
    assert titles(world.student)[0] == "Session booked · started"


@pytest.mark.parametrize("who", first_plain(["student", "coach"]))
async def test_no_message_or_answer_in_direct_messages_shows_ids(world: Academy, who: str) -> None:
    person = getattr(world, who)
    await booked(world, notes="The bridge.")
    await opened(world, (await world.sessions())[0])

    await press(person.user, messages(person)[0], "Reschedule…")

    said = "\n".join(world.dms(person))
    assert not RAW_ID.search(said)
    assert ":R>" not in said
