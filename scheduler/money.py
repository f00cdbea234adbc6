"""Amounts: read from what people type, worked out from a rate, written for people to read."""

from datetime import timedelta
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation

from babel.numbers import format_currency, get_currency_precision, is_currency

from scheduler.errors import Unreadable

_HIGHEST_RATE = Decimal(100_000_000)


def parse_currency(text: str) -> str:
    """The ISO 4217 code in `text`. Raises Unreadable if there is no such currency."""
    code = text.strip().upper()
    if not (len(code) == 3 and is_currency(code)):
        raise Unreadable(
            f'"{text.strip()[:20]}" is no currency. Type its three-letter code, like USD, EUR or INR.'
        )
    return code


def parse_rate(text: str, currency: str) -> int:
    """The rate per hour in `text` ("60", "60.50", "$60", "60 EUR"), in minor units of `currency`.

    Raises Unreadable if it is no number, negative, too high, or finer than the currency's smallest unit.
    """
    symbol = format_currency(0, currency, "¤", locale="en_US", currency_digits=False).replace("0", "")
    typed = text.strip().upper().replace(currency, "").replace(symbol.upper(), "").strip().replace(" ", "")
    if "," in typed:
        # "1,200" groups thousands, "60,50" has cents.
        head, _, tail = typed.rpartition(",")
        typed = typed.replace(",", "") if len(tail) == 3 or "." in tail else f"{head.replace(',', '')}.{tail}"
    try:
        amount = Decimal(typed)
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite():
        raise Unreadable(f'"{text.strip()[:40]}" is no amount. Type your rate per hour in {currency}, like 60.')
    if amount < 0:
        raise Unreadable("A rate cannot be negative. Type 0 if you coach for free.")
    if amount > _HIGHEST_RATE:
        raise Unreadable(f"That rate is too high. The highest is {_HIGHEST_RATE:,} an hour.")
    digits = get_currency_precision(currency)
    minor = amount.scaleb(digits)
    if minor != minor.to_integral_value():
        raise Unreadable(
            f"{currency} has {digits} decimals, so {text.strip()[:40]} is too fine. Type at most {digits} digits "
            "after the point."
        )
    return int(minor)


def price(rate_minor: int, duration: timedelta) -> int:
    """What `duration` costs at a rate per hour, in minor units, half a unit rounded up."""
    exact = Decimal(rate_minor) * Decimal(duration // timedelta(minutes=1)) / 60
    return int(exact.quantize(Decimal(1), ROUND_HALF_UP))


def write_amount(minor: int, currency: str) -> str:
    """As `parse_rate` reads it back: "60.00"."""
    return f"{Decimal(minor).scaleb(-get_currency_precision(currency)):f}"


def write_money(minor: int, currency: str) -> str:
    """For people: "$60.00", "¥6,000", "free"."""
    if minor == 0:
        return "free"
    return format_currency(Decimal(minor).scaleb(-get_currency_precision(currency)), currency, locale="en_US")
