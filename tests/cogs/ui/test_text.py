"""Quotations, and numbers people type."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cogs import ui
from cogs.ui.text import whole_number
from tests.support.discord_markdown import shown


@given(st.text())
def test_a_quotation_never_escapes_its_block(typed: str) -> None:
    pieces = shown(ui.block(ui.quoted(typed, most=4000)))

    assert {one.kind for one in pieces} <= {"text", "address", "quote"}
    assert all(re.match(r"<?\w+://", one.shown) for one in pieces if one.kind == "address")


@pytest.mark.parametrize(("typed", "number"), [("0", 0), ("007", 7), (str(2**63 - 1), 2**63 - 1)])
def test_plain_digits_are_a_number(typed: str, number: int) -> None:
    assert whole_number(typed) == number


@pytest.mark.parametrize(
    "typed", ["", " 1", "-1", "+1", "1.0", "1_000", "١", "²", str(2**63), "9" * 20, "0" * 20, "9" * 4_400]
)
def test_anything_else_is_not_a_number(typed: str) -> None:
    assert whole_number(typed) is None
