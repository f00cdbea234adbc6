"""`/coaching specialties`: changing what can be taught, and the coaches this affects."""

from typing import Any

import pytest
from simcord.components import walk_components

from models import Guild
from tests.support.simulated import APPLICATION, Academy, reply, words
from tests.support.steps import fill, form, held, labels, press, rows, send

NAMES, NAME, TEACHES = "Names, one per line", "New name", "What you teach"


async def the_list(world: Academy) -> Any:
    return reply(await world.admin.slash(world.lobby, "coaching specialties"))


async def choose(person: Any, message: Any, label: str) -> Any:
    """Pick this option in whichever select has it, and return what's shown then."""
    [(custom_id, value)] = [
        (one["custom_id"], option["value"])
        for one in walk_components(message.components)
        for option in one.get("options") or ()
        if option["label"] == label
    ]
    return reply(await person.select(message, [value], custom_id=custom_id))


async def pick(world: Academy, name: str) -> Any:
    """Open one specialty from the list."""
    return await choose(world.admin, await the_list(world), name)


async def test_admins_add_names_and_coaches_choose_from_them(world: Academy) -> None:
    await world.set_up()

    panel = await fill(world.admin, await the_list(world), "Add…", {NAMES: "Violin\n*Viola*"})

    assert "14 of 25" in words(panel)
    assert "✅ Added Violin and \\*Viola\\*." in words(panel)
    assert "- \\*Viola\\*" in words(panel)
    await world.apply(world.coach, **{TEACHES: ["Violin", "*Viola*"]})
    assert "**Teaches** Violin, \\*Viola\\*" in words(world.card)


async def test_a_new_name_appears_on_cards_and_in_the_filter(open_world: Academy) -> None:
    world = open_world
    await world.apply(world.other_student)

    opened = await form(world.admin, await pick(world, "Mixing"), "Rename…")
    panel = await send(world.admin, opened, {NAME: "Mixing records"})

    assert held(opened) == {NAME: "Mixing"}
    assert "- Mixing records · 2 coaches" in words(panel)
    assert "**Teaches** Mixing records, Mastering" in words(world.card)
    found = reply(await world.student.slash(world.lobby, "book", specialty="mixing records"))
    assert world.coach.mention in words(found)


async def test_removing_a_taught_specialty_first_says_who_loses_it(open_world: Academy) -> None:
    world = open_world
    await world.apply(world.other_student, **{TEACHES: ["Mixing"]})

    question = await press(world.admin, await pick(world, "Mixing"), "Remove…")
    for part in (
        "### Remove Mixing?",
        f"2 people lose it: {world.coach.mention} and {world.other_student.mention}.",
        f"This leaves {world.other_student.mention} without a specialty.",
    ):
        assert part in words(question)
    kept = await press(world.admin, question, "Keep it")
    assert "- Mixing · 2 coaches" in words(kept)
    question = await press(world.admin, await pick(world, "Mixing"), "Remove…")
    panel = await press(world.admin, question, "Remove it")

    assert "✅ Removed." in words(panel)
    assert "Mixing" not in words(panel)
    assert "**Teaches** no listed specialty" in words(world.card)
    await world.admin.click(world.card, label="Approve")
    await world.other_student.slash(world.lobby, "availability", days="Mon", hours="10-16")
    listed = words(reply(await world.student.slash(world.lobby, "book")))
    assert world.other_student.mention in listed
    assert "no listed specialty" in listed


async def test_a_coach_who_began_to_teach_it_meanwhile_is_asked_about_too(open_world: Academy) -> None:
    world = open_world
    question = await press(world.admin, await pick(world, "Mixing"), "Remove…")
    assert "1 person loses it" in words(question)
    await world.apply(world.other_student)

    asked = await press(world.admin, question, "Remove it")

    assert "2 people lose it" in words(asked)
    assert world.other_student.mention in words(asked)


async def test_a_specialty_nobody_teaches_takes_one_press_to_remove(open_world: Academy) -> None:
    panel = await pick(open_world, "Guitar")
    assert "Nobody teaches this." in words(panel)

    panel = await press(open_world.admin, panel, "Remove")

    assert "11 of 25" in words(panel)
    assert "Guitar" not in words(panel)


async def test_the_second_of_two_admins_hears_that_it_is_gone(open_world: Academy) -> None:
    world = open_world
    first, second = await pick(world, "Guitar"), await pick(world, "Guitar")
    opened = await form(world.admin, second, "Rename…")

    await press(world.admin, first, "Remove")

    gone = "This specialty is no longer on the list."
    assert gone in words(await press(world.admin, second, "Remove"))
    assert gone in words(await send(world.admin, opened, {NAME: "Bass"}))


async def test_an_application_open_during_a_change_keeps_the_rest(world: Academy) -> None:
    await world.set_up()
    opened = await world.coach.slash(world.lobby, "coach apply")
    await fill(world.admin, await pick(world, "Mixing"), "Rename…", {NAME: "Mixing records"})

    refused = reply(await world.coach.submit_modal(opened, APPLICATION))
    again = await form(world.coach, refused, "Fix it")

    assert '"Mixing" is no longer taught here. Choose from the list again.' in words(refused)
    assert held(again) == APPLICATION | {TEACHES: ["Mastering"]}
    assert "Thank you!" in words(await send(world.coach, again, {TEACHES: ["Mixing records"]}))


async def test_filtering_by_a_removed_specialty_finds_nobody(open_world: Academy) -> None:
    world = open_world
    listed = reply(await world.student.slash(world.lobby, "book"))
    await press(world.admin, await press(world.admin, await pick(world, "Mixing"), "Remove…"), "Remove it")

    found = await choose(world.student, listed, "Mixing")

    assert "Nobody teaches this at the moment." in words(found)


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("mixing", '"mixing" is already on the list. Type another name.'),
        ("Violin\n" + "x" * 51, "is too long. Shorten it to 50 characters."),
        (
            "\n".join(f"Skill {number}" for number in range(14)),
            "A server can have up to 25 specialties, and 12 are",
        ),
    ],
)
async def test_invalid_names_are_refused_and_stay_typed(world: Academy, typed: str, sentence: str) -> None:
    panel = await the_list(world)
    before = await rows(world)

    refused = await fill(world.admin, panel, "Add…", {NAMES: typed})

    assert sentence in words(refused)
    assert await rows(world) == before
    assert held(await form(world.admin, refused, "Fix it")) == {NAMES: typed}


async def test_25_specialties_with_the_longest_names_fit_everywhere(world: Academy) -> None:
    await world.set_up()
    longest = [f"{letter}{'*' * 49}" for letter in "ABCDEFGHIJKLM"]

    panel = await fill(world.admin, await the_list(world), "Add…", {NAMES: "\n".join(longest)})

    assert "25 of 25" in words(panel)
    assert "Add…" not in labels(panel)
    refused = reply(await world.apply(world.coach, **{TEACHES: longest, "Rate per hour": "x"}))
    await form(world.coach, refused, "Fix it")
    await world.apply(world.coach, **{TEACHES: longest})
    assert "Remove…" in labels(await pick(world, longest[0]))
    reply(await world.student.slash(world.lobby, "book"))


async def test_the_panel_and_its_forms_survive_a_restart(world: Academy) -> None:
    panel = await the_list(world)
    opened = await form(world.admin, panel, "Add…")
    await world.restart()

    panel = await send(world.admin, opened, {NAMES: "Violin"})
    one = await choose(world.admin, panel, "Violin")
    await world.restart()
    panel = await press(world.admin, one, "Remove")

    assert "12 of 25" in words(panel)
    assert await world.count(Guild) == 1
