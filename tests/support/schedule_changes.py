"""What a coach presses to change their hours, and what that leaves behind."""

from collections.abc import Awaitable, Callable
from datetime import date, datetime
from typing import Any, Concatenate

from sqlalchemy.ext.asyncio import AsyncSession

from models import Coach
from models.storage.database import Database
from scheduler.availability import free_times, schedule
from scheduler.availability.schedule import Dates, Week
from scheduler.core.actor import Actor
from scheduler.core.errors import CoachingError, Unreadable
from tests.support.builders import COACH, GUILD, HOUR, MONDAY, STUDENT, refusal
from tests.support.transactions import P, T, fetch, query, transact

CARA = Actor(COACH)
MON, TUE, WED = range(3)
MORNING, NOON, EVENING = (8 * 60, 12 * 60), (12 * 60, 14 * 60), (18 * 60, 21 * 60)
TODAY = MONDAY.date()

UseCase = Callable[..., Awaitable[bool | None]]


async def press(db: Database, use_case: UseCase, *args: Any, now: datetime = MONDAY, **named: Any) -> bool | None:
    """Run one press in its own transaction."""
    return await transact(db, use_case, GUILD, CARA, *args, now, **named)


async def refused(
    db: Database,
    use_case: UseCase,
    *args: Any,
    kind: type[CoachingError] = Unreadable,
    now: datetime = MONDAY,
    **named: Any,
) -> str:
    """Return the press's refusal, which leaves nothing behind."""
    return str(await refusal(db, kind, lambda s: use_case(s, GUILD, CARA, *args, now, **named)))


async def ask(
    db: Database,
    question: Callable[Concatenate[AsyncSession, Coach, P], Awaitable[T]],
    *args: P.args,
    **named: P.kwargs,
) -> T:
    """Ask a question about `COACH`."""
    return await query(db, question, await fetch(db, Coach, (GUILD, COACH)), *args, **named)


async def week(db: Database) -> Week:
    return await ask(db, schedule.week_of)


async def dates(db: Database, since: date = TODAY) -> list[Dates]:
    return await ask(db, schedule.dates_of, since)


async def free(db: Database) -> list[datetime]:
    """Return when an hour can be booked."""
    return list(await ask(db, free_times.free_times, HOUR, student_id=STUDENT, now=MONDAY))


def off(first: date, last: date, reason: str | None = None) -> Dates:
    """Return days off."""
    return Dates(first, last, adds=False, windows=(), reason=reason)
