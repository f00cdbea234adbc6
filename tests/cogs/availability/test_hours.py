"""Weekly hours in `/availability`."""

import datetime as dt
from typing import Any

from models import AvailabilityRule
from tests.support.simulated import Academy, reply, words
from tests.support.steps import alt_text, fill, form, held, labels, press, rows, send, week

OFFICE = "09:00-12:00 free, 13:30-17:00 free"


async def new_coach(world: Academy) -> Any:
    """Approve a coach who has no hours yet."""
    await world.apply(world.outsider)
    await world.admin.click(world.card, label="Approve")
    return world.outsider


async def test_a_new_coach_reads_what_to_do_first(world: Academy) -> None:
    panel = await week(world, await new_coach(world))

    assert "No hours yet. Pick days, then press a preset or type your hours." in words(panel)
    assert "**Europe/Berlin**" in words(panel)


async def test_the_command_with_days_and_hours_sets_them(world: Academy) -> None:
    coach = await new_coach(world)

    panel = reply(await coach.slash(world.lobby, "availability", days="Mon-Wed", hours="9-12, 13:30-17"))

    assert "✅ Set Mon–Wed: 09:00–12:00, 13:30–17:00" in words(panel)
    opened = [day for day, said in alt_text(panel).items() if said == OFFICE]
    assert opened == ["Mon 2 Mar", "Tue 3 Mar", "Wed 4 Mar"]


async def test_presets_add_to_the_picked_days(world: Academy) -> None:
    coach = await new_coach(world)

    panel = reply(await coach.select(await week(world, coach), ["1", "3"]))
    panel = await press(coach, panel, "Morning 08:00–12:00")
    assert "✅ Added 08:00–12:00 on Tue, Thu." in words(panel)
    panel = await press(coach, panel, "Evening 17:00–21:00")

    said = alt_text(panel)
    assert said["Mon 2 Mar"] == "no hours"
    assert said["Tue 3 Mar"] == said["Thu 5 Mar"] == "08:00-12:00 free, 17:00-21:00 free"


async def test_a_server_has_its_own_presets(world: Academy) -> None:
    defaults = reply(await world.admin.slash(world.lobby, "coaching defaults"))

    await fill(world.admin, defaults, "Presets…", {"Presets, one per line": "Early bird 5-7\nLate *owl* 20-24"})
    panel = await week(world)

    assert {"Early bird 05:00–07:00", "Late *owl* 20:00–24:00"} < set(words(panel).splitlines())
    assert "Morning" not in words(panel)
    panel = await press(world.coach, panel, "Late *owl* 20:00–24:00")
    assert alt_text(panel)["Fri 6 Mar"] == f"{OFFICE}, 20:00-24:00 free"


async def test_a_button_of_a_changed_preset_is_refused(world: Academy) -> None:
    panel = await week(world)
    defaults = reply(await world.admin.slash(world.lobby, "coaching defaults"))
    await fill(world.admin, defaults, "Presets…", {"Presets, one per line": "Early bird 5-7"})
    before = await rows(world)

    answers = [await press(world.coach, panel, label) for label in ("Morning 08:00–12:00", "Evening 17:00–21:00")]

    for answer in answers:
        assert words(answer) == "This preset has changed. Run `/availability` again."
    assert await rows(world) == before


async def test_the_form_holds_the_hours_of_the_picked_days(world: Academy) -> None:
    panel = await week(world)

    working_days = await form(world.coach, panel, "Edit hours…")
    panel = reply(await world.coach.select(panel, ["0", "6"]))
    mixed = await form(world.coach, panel, "Edit hours…")

    assert held(working_days) == {"Days": "Mon–Fri", "Hours": "09:00–12:00, 13:30–17:00"}
    assert held(mixed) == {"Days": "Mon, Sun", "Hours": ""}


async def test_an_unchanged_form_can_be_sent(world: Academy) -> None:
    await world.coach.slash(world.lobby, "availability", days="weekends", hours="closed")
    panel = reply(await world.coach.select(await week(world), ["5", "6"]))

    panel = await fill(world.coach, panel, "Edit hours…", {})

    assert "Nothing changed: it was already like that." in words(panel)
    assert await world.count(AvailabilityRule) == 10


async def test_typed_hours_replace_a_days_hours(world: Academy) -> None:
    panel = await fill(
        world.coach, await week(world), "Edit hours…", {"Days": "Sat, Mon", "Hours": "9am-noon, 1-5pm"}
    )

    said = alt_text(panel)
    assert "✅ Set Mon, Sat: 09:00–12:00, 13:00–17:00" in words(panel)
    assert said["Mon 2 Mar"] == said["Sat 7 Mar"] == "09:00-12:00 free, 13:00-17:00 free"
    assert said["Tue 3 Mar"] == OFFICE
    assert "Clear Mon, Sat" in words(panel)  # the typed days are picked now


