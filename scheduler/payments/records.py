"""What the audit log says about payments."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from models import Payment
from scheduler.core import audit


def record(
    session: AsyncSession, payment: Payment, action: str, now: datetime, *, actor_id: int | None = None
) -> None:
    """Record what somebody, or without an actor the bot, did with a payment."""
    details = {"payment": payment.code, "amount_minor": payment.amount_minor, "currency": payment.currency}
    audit.record(
        session,
        payment.guild_id,
        action,
        at=now,
        actor_id=actor_id,
        coach_id=payment.coach_id,
        member_id=payment.user_id,
        session_id=payment.session_id,
        details=details,
    )
