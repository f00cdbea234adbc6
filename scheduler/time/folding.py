"""Folding of text for searches: no case, no accents, and one space between words."""

import unicodedata

_OTHER_LETTERS = {"ł": "l", "ø": "o", "đ": "d", "ð": "d", "ı": "i", "æ": "ae", "œ": "oe", "þ": "th", "ħ": "h"}
_APOSTROPHES = "'’‘ʻʼ`´ʿʾ"


class Fold(dict[int, str]):
    """A table for `str.translate` that fills itself. Call it with a text to fold it."""

    def __missing__(self, code: int) -> str:
        letters = chr(code).casefold()
        plain = "".join(_OTHER_LETTERS.get(letter, letter) for letter in unicodedata.normalize("NFKD", letters))
        kept = (
            letter if letter.isalnum() or unicodedata.category(letter) == "Mc" else " "
            for letter in plain
            if not unicodedata.combining(letter) and letter not in _APOSTROPHES
        )
        self[code] = "".join(kept)
        return self[code]

    def __call__(self, text: str) -> str:
        """Fold a text: "São  Paulo" becomes "sao paulo"."""
        return " ".join(text.translate(self).split())
