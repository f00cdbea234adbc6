"""A coach's booking rules, from `/availability` to what students are offered."""

from typing import Any

import pytest

from models import Coach
from tests.support.simulated import Academy, reply, words
from tests.support.steps import fill, form, held, labels, press, rows, send, week

LENGTHS, ROOMS, STEP = "Lengths in minutes, default first", "Rooms", "Sessions start every"
BEFORE, AFTER = "Buffer before", "Buffer after"
NOTICE, HORIZON = "Minimum notice", "Booking horizon"
DAILY, WEEKLY = "Daily limit", "Weekly limit"


async def rules(world: Academy) -> Any:
    """The panel with the rules."""
    return await press(world.coach, await week(world), "Rules")


async def times_on_tuesday(world: Academy, minutes: int) -> list[str]:
    """What the student is offered."""
    panel = reply(await world.student.slash(world.lobby, "book", coach=str(world.coach.id)))
    tuesday = next(one for one in labels(panel).values() if one.startswith("book:time"))
    assert f":{minutes}:" in tuesday
    return [label for label in labels(panel) if ":" in label]


async def test_the_rules_are_shown_and_the_forms_hold_them(world: Academy) -> None:
    panel = await rules(world)

    shown = words(panel)
    assert "**Lengths** 60 min, also 30, 90 · **rooms** voice, camera and screen" in shown
    assert "**Start every** 30 minutes" in shown
    assert "**Buffers** none before, none after" in shown
    assert "**Minimum notice** 2 hours" in shown
    assert "**Limits** no limit a day, no limit a week" in shown
    assert held(await form(world.coach, panel, "Sessions…")) == {
        LENGTHS: "60, 30, 90",
        ROOMS: ["video"],
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


async def test_forms_that_are_sent_as_they_open_change_nothing(world: Academy) -> None:
    panel = await rules(world)
    changed = {LENGTHS: "45, 1h30", ROOMS: ["voice"], STEP: "1h15", BEFORE: "10", AFTER: "5 min"}
    panel = await fill(world.coach, panel, "Sessions…", changed)
    panel = await fill(
        world.coach, panel, "Notice and limits…", {NOTICE: "1 day 2 hours", DAILY: "4", WEEKLY: "9"}
    )
    before = await coach(world)

    panel = await fill(world.coach, panel, "Sessions…", {})
    panel = await fill(world.coach, panel, "Notice and limits…", {})

    assert "✅ Saved." in words(panel)
    assert await coach(world) == before


async def test_lengths_and_step_are_what_students_are_offered(world: Academy) -> None:
    panel = await rules(world)

    panel = await fill(world.coach, panel, "Sessions…", {LENGTHS: "45, 1h30", STEP: "1 hour", AFTER: "15"})
    panel = await fill(world.coach, panel, "Notice and limits…", {NOTICE: "20 h"})

    assert "**Lengths** 45 min, also 90" in words(panel)
    assert "**Buffers** none before, 15 minutes after" in words(panel)
    assert await times_on_tuesday(world, 45) == ["09:00", "10:00", "11:00", "13:30", "14:30", "15:30"]


async def test_a_buffer_keeps_time_free_after_a_session(world: Academy) -> None:
    await fill(world.coach, await rules(world), "Sessions…", {AFTER: "40 min"})
    await world.book(world.student, "13:30")

    panel = reply(await world.other_student.slash(world.lobby, "book", coach=str(world.coach.id)))

    assert [label for label in labels(panel) if ":" in label] == ["11:00", "15:30", "16:00"]


async def test_a_voice_only_coach_gets_rooms_without_camera(world: Academy) -> None:
    await fill(world.coach, await rules(world), "Sessions…", {ROOMS: ["voice"]})
    booked = await world.book(world.student, "14:00")
    await world.leap_to(booked.starts_at - world.minutes(4))

    room = world.room(booked.code)

    assert room is not None
    assert world.may(world.student, room, "connect", "speak")
    assert not world.may(world.student, room, "stream")


async def test_a_daily_limit_ends_the_day_for_everybody(world: Academy) -> None:
    await fill(world.coach, await rules(world), "Notice and limits…", {DAILY: "1", HORIZON: "1 day"})
    await world.book(world.student, "14:00")

    panel = reply(await world.other_student.slash(world.lobby, "book", coach=str(world.coach.id)))

    assert "Tuesday, 3 March" in words(panel)


REFUSED_SESSIONS = [
    ({LENGTHS: "an eternity"}, 'I can\'t read "an eternity" as a length of time.'),
    ({LENGTHS: "60, 4"}, '"4" isn\'t a session length.'),
    ({LENGTHS: "721"}, '"721" isn\'t a session length.'),
    ({LENGTHS: ","}, "You typed 0 lengths."),
    ({LENGTHS: "5,10,15,20,25,30,35,40,45,50,55"}, "You typed 11 lengths."),
    ({STEP: "4 min"}, "The gap between start times can be 5 minutes to 12 hours."),
    ({STEP: "13h"}, "The gap between start times can be 5 minutes to 12 hours."),
    ({BEFORE: "361 min"}, "A buffer can be up to 6 hours."),
    ({AFTER: "7h"}, "A buffer can be up to 6 hours."),
    ({AFTER: "-5"}, 'I can\'t read "-5" as a length of time.'),
]
REFUSED_LIMITS = [
    ({NOTICE: "61 days"}, "The minimum notice can be up to 60 days."),
    ({NOTICE: "soon"}, 'I can\'t read "soon" as a length of time.'),
    ({HORIZON: "none"}, "The booking horizon can be 1 to 365 days."),
    ({HORIZON: "366 days"}, "The booking horizon can be 1 to 365 days."),
    ({HORIZON: "36 hours"}, "isn't a whole number of days."),
    ({DAILY: "0"}, "The daily limit can be 1 to 50 sessions."),
    ({DAILY: "51"}, "The daily limit can be 1 to 50 sessions."),
    ({WEEKLY: "201"}, "The weekly limit can be 1 to 200 sessions."),
    ({WEEKLY: "many"}, '"many" isn\'t a number of sessions.'),
    ({WEEKLY: "²"}, '"²" isn\'t a number of sessions.'),
]


@pytest.mark.parametrize(
    ("button", "refused"), [("Sessions…", REFUSED_SESSIONS), ("Notice and limits…", REFUSED_LIMITS)]
)
async def test_rules_that_nobody_can_keep_to_are_refused_with_what_to_do(
    world: Academy, button: str, refused: list[tuple[dict[str, str], str]]
) -> None:
    panel = await rules(world)
    before = await rows(world)

    for typed, sentence in refused:
        said = words(await fill(world.coach, panel, button, typed))
        assert sentence in said, typed
        assert "Fix it" in said

    assert await rows(world) == before


async def test_a_refused_form_keeps_all_that_was_typed_and_chosen(world: Academy) -> None:
    typed = {LENGTHS: "60", ROOMS: ["voice"], STEP: "1 minute", BEFORE: "10", AFTER: "none"}

    refusal = await fill(world.coach, await rules(world), "Sessions…", typed)
    again = await form(world.coach, refusal, "Fix it")
    panel = await send(world.coach, again, {STEP: "10 minutes"})

    assert held(again) == typed
    assert "**Lengths** 60 min · **rooms** voice only" in words(panel)
    assert "**Buffers** 10 minutes before, none after" in words(panel)


async def test_a_limit_is_taken_off_by_emptying_its_field(world: Academy) -> None:
    panel = await fill(world.coach, await rules(world), "Notice and limits…", {DAILY: "1", WEEKLY: "1"})
    assert "**Limits** 1 a day, 1 a week" in words(panel)

    panel = await fill(world.coach, panel, "Notice and limits…", {DAILY: "", WEEKLY: "unlimited"})

    assert "**Limits** no limit a day, no limit a week" in words(panel)


async def coach(world: Academy) -> tuple[Any, ...]:
    """All that stands on the coach's row."""
    async with world.db.read() as session:
        found = await session.get_one(Coach, (world.guild.id, world.coach.id))
        return tuple(getattr(found, column.key) for column in Coach.__table__.columns)
