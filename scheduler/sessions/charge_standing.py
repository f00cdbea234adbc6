"""What can still be done about the credit a session charged: its coach waives it, or its student disputes it."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models import CoachingSession, CreditDispute

WAIVABLE_FOR = timedelta(days=7)
"""How long after the end, or after a late cancellation, the coach can waive the charge."""
DISPUTABLE_FOR = timedelta(hours=72)
"""How long after they were charged a student can dispute it."""


@dataclass(frozen=True, slots=True)
class ChargeStanding:
    """What one person can do now about what a session charged, and whether it's disputed."""

    can_waive: bool = False
    can_dispute: bool = False
    dispute: CreditDispute | None = None


def waivable_until(row: CoachingSession) -> datetime:
    """Return until when the coach can waive the charge."""
    return (row.cancelled_at or row.ends_at) + WAIVABLE_FOR


def can_waive(row: CoachingSession, viewer_id: int | None, now: datetime) -> bool:
    """Whether this person can give back now what the session was charged."""
    return viewer_id == row.coach_id and row.credit_charged_at is not None and now < waivable_until(row)


def can_dispute(row: CoachingSession, viewer_id: int | None, now: datetime) -> bool:
    """Whether this person could dispute now what the session charged, unless they have already."""
    charged_at = row.credit_charged_at
    return viewer_id == row.student_id and charged_at is not None and now < charged_at + DISPUTABLE_FOR


def closes_at(row: CoachingSession, viewer_id: int | None) -> datetime | None:
    """Return when this person's button about the charge stops working; None if they have none."""
    if row.credit_charged_at is None or viewer_id not in row.participants:
        return None
    return waivable_until(row) if viewer_id == row.coach_id else row.credit_charged_at + DISPUTABLE_FOR


async def standings(
    session: AsyncSession, rows: Collection[CoachingSession], viewer_id: int | None, now: datetime
) -> dict[int, ChargeStanding]:
    """Return, by session, what this person can do about each of these sessions that credit was used for."""
    with_credit = [one for one in rows if one.credit_minutes is not None]
    if not with_credit:
        return {}
    about = select(CreditDispute).where(CreditDispute.session_id.in_([one.id for one in with_credit]))
    disputes = {one.session_id: one for one in await session.scalars(about)}
    return {
        one.id: ChargeStanding(
            can_waive(one, viewer_id, now),
            can_dispute(one, viewer_id, now) and one.id not in disputes,
            disputes.get(one.id),
        )
        for one in with_credit
    }
