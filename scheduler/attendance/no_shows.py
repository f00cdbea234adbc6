"""No-shows by hand: the coach marks and unmarks them, the absent appeal, an admin decides."""

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models import Absent, AuditEntry, CoachingSession, NotificationKind, SessionStatus
from scheduler.attendance import outcomes
from scheduler.core import audit
from scheduler.core.actor import Actor
from scheduler.core.clock import stamp
from scheduler.core.errors import AlreadyDecided, NotAllowed, NotFound, TooEarly, TooLate, Unreadable
from scheduler.core.limits import LONGEST_NOTES
from scheduler.notifications import outbox
from scheduler.sessions import events

CHANGEABLE = timedelta(days=7)
"""For how long after the end it can be said by hand who was there."""
_YOUR_OWN = "It counts as your own no-show, too. If you were there, press Appeal, and an admin decides."
_APPEALED = "no_show_appealed"
_DECISIONS = ("appeal_granted", "appeal_refused")
_OVER = (SessionStatus.COMPLETED, SessionStatus.NO_SHOW)


async def mark_no_show(session: AsyncSession, session_id: int, actor: Actor, now: datetime) -> CoachingSession:
    """The coach says that the student did not come; the student is told and can appeal. Twice is once.

    For its coach. Raises NotFound to everybody else, TooLate a week after the end, AlreadyDecided after an
    admin's decision, NotAllowed for their own no-show and where there was no room to come to.
    """
    found = await _over(session, session_id, actor, now)
    if found.absent is Absent.COACH:
        raise NotAllowed(_YOUR_OWN)
    if found.missed_at is not None:
        raise NotAllowed("There was no room, so nobody can be absent. Answer whether the session took place.")
    if found.status is SessionStatus.NO_SHOW:
        return found
    found.absence_marked_by = actor.user_id
    await outcomes.conclude(session, found, Absent.STUDENT, now, by=actor)
    found.updated_at = now
    await outbox.requeue_newest(session, found.id, NotificationKind.APPEAL_CARD, now)
    events.record(session, found, "no_show_marked", actor, now)
    return found


async def was_here_after_all(
    session: AsyncSession, session_id: int, actor: Actor, now: datetime
) -> CoachingSession:
    """The coach says that the student did come; raises as `mark_no_show`.

    Where neither was seen it is for an admin to say, since the coach would clear themselves with it.
    """
    found = await _over(session, session_id, actor, now)
    if found.status is SessionStatus.COMPLETED:
        return found
    if found.absent in (Absent.COACH, Absent.BOTH):
        raise NotAllowed(_YOUR_OWN)
    found.absence_marked_by = actor.user_id
    await _clear(session, found, actor, now)
    await outbox.requeue_newest(session, found.id, NotificationKind.APPEAL_CARD, now)
    events.record(session, found, "no_show_withdrawn", actor, now)
    return found


async def appealable(
    session: AsyncSession, session_id: int, actor: Actor, now: datetime, *, lock: bool = False
) -> CoachingSession:
    """The no-show if this person may appeal now; raises as `appeal` does."""
    found = await session.get(CoachingSession, session_id, with_for_update=lock, populate_existing=lock)
    if found is None or not is_absent(found, actor.user_id):
        raise NotFound("There is no such no-show of yours. `/sessions` lists your sessions.")
    if (when := await _appealed(session, found, actor.user_id)) is not None:
        decided = appellant(found) != actor.user_id or found.appeal_decided_at is not None
        said = "An admin has decided." if decided else "An admin will decide."
        raise AlreadyDecided(f"You already appealed this {stamp(when, 'R')}. {said}")
    if found.appealed_at is not None and found.appeal_decided_at is None:
        raise TooEarly(
            f"<@{appellant(found)}> has appealed too. You can appeal once an admin has decided that. We'll tell "
            "you when."
        )
    if now > max(found.ends_at, found.appeal_decided_at or found.ends_at) + CHANGEABLE:
        raise TooLate("That was possible for a week after the session. Talk to an admin of the server.")
    return found


