"""Panels and forms from before a restart are answered after it."""

from typing import Any

import pytest

from tests.cogs.availability.test_conflicts import shrunk
from tests.cogs.availability.test_zone import PLACE, ask
from tests.support.simulated import Academy, reply, words
from tests.support.steps import alt_text, fill, form, labels, press, send, week

FORMS = {
    "Edit hours…": ({"Hours": "7-8"}, "✅ Set Mon"),
    "Copy a day…": ({"To these days": ["6"]}, "✅ Copied the hours of Mon to Sun."),
    "Days off…": ({"From": "wed"}, "✅ Off Wednesday, 4 March 2026"),
    "Extra hours…": ({"Date": "sun", "Hours": "9-10"}, "✅ Extra hours on Sunday, 8 March 2026"),
    "Check a time…": ({"Time": "tue 9:30"}, "can be booked for 60 minutes."),
    "Zone…": ({PLACE: "Lisbon"}, "### From Europe/Berlin to Europe/Lisbon"),
}


async def test_every_button_of_an_old_panel_is_answered(world: Academy) -> None:
    await world.book(world.student, "14:00")
    panel = await fill(world.coach, await shrunk(world), "Days off…", {"From": "fri"})
    buttons = labels(panel)
    await world.restart()

    await form(world.coach, panel, "Check a time…")
    answers = {label: await world.press_custom_id(world.coach, buttons[label]) for label in buttons}

    assert {"◀", "▶", "Undo", "Pause bookings", "Morning 08:00–12:00", "Clear Mon", "Rules"} < buttons.keys()
    for label, answer in answers.items():
        opens_a_form = label.endswith("…") and label != "Decide…"
        assert (answer.modal is not None) == opens_a_form, label
        # By then Undo has taken the one date away.
        assert opens_a_form or words(reply(answer)).startswith(("###", "You have no days off")), label


@pytest.mark.parametrize("button", FORMS)
async def test_a_form_that_was_opened_before_is_taken_after(world: Academy, button: str) -> None:
    typed, sentence = FORMS[button]
    opened = await form(world.coach, await week(world), button)
    await world.restart()

    shown = await send(world.coach, opened, typed)

    assert sentence in words(shown)


async def test_the_forms_for_rules_are_taken_after_too(world: Academy) -> None:
    panel = await press(world.coach, await week(world), "Rules")
    opened = [await form(world.coach, panel, label) for label in ("Sessions…", "Notice and limits…")]
    await world.restart()

    await send(world.coach, opened[0], {"Buffer after": "10"})
    panel = await send(world.coach, opened[1], {"Daily limit": "2"})

    assert "10 minutes after each session" in words(panel)
    assert "2 a day" in words(panel)


async def test_the_question_about_a_zone_remembers_the_zone(world: Academy) -> None:
    question = await ask(world, "Lisbon")
    await world.restart()

    panel = await press(world.coach, question, "Keep clock times")

    assert "**Europe/Lisbon**" in words(panel)


async def test_a_refusal_still_opens_the_form_with_what_was_typed(world: Academy) -> None:
    refusal = await fill(world.coach, await week(world), "Edit hours…", {"Days": "Sat", "Hours": "9-8"})
    await world.restart()

    panel = await fill(world.coach, refusal, "Fix it", {"Hours": "8-9"})

    assert alt_text(panel)["Sat 7 Mar"] == "08:00-09:00 free"


async def test_a_list_of_sessions_outside_the_hours_is_answered(world: Academy) -> None:
    await world.book(world.student, "14:00")
    listed = await press(world.coach, await shrunk(world), "Decide…")
    times = await press(world.coach, listed, "Reschedule…")
    opened = await form(world.coach, await press(world.coach, times, "11:00"), "Move it…")
    await world.restart()

    moved = await send(world.coach, opened, {"Reason": "Away."})

    assert "Session moved ✅" in words(moved)
    assert "✅ All booked sessions fit your hours." in words(await press_old(world, listed, "Keep"))


async def press_old(world: Academy, message: Any, label: str) -> Any:
    """Press Keep on a list that is out of date; then go back to it."""
    kept = await press(world.coach, message, label)
    assert "✅ The session stays booked." in words(kept)
    return reply(await world.press_custom_id(world.coach, "availability:misfits:0:0:1"))
