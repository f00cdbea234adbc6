"""Read numbers people typed, and quote and shorten texts."""

import re

from scheduler.core.markup import as_typed, unformatted

_NO_ID = 2**63
_MOST_DIGITS = 19  # checked first, because Python refuses to convert more than 4,300

_LONE_STAR = re.compile(r"(?<![\\*])\*(?!\*)")

_FITS = 3_800  # of the 4,000 characters that a message can have


def whole_number(words: str) -> int | None:
    """Read plain digits as a number. None for anything else, and for numbers that don't fit our columns."""
    if not (words.isascii() and words.isdigit()) or len(words) > _MOST_DIGITS:
        return None
    number = int(words)
    return number if number < _NO_ID else None


def block(words: str) -> str:
    """Quote every line."""
    return "\n".join(f"> {line}" for line in words.splitlines())


def cut_our_text(words: str, most: int) -> str:
    """Cut our own text, in which people's words are already escaped, to `most` characters.

    Keeps bold type unless the text is cut. Escapes single stars, which can't be ours.
    """
    words = _LONE_STAR.sub(r"\\*", words)
    if len(words) <= most:
        return words
    plain = words.replace("**", "")  # the cut could leave bold type open
    return plain if len(plain) <= most else plain[: most - 1].rstrip("\\") + "…"


def fitting(typed: dict[str, str], beside: str) -> dict[str, str]:
    """Cut what was typed so that it fits, escaped, into a message with `beside`.

    Our own forms fit, unless they're full of Markdown; a tampered client's may not.
    """
    most = _FITS - len(beside)
    escaped = {name: unformatted(words) for name, words in typed.items()}
    if sum(map(len, escaped.values())) <= most:
        return typed
    return {name: as_typed(words[: most // len(typed)].rstrip("\\")) for name, words in escaped.items()}
