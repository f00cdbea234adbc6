"""When a server is closed, when coaches are away, and what becomes of their sessions then."""

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, Date, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, RowId, Snowflake, enum_column, partial_index, to_coach


class Closure(Base):
    """Days, both included, on which nothing can be booked in a server, on the calendar of its zone."""

    __tablename__ = "closures"
    __table_args__ = (
        CheckConstraint("last >= first", name="last_not_before_first"),
        Index("ix_closures_guild_id_last", "guild_id", "last"),
        # One row for each public holiday, however often they're added.
        Index("uq_closures_guild_id_region_first", "guild_id", "region", "first", unique=True),
    )

    id: Mapped[RowId]
    guild_id: Mapped[Snowflake] = mapped_column(ForeignKey("guilds.id"))
    first: Mapped[date] = mapped_column(Date)
    last: Mapped[date] = mapped_column(Date)
    name: Mapped[str] = mapped_column(String(100))
    region: Mapped[str | None] = mapped_column(String(32))
    """Where it's a public holiday, such as "DE-BY"; None if an admin chose the days."""
    created_at: Mapped[datetime]
    lifted_at: Mapped[datetime | None]
    """When an admin removed it. The row stays, so that a public holiday isn't added again."""


class Absence(Base):
    """Days, both included, on which a coach is away, on the calendar of the coach's zone."""

    __tablename__ = "absences"
    __table_args__ = (
        to_coach(),
        CheckConstraint("last >= first", name="last_not_before_first"),
        Index("ix_absences_guild_id_coach_id_last", "guild_id", "coach_id", "last"),
    )

    id: Mapped[RowId]
    guild_id: Mapped[Snowflake]
    coach_id: Mapped[Snowflake]
    first: Mapped[date] = mapped_column(Date)
    last: Mapped[date] = mapped_column(Date)
    reason: Mapped[str | None]
    """What students whose sessions change are told."""
    created_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    """When the coach said that they're back, or not away after all."""


class AbsenceOutcome(StrEnum):
    """What became of a session because its coach is away."""

    RESCHEDULED = "rescheduled"
    CANCELLED = "cancelled"
    TAKEN_OVER = "taken_over"
    """By a substitute."""
    NO_SUBSTITUTE = "no_substitute"
    """The one who was asked won't take it over, so the coach decides again."""


class AbsenceNews(Base):
    """What became of a session because its coach is away: one line of a summary that a person gets."""

    __tablename__ = "absence_news"

    notification_id: Mapped[int] = mapped_column(ForeignKey("notifications.id"), primary_key=True)
    """The summary."""
    session_id: Mapped[int] = mapped_column(ForeignKey("coaching_sessions.id"), primary_key=True)
    outcome: Mapped[AbsenceOutcome] = mapped_column(
        enum_column(AbsenceOutcome, checked=False, otherwise=AbsenceOutcome.NO_SUBSTITUTE)
    )
    was_at: Mapped[datetime]
    """When the session was to start."""


class SubstitutionState(StrEnum):
    """What became of the question whether another coach takes over a session."""

    OPEN = "open"
    TAKEN_OVER = "taken_over"
    DECLINED = "declined"
    """The substitute said no."""
    REFUSED = "refused"
    """The student said no."""
    LAPSED = "lapsed"
    """Somebody didn't answer in time."""
    WITHDRAWN = "withdrawn"
    """The session was changed, one of them can't any more, or the coach is back."""


class Substitution(Base):
    """The question whether another coach takes over a session. Substitute and student both have to accept."""

    __tablename__ = "substitutions"
    __table_args__ = (
        to_coach(),
        CheckConstraint("substitute_id <> coach_id", name="two_coaches"),
        Index("ix_substitutions_absence_id", "absence_id"),
        Index("ix_substitutions_session_id", "session_id"),
        Index("ix_substitutions_hold_id", "hold_id"),
        partial_index("uq_substitutions_open", "session_id", where="closed_at IS NULL", unique=True),
        partial_index("ix_substitutions_next_step_at", "next_step_at"),
    )

    id: Mapped[RowId]
    absence_id: Mapped[int] = mapped_column(ForeignKey("absences.id"))
    session_id: Mapped[int] = mapped_column(ForeignKey("coaching_sessions.id"))
    guild_id: Mapped[Snowflake]
    coach_id: Mapped[Snowflake]
    """The coach who is away."""
    substitute_id: Mapped[Snowflake]
    hold_id: Mapped[int | None] = mapped_column(ForeignKey("holds.id", ondelete="SET NULL"))
    """What keeps the substitute's time; None once it's over."""
    starts_at: Mapped[datetime]
    """When the session starts that they were asked about."""
    state: Mapped[SubstitutionState] = mapped_column(
        enum_column(SubstitutionState, checked=False, otherwise=SubstitutionState.WITHDRAWN),
        default=SubstitutionState.OPEN,
    )
    asked_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    substitute_accepted_at: Mapped[datetime | None]
    student_accepted_at: Mapped[datetime | None]
    """Nobody asks the participants of a workshop: they can give their seats back."""
    closed_at: Mapped[datetime | None]
    next_step_at: Mapped[datetime | None]
    """When it lapses; None once it's over."""
