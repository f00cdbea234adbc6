"""Changing the time zone of a coach's hours."""

from typing import Any

from tests.support.simulated import Academy, reply, words
from tests.support.steps import alt_text, fill, form, held, labels, press, rows, send, week

PLACE = "City or time zone"
OFFICE = "09:00-12:00 free, 13:30-17:00 free"


async def ask(world: Academy, place: str) -> Any:
    """Enter a new zone, and return the question that follows."""
    return await fill(world.coach, await week(world), "Zone…", {PLACE: place})


async def offered_on_tuesday(world: Academy) -> list[str]:
    """Return the times a student sees, in Berlin."""
    panel = reply(await world.student.slash(world.lobby, "book", coach=str(world.coach.id)))
    panel = reply(await world.student.select(panel, ["739678"], custom_id=f"book:day:{world.coach.id}:60:0"))
    assert "Tuesday, 3 March" in words(panel)
    return [label for label in labels(panel) if ":" in label]


async def test_a_new_zone_changes_nothing_before_the_question_is_answered(world: Academy) -> None:
    before = await rows(world)

    question = await ask(world, "San Francisco")

    assert "### From Europe/Berlin to America/Los_Angeles" in words(question)
    assert "It's Monday, 00:00 there now." in words(question)
    assert await rows(world) == before
    panel = await press(world.coach, question, "◀ Back")
    assert "**Europe/Berlin**" in words(panel)


async def test_hours_can_keep_their_clock_times(world: Academy) -> None:
    panel = await press(world.coach, await ask(world, "Lisbon"), "Keep clock times")

    assert "✅ Your hours are now in Europe/Lisbon." in words(panel)
    assert alt_text(panel)["Tue 3 Mar"] == OFFICE
    assert (await offered_on_tuesday(world))[0] == "10:00"  # an hour later in Berlin


async def test_hours_can_keep_their_actual_times(world: Academy) -> None:
    before = await offered_on_tuesday(world)

    panel = await press(world.coach, await ask(world, "Mumbai"), "Keep actual times")

    assert "Times in **Asia/Kolkata**." in words(panel)
    assert alt_text(panel)["Tue 3 Mar"] == "13:30-16:30 free, 18:00-21:30 free"
    assert await offered_on_tuesday(world) == before


async def test_single_dates_can_keep_their_actual_times(world: Academy) -> None:
    panel = await fill(world.coach, await week(world), "Days off…", {"From": "wed", "Reason": "Ill"})
    panel = await fill(world.coach, panel, "Extra hours…", {"Date": "sat", "Hours": "22-24"})

    panel = await press(world.coach, await ask(world, "Asia/Kolkata"), "Keep actual times")

    said = alt_text(panel)
    assert said["Wed 4 Mar"] == "day off (Ill)"
    assert (said["Sat 7 Mar"], said["Sun 8 Mar"]) == ("no hours", "02:30-04:30 free")


async def test_an_unknown_place_is_refused_and_can_be_fixed(world: Academy) -> None:
    before = await rows(world)

    assert 'Several cities are called "Springfield"' in words(await ask(world, "Springfield"))
    refusal = await ask(world, "Mars")
    assert 'I don\'t know the time zone "Mars".' in words(refusal)
    again = await form(world.coach, refusal, "Fix it")
    question = await send(world.coach, again, {PLACE: "Beijing"})

    assert held(again) == {PLACE: "Mars"}
    assert "to Asia/Shanghai" in words(question)
    assert await rows(world) == before


async def test_students_see_the_coachs_zone_when_they_confirm(world: Academy) -> None:
    await press(world.coach, await ask(world, "Lisbon"), "Keep actual times")

    panel = await world.about_to_confirm(world.student, "14:00")

    assert "Mon 14:00 in Europe/Berlin · Mon 13:00 in Europe/Lisbon, where your coach is" in words(panel)
