"""Logging: one line per event, with ids, never with a secret.

Plain lines on a terminal, JSON elsewhere.
"""

import copy
import json
import logging
import sys
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import TextIO
from urllib.parse import quote

_FORMAT = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"
_STANDARD = vars(logging.makeLogRecord({})).keys() | {"message", "asctime", "taskName"}
"""Attributes that every record has. All others came from `extra`."""
MAX_PER_MINUTE = 30
"""Limits warnings and errors per line of code, so that a constant failure can't fill the disk."""

Redact = Callable[[str], str]


def set_up(level: str, secrets: Iterable[str] = (), stream: TextIO | None = None) -> None:
    """Log to standard error, with *** in place of each of `secrets`."""
    handler = logging.StreamHandler(stream or sys.stderr)
    hide = _redactor(secrets)
    handler.setFormatter(_PlainFormatter(hide) if handler.stream.isatty() else _JSONFormatter(hide))
    handler.addFilter(_RateLimit())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    # At DEBUG these log every request, job and SQL statement, including what people wrote.
    for chatty in ("discord", "apscheduler", "alembic", "sqlalchemy", "aiosqlite", "asyncio", "stripe"):
        logging.getLogger(chatty).setLevel(max(logging.WARNING, logging.getLevelName(level)))


def _redactor(secrets: Iterable[str]) -> Redact:
    """Return a function that replaces each secret with ***, also in its URL-encoded form."""
    hidden = {form for one in secrets if one for form in (one, quote(one, safe=""))}
    longest_first = sorted(hidden, key=len, reverse=True)

    def hide(text: str) -> str:
        for secret in longest_first:
            text = text.replace(secret, "***")
        return text

    return hide


class _RateLimit(logging.Filter):
    """Drops records that the same line of code logs too often, and counts them."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._said: dict[tuple[str, int], tuple[float, int]] = {}
        """By line of code: when its minute began, and how often it has logged since."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether to log the record; `left_out` is set to the number dropped before it."""
        if record.levelno < logging.WARNING:
            return True
        place, now = (record.pathname, record.lineno), self._clock()
        began, times = self._said.get(place, (now, 0))
        if now - began >= 60:
            if times > MAX_PER_MINUTE:
                record.left_out = times - MAX_PER_MINUTE
            began, times = now, 0
        self._said[place] = began, times + 1
        return times < MAX_PER_MINUTE


class _PlainFormatter(logging.Formatter):
    """Formats records for people. Hides secrets in messages and tracebacks, but not in level and logger."""

    def __init__(self, hide: Redact) -> None:
        super().__init__(_FORMAT)
        self._hide = hide

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, without secrets and with a count of what was left out."""
        fresh = copy.copy(record)
        fresh.msg, fresh.args = self._hide(record.getMessage()), None
        if left_out := getattr(record, "left_out", 0):
            fresh.msg += f" (and {left_out} more times, left out)"
        fresh.exc_text = None  # another handler may have cached the unhidden traceback
        return super().format(fresh)

    def formatException(self, ei: object) -> str:  # noqa: N802  (logging's own name)
        return self._hide(super().formatException(ei))  # pyright: ignore[reportArgumentType]  (logging's own type is private)


class _JSONFormatter(logging.Formatter):
    """Formats records as JSON, one per line: `at` (UTC), `level`, `logger`, `message`, `extra` and traceback."""

    def __init__(self, hide: Redact) -> None:
        super().__init__()
        self._hide = hide

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line of JSON, without secrets."""
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": self._hide(record.getMessage()),
        }
        line |= {name: self._discreet(value) for name, value in vars(record).items() if name not in _STANDARD}
        if record.exc_info:
            line["error"] = self._hide(self.formatException(record.exc_info))
        return json.dumps(line, ensure_ascii=False)

    def _discreet(self, value: object) -> object:
        return value if value is None or isinstance(value, int | float) else self._hide(str(value))
