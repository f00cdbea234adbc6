"""How a command of the command line ends: with a line and an exit code instead of a traceback, and in time."""

import os
import threading
from datetime import timedelta

from sqlalchemy.exc import DBAPIError

USAGE_ERROR = 2
FAILED = 1


class Stop(Exception):
    """The program ends with this line and this exit code."""

    def __init__(self, line: str, code: int) -> None:
        super().__init__(line)
        self.code = code


def cause(error: Exception) -> BaseException | str | None:
    """What is behind it, without the statement that met it."""
    behind = error.orig if isinstance(error, DBAPIError) else error
    return behind if str(behind) or not isinstance(behind, TimeoutError) else "no answer in time"


def end_within(limit: timedelta) -> None:
    """End the process after that time, whatever still hangs: a thread, a name that is looked up, the event loop.

    What was under way is done again by the next one, as after a kill.
    """

    def end() -> None:
        os.write(2, f"coachbot: still not stopped after {limit.total_seconds():.0f} seconds, giving up\n".encode())
        os._exit(FAILED)

    timer = threading.Timer(limit.total_seconds(), end)
    timer.daemon = True
    timer.start()
