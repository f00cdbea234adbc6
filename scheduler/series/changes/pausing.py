"""Pausing weekly lessons for some weeks. After that they go on at the same hour."""

from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy.ext.asyncio import AsyncSession

from models import Guild, Lesson, NotificationKind, Series, SkipReason
from scheduler.booking import cancellation
from scheduler.core.actor import Actor
from scheduler.core.errors import NotBookable, TooLate, Unreadable
from scheduler.series import lookup
from scheduler.series.changes import together
from scheduler.series.making import make_lessons
from scheduler.series.rule import instant_of, occurrences

LONGEST_PAUSE = 4
"""In weeks."""


class Paused(NamedTuple):
    """What a pause skips."""

    series: Series
    lessons: list[Lesson]
    """In order."""
    resumes_at: datetime | None
    """When the next lesson is planned; None if the series ends before."""


async def pause(
    session: AsyncSession,
    series_id: int,
    occurrence: int,
    weeks: int,
    actor: Actor,
    guild_id: int | None,
    reason: str,
    now: datetime,
) -> Paused:
    """Pause weekly lessons from one on for 1 to 4 weeks: skip the lessons in that time, and tell each person once.

    The hour stays theirs afterwards; until then, others can book it. A student who pauses with less notice than
    the server asks for cancels the first lesson late. Lessons that were skipped anyway stay as they are. For their
    coach, their student, and admins of their server.

    Raises NotFound to everyone else, TooLate if they have ended or the first lesson has begun, NotBookable right
    after another pause, Unreadable for other numbers of weeks and for a reason that's too long.
    """
    series = await lookup.find_running(session, series_id, actor, guild_id, lock=True)
    cancellation.check_reason(reason)
    if not 1 <= weeks <= LONGEST_PAUSE:
        raise Unreadable(f"Pause for 1 to {LONGEST_PAUSE} weeks.")
    first = await lookup.find_lesson(session, series, occurrence)
    await _check_not_longer(session, series, first)
    guild = await session.get_one(Guild, series.guild_id)
    lessons = await _in_pause(session, series, first, weeks)
    rows = await together.lock_upcoming(session, series, now, lessons)
    if first.session_id not in rows:
        raise TooLate("This lesson doesn't take place, or has begun. Choose an upcoming one in `/series`.")
    for lesson in lessons:
        row = rows.get(lesson.session_id) if lesson.session_id is not None else None
        if row is not None:
            lesson.skipped = SkipReason.PAUSED
            await session.flush()
            await together.cancel_quietly(session, row, guild, actor, reason, now)
    series.revision += 1
    await session.flush()
    await make_lessons(session, series, now)
    together.tell(session, series, NotificationKind.SERIES_PAUSED, now, session_id=first.session_id)
    together.record(session, series, "series_paused", actor, now, weeks=weeks)
    return Paused(series, lessons, await _resumes_at(session, series, lessons[-1]))


async def _check_not_longer(session: AsyncSession, series: Series, first: Lesson) -> None:
    """Raise NotBookable if the lesson before was paused, so that no pause follows another."""
    before = await session.get(Lesson, (series.id, first.occurrence - 1))
    if before is not None and before.skipped is SkipReason.PAUSED:
        raise NotBookable(
            "They're paused right before this lesson. Let one take place first, or skip single lessons instead."
        )


async def _in_pause(session: AsyncSession, series: Series, first: Lesson, weeks: int) -> list[Lesson]:
    """Return the lessons planned in the pause. Those that aren't made yet are made as skipped ones."""
    until = first.day + timedelta(weeks=weeks)
    found = await together.lessons_from(session, series, first.occurrence)
    lessons = [one for one in found if one.day < until]
    if len(lessons) == len(found):
        for one in occurrences(series, found[-1].occurrence + 1):
            if one.day >= until:
                break
            values = {"day": one.day, "starts_at": one.starts_at, "skipped": SkipReason.PAUSED}
            lessons.append(Lesson(series_id=series.id, occurrence=one.occurrence, **values))
            session.add(lessons[-1])
    return lessons


async def _resumes_at(session: AsyncSession, series: Series, last: Lesson) -> datetime | None:
    following = next(occurrences(series, last.occurrence + 1), None)
    return instant_of(series.rules, following) if following is not None else None
