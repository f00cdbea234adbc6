"""The chosen days are the same in the select, on the buttons and in what the buttons do."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from simcord.components import walk_components

from cogs.availability.panel import CLEAR
from scheduler.parsing.weekly_hours import WEEKDAYS, write_days
from tests.cogs.availability.test_zone import ask
from tests.support.simulated import Academy, reply, words
from tests.support.steps import alt_text, fill, labels, press, week

Step = Callable[[Academy, Any], Awaitable[Any]]


def select_of(panel: Any) -> dict[str, Any]:
    [select] = [one for one in walk_components(panel.components) if one.get("options")]
    return select


def chosen_days(panel: Any) -> str:
    """Return the days chosen in the select, after checking that the buttons have the same."""
    select = ", ".join(one["label"] for one in select_of(panel)["options"] if one.get("default"))
    [(label, custom_id)] = [one for one in labels(panel).items() if one[0].startswith("Clear ")]
    numbers = CLEAR.match(custom_id)
    assert numbers is not None
    effect = [day for day in range(7) if numbers["days"] >> day & 1]
    assert select == ", ".join(WEEKDAYS[day] for day in effect)
    assert label == f"Clear {write_days(effect)}"
    return select


async def back(world: Academy, panel: Any, *presses: str) -> Any:
    for label in presses:
        panel = await press(world.coach, panel, label)
    return await press(world.coach, panel, "◀ Back")


async def zone(world: Academy, panel: Any) -> Any:
    question = await fill(world.coach, panel, "Zone…", {"City or time zone": "Lisbon"})
    return await press(world.coach, question, "Keep clock times")


STEPS: dict[str, tuple[Step, str]] = {
    "dates": (lambda world, panel: back(world, panel, "Dates (1)"), "Tue, Sat"),
    "preset": (lambda world, panel: press(world.coach, panel, "Morning 08:00–12:00"), "Tue, Sat"),
    "clear": (lambda world, panel: press(world.coach, panel, "Clear Tue, Sat"), "Tue, Sat"),
    "pause": (lambda world, panel: press(world.coach, panel, "Pause bookings"), "Tue, Sat"),
    "next week": (lambda world, panel: press(world.coach, panel, "▶"), "Tue, Sat"),
    "time": (lambda world, panel: fill(world.coach, panel, "Check a time…", {"Time": "fri 10:00"}), "Tue, Sat"),
    "day off": (lambda world, panel: fill(world.coach, panel, "Days off…", {"From": "fri"}), "Tue, Sat"),
    "extra": (
        lambda world, panel: fill(world.coach, panel, "Extra hours…", {"Date": "fri", "Hours": "20-21"}),
        "Tue, Sat",
    ),
    "rules": (lambda world, panel: back(world, panel, "Rules"), "Tue, Sat"),
    "zone": (zone, "Tue, Sat"),
    "hours": (
        lambda world, panel: fill(world.coach, panel, "Edit hours…", {"Days": "Mon, Sun", "Hours": "6-7"}),
        "Mon, Sun",
    ),
    "copy": (
        lambda world, panel: fill(world.coach, panel, "Copy a day…", {"To these days": ["Thu", "Sat"]}),
        "Thu, Sat",
    ),
}


@pytest.mark.slow
async def test_the_chosen_days_agree_after_every_press(world: Academy) -> None:
    await fill(world.coach, await week(world), "Days off…", {"From": "thu"})

    for name, (step, expected) in STEPS.items():
        panel = reply(await world.coach.select(await week(world), ["1", "5"]))
        assert chosen_days(panel) == "Tue, Sat"
        before = select_of(panel)["id"]

        after = await step(world, panel)

        assert chosen_days(after) == expected, name
        assert select_of(after)["id"] != before, name  # else clients go on showing what was picked before


async def test_undo_keeps_the_chosen_days(world: Academy) -> None:
    panel = reply(await world.coach.select(await week(world), ["1", "5"]))
    panel = await press(world.coach, panel, "Clear Tue, Sat")

    panel = await press(world.coach, panel, "Undo")

    assert chosen_days(panel) == "Tue, Sat"


async def test_after_a_copy_the_buttons_change_the_days_shown_as_chosen(world: Academy) -> None:
    panel = await fill(world.coach, await week(world), "Copy a day…", {"To these days": ["Sat"]})

    panel = await press(world.coach, panel, "Evening 17:00–21:00")

    assert chosen_days(panel) == "Sat"
    assert alt_text(panel)["Sat 7 Mar"] == "09:00-12:00 free, 13:30-21:00 free"
    assert "21:00" not in alt_text(panel)["Fri 6 Mar"]


async def test_a_press_that_changes_nothing_leaves_the_last_change_to_undo(world: Academy) -> None:
    panel = await press(world.coach, await week(world), "Evening 17:00–21:00")
    undo = labels(panel)["Undo"]

    panel = await press(world.coach, panel, "Evening 17:00–21:00")

    assert "Nothing changed: it was already like that." in words(panel)
    assert labels(panel)["Undo"] == undo
    panel = await press(world.coach, panel, "Undo")
    assert "21:00" not in alt_text(panel)["Mon 2 Mar"]


async def test_the_same_zone_again_is_not_asked_about(world: Academy) -> None:
    panel = await ask(world, "Berlin")

    assert "Keep clock times" not in labels(panel)
    assert chosen_days(panel) == "Mon, Tue, Wed, Thu, Fri"
