"""What `coachbot doctor` says about payments by card."""

from datetime import UTC, datetime

import pytest

from bot.doctor import payments
from bot.doctor.checks import Check, Level
from tests.support.stripe_server import LIVE_KEY, TEST_KEY, Fault, StripeServer, stripe_server

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)


async def examined(server: StripeServer, key: str, *currencies: str) -> dict[str, Check]:
    found = await payments.check_payments(key, currencies, NOW, base=server.url)
    assert key not in repr(found)
    return {one.name: one for one in found}


async def test_a_live_key_that_works_is_ok() -> None:
    async with stripe_server(livemode=True) as server:
        found = await examined(server, LIVE_KEY, "USD")
        assert server.count("GET", "/account") == 1

    assert {one.level for one in found.values()} == {Level.OK}
    assert [one.found for one in found.values()] == [
        "Stripe accepts the key",
        "live: real money moves",
        "Stripe charges USD",
    ]


async def test_test_mode_and_odd_currencies_are_warnings() -> None:
    async with stripe_server() as server:
        found = await examined(server, TEST_KEY, "USD", "VES")

    assert found["payment mode"].level is Level.WARNING
    assert "TEST" in found["payment mode"].found
    assert found["currencies"].found == "Stripe can't charge VES"


async def test_a_key_that_does_not_work_is_an_error_without_the_key() -> None:
    async with stripe_server() as server:
        wrong = await examined(server, "sk_test_of_somebody_else")
        server.fail("GET", "*", Fault.UNREACHED, 10)
        unreached = await examined(server, TEST_KEY)

    assert wrong["payments"].level is Level.ERROR
    assert wrong["payments"].found == "Stripe refuses the key: check STRIPE_SECRET_KEY"
    assert unreached["payments"].found == "Stripe did not answer"


async def test_a_missing_extra_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(payments, "is_installed", lambda: False)

    [found] = await payments.check_payments(TEST_KEY, [], NOW)

    assert found.level is Level.ERROR
    assert "coachbot[payments]" in (found.advice or "")


async def test_without_a_key_nothing_is_checked() -> None:
    assert await payments.check_payments(None, ["USD"], NOW) == []


async def test_currencies_that_are_not_the_accounts_own_are_converted() -> None:
    async with stripe_server(livemode=True) as server:
        found = await examined(server, LIVE_KEY, "USD", "EUR")

    assert found["currencies"].level is Level.OK
    assert found["currencies"].found == (
        "Stripe charges EUR and USD; unless the account has a bank account for it, EUR is converted to USD, for "
        "a fee"
    )


async def test_a_live_account_that_takes_no_payments_yet_is_an_error() -> None:
    account = {"default_currency": "usd", "charges_enabled": False}
    async with stripe_server(livemode=True, account=account) as server:
        live = await examined(server, LIVE_KEY, "USD")
    async with stripe_server(account=account) as server:
        test = await examined(server, TEST_KEY, "USD")

    assert live["payment account"].level is Level.ERROR
    assert "payment account" not in test


async def test_a_key_that_may_not_ask_for_the_account_leaves_the_other_checks() -> None:
    async with stripe_server(livemode=True) as server:
        server.fail("GET", "/account", Fault.BEFORE_500)
        found = await examined(server, LIVE_KEY, "EUR")

    assert [one.found for one in found.values()] == [
        "Stripe accepts the key",
        "live: real money moves",
        "Stripe charges EUR",
    ]
