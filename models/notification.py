"""Notifications: messages to send, kept until delivered."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, RowId, Snowflake, enum_column, partial_index, to_coach


class NotificationKind(StrEnum):
    """What a message is about. Its text is in `cogs`."""

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
    ROOM_EXTENSION = "room_extension"
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
    CREDITS_GRANTED = "credits_granted"
    CREDITS_LOW = "credits_low"
    CREDITS_ENDING = "credits_ending"
    LESSON_CREDIT_SHORT = "lesson_credit_short"
    LESSON_TO_PAY = "lesson_to_pay"
    CHARGE_WAIVED = "charge_waived"
    DISPUTE_CARD = "dispute_card"
    DISPUTE_DECIDED = "dispute_decided"
    PAYMENT_OPEN = "payment_open"
    PAYMENT_EXPIRED = "payment_expired"
    PAYMENT_TOO_LATE = "payment_too_late"
    REFUNDED = "refunded"
    ORDER_CARD = "order_card"
    ORDER_DECLINED = "order_declined"
    TIME_OFFERED = "time_offered"
    WISH_ENDED = "wish_ended"
    WORKSHOP_ANNOUNCEMENT = "workshop_announcement"
    WORKSHOP_CREATED = "workshop_created"
    SEAT_TAKEN = "seat_taken"
    SEAT_LEFT = "seat_left"
    RUNNING_LATE = "running_late"
    LESSONS_SKIPPED = "lessons_skipped"
    LESSON_BACK = "lesson_back"
    SERIES_MOVED = "series_moved"
    SERIES_PAUSED = "series_paused"
    SERIES_ENDED = "series_ended"
    SERIES_MISSED = "series_missed"
    SERIES_CLOCKS = "series_clocks"
    SERIES_ZONE = "series_zone"
    SERIES_REQUEST = "series_request"
    SERIES_BOOKED = "series_booked"
    SERIES_CLOSED = "series_closed"
    ABSENCE_SUMMARY = "absence_summary"
    SUBSTITUTE_ASKED = "substitute_asked"
    SUBSTITUTE_PROPOSED = "substitute_proposed"
    SUBSTITUTE_NOT_NEEDED = "substitute_not_needed"


class Route(StrEnum):
    """Where a message goes when direct messages are closed, or when it's for admins."""

    ROOM = "room"
    """A mention in the session's room."""
    FALLBACK = "fallback"
    """A mention in the fallback channel, without private details. For admins too, if their channel fails."""


class Notification(Base):
    """One message: to a person by DM, or (without `user_id`) to a channel that follows from its kind.

    It's rendered from the current rows when it's sent. Setting `due_at` again after delivery updates the sent
    message.
    """

    __tablename__ = "notifications"
    __table_args__ = (
        to_coach(),
        partial_index("ix_notifications_due_at", "due_at"),
        Index("ix_notifications_session_id", "session_id"),
        Index("ix_notifications_guild_id_coach_id_kind", "guild_id", "coach_id", "kind"),
        partial_index("ix_notifications_offer_id", "offer_id"),
        partial_index("ix_notifications_series_id", "series_id"),
        partial_index("ix_notifications_absence_id", "absence_id"),
        partial_index("ix_notifications_substitution_id", "substitution_id"),
    )

    id: Mapped[RowId]
    guild_id: Mapped[Snowflake] = mapped_column(ForeignKey("guilds.id"))
    kind: Mapped[NotificationKind] = mapped_column(enum_column(NotificationKind, checked=False))
    user_id: Mapped[Snowflake | None]
    about_user_id: Mapped[Snowflake | None]
    """Which person of its session it's about, if that can be any of them."""
    coach_id: Mapped[Snowflake | None]
    session_id: Mapped[int | None] = mapped_column(ForeignKey("coaching_sessions.id"))
    alert_id: Mapped[int | None] = mapped_column(ForeignKey("alerts.id"))
    lot_id: Mapped[int | None] = mapped_column(ForeignKey("credit_lots.id"))
    payment_id: Mapped[int | None] = mapped_column(ForeignKey("payments.id"))
    order_id: Mapped[int | None] = mapped_column(ForeignKey("package_orders.id"))
    offer_id: Mapped[int | None] = mapped_column(ForeignKey("offers.id"))
    wish_id: Mapped[int | None] = mapped_column(ForeignKey("wishes.id"))
    series_id: Mapped[int | None] = mapped_column(ForeignKey("series.id"))
    absence_id: Mapped[int | None] = mapped_column(ForeignKey("absences.id"))
    substitution_id: Mapped[int | None] = mapped_column(ForeignKey("substitutions.id"))
    lead_minutes: Mapped[int | None]
    """For a reminder: how long before the start it's sent."""
    created_at: Mapped[datetime]
    revision: Mapped[int] = mapped_column(default=1)
    """Grows each time the message becomes due again, even while an older text is being sent."""
    due_at: Mapped[datetime | None]
    """When to send or update it, also once its buttons no longer work; None if there's nothing to do."""
    tried_at: Mapped[datetime | None]
    """Stored before the first attempt: from then on, the message may exist without us knowing."""
    sent_at: Mapped[datetime | None]
    given_up_at: Mapped[datetime | None]
    route: Mapped[Route | None] = mapped_column(enum_column(Route, checked=False))
    """Where it goes instead of a direct message."""
    undeliverable_at: Mapped[datetime | None]
    """When every way to reach this person had failed."""
    channel_id: Mapped[Snowflake | None]
    message_id: Mapped[Snowflake | None]
    attempts: Mapped[int] = mapped_column(default=0)
    last_error: Mapped[str | None]

    @property
    def is_direct(self) -> bool:
        """Whether it's a direct message to one person."""
        return self.user_id is not None and self.route is None
