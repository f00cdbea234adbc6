"""How the program logs: one line an event, with ids, never with a secret.

On a terminal as people read it, else as JSON for what collects logs.
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
"""What each record has; whatever else is there was given with `extra`."""
MOST_A_MINUTE = 30
"""Warnings and errors from one line of code; else something that fails all the time would fill the disk."""

Hide = Callable[[str], str]


def set_up(level: str, secrets: Iterable[str] = (), stream: TextIO | None = None) -> None:
    """Log to standard error. Whatever would print one of `secrets` prints *** instead."""
    handler = logging.StreamHandler(stream or sys.stderr)
    hide = _hiding(secrets)
    handler.setFormatter(_Lines(hide) if handler.stream.isatty() else _JSON(hide))
    handler.addFilter(_Sparing())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    # They tell every request, every job and every statement with what people wrote in it, so they do not get to
    # speak in DEBUG either; ours tells what came of it.
    for chatty in ("discord", "apscheduler", "alembic", "sqlalchemy", "aiosqlite", "asyncio"):
        logging.getLogger(chatty).setLevel(max(logging.WARNING, logging.getLevelName(level)))


def _hiding(secrets: Iterable[str]) -> Hide:
    """What puts *** in the place of each secret, also where it is written as in a URL."""
    hidden = {form for one in secrets if one for form in (one, quote(one, safe=""))}
    longest_first = sorted(hidden, key=len, reverse=True)

    def hide(text: str) -> str:
        for secret in longest_first:
            text = text.replace(secret, "***")
        return text

    return hide


class _Sparing(logging.Filter):
    """Leaves out what the same line of code says too often, and says later how much that was."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._said: dict[tuple[str, int], tuple[float, int]] = {}
        """By place: when its minute began, and how often it has spoken since."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether it may be said; `left_out` is then how many before it were not."""
        if record.levelno < logging.WARNING:
            return True
        place, now = (record.pathname, record.lineno), self._clock()
        began, times = self._said.get(place, (now, 0))
        if now - began >= 60:
            if times > MOST_A_MINUTE:
                record.left_out = times - MOST_A_MINUTE
            began, times = now, 0
        self._said[place] = began, times + 1
        return times < MOST_A_MINUTE


class _Lines(logging.Formatter):
    """As people read it. Secrets are hidden in what is said, not in what is ours: level and logger."""

    def __init__(self, hide: Hide) -> None:
        super().__init__(_FORMAT)
        self._hide = hide

    def format(self, record: logging.LogRecord) -> str:
        fresh = copy.copy(record)
        fresh.msg, fresh.args = self._hide(record.getMessage()), None
        if left_out := getattr(record, "left_out", 0):
            fresh.msg += f" (and {left_out} more times, left out)"
        fresh.exc_text = None  # another handler may have written it, with everything in it
        return super().format(fresh)

    def formatException(self, ei: object) -> str:  # noqa: N802  (logging's own name)
        return self._hide(super().formatException(ei))  # pyright: ignore[reportArgumentType]  (logging's own type is private)


class _JSON(logging.Formatter):
    """One object a line: `at` (UTC), `level`, `logger`, `message`, what was given with `extra`, a traceback."""

    def __init__(self, hide: Hide) -> None:
        super().__init__()
        self._hide = hide

    def format(self, record: logging.LogRecord) -> str:
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
