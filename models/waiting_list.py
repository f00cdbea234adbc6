"""The waiting list: what students wait for, time that became free, and to whom it was offered."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Money, RowId, Snowflake, enum_column, partial_index, to_coach


class WishEnd(StrEnum):
    """Why nobody waits for something any more."""

    BOOKED = "booked"
    STOPPED = "stopped"
    """The student stopped it."""
    EXPIRED = "expired"
    UNANSWERED = "unanswered"
    """Too many offers ran out without an answer."""
    BLOCKED = "blocked"
    CANCELLED = "cancelled"
    """The workshop was cancelled."""


class Wish(Base):
    """What a student waits for: time of a coach, or a seat in a workshop.

    Their place in line is that of its id among the open ones.
    """

    __tablename__ = "wishes"
    __table_args__ = (
        to_coach(),
        CheckConstraint("minutes > 0", name="minutes_positive"),
        CheckConstraint("weekdays BETWEEN 1 AND 127", name="some_weekday"),
        CheckConstraint(
            "from_minute >= 0 AND from_minute < until_minute AND until_minute <= 1440", name="hours_of_a_day"
        ),
        partial_index("ix_wishes_open", "guild_id", "coach_id", "id", where="ended_at IS NULL"),
        partial_index("ix_wishes_session_id", "session_id", "id", where="ended_at IS NULL"),
        Index("ix_wishes_user_id", "user_id"),
        partial_index("ix_wishes_next_step_at", "next_step_at"),
    )

    id: Mapped[RowId]
    guild_id: Mapped[Snowflake] = mapped_column(ForeignKey("guilds.id"))
    user_id: Mapped[Snowflake]
    coach_id: Mapped[Snowflake | None]
    """The only coach they want; None for any."""
    session_id: Mapped[int | None] = mapped_column(ForeignKey("coaching_sessions.id"))
    """The workshop in which they want a seat. Any day and hour suits them then."""
    minutes: Mapped[int]
    weekdays: Mapped[int]
    """A bit for each day that suits them, from Monday (1) to Sunday (64)."""
    from_minute: Mapped[int]
    """The first minute of the day that suits them. Like the days, it's on their own clock."""
    until_minute: Mapped[int]
    """The end of what suits them, not included."""
    until: Mapped[datetime]
    """Sessions have to start before then, and then the wish ends."""
    created_at: Mapped[datetime]
    unanswered: Mapped[int] = mapped_column(default=0, server_default="0")
    """How many offers ran out without an answer."""
    ended_at: Mapped[datetime | None]
    end_reason: Mapped[WishEnd | None] = mapped_column(enum_column(WishEnd, checked=False))
    next_step_at: Mapped[datetime | None]
    """When it ends by itself; None once it has ended."""


class FreedTime(Base):
    """Time of a coach, or a seat in a workshop, that became free and is offered to the waiting list first.

    Deleted once everybody may book it.
    """

    __tablename__ = "freed_times"
    __table_args__ = (
        CheckConstraint("ends_at > starts_at", name="ends_after_start"),
        Index("ix_freed_times_coach_id_starts_at", "coach_id", "starts_at"),
        partial_index("ix_freed_times_next_step_at", "next_step_at"),
    )

    id: Mapped[RowId]
    coach_id: Mapped[Snowflake]
    """The coach's user id: their time is free in each server where they coach."""
    session_id: Mapped[int | None] = mapped_column(ForeignKey("coaching_sessions.id"))
    """The workshop of which a seat became free. Nobody else can take that as long as this row exists."""
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    is_new_hours: Mapped[bool] = mapped_column(default=False)
    """Whether these are changed hours, in which many times may be free. Everybody may book those at once."""
    freed_from: Mapped[Snowflake | None]
    """The student who had it, and isn't offered it."""
    offers: Mapped[int] = mapped_column(default=0, server_default="0")
    """How many people it was offered to, one after the other."""
    created_at: Mapped[datetime]
    next_step_at: Mapped[datetime | None]
    """When the next person is looked for, and until then nobody can book it; None while an offer is open."""


class OfferState(StrEnum):
    """What became of an offer."""

    OPEN = "open"
    PAYING = "paying"
    """The student is paying for it by card."""
    TAKEN = "taken"
    RESCHEDULED = "rescheduled"
    """The student moved another session to it."""
    PASSED = "passed"
    LAPSED = "lapsed"
    """It ran out without an answer."""
    UNDELIVERED = "undelivered"
    """The student couldn't be messaged."""
    WITHDRAWN = "withdrawn"
    """The wish ended, or it can't be booked any more."""


class Offer(Base):
    """A time or seat offered to one student: held for them or, shortly before it starts, for whoever is first."""

    __tablename__ = "offers"
    __table_args__ = (
        to_coach(),
        Index("ix_offers_user_id_coach_id", "user_id", "coach_id", "starts_at"),
        Index("ix_offers_coach_id_starts_at", "coach_id", "starts_at"),
        Index("ix_offers_wish_id", "wish_id"),
        Index("ix_offers_freed_id", "freed_id"),
        Index("ix_offers_hold_id", "hold_id"),
        partial_index("ix_offers_next_step_at", "next_step_at"),
        partial_index("ix_offers_open", "guild_id", where="closed_at IS NULL"),
    )

    id: Mapped[RowId]
    guild_id: Mapped[Snowflake]
    user_id: Mapped[Snowflake]
    coach_id: Mapped[Snowflake]
    wish_id: Mapped[int] = mapped_column(ForeignKey("wishes.id"))
    freed_id: Mapped[int | None] = mapped_column(ForeignKey("freed_times.id", ondelete="SET NULL"))
    hold_id: Mapped[int | None] = mapped_column(ForeignKey("holds.id", ondelete="SET NULL"))
    """What keeps the time for them; None once it's over, and if others were told of the same time."""
    session_id: Mapped[int | None] = mapped_column(ForeignKey("coaching_sessions.id"))
    """What was booked, or rescheduled. If it's a seat that's offered: the workshop, from the beginning."""
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    is_shared: Mapped[bool] = mapped_column(default=False)
    """Whether others were told of the same time, and whoever is first gets it."""
    cost_minor: Mapped[Money]
    """The price they were told, in minor units of `currency`."""
    currency: Mapped[str] = mapped_column(String(3))
    state: Mapped[OfferState] = mapped_column(
        enum_column(OfferState, checked=False, otherwise=OfferState.WITHDRAWN), default=OfferState.OPEN
    )
    offered_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    next_step_at: Mapped[datetime | None]
    """When it runs out; None once it's over, or while it's paid for."""
