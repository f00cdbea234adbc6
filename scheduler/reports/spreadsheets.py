"""Text as the cell of a CSV file that no spreadsheet runs, takes for a number or cuts into other cells; pure.

Spreadsheets run what begins like a formula, https://owasp.org/www-community/attacks/CSV_Injection. Where they
expect another separator than the file has, they ignore its quotes, so that a cell of theirs may begin amid a text
of ours. What looks like a number becomes one, of which 15 digits are kept.
"""

import re

BOM = "\ufeff"
"""At the beginning of the file; without it Excel reads UTF-8 as the host's old code page."""

_UNSEEN = r"\s\"\u00ad\u200b-\u200f\u2060\ufeff"
_BEGINS = "=+\\-@＝＋－＠﹦﹢﹣﹫"
_START = r"(?:\A|(?<=[,;\t\n])|(?<=\r)(?!\n))"
"""Where a cell begins for somebody who separates by commas, semicolons, tabs or lines."""
_RISKY = re.compile(rf"{_START}(?=['\t\r]|[{_UNSEEN}]*[{_BEGINS}])")
_MARK = re.compile(rf"{_START}'")
_NUMBER = re.compile(r"[\s\d.,:/eE+-]*\d[\s\d.,:/eE+-]*")


def cell(text: str) -> str:
    """The text with an apostrophe before all that would be more than text if a cell began there.

    `text_of` takes them away again.
    """
    marked = _RISKY.sub("'", text)
    return f"'{marked}" if _NUMBER.fullmatch(text) and not marked.startswith("'") else marked


def text_of(cell: str) -> str:
    """What `cell` was given."""
    return _MARK.sub("", cell)
