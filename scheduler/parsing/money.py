"""Read rates and prices people type, work out prices, and write amounts."""

import re
from datetime import timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, NamedTuple

from scheduler.core.errors import Unreadable

_MINUTE, _MICROSECOND = timedelta(minutes=1), timedelta(microseconds=1)
_STRONG = (
    "USD EUR GBP CHF CAD AUD NZD SGD BND FJD ILS AED SAR QAR KWD BHD OMR JOD AZN GEL BAM BGN RON PLN BYN TND "
    "MYR BRL PEN BBD BSD BMD BZD KYD AWG XCD PAB"
)
_WEAK = (
    "ARS CLP COP CRC PYG VES KRW VND IDR IRR IQD LBP SYP YER LAK KHR MMK MNT UZS KZT AMD NGN GNF SLL UGX TZS RWF "
    "BIF CDF MGA MWK SOS SDG SSP STN AOA ZWL ZWG XAF XOF KMF DJF"
)
_HIGHEST_STRONG, _HIGHEST, _HIGHEST_WEAK = 10_000, 1_000_000, 100_000_000
"""The highest hourly rates in strong, other and weak currencies: some thousand US dollars in most."""

_SPELLINGS = str.maketrans(
    {
        **dict.fromkeys("\u00a0\u2009\u202f", " "),  # spaces in German, French and Swiss numbers
        **dict.fromkeys("’ʼ＇٬", "'"),
        "，": ",",
        "．": ".",
        "٫": ".",
        "−": "-",
    }
)
_LONGEST = 28
"""Decimal would round longer numbers."""

_DIGIT = re.compile(r"\d")  # in any script
_NO_DIGIT = re.compile(r"[^0-9]")
_NUMBER = re.compile(r"[0-9.,' ]*[0-9][0-9.,' ]*")
_PLAIN = re.compile(r"[0-9]+[.,]?[0-9]*|[.,][0-9]+")
_AMBIGUOUS = re.compile(r"[1-9][0-9]{0,2}[.,][0-9]{3}")
"""Ambiguous: some people read 1.200 as more than a thousand, others as 1.2."""

_GROUPED = re.compile(
    r"(?P<groups>[1-9][0-9]{0,2}(?P<mark>[.,' ])[0-9]{3}(?:(?P=mark)[0-9]{3})*"  # 1,500,000
    r"|[1-9][0-9]?(?:,[0-9]{2})+,[0-9]{3})"  # 15,00,000, as in India
    r"(?P<rest>(?:[.,][0-9]*)?)"
)


def parse_currency(text: str) -> str:
    """Return the ISO 4217 code in `text`. Raises Unreadable if there's no such currency."""
    from babel.numbers import is_currency  # imported late, like below: 0.5 MB that the bot needs for prices only

    code = text.strip().upper()
    if not (len(code) == 3 and is_currency(code)):
        raise Unreadable(
            f'"{text.strip()[:20]}" isn\'t a currency. Type a three-letter code, like USD, EUR or INR.'
        )
    return code


class _Amount(NamedTuple):
    """How to speak of an amount that's typed, and how high it can be, in highest rates."""

    your: str
    each: str
    never_negative: str
    most: int = 1


_RATE = _Amount("your hourly rate", " an hour", "A rate can't be negative. Type 0 if you coach for free.")
_PRICE = _Amount("the price", "", "A price can't be negative. Type 0 if it's free.", most=100)


def parse_rate(text: str, currency: str) -> int:
    """Read an hourly rate ("60", "60.50", "$60", "1.250,50 EUR") in minor units of `currency`.

    A point or comma can group thousands or start the decimals if only one reading is possible. "1.200" is refused
    unless the currency has no decimals. Raises Unreadable if it's ambiguous, not an amount, negative, too high, or
    finer than the currency's smallest unit.
    """
    return _parse(text, currency, _RATE)


def parse_price(text: str, currency: str) -> int:
    """Read the price of something, as `parse_rate` reads rates. It can be a hundred times as high."""
    return _parse(text, currency, _PRICE)


def _parse(text: str, currency: str, what: _Amount) -> int:
    typed = _DIGIT.sub(lambda digit: str(int(digit[0])), text.strip().translate(_SPELLINGS))
    typed = _without_currency(typed, currency)
    number = typed.removeprefix("-").lstrip()
    if len(number) > _LONGEST or not _NUMBER.fullmatch(number):
        raise Unreadable(f'"{text.strip()[:40]}" isn\'t an amount. Type {what.your} in {currency}, like 60.')
    digits = decimals(currency)
    if digits and _AMBIGUOUS.fullmatch(number):
        raise _ambiguous(text, number, currency)
    amount = _amount(number, text, currency, what)
    if amount and typed != number:
        raise Unreadable(what.never_negative)
    if amount > (highest := highest_rate(currency) * what.most):
        up_to = f"{'a rate' if what is _RATE else 'a price'} up to {_formatted(Decimal(highest), currency)}"
        raise Unreadable(f"That's {_formatted(amount, currency)}{what.each}. Did you mean less? Type {up_to}.")
    minor = amount.scaleb(digits)
    if minor != minor.to_integral_value():
        most = (
            f"Type at most {digits} digits after the point."
            if digits
            else f"{currency} has none, so type a whole number."
        )
        raise Unreadable(f'"{text.strip()[:40]}" has too many decimals. {most}')
    return int(minor)


