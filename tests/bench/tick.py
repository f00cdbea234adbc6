"""Measures a tick with a long history, on real databases.

`python -m tests.bench.tick [--json] [--quick]`

Ten sessions at a time run from creating to deleting their rooms, in databases with 1,000 and 1,000,000 past
sessions, alternating, so that the ratio of medians means something on any machine. Every past session has
notifications, attendance and audit entries, and belongs to one of the ten coaches and students whose sessions are
due. Discord answers at once.
"""

import json
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter

from sqlalchemy import text

from models.storage.database import Database
from scheduler.attendance import attendance
from scheduler.rooms.reconciliation import sweep
from scheduler.sessions import upcoming
from tests.bench.booking import Times, a_database
from tests.bench.options import Options, from_command_line, write
from tests.bench.two_sizes import Measured, on_both_engines, ratio, table
from tests.support.builders import (
    COACH,
    DAY,
    GUILD,
    MINUTE,
    MONDAY,
    STUDENT,
    FakeClock,
    a_coach,
    a_guild,
    a_session,
)
from tests.support.fakes import FakeDiscord
from tests.support.rounds import tick
from tests.support.transactions import transact

DUE = 10


@dataclass(frozen=True, slots=True)
class Size:
    """How many past sessions each database has, and how often ten sessions run."""

    few: int = 1_000
    many: int = 1_000_000
    lives: int = 15
    warm_up: int = 2


QUICK = Size(few=100, many=2_000, lives=1, warm_up=0)
RESERVED = 100_000
"""How many past sessions have reservations: the guard makes inserting these slow."""
STEPS = {
    "10 due: make the rooms": -15 * MINUTE,
    "10 due: open them": -5 * MINUTE,
    "10 due: start": 0 * MINUTE,
    "10 due: a word of warning": 55 * MINUTE,
    "10 due: finish, remove the rooms": 60 * MINUTE,
}
"""What's due when, relative to the start of a one-hour session."""
LIFE, IDLE = "10 due: all of these", "nothing due"
SWEEP, WATCH, AGENDA = "hourly sweep, 10 rooms", "see who is in 10 rooms", "/sessions, with who attended"

HISTORY = {
    "coaching_sessions": (
        "guild_id, code, coach_id, starts_at, ends_at, status, session_type, currency,"
        " discord_channel_id, discord_setup_complete, reminder_sent, created_at, updated_at,"
        " room_intended_at, access_granted_at, room_removed_at, revision, attempts",
        f"{GUILD}, 'p' || n, {COACH} + n % {DUE}, starts_at, ends_at, 'COMPLETED', 'video', 'USD', 5000000 + n,"
        " true, true, starts_at, ends_at, starts_at, starts_at, ends_at, 0, 0",
        1,
    ),
    "session_participants": (
        "session_id, user_id, guild_id, coach_id, starts_at, status, joined_at, total_cost_minor",
        f"n + 1, {STUDENT} + n % {DUE}, {GUILD}, {COACH} + n % {DUE}, starts_at, 'attended', starts_at, 6000",
        1,
    ),
    "notifications": (
        "guild_id, kind, user_id, session_id, created_at, revision, tried_at, sent_at, channel_id, message_id,"
        " attempts",
        f"{GUILD}, 'room_open', {STUDENT} + n % {DUE}, n + 1, starts_at, 1, starts_at, starts_at, 40, n, 0",
        2,
    ),
    "attendance": (
        "session_id, user_id, joined_at, left_at",
        f"n + 1, {STUDENT} + n % {DUE}, starts_at, ends_at",
        2,
    ),
    "audit_entries": (
        "guild_id, at, action, coach_id, session_id, details",
        f"{GUILD}, ends_at, 'session_completed', {COACH} + n % {DUE}, n + 1, '{{}}'",
        2,
    ),
    "job_runs": (
        "started_at, finished_at, steps, roles, notifications, failures",
        "starts_at, ends_at, 1, 0, 1, 0",
        1,
    ),
}
"""Table → columns, their values for past session `n`, and rows per past session."""


