"""Suspending coaches and reinstating them."""

from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from models import Coach, CoachStatus, NotificationKind
from scheduler.availability import changed_hours
from scheduler.booking import departures
from scheduler.booking.departures import Why
from scheduler.coaches.applications import already_decided, parse_reason
from scheduler.core import audit, coaches
from scheduler.core.actor import Actor
from scheduler.core.errors import NotFound
from scheduler.core.row_locks import lock_coach
from scheduler.notifications import outbox


async def suspend(
    session: AsyncSession,
    guild_id: int,
    user_id: int,
    actor: Actor,
    reason: str,
    now: datetime,
    *,
    keep: bool | None = None,
) -> int:
    """Suspend a coach: nobody can book them, and they lose the role. Returns how many sessions were cancelled.

    `keep`: whether upcoming sessions stay; None follows the server's setting. The coach is told the reason.
    Raises NotAllowed, NotFound, AlreadyDecided, Unreadable.
    """
    coach = await _change(session, guild_id, user_id, actor, CoachStatus.APPROVED, CoachStatus.SUSPENDED, now)
    coach.decision_reason, coach.membership_due_at = parse_reason(reason), None
    await _tell(session, coach, NotificationKind.COACH_SUSPENDED, now)
    who, details = {"actor_id": actor.user_id, "coach_id": user_id}, {"reason": coach.decision_reason}
    audit.record(session, guild_id, "coach_suspended", at=now, **who, details=details)
    return await departures.handle_departure(session, guild_id, user_id, Why.SUSPENDED, now, keep=keep)


async def count_affected_sessions(
    session: AsyncSession, guild_id: int, user_id: int, actor: Actor, now: datetime
) -> int:
    """Count the upcoming sessions to decide on before suspending this coach.

    Raises NotAllowed, NotFound, AlreadyDecided.
    """
    actor.must_be_admin()
    coach = await session.get(Coach, (guild_id, user_id))
    _check(coach, user_id, CoachStatus.APPROVED, CoachStatus.SUSPENDED)
    return await departures.count_upcoming(session, guild_id, user_id, now)


async def reinstate(session: AsyncSession, guild_id: int, user_id: int, actor: Actor, now: datetime) -> None:
    """Let a suspended coach coach again, with the same hours, rules and role, and tell them.

    Raises NotAllowed, NotFound, AlreadyDecided.
    """
    coach = await _change(session, guild_id, user_id, actor, CoachStatus.SUSPENDED, CoachStatus.APPROVED, now)
    coach.decision_reason, coach.membership_due_at = None, now + timedelta(days=1)
    await _tell(session, coach, NotificationKind.COACH_REINSTATED, now)
    audit.record(session, guild_id, "coach_reinstated", at=now, actor_id=actor.user_id, coach_id=user_id)
    await changed_hours.announce_bookable(session, coach, now)


async def _change(
    session: AsyncSession,
    guild_id: int,
    user_id: int,
    actor: Actor,
    expected: CoachStatus,
    to: CoachStatus,
    now: datetime,
) -> Coach:
    actor.must_be_admin()
    coach = _check(await lock_coach(session, guild_id, user_id), user_id, expected, to)
    coach.status, coach.decided_by, coach.decided_at = to, actor.user_id, now
    coaches.want_role(coach, now)
    return coach


def _check(coach: Coach | None, user_id: int, expected: CoachStatus, to: CoachStatus) -> Coach:
    if coach is None or coach.status not in (expected, to):
        raise NotFound(f"There's no such coach here: <@{user_id}> isn't one. `/book` lists the coaches.")
    if coach.status is to:
        raise already_decided("This coach", coach)
    return coach


async def _tell(session: AsyncSession, coach: Coach, kind: NotificationKind, now: datetime) -> None:
    outbox.enqueue_to_coach(session, kind, coach.guild_id, coach.user_id, now)
    await outbox.requeue_application_card(session, coach.guild_id, coach.user_id, now)
