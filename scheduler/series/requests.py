"""Asking a coach for weekly lessons."""

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import (
    BlockedFrom,
    Coach,
    Guild,
    Hold,
    HoldPurpose,
    NotificationKind,
    Series,
    SeriesPayment,
    SeriesStatus,
)
from scheduler.booking import blocks, booking, eligibility, releases, reservations
from scheduler.core import coaches, members
from scheduler.core.actor import Actor
from scheduler.core.errors import NotBookable
from scheduler.parsing.money import price
from scheduler.series import answers, rule
from scheduler.series import preview as previews
from scheduler.series.preview import Preview, Wanted

MOST_SERIES = 2
"""How many a student can have or ask for at a time, in one server."""
LEAST_NOTICE = timedelta(minutes=15)
"""How long before the first lesson a coach can last be asked."""
_LEAST_TIME = timedelta(minutes=10)


async def check(
    session: AsyncSession,
    guild: Guild,
    coach: Coach,
    actor: Actor,
    wanted: Wanted,
    notes: str | None,
    now: datetime,
) -> Preview:
    """Look at what a student is about to ask for, and raise what `request` would raise whatever the dates are.

    Raises SlotTaken or NotBookable if the first lesson can't be booked, NotBookable for a coach, a length or
    someone who has too many weekly lessons, Blocked, and as `preview.draft` does.
    """
    await blocks.require_unblocked(session, guild.id, actor.user_id, BlockedFrom.BOOKING)
    eligibility.check_request(coach, actor, wanted.starts_at, wanted.duration, notes, now)
    answer_by(guild, wanted.starts_at, now)
    await _check_count(session, guild, actor, now)
    await eligibility.check_time(session, coach, actor.user_id, wanted.starts_at, wanted.duration, now)
    return await previews.preview(session, guild, coach, actor.user_id, wanted, now)


async def request(
    session: AsyncSession,
    guild: Guild,
    actor: Actor,
    coach_id: int,
    wanted: Wanted,
    notes: str | None,
    pays_with: SeriesPayment,
    now: datetime,
    *,
    agreed_minor: int | None = None,
    agreed_currency: str | None = None,
) -> Series:
    """Ask for weekly lessons, and hold the hours of all that could be booked by others until the coach answers.

    If the server asks for no answer, they're agreed on at once. Releases what the actor is choosing in this
    server. Asking for the same again returns the first request.

    Raises as `check` does, NotBookable if a limit of the coach or too many dates are in the way or the price is no
    longer `agreed_minor` in `agreed_currency`, NotFound for someone who doesn't coach here.
    """
    await members.lock(session, coach_id, actor.user_id)
    if (already := await _asked_before(session, guild.id, actor, coach_id, wanted, now)) is not None:
        return already
    coach = await coaches.approved_coach(session, guild.id, coach_id)
    found = await check(session, guild, coach, actor, wanted, notes, now)
    check_dates(found)
    eligibility.check_price(coach, wanted.duration, agreed_minor, agreed_currency)
    await releases.release_holds(session, guild.id, coach_id, actor.user_id, now, taking=wanted.starts_at)
    series = previews.draft(coach, wanted)
    series.guild_id, series.student_id, series.code = guild.id, actor.user_id, booking.new_code()
    series.notes, series.pays_with = (notes or "").strip() or None, pays_with
    series.total_cost_minor, series.currency = price(coach.rate_minor, wanted.duration), coach.currency
    series.requested_at, series.answer_by = now, answer_by(guild, wanted.starts_at, now)
    series.status, series.next_step_at = SeriesStatus.REQUESTED, series.answer_by
    session.add(series)
    await session.flush()
    if guild.series_answer_hours:
        await _hold(session, coach, series, found, now)
        answers.tell(session, series, NotificationKind.SERIES_REQUEST, series.coach_id, now)
        answers.record(session, series, "requested", now, actor_id=actor.user_id)
    else:
        await answers.begin(session, series, now, actor_id=None)
    return series


def answer_by(guild: Guild, starts_at: datetime, now: datetime) -> datetime:
    """Return when a request lapses: by the server's setting, or once half the time to the first lesson has passed.

    Raises NotBookable if the coach couldn't answer before it starts.
    """
    left, setting = starts_at - now, timedelta(hours=guild.series_answer_hours)
    if not setting:
        return now
    if left < LEAST_NOTICE:
        raise NotBookable("That's too soon for your coach to answer. Choose a later time for the first lesson.")
    return now + min(left, max(_LEAST_TIME, min(setting, left / 2)))


def check_dates(found: Preview) -> None:
    """Raise NotBookable if a limit of the coach or too many dates are in the way."""
    if found.over_limit is not None:
        raise found.over_limit
    if found.is_mostly_taken:
        raise NotBookable(f"More than half of the next {len(found.shown)} dates are taken. Choose another time.")


async def _check_count(session: AsyncSession, guild: Guild, actor: Actor, now: datetime) -> None:
    counted = select(func.count()).where(
        Series.guild_id == guild.id, Series.student_id == actor.user_id, _is_under_way(now)
    )
    if (await session.scalar(counted) or 0) >= MOST_SERIES:
        raise NotBookable(
            f"You already have weekly lessons at {MOST_SERIES} times, the most allowed here. Requests count, too. "
            "End one of them in `/series`, or book this time once."
        )


def _is_under_way(now: datetime) -> ColumnElement[bool]:
    is_open = and_(Series.status == SeriesStatus.REQUESTED, Series.answer_by > now)
    goes_on = and_(Series.status == SeriesStatus.ACTIVE, or_(Series.ends_at.is_(None), Series.ends_at > now))
    return or_(is_open, goes_on)


async def _asked_before(
    session: AsyncSession, guild_id: int, actor: Actor, coach_id: int, wanted: Wanted, now: datetime
) -> Series | None:
    """Return the same request, or what it has led to, if the student pressed twice."""
    found = await session.scalars(
        select(Series).where(
            Series.guild_id == guild_id,
            Series.student_id == actor.user_id,
            Series.coach_id == coach_id,
            Series.duration_minutes == wanted.minutes,
            _is_under_way(now),
        )
    )
    return next((one for one in found if _is_same(one, wanted)), None)


def _is_same(one: Series, wanted: Wanted) -> bool:
    first = one.rules[0]
    return (rule.planned(one.rules, 0).starts_at, first.interval_weeks) == (
        wanted.starts_at,
        wanted.interval_weeks,
    )


async def _hold(session: AsyncSession, coach: Coach, series: Series, found: Preview, now: datetime) -> None:
    """Hold the hours of all lessons that could be booked by others until the coach answers.

    Raises SlotTaken if the first one isn't free.
    """
    starts = [one.planned.starts_at for one in found.dates if one.is_free and one.planned.starts_at is not None]
    length = timedelta(minutes=series.duration_minutes)
    held = Hold(
        guild_id=series.guild_id,
        coach_id=series.coach_id,
        student_id=series.student_id,
        starts_at=starts[0],
        ends_at=starts[0] + length,
        purpose=HoldPurpose.REQUEST,
        expires_at=series.answer_by,
        next_step_at=series.answer_by,
    )
    session.add(held)
    await session.flush()
    await reservations.reserve(session, coach, series.student_id, starts[0], length, now, hold_id=held.id)
    for at in starts[1:]:  # one that isn't free after all is skipped, as others are
        await reservations.reserve_if_free(session, coach, series.student_id, at, length, hold_id=held.id)
    series.hold_id = held.id
