"""Statistics, compared with counting in plain Python on the local days of many zones, on both engines."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert

from models import Base, Coach, CoachingSession, CoachStatus, JobRun, Participant, Review, SessionStatus
from models.storage.database import Database
from scheduler.core.actor import Actor
from scheduler.core.errors import NotAllowed
from scheduler.reports import statistics
from scheduler.reports.statistics import Stats
from tests.support.builders import (
    ADMIN,
    COACH,
    DAY,
    GUILD,
    HOUR,
    MINUTE,
    MONDAY,
    STUDENT,
    a_coach,
    a_date,
    a_guild,
    a_server_with_a_coach,
    a_session,
    refusal,
    statements,
)
from tests.support.transactions import query, transact

ELSEWHERE = GUILD + 1
COUNTED = ("created", "completed", "no_show", "cancelled")

ZONES = (
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",  # half an hour of summer time
    "Asia/Kathmandu",
    "Pacific/Apia",
    "America/Scoresbysund",  # changed at midnight
    "Africa/Casablanca",
)
NEAR_CHANGES = (
    datetime(2026, 3, 29, 1, tzinfo=UTC),
    datetime(2026, 10, 25, 1, tzinfo=UTC),
    datetime(2026, 3, 8, 7, tzinfo=UTC),
    datetime(2026, 11, 1, 6, tzinfo=UTC),
    datetime(2026, 4, 4, 15, tzinfo=UTC),
    datetime(2023, 10, 29, 1, tzinfo=UTC),
)


@dataclass(frozen=True)
class Row:
    """A session and its review. Times are in minutes after now."""

    guild_id: int
    coach_id: int
    status: SessionStatus
    created: int
    starts: int
    length: int
    cancelled: int | None
    missed: bool
    stars: int | None
    reviewed: int
    hidden: bool


def minutes(days: int) -> st.SearchStrategy[int]:
    return st.integers(-days * 1440, days * 1440)


ROWS = st.lists(
    st.builds(
        Row,
        guild_id=st.sampled_from((GUILD, GUILD, ELSEWHERE)),
        coach_id=st.sampled_from((COACH, COACH + 1)),
        status=st.sampled_from(SessionStatus),
        created=minutes(12),
        starts=minutes(12),
        length=st.integers(1, 300),
        cancelled=st.none() | minutes(12),
        missed=st.booleans(),
        stars=st.none() | st.integers(1, 5),
        reviewed=minutes(12),
        hidden=st.booleans(),
    ),
    max_size=40,
)
RUNS = st.lists(st.tuples(minutes(12), st.integers(0, 5000), st.integers(0, 2)), max_size=20)


async def write(db: Database, now: datetime, rows: Sequence[Row], runs: Sequence[tuple[int, int, int]]) -> None:
    """Store exactly these sessions, reviews and ticks."""
    sessions, participants, reviews = [], [], []
    for number, row in enumerate(rows, 1):
        starts_at = now + row.starts * MINUTE
        sessions.append(
            {
                "id": number,
                "guild_id": row.guild_id,
                "coach_id": row.coach_id,
                "code": f"x{number}",
                "status": row.status,
                "created_at": now + row.created * MINUTE,
                "updated_at": now,
                "starts_at": starts_at,
                "ends_at": starts_at + row.length * MINUTE,
                "cancelled_at": None if row.cancelled is None else now + row.cancelled * MINUTE,
                "missed_at": now if row.missed else None,
                "session_type": "video",
                "currency": "USD",
            }
        )
        copied = {name: sessions[-1][name] for name in ("guild_id", "coach_id", "starts_at")}
        participants.append(
            copied | {"session_id": number, "user_id": STUDENT, "joined_at": now, "total_cost_minor": 0}
        )
        if row.stars is not None:
            at = now + row.reviewed * MINUTE
            people = {"guild_id": row.guild_id, "coach_id": row.coach_id, "student_id": STUDENT}
            hidden = {"hidden_at": at if row.hidden else None}
            reviews.append(
                {"session_id": number, "stars": row.stars, "created_at": at, "updated_at": at} | people | hidden
            )
    ticks = [
        {
            "started_at": now + start * MINUTE,
            "finished_at": now + start * MINUTE + timedelta(milliseconds=lasted),
            "steps": 1,
            "roles": 0,
            "notifications": 0,
            "failures": failures,
        }
        for start, lasted, failures in runs
    ]
    tables: list[tuple[type[Base], list[dict[str, Any]]]] = [
        (CoachingSession, sessions),
        (Participant, participants),
        (Review, reviews),
        (JobRun, ticks),
    ]
    async with db.begin() as session:
        for table in (Review, Participant, CoachingSession, JobRun):
            await session.execute(delete(table))
        for table, values in tables:
            if values:
                await session.execute(insert(table), values)


class Oracle:
    """Computes the same figures row by row, with Python's own zones."""

    def __init__(self, zone_name: str, now: datetime, days: int | None, rows: Sequence[Row]) -> None:
        self.zone, self.now = ZoneInfo(zone_name), now
        self.rows = [row for row in rows if row.guild_id == GUILD]
        self.last = self.day(0)
        if days is None:
            self.first = min([self.last, *(self.day(at) for row in self.rows for at in (row.created, row.starts))])
        else:
            self.first = self.last - timedelta(days=days - 1)

    def day(self, minute: int) -> date:
        return (self.now + minute * MINUTE).astimezone(self.zone).date()

    def is_in(self, minute: int) -> bool:
        return self.first <= self.day(minute) <= self.last

    def days(self) -> dict[date, dict[str, int]]:
        counted: Counter[tuple[date, str]] = Counter()
        for row in self.rows:
            counted[self.day(row.created), "created"] += 1
            if row.cancelled is not None:
                counted[self.day(row.cancelled), "cancelled"] += 1
            if row.status in ("COMPLETED", "NO_SHOW"):
                counted[self.day(row.starts), row.status.lower()] += 1
        dates = {day for day, _ in counted if self.first <= day <= self.last}
        return {day: {name: counted[day, name] for name in COUNTED} for day in sorted(dates)}

    def rooms(self) -> tuple[int, int]:
        here = [row for row in self.rows if self.is_in(row.starts)]
        over = [row for row in here if row.status in ("COMPLETED", "NO_SHOW")]
        return sum(not row.missed for row in over), sum(row.missed for row in here)

    def booked(self, coach_id: int) -> timedelta:
        mine = [row for row in self.rows if row.coach_id == coach_id and row.status != "CANCELLED"]
        return sum(row.length for row in mine if self.is_in(row.starts)) * MINUTE

    def stars(self, *coach_ids: int) -> dict[int, int]:
        shown = [row for row in self.rows if row.coach_id in coach_ids and not row.hidden]
        return Counter(row.stars for row in shown if row.stars is not None and self.is_in(row.reviewed))