class Side:
    """One database and its measurements."""

    def __init__(self, db: Database) -> None:
        self.db, self.discord, self.clock = db, FakeDiscord(), FakeClock()
        self.took: defaultdict[str, list[float]] = defaultdict(list)
        self.did: list[tuple[int, int, int]] = []
        """Of each tick: steps, roles and notifications. Codes of sessions are random."""

    @contextmanager
    def measured(self, *names: str) -> Iterator[None]:
        """Record how long the block takes, in milliseconds."""
        began = perf_counter()
        yield
        for name in names:
            self.took[name].append((perf_counter() - began) * 1000)

    async def fill(self, past: int) -> None:
        """Store a server with ten coaches and their history."""
        async with self.db.begin() as session:
            await a_guild(session)
            for number in range(DUE):
                await a_coach(session, user_id=COACH + number, hours=())
        async with self.db.engine.begin() as connection:
            for name, (columns, values, times) in HISTORY.items():
                for _ in range(times):
                    await connection.execute(text(self._insertion(name, columns, values)), {"most": past})
            for person in (COACH, STUDENT):
                reserved = f"{person} + n % {DUE}, starts_at, ends_at, n + 1"
                columns = "user_id, starts_at, ends_at, session_id"
                statement = self._insertion("reservations", columns, reserved)
                await connection.execute(text(statement), {"most": min(past, RESERVED)})
        async with self.db.engine.begin() as connection:
            await connection.exec_driver_sql("ANALYZE")

    def _insertion(self, name: str, columns: str, values: str) -> str:
        """Insert past sessions 0 to `:most`; each coach had one an hour, back from the day before `MONDAY`."""
        before = (MONDAY - DAY).isoformat()
        hour, start = "interval '1 hour'", f"timestamptz '{before}'"
        if self.db.is_sqlite:
            hour, start = "3600000000", str(int((MONDAY - DAY).timestamp()) * 1_000_000)
        return (
            f"WITH RECURSIVE numbers(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < :most), "
            f"past AS (SELECT n, {start} - (n / {DUE}) * {hour} AS starts_at, "
            f"{start} - (n / {DUE}) * {hour} + {hour} AS ends_at FROM numbers) "
            f"INSERT INTO {name} ({columns}) SELECT {values} FROM past"
        )

    async def life(self, number: int) -> None:
        """Run ten sessions on their own day."""
        starts_at = MONDAY + (1 + number) * DAY
        async with self.db.begin() as session:
            for one in range(DUE):
                await a_session(session, starts_at=starts_at, coach_id=COACH + one, student_id=STUDENT + one)
        whole = 0.0
        for name, after in STEPS.items():
            self.clock.now = starts_at + after
            with self.measured(name):
                await self.tick()
            whole += self.took[name][-1]
            if after == -5 * MINUTE:
                await self.meanwhile()
        self.took[LIFE].append(whole)
        assert not self.discord.rooms, "a room was left over"

    async def tick(self) -> None:
        """Tick as often as the loop would: each tick sends only a few direct messages."""
        more = True
        while more:
            report = await tick(self.db, self.discord, self.clock, unwatched=dict)
            assert report is not None
            assert not report.failures, report.failures
            assert report.did_something
            self.did.append((len(report.steps), report.roles, report.notifications))
            more = report.more

    async def meanwhile(self) -> None:
        """Measure what else happens while ten rooms are open and nothing is due."""
        with self.measured(IDLE):
            report = await tick(self.db, self.discord, self.clock, unwatched=dict)
        assert report is not None
        assert not report.did_something
        with self.measured(SWEEP):
            found = await sweep(self.db, self.discord, self.clock)
        assert found == 0
        inside = {channel: {COACH + one, STUDENT + one} for one, channel in enumerate(sorted(self.discord.rooms))}
        with self.measured(WATCH):
            await transact(self.db, attendance.resync, [GUILD], inside, self.clock(), self.clock())
        with self.measured(AGENDA):
            async with self.db.read() as session:
                page = await upcoming.list_page(session, [GUILD], COACH, self.clock(), page=0, size=10)
                for one in page.sessions:
                    await attendance.attended(session, one, self.clock())


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
        for what in (*STEPS, LIFE, IDLE, SWEEP, WATCH, AGENDA)
    }


def run(options: Options) -> None:
    """Measure both engines, with few and many past sessions."""
    size = QUICK if options.quick else Size()
    found = on_both_engines(lambda few, many: measure(few, many, size))
    ratios = {engine: round(ratio(measured[LIFE]), 2) for engine, measured in found.items()}
    write(
        json.dumps(ratios) if options.as_json else table(found, f"{size.few:,} past sessions, then {size.many:,}")
    )


if __name__ == "__main__":
    run(from_command_line(__doc__, "a tick's ratio, a number for each engine"))
