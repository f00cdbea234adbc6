"""What the bot asks of Stripe, and what it makes of the answers."""

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.stripe_api.client import StripeApi
from scheduler.payments.ports import CheckoutState, RefundState, StripeRefused, StripeUnavailable
from tests.support.stripe_server import TEST_KEY, Fault, StripeServer, stripe_server

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)


@pytest.fixture
async def server() -> AsyncIterator[StripeServer]:
    async with stripe_server(now=lambda: NOW) as serving:
        yield serving


@pytest.fixture
async def api(server: StripeServer) -> AsyncIterator[StripeApi]:
    async with aclosing(StripeApi(server.key, base=server.url)) as opened:
        yield opened


def request(amount: int = 6000, minutes: int = 32) -> dict[str, Any]:
    product = {"currency": "usd", "product_data": {"name": "60 minutes"}, "unit_amount": amount}
    return {
        "mode": "payment",
        "line_items": [{"quantity": 1, "price_data": product}],
        "client_reference_id": "abc",
        "metadata": {"payment": "abc"},
        "expires_at": int((NOW + timedelta(minutes=minutes)).timestamp()),
    }


async def test_a_page_is_opened_paid_and_read_with_its_receipt(server: StripeServer, api: StripeApi) -> None:
    made = await api.create_checkout(request(), "key")
    before = await api.fetch_checkout(made.id)
    server.pay(made.id)
    paid = await api.fetch_checkout(made.id)

    assert (made.state, made.url, made.is_paid) == (CheckoutState.OPEN, "https://checkout.example/1", False)
    assert before == made
    assert (paid.state, paid.is_paid, paid.amount, paid.currency) == (CheckoutState.COMPLETE, True, 6000, "USD")
    assert (paid.payment_intent_id, paid.receipt_url) == ("pi_2", "https://receipts.example/2")
    assert (api.livemode, paid.livemode) == (False, False)


async def test_the_same_key_opens_one_page_and_refunds_once(server: StripeServer, api: StripeApi) -> None:
    made = [await api.create_checkout(request(), "key") for _ in range(2)]
    server.pay(made[0].id)
    refunds = [await api.refund("pi_2", 6000, "refund") for _ in range(2)]

    assert len(server.checkouts) == len(server.refunds) == 1
    assert refunds[0] == refunds[1]
    assert [(one.state, one.amount, one.key) for one in await api.refunds_of("pi_2")] == [
        (RefundState.SUCCEEDED, 6000, "refund")
    ]


async def test_requests_at_once_share_one_client_which_is_closed(server: StripeServer) -> None:
    async with aclosing(StripeApi(server.key, base=server.url)) as api:
        pages = await asyncio.gather(*(api.create_checkout(request(), key) for key in ("one", "two")))
    gc.collect()  # which warns of connections that nobody closed

    assert len({page.id for page in pages}) == 2


async def test_a_closed_page_can_neither_be_paid_nor_closed_again(server: StripeServer, api: StripeApi) -> None:
    made = await api.create_checkout(request(), "key")

    closed = await api.expire_checkout(made.id)

    assert (closed.state, server.pay(made.id)) == (CheckoutState.EXPIRED, False)
    with pytest.raises(StripeRefused, match="Only open Checkout Sessions"):
        await api.expire_checkout(made.id)


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (Fault.BEFORE_500, "HTTP 500"),
        (Fault.AFTER_502, "HTTP 502"),
        (Fault.LOST, "did not answer"),
        (Fault.UNREACHED, "did not answer"),
        (Fault.BUSY, "HTTP 409"),
        (Fault.TOO_MANY, "HTTP 429"),
    ],
)
async def test_what_may_have_been_done_is_asked_again_with_the_same_key(
    server: StripeServer, api: StripeApi, fault: Fault, said: str
) -> None:
    server.fail("POST", "/checkout/sessions", fault)

    with pytest.raises(StripeUnavailable, match=said):
        await api.create_checkout(request(), "key")
    await api.create_checkout(request(), "key")

    assert len(server.checkouts) == 1


async def test_what_stripe_will_never_do_is_refused_with_its_reason(api: StripeApi) -> None:
    with pytest.raises(StripeRefused, match="30 minutes to 24 hours"):
        await api.create_checkout(request(minutes=29), "key")
    with pytest.raises(StripeRefused, match="HTTP 404"):
        await api.fetch_checkout("cs_none")


async def test_a_wrong_key_is_never_named(server: StripeServer) -> None:
    api = StripeApi("sk_test_wrong", base=server.url)

    with pytest.raises(StripeUnavailable) as failed:
        await api.fetch_checkout("cs_1")
    await api.aclose()

    assert str(failed.value) == "Stripe refuses the key: check STRIPE_SECRET_KEY"
    assert failed.value.__suppress_context__
    assert StripeApi(TEST_KEY.replace("test", "live", 1)).livemode


async def test_refunds_and_disputes_made_elsewhere_are_listed(server: StripeServer, api: StripeApi) -> None:
    made = await api.create_checkout(request(), "key")
    server.pay(made.id)
    server.refund_in_dashboard("pi_2", 1000)
    server.refund_in_dashboard("pi_2", 500)
    server.dispute("pi_2")

    found = await api.made_elsewhere(NOW)

    assert [(one.payment_intent_id, one.refunded, one.is_disputed) for one in found] == [
        ("pi_2", 0, True),
        ("pi_2", 1500, False),
    ]
    assert await api.made_elsewhere(NOW + timedelta(seconds=1)) == []
