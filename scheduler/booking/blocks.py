"""Blocks: members who can't book or apply in a server until an admin lifts the block."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models import Block, BlockedFrom, Coach, CoachStatus
from scheduler.booking import releases
from scheduler.booking.releases import Barred
from scheduler.core import audit, members
from scheduler.core.actor import Actor
from scheduler.core.errors import Blocked, NotAllowed, NotFound, Unreadable
from scheduler.core.pages import Page
from scheduler.notifications import outbox

LONGEST_REASON = 500
EVERYTHING = tuple(BlockedFrom)
_OURS = Block.blocked_from.in_(EVERYTHING)
"""Kinds of block that another release added are left for that release to show and lift."""
_REFUSALS = {
    BlockedFrom.BOOKING: (
        "You can't book sessions here: an admin has blocked you. Sessions you've already booked stay, and you can "
        "still reschedule or cancel them in `/sessions`. If you think this is a mistake, ask an admin of this "
        "server."
    ),
    BlockedFrom.APPLYING: (
        "You can't apply to coach here: an admin has blocked you. If you think this is a mistake, ask an admin of "
        "this server."
    ),
}


async def require_unblocked(session: AsyncSession, guild_id: int, user_id: int, what: BlockedFrom) -> None:
    """Raise Blocked, with the admin's reason, if this person is blocked from this here.

    Before you write anything, hold `members.lock` on them: `block` takes it too, so nobody slips through.
    """
    found = await find(session, guild_id, user_id, what)
    if found is not None:
        raise Blocked(_REFUSALS[what], found.reason)


async def find(session: AsyncSession, guild_id: int, user_id: int, what: BlockedFrom) -> Block | None:
    """Return what blocks this person from this here, if anything does."""
    return await session.get(Block, (guild_id, user_id, what), populate_existing=True)


async def block(
    session: AsyncSession,
    guild_id: int,
    user_id: int,
    actor: Actor,
    what: Collection[BlockedFrom],
    reason: str,
    now: datetime,
) -> CoachStatus | None:
    """Block someone, or change the reason of an existing block. Returns their status as a coach, if any.

    Blocking from booking also frees the time they hold, and closes what they're paying for. Booked sessions, an
    open application and an approved coach stay as they are. Raises NotAllowed, and Unreadable for a reason that's
    too long.
    """
    actor.must_be_admin()
    if user_id == actor.user_id:
        raise NotAllowed("You can't block yourself. Pick someone else.")
    reason = reason.strip()
    if len(reason) > LONGEST_REASON:
        raise Unreadable(f"The reason has {len(reason):,} characters; at most {LONGEST_REASON:,} fit.")
    await members.lock(session, user_id)
    for one in what:
        found = await session.get(Block, (guild_id, user_id, one), with_for_update=True)
        if found is None:
            found = Block(guild_id=guild_id, user_id=user_id, blocked_from=one)
            session.add(found)
        found.reason, found.blocked_by, found.blocked_at = reason or None, actor.user_id, now
    if BlockedFrom.BOOKING in what:
        await releases.release_barred(session, Barred(guild_id, user_id, as_student=True), now)
    await _record(session, guild_id, user_id, "member_blocked", actor, what, now, reason)
    coach = await session.get(Coach, (guild_id, user_id))
    return coach.status if coach is not None else None


async def unblock(
    session: AsyncSession, guild_id: int, user_id: int, actor: Actor, what: Collection[BlockedFrom], now: datetime
) -> list[BlockedFrom]:
    """Lift blocks, and return what they were from. Raises NotAllowed, and NotFound if there were none."""
    actor.must_be_admin()
    await members.lock(session, user_id)
    lifted = [one for one in await list_blocks(session, guild_id, user_id) if one.blocked_from in what]
    if not lifted:
        raise NotFound(f"<@{user_id}> isn't blocked here. `/coaching blocked` lists everyone who is.")
    for one in lifted:
        await session.delete(one)
    lifted_from = [one.blocked_from for one in lifted]
    await _record(session, guild_id, user_id, "member_unblocked", actor, lifted_from, now)
    return lifted_from


async def list_blocks(session: AsyncSession, guild_id: int, user_id: int) -> Sequence[Block]:
    """List this person's blocks here, booking first."""
    return (await list_blocks_of_each(session, guild_id, [user_id])).get(user_id, [])


async def list_blocks_of_each(
    session: AsyncSession, guild_id: int, user_ids: Collection[int]
) -> dict[int, list[Block]]:
    """Map each of these people who is blocked here to their blocks, booking first."""
    theirs = Block.guild_id == guild_id, Block.user_id.in_(user_ids), _OURS
    found: dict[int, list[Block]] = {}
    for one in await session.scalars(select(Block).where(*theirs).order_by(Block.blocked_from.desc())):
        found.setdefault(one.user_id, []).append(one)
    return found


async def list_page(session: AsyncSession, guild_id: int, actor: Actor, *, page: int, size: int) -> Page[Block]:
    """List the server's blocks, newest first. Raises NotAllowed."""
    actor.must_be_admin()
    newest_first = Block.blocked_at.desc(), Block.user_id, Block.blocked_from.desc()
    blocks = select(Block).where(Block.guild_id == guild_id, _OURS).order_by(*newest_first)
    found = list(await session.scalars(blocks.offset(page * size).limit(size + 1)))
    return Page(found[:size], has_more=len(found) > size)


async def _record(
    session: AsyncSession,
    guild_id: int,
    user_id: int,
    action: str,
    actor: Actor,
    what: Collection[BlockedFrom],
    now: datetime,
    reason: str = "",
) -> None:
    """Add an audit entry, and update the card of their application."""
    about = {"from": [str(one) for one in EVERYTHING if one in what]} | ({"reason": reason} if reason else {})
    audit.record(session, guild_id, action, at=now, actor_id=actor.user_id, member_id=user_id, details=about)
    await outbox.requeue_application_card(session, guild_id, user_id, now)
