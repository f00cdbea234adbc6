"""A Stripe account on this machine: as much of Stripe's API as the bot uses, behaving as it's documented.

Sources: https://docs.stripe.com/api/checkout/sessions, /refunds, /disputes, /idempotent_requests, /errors. The
package localstripe (1.15) knows neither Checkout Sessions nor idempotency keys.
"""

import contextlib
import secrets
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web

from scheduler.core.clock import Clock, utc_now

Json = dict[str, Any]
ADDRESS = "https://stripe.example"
"""Where the pages to pay on and the receipts seem to be. The demo's page leads to its own instead."""
SHORTEST, LONGEST = timedelta(minutes=30), timedelta(hours=24)
KEYS_LAST = timedelta(hours=24)


@dataclass(slots=True)
class Asked:
    """A request as it arrived. The path is without /v1."""

    method: str
    path: str
    params: Json
    key: str | None


@dataclass
class StripeAccount:
    """The state of one account, in memory."""

    now: Clock = utc_now
    livemode: bool = False
    checkouts: dict[str, Json] = field(default_factory=dict)
    intents: dict[str, Json] = field(default_factory=dict)
    refunds: dict[str, Json] = field(default_factory=dict)
    disputes: dict[str, Json] = field(default_factory=dict)
    pay_page: str = f"{ADDRESS}/pay/"
    receipt_page: str = f"{ADDRESS}/receipt/"
    _answers: dict[str, tuple[datetime, str, Json, int, Json]] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """The account's key."""
        return "sk_test_demo"

    def new_token(self) -> str:
        """Return what's new in an id."""
        return secrets.token_hex(8)

    def checkout(self, checkout_id: str) -> Json | None:
        """Return a checkout as it is now."""
        one = self.checkouts.get(checkout_id)
        if one is not None and one["status"] == "open" and self._seconds() >= one["expires_at"]:
            one |= {"status": "expired", "url": None}
        return one

    def open_checkout(self, params: Mapping[str, Any], checkout_id: str | None = None) -> Json:
        """Open a page to pay on, as it was asked for: a new one, or one that an earlier account knew."""
        token = checkout_id.removeprefix("cs_") if checkout_id is not None else self.new_token()
        item = params["line_items"][0]
        one = self.checkouts[f"cs_{token}"] = {
            "id": f"cs_{token}",
            "object": "checkout.session",
            "status": "open",
            "payment_status": "unpaid",
            "amount_total": int(item["price_data"]["unit_amount"]) * int(item["quantity"]),
            "currency": item["price_data"]["currency"],
            "livemode": self.livemode,
            "expires_at": int(params["expires_at"]),
            "url": f"{self.pay_page}{token}",
            "payment_intent": None,
            "client_reference_id": params["client_reference_id"],
            "metadata": params["metadata"],
            "line_items": params["line_items"],
        }
        return one

    def pay(self, checkout_id: str | None) -> bool:
        """Pay on the page, as a customer does. Returns False if it's closed."""
        one = self.checkout(checkout_id or "")
        assert one is not None, "there's no page yet"
        if one["status"] != "open":
            return False
        self.complete(one, self.now())
        return True

    def complete(self, checkout: Json, at: datetime, intent_id: str | None = None) -> None:
        """Record that it's paid: with a new payment, or one that an earlier account knew."""
        token = intent_id.removeprefix("pi_") if intent_id is not None else self.new_token()
        intent = self.intents[f"pi_{token}"] = {
            "id": f"pi_{token}",
            "object": "payment_intent",
            "amount": checkout["amount_total"],
            "currency": checkout["currency"],
            "created": int(at.timestamp()),
            "latest_charge": {
                "id": f"ch_{token}",
                "object": "charge",
                "receipt_url": f"{self.receipt_page}{token}",
                "created": int(at.timestamp()),
            },
        }
        checkout |= {"status": "complete", "payment_status": "paid", "payment_intent": intent["id"], "url": None}

    def pay_back(
        self, payment_intent_id: str, amount: int, metadata: Json, at: datetime, refund_id: str | None = None
    ) -> Json:
        """Pay back part of a payment or all of it: now, or as an earlier account did."""
        new_id = refund_id or f"re_{self.new_token()}"
        one = self.refunds[new_id] = {
            "id": new_id,
            "object": "refund",
            "amount": amount,
            "status": "succeeded",
            "payment_intent": payment_intent_id,
            "metadata": metadata,
            "created": int(at.timestamp()),
        }
        return one

    def refunds_of(self, payment_intent_id: str) -> list[Json]:
        """Return what was paid back of a payment."""
        return [one for one in self.refunds.values() if one["payment_intent"] == payment_intent_id]

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Answer one request to the API."""
        asked = await read_request(request)
        if (refused := self.refuse(request)) is not None:
            return refused
        status, body = self.once(asked)
        return web.json_response(body, status=status)

    def refuse(self, request: web.Request) -> web.Response | None:
        """Refuse a request with another key."""
        if request.headers.get("Authorization") == f"Bearer {self.key}":
            return None
        problem_ = problem("api_error", f"Invalid API Key provided: sk_test_****{self.key[-4:]}")
        return web.json_response(problem_, status=401)

    def once(self, asked: Asked) -> tuple[int, Json]:
        """Do it, or give the stored answer of the same key."""
        known = self._answers.get(asked.key or "")
        if known is not None and self.now() - known[0] < KEYS_LAST:
            _, path, params, status, body = known
            if (path, params) != (asked.path, asked.params):
                return 400, problem("idempotency_error", "Keys can only be used with the same parameters.")
            return status, body
        status, body = self.do(asked)
        # A request that doesn't pass validation begins nothing, so its key isn't used.
        if asked.key is not None and status != 400:
            self._answers[asked.key] = self.now(), asked.path, asked.params, status, body
        return status, body

    def do(self, asked: Asked) -> tuple[int, Json]:
        """Do what's asked. Returns the answer with its HTTP status."""
        match asked.method, asked.path.split("/")[1:]:
            case "POST", ["checkout", "sessions"]:
                return self._create(asked.params)
            case "GET", ["checkout", "sessions", checkout_id] if one := self.checkout(checkout_id):
                return 200, self._expanded(one, asked.params)
            case "POST", ["checkout", "sessions", checkout_id, "expire"] if one := self.checkout(checkout_id):
                if one["status"] != "open":
                    return 400, problem("invalid_request_error", "Only open Checkout Sessions can be expired.")
                one |= {"status": "expired", "url": None}
                return 200, one
            case "POST", ["refunds"] if asked.params["payment_intent"] in self.intents:
                return self._refund(asked.params)
            case "GET", ["refunds"]:
                return 200, self._listed(self.refunds, asked)
            case "GET", ["disputes"]:
                return 200, self._listed(self.disputes, asked)
            case _:
                return 404, problem("invalid_request_error", "No such object.")

    def _create(self, params: Json) -> tuple[int, Json]:
        ahead, price = int(params["expires_at"]) - self._seconds(), params["line_items"][0]["price_data"]
        if not SHORTEST.total_seconds() <= ahead <= LONGEST.total_seconds():
            return 400, problem("invalid_request_error", "The `expires_at` must be 30 minutes to 24 hours ahead.")
        if int(price["unit_amount"]) < 50 and price["currency"] in ("usd", "eur"):
            return 400, problem("invalid_request_error", "Amount too small.", "amount_too_small")
        return 200, dict(self.open_checkout(params))

    def _refund(self, params: Json) -> tuple[int, Json]:
        intent_id, amount = params["payment_intent"], int(params["amount"])
        before = sum(one["amount"] for one in self.refunds_of(intent_id))
        if before + amount > self.intents[intent_id]["amount"]:
            return 400, problem("invalid_request_error", "It has been refunded.", "charge_already_refunded")
        return 200, self.pay_back(intent_id, amount, params.get("metadata", {}), self.now())

    def _expanded(self, checkout: Json, params: Json) -> Json:
        intent_id = checkout["payment_intent"]
        if "payment_intent.latest_charge" in params.get("expand", []) and intent_id:
            return checkout | {"payment_intent": self.intents[intent_id]}
        return checkout

    def _listed(self, what: dict[str, Json], asked: Asked) -> Json:
        intent, since = asked.params.get("payment_intent"), int(asked.params.get("created", {}).get("gte", 0))
        found = [
            one for one in what.values() if intent in (None, one["payment_intent"]) and one["created"] >= since
        ]
        return {"object": "list", "url": f"/v1{asked.path}", "has_more": False, "data": found[::-1]}

    def _seconds(self) -> int:
        return int(self.now().timestamp())


@contextlib.asynccontextmanager
async def served(account: StripeAccount) -> AsyncIterator[str]:
    """Serve the account's API on this machine, and yield its address."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", account.answer)
    runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def problem(kind: str, message: str, code: str | None = None) -> Json:
    """Write an error as Stripe does."""
    return {"error": {"type": kind, "message": message, "code": code}}


async def read_request(request: web.Request) -> Asked:
    """Read a request to the API."""
    params = _nested(await request.text() if request.method == "POST" else request.query_string)
    return Asked(request.method, request.path.removeprefix("/v1"), params, request.headers.get("Idempotency-Key"))


def _nested(form: str) -> Json:
    """Read `a[b][0]=c`, as the library writes nested parameters."""
    found: Json = {}
    for name, value in parse_qsl(form, keep_blank_values=True):
        head, *rest = name.replace("]", "").split("[")
        at: Any = found
        for part, following in zip([head, *rest], [*rest, None], strict=True):
            if following is None:
                at[part] = value
            else:
                at = at.setdefault(part, {})
    return {name: _with_lists(value) for name, value in found.items()}


def _with_lists(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    inner = {name: _with_lists(one) for name, one in value.items()}
    return list(inner.values()) if inner and all(name.isdigit() or not name for name in inner) else inner
