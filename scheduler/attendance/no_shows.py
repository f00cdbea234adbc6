"""No-shows by hand: coaches mark and unmark them, absent people appeal, admins decide."""

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models import (
    Absent,
    AuditEntry,
    CoachingSession,
    NotificationKind,
    Participant,
    ParticipantStatus,
    SessionStatus,
)
from scheduler.attendance import outcomes
from scheduler.core import audit
from scheduler.core.actor import Actor
from scheduler.core.clock import stamp
from scheduler.core.errors import AlreadyDecided, NotAllowed, NotFound, TooEarly, TooLate, Unreadable
from scheduler.core.limits import LONGEST_NOTES
from scheduler.notifications import outbox
from scheduler.sessions import events

_CHANGEABLE_FOR = timedelta(days=7)
"""How long after the end people can say who was there."""
_YOUR_OWN = "It's your own no-show, too. If you were there, press Appeal, and an admin will decide."
_TOO_LATE = "You had a week after the session to do that. Talk to an admin of the server."
_APPEALED = "no_show_appealed"
_DECISIONS = ("appeal_granted", "appeal_refused")
_OVER = (SessionStatus.COMPLETED, SessionStatus.NO_SHOW)


async def mark_no_show(
    session: AsyncSession, session_id: int, actor: Actor, now: datetime, *, of: int | None = None
) -> CoachingSession:
    """Record the coach's word that a participant didn't come. Does nothing the second time.

    `of` says who; without it, it's the only participant. They are told, and can appeal. Raises NotFound to anyone
    but the coach, TooLate a week after the end, AlreadyDecided after an admin's decision, and NotAllowed for the
    coach's own no-show or if there was no room.
    """
    found, seat = await _over(session, session_id, actor, of, now)
    if found.missed_at is not None:
        raise NotAllowed("There was no room, so nobody can be absent. Say whether the session took place instead.")
    if seat.status is ParticipantStatus.NO_SHOW:
        return found
    if found.coach_absent:
        raise NotAllowed(_YOUR_OWN)
    absent = outcomes.recorded_absent(found) | {seat.user_id}
    await _correct(session, found, absent, "no_show_marked", actor, now)
    return found


async def unmark_no_show(
    session: AsyncSession, session_id: int, actor: Actor, now: datetime, *, of: int | None = None
) -> CoachingSession:
    """Record the coach's word that a participant did come. Raises the same as `mark_no_show`.

    If neither was seen, an admin has to say so: the coach would clear their own no-show, too.
    """
    found, seat = await _over(session, session_id, actor, of, now)
    if found.coach_absent:
        raise NotAllowed(_YOUR_OWN)
    if seat.status is not ParticipantStatus.NO_SHOW:
        return found
    absent = outcomes.recorded_absent(found) - {seat.user_id}
    await _correct(session, found, absent, "no_show_withdrawn", actor, now)
    kind = NotificationKind.ATTENDANCE_CHANGED
    outbox.enqueue(session, kind, found.guild_id, now=now, user_id=seat.user_id, session_id=found.id)
    return found


async def _correct(
    session: AsyncSession, found: CoachingSession, absent: set[int], action: str, actor: Actor, now: datetime
) -> None:
    found.absence_marked_by, found.updated_at = actor.user_id, now
    await outcomes.conclude(session, found, absent, now, by=actor)
    await outbox.requeue_newest(session, found.id, NotificationKind.APPEAL_CARD, now)
    events.record(session, found, action, actor, now)


async def appealable(
    session: AsyncSession, session_id: int, actor: Actor, now: datetime, *, lock: bool = False
) -> CoachingSession:
    """Return the no-show if this person can appeal now. Raises the same as `appeal`."""
    found = await session.get(CoachingSession, session_id, with_for_update=lock, populate_existing=lock)
    if found is None or not is_absent(found, actor.user_id):
        raise NotFound("You don't have that no-show. `/sessions` lists your sessions.")
    if (when := await _appealed(session, found, actor.user_id)) is not None:
        decided = appellant(found) != actor.user_id or found.appeal_decided_at is not None
        said = "An admin has decided." if decided else "An admin will decide."
        raise AlreadyDecided(f"You already appealed this {stamp(when, 'R')}. {said}")
    if found.appealed_at is not None and found.appeal_decided_at is None:
        who = "Somebody else" if found.is_workshop else f"<@{appellant(found)}>"  # they may not know each other
        raise TooEarly(
            f"{who} has appealed too. You can appeal once an admin has decided that. You'll hear from us then."
        )
    if now >= corrections_close_at(found, actor.user_id):
        raise TooLate(_TOO_LATE)
    return found


async def appeal(
    session: AsyncSession, session_id: int, actor: Actor, reason: str, now: datetime
) -> CoachingSession:
    """Appeal against your own no-show, which posts a card for the admins. Each of the two can appeal once.

    Raises NotFound to anyone who isn't absent, TooEarly while the other person's appeal is open, TooLate a week
    after the end or the decision on the other appeal, AlreadyDecided, Unreadable.
    """
    found = await appealable(session, session_id, actor, now, lock=True)
    if not reason.strip():
        raise Unreadable("Write what happened, so that an admin can decide.")
    if len(reason) > LONGEST_NOTES:
        raise Unreadable(f"That's {len(reason):,} characters. Use at most {LONGEST_NOTES:,}.")
    found.appealed_at, found.appealed_by, found.appeal_reason = now, actor.user_id, reason.strip()
    found.appeal_decided_at = found.appeal_decided_by = None
    found.updated_at = now
    outbox.enqueue(session, NotificationKind.APPEAL_CARD, found.guild_id, now=now, session_id=found.id)
    await outbox.requeue_direct(session, found.id, now)
    events.record(session, found, _APPEALED, actor, now)
    return found


