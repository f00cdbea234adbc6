"""Measuring in two databases of each engine: in one there's little of something, in the other much."""

import asyncio
import tempfile
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from tests.bench.booking import Times, row
from tests.support.postgres import start_postgres

Measured = dict[str, dict[str, Times]]
"""By what was done and size ("few" or "many"), how long it took."""


def on_both_engines(measure: Callable[[str, str], Coroutine[Any, Any, Measured]]) -> dict[str, Measured]:
    """Call `measure` with the URLs of two new databases of each engine, and return what it found."""
    with (
        tempfile.TemporaryDirectory(prefix="coachbot-bench-") as folder,
        start_postgres(Path(folder) / "postgres") as server,
    ):
        for name in ("few", "many"):
            server.psql(f"CREATE DATABASE {name}")
        urls = {
            "sqlite": [f"sqlite:///{Path(folder) / name}.db" for name in ("few", "many")],
            "postgres": [server.get_uri(name) for name in ("few", "many")],
        }
        return {engine: asyncio.run(measure(few, many)) for engine, (few, many) in urls.items()}


def ratio(times: dict[str, Times]) -> float:
    """Return how many times longer it takes with many."""
    return times["many"].middle / times["few"].middle


def table(found: dict[str, Measured], of: str) -> str:
    """Write the figures as a table, a line for each step. `of` says of what there are how many."""
    lines = [f"{'milliseconds':46}{'least':>9}{'median':>9}{'p99':>9}{'ratio':>9}"]
    for engine, measured in found.items():
        lines.append(f"{engine}, {of}")
        for what, times in measured.items():
            lines.append(row(f"  {what}", times["few"]))
            lines.append(row("", times["many"], ratio(times)))
    return "\n".join([*lines, "Ratios are of medians, to the line above."])
