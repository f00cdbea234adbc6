"""Booked sessions outside the hours stay until their coach decides."""

import datetime as dt
from typing import Any

import pytest

from models import SessionStatus
from tests.cogs.availability.test_zone import ask
from tests.support import builders
from tests.support.simulated import Academy, reply, words
from tests.support.steps import fill, form, labels, press, rows, send, times, week

UTC = dt.UTC
BOOKED_AT = dt.datetime(2026, 3, 2, 13, tzinfo=UTC)
"""14:00 in Berlin."""


def stamp(at: dt.datetime) -> str:
    return f"<t:{int(at.timestamp())}:F>"


async def booked_rows(world: Academy) -> dict[str, Any]:
    """Return the rows that don't change before the coach decides."""
    found = await rows(world)
    return {name: found[name] for name in ("coaching_sessions", "reservations", "notifications")}


async def shrunk(world: Academy) -> Any:
    """Remove Monday afternoon from the hours, and return the panel."""
    return await fill(world.coach, await week(world), "Edit hours…", {"Days": "Mon", "Hours": "9-12"})


async def test_a_session_outside_the_hours_is_listed_and_stays_booked(world: Academy) -> None:
    await world.book(world.student, "14:00")
    before, told = await booked_rows(world), len(world.dms(world.student))

    panel = await shrunk(world)
    await world.wait_until(world.now + world.minutes(2))

    assert "⚠️ **1 booked session no longer fits your hours.** It stays booked until you decide." in words(panel)
    assert f"- {stamp(BOOKED_AT)} with {world.student.mention}" in words(panel)
    assert await booked_rows(world) == before
    assert len(world.dms(world.student)) == told


@pytest.mark.slow
async def test_days_off_and_another_zone_cause_conflicts_too(world: Academy) -> None:
    await world.book(world.student, "14:00")
    await world.book(world.other_student, "15:30")
    before = await booked_rows(world)

    off = words(await fill(world.coach, await week(world), "Days off…", {"From": "today"}))
    await press(world.coach, await week(world), "Undo")
    rezoned = words(await press(world.coach, await ask(world, "Auckland"), "Keep clock times"))
    await press(world.coach, await week(world), "Undo")
    same_times = words(await press(world.coach, await ask(world, "Auckland"), "Keep actual times"))

    for said in (off, rezoned):
        assert "2 booked sessions no longer fit your hours.** They stay booked" in said
    assert "no longer fit" not in same_times
    assert await booked_rows(world) == before


async def test_a_kept_session_is_no_longer_listed(world: Academy) -> None:
    await world.book(world.student, "14:00")
    await world.book(world.other_student, "15:30")
    listed = await press(world.coach, await shrunk(world), "Decide…")
    told = len(world.dms(world.student))

    rest = reply(await world.coach.click(listed, custom_id="availability:keep:1:0:1"))
    panel = await press(world.coach, rest, "Keep")

    assert "✅ The session stays booked." in words(panel)
    assert "no longer fit" not in words(panel)
    assert [one.status for one in await world.sessions()] == [SessionStatus.SCHEDULED] * 2
    assert len(world.dms(world.student)) == told


@pytest.mark.slow
async def test_a_kept_session_that_is_rescheduled_is_listed_again(world: Academy) -> None:
    await world.book(world.student, "14:00")
    await press(world.coach, await press(world.coach, await shrunk(world), "Decide…"), "Keep")
    panel = await press(world.student, reply(await world.student.slash(world.lobby, "sessions")), "Reschedule…")
    await fill(world.student, await press(world.student, panel, "11:00"), "Reschedule…", {})

    panel = await fill(world.coach, await week(world), "Edit hours…", {"Days": "Mon", "Hours": "9-10"})

    assert "1 booked session no longer fits your hours." in words(panel)


async def test_cancelling_from_the_list_tells_both_the_reason(world: Academy) -> None:
    await world.book(world.student, "14:00")
    await world.book(world.other_student, "15:30")
    listed = await press(world.coach, await shrunk(world), "Decide…")

    opened = await world.coach.click(listed, custom_id="availability:cancel:1:0:1")
    rest = await send(world.coach, opened, {"Reason": "Away that day."})
    said = words(rest)
    panel = await fill(world.coach, rest, "Cancel…", {"Reason": "Away that day."})

    assert "### Sessions outside your hours" in said
    assert f"✅ Session cancelled: {stamp(BOOKED_AT)}." in said
    assert f"with {world.student.mention}" not in said
    assert f"with {world.other_student.mention}" in said
    assert "✅ Session cancelled" in words(panel)
    assert "Decide…" not in labels(panel)
    assert [one.status for one in await world.sessions()] == [SessionStatus.CANCELLED] * 2
    for person in (world.student, world.coach):
        assert "Away that day." in world.dms(person)[-1]
        assert "Session cancelled by" in world.dms(person)[-1]
    assert "no longer fit" not in words(await week(world))


async def test_a_listed_session_can_be_rescheduled_to_a_bookable_time(world: Academy) -> None:
    booked = await world.book(world.student, "14:00")
    listed = await press(world.coach, await shrunk(world), "Decide…")

    panel = await press(world.coach, listed, "Reschedule…")
    assert times(panel) == ["11:00"]
    opened = await form(world.coach, await press(world.coach, panel, "11:00"), "Reschedule…")
    [field] = opened.modal["components"]
    assert field["component"]["required"]
    moved = await send(world.coach, opened, {"Reason": "I am away\nin the afternoon."})

    assert "Session rescheduled ✅" in words(moved)
    new = BOOKED_AT - dt.timedelta(hours=3)
    for person in (world.student, world.coach):
        told = world.dms(person)[-1]
        assert f"## {stamp(new)}\n" in told
        assert f"**Rescheduled from** {stamp(BOOKED_AT)}\nI am away\nin the afternoon." in told
        assert booked.code in told
    assert "no longer fit" not in words(await week(world))


async def test_a_long_list_of_conflicts_has_pages(world: Academy) -> None:
    async with world.db.begin() as session:
        for number in range(7):
            starts_at = world.now + dt.timedelta(days=14, minutes=60 + 30 * number)
            ids = {"guild_id": world.guild.id, "coach_id": world.coach.id, "student_id": world.student.id}
            ends_at = starts_at + dt.timedelta(minutes=30)
            await builders.a_session(session, starts_at=starts_at, ends_at=ends_at, reserved=False, **ids)
    panel = await fill(world.coach, await week(world), "Days off…", {"From": "16 March", "To": "20 March"})
    assert "**7 booked sessions no longer fit" in words(panel)
    assert "and 2 more" in words(panel)

    first = await press(world.coach, panel, "Decide…")
    second = await press(world.coach, first, "▶")

    assert "Page 2 of 2" in words(second)
    assert sum("Keep" in one for one in words(second).splitlines()) == 2
    assert "### Your hours" in words(await press(world.coach, second, "◀ Back"))


@pytest.mark.slow
async def test_an_old_button_says_if_no_conflicts_are_left(world: Academy) -> None:
    await world.book(world.student, "14:00")
    panel = await shrunk(world)
    opened = await world.student.user.click(world.student.user.dm_channel.last_message, label="Cancel…")
    await world.student.user.submit_modal(opened, {})

    shown = await press(world.coach, panel, "Decide…")

    assert "✅ All booked sessions fit your hours." in words(shown)


async def test_past_sessions_are_not_listed(world: Academy) -> None:
    booked = await world.book(world.student, "14:00")
    await shrunk(world)
    await world.leap_to(booked.ends_at + world.minutes(1))

    panel = await week(world)

    assert "no longer fit" not in words(panel)
