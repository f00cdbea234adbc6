"""What substitute and student answer, in either order, and when a question is over without that."""

from datetime import datetime

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import (
    Absence,
    AbsenceOutcome,
    BlockedFrom,
    CoachingSession,
    Notification,
    NotificationKind,
    Participant,
    SessionStatus,
    Substitution,
    SubstitutionState,
)
from scheduler.booking import blocks, releases
from scheduler.booking.releases import Barred
from scheduler.core import members
from scheduler.core.actor import Actor
from scheduler.core.errors import NotFound, TooLate
from scheduler.notifications import outbox
from scheduler.time_off import summaries, takeover
from scheduler.time_off.substitutes import find_open, record

_OVER = {
    SubstitutionState.TAKEN_OVER: "This is settled: the session was taken over.",
    SubstitutionState.DECLINED: "The coach who was asked can't do it. There's nothing left to answer.",
    SubstitutionState.REFUSED: "The student said no. There's nothing left to answer.",
    SubstitutionState.LAPSED: "It's too late to answer: the time ran out. The coach decides what to do instead.",
    SubstitutionState.WITHDRAWN: "This is no longer asked: the session has changed, or can't be taken over.",
}


async def accept(session: AsyncSession, question_id: int, actor: Actor, now: datetime) -> Substitution:
    """Accept as substitute or as student. Once both have, the session is taken over. Accepting twice is fine.

    Raises NotFound for anyone else, TooLate once it's over.
    """
    question, row = await _lock(session, question_id, actor)
    is_substitute = actor.user_id == question.substitute_id
    accepted_at = question.substitute_accepted_at if is_substitute else question.student_accepted_at
    if accepted_at is not None and question.state in (SubstitutionState.OPEN, SubstitutionState.TAKEN_OVER):
        return question
    _check_open(question, now)
    if is_substitute:
        question.substitute_accepted_at = now
    else:
        question.student_accepted_at = now
    record(
        session,
        question,
        "substitute_accepted" if is_substitute else "substitute_agreed",
        now,
        actor_id=actor.user_id,
    )
    has_all = question.substitute_accepted_at is not None and (
        row.is_workshop or question.student_accepted_at is not None
    )
    if not has_all:
        await _update_cards(session, question, now, ask_student=is_substitute)
    elif await takeover.take_over(session, question, row, now):
        await _close(session, question, SubstitutionState.TAKEN_OVER, now)
        absence = await session.get_one(Absence, question.absence_id)
        people = [question.coach_id, *(one.user_id for one in row.taking_part)]
        await summaries.tell(session, absence, row, AbsenceOutcome.TAKEN_OVER, row.starts_at, people, now)
    else:
        await _end(session, question, row, SubstitutionState.WITHDRAWN, now)
    return question


async def decline(session: AsyncSession, question_id: int, actor: Actor, now: datetime) -> Substitution:
    """Decline as substitute or as student, also after accepting. The coach decides again.

    Raises NotFound for anyone else, TooLate once it's over, unless they had declined.
    """
    question, row = await _lock(session, question_id, actor)
    state = SubstitutionState.DECLINED if actor.user_id == question.substitute_id else SubstitutionState.REFUSED
    if question.state is state:
        return question
    _check_open(question, now)
    await _end(session, question, row, state, now, by=actor)
    return question


async def lapse(session: AsyncSession, question_id: int, now: datetime) -> None:
    """End a question that wasn't answered in time."""
    question, row = await _lock(session, question_id, None)
    if question.next_step_at is not None and question.next_step_at <= now:
        await _end(session, question, row, SubstitutionState.LAPSED, now)


async def withdraw(session: AsyncSession, row: CoachingSession, now: datetime) -> None:
    """End the open question about a session, if there's one, because the session was changed or is kept.

    Whoever did that, or is told about it anyway, isn't told again.
    """
    if (question := await find_open(session, row)) is None:
        return
    await session.refresh(question, with_for_update=True)
    if question.state is SubstitutionState.OPEN:
        await _end(session, question, row, SubstitutionState.WITHDRAWN, now, is_known=True)


