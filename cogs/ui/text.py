"""Quotes what people typed inside our own text, and shortens our own text."""

import re

_NO_ID = 2**63
_MOST_DIGITS = 19  # before they are turned into a number: Python refuses more than 4,300 of them
# Characters that show nothing or turn the order of what follows: controls except line breaks and tabs, invisible
# spaces, and the overrides and isolates of Unicode's bidirectional algorithm (UAX #9). What joins emoji and
# letters (U+200C, U+200D) stays.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff]"
)

_LONE_STAR = re.compile(r"(?<![\\*])\*(?!\*)")
# Discord drops a backslash before anything but letters, digits and white space. Inside an address it keeps the
# backslash, and what follows is markup again: "https://a.example/\<@1>" ends with a mention. So addresses are
# percent-encoded instead.
_MARKUP = re.compile(
    r"(?P<address><https?://[^\s<>]+>|(?<=[A-Za-z0-9])://\S+)"
    r"|(?:^|(?<=[\n\u2028\u2029]))(?P<before>[^\S\n]*[0-9]*)(?P<line>(?<![0-9])[#>+-]|(?<=[0-9])[.)](?=\s|$))"
    r"|(?P<sign>[\\*_~|`\[\]<]|@(?=everyone|here))"  # emphasis, code, spoilers, links, mentions, times
)
_IN_ADDRESSES = re.compile(r"(?!^)<|[\\*`|\[\]]|__|~~|@(?=everyone|here)")


def visible(words: str) -> str:
    """The words as they can be read; a text of invisible characters only is empty."""
    return _INVISIBLE.sub("", words.replace("\r\n", "\n").replace("\r", "\n"))


def whole_number(words: str) -> int | None:
    """Read plain digits as a number. None for anything else, and for numbers that don't fit our columns."""
    if not (words.isascii() and words.isdigit()) or len(words) > _MOST_DIGITS:
        return None
    number = int(words)
    return number if number < _NO_ID else None


def unformatted(words: str) -> str:
    """Escape a text so that Discord shows it as it was typed, whatever comes before and after it.

    Nothing in it becomes a heading, list, mention, time or disguised link, or ends formatting around it. Addresses
    stay links, with any Markdown in them percent-encoded (RFC 3986, 2.1).
    """
    return _MARKUP.sub(_plain, words)


def _plain(found: re.Match[str]) -> str:
    if found["address"]:
        return _IN_ADDRESSES.sub(lambda signs: "".join(f"%{ord(sign):02X}" for sign in signs[0]), found[0])
    return f"{found['before'] or ''}\\{found['line'] or found['sign']}"


def quoted(words: str, most: int = 1000) -> str:
    """What somebody wrote, harmless inside our text: no Markdown, at most `most` characters, "…" if cut."""
    escaped = unformatted(visible(words))
    return escaped if len(escaped) <= most else escaped[: most - 1].rstrip("\\") + "…"


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
