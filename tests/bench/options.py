"""The options that every benchmark takes on its command line."""

import argparse
import sys
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Options:
    """How to measure, and how to print the figures."""

    as_json: bool = False
    quick: bool = False
    """One small round. Its figures say little, but every way still has to give the same results."""


def from_command_line(about: str | None, in_json: str) -> Options:
    """Read the arguments of this process. `in_json` says what the line of JSON holds."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help=f"print one line: {in_json}")
    parser.add_argument("--quick", action="store_true", help="one small round, to check that results are equal")
    given = parser.parse_args()
    return Options(as_json=given.json, quick=given.quick)


def write(text: str) -> None:
    """Print the figures."""
    sys.stdout.write(text + "\n")
