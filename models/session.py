"""Sessions, and the reservations through which the database itself refuses to sell a time twice."""

from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Money, RowId, Snowflake, name_of, partial_index

LONGEST_RESERVATION = timedelta(hours=24)
"""A session with its buffers takes no longer. SQLite's guard relies on it to look at a bounded range."""


class SessionStatus(StrEnum):
    """Where a session stands. Sessions are never deleted; they change status."""

    SCHEDULED = "SCHEDULED"
    IN_PROGRESS = "IN_PROGRESS"
    COMPLETED = "COMPLETED"
    CANCELLED = "CANCELLED"
    NO_SHOW = "NO_SHOW"


class SessionType(StrEnum):
    """What the room allows: talking, or talking and streaming a camera or a screen."""

    VOICE = "voice"
    VIDEO = "video"


class Absent(StrEnum):
    """Whose no-show it was."""

    STUDENT = "student"
    COACH = "coach"
    BOTH = "both"


class CoachingSession(Base):
    """One coach, one student, one time, and how far its room has got.

    `discord_channel_id` stays after the room is gone (`room_removed_at` says that it is), so that the
    session's story can still be told.
    """

    __tablename__ = "coaching_sessions"
    __table_args__ = (
        ForeignKeyConstraint(["guild_id", "coach_id"], ["coaches.guild_id", "coaches.user_id"]),
        CheckConstraint("ends_at > starts_at", name="ends_after_start"),
        CheckConstraint("total_cost_minor >= 0", name="cost_not_negative"),
        CheckConstraint("coach_id <> student_id", name="two_people"),
        Index("ix_coaching_sessions_guild_id_coach_id", "guild_id", "coach_id", "starts_at"),
        Index("ix_coaching_sessions_guild_id_student_id", "guild_id", "student_id", "starts_at"),
        # What the loop asks every few seconds: it must cost what is due and not what has ever been.
        partial_index("ix_coaching_sessions_next_step_at", "next_step_at"),
        partial_index("ix_coaching_sessions_membership_due_at", "membership_due_at"),
        Index("ix_coaching_sessions_discord_channel_id", "discord_channel_id"),
    )

    id: Mapped[RowId]
    guild_id: Mapped[Snowflake]
    code: Mapped[str] = mapped_column(String(12), unique=True)
    """Short and public; the room's name carries it."""
    coach_id: Mapped[Snowflake]
    """The coach's Discord user id; with `guild_id` it names the row in `coaches`."""
    student_id: Mapped[Snowflake]
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    status: Mapped[SessionStatus] = mapped_column(name_of(SessionStatus))
    notes: Mapped[str | None]
    session_type: Mapped[SessionType] = mapped_column(name_of(SessionType))
    total_cost_minor: Mapped[Money]
    """The price that was confirmed, in minor units of `currency`."""
    currency: Mapped[str] = mapped_column(String(3))
    discord_channel_id: Mapped[Snowflake | None]
    discord_role_id: Mapped[Snowflake | None]
    """Set only in servers that give access by a role."""
    discord_setup_complete: Mapped[bool] = mapped_column(default=False)
    reminder_sent: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    room_intended_at: Mapped[datetime | None]
    """Written before the room is asked for: only a channel younger than this can be ours."""
    role_intended_at: Mapped[datetime | None]
    """Written before the session's role is asked for: only a role younger than this can be ours."""
    access_granted_at: Mapped[datetime | None]
    room_lost_at: Mapped[datetime | None]
    """When somebody was found to have deleted the room while it was needed."""
    rooms_lost: Mapped[int] = mapped_column(default=0, server_default="0")
    """How often that has happened for the time that the session has now."""
    room_removed_at: Mapped[datetime | None]
    cancelled_at: Mapped[datetime | None]
    cancelled_by: Mapped[Snowflake | None]
    cancel_reason: Mapped[str | None]
    cancelled_late: Mapped[bool | None]
    """Whether its student cancelled with less notice than the server asks for."""
    rescheduled_at: Mapped[datetime | None]
    rescheduled_by: Mapped[Snowflake | None]
    rescheduled_from: Mapped[datetime | None]
    """When it was to start before it was last moved."""
    reschedule_reason: Mapped[str | None]
    kept_at: Mapped[datetime | None]
    """When the coach said that it stays although it lies outside their hours."""
    absent: Mapped[Absent | None] = mapped_column(name_of(Absent, checked=False))
    """Whose no-show it was; set exactly in sessions that are one."""
    absence_marked_by: Mapped[Snowflake | None]
    """Who said by hand whether people were there; empty: it follows from the attendance."""
    appealed_at: Mapped[datetime | None]
    """When somebody who counts as absent said that they had been there; an admin decides. Of two who are absent,
    each appeals by themselves, one after the other: this and what follows is about the one who did so last.
    """
    appealed_by: Mapped[Snowflake | None]
    appeal_reason: Mapped[str | None]
    appeal_decided_at: Mapped[datetime | None]
    appeal_decided_by: Mapped[Snowflake | None]
    missed_at: Mapped[datetime | None]
    """When it was learnt that no room had been open for any of it, so that nobody knows whether it took place."""
    took_place: Mapped[bool | None]
    """What coach or student answered when they were asked about such a session."""
    revision: Mapped[int] = mapped_column(default=0, server_default="0")
    """Grows with each change that a calendar has to learn of."""
    membership_due_at: Mapped[datetime | None]
    """When to ask Discord next whether its student is still in the server; empty once it has begun."""
    next_step_at: Mapped[datetime | None]
    """When the loop has to look at this row again; empty when nothing is left to do."""
    attempts: Mapped[int] = mapped_column(default=0)
    """Failures of the present step in a row."""
    last_error: Mapped[str | None]

    @property
    def duration(self) -> timedelta:
        """Real time from start to end."""
        return self.ends_at - self.starts_at


class Hold(Base):
    """A time that is kept for a student who is about to confirm it; a student has at most one in a server."""

    __tablename__ = "holds"
    __table_args__ = (
        ForeignKeyConstraint(
            ["guild_id", "coach_id"], ["coaches.guild_id", "coaches.user_id"], ondelete="CASCADE"
        ),
        Index("uq_holds_guild_id_student_id", "guild_id", "student_id", unique=True),
    )

    id: Mapped[RowId]
    guild_id: Mapped[Snowflake]
    coach_id: Mapped[Snowflake]
    student_id: Mapped[Snowflake]
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    """From then on it keeps nothing, whether or not anybody has cleaned up."""


class Reservation(Base):
    """`[starts_at, ends_at)` that one person cannot give away again; a coach's includes the buffers.

    It belongs to a session, or to a hold, whose expiry it shares.

    No two reservations of one person overlap, in whatever server, and the database enforces it: on
    PostgreSQL by the exclusion constraint `reservations_no_overlap`, on SQLite by the triggers
    `reservations_no_overlap_insert` and `reservations_no_overlap_update`. The first migration creates them. A
    migration that rebuilds this table on SQLite drops its triggers and has to create them again.
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