async def appeal(
    session: AsyncSession, session_id: int, actor: Actor, reason: str, now: datetime
) -> CoachingSession:
    """Whoever counts as absent says that they were there; the admins get a card. Each of the two can do so once.

    Raises NotFound to everybody else, TooEarly while the other's appeal is open, TooLate a week after the end or
    the decision on the other's appeal, AlreadyDecided, Unreadable.
    """
    found = await appealable(session, session_id, actor, now, lock=True)
    if not reason.strip():
        raise Unreadable("Write what happened, so that an admin can decide.")
    if len(reason) > LONGEST_NOTES:
        raise Unreadable(f"What you wrote has {len(reason):,} characters; at most {LONGEST_NOTES:,} fit.")
    found.appealed_at, found.appealed_by, found.appeal_reason = now, actor.user_id, reason.strip()
    found.appeal_decided_at = found.appeal_decided_by = None
    found.updated_at = now
    outbox.enqueue(session, NotificationKind.APPEAL_CARD, found.guild_id, now=now, session_id=found.id)
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
    """An admin decides whether the one who appeals was there; both sides are told, and the card shows who decided.

    If both were absent, the other still is. `of` is whose appeal the admin saw.

    Raises NotAllowed, NotFound for a session of another server or without such an appeal, AlreadyDecided.
    """
    actor.must_be_admin()
    found = await session.get(CoachingSession, session_id, with_for_update=True, populate_existing=True)
    if found is None or found.guild_id != guild_id or found.appealed_at is None:
        raise NotFound("There is no such appeal in this server.")
    if actor.user_id in (found.coach_id, found.student_id):
        raise NotAllowed("This is about a session of your own. Another admin decides.")
    if of not in (None, appellant(found)):
        raise AlreadyDecided("That appeal is decided. The other person has appealed since: see the newer card.")
    if found.appeal_decided_at is not None:
        when = stamp(found.appeal_decided_at, "R")
        raise AlreadyDecided(f"<@{found.appeal_decided_by}> decided this {when}. Nothing was changed.")
    absent = is_absent(found, appellant(found))
    if not was_there and not absent:
        raise AlreadyDecided("The coach says by now that the student was there. Only that can be confirmed.")
    found.appeal_decided_at, found.appeal_decided_by = now, actor.user_id
    if was_there and absent:
        found.absence_marked_by = actor.user_id
        await _count_as_present(session, found, appellant(found), now)
    events.tell_both(session, found, NotificationKind.ATTENDANCE_CHANGED, now)
    found.updated_at = now
    await outbox.requeue_newest(session, found.id, NotificationKind.APPEAL_CARD, now)
    _record_decision(session, found, actor, now, was_there=was_there)
    return found


def appellant(found: CoachingSession) -> int:
    """Who appealed against the no-show, or would."""
    return found.appealed_by or (found.coach_id if found.absent is Absent.COACH else found.student_id)


def is_absent(found: CoachingSession, user_id: int | None) -> bool:
    """Whether this person counts as absent, alone or with the other."""
    return user_id in _absentees(found)


async def _appealed(session: AsyncSession, found: CoachingSession, user_id: int) -> datetime | None:
    """When this person appealed, even if the other has appealed since."""
    if found.appealed_at is not None and appellant(found) == user_id:
        return found.appealed_at
    earlier = select(AuditEntry.at).where(
        AuditEntry.session_id == found.id, AuditEntry.action == _APPEALED, AuditEntry.actor_id == user_id
    )
    return await session.scalar(earlier.limit(1))


async def _count_as_present(session: AsyncSession, found: CoachingSession, user_id: int, now: datetime) -> None:
    if found.absent is not Absent.BOTH:
        await outcomes.conclude(session, found, None, now)
        return
    # The other's no-show stands, and they know about it already.
    found.absent = Absent.COACH if user_id == found.student_id else Absent.STUDENT
    await outbox.requeue_sent(session, found.id, NotificationKind.ROOM_WELCOME, now)


def _record_decision(
    session: AsyncSession, found: CoachingSession, actor: Actor, now: datetime, *, was_there: bool
) -> None:
    audit.record(
        session,
        found.guild_id,
        "appeal_granted" if was_there else "appeal_refused",
        at=now,
        actor_id=actor.user_id,
        coach_id=found.coach_id,
        session_id=found.id,
        details={"user_id": appellant(found)},
    )


async def _decided_on_student(session: AsyncSession, found: CoachingSession) -> int | None:
    """The admin who decided whether the student was there, if any."""
    if found.appeal_decided_at is not None and appellant(found) == found.student_id:
        return found.appeal_decided_by
    decisions = select(AuditEntry).where(AuditEntry.session_id == found.id, AuditEntry.action.in_(_DECISIONS))
    theirs = (one for one in await session.scalars(decisions) if one.details.get("user_id") == found.student_id)
    return next((one.actor_id for one in theirs), None)


async def _clear(session: AsyncSession, found: CoachingSession, actor: Actor, now: datetime) -> None:
    await outcomes.conclude(session, found, None, now)
    found.updated_at = now
    events.tell_both(session, found, NotificationKind.ATTENDANCE_CHANGED, now, except_for=actor.user_id)


async def _over(session: AsyncSession, session_id: int, actor: Actor, now: datetime) -> CoachingSession:
    found = await session.get(CoachingSession, session_id, with_for_update=True, populate_existing=True)
    if found is None or actor.user_id != found.coach_id:
        raise NotFound("You coach no such session. `/sessions` lists yours.")
    if found.status not in _OVER:
        raise NotFound("This session is not over, or it was cancelled.")
    if (admin := await _decided_on_student(session, found)) is not None:
        raise AlreadyDecided(f"<@{admin}> decided about this session. Talk to them.")
    if now > found.ends_at + CHANGEABLE:
        raise TooLate("That was possible for a week after the session. Talk to an admin of the server.")
    return found


def _absentees(found: CoachingSession) -> set[int]:
    return {
        Absent.STUDENT: {found.student_id},
        Absent.COACH: {found.coach_id},
        Absent.BOTH: {found.student_id, found.coach_id},
        None: set[int](),
    }[found.absent]
