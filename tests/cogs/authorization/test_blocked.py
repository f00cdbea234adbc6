"""Blocked people can't book or apply by any press, form or command, before or after a restart."""

from collections.abc import AsyncIterator, Collection, Iterator
from typing import Any, cast

import pytest

from bot.app import CoachBot
from cogs.booking.commands import BookingCog
from cogs.series.asking import AskingCog
from models import BlockedFrom
from scheduler.booking import blocks
from scheduler.core.actor import Actor
from tests.cogs.authorization.people import Rows, Stage, stage_of
from tests.cogs.authorization.rows import APPLICANTS, COMMANDS, FORMS, PAYMENTS, PRESSES
from tests.support.simulated import Academy, reply, words

pytestmark = pytest.mark.slow

NO_BOOKING = "You can't book sessions here: an admin has blocked you."
NO_APPLYING = "You can't apply to coach here: an admin has blocked you."
OPEN_A_FORM = {
    "book:zone:{coach_id}:{minutes}:{day}",
    "book:notes:{coach_id}:{minutes}:{start}",
    "series:notes:{coach_id}:{minutes}:{start}:{terms}",
    "series:until:{coach_id}:{minutes}:{start}:{terms}",
}
"""These only open a form, which is checked when it's sent."""
WAYS = {
    "book:time:{coach_id}:{minutes}:{start}",
    "book:way:{coach_id}:{minutes}:{start}:{way}",
    "book:credit:{coach_id}:{minutes}:{start}",
    "book:confirm:{coach_id}:{minutes}:{start}:{cost}",
    "book:confirm:{coach_id}:{minutes}:{start}:{cost}:{currency}",
    "pay:session:{coach_id}:{minutes}:{start}:{cost}:{currency}",
    "form book:notes:{coach_id}:{minutes}:{start}",
    "series:repeat:{coach_id}:{minutes}:{start}:{way}",
    "series:plan:{coach_id}:{minutes}:{start}:{terms}",
    "series:weeks:{coach_id}:{minutes}:{start}:{terms}",
    "series:end:{coach_id}:{minutes}:{start}:{terms}",
    "series:ask:{coach_id}:{minutes}:{start}:{terms}:{cost}:{currency}",
    "form series:notes:{coach_id}:{minutes}:{start}:{terms}",
    "form series:until:{coach_id}:{minutes}:{start}:{terms}",
    "form coach:apply",
}
"""Everything that takes a coach's time or posts an application."""


def count_taken(rows: Rows, user_id: int) -> int:
    """Count this person's sessions, holds and applications."""
    held = sum(row["student_id"] == user_id for row in rows["holds"])
    return held + sum(row["user_id"] == user_id for row in rows["session_participants"] + rows["coaches"])


def refused_to_the_blocked(bot: CoachBot) -> Iterator[tuple[str, str]]:
    """Yield every control for booking, paying and applying, and its refusal."""
    for handler in bot.router.handlers:
        template = handler.route.template
        if isinstance(cast("Any", handler.call).__self__, BookingCog | AskingCog):
            if template in PRESSES and template not in OPEN_A_FORM:
                yield template, NO_BOOKING
            if template in FORMS:
                yield f"form {template}", NO_BOOKING
    for template in (one for one in PAYMENTS if one.startswith(("pay:session:", "pay:package:"))):
        yield template, NO_BOOKING
    yield "/book", NO_BOOKING
    for prefix, table in (("", PRESSES), ("form ", FORMS), ("/", COMMANDS)):
        for name, row in table.items():
            if row.who is APPLICANTS:
                yield f"{prefix}{name}", NO_APPLYING


async def tried_by_student(
    stage: Stage, forms: dict[str, dict[str, Any]], only: Collection[str] = ()
) -> AsyncIterator[tuple[str, Any]]:
    """Press, send and use everything, or `only` these. Yields the answers."""
    for template, row in PRESSES.items():
        if not only or template in only:
            yield template, await stage.press("student", stage.custom_id(template, row), row.picked)
    for template, row in FORMS.items():
        name = f"form {template}"
        if not only or name in only:
            yield name, await stage.send("student", stage.custom_id(template, row), forms[template])
    for name, row in COMMANDS.items():
        if not only or f"/{name}" in only:
            yield f"/{name}", await stage.command("student", name, row.options)


@pytest.mark.parametrize(
    ("blocked", "restarted", "everything"),
    [
        pytest.param(True, False, False, id="blocked"),
        pytest.param(True, False, True, id="blocked, everything"),
        pytest.param(True, True, True, id="blocked, then restarted"),
        pytest.param(False, False, True, id="not blocked"),
    ],
)
async def test_nothing_books_or_applies_for_a_blocked_person(
    world: Academy, blocked: bool, restarted: bool, everything: bool
) -> None:
    stage = await stage_of(world)
    student = stage.people["student"]
    wanted = dict(refused_to_the_blocked(cast("CoachBot", world.env.bot)))
    assert wanted.keys() > WAYS
    forms = {one: await stage.filled(one) for one in FORMS if everything or f"form {one}" in wanted}
    if blocked:
        async with world.db.begin() as session:
            admin, what = Actor(world.admin.id, is_admin=True), tuple(BlockedFrom)
            await blocks.block(session, world.guild.id, student.id, admin, what, "Enough.", world.now)
    if restarted:
        await world.restart()
    rows = await stage.rows()
    ways: set[str] = set()
    said: dict[str, str] = {}

    async for name, answer in tried_by_student(stage, forms, () if everything else wanted):
        said[name] = "a form" if answer.modal else words(reply(answer)).removeprefix("⚠️ ")
        after = await stage.rows()
        if count_taken(after, student.id) > count_taken(rows, student.id):
            ways.add(name)
        if after != rows:
            await stage.put_back(rows)

    assert ways == (set() if blocked else WAYS)
    assert [name for name, sentence in wanted.items() if said[name].startswith(sentence) != blocked] == []
