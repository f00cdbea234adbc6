"""The audit log."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from models import AuditEntry


def record(
    session: AsyncSession,
    guild_id: int,
    action: str,
    *,
    at: datetime,
    actor_id: int | None = None,
    coach_id: int | None = None,
    session_id: int | None = None,
    member_id: int | None = None,
    details: Mapping[str, Any] | None = None,
) -> None:
    """Record an action, in the transaction that does it.

    `details` hold ids and numbers. The only texts are admins' own: reasons for decisions, and names of presets and
    packages.
    """
    session.add(
        AuditEntry(
            guild_id=guild_id,
            at=at,
            actor_id=actor_id,
            action=action,
            coach_id=coach_id,
            session_id=session_id,
            member_id=member_id,
            details=dict(details or {}),
        )
    )
