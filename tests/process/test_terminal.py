"""What people see on a terminal, as opposed to a log or a pipe."""

import os
import pty
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ENVIRONMENT = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "TERM": "xterm-256color", "COLUMNS": "90"}
GREEN, RED, SHOW_CURSOR = "\x1b[32m", "\x1b[31m", "\x1b[?25h"


def lines_on_terminal(folder: Path, *arguments: str, stop_at: str | None = None) -> Iterator[str]:
    """Yield what `coachbot` writes to a terminal, line by line. A line containing `stop_at` stops it."""
    ours, its = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "bot", *arguments],
        cwd=folder,
        env=ENVIRONMENT,
        stdin=subprocess.DEVNULL,
        stdout=its,
        stderr=its,
    )
    os.close(its)
    try:
        with os.fdopen(ours, encoding="utf-8", newline="\n") as terminal:
            while line := _next_line(terminal):
                yield line
                if stop_at is not None and stop_at in line:
                    process.send_signal(signal.SIGTERM)
    finally:
        process.kill()
        process.wait()


def _next_line(terminal: Iterator[str]) -> str:
    """Return the next line, or nothing at the end, which Linux reports as an error."""
    try:
        return next(terminal, "")
    except OSError:
        return ""


@pytest.mark.slow
def test_the_doctor_draws_a_table(tmp_path: Path) -> None:
    lines = list(lines_on_terminal(tmp_path, "doctor"))

    plain = [re.sub(r"\x1b\[[\d;]*m", "", line).rstrip() for line in lines]
    [ok] = [line for line in lines if "configuration" in line]
    [error] = [line for line in lines if "error" in line]
    assert "  Status    Check           Result" in plain
    assert GREEN in ok
    assert RED in error
    assert any(line.startswith(" " * 28 + "To do: ") for line in plain)
    assert max(map(len, plain)) <= 90


def test_a_backup_shows_its_progress_and_leaves_one_line(tmp_path: Path, migrated_sqlite: Path) -> None:
    shutil.copy(migrated_sqlite, tmp_path / "coachbot.db")

    shown = "".join(lines_on_terminal(tmp_path, "backup", "copy.db"))

    assert "Copying" in shown
    assert "100%" in shown
    assert shown.endswith("copy.db: copied and checked.\r\n")


@pytest.mark.slow
def test_the_demo_says_that_it_starts_and_where_it_runs(tmp_path: Path) -> None:
    shown = "".join(lines_on_terminal(tmp_path, "demo", "--no-open", "--port", "0", stop_at="Ctrl+C"))

    starting, _, running = shown.partition("Starting the demo…")
    assert starting == ""
    assert re.search(r"The demo is running at \x1b\[1mhttp://127\.0\.0\.1:\d+/", running)
