"""Notices: messages that are owed to somebody, kept until they are delivered."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, ForeignKeyConstraint, Index
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, RowId, Snowflake, name_of, partial_index


class NotificationKind(StrEnum):
    """What a notification says. Its feature declares it, and has its words."""

    APPLICATION_CARD = "application_card"
    APPLICATION_APPROVED = "application_approved"
    APPLICATION_REJECTED = "application_rejected"
    COACH_SUSPENDED = "coach_suspended"
    COACH_REINSTATED = "coach_reinstated"
    SESSION_BOOKED = "session_booked"
    SESSION_RESCHEDULED = "session_moved"
    SESSION_CANCELLED = "session_cancelled"
    SESSION_REMINDER = "session_reminder"
    ROOM_OPEN = "room_open"
    ROOM_WELCOME = "room_welcome"
    ROOM_ENDING = "room_ending"
    ROOM_CLOSING = "room_closing"
    REVIEW_REQUEST = "review_request"
    NO_SHOW = "no_show"
    ATTENDANCE_CHANGED = "attendance_changed"
    SESSION_MISSED = "session_missed"
    APPEAL_CARD = "appeal_card"
    STUDENT_UNREACHABLE = "student_unreachable"
    PERSON_LEFT = "person_left"
    ALERT = "problem"
    ALERT_RESOLVED = "problem_fixed"
    WELCOME = "welcome"
    ZONE_LOST = "zone_lost"
    CURRENCY_CHANGED = "currency_changed"
    RATE_SET = "rate_set"
    RULES_GIVEN = "rules_given"


class Route(StrEnum):
    """Another way to somebody whose direct messages are closed, or to admins."""

    ROOM = "room"
    """A mention in the session's room."""
    FALLBACK = "fallback"
    """A mention in the server's fallback channel, without private details. Of what is for admins: where the
    channel of their own does not serve."""


class Notification(Base):
    """One message: to a person by DM, or (without `user_id`) to a channel that follows from its kind.

    It is rendered from the rows as they are when it goes out. Setting `due_at` again on one that was
    delivered brings that same message up to date.
    """

    __tablename__ = "notifications"
    __table_args__ = (
        ForeignKeyConstraint(["guild_id", "coach_id"], ["coaches.guild_id", "coaches.user_id"]),
        partial_index("ix_notifications_due_at", "due_at"),
        Index("ix_notifications_session_id", "session_id"),
        Index("ix_notifications_guild_id_coach_id_kind", "guild_id", "coach_id", "kind"),
    )

    id: Mapped[RowId]
    guild_id: Mapped[Snowflake] = mapped_column(ForeignKey("guilds.id"))
    kind: Mapped[NotificationKind] = mapped_column(name_of(NotificationKind, checked=False))
    user_id: Mapped[Snowflake | None]
    coach_id: Mapped[Snowflake | None]
    session_id: Mapped[int | None] = mapped_column(ForeignKey("coaching_sessions.id"))
    alert_id: Mapped[int | None] = mapped_column(ForeignKey("alerts.id"))
    lead_minutes: Mapped[int | None]
    """Of a reminder: how long before the start it goes out."""
    created_at: Mapped[datetime]
    revision: Mapped[int] = mapped_column(default=1)
    """Grows each time the message becomes due again, also while an older text is on its way."""
    due_at: Mapped[datetime | None]
    """When to send it or bring it up to date; empty when nothing is left to do."""
    tried_at: Mapped[datetime | None]
    """Written before the first attempt: from then on the message may exist although we do not know it."""
    sent_at: Mapped[datetime | None]
    given_up_at: Mapped[datetime | None]
    route: Mapped[Route | None] = mapped_column(name_of(Route, checked=False))
    """Which way it goes instead of a direct message."""
    undeliverable_at: Mapped[datetime | None]
    """When no way to this person was left."""
    channel_id: Mapped[Snowflake | None]
    message_id: Mapped[Snowflake | None]
    attempts: Mapped[int] = mapped_column(default=0)
    last_error: Mapped[str | None]