async def decide_appeal(
    session: AsyncSession,
    session_id: int,
    actor: Actor,
    guild_id: int,
    *,
    was_there: bool,
    now: datetime,
    of: int | None = None,
) -> CoachingSession:
    """Decide, as an admin, whether the person who appealed was there; both people are told.

    If both were absent, the other one still is. `of` is whose appeal the admin saw.

    Raises NotAllowed, AlreadyDecided, and NotFound for a session of another server or without an appeal.
    """
    found = await _open_appeal(session, session_id, actor, guild_id, of)
    absent = is_absent(found, appellant(found))
    if not was_there and not absent:
        raise AlreadyDecided("The coach now says the student was there, so you can only confirm that.")
    found.appeal_decided_at, found.appeal_decided_by = now, actor.user_id
    if was_there and absent:
        found.absence_marked_by = actor.user_id
        await outcomes.conclude(session, found, outcomes.recorded_absent(found) - {appellant(found)}, now)
    concerned = (appellant(found),) if found.is_workshop else found.people[1:]
    for user_id in dict.fromkeys((*concerned, found.coach_id)):
        kind = NotificationKind.ATTENDANCE_CHANGED
        outbox.enqueue(session, kind, guild_id, now=now, user_id=user_id, session_id=found.id)
    found.updated_at = now
    await outbox.requeue_newest(session, found.id, NotificationKind.APPEAL_CARD, now)
    await outbox.requeue_direct(session, found.id, now)
    audit.record(
        session,
        guild_id,
        "appeal_granted" if was_there else "appeal_refused",
        at=now,
        actor_id=actor.user_id,
        coach_id=found.coach_id,
        session_id=found.id,
        details={"user_id": appellant(found)},
    )
    return found


def appellant(found: CoachingSession) -> int:
    """Return who appealed against the no-show, or would."""
    is_coachs = found.is_workshop or found.absent is Absent.COACH
    return found.appealed_by or (found.coach_id if is_coachs else found.student_id)


def is_absent(found: CoachingSession, user_id: int | None) -> bool:
    """Whether this person counts as absent, alone or with the other."""
    return user_id in outcomes.recorded_absent(found)


def corrections_close_at(found: CoachingSession, user_id: int | None) -> datetime:
    """Return when this person can no longer say who was there: a week after the end.

    Absent people can appeal until a week after the decision on the other's appeal.
    """
    decided_at = found.appeal_decided_at if is_absent(found, user_id) else None
    return max(found.ends_at, decided_at or found.ends_at) + _CHANGEABLE_FOR


async def _open_appeal(
    session: AsyncSession, session_id: int, actor: Actor, guild_id: int, of: int | None
) -> CoachingSession:
    actor.must_be_admin()
    found = await session.get(CoachingSession, session_id, with_for_update=True, populate_existing=True)
    if found is None or found.guild_id != guild_id or found.appealed_at is None:
        raise NotFound("There's no such appeal in this server.")
    if actor.user_id in found.people:
        raise NotAllowed("This is about your own session. Another admin has to decide.")
    if of not in (None, appellant(found)):
        raise AlreadyDecided("That appeal is decided. The other person has appealed since: see the newer card.")
    if found.appeal_decided_at is not None:
        when = stamp(found.appeal_decided_at, "R")
        raise AlreadyDecided(f"<@{found.appeal_decided_by}> decided this {when}. Nothing was changed.")
    return found


async def _appealed(session: AsyncSession, found: CoachingSession, user_id: int) -> datetime | None:
    """Return when this person appealed, even if the other one has appealed since."""
    if found.appealed_at is not None and appellant(found) == user_id:
        return found.appealed_at
    earlier = select(AuditEntry.at).where(
        AuditEntry.session_id == found.id, AuditEntry.action == _APPEALED, AuditEntry.actor_id == user_id
    )
    return await session.scalar(earlier.limit(1))


def is_decided_on(found: CoachingSession, seat: Participant) -> bool:
    """Whether the newest decision of an admin was whether this participant was there, so the coach can't say."""
    return found.appeal_decided_at is not None and appellant(found) == seat.user_id


async def _decided_by(session: AsyncSession, found: CoachingSession, seat: Participant) -> int | None:
    """Return the admin who decided whether this participant was there, if one has."""
    if is_decided_on(found, seat):
        return found.appeal_decided_by
    decisions = select(AuditEntry).where(AuditEntry.session_id == found.id, AuditEntry.action.in_(_DECISIONS))
    theirs = (one for one in await session.scalars(decisions) if one.details.get("user_id") == seat.user_id)
    return next((one.actor_id for one in theirs), None)


async def _over(
    session: AsyncSession, session_id: int, actor: Actor, of: int | None, now: datetime
) -> tuple[CoachingSession, Participant]:
    found = await session.get(CoachingSession, session_id, with_for_update=True, populate_existing=True)
    if found is None or actor.user_id != found.coach_id:
        raise NotFound("You don't coach that session. `/sessions` lists yours.")
    if found.status not in _OVER:
        raise NotFound("This session isn't over yet, or it was cancelled.")
    seat = found.participant_or_only(of)
    if seat is None or seat.status is ParticipantStatus.LEFT:
        raise NotFound("That person doesn't take part in this session.")
    if (admin := await _decided_by(session, found, seat)) is not None:
        raise AlreadyDecided(f"<@{admin}> already decided about this session. Talk to them.")
    if now >= corrections_close_at(found, actor.user_id):
        raise TooLate(_TOO_LATE)
    return found, seat
