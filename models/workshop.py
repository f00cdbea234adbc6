"""Workshops: sessions for several people, and their seats."""

from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Base, ForeignRowId, Money, RowId, Snowflake, partial_index

if TYPE_CHECKING:
    from models.session import CoachingSession

MOST_SEATS = 50


class Workshop(Base):
    """What a session for several people adds to its `CoachingSession`."""

    __tablename__ = "workshops"
    __table_args__ = (
        CheckConstraint("seats BETWEEN 2 AND 50", name="number_of_seats"),
        CheckConstraint("price_minor >= 0", name="price_not_negative"),
        CheckConstraint("least IS NULL OR (least BETWEEN 1 AND seats)", name="least_fits"),
        partial_index("ix_workshops_next_step_at", "next_step_at"),
    )

    session_id: Mapped[ForeignRowId] = mapped_column(ForeignKey("coaching_sessions.id"))
    guild_id: Mapped[Snowflake]
    title: Mapped[str] = mapped_column(String(100))
    description: Mapped[str]
    seats: Mapped[int]
    price_minor: Mapped[Money]
    """What a seat costs, in minor units of the session's currency."""
    takes_credit: Mapped[bool] = mapped_column(default=False)
    """Whether a seat can be paid for with credit: as many minutes as the session is long."""
    least: Mapped[int | None]
    """How many people must have a seat at `decide_at`, or it's cancelled. None: it takes place with anybody."""
    decide_at: Mapped[datetime | None]
    """When that's decided; None once it is, and without a minimum."""
    channel_id: Mapped[Snowflake | None]
    """Where it's announced."""
    has_event: Mapped[bool] = mapped_column(default=False)
    """Whether it's to be among the server's scheduled events."""
    event_intended_at: Mapped[datetime | None]
    """Stored before the event is requested: only a younger event can be ours."""
    event_id: Mapped[Snowflake | None]
    created_by: Mapped[Snowflake]
    next_step_at: Mapped[datetime | None]
    """When the loop looks at it next: to count its people, or to make, change or delete its event."""
    attempts: Mapped[int] = mapped_column(default=0)
    last_error: Mapped[str | None]

    session: Mapped["CoachingSession"] = relationship(lazy="joined", innerjoin=True)


class Seat(Base):
    """One seat of a workshop: free, held while somebody pays for it, kept for the waiting list, or taken.

    A seat is claimed with one statement, so that each goes to one person, however many press at once.
    """

    __tablename__ = "workshop_seats"
    __table_args__ = (
        CheckConstraint("user_id IS NULL OR hold_id IS NULL", name="held_or_taken"),
        Index("uq_workshop_seats_session_id_user_id", "session_id", "user_id", unique=True),
        Index("uq_workshop_seats_hold_id", "hold_id", unique=True),
        Index("uq_workshop_seats_freed_id", "freed_id", unique=True),
    )

    id: Mapped[RowId]
    session_id: Mapped[int] = mapped_column(ForeignKey("coaching_sessions.id"))
    user_id: Mapped[Snowflake | None]
    """Who takes part."""
    hold_id: Mapped[int | None] = mapped_column(ForeignKey("holds.id", ondelete="SET NULL"))
    """What keeps it for somebody; once that's gone, the seat is free by itself."""
    freed_id: Mapped[int | None] = mapped_column(ForeignKey("freed_times.id", ondelete="SET NULL"))
    """What keeps it for the waiting list; once that's gone, everybody can take the seat."""
