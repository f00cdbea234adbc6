"""Builders for rows, so that a test states only what matters, and functions that read the results."""

import itertools
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any, TypeVar

import pytest
from sqlalchemy import event, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import (
    Absent,
    AvailabilityRule,
    Coach,
    CoachingSession,
    CoachStatus,
    DateOverride,
    Guild,
    Notification,
    NotificationKind,
    Participant,
    ParticipantStatus,
    Reservation,
    SessionStatus,
    SessionType,
    Specialty,
)
from models.base import Base
from models.storage.database import Database
from scheduler.attendance import outcomes
from scheduler.coaches.applications import Application
from scheduler.core.actor import Actor
from scheduler.core.errors import CoachingError
from tests.support.transactions import transact

MONDAY = datetime(2026, 3, 2, 8, tzinfo=UTC)
"""A Monday morning, far from any clock change."""

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)

GUILD, COACH, STUDENT = 1000, 2000, 3000
ADMIN = Actor(9000, is_admin=True)

OFFICE_HOURS = [(day, 9 * 60, 17 * 60) for day in range(5)]
"""(weekday, start minute, end minute): 09:00–17:00 from Monday to Friday."""

_numbers = itertools.count(1)


async def a_guild(session: AsyncSession, **changed: Any) -> Guild:
    """Store a server with two specialties, a coach role and a review channel; room 15, access 5, linger 15."""
    values: dict[str, Any] = {
        "id": GUILD,
        "time_zone": "UTC",
        "currency": "USD",
        "admin_role_id": None,
        "coach_role_id": 77,
        "review_channel_id": 88,
        "room_category_id": 99,
        "room_lead_minutes": 15,
        "access_lead_minutes": 5,
        "linger_minutes": 15,
        "created_at": MONDAY,
    }
    guild = Guild(**values | changed)
    session.add(guild)
    await session.flush()
    session.add_all(Specialty(guild_id=guild.id, name=name) for name in ("Mixing", "Mastering"))
    await session.flush()
    return guild


async def a_coach(
    session: AsyncSession, *, hours: Iterable[tuple[int, int, int]] = OFFICE_HOURS, **changed: Any
) -> Coach:
    """Store an approved coach of `GUILD`: $60 an hour, UTC, every half hour, no notice, no buffers."""
    values: dict[str, Any] = {
        "guild_id": GUILD,
        "user_id": COACH,
        "display_name": "Cara",
        "status": CoachStatus.APPROVED,
        "bio": "I mix.",
        "experience": "Ten years.",
        "portfolio": "",
        "rate_minor": 6000,
        "currency": "USD",
        "time_zone": "UTC",
        "accepting": True,
        "session_type": SessionType.VIDEO,
        "durations_minutes": [60, 30, 90],
        "slot_step_minutes": 30,
        "buffer_before_minutes": 0,
        "buffer_after_minutes": 0,
        "minimum_notice_minutes": 0,
        "horizon_days": 28,
        "applied_at": MONDAY,
    }
    coach = Coach(**values | changed)
    session.add(coach)
    await session.flush()
    session.add_all(
        AvailabilityRule(
            guild_id=coach.guild_id, coach_id=coach.user_id, weekday=day, start_minute=start, end_minute=end
        )
        for day, start, end in hours
    )
    await session.flush()
    return coach


async def a_date(
    session: AsyncSession, day: date, *windows: tuple[int, int], adds: bool = False, **changed: Any
) -> DateOverride:
    """Store a date with these hours instead of the weekly ones; none is a day off."""
    values: dict[str, Any] = {"guild_id": GUILD, "coach_id": COACH}
    override = DateOverride(day=day, windows=[list(one) for one in windows], adds=adds, **values | changed)
    session.add(override)
    await session.flush()
    return override


async def a_session(
    session: AsyncSession,
    *,
    starts_at: datetime = MONDAY + 2 * HOUR,
    ends_at: datetime | None = None,
    reserved: bool = True,
    **changed: Any,
) -> CoachingSession:
    """Store a one-hour session of `COACH` and `STUDENT`, due for its room 15 minutes before the start."""
    values: dict[str, Any] = {
        "guild_id": GUILD,
        "code": f"s{next(_numbers)}",
        "coach_id": COACH,
        "starts_at": starts_at,
        "ends_at": ends_at or starts_at + HOUR,
        "status": SessionStatus.SCHEDULED,
        "session_type": SessionType.VIDEO,
        "currency": "USD",
        "created_at": MONDAY,
        "updated_at": MONDAY,
        "next_step_at": starts_at - 15 * MINUTE,
    }
    booked = session_for_one(**values | changed)
    session.add(booked)
    await session.flush()
    if reserved:
        session.add_all(
            Reservation(user_id=user_id, starts_at=booked.starts_at, ends_at=booked.ends_at, session_id=booked.id)
            for user_id in (booked.coach_id, booked.student_id)
        )
        await session.flush()
    return booked


