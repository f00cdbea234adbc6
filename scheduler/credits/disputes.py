"""Disputes: a student objects to a charge, and an admin decides."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from models import CoachingSession, CreditDispute, NotificationKind, Participant
from scheduler.core import audit
from scheduler.core.actor import Actor
from scheduler.core.clock import stamp
from scheduler.core.errors import AlreadyDecided, NotAllowed, NotFound, TooLate, Unreadable
from scheduler.core.limits import LONGEST_NOTES
from scheduler.credits import charges
from scheduler.notifications import outbox
from scheduler.sessions import events, lookup
from scheduler.sessions.charge_standing import can_dispute


async def find_disputable(
    session: AsyncSession, session_id: int, actor: Actor, now: datetime, *, lock: bool = False
) -> CoachingSession:
    """Return the session if this person can dispute its charge now; raises as `open_dispute` does."""
    found = await lookup.find_visible(session, session_id, actor, None, lock=lock)
    seat = found.participant(actor.user_id)
    if seat is None or not charges.is_about_a_charge(seat):
        raise NotFound("You have no such charge. `/credits` lists yours.")
    if (dispute := await session.get(CreditDispute, (found.id, actor.user_id))) is not None:
        decided = "An admin will decide." if dispute.decided_at is None else "An admin has decided."
        raise AlreadyDecided(f"You disputed this {stamp(dispute.opened_at, 'R')}. {decided}")
    if seat.credit_charged_at is None:
        raise AlreadyDecided("This session isn't charged, so there's nothing to dispute.")
    if not can_dispute(seat, actor.user_id, now):
        raise TooLate("It's too late to dispute this: you had 72 hours. Talk to your coach, who can waive it.")
    return found


async def open_dispute(
    session: AsyncSession, session_id: int, actor: Actor, reason: str, now: datetime
) -> CoachingSession:
    """Dispute what a session charged, as its student, which posts a card for the admins.

    Raises NotFound to everyone else, AlreadyDecided the second time and if nothing is charged, TooLate after 72
    hours, Unreadable.
    """
    found = await find_disputable(session, session_id, actor, now, lock=True)
    if not reason.strip():
        raise Unreadable("Write what happened, so that an admin can decide.")
    if len(reason) > LONGEST_NOTES:
        raise Unreadable(f"That's {len(reason):,} characters. Use at most {LONGEST_NOTES:,}.")
    session.add(CreditDispute(session_id=found.id, user_id=actor.user_id, opened_at=now, reason=reason.strip()))
    outbox.enqueue(
        session,
        NotificationKind.DISPUTE_CARD,
        found.guild_id,
        now=now,
        session_id=found.id,
        about_user_id=actor.user_id,
    )
    await outbox.requeue_direct(session, found.id, now)
    events.record(session, found, "charge_disputed", actor, now)
    return found


async def decide(
    session: AsyncSession,
    session_id: int,
    actor: Actor,
    guild_id: int,
    *,
    give_back: bool,
    now: datetime,
    of: int | None = None,
) -> CoachingSession:
    """Decide a dispute as an admin: give the minutes or the money back, or leave the charge. Both are told.

    `of` says who disputed it; without it, it's the only participant.

    Raises NotAllowed to everyone else and about one's own session, NotFound for another server's, AlreadyDecided.
    """
    actor.must_be_admin()
    seat, dispute = await _undecided(session, session_id, actor, guild_id, of)
    found = seat.session
    dispute.decided_at, dispute.decided_by, dispute.given_back = now, actor.user_id, give_back
    if give_back and seat.charge_waived_at is None:
        await charges.return_charge(session, seat, actor, now)
    else:
        await outbox.requeue_direct(session, found.id, now)
    card = NotificationKind.DISPUTE_CARD
    await outbox.requeue_newest(session, found.id, card, now, about_user_id=seat.user_id)
    for user_id in (seat.user_id, found.coach_id):
        outbox.enqueue(
            session,
            NotificationKind.DISPUTE_DECIDED,
            guild_id,
            now=now,
            user_id=user_id,
            session_id=found.id,
            about_user_id=seat.user_id,
        )
    audit.record(
        session,
        guild_id,
        "dispute_granted" if give_back else "dispute_refused",
        at=now,
        actor_id=actor.user_id,
        coach_id=found.coach_id,
        session_id=found.id,
        member_id=seat.user_id,
    )
    return found


async def _undecided(
    session: AsyncSession, session_id: int, actor: Actor, guild_id: int, of: int | None
) -> tuple[Participant, CreditDispute]:
    """Lock the session, and return whose charge is disputed and the dispute. Raises as `decide` does."""
    found = await session.get(CoachingSession, session_id, with_for_update=True, populate_existing=True)
    seat = found.participant_or_only(of) if found is not None and found.guild_id == guild_id else None
    dispute = seat and await session.get(CreditDispute, (session_id, seat.user_id), populate_existing=True)
    if seat is None or dispute is None:
        raise NotFound("There's no such dispute in this server.")
    if actor.user_id in (seat.coach_id, seat.user_id):
        raise NotAllowed("This is about your own session. Another admin has to decide.")
    if dispute.decided_at is not None:
        when = stamp(dispute.decided_at, "R")
        raise AlreadyDecided(f"<@{dispute.decided_by}> decided this {when}. Nothing was changed.")
    return seat, dispute
