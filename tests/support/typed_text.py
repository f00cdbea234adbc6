"""Reading what people type: what it means, or the sentence that refuses it."""

import re
from collections.abc import Callable
from typing import Any, TypeVar

import pytest

from scheduler.core.errors import Unreadable
from scheduler.parsing.lists import MOST_PROBLEMS

T = TypeVar("T")

LONGEST_REFUSAL = 400
"""Characters of each sentence. Refusals are part of a message, and Discord allows 4,000."""


def refused(parse: Callable[..., object], *typed: str, **how: Any) -> str:
    """Return the sentence that refuses the text. Fails if it's read."""
    with pytest.raises(Unreadable) as refusal:
        parse(*typed, **how)
    return str(refusal.value)


def understood(parse: Callable[..., T], *typed: str, **how: Any) -> T | None:
    """Return what was read, or None if it was refused in short sentences that say what to do."""
    try:
        return parse(*typed, **how)
    except Unreadable as refusal:
        problems = refusal.problems
    assert 1 <= len(problems) <= MOST_PROBLEMS + 1
    for sentence in problems:
        assert re.search("[Tt]ype|Rename|the hour is 1 to 12|The highest is|and [0-9]+ more", sentence), sentence
        assert len(sentence) <= LONGEST_REFUSAL
    return None
