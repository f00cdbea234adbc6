"""Amounts of money: read, worked out and written."""

import itertools
import re
from datetime import timedelta
from decimal import Decimal

import pytest
from babel.numbers import format_currency, get_currency_precision, list_currencies
from hypothesis import assume, example, given
from hypothesis import strategies as st

from scheduler.core.errors import Unreadable
from scheduler.parsing.money import (
    highest_rate,
    parse_currency,
    parse_price,
    parse_rate,
    price,
    write_amount,
    write_money,
    write_sum,
)
from tests.support.typed_text import LONGEST_REFUSAL, refused, understood

HIGHEST = 100_000_000
"""Of any currency."""
CURRENCIES = sorted(code for code in list_currencies() if len(code) == 3)


@pytest.mark.parametrize(("text", "code"), [("USD", "USD"), (" eur ", "EUR"), ("inr", "INR"), ("Jpy", "JPY")])
def test_a_currency_is_read_from_its_code(text: str, code: str) -> None:
    assert parse_currency(text) == code


@pytest.mark.parametrize("text", ["", "€", "dollars", "US", "USDT", "ABC", "U$D", "ﬀa"])
def test_other_text_is_refused_with_examples_of_currencies(text: str) -> None:
    assert (
        refused(parse_currency, text)
        == f'"{text}" isn\'t a currency. Type a three-letter code, like USD, EUR or INR.'
    )


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [
        *((text, "USD", 6000) for text in ("60", "$60", "60 $", "60 USD", "60.")),
        ("60.5", "USD", 6050),
        ("60.50", "USD", 6050),
        ("٦٠٫٥", "USD", 6050),
        ("60,50", "EUR", 6050),
        ("eur 60", "EUR", 6000),
        ("€60.00", "EUR", 6000),
        ("1,200.50", "USD", 120_050),
        ("1.200,50", "EUR", 120_050),
        ("1\u202f200,50\xa0€", "EUR", 120_050),
        ("1200.5", "EUR", 120_050),
        ("1,200.00", "USD", 120_000),
        ("1.200.000", "VND", 1_200_000),
        ("1’200.50", "CHF", 120_050),
        ("1'200", "CHF", 120_000),
        ("1,50,000", "INR", 15_000_000),
        ("₹1,50,000.50", "INR", 15_000_050),
        ("9,34,567", "INR", 93_456_700),
        ("150.000", "IDR", 150_000),
        ("1.200", "JPY", 1200),
        ("1 234.567", "KWD", 1_234_567),
        ("1,234.567", "KWD", 1_234_567),
        ("1234.567", "KWD", 1_234_567),
        ("1.2000", "KWD", 1200),
        ("0.500", "KWD", 500),
        ("0,500", "EUR", 50),
        (".5", "USD", 50),
        ("-0", "USD", 0),
        ("0", "USD", 0),
        ("0.00", "USD", 0),
        ("1 200", "EUR", 120_000),
        ("1,234,567", "KRW", 1_234_567),
        ("6000", "JPY", 6000),
        ("¥6,000", "JPY", 6000),
        ("2.1250", "BHD", 2125),
        ("₹500", "INR", 50_000),
        ("10,000.00", "USD", 1_000_000),
        ("100,000,000", "IDR", 100_000_000),
    ],
)
def test_a_rate_is_read_in_minor_units(text: str, currency: str, minor: int) -> None:
    assert parse_rate(text, currency) == minor


