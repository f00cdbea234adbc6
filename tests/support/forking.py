"""`coachbot run` started again and again without importing everything each time: each is forked from this one.

Reads a line for each start, and writes the new process' id, then that it has ended.
"""

import os
import sys

from bot import app  # noqa: F401  (what a fork would import else)
from bot.cli import commands, run  # noqa: F401  (what a fork would import else)


def main() -> None:
    """Until there are no more lines."""
    sys.argv = ["coachbot", "run", "--wait"]  # one that was killed may still be dying
    for _ in sys.stdin:
        pid = os.fork()
        if pid == 0:
            commands.app()
            os._exit(0)
        print(pid, flush=True)  # noqa: T201  (the test reads it)
        os.waitpid(pid, 0)
        print("ended", flush=True)  # noqa: T201  (and this)


if __name__ == "__main__":
    main()
