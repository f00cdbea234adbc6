"""Fold text for searching: no case, no accents, single spaces between words."""

import unicodedata

OTHER_LETTERS = {"ł": "l", "ø": "o", "đ": "d", "ð": "d", "ı": "i", "æ": "ae", "œ": "oe", "þ": "th", "ħ": "h"}
"""Letters Unicode doesn't decompose, and what people without them on their keyboard type."""

_APOSTROPHES = "'’‘ʻʼ`´ʿʾ"


class Fold(dict[int, str]):
    """A `str.translate` table that fills itself as needed. Call it to fold text."""

    def __missing__(self, code: int) -> str:
        letters = chr(code).casefold()
        plain = "".join(OTHER_LETTERS.get(letter, letter) for letter in unicodedata.normalize("NFKD", letters))
        kept = (
            letter if letter.isalnum() or unicodedata.category(letter) == "Mc" else " "
            for letter in plain
            if not unicodedata.combining(letter) and letter not in _APOSTROPHES
        )
        self[code] = "".join(kept)
        return self[code]

    def __call__(self, text: str) -> str:
        """Fold text: "São  Paulo" becomes "sao paulo"."""
        return " ".join(text.translate(self).split())
