"""Where Discord can't show mentions, people's new names are used after their next press."""

from pathlib import Path
from typing import Any

import pytest

from bot.discord_api.names import Names
from models.storage.database import Database
from tests.support.simulated import Academy, reply, words

pytestmark = pytest.mark.usefixtures("open_world")


def rename(world: Academy, person: Any, name: str) -> None:
    """Change a nickname, which Discord doesn't tell the bot."""
    world.guild._guild.members[person.id].nick = name


async def suggested(world: Academy, typed: str) -> list[str]:
    found = await world.student.autocomplete(world.lobby, "book", "coach", typed)
    return [one["name"] if isinstance(one, dict) else one.name for one in found]


async def test_a_coach_is_suggested_by_their_new_name_after_any_press(world: Academy) -> None:
    rename(world, world.coach, "José Ángel")
    assert await suggested(world, "jose") == []

    await world.coach.slash(world.lobby, "sessions")

    assert await suggested(world, "jose") == ["José Ángel"]
    assert world.coach.mention in words(reply(await world.student.slash(world.lobby, "book", coach="jose angel")))


async def test_the_calendar_file_has_the_coachs_new_name(world: Academy) -> None:
    rename(world, world.coach, "Cara Mia")

    panel = await world.about_to_confirm(world.student, "11:00")
    booked = reply(await world.student.click(panel, label="Confirm"))

    [file] = booked.attachments
    assert "Cara Mia" in (await file.read()).decode()


async def test_a_name_that_could_not_be_stored_is_stored_at_the_next_press(world: Academy, tmp_path: Path) -> None:
    bot: Any = world.env.bot
    rename(world, world.coach, "Cara Mia")
    works, bot._names = bot._names, Names(Database(f"sqlite:///{tmp_path}/no/such/folder.db"))

    answer = reply(await world.coach.slash(world.lobby, "timezone"))
    bot._names = works

    assert "Your time zone is" in words(answer)
    assert await suggested(world, "mia") == []
    await world.coach.slash(world.lobby, "timezone")
    assert await suggested(world, "mia") == ["Cara Mia"]
