"""Seeing to it that weekly lessons are paid for in time, with credit or by card."""

from collections import defaultdict
from collections.abc import Hashable
from datetime import datetime, timedelta
from functools import partial
from typing import NamedTuple

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import (
    UNDECIDED,
    Coach,
    CoachingSession,
    Guild,
    Lesson,
    Notification,
    NotificationKind,
    Participant,
    Payment,
    PaymentMode,
    PaymentStatus,
    Series,
    SeriesPayment,
    SessionStatus,
)
from models.storage.database import Database
from scheduler.booking import booking
from scheduler.core.actor import Actor
from scheduler.core.clock import Clock
from scheduler.core.errors import NotFound
from scheduler.core.task_pool import Job, TaskPool, attempt
from scheduler.credits import charges, ledger
from scheduler.notifications import outbox
from scheduler.series import lookup, pay_steps
from scheduler.sessions import events
from scheduler.sessions.lifecycle import has_started
from scheduler.time.local_time import MINUTE

NOT_PAID = "It wasn't paid for in time."
"""Why a lesson was cancelled, for both people."""
_A_ROUND = 50
_PAUSE = timedelta(hours=1)


async def do_due(db: Database, clock: Clock, pool: TaskPool[bool], *, has_cards: bool) -> int:
    """See to what's due, each series on its own. Returns how many failed, to be tried again.

    Lessons of one series follow each other: what an earlier one takes isn't there for a later one. `has_cards`:
    whether the operator has set a key with which people pay by card.
    """
    async with db.read() as session:
        due = select(Lesson.series_id, Lesson.occurrence).where(Lesson.pay_step_at <= clock())
        keys = await session.execute(
            due.order_by(Lesson.pay_step_at, Lesson.series_id, Lesson.occurrence).limit(_A_ROUND)
        )
        occurrences: dict[int, list[int]] = defaultdict(list)
        for series_id, occurrence in keys:
            occurrences[series_id].append(occurrence)

    async def in_order(series_id: int) -> None:
        for occurrence in sorted(occurrences[series_id]):
            async with db.begin() as session:
                await see_to(session, series_id, occurrence, clock(), has_cards=has_cards)

    jobs: dict[Hashable, Job[bool]] = {
        one: partial(attempt, f"seeing to the payments of series {one}", partial(in_order, one))
        for one in occurrences
    }
    return (await pool.work(jobs)).count(False)


async def see_to(
    session: AsyncSession, series_id: int, occurrence: int, now: datetime, *, has_cards: bool
) -> None:
    """Do what's due for one lesson, and plan when to look again. Safe to call any number of times.

    Two weeks before, tells its student if their credit won't be enough. One week before, reserves the credit, or
    tells them how to pay. A day before, what isn't paid for is cancelled, or kept if the server chose that.
    """
    series = await lookup.lock_series(session, series_id)
    lesson = await lookup.find_lesson(session, series, occurrence)
    if lesson.pay_step_at is None or lesson.pay_step_at > now:
        return
    row = await _lock_session(session, lesson)
    lesson.pay_step_at = None
    if row is None or not await takes_payment(session, row, now):
        return
    with_credit = series.pays_with is SeriesPayment.CREDIT
    week_before = row.starts_at - pay_steps.PAID_BEFORE
    if now < week_before:
        first = pay_steps.first_step(series, row.starts_at)
        if first is not None and first <= now and with_credit and await _runs_out(session, series, row, now):
            _tell(session, row, NotificationKind.LESSON_CREDIT_SHORT, now)
        lesson.pay_step_at = week_before if first is None or first <= now else first
    elif not (with_credit and await _reserve(session, row, now)):
        await _wait_for_payment(session, series, lesson, row, now, has_cards=has_cards)


async def find_own(session: AsyncSession, session_id: int, actor: Actor, *, lock: bool = False) -> CoachingSession:
    """Return one of weekly lessons to its student. Raises NotFound to everyone else, and for other sessions."""
    found = await session.get(CoachingSession, session_id, with_for_update=lock, populate_existing=lock)
    is_lesson = await session.scalar(select(Lesson.occurrence).where(Lesson.session_id == session_id)) is not None
    if found is None or not is_lesson or found.participant(actor.user_id) is None:
        raise NotFound("You have no such lesson. `/sessions` lists your sessions.")
    return found


async def takes_payment(
    session: AsyncSession, row: CoachingSession, now: datetime, *, besides: int | None = None
) -> bool:
    """Whether a lesson is upcoming and isn't paid for, `besides` one payment."""
    is_ahead = row.status is SessionStatus.SCHEDULED and not has_started(row, now)
    return is_ahead and not await is_paid(session, row.student, besides=besides)


async def is_paid(session: AsyncSession, seat: Participant, *, besides: int | None = None) -> bool:
    """Whether a session is paid for by its participant, with credit or by card, or costs nothing.

    One payment can be left out (`besides`).
    """
    if seat.credit_minutes is not None or not seat.total_cost_minor:
        return True
    paid = await payment_in(session, seat, PaymentStatus.PAID, besides=besides)
    return paid is not None


async def payment_in(
    session: AsyncSession, seat: Participant, *statuses: PaymentStatus, besides: int | None = None
) -> Payment | None:
    """Return a participant's payment by card for a session that is in one of these states, `besides` one."""
    theirs = Payment.session_id == seat.session_id, Payment.user_id == seat.user_id, Payment.id != (besides or 0)
    return await session.scalar(select(Payment).where(*theirs, Payment.status.in_(statuses)).limit(1))


def can_pay_by_card(guild: Guild, *, has_cards: bool) -> bool:
    """Whether lessons can be paid by card in this server now."""
    return has_cards and guild.payment_mode is not PaymentMode.OFF


