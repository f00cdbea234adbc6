"""How the program logs: one line an event, with ids, never with a secret."""

import logging
import sys
from collections.abc import Iterable

_FORMAT = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"


def set_up(level: str, secrets: Iterable[str] = ()) -> None:
    """Log to standard error. Whatever would print one of `secrets` prints *** instead."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Discreet(_FORMAT, [secret for secret in secrets if secret]))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    # They tell every request, every job and every statement with what people wrote in it, so they do not get to
    # speak in DEBUG either; ours tells what came of it.
    for chatty in ("discord", "apscheduler", "alembic", "sqlalchemy", "aiosqlite", "asyncio"):
        logging.getLogger(chatty).setLevel(max(logging.WARNING, logging.getLevelName(level)))


class _Discreet(logging.Formatter):
    """Blots out secrets, also those inside a traceback."""

    def __init__(self, template: str, secrets: list[str]) -> None:
        super().__init__(template)
        self._secrets = secrets

    def format(self, record: logging.LogRecord) -> str:
        line = super().format(record)
        for secret in self._secrets:
            line = line.replace(secret, "***")
        return line
