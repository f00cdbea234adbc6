"""`python -m bot`, and `coachbot`."""

from bot.loading import loading


def main() -> None:
    """The entry point."""
    with loading():
        from bot import cli

    cli.app()


if __name__ == "__main__":
    main()
