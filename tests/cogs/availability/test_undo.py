"""Every change to a coach's hours and rules can be undone once."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.cogs.availability.test_booking_policy import DAILY, LENGTHS
from tests.support.simulated import Academy, reply, words
from tests.support.steps import fill, labels, press, rows, week

TOO_LATE = "You can only undo your last change, and only once."


async def all_that_undo_restores(world: Academy) -> dict[str, list[Any]]:
    """Return all rows but the history. Weekly hours go without their ids, which change."""
    found = await rows(world, but=("audit_entries", "availability_changes", "job_runs"))
    found["availability_rules"] = sorted(row[1:] for row in found["availability_rules"])
    return found


async def zone(world: Academy, panel: Any, answer: str) -> Any:
    question = await fill(world.coach, panel, "Zone…", {"City or time zone": "Auckland"})
    return await press(world.coach, question, answer)


async def remove_dates(world: Academy, panel: Any) -> Any:
    listed = await press(world.coach, panel, "Dates (2)")
    removal = next(one["accessory"]["custom_id"] for one in listed.components if "accessory" in one)
    return reply(await world.coach.click(listed, custom_id=removal))


async def rules(world: Academy, panel: Any, button: str, typed: dict[str, str]) -> Any:
    changed = await fill(world.coach, await press(world.coach, panel, "Rules"), button, typed)
    return await press(world.coach, changed, "◀ Back")


CHANGES: dict[str, Callable[[Academy, Any], Awaitable[Any]]] = {
    "preset": lambda world, panel: press(world.coach, panel, "Evening 17:00–21:00"),
    "hours": lambda world, panel: fill(world.coach, panel, "Edit hours…", {"Days": "Mon, Sat", "Hours": "6-7"}),
    "copy": lambda world, panel: fill(world.coach, panel, "Copy a day…", {"To these days": ["Sat", "Sun"]}),
    "clear": lambda world, panel: press(world.coach, panel, "Clear Mon–Fri"),
    "days off": lambda world, panel: fill(world.coach, panel, "Days off…", {"From": "today", "To": "24 March"}),
    "extra hours": lambda world, panel: fill(
        world.coach, panel, "Extra hours…", {"Date": "wed", "Hours": "20-21"}
    ),
    "removed dates": remove_dates,
    "sessions": lambda world, panel: rules(world, panel, "Sessions…", {LENGTHS: "15", "Buffer after": "5"}),
    "limits": lambda world, panel: rules(world, panel, "Notice and limits…", {DAILY: "3"}),
    "pause": lambda world, panel: press(world.coach, panel, "Pause bookings"),
    "clock times": lambda world, panel: zone(world, panel, "Keep clock times"),
    "actual times": lambda world, panel: zone(world, panel, "Keep actual times"),
}


@pytest.mark.slow
async def test_undo_restores_everything(world: Academy) -> None:
    panel = await fill(world.coach, await week(world), "Days off…", {"From": "wed", "To": "thu", "Reason": "Ill"})
    await fill(world.coach, panel, "Extra hours…", {"Date": "sat", "Hours": "23-24"})
    before = await all_that_undo_restores(world)

    for name, change in CHANGES.items():
        panel = await change(world, await week(world))
        assert await all_that_undo_restores(world) != before, name

        panel = await press(world.coach, panel, "Undo")

        assert "↩️ Undid your last change." in words(panel)
        assert await all_that_undo_restores(world) == before, name


async def test_a_change_is_undone_only_once(world: Academy) -> None:
    panel = await press(world.coach, await week(world), "Clear Mon–Fri")
    undo = labels(panel)["Undo"]

    panel = await press(world.coach, panel, "Undo")
    before = await rows(world)
    again = reply(await world.press_custom_id(world.coach, undo))

    assert "Undo" not in labels(panel)
    assert words(again) == TOO_LATE
    assert await rows(world) == before


async def test_an_old_undo_button_does_not_undo_a_newer_change(world: Academy) -> None:
    old = await press(world.coach, await week(world), "Clear Mon–Fri")
    await press(world.coach, await week(world), "Pause bookings")
    before = await rows(world)

    refused = await press(world.coach, old, "Undo")

    assert words(refused) == TOO_LATE
    assert await rows(world) == before
    panel = await press(world.coach, await week(world), "Undo")
    assert "Pause bookings" in labels(panel)


async def test_a_change_after_an_undo_can_be_undone(world: Academy) -> None:
    panel = await press(world.coach, await week(world), "Pause bookings")
    panel = await press(world.coach, panel, "Undo")
    before = await all_that_undo_restores(world)

    panel = await press(world.coach, panel, "Evening 17:00–21:00")
    await press(world.coach, panel, "Undo")

    assert await all_that_undo_restores(world) == before


async def test_a_refused_change_leaves_the_last_one_to_undo(world: Academy) -> None:
    panel = await press(world.coach, await week(world), "Pause bookings")
    await fill(world.coach, panel, "Edit hours…", {"Days": "Mon", "Hours": "9-8"})

    panel = await press(world.coach, panel, "Undo")

    assert "Pause bookings" in labels(panel)


async def test_a_new_coach_has_nothing_to_undo(world: Academy) -> None:
    await world.apply(world.outsider)
    await world.admin.click(world.card, label="Approve")
    before = await rows(world)

    answer = await world.press_custom_id(world.outsider, "availability:undo:0:0:31")

    assert words(reply(answer)) == TOO_LATE
    assert await rows(world) == before
