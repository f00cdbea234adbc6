"""What coaches and applicants are told, and the card on which admins decide about an application."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy.ext.asyncio import AsyncSession

from models import AuditEntry, Block, CoachStatus, NotificationKind
from scheduler.booking import blocks
from scheduler.coaches import history
from scheduler.core import coaches
from scheduler.notifications.kinds import Audience, Declaration, NotificationContext


class ApplicationDetails(NamedTuple):
    """What the card of an application shows besides the application itself."""

    specialties: list[str]
    history: Sequence[AuditEntry]
    """What became of the coach until now, oldest first."""
    blocked: Sequence[Block]
    """What the coach is blocked from."""


async def _application(session: AsyncSession, context: NotificationContext, _now: datetime) -> ApplicationDetails:
    coach = context.coach
    if coach is None:
        return ApplicationDetails([], (), ())
    return ApplicationDetails(
        await coaches.coach_specialties(session, coach.guild_id, coach.user_id),
        await history.coach_history(session, coach.guild_id, coach.user_id),
        await blocks.of(session, coach.guild_id, coach.user_id),
    )


def _awaits_decision(context: NotificationContext) -> bool:
    return context.coach is not None and context.coach.status is CoachStatus.PENDING


def _until_the_currency_is_chosen(context: NotificationContext, _now: datetime) -> str | None:
    coach = context.coach
    has_chosen = coach is not None and coach.currency == context.guild.currency
    return "they have already chosen" if has_chosen else None


KINDS = (
    Declaration(
        NotificationKind.APPLICATION_CARD,
        Audience.REVIEW_CHANNEL,
        details=_application,
        awaits_decision=_awaits_decision,
    ),
    Declaration(NotificationKind.APPLICATION_APPROVED),
    Declaration(NotificationKind.APPLICATION_REJECTED),
    Declaration(NotificationKind.COACH_SUSPENDED),
    Declaration(NotificationKind.COACH_REINSTATED),
    Declaration(NotificationKind.CURRENCY_CHANGED, still_needed=_until_the_currency_is_chosen),
    Declaration(NotificationKind.RATE_SET),
    Declaration(NotificationKind.RULES_GIVEN),
)
