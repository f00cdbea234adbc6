"""Whoever gets at a coach's buttons changes nothing of that coach's and reads a sentence."""

import pytest

from tests.cogs.availability.test_misfits import shrunk
from tests.cogs.steps import another_coach, fill, labels, press, rows, week
from tests.simulated import Academy, reply, words

NO_COACH = "There is no such coach here."
REFUSALS = (NO_COACH, "You have no such session.", "You coach no such session.", "I know no time zone")
TYPED: dict[str, dict[str, str]] = {
    "availability:edit:0:31": {"Days": "Mon", "Hours": "6-7"},
    "availability:copy:0:31": {"Copy the hours of": "0", "To these days": "5"},
    "availability:off:0:31": {"From": "tue", "To": "", "Hours instead": "", "Reason": ""},
    "availability:extra:0:31": {"Date": "tue", "Hours": "6-7"},
    "availability:why:0:31": {"Time": "tue 9:00"},
    "availability:zone:0:31": {"City or time zone": "Lisbon"},
    "availability:rules:sessions:0:31": {
        "Lengths in minutes, the usual one first": "15",
        "Rooms": "voice",
        "A session can start every": "15",
        "Buffer before": "0",
        "Buffer after": "0",
    },
    "availability:rules:limits:0:31": {"Minimum notice": "1 day", "Booking horizon": "7 days"},
}


async def all_buttons(world: Academy) -> dict[str, str]:
    """Every button of the coach's panels, with a session to decide about and a date."""
    await world.book(world.student, "14:00")
    panel = await fill(world.coach, await shrunk(world), "Days off…", {"From": "fri"})
    found = labels(panel)
    for opening in ("Rules", "Dates (1)", "Decide…"):
        shown = await press(world.coach, panel, opening)
        found |= labels(shown)
        panel = await press(world.coach, shown, "◀ Back")
    question = await fill(world.coach, panel, "Zone…", {"City or time zone": "Lisbon"})
    return found | labels(question)


SLOWLY = [pytest.param(who, marks=pytest.mark.slow) for who in ("other_student", "outsider")]


@pytest.mark.parametrize("who", ["student", "admin", *SLOWLY])
async def test_strangers_press_every_button_in_vain(open_world: Academy, who: str) -> None:
    world = open_world
    person = getattr(world, who)
    buttons = await all_buttons(world)
    before = await rows(world)

    answers = {label: await world.press_custom_id(person, custom_id) for label, custom_id in buttons.items()}

    assert await rows(world) == before
    mine = {"Reschedule…", "Cancel…"} if who == "student" else {"Cancel…"} if who == "admin" else set()
    for label, answer in answers.items():
        if label not in mine and answer.modal is None:
            said = words(reply(answer))
            assert said.startswith(REFUSALS), label
    assert {"Keep", "Undo", "Remove", "Same instants", "Pause bookings"} < buttons.keys()


@pytest.mark.parametrize("who", ["student", "outsider", "admin"])
async def test_strangers_send_every_form_in_vain(open_world: Academy, who: str) -> None:
    world = open_world
    before = await rows(world)

    answers = [await world.send_custom_id(getattr(world, who), form, typed) for form, typed in TYPED.items()]

    assert await rows(world) == before
    assert all(NO_COACH in words(reply(answer)) for answer in answers)


async def test_another_coach_changes_only_what_is_theirs(open_world: Academy) -> None:
    world = open_world
    buttons = await all_buttons(world)
    await another_coach(world, world.outsider)
    hers, his = await rows(world, of=world.coach), await rows(world, of=world.outsider)

    for custom_id in buttons.values():
        await world.press_custom_id(world.outsider, custom_id)
    for form, typed in TYPED.items():
        await world.send_custom_id(world.outsider, form, typed)

    assert await rows(world, of=world.coach) == hers
    assert len((await rows(world, of=world.outsider))["audit_entries"]) > len(his["audit_entries"]) + 10


async def test_a_coachs_own_numbers_do_not_reach_anothers_dates(open_world: Academy) -> None:
    world = open_world
    await another_coach(world, world.outsider)
    panel = await fill(world.coach, await week(world), "Days off…", {"From": "fri"})
    listed = await press(world.coach, panel, "Dates (1)")
    before = await rows(world, of=world.coach)

    answer = await world.press_custom_id(world.outsider, labels(listed)["Remove"])

    assert "hold again on Friday, 6 March 2026" in words(reply(answer))
    assert await rows(world, of=world.coach) == before
