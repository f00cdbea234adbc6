"""Reading forms: everything that's wrong is reported at once."""

import pytest

from scheduler.core.errors import NotFound, Unreadable, WrongFields
from scheduler.parsing.fields import Fields
from scheduler.parsing.lists import read_each


def number(typed: str, *, most: int = 10) -> int:
    if not typed.isdigit():
        raise Unreadable("Type a number.")
    if int(typed) > most:
        raise Unreadable(f"Type at most {most}.")
    return int(typed)


def test_fields_that_can_be_read_are_returned() -> None:
    with Fields() as fields:
        read = fields.read("One", number, "7"), fields.read("Two", number, "70", most=70)

    assert read == (7, 70)


def refused(*typed: tuple[str, str]) -> WrongFields:
    """Read a number into each field, and return the refusal."""
    with pytest.raises(WrongFields) as refusal:
        read(*typed)
    return refusal.value


def read(*typed: tuple[str, str]) -> list[int]:
    with Fields() as fields:
        return [fields.read(label, number, words) for label, words in typed]


def test_all_unreadable_fields_are_named_in_order() -> None:
    error = refused(("One", "x"), ("Two", "7"), ("Three", "11"))

    assert error.wrong == {"One": "Type a number.", "Three": "Type at most 10."}
    assert str(error) == "**One:** Type a number.\n**Three:** Type at most 10."


def test_only_the_first_problem_of_a_field_is_reported() -> None:
    assert refused(("One", "x"), ("One", "11")).wrong == {"One": "Type a number."}


def test_other_refusals_come_first() -> None:
    fields = Fields()
    fields.read("One", number, "x")

    with pytest.raises(NotFound), fields:
        raise NotFound("There's no such form.")


def test_each_problem_of_a_list_names_its_field() -> None:
    fields = Fields()
    fields.read("One", read_each, ("x", "11"), number)
    fields.read("Two", number, "y")

    assert (
        str(WrongFields(fields.wrong))
        == "**One:** Type a number.\n**One:** Type at most 10.\n**Two:** Type a number."
    )
