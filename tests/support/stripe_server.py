"""A Stripe on this machine: as much of its API as the bot uses, behaving as it's documented.

Sources: https://docs.stripe.com/api/checkout/sessions, /refunds, /disputes, /idempotent_requests, /errors.
"""

import contextlib
import fnmatch
import hashlib
import hmac
import itertools
import json
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import Enum, auto
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web

Json = dict[str, Any]
TEST_KEY, LIVE_KEY = "sk_test_for_tests_only", "sk_live_for_tests_only"
WEBHOOK_SECRET = "whsec_for_tests_only"
SHORTEST, LONGEST = timedelta(minutes=30), timedelta(hours=24)
KEYS_LAST = timedelta(hours=24)


class Fault(Enum):
    """What goes wrong with a request."""

    BEFORE_500 = auto()
    """Nothing is done."""
    AFTER_500 = auto()
    """It's done, and the answer under this key stays 500, as Stripe says it may."""
    AFTER_502 = auto()
    """It's done, but a proxy answers. The same key gives the real answer."""
    LOST = auto()
    """It's done, and the connection breaks before the answer."""
    UNREACHED = auto()
    """The connection breaks before anything is done."""
    BUSY = auto()
    """409: the same key is in use."""
    TOO_MANY = auto()
    """429."""


@dataclass(slots=True)
class Asked:
    """A request as it arrived."""

    method: str
    path: str
    params: Json
    key: str | None


