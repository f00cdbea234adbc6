"""Write lists as English does: "Mon, Tue and Fri", "30, 60 or 90"."""

from collections.abc import Iterable, Sequence


def all_of(words: Iterable[str], *, most: int | None = None) -> str:
    """Join words with "and". Of more than `most`, the rest is counted: "Ann, Bo and 3 more"."""
    listed = [*words]
    if most is not None and len(listed) > most:
        listed[most:] = [f"{len(listed) - most} more"]
    return _joined(listed, "and")


def any_of(words: Iterable[str]) -> str:
    """Join words with "or"."""
    return _joined([*words], "or")


def _joined(words: Sequence[str], last: str) -> str:
    *others, final = words or [""]
    return f"{', '.join(others)} {last} {final}" if others else final
