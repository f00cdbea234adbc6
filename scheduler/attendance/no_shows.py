"""No-shows by hand: coaches mark and unmark them, absent people appeal, admins decide about each."""

from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy.ext.asyncio import AsyncSession

from models import CoachingSession, NotificationKind, Participant, ParticipantStatus, SessionStatus
from scheduler.attendance import outcomes
from scheduler.core import audit
from scheduler.core.actor import Actor
from scheduler.core.clock import stamp
from scheduler.core.errors import AlreadyDecided, NotAllowed, NotFound, TooLate, Unreadable
from scheduler.core.limits import LONGEST_NOTES
from scheduler.notifications import outbox
from scheduler.sessions import events

_CHANGEABLE_FOR = timedelta(days=7)
"""How long after the end people can say who was there."""
_YOUR_OWN = "It's your own no-show, too. If you were there, press Appeal, and an admin will decide."
_TOO_LATE = "You had a week after the session to do that. Talk to an admin of the server."
_OVER = (SessionStatus.COMPLETED, SessionStatus.NO_SHOW)


class Appeal(NamedTuple):
    """Someone's word that they were there although they count as absent, and whether an admin has decided."""

    user_id: int
    at: datetime
    reason: str | None
    decided_at: datetime | None
    decided_by: int | None


def appeals(found: CoachingSession) -> list[Appeal]:
    """Return the appeals of a session's people, the first one first. Each person appeals at most once."""
    coachs = _appeal(
        found.coach_id,
        found.coach_appealed_at,
        found.coach_appeal_reason,
        found.coach_appeal_decided_at,
        found.coach_appeal_decided_by,
    )
    theirs = (
        _appeal(one.user_id, one.appealed_at, one.appeal_reason, one.appeal_decided_at, one.appeal_decided_by)
        for one in found.participants
    )
    return sorted((one for one in (coachs, *theirs) if one is not None), key=lambda one: one.at)


def _appeal(
    user_id: int, at: datetime | None, reason: str | None, decided_at: datetime | None, decided_by: int | None
) -> Appeal | None:
    return None if at is None else Appeal(user_id, at, reason, decided_at, decided_by)


def appeal_of(found: CoachingSession, user_id: int | None) -> Appeal | None:
    """Return this person's appeal; without an id the first one, which old cards are about."""
    return next((one for one in appeals(found) if user_id in (None, one.user_id)), None)


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
    await _correct(session, seat, absent, "no_show_marked", actor, now)
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
    await _correct(session, seat, absent, "no_show_withdrawn", actor, now)
    kind = NotificationKind.ATTENDANCE_CHANGED
    outbox.enqueue(session, kind, found.guild_id, now=now, user_id=seat.user_id, session_id=found.id)
    return found


async def _correct(
    session: AsyncSession, seat: Participant, absent: set[int], action: str, actor: Actor, now: datetime
) -> None:
    found = seat.session
    found.absence_marked_by, found.updated_at = actor.user_id, now
    await outcomes.conclude(session, found, absent, now, by=actor)
    await _update_card(session, found, seat.user_id, now)
    events.record(session, found, action, actor, now)


async def _update_card(session: AsyncSession, found: CoachingSession, user_id: int, now: datetime) -> None:
    await outbox.requeue_newest(session, found.id, NotificationKind.APPEAL_CARD, now, about_user_id=user_id)


async def appealable(
    session: AsyncSession, session_id: int, actor: Actor, now: datetime, *, lock: bool = False
) -> CoachingSession:
    """Return the no-show if this person can appeal now. Raises the same as `appeal`."""
    found = await session.get(CoachingSession, session_id, with_for_update=lock, populate_existing=lock)
    if found is None or not is_absent(found, actor.user_id):
        raise NotFound("You don't have that no-show. `/sessions` lists your sessions.")
    if (theirs := appeal_of(found, actor.user_id)) is not None:
        said = "An admin will decide." if theirs.decided_at is None else "An admin has decided."
        raise AlreadyDecided(f"You already appealed this {stamp(theirs.at, 'R')}. {said}")
    if now >= corrections_close_at(found, actor.user_id):
        raise TooLate(_TOO_LATE)
    return found


