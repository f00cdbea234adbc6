"""Notifications about coaches who are away, and about substitutes."""

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from sqlalchemy.ext.asyncio import AsyncSession

from models import Absence, NotificationKind, Substitution, SubstitutionState
from scheduler.core import members
from scheduler.notifications.kinds import Declaration, NotificationContext
from scheduler.time_off import summaries
from scheduler.time_off.summaries import Summary


class QuestionDetails(NamedTuple):
    """The question whether somebody takes over a session."""

    question: Substitution
    reason: str | None
    """Why the coach is away."""
    names: Mapping[int, str]
    """Of the two coaches."""

    @property
    def coach(self) -> str:
        """Name the coach who's away."""
        return self.names.get(self.question.coach_id, "The coach")

    @property
    def substitute(self) -> str:
        """Name the coach who's asked."""
        return self.names.get(self.question.substitute_id, "another coach")


async def details_of(session: AsyncSession, question: Substitution) -> QuestionDetails:
    """Return a question with what its readers want to know."""
    absence = await session.get_one(Absence, question.absence_id)
    both = question.coach_id, question.substitute_id
    return QuestionDetails(question, absence.reason, await members.stored_names(session, question.guild_id, both))


async def _question(session: AsyncSession, context: NotificationContext, _now: datetime) -> QuestionDetails | None:
    found = await session.get(Substitution, context.notification.substitution_id or 0)
    return None if found is None else await details_of(session, found)


async def _summary(session: AsyncSession, context: NotificationContext, _now: datetime) -> Summary | None:
    return await summaries.read(session, context.notification)


def _while_open(context: NotificationContext, now: datetime) -> str | None:
    details: QuestionDetails | None = context.details
    is_open = (
        details is not None
        and details.question.state is SubstitutionState.OPEN
        and now < details.question.expires_at
    )
    return None if is_open else "the question is over"


def _in_summary(context: NotificationContext) -> set[int]:
    details: Summary | None = context.details
    return set() if details is None else {one for line in details.lines for one in line.session.people}


KINDS = (
    Declaration(NotificationKind.ABSENCE_SUMMARY, details=_summary, mentions=_in_summary),
    Declaration(NotificationKind.SUBSTITUTE_ASKED, still_needed=_while_open, details=_question),
    Declaration(NotificationKind.SUBSTITUTE_PROPOSED, still_needed=_while_open, details=_question),
    Declaration(NotificationKind.SUBSTITUTE_NOT_NEEDED, details=_question),
)
