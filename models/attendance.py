"""Attendance: who was in a session's room and when, as far as somebody watched."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, RowId, Snowflake


class Attendance(Base):
    """One stay of a session's coach or student in its room, or a time in which nobody watched."""

    __tablename__ = "attendance"
    __table_args__ = (Index("ix_attendance_session_id", "session_id"),)

    id: Mapped[RowId]
    session_id: Mapped[int] = mapped_column(ForeignKey("coaching_sessions.id"))
    user_id: Mapped[Snowflake | None]
    """Empty: nobody watched, because the bot was not running or not connected."""
    joined_at: Mapped[datetime]
    left_at: Mapped[datetime | None]
    """Empty while they are inside. Where the bot was away, when it last knew."""
