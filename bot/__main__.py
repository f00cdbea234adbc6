"""`python -m bot`, the same as `coachbot`."""

from bot.cli import main

main()
