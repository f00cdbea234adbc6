"""Asking another coach to take over a session, and until when they and the student can answer."""

from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from models import (
    Absence,
    Coach,
    CoachingSession,
    Hold,
    HoldPurpose,
    NotificationKind,
    Substitution,
    SubstitutionState,
)
from scheduler.booking import releases, rescheduling, reservations
from scheduler.core import members
from scheduler.core.actor import Actor
from scheduler.core.errors import AlreadyDecided, NotBookable, TooLate
from scheduler.notifications import outbox
from scheduler.time_off import absences, decisions, substitutes
from scheduler.time_off.substitutes import find_open, record

_LONGEST, _SHORTEST = timedelta(hours=24), timedelta(minutes=10)
_TOO_LATE = timedelta(minutes=15)
_SPARE = timedelta(minutes=5)
"""How much longer the substitute's time is kept, so that nobody takes it while the question is still open."""


def closes_at(starts_at: datetime, now: datetime) -> datetime:
    """Return until when a question asked now can be answered: half the time that's left, 10 minutes to 24 hours.

    Raises TooLate if the session starts within 15 minutes.
    """
    left = starts_at - now
    if left < _TOO_LATE:
        raise TooLate(
            "It's too late to find a substitute: the session starts within 15 minutes. Cancel it instead."
        )
    return now + max(_SHORTEST, min(_LONGEST, left / 2))


async def ask(
    session: AsyncSession,
    absence_id: int,
    session_id: int,
    substitute_id: int,
    guild_id: int,
    actor: Actor,
    now: datetime,
) -> Substitution:
    """Ask a coach to take over a session, and hold the time for them meanwhile.

    The student is asked once the substitute has accepted, or when half of the time to answer is over, so that
    there's always time to. Asking the same coach twice changes nothing.

    Raises NotFound for anyone but its coach, TooLate, NotBookable if the substitute isn't free any more,
    AlreadyDecided if somebody else is asked already.
    """
    await members.lock(session, actor.user_id, substitute_id)
    absence = await absences.find_current(session, absence_id, guild_id, actor)
    await decisions.find_to_decide(session, absence_id, session_id, guild_id, actor, now)
    found = await rescheduling.find_ahead(session, session_id, actor, now, lock=True, guild_id=guild_id)
    if (already := await find_open(session, found)) is not None:
        if already.substitute_id == substitute_id:
            return already
        raise AlreadyDecided("You've already asked somebody to take this session over. Wait for their answer.")
    until = closes_at(found.starts_at, now)
    substitute = await substitutes.require(session, found, substitute_id, now)
    held = await _hold(session, found, substitute, until, now)
    return await _write(session, absence, found, substitute, held, until, now)


async def _hold(
    session: AsyncSession, row: CoachingSession, substitute: Coach, until: datetime, now: datetime
) -> Hold:
    await releases.release_expired(session, substitute.user_id, now)
    held = Hold(
        guild_id=row.guild_id,
        coach_id=substitute.user_id,
        student_id=row.coach_id,  # it's kept for the coach who asks
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        purpose=HoldPurpose.SUBSTITUTE,
        expires_at=min(until + _SPARE, row.starts_at),
    )
    session.add(held)
    await session.flush()
    if not await reservations.reserve_coach(session, substitute, row.starts_at, row.duration, hold_id=held.id):
        raise NotBookable("This coach isn't free any more. Choose another one.")
    return held


async def _write(
    session: AsyncSession,
    absence: Absence,
    row: CoachingSession,
    substitute: Coach,
    held: Hold,
    until: datetime,
    now: datetime,
) -> Substitution:
    made = Substitution(
        absence_id=absence.id,
        session_id=row.id,
        guild_id=row.guild_id,
        coach_id=row.coach_id,
        substitute_id=substitute.user_id,
        hold_id=held.id,
        starts_at=row.starts_at,
        state=SubstitutionState.OPEN,
        asked_at=now,
        expires_at=until,
        next_step_at=until,
    )
    session.add(made)
    await session.flush()
    _enqueue(session, made, NotificationKind.SUBSTITUTE_ASKED, made.substitute_id, now, now)
    if not row.is_workshop:
        due_at = now + (until - now) / 2
        _enqueue(session, made, NotificationKind.SUBSTITUTE_PROPOSED, row.student_id, now, due_at)
    record(session, made, "substitute_asked", now, actor_id=made.coach_id)
    return made


def _enqueue(
    session: AsyncSession,
    question: Substitution,
    kind: NotificationKind,
    user_id: int,
    now: datetime,
    due_at: datetime,
) -> None:
    outbox.enqueue(
        session,
        kind,
        question.guild_id,
        now=now,
        due_at=due_at,
        user_id=user_id,
        session_id=question.session_id,
        substitution_id=question.id,
    )
