"""Amounts that cards are charged, as Stripe counts them.

Stripe's minor units differ from ISO 4217's for a few currencies: https://docs.stripe.com/currencies
What it can't charge is refused when a price is set, so that what's shown, charged, stored and refunded is one
number.
"""

from collections.abc import Iterable
from datetime import timedelta
from decimal import Decimal

from scheduler.core.errors import Unreadable
from scheduler.parsing.money import decimals, price, write_money

_ZERO_DECIMALS = frozenset(
    ["BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF"]
)
"""ISK and UGX have none either, but Stripe counts them in hundredths, for historical reasons."""
_THREE_DECIMALS = frozenset(["BHD", "JOD", "KWD", "OMR", "TND"])
"""The last digit has to be 0."""
_CHARGED = (
    "USD AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BWP BYN BZD "
    "CAD CDF CHF CLP CNY COP CRC CVE CZK DJF DKK DOP DZD EGP ETB EUR FJD FKP GBP GEL GIP GMD GNF GTQ GYD "
    "HKD HNL HTG HUF IDR ILS INR ISK JMD JOD JPY KES KGS KHR KMF KRW KWD KYD KZT LAK LBP LKR LRD LSL MAD "
    "MDL MGA MKD MMK MNT MOP MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN "
    "PYG QAR RON RSD RUB RWF SAR SBD SCR SEK SGD SHP SLE SOS SRD STD SZL THB TJS TND TOP TRY TTD TWD TZS "
    "UAH UGX UYU UZS VND VUV WST XAF XCD XOF XPF YER ZAR ZMW"
)
CURRENCIES = frozenset(_CHARGED.split())
"""https://docs.stripe.com/currencies#presentment-currencies; which of them depends on the account's country."""
_LEAST = {
    "USD": 50, "AED": 200, "AUD": 50, "BGN": 100, "BRL": 50, "CAD": 50, "CHF": 50, "CZK": 1500, "DKK": 250,
    "EUR": 50, "GBP": 30, "HKD": 400, "HUF": 17500, "INR": 50, "JPY": 50, "MXN": 1000, "MYR": 200, "NOK": 300,
    "NZD": 50, "PLN": 200, "RON": 200, "SEK": 300, "SGD": 50, "THB": 1000,
}  # fmt: skip
"""The least that Stripe charges, in its own units: https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts"""
_MOST = 99_999_999
"""Stripe takes up to eight digits."""


def to_stripe(minor: int, currency: str) -> int:
    """Convert from our minor units, which are ISO 4217's, to Stripe's."""
    exact = Decimal(minor).scaleb(_decimals_at_stripe(currency) - decimals(currency))
    if exact != int(exact):
        raise ValueError(f"{minor} {currency} has more decimals than Stripe takes")
    return int(exact)


def from_stripe(amount: int, currency: str) -> int:
    """Convert from Stripe's minor units to ours."""
    exact = Decimal(amount).scaleb(decimals(currency) - _decimals_at_stripe(currency))
    if exact != int(exact):
        raise ValueError(f"{amount} {currency} of Stripe has more decimals than the currency")
    return int(exact)


def _decimals_at_stripe(currency: str) -> int:
    if currency in _ZERO_DECIMALS:
        return 0
    return 3 if currency in _THREE_DECIMALS else 2


def check_chargeable(minor: int, currency: str) -> None:
    """Raise Unreadable for a price that Stripe can't charge. Free is fine: nothing is charged then."""
    if not minor:
        return
    if currency not in CURRENCIES or decimals(currency) > _decimals_at_stripe(currency):
        raise Unreadable(f"Cards can't be charged in {currency}. Choose another currency.")
    if currency in _THREE_DECIMALS and minor % 10:
        raise Unreadable(
            f"Cards can't be charged {write_money(minor, currency)}. End the amount in 0, like "
            f"{write_money(minor - minor % 10 or 10, currency)}."
        )
    amount = to_stripe(minor, currency)
    if amount > _MOST:
        most = write_money(from_stripe(_MOST // 100 * 100, currency), currency)
        raise Unreadable(f"Cards can be charged up to {most} at once. Choose a lower price.")
    if amount < (least := _LEAST.get(currency, 50)):
        raise Unreadable(
            f"Cards can't be charged less than {write_money(from_stripe(least, currency), currency)}. Choose a "
            "higher price, or make it free."
        )


def can_charge(minor: int, currency: str) -> bool:
    """Whether Stripe can charge this price. Nothing is charged for what's free."""
    try:
        check_chargeable(minor, currency)
    except Unreadable:
        return False
    return bool(minor)


def check_rate(rate_minor: int, currency: str, lengths: Iterable[int]) -> None:
    """Raise Unreadable for an hourly rate at which Stripe can't charge a session of one of these minutes."""
    for minutes in lengths:
        cost = price(rate_minor, timedelta(minutes=minutes))
        try:
            check_chargeable(cost, currency)
        except Unreadable as why:
            raise Unreadable(
                f"At this rate, {minutes} minutes cost {write_money(cost, currency)}. {why}"
            ) from None
