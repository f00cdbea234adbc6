"""`/coaching defaults`: presets for coaches, and the rules new coaches start with."""

from typing import Any

import discord
import pytest

from models import Guild
from tests.cogs.availability.test_booking_policy import BEFORE, DAILY, HORIZON, LENGTHS, NOTICE, STEP
from tests.support.parameters import first_plain
from tests.support.simulated import Academy, reply, words
from tests.support.steps import another_coach, fill, form, held, labels, press, rows, send, week

PRESETS = "Presets, one per line"
ADMINS_ONLY = "Only admins can do this."
ALL = discord.Permissions.all()
FORMS = {
    "defaults:sessions": {
        LENGTHS: "45",
        "Rooms": "Voice only",
        STEP: "15",
        BEFORE: "none",
        "Buffer after": "none",
    },
    "defaults:limits": {NOTICE: "1 day", HORIZON: "7 days", DAILY: "", "Weekly limit": ""},
    "defaults:presets": {PRESETS: "Night 0-6"},
}


async def defaults(world: Academy) -> Any:
    return reply(await world.admin.slash(world.lobby, "coaching defaults"))


async def test_the_initial_defaults_are_shown_without_storing_anything(world: Academy) -> None:
    panel = await defaults(world)

    said = words(panel)
    assert "**Lengths** 30, 60, 90 min (60 by default)" in said
    assert "**Minimum notice** 2 hours" in said
    assert "Morning 08:00–12:00\n" in said
    assert held(await form(world.admin, panel, "Presets…")) == {
        PRESETS: "Morning 08:00–12:00\nAfternoon 12:00–17:00\nEvening 17:00–21:00"
    }
    assert await world.count(Guild) == 0


@pytest.mark.parametrize("who", first_plain(["student", "coach", "outsider"]))
async def test_only_admins_see_or_change_the_defaults(open_world: Academy, who: str) -> None:
    world = open_world
    person = getattr(world, who)
    before = await rows(world)

    asked = [await person.slash(world.lobby, "coaching defaults")]
    asked += [await world.press_custom_id(person, custom_id) for custom_id in FORMS]
    asked += [await world.press_custom_id(person, f"fix:{custom_id}") for custom_id in FORMS]
    asked += [await world.send_custom_id(person, custom_id, typed) for custom_id, typed in FORMS.items()]

    for answer in asked:
        assert answer.modal is None
        assert ADMINS_ONLY in words(reply(answer))
    assert await rows(world) == before


async def test_members_with_the_admin_role_can_change_the_defaults(world: Academy) -> None:
    helpers = world.guild.create_role("Helpers")
    helper = world.guild.add_member(world.env.create_user("hal"), roles=[helpers])
    await world.choose(admin_role_id=helpers.id)

    panel = reply(await helper.slash(world.lobby, "coaching defaults"))
    panel = await fill(helper, panel, "Presets…", {PRESETS: "Night 0-6"})

    assert "✅ Saved." in words(panel)
    assert "Night 00:00–06:00" in words(panel)


async def test_new_coaches_start_with_new_rules_and_others_keep_theirs(open_world: Academy) -> None:
    world = open_world
    panel = await defaults(world)

    panel = await fill(world.admin, panel, "Sessions…", {LENGTHS: "45, 20", STEP: "15 min", BEFORE: "10"})
    panel = await fill(world.admin, panel, "Notice and limits…", {NOTICE: "1 day", HORIZON: "1 week", DAILY: "3"})
    assert "**Lengths** 20, 45 min (45 by default)" in words(panel)
    assert "Existing coaches keep their rules" in words(panel)
    await another_coach(world, world.outsider)

    new = words(await press(world.outsider, await week(world, world.outsider), "Rules"))
    old = words(await press(world.coach, await week(world), "Rules"))
    assert "**Lengths** 20, 45 min (45 by default)" in new
    assert "**Start every** 15 minutes" in new
    assert "**Buffers** 10 minutes before" in new
    assert "**Minimum notice** 1 day · **Booking horizon** 7 days" in new
    assert "**Limits** 3 a day" in new
    assert "**Lengths** 30, 60, 90 min (60 by default)" in old
    assert "**Minimum notice** 2 hours · **Booking horizon** 28 days" in old


async def test_applicants_keep_the_rules_they_applied_with(world: Academy) -> None:
    await world.set_up()
    await world.apply(world.coach)
    await fill(world.admin, await defaults(world), "Sessions…", {LENGTHS: "45"})

    await world.apply(world.coach, **{"About you": "I mix well."})
    await world.admin.click(world.card, label="Approve")

    assert "60 by default" in words(await press(world.coach, await week(world), "Rules"))


