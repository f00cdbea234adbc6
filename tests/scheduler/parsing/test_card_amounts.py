"""What cards are charged is one number: shown, charged, stored and refunded."""

import re
from decimal import Decimal

import pytest
from babel.numbers import list_currencies
from hypothesis import given
from hypothesis import strategies as st

from scheduler.core.errors import Unreadable
from scheduler.parsing.card_amounts import check_chargeable, check_rate, from_stripe, to_stripe
from scheduler.parsing.money import decimals, write_money

NOT_TAKEN = {"CLF", "LYD", "UYW"}
"""With more decimals than Stripe counts in."""
CURRENCIES = sorted(one for one in list_currencies() if one not in NOT_TAKEN)
ZERO = ["BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF"]
"""https://docs.stripe.com/currencies#zero-decimal"""


@given(st.sampled_from(CURRENCIES), st.integers(1, 99_999_999))
def test_what_can_be_charged_converts_to_one_number_and_back(currency: str, minor: int) -> None:
    try:
        check_chargeable(minor, currency)
    except Unreadable:
        return

    amount = to_stripe(minor, currency)

    assert from_stripe(amount, currency) == minor
    at_stripe = 0 if currency in ZERO else 3 if decimals(currency) == 3 else 2
    assert Decimal(amount).scaleb(-at_stripe) == Decimal(minor).scaleb(-decimals(currency))
    shown = re.sub(r"[^\d.]", "", write_money(minor, currency)[-20:]).strip(".")
    assert Decimal(shown or "0") == Decimal(minor).scaleb(-decimals(currency))


@pytest.mark.parametrize(
    ("minor", "currency", "amount"),
    [
        (6000, "USD", 6000),
        (6000, "JPY", 6000),
        (6000, "ISK", 600000),
        (50000, "UGX", 5000000),
        (6000, "HUF", 600000),
        (6010, "KWD", 6010),
        (6000, "XOF", 6000),
        (6000, "MGA", 6000),
    ],
)
def test_stripe_counts_some_currencies_in_other_units(minor: int, currency: str, amount: int) -> None:
    assert to_stripe(minor, currency) == amount
    assert from_stripe(amount, currency) == minor


@pytest.mark.parametrize(
    ("minor", "currency", "why"),
    [
        (49, "USD", r"less than \$0\.50\. Choose a higher price, or make it free"),
        (29, "GBP", r"less than £0\.30"),
        (49, "JPY", "less than ¥50"),
        (174, "HUF", "less than HUF175"),
        (6005, "KWD", r"charged KWD6\.005\. End the amount in 0, like KWD6\.000"),
        (5, "BHD", r"like BHD0\.010"),
        (100_000_000, "USD", r"up to \$999,999\.00 at once"),
        (1_000_000, "ISK", "up to ISK999,999 at once"),
        *((60_000, one, f"can't be charged in {one}. Choose another currency") for one in sorted(NOT_TAKEN)),
    ],
)
def test_what_cannot_be_charged_says_what_to_do(minor: int, currency: str, why: str) -> None:
    with pytest.raises(Unreadable, match=why):
        check_chargeable(minor, currency)


@pytest.mark.parametrize(
    ("minor", "currency"),
    [(0, "USD"), (0, "LYD"), (50, "USD"), (30, "GBP"), (50, "JPY"), (175, "HUF"), (99_999_999, "USD")],
)
def test_the_least_the_most_and_what_is_free_can_be_charged(minor: int, currency: str) -> None:
    check_chargeable(minor, currency)


def test_a_rate_is_refused_for_the_length_that_cannot_be_charged() -> None:
    check_rate(100, "USD", [30, 60])
    with pytest.raises(Unreadable, match=r"At this rate, 15 minutes cost \$0\.25\. Cards can't be charged less"):
        check_rate(100, "USD", [60, 15])
    with pytest.raises(Unreadable, match=r"90 minutes cost KWD15\.015"):
        check_rate(10010, "KWD", [60, 90])
