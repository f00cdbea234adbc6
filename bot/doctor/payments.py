"""Whether cards can be charged: the extra, Stripe's key and account, test mode and the currencies of prices."""

import asyncio
import contextlib
from collections.abc import Collection
from datetime import datetime

from bot.doctor.checks import CHECK_TIMEOUT, Check, error, ok, warning
from bot.stripe_api.client import Account, StripeApi, is_installed
from scheduler.parsing import card_amounts
from scheduler.parsing.lists import all_of
from scheduler.payments.ports import StripeFailure


async def check_payments(
    key: str | None, currencies: Collection[str], now: datetime, *, base: str | None = None
) -> list[Check]:
    """Check the key, if one is set. Reads only; `base` replaces Stripe's address."""
    if not key:
        return []
    if not is_installed():
        found = "STRIPE_SECRET_KEY is set, but the extra `payments` isn't installed, so the bot doesn't start"
        return [error("payments", found, "pip install 'coachbot[payments]', or remove the key")]
    api = StripeApi(key, base=base)
    async with contextlib.aclosing(api):
        account = await _account(api)
        return [
            await _check_key(api, now),
            _check_mode(api),
            *_check_account(account, api),
            *_check_currencies(currencies, account),
        ]


async def _check_key(api: StripeApi, now: datetime) -> Check:
    try:
        async with asyncio.timeout(CHECK_TIMEOUT.total_seconds()):
            await api.made_elsewhere(now)
    except (StripeFailure, TimeoutError) as failure:
        advice = "check STRIPE_SECRET_KEY and its permissions in Stripe's dashboard, and https://status.stripe.com"
        return error("payments", str(failure) or "Stripe did not answer in time", advice)
    return ok("payments", "Stripe accepts the key")


def _check_mode(api: StripeApi) -> Check:
    if api.livemode:
        return ok("payment mode", "live: real money moves")
    advice = "when you're done testing, set STRIPE_SECRET_KEY to a live key"
    return warning("payment mode", "TEST: the key is a test key, so no money moves", advice)


async def _account(api: StripeApi) -> Account | None:
    """Return the account, or None if the key may not ask, or doesn't work, which `_check_key` tells."""
    try:
        async with asyncio.timeout(CHECK_TIMEOUT.total_seconds()):
            return await api.account()
    except (StripeFailure, TimeoutError):
        return None


def _check_account(account: Account | None, api: StripeApi) -> list[Check]:
    """Check that a live account takes payments. Those of test keys always do."""
    if account is None or account.can_charge or not api.livemode:
        return []
    advice = "finish setting it up in Stripe's dashboard"
    return [error("payment account", "Stripe doesn't let this account take payments yet", advice)]


def _check_currencies(currencies: Collection[str], account: Account | None) -> list[Check]:
    """Check what servers and coaches charge in against what Stripe charges anywhere, and the account's own."""
    if unknown := sorted(one for one in currencies if one not in card_amounts.CURRENCIES):
        found = f"Stripe can't charge {all_of(unknown)}"
        advice = "see https://docs.stripe.com/currencies; until they change, these prices are paid without a card"
        return [warning("currencies", found, advice)]
    if not currencies:
        return []
    charges = f"Stripe charges {all_of(sorted(currencies))}"
    if account is not None and (others := sorted(one for one in currencies if one != account.currency)):
        converts = f"; unless the account has a bank account for it, {all_of(others)} is converted to"
        return [ok("currencies", f"{charges}{converts} {account.currency}, for a fee")]
    return [ok("currencies", charges)]
