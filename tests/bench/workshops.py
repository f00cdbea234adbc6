"""Measures a tick with many past workshops, on real databases.

`python -m tests.bench.workshops [--json] [--quick]`

A workshop runs from its announcement to deleting its room, with ten people who take seats, in databases with 100
and 20,000 past workshops of twenty seats each. The two alternate, so that the ratio of medians means something on
any machine. Every past seat has a participant, notifications, and someone who waited. Discord answers at once.
"""

import json
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from models import Guild
from scheduler.core.actor import Actor
from scheduler.workshops import seats, workshops
from scheduler.workshops.terms import Terms
from tests.bench import tick as ticks
from tests.bench.booking import Times, a_database
from tests.bench.options import Options, from_command_line, write
from tests.bench.tick import DUE
from tests.bench.two_sizes import Measured, on_both_engines, ratio, table
from tests.support.builders import ADMIN, COACH, DAY, GUILD, HOUR, MINUTE, MONDAY, STUDENT, a_coach, a_guild
from tests.support.rounds import tick
from tests.support.transactions import transact

SEATS = 20
"""How many each past workshop had."""


@dataclass(frozen=True, slots=True)
class Size:
    """How many past workshops each database has, and how often one runs."""

    few: int = 100
    many: int = 20_000
    lives: int = 15
    warm_up: int = 2


QUICK = Size(few=10, many=200, lives=1, warm_up=0)
ANNOUNCE, SELL, TELL = "announce it", "ten people take seats", "tell them, edit the announcement"
STEPS = {
    "decide whether enough come": -DAY,
    "make the room": -15 * MINUTE,
    "open it": -5 * MINUTE,
    "start": 0 * MINUTE,
    "a word of warning": 55 * MINUTE,
    "finish, remove the room": 60 * MINUTE,
}
"""What's due when, relative to the start of a one-hour workshop."""
LIFE, IDLE = "all of these", "nothing due"
HISTORY = {
    "coaching_sessions": (
        "guild_id, code, coach_id, starts_at, ends_at, status, session_type, currency, is_workshop,"
        " discord_channel_id, discord_setup_complete, reminder_sent, created_at, updated_at,"
        " room_intended_at, access_granted_at, room_removed_at, revision, attempts",
        f"{GUILD}, 'p' || n, {COACH} + n % {DUE}, starts_at, ends_at, 'COMPLETED', 'video', 'USD', true,"
        " 5000000 + n, true, true, starts_at, ends_at, starts_at, starts_at, ends_at, 0, 0",
        1,
    ),
    "workshops": (
        "session_id, guild_id, title, description, seats, price_minor, takes_credit, least, channel_id, has_event,"
        " created_by, attempts",
        f"n + 1, {GUILD}, 'Mixing', '', {SEATS}, 0, false, 2, 66, false, {COACH}, 0",
        1,
    ),
    "workshop_seats": ("session_id, user_id", f"n + 1, {STUDENT} + seat", SEATS),
    "session_participants": (
        "session_id, user_id, guild_id, coach_id, starts_at, status, joined_at, total_cost_minor",
        f"n + 1, {STUDENT} + seat, {GUILD}, {COACH} + n % {DUE}, starts_at, 'attended', starts_at, 0",
        SEATS,
    ),
    "notifications": (
        "guild_id, kind, user_id, session_id, about_user_id, created_at, revision, tried_at, sent_at, channel_id,"
        " message_id, attempts",
        f"{GUILD}, 'seat_taken', {STUDENT} + seat, n + 1, {STUDENT} + seat, starts_at, 1, starts_at, starts_at,"
        " 40, n, 0",
        SEATS,
    ),
    "wishes": (
        "guild_id, user_id, coach_id, session_id, minutes, weekdays, from_minute, until_minute, until, created_at,"
        " ended_at, end_reason",
        f"{GUILD}, {STUDENT} + seat, {COACH} + n % {DUE}, n + 1, 60, 127, 0, 1440, starts_at, starts_at,"
        " starts_at, 'booked'",
        SEATS,
    ),
}
"""Table → columns, their values for past workshop `n` and its `seat`, and rows per past workshop."""


