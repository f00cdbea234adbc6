"""Looking up many people's names at once."""

import logging
from collections.abc import AsyncIterator
from typing import cast

import pytest

from bot.app import CoachBot
from models.storage.database import Database
from tests.support.simulated import Academy, academy


@pytest.fixture
async def world(db: Database) -> AsyncIterator[Academy]:
    async with academy(db) as world:
        yield world


def bot(world: Academy) -> CoachBot:
    return cast("CoachBot", world.env.bot)


async def test_a_hundred_members_are_asked_for_at_once(world: Academy) -> None:
    users = [world.env.create_user(f"u{number}") for number in range(250)]
    members = [world.guild.add_member(user, nick=f"N{number}") for number, user in enumerate(users)]
    requests_before = len(world.env.http_requests)

    names = await bot(world).fetch_names(world.guild.id, [one.id for one in members])

    assert names == {one.id: f"N{number}" for number, one in enumerate(members)}
    assert len(world.env.http_requests) == requests_before


async def test_who_left_keeps_the_discord_name_and_who_is_gone_has_none(world: Academy) -> None:
    world.guild.remove_member(world.student)

    names = await bot(world).fetch_names(world.guild.id, [world.student.id, world.coach.id, 10**17])

    assert names == {world.student.id: "Stu", world.coach.id: "Cara"}


async def test_names_are_left_out_while_discord_does_not_answer(
    world: Academy, caplog: pytest.LogCaptureFixture
) -> None:
    world.guild.remove_member(world.student)
    world.env.inject_error("GET", f"/users/{world.student.id}", status=500)

    with caplog.at_level(logging.WARNING, "bot.discord_api.names"):
        names = await bot(world).fetch_names(world.guild.id, [world.student.id, world.coach.id])

    assert names == {world.coach.id: "Cara"}
    assert "can't look up all names" in caplog.text


async def test_nobody_is_asked_for_nothing(world: Academy) -> None:
    assert await bot(world).fetch_names(world.guild.id, []) == {}
    assert await bot(world).fetch_names(1, [world.coach.id]) == {}
