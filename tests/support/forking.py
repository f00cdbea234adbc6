"""Starts `coachbot run` repeatedly by forking, without importing everything each time.

For each line read, writes the new process's id, then that it has ended.
"""

import os
import sys

from bot import app  # noqa: F401  (what a fork would import else)
from bot.cli import commands, run  # noqa: F401  (what a fork would import else)


def main() -> None:
    """Fork a bot for each line of standard input; print its process id, and later that it has ended."""
    sys.argv = ["coachbot", "run", "--wait"]  # a killed one may still be dying
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
