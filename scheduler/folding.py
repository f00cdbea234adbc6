"""Letters as a search compares them: without case and accents, with blanks for all between words."""

import unicodedata

_OTHER_LETTERS = {"ł": "l", "ø": "o", "đ": "d", "ð": "d", "ı": "i", "æ": "ae", "œ": "oe", "þ": "th", "ħ": "h"}
_APOSTROPHES = "'’‘ʻʼ`´ʿʾ"


class Fold(dict[int, str]):
    """A table for `str.translate` that learns: call it with a text to have it folded."""

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
        """The text folded: "São  Paulo" is "sao paulo"."""
        return " ".join(text.translate(self).split())
