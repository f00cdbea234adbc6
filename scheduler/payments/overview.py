"""What admins see and download of payments, and whether cards are taken."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Select, case, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import Coach, CoachingSession, Guild, Package, Payment, PaymentMode, Refund, RefundStatus
from scheduler.core import audit
from scheduler.core.actor import Actor
from scheduler.core.pages import Page
from scheduler.time.local_time import start_of
from scheduler.time.time_zones import zone

_MONTHS = 3
_MOST_MONTHS = 24
"""How many can be chosen from; a select takes 25."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A payment, and what was or has to be paid back."""

    payment: Payment
    refund: Refund | None


@dataclass(frozen=True, slots=True)
class Month:
    """What came in and went back in one month, in minor units of one currency, real and test money apart.

    What went back may have come in earlier.
    """

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


def _when() -> ColumnElement[datetime]:
    """Return when a payment was made, or begun if it wasn't."""
    return func.coalesce(Payment.paid_at, Payment.created_at)


async def months_to_download(session: AsyncSession, guild: Guild, actor: Actor, now: datetime) -> list[date]:
    """Return the first days of the last two years' months since the first payment, newest first.

    Months are on the server's clock. Raises NotAllowed for anyone but admins.
    """
    actor.must_be_admin()
    first = await session.scalar(select(func.min(Payment.created_at)).where(Payment.guild_id == guild.id))
    if first is None:
        return []
    clock = zone(guild.time_zone)
    begun, month = _first_of_month(first, clock), _first_of_month(now, clock)
    found = [month]
    while month > begun and len(found) < _MOST_MONTHS:
        month = (month - timedelta(days=1)).replace(day=1)
        found.append(month)
    return found


def to_download(guild: Guild, actor: Actor, month: date | None) -> Select[Any]:
    """Return a query of a server's payments with what they were for, oldest first, for `csv_of`.

    With a month (its first day, on the server's clock), only those that were made, or paid back, in it.
    Raises NotAllowed for anyone but admins.
    """
    actor.must_be_admin()
    found: Any = (
        select(Payment, Refund, Coach.display_name, Package.name, CoachingSession.code)
        .outerjoin(Refund, Refund.payment_id == Payment.id)
        .outerjoin(Coach, (Coach.guild_id == Payment.guild_id) & (Coach.user_id == Payment.coach_id))
        .outerjoin(Package, Package.id == Payment.package_id)
        .outerjoin(CoachingSession, CoachingSession.id == Payment.session_id)
        .where(Payment.guild_id == guild.id)
        .order_by(_when(), Payment.id)
    )
    if month is None:
        return found
    clock = zone(guild.time_zone)
    start, end = (start_of(clock, one) for one in (month, (month + timedelta(days=31)).replace(day=1)))
    times = (_when(), case((Refund.status == RefundStatus.DONE, Refund.done_at)), Payment.refunded_elsewhere_at)
    return found.where(or_(*((one >= start) & (one < end) for one in times)))


async def payers(session: AsyncSession, guild_id: int, actor: Actor) -> set[int]:
    """Return the ids of everyone who began to pay in a server. Raises NotAllowed for anyone but admins."""
    actor.must_be_admin()
    return set(await session.scalars(select(Payment.user_id).where(Payment.guild_id == guild_id).distinct()))


def _first_of_month(at: datetime, clock: ZoneInfo) -> date:
    return at.astimezone(clock).date().replace(day=1)


async def months(session: AsyncSession, guild: Guild, actor: Actor) -> list[Month]:
    """Return the last three months in which money came in or went back, newest first, on the server's clock.

    What is paid back counts in the month in which that happens, as in Stripe's reports, whenever it was paid.
    Raises NotAllowed for anyone but admins.
    """
    actor.must_be_admin()
    clock = zone(guild.time_zone)
    sums: dict[tuple[date, str, bool], list[int]] = {}
    for which, query in enumerate((_paid(), _refunded(), _refunded_elsewhere())):
        rows: Any = await session.execute(query.where(Payment.guild_id == guild.id))
        for at, currency, livemode, amount in rows:
            total = sums.setdefault((_first_of_month(at, clock), currency, livemode), [0, 0])
            total[min(which, 1)] += amount
    shown = sorted({first_day for first_day, *_ in sums}, reverse=True)[:_MONTHS]
    found = [Month(*of, *total) for of, total in sums.items() if of[0] in shown]
    return sorted(found, key=lambda one: (-one.first_day.toordinal(), one.currency, not one.livemode))


def _paid() -> Select[Any]:
    paid: Any = select(Payment.paid_at, Payment.currency, Payment.livemode, Payment.amount_minor)
    return paid.where(Payment.paid_at.is_not(None))


def _refunded() -> Select[Any]:
    made: Any = select(Refund.done_at, Payment.currency, Payment.livemode, Refund.amount_minor)
    is_done = Refund.status == RefundStatus.DONE, Refund.done_at.is_not(None)
    return made.join(Payment, Payment.id == Refund.payment_id).where(*is_done)


def _refunded_elsewhere() -> Select[Any]:
    back = Payment.refunded_elsewhere_minor
    made: Any = select(Payment.refunded_elsewhere_at, Payment.currency, Payment.livemode, back)
    return made.where(back > 0, Payment.refunded_elsewhere_at.is_not(None))


async def set_mode(session: AsyncSession, guild: Guild, actor: Actor, mode: PaymentMode, now: datetime) -> None:
    """Say how the server takes cards, as an admin. What is being paid stays. Raises NotAllowed."""
    actor.must_be_admin()
    if guild.payment_mode is mode:
        return
    details = {"before": str(guild.payment_mode), "after": str(mode)}
    guild.payment_mode = mode
    audit.record(session, guild.id, "payment_mode_changed", at=now, actor_id=actor.user_id, details=details)
