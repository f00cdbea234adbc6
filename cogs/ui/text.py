"""Reads numbers that people typed, and shortens texts."""

import re

_NO_ID = 2**63
_MOST_DIGITS = 19  # before they are turned into a number: Python refuses more than 4,300 of them

_LONE_STAR = re.compile(r"(?<![\\*])\*(?!\*)")


def whole_number(words: str) -> int | None:
    """Read plain digits as a number. None for anything else, and for numbers that don't fit our columns."""
    if not (words.isascii() and words.isdigit()) or len(words) > _MOST_DIGITS:
        return None
    number = int(words)
    return number if number < _NO_ID else None


def block(words: str) -> str:
    """Somebody's words as a quotation, every line of them."""
    return "\n".join(f"> {line}" for line in words.splitlines())


def our_own(words: str, most: int) -> str:
    """Cut a text of ours, in which people's words are already escaped, to `most` characters.

    Its bold type stays unless the text is cut. A single star isn't ours and is escaped.
    """
    words = _LONE_STAR.sub(r"\\*", words)
    if len(words) <= most:
        return words
    plain = words.replace("**", "")  # the cut could leave bold type open
    return plain if len(plain) <= most else plain[: most - 1].rstrip("\\") + "…"


def fitting(typed: dict[str, str], most: int = 3_500) -> dict[str, str]:
    """What was typed in a form, to be shown again in one message. Our forms fit; what no form of ours let anybody
    type is cut, because Discord refuses the whole of a message that is too long.
    """
    if sum(map(len, typed.values())) <= most:
        return typed
    return {name: words[: most // len(typed)] for name, words in typed.items()}
