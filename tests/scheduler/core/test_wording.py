"""Writing lists as English does."""

import pytest

from scheduler.core.wording import all_of, any_of


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
