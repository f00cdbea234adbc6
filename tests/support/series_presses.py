"""What people press about weekly lessons in the random races, and the rules that hold whatever they pressed."""

import json
import random
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, time
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from models import Coach, Guild, Lesson, Series, SeriesPayment, SeriesStatus
from models.base import UTCDateTime
from models.storage.database import Database
from scheduler.availability import booking_policy, schedule
from scheduler.core.actor import Actor
from scheduler.series import answers, requests
from scheduler.series.changes import ending, following, one_lesson, pausing
from scheduler.series.changes.following import NewHour
from scheduler.series.lookup import lock_series
from scheduler.series.making import make_lessons
from scheduler.series.preview import Wanted
from tests.support.builders import ADMIN, DAY, GUILD, HOUR, MINUTE, MONDAY

COACHES = (2000, 2001)
"""Those without limits."""
STUDENTS = range(3000, 3008)
STARTS = [MONDAY + day * DAY + HOUR + hour * HOUR for day in (1, 2, 3) for hour in range(8)]


class SeriesPresses:
    """Presses about weekly lessons. Each is a use case."""

    chance: random.Random
    now: datetime

    async def ask_for_lessons(self, session: AsyncSession) -> None:
        guild, who = await session.get_one(Guild, GUILD), Actor(self.chance.choice(STUDENTS))
        wanted = Wanted(self.chance.choice(STARTS), 60, self.chance.choice((1, 1, 2)))
        coach_id, way = self.chance.choice(COACHES), SeriesPayment.OTHERWISE
        await requests.request(session, guild, who, coach_id, wanted, None, way, self.now)

    async def answer(self, session: AsyncSession) -> None:
        """Accept a request, or decline it or take it back."""
        if (found := await self._some(session, SeriesStatus.REQUESTED)) is None:
            return
        way = self.chance.randrange(6)
        if way == 0:
            await answers.decline(session, found.id, Actor(found.coach_id), "", self.now)
        elif way == 1:
            await answers.withdraw(session, found.id, Actor(found.student_id), self.now)
        else:
            await answers.accept(session, found.id, Actor(found.coach_id), self.now)

    async def make_lessons_due(self, session: AsyncSession) -> None:
        if (found := await self._some(session)) is not None:
            await make_lessons(session, await lock_series(session, found.id), self.now)

    async def skip_lesson(self, session: AsyncSession) -> None:
        if (found := await self._some_lesson(session)) is not None:
            series, number = found
            who = Actor(self.chance.choice((series.coach_id, series.student_id)))
            await one_lesson.skip(session, series.id, number, who, None, "", self.now)

    async def bring_lesson_back(self, session: AsyncSession) -> None:
        if (found := await self._some_lesson(session, is_skipped=True)) is not None:
            await one_lesson.bring_back(session, found[0].id, found[1], ADMIN, GUILD, self.now)

    async def change_the_following(self, session: AsyncSession) -> None:
        """Give a lesson and all after it another hour, as their student."""
        if (found := await self._some_lesson(session)) is None:
            return
        series, number = found
        at = self.chance.choice(STARTS) + number * series.rules[-1].interval_weeks * 7 * DAY
        hour = NewHour(at.date(), at.hour * 60, "UTC", series.rules[-1].interval_weeks)
        who = Actor(series.student_id)
        await following.change(session, series.id, number, hour, who, None, "", self.now)

    async def pause_lessons(self, session: AsyncSession) -> None:
        if (found := await self._some_lesson(session)) is not None:
            weeks = self.chance.randrange(1, 5)
            await pausing.pause(session, found[0].id, found[1], weeks, ADMIN, GUILD, "", self.now)

    async def end_lessons(self, session: AsyncSession) -> None:
        if (found := await self._some(session)) is not None:
            await ending.end(session, found.id, Actor(found.coach_id), None, "", self.now)

    async def change_the_horizon(self, session: AsyncSession) -> None:
        """Let people book a coach further ahead, or less far again."""
        coach = await session.get_one(Coach, (GUILD, self.chance.choice(COACHES)))
        wanted = replace(booking_policy.rules_of(coach), horizon_days=self.chance.choice((5, 12, 40)))
        await schedule.set_rules(session, GUILD, Actor(coach.user_id), wanted, self.now)

    async def _some(self, session: AsyncSession, status: SeriesStatus = SeriesStatus.ACTIVE) -> Series | None:
        found = list(await session.scalars(select(Series).where(Series.status == status).order_by(Series.id)))
        return self.chance.choice(found) if found else None

    async def _some_lesson(self, session: AsyncSession, *, is_skipped: bool = False) -> tuple[Series, int] | None:
        if (series := await self._some(session)) is None:
            return None
        is_gone = Lesson.skipped.is_not(None) if is_skipped else Lesson.skipped.is_(None)
        lessons = select(Lesson.occurrence).where(Lesson.series_id == series.id, is_gone)
        found = list(await session.scalars(lessons.order_by(Lesson.occurrence)))
        return (series, self.chance.choice(found)) if found else None


