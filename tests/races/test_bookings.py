"""Many people in several processes at once: one wins, the others are refused, and all rows stay consistent."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import TypeVar

import pytest

from models import AuditEntry, CoachStatus, SessionStatus
from models.storage import backup
from models.storage.database import Database
from tests.support import race_worker
from tests.support.builders import (
    COACH,
    DAY,
    GUILD,
    HOUR,
    MONDAY,
    STUDENT,
    a_coach,
    a_guild,
    a_server_with_a_coach,
    a_session,
)
from tests.support.integrity import Span, faults_of, ledger_of, overlaps
from tests.support.parameters import first_plain
from tests.support.race_worker import COACHES, ELSEWHERE, RAW_TIMES, Press, Work
from tests.support.series_presses import series_faults

TEN = MONDAY + 2 * HOUR
PROCESSES, WORKERS = 4, 8
EVERY_DAY = [(day, 9 * 60, 17 * 60) for day in range(7)]

T = TypeVar("T")


@pytest.fixture(scope="module")
def processes() -> Iterator[ProcessPoolExecutor]:
    """Start processes that meet at a barrier before each race."""
    context = get_context("forkserver")  # `spawn` would import everything once for each
    context.set_forkserver_preload([race_worker.__name__])
    with ProcessPoolExecutor(
        PROCESSES, mp_context=context, initializer=race_worker.remember, initargs=(context.Barrier(PROCESSES),)
    ) as pool:
        yield pool


async def in_all(processes: ProcessPoolExecutor, shares: Iterator[Callable[[], T]]) -> list[T]:
    """Run one share in each process; the barrier keeps a process from taking two."""
    loop = asyncio.get_running_loop()
    return await asyncio.gather(*(loop.run_in_executor(processes, share) for share in shares))


async def of_two_hundred(processes: ProcessPoolExecutor, url: str, *, holding: bool) -> list[Press]:
    """Return how the presses of 200 students on one slot ended."""
    students = range(10_000, 10_200)
    shares = (
        partial(race_worker.race, url, students[number::PROCESSES], COACH, TEN, holding=holding)
        for number in range(PROCESSES)
    )
    return [press for share in await in_all(processes, shares) for press in share]


@pytest.mark.slow
@pytest.mark.parametrize(
    "holding", [pytest.param(False, id="book"), pytest.param(True, id="hold", marks=pytest.mark.slow)]
)
async def test_exactly_one_of_two_hundred_racing_students_gets_the_slot(
    db: Database, database_url: str, processes: ProcessPoolExecutor, holding: bool
) -> None:
    await a_server_with_a_coach(db)

    presses = await of_two_hundred(processes, database_url, holding=holding)

    assert Counter(presses) == {Press(won=True): 1, Press(refused="SlotTaken", alternatives=3): 199}
    ledger = await ledger_of(db)
    assert (len(ledger.sessions), len(ledger.holds)) == ((0, 1) if holding else (1, 0))
    assert ledger.faults() == []


# Random operations.


async def a_busy_town(db: Database) -> None:
    """Store two servers, one of which keeps sessions after departures, and coaches with various booking rules."""
    terms = [
        {},
        {"buffer_before_minutes": 10, "buffer_after_minutes": 15},
        {"daily_limit": 2, "slot_step_minutes": 15},
        {"buffer_after_minutes": 30, "weekly_limit": 6, "daily_limit": 3},
    ]
    async with db.begin() as session:
        await a_guild(session, most_upcoming=3, cancel_notice_minutes=26 * 60)
        await a_guild(session, id=ELSEWHERE, most_upcoming=2, keep_after_departure=True)
        for user_id, changed in zip(COACHES, terms, strict=True):
            await a_coach(session, user_id=user_id, hours=EVERY_DAY, horizon_days=5, **changed)
        await a_coach(session, guild_id=ELSEWHERE, user_id=COACHES[0], hours=EVERY_DAY, horizon_days=5)


async def random_work(db: Database, url: str, processes: ProcessPoolExecutor, operations: int) -> Work:
    """Let eight workers in several processes work in a busy town, and return what they did."""
    await a_busy_town(db)
    shares = (
        partial(race_worker.work, url, range(number, WORKERS, PROCESSES), operations // WORKERS)
        for number in range(PROCESSES)
    )
    total = Work()
    for share in await in_all(processes, shares):
        total.add(share)
    return total


OPERATIONS = first_plain([160, 2_000, 20_000])


@pytest.mark.slow
@pytest.mark.parametrize("operations", OPERATIONS)
async def test_random_operations_of_eight_workers_leave_consistent_rows(
    db: Database, database_url: str, processes: ProcessPoolExecutor, operations: int
) -> None:
    total = await random_work(db, database_url, processes, operations)

    assert total.errors == []
    assert await faults_of(db) == []
    assert await series_faults(db) == []
    assert total.done.total() + total.refused.total() == operations
    assert total.done.total() > operations / 4, total  # otherwise nearly everything was refused
    assert total.refused.total() > operations / 20, total  # otherwise they never met
    if operations < 2_000:
        return  # too few to contain each kind every time
    for what in ("hold", "book", "cancel", "reschedule", "pause_or_resume", "change_hours", "look_for_a_coach"):
        assert total.done[what] > operations / 200, total
    assert total.done["suspend"] > operations / 400, total
    for what in ("ask_for_lessons", "answer", "make_lessons_due", "skip_lesson", "change_the_horizon"):
        assert total.done[what] > operations / 400, total
    for refused in ("book: NotFound", "book: SlotTaken", "book: NotBookable", "hold: SlotTaken"):
        assert total.refused[refused] > operations / 400, total


@pytest.mark.slow
async def test_a_backup_made_while_eight_workers_write_is_consistent(
    migrated_sqlite: Path, tmp_path: Path, processes: ProcessPoolExecutor
) -> None:
    path = tmp_path / "coachbot.db"
    backup.back_up(migrated_sqlite, path)
    url = f"sqlite:///{path}"
    db, copied = Database(url), Database(f"sqlite:///{tmp_path / 'copy.db'}")
    working = asyncio.create_task(random_work(db, url, processes, 400))
    while len((await ledger_of(db)).sessions) < 10:
        assert not working.done(), "they finished before the backup began"

    await asyncio.to_thread(backup.back_up, path, tmp_path / "copy.db")

    still_working = not working.done()
    await working
    ledger = await ledger_of(copied)
    await db.close()
    await copied.close()
    assert still_working
    assert len(ledger.sessions) >= 10
    assert ledger.faults() == []


@pytest.mark.parametrize("operations", first_plain([400, 8_000]))
async def test_the_database_alone_rejects_racing_overlaps(
    db: Database, database_url: str, processes: ProcessPoolExecutor, operations: int
) -> None:
    async with db.begin() as session:
        await a_guild(session)
        await a_coach(session)
        owner = (await a_session(session, starts_at=RAW_TIMES[-1] + 2 * DAY, reserved=False)).id
    shares = (
        partial(
            race_worker.reserve,
            database_url,
            range(number, WORKERS, PROCESSES),
            owner,
            operations // WORKERS,
        )
        for number in range(PROCESSES)
    )

    ended: Counter[str] = sum(await in_all(processes, shares), Counter())

    assert ended.total() == operations
    assert ended.keys() <= {"kept", "overlap", "deadlock"}
    assert ended["overlap"] > operations / 4
    reservations = (await ledger_of(db)).reservations
    assert len(reservations) == 2 * ended["kept"] > 100
    for user_id in {one.user_id for one in reservations}:
        theirs = [one for one in reservations if one.user_id == user_id]
        assert list(overlaps(str(user_id), (Span(one.starts_at, one.ends_at, "") for one in theirs))) == []


async def test_the_consistency_check_finds_each_kind_of_broken_row(db: Database) -> None:
    async with db.begin() as session:
        await a_guild(session, most_upcoming=1)
        await a_coach(session, buffer_after_minutes=10, daily_limit=1)
        one = await a_session(session, starts_at=TEN, reserved=False)
        await a_session(session, starts_at=TEN + HOUR, reserved=False)
        await a_session(
            session,
            starts_at=TEN + DAY,
            status=SessionStatus.CANCELLED,
            student_id=STUDENT + 1,
            cancelled_at=MONDAY,
            cancelled_by=COACH,
        )
        await a_coach(session, user_id=COACH + 1, status=CoachStatus.SUSPENDED)
        await a_session(session, coach_id=COACH + 1, student_id=STUDENT + 2)
        session.add_all(
            AuditEntry(guild_id=GUILD, at=MONDAY, action="session_booked", session_id=one.id, details={})
            for _ in range(2)
        )

    faults = "\n".join(await faults_of(db))

    for part in (
        "coach 2000: session 1 and session 2 overlap",
        "session 1 reserves [] instead of",
        "session 3 reserves [(",
        "session 1: session_booked 2 times instead of 1",
        "session 2: session_booked 0 times instead of 1",
        "session 3: session_cancelled 0 times instead of 1",
        "(1000, 3000) has 2 upcoming sessions",
        "coach 2000 has 2 sessions on 2026-03-02",
        "session 3 is late: None instead of False",
        "SCHEDULED session 4 has a coach who is SUSPENDED",
    ):
        assert part in faults
