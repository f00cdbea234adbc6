"""Reads what Stripe's webhook sends: whether it's signed with our secret and fresh, and what it's about."""

import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

LARGEST_BODY = 64 * 1024
_TOLERANCE = timedelta(minutes=5)
_LONGEST = 255
_CHECKOUTS = "checkout.session."


class NotFromStripe(Exception):
    """The signature is wrong or missing, the event is too old or from the future, or it can't be read."""


class Event(NamedTuple):
    """An event that Stripe signed."""

    id: str
    type: str
    checkout_id: str | None = None
    code: str | None = None
    """The payment's code. Both are None unless it's about a checkout."""


def read(body: bytes, signature: str, secret: str, now: datetime) -> Event:
    """Return the event. Raises NotFromStripe."""
    _check(body, signature, secret, now)
    try:
        event = json.loads(body)
        found = Event(_text(event["id"]), _text(event["type"]))
        return _of_checkout(found, event["data"]["object"]) if found.type.startswith(_CHECKOUTS) else found
    except (ValueError, KeyError, TypeError, RecursionError):
        raise NotFromStripe from None


def _check(body: bytes, signature: str, secret: str, now: datetime) -> None:
    """Check the header Stripe-Signature: https://docs.stripe.com/webhooks#verify-manually"""
    parts = [part.strip().partition("=") for part in signature.split(",")]
    times = [value for name, _, value in parts if name == "t"]
    if len(times) != 1 or not (times[0].isascii() and times[0].isdigit() and len(times[0]) <= 12):
        raise NotFromStripe
    expected = hmac.new(secret.encode(), times[0].encode() + b"." + body, hashlib.sha256).hexdigest().encode()
    # There are several while the secret is being replaced. Bytes that aren't UTF-8 arrive as surrogates.
    given = [value.encode("utf-8", "surrogateescape") for name, _, value in parts if name == "v1"]
    is_ours = any(hmac.compare_digest(one, expected) for one in given)
    if not is_ours or abs(now.timestamp() - int(times[0])) > _TOLERANCE.total_seconds():
        raise NotFromStripe


def _of_checkout(event: Event, checkout: Mapping[str, Any]) -> Event:
    code = checkout.get("client_reference_id")
    return Event(event.id, event.type, _text(checkout["id"]), _text(code) if code is not None else None)


def _text(value: object) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= _LONGEST or not value.isprintable():
        raise ValueError("not a short text")
    return value
