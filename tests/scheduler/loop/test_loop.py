"""What a tick does and reports, and when the loop runs one."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select, text

from bot.demo.simcord_private import apscheduler_clock
from models import Coach, Heartbeat, JobRun, Notification
from models.storage.database import Database
from scheduler.core.errors import DiscordFailure
from scheduler.loop.loop import Loop, NotTicking
from scheduler.loop.tick import TickReport, next_due
from tests.scheduler.loop.test_session_steps import ACCESS, ROOM, SECOND, set_up
from tests.support.builders import COACH, DAY, GUILD, MINUTE, MONDAY, FakeClock, a_notification, everything
from tests.support.fakes import Call, FakeDiscord
from tests.support.rounds import tick
from tests.support.transactions import fetch_all, fetch_only, transact


async def make_role_due(db: Database) -> None:
    async with db.begin() as session:
        (await session.get_one(Coach, (GUILD, COACH))).role_due_at = MONDAY


async def ticked(db: Database, discord: FakeDiscord, clock: FakeClock) -> TickReport:
    """Run a tick and return its report."""
    report = await tick(db, discord, clock)
    assert report is not None
    return report


# A tick.


async def test_a_tick_reports_how_late_it_started(db: Database) -> None:
    discord, clock = await set_up(db, "abc", now=ROOM - MINUTE)

    early = await ticked(db, discord, clock)
    clock.now = ROOM + 3 * MINUTE
    late = await ticked(db, discord, clock)

    assert (early.late, late.late) == (timedelta(0), 3 * MINUTE)


async def test_an_idle_tick_writes_only_its_heartbeat(db: Database) -> None:
    discord, clock = await set_up(db, "abc")
    await tick(db, discord, clock)
    before = await everything(db)

    clock.forward(SECOND)
    report = await ticked(db, discord, clock)

    after = await everything(db)
    assert before.pop("heartbeats") == [("tick", MONDAY)]
    assert after.pop("heartbeats") == [("tick", MONDAY + SECOND)]
    assert after == before
    assert report == TickReport(next_due_at=ROOM)
    assert not report.did_something


async def test_a_tick_that_did_something_is_recorded(db: Database) -> None:
    discord, clock = await set_up(db, "one", "two", now=ROOM)
    await make_role_due(db)
    await transact(db, a_notification)
    discord.fail("ensure_room", DiscordFailure("no"), about="coaching-session-two")

    report = await ticked(db, discord, clock)

    assert (report.steps, report.roles, report.notifications) == (["one make_room"], 1, 1)
    assert report.failures == ["two make_room: no"]
    run = await fetch_only(db, select(JobRun))
    assert (run.started_at, run.finished_at) == (ROOM, ROOM)
    assert (run.trigger, run.due) == ("manual", 3)  # two sessions and a notification
    assert (run.steps, run.roles, run.notifications, run.failures) == (1, 1, 1, 1)


async def test_notifications_about_a_step_go_out_in_the_same_tick(db: Database) -> None:
    discord, clock = await set_up(db, "abc", now=ACCESS)

    report = await ticked(db, discord, clock)

    assert (report.steps, report.notifications) == (["abc make_room", "abc open_room"], 3)


async def test_a_failing_role_does_not_delay_notifications(db: Database) -> None:
    discord, clock = await set_up(db, "abc")
    await make_role_due(db)
    await transact(db, a_notification)
    discord.fail("set_role", RuntimeError("a bug"))

    report = await ticked(db, discord, clock)

    assert (report.notifications, report.failure_count) == (1, 1)


async def test_a_tick_does_nothing_while_another_process_ticks(db: Database) -> None:
    discord, clock = await set_up(db, "abc", now=ROOM)
    before = await everything(db)

    async with db.locks.tick_lock():
        report = await tick(db, discord, clock)

    assert (report, discord.calls) == (None, [])
    assert await everything(db) == before


async def test_after_the_clock_jumps_ahead_one_tick_does_it_all(db: Database) -> None:
    discord, clock = await set_up(db, "abc")
    await tick(db, discord, clock)

    clock.forward(DAY)
    report = await ticked(db, discord, clock)

    assert report.steps == ["abc start", "abc finish"]


async def test_the_next_due_instant_is_the_earliest_of_all(db: Database) -> None:
    due = [await next_due(db)]
    await set_up(db, "abc")
    due.append(await next_due(db))
    await transact(db, a_notification, due_at=MONDAY + MINUTE)
    due.append(await next_due(db))
    await make_role_due(db)
    due.append(await next_due(db))

    assert due == [None, ROOM, MONDAY + MINUTE, MONDAY]


# The loop runs on the real AsyncIOScheduler. With an interval of a day, only `wake` causes a second tick.


class Running:
    """A loop, and what a test waits for."""

    def __init__(self, db: Database, clock: FakeClock) -> None:
        self.db, self.clock, self.discord = db, clock, FakeDiscord()
        self.loop = Loop(db, self.discord, clock, DAY)

    async def start_and_hold(self) -> asyncio.Event:
        """Start it, and hold its first message until the returned event is set."""
        under_way, may_go_on = asyncio.Event(), asyncio.Event()

        async def hold_the_first(_call: Call) -> None:
            if len(self.discord.effects) == 1:
                under_way.set()
                await may_go_on.wait()

        self.discord.meanwhile("deliver", hold_the_first)
        self.loop.start()
        await under_way.wait()
        return may_go_on

    async def until(self, is_true: Callable[[], bool]) -> None:
        """Wait for this, letting others run meanwhile."""
        async with asyncio.timeout(30):
            while not is_true():
                await self.beats()

    async def beats(self) -> list[datetime]:
        """Return when the last tick ended, if there was one."""
        return await fetch_all(self.db, select(Heartbeat.at).where(Heartbeat.job == "tick"))

    async def until_it_beats_at(self, at: datetime) -> None:
        """Wait for a tick that ends then."""
        async with asyncio.timeout(30):
            while await self.beats() != [at]:
                pass


@pytest.fixture
def clock() -> Iterator[FakeClock]:
    """A clock that APScheduler shares."""
    one = FakeClock()
    with apscheduler_clock(one):
        yield one


@asynccontextmanager
async def running(db: Database, clock: FakeClock) -> AsyncIterator[Running]:
    """Start a loop, and stop it at the end."""
    one = Running(db, clock)
    one.loop.start()
    try:
        yield one
    finally:
        await one.loop.stop()


async def make_one_due(db: Database, clock: FakeClock) -> None:
    """Enqueue a message to send now."""
    await transact(db, a_notification, due_at=clock())


async def test_a_starting_loop_first_does_what_became_due_before(db: Database, clock: FakeClock) -> None:
    await set_up(db, "abc")
    clock.now = ROOM

    async with running(db, clock) as one:
        await one.until_it_beats_at(ROOM)

    assert [call.method for call in one.discord.effects] == ["ensure_room"]


async def test_waking_an_idle_loop_makes_it_tick_at_once(db: Database, clock: FakeClock) -> None:
    await set_up(db)
    async with running(db, clock) as one:
        await one.until_it_beats_at(MONDAY)
        clock.forward(MINUTE)
        await make_one_due(db, clock)

        one.loop.wake()
        await one.until_it_beats_at(MONDAY + MINUTE)

    assert one.discord.asked("deliver") == ["1"]


async def test_waking_during_a_tick_runs_one_more(db: Database, clock: FakeClock) -> None:
    await set_up(db)
    await make_one_due(db, clock)
    one = Running(db, clock)
    may_go_on = await one.start_and_hold()
    await make_one_due(db, clock)  # too late for this tick, which has already read what's due

    for _ in range(3):
        one.loop.wake()
    may_go_on.set()
    await one.until(lambda: len(one.discord.effects) == 2)
    await one.loop.stop()

    assert one.discord.asked("deliver") == ["1", "2"]
    assert len(await fetch_all(db, select(JobRun))) == 2


async def test_requests_during_a_tick_share_the_next_one(db: Database, clock: FakeClock) -> None:
    await set_up(db)
    await make_one_due(db, clock)
    one = Running(db, clock)
    may_go_on = await one.start_and_hold()
    await make_one_due(db, clock)
    await make_one_due(db, clock)

    asked = [asyncio.create_task(one.loop.run_now()) for _ in range(3)]
    await asyncio.sleep(0)  # so that all have asked
    asked.pop().cancel()
    may_go_on.set()
    first, second = await asyncio.gather(*asked)
    await one.loop.stop()

    assert first is not None
    assert first is second
    assert (first.trigger, first.due, first.notifications) == ("request", 2, 2)
    assert one.discord.asked("deliver") == ["1", "2", "3"]


async def test_a_request_returns_nothing_while_another_process_ticks(db: Database, clock: FakeClock) -> None:
    await set_up(db)
    async with running(db, clock) as one:
        await one.until_it_beats_at(MONDAY)

        async with db.locks.tick_lock():
            report = await one.loop.run_now()

    assert report is None


async def test_a_request_fails_if_its_tick_fails(
    db: Database, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    await set_up(db)
    async with running(db, clock) as one:
        await one.until_it_beats_at(MONDAY)
        async with db.begin() as session:
            await session.execute(text("ALTER TABLE heartbeats RENAME TO gone"))

        with pytest.raises(NotTicking):
            await one.loop.run_now()
        async with db.begin() as session:
            await session.execute(text("ALTER TABLE gone RENAME TO heartbeats"))
        after = await one.loop.run_now()

    assert "a tick failed" in caplog.text
    assert after is not None


async def test_a_loop_that_is_not_running_refuses_to_tick(db: Database, clock: FakeClock) -> None:
    await set_up(db)
    one = Running(db, clock)

    with pytest.raises(NotTicking):
        await one.loop.run_now()
    one.loop.start()
    await one.until_it_beats_at(MONDAY)
    await one.loop.stop()
    with pytest.raises(NotTicking):
        await one.loop.run_now()


async def test_stopping_the_loop_fails_requests(db: Database, clock: FakeClock) -> None:
    await set_up(db)
    await make_one_due(db, clock)
    one = Running(db, clock)
    may_go_on = await one.start_and_hold()

    asked = asyncio.create_task(one.loop.run_now())
    await asyncio.sleep(0)  # so that it has asked
    stopping = asyncio.create_task(one.loop.stop())
    await asyncio.sleep(0)  # so that it has begun to stop
    may_go_on.set()
    async with asyncio.timeout(30):
        [outcome] = await asyncio.gather(asked, return_exceptions=True)
    await stopping

    assert isinstance(outcome, NotTicking)
    assert one.discord.asked("deliver") == ["1"]


async def test_stopping_waits_for_the_running_tick_and_starts_no_other(db: Database, clock: FakeClock) -> None:
    await set_up(db)
    await make_one_due(db, clock)
    one = Running(db, clock)
    may_go_on = await one.start_and_hold()
    await make_one_due(db, clock)
    one.loop.wake()

    stopping = asyncio.create_task(one.loop.stop())
    await one.beats()
    stopped_early = stopping.done()
    may_go_on.set()
    await stopping

    assert not stopped_early
    assert await one.beats() == [MONDAY]
    sent = {one.id: one.sent_at for one in await fetch_all(db, select(Notification))}
    assert sent == {1: MONDAY, 2: None}


async def test_a_stopped_loop_stays_stopped(db: Database, clock: FakeClock) -> None:
    await set_up(db)
    async with running(db, clock) as one:
        await one.until_it_beats_at(MONDAY)
    clock.forward(DAY)
    await make_one_due(db, clock)

    one.loop.wake()
    await one.loop.stop()
    await one.beats()

    assert one.discord.effects == []
    assert await one.beats() == [MONDAY]


async def test_a_loop_that_never_started_can_be_woken_and_stopped(db: Database, clock: FakeClock) -> None:
    await set_up(db)
    one = Running(db, clock)

    one.loop.wake()
    await one.loop.stop()

    assert await one.beats() == []
