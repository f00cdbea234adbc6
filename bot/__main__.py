"""`python -m bot`, and `coachbot`."""

import signal

from bot.loading import loading


def main() -> None:
    """The entry point."""
    # Ctrl+C while this loads simply ends it; Python would tell which import it was in.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    with loading():
        from bot.cli import commands

    signal.signal(signal.SIGINT, signal.default_int_handler)
    commands.app()


if __name__ == "__main__":
    main()
