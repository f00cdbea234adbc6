"""Quotations, and the numbers that people type."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cogs import ui
from cogs.ui.text import whole_number
from tests.support.discord_markdown import shown


@given(st.text())
def test_a_quotation_holds_every_line_of_what_was_typed_and_nothing_else(typed: str) -> None:
    pieces = shown(ui.block(ui.quoted(typed, most=4000)))

    assert {one.kind for one in pieces} <= {"text", "address", "quote"}
    assert all(re.match(r"<?\w+://", one.shown) for one in pieces if one.kind == "address")


@pytest.mark.parametrize(("typed", "number"), [("0", 0), ("007", 7), (str(2**63 - 1), 2**63 - 1)])
def test_digits_are_the_number_that_they_write(typed: str, number: int) -> None:
    assert whole_number(typed) == number


@pytest.mark.parametrize(
    "typed", ["", " 1", "-1", "+1", "1.0", "1_000", "١", "²", str(2**63), "9" * 20, "0" * 20, "9" * 4_400]
)
def test_anything_else_is_no_number(typed: str) -> None:
    assert whole_number(typed) is None
