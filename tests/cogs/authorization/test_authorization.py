"""Everyone tries everything, before and after a restart: each is allowed, or refused with a sentence."""

import logging
import re
from collections.abc import AsyncIterator, Iterator
from typing import Any, cast

import pytest
from discord import app_commands

from bot.app import CoachBot
from cogs import routes
from cogs.booking.panels import OLD_CONFIRM
from cogs.series.plan import PICK_END, TYPE_END
from cogs.ui import FIX
from tests.cogs.authorization.people import SECRETS, Rows, Stage, stage_of
from tests.cogs.authorization.rows import COMMANDS, FORMS, PAYMENTS, PEOPLE, PRESSES, REOPENED, TAMPERED, Row
from tests.support.simulated import Academy, reply, words


def everyone() -> Any:
    for restarted in (False, True):
        for who in PEOPLE:
            # The other coach is refused the most, so that's the one that plain pytest tries.
            marks = () if (who, restarted) == ("other_coach", True) else pytest.mark.slow
            yield pytest.param(who, restarted, id=f"{who}-{'restarted' if restarted else 'fresh'}", marks=marks)


async def everything_done_by(stage: Stage, who: str) -> AsyncIterator[tuple[str, Row, Any]]:
    """Press, send and use everything as this person. Yields the answers."""
    forms = {template: await stage.filled(template) for template in FORMS}
    for template, row in PRESSES.items():
        yield template, row, await stage.press(who, stage.custom_id(template, row), row.picked)
    for template, row in TAMPERED:
        name = f"{template} of {row.person} in {row.of}"
        yield name, row, await stage.press(who, stage.custom_id(template, row))
    for template, row in REOPENED.items():
        yield FIX + template, row, await stage.press(who, FIX + stage.custom_id(template, row))
    for template, row in FORMS.items():
        yield f"form {template}", row, await stage.send(who, stage.custom_id(template, row), forms[template])
    for name, row in COMMANDS.items():
        # In Discord, only members of a server can use its commands, and only choose its members.
        if who != "left" and (who != "outsider" or "member" not in row.options):
            yield f"/{name}", row, await stage.command(who, name, row.options)


@pytest.mark.parametrize(("who", "restarted"), list(everyone()))
async def test_everyone_can_do_what_the_table_says_and_nothing_else(
    world: Academy, who: str, restarted: bool, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "cogs.ui.answering")
    stage = await stage_of(world)
    if restarted:
        await world.restart()
    rows = await stage.rows()
    wrong: list[str] = []

    async for name, row, answer in everything_done_by(stage, who):
        said = "a form" if answer.modal else words(reply(answer)).removeprefix("⚠️ ")
        refusal = row.who[who].replace("{user_id}", str(stage.people[row.person].id))
        if not said.startswith(refusal or row.then):
            wrong.append(f"{name} should have said {refusal or row.then!r}: {said!r}")
        if not (refusal or row.then) and caplog.records[-1].__dict__["outcome"] != "answered":
            wrong.append(f"{name} was refused: {said!r}")
        if refusal and any(secret in said for secret in SECRETS):
            wrong.append(f"{name} told a secret: {said!r}")
        if (after := await stage.rows()) != rows:
            told, known = without_checks(after), without_checks(rows)
            changed = {one: told[one] for one in known if told[one] != known[one]}
            if changed and (refusal or any(row is its for _, its in TAMPERED)):
                wrong.append(f"{name} was refused but changed something: {changed}")
            if not refusal and name in PAYMENTS:
                wrong += await pressed_again(stage, who, name)
            await stage.put_back(rows)

    assert "\n".join(wrong) == ""


async def pressed_again(stage: Stage, who: str, template: str) -> list[str]:
    """Press what moves money once more, and say what's wrong: nothing more may be owed, held or opened."""
    row, before, pages = PAYMENTS[template], await stage.rows(), stage.open_pages
    answer = await stage.press(who, stage.custom_id(template, row), row.picked)
    said, after = words(reply(answer)).removeprefix("⚠️ "), await stage.rows()
    grown = [name for name in before if len(after[name]) > len(before[name])]
    if said.startswith(row.again) and not grown and stage.open_pages <= pages:
        return []
    return [f"{template} once more should have said {row.again!r}, and opened or added nothing: {said!r} {grown}"]


async def test_the_table_has_a_row_for_every_control_and_no_others(world: Academy) -> None:
    bot = cast("CoachBot", world.env.bot)
    commands = {one.qualified_name for one in bot.tree.walk_commands() if isinstance(one, app_commands.Command)}

    assert COMMANDS.keys() == commands
    assert PRESSES.keys() | FORMS.keys() == {one.route.template for one in bot.router.handlers}
    assert FORMS.keys() == {one.route.template for one in bot.router.openers}


HARMLESS = {
    (OLD_CONFIRM.template, "cost"),
    (routes.BOOK_ONCE.template, "way"),
    (routes.REPEAT.template, "way"),
    (PICK_END.template, "terms"),
    (TYPE_END.template, "terms"),
}


def tampered() -> Iterator[tuple[str, dict[str, int]]]:
    """Yield every kind of `custom_id` with each number replaced by nothing, nobody's or too much."""
    for template in PRESSES.keys() | FORMS.keys():
        for name in re.findall(r"\{(\w+)\}", template):
            if (template, name) in HARMLESS:
                continue  # whatever it is, the press shows the current price and holds the time
            for number in (0, 1, 2**62, 2**63 - 1):
                if (name, number) in (("terms", 0), ("terms", 1), ("question_id", 1)):
                    continue  # other terms that they could choose as well, and a question that's theirs
                yield template, {name: number}


def of_others(rows: Rows, user_id: int) -> Rows:
    """Return the rows that don't name this person, nor their orders."""
    orders = {one["id"] for one in rows["package_orders"] if one["user_id"] == user_id}

    def is_others(one: dict[str, Any]) -> bool:
        return user_id not in one.values() and one.get("order_id") not in orders

    return {table: list(filter(is_others, found)) for table, found in without_checks(rows).items()}


def without_checks(rows: Rows) -> Rows:
    """Leave out when to ask again whether a coach is still in the server: whoever books makes the bot ask."""
    return rows | {"coaches": [one | {"membership_due_at": None} for one in rows["coaches"]]}


@pytest.mark.slow
@pytest.mark.parametrize("who", ["other_student", "other_coach", "admin"])
async def test_tampered_numbers_break_nothing_and_change_nothing_of_others(world: Academy, who: str) -> None:
    stage = await stage_of(world)
    forms = {template: await stage.filled(template) for template in FORMS}
    person = stage.people[who]
    rows = await stage.rows()

    for template, numbers in sorted(tampered(), key=repr):
        row = FORMS.get(template) or PRESSES[template]
        custom_id = stage.custom_id(template, row, **numbers)
        if template in PRESSES:
            await stage.press(who, custom_id, PRESSES[template].picked)
        if template in FORMS:
            await stage.send(who, custom_id, forms[template])
        after = await stage.rows()
        if who != "admin":  # admins can change what belongs to others
            assert of_others(after, person.id) == of_others(rows, person.id), (template, numbers)
        if after != rows:
            await stage.put_back(rows)
    # Nothing broke: the `world` fixture fails the test if a fault was logged.
