"""Refused forms: each problem names its field, unless the form has only one."""

from itertools import takewhile
from typing import Any

import pytest
from simcord.components import walk_components

from tests.cogs.authorization.people import Stage, stage_of
from tests.cogs.authorization.rows import FORMS
from tests.support.parameters import first_plain
from tests.support.simulated import Academy, reply, words
from tests.support.steps import held

_TEXT_FIELD = 4


async def refusal(stage: Stage, template: str, typed: str) -> tuple[int, list[str]] | None:
    """Type this into all text fields. Return how many fields the form has and what's wrong, if it's refused."""
    opened: Any = await stage.opened(template)
    fields, row = held(opened), FORMS[template]
    controls = walk_components(opened.modal["components"])
    filled = {one["custom_id"]: typed for one in controls if one["type"] == _TEXT_FIELD}
    answer = reply(await stage.send(row.someone_allowed, stage.custom_id(template, row), fields | filled))
    said = words(answer)
    if not said.startswith("⚠️ "):
        return None
    after = {"Fix it", *(f"**{name}**" for name in fields)}
    return len(fields), list(takewhile(lambda line: line not in after, said.removeprefix("⚠️ ").splitlines()))


@pytest.mark.slow
@pytest.mark.parametrize(("typed", "of_one_field", "of_several"), first_plain([("?", 10, 23), (" ", 14, 22)]))
async def test_problems_name_their_fields_in_forms_with_several(
    world: Academy, typed: str, of_one_field: int, of_several: int
) -> None:
    stage, refusals = await stage_of(world), list[tuple[int, list[str]]]()
    rows = await stage.rows()

    for template in FORMS:
        if (found := await refusal(stage, template, typed)) is not None:
            refusals.append(found)
        else:
            await stage.put_back(rows)

    alone = [lines for count, lines in refusals if count == 1]
    assert [line for lines in alone for line in lines if line.startswith("**")] == []
    among_others = [lines for count, lines in refusals if count > 1]
    assert [line for lines in among_others for line in lines if not line.startswith("**")] == []
    assert (len(alone), len(among_others)) == (of_one_field, of_several)


async def test_every_invalid_line_of_a_list_is_reported(world: Academy) -> None:
    stage = await stage_of(world)

    _, presets = await refusal(stage, "defaults:presets", "8-12\nMorning 8-12\nLunch 12-25") or (0, [])
    _, sessions = await refusal(stage, "defaults:sessions", "60, 3, soon") or (0, [])

    assert presets == [
        'I can\'t read "8-12" as a preset. Type a name and its hours, like "Morning 8-12".',
        '"25" isn\'t a time. Type one from 0:00 to 24:00.',
    ]
    label = "**Lengths in minutes, default first:** "
    assert [line.removeprefix(label).split(".")[0] for line in sessions if line.startswith(label)] == [
        '"3" isn\'t a session length',
        'I can\'t read "soon" as a length of time',
    ]
