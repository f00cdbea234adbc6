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
        found = await examined(server, LIVE_KEY, "EUR", "USD")

    assert {one.level for one in found.values()} == {Level.OK}
    assert [one.found for one in found.values()] == [
        "Stripe accepts the key",
        "live: real money moves",
        "Stripe charges EUR and USD",
    ]


async def test_test_mode_and_odd_currencies_are_warnings() -> None:
    async with stripe_server() as server:
        found = await examined(server, TEST_KEY, "USD", "VES")

    assert found["payment mode"].level is Level.WARNING
    assert "TEST" in found["payment mode"].found
    assert found["currencies"].found == "Stripe may not charge VES"


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
