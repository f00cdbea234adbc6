"""Answers to a request for weekly lessons: accepted, declined, taken back, or none in time."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import Notification, NotificationKind, Series, SeriesStatus
from scheduler.booking import cancellation, releases
from scheduler.core import audit, coaches
from scheduler.core.actor import Actor
from scheduler.core.errors import NotFound, TooLate
from scheduler.notifications import outbox
from scheduler.series import making
from scheduler.series.lookup import lock_series

_OVER = {
    SeriesStatus.ACTIVE: "This request was already accepted.",
    SeriesStatus.ENDED: "This request was accepted, and these lessons have ended.",
    SeriesStatus.DECLINED: "This request was already declined.",
    SeriesStatus.LAPSED: "This request ran out before it was answered.",
    SeriesStatus.WITHDRAWN: "This request was taken back.",
}


async def accept(session: AsyncSession, series_id: int, actor: Actor, now: datetime) -> Series:
    """Accept a request as its coach: the lessons are made, and both are told. A second press changes nothing.

    Raises NotFound to everyone else and if the coach no longer coaches here, TooLate if it's over.
    """
    series = await _lock_own(session, series_id, actor, is_coach=True)
    if series.status is SeriesStatus.ACTIVE:
        return series
    _check_open(series, now)
    await coaches.approved_coach(session, series.guild_id, series.coach_id, own=True)
    if series.hold_id is not None:
        await releases.drop(session, series.hold_id)  # the lessons take these hours in the same transaction
        series.hold_id = None
    await begin(session, series, now, actor_id=actor.user_id)
    return series


async def decline(session: AsyncSession, series_id: int, actor: Actor, reason: str, now: datetime) -> Series:
    """Decline a request as its coach, and tell the student why. A second press changes nothing.

    Raises NotFound to everyone else, TooLate if it's over, Unreadable for a reason that's too long.
    """
    cancellation.check_reason(reason)
    series = await _lock_own(session, series_id, actor, is_coach=True)
    if series.status is SeriesStatus.DECLINED:
        return series
    _check_open(series, now)
    series.end_reason = reason.strip() or None
    await _close(session, series, SeriesStatus.DECLINED, now, actor_id=actor.user_id)
    tell(session, series, NotificationKind.SERIES_CLOSED, series.student_id, now)
    return series


async def withdraw(session: AsyncSession, series_id: int, actor: Actor, now: datetime) -> Series:
    """Take a request back as its student. A second press changes nothing. Raises NotFound to others, TooLate."""
    series = await _lock_own(session, series_id, actor, is_coach=False)
    if series.status is SeriesStatus.WITHDRAWN:
        return series
    _check_open(series, now)
    await _close(session, series, SeriesStatus.WITHDRAWN, now, actor_id=actor.user_id)
    return series


async def lapse(session: AsyncSession, series_id: int, now: datetime) -> None:
    """Close a request that wasn't answered in time, and tell both."""
    series = await lock_series(session, series_id)
    if series.status is not SeriesStatus.REQUESTED or now < series.answer_by:
        return
    await _close(session, series, SeriesStatus.LAPSED, now)
    for user_id in (series.student_id, series.coach_id):
        tell(session, series, NotificationKind.SERIES_CLOSED, user_id, now)


async def end_barred(session: AsyncSession, barred: releases.Barred, now: datetime) -> None:
    """Close the requests of someone who can't book or coach here any more, and tell students who wait.

    They must be locked.
    """
    sides = ((barred.as_coach, Series.coach_id), (barred.as_student, Series.student_id))
    theirs = or_(*(column == barred.user_id for is_barred, column in sides if is_barred))
    is_open = Series.guild_id == barred.guild_id, theirs, Series.status == SeriesStatus.REQUESTED
    found = select(Series).where(*is_open).order_by(Series.id).with_for_update()
    for series in await session.scalars(found.execution_options(populate_existing=True)):
        await _close(session, series, SeriesStatus.WITHDRAWN, now)
        if barred.user_id == series.coach_id:
            tell(session, series, NotificationKind.SERIES_CLOSED, series.student_id, now)


