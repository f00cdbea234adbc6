"""Measures booking on real databases: `python -m tests.bench.booking [--json] [--quick]`.

Ratios compare alternating measurements of one run, so that they mean something on any machine: a booking against
inserting a bare row, and screens with a long history against none. Bookings per second come from eight workers at
once, and depend on the machine.
"""

import asyncio
import json
import tempfile
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import count
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import (
    AvailabilityRule,
    Coach,
    CoachingSession,
    Guild,
    Participant,
    Reservation,
    SessionStatus,
    SessionType,
)
from models.storage.database import Database
from scheduler.availability import coach_search, free_times
from scheduler.booking import booking
from scheduler.core.actor import Actor
from scheduler.sessions import upcoming
from tests.bench.options import Options, from_command_line, write
from tests.support.builders import (
    COACH,
    DAY,
    GUILD,
    HOUR,
    MINUTE,
    MONDAY,
    OFFICE_HOURS,
    STUDENT,
    a_coach,
    a_guild,
    a_session,
)
from tests.support.postgres import start_postgres
from tests.support.transactions import query

WORKERS, PAGE = 8, 10
LOOKER = 9_000_000
"""A student who browses and looks at their own sessions."""
EVERY_DAY = [(day, 9 * 60, 17 * 60) for day in range(7)]


@dataclass(frozen=True, slots=True)
class Size:
    """How much to measure."""

    rounds: int = 200
    """Of one booking and one insertion."""
    bookings: int = 800
    """Of all workers together."""
    looks: int = 25
    past: int = 100_000
    """Sessions in a long history."""
    warm_up: int = 5


QUICK = Size(rounds=3, bookings=16, looks=2, past=2_000, warm_up=1)


@dataclass(frozen=True)
class Times:
    """Durations in milliseconds."""

    each: Sequence[float]

    @property
    def least(self) -> float:
        return min(self.each)

    @property
    def middle(self) -> float:
        return median(self.each)

    @property
    def p99(self) -> float:
        return sorted(self.each)[int(len(self.each) * 0.99)]


@dataclass(frozen=True)
class Figures:
    one: dict[str, Times]
    sqlite: tuple[float, Times]
    postgres: tuple[float, Times]
    looking: dict[str, dict[str, Times]]
    past: int

    def ratios(self) -> dict[str, float]:
        """Return the ratios to keep an eye on."""
        many = {
            f"{what}_history": times["history"].middle / times["small"].middle
            for what, times in self.looking.items()
        }
        found = {"book_vs_insert": self.one["book"].middle / self.one["insert"].middle} | many
        rates = {"sqlite_per_s": self.sqlite[0], "postgres_per_s": self.postgres[0]}
        return {name: round(value, 2) for name, value in found.items()} | {
            name: round(value, 1) for name, value in rates.items()
        }

    def table(self) -> str:
        ratios = self.ratios()
        lines = [f"{'milliseconds':46}{'least':>9}{'median':>9}{'p99':>9}{'ratio':>9}"]
        lines.append(row("SQLite: insert one row and commit", self.one["insert"]))
        lines.append(row("SQLite: book, all of it", self.one["book"], ratios["book_vs_insert"]))
        for name, (rate, times) in (("SQLite", self.sqlite), ("PostgreSQL", self.postgres)):
            lines.append(row(f"{name}: {rate:.0f} bookings/s of {WORKERS} workers", times))
        for what, found in self.looking.items():
            lines.append(row(f"{what}: 50 coaches, no history", found["small"]))
            for name, title in (
                ("coaches", "500 coaches, none"),
                ("history", f"500 coaches, {self.past:,} sessions"),
            ):
                lines.append(row(f"  {title}", found[name], found[name].middle / found["small"].middle))
        return "\n".join([*lines, "Ratios are of medians, to the line without one above."])


def row(title: str, times: Times, ratio: float | None = None) -> str:
    told = "" if ratio is None else f"{ratio:.2f}x"
    return f"{title:46}{times.least:9.2f}{times.middle:9.2f}{times.p99:9.2f}{told:>9}"


