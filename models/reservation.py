"""Held slots, and the reservations with which the database itself prevents double bookings."""

from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, RowId, Snowflake, enum_column, partial_index, to_coach

LONGEST_RESERVATION = timedelta(hours=24)
"""The longest session including buffers. SQLite's guard relies on it to search a bounded range."""


class HoldPurpose(StrEnum):
    """What a slot is held for."""

    CHOOSING = "choosing"
    """A student is about to confirm it. At most one per student and server."""
    PAYMENT = "payment"
    """A student is paying for it."""
    OFFER = "offer"
    """It's offered to a student on the waiting list. It reserves the coach's time only."""
    REQUEST = "request"
    """A student asked the coach for it, and waits for the answer."""
    SUBSTITUTE = "substitute"
    """A substitute is asked to take over a session. It reserves the substitute's time only."""


class Hold(Base):
    """A slot held for a student, until it's booked, released or expired.

    A request for weekly lessons holds several: its times are the first one's, its reservations those of all.
    """

    __tablename__ = "holds"
    __table_args__ = (
        to_coach(ondelete="CASCADE"),
        Index("ix_holds_guild_id_student_id", "guild_id", "student_id"),
        partial_index(
            "uq_holds_one_choosing", "guild_id", "student_id", where="purpose = 'choosing'", unique=True
        ),
        partial_index("ix_holds_next_step_at", "next_step_at"),
        Index("ix_holds_session_id", "session_id"),
    )

    id: Mapped[RowId]
    guild_id: Mapped[Snowflake]
    coach_id: Mapped[Snowflake]
    student_id: Mapped[Snowflake]
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    purpose: Mapped[HoldPurpose] = mapped_column(
        enum_column(HoldPurpose, checked=False, otherwise=HoldPurpose.CHOOSING),
        default=HoldPurpose.CHOOSING,
        server_default=HoldPurpose.CHOOSING,
    )
    session_id: Mapped[int | None] = mapped_column(ForeignKey("coaching_sessions.id"))
    """The workshop in which it holds a seat. It reserves the participant's time only."""
    expires_at: Mapped[datetime]
    """From then on the slot is free, even if the row is still there."""
    next_step_at: Mapped[datetime | None]
    """When the waiting list hears that it ran out; None once it has."""


class Reservation(Base):
    """`[starts_at, ends_at)` taken from one person; a coach's includes the buffers.

    It belongs to a session, or to a hold, whose expiry it shares.

    No two reservations of one person overlap, in any server, and the database enforces it: on PostgreSQL by
    the exclusion constraint `reservations_no_overlap`, on SQLite by the triggers `reservations_no_overlap_insert`
    and `reservations_no_overlap_update`. The first migration creates them. A migration that rebuilds this table on
    SQLite drops its triggers and has to create them again.
    """

    __tablename__ = "reservations"
    __table_args__ = (
        CheckConstraint("ends_at > starts_at", name="ends_after_start"),
        CheckConstraint("ends_at - starts_at <= 86400000000", name="longest").ddl_if(dialect="sqlite"),
        CheckConstraint("ends_at - starts_at <= interval '24 hours'", name="longest").ddl_if(dialect="postgresql"),
        Index("ix_reservations_user_id_starts_at", "user_id", "starts_at"),
        CheckConstraint("(session_id IS NULL) <> (hold_id IS NULL)", name="one_owner"),
        Index("ix_reservations_session_id", "session_id"),
        Index("ix_reservations_hold_id", "hold_id"),
    )

    id: Mapped[RowId]
    user_id: Mapped[Snowflake]
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    session_id: Mapped[int | None] = mapped_column(ForeignKey("coaching_sessions.id"))
    hold_id: Mapped[int | None] = mapped_column(ForeignKey("holds.id", ondelete="CASCADE"))
