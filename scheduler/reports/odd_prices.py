"""Prices from before cards were taken, or set for many at once, that cards can't be charged."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models import Coach, CoachStatus, Guild, Package, PaymentMode
from scheduler.core.errors import Unreadable
from scheduler.parsing import card_amounts


@dataclass(frozen=True, slots=True)
class OddPrice:
    """A coach's rate, or a package, and why cards can't be charged for it."""

    coach_id: int | None
    package: str | None
    why: str


async def list_odd(session: AsyncSession, guild: Guild) -> list[OddPrice]:
    """List what people can book or buy in a server that takes cards, but not pay by card. Coaches come first."""
    if guild.payment_mode is PaymentMode.OFF:
        return []
    coaches = select(Coach).where(
        Coach.guild_id == guild.id,
        Coach.status == CoachStatus.APPROVED,
        Coach.left_at.is_(None),
        Coach.rate_minor > 0,
    )
    packages = select(Package).where(Package.guild_id == guild.id, Package.retired_at.is_(None))
    found: list[OddPrice] = []
    for coach in await session.scalars(coaches.order_by(Coach.user_id)):
        try:
            card_amounts.check_rate(coach.rate_minor, coach.currency, sorted(coach.durations_minutes))
        except Unreadable as why:
            found.append(OddPrice(coach.user_id, None, str(why)))
    for package in await session.scalars(packages.order_by(Package.id)):
        try:
            card_amounts.check_chargeable(package.price_minor, package.currency)
        except Unreadable as why:
            found.append(OddPrice(None, package.name, str(why)))
    return found