# The rules, read with plain SQL.

_QUERIES = {
    "series": "SELECT * FROM series ORDER BY id",
    "rules": "SELECT * FROM series_rules ORDER BY series_id, first_occurrence",
    "lessons": "SELECT * FROM lessons ORDER BY series_id, occurrence",
    "sessions": "SELECT coaching_sessions.*, user_id AS student_id FROM coaching_sessions"
    " JOIN session_participants ON session_id = id",
    "reservations": "SELECT * FROM reservations WHERE session_id IS NOT NULL",
    "entries": "SELECT * FROM audit_entries ORDER BY id",
    "coaches": "SELECT * FROM coaches",
}
_AGREED = ("series_accepted", "series_booked", "series_moved")
_ARRANGED = ("session_booked", "session_moved")
_WEEKS_AHEAD = 12


async def series_faults(db: Database) -> list[str]:
    """Return every broken rule about series in words. Assumes rules in UTC and series without an end."""
    tables: dict[str, list[Any]] = {}
    async with db.read() as session:
        for name, query in _QUERIES.items():
            names = (await session.execute(text(query))).keys()
            instants = {column: UTCDateTime() for column in names if column.endswith("_at")}
            tables[name] = list(await session.execute(text(query).columns(**instants)))
    rules, lessons = defaultdict[int, list[Any]](list), defaultdict[int, list[Any]](list)
    for one in tables["rules"]:
        rules[one.series_id].append(one)
    for one in tables["lessons"]:
        lessons[one.series_id].append(one)
    sessions = {one.id: one for one in tables["sessions"]}
    found: list[str] = []
    for one in tables["series"]:
        found += _lesson_faults(one, lessons[one.id], sessions)
        if one.status == "active":
            found += _taken_hours(one, rules[one.id], len(lessons[one.id]), tables)
    return found


def _lesson_faults(series: Any, lessons: list[Any], sessions: dict[int, Any]) -> Iterator[str]:
    """Check that each occurrence has one row, in order, and that its session is of the same two people."""
    if [one.occurrence for one in lessons] != list(range(len(lessons))):
        yield f"series {series.id} has the occurrences {[one.occurrence for one in lessons]}"
    for one in lessons:
        booked = sessions.get(one.session_id)
        if booked is None:
            continue
        if (booked.coach_id, booked.student_id) != (series.coach_id, series.student_id):
            yield f"series {series.id} has somebody else's session {booked.id}"
        if one.skipped is not None and booked.status != "CANCELLED":
            yield f"series {series.id}: {one.occurrence} is skipped, but its session is {booked.status}"


def _taken_hours(series: Any, rules: list[Any], made: int, tables: dict[str, list[Any]]) -> Iterator[str]:
    """Find sessions of others in hours that had been agreed on, and have no lesson yet."""
    names = {str(series.id), series.code}
    agreed = [
        one.id for one in tables["entries"] if one.action in _AGREED and str(_details(one).get("series")) in names
    ]
    arranged = {one.session_id: one.id for one in tables["entries"] if one.action in _ARRANGED}
    [coach] = [
        one for one in tables["coaches"] if (one.guild_id, one.user_id) == (series.guild_id, series.coach_id)
    ]
    before, after = coach.buffer_before_minutes * MINUTE, coach.buffer_after_minutes * MINUTE
    for number in range(made, made + _WEEKS_AHEAD):
        rule = [one for one in rules if one.first_occurrence <= number][-1]
        first = date.fromisoformat(str(rule.first_day))
        day = first + (number - rule.first_occurrence) * rule.interval_weeks * 7 * DAY
        start = datetime.combine(day, time(rule.start_minute // 60, rule.start_minute % 60), UTC)
        end = start + series.duration_minutes * MINUTE
        for one in tables["reservations"]:
            is_coach = one.user_id == series.coach_id
            low, high = (start - before, end + after) if is_coach else (start, end)
            is_theirs = one.user_id in (series.coach_id, series.student_id)
            is_then = one.starts_at < high and low < one.ends_at
            if is_theirs and is_then and arranged.get(one.session_id, 0) > agreed[-1]:
                yield f"session {one.session_id} takes {start} of series {series.id}"


def _details(entry: Any) -> dict[str, Any]:
    return json.loads(entry.details) if isinstance(entry.details, str) else entry.details
