"""How a command ends: with one line and an exit code instead of a traceback, and within a time limit."""

import os
import threading
from datetime import timedelta

USAGE_ERROR = 2
FAILED = 1


class Stop(Exception):
    """Ends the program with this line and this exit code."""

    def __init__(self, line: str, code: int) -> None:
        super().__init__(line)
        self.code = code


def end_within(limit: timedelta) -> None:
    """End the process after `limit`, even if a thread, a DNS lookup or the event loop hangs.

    Interrupted work is repeated by the next process, as after a kill.
    """

    def end() -> None:
        os.write(2, f"coachbot: still not stopped after {limit.total_seconds():.0f} seconds, giving up\n".encode())
        os._exit(FAILED)

    timer = threading.Timer(limit.total_seconds(), end)
    timer.daemon = True
    timer.start()