@pytest.mark.parametrize(
    ("text", "currency", "sentence"),
    [
        ("", "USD", '"" isn\'t an amount. Type your hourly rate in USD, like 60.'),
        ("sixty", "EUR", '"sixty" isn\'t an amount. Type your hourly rate in EUR, like 60.'),
        ("60 EUR", "USD", '"60 EUR" isn\'t an amount. Type your hourly rate in USD, like 60.'),
        ("60-80", "USD", '"60-80" isn\'t an amount. Type your hourly rate in USD, like 60.'),
        ("nan", "USD", '"nan" isn\'t an amount. Type your hourly rate in USD, like 60.'),
        ("Infinity", "USD", '"Infinity" isn\'t an amount. Type your hourly rate in USD, like 60.'),
        ("-1", "USD", "A rate can't be negative. Type 0 if you coach for free."),
        ("- 1", "USD", "A rate can't be negative. Type 0 if you coach for free."),
        ("100000000", "USD", "That's $100,000,000.00 an hour. Did you mean less? Type a rate up to $10,000.00."),
        ("1000001", "INR", "That's ₹1,000,001.00 an hour. Did you mean less? Type a rate up to ₹1,000,000.00."),
        ("100000001", "VND", "That's ₫100,000,001 an hour. Did you mean less? Type a rate up to ₫100,000,000."),
        ("1e5", "USD", '"1e5" isn\'t an amount. Type your hourly rate in USD, like 60.'),
        ("6USD0", "USD", '"6USD0" isn\'t an amount. Type your hourly rate in USD, like 60.'),
        ("1,200", "USD", '"1,200" could be 1200.00 or 1.20. Type 1200 or 1.20.'),
        ("1.200", "EUR", '"1.200" could be 1200.00 or 1.20. Type 1200 or 1.20.'),
        ("€ 1.200", "EUR", '"€ 1.200" could be 1200.00 or 1.20. Type 1200 or 1.20.'),
        ("٣٫٢٠٠", "EUR", '"٣٫٢٠٠" could be 3200.00 or 3.20. Type 3200 or 3.20.'),
        ("1.205", "KWD", '"1.205" could be 1205.000 or 1.2050. Type 1205 or 1.2050.'),
        *(
            (
                text,
                "USD",
                f'I can\'t read the separators in "{text}". Type your hourly rate in USD, like 1200 or 60.50.',
            )
            for text in (
                *("1,2,3", "1.2.3", "1 20", "12,50.75", "1,234,56", "1.234.567.89", "1.234 567", "0,500.00"),
                "15,00,000,50",
            )
        ),
        (
            "60.5051",
            "USD",
            '"60.5051" has too many decimals. Type at most 2 digits after the point.',
        ),
        (
            "60.505",
            "USD",
            '"60.505" could be 60505 or 60.505, but USD only has 2 decimals. '
            "Type 60505, or at most 2 digits after the point.",
        ),
        ("60.5", "JPY", '"60.5" has too many decimals. JPY has none, so type a whole number.'),
    ],
)
def test_other_text_is_no_rate_and_refused_with_a_reason(text: str, currency: str, sentence: str) -> None:
    assert refused(parse_rate, text, currency) == sentence


@pytest.mark.parametrize(
    ("rate", "minutes", "cost"),
    [(6000, 60, 6000), (6000, 30, 3000), (6000, 90, 9000), (6000, 45, 4500), (0, 60, 0), (1, 30, 1), (1, 29, 0)],
)
def test_a_price_is_the_rate_for_that_time_with_halves_rounded_up(rate: int, minutes: int, cost: int) -> None:
    assert price(rate, timedelta(minutes=minutes)) == cost


@given(st.integers(0, 10_000_000_000), st.integers(1, 24 * 60))
def test_a_price_is_off_by_at_most_half_a_unit(rate: int, minutes: int) -> None:
    assert abs(Decimal(price(rate, timedelta(minutes=minutes))) * 60 - rate * minutes) <= 30


@pytest.mark.parametrize(
    ("minor", "currency", "text"),
    [(6000, "USD", "$60.00"), (6000, "JPY", "¥6,000"), (123_456, "EUR", "€1,234.56"), (0, "EUR", "free")],
)
def test_money_is_written_for_people(minor: int, currency: str, text: str) -> None:
    assert write_money(minor, currency) == text


@pytest.mark.parametrize(
    ("minor", "currency", "text"), [(0, "USD", "$0.00"), (0, "JPY", "¥0"), (150, "USD", "$1.50")]
)
def test_a_sum_of_nothing_is_no_free_offer(minor: int, currency: str, text: str) -> None:
    assert write_sum(minor, currency) == text


def readings(text: str, digits: int) -> set[Decimal]:
    """Return every amount `text` could mean, with each decimal point and each separator of thousands."""
    found: set[Decimal] = set()
    for point, mark in itertools.product(".,", ".,' _"):
        whole, _, cents = text.partition(point)
        groups = whole.split(mark)
        sizes = [len(group) for group in groups]
        western = sizes[0] <= 3 and set(sizes[1:]) == {3}
        indian = mark == "," and sizes[0] <= 2 and sizes[-1] == 3 and set(sizes[1:-1]) == {2}
        if point == mark or not re.fullmatch("[0-9]*", cents) or not (whole or cents):
            continue
        if len(groups) > 1 and not ((western or indian) and re.match("[1-9]", whole)):
            continue
        if (len(groups) > 1 or whole) and not all(re.fullmatch("[0-9]+", group) for group in groups):
            continue
        if not digits and len(cents) == 3 and 0 < len(whole) <= 3 and not whole.startswith("0"):
            continue  # nobody writes three decimals in a currency without any
        found.add(Decimal(f"{''.join(groups) or '0'}.{cents or '0'}"))
    return found


