"""Sessions, and the reservations with which the database itself prevents double bookings."""

from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Money, RowId, Snowflake, enum_column, partial_index, to_coach

LONGEST_RESERVATION = timedelta(hours=24)
"""The longest session including buffers. SQLite's guard relies on it to search a bounded range."""


class SessionStatus(StrEnum):
    """A session's status. Sessions are never deleted; they change status."""

    SCHEDULED = "SCHEDULED"
    IN_PROGRESS = "IN_PROGRESS"
    COMPLETED = "COMPLETED"
    CANCELLED = "CANCELLED"
    NO_SHOW = "NO_SHOW"


AHEAD = (SessionStatus.SCHEDULED, SessionStatus.IN_PROGRESS)
"""Upcoming or running."""


class SessionType(StrEnum):
    """What the room allows: voice only, or also camera and screen."""

    VOICE = "voice"
    VIDEO = "video"


class Absent(StrEnum):
    """Whose no-show it was."""

    STUDENT = "student"
    COACH = "coach"
    BOTH = "both"


class CoachingSession(Base):
    """One coach, one student, one time, and the state of its room.

    `discord_channel_id` stays after the room is deleted (see `room_removed_at`), so that the session's history is
    complete.
    """

    __tablename__ = "coaching_sessions"
    __table_args__ = (
        to_coach(),
        CheckConstraint("ends_at > starts_at", name="ends_after_start"),
        CheckConstraint("total_cost_minor >= 0", name="cost_not_negative"),
        CheckConstraint("coach_id <> student_id", name="two_people"),
        Index("ix_coaching_sessions_guild_id_coach_id", "guild_id", "coach_id", "starts_at"),
        Index("ix_coaching_sessions_guild_id_student_id", "guild_id", "student_id", "starts_at"),
        # The loop queries this every few seconds: its cost must depend on what's due, not on all past sessions.
        partial_index("ix_coaching_sessions_next_step_at", "next_step_at"),
        partial_index("ix_coaching_sessions_membership_due_at", "membership_due_at"),
        Index("ix_coaching_sessions_discord_channel_id", "discord_channel_id"),
    )

    id: Mapped[RowId]
    guild_id: Mapped[Snowflake]
    code: Mapped[str] = mapped_column(String(12), unique=True)
    """Short and public; part of the room's name."""
    coach_id: Mapped[Snowflake]
    """The coach's Discord user id; with `guild_id` the key of their row in `coaches`."""
    student_id: Mapped[Snowflake]
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    status: Mapped[SessionStatus] = mapped_column(enum_column(SessionStatus))
    notes: Mapped[str | None]
    session_type: Mapped[SessionType] = mapped_column(enum_column(SessionType))
    total_cost_minor: Mapped[Money]
    """The price both agreed to, in minor units of `currency`. Ending early doesn't change it."""
    currency: Mapped[str] = mapped_column(String(3))
    credit_minutes: Mapped[int | None]
    """The minutes of credit it was booked with, in place of money; None if it wasn't."""
    credit_worth_minor: Mapped[Money | None]
    """The price that these minutes stand for, in minor units of `currency`."""
    credit_charged_at: Mapped[datetime | None]
    """When these, or what was paid by card, were charged for good. None before that, and once it's given back."""
    charge_waived_at: Mapped[datetime | None]
    """When the coach or an admin gave them, or the money, back although it had been charged."""
    charge_waived_by: Mapped[Snowflake | None]
    discord_channel_id: Mapped[Snowflake | None]
    discord_role_id: Mapped[Snowflake | None]
    """Set only in servers that give access by role."""
    discord_setup_complete: Mapped[bool] = mapped_column(default=False)
    reminder_sent: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    room_intended_at: Mapped[datetime | None]
    """Stored before the room is requested: only a younger channel can be ours."""
    role_intended_at: Mapped[datetime | None]
    """Stored before the session's role is requested: only a younger role can be ours."""
    access_granted_at: Mapped[datetime | None]
    room_lost_at: Mapped[datetime | None]
    """When someone deleted the room while it was needed."""
    rooms_lost: Mapped[int] = mapped_column(default=0, server_default="0")
    """How often that has happened for the session's current time."""
    room_removed_at: Mapped[datetime | None]
    cancelled_at: Mapped[datetime | None]
    cancelled_by: Mapped[Snowflake | None]
    cancel_reason: Mapped[str | None]
    cancelled_late: Mapped[bool | None]
    """Whether the student cancelled with less notice than the server asks for."""
    booked_ends_at: Mapped[datetime | None]
    """The end as it was booked, if the two have extended the session since."""
    booked_cost_minor: Mapped[Money | None]
    """The price as it was booked, if the two have extended the session since."""
    agreed_ends_at: Mapped[datetime | None]
    """The end the two had agreed on, if someone ended the session earlier."""
    extension_asked_by: Mapped[Snowflake | None]
    """Who asks to extend the session; this and the next two columns are about the open request."""
    extension_asked_at: Mapped[datetime | None]
    extension_cost_minor: Mapped[Money | None]
    """What it would add to the price. It's stored, because the server's setting can change before the answer."""
    extensions_asked: Mapped[int] = mapped_column(default=0, server_default="0")
    """How often someone has asked, except for requests they took back."""
    rescheduled_at: Mapped[datetime | None]
    rescheduled_by: Mapped[Snowflake | None]
    rescheduled_from: Mapped[datetime | None]
    """The start before it was last rescheduled."""
    reschedule_reason: Mapped[str | None]
    kept_at: Mapped[datetime | None]
    """When the coach decided to keep it although it's outside their hours."""
    absent: Mapped[Absent | None] = mapped_column(enum_column(Absent, checked=False))
    """Whose no-show it was; set only for a no-show."""
    absence_marked_by: Mapped[Snowflake | None]
    """Who decided by hand whether people were there; None if attendance decided."""
    appealed_at: Mapped[datetime | None]
    """When someone marked absent said they were there; an admin decides. If both are absent, each can appeal, one
    after the other: this and the following columns are about the latest appeal."""
    appealed_by: Mapped[Snowflake | None]
    appeal_reason: Mapped[str | None]
    appeal_decided_at: Mapped[datetime | None]
    appeal_decided_by: Mapped[Snowflake | None]
    missed_at: Mapped[datetime | None]
    """When it was found that no room had been open at any time, so nobody knows whether the session took place."""
    took_place: Mapped[bool | None]
    """What coach or student answered when asked about such a session."""
    revision: Mapped[int] = mapped_column(default=0, server_default="0")
    """Grows with each change that calendars need to know."""
    membership_due_at: Mapped[datetime | None]
    """When to check next whether its student is still in the server; None once it has started."""
    next_step_at: Mapped[datetime | None]
    """When the loop checks this row next; None if there's nothing to do."""
    attempts: Mapped[int] = mapped_column(default=0)
    """How often the current step has failed in a row."""
    last_error: Mapped[str | None]

    @property
    def participants(self) -> tuple[int, int]:
        """Return the ids of coach and student."""
        return self.coach_id, self.student_id

    def other(self, user_id: int) -> int:
        """Return which of the two is the other one."""
        return self.student_id if user_id == self.coach_id else self.coach_id

    @property
    def duration(self) -> timedelta:
        """Return the real time from start to end."""
        return self.ends_at - self.starts_at

    @property
    def agreed_until(self) -> datetime:
        """Return the end the two had agreed on, even if someone ended the session earlier."""
        return self.agreed_ends_at or self.ends_at

    @property
    def agreed_duration(self) -> timedelta:
        """Return the length the two had agreed on, which is what the price is for."""
        return self.agreed_until - self.starts_at

    @property
    def booked_duration(self) -> timedelta:
        """Return the length as it was booked, before any extension."""
        return (self.booked_ends_at or self.agreed_until) - self.starts_at

    @property
    def booked_worth(self) -> int:
        """Return the price as it was booked, in minor units, or the one that its credit stands for."""
        return self.booked_cost if self.credit_worth_minor is None else self.credit_worth_minor

    @property
    def booked_cost(self) -> int:
        """Return the price as it was booked, in minor units, before any extension."""
        return self.total_cost_minor if self.booked_cost_minor is None else self.booked_cost_minor


class HoldPurpose(StrEnum):
    """What a slot is held for."""

    CHOOSING = "choosing"
    """A student is about to confirm it. At most one per student and server."""
    PAYMENT = "payment"
    """A student is paying for it."""
    OFFER = "offer"
    """It's offered to a student on the waiting list. It reserves the coach's time only."""


class Hold(Base):
    """A slot held for a student, until it's booked, released or expired."""

    __tablename__ = "holds"
    __table_args__ = (
        to_coach(ondelete="CASCADE"),
        Index("ix_holds_guild_id_student_id", "guild_id", "student_id"),
        partial_index(
            "uq_holds_one_choosing", "guild_id", "student_id", where="purpose = 'choosing'", unique=True
        ),
        partial_index("ix_holds_next_step_at", "next_step_at"),
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
