"""Asks Stripe. One request each, without the library's own retries: what's owed is in rows, and asked again."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, TypeVar

from scheduler.payments.ports import (
    Checkout,
    CheckoutState,
    MadeElsewhere,
    RefundMade,
    RefundState,
    StripeRefused,
    StripeUnavailable,
)

if TYPE_CHECKING:
    import stripe

T = TypeVar("T")

_PATIENCE_SECONDS = 20
_LIVE = ("sk_live_", "rk_live_")
_KINDS = ("sk_live_", "rk_live_", "sk_test_", "rk_test_")
_LONGEST = 200
_WITH_RECEIPT = {"expand": ["payment_intent.latest_charge"]}


def is_installed() -> bool:
    """Whether the extra `payments` is there."""
    return find_spec("stripe") is not None


def is_key(secret: str) -> bool:
    """Whether this looks like a secret or a restricted key."""
    return secret.startswith(_KINDS)


@dataclass(frozen=True, slots=True)
class Account:
    """What Stripe says of the account that a key belongs to."""

    currency: str
    """What it's paid out in by default; upper-case ISO 4217."""
    can_charge: bool
    """Whether it takes payments yet."""


class StripeApi:
    """Stripe's API with one key. `base` replaces its address, for tests and the demo. Close it at the end."""

    def __init__(self, key: str, *, base: str | None = None) -> None:
        self._key, self._base = key, base
        self._client: stripe.StripeClient | None = None
        self._http: stripe.AIOHTTPClient | None = None

    @property
    def livemode(self) -> bool:
        """Whether the key moves real money."""
        return self._key.startswith(_LIVE)

    async def create_checkout(self, request: Mapping[str, Any], key: str) -> Checkout:
        """Open a page to pay on."""
        client = await self._loaded()
        params: Any = dict(request)
        made = await self._ask(lambda: client.v1.checkout.sessions.create_async(params, {"idempotency_key": key}))
        return _checkout(made)

    async def fetch_checkout(self, checkout_id: str) -> Checkout:
        """Return how far it is."""
        client = await self._loaded()
        params: Any = _WITH_RECEIPT
        return _checkout(await self._ask(lambda: client.v1.checkout.sessions.retrieve_async(checkout_id, params)))

    async def expire_checkout(self, checkout_id: str) -> Checkout:
        """Close it, so that nobody can pay."""
        client = await self._loaded()
        return _checkout(await self._ask(lambda: client.v1.checkout.sessions.expire_async(checkout_id)))

    async def refund(self, payment_intent_id: str, amount: int, key: str) -> RefundMade:
        """Pay money back."""
        client = await self._loaded()
        params: Any = {"payment_intent": payment_intent_id, "amount": amount, "metadata": {"key": key}}
        return _refund(await self._ask(lambda: client.v1.refunds.create_async(params, {"idempotency_key": key})))

    async def refunds_of(self, payment_intent_id: str) -> Sequence[RefundMade]:
        """List what has been paid back."""
        return [_refund(one) for one in await self._refunds({"payment_intent": payment_intent_id})]

    async def made_elsewhere(self, since: datetime) -> Sequence[MadeElsewhere]:
        """List refunds and disputes since then, whoever made them."""
        client = await self._loaded()
        lately: Any = {"created": {"gte": int(since.timestamp())}, "limit": 100}
        disputes = await self._ask(lambda: client.v1.disputes.list_async(lately))
        found = [
            MadeElsewhere(str(one.payment_intent), _instant(one.created), is_disputed=True)
            async for one in disputes.auto_paging_iter()
        ]
        latest: dict[str, datetime] = {}
        for one in await self._refunds(lately):
            latest[str(one.payment_intent)] = max(
                _instant(one.created), latest.get(str(one.payment_intent), since)
            )
        for intent, at in latest.items():
            made = await self.refunds_of(intent)
            found.append(MadeElsewhere(intent, at, refunded=_sum_of_alive(made)))
        return found

    async def account(self) -> Account:
        """Return the account of the key. A restricted key may not be allowed to ask."""
        client = await self._loaded()
        found = await self._ask(lambda: client.v1.accounts.retrieve_current_async())
        return Account((found.default_currency or "").upper(), bool(found.charges_enabled))

    async def aclose(self) -> None:
        """Close its connections."""
        if self._http is not None:
            await self._http.close_async()

    async def _refunds(self, params: Any) -> "list[stripe.Refund]":
        client = await self._loaded()
        listed = await self._ask(lambda: client.v1.refunds.list_async({"limit": 100} | params))
        return [one async for one in listed.auto_paging_iter()]

    async def _loaded(self) -> "stripe.StripeClient":
        if self._client is None:
            # It takes a third of a second, in which the bot would answer nobody.
            await asyncio.to_thread(import_module, "stripe")
        return self._opened()

    def _opened(self) -> "stripe.StripeClient":
        """Return the one client, also to requests that all came before the library was loaded."""
        import stripe

        if self._client is None:
            self._http = stripe.AIOHTTPClient(timeout=_PATIENCE_SECONDS)
            where: Any = {"api": self._base} if self._base else None
            self._client = stripe.StripeClient(
                self._key, http_client=self._http, base_addresses=where, max_network_retries=0
            )
        return self._client

    async def _ask(self, request: "Callable[[], Awaitable[T]]") -> T:
        """Send a request, and turn what the library raises into the port's errors, which never name the key."""
        import stripe

        try:
            return await request()
        except stripe.AuthenticationError:
            raise StripeUnavailable("Stripe refuses the key: check STRIPE_SECRET_KEY") from None
        except stripe.PermissionError:
            raise StripeUnavailable("the key may not do that: see its permissions in Stripe's dashboard") from None
        except stripe.StripeError as error:
            status = error.http_status
            if status is None:
                raise StripeUnavailable("Stripe did not answer") from None
            if status < 400 or status in (409, 429) or status >= 500:  # below 400 when a proxy answers in HTML
                raise StripeUnavailable(f"Stripe is busy or failing (HTTP {status})") from None
            why = str(error.user_message or error.code or "no reason given").replace(self._key, "…")
            raise StripeRefused(f"Stripe refused it: {why[:_LONGEST]} (HTTP {status})") from None


def _checkout(one: "stripe.checkout.Session") -> Checkout:
    intent: Any = one.payment_intent
    charge: Any = getattr(intent, "latest_charge", None)
    return Checkout(
        id=one.id,
        state=CheckoutState(one.status or "open"),
        is_paid=one.payment_status == "paid",
        amount=one.amount_total or 0,
        currency=(one.currency or "").upper(),
        livemode=one.livemode,
        expires_at=_instant(one.expires_at),
        url=one.url,
        payment_intent_id=getattr(intent, "id", intent),
        receipt_url=getattr(charge, "receipt_url", None),
        paid_at=_instant(created) if (created := getattr(charge, "created", None)) else None,
    )


def _refund(one: "stripe.Refund") -> RefundMade:
    metadata: Any = one.metadata or {}
    key = metadata["key"] if "key" in metadata else None  # noqa: SIM401 (it has no `get`)
    return RefundMade(one.id, RefundState(one.status or "pending"), one.amount, key, _instant(one.created))


def _sum_of_alive(made: Iterable[RefundMade]) -> int:
    return sum(one.amount for one in made if one.state not in (RefundState.FAILED, RefundState.CANCELED))


def _instant(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
