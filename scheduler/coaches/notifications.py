"""Notifications to coaches and applicants, and the application card for admins."""

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
    """What an application's card shows besides the application."""

    specialties: list[str]
    history: Sequence[AuditEntry]
    """Oldest first."""
    blocked: Sequence[Block]


async def _application(session: AsyncSession, context: NotificationContext, _now: datetime) -> ApplicationDetails:
    coach = context.coach
    if coach is None:
        return ApplicationDetails([], (), ())
    return ApplicationDetails(
        await coaches.coach_specialties(session, coach.guild_id, coach.user_id),
        await history.coach_history(session, coach.guild_id, coach.user_id),
        await blocks.list_blocks(session, coach.guild_id, coach.user_id),
    )


def _awaits_decision(context: NotificationContext) -> bool:
    return context.coach is not None and context.coach.status is CoachStatus.PENDING


def _until_currency_is_chosen(context: NotificationContext, _now: datetime) -> str | None:
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
    Declaration(NotificationKind.CURRENCY_CHANGED, still_needed=_until_currency_is_chosen),
    Declaration(NotificationKind.RATE_SET),
    Declaration(NotificationKind.RULES_GIVEN),
)
