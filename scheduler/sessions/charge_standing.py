"""What people can still do about what a session cost: waive it, dispute it, or keep its refund as credit."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models import (
    CoachingSession,
    CreditDispute,
    Guild,
    Lesson,
    Participant,
    Payment,
    PaymentMode,
    PaymentStatus,
    Refund,
    RefundStatus,
    Series,
    SessionStatus,
)

WAIVABLE_FOR = timedelta(days=7)
"""How long after the end, or after a late cancellation, the coach or an admin can waive the charge."""
PAYABLE_BEFORE = timedelta(days=7)
"""How long before a weekly lesson it can be paid by card."""
DISPUTABLE_FOR = timedelta(hours=72)
"""How long after they were charged a student can dispute it."""


class ChargeStanding(NamedTuple):
    """What one person can do now about what a session cost, whether it's disputed, and what was paid by card."""

    can_waive: bool = False
    can_dispute: bool = False
    dispute: CreditDispute | None = None
    payment: Payment | None = None
    """What was paid by card for it."""
    refund: Refund | None = None
    """What is owed or was paid back of that."""
    can_choose: bool = False
    """Whether they can have the refund at once, or keep it as credit."""
    can_pay: bool = False
    """Whether it's a weekly lesson that they can pay for by card."""


def waivable_until(row: CoachingSession) -> datetime:
    """Return until when the coach or an admin can waive a charge."""
    return (row.cancelled_at or row.ends_at) + WAIVABLE_FOR


def can_waive(seat: Participant, viewer_id: int | None, now: datetime, *, is_admin: bool = False) -> bool:
    """Whether this person can give back now what a participant was charged. Nobody does that for themselves."""
    may = viewer_id == seat.session.coach_id or (is_admin and viewer_id != seat.user_id)
    return may and seat.credit_charged_at is not None and now < waivable_until(seat.session)


def can_dispute(seat: Participant, viewer_id: int | None, now: datetime) -> bool:
    """Whether this person could dispute now what they were charged, unless they have already."""
    charged_at = seat.credit_charged_at
    return viewer_id == seat.user_id and charged_at is not None and now < charged_at + DISPUTABLE_FOR


def chooses_until(refund: Refund) -> datetime | None:
    """Return until when whoever paid can keep a refund as credit; None once it's decided, or Stripe was asked."""
    return refund.next_try_at if refund.status is RefundStatus.OWED and refund.tried_at is None else None


def can_choose(refund: Refund, now: datetime) -> bool:
    """Whether whoever paid can still keep a refund as credit."""
    until = chooses_until(refund)
    return until is not None and now < until


def credit_instead(row: CoachingSession, refund: Refund) -> int:
    """Return the minutes of credit that a refund can be kept as: a session's own, or what a seat's price buys."""
    return (refund.credit_minutes or 0) if row.is_workshop else row.booked_duration // timedelta(minutes=1)


def closes_at(
    row: CoachingSession, viewer_id: int | None, standing: ChargeStanding | None = None
) -> datetime | None:
    """Return when this person's buttons about the charge or the refund stop working; None if they have none."""
    if standing is not None and standing.refund is not None:
        return chooses_until(standing.refund) if row.participant(viewer_id) is not None else None
    seat = row.part_shown_to(viewer_id)
    charged_at = seat and seat.credit_charged_at
    if charged_at is None or viewer_id not in row.people:
        return None
    return waivable_until(row) if viewer_id == row.coach_id else charged_at + DISPUTABLE_FOR


async def standings(
    session: AsyncSession,
    rows: Collection[CoachingSession],
    viewer_id: int | None,
    now: datetime,
    *,
    is_admin: bool = False,
) -> dict[int, ChargeStanding]:
    """Return, by session, what this person can do about each of these sessions that credit or a card paid for.

    `is_admin`: as an admin of the server, who looks at a session that may not be theirs.
    """
    seats = [seat for one in rows if (seat := one.part_shown_to(viewer_id)) is not None]
    paid = await _paid(
        session, [one.session_id for one in seats if one.credit_minutes is None and one.total_cost_minor]
    )
    known = [one for one in seats if one.credit_minutes is not None or _key(one) in paid]
    disputes = await _disputes(session, [one.session_id for one in known])
    found: dict[int, ChargeStanding] = {}
    for one in known:
        payment, refund = paid.get(_key(one), (None, None))
        found[one.session_id] = ChargeStanding(
            can_waive(one, viewer_id, now, is_admin=is_admin),
            can_dispute(one, viewer_id, now) and _key(one) not in disputes,
            disputes.get(_key(one)),
            payment,
            refund,
            refund is not None and viewer_id == one.user_id and can_choose(refund, now),
        )
    unpaid = [
        one
        for one in seats
        if viewer_id == one.user_id
        and one.session_id not in found
        and one.total_cost_minor
        and one.session.status is SessionStatus.SCHEDULED
        and now < one.starts_at <= now + PAYABLE_BEFORE
    ]
    found |= {one: ChargeStanding(can_pay=True) for one in await _payable(session, unpaid)}
    return found


async def _payable(session: AsyncSession, unpaid: Collection[Participant]) -> Sequence[int]:
    """Return which of these sessions are weekly lessons whose payment is seen to, and can be made by card."""
    if not unpaid:
        return []
    lessons = (
        select(Lesson.session_id)
        .join(Series, Series.id == Lesson.series_id)
        .join(Guild, Guild.id == Series.guild_id)
        .where(
            Lesson.session_id.in_([one.session_id for one in unpaid]),
            Lesson.pay_step_at.is_not(None),
            Guild.payment_mode != PaymentMode.OFF,
        )
    )
    return [one for one in await session.scalars(lessons) if one is not None]


_Key = tuple[int | None, int]
"""A session and a participant."""


def _key(seat: Participant) -> _Key:
    return seat.session_id, seat.user_id


async def _disputes(session: AsyncSession, ids: Collection[int]) -> dict[_Key, CreditDispute]:
    about = select(CreditDispute).where(CreditDispute.session_id.in_(ids))
    return {(one.session_id, one.user_id): one for one in await session.scalars(about)} if ids else {}


async def _paid(session: AsyncSession, ids: Collection[int]) -> dict[_Key, tuple[Payment, Refund | None]]:
    found = (
        select(Payment, Refund)
        .outerjoin(Refund, Refund.payment_id == Payment.id)
        .where(Payment.session_id.in_(ids), Payment.status == PaymentStatus.PAID)
        .order_by(Payment.id)
    )
    return (
        {(one.session_id, one.user_id): (one, refund) for one, refund in await session.execute(found)}
        if ids
        else {}
    )
