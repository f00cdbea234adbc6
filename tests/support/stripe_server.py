"""A Stripe account on this machine that fails as Stripe and networks do, and sends events."""

import contextlib
import fnmatch
import hashlib
import hmac
import itertools
import json
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, auto
from typing import Any

from aiohttp import web

from bot.demo.payments.stripe_account import Asked, Json, StripeAccount, problem, read_request, served

TEST_KEY, LIVE_KEY = "sk_test_for_tests_only", "sk_live_for_tests_only"
WEBHOOK_SECRET = "whsec_for_tests_only"


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


_UNDONE = {Fault.BEFORE_500: 500, Fault.BUSY: 409, Fault.TOO_MANY: 429}


@dataclass
class StripeServer(StripeAccount):
    """The demo's account, with faults. Tests change `now`, pay, and break requests."""

    url: str = ""
    pay_page: str = "https://checkout.example/"
    receipt_page: str = "https://receipts.example/"
    account: Json = field(default_factory=lambda: {"default_currency": "usd", "charges_enabled": True})
    requests: list[Asked] = field(default_factory=list)
    before_answer: Callable[[Asked], None] | None = None
    """Called once a request has taken effect, before it's answered: where a process can die."""
    _faults: list[tuple[str, str, Fault, list[int]]] = field(default_factory=list)
    _fault: Fault | None = None
    """Of the request that's being done."""
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    @property
    def key(self) -> str:
        """A key of this account."""
        return LIVE_KEY if self.livemode else TEST_KEY

    def new_token(self) -> str:
        """Return the next number, so that tests know the ids."""
        return str(next(self._numbers))

    def fail(self, method: str, path: str, fault: Fault, times: int = 1) -> None:
        """Let the next requests like this fail; `path` is a pattern without /v1."""
        self._faults.append((method, path, fault, [times]))

    def heal(self) -> None:
        """Let nothing fail any more."""
        self._faults.clear()

    def dispute(self, payment_intent_id: str) -> None:
        """Let the customer's bank ask for the money back."""
        number = self.new_token()
        self.disputes[f"dp_{number}"] = {
            "id": f"dp_{number}",
            "object": "dispute",
            "payment_intent": payment_intent_id,
            "created": int(self.now().timestamp()),
        }

    def refund_in_dashboard(self, payment_intent_id: str, amount: int) -> None:
        """Pay back by hand."""
        self.pay_back(payment_intent_id, amount, {}, self.now())

    def event(self, kind: str, about: Json, *, event_id: str = "evt_1") -> str:
        """Write an event as the webhook would send it."""
        created = int(self.now().timestamp())
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

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Answer one request to the API, unless it has to fail."""
        asked = await read_request(request)
        self.requests.append(asked)
        if (refused := self.refuse(request)) is not None:
            return refused
        self._fault = fault = self._next_fault(asked)
        if fault is Fault.UNREACHED:
            return _broken(request)
        if fault in _UNDONE:
            return web.json_response(problem("api_error", "try again"), status=_UNDONE[fault])
        status, body = self.once(asked)
        if self.before_answer is not None:
            self.before_answer(asked)
        if fault is Fault.LOST:
            return _broken(request)
        if fault is Fault.AFTER_502:
            return web.Response(status=502, text="Bad Gateway")
        return web.json_response(body, status=status)

    def do(self, asked: Asked) -> tuple[int, Json]:
        """Do what's asked, even if the answer is to fail."""
        if (asked.method, asked.path) == ("GET", "/account"):
            return 200, {"id": "acct_1", "object": "account"} | self.account
        done = super().do(asked)
        return (500, problem("api_error", "Something went wrong.")) if self._fault is Fault.AFTER_500 else done

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
    async with served(server) as server.url:
        yield server


def _broken(request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()
