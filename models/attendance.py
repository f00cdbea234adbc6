"""Attendance: who was in a session's room and when, as far as the bot was watching."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, RowId, Snowflake


class Attendance(Base):
    """One stay of a coach or student in their room, or a time when nobody was watching."""

    __tablename__ = "attendance"
    __table_args__ = (Index("ix_attendance_session_id", "session_id"),)

    id: Mapped[RowId]
    session_id: Mapped[int] = mapped_column(ForeignKey("coaching_sessions.id"))
    user_id: Mapped[Snowflake | None]
    """None: nobody was watching, because the bot wasn't running or connected."""
    joined_at: Mapped[datetime]
    left_at: Mapped[datetime | None]
    """None while they're inside. If the bot was away, when it last saw them."""
