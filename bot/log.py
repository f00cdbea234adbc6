"""How the program logs: one line an event, with ids, never with a secret.

On a terminal as people read it, else as JSON for what collects logs.
"""

import json
import logging
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TextIO

_FORMAT = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"
_STANDARD = vars(logging.makeLogRecord({})).keys() | {"message", "asctime", "taskName"}
"""What each record has; whatever else is there was given with `extra`."""


def set_up(level: str, secrets: Iterable[str] = (), stream: TextIO | None = None) -> None:
    """Log to standard error. Whatever would print one of `secrets` prints *** instead."""
    handler = logging.StreamHandler(stream or sys.stderr)
    lines = logging.Formatter(_FORMAT) if handler.stream.isatty() else _JSON()
    handler.setFormatter(_Discreet(lines, [secret for secret in secrets if secret]))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    # They tell every request, every job and every statement with what people wrote in it, so they do not get to
    # speak in DEBUG either; ours tells what came of it.
    for chatty in ("discord", "apscheduler", "alembic", "sqlalchemy", "aiosqlite", "asyncio"):
        logging.getLogger(chatty).setLevel(max(logging.WARNING, logging.getLevelName(level)))


class _JSON(logging.Formatter):
    """One object a line: `at` (UTC), `level`, `logger`, `message`, what was given with `extra`, a traceback."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {name: value for name, value in vars(record).items() if name not in _STANDARD}
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


class _Discreet(logging.Formatter):
    """Blots out secrets, also those inside a traceback."""

    def __init__(self, lines: logging.Formatter, secrets: list[str]) -> None:
        super().__init__()
        as_json = [json.dumps(secret, ensure_ascii=False)[1:-1] for secret in secrets]
        self._lines, self._secrets = lines, [*secrets, *as_json]

    def format(self, record: logging.LogRecord) -> str:
        line = self._lines.format(record)
        for secret in self._secrets:
            line = line.replace(secret, "***")
        return line
