"""Orders: a person asks for a package that they pay for outside, and an admin gives it."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models import BlockedFrom, Guild, Notification, NotificationKind, Package, PackageOrder
from scheduler.booking import blocks
from scheduler.core import audit, members
from scheduler.core.actor import Actor
from scheduler.core.clock import stamp
from scheduler.core.errors import AlreadyDecided, NotFound, TooLate
from scheduler.credits import packages
from scheduler.notifications import outbox

MOST_OPEN = 3
"""How many packages a person can have ordered at a time in one server."""


class Ordered(NamedTuple):
    """An order, and what was ordered."""

    order: PackageOrder
    package: Package


async def place(session: AsyncSession, guild: Guild, actor: Actor, package_id: int, now: datetime) -> PackageOrder:
    """Ask the admins for a package, which posts a card for them.

    Raises NotFound unless it's on sale, AlreadyDecided for one that's ordered, TooLate if there are too many,
    Blocked for people who can't book here.
    """
    await members.lock(session, actor.user_id)
    await blocks.require_unblocked(session, guild.id, actor.user_id, BlockedFrom.BOOKING)
    package = await packages.find(session, guild.id, package_id)
    theirs = [one.order for one in await list_open(session, guild.id, user_id=actor.user_id)]
    if (earlier := next((one for one in theirs if one.package_id == package.id), None)) is not None:
        when = stamp(earlier.ordered_at, "R")
        raise AlreadyDecided(f"You asked for this {when}. An admin will look at it; there's nothing else to do.")
    if len(theirs) >= MOST_OPEN:
        raise TooLate(f"You've asked for {MOST_OPEN} packages already. Wait until an admin has decided.")
    order = PackageOrder(guild_id=guild.id, user_id=actor.user_id, package_id=package.id, ordered_at=now)
    session.add(order)
    await session.flush()
    outbox.enqueue(session, NotificationKind.ORDER_CARD, guild.id, now=now, order_id=order.id)
    _record(session, order, package, "package_ordered", actor, now)
    return order


async def list_open(
    session: AsyncSession, guild_id: int, *, user_id: int | None = None, most: int | None = None
) -> list[Ordered]:
    """List the orders that nobody has decided, oldest first: all of a server, or one person's."""
    is_open = [PackageOrder.guild_id == guild_id, PackageOrder.decided_at.is_(None)]
    if user_id is not None:
        is_open.append(PackageOrder.user_id == user_id)
    found = select(PackageOrder, Package).join(Package, Package.id == PackageOrder.package_id).where(*is_open)
    rows = await session.execute(found.order_by(PackageOrder.id).limit(most))
    return [Ordered(order, package) for order, package in rows]


async def give(session: AsyncSession, guild: Guild, actor: Actor, order_id: int, now: datetime) -> Ordered:
    """Give what was ordered, as an admin who says that it's paid. It counts as it was when it was ordered.

    Raises NotAllowed, NotFound for another server's order, AlreadyDecided.
    """
    found = await _find_open(session, guild.id, actor, order_id)
    order, package = found.order, found.package
    lot = await packages.give(session, guild, package, order.user_id, now, actor=actor)
    order.decided_at, order.decided_by, order.lot_id = now, actor.user_id, lot.id
    await _update_card(session, order, now)
    return found


async def decline(session: AsyncSession, guild: Guild, actor: Actor, order_id: int, now: datetime) -> Ordered:
    """Turn an order down, as an admin, and tell the person. Raises as `give` does."""
    found = await _find_open(session, guild.id, actor, order_id)
    order = found.order
    order.decided_at, order.decided_by = now, actor.user_id
    await _update_card(session, order, now)
    kind = NotificationKind.ORDER_DECLINED
    outbox.enqueue(session, kind, guild.id, now=now, user_id=order.user_id, order_id=order.id)
    _record(session, order, found.package, "package_declined", actor, now)
    return found


async def _find_open(session: AsyncSession, guild_id: int, actor: Actor, order_id: int) -> Ordered:
    actor.must_be_admin()
    user_id = await session.scalar(
        select(PackageOrder.user_id).where(PackageOrder.id == order_id, PackageOrder.guild_id == guild_id)
    )
    if user_id is None:
        raise NotFound("There's no such order in this server.")
    await members.lock(session, user_id)  # people before anything else, as everywhere
    order = await session.get_one(PackageOrder, order_id, with_for_update=True, populate_existing=True)
    if order.decided_at is not None:
        when, did = stamp(order.decided_at, "R"), "gave" if order.lot_id else "declined"
        raise AlreadyDecided(f"<@{order.decided_by}> {did} this {when}. Nothing was changed.")
    return Ordered(order, await session.get_one(Package, order.package_id))


async def _update_card(session: AsyncSession, order: PackageOrder, now: datetime) -> None:
    card = select(Notification).where(
        Notification.guild_id == order.guild_id,
        Notification.coach_id.is_(None),  # for the index
        Notification.kind == NotificationKind.ORDER_CARD,
        Notification.order_id == order.id,
    )
    for one in await session.scalars(card.with_for_update()):
        is_being_sent = one.tried_at is not None and one.due_at is not None
        if one.message_id is not None or is_being_sent:
            outbox.requeue(one, now)


def _record(
    session: AsyncSession, order: PackageOrder, package: Package, action: str, actor: Actor, now: datetime
) -> None:
    audit.record(
        session,
        order.guild_id,
        action,
        at=now,
        actor_id=actor.user_id,
        member_id=order.user_id,
        details={"name": package.name, "minutes": package.minutes},
    )
