"""Pausing bookings, and checking why a time can't be booked."""

import datetime as dt

import pytest

from tests.cogs.availability.test_booking_policy import AFTER, BEFORE, DAILY, HORIZON, NOTICE, WEEKLY
from tests.support.simulated import Academy, reply, words
from tests.support.steps import alt_text, fill, form, held, labels, press, week

PAUSED = "This coach isn't taking new bookings at the moment."


async def test_nobody_can_book_a_paused_coach_and_everyone_sees_why(world: Academy) -> None:
    confirm = await world.about_to_confirm(world.student, "14:00")
    times = reply(await world.other_student.slash(world.lobby, "book", coach=str(world.coach.id)))

    panel = await press(world.coach, await week(world), "Pause bookings")

    assert "⏸️ **Paused:** students can't book you." in words(panel)
    assert "✅ Bookings paused until you resume them. Booked sessions stay." in words(panel)
    refused = [await press(world.student, confirm, "Confirm"), await press(world.other_student, times, "15:30")]
    assert {words(one) for one in refused} == {f"{PAUSED} Choose another coach with `/book`."}
    listed = reply(await world.student.slash(world.lobby, "book"))
    assert "Nobody else is taking bookings right now." in words(listed)
    asked = reply(await world.student.slash(world.lobby, "book", coach=str(world.coach.id)))
    assert f"**{PAUSED}**" in words(asked)
    assert await world.sessions() == []


async def test_resuming_restores_the_hours(world: Academy) -> None:
    panel = await week(world)
    before = alt_text(panel)

    panel = await press(world.coach, panel, "Pause bookings")
    panel = await press(world.coach, panel, "Resume bookings")

    assert "✅ Students can book you again." in words(panel)
    assert alt_text(panel) == before
    await world.book(world.student, "14:00")


async def test_pausing_twice_stays_paused(world: Academy) -> None:
    first, second = await week(world), await week(world)

    await press(world.coach, first, "Pause bookings")
    shown = await press(world.coach, second, "Pause bookings")

    assert "Resume bookings" in labels(shown)


async def test_booked_sessions_can_be_changed_while_bookings_are_paused(world: Academy) -> None:
    await world.book(world.student, "14:00")
    await press(world.coach, await week(world), "Pause bookings")

    listed = reply(await world.student.slash(world.lobby, "sessions"))
    times = await press(world.student, listed, "Reschedule…")
    moved = await fill(world.student, await press(world.student, times, "15:30"), "Reschedule…", {})
    listed = reply(await world.student.slash(world.lobby, "sessions"))
    cancelled = await fill(world.student, listed, "Cancel…", {})

    assert "Session rescheduled ✅" in words(moved)
    assert "Session cancelled" in words(cancelled)


async def check(world: Academy, time: str) -> str:
    """Return what the panel says about this time."""
    panel = await fill(world.coach, await week(world), "Check a time…", {"Time": time})
    return words(panel).splitlines()[-1]


async def test_checking_a_bookable_time_shows_its_week(world: Academy) -> None:
    panel = await fill(world.coach, await week(world), "Check a time…", {"Time": "thu 19 March 14:00"})

    at = dt.datetime(2026, 3, 19, 13, tzinfo=dt.UTC)
    assert f"✅ <t:{int(at.timestamp())}:F> can be booked for 60 minutes." in words(panel)
    assert "Thu 19 Mar" in alt_text(panel)


async def test_checking_a_time_names_why_it_cannot_be_booked(world: Academy) -> None:
    await fill(world.coach, await week(world), "Days off…", {"From": "wed"})
    await world.book(world.student, "14:00")

    for time, why in (
        ("10:30", "That time is too soon: this coach needs 2 hours of notice."),
        ("2 June 9:00", "That time is too far ahead: this coach can be booked up to 28 days ahead."),
        ("wed 10:00", "The coach is off that day."),
        ("sat 10:00", "That time is outside the coach's hours."),
        ("tue 9:10", "Sessions start every 30 minutes, but not at that time."),
        ("14:30", "That time is already booked."),
        ("2026-03-01 10:00", "That time is too soon: this coach needs 2 hours of notice."),
    ):
        said = await check(world, time)
        assert said.startswith("❌ <t:"), time
        assert said.endswith(f": {why}")


RULES = [
    ("Sessions…", {BEFORE: "1h"}, "15:00", "That time is too close to another of the coach's sessions."),
    ("Sessions…", {AFTER: "1h"}, "13:00", "That time is outside the coach's hours."),
    ("Notice and limits…", {DAILY: "1"}, "16:00", "That day is full: the coach's daily limit is 1."),
    ("Notice and limits…", {WEEKLY: "1"}, "fri 16:00", "That week is full: the coach's weekly limit is 1."),
    ("Notice and limits…", {NOTICE: "none"}, "2026-03-02 8:30", "That time has already passed."),
    ("Notice and limits…", {HORIZON: "2 days"}, "fri 16:00", "this coach can be booked up to 2 days ahead."),
]


@pytest.mark.slow
async def test_checking_a_time_names_the_rule_that_forbids_it(world: Academy) -> None:
    await world.book(world.student, "14:00")

    for button, rules, time, sentence in RULES:
        await fill(world.coach, await press(world.coach, await week(world), "Rules"), button, rules)
        assert sentence in await check(world, time)
        await press(world.coach, await week(world), "Undo")


async def test_checking_a_time_says_if_bookings_are_paused(world: Academy) -> None:
    await press(world.coach, await week(world), "Pause bookings")

    assert (await check(world, "tue 10:00")).endswith(PAUSED)


async def test_an_unreadable_time_can_be_fixed(world: Academy) -> None:
    refusal = await fill(world.coach, await week(world), "Check a time…", {"Time": "after lunch"})

    assert 'I can\'t read "after lunch" as a date and time.' in words(refusal)
    assert held(await form(world.coach, refusal, "Fix it")) == {"Time": "after lunch"}
