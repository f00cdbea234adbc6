"""Sessions, and who takes part."""

from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import (
    CheckConstraint,
    ColumnElement,
    ForeignKeyConstraint,
    Index,
    String,
    UniqueConstraint,
    false,
    select,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Base, ForeignRowId, Money, RowId, Snowflake, enum_column, partial_index, to_coach


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
    """One coach, one time, one or more participants, and the state of the room.

    `discord_channel_id` stays after the room is deleted (see `room_removed_at`), so that the session's history is
    complete.
    """

    __tablename__ = "coaching_sessions"
    __table_args__ = (
        to_coach(),
        CheckConstraint("ends_at > starts_at", name="ends_after_start"),
        CheckConstraint(
            "coach_appeal_decided_at IS NULL OR coach_appealed_at IS NOT NULL", name="coach_appealed_first"
        ),
        # What the participants' foreign key refers to.
        UniqueConstraint("id", "coach_id", "starts_at"),
        Index("ix_coaching_sessions_guild_id_coach_id", "guild_id", "coach_id", "starts_at"),
        # The loop queries this every few seconds: its cost must depend on what's due, not on all past sessions.
        partial_index("ix_coaching_sessions_next_step_at", "next_step_at"),
        Index("ix_coaching_sessions_discord_channel_id", "discord_channel_id"),
    )

    id: Mapped[RowId]
    guild_id: Mapped[Snowflake]
    code: Mapped[str] = mapped_column(String(12), unique=True)
    """Short and public; part of the room's name."""
    coach_id: Mapped[Snowflake]
    """The coach's Discord user id; with `guild_id` the key of their row in `coaches`."""
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    is_workshop: Mapped[bool] = mapped_column(default=False, server_default=false())
    """Whether it's for several people; see `models.workshop`."""
    status: Mapped[SessionStatus] = mapped_column(enum_column(SessionStatus))
    session_type: Mapped[SessionType] = mapped_column(enum_column(SessionType))
    currency: Mapped[str] = mapped_column(String(3))
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
    booked_ends_at: Mapped[datetime | None]
    """The end as it was booked, if the two have extended the session since."""
    agreed_ends_at: Mapped[datetime | None]
    """The end that was agreed on, if someone ended the session earlier."""
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
    """When it was decided to keep it although it's outside the coach's hours, or the server is closed then."""
    coach_late_minutes: Mapped[int | None]
    """By how much its coach said they'd be late for the session's current time."""
    coach_absent: Mapped[bool] = mapped_column(default=False, server_default=false())
    """Whether its coach missed it."""
    absence_marked_by: Mapped[Snowflake | None]
    """Who decided by hand whether people were there; None if attendance decided."""
    coach_appealed_at: Mapped[datetime | None]
    """When its coach, marked absent, said they were there; an admin decides. Participants appeal by themselves."""
    coach_appeal_reason: Mapped[str | None]
    coach_appeal_decided_at: Mapped[datetime | None]
    coach_appeal_decided_by: Mapped[Snowflake | None]
    missed_at: Mapped[datetime | None]
    """When it was found that no room had been open at any time, so nobody knows whether the session took place."""
    took_place: Mapped[bool | None]
    """What coach or student answered when asked about such a session."""
    revision: Mapped[int] = mapped_column(default=0, server_default="0")
    """Grows with each change that calendars need to know."""
    next_step_at: Mapped[datetime | None]
    """When the loop checks this row next; None if there's nothing to do."""
    attempts: Mapped[int] = mapped_column(default=0)
    """How often the current step has failed in a row."""
    last_error: Mapped[str | None]

    participants: Mapped[list["Participant"]] = relationship(
        back_populates="session",
        lazy="selectin",
        primaryjoin="CoachingSession.id == foreign(Participant.session_id)",
        order_by="Participant.joined_at, Participant.user_id",
    )

    @property
    def student(self) -> "Participant":
        """Return the only participant of a session for one."""
        (only,) = self.participants
        return only

    @property
    def student_id(self) -> int:
        """Return the user id of the only participant of a session for one."""
        return self.student.user_id

    def participant(self, user_id: int | None) -> "Participant | None":
        """Return this person's part in it, or None."""
        return next((one for one in self.participants if one.user_id == user_id), None)

    def participant_or_only(self, user_id: int | None) -> "Participant | None":
        """Return this person's part in it; without an id, that of the only participant of a session for one."""
        return self.participant(user_id) if user_id is not None or self.is_workshop else self.student

    def part_shown_to(self, user_id: int | None) -> "Participant | None":
        """Return whose part this person is shown: their own, else the student's in a session for one."""
        return self.participant(user_id) or self.participant_or_only(None)

    @property
    def taking_part(self) -> "list[Participant]":
        """Return its participants without those who gave up their place."""
        return [one for one in self.participants if one.status is not ParticipantStatus.LEFT]

    @property
    def people(self) -> tuple[int, ...]:
        """Return the user ids of its coach and of those who take part."""
        return self.coach_id, *(one.user_id for one in self.taking_part)

    @property
    def absent(self) -> Absent | None:
        """Return whose no-show a session for one was."""
        if self.student.status is ParticipantStatus.NO_SHOW:
            return Absent.BOTH if self.coach_absent else Absent.STUDENT
        return Absent.COACH if self.coach_absent else None

    @classmethod
    def has_participant(cls, user_id: int, *which: ColumnElement[bool]) -> ColumnElement[bool]:
        """Return the condition that this person has a place in it, or had one.

        `which` limits it by columns of their `Participant`, so that their whole history needn't be read.
        """
        return cls.id.in_(select(Participant.session_id).where(Participant.user_id == user_id, *which))

    def late_minutes_of(self, user_id: int | None) -> int | None:
        """Return by how much one of its people said they'd be late, or None."""
        if user_id == self.coach_id:
            return self.coach_late_minutes
        seat = self.participant(user_id)
        return seat.late_minutes if seat is not None else None

    def other(self, user_id: int) -> int:
        """Return who the other one is in a session for one."""
        return self.student_id if user_id == self.coach_id else self.coach_id

    @property
    def duration(self) -> timedelta:
        """Return the real time from start to end."""
        return self.ends_at - self.starts_at

    @property
    def agreed_until(self) -> datetime:
        """Return the end that was agreed on, even if someone ended the session earlier."""
        return self.agreed_ends_at or self.ends_at

    @property
    def agreed_duration(self) -> timedelta:
        """Return the length that was agreed on, which is what the price is for."""
        return self.agreed_until - self.starts_at

    @property
    def booked_duration(self) -> timedelta:
        """Return the length as it was booked, before any extension."""
        return (self.booked_ends_at or self.agreed_until) - self.starts_at


class ParticipantStatus(StrEnum):
    """What became of a participant."""

    BOOKED = "booked"
    """They take part or, if the session was cancelled, would have."""
    LEFT = "left"
    """They gave up their place in a session that goes on."""
    ATTENDED = "attended"
    NO_SHOW = "no_show"


class Participant(Base):
    """One person who takes part in a session, and everything about it that's theirs alone.

    A session for one has one. `coach_id` and `starts_at` are copies, which the foreign key keeps equal to the
    session's: so nobody can take part in what they coach, and someone's sessions are found in order.
    """

    __tablename__ = "session_participants"
    __table_args__ = (
        ForeignKeyConstraint(
            ["session_id", "coach_id", "starts_at"],
            ["coaching_sessions.id", "coaching_sessions.coach_id", "coaching_sessions.starts_at"],
            onupdate="CASCADE",
        ),
        CheckConstraint("user_id <> coach_id", name="two_people"),
        CheckConstraint("total_cost_minor >= 0", name="cost_not_negative"),
        CheckConstraint("appeal_decided_at IS NULL OR appealed_at IS NOT NULL", name="appealed_first"),
        Index("ix_session_participants_user_id_starts_at", "user_id", "starts_at", "session_id"),
        partial_index("ix_session_participants_membership_due_at", "membership_due_at"),
    )

    session_id: Mapped[ForeignRowId]
    user_id: Mapped[Snowflake] = mapped_column(primary_key=True, autoincrement=False)
    guild_id: Mapped[Snowflake]
    coach_id: Mapped[Snowflake]
    starts_at: Mapped[datetime]
    status: Mapped[ParticipantStatus] = mapped_column(
        enum_column(ParticipantStatus, checked=False, otherwise=ParticipantStatus.BOOKED),
        default=ParticipantStatus.BOOKED,
        server_default=ParticipantStatus.BOOKED,
    )
    joined_at: Mapped[datetime]
    """When they booked it."""
    notes: Mapped[str | None]
    """What they wrote for their coach."""
    total_cost_minor: Mapped[Money]
    """The price both agreed to, in minor units of the session's currency. Ending early doesn't change it."""
    booked_cost_minor: Mapped[Money | None]
    """The price as it was booked, if the session has been extended since."""
    credit_minutes: Mapped[int | None]
    """The minutes of credit it was booked with, in place of money; None if it wasn't."""
    credit_worth_minor: Mapped[Money | None]
    """The price that these minutes stand for, in minor units of the session's currency."""
    credit_charged_at: Mapped[datetime | None]
    """When these, or what was paid by card, were charged for good. None before that, and once it's given back."""
    charge_waived_at: Mapped[datetime | None]
    """When the coach or an admin gave them, or the money, back although it had been charged."""
    charge_waived_by: Mapped[Snowflake | None]
    cancelled_late: Mapped[bool | None]
    """Whether they cancelled with less notice than the server asks for. None as long as they take part, and if
    an admin gave back their seat in a workshop."""
    appealed_at: Mapped[datetime | None]
    """When they, marked absent, said they were there; an admin decides."""
    appeal_reason: Mapped[str | None]
    """What they wrote. None for a few old appeals that were only kept in the audit log."""
    appeal_decided_at: Mapped[datetime | None]
    appeal_decided_by: Mapped[Snowflake | None]
    late_minutes: Mapped[int | None]
    """By how much they said they'd be late for the session's current time."""
    membership_due_at: Mapped[datetime | None]
    """When to check next whether they are still in the server; None once the session has started."""

    session: Mapped[CoachingSession] = relationship(
        back_populates="participants",
        lazy="immediate",  # nearly always found among what's loaded, without a query
        primaryjoin="CoachingSession.id == foreign(Participant.session_id)",
    )

    @property
    def booked_worth(self) -> int:
        """Return the price as it was booked, in minor units, or the one that its credit stands for."""
        return self.booked_cost if self.credit_worth_minor is None else self.credit_worth_minor

    @property
    def booked_cost(self) -> int:
        """Return the price as it was booked, in minor units, before any extension."""
        return self.total_cost_minor if self.booked_cost_minor is None else self.booked_cost_minor
