"""The fullest screens keep to Discord's limits. `reply` and `form` check those in every test."""

import datetime as dt
from typing import Any

import pytest

from tests.cogs.availability.test_booking_policy import HORIZON, LENGTHS, STEP
from tests.support.discord_limits import form_within_limits, within_limits
from tests.support.simulated import Academy, reply, words
from tests.support.steps import fill, form, labels, press, times, week


def button(number: int = 1, **changed: Any) -> dict[str, Any]:
    return {"type": 2, "label": "Press", "custom_id": f"id{number}"} | changed


def row(*parts: dict[str, Any]) -> dict[str, Any]:
    return {"type": 1, "components": list(parts)}


def options(count: int) -> list[dict[str, Any]]:
    return [{"label": f"{number}", "value": f"{number}"} for number in range(count)]


@pytest.mark.parametrize(
    "message",
    [
        [{"type": 10, "content": "x"}] * 41,
        [{"type": 10, "content": "x" * 2001}] * 2,
        [row(button(), button())],
        [row(button(custom_id="x" * 101))],
        [row(button(label="x" * 81))],
        [row(button(label=""))],
        [row(*map(button, range(6)))],
        [row(button(1, style=1), button(2, style=3))],
        [row({"type": 3, "custom_id": "pick", "options": options(26)})],
        [row({"type": 3, "custom_id": "pick", "options": options(2) * 2})],
        [row({"type": 3, "custom_id": "pick", "options": [{"label": "x" * 101, "value": "1"}]})],
        [{"type": 12, "items": [{"description": "x" * 1025}]}],
        [{"type": 9, "components": [{"type": 10, "content": "x"}], "accessory": button(label="x" * 81)}],
    ],
)
def test_the_check_refuses_what_discord_refuses(message: list[dict[str, Any]]) -> None:
    with pytest.raises(AssertionError):
        within_limits(message)


@pytest.mark.parametrize(
    "changed",
    [
        {"title": "x" * 46},
        {"custom_id": "x" * 101},
        {"components": []},
        {"components": [{"type": 18, "label": "x" * 46, "component": {"type": 4, "max_length": 4}}]},
        {"components": [{"type": 18, "label": "x", "component": {"type": 4, "max_length": 4, "value": "12345"}}]},
    ],
)
def test_the_check_refuses_what_discord_refuses_in_forms(changed: dict[str, Any]) -> None:
    field = {"type": 18, "label": "x", "component": {"type": 4, "max_length": 4, "value": "1234"}}
    fine = {"title": "x", "custom_id": "x", "components": [field]}
    form_within_limits(fine)

    with pytest.raises(AssertionError):
        form_within_limits(fine | changed)


async def open_around_the_clock(world: Academy, lengths: str, horizon: str) -> Any:
    """Offer a start every five minutes, and return the fullest page of times that a student sees."""
    rules = await press(world.coach, await week(world), "Rules")
    rules = await fill(world.coach, rules, "Sessions…", {LENGTHS: lengths, STEP: "5"})
    await fill(world.coach, rules, "Notice and limits…", {HORIZON: horizon})
    await world.coach.slash(world.lobby, "availability", days="every day", hours="24h")
    panel = reply(await world.student.slash(world.lobby, "book", coach=str(world.coach.id)))
    return await press(world.student, panel, "Later days")


async def test_many_days_of_many_times_fit(open_world: Academy) -> None:
    world = open_world
    pages = {"Earlier days", "Later days", "Other times that day"}

    panel = await open_around_the_clock(world, "5,10,15,20,25,30,35,40,45,720", "60 days")
    panel = await press(world.student, panel, "Other times that day")
    assert pages | {"Change zone…"} < labels(panel).keys()
    await press(world.student, await press(world.student, panel, "03:15"), "Confirm")
    panel = await press(world.student, reply(await world.student.slash(world.lobby, "sessions")), "Reschedule…")
    panel = await press(world.student, await press(world.student, panel, "Later days"), "Other times that day")

    [booked] = await world.sessions()
    assert booked.duration == dt.timedelta(minutes=5)
    assert pages < labels(panel).keys()


async def test_the_fullest_panel_of_times_fits(open_world: Academy) -> None:
    world = open_world
    panel = await open_around_the_clock(world, "5,10", "90 days")
    panel = await press(world.student, panel, "01:35")
    panel = await fill(world.student, panel, "Add notes…", {"Notes for your coach": "*n" * 500})

    panel = await press(world.student, panel, "Other time")

    assert "Notes for your coach" in words(panel)
    wide = {"Earlier days", "Later days", "Other times that day", "◀ All coaches", "Change zone…", "Reviews"}
    assert wide < labels(panel).keys()
    assert len(times(panel)) == 20


async def test_the_fullest_panel_of_a_week_fits(open_world: Academy) -> None:
    world = open_world
    defaults = reply(await world.admin.slash(world.lobby, "coaching defaults"))
    presets = "\n".join(f"{letter * 20} {hour}-{hour + 4}" for hour, letter in enumerate("WMQGO"))
    await fill(world.admin, defaults, "Presets…", {"Presets, one per line": presets})
    for label in ("13:30", "14:30", "15:30"):
        await world.book(world.student, label)
    many = ",".join(f"{hour}:{minute}-{hour}:{minute + 9}" for hour in range(10) for minute in (10, 40))

    panel = await fill(world.coach, await week(world), "Edit hours…", {"Days": "every day", "Hours": many})

    said = words(panel)
    assert "3 booked sessions no longer fit" in said
    assert "Clear Mon–Sun" in said
    assert "Dates (0)" in said
    await form(world.coach, panel, "Edit hours…")


async def test_the_longest_reasons_for_rescheduling_fit_every_message(open_world: Academy) -> None:
    world = open_world
    await world.book(world.student, "14:00", notes="*n" * 500)
    times = await press(world.coach, reply(await world.coach.slash(world.lobby, "sessions")), "Reschedule…")
    question = await press(world.coach, times, "15:30")

    moved = await fill(world.coach, question, "Reschedule…", {"Reason": "*\n" * 500})

    assert "Session rescheduled ✅" in words(moved)
    listed = reply(await world.student.slash(world.lobby, "sessions"))
    for message in [listed, *world.student.user.dm_channel.history()]:
        within_limits(message.components)
    assert len(world.dms(world.student)[-1]) > 2000
