"""What happens to presses that no current button makes."""

import re
from typing import Any

import pytest
from sqlalchemy import select, text

from models import Base, CoachingSession
from tests.simulated import Academy, reply, words

OLD = "This button is of an older version. Please use the command again."


@pytest.mark.parametrize(
    "custom_id",
    [
        "nothing:of:ours",
        "coach:approve:",
        "coach:approve:1x",
        "coach:approve:-1",
        "coach:approve:9999999999999999999",
        "fix:coach:approve:1:2",
        "coach:approve:１２",
        "x" * 100,
    ],
)
async def test_a_custom_id_that_is_not_ours_is_refused_and_changes_nothing(world: Academy, custom_id: str) -> None:
    await world.open_for_booking()

    answer = await world.press_custom_id(world.admin, custom_id)

    assert words(reply(answer)) == OLD


async def test_an_instant_beyond_every_calendar_is_refused(open_world: Academy) -> None:
    world = open_world

    answer = await world.press_custom_id(world.student, f"book:confirm:{world.coach.id}:60:{2**63 - 1}")

    assert "There is no such time." in words(reply(answer))
    assert await world.count(CoachingSession) == 0


async def test_a_length_that_is_not_offered_is_refused(open_world: Academy) -> None:
    world = open_world

    answer = await world.press_custom_id(world.student, f"book:confirm:{world.coach.id}:45:29540730")

    assert words(reply(answer)) == "This coach offers 60, 30, 90 minutes. Choose one of these."


async def test_our_own_fault_is_admitted_with_the_code_that_stands_in_the_log(world: Academy) -> None:
    async with world.db.begin() as session:
        await session.execute(text("ALTER TABLE coaches RENAME TO mislaid"))

    answer = await world.student.slash(world.lobby, "book")

    said = words(reply(answer))
    assert said.startswith("Something went wrong on our side")
    code = said.split("`")[1]
    [logged] = world.faults.read()
    assert code in logged
    assert "OperationalError" in logged
    assert str(world.guild.id) not in logged.partition("[SQL:")[2]


async def test_a_stranger_who_presses_whatever_there_is_changes_nothing(open_world: Academy) -> None:
    world = open_world
    booked = await world.book(world.student, "14:00")
    await world.apply(world.other_student)
    bot: Any = world.env.bot
    before = await everything(world)

    for route in bot.router._handlers:
        custom_id = re.sub(
            r"\(\?P<(\w+)>[^)]*\)", lambda found: IDS[found[1]](world, booked), route.pattern.pattern
        )
        if custom_id.startswith(("book:confirm", "book:time")):
            continue  # everybody may hold a time and book it
        answer = await world.press_custom_id(world.outsider, custom_id)
        assert answer.acknowledged, custom_id

    assert await everything(world) == before


ANYTHING = (
    "page",
    "day",
    "days",
    "number",
    "position",
    "week",
    "first",
    "last",
    "end",
    "same_instants",
    "sort",
    "specialty",
)
IDS: dict[str, Any] = {
    "coach_id": lambda world, booked: str(world.coach.id),
    "user_id": lambda world, booked: str(world.other_student.id),
    "session_id": lambda world, booked: str(booked.id),
    "minutes": lambda world, booked: str(2**62),
    "start": lambda world, booked: str(int(booked.starts_at.timestamp()) // 60),
    "accepting": lambda world, booked: "0",
} | dict.fromkeys(ANYTHING, lambda world, booked: str(2**62))


async def everything(world: Academy) -> list[Any]:
    """All rows of all tables but the heartbeat."""
    async with world.db.read() as session:
        return [
            tuple(row)
            for table in Base.metadata.sorted_tables
            if table.name != "heartbeats"
            for row in await session.execute(select(table))
        ]