def highest_rate(currency: str) -> int:
    """Return the highest hourly rate, in major units: more is taken for a typo."""
    if currency in _STRONG:
        return _HIGHEST_STRONG
    return _HIGHEST_WEAK if currency in _WEAK else _HIGHEST


def price(rate_minor: int, duration: timedelta) -> int:
    """Return the price of `duration` at an hourly rate, in minor units, rounding halves up."""
    return share(rate_minor, duration // _MINUTE * _MINUTE, timedelta(hours=1))


def minutes_for(amount_minor: int, rate_minor: int) -> int:
    """Return the most whole minutes whose price at an hourly rate isn't more than an amount; 0 if it's free."""
    return amount_minor * 60 // rate_minor if rate_minor else 0


def share(cost_minor: int, part: timedelta, whole: timedelta) -> int:
    """Return what `part` costs if `whole` costs this much, in minor units, rounding halves up."""
    exact = Decimal(cost_minor) * (part // _MICROSECOND) / (whole // _MICROSECOND)
    return int(exact.quantize(Decimal(1), ROUND_HALF_UP))


def write_amount(minor: int, currency: str) -> str:
    """Write an amount that `parse_rate` reads back: "60.00", but "1.2050" because "1.205" is ambiguous."""
    written = f"{Decimal(minor).scaleb(-decimals(currency)):f}"
    return f"{written}0" if _AMBIGUOUS.fullmatch(written) else written


def write_money(minor: int, currency: str) -> str:
    """Write a price for people: "$60.00", "¥6,000", "free"."""
    return write_sum(minor, currency) if minor else "free"


def write_sum(minor: int, currency: str) -> str:
    """Write an amount that isn't a price, such as a total: "$60.00", "¥6,000", "$0.00"."""
    return _formatted(Decimal(minor).scaleb(-decimals(currency)), currency)


def _without_currency(typed: str, currency: str) -> str:
    """Remove the currency's code or symbol before or after the number."""
    symbol = _formatted(Decimal(0), currency, format="¤", currency_digits=False).replace("0", "")
    for name in (currency, symbol.translate(_SPELLINGS).strip()):
        if typed.upper().startswith(name.upper()):
            return typed[len(name) :].lstrip()
        if typed.upper().endswith(name.upper()):
            return typed[: -len(name)].rstrip()
    return typed


def _amount(number: str, text: str, currency: str, what: _Amount) -> Decimal:
    """Read an amount whose separators have only one meaning. Raises Unreadable."""
    if _PLAIN.fullmatch(number) and not _AMBIGUOUS.fullmatch(number):
        return Decimal(number.replace(",", "."))
    grouped = _GROUPED.fullmatch(number)
    if grouped is None or grouped["rest"][:1] == (grouped["mark"] or ","):
        raise Unreadable(
            f'I can\'t read the separators in "{text.strip()[:40]}". '
            f"Type {what.your} in {currency}, like 1200 or 60.50."
        )
    return Decimal(_NO_DIGIT.sub("", grouped["groups"]) + grouped["rest"].replace(",", "."))


def _ambiguous(text: str, number: str, currency: str) -> Unreadable:
    thousands, one = _NO_DIGIT.sub("", number), Decimal(number.replace(",", "."))
    digits = decimals(currency)
    minor = one.scaleb(digits)
    if minor != minor.to_integral_value():
        return Unreadable(
            f'"{text.strip()[:40]}" could be {thousands} or {one}, but {currency} only has {digits} decimals. '
            f"Type {thousands}, or at most {digits} digits after the point."
        )
    written = write_amount(int(minor), currency)
    return Unreadable(
        f'"{text.strip()[:40]}" could be {write_amount(int(thousands) * 10**digits, currency)} or {written}. '
        f"Type {thousands} or {written}."
    )


def decimals(currency: str) -> int:
    """Return how many decimals amounts in this currency have."""
    from babel.numbers import get_currency_precision

    return get_currency_precision(currency)


def in_major_units(minor: int, currency: str) -> Decimal:
    """Return an amount in the currency's own unit, with all its decimals: 6000 US cents are 60.00."""
    return Decimal(minor).scaleb(-decimals(currency))


def _formatted(amount: Decimal, currency: str, **how: Any) -> str:
    from babel.numbers import format_currency

    return format_currency(amount, currency, locale="en_US", **how)
