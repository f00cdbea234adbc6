"""Calendars show the stored lessons after every kind of change, by the file of all or of the changed one."""

from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest
import recurring_ical_events
from icalendar import Calendar
from sqlalchemy.ext.asyncio import AsyncSession

from cogs.cards.calendar_file import Names, calendar_file
from cogs.series.calendar_file import series_file
from models import CoachingSession, Series, SessionStatus
from models.storage.database import Database
from scheduler.booking import cancellation, rescheduling
from scheduler.series import lookup
from scheduler.series.changes import ending, following, one_lesson, pausing
from scheduler.sessions.lessons import lessons_among
from tests.support.bookings import CARA, STU
from tests.support.builders import DAY, GUILD, HOUR, MONDAY, STUDENT, a_coach, a_guild
from tests.support.series import a_series
from tests.support.transactions import transact

NAMES = Names("Academy", "Cara", "Stu")
NOW = MONDAY + HOUR
UNTIL = MONDAY + 30 * DAY


@pytest.fixture
async def weekly(db: Database) -> Database:
    """Store lessons on Tuesdays at 16:00 in Berlin, of which the clocks change after the fourth."""
    async with db.begin() as session:
        await a_guild(session)
        await a_coach(session)
        await a_series(session, first_day=date(2026, 3, 3), start_minute=16 * 60, time_zone="Europe/Berlin")
    return db


async def file_of_all(db: Database) -> Any:
    """Return the calendar with all lessons."""
    async with db.read() as session:
        series = await session.get_one(Series, 1)
        content = series_file(series, await lookup.lessons_of(session, 1), NAMES, STUDENT)
    return Calendar.from_ical(content)


def shown(calendar: Any) -> list[datetime]:
    """Return when the calendar shows lessons."""
    found: list[Any] = recurring_ical_events.of(calendar).between(MONDAY - DAY, UNTIL)
    return sorted(one.start.astimezone(UTC) for one in found if one.get("status") != "CANCELLED")


async def stored(db: Database) -> list[datetime]:
    """Return when lessons take place."""
    async with db.read() as session:
        made = [one for _, one in await lookup.lessons_of(session, 1) if one is not None]
    ahead = [one.starts_at for one in made if one.status is not SessionStatus.CANCELLED]
    return sorted(at for at in ahead if at < UNTIL)


async def session_of(session: AsyncSession, occurrence: int) -> CoachingSession:
    """Return a lesson's session."""
    lesson = await lookup.find_lesson(session, await session.get_one(Series, 1), occurrence)
    found = await lookup.session_of(session, lesson)
    assert found is not None
    return found


async def skip(session: AsyncSession) -> None:
    await one_lesson.skip(session, 1, 1, STU, GUILD, "", NOW)


async def skip_and_bring_back(session: AsyncSession) -> None:
    await skip(session)
    await one_lesson.bring_back(session, 1, 1, STU, GUILD, NOW + HOUR)


async def reschedule(session: AsyncSession) -> None:
    one = await session_of(session, 2)
    await rescheduling.reschedule(session, one.id, STU, one.starts_at + DAY, "", NOW)


async def cancel(session: AsyncSession) -> None:
    await cancellation.cancel(session, (await session_of(session, 2)).id, STU, GUILD, "", NOW)


async def pause(session: AsyncSession) -> None:
    await pausing.pause(session, 1, 1, 2, STU, GUILD, "", NOW)


async def move_the_following(session: AsyncSession) -> None:
    hour = following.NewHour(date(2026, 3, 18), 15 * 60, "Europe/Berlin", 1)
    await following.change(session, 1, 2, hour, STU, GUILD, "", NOW)


async def end(session: AsyncSession) -> None:
    await ending.end(session, 1, CARA, GUILD, "", NOW + DAY)


CHANGES: dict[str, Callable[[AsyncSession], Awaitable[None]]] = {
    one.__name__: one for one in (skip, skip_and_bring_back, reschedule, cancel, pause, move_the_following, end)
}


@pytest.mark.parametrize("change", CHANGES)
async def test_after_each_change_the_file_of_all_shows_the_stored_lessons(weekly: Database, change: str) -> None:
    before = await stored(weekly)
    await transact(weekly, CHANGES[change])

    calendar = await file_of_all(weekly)

    assert shown(calendar) == await stored(weekly)
    assert (await stored(weekly) != before) is (change != "skip_and_bring_back")


async def test_after_all_changes_one_after_the_other_it_does_too(weekly: Database) -> None:
    for change in (reschedule, move_the_following, skip, end):
        await transact(weekly, change)
        assert shown(await file_of_all(weekly)) == await stored(weekly)


@pytest.mark.parametrize(("change", "occurrence"), [(reschedule, 2), (cancel, 2)])
async def test_the_file_of_one_lesson_changes_it_in_a_calendar_with_all(
    weekly: Database, change: Callable[[AsyncSession], Awaitable[None]], occurrence: int
) -> None:
    calendar = await file_of_all(weekly)
    await transact(weekly, change)
    async with weekly.read() as session:
        one = await session_of(session, occurrence)
        lesson = (await lessons_among(session, [one]))[one.id]
    own: Any = Calendar.from_ical(calendar_file(one, NAMES, STUDENT, recurrence=lesson.recurrence))
    [event] = own.events

    sequences = [int(each["sequence"]) for each in (*calendar.events, event)]
    calendar.add_component(event)

    assert shown(calendar) == await stored(weekly)
    assert sequences == sorted(sequences)
