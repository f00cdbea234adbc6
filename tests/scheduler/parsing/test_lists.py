"""Lists: all that's wrong with one is reported at once, and they're written as English does."""

import pytest

from scheduler.core.errors import Unreadable
from scheduler.parsing.lists import MOST_PROBLEMS, all_of, any_of, read_each


def number(typed: str) -> int:
    if not typed.isdigit():
        raise Unreadable("Type a number.")
    if int(typed) > 10:
        raise Unreadable("Type at most 10.")
    return int(typed)


def problems(*typed: str) -> tuple[str, ...]:
    """Return what's wrong with a list of numbers."""
    with pytest.raises(Unreadable) as refusal:
        read_each(typed, number)
    return refusal.value.problems


def test_parts_of_a_list_are_read_in_order() -> None:
    assert read_each(("3", "1"), number) == [3, 1]


def test_all_unreadable_parts_of_a_list_are_reported_once() -> None:
    assert problems("x", "7", "11", "y") == ("Type a number.", "Type at most 10.")


def test_problems_with_the_whole_list_come_first() -> None:
    with pytest.raises(Unreadable) as refusal:
        read_each(("x",), number, "Type at least two.")

    assert refusal.value.problems == ("Type at least two.", "Type a number.")


def test_a_long_list_of_problems_is_cut() -> None:
    def refuse(typed: str) -> None:
        raise Unreadable(f'Not "{typed}".')

    with pytest.raises(Unreadable) as refusal:
        read_each(map(str, range(MOST_PROBLEMS + 3)), refuse)

    assert refusal.value.problems[-2:] == ('Not "9".', "… and 3 more.")


@pytest.mark.parametrize(
    ("words", "all_words", "any_word"),
    [
        ([], "", ""),
        (["Mon"], "Mon", "Mon"),
        (["Mon", "Tue"], "Mon and Tue", "Mon or Tue"),
        (["Mon", "Tue", "Fri"], "Mon, Tue and Fri", "Mon, Tue or Fri"),
    ],
)
def test_lists_are_joined_by_commas_and_a_word(words: list[str], all_words: str, any_word: str) -> None:
    assert (all_of(words), any_of(words)) == (all_words, any_word)


@pytest.mark.parametrize(
    ("most", "sentence"), [(1, "Ann and 2 more"), (2, "Ann, Bo and 1 more"), (3, "Ann, Bo and Cy")]
)
def test_the_rest_of_a_long_list_is_counted(most: int, sentence: str) -> None:
    assert all_of(["Ann", "Bo", "Cy"], most=most) == sentence
