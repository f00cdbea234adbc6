"""What is stored of payments: what Stripe is asked for, and what the audit log says."""

import secrets
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from models import Payment, PaymentStatus
from scheduler.booking import booking
from scheduler.core import audit
from scheduler.core.actor import Actor
from scheduler.parsing import card_amounts
from scheduler.time.abbreviations import show_zone
from scheduler.time.time_zones import zone

PAYABLE_FOR = timedelta(minutes=32)
"""How long the page to pay is open. Stripe's least is 30 minutes, by its own clock."""
_FIRST_TRY = timedelta(seconds=10)
"""When the background checks ask Stripe, if whoever pressed didn't get that far."""


def new_payment(
    guild_id: int, actor: Actor, amount_minor: int, currency: str, livemode: bool, now: datetime
) -> Payment:
    """Begin a payment, which Stripe doesn't know of yet."""
    return Payment(
        guild_id=guild_id,
        code=booking.new_code(),
        user_id=actor.user_id,
        status=PaymentStatus.NEW,
        amount_minor=amount_minor,
        currency=currency,
        livemode=livemode,
        idempotency_key=secrets.token_hex(16),
        created_at=now,
        expires_at=now + PAYABLE_FOR,
        next_check_at=now + _FIRST_TRY,
    )


def write_when(starts_at: datetime, duration: timedelta, zone_name: str) -> str:
    """Write when it is, on the payer's clock: "Tuesday 3 March 2026, 11:00–12:00 (Europe/Berlin)"."""
    local, end = (at.astimezone(zone(zone_name)) for at in (starts_at, starts_at + duration))
    return f"{local:%A} {local.day} {local:%B %Y}, {local:%H:%M}–{end:%H:%M} ({show_zone(zone_name)})"


def request(payment: Payment, what: str, back_to: str, *, details: str) -> dict[str, Any]:
    """Build what Stripe is asked for: https://docs.stripe.com/api/checkout/sessions/create"""
    product = {
        "currency": payment.currency.lower(),
        "product_data": {"name": what, "description": details},
    }
    amount = card_amounts.to_stripe(payment.amount_minor, payment.currency)
    known_by = {"payment": payment.code}
    return {
        "mode": "payment",
        "payment_method_types": ["card"],
        "line_items": [{"quantity": 1, "price_data": product | {"unit_amount": amount}}],
        "client_reference_id": payment.code,
        "metadata": known_by,
        "payment_intent_data": {"metadata": known_by, "description": f"{what} ({payment.code})"},
        "adaptive_pricing": {"enabled": False},
        "allow_promotion_codes": False,
        "expires_at": int(payment.expires_at.timestamp()),
        "success_url": back_to,
        "cancel_url": back_to,
    }


def name_of(payment: Payment) -> str:
    """Return what is paid for, as Stripe's page names it."""
    name: str = payment.request["line_items"][0]["price_data"]["product_data"]["name"]
    return name


async def store(session: AsyncSession, payment: Payment, now: datetime) -> Payment:
    """Store a payment, and what Stripe is asked for. Raises Unreadable if cards can't be charged its price."""
    card_amounts.check_chargeable(payment.amount_minor, payment.currency)
    session.add(payment)
    await session.flush()
    record(session, payment, "payment_started", now, actor_id=payment.user_id)
    return payment


def record(
    session: AsyncSession, payment: Payment, action: str, now: datetime, *, actor_id: int | None = None
) -> None:
    """Record what somebody, or without an actor the bot, did with a payment."""
    details = {"payment": payment.code, "amount_minor": payment.amount_minor, "currency": payment.currency}
    audit.record(
        session,
        payment.guild_id,
        action,
        at=now,
        actor_id=actor_id,
        coach_id=payment.coach_id,
        member_id=payment.user_id,
        session_id=payment.session_id,
        details=details,
    )
