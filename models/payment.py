"""Payments by card, and the money that is owed back. Nothing of a card is ever stored."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from models import stored_json
from models.base import Base, Money, RowId, Snowflake, enum_column, partial_index
from models.stored_json import StoredJSON


class PaymentPurpose(StrEnum):
    """What is paid for."""

    SESSION = "session"
    LESSON = "lesson"
    """One of weekly lessons, which is booked already."""
    PACKAGE = "package"
    SEAT = "seat"
    """A seat in a workshop."""


class PaymentStatus(StrEnum):
    """How far a payment is."""

    NEW = "new"
    """Stripe may or may not know of it: its answer isn't recorded."""
    OPEN = "open"
    PAID = "paid"
    EXPIRED = "expired"
    """Nobody can pay it any more."""
    REFUSED = "refused"
    """Stripe doesn't accept what was asked of it."""


UNDECIDED = (PaymentStatus.NEW, PaymentStatus.OPEN)
"""Statuses in which it can still be paid."""


class RefundStatus(StrEnum):
    """How far a refund is."""

    OWED = "owed"
    DONE = "done"
    FAILED = "failed"
    """Stripe refused it. An admin has to pay it back another way."""
    KEPT = "kept"
    """Whoever paid keeps it as credit, so no money is paid back."""


class RefundReason(StrEnum):
    """Why money is paid back."""

    CANCELLED = "cancelled"
    """The session doesn't take place, or its coach didn't come."""
    LOST = "lost"
    """It was paid after the time was gone."""
    WAIVED = "waived"
    """The coach or an admin waived the charge of a session, or an admin decided a dispute for the student."""
    ADMIN = "admin"
    """An admin or the operator said so."""


class Payment(Base):
    """One attempt to pay for something. Rows are never deleted.

    `idempotency_key` and `request` are stored before Stripe is asked. After a lost answer the same request is sent
    again with the same key, so that Stripe does it once: https://docs.stripe.com/api/idempotent_requests
    """

    __tablename__ = "payments"
    __table_args__ = (
        CheckConstraint("amount_minor > 0", name="some_money"),
        Index("ix_payments_guild_id_user_id", "guild_id", "user_id"),
        Index("ix_payments_guild_id_created_at", "guild_id", "created_at"),
        Index("ix_payments_session_id", "session_id"),
        Index("ix_payments_hold_id", "hold_id"),
        partial_index("ix_payments_next_check_at", "next_check_at"),
        partial_index("ix_payments_open", "guild_id", where="closed_at IS NULL"),
    )

    id: Mapped[RowId]
    guild_id: Mapped[Snowflake] = mapped_column(ForeignKey("guilds.id"))
    code: Mapped[str] = mapped_column(String(12), unique=True)
    """Short and public. Stripe knows the payment by it."""
    user_id: Mapped[Snowflake]
    purpose: Mapped[PaymentPurpose] = mapped_column(enum_column(PaymentPurpose, checked=False))
    status: Mapped[PaymentStatus] = mapped_column(enum_column(PaymentStatus, checked=False))
    amount_minor: Mapped[Money]
    currency: Mapped[str] = mapped_column(String(3))
    livemode: Mapped[bool]
    """False with a test key: no money moves."""
    hold_id: Mapped[int | None] = mapped_column(ForeignKey("holds.id", ondelete="SET NULL"))
    """What keeps the time until it's paid; None once that's over."""
    coach_id: Mapped[Snowflake | None]
    starts_at: Mapped[datetime | None]
    ends_at: Mapped[datetime | None]
    notes: Mapped[str | None]
    session_id: Mapped[int | None] = mapped_column(ForeignKey("coaching_sessions.id"))
    """What was booked with it."""
    package_id: Mapped[int | None] = mapped_column(ForeignKey("packages.id"))
    lot_id: Mapped[int | None] = mapped_column(ForeignKey("credit_lots.id"))
    """The credit that was bought with it."""
    idempotency_key: Mapped[str] = mapped_column(String(64), unique=True)
    request: Mapped[dict[str, Any]] = mapped_column(StoredJSON(stored_json.mapping))
    """Exactly what Stripe is asked for."""
    checkout_id: Mapped[str | None] = mapped_column(String(255), unique=True)
    url: Mapped[str | None]
    """Stripe's page to pay on."""
    payment_intent_id: Mapped[str | None] = mapped_column(String(255))
    receipt_url: Mapped[str | None]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    """From then on Stripe takes no money for it."""
    paid_at: Mapped[datetime | None]
    """By Stripe's clock, so that months add up as in its reports."""
    closed_at: Mapped[datetime | None]
    """When it was paid, expired or refused."""
    refunded_elsewhere_minor: Mapped[Money] = mapped_column(default=0, server_default="0")
    """What was paid back in Stripe's dashboard."""
    refunded_elsewhere_at: Mapped[datetime | None]
    """When, at last."""
    disputed_at: Mapped[datetime | None]
    """When the bank of whoever paid asked for the money back."""
    next_check_at: Mapped[datetime | None]
    """When Stripe is asked next; None if there's nothing to learn."""
    attempts: Mapped[int] = mapped_column(default=0)
    last_error: Mapped[str | None]


class Refund(Base):
    """All of a payment's money, owed back to whoever paid. There's at most one a payment."""

    __tablename__ = "refunds"
    __table_args__ = (
        CheckConstraint("amount_minor > 0", name="some_money"),
        partial_index("ix_refunds_next_try_at", "next_try_at"),
    )

    id: Mapped[RowId]
    payment_id: Mapped[int] = mapped_column(ForeignKey("payments.id"), unique=True)
    amount_minor: Mapped[Money]
    reason: Mapped[RefundReason] = mapped_column(enum_column(RefundReason, checked=False))
    status: Mapped[RefundStatus] = mapped_column(enum_column(RefundStatus, checked=False))
    idempotency_key: Mapped[str] = mapped_column(String(64), unique=True)
    refund_id: Mapped[str | None] = mapped_column(String(255))
    created_at: Mapped[datetime]
    created_by: Mapped[Snowflake | None]
    tried_at: Mapped[datetime | None]
    """When Stripe was first asked. A day later its memory of the key ends, so its list is read first."""
    done_at: Mapped[datetime | None]
    """When Stripe made it, by its clock, or when it was kept as credit."""
    credit_minutes: Mapped[int | None]
    """For a seat in a workshop: as how much credit it can be kept; None if it can't. A session for one stands for
    its own minutes."""
    next_try_at: Mapped[datetime | None]
    """When Stripe is asked next. Until it's asked for the first time, whoever paid may keep it as credit."""
    attempts: Mapped[int] = mapped_column(default=0)
    last_error: Mapped[str | None]


class StripeEvent(Base):
    """An event that Stripe's webhook delivered, so that it's handled once. Old ones are deleted."""

    __tablename__ = "stripe_events"

    event_id: Mapped[str] = mapped_column(String(255), primary_key=True)
    received_at: Mapped[datetime] = mapped_column(index=True)
