"""Telling people that credit ends, and ending it."""

from sqlalchemy import select

from models import CreditLot, NotificationKind
from models.storage.database import Database
from scheduler.core.clock import Clock
from scheduler.credits import ledger
from scheduler.notifications import outbox

_AT_ONCE = 100


async def do_due(db: Database, clock: Clock) -> int:
    """Tell the owners of lots that end soon, expire those that have ended, and return how many were due.

    Takes some at a time. The next tick does the rest.
    """
    async with db.read() as session:
        due = select(CreditLot.id).where(CreditLot.next_step_at <= clock())
        ids = list(await session.scalars(due.order_by(CreditLot.next_step_at).limit(_AT_ONCE)))
    if not ids:
        return 0
    async with db.begin() as session:
        now = clock()
        lots = select(CreditLot).where(CreditLot.id.in_(ids), CreditLot.next_step_at <= now).order_by(CreditLot.id)
        # Whoever holds a lot may wait for another one: it's done next time.
        for lot in await session.scalars(lots.with_for_update(skip_locked=True)):
            if lot.valid_until is None or lot.valid_until <= now:
                await ledger.expire(session, lot, now)
                continue
            lot.next_step_at = lot.valid_until
            if lot.minutes_left:
                kind = NotificationKind.CREDITS_ENDING
                outbox.enqueue(session, kind, lot.guild_id, now=now, user_id=lot.user_id, lot_id=lot.id)
    return len(ids)