async def end_barred(session: AsyncSession, barred: Barred, now: datetime) -> None:
    """End the questions of a coach who can't coach here any more, and those of a student who can't book here."""
    user_id, sides = barred.user_id, list[ColumnElement[bool]]()
    has_left = barred.as_coach and barred.as_student
    if barred.as_coach:
        sides += [Substitution.coach_id == user_id, Substitution.substitute_id == user_id]
    is_blocked = await blocks.find(session, barred.guild_id, user_id, BlockedFrom.BOOKING) is not None
    if barred.as_student and (has_left or is_blocked):
        theirs = select(CoachingSession.id).where(
            CoachingSession.has_participant(user_id, Participant.starts_at > now),
            CoachingSession.is_workshop.is_(False),
        )
        sides.append(Substitution.session_id.in_(theirs))
    if not sides:
        return
    is_open = Substitution.guild_id == barred.guild_id, Substitution.closed_at.is_(None), or_(*sides)
    open_ones = select(Substitution).where(*is_open).order_by(Substitution.id).with_for_update()
    for question in await session.scalars(open_ones):
        row = await session.get_one(CoachingSession, question.session_id)
        # Who is told that the coach or the student has left needn't be told this, too.
        is_known = user_id == question.coach_id or (has_left and user_id != question.substitute_id)
        await _end(session, question, row, SubstitutionState.WITHDRAWN, now, is_known=is_known)


async def _lock(
    session: AsyncSession, question_id: int, actor: Actor | None
) -> tuple[Substitution, CoachingSession]:
    """Lock a question with its people and its session. Raises NotFound for an actor whom nobody asked."""
    seen = await session.get(Substitution, question_id)
    row = await session.get_one(CoachingSession, seen.session_id) if seen is not None else None
    asked = (
        [] if seen is None or row is None else [seen.substitute_id, *([] if row.is_workshop else [row.student_id])]
    )
    if seen is None or row is None or (actor is not None and actor.user_id not in asked):
        raise NotFound("Nobody asks you that. `/sessions` lists your sessions.")
    await members.lock(session, seen.coach_id, *asked)
    row = await session.get_one(CoachingSession, row.id, with_for_update=True, populate_existing=True)
    question = await session.get_one(Substitution, seen.id, with_for_update=True, populate_existing=True)
    return question, row


def _check_open(question: Substitution, now: datetime) -> None:
    if question.state is not SubstitutionState.OPEN:
        raise TooLate(_OVER[question.state])
    if now >= question.expires_at:
        raise TooLate(_OVER[SubstitutionState.LAPSED])


async def _end(
    session: AsyncSession,
    question: Substitution,
    row: CoachingSession,
    state: SubstitutionState,
    now: datetime,
    *,
    by: Actor | None = None,
    is_known: bool = False,
) -> None:
    """End a question without a takeover, and tell each person who doesn't know."""
    await _close(session, question, state, now, by=by)
    has_accepted = question.substitute_accepted_at is not None
    if has_accepted and state is not SubstitutionState.DECLINED:
        outbox.enqueue(
            session,
            NotificationKind.SUBSTITUTE_NOT_NEEDED,
            question.guild_id,
            now=now,
            user_id=question.substitute_id,
            session_id=question.session_id,
            substitution_id=question.id,
        )
    if is_known or row.status is not SessionStatus.SCHEDULED:
        return
    absence = await session.get_one(Absence, question.absence_id)
    told = [question.coach_id]
    if question.student_accepted_at is not None and state is not SubstitutionState.REFUSED:
        told.append(row.student_id)
    await summaries.tell(session, absence, row, AbsenceOutcome.NO_SUBSTITUTE, row.starts_at, told, now)


async def _close(
    session: AsyncSession,
    question: Substitution,
    state: SubstitutionState,
    now: datetime,
    *,
    by: Actor | None = None,
) -> None:
    question.state, question.closed_at, question.next_step_at = state, now, None
    held, question.hold_id = question.hold_id, None
    await session.flush()
    if held is not None:
        await releases.release(session, held, now)
    await _update_cards(session, question, now)
    if state is not SubstitutionState.TAKEN_OVER:  # that's recorded as what it does to the session
        record(session, question, f"substitute_{state}", now, actor_id=by.user_id if by else None)


async def _update_cards(
    session: AsyncSession, question: Substitution, now: datetime, *, ask_student: bool = False
) -> None:
    """Update the messages that ask, if they were sent or are being sent. The student's can be sent early."""
    cards = select(Notification).where(
        Notification.substitution_id == question.id,
        Notification.kind.in_((NotificationKind.SUBSTITUTE_ASKED, NotificationKind.SUBSTITUTE_PROPOSED)),
    )
    for card in await session.scalars(cards.order_by(Notification.id).with_for_update()):
        is_early = ask_student and card.kind is NotificationKind.SUBSTITUTE_PROPOSED
        if card.message_id is not None or card.tried_at is not None or is_early:
            outbox.requeue(card, now)
