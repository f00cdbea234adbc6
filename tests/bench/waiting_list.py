"""Measures the waiting list, on real databases.

`python -m tests.bench.waiting_list [--json] [--quick]`

Sessions are cancelled, and their time is offered and passed on, in databases where 100 and 100,000 others wait for
something else: for another coach or in another server. Some are off the list. The two alternate, so that the
ratio of medians means something on any machine. Discord answers at once.
"""

import json
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter

from sqlalchemy import insert, select, text

from models import Offer, OfferState, Wish
from models.storage.database import Database
from scheduler.booking import cancellation
from scheduler.core.actor import Actor
from scheduler.core.task_pool import TaskPool
from scheduler.waiting_list import answers, due
from tests.bench.booking import Times, a_database
from tests.bench.options import Options, from_command_line, write
from tests.bench.two_sizes import Measured, on_both_engines, ratio, table
from tests.support.builders import COACH, DAY, GUILD, HOUR, MONDAY, STUDENT, FakeClock, a_coach, a_guild, a_session
from tests.support.fakes import FakeDiscord
from tests.support.rounds import tick
from tests.support.transactions import fetch_only, transact
from tests.support.waiting_list import a_wish

FIRST, SECOND = Actor(STUDENT + 1), Actor(STUDENT + 2)
CROWD = 1_000_000
"""Ids of people who wait for something else start here."""
ALL_DAY = [(day, 0, 24 * 60) for day in range(7)]
CANCEL, OFFER, PASS, IDLE = "cancel", "offer it", "pass it on", "nothing due"


@dataclass(frozen=True, slots=True)
class Size:
    """How many others wait, and how often a time becomes free."""

    few: int = 100
    many: int = 100_000
    rounds: int = 40
    warm_up: int = 4


QUICK = Size(few=10, many=1_000, rounds=1, warm_up=0)


class Side:
    """One database and its measurements."""

    def __init__(self, db: Database) -> None:
        self.db, self.discord, self.clock = db, FakeDiscord(), FakeClock()
        self.took: defaultdict[str, list[float]] = defaultdict(list)

    @contextmanager
    def measured(self, name: str) -> Iterator[None]:
        """Record how long the block takes, in milliseconds."""
        began = perf_counter()
        yield
        self.took[name].append((perf_counter() - began) * 1000)

    async def fill(self, crowd: int) -> None:
        """Store two servers with two coaches each, and those who wait for something else."""
        async with self.db.begin() as session:
            for guild_id in (GUILD, GUILD + 1):
                await a_guild(session, id=guild_id, most_upcoming=10_000)
                for coach_id in (COACH + guild_id - GUILD, COACH + 10 + guild_id - GUILD):
                    await a_coach(session, guild_id=guild_id, user_id=coach_id, hours=ALL_DAY, horizon_days=90)
            await a_wish(session, FIRST, coach_id=COACH, until=MONDAY + 59 * DAY)
            await a_wish(session, SECOND, until=MONDAY + 59 * DAY)
            for first in range(0, crowd, 1_000):
                await session.execute(insert(Wish), [_other(n) for n in range(first, min(first + 1_000, crowd))])
        async with self.db.engine.begin() as connection:
            await connection.execute(text("ANALYZE"))

    async def round(self, number: int) -> None:
        """Cancel a session, and let the first in line pass it."""
        starts_at = MONDAY + 2 * DAY + (number % 200) * HOUR
        async with self.db.begin() as session:
            booked = await a_session(session, student_id=STUDENT + 10, starts_at=starts_at, next_step_at=None)
        with self.measured(CANCEL):
            cancel = cancellation.cancel
            await transact(self.db, cancel, booked.id, Actor(STUDENT + 10), GUILD, "", self.clock())
        with self.measured(OFFER):
            await self.work()
        await self.decline(FIRST)
        with self.measured(PASS):
            await self.work()
        await self.decline(SECOND)
        await self.work()
        while (report := await tick(self.db, self.discord, self.clock)) is not None and report.did_something:
            pass
        with self.measured(IDLE):
            await tick(self.db, self.discord, self.clock)

    async def work(self) -> None:
        """Do what's due for the waiting list."""
        pool: TaskPool[bool] = TaskPool(wait_for_slow=True)
        assert not await due.do_due(self.db, self.discord, self.clock, pool)

    async def decline(self, actor: Actor) -> None:
        """Pass what's offered to this person, who must have been offered it."""
        theirs = select(Offer).where(Offer.user_id == actor.user_id, Offer.state == OfferState.OPEN)
        offer = await fetch_only(self.db, theirs)
        await transact(self.db, answers.decline, offer.id, actor, self.clock())


def _other(number: int) -> dict[str, object]:
    """Return a wish that's for something else in one of four ways."""
    way = number % 4
    return {
        "guild_id": GUILD + (way == 1),
        "user_id": CROWD + number,
        "coach_id": (COACH + 10, None, COACH, COACH + 10)[way] if way != 1 else None,
        "minutes": 60,
        "weekdays": 127,
        "from_minute": 0,
        "until_minute": 1440,
        # Those who'd take this very coach have waited too long: their last day is over, and they're off the list.
        "ended_at": MONDAY if way == 2 else None,
        "until": MONDAY + 59 * DAY,
        "created_at": MONDAY,
        "next_step_at": None if way == 2 else MONDAY + 59 * DAY,
    }


async def measure(few_url: str, many_url: str, size: Size) -> Measured:
    """Return task → size → times. The databases alternate in going first."""
    sides = {"few": Side(await a_database(few_url)), "many": Side(await a_database(many_url))}
    for name, crowd in (("few", size.few), ("many", size.many)):
        await sides[name].fill(crowd)
    for number in range(size.warm_up + size.rounds):
        for side in sorted(sides.values(), key=lambda one: one is sides["many"], reverse=number % 2 == 1):
            await side.round(number)
    for side in sides.values():
        await side.db.close()
    return {
        what: {name: Times(side.took[what][size.warm_up :]) for name, side in sides.items()}
        for what in (CANCEL, OFFER, PASS, IDLE)
    }


def run(options: Options) -> None:
    """Measure both engines, with few and with many who wait."""
    size = QUICK if options.quick else Size()
    found = on_both_engines(lambda few, many: measure(few, many, size))
    ratios = {
        engine: round(max(ratio(times) for times in measured.values()), 2) for engine, measured in found.items()
    }
    write(json.dumps(ratios) if options.as_json else table(found, f"{size.few:,} others wait, then {size.many:,}"))


if __name__ == "__main__":
    run(from_command_line(__doc__, "the worst ratio, a number for each engine"))
