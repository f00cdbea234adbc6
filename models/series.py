"""Weekly lessons: what coach and student agreed on, its rules on the wall clock, and each lesson that follows."""

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, Date, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Base, ForeignRowId, Money, RowId, Snowflake, enum_column, partial_index, to_coach


class SeriesStatus(StrEnum):
    """Where a series stands."""

    REQUESTED = "requested"
    """The coach hasn't answered yet. Its hours are held."""
    ACTIVE = "active"
    DECLINED = "declined"
    LAPSED = "lapsed"
    """The coach didn't answer in time."""
    WITHDRAWN = "withdrawn"
    """The student took the request back, or it became impossible."""
    ENDED = "ended"


class SeriesPayment(StrEnum):
    """How the lessons of a series are paid for."""

    CREDIT = "credit"
    CARD = "card"
    OTHERWISE = "otherwise"
    """As the server's payment instructions say. Also what's free."""


class Series(Base):
    """Lessons of the same two people at the same hour, every week or every two weeks.

    What was agreed is stored here; each lesson is an ordinary session. Occurrences count from 0, over all rules.
    """

    __tablename__ = "series"
    __table_args__ = (
        to_coach(),
        CheckConstraint("student_id <> coach_id", name="two_people"),
        CheckConstraint("total_cost_minor >= 0", name="cost_not_negative"),
        CheckConstraint("duration_minutes > 0", name="some_length"),
        CheckConstraint("until IS NULL OR lesson_count IS NULL", name="one_end"),
        Index("ix_series_coach_id_status", "coach_id", "status"),
        Index("ix_series_student_id_status", "student_id", "status"),
        partial_index("ix_series_next_step_at", "next_step_at"),
    )

    id: Mapped[RowId]
    guild_id: Mapped[Snowflake]
    code: Mapped[str] = mapped_column(String(12), unique=True)
    """Short and public, as a session's."""
    coach_id: Mapped[Snowflake]
    student_id: Mapped[Snowflake]
    status: Mapped[SeriesStatus] = mapped_column(
        enum_column(SeriesStatus, checked=False, otherwise=SeriesStatus.ENDED)
    )
    duration_minutes: Mapped[int]
    until: Mapped[date | None] = mapped_column(Date)
    """The last day on which a lesson can be, on the clock of the rule."""
    lesson_count: Mapped[int | None]
    """How many occurrences it has, those that are skipped included. With neither this nor `until`, it's open."""
    notes: Mapped[str | None]
    """What the student wrote for the coach."""
    total_cost_minor: Mapped[Money]
    """The agreed price of one lesson, in minor units of `currency`."""
    currency: Mapped[str] = mapped_column(String(3))
    pays_with: Mapped[SeriesPayment] = mapped_column(
        enum_column(SeriesPayment, checked=False, otherwise=SeriesPayment.OTHERWISE)
    )
    requested_at: Mapped[datetime]
    hold_id: Mapped[int | None] = mapped_column(ForeignKey("holds.id", ondelete="SET NULL"))
    """What keeps its hours until the coach answers."""
    answer_by: Mapped[datetime]
    """When the request lapses."""
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[Snowflake | None]
    ends_at: Mapped[datetime | None]
    """From this instant on there are no lessons, because someone ended it. It can be upcoming."""
    ended_at: Mapped[datetime | None]
    """When someone ended it."""
    ended_by: Mapped[Snowflake | None]
    end_reason: Mapped[str | None]
    made_until: Mapped[datetime | None]
    """All lessons planned before this instant have their row."""
    revision: Mapped[int] = mapped_column(default=0, server_default="0")
    """Grows with each change that calendars need to know."""
    next_step_at: Mapped[datetime | None]
    """When the loop checks it next: to make more lessons, let the request lapse, or end it."""

    rules: Mapped[list["SeriesRule"]] = relationship(
        lazy="selectin", order_by="SeriesRule.first_occurrence", cascade="all, delete-orphan"
    )


class SeriesRule(Base):
    """When the lessons from one occurrence on are, until the next rule of the series takes over."""

    __tablename__ = "series_rules"
    __table_args__ = (
        CheckConstraint("start_minute BETWEEN 0 AND 1439", name="minute_of_a_day"),
        CheckConstraint("interval_weeks IN (1, 2)", name="one_or_two_weeks"),
    )

    series_id: Mapped[ForeignRowId] = mapped_column(ForeignKey("series.id"))
    first_occurrence: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    first_day: Mapped[date] = mapped_column(Date)
    """The date of that occurrence, on the clock of `time_zone`."""
    start_minute: Mapped[int]
    """The minute of the day, on the same clock."""
    time_zone: Mapped[str] = mapped_column(String(64))
    interval_weeks: Mapped[int]
    agreed_at: Mapped[datetime | None]
    """When the lessons were rescheduled to it; None for what was agreed on with the series."""


class SkipReason(StrEnum):
    """Why a lesson doesn't take place."""

    TAKEN = "taken"
    """One of the two had something else then."""
    CLOSED = "closed"
    """The server is closed, or the coach away."""
    CLOCKS = "clocks"
    """The clocks skip that hour on that date."""
    PAUSED = "paused"
    BY_HAND = "by_hand"
    """One of the two skipped it."""
    MISSED = "missed"
    """The bot wasn't running when it should have been made."""


class Lesson(Base):
    """One occurrence of a series. Its row stays whatever becomes of it, so that none comes back by itself."""

    __tablename__ = "lessons"
    __table_args__ = (
        CheckConstraint("session_id IS NOT NULL OR skipped IS NOT NULL", name="session_or_skipped"),
        Index("uq_lessons_session_id", "session_id", unique=True),
        partial_index("ix_lessons_pay_step_at", "pay_step_at"),
    )

    series_id: Mapped[ForeignRowId] = mapped_column(ForeignKey("series.id"))
    occurrence: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    day: Mapped[date] = mapped_column(Date)
    """Its date by the rule, on the rule's clock."""
    starts_at: Mapped[datetime | None]
    """Its start by the rule; None if the clocks skip it. The session's own start differs if it was rescheduled."""
    session_id: Mapped[int | None] = mapped_column(ForeignKey("coaching_sessions.id"))
    skipped: Mapped[SkipReason | None] = mapped_column(
        enum_column(SkipReason, checked=False, otherwise=SkipReason.BY_HAND)
    )
    """Why it doesn't take place; the session it had, if any, is cancelled then."""
    pay_step_at: Mapped[datetime | None]
    """When the loop next sees to how it's paid for; None if there's nothing to do."""
