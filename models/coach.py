"""Coaches: who applied, who decided, what they teach and at what price."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from models import stored_json
from models.base import Base, Money, RowId, Snowflake, enum_column, partial_index, to_coach
from models.session import SessionType
from models.stored_json import StoredJSON


class CoachStatus(StrEnum):
    """The state of an application."""

    PENDING = "PENDING"
    APPROVED = "APPROVED"
    REJECTED = "REJECTED"
    SUSPENDED = "SUSPENDED"


class Coach(Base):
    """One person's application and profile in one server."""

    __tablename__ = "coaches"
    __table_args__ = (
        CheckConstraint("rate_minor >= 0", name="rate_not_negative"),
        CheckConstraint("slot_step_minutes > 0", name="slot_step_positive"),
        CheckConstraint("buffer_before_minutes >= 0 AND buffer_after_minutes >= 0", name="buffers_not_negative"),
        CheckConstraint("minimum_notice_minutes >= 0", name="notice_not_negative"),
        CheckConstraint("horizon_days > 0", name="horizon_positive"),
        CheckConstraint("daily_limit > 0", name="daily_limit_positive"),
        CheckConstraint("weekly_limit > 0", name="weekly_limit_positive"),
        Index("ix_coaches_guild_id_status", "guild_id", "status"),
        Index("ix_coaches_user_id", "user_id"),
        partial_index("ix_coaches_role_due_at", "role_due_at"),
        partial_index("ix_coaches_membership_due_at", "membership_due_at"),
    )

    guild_id: Mapped[Snowflake] = mapped_column(ForeignKey("guilds.id"), primary_key=True)
    user_id: Mapped[Snowflake] = mapped_column(primary_key=True)
    display_name: Mapped[str] = mapped_column(String(100))
    """As last seen, for select options and button labels, where Discord shows no mentions."""
    avatar_url: Mapped[str | None] = mapped_column(String(200))
    """Their avatar in the server, or else their own, as of their last use of the bot; None if they have none."""
    status: Mapped[CoachStatus] = mapped_column(enum_column(CoachStatus))
    bio: Mapped[str]
    experience: Mapped[str]
    portfolio: Mapped[str]
    """The links in what they wrote about their experience, one per line."""
    rate_minor: Mapped[Money]
    currency: Mapped[str] = mapped_column(String(3))
    time_zone: Mapped[str] = mapped_column(String(64))
    """IANA name. Weekly hours are wall-clock times in this zone."""
    accepting: Mapped[bool]
    """False while the coach has paused bookings."""
    session_type: Mapped[SessionType] = mapped_column(enum_column(SessionType))
    durations_minutes: Mapped[list[int]] = mapped_column(StoredJSON(stored_json.lengths))
    """Durations on offer, the default first."""
    slot_step_minutes: Mapped[int]
    buffer_before_minutes: Mapped[int]
    buffer_after_minutes: Mapped[int]
    minimum_notice_minutes: Mapped[int]
    horizon_days: Mapped[int]
    daily_limit: Mapped[int | None]
    """The most sessions on one day of the coach's calendar; None: no limit."""
    weekly_limit: Mapped[int | None]
    """The most sessions from Monday to Sunday of the coach's calendar; None: no limit."""
    rating_total: Mapped[int] = mapped_column(default=0, server_default="0")
    """The sum of all stars."""
    rating_count: Mapped[int] = mapped_column(default=0, server_default="0")
    left_at: Mapped[datetime | None]
    """When the bot learned that they left the server; None while they're in it."""
    membership_due_at: Mapped[datetime | None]
    """When to check next whether they're in the server; None if they don't coach."""
    applied_at: Mapped[datetime]
    decided_by: Mapped[Snowflake | None]
    decided_at: Mapped[datetime | None]
    decision_reason: Mapped[str | None]
    role_due_at: Mapped[datetime | None]
    """When to update the coach role at Discord; None if it matches the status."""
    given_role_ids: Mapped[list[int] | None] = mapped_column(StoredJSON(stored_json.ids))
    """Roles they were given as a coach, or are just being given, and that haven't been taken away."""
    role_attempts: Mapped[int] = mapped_column(default=0)
    role_error: Mapped[str | None]


class Specialty(Base):
    """Something that can be taught in one server, from the server's own list."""

    __tablename__ = "specialties"
    __table_args__ = (Index("uq_specialties_guild_id_name", "guild_id", "name", unique=True),)

    id: Mapped[RowId]
    guild_id: Mapped[Snowflake] = mapped_column(ForeignKey("guilds.id"))
    name: Mapped[str] = mapped_column(String(100))


class CoachSpecialty(Base):
    """One coach teaches one specialty."""

    __tablename__ = "coach_specialties"
    __table_args__ = (to_coach(ondelete="CASCADE"),)

    guild_id: Mapped[Snowflake] = mapped_column(primary_key=True)
    coach_id: Mapped[Snowflake] = mapped_column(primary_key=True)
    specialty_id: Mapped[int] = mapped_column(ForeignKey("specialties.id", ondelete="CASCADE"), primary_key=True)
