"""What happens to presses that no current button makes, and to those that lose a race in the database."""

import contextlib
import logging
import sqlite3
from collections.abc import Iterator
from typing import Any

import discord
import pytest
import sqlalchemy as sa
from sqlalchemy import event, select, text

from cogs.booking.panels import currency_number
from cogs.ui.routing import Route, on, opens
from models import AvailabilityRule, Base, CoachingSession
from tests.support.builders import statements
from tests.support.simulated import Academy, reply, words

USD = currency_number("USD")

OLD = "This button is out of date. Run the command again."


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
async def test_a_custom_id_that_is_not_ours_is_refused(open_world: Academy, custom_id: str) -> None:
    answer = await open_world.press_custom_id(open_world.admin, custom_id)

    assert words(reply(answer)) == OLD


async def test_an_instant_beyond_every_calendar_is_refused(open_world: Academy) -> None:
    world = open_world

    answer = await world.press_custom_id(world.student, f"book:confirm:{world.coach.id}:60:{2**63 - 1}:6000:{USD}")

    assert "That time doesn't exist." in words(reply(answer))
    assert await world.count(CoachingSession) == 0


async def test_a_length_that_is_not_offered_is_refused(open_world: Academy) -> None:
    world = open_world

    answer = await world.press_custom_id(world.student, f"book:confirm:{world.coach.id}:45:29540730:4500:{USD}")

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


@contextlib.contextmanager
def losing(world: Academy, races: int) -> Iterator[list[str]]:
    """Another program has the database's write lock until so many transactions have failed; with what they did."""
    said: list[str] = []
    writer = world.db.engine.sync_engine
    other = sqlite3.connect(str(world.db.url.database), isolation_level=None, check_same_thread=False)

    def let_go_in_the_end(context: sa.ExceptionContext) -> None:
        said.append(str(context.original_exception))
        if len(said) == races:
            other.rollback()

    def wait_for_nobody(connection: Any, *_: Any) -> None:
        connection.execute("PRAGMA busy_timeout=0").close()

    event.listen(writer, "handle_error", let_go_in_the_end)
    event.listen(writer, "checkout", wait_for_nobody)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield said
    finally:
        other.close()
        event.remove(writer, "handle_error", let_go_in_the_end)
        event.remove(writer, "checkout", wait_for_nobody)


async def test_a_press_that_lost_two_races_is_answered_the_third_time(open_world: Academy) -> None:
    world = open_world
    panel = await world.about_to_confirm(world.student, "14:00")

    with losing(world, 2) as lost:
        answer = await world.student.click(panel, label="Confirm")

    assert lost == ["database is locked"] * 2
    assert "Booked ✅" in words(reply(answer))
    assert await world.count(CoachingSession) == 1


async def test_a_command_that_lost_two_races_is_answered_the_third_time(open_world: Academy) -> None:
    world = open_world

    with losing(world, 2) as lost:
        answer = await world.coach.slash(world.lobby, "availability", days="Sat", hours="10-12")

    assert lost == ["database is locked"] * 2
    assert "Sat" in words(reply(answer))
    assert await world.count(AvailabilityRule) == 11


@pytest.mark.parametrize("what", ["press", "command"])
async def test_who_loses_three_races_is_told_and_has_changed_nothing(open_world: Academy, what: str) -> None:
    world = open_world
    panel = await world.about_to_confirm(world.student, "14:00")
    before = await everything(world)

    with losing(world, 3) as lost:
        if what == "press":
            answer = await world.student.click(panel, label="Confirm")
        else:
            answer = await world.coach.slash(world.lobby, "availability", days="Sat", hours="10-12")

    assert len(lost) == 3
    assert words(reply(answer)).startswith("Something went wrong on our side")
    [logged] = world.faults.read()
    assert "database is locked" in logged
    assert await everything(world) == before


async def test_what_is_no_lost_race_is_not_tried_again(open_world: Academy) -> None:
    world = open_world
    async with world.db.begin() as session:
        await session.execute(text("ALTER TABLE availability_rules RENAME TO mislaid"))

    with statements(world.db) as said:
        await world.coach.slash(world.lobby, "availability", days="Sat", hours="10-12")

    assert said.count("BEGIN IMMEDIATE") == 1
    assert len(world.faults.read()) == 1


async def test_every_slash_command_is_tried_again_after_a_lost_race(world: Academy) -> None:
    bot: Any = world.env.bot

    found = [one for one in bot.tree.walk_commands() if isinstance(one, discord.app_commands.Command)]

    assert len(found) == 28
    assert [one.qualified_name for one in found if not hasattr(one.callback, "__wrapped__")] == []


async def test_the_log_has_a_line_for_each_interaction_with_ids_and_without_words(
    open_world: Academy, caplog: pytest.LogCaptureFixture
) -> None:
    world = open_world
    caplog.set_level(logging.INFO, "cogs.ui.routing")

    panel = await world.about_to_confirm(world.student, "14:00", notes="My secret song.")
    await world.student.click(panel, label="Confirm")
    await world.press_custom_id(world.outsider, "coach:approve:7 \n\x1b[2J<@1>")

    lines: list[Any] = [one for one in caplog.records if one.name == "cogs.ui.routing"]
    said = [(one.what.rstrip("0123456789:"), one.outcome, one.user) for one in lines]
    stu, olaf = world.student.id, world.outsider.id
    assert said[0] == ("/book", "answered", stu)
    assert ("book:confirm", "answered", stu) in said
    assert said[-2:] == [
        ("/sessions", "answered", olaf),
        ("coach:approve:7????2???1?", "refused: NotFound", olaf),
    ]
    assert {one.guild for one in lines} == {world.guild.id}
    assert [one for one in lines if str(one.interaction) not in one.getMessage()] == []
    assert "secret" not in caplog.text


async def everything(world: Academy) -> list[Any]:
    """All rows of all tables but the heartbeat."""
    async with world.db.read() as session:
        return [
            tuple(row)
            for table in Base.metadata.sorted_tables
            if table.name != "heartbeats"
            for row in await session.execute(select(table))
        ]


@pytest.mark.parametrize("numbers", [{}, {"coach_id": 1}, {"coach_id": 1, "page": 2, "day": 3}])
def test_a_custom_id_is_made_of_exactly_the_numbers_of_its_route(numbers: dict[str, int]) -> None:
    route = Route("review:page:{coach_id}:{page}")

    with pytest.raises(TypeError, match="coach_id"):
        route.id(**numbers)

    assert route.id(coach_id=1, page=2) == "review:page:1:2"
    assert route.match("review:page:1:2") == {"coach_id": 1, "page": 2}


def test_a_method_that_takes_other_numbers_than_its_route_is_refused_when_it_is_marked() -> None:
    route = Route("review:read:{coach_id}")

    async def answers(self: object, interaction: object, user_id: int) -> None: ...

    async def builds(self: object, interaction: object, coach_id: int) -> None: ...

    with pytest.raises(TypeError, match=r"\{coach_id\}"):
        on(route)(answers)
    with pytest.raises(TypeError, match="typed"):
        opens(route)(builds)


async def test_an_option_that_cannot_be_read_is_refused_and_counted_like_a_press(world: Academy) -> None:
    answer = await world.student.slash(world.lobby, "timezone", place="Middle-earth")

    bot: Any = world.env.bot
    assert words(reply(answer)).startswith('I don\'t know the time zone "Middle-earth".')
    assert bot.tally.outcomes["command", "/timezone", "refused"] == 1
