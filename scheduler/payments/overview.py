"""What admins see of payments, and whether cards are taken."""

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models import Guild, Payment, PaymentMode, Refund, RefundStatus
from scheduler.core import audit
from scheduler.core.actor import Actor
from scheduler.core.pages import Page
from scheduler.time.time_zones import zone

_MONTHS = 3


@dataclass(frozen=True, slots=True)
class Shown:
    """A payment, and what was or has to be paid back."""

    payment: Payment
    refund: Refund | None


@dataclass(frozen=True, slots=True)
class Month:
    """What came in and went back in one month, in minor units of one currency, real and test money apart."""

    first_day: date
    currency: str
    livemode: bool
    paid_minor: int
    refunded_minor: int


async def list_page(session: AsyncSession, guild_id: int, actor: Actor, *, page: int, size: int) -> Page[Shown]:
    """Return a page of a server's payments, newest first. Raises NotAllowed for anyone but admins."""
    actor.must_be_admin()
    found = await session.execute(
        select(Payment, Refund)
        .outerjoin(Refund, Refund.payment_id == Payment.id)
        .where(Payment.guild_id == guild_id)
        .order_by(Payment.id.desc())
        .offset(page * size)
        .limit(size + 1)
    )
    rows = [Shown(payment, refund) for payment, refund in found]
    return Page(rows[:size], has_more=len(rows) > size)


async def months(session: AsyncSession, guild: Guild, actor: Actor) -> list[Month]:
    """Return the last three months in which something was paid, newest first, on the server's clock.

    A refund counts in the month of its payment. Raises NotAllowed for anyone but admins.
    """
    actor.must_be_admin()
    clock = zone(guild.time_zone)
    paid = (
        select(Payment.paid_at, Payment.currency, Payment.livemode, Payment.amount_minor, Refund.amount_minor)
        .outerjoin(Refund, (Refund.payment_id == Payment.id) & (Refund.status == RefundStatus.DONE))
        .where(Payment.guild_id == guild.id, Payment.paid_at.is_not(None))
        .order_by(Payment.paid_at.desc())
    )
    sums: dict[tuple[date, str, bool], list[int]] = {}
    for paid_at, currency, livemode, amount, refunded in await session.execute(paid):
        assert paid_at is not None, "by the query"
        first_day = paid_at.astimezone(clock).date().replace(day=1)
        if first_day not in {one for one, *_ in sums} and len({one for one, *_ in sums}) == _MONTHS:
            break
        total = sums.setdefault((first_day, currency, livemode), [0, 0])
        total[0] += amount
        total[1] += refunded or 0
    return [Month(*of, *total) for of, total in sums.items()]


async def set_mode(session: AsyncSession, guild: Guild, actor: Actor, mode: PaymentMode, now: datetime) -> None:
    """Say how the server takes cards, as an admin. What is being paid stays. Raises NotAllowed."""
    actor.must_be_admin()
    if guild.payment_mode is mode:
        return
    details = {"before": str(guild.payment_mode), "after": str(mode)}
    guild.payment_mode = mode
    audit.record(session, guild.id, "payment_mode_changed", at=now, actor_id=actor.user_id, details=details)
