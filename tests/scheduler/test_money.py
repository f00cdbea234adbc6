"""Amounts: typed, worked out, written."""

from datetime import timedelta
from decimal import Decimal

import pytest
from babel.numbers import get_currency_precision, list_currencies
from hypothesis import example, given
from hypothesis import strategies as st

from scheduler.errors import Unreadable
from scheduler.money import parse_currency, parse_rate, price, write_amount, write_money
from tests.scheduler.test_hours import LONGEST_REFUSAL, understood

HIGHEST = 100_000_000
CURRENCIES = sorted(code for code in list_currencies() if len(code) == 3)


@pytest.mark.parametrize(("text", "code"), [("USD", "USD"), (" eur ", "EUR"), ("inr", "INR"), ("Jpy", "JPY")])
def test_a_currency_is_read_by_its_code(text: str, code: str) -> None:
    assert parse_currency(text) == code


@pytest.mark.parametrize("text", ["", "€", "dollars", "US", "USDT", "ABC", "U$D", "ﬀa"])
def test_what_is_no_currency_is_refused_with_examples(text: str) -> None:
    with pytest.raises(Unreadable) as refusal:
        parse_currency(text)

    assert str(refusal.value) == f'"{text}" is no currency. Type its three-letter code, like USD, EUR or INR.'


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [
        ("60", "USD", 6000),
        ("60.5", "USD", 6050),
        ("60.50", "USD", 6050),
        ("60,50", "EUR", 6050),
        ("$60", "USD", 6000),
        ("60 $", "USD", 6000),
        ("60 USD", "USD", 6000),
        ("eur 60", "EUR", 6000),
        ("€60.00", "EUR", 6000),
        ("1,200", "USD", 120_000),
        ("1,200.50", "USD", 120_050),
        ("1 200", "EUR", 120_000),
        ("1,234,567", "USD", 123_456_700),
        ("0", "USD", 0),
        ("0.00", "USD", 0),
        ("6000", "JPY", 6000),
        ("¥6,000", "JPY", 6000),
        ("2.125", "BHD", 2125),
        ("₹500", "INR", 50_000),
        ("100,000,000", "USD", 10_000_000_000),
    ],
)
def test_a_rate_is_read_in_minor_units(text: str, currency: str, minor: int) -> None:
    assert parse_rate(text, currency) == minor


@pytest.mark.parametrize(
    ("text", "currency", "sentence"),
    [
        ("", "USD", '"" is no amount. Type your rate per hour in USD, like 60.'),
        ("sixty", "EUR", '"sixty" is no amount. Type your rate per hour in EUR, like 60.'),
        ("60 EUR", "USD", '"60 EUR" is no amount. Type your rate per hour in USD, like 60.'),
        ("60-80", "USD", '"60-80" is no amount. Type your rate per hour in USD, like 60.'),
        ("nan", "USD", '"nan" is no amount. Type your rate per hour in USD, like 60.'),
        ("Infinity", "USD", '"Infinity" is no amount. Type your rate per hour in USD, like 60.'),
        ("-1", "USD", "A rate cannot be negative. Type 0 if you coach for free."),
        ("100000001", "USD", "That rate is too high. The highest is 100,000,000 an hour."),
        ("1e99999", "USD", "That rate is too high. The highest is 100,000,000 an hour."),
        (
            "60.505",
            "USD",
            "USD has 2 decimals, so 60.505 is too fine. Type at most 2 digits after the point.",
        ),
        ("60.5", "JPY", "JPY has 0 decimals, so 60.5 is too fine. Type at most 0 digits after the point."),
    ],
)
def test_what_is_no_rate_is_refused_with_the_reason(text: str, currency: str, sentence: str) -> None:
    with pytest.raises(Unreadable) as refusal:
        parse_rate(text, currency)

    assert str(refusal.value) == sentence


@pytest.mark.parametrize(
    ("rate", "minutes", "cost"),
    [(6000, 60, 6000), (6000, 30, 3000), (6000, 90, 9000), (6000, 45, 4500), (0, 60, 0), (1, 30, 1), (1, 29, 0)],
)
def test_a_price_is_the_rate_for_that_time_half_a_unit_rounded_up(rate: int, minutes: int, cost: int) -> None:
    assert price(rate, timedelta(minutes=minutes)) == cost


@given(st.integers(0, 10_000_000_000), st.integers(1, 24 * 60))
def test_a_price_is_never_off_by_more_than_half_a_unit(rate: int, minutes: int) -> None:
    assert abs(Decimal(price(rate, timedelta(minutes=minutes))) * 60 - rate * minutes) <= 30


@pytest.mark.parametrize(
    ("minor", "currency", "text"),
    [(6000, "USD", "$60.00"), (6000, "JPY", "¥6,000"), (123_456, "EUR", "€1,234.56"), (0, "EUR", "free")],
)
def test_money_is_written_for_people(minor: int, currency: str, text: str) -> None:
    assert write_money(minor, currency) == text


@given(st.integers(0, HIGHEST * 100), st.sampled_from(["USD", "EUR", "JPY", "BHD", "INR", "CHF", "CLF"]))
def test_an_amount_is_read_back_as_it_was_written(minor: int, currency: str) -> None:
    minor = min(minor, HIGHEST * 10 ** get_currency_precision(currency))

    assert parse_rate(write_amount(minor, currency), currency) == minor


@pytest.mark.parametrize("currency", ["USD", "EUR", "JPY", "BHD", "INR", "CHF", "GBP", "AUD", "BRL", "SEK", "PLN"])
def test_money_as_it_is_shown_can_be_typed_as_a_rate(currency: str) -> None:
    assert parse_rate(write_money(1_234_500, currency), currency) == 1_234_500


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
def test_whatever_is_typed_as_a_rate_is_understood_or_refused_with_a_sentence(text: str, currency: str) -> None:
    minor = understood(parse_rate, text, currency)

    if minor is not None:
        assert 0 <= minor <= HIGHEST * 10 ** get_currency_precision(currency)
        assert parse_rate(write_amount(minor, currency), currency) == minor


def test_a_rate_that_is_refused_is_quoted_in_part_however_long_it_is() -> None:
    with pytest.raises(Unreadable) as refusal:
        parse_rate("0." + "1" * 3000, "USD")

    assert len(str(refusal.value)) <= LONGEST_REFUSAL


@given(st.text(max_size=8) | st.sampled_from(["usd", "Eur ", "x" * 3000]))
def test_whatever_is_typed_as_a_currency_is_understood_or_refused_with_a_sentence(text: str) -> None:
    code = understood(parse_currency, text)

    assert code is None or (code in CURRENCIES and parse_currency(code) == code)