@dataclass
class StripeServer:
    """The state of one Stripe account. Tests change `now`, pay, and break requests."""

    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    url: str = ""
    livemode: bool = False
    checkouts: dict[str, Json] = field(default_factory=dict)
    intents: dict[str, Json] = field(default_factory=dict)
    refunds: dict[str, Json] = field(default_factory=dict)
    disputes: dict[str, Json] = field(default_factory=dict)
    requests: list[Asked] = field(default_factory=list)
    before_answer: Callable[[Asked], None] | None = None
    """Called once a request has taken effect, before it's answered: where a process can die."""
    _answers: dict[str, tuple[datetime, str, Json, int, Json]] = field(default_factory=dict)
    _faults: list[tuple[str, str, Fault, list[int]]] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    @property
    def key(self) -> str:
        """A key of this account."""
        return LIVE_KEY if self.livemode else TEST_KEY

    def fail(self, method: str, path: str, fault: Fault, times: int = 1) -> None:
        """Let the next requests like this fail; `path` is a pattern without /v1."""
        self._faults.append((method, path, fault, [times]))

    def heal(self) -> None:
        """Let nothing fail any more."""
        self._faults.clear()

    def pay(self, checkout_id: str | None) -> bool:
        """Pay on the page, as a customer does. Returns False if it's closed."""
        assert checkout_id is not None, "there's no page yet"
        one = self._aged(self.checkouts[checkout_id])
        if one["status"] != "open":
            return False
        number = next(self._numbers)
        intent = self.intents[f"pi_{number}"] = {
            "id": f"pi_{number}",
            "object": "payment_intent",
            "amount": one["amount_total"],
            "currency": one["currency"],
            "latest_charge": {
                "id": f"ch_{number}",
                "object": "charge",
                "receipt_url": f"https://receipts.example/{number}",
            },
        }
        one |= {"status": "complete", "payment_status": "paid", "payment_intent": intent["id"], "url": None}
        return True

    def dispute(self, payment_intent_id: str) -> None:
        """Let the customer's bank ask for the money back."""
        number = next(self._numbers)
        self.disputes[f"dp_{number}"] = {
            "id": f"dp_{number}",
            "object": "dispute",
            "payment_intent": payment_intent_id,
            "created": self._seconds(),
        }

    def refund_in_dashboard(self, payment_intent_id: str, amount: int) -> None:
        """Pay back by hand."""
        self._refund(payment_intent_id, amount, {})

    def event(self, kind: str, about: Json, *, event_id: str = "evt_1") -> str:
        """Write an event as the webhook would send it."""
        created = self._seconds()
        data = {"object": about}
        return json.dumps({"id": event_id, "object": "event", "type": kind, "created": created, "data": data})

    def sign(self, payload: str, *, at: datetime | None = None, secret: str = WEBHOOK_SECRET) -> str:
        """Make the header Stripe-Signature: https://docs.stripe.com/webhooks#verify-manually"""
        seconds = int((at or self.now()).timestamp())
        digest = hmac.new(secret.encode(), f"{seconds}.{payload}".encode(), hashlib.sha256).hexdigest()
        return f"t={seconds},v1={digest}"

    def count(self, method: str, path: str) -> int:
        """Count the requests like this."""
        return sum(one.method == method and fnmatch.fnmatch(one.path, path) for one in self.requests)

    def _seconds(self) -> int:
        return int(self.now().timestamp())

    def _aged(self, checkout: Json) -> Json:
        if checkout["status"] == "open" and self._seconds() >= checkout["expires_at"]:
            checkout |= {"status": "expired", "url": None}
        return checkout

    def _shown(self, checkout: Json, params: Json) -> Json:
        shown = dict(self._aged(checkout))
        if "payment_intent.latest_charge" in params.get("expand", []) and shown["payment_intent"]:
            shown["payment_intent"] = self.intents[shown["payment_intent"]]
        return shown

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Answer one request to the API."""
        params = _nested(await request.text() if request.method == "POST" else request.query_string)
        path = request.path.removeprefix("/v1")
        asked = Asked(request.method, path, params, request.headers.get("Idempotency-Key"))
        self.requests.append(asked)
        if request.headers.get("Authorization") != f"Bearer {self.key}":
            return _error(401, "Invalid API Key provided: sk_test_****only")
        fault = self._next_fault(asked)
        if fault is Fault.UNREACHED:
            return _broken(request)
        if fault in (Fault.BEFORE_500, Fault.BUSY, Fault.TOO_MANY):
            return _error({Fault.BEFORE_500: 500, Fault.BUSY: 409, Fault.TOO_MANY: 429}[fault], "try again")
        status, body = self._once(asked, fault)
        if self.before_answer is not None:
            self.before_answer(asked)
        if fault is Fault.LOST:
            return _broken(request)
        if fault is Fault.AFTER_502:
            return web.Response(status=502, text="Bad Gateway")
        return web.json_response(body, status=status)

    def _once(self, asked: Asked, fault: Fault | None) -> tuple[int, Json]:
        """Do it, or give the stored answer of the same key."""
        known = self._answers.get(asked.key or "")
        if known is not None and self.now() - known[0] < KEYS_LAST:
            _, path, params, status, body = known
            if (path, params) != (asked.path, asked.params):
                return 400, _problem("idempotency_error", "Keys can only be used with the same parameters.")
            return status, body
        status, body = self._do(asked)
        if fault is Fault.AFTER_500:
            status, body = 500, _problem("api_error", "Something went wrong.")
        # A request that doesn't pass validation begins nothing, so its key isn't used.
        if asked.key is not None and status != 400:
            self._answers[asked.key] = self.now(), asked.path, asked.params, status, body
        return status, body

    def _do(self, asked: Asked) -> tuple[int, Json]:
        match asked.method, asked.path.split("/")[1:]:
            case "POST", ["checkout", "sessions"]:
                return self._create(asked.params)
            case "GET", ["checkout", "sessions", checkout_id] if checkout_id in self.checkouts:
                return 200, self._shown(self.checkouts[checkout_id], asked.params)
            case "POST", ["checkout", "sessions", checkout_id, "expire"] if checkout_id in self.checkouts:
                one = self._aged(self.checkouts[checkout_id])
                if one["status"] != "open":
                    return 400, _problem("invalid_request_error", "Only open Checkout Sessions can be expired.")
                one |= {"status": "expired", "url": None}
                return 200, one
            case "POST", ["refunds"]:
                return self._refund(
                    asked.params["payment_intent"], int(asked.params["amount"]), asked.params.get("metadata", {})
                )
            case "GET", ["refunds"]:
                return 200, self._listed(self.refunds, asked)
            case "GET", ["disputes"]:
                return 200, self._listed(self.disputes, asked)
            case _:
                return 404, _problem("invalid_request_error", "No such object.")

    def _create(self, params: Json) -> tuple[int, Json]:
        ends, price = int(params["expires_at"]), params["line_items"][0]["price_data"]
        if not SHORTEST.total_seconds() <= ends - self._seconds() <= LONGEST.total_seconds():
            return 400, _problem("invalid_request_error", "The `expires_at` must be 30 minutes to 24 hours ahead.")
        amount = int(price["unit_amount"]) * int(params["line_items"][0]["quantity"])
        if amount < 50 and price["currency"] in ("usd", "eur"):
            return 400, _problem("invalid_request_error", "Amount too small.", "amount_too_small")
        number = next(self._numbers)
        one = self.checkouts[f"cs_{number}"] = {
            "id": f"cs_{number}",
            "object": "checkout.session",
            "status": "open",
            "payment_status": "unpaid",
            "amount_total": amount,
            "currency": price["currency"],
            "livemode": self.livemode,
            "expires_at": ends,
            "url": f"https://checkout.example/{number}",
            "payment_intent": None,
            "client_reference_id": params["client_reference_id"],
            "metadata": params["metadata"],
        }
        return 200, dict(one)

    def _refund(self, payment_intent_id: str, amount: int, metadata: Json) -> tuple[int, Json]:
        paid = self.intents[payment_intent_id]["amount"]
        before = sum(one["amount"] for one in self.refunds.values() if one["payment_intent"] == payment_intent_id)
        if before + amount > paid:
            return 400, _problem("invalid_request_error", "It has been refunded.", "charge_already_refunded")
        number = next(self._numbers)
        one = self.refunds[f"re_{number}"] = {
            "id": f"re_{number}",
            "object": "refund",
            "amount": amount,
            "status": "succeeded",
            "payment_intent": payment_intent_id,
            "metadata": metadata,
            "created": self._seconds(),
        }
        return 200, one

    def _listed(self, what: dict[str, Json], asked: Asked) -> Json:
        intent, since = asked.params.get("payment_intent"), int(asked.params.get("created", {}).get("gte", 0))
        found = [
            one for one in what.values() if intent in (None, one["payment_intent"]) and one["created"] >= since
        ]
        return {"object": "list", "url": f"/v1{asked.path}", "has_more": False, "data": found[::-1]}

    def _next_fault(self, asked: Asked) -> Fault | None:
        for method, path, fault, times in self._faults:
            if times[0] and method == asked.method and fnmatch.fnmatch(asked.path, path):
                times[0] -= 1
                return fault
        return None


@contextlib.asynccontextmanager
async def stripe_server(**given: Any) -> AsyncIterator[StripeServer]:
    """Serve one account for the length of the block."""
    server = StripeServer(**given)
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", server.answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield server
    finally:
        await runner.cleanup()


def _broken(request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


def _error(status: int, message: str) -> web.Response:
    return web.json_response(_problem("api_error", message), status=status)


def _problem(kind: str, message: str, code: str | None = None) -> Json:
    return {"error": {"type": kind, "message": message, "code": code}}


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
