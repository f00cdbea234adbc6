"""What people give as a number is one that a column holds, or none at all."""

import pytest

from cogs.words import whole_number


@pytest.mark.parametrize(("typed", "number"), [("0", 0), ("007", 7), (str(2**63 - 1), 2**63 - 1)])
def test_digits_are_the_number_that_they_write(typed: str, number: int) -> None:
    assert whole_number(typed) == number


@pytest.mark.parametrize(
    "typed", ["", " 1", "-1", "+1", "1.0", "1_000", "١", "²", str(2**63), "9" * 20, "0" * 20, "9" * 4_400]
)
def test_anything_else_is_no_number(typed: str) -> None:
    assert whole_number(typed) is None