async def test_refused_hours_can_be_fixed(world: Academy) -> None:
    before = await rows(world)

    refusal = await fill(world.coach, await week(world), "Edit hours…", {"Days": "Sat", "Hours": "9am to lunch"})
    assert 'I can\'t read "9am to lunch" as hours.' in words(refusal)
    assert await rows(world) == before
    again = await form(world.coach, refusal, "Fix it")
    assert held(again) == {"Days": "Sat", "Hours": "9am to lunch"}
    panel = await send(world.coach, again, {"Hours": "9am to 1pm"})

    assert alt_text(panel)["Sat 7 Mar"] == "09:00-13:00 free"


async def test_unreadable_days_and_hours_are_reported_together(world: Academy) -> None:
    refusal = words(
        await fill(world.coach, await week(world), "Edit hours…", {"Days": "someday", "Hours": "noon"})
    )

    assert '⚠️ **Days:** I can\'t read "someday" as days.' in refusal
    assert '\n**Hours:** I can\'t read "noon" as hours.' in refusal


async def test_a_day_can_be_copied_to_others(world: Academy) -> None:
    await world.coach.slash(world.lobby, "availability", days="Tue", hours="6-8, 20-24")
    panel = reply(await world.coach.select(await week(world), ["1"]))

    opened = await form(world.coach, panel, "Copy a day…")
    panel = await send(world.coach, opened, {"To these days": ["Sat", "Mon"]})

    assert held(opened)["Copy the hours of"] == ["Tue"]
    assert "✅ Copied the hours of Tue to Mon, Sat." in words(panel)
    said = alt_text(panel)
    assert said["Mon 2 Mar"] == said["Tue 3 Mar"] == said["Sat 7 Mar"] == "06:00-08:00 free, 20:00-24:00 free"
    assert said["Wed 4 Mar"] == OFFICE


async def test_clear_removes_the_hours_of_the_picked_days(world: Academy) -> None:
    panel = reply(await world.coach.select(await week(world), ["0", "4"]))

    panel = await press(world.coach, panel, "Clear Mon, Fri")

    said = alt_text(panel)
    assert "✅ Cleared Mon, Fri." in words(panel)
    assert (said["Mon 2 Mar"], said["Tue 3 Mar"], said["Fri 6 Mar"]) == ("no hours", OFFICE, "no hours")


async def test_other_weeks_keep_the_picked_days(world: Academy) -> None:
    panel = reply(await world.coach.select(await week(world), ["2"]))

    panel = await press(world.coach, panel, "▶")
    panel = await press(world.coach, panel, "▶")
    assert "Monday, 16 March 2026 – Sunday, 22 March 2026" in words(panel)
    assert next(iter(alt_text(panel))) == "Mon 16 Mar"
    panel = await fill(world.coach, panel, "Edit hours…", {"Hours": "10-11"})
    assert alt_text(panel)["Wed 18 Mar"] == "10:00-11:00 free"
    panel = await press(world.coach, panel, "Clear Wed")
    assert alt_text(panel)["Wed 18 Mar"] == "no hours"
    panel = await press(world.coach, panel, "This week")
    assert "Monday, 2 March 2026 – Sunday, 8 March 2026" in words(panel)
    assert "Clear Wed" in labels(panel)
    panel = await press(world.coach, panel, "◀")

    assert "Monday, 23 February 2026 – Sunday, 1 March 2026" in words(panel)
    assert "This week is over. Times in" in words(panel)


async def test_an_old_panel_shows_the_current_week(world: Academy) -> None:
    panel = await week(world)
    await world.leap_to(world.now + dt.timedelta(days=7))

    panel = await press(world.coach, panel, "Clear Mon–Fri")

    assert "Monday, 9 March 2026 – Sunday, 15 March 2026" in words(panel)


async def test_weeks_at_the_ends_of_the_calendar_can_be_shown(world: Academy) -> None:
    answers = [
        await world.press_custom_id(world.coach, custom_id)
        for ordinal in (1, 7, 2**62)
        for custom_id in (f"availability:show:{ordinal}:31", f"availability:cleardates:{ordinal}:{ordinal}:0:31")
    ]

    for answer in answers:
        assert "### Your hours · Monday" in words(reply(answer))


REFUSED = [
    ({"days": "Mon-Fri", "hours": "soon"}, 'I can\'t read "soon" as hours.'),
    ({"days": "Mon-Fri", "hours": "17-9"}, '"17-9" ends before it starts.'),
    ({"days": "someday", "hours": "9-12"}, 'I can\'t read "someday" as days.'),
    ({"days": "Mon-Fri", "hours": "9-25"}, '"25" isn\'t a time.'),
    ({"days": "Mon-Fri"}, "Give both days and hours"),
    ({"hours": "9-12"}, "Give both days and hours"),
]


async def test_unreadable_hours_are_refused_and_change_nothing(world: Academy) -> None:
    before = await rows(world)

    for options, sentence in REFUSED:
        assert sentence in words(reply(await world.coach.slash(world.lobby, "availability", **options)))

    assert await rows(world) == before