async def appeal(
    session: AsyncSession, session_id: int, actor: Actor, reason: str, now: datetime
) -> CoachingSession:
    """Appeal against your own no-show, which posts a card for the admins. Everybody can do that once.

    Other people's appeals about the same session are decided separately.

    Raises NotFound to anyone who isn't absent, TooLate once `corrections_close_at`, AlreadyDecided, Unreadable.
    """
    found = await appealable(session, session_id, actor, now, lock=True)
    if not reason.strip():
        raise Unreadable("Write what happened, so that an admin can decide.")
    if len(reason) > LONGEST_NOTES:
        raise Unreadable(f"That's {len(reason):,} characters. Use at most {LONGEST_NOTES:,}.")
    if (seat := found.participant(actor.user_id)) is not None:
        seat.appealed_at, seat.appeal_reason = now, reason.strip()
    else:
        found.coach_appealed_at, found.coach_appeal_reason = now, reason.strip()
    found.updated_at = now
    kind, whose = NotificationKind.APPEAL_CARD, actor.user_id
    outbox.enqueue(session, kind, found.guild_id, now=now, session_id=found.id, about_user_id=whose)
    await outbox.requeue_direct(session, found.id, now)
    events.record(session, found, "no_show_appealed", actor, now)
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
    """Decide, as an admin, whether the person who appealed was there.

    `of` is whose appeal the admin saw; without it, it's the first one. Everybody else who is absent still is. Both
    people are told; in a workshop that's the participant and the coach, or everybody if its coach was there.

    Raises NotAllowed, AlreadyDecided, and NotFound for a session of another server or without that appeal.
    """
    found, theirs = await _open_appeal(session, session_id, actor, guild_id, of)
    absent = is_absent(found, theirs.user_id)
    if not was_there and not absent:
        raise AlreadyDecided("The coach now says the student was there, so you can only confirm that.")
    if (seat := found.participant(theirs.user_id)) is not None:
        seat.appeal_decided_at, seat.appeal_decided_by = now, actor.user_id
    else:
        found.coach_appeal_decided_at, found.coach_appeal_decided_by = now, actor.user_id
    if was_there and absent:
        found.absence_marked_by = actor.user_id
        await outcomes.conclude(session, found, outcomes.recorded_absent(found) - {theirs.user_id}, now)
    _tell_of_decision(session, found, theirs, now, was_there=was_there)
    found.updated_at = now
    await _update_card(session, found, theirs.user_id, now)
    await outbox.requeue_direct(session, found.id, now)
    audit.record(
        session,
        guild_id,
        "appeal_granted" if was_there else "appeal_refused",
        at=now,
        actor_id=actor.user_id,
        coach_id=found.coach_id,
        session_id=found.id,
        member_id=theirs.user_id,
    )
    return found


def is_absent(found: CoachingSession, user_id: int | None) -> bool:
    """Whether this person counts as absent, alone or with others."""
    return user_id in outcomes.recorded_absent(found)


def corrections_close_at(found: CoachingSession, user_id: int | None) -> datetime:
    """Return when this person can no longer say who was there: a week after the end.

    Absent people have another week from each decision on somebody else's appeal.
    """
    others = [one.decided_at for one in appeals(found) if one.user_id != user_id and one.decided_at is not None]
    return max([found.ends_at, *others] if is_absent(found, user_id) else [found.ends_at]) + _CHANGEABLE_FOR


def _tell_of_decision(
    session: AsyncSession, found: CoachingSession, theirs: Appeal, now: datetime, *, was_there: bool
) -> None:
    """Tell both people, the coach last.

    Participants of a workshop hear nothing of each other, but if their coach was there, it took place for them.
    """
    is_coachs = theirs.user_id == found.coach_id
    if not found.is_workshop or (is_coachs and was_there):
        concerned = [*found.people[1:], found.coach_id]
    else:
        concerned = [found.coach_id] if is_coachs else [theirs.user_id, found.coach_id]
    for user_id in concerned:
        outbox.enqueue(
            session,
            NotificationKind.ATTENDANCE_CHANGED,
            found.guild_id,
            now=now,
            user_id=user_id,
            session_id=found.id,
            about_user_id=theirs.user_id,
        )


async def _open_appeal(
    session: AsyncSession, session_id: int, actor: Actor, guild_id: int, of: int | None
) -> tuple[CoachingSession, Appeal]:
    actor.must_be_admin()
    found = await session.get(CoachingSession, session_id, with_for_update=True, populate_existing=True)
    theirs = appeal_of(found, of) if found is not None and found.guild_id == guild_id else None
    if found is None or theirs is None:
        raise NotFound("There's no such appeal in this server.")
    if actor.user_id in found.people:
        raise NotAllowed("This is about your own session. Another admin has to decide.")
    if theirs.decided_at is not None:
        when = stamp(theirs.decided_at, "R")
        raise AlreadyDecided(f"<@{theirs.decided_by}> decided this {when}. Nothing was changed.")
    return found, theirs


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
    if seat.appeal_decided_at is not None:
        raise AlreadyDecided(f"<@{seat.appeal_decided_by}> already decided about this session. Talk to them.")
    if now >= corrections_close_at(found, actor.user_id):
        raise TooLate(_TOO_LATE)
    return found, seat
