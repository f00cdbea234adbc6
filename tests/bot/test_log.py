"""Logging: one line per event, no secrets, and no endless repetition."""

import contextlib
import io
import json
import logging
from collections.abc import Iterator
from typing import TextIO

import pytest

from bot import log

TOKEN, CRON_SECRET = "MTIz.very-secret-token", "another-long-secret"


@contextlib.contextmanager
def logging_as_set_up(level: str, *secrets: str, stream: TextIO | None = None) -> Iterator[None]:
    """Set up the program's logging in place of pytest's."""
    root = logging.getLogger()
    touched = [root, *map(logging.getLogger, ("discord", "apscheduler", "alembic", "sqlalchemy.engine", "stripe"))]
    levels, handlers = [logger.level for logger in touched], root.handlers[:]
    root.handlers.clear()
    try:
        log.set_up(level, secrets, stream)
        yield
    finally:
        root.handlers[:] = handlers
        for logger, before in zip(touched, levels, strict=True):
            logger.setLevel(before)


def test_the_log_shows_no_secret_not_even_in_a_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    logger = logging.getLogger("bot.example")

    with logging_as_set_up("INFO", TOKEN, CRON_SECRET, ""):
        logger.info("asked with %s and %s", TOKEN, {"Authorization": f"Bearer {CRON_SECRET}"})
        try:
            raise RuntimeError(f"Discord did not like {TOKEN}") from ValueError(CRON_SECRET)
        except RuntimeError:
            logger.exception("session %s failed", 7)

    written = capsys.readouterr().err
    assert "asked with *** and {'Authorization': 'Bearer ***'}" in written
    assert "RuntimeError: Discord did not like ***" in written
    assert "ValueError: ***" in written
    assert TOKEN not in written
    assert CRON_SECRET not in written


class Terminal(io.StringIO):
    """A stream that's a terminal."""

    def isatty(self) -> bool:
        return True


def test_on_a_terminal_events_are_lines_for_people() -> None:
    terminal = Terminal()

    with logging_as_set_up("INFO", stream=terminal):
        logging.getLogger("scheduler.loop.loop").info("tick (due): %s steps", 3)

    assert terminal.getvalue().endswith(" INFO    scheduler.loop.loop: tick (due): 3 steps\n")


def test_elsewhere_each_event_is_a_json_line_with_its_ids() -> None:
    collected, secret = io.StringIO(), 'of "quotes"\nand lines'

    with logging_as_set_up("INFO", secret, stream=collected):
        logging.getLogger("cogs.ui.answering").info(
            "/book answered", extra={"interaction": 7, "milliseconds": 120}
        )
        try:
            raise RuntimeError(f"Discord did not like {secret}")
        except RuntimeError:
            logging.getLogger("bot.app").exception("two\nlines")

    answered, failed = [json.loads(line) for line in collected.getvalue().splitlines()]
    assert answered.pop("at").endswith("+00:00")
    assert answered == {
        "level": "INFO",
        "logger": "cogs.ui.answering",
        "message": "/book answered",
        "interaction": 7,
        "milliseconds": 120,
    }
    assert failed["message"] == "two\nlines"
    assert failed["error"].endswith("RuntimeError: Discord did not like ***")


