"""What the buttons of a coach's panel do when somebody else presses them: nothing to that coach."""

import pytest

from models import SessionStatus
from tests.cogs.availability.test_conflicts import shrunk
from tests.support.simulated import Academy, reply, words
from tests.support.steps import another_coach, fill, labels, press, rows, week

TYPED: dict[str, dict[str, str]] = {
    "availability:edit:0:31": {"Days": "Mon", "Hours": "6-7"},
    "availability:copy:0:31": {"Copy the hours of": "Mon", "To these days": "Sat"},
    "availability:off:0:31": {"From": "tue", "To": "", "Hours instead": "", "Reason": ""},
    "availability:extra:0:31": {"Date": "tue", "Hours": "6-7"},
    "availability:why:0:31": {"Time": "tue 9:00"},
    "availability:zone:0:31": {"City or time zone": "Lisbon"},
    "availability:rules:sessions:0:31": {
        "Lengths in minutes, default first": "15",
        "Rooms": "Voice only",
        "Sessions start every": "15",
        "Buffer before": "0",
        "Buffer after": "0",
    },
    "availability:rules:limits:0:31": {"Minimum notice": "1 day", "Booking horizon": "7 days"},
}


async def all_buttons(world: Academy) -> dict[str, str]:
    """Return every button of the coach's panels, with a conflict and a day off."""
    await world.book(world.student, "14:00")
    panel = await fill(world.coach, await shrunk(world), "Days off…", {"From": "fri"})
    found = labels(panel)
    for opening in ("Rules", "Dates (1)", "Decide…"):
        shown = await press(world.coach, panel, opening)
        found |= labels(shown)
        panel = await press(world.coach, shown, "◀ Back")
    question = await fill(world.coach, panel, "Zone…", {"City or time zone": "Lisbon"})
    return found | labels(question)


@pytest.mark.slow
async def test_another_coachs_buttons_change_your_own_hours(world: Academy) -> None:
    buttons = await all_buttons(world)
    await another_coach(world, world.outsider)
    hers, his = await rows(world, of=world.coach), await rows(world, of=world.outsider)

    for custom_id in buttons.values():
        await world.press_custom_id(world.outsider, custom_id)
    for form, typed in TYPED.items():
        await world.send_custom_id(world.outsider, form, typed)

    assert await rows(world, of=world.coach) == hers
    assert len((await rows(world, of=world.outsider))["audit_entries"]) > len(his["audit_entries"]) + 10


async def test_a_coach_cannot_remove_anothers_dates(world: Academy) -> None:
    await another_coach(world, world.outsider)
    panel = await fill(world.coach, await week(world), "Days off…", {"From": "fri"})
    listed = await press(world.coach, panel, "Dates (1)")
    before = await rows(world, of=world.coach)

    answer = await world.press_custom_id(world.outsider, labels(listed)["Remove"])

    assert "Nothing changed" in words(reply(answer))
    assert await rows(world, of=world.coach) == before


async def test_students_do_not_cancel_from_their_coachs_list(world: Academy) -> None:
    await world.book(world.student, "14:00")

    await world.send_custom_id(world.student, "availability:cancel:1:0:1", {"Reason": "Ill."})

    assert [one.status for one in await world.sessions()] == [SessionStatus.SCHEDULED]
