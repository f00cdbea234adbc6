"""Run the command line as `python -m bot` or `coachbot`."""

import signal

from bot.loading import fast_imports


def main() -> None:
    """Run the command line."""
    # Let Ctrl+C just end the process while modules load; Python would print a traceback from inside an import.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    with fast_imports():
        from bot.cli import commands

    signal.signal(signal.SIGINT, signal.default_int_handler)
    commands.app()


if __name__ == "__main__":
    main()