@pytest.mark.parametrize(("level", "seen"), [("DEBUG", True), ("INFO", True), ("WARNING", False)])
def test_our_events_are_logged_at_the_level_and_libraries_only_warn(
    level: str, seen: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    with logging_as_set_up(level):
        logging.getLogger("discord.http").info("a request")
        logging.getLogger("apscheduler.executors.default").info("a job")
        logging.getLogger("stripe").info("a request")
        logging.getLogger("discord.gateway").warning("a lost connection")
        logging.getLogger("scheduler.loop.loop").info("what came of it")

    written = capsys.readouterr().err
    assert "a request" not in written
    assert "a job" not in written
    assert "a lost connection" in written
    assert ("what came of it" in written) is seen


def test_hiding_secrets_keeps_the_logs_structure(capsys: pytest.CaptureFixture[str]) -> None:
    collected = io.StringIO()

    with logging_as_set_up("INFO", "message", "level", "bot", "7", stream=collected):
        logging.getLogger("bot.app").info("a level message", extra={"session": 7, "said": {"level": "bot"}})

    line = json.loads(collected.getvalue())
    assert line.pop("at").endswith("+00:00")
    assert line == {
        "level": "INFO",
        "logger": "bot.app",
        "message": "a *** ***",
        "session": 7,
        "said": "{'***': '***'}",
    }


def test_a_secret_is_hidden_in_its_url_form_too(capsys: pytest.CaptureFixture[str]) -> None:
    with logging_as_set_up("INFO", "pass/word@home"):
        logging.getLogger("bot.app").info("postgresql://bot:pass%2Fword%40home@here")

    assert "bot:***@here" in capsys.readouterr().err


def event(level: int = logging.ERROR, line: int = 1) -> logging.LogRecord:
    """Return a record from one place in the code, or another with `line`."""
    return logging.LogRecord("bot.app", level, __file__, line, "it failed", None, None)


class Clock:
    """Seconds, set by the test."""

    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.mark.parametrize(
    ("level", "said"),
    [(logging.INFO, 100), (logging.WARNING, log.MAX_PER_MINUTE), (logging.ERROR, log.MAX_PER_MINUTE)],
)
def test_one_line_of_code_is_limited_per_minute_without_silencing_others(level: int, said: int) -> None:
    sparing = log._RateLimit(Clock())

    assert [sparing.filter(event(level)) for _ in range(100)] == [True] * said + [False] * (100 - said)
    assert sparing.filter(event(level, line=2))


def test_the_limit_resets_a_minute_after_the_first_record() -> None:
    clock = Clock()
    sparing = log._RateLimit(clock)
    clock.seconds = 30.0
    assert sparing.filter(event())
    clock.seconds = 89.9
    in_time = [sparing.filter(event()) for _ in range(log.MAX_PER_MINUTE)]
    clock.seconds = 90.0
    later = [sparing.filter(event()) for _ in range(log.MAX_PER_MINUTE + 1)]

    assert in_time == later[1:] == [True] * (log.MAX_PER_MINUTE - 1) + [False]
    assert later[0]


@pytest.mark.parametrize(("times", "left_out"), [(29, None), (30, None), (31, 1), (100, 70)])
def test_the_dropped_count_is_logged_once_with_the_next_record(times: int, left_out: int | None) -> None:
    clock = Clock()
    sparing = log._RateLimit(clock)
    for _ in range(times):
        sparing.filter(event())
    clock.seconds = 60.0
    following = [event(), event()]
    for one in following:
        sparing.filter(one)

    assert [getattr(one, "left_out", None) for one in following] == [left_out, None]


@pytest.mark.parametrize(
    ("stream", "told"),
    [(io.StringIO(), '"left_out": 70'), (Terminal(), "it failed (and 70 more times, left out)\n")],
)
def test_dropped_records_are_counted_in_text_and_json(stream: io.StringIO, told: str) -> None:
    record = event()
    record.left_out = 70

    with logging_as_set_up("INFO", stream=stream):
        logging.getLogger("bot.app").handle(record)

    assert told in stream.getvalue()


def test_the_programs_log_is_limited() -> None:
    collected = io.StringIO()

    with logging_as_set_up("INFO", stream=collected):
        for _ in range(100):
            logging.getLogger("bot.app").warning("again")

    assert len(collected.getvalue().splitlines()) == log.MAX_PER_MINUTE


def test_a_traceback_cached_by_another_handler_is_rewritten_without_secrets() -> None:
    terminal, record = Terminal(), event()
    record.exc_text = f"RuntimeError: {TOKEN}"

    with logging_as_set_up("INFO", TOKEN, stream=terminal):
        logging.getLogger("bot.app").handle(record)

    assert terminal.getvalue().endswith(": it failed\n")
