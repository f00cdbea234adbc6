"""Minutes that come with a role each month.

They're given the first time the person uses the bot in a month, since Discord says then which roles they have.
"""

from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models import CreditLot, Guild, LotSource, RoleGrant
from scheduler.core import members
from scheduler.core.actor import Actor
from scheduler.credits import ledger
from scheduler.time.local_time import start_of
from scheduler.time.time_zones import zone


def month_ends_at(zone_info: ZoneInfo, now: datetime) -> datetime:
    """Return the start of the next month on this clock."""
    first = _first_of_month(zone_info, now)
    following = (
        first.replace(year=first.year + 1, month=1) if first.month == 12 else first.replace(month=first.month + 1)
    )
    return start_of(zone_info, following)


def _first_of_month(zone_info: ZoneInfo, now: datetime) -> date:
    return now.astimezone(zone_info).date().replace(day=1)


async def sync(session: AsyncSession, guild: Guild, actor: Actor, now: datetime) -> None:
    """Give this month's minutes for the roles the actor has, and take back what's left of those they have lost.

    Does nothing while their roles aren't known, so that nobody loses anything while Discord doesn't answer. What
    is booked stays. Somebody who has the role again gets back what was taken.

    Locks the actor, so call it in a transaction of its own: those who book lock the coach, too, in order.
    """
    if actor.role_ids is None:
        return
    grants = list(
        await session.scalars(select(RoleGrant).where(RoleGrant.guild_id == guild.id).order_by(RoleGrant.id))
    )
    if not grants:
        return
    await members.lock(session, actor.user_id)
    clock = zone(guild.time_zone)
    month = _first_of_month(clock, now)
    theirs = select(CreditLot).where(
        CreditLot.guild_id == guild.id,
        CreditLot.user_id == actor.user_id,
        CreditLot.source == LotSource.ROLE,
        CreditLot.month == month,
    )
    lots = {
        lot.role_grant_id: lot
        for lot in await session.scalars(
            theirs.order_by(CreditLot.id).with_for_update().execution_options(populate_existing=True)
        )
    }
    for one in grants:
        has_it, lot = one.role_id in actor.role_ids and one.retired_at is None, lots.get(one.id)
        if has_it and lot is None:
            new = CreditLot(
                guild_id=guild.id,
                user_id=actor.user_id,
                source=LotSource.ROLE,
                valid_until=month_ends_at(clock, now),
                role_grant_id=one.id,
                month=month,
            )
            await ledger.grant(session, new, one.minutes, now)
        elif has_it and lot is not None:
            await ledger.restore(session, lot, now)
        elif lot is not None:
            await ledger.revoke(session, lot, now)