async def test_presets_belong_to_one_server(world: Academy) -> None:
    elsewhere = world.env.create_guild("Elsewhere")
    hall = elsewhere.create_text_channel("hall")
    owner = elsewhere.add_member(world.admin.user, roles=[elsewhere.create_role("Boss", permissions=ALL)])
    await fill(world.admin, await defaults(world), "Presets…", {PRESETS: "Night 0-6"})

    there = reply(await owner.slash(hall, "coaching defaults"))

    assert "Morning 08:00–12:00" in words(there)
    assert "Night" not in words(there)


REFUSED = [
    ("morning person", 'I can\'t read "morning person" as a preset.'),
    ("8-12", 'I can\'t read "8-12" as a preset.'),
    ("Morning 8-12, 14-15", "isn't a single range of hours. Type a name and one range"),
    ("Morning 12-8", '"12-8" ends before it starts.'),
    ("A name longer than twenty characters 8-12", "can't be a preset's name."),
    ("Early 5-6\nEARLY 6-7", "Rename one of them."),
    ("\n".join(f"Preset{name} 8-12" for name in "abcdef"), "You typed 6 presets. Type 1 to 5"),
    (" ", "You typed 0 presets."),
]


async def test_invalid_presets_are_refused(world: Academy) -> None:
    panel = await defaults(world)
    before = await rows(world)

    for typed, sentence in REFUSED:
        refusal = words(await fill(world.admin, panel, "Presets…", {PRESETS: typed}))
        assert sentence in refusal
        assert "Fix it" in refusal

    assert await rows(world) == before


async def test_refused_presets_can_be_fixed(world: Academy) -> None:
    typed = "Early 5-8\n*Late* 23-20"

    refusal = await fill(world.admin, await defaults(world), "Presets…", {PRESETS: typed})
    again = await form(world.admin, refusal, "Fix it")
    panel = await send(world.admin, again, {PRESETS: "Early 5-8\n*Late* 20-23"})

    assert held(again) == {PRESETS: typed}
    assert "Early 05:00–08:00" in words(panel)
    assert "\\*Late\\* 20:00–23:00" in words(panel)


async def test_invalid_rules_are_refused(world: Academy) -> None:
    panel = await defaults(world)
    before = await rows(world)

    for button, typed, sentence in (
        ("Sessions…", {STEP: "1 minute"}, "**Sessions start every:** Type 5 minutes to 12 hours."),
        ("Notice and limits…", {HORIZON: "2 years"}, "I can't read"),
        ("Notice and limits…", {DAILY: "0"}, '**Daily limit:** Type 1 to 50 sessions, or "no limit".'),
    ):
        assert sentence in words(await fill(world.admin, panel, button, typed))

    assert await rows(world) == before


async def test_the_panel_and_its_forms_work_after_a_restart(world: Academy) -> None:
    panel = await defaults(world)
    opened = await form(world.admin, panel, "Notice and limits…")
    await world.restart()

    saved = await send(world.admin, opened, {DAILY: "2"})
    saved = await fill(world.admin, saved, "Presets…", {PRESETS: "Night 0-6"})

    assert {"Sessions…", "Notice and limits…", "Presets…", "Give these rules to all coaches…"} == labels(
        saved
    ).keys()
    assert "**Limits** 2 a day" in words(saved)


async def test_rules_given_to_all_coaches_can_be_undone_by_each(open_world: Academy) -> None:
    world = open_world
    booked = await world.book(world.student, "11:00")
    panel = await fill(world.admin, await defaults(world), "Notice and limits…", FORMS["defaults:limits"])

    asked = await press(world.admin, panel, "Give these rules to all coaches…")
    assert "This replaces the rules of 1 coach." in words(asked)
    assert "h open**" in words(await week(world))
    given = await press(world.admin, asked, "Replace their rules")
    await world.wait_until(world.now + world.minutes(1))

    assert "✅ 1 more coach now has these rules." in words(given)
    assert "An admin gave all coaches the same booking rules" in world.dms(world.coach)[-1]
    assert "**Minimum notice** 1 day" in words(await press(world.coach, await week(world), "Rules"))
    undone = await press(world.coach, await week(world), "Undo")
    assert "**Minimum notice** 2 hours" in words(await press(world.coach, undone, "Rules"))
    assert [one.id for one in await world.sessions()] == [booked.id]


async def test_giving_rules_that_all_coaches_have_changes_nothing(open_world: Academy) -> None:
    world = open_world

    panel = await press(world.admin, await defaults(world), "Give these rules to all coaches…")

    assert "All coaches already have these rules." in words(panel)