async def gathered(db: Database, *, zone_name: str = "UTC", now: datetime = MONDAY, days: int | None = 7) -> Stats:
    return await query(db, statistics.gather, GUILD, ADMIN, zone_name, now, days=days)


async def two_servers(db: Database) -> None:
    """Store two servers with two coaches each."""
    async with db.begin() as session:
        for guild_id in (GUILD, ELSEWHERE):
            await a_guild(session, id=guild_id)
            for coach_id in (COACH, COACH + 1):
                await a_coach(session, guild_id=guild_id, user_id=coach_id, hours=())


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=ROWS,
    runs=RUNS,
    zone_name=st.sampled_from(ZONES),
    change=st.sampled_from(NEAR_CHANGES),
    away=st.integers(-3 * 1440, 6 * 1440),
    days=st.sampled_from((1, 7, 30, None)),
)
async def test_the_database_counts_like_plain_python(
    db: Database,
    rows: list[Row],
    runs: list[tuple[int, int, int]],
    zone_name: str,
    change: datetime,
    away: int,
    days: int | None,
) -> None:
    now = change + away * MINUTE
    async with db.read() as session:
        known = await session.get(Coach, (GUILD, COACH))
    if known is None:
        await two_servers(db)
    await write(db, now, rows, runs)

    found = await gathered(db, zone_name=zone_name, now=now, days=days)

    oracle = Oracle(zone_name, now, days, rows)
    counted = {day: {name: getattr(one, name) for name in COUNTED} for day, one in found.days.items()}
    inside = [(lasted, failures) for start, lasted, failures in runs if oracle.is_in(start)]
    coaches = {one.user_id: one for one in found.coaches}
    assert (found.first, found.last) == (oracle.first, oracle.last)
    assert counted == oracle.days()
    assert (found.with_room, found.without_room) == oracle.rooms()
    assert found.stars == oracle.stars(COACH, COACH + 1)
    for coach_id in (COACH, COACH + 1):
        assert coaches[coach_id].booked == oracle.booked(coach_id)
        assert coaches[coach_id].stars == oracle.stars(coach_id)
    assert found.ticks.count == len(inside)
    assert found.ticks.failed == sum(failures > 0 for _, failures in inside)
    assert found.ticks.duration == timedelta(milliseconds=sum(lasted for lasted, _ in inside))


