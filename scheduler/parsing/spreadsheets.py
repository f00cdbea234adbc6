"""Escape text for CSV cells so spreadsheets don't run it, turn it into a number or split it.

Spreadsheets run cells that start like a formula: https://owasp.org/www-community/attacks/CSV_Injection. If they
expect a different separator, they ignore our quotes, so a cell can start in the middle of our text. Text that
looks like a number becomes one, cut to 15 digits.
"""

import re

BOM = "\ufeff"
"""Goes at the start of the file; without it, Excel doesn't recognize UTF-8."""

_UNSEEN = r"\s\"\u00ad\u200b-\u200f\u2060\ufeff"
_BEGINS = "=+\\-@＝＋－＠﹦﹢﹣﹫"
_START = r"(?:\A|(?<=[,;\t\n])|(?<=\r)(?!\n))"
"""Where a cell can start if the separator is a comma, a semicolon, a tab or a line break."""
_RISKY = re.compile(rf"{_START}(?=['\t\r]|[{_UNSEEN}]*[{_BEGINS}])")
_MARK = re.compile(rf"{_START}'")
_NUMBER = re.compile(r"[\s\d.,:/eE+-]*\d[\s\d.,:/eE+-]*")


def escape(text: str) -> str:
    """Put an apostrophe wherever a cell starting there wouldn't be plain text. Undo it with `unescape`."""
    marked = _RISKY.sub("'", text)
    return f"'{marked}" if _NUMBER.fullmatch(text) and not marked.startswith("'") else marked


def unescape(cell: str) -> str:
    """Return the text that was passed to `escape`."""
    return _MARK.sub("", cell)