@given(
    st.text("0123456789,.' ", min_size=1, max_size=9)
    | st.lists(st.sampled_from(["1", "12", "123", "000", "0", "50", ",", ".", "'", " "]), max_size=7).map("".join),
    st.sampled_from(["USD", "JPY", "KWD", "CLF"]),
)
@example("1.200", "USD")
@example("1.000", "JPY")
@example("1,50,000", "USD")
def test_an_amount_is_read_if_and_only_if_it_has_one_meaning(text: str, currency: str) -> None:
    text, digits = text.strip(), get_currency_precision(currency)
    meant = readings(text, digits)

    minor = understood(parse_rate, text, currency)

    fine = [amount.scaleb(digits) for amount in meant if amount <= highest_rate(currency)]
    expected = fine[0] if len(meant) == len(fine) == 1 and fine[0] == int(fine[0]) else None
    assert minor == expected


@given(
    st.integers(0, HIGHEST * 10),
    st.sampled_from(["USD", "EUR", "JPY", "KWD", "INR", "CHF", "IDR", "CLF", "BRL", "SEK", "IRR"]),
    st.sampled_from(
        [
            *("ar_EG", "bg", "bn", "de", "de_AT", "de_CH", "en_GB", "en_IN", "en_US", "en_ZA", "es", "es_MX"),
            *("et", "fa", "fr", "fr_CH", "hi", "id", "it", "ja", "lt", "mr", "ne", "pl", "pt_BR", "pt_PT", "ru"),
            "sv",
        ]
    ),
)
@example(120_000, "EUR", "de")
@example(1205, "KWD", "en_US")
def test_an_amount_in_any_countrys_format_is_never_read_as_another(minor: int, currency: str, locale: str) -> None:
    digits = get_currency_precision(currency)
    amount = Decimal(minor).scaleb(-digits)
    assume(amount <= highest_rate(currency))
    with_symbol = format_currency(amount, currency, locale=locale)
    number = format_currency(amount, currency, "#,##0.00", locale=locale)

    assert understood(parse_rate, with_symbol, currency) in (minor, None)
    read = understood(parse_rate, number, currency)
    assert read == minor or (read is None and digits == 3 and amount < 1000)


@given(st.integers(0, HIGHEST * 100), st.sampled_from(["USD", "EUR", "JPY", "BHD", "INR", "CHF", "CLF"]))
@example(1205, "BHD")
def test_a_written_amount_is_read_back(minor: int, currency: str) -> None:
    minor = min(minor, highest_rate(currency) * 10 ** get_currency_precision(currency))

    assert parse_rate(write_amount(minor, currency), currency) == minor


@pytest.mark.parametrize(
    "currency", ["USD", "EUR", "JPY", "BHD", "INR", "CHF", "GBP", "AUD", "BRL", "SEK", "PLN", "XOF"]
)
def test_a_shown_price_can_be_typed_as_a_rate(currency: str) -> None:
    assert parse_rate(write_money(1_000_000, currency), currency) == 1_000_000


TYPED = st.text(max_size=40) | st.lists(
    st.sampled_from(
        ["1", "0", "9", ",", ".", "-", "+", "e", "E", "_", "$", "€", " ", "USD", "nan", "inf", "s", "٣"]
    ),
    max_size=12,
).map("".join)


@given(TYPED, st.sampled_from(CURRENCIES))
@example("1e-999999999", "USD")
@example("0e999999999", "USD")
@example("1e999999999999999999", "USD")
@example("9" * 5000, "USD")
@example("sNaN", "USD")
def test_any_text_is_a_rate_or_refused(text: str, currency: str) -> None:
    minor = understood(parse_rate, text, currency)

    if minor is not None:
        assert 0 <= minor <= highest_rate(currency) * 10 ** get_currency_precision(currency)
        assert parse_rate(write_amount(minor, currency), currency) == minor


@pytest.mark.parametrize("zeros", range(2, 40))
def test_a_tiny_fraction_is_noticed(zeros: int) -> None:
    assert understood(parse_rate, f"1.{'0' * zeros}1", "USD") is None


def test_a_refusal_quotes_only_part_of_a_long_text() -> None:
    assert len(refused(parse_rate, "0." + "1" * 3000, "USD")) <= LONGEST_REFUSAL


@given(st.text(max_size=8) | st.sampled_from(["usd", "Eur ", "x" * 3000]))
def test_any_text_is_a_currency_or_refused(text: str) -> None:
    code = understood(parse_currency, text)

    assert code is None or (code in CURRENCIES and parse_currency(code) == code)


def test_a_price_can_be_higher_than_a_rate_and_is_spoken_of_as_a_price() -> None:
    assert parse_price("12000", "USD") == 1_200_000
    for typed, why in (
        ("a lot", '"a lot" isn\'t an amount. Type the price in USD, like 60.'),
        ("-5", "A price can't be negative. Type 0 if it's free."),
        ("2,000,000", "That's $2,000,000.00. Did you mean less? Type a price up to $1,000,000.00."),
    ):
        with pytest.raises(Unreadable, match=re.escape(why)):
            parse_price(typed, "USD")