async def was_unpaid(session: AsyncSession, row: CoachingSession, now: datetime) -> bool:
    """Whether a session that neither credit nor a card paid for is a weekly lesson that wasn't paid for yet.

    What is paid otherwise counts as paid from a week before.
    """
    of_series = select(Series.pays_with).join(Lesson, Lesson.series_id == Series.id)
    pays_with = await session.scalar(of_series.where(Lesson.session_id == row.id))
    if pays_with is None:
        return False
    return pays_with is not SeriesPayment.OTHERWISE or row.starts_at - now > pay_steps.PAID_BEFORE


class Unpaid(NamedTuple):
    """What's known about a lesson that isn't paid for."""

    series: Series
    credit: int
    """How many minutes of credit its student could use for it."""
    by_card: bool
    """Whether the server lets people pay by card."""
    decided_at: datetime
    """When it's cancelled, or kept without being paid for."""


async def unpaid(session: AsyncSession, row: CoachingSession, now: datetime) -> Unpaid | None:
    """Return how a lesson stands that's upcoming and isn't paid for; None for all others."""
    lesson = await session.scalar(select(Lesson).where(Lesson.session_id == row.id))
    if lesson is None or not await takes_payment(session, row, now):
        return None
    series = await session.get_one(Series, lesson.series_id)
    guild = await session.get_one(Guild, row.guild_id)
    credit = await _usable(session, row)
    by_card = guild.payment_mode is not PaymentMode.OFF
    decided_at = pay_steps.decided_at(row.starts_at, await told_at(session, row) or now)
    return Unpaid(series, credit, by_card, decided_at)


async def told_at(session: AsyncSession, row: CoachingSession) -> datetime | None:
    """Return when its student was told to pay for a lesson, since it was last rescheduled, if they were."""
    about = Notification.session_id == row.id, Notification.kind == NotificationKind.LESSON_TO_PAY
    newest = select(Notification.created_at).where(*about).order_by(Notification.id.desc()).limit(1)
    at = await session.scalar(newest)
    return None if at is None or (row.rescheduled_at is not None and at < row.rescheduled_at) else at


async def _lock_session(session: AsyncSession, lesson: Lesson) -> CoachingSession | None:
    if lesson.session_id is None:
        return None
    return await session.get(CoachingSession, lesson.session_id, with_for_update=True, populate_existing=True)


async def _runs_out(session: AsyncSession, series: Series, row: CoachingSession, now: datetime) -> bool:
    """Whether this is the first of the student's lessons with this coach for which their credit isn't enough.

    They hear of the others once these are a week away.
    """
    left = await _usable(session, row)
    earlier = (
        select(func.count())
        .select_from(Lesson)
        .join(Participant, Participant.session_id == Lesson.session_id)
        .join(CoachingSession, CoachingSession.id == Lesson.session_id)
        .where(
            Lesson.series_id == series.id,
            CoachingSession.status == SessionStatus.SCHEDULED,
            CoachingSession.starts_at > now,
            CoachingSession.starts_at < row.starts_at,
            Participant.credit_minutes.is_(None),
        )
    )
    before = (await session.scalar(earlier) or 0) * series.duration_minutes
    return before <= left < before + series.duration_minutes


async def _usable(session: AsyncSession, row: CoachingSession) -> int:
    """Return how many minutes of credit the student could use for a session."""
    coach = await session.get_one(Coach, (row.guild_id, row.coach_id))
    lots = await ledger.lots_of(session, row.guild_id, row.student_id, valid_at=row.starts_at)
    return ledger.minutes_in(await ledger.usable_for(session, lots, coach))


async def _reserve(session: AsyncSession, row: CoachingSession, now: datetime) -> bool:
    """Have a lesson paid for with credit, if its student has enough."""
    coach = await session.get_one(Coach, (row.guild_id, row.coach_id))
    _, usable = await ledger.lots_to_take_from(session, row.student_id, coach, row.starts_at, now)
    if ledger.minutes_in(usable) < row.duration // MINUTE:
        return False
    booking.use_credit(row.student)
    await outbox.enqueue_all(session, await charges.reserve(session, row.student, coach, now), now)
    row.updated_at = now
    await outbox.requeue_direct(session, row.id, now)
    events.record_by_bot(session, row, "lesson_credit_reserved", now, minutes=row.student.credit_minutes)
    return True


async def _wait_for_payment(
    session: AsyncSession, series: Series, lesson: Lesson, row: CoachingSession, now: datetime, *, has_cards: bool
) -> None:
    """Tell a lesson's student how to pay and wait, until it's time to cancel or keep it."""
    guild = await session.get_one(Guild, row.guild_id)
    if guild.bot_removed_at is not None:  # nobody could be told
        lesson.pay_step_at = now + _PAUSE
        return
    can_pay = series.pays_with is SeriesPayment.CREDIT or can_pay_by_card(guild, has_cards=has_cards)
    if (was_told := await told_at(session, row)) is None:
        _tell(session, row, NotificationKind.LESSON_TO_PAY, now)
        was_told = now
    if now < (decided := pay_steps.decided_at(row.starts_at, was_told)):
        lesson.pay_step_at = decided
    elif (paying := await payment_in(session, row.student, *UNDECIDED)) is not None:
        lesson.pay_step_at = max(now, paying.expires_at) + pay_steps.LOOK_AGAIN
    elif guild.cancels_unpaid_lessons and can_pay:
        await events.call_off(session, row, guild, NOT_PAID, now)
        events.record_by_bot(session, row, "lesson_unpaid", now)


def _tell(session: AsyncSession, row: CoachingSession, kind: NotificationKind, now: datetime) -> None:
    outbox.enqueue(session, kind, row.guild_id, now=now, user_id=row.student_id, session_id=row.id)