@pytest.mark.parametrize(
    ("at", "zone_name", "day"),
    [
        (datetime(2026, 3, 28, 23, tzinfo=UTC), "Europe/Berlin", date(2026, 3, 29)),
        (datetime(2026, 3, 29, 21, 59, tzinfo=UTC), "Europe/Berlin", date(2026, 3, 29)),
        (datetime(2026, 3, 29, 22, tzinfo=UTC), "Europe/Berlin", date(2026, 3, 30)),
        (datetime(2026, 10, 25, 22, 59, tzinfo=UTC), "Europe/Berlin", date(2026, 10, 25)),
        (datetime(2026, 10, 25, 23, tzinfo=UTC), "Europe/Berlin", date(2026, 10, 26)),
    ],
)
async def test_a_session_counts_on_the_day_the_admins_clock_shows(
    db: Database, at: datetime, zone_name: str, day: date
) -> None:
    await a_server_with_a_coach(db)
    await transact(db, a_session, starts_at=at, status=SessionStatus.COMPLETED, created_at=at - 90 * DAY)

    found = await gathered(db, zone_name=zone_name, now=at + DAY, days=7)

    assert list(found.days) == [day]


async def test_offered_hours_start_with_the_approval_and_leave_out_days_off(db: Database) -> None:
    async with db.begin() as session:
        await a_guild(session)
        await a_coach(session, decided_at=MONDAY - 4 * DAY - 4 * HOUR)  # Thursday at 4, before the hours
        await a_coach(session, user_id=COACH + 1, decided_at=MONDAY - 100 * DAY, left_at=MONDAY - 3 * DAY)
        await a_coach(session, user_id=COACH + 2, status=CoachStatus.SUSPENDED)
        await a_date(session, (MONDAY - 3 * DAY).date())  # Friday

    found = await gathered(db)

    # The seven days end with this whole Monday. The second coach left on Friday at 8.
    assert {one.user_id: one.offered for one in found.coaches} == {COACH: 16 * HOUR, COACH + 1: 24 * HOUR}


async def test_a_clock_change_shortens_a_night_shift(db: Database) -> None:
    await a_server_with_a_coach(db, time_zone="Europe/Berlin", hours=[(6, 0, 6 * 60)], decided_at=MONDAY - DAY)

    found = await gathered(db, zone_name="Europe/Berlin", now=datetime(2026, 3, 29, 12, tzinfo=UTC))

    assert [one.offered for one in found.coaches] == [5 * HOUR]


async def test_equal_stars_are_all_counted(db: Database) -> None:
    await two_servers(db)
    completed = Row(GUILD, COACH, SessionStatus.COMPLETED, -60, -60, 30, None, False, 5, -10, False)
    others = replace(completed, coach_id=COACH + 1), replace(completed, stars=4)

    await write(db, MONDAY, [completed, completed, *others], [])

    assert (await gathered(db)).stars == {4: 1, 5: 3}


async def test_the_most_booked_coach_comes_first(db: Database) -> None:
    async with db.begin() as session:
        await a_guild(session)
        for number, name in enumerate(("Ann", "Bob", "Cy")):
            await a_coach(session, user_id=COACH + number, display_name=name)
        await a_session(session, coach_id=COACH + 1)

    found = await gathered(db)

    assert [one.name for one in found.coaches] == ["Bob", "Ann", "Cy"]


async def test_statistics_with_nothing_but_ticks_are_empty(db: Database) -> None:
    async with db.begin() as session:
        await a_guild(session)
        await a_coach(session)
        session.add(JobRun(started_at=MONDAY, finished_at=MONDAY, steps=1, roles=0, notifications=0, failures=0))

    for days in (7, None):
        found = await gathered(db, days=days)
        assert found.is_empty
        assert found.ticks.count == 1


async def test_only_admins_can_see_statistics(db: Database) -> None:
    await transact(db, a_guild)

    await refusal(
        db,
        NotAllowed,
        lambda session: statistics.gather(session, GUILD, Actor(STUDENT), "UTC", MONDAY, days=7),
    )


async def test_a_long_history_takes_as_many_statements_as_none(db: Database) -> None:
    values = {"guild_id": GUILD, "coach_id": COACH, "status": "COMPLETED"}
    values |= {"session_type": "video", "currency": "USD"}
    values |= {"created_at": MONDAY, "updated_at": MONDAY, "starts_at": MONDAY - HOUR, "ends_at": MONDAY}
    costs: list[int] = []
    await a_server_with_a_coach(db)

    for history in (0, 3000):
        if history:
            many = [values | {"code": f"m{number}"} for number in range(history)]
            async with db.begin() as session:
                await session.execute(insert(CoachingSession), many)
        with statements(db) as said:
            found = await transact(db, statistics.gather, GUILD, ADMIN, "UTC", MONDAY, days=None)
        costs.append(len(said))

    assert costs[0] == costs[1] < 18
    assert found.total.completed == 3000
    assert found.coaches[0].booked == 3000 * HOUR
