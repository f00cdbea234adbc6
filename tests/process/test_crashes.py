"""Whenever the process dies during a session: one room, one message a notification, and nobody sees too much."""

import itertools
from collections import Counter
from collections.abc import Callable, Iterator
from typing import NamedTuple

import pytest
from discord.http import Route

from models import AccessMode
from models.storage.database import Database
from tests.support.dying import Moment, process
from tests.support.one_life import Life
from tests.support.recorded_requests import ONLY_THERE, REQUESTS, UPDATE
from tests.support.simulated import academy

pytestmark = pytest.mark.slow


class Crash(NamedTuple):
    """The process dies at the nth of equal requests in one phase."""

    phase: str
    request: str
    number: int
    moment: Moment


class Deaths(NamedTuple):
    """The crashes of one life, at most one in each phase."""

    mode: AccessMode
    crashes: list[Crash]


APART = {"both looked for", "made", "opened", "warned"}
"""Each start looks for rooms and people; then the next phase doesn't. A life dies in these, or in the others."""


def crashes_in(phase: str, requests: list[str]) -> list[Crash]:
    """Return one for each recorded request and moment.

    A read that's never sent and one that's never answered are the same, and so are all updates of old messages but
    the first and the last.
    """
    crashes = []
    for request, count in Counter(requests).items():
        numbers = {1, count} if request == UPDATE else range(1, count + 1)
        moments = [Moment.AFTER, Moment.RECORD] if request.startswith("GET ") else list(Moment)
        crashes += [Crash(phase, request, *one) for one in itertools.product(numbers, moments)]
    return crashes


def every_life() -> Iterator[Deaths]:
    """Yield as few lives as contain each crash once."""
    for mode, phases in ONLY_THERE.items():
        for those in (APART, phases.keys() - APART):
            crashes_of = [crashes_in(phase, requests) for phase, requests in phases.items() if phase in those]
            for crashes in itertools.zip_longest(*crashes_of):
                yield Deaths(mode, [one for one in crashes if one is not None])


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


@pytest.mark.parametrize("engine_name", ["sqlite", "postgres"])
@pytest.mark.parametrize("mode", list(AccessMode))
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
        ("sqlite", AccessMode.ROLE, Moment.RECORD),
        ("postgres", AccessMode.PEOPLE, Moment.BEFORE),
        ("postgres", AccessMode.ROLE, Moment.AFTER),
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


@pytest.mark.parametrize("deaths", every_life())
async def test_dying_once_in_a_phase_breaks_no_promise(db: Database, deaths: Deaths) -> None:
    async with academy(db) as world:
        await world.already_open()
        life = Life(world, deaths.mode)
        asked: Counter[tuple[str, str]] = Counter()
        died: list[Crash] = []

        def dies_at(route: Route) -> Moment | None:
            one = life.phase, f"{route.method} {route.path}"
            asked[one] += 1
            here = [crash for crash in deaths.crashes if crash[:3] == (*one, asked[one])]
            died.extend(here)
            return here[0].moment if here else None

        with process(world, dies_at, life.look) as bot:
            await life.live(bot)

        assert died == deaths.crashes
