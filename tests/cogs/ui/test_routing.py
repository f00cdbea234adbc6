"""Presses of unknown buttons are refused, and lost races are retried."""

import contextlib
import logging
import sqlite3
from collections.abc import Iterator
from typing import Any

import discord
import pytest
import sqlalchemy as sa
from sqlalchemy import event, text

from cogs.cards.charge import encode_currency
from cogs.ui.routing import Route, on, opens
from models import AvailabilityRule, Base, CoachingSession
from tests.support.builders import statements
from tests.support.simulated import Academy, reply, words
from tests.support.steps import rows

USD = encode_currency("USD")

OLD = "This button is out of date. Run the command again."


UNKNOWN = (
    *("nothing:of:ours", "x" * 100, "coach:approve:", "coach:approve:1x", "coach:approve:-1"),
    *("coach:approve:9999999999999999999", "fix:coach:approve:1:2", "coach:approve:１２"),
)


async def test_an_unknown_custom_id_is_refused(open_world: Academy) -> None:
    for custom_id in UNKNOWN:
        answer = await open_world.press_custom_id(open_world.admin, custom_id)

        assert words(reply(answer)) == OLD, custom_id


@pytest.mark.parametrize(
    ("minutes", "start", "sentence"),
    [
        (60, 2**63 - 1, "That time doesn't exist."),
        (45, 29540730, "This coach offers sessions of 30, 60 or 90 minutes. Choose another length."),
    ],
    ids=["time", "length"],
)
async def test_an_impossible_time_or_length_is_refused(
    open_world: Academy, minutes: int, start: int, sentence: str
) -> None:
    custom_id = f"book:confirm:{open_world.coach.id}:{minutes}:{start}:6000:{USD}"

    answer = await open_world.press_custom_id(open_world.student, custom_id)

    assert sentence in words(reply(answer))
    assert await open_world.count(CoachingSession) == 0


async def test_an_internal_error_is_admitted_with_the_code_in_the_log(world: Academy) -> None:
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
    """Hold the write lock elsewhere until this many transactions have failed. Yields their errors."""
    errors: list[str] = []
    writer = world.db.engine.sync_engine
    other = sqlite3.connect(str(world.db.url.database), isolation_level=None, check_same_thread=False)

    def release_at_last(context: sa.ExceptionContext) -> None:
        errors.append(str(context.original_exception))
        if len(errors) == races:
            other.rollback()

    def do_not_wait(connection: Any, *_: Any) -> None:
        connection.execute("PRAGMA busy_timeout=0").close()

    event.listen(writer, "handle_error", release_at_last)
    event.listen(writer, "checkout", do_not_wait)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield errors
    finally:
        other.close()
        event.remove(writer, "handle_error", release_at_last)
        event.remove(writer, "checkout", do_not_wait)


async def losing_races(world: Academy, kind: str, panel: Any, races: int) -> str:
    """Confirm a booking, or set hours, while losing this many races. Returns the answer."""
    with losing(world, races) as lost:
        if kind == "press":
            answer = await world.student.click(panel, label="Confirm")
        else:
            answer = await world.coach.slash(world.lobby, "availability", days="Sat", hours="10-12")
    assert lost == ["database is locked"] * races
    return words(reply(answer))


@pytest.mark.parametrize(
    ("kind", "said", "table", "count"),
    [("press", "Booked ✅", CoachingSession, 1), ("command", "✅ Set Sat", AvailabilityRule, 11)],
)
async def test_an_interaction_that_loses_two_races_succeeds_the_third_time(
    open_world: Academy, kind: str, said: str, table: type[Base], count: int
) -> None:
    panel = await open_world.about_to_confirm(open_world.student, "14:00")

    assert said in await losing_races(open_world, kind, panel, 2)
    assert await open_world.count(table) == count


@pytest.mark.parametrize("kind", ["press", "command"])
async def test_an_interaction_that_loses_three_races_changes_nothing(open_world: Academy, kind: str) -> None:
    world = open_world
    panel = await world.about_to_confirm(world.student, "14:00")
    before = await rows(world)

    said = await losing_races(world, kind, panel, 3)

    assert said.startswith("Something went wrong on our side")
    [logged] = world.faults.read()
    assert "database is locked" in logged
    assert await rows(world) == before


async def test_other_errors_are_not_retried(open_world: Academy) -> None:
    world = open_world
    async with world.db.begin() as session:
        await session.execute(text("ALTER TABLE availability_rules RENAME TO mislaid"))

    with statements(world.db) as said:
        await world.coach.slash(world.lobby, "availability", days="Sat", hours="10-12")

    assert said.count("BEGIN IMMEDIATE") == 1
    assert len(world.faults.read()) == 1


async def test_every_slash_command_is_retried(world: Academy) -> None:
    bot: Any = world.env.bot

    found = [one for one in bot.tree.walk_commands() if isinstance(one, discord.app_commands.Command)]

    assert len(found) == 35
    assert [one.qualified_name for one in found if not hasattr(one.callback, "__wrapped__")] == []


async def test_the_log_has_each_interaction_with_ids_but_no_words(
    open_world: Academy, caplog: pytest.LogCaptureFixture
) -> None:
    world = open_world
    caplog.set_level(logging.INFO, "cogs.ui.answering")

    panel = await world.about_to_confirm(world.student, "14:00", notes="My secret song.")
    await world.student.click(panel, label="Confirm")
    await world.press_custom_id(world.outsider, "coach:approve:7 \n\x1b[2J<@1>")

    lines: list[Any] = [one for one in caplog.records if one.name == "cogs.ui.answering"]
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


@pytest.mark.parametrize("numbers", [{}, {"coach_id": 1}, {"coach_id": 1, "page": 2, "day": 3}])
def test_a_route_takes_exactly_its_numbers(numbers: dict[str, int]) -> None:
    route = Route("review:page:{coach_id}:{page}")

    with pytest.raises(TypeError, match="coach_id"):
        route.id(**numbers)

    assert route.id(coach_id=1, page=2) == "review:page:1:2"
    assert route.match("review:page:1:2") == {"coach_id": 1, "page": 2}


def test_a_tampered_page_is_cut_to_one_that_a_query_can_count() -> None:
    assert Route("review:all:{page}").match(f"review:all:{2**62}") == {"page": 10_000}


def test_a_method_must_take_the_numbers_of_its_route() -> None:
    route = Route("review:read:{coach_id}")

    async def answers(self: object, interaction: object, user_id: int) -> None: ...

    async def builds(self: object, interaction: object, coach_id: int) -> None: ...

    with pytest.raises(TypeError, match=r"\{coach_id\}"):
        on(route)(answers)
    with pytest.raises(TypeError, match="typed"):
        opens(route)(builds)


def test_a_method_can_answer_routes_that_lack_its_optional_numbers() -> None:
    async def answers(self: object, interaction: object, coach_id: int, page: int = 0) -> None: ...

    on(Route("review:read:{coach_id}"))(answers)
    on(Route("review:page:{coach_id}:{page}"))(answers)

    with pytest.raises(TypeError, match=r"\{page\}"):
        on(Route("review:all:{page}"))(answers)


async def test_an_unreadable_option_is_refused_and_counted(world: Academy) -> None:
    answer = await world.student.slash(world.lobby, "timezone", place="Middle-earth")

    bot: Any = world.env.bot
    assert words(reply(answer)).startswith('I don\'t know the time zone "Middle-earth".')
    assert bot.interaction_stats.outcomes["command", "/timezone", "refused"] == 1
