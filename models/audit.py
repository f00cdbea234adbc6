"""The audit log: who did what to which coach or session, and when."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from models import stored_json
from models.base import Base, RowId, Snowflake
from models.stored_json import StoredJSON


class AuditEntry(Base):
    """One action. Written in the same transaction; never changed."""

    __tablename__ = "audit_entries"
    __table_args__ = (
        Index("ix_audit_entries_guild_id_at", "guild_id", "at"),
        Index("ix_audit_entries_session_id", "session_id"),
    )

    id: Mapped[RowId]
    guild_id: Mapped[Snowflake] = mapped_column(ForeignKey("guilds.id"))
    at: Mapped[datetime]
    actor_id: Mapped[Snowflake | None]
    """None if the bot did it."""
    action: Mapped[str] = mapped_column(String(48))
    coach_id: Mapped[Snowflake | None]
    member_id: Mapped[Snowflake | None]
    """The person it was done to, if not as a coach or in a session."""
    session_id: Mapped[int | None] = mapped_column(ForeignKey("coaching_sessions.id"))
    details: Mapped[dict[str, Any]] = mapped_column(StoredJSON(stored_json.mapping))
    """Ids and numbers that explain the action, and an admin's reason. No notes, no names of people."""