async def find_open(session: AsyncSession, series_id: int, actor: Actor, now: datetime) -> Series:
    """Return a request that its coach can answer; raises as `decline` does."""
    series = _check_own(await session.get(Series, series_id), actor, is_coach=True)
    _check_open(series, now)
    return series


async def open_requests(
    session: AsyncSession, guild_ids: Collection[int], user_id: int, now: datetime
) -> list[Series]:
    """Return the requests in these servers that somebody waits for or has to answer, the most urgent first."""
    theirs = or_(Series.coach_id == user_id, Series.student_id == user_id)
    is_open = Series.status == SeriesStatus.REQUESTED, Series.answer_by > now, Series.guild_id.in_(guild_ids)
    return list(
        await session.scalars(select(Series).where(theirs, *is_open).order_by(Series.answer_by, Series.id))
    )


async def begin(session: AsyncSession, series: Series, now: datetime, *, actor_id: int | None) -> None:
    """Make the lessons of what was agreed on, and tell both."""
    series.status, series.decided_at, series.decided_by = SeriesStatus.ACTIVE, now, actor_id
    await session.flush()
    await making.make_lessons(session, series, now)
    await _update_card(session, series, now)
    for user_id in (series.student_id, series.coach_id):
        tell(session, series, NotificationKind.SERIES_BOOKED, user_id, now)
    record(session, series, "accepted" if actor_id is not None else "booked", now, actor_id=actor_id)


async def _close(
    session: AsyncSession, series: Series, status: SeriesStatus, now: datetime, *, actor_id: int | None = None
) -> None:
    """Record that a request is over, and free what was held for it."""
    series.status, series.decided_at, series.decided_by, series.next_step_at = status, now, actor_id, None
    held, series.hold_id = series.hold_id, None
    await session.flush()
    if held is not None:
        await releases.release(session, held, now)
    await _update_card(session, series, now)
    record(session, series, status.value, now, actor_id=actor_id)


async def _lock_own(session: AsyncSession, series_id: int, actor: Actor, *, is_coach: bool) -> Series:
    _check_own(await session.get(Series, series_id), actor, is_coach=is_coach)
    return await lock_series(session, series_id)


def _check_own(series: Series | None, actor: Actor, *, is_coach: bool) -> Series:
    if series is None or actor.user_id != (series.coach_id if is_coach else series.student_id):
        raise NotFound("You have no such request. `/sessions` lists what you're waiting for or have to answer.")
    return series


def _check_open(series: Series, now: datetime) -> None:
    if series.status is not SeriesStatus.REQUESTED:
        raise TooLate(_OVER[series.status])
    if now >= series.answer_by:
        raise TooLate(_OVER[SeriesStatus.LAPSED])


def tell(session: AsyncSession, series: Series, kind: NotificationKind, user_id: int, now: datetime) -> None:
    """Enqueue a direct message about a series to one of its people."""
    outbox.enqueue(
        session,
        kind,
        series.guild_id,
        now=now,
        user_id=user_id,
        about_user_id=series.student_id if user_id == series.coach_id else None,
        coach_id=series.coach_id,
        series_id=series.id,
    )


async def _update_card(session: AsyncSession, series: Series, now: datetime) -> None:
    """Update the coach's card if it was sent or is being sent. Otherwise it isn't sent."""
    is_card = Notification.series_id == series.id, Notification.kind == NotificationKind.SERIES_REQUEST
    card = await session.scalar(select(Notification).where(*is_card).limit(1).with_for_update())
    if card is None or card.undeliverable_at is not None:
        return
    if card.message_id is not None or card.tried_at is not None:
        outbox.requeue(card, now)


def record(
    session: AsyncSession, series: Series, action: str, now: datetime, *, actor_id: int | None = None
) -> None:
    """Record what became of a series in the audit log, as `series_<action>`."""
    audit.record(
        session,
        series.guild_id,
        f"series_{action}",
        at=now,
        actor_id=actor_id,
        coach_id=series.coach_id,
        member_id=series.student_id,
        details={"series": series.id},
    )
