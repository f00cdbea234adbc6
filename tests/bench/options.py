"""The command line options of every benchmark."""

import argparse
import sys
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Options:
    """How to measure, and how to print the results."""

    as_json: bool = False
    quick: bool = False
    """One small round. The figures mean little, but all variants must still agree."""


def from_command_line(about: str | None, in_json: str) -> Options:
    """Parse this process's arguments. `in_json` describes the JSON line."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help=f"print one line: {in_json}")
    parser.add_argument("--quick", action="store_true", help="one small round, to check that results are equal")
    given = parser.parse_args()
    return Options(as_json=given.json, quick=given.quick)


def write(text: str) -> None:
    sys.stdout.write(text + "\n")
