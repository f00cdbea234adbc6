"""Panels and forms opened before a restart still work after it."""

from typing import Any

import pytest

from tests.cogs.availability.test_conflicts import shrunk
from tests.cogs.availability.test_zone import PLACE, ask
from tests.support.simulated import Academy, reply, words
from tests.support.steps import alt_text, fill, form, labels, press, send, week

FORMS = {
    "Edit hours…": ({"Hours": "7-8"}, "✅ Set Mon"),
    "Copy a day…": ({"To these days": ["Sun"]}, "✅ Copied the hours of Mon to Sun."),
    "Days off…": ({"From": "wed"}, "✅ Off Wednesday, 4 March 2026"),
    "Extra hours…": ({"Date": "sun", "Hours": "9-10"}, "✅ Extra hours on Sunday, 8 March 2026"),
    "Check a time…": ({"Time": "tue 7:00"}, "can be booked for 60 minutes."),
    "Zone…": ({PLACE: "Lisbon"}, "### From Europe/Berlin to Europe/Lisbon"),
}
RULES = {
    "Sessions…": ({"Buffer after": "10"}, "10 minutes after"),
    "Notice and limits…": ({"Daily limit": "2"}, "2 a day"),
}


@pytest.mark.slow
async def test_every_button_of_an_old_panel_works(world: Academy) -> None:
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
        # Undo has removed the only date by then.
        assert opens_a_form or words(reply(answer)).startswith(("###", "You have no days off")), label


async def test_every_form_that_was_open_can_be_sent(world: Academy) -> None:
    opened = {button: await form(world.coach, await week(world), button) for button in FORMS}
    rules = await press(world.coach, await week(world), "Rules")
    opened |= {button: await form(world.coach, rules, button) for button in RULES}
    await world.restart()

    for button, (typed, sentence) in (FORMS | RULES).items():
        assert sentence in words(await send(world.coach, opened[button], typed)), button


async def test_the_question_about_a_zone_remembers_it(world: Academy) -> None:
    question = await ask(world, "Lisbon")
    await world.restart()

    panel = await press(world.coach, question, "Keep clock times")

    assert "**Europe/Lisbon**" in words(panel)


async def test_fix_it_still_opens_the_form_with_what_was_typed(world: Academy) -> None:
    refusal = await fill(world.coach, await week(world), "Edit hours…", {"Days": "Sat", "Hours": "9-8"})
    await world.restart()

    panel = await fill(world.coach, refusal, "Fix it", {"Hours": "8-9"})

    assert alt_text(panel)["Sat 7 Mar"] == "08:00-09:00 free"


async def test_a_list_of_conflicts_still_works(world: Academy) -> None:
    await world.book(world.student, "14:00")
    listed = await press(world.coach, await shrunk(world), "Decide…")
    times = await press(world.coach, listed, "Reschedule…")
    opened = await form(world.coach, await press(world.coach, times, "11:00"), "Reschedule…")
    await world.restart()

    moved = await send(world.coach, opened, {"Reason": "Away."})

    assert "Session rescheduled ✅" in words(moved)
    assert "✅ All booked sessions fit your hours." in words(await press_old(world, listed, "Keep"))


async def press_old(world: Academy, message: Any, label: str) -> Any:
    """Press a button of an old list, then show the list again."""
    kept = await press(world.coach, message, label)
    assert "✅ The session stays booked." in words(kept)
    return reply(await world.press_custom_id(world.coach, "availability:misfits:0:0:1"))
