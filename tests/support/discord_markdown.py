"""Renders Discord's Markdown, letter by letter, slowly and plainly.

The rules are those of Discord's help ("Markdown Text 101") and developer documentation ("Message Formatting"). At
each place the first matching rule applies, and its content is rendered the same way.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple


class Piece(NamedTuple):
    """A piece of rendered text: plain, or with a style."""

    kind: str
    shown: str


_BLOCKS = (
    ("code", re.compile(r"```(?:[\s\S]+?)```")),
    ("heading", re.compile(r"#{1,3}\s+(?P<inside>[^\n]+)")),
    ("subtext", re.compile(r"-#\s+(?P<inside>[^\n]+)")),
    ("list", re.compile(r"[ \t]*(?:[-*+]|[0-9]+[.)])\s+(?P<line>[^\n]*)")),
    ("quote", re.compile(r">>>\s+(?P<rest>[\s\S]*)|>\s+(?P<line>[^\n]*)")),
)
"""Only at the start of a line, or after another one of these."""

_INLINE = (
    ("escape", re.compile(r"\\(?P<letter>[^0-9A-Za-z\s])")),
    ("link", re.compile(r"\[(?P<label>(?:\[[^\]]*\]|[^\[\]]|\](?=[^\[]*\]))*)\]\(\s*<?(?P<to>[^\s>)]+)[^)]*\)")),
    ("mention", re.compile(r"<(?:@[!&]?|#)[0-9]+>|@everyone|@here")),
    ("command", re.compile(r"</[^\n:>]+:[0-9]+>")),
    ("time", re.compile(r"<t:-?[0-9]+(?::[A-Za-z])?>")),
    ("place", re.compile(r"<id:\w+(?::[0-9]+)?>")),
    ("emoji", re.compile(r"<a?:\w+:[0-9]+>")),
    ("address", re.compile(r"<(?P<angled>\w+:/[^\s<>]+)>|(?:https?|steam)://[^\s<]+[^<.,:;\"'\]\s]")),
    ("code", re.compile(r"```[\s\S]+?```|(?P<ticks>`+)[\s\S]*?[^`](?P=ticks)(?!`)")),
    ("spoiler", re.compile(r"\|\|(?P<inside>[\s\S]+?)\|\|")),
    ("strong", re.compile(r"\*\*(?P<inside>(?:\\[\s\S]|[^\\])+?)\*\*(?!\*)")),
    ("underline", re.compile(r"__(?P<inside>(?:\\[\s\S]|[^\\])+?)__(?!_)")),
    ("strike", re.compile(r"~~(?P<inside>(?:\\[\s\S]|[^\\])+?)~~")),
    ("emphasis", re.compile(r"\*(?=\S)(?P<inside>(?:\\[\s\S]|[^\\*]|\*\*)+?)\*(?!\*)")),
    ("emphasis", re.compile(r"_(?P<inside>(?:\\[\s\S]|[^\\_])+?)_(?!_)")),
)


def shown(source: str) -> list[Piece]:
    """Render the text, joining neighbouring plain pieces."""
    joined: list[Piece] = []
    for piece in _read(source, starts_line=True):
        if joined and joined[-1].kind == piece.kind == "text":
            joined[-1] = Piece("text", joined[-1].shown + piece.shown)
        elif piece.shown:
            joined.append(piece)
    return joined


def _read(source: str, *, starts_line: bool) -> Iterator[Piece]:
    at = 0
    while at < len(source):
        rules = (*(_BLOCKS if starts_line else ()), *_INLINE)
        found = next(((kind, match) for kind, rule in rules if (match := rule.match(source, at))), None)
        if found is None:
            yield Piece("text", source[at])
            # A line that's blank so far hasn't begun.
            starts_line = source[at] in "\n\u2028\u2029" or (starts_line and source[at].isspace())
            at += 1
            continue
        kind, match = found
        yield from _made(kind, match, starts_line=starts_line)
        at, starts_line = match.end(), False


def _made(kind: str, match: re.Match[str], *, starts_line: bool) -> Iterator[Piece]:
    parts = match.groupdict()
    if kind == "escape":
        yield Piece("text", parts["letter"])
    elif kind == "link":
        yield Piece("link", f"{parts['label']} → {parts['to']}")
    elif kind == "address":
        # Shown as it is, with or without angle brackets.
        yield Piece("address", match[0])
    elif (inside := parts.get("inside") or parts.get("line") or parts.get("rest")) is not None:
        yield Piece(kind, "(")
        yield from _read(inside, starts_line=starts_line)
        yield Piece(kind, ")")
    else:
        yield Piece(kind, match[0])
