"""Credit that admins give and take back."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from models import CreditLot, Guild, LotSource, NotificationKind
from scheduler.core import audit, members
from scheduler.core.actor import Actor
from scheduler.core.errors import NotAllowed, NotFound, Unreadable
from scheduler.credits import ledger
from scheduler.notifications import outbox
from scheduler.parsing.durations import parse_length
from scheduler.time.local_time import start_of
from scheduler.time.time_zones import zone

MOST_MINUTES = 100_000
LONGEST_REASON = 300
LONGEST_VALIDITY = 3650
"""In days."""


def last_day_ends_at(guild: Guild, days: int, now: datetime) -> datetime:
    """Return the end of the day that many days from now, on the server's clock."""
    clock = zone(guild.time_zone)
    return start_of(clock, now.astimezone(clock).date() + timedelta(days=days + 1))


async def give(
    session: AsyncSession,
    guild: Guild,
    actor: Actor,
    user_id: int,
    minutes: int,
    reason: str,
    days_valid: int | None,
    now: datetime,
) -> CreditLot:
    """Give a person minutes for any coach, as an admin, and tell them. `days_valid` None means for ever.

    Raises NotAllowed, Unreadable.
    """
    actor.must_be_admin()
    check_minutes(minutes)
    check_days(days_valid)
    reason = read_reason(reason)
    await members.lock(session, user_id)
    lot = CreditLot(
        guild_id=guild.id,
        user_id=user_id,
        source=LotSource.GRANT,
        valid_until=None if days_valid is None else last_day_ends_at(guild, days_valid, now),
        granted_by=actor.user_id,
        reason=reason,
    )
    await ledger.grant(session, lot, minutes, now)
    announce(session, lot, now)
    _record(session, lot, "credits_granted", actor, now, minutes=minutes, reason=reason)
    return lot


def check_minutes(minutes: int) -> None:
    """Raise Unreadable for an amount that nobody can have meant."""
    if not 0 < minutes <= MOST_MINUTES:
        raise Unreadable(f"Use between 1 and {MOST_MINUTES:,} minutes.")


def check_days(days: int | None) -> None:
    """Raise Unreadable for a validity that isn't between a day and ten years."""
    if days is not None and not 0 < days <= LONGEST_VALIDITY:
        raise Unreadable(f"Credit can be valid for 1 to {LONGEST_VALIDITY:,} days.")


def read_reason(typed: str) -> str:
    """Return a reason without white space around it. Raises Unreadable if there's none, or it's too long."""
    reason = typed.strip()
    if not reason:
        raise Unreadable('Add a reason, like "paid in cash". The person sees it, too.')
    if len(reason) > LONGEST_REASON:
        raise Unreadable(f"The reason has {len(reason):,} characters; at most {LONGEST_REASON} fit.")
    return reason


def read_minutes(typed: str) -> int:
    """Read an amount of credit as people type it: "120", "2 hours". Raises Unreadable."""
    minutes = parse_length(typed, unit="minutes") // timedelta(minutes=1)
    check_minutes(minutes)
    return minutes


def read_days(typed: str) -> int:
    """Read a validity in days. Raises Unreadable."""
    number = typed.strip().lower().removesuffix("s").removesuffix("day").strip()
    if not (number.isascii() and number.isdigit()) or len(number) > len(str(LONGEST_VALIDITY)):
        raise Unreadable(f"Type a number of days from 1 to {LONGEST_VALIDITY:,}, like 180.")
    check_days(int(number))
    return int(number)


def announce(session: AsyncSession, lot: CreditLot, now: datetime) -> None:
    """Tell the owner of a new lot."""
    kind = NotificationKind.CREDITS_GRANTED
    outbox.enqueue(session, kind, lot.guild_id, now=now, user_id=lot.user_id, lot_id=lot.id)


async def find(session: AsyncSession, guild_id: int, lot_id: int, *, lock: bool = False) -> CreditLot:
    """Return a lot. Raises NotFound for one of another server."""
    lot = await session.get(CreditLot, lot_id, with_for_update=lock, populate_existing=lock)
    if lot is None or lot.guild_id != guild_id:
        raise NotFound("There's no such credit in this server.")
    return lot


async def take_back(session: AsyncSession, guild_id: int, actor: Actor, lot_id: int, now: datetime) -> CreditLot:
    """Take back what's left of a lot, as an admin. What is booked with it stays. Twice does nothing more.

    Raises NotAllowed, NotFound for a lot of another server.
    """
    actor.must_be_admin()
    lot = await find(session, guild_id, lot_id, lock=True)
    if lot.source is LotSource.ROLE:
        raise NotAllowed("This credit comes with a role. Take the role away, or change what the role gives.")
    if taken := await ledger.revoke(session, lot, now):
        _record(session, lot, "credits_revoked", actor, now, minutes=taken)
    return lot


def _record(
    session: AsyncSession, lot: CreditLot, action: str, actor: Actor, now: datetime, **details: Any
) -> None:
    audit.record(
        session,
        lot.guild_id,
        action,
        at=now,
        actor_id=actor.user_id,
        member_id=lot.user_id,
        details={"lot_id": lot.id} | details,
    )
