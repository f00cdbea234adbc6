"""What people type, made harmless inside our own text; and our own text where room is short."""

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
# Discord drops a backslash before anything but letters, digits and white space. Within an address it keeps it, and
# what follows counts again: "https://a.example/\<@1>" ends with a mention. So signs there are written in percent.
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
    """The number that these plain digits are; None for anything else, and for what no column of ours holds."""
    if not (words.isascii() and words.isdigit()) or len(words) > _MOST_DIGITS:
        return None
    number = int(words)
    return number if number < _NO_ID else None


def unformatted(words: str) -> str:
    """The words so that Discord shows them as they were typed, whatever stands before and after them.

    Nothing in them becomes a heading, a list, a mention, a time or a link with another label, or ends what is
    around them. Addresses stay links; what would be Markdown in one is written in percent (RFC 3986, 2.1).
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
    """A text of ours, in which what somebody wrote is quoted already: with its bold type, or without if cut.

    A star by itself is not ours, and harmless.
    """
    words = _LONE_STAR.sub(r"\\*", words)
    if len(words) <= most:
        return words
    plain = words.replace("**", "")  # whose end would be cut off
    return plain if len(plain) <= most else plain[: most - 1].rstrip("\\") + "…"


def fitting(typed: dict[str, str], most: int = 3_500) -> dict[str, str]:
    """What was typed in a form, to be shown again in one message. Our forms fit; what no form of ours let anybody
    type is cut, because Discord refuses the whole of a message that is too long.
    """
    if sum(map(len, typed.values())) <= most:
        return typed
    return {name: words[: most // len(typed)] for name, words in typed.items()}
