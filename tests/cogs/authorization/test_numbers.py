"""Numbers that are too large, too small or too long are answered with a sentence, never an internal error."""

import re
from collections.abc import Iterator
from typing import Any, cast

import pytest
from discord import AppCommandOptionType, app_commands
from simcord.backend.errors import OptionError
from simcord.components import walk_components

from bot.app import CoachBot
from cogs.ui import FIX
from tests.cogs.authorization.people import stage_of
from tests.cogs.authorization.rows import COMMANDS, FORMS, PRESSES, REOPENED, Row
from tests.support.simulated import Academy, reply, words
from tests.support.steps import held

OUR_FAULT = "Something went wrong"
_FIELD = 4
LONG = "9" * 4_400
"""More digits than Python converts to a number by default."""
TEXTS = (str(2**63), "9" * 19, "9" * 20, LONG, "0", "-1", "-9999999999999999999", "1e999", "٣" * 25, "²")
"""Texts typed in place of a number. The last two are digits to Python, but not to us."""
WHOLE = (0, -1, 2**53, 2**63 - 1, 2**63, 10**30, -(2**63) - 1)
"""Whole numbers that a tampered client can send."""
IN_A_PRESS = ("0", "-1", str(2**63 - 1), str(2**63), "9" * 19, "9" * 20, "9" * 60)
"""Numbers that fit into a `custom_id`, which has at most 100 characters."""


def is_our_fault(answer: Any) -> bool:
    return not answer.modal and words(reply(answer)).startswith(OUR_FAULT)


@pytest.mark.parametrize("values", ["some", pytest.param("all", marks=pytest.mark.slow)])
async def test_every_option_of_every_command_takes_any_number(world: Academy, values: str) -> None:
    stage = await stage_of(world)
    bot = cast("CoachBot", world.env.bot)
    texts, whole = (TEXTS, WHOLE) if values == "all" else (TEXTS[2:4], WHOLE[-1:])
    given = {AppCommandOptionType.string: texts, AppCommandOptionType.integer: whole}
    tried: set[str] = set()
    wrong: list[str] = []

    for command in bot.tree.walk_commands():
        options = command.parameters if isinstance(command, app_commands.Command) else ()
        for option, value in ((one, value) for one in options for value in given.get(one.type, ())):
            name, row = command.qualified_name, COMMANDS[command.qualified_name]
            try:
                answer = await stage.command(row.someone_allowed, name, row.options | {option.name: value})
            except OptionError:
                continue  # Discord itself refuses it from any client
            tried.add(f"/{name} {option.name}")
            if is_our_fault(answer):
                wrong.append(f"/{name} {option.name}:{str(value)[:25]}")
    world.faults.read()
    assert wrong == []
    assert tried >= {
        "/book coach",
        "/book specialty",
        "/availability days",
        "/timezone place",
        "/coaching session code",
        "/coaching set setting",
        "/coaching set value",
    }
    assert len(tried) > 10


@pytest.mark.slow
async def test_every_field_of_every_form_takes_any_number(world: Academy) -> None:
    stage = await stage_of(world)
    rows = await stage.rows()
    wrong: list[str] = []

    for template, row in FORMS.items():
        opened = await stage.opened(template)
        filled = held(opened) | row.typed
        parts = [one for one in walk_components(opened.modal["components"]) if one.get("custom_id") in filled]
        for part, value in ((part, value) for part in parts for value in TEXTS):
            put = {part["custom_id"]: _as_given(part, value)}
            answer = await stage.send(row.someone_allowed, stage.custom_id(template, row), filled | put)
            if is_our_fault(answer):
                wrong.append(f"{template} {list(put)}:{value[:25]}")
            if await stage.rows() != rows:
                await stage.put_back(rows)
    world.faults.read()
    assert wrong == []


def _as_given(field: dict[str, Any], value: str) -> Any:
    """Return what a tampered client can send: text that Discord accepts, or a choice not offered."""
    return value[: field["max_length"]] if field["type"] == _FIELD else [value]


def presses() -> Iterator[tuple[str, Row, str, dict[str, str]]]:
    """Yield every `custom_id` with each number replaced by each value."""
    for prefix, table in (("", PRESSES), (FIX, REOPENED)):
        for template, row in table.items():
            for name in re.findall(r"\{(\w+)\}", template):
                for value in IN_A_PRESS:
                    yield prefix, row, template, {name: value}


@pytest.mark.slow
async def test_every_press_takes_any_number(world: Academy) -> None:
    stage = await stage_of(world)
    rows = await stage.rows()
    wrong: list[str] = []

    for prefix, row, template, numbers in presses():
        custom_id = prefix + stage.custom_id(template, row, **cast("Any", numbers))
        answer = await stage.press(row.someone_allowed, custom_id, row.picked)
        if is_our_fault(answer):
            wrong.append(f"{prefix}{template} {numbers}")
        if await stage.rows() != rows:
            await stage.put_back(rows)
    world.faults.read()
    assert wrong == []


@pytest.mark.slow
async def test_every_list_takes_any_choice(world: Academy) -> None:
    stage = await stage_of(world)
    rows = await stage.rows()
    wrong: list[str] = []

    for template, row in PRESSES.items():
        for value in TEXTS if row.picked else ():
            answer = await stage.press(row.someone_allowed, stage.custom_id(template, row), (value,))
            if is_our_fault(answer):
                wrong.append(f"{template}:{value[:25]}")
            if await stage.rows() != rows:
                await stage.put_back(rows)
    world.faults.read()
    assert wrong == []
