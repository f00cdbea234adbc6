"""Finding weekly lessons for the people they concern, and locking them in the right order."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models import CoachingSession, Lesson, Series, SeriesStatus
from scheduler.core import members
from scheduler.core.actor import Actor
from scheduler.core.errors import NotFound, TooLate

_BEYOND = 2**31
"""More than the column takes."""


async def find_visible(
    session: AsyncSession, series_id: int, actor: Actor, guild_id: int | None, *, lock: bool = False
) -> Series:
    """Return weekly lessons to their coach, their student and admins of their server. Raises NotFound to others.

    Without `guild_id`, admins don't see them either. `lock` locks both people, then the series.
    """
    found = await session.get(Series, series_id)
    if found is None or not _concerns(found, actor, guild_id):
        raise NotFound("You have no such weekly lessons. `/series` lists yours.")
    return await lock_series(session, series_id) if lock else found


async def lock_series(session: AsyncSession, series_id: int) -> Series:
    """Lock both people of a series, then the series, and return it as it is now. Raises NotFound.

    Call it before locking any session.
    """
    seen = await session.get(Series, series_id)
    if seen is None:
        raise NotFound("These lessons don't exist any more. Look in `/sessions` for what you have booked.")
    await members.lock(session, seen.coach_id, seen.student_id)
    return await session.get_one(Series, series_id, with_for_update=True, populate_existing=True)


async def find_running(
    session: AsyncSession, series_id: int, actor: Actor, guild_id: int | None, *, lock: bool = False
) -> Series:
    """Return weekly lessons that go on; raises as `find_visible` does, and TooLate if somebody ended them."""
    found = await find_visible(session, series_id, actor, guild_id, lock=lock)
    if found.status is not SeriesStatus.ACTIVE:
        raise TooLate("These weekly lessons have ended. Book new ones with `/book`.")
    return found


async def find_lesson(session: AsyncSession, series: Series, occurrence: int) -> Lesson:
    """Return one lesson of a series as it is now. Raises NotFound if it isn't made yet."""
    is_possible = occurrence < _BEYOND
    found = await session.get(Lesson, (series.id, occurrence), populate_existing=True) if is_possible else None
    if found is None:
        raise NotFound("There's no such lesson. `/series` lists them.")
    return found


async def lessons_of(session: AsyncSession, series_id: int) -> list[tuple[Lesson, CoachingSession | None]]:
    """Return all lessons of a series that were made, in order, each with the session it has or had."""
    made = (
        select(Lesson, CoachingSession)
        .outerjoin(CoachingSession, CoachingSession.id == Lesson.session_id)
        .where(Lesson.series_id == series_id)
        .order_by(Lesson.occurrence)
    )
    return [(lesson, one) for lesson, one in await session.execute(made)]


async def session_of(session: AsyncSession, lesson: Lesson) -> CoachingSession | None:
    """Return the session that a lesson has or had; None if it never had one."""
    return await session.get(CoachingSession, lesson.session_id) if lesson.session_id is not None else None


def start_of_lesson(lesson: Lesson, its_session: CoachingSession | None) -> datetime | None:
    """Return when a lesson is: its session's own start, if it has one; None if the clocks skip it."""
    return its_session.starts_at if its_session is not None else lesson.starts_at


def _concerns(found: Series, actor: Actor, guild_id: int | None) -> bool:
    is_theirs = actor.user_id in (found.coach_id, found.student_id)
    return is_theirs or (actor.is_admin and guild_id == found.guild_id)
