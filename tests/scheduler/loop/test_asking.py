"""A process that has the running bot tick: what it is told, also where the bot ends or never hears of it."""

import asyncio
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import delete, func, select, text

from models import TickRequest
from models.storage.database import Database
from scheduler.loop import asking
from scheduler.loop.asking import Gone, Unheard
from scheduler.loop.loop import NotTicking
from scheduler.loop.tick import TickReport
from tests.support.builders import HOUR, MONDAY, FakeClock

DEADLINE_SECONDS = 30
"""Against hanging; no measure of speed."""


class Bot:
    """Ticks when it is asked to; `comes` is what comes of it."""

    def __init__(self, comes: TickReport | Exception | None) -> None:
        self.comes, self.ticks = comes, 0

    async def tick(self) -> TickReport | None:
        self.ticks += 1
        if isinstance(self.comes, Exception):
            raise self.comes
        return self.comes


async def requests(db: Database) -> int:
    """How many rows there are."""
    async with db.read() as session:
        return await session.scalar(select(func.count()).select_from(TickRequest)) or 0


async def until(db: Database, enough: Callable[[int], bool]) -> None:
    """Wait for so many rows."""
    async with asyncio.timeout(DEADLINE_SECONDS):
        while not enough(await requests(db)):
            pass


async def told(db: Database, bot: Bot, people: int = 1) -> list[TickReport | BaseException | None]:
    """What so many are told who ask before the bot looks."""
    async with db.run_lock():
        asked = [asyncio.create_task(asking.ask(db, FakeClock())) for _ in range(people)]
        await until(db, lambda count: count == people)
        await asking.answer(db, bot.tick, FakeClock())
        async with asyncio.timeout(DEADLINE_SECONDS):
            return await asyncio.gather(*asked, return_exceptions=True)


async def test_whoever_asks_is_told_what_the_running_bots_tick_did(db: Database) -> None:
    report = TickReport("request", due=2, steps=["abc make_room"], roles=1, notifications=3, failures=["abc: no"])
    report.failed_quietly = 1

    [answer] = await told(db, Bot(report))

    assert answer == report
    assert await requests(db) == 0


async def test_all_who_ask_before_the_bot_looks_share_one_tick(db: Database) -> None:
    bot = Bot(TickReport("request"))

    answers = await told(db, bot, people=5)

    assert answers == [TickReport("request")] * 5
    assert bot.ticks == 1


@pytest.mark.parametrize(("comes", "expected"), [(None, None), (NotTicking(), NotTicking)])
async def test_that_the_bot_did_nothing_is_told_too(
    db: Database, comes: Exception | None, expected: type[Exception] | None
) -> None:
    [answer] = await told(db, Bot(comes))

    assert answer is None if expected is None else isinstance(answer, expected)
    assert await requests(db) == 0


async def test_a_bot_that_nobody_asked_does_not_tick(db: Database) -> None:
    bot = Bot(TickReport())

    await asking.answer(db, bot.tick, FakeClock())

    assert bot.ticks == 0


async def test_whoever_asks_a_bot_that_does_not_look_gives_up_and_leaves_nothing_behind(db: Database) -> None:
    async with db.run_lock():
        with pytest.raises(Unheard):
            await asking.ask(db, FakeClock(), patience=timedelta(0))

    assert await requests(db) == 0


async def test_whoever_asked_a_bot_that_has_ended_is_told_so(db: Database) -> None:
    async with db.run_lock():
        asked = asyncio.create_task(asking.ask(db, FakeClock()))
        await until(db, lambda count: count == 1)

    with pytest.raises(Gone):
        await asked
    assert await requests(db) == 0


async def test_what_one_bot_was_asked_and_did_not_answer_the_next_one_answers(db: Database) -> None:
    bot = Bot(TickReport("request"))
    async with db.begin() as session:
        session.add(TickRequest(asked_at=MONDAY, taken_at=MONDAY))
    clock = FakeClock()

    await asking.answer(db, bot.tick, clock)
    before = bot.ticks
    await asking.take_over(db)
    await asking.answer(db, bot.tick, clock)

    assert (before, bot.ticks) == (0, 1)


async def test_rows_of_those_who_were_killed_go_with_the_next_request(db: Database) -> None:
    async with db.begin() as session:
        session.add(TickRequest(asked_at=MONDAY - 2 * HOUR, taken_at=MONDAY - 2 * HOUR))
        session.add(TickRequest(asked_at=MONDAY))

    await asking.answer(db, Bot(None).tick, FakeClock())

    async with db.read() as session:
        [left] = await session.scalars(select(TickRequest))
    assert (left.asked_at, left.taken_at) == (MONDAY, MONDAY)


async def test_a_bot_listens_on_after_its_database_failed(db: Database, caplog: pytest.LogCaptureFixture) -> None:
    looked = asyncio.Event()

    async with db.begin() as session:
        await session.execute(text("ALTER TABLE tick_requests RENAME TO gone"))
    listening = asyncio.create_task(asking.listen(db, Bot(None).tick, FakeClock(), lambda: looked.set() is None))
    async with asyncio.timeout(DEADLINE_SECONDS):
        await looked.wait()
        while not caplog.records:
            await asyncio.wait({listening}, timeout=0.01)
    listening.cancel()

    assert "cannot be found out" in caplog.text
    async with db.begin() as session:
        await session.execute(text("ALTER TABLE gone RENAME TO tick_requests"))
        await session.execute(delete(TickRequest))