def session_for_one(**values: Any) -> CoachingSession:
    """Return a session with one participant, which isn't stored. Takes columns of both, and `absent`."""
    theirs = {"user_id": values.pop("student_id", STUDENT), "total_cost_minor": 6000}
    absent = values.pop("absent", None)
    columns = Participant.__table__.columns.keys()
    theirs |= {name: values.pop(name) for name in columns if name in values and name not in _OF_BOTH}
    shared = {name: values[name] for name in ("guild_id", "coach_id", "starts_at") if name in values}
    joined = {"joined_at": values.get("created_at", MONDAY), "status": ParticipantStatus.BOOKED}
    only = Participant(**joined | theirs | shared)
    booked = CoachingSession(participants=[only], **values)
    if absent is not None:
        set_absent(booked, absent)
    return booked


_OF_BOTH = CoachingSession.__table__.columns.keys()


async def a_server_with_a_coach(db: Database, *, guild: Any = None, **coach: Any) -> None:
    """Store a server with a coach. `guild` maps columns of the server to other values."""
    async with db.begin() as session:
        await a_guild(session, **guild or {})
        await a_coach(session, **coach)


async def a_booked_coach(db: Database, *booked: datetime, **coach: Any) -> list[int]:
    """Store a server whose coach is booked by others at these times, and return the sessions' ids."""
    async with db.begin() as session:
        await a_guild(session)
        await a_coach(session, **coach)
        return [
            (await a_session(session, starts_at=at, student_id=STUDENT + 1 + n)).id for n, at in enumerate(booked)
        ]


async def change_session(db: Database, session_id: int, **values: Any) -> None:
    """Change the rows of a session and its only participant directly, for states that take long to reach."""
    async with db.begin() as session:
        change_rows(await session.get_one(CoachingSession, session_id), **values)


def change_rows(row: CoachingSession, **values: Any) -> None:
    """Set columns of a session or its only participant, and `absent`, which sets several."""
    for name, value in values.items():
        if name == "absent":
            set_absent(row, value)
        else:
            setattr(row if name in _OF_BOTH else row.student, name, value)


def set_absent(row: CoachingSession, absent: Absent | str | None) -> None:
    """Store whose no-show a session for one was."""
    student = {row.student_id} if absent in (Absent.STUDENT, Absent.BOTH) else set[int]()
    outcomes.mark_absent(row, student | ({row.coach_id} if absent in (Absent.COACH, Absent.BOTH) else set()))


async def a_notification(session: AsyncSession, **changed: Any) -> Notification:
    """Store a direct message to `STUDENT`, due at `MONDAY`."""
    values: dict[str, Any] = {
        "guild_id": GUILD,
        "kind": NotificationKind.SESSION_BOOKED,
        "user_id": STUDENT,
        "created_at": MONDAY,
        "due_at": MONDAY,
    }
    notification = Notification(**values | changed)
    session.add(notification)
    await session.flush()
    return notification


def an_application(**changed: Any) -> Application:
    """Return an application as someone would send it, with these values changed."""
    values: dict[str, Any] = {
        "display_name": "Cara",
        "bio": "I mix.",
        "experience": "Ten years, see https://example.org/cara",
        "specialties": ["Mixing"],
        "rate": "60",
        "time_zone": "Europe/Berlin",
    }
    return Application(**values | changed)


class FakeClock:
    """A clock that only moves when told to."""

    def __init__(self, now: datetime = MONDAY) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def forward(self, by: timedelta) -> None:
        self.now += by


async def everything(db: Database) -> dict[str, list[tuple[Any, ...]]]:
    """Return all rows of all tables."""
    async with db.read() as session:
        return {
            table.name: sorted(map(tuple, await session.execute(select(table))), key=repr)
            for table in Base.metadata.sorted_tables
        }


@contextmanager
def statements(db: Database) -> Iterator[list[str]]:
    """Collect the SQL statements of writing transactions."""
    said: list[str] = []

    def listen(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        said.append(statement)

    event.listen(db.engine.sync_engine, "before_cursor_execute", listen)
    try:
        yield said
    finally:
        event.remove(db.engine.sync_engine, "before_cursor_execute", listen)


E = TypeVar("E", bound=CoachingError)


async def refusal(db: Database, kind: type[E], use_case: Callable[[AsyncSession], Awaitable[object]]) -> E:
    """Return the use case's refusal. Fails if it succeeds or leaves anything behind."""
    before = await everything(db)
    with pytest.raises(kind) as refused:
        await transact(db, use_case)
    assert await everything(db) == before
    return refused.value
