"""Whatever people type pings nobody, hides nothing and breaks no screen."""

import itertools
from typing import Any

import pytest
from simcord.components import walk_components
from sqlalchemy import update

from models import Coach, Participant
from tests.cogs.authorization.people import Stage, stage_of
from tests.cogs.authorization.rows import FORMS, PRESSES
from tests.support.simulated import Academy, reply, words
from tests.support.steps import held

INVISIBLE = "\u202e\u2066\u200b\u200f\ufeff\x00\x1b"
NASTY = f"@everyone @here {{mention}} <@&{{role}}>\n# big **bold** ||hidden|| `code` [here](https://evil.example)\n{INVISIBLE}"
_FIELD = 4


def nasty(stage: Stage, length: int) -> str:
    """Return this many characters with everything that could annoy others."""
    world = stage.world
    begins = NASTY.format(mention=stage.people["owner"].mention, role=world.coach_role.id)
    return begins + "W" * (length - len(begins)) if length > len(begins) else begins[:length]


async def typed_into(stage: Stage, template: str, length: int | None) -> dict[str, Any]:
    """Fill every text field of this form, with this many characters or as many as fit."""
    modal = await stage.opened(template)
    filled = held(modal) | FORMS[template].typed
    for one in walk_components(modal.modal["components"]):
        if one["type"] == _FIELD:
            filled[one["custom_id"]] = nasty(stage, length or one["max_length"])
    return filled


def check_everything_shown(world: Academy) -> None:
    for message in itertools.chain.from_iterable(one.values() for one in world.env.backend.messages.values()):
        assert not message.mention_everyone
        assert not message.allowed_mentions.everyone
        assert set(message.mention_role_ids) == set() or not message.allowed_mentions.roles
        shown = words(message)
        assert not set(INVISIBLE) & set(shown), shown


@pytest.mark.slow
@pytest.mark.parametrize(
    "length", [pytest.param(None, id="as long as can be"), pytest.param(4000, id="4,000 characters")]
)
async def test_typed_text_pings_hides_and_breaks_nothing(world: Academy, length: int | None) -> None:
    stage = await stage_of(world)

    for template, row in FORMS.items():
        filled = await typed_into(stage, template, length)
        answer = await stage.send(row.someone_allowed, stage.custom_id(template, row), filled)
        assert not words(reply(answer)).startswith("Something went wrong"), template
    async with world.db.begin() as session:  # as if all this had been accepted
        await session.execute(update(Participant).values(notes=nasty(stage, 1000)))
        await session.execute(update(Coach).values(bio=nasty(stage, 1000), display_name=nasty(stage, 100)))
    for template, row in PRESSES.items():
        for who in ("student", "coach", "admin"):
            answer = await stage.press(who, stage.custom_id(template, row), row.picked)
            assert answer.modal or not words(reply(answer)).startswith("Something went wrong"), (template, who)

    check_everything_shown(world)
