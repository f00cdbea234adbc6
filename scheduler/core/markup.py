"""Quoting what people typed inside our own Markdown, and writing names instead of mentions."""

import re
from collections.abc import Mapping

# Invisible and reordering characters: controls except line breaks and tabs, invisible spaces, and overrides and
# isolates of Unicode's bidirectional algorithm (UAX #9). The joiners of emoji and letters (U+200C, U+200D) stay.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff]"
)

# A backslash escapes anything but letters, digits and white space. In an address it doesn't: "https://a.example/\<@1>"
# ends with a mention. So addresses are percent-encoded instead.
_MARKUP = re.compile(
    r"(?P<address><https?://[^\s<>]+>|(?<=[A-Za-z0-9])://\S+)"
    r"|(?:^|(?<=[\n\u2028\u2029]))(?P<before>[^\S\n]*[0-9]*)(?P<line>(?<![0-9])[#>+-]|(?<=[0-9])[.)](?=\s|$))"
    r"|(?P<sign>[\\*_~|`\[\]<]|@(?=everyone|here))"  # emphasis, code, spoilers, links, mentions, times
)
_ESCAPED = re.compile(r"\\([^A-Za-z0-9\s])")
# What people typed is escaped before, so this only finds our own.
_MENTION = re.compile(r"(?<!\\)<(?P<sign>@&|@!?|#)(?P<id>[0-9]+)>")
_UNKNOWN = {"@": "someone", "@!": "someone", "@&": "@unknown-role", "#": "#unknown"}
_IN_ADDRESSES = re.compile(r"(?!^)<|[\\*`|\[\]]|__|~~|@(?=everyone|here)")


def visible(text: str) -> str:
    """Remove invisible characters and normalize line breaks."""
    return _INVISIBLE.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


def unformatted(text: str) -> str:
    """Escape a text so that Discord shows it as typed, whatever surrounds it.

    Nothing in it becomes a heading, list, mention, time or disguised link, or ends formatting around it.
    Addresses stay links, with Markdown in them percent-encoded (RFC 3986, 2.1).
    """
    return _MARKUP.sub(_plain, text)


def as_typed(escaped: str) -> str:
    """Undo `unformatted`. Markdown in addresses stays percent-encoded, which leads to the same place."""
    return _ESCAPED.sub(r"\1", escaped)


def quoted(text: str, most: int = 1000) -> str:
    """Escape what someone typed for use in our text, cut to `most` characters with "…"."""
    escaped = unformatted(visible(text))
    return escaped if len(escaped) <= most else escaped[: most - 1].rstrip("\\") + "…"


def mentioned_ids(text: str) -> set[int]:
    """Return the ids of the people, channels and roles that our own text mentions."""
    return {int(found["id"]) for found in _MENTION.finditer(text)}


def with_names(text: str, names: Mapping[int, str]) -> str:
    """Write names instead of mentions, which some clients show as numbers outside the server."""

    def name(found: re.Match[str]) -> str:
        known = names.get(int(found["id"]))
        return _UNKNOWN[found["sign"]] if known is None else quoted(known)

    return _MENTION.sub(name, text)


def _plain(found: re.Match[str]) -> str:
    if found["address"]:
        return _IN_ADDRESSES.sub(lambda signs: "".join(f"%{ord(sign):02X}" for sign in signs[0]), found[0])
    return f"{found['before'] or ''}\\{found['line'] or found['sign']}"