class Side(ticks.Side):
    """One database and its measurements."""

    async def fill(self, past: int) -> None:
        """Store a server with ten coaches and their workshops."""
        async with self.db.begin() as session:
            await a_guild(session, workshop_channel_id=66, mirrors_workshops=True, most_upcoming=1000)
            for number in range(DUE):
                await a_coach(session, user_id=COACH + number, hours=())
        async with self.db.engine.begin() as connection:
            for name, (columns, values, times) in HISTORY.items():
                insertion = text(self._inserting(name, columns, values, times))
                await connection.execute(insertion, {"most": past * times})
        async with self.db.engine.begin() as connection:
            await connection.exec_driver_sql("ANALYZE")

    def _inserting(self, name: str, columns: str, values: str, times: int) -> str:
        """Insert past workshops; each coach had one an hour, back from the day before `MONDAY`."""
        before = (MONDAY - DAY).isoformat()
        hour, start = "interval '1 hour'", f"timestamptz '{before}'"
        if self.db.is_sqlite:
            hour, start = "3600000000", str(int((MONDAY - DAY).timestamp()) * 1_000_000)
        return (
            "WITH RECURSIVE numbers(m) AS (SELECT 0 UNION ALL SELECT m + 1 FROM numbers WHERE m + 1 < :most), "
            f"past AS (SELECT m / {times} AS n, m % {times} AS seat, {start} - (m / {times * DUE}) * {hour} AS "
            f"starts_at, {start} - (m / {times * DUE}) * {hour} + {hour} AS ends_at FROM numbers) "
            f"INSERT INTO {name} ({columns}) SELECT {values} FROM past"
        )

    async def life(self, number: int) -> None:
        """Run a workshop on its own day, for which the same ten people take seats."""
        starts_at = MONDAY + 3 * (1 + number) * DAY
        self.clock.now = max(self.clock.now, starts_at - 2 * DAY)
        session_id = await transact(self.db, self._create, starts_at)
        whole = 0.0
        with self.measured(ANNOUNCE):
            await self.tick()
        with self.measured(SELL):
            for one in range(DUE):
                await transact(self.db, seats.take, session_id, Actor(STUDENT + one), self.clock())
        with self.measured(TELL):
            await self.tick()
            self.clock.forward(MINUTE)
            await self.tick()
        whole += sum(self.took[one][-1] for one in (ANNOUNCE, SELL, TELL))
        with self.measured(IDLE):
            report = await tick(self.db, self.discord, self.clock, unwatched=dict)
        assert report is not None
        assert not report.did_something
        for name, after in STEPS.items():
            self.clock.now = starts_at + after
            with self.measured(name):
                await self.tick()
            whole += self.took[name][-1]
        self.took[LIFE].append(whole)
        assert not self.discord.rooms, "a room was left over"

    async def _create(self, session: AsyncSession, starts_at: datetime) -> int:
        guild = await session.get_one(Guild, GUILD)
        terms = Terms("Mixing", "", starts_at, HOUR, SEATS, least=2)
        return (await workshops.create(session, guild, ADMIN, COACH, terms, self.clock())).session_id


async def measure(few_url: str, many_url: str, size: Size) -> Measured:
    """Return task → size → times. The databases alternate in going first."""
    sides = {"few": Side(await a_database(few_url)), "many": Side(await a_database(many_url))}
    for name, past in (("few", size.few), ("many", size.many)):
        await sides[name].fill(past)
    for number in range(size.warm_up + size.lives):
        for side in sorted(sides.values(), key=lambda one: one is sides["many"], reverse=number % 2 == 1):
            await side.life(number)
    for side in sides.values():
        await side.db.close()
    assert sides["few"].did == sides["many"].did, "the ticks did different things"
    return {
        what: {name: Times(side.took[what][size.warm_up :]) for name, side in sides.items()}
        for what in (ANNOUNCE, SELL, TELL, *STEPS, LIFE, IDLE)
    }


def run(options: Options) -> None:
    """Measure both engines, with few and with many past workshops."""
    size = QUICK if options.quick else Size()
    found = on_both_engines(lambda few, many: measure(few, many, size))
    ratios = {
        engine: round(max(ratio(measured[LIFE]), ratio(measured[IDLE])), 2) for engine, measured in found.items()
    }
    write(
        json.dumps(ratios)
        if options.as_json
        else table(found, f"{size.few:,} past workshops of {SEATS} seats, then {size.many:,}")
    )


if __name__ == "__main__":
    run(from_command_line(__doc__, "the worse ratio of a workshop's life and an idle tick, for each engine"))
