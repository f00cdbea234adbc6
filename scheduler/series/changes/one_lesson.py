"""One lesson: skipping it, and bringing it back. The others stay as they are."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models import CoachingSession, Guild, Lesson, NotificationKind, Series, SessionStatus, SkipReason
from scheduler.booking import cancellation, eligibility
from scheduler.core import coaches
from scheduler.core.actor import Actor
from scheduler.core.errors import NotAllowed, NotBookable, TooLate
from scheduler.series import lookup
from scheduler.series.changes import together
from scheduler.series.making import book_lessons
from scheduler.sessions import events

_ELSE = "That time isn't free any more."
_NOT_FREE = {
    SkipReason.CLOSED: "The server is closed or the coach is away that day.",
    SkipReason.TAKEN: "One of you has something else at that time.",
}

_bringing_back: list[events.Follow] = []


def before_bringing_back(*following: events.Follow) -> None:
    """Register what follows from the session that a lesson had before it's brought back. It may refuse that."""
    _bringing_back.extend(following)


async def skip(
    session: AsyncSession,
    series_id: int,
    occurrence: int,
    actor: Actor,
    guild_id: int | None,
    reason: str,
    now: datetime,
) -> Lesson:
    """Skip one lesson: cancel its session, which notifies both. The others stay as they are.

    For its coach, its student, and admins of its server. A student who skips it with less notice than the server
    asks for cancels it late. Raises NotFound, TooLate and Unreadable as `cancellation.cancel` does, and TooLate if
    it doesn't take place anyway.
    """
    series = await lookup.find_running(session, series_id, actor, guild_id, lock=True)
    lesson = await lookup.find_lesson(session, series, occurrence)
    if lesson.session_id is None or lesson.skipped is not None:
        raise TooLate("This lesson doesn't take place anyway. `/series` shows why.")
    await cancellation.cancel(session, lesson.session_id, actor, guild_id, reason, now)
    return lesson


async def bring_back(
    session: AsyncSession, series_id: int, occurrence: int, actor: Actor, guild_id: int | None, now: datetime
) -> Lesson:
    """Let a skipped lesson take place after all, if its time is still free, and notify both.

    It gets a new session at the agreed price. For whoever skipped it, so that nobody has to come who said they
    can't; for the coach if the bot skipped it; and for admins of the server.

    Raises NotFound to people it doesn't concern, NotAllowed to the one who didn't skip it, TooLate if it takes
    place anyway or its time has passed, NotBookable if its time isn't free.
    """
    series = await lookup.find_running(session, series_id, actor, guild_id, lock=True)
    lesson = await lookup.find_lesson(session, series, occurrence)
    before = await lookup.session_of(session, lesson)
    _check_comes_back(series, lesson, before, actor, guild_id, now)
    guild = await session.get_one(Guild, series.guild_id)
    coach = await coaches.approved_coach(session, series.guild_id, series.coach_id)
    eligibility.check_here(coach)
    if before is not None:
        for follow in _bringing_back:
            await follow(session, before, now)
    await book_lessons(session, series, coach, guild, [lesson], now)
    if lesson.skipped is not None:
        raise NotBookable(f"{_NOT_FREE.get(lesson.skipped, _ELSE)} This lesson stays skipped.")
    series.revision += 1
    together.tell(session, series, NotificationKind.LESSON_BACK, now, session_id=lesson.session_id)
    together.record(
        session, series, "lesson_brought_back", actor, now, session_id=lesson.session_id, lesson=occurrence
    )
    return lesson


def can_bring_back(
    series: Series,
    lesson: Lesson,
    before: CoachingSession | None,
    actor: Actor,
    guild_id: int | None,
    now: datetime,
) -> bool:
    """Whether this person can bring a lesson back, if its time is free. `before` is the session that it had."""
    try:
        _check_comes_back(series, lesson, before, actor, guild_id, now)
    except (NotAllowed, TooLate):
        return False
    return True


def _check_comes_back(
    series: Series,
    lesson: Lesson,
    before: CoachingSession | None,
    actor: Actor,
    guild_id: int | None,
    now: datetime,
) -> None:
    if lesson.skipped is None and (before is None or before.status is not SessionStatus.CANCELLED):
        raise TooLate("This lesson takes place anyway. `/series` shows when.")
    if lesson.starts_at is None or lesson.starts_at <= now:
        raise TooLate("The time of this lesson has passed, or the clocks skip it. Book another one with `/book`.")
    if series.ends_at is not None and lesson.starts_at >= series.ends_at:
        raise TooLate("These weekly lessons end before that. Book a single lesson with `/book`.")
    if actor.is_admin and guild_id == series.guild_id:
        return
    skipped_by = before.cancelled_by if before is not None else None
    may = {series.coach_id, None} if actor.user_id == series.coach_id else {series.student_id}
    if skipped_by not in may:
        other = {series.student_id: "your student", series.coach_id: "your coach", None: "your coach"}
        raise NotAllowed(
            f"Only {other.get(skipped_by, 'an admin')} can bring this lesson back. Ask them, or book another one "
            "with `/book`."
        )


async def follow_cancelled(session: AsyncSession, row: CoachingSession, _now: datetime) -> None:
    """Note that a lesson is skipped if somebody cancelled its session by itself, wherever they did."""
    if row.is_workshop or row.cancelled_by is None:
        return
    found = await session.execute(
        select(Lesson, Series.ends_at)
        .join(Series, Series.id == Lesson.series_id)
        .where(Lesson.session_id == row.id, Lesson.skipped.is_(None))
    )
    for lesson, ends_at in found:
        if ends_at is None or row.starts_at < ends_at:
            lesson.skipped = SkipReason.BY_HAND
    await session.flush()
