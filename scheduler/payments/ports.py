"""What the domain asks of Stripe. `bot.stripe_api` implements it.

Amounts are in Stripe's minor units (see `parsing.card_amounts`), currencies are upper-case ISO 4217 codes,
instants are UTC.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple, Protocol


class CheckoutState(StrEnum):
    """What Stripe says of a Checkout Session: https://docs.stripe.com/api/checkout/sessions/object"""

    OPEN = "open"
    COMPLETE = "complete"
    EXPIRED = "expired"


class RefundState(StrEnum):
    """What Stripe says of a refund: https://docs.stripe.com/api/refunds/object"""

    PENDING = "pending"
    REQUIRES_ACTION = "requires_action"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"


class Checkout(NamedTuple):
    """A page on which somebody pays, as Stripe knows it now."""

    id: str
    state: CheckoutState
    is_paid: bool
    amount: int
    currency: str
    livemode: bool
    expires_at: datetime
    url: str | None = None
    """None once nobody can pay any more."""
    payment_intent_id: str | None = None
    receipt_url: str | None = None
    paid_at: datetime | None = None
    """When the card was charged, if Stripe was asked for that too."""


class RefundMade(NamedTuple):
    """A refund as Stripe knows it."""

    id: str
    state: RefundState
    amount: int
    key: str | None = None
    """Our idempotency key, if we made it. It's in the refund's metadata."""
    at: datetime | None = None
    """When it was made."""


class MadeElsewhere(NamedTuple):
    """Something that happened to a payment in Stripe's dashboard, or at a bank."""

    payment_intent_id: str
    at: datetime
    refunded: int = 0
    """What has been paid back in all."""
    is_disputed: bool = False


class StripeFailure(Exception):
    """Stripe didn't do it, or didn't say so. Its text names no key, and nothing of a card."""


class StripeUnavailable(StripeFailure):
    """Stripe didn't answer, failed, or asks to slow down. It may have done it: ask again with the same key."""


class StripeRefused(StripeFailure):
    """Stripe won't do it, however often it's asked."""


class Stripe(Protocol):
    """Stripe's API. Each method raises StripeUnavailable or StripeRefused."""

    @property
    def livemode(self) -> bool:
        """Whether its key moves real money."""
        ...

    async def create_checkout(self, request: Mapping[str, Any], key: str) -> Checkout:
        """Open a page to pay on. The same key with the same request does it once."""
        ...

    async def fetch_checkout(self, checkout_id: str) -> Checkout:
        """Return how far it is."""
        ...

    async def expire_checkout(self, checkout_id: str) -> Checkout:
        """Close it, so that nobody can pay. Refused if it's complete or closed already."""
        ...

    async def refund(self, payment_intent_id: str, amount: int, key: str) -> RefundMade:
        """Pay money back. The same key does it once, for a day."""
        ...

    async def refunds_of(self, payment_intent_id: str) -> Sequence[RefundMade]:
        """List what has been paid back."""
        ...

    async def made_elsewhere(self, since: datetime) -> Sequence[MadeElsewhere]:
        """List refunds and disputes since then, whoever made them."""
        ...
