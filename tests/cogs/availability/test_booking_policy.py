"""A coach's booking rules in `/availability`, and what they mean for students."""

from typing import Any

import pytest

from tests.support.simulated import Academy, reply, words
from tests.support.steps import fill, form, held, labels, press, rows, send, times, week

LENGTHS, ROOMS, STEP = "Lengths in minutes, default first", "Rooms", "Sessions start every"
BEFORE, AFTER = "Buffer before", "Buffer after"
NOTICE, HORIZON = "Minimum notice", "Booking horizon"
DAILY, WEEKLY = "Daily limit", "Weekly limit"


async def rules(world: Academy) -> Any:
    """Return the panel with the rules."""
    return await press(world.coach, await week(world), "Rules")


async def free_times(world: Academy, person: Any) -> Any:
    """Return the coach's free times, as this person sees them."""
    return reply(await person.slash(world.lobby, "book", coach=str(world.coach.id)))


async def test_the_panel_and_the_forms_show_the_rules(world: Academy) -> None:
    panel = await rules(world)

    shown = words(panel)
    assert "**Lengths** 30, 60, 90 min (60 by default) · **Rooms** voice, camera and screen" in shown
    assert "**Start every** 30 minutes" in shown
    assert "**Buffers** none" in shown
    assert "**Minimum notice** 2 hours" in shown
    assert "**Limits** none" in shown
    assert held(await form(world.coach, panel, "Sessions…")) == {
        LENGTHS: "60, 30, 90",
        ROOMS: ["Voice, camera and screen"],
        STEP: "30 minutes",
        BEFORE: "none",
        AFTER: "none",
    }
    assert held(await form(world.coach, panel, "Notice and limits…")) == {
        NOTICE: "2 hours",
        HORIZON: "28 days",
        DAILY: "no limit",
        WEEKLY: "no limit",
    }


async def test_students_are_offered_the_lengths_and_start_times(world: Academy) -> None:
    panel = await rules(world)

    panel = await fill(world.coach, panel, "Sessions…", {LENGTHS: "45, 1h30", STEP: "1 hour", AFTER: "15"})
    panel = await fill(world.coach, panel, "Notice and limits…", {NOTICE: "20 h"})

    assert "**Lengths** 45, 90 min (45 by default)" in words(panel)
    assert "**Buffers** none before, 15 minutes after" in words(panel)
    offered = await free_times(world, world.student)
    assert times(offered) == ["09:00", "10:00", "11:00", "13:30", "14:30", "15:30"]
    assert ":45:" in labels(offered)["09:00"]


async def test_a_buffer_keeps_time_free_after_a_session(world: Academy) -> None:
    await fill(world.coach, await rules(world), "Sessions…", {AFTER: "40 min"})
    await world.book(world.student, "13:30")

    assert times(await free_times(world, world.other_student)) == ["11:00", "15:30", "16:00"]


async def test_a_voice_only_coach_gets_rooms_without_camera(world: Academy) -> None:
    await fill(world.coach, await rules(world), "Sessions…", {ROOMS: ["Voice only"]})
    booked = await world.book(world.student, "14:00")
    await world.leap_to(booked.starts_at - world.minutes(4))

    room = world.room(booked.code)

    assert room is not None
    assert world.may(world.student, room, "connect", "speak")
    assert not world.may(world.student, room, "stream")


async def test_a_daily_limit_closes_the_day_for_everyone(world: Academy) -> None:
    await fill(world.coach, await rules(world), "Notice and limits…", {DAILY: "1", HORIZON: "1 day"})
    await world.book(world.student, "14:00")

    assert "Tuesday, 3 March" in words(await free_times(world, world.other_student))


REFUSED_SESSIONS = [
    ({LENGTHS: "an eternity"}, 'I can\'t read "an eternity" as a length of time.'),
    ({LENGTHS: "60, 4"}, '"4" isn\'t a session length.'),
    ({LENGTHS: "721"}, '"721" isn\'t a session length.'),
    ({LENGTHS: ","}, "You typed 0 lengths."),
    ({LENGTHS: "5,10,15,20,25,30,35,40,45,50,55"}, "You typed 11 lengths."),
    ({STEP: "4 min"}, "**Sessions start every:** Type 5 minutes to 12 hours."),
    ({STEP: "13h"}, "**Sessions start every:** Type 5 minutes to 12 hours."),
    ({BEFORE: "361 min"}, "**Buffer before:** Type at most 6 hours."),
    ({AFTER: "7h"}, "**Buffer after:** Type at most 6 hours."),
    ({AFTER: "-5"}, 'I can\'t read "-5" as a length of time.'),
]
REFUSED_LIMITS = [
    ({NOTICE: "61 days"}, "**Minimum notice:** Type at most 60 days."),
    ({NOTICE: "soon"}, 'I can\'t read "soon" as a length of time.'),
    ({HORIZON: "none"}, "**Booking horizon:** Type 1 to 365 days."),
    ({HORIZON: "366 days"}, "**Booking horizon:** Type 1 to 365 days."),
    ({HORIZON: "36 hours"}, "isn't a whole number of days."),
    ({DAILY: "0"}, '**Daily limit:** Type 1 to 50 sessions, or "no limit".'),
    ({DAILY: "51"}, '**Daily limit:** Type 1 to 50 sessions, or "no limit".'),
    ({WEEKLY: "201"}, '**Weekly limit:** Type 1 to 200 sessions, or "no limit".'),
    ({WEEKLY: "many"}, '"many" isn\'t a number of sessions.'),
    ({WEEKLY: "²"}, '"²" isn\'t a number of sessions.'),
]


@pytest.mark.parametrize(
    ("button", "refused"), [("Sessions…", REFUSED_SESSIONS), ("Notice and limits…", REFUSED_LIMITS)]
)
async def test_impossible_rules_are_refused_with_what_to_do(
    world: Academy, button: str, refused: list[tuple[dict[str, str], str]]
) -> None:
    panel = await rules(world)
    before = await rows(world)

    for typed, sentence in refused:
        said = words(await fill(world.coach, panel, button, typed))
        assert sentence in said, typed
        assert "Fix it" in said

    assert await rows(world) == before


async def test_a_refused_form_keeps_what_was_typed_and_chosen(world: Academy) -> None:
    typed = {LENGTHS: "60", ROOMS: ["Voice only"], STEP: "1 minute", BEFORE: "10", AFTER: "none"}

    refusal = await fill(world.coach, await rules(world), "Sessions…", typed)
    again = await form(world.coach, refusal, "Fix it")
    panel = await send(world.coach, again, {STEP: "10 minutes"})

    assert held(again) == typed
    assert "**Lengths** 60 min · **Rooms** voice only" in words(panel)
    assert "**Buffers** 10 minutes before, none after" in words(panel)


async def test_an_empty_field_removes_a_limit(world: Academy) -> None:
    panel = await fill(world.coach, await rules(world), "Notice and limits…", {DAILY: "1", WEEKLY: "1"})
    assert "**Limits** 1 a day, 1 a week" in words(panel)

    panel = await fill(world.coach, panel, "Notice and limits…", {DAILY: "", WEEKLY: "unlimited"})

    assert "**Limits** none" in words(panel)