async def in_turns(
    ways: dict[str, Callable[[], Awaitable[object]]], rounds: int, warm_up: int
) -> dict[str, Times]:
    """Run all variants in every round. The first rounds, which fill caches, don't count."""
    found: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(warm_up + rounds):
        for name, way in ways.items():
            began = perf_counter()
            await way()
            if number >= warm_up:
                found[name].append((perf_counter() - began) * 1000)
    return {name: Times(each) for name, each in found.items()}


async def a_database(url: str) -> Database:
    db = Database(url)
    await db.upgrade()
    return db


async def fill(
    db: Database, coaches: int, past: int, *, hours: Sequence[tuple[int, int, int]] = OFFICE_HOURS
) -> None:
    """Store coaches with evenly shared past sessions; `LOOKER` has three upcoming ones."""
    async with db.begin() as session:
        await a_guild(session, most_upcoming=1_000_000)
        await a_coach(session, hours=hours, daily_limit=4)
        await more_coaches(session, coaches - 1, hours)
        for number in range(3):
            await a_session(session, starts_at=MONDAY + (number + 1) * DAY + 7 * HOUR, student_id=LOOKER)
        for number in range(PAGE):  # so that there's always a full page
            starts_at = MONDAY - (number + 1) * HOUR
            await a_session(
                session, starts_at=starts_at, student_id=LOOKER, status=SessionStatus.COMPLETED, reserved=False
            )
    sessions = [
        a_past_session(number, COACH + number % coaches, MONDAY - (1 + number // coaches) * DAY)
        for number in range(past)
    ]
    if sessions:
        names = {"user_id": "coach_id", "starts_at": "starts_at", "ends_at": "ends_at", "session_id": "id"}
        reserved = [{name: one[key] for name, key in names.items()} for one in sessions]
        async with db.engine.begin() as connection:
            await connection.execute(insert(CoachingSession), sessions)
            await connection.execute(insert(Participant), [participant_in(one) for one in sessions])
            await connection.execute(insert(Reservation), reserved)
            await connection.exec_driver_sql("ANALYZE")


def a_past_session(number: int, coach_id: int, starts_at: datetime) -> dict[str, Any]:
    """Return one row of a session."""
    return {
        "id": 1000 + number,
        "guild_id": GUILD,
        "code": f"p{number}",
        "coach_id": coach_id,
        "starts_at": starts_at,
        "ends_at": starts_at + 30 * MINUTE,
        "status": SessionStatus.COMPLETED,
        "session_type": SessionType.VIDEO,
        "currency": "USD",
        "discord_setup_complete": True,
        "reminder_sent": False,
        "created_at": starts_at - DAY,
        "updated_at": starts_at,
        "revision": 0,
        "attempts": 0,
    }


def participant_in(past: dict[str, Any]) -> dict[str, Any]:
    """Return its participant's row. Every fiftieth session is `LOOKER`'s, so that they have a long history too."""
    number = past["id"] - 1000
    return {
        "session_id": past["id"],
        "user_id": LOOKER if number % 50 == 0 else LOOKER + 1 + number % 3000,
        "joined_at": past["created_at"],
        "total_cost_minor": 6000,
        **{name: past[name] for name in ("guild_id", "coach_id", "starts_at")},
    }


async def more_coaches(session: AsyncSession, number: int, hours: Sequence[tuple[int, int, int]]) -> None:
    """Copy the first coach."""
    first = await session.get_one(Coach, (GUILD, COACH))
    plain = {column.key: getattr(first, column.key) for column in Coach.__table__.columns}
    ids = range(COACH + 1, COACH + 1 + number)
    await session.execute(insert(Coach), [plain | {"user_id": one, "display_name": f"Cara {one}"} for one in ids])
    rows = [
        {"guild_id": GUILD, "coach_id": one, "weekday": day, "start_minute": start, "end_minute": end}
        for one in ids
        for day, start, end in hours
    ]
    await session.execute(insert(AvailabilityRule), rows)


async def book(db: Database, coach_id: int, student_id: int, at: datetime) -> None:
    """Run the whole transaction behind Confirm."""
    async with db.begin() as session:
        guild = await session.get_one(Guild, GUILD)
        await booking.book(session, guild, Actor(student_id), coach_id, at, HOUR, None, MONDAY)


async def one_booking(folder: Path, size: Size) -> dict[str, Times]:
    """Measure a booking and a bare insertion, alternating."""
    db = await a_database(f"sqlite:///{folder / 'one.db'}")
    await fill(db, 50, 0, hours=EVERY_DAY)
    wishes = free_wishes()

    async def insert_a_row() -> None:
        async with db.begin() as session:
            coach_id, student_id, at = next(wishes)
            await a_session(session, coach_id=coach_id, student_id=student_id, starts_at=at, reserved=False)

    async def book_one() -> None:
        await book(db, *next(wishes))

    found = await in_turns({"insert": insert_a_row, "book": book_one}, size.rounds, size.warm_up)
    await db.close()
    return found


def free_wishes() -> Iterator[tuple[int, int, datetime]]:
    """Yield coach, student and time without overlaps, at two sessions a day to stay below the limit."""
    for number in count():
        day, place = divmod(number // 50, 2)
        yield COACH + number % 50, STUDENT + 1000 + number, MONDAY + (1 + day) * DAY + (2 + 3 * place) * HOUR


async def many_bookings(url: str, size: Size) -> tuple[float, Times]:
    """Measure bookings per second of eight workers at once, and the duration of each."""
    db = await a_database(url)
    await fill(db, 50, 0, hours=EVERY_DAY)
    wishes, took = free_wishes(), list[float]()

    async def work(bookings_each: int) -> None:
        for _ in range(bookings_each):
            began = perf_counter()
            await book(db, *next(wishes))
            took.append((perf_counter() - began) * 1000)

    await asyncio.gather(*(work(size.warm_up) for _ in range(WORKERS)))
    took.clear()
    began = perf_counter()
    await asyncio.gather(*(work(size.bookings // WORKERS) for _ in range(WORKERS)))
    rate = len(took) / (perf_counter() - began)
    async with db.read() as session:
        booked = await session.scalar(select(func.count()).where(Participant.user_id != LOOKER))
    assert booked == len(took) + WORKERS * size.warm_up, "a booking was lost"
    await db.close()
    return rate, Times(took)


async def list_times(db: Database) -> int:
    async with db.read() as session:
        coach = await session.get_one(Coach, (GUILD, COACH))
        found = await free_times.free_times(session, coach, HOUR, student_id=LOOKER, now=MONDAY)
        return len(list(found))


async def browse(db: Database) -> int:
    return len(await query(db, coach_search.browse, GUILD, LOOKER, MONDAY))


async def first_page(db: Database) -> int:
    return len((await query(db, upcoming.list_page, [GUILD], LOOKER, MONDAY, page=0, size=PAGE)).sessions)


async def looking(folder: Path, size: Size) -> dict[str, dict[str, Times]]:
    """Measure what people look at, by how much data there is."""
    sizes = {"small": (50, 0), "coaches": (500, 0), "history": (500, size.past)}
    dbs = {name: await a_database(f"sqlite:///{folder / name}.db") for name in sizes}
    for name, (coaches, past) in sizes.items():
        await fill(dbs[name], coaches, past)
    found: dict[str, dict[str, Times]] = {}
    for what, look in (("list", list_times), ("browse", browse), ("agenda", first_page)):
        seen = [await look(db) for db in dbs.values()]
        assert seen[1] == seen[2], f"{what} shows {seen}"
        assert seen[0] == seen[1] or what == "browse", f"{what} shows {seen}"  # where 50 coaches aren't 500
        found[what] = await in_turns(
            {name: partial(look, db) for name, db in dbs.items()}, size.looks, size.warm_up
        )
    for db in dbs.values():
        await db.close()
    return found


async def measure(folder: Path, postgres_url: str, size: Size) -> Figures:
    one = await one_booking(folder, size)
    sqlite = await many_bookings(f"sqlite:///{folder / 'many.db'}", size)
    return Figures(one, sqlite, await many_bookings(postgres_url, size), await looking(folder, size), size.past)


def run(options: Options) -> None:
    size = QUICK if options.quick else Size()
    with (
        tempfile.TemporaryDirectory(prefix="coachbot-bench-") as folder,
        start_postgres(Path(folder) / "postgres") as server,
    ):
        server.psql("CREATE DATABASE bench")
        found = asyncio.run(measure(Path(folder), server.get_uri("bench"), size))
    write(json.dumps(found.ratios()) if options.as_json else found.table())


if __name__ == "__main__":
    run(from_command_line(__doc__, "ratios, and bookings per second"))
