"""Whenever the process dies during a session: one room, one message a notification, and nobody sees too much."""

import itertools
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

import pytest
from discord.http import Route

from models import AccessMode
from models.storage.database import Database
from tests.support.dying import Moment, process
from tests.support.one_life import Life
from tests.support.recorded_requests import ONLY_THERE, REQUESTS
from tests.support.simulated import academy


class Crash(NamedTuple):
    """The process dies at the nth of equal requests in one phase."""

    mode: AccessMode
    phase: str
    request: str
    number: int
    moment: Moment


def every_crash() -> list[Crash]:
    """Return one for each recorded request and each moment."""
    crashes = []
    for mode, phases in ONLY_THERE.items():
        for phase, requests in phases.items():
            for request, count in Counter(requests).items():
                numbered = itertools.product(range(1, count + 1), Moment)
                crashes += [Crash(mode, phase, request, number, moment) for number, moment in numbered]
    return crashes


def effects(mode: AccessMode) -> set[tuple[str, str]]:
    """Return phase and request of everything that changes Discord."""
    phases = REQUESTS[mode].items()
    return {(phase, one) for phase, requests in phases for one in requests if not one.startswith("GET ")}


def dying_at_each(
    life: Life, moment: Moment, *, also_reading: bool
) -> tuple[Callable[[Route], Moment | None], set[tuple[str, str]]]:
    """Choose to die once per phase and request, even at those that only a restart sends; also return which."""
    survived: set[tuple[str, str, str]] = set()
    died_at: set[tuple[str, str]] = set()

    def dies_at(route: Route) -> Moment | None:
        one = (life.phase, route.method, route.url)
        if one in survived or (route.method == "GET" and not also_reading):
            return None
        survived.add(one)
        died_at.add((life.phase, f"{route.method} {route.path}"))
        return moment

    return dies_at, died_at


@pytest.mark.parametrize("engine_name", ["sqlite", pytest.param("postgres", marks=pytest.mark.slow)])
@pytest.mark.parametrize("mode", AccessMode)
async def test_an_undisturbed_life_sends_exactly_the_recorded_requests(db: Database, mode: AccessMode) -> None:
    async with academy(db) as world:
        await world.already_open()
        life = Life(world, mode)
        asked: dict[str, Counter[str]] = {}

        def note(route: Route) -> None:
            asked.setdefault(life.phase, Counter())[f"{route.method} {route.path}"] += 1

        with process(world, note, life.look) as bot:
            await life.live(bot)

        assert asked == {phase: Counter(requests) for phase, requests in REQUESTS[mode].items()}


@pytest.mark.parametrize(
    ("engine_name", "mode", "moment"),
    [
        ("sqlite", AccessMode.PEOPLE, Moment.AFTER),
        pytest.param("sqlite", AccessMode.ROLE, Moment.RECORD, marks=pytest.mark.slow),
        pytest.param("postgres", AccessMode.PEOPLE, Moment.BEFORE, marks=pytest.mark.slow),
        pytest.param("postgres", AccessMode.ROLE, Moment.AFTER, marks=pytest.mark.slow),
    ],
)
async def test_dying_at_each_effect_in_turn_breaks_no_promise(
    db: Database, mode: AccessMode, moment: Moment
) -> None:
    async with academy(db) as world:
        await world.already_open()
        life = Life(world, mode)
        dies_at, died_at = dying_at_each(life, moment, also_reading=False)

        with process(world, dies_at, life.look) as bot:
            await life.live(bot)

        assert died_at >= effects(mode)
        assert bot.deaths >= len(effects(mode))


@pytest.mark.slow
@pytest.mark.parametrize("mode", AccessMode)
@pytest.mark.parametrize("moment", Moment)
async def test_dying_at_each_request_in_turn_breaks_no_promise(
    db: Database, mode: AccessMode, moment: Moment
) -> None:
    async with academy(db) as world:
        await world.already_open()
        life = Life(world, mode)
        dies_at, died_at = dying_at_each(life, moment, also_reading=True)

        with process(world, dies_at, life.look) as bot:
            await life.live(bot)

        assert died_at > effects(mode)


@pytest.mark.slow
@pytest.mark.parametrize("crash", every_crash(), ids=lambda crash: "-".join(map(str, crash)))
async def test_dying_once_breaks_no_promise(db: Database, crash: Crash) -> None:
    async with academy(db) as world:
        await world.already_open()
        life = Life(world, crash.mode)
        numbers = itertools.count(1)

        def dies_at(route: Route) -> Moment | None:
            same = (life.phase, f"{route.method} {route.path}") == (crash.phase, crash.request)
            return crash.moment if same and next(numbers) == crash.number else None

        with process(world, dies_at, life.look) as bot:
            await life.live(bot)

        assert bot.deaths == 1
