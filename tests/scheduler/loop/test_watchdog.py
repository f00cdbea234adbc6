"""What doesn't stop the loop: ticks that hang or fail, and clocks that are put back."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event

from models.storage.database import Database
from scheduler.loop.loop import Loop
from tests.scheduler.loop.test_loop import Running, clock, make_one_due
from tests.scheduler.loop.test_session_steps import set_up
from tests.support.builders import HOUR, MINUTE, MONDAY, FakeClock
from tests.support.fakes import Call

__all__ = ["clock"]  # a fixture

SHORT = timedelta(milliseconds=10)
"""An interval that may pass several times while a test waits."""


def hurried(db: Database, clock: FakeClock) -> Running:
    """A loop with short intervals."""
    one = Running(db, clock)
    one.loop = Loop(db, one.discord, clock, SHORT)
    return one


async def test_a_tick_that_hangs_is_logged(
    db: Database, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    await set_up(db)
    await make_one_due(db, clock)
    one, may_go_on = hurried(db, clock), asyncio.Event()

    async def hang(_call: Call) -> None:
        await may_go_on.wait()

    one.discord.meanwhile("deliver", hang)
    one.loop.start()

    await one.until(lambda: "a tick has been running for 16 intervals" in caplog.text)

    may_go_on.set()
    await one.loop.stop()
    assert [record.levelname for record in caplog.records if "has been running" in record.message] == ["ERROR"] * 2


async def test_a_clock_that_is_put_back_by_an_hour_does_not_stop_the_loop(
    db: Database, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    await set_up(db)
    one = hurried(db, clock)
    one.loop.start()
    await one.until_it_beats_at(MONDAY)

    clock.forward(-HOUR)
    await make_one_due(db, clock)
    await one.until(lambda: one.discord.asked("deliver") == ["1"])

    await one.loop.stop()
    assert "the clock may have been put back" in caplog.text


@pytest.mark.slow
async def test_ticks_that_keep_failing_do_not_stop_the_loop(
    db: Database, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    await set_up(db)
    one, asked = Running(db, clock), 0

    def fails_at_first() -> Any:
        nonlocal asked
        asked += 1
        if 1 < asked <= 4:  # the first to ask is `start`
            raise RuntimeError("The clock has stopped.")
        return clock()

    one.loop = Loop(db, one.discord, fails_at_first, SHORT)
    await make_one_due(db, clock)
    one.loop.start()

    while not one.discord.asked("deliver"):
        clock.forward(MINUTE)  # so that APScheduler finds its interval over
        await one.beats()

    await one.loop.stop()
    assert caplog.text.count("a tick failed") == 3


async def test_a_sweep_that_failed_is_retried_at_the_next_tick(
    db: Database, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    await set_up(db)
    one, refused = hurried(db, clock), 0

    def refuse_once(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        nonlocal refused
        if "FROM guilds" in statement and not refused:
            refused += 1
            raise RuntimeError("The disk is full.")

    engines = [engine.sync_engine for engine in db._engines]
    for engine in engines:
        event.listen(engine, "before_cursor_execute", refuse_once)
    try:
        one.loop.start()
        while not one.discord.asked("voice_rooms"):
            clock.forward(timedelta(seconds=1))
            await one.beats()
        await one.loop.stop()
    finally:
        for engine in engines:
            event.remove(engine, "before_cursor_execute", refuse_once)

    assert (refused, caplog.text.count("a tick failed")) == (1, 1)
    assert clock() < MONDAY + HOUR
