"""The kinds of server settings: parse, check, write and show their values."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal, TypeGuard

from scheduler.core.errors import Unreadable
from scheduler.parsing.durations import parse_length, write_length
from scheduler.parsing.lists import any_of
from scheduler.parsing.money import parse_currency
from scheduler.time.abbreviations import show_zone
from scheduler.time.time_zones import parse_zone

Value = str | int | list[int]

_MINUTE = timedelta(minutes=1)
_SHORT = {" minutes": " min", " minute": " min", " hours": " h", " hour": " h"}
_COMMON_CURRENCIES = "USD EUR GBP CAD AUD CHF JPY INR BRL MXN SEK PLN ZAR NZD"
_MOST_DIGITS = 9
_QUOTED = 60


class Kind:
    """A kind of setting. `parse` and `check` raise Unreadable with what to type instead."""

    longest = 30
    """The most characters its field takes."""
    example = ""
    """What the field shows while it's empty."""
    when_unset: Value = ""
    """The value of an empty column."""
    accepts = ""
    """Describes the values it takes."""
    suggestions = tuple[Value, ...]()
    """Values to choose from."""

    def parse(self, typed: str) -> Value:
        """Parse what an admin typed."""
        raise NotImplementedError

    def check(self, value: Value) -> Value:
        """Return the value as it's stored."""
        return self.parse(str(value))

    def write(self, value: Value) -> str:
        """Write a value so that `parse` can read it."""
        return str(value)

    def show(self, value: Value) -> str:
        """Write a value briefly."""
        return self.write(value)


@dataclass(frozen=True)
class Whole(Kind):
    """A whole number from `least` to `most`."""

    least: int
    most: int
    suggestions: tuple[int, ...] = ()
    """The first one is also the example."""

    @property
    def example(self) -> str:
        """Write the first suggestion."""
        return self.write(self.suggestions[0])

    def parse(self, typed: str) -> int:
        """Parse digits."""
        plain = typed.strip()
        if not (plain.isascii() and plain.isdigit()) or len(plain) > _MOST_DIGITS:
            raise self._refusal(typed)
        return self._within(int(plain), typed)

    def check(self, value: Value) -> int:
        """Return a whole number in the range."""
        if not _is_whole(value):
            raise self._refusal(str(value))
        return self._within(value, self.write(value))

    @property
    def accepts(self) -> str:
        """Name both ends of the range."""
        return f"{self.write(self.least)} to {self.write(self.most)}"

    def _within(self, value: int, written: str) -> int:
        if not self.least <= value <= self.most:
            raise self._refusal(written)
        return value

    def _refusal(self, written: str) -> Unreadable:
        return Unreadable(f'"{_quoted(written)}" isn\'t a whole number from {self.accepts}. Type another one.')


@dataclass(frozen=True)
class Minutes(Whole):
    """A length of time in whole minutes. A bare number is in `unit`."""

    unit: Literal["minutes", "hours"] = "minutes"

    def parse(self, typed: str) -> int:
        """Parse "90 min", "1 day" or "none"."""
        return self._within(parse_length(typed, unit=self.unit) // _MINUTE, typed)

    def write(self, value: Value) -> str:
        """Write it out: "1 hour 30 minutes"."""
        return write_length(int(str(value)) * _MINUTE) if value else "0 minutes"

    def show(self, value: Value) -> str:
        """Abbreviate units: "1 h 30 min"."""
        return _short(self.write(value))

    def _refusal(self, written: str) -> Unreadable:
        return Unreadable(f'"{_quoted(written)}" is out of range. Type {self.accepts}.')


@dataclass(frozen=True)
class Choice(Kind):
    """One of a few values, each with a label."""

    options: tuple[tuple[str | bool, str], ...]

    def parse(self, typed: str) -> str | bool:
        """Parse a label, or the value itself."""
        plain = typed.strip().casefold()
        for value, label in self.options:
            if plain in (label.casefold(), str(value).casefold()):
                return value
        raise Unreadable(f'"{_quoted(typed)}" isn\'t one of the choices. Type {self.accepts}.')

    def write(self, value: Value) -> str:
        """Return the value's label."""
        return dict(self.options)[value] if isinstance(value, str | bool) else str(value)

    @property
    def accepts(self) -> str:
        """Name all labels."""
        return any_of(f'"{label}"' for _, label in self.options)

    @property
    def suggestions(self) -> tuple[str | bool, ...]:
        """List all values."""
        return tuple(value for value, _ in self.options)


@dataclass(frozen=True)
class Text(Kind):
    """Free text of up to `longest` characters; "none" removes it. The audit log never holds it."""

    longest: int = 300

    def parse(self, typed: str) -> str:
        """Parse anything that isn't too long."""
        plain = typed.strip()
        if plain.casefold() == "none":
            return ""
        if len(plain) > self.longest:
            raise Unreadable(f"That's {len(plain):,} characters. Shorten it to {self.longest:,}.")
        return plain

    def show(self, value: Value) -> str:
        """Write the text, or "not set"."""
        return str(value) or "not set"

    @property
    def accepts(self) -> str:
        """Name the limit."""
        return f'Up to {self.longest:,} characters, or "none"'


class Zone(Kind):
    """A time zone, by its name or a place in it. Parsing a city can take a while."""

    longest = 60
    example = "Munich"
    accepts = "A city, country, zone, abbreviation or offset"

    def parse(self, typed: str) -> str:
        """Return the IANA name."""
        return parse_zone(typed)

    def write(self, value: Value) -> str:
        """Write the name people know."""
        return show_zone(str(value))


class Currency(Kind):
    """An ISO 4217 code."""

    longest = 3
    example = "EUR"
    when_unset = "USD"
    accepts = "A three-letter code"
    suggestions = tuple(_COMMON_CURRENCIES.split())

    def parse(self, typed: str) -> str:
        """Parse a code in any case."""
        return parse_currency(typed)


class Reminders(Kind):
    """How many minutes before a session people are reminded, longest first. Empty: not at all."""

    longest = 150
    example = "24h, 1h"
    accepts = 'Up to five times from 5 minutes to 14 days, or "none"'
    suggestions = ([1440, 60], [1440], [120, 30], [60], [2880, 1440, 60], [])

    @property
    def when_unset(self) -> list[int]:  # pyright: ignore[reportIncompatibleVariableOverride]  (read only)
        """Return the usual times."""
        from scheduler.notifications import reminder_times  # imports all tables, which config.py doesn't need

        return [time // _MINUTE for time in reminder_times.FIRST_REMINDERS]

    def parse(self, typed: str) -> list[int]:
        """Parse "24h, 1h" or "none"."""
        from scheduler.notifications import reminder_times

        return reminder_times.parse_reminder_times(typed)

    def check(self, value: Value) -> list[int]:
        """Return times as they're stored."""
        if not isinstance(value, list) or not all(map(_is_whole, value)):
            raise Unreadable(f"Those aren't times. Type {self.accepts}.")
        return self.parse(self.write(value))

    def write(self, value: Value) -> str:
        """Write the times out: "1 day, 1 hour"."""
        times = value if isinstance(value, list) else ()
        return ", ".join(write_length(one * _MINUTE) for one in times) or "none"

    def show(self, value: Value) -> str:
        """Abbreviate units: "1 day, 1 h"."""
        return _short(self.write(value))


def _is_whole(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def _short(words: str) -> str:
    for long, short in _SHORT.items():
        words = words.replace(long, short)
    return words


def _quoted(typed: str) -> str:
    return " ".join(typed.split())[:_QUOTED]
