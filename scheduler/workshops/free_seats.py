"""Which seats of a workshop are free, and claiming one."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import ColumnElement, and_, exists, false, func, not_, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from models import Hold, Offer, OfferState, Seat, Wish


def is_free(now: datetime, *, user_id: int | None = None) -> ColumnElement[bool]:
    """Whether nobody has a seat, and it isn't kept: by someone who is paying for it, or for the waiting list.

    What's offered to `user_id` is free for them.

    Asks whether its hold has run out, and not whether one still runs: PostgreSQL checks a seat again that changed
    while it was looked for, but sees only such holds as there were before.
    """
    ran_out = exists().where(Hold.id == Seat.hold_id, Hold.expires_at <= now)
    is_theirs = false() if user_id is None else _is_offered_to(user_id, now)
    return and_(
        Seat.user_id.is_(None),
        or_(Seat.hold_id.is_(None), ran_out),
        or_(Seat.freed_id.is_(None), is_theirs),
    )


def _is_offered_to(user_id: int, now: datetime) -> ColumnElement[bool]:
    theirs = Offer.user_id == user_id, Offer.state == OfferState.OPEN, Offer.expires_at > now
    return exists().where(Offer.freed_id == Seat.freed_id, *theirs)


def _is_due_to_line(now: datetime, wish_id: int | None) -> ColumnElement[bool]:
    """Whether its hold has run out, so that it's the line's as soon as that's noticed.

    Nobody else can take it until then: whoever tries notices it.
    """
    ran_out = exists().where(Hold.id == Seat.hold_id, Hold.next_step_at <= now)
    others = [Wish.id != wish_id] if wish_id is not None else []
    is_awaited = exists().where(Wish.session_id == Seat.session_id, Wish.ended_at.is_(None), *others)
    return and_(ran_out, is_awaited)


async def free_seats(
    session: AsyncSession,
    session_ids: Collection[int],
    now: datetime,
    *,
    user_id: int | None = None,
    wish_id: int | None = None,
) -> dict[int, int]:
    """Return how many seats are free in each of these workshops, for this person or for everybody.

    Counts as if nobody had the wish `wish_id`.
    """
    if not session_ids:
        return {}
    counted = select(Seat.session_id, func.count()).where(
        Seat.session_id.in_(session_ids), is_free(now, user_id=user_id), not_(_is_due_to_line(now, wish_id))
    )
    found = dict(list(await session.execute(counted.group_by(Seat.session_id))))
    return {one: found.get(one, 0) for one in session_ids}


async def claim(session: AsyncSession, session_id: int, which: ColumnElement[bool], **owner: int | None) -> bool:
    """Give one of these seats an owner with one statement, which skips those that others are taking.

    Looking for the first free one and then taking it would give one seat to everybody who looks at the same time.
    Returns False if there's none. What's kept for the waiting list comes first, because it's offered to them.
    """
    free = select(Seat.id).where(Seat.session_id == session_id, which)
    first = free.order_by(Seat.freed_id.is_(None), Seat.id).limit(1)
    chosen = first.with_for_update(skip_locked=True).scalar_subquery()
    taken = update(Seat).where(Seat.id == chosen).values({"hold_id": None} | owner)
    claimed = await session.scalars(taken.returning(Seat.id).execution_options(synchronize_session=False))
    return claimed.first() is not None
