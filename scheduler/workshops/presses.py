"""What taking and leaving a seat have in common: whom to lock, whom to tell, whom to let in."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models import CoachingSession, Guild, NotificationKind, Participant, ParticipantStatus
from scheduler.core import audit
from scheduler.core.actor import Actor
from scheduler.notifications import outbox
from scheduler.sessions import planning


async def lock_to_press(session: AsyncSession, session_id: int) -> CoachingSession | None:
    """Lock a session so that it doesn't change, but others can press, too.

    Once its room is open, people have to be let in and out, which changes it: then one presses after the other.
    """
    let_in = select(CoachingSession.access_granted_at).where(CoachingSession.id == session_id)
    is_shared = await session.scalar(let_in) is None
    how = {"read": is_shared}
    return await session.get(CoachingSession, session_id, populate_existing=True, with_for_update=how)


def seat_of(row: CoachingSession, user_id: int) -> Participant | None:
    """Return this person's seat, unless they have none or gave it back."""
    seat = row.participant(user_id)
    return None if seat is None or seat.status is ParticipantStatus.LEFT else seat


def let_in_again(row: CoachingSession, guild: Guild, now: datetime) -> None:
    """Have the room opened for those who take part now, if it was opened for others."""
    if row.access_granted_at is not None:
        row.access_granted_at = None
        planning.plan_next_step(row, guild, now)


def tell(
    session: AsyncSession, seat: Participant, kind: NotificationKind, now: datetime, *, only_coach: bool = False
) -> None:
    """Tell the participant and the coach what became of a seat."""
    for user_id in (seat.coach_id,) if only_coach else (seat.user_id, seat.coach_id):
        outbox.enqueue(
            session,
            kind,
            seat.guild_id,
            now=now,
            user_id=user_id,
            about_user_id=seat.user_id,
            session_id=seat.session_id,
        )


def record(session: AsyncSession, seat: Participant, action: str, by: Actor | None, now: datetime) -> None:
    """Record in the audit log what became of a seat. Without `by`, the bot did it."""
    audit.record(
        session,
        seat.guild_id,
        action,
        at=now,
        actor_id=by.user_id if by else None,
        coach_id=seat.coach_id,
        session_id=seat.session_id,
        member_id=seat.user_id,
    )
