"""The engines: instants, transactions, waiting for each other, and the indexes behind the loop's queries."""

import asyncio
import contextlib
import re
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import event
from sqlalchemy.exc import DBAPIError, IntegrityError, StatementError

from models import Coach, CoachingSession, Heartbeat, Member, Notification, SessionStatus
from models.storage.database import Database, insert_if_absent, lost_a_race
from scheduler.coaches.coach_role import sync_roles
from tests.support.builders import DAY, HOUR, MONDAY, FakeClock, a_coach, a_guild, a_notification, a_session
from tests.support.fakes import FakeDiscord
from tests.support.parameters import first_plain
from tests.support.rounds import advance_due, deliver_due, tick
from tests.support.transactions import fetch, fetch_all, transact

# Instants.


async def test_a_naive_datetime_is_rejected_and_not_stored(db: Database) -> None:
    naive = datetime(2026, 3, 2, 8)  # noqa: DTZ001  (what must not get in)

    with pytest.raises((TypeError, StatementError), match="naive datetime"):
        async with db.begin() as session:
            session.add(Heartbeat(job="tick", at=naive))

    assert await heartbeats(db) == {}


async def test_a_naive_datetime_is_rejected_in_a_query_too(db: Database) -> None:
    naive = datetime(2026, 3, 2, 8)  # noqa: DTZ001  (what must not get in)

    with pytest.raises((TypeError, StatementError), match="naive datetime"):
        async with db.read() as session:
            await session.scalars(sa.select(Heartbeat).where(Heartbeat.at < naive))


INSTANTS = st.datetimes(
    min_value=datetime(1900, 1, 1),  # noqa: DTZ001  (Hypothesis wants its bounds naive)
    max_value=datetime(9000, 1, 1),  # noqa: DTZ001  (the same)
    timezones=st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes))),
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=INSTANTS)
@example(at=datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC))
@example(at=datetime(2026, 3, 29, 1, 0, 0, 1, tzinfo=UTC))
async def test_an_instant_is_stored_to_the_microsecond_in_utc(db: Database, at: datetime) -> None:
    async with db.begin() as session:
        await session.execute(sa.delete(Heartbeat))
        await session.execute(sa.insert(Heartbeat).values(job="tick", at=at))

    found = (await heartbeats(db))["tick"]

    assert found == at
    assert found.tzinfo is UTC


async def test_the_database_itself_can_subtract_instants(db: Database) -> None:
    async with db.begin() as session:
        await a_guild(session)
        await a_coach(session)
        await a_session(session, starts_at=MONDAY, ends_at=MONDAY + timedelta(minutes=90))

    async with db.read() as session:
        column = CoachingSession.ends_at - CoachingSession.starts_at
        length = await session.scalar(
            sa.select(sa.type_coerce(column, sa.BigInteger if db.is_sqlite else sa.Interval))
        )

    assert length == (90 * 60 * 1_000_000 if db.is_sqlite else timedelta(minutes=90))


async def heartbeats(db: Database) -> dict[str, datetime]:
    """Return the table's rows by job."""
    return {one.job: one.at for one in await fetch_all(db, sa.select(Heartbeat))}


# Transactions.


async def test_begin_commits_when_its_block_ends(db: Database) -> None:
    async with db.begin() as session:
        session.add(Heartbeat(job="tick", at=MONDAY))

    assert await heartbeats(db) == {"tick": MONDAY}


async def test_begin_rolls_everything_back_when_its_block_raises(db: Database) -> None:
    async def fail_half_way() -> None:
        async with db.begin() as session:
            session.add(Heartbeat(job="tick", at=MONDAY))
            await session.flush()
            raise RuntimeError("half way")

    with pytest.raises(RuntimeError, match="half way"):
        await fail_half_way()

    assert await heartbeats(db) == {}


async def test_begin_rolls_back_when_its_task_is_cancelled(db: Database) -> None:
    written = asyncio.Event()

    async def hang() -> None:
        async with db.begin() as session:
            session.add(Heartbeat(job="tick", at=MONDAY))
            await session.flush()
            written.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(hang())
    await written.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    async with db.begin() as session:  # the write lock is free again
        session.add(Heartbeat(job="later", at=MONDAY))
    assert await heartbeats(db) == {"later": MONDAY}


async def test_loaded_rows_can_be_used_after_the_transaction(db: Database) -> None:
    async with db.begin() as session:
        session.add(Heartbeat(job="tick", at=MONDAY))

    async with db.begin() as session:
        found = await session.get_one(Heartbeat, "tick")

    assert found.at == MONDAY


async def test_read_never_commits(db: Database) -> None:
    with contextlib.suppress(DBAPIError):  # PostgreSQL refuses at once; SQLite rolls back at the end
        async with db.read() as session:
            session.add(Heartbeat(job="tick", at=MONDAY))
            await session.flush()

    assert await heartbeats(db) == {}


async def test_connections_can_write_after_reading(db: Database) -> None:
    for round_ in range(3):
        assert len(await heartbeats(db)) == round_
        async with db.begin() as session:
            session.add(Heartbeat(job=f"job {round_}", at=MONDAY))

    assert len(await heartbeats(db)) == 3


@pytest.mark.parametrize("engine_name", ["sqlite"])
async def test_a_commit_waits_until_it_is_on_the_disk(db: Database) -> None:
    for engine in db._engines:
        async with engine.connect() as connection:
            mode = await connection.scalar(sa.text("PRAGMA synchronous"))

        assert mode == 2  # FULL


async def test_read_is_one_consistent_view_and_waits_for_no_writer(db: Database) -> None:
    async with db.begin() as session:
        session.add(Heartbeat(job="tick", at=MONDAY))

    async with db.read() as reader:
        before = await reader.scalar(sa.select(Heartbeat.at))
        async with db.begin() as writer:
            (await writer.get_one(Heartbeat, "tick")).at = MONDAY + HOUR
            await writer.flush()
            while_writing = await reader.scalar(sa.select(Heartbeat.at))
        after = await reader.scalar(sa.select(Heartbeat.at))

    assert (before, while_writing, after) == (MONDAY, MONDAY, MONDAY)
    assert await heartbeats(db) == {"tick": MONDAY + HOUR}


def wait_for_nobody(connection: Any, *_: Any) -> None:
    """Make SQLite's connections fail if a lock isn't free at once."""
    connection.execute("PRAGMA busy_timeout=0").close()


async def lose_a_race(db: Database, other: Database) -> None:
    """Fail a transaction of `db` because one of `other` is in the way."""
    beat = sa.update(Heartbeat).values(at=MONDAY + HOUR)
    if db.is_sqlite:
        event.listen(db.engine.sync_engine, "checkout", wait_for_nobody)
        try:
            async with other.begin() as first, db.begin() as second:
                await first.execute(beat)
                await second.execute(beat)
        finally:
            event.remove(db.engine.sync_engine, "checkout", wait_for_nobody)
    else:
        async with db.engine.connect() as connection:
            second = await connection.execution_options(isolation_level="REPEATABLE READ")
            await second.execute(sa.select(Heartbeat))
            async with other.begin() as first:
                await first.execute(beat)
            await second.execute(beat)


async def test_a_lost_race_is_distinguished_from_other_failures(db: Database, database_url: str) -> None:
    other = Database(database_url)
    async with db.begin() as session:
        session.add(Heartbeat(job="tick", at=MONDAY))

    with pytest.raises(DBAPIError) as lost:
        await lose_a_race(db, other)
    with pytest.raises(IntegrityError) as twice:
        async with other.begin() as session:
            session.add(Heartbeat(job="tick", at=MONDAY))
    await other.close()

    assert lost_a_race(lost.value)
    assert not lost_a_race(twice.value)
    assert not lost_a_race(ValueError("database is locked"))


async def a_second_later(db: Database) -> None:
    """Read, compute, write: what a booking does."""
    async with db.begin() as session:
        member = await session.get_one(Member, 1, with_for_update=True)
        assert member.dms_closed_at is not None
        member.dms_closed_at += timedelta(seconds=1)


@pytest.mark.parametrize("databases", [1, 2], ids=["one process", "two processes' connections"])
async def test_fifty_simultaneous_writers_all_succeed(db: Database, databases: int) -> None:
    async with db.begin() as session:
        session.add(Member(user_id=1, dms_closed_at=MONDAY))
    through = [db, Database(db.url.render_as_string(hide_password=False))][:databases]

    await asyncio.gather(*(a_second_later(through[number % databases]) for number in range(50)))
    for other in through[1:]:
        await other.close()

    member = await fetch(db, Member, 1)
    assert member.dms_closed_at == MONDAY + timedelta(seconds=50)


async def test_insert_if_absent_leaves_the_first_row_as_it_is(db: Database) -> None:
    async def insert(at: datetime) -> None:
        await transact(db, insert_if_absent, Heartbeat, job="tick", at=at)

    await insert(MONDAY)
    await asyncio.gather(*(insert(MONDAY + HOUR) for _ in range(5)))

    assert await heartbeats(db) == {"tick": MONDAY}


async def test_a_row_without_its_parent_is_refused(db: Database) -> None:
    with pytest.raises(IntegrityError):
        await transact(db, a_coach, guild_id=404)

    async with db.read() as session:
        assert await session.scalar(sa.select(sa.func.count()).select_from(Coach)) == 0


# The lock that lets one process tick.


async def test_only_one_process_holds_the_tick_lock(db: Database) -> None:
    other = Database(db.url.render_as_string(hide_password=False))

    async with db.locks.tick_lock() as first, db.locks.tick_lock() as second, other.locks.tick_lock() as third:
        held = [first, second, third]
    async with other.locks.tick_lock() as afterwards:
        held.append(afterwards)
    await other.close()

    assert [one is not None for one in held] == [True, False, False, True]


async def test_a_failing_tick_releases_its_lock(db: Database) -> None:
    async def fail_in_a_tick() -> None:
        async with db.locks.tick_lock() as ours:
            assert ours
            raise RuntimeError("in the tick")

    with pytest.raises(RuntimeError, match="in the tick"):
        await fail_in_a_tick()

    async with db.locks.tick_lock() as again:
        assert again


async def test_a_killed_process_releases_the_tick_lock(db: Database) -> None:
    async with ticking_process(db) as process:
        async with db.locks.tick_lock() as while_it_lives:
            assert not while_it_lives

        process.kill()
        await process.wait()

        async with asyncio.timeout(30):
            while not await can_tick(db):  # PostgreSQL needs a moment to notice that a client is gone
                pass


async def can_tick(db: Database) -> bool:
    """Whether the lock is free."""
    async with db.locks.tick_lock() as ours:
        return ours is not None


TICKING = """
import asyncio, sys
from models.storage.database import Database
async def main():
    async with Database(sys.argv[1]).locks.tick_lock() as ours:
        print(ours is not None, flush=True)
        await asyncio.Event().wait()
asyncio.run(main())
"""


@contextlib.asynccontextmanager
async def ticking_process(db: Database) -> AsyncIterator[asyncio.subprocess.Process]:
    """Start a process that holds the tick lock until it's killed."""
    url = db.url.render_as_string(hide_password=False)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", TICKING, url, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    assert await process.stdout.readline() == b"True\n"
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


# What the loop queries every few seconds.


@pytest.mark.parametrize("engine_name", ["sqlite"])
@pytest.mark.parametrize(
    ("ask", "tables"),
    first_plain(
        [
            (advance_due, ["coaching_sessions"]),
            (deliver_due, ["notifications"]),
            (sync_roles, ["coaches"]),
            (tick, ["coaching_sessions", "notifications", "coaches"]),
        ]
    ),
    ids=["due sessions", "due notifications", "due roles", "whether anything is due"],
)
async def test_the_loops_queries_cost_only_what_is_due(
    db: Database, ask: Callable[..., Awaitable[object]], tables: list[str]
) -> None:
    await fill_with_finished_business(db)

    with statements() as asked:
        await ask(db, FakeDiscord(), FakeClock())

    plans = [await explain(db, text, values) for text, values in asked]
    for table in tables:
        about = [plan for plan in plans if re.search(rf"\b{table}\b", plan)]
        assert about
        for plan in about:
            assert re.search(rf"\bSEARCH {table} USING (COVERING )?INDEX {DUE[table]} \(", plan), plan
            assert f"SCAN {table}" not in plan, plan


DUE = {
    "coaching_sessions": "ix_coaching_sessions_next_step_at",
    "notifications": "ix_notifications_due_at",
    "coaches": "ix_coaches_role_due_at",
}
"""Table → the partial index of its unfinished rows."""


async def fill_with_finished_business(db: Database) -> None:
    """Store 2,000 finished sessions, notifications and coaches, with statistics."""
    async with db.begin() as session:
        await a_guild(session)
        await a_coach(session)
        done = await a_session(session, status=SessionStatus.COMPLETED, next_step_at=None, reserved=False)
        sent = await a_notification(session, due_at=None, sent_at=MONDAY)
        coach = await a_coach(session, user_id=1, hours=())
        for row in (done, sent, coach):
            await session.execute(sa.insert(type(row)), [copy_of(row, number) for number in range(2000)])
    async with db.engine.connect() as connection:
        await connection.exec_driver_sql("ANALYZE")
        await connection.commit()


def copy_of(row: CoachingSession | Notification | Coach, number: int) -> dict[str, Any]:
    """Copy the row with another key and one day later."""
    values = {column.key: getattr(row, column.key) for column in sa.inspect(type(row)).column_attrs}
    if isinstance(row, Coach):
        return values | {"user_id": 100_000 + number}
    values["id"] = 100_000 + number
    if isinstance(row, CoachingSession):
        values |= {
            "code": f"copy{number}",
            "starts_at": row.starts_at + number * DAY,
            "ends_at": row.ends_at + number * DAY,
        }
    return values


@contextlib.contextmanager
def statements() -> Iterator[list[tuple[str, Any]]]:
    """Collect every SELECT of every engine, as the driver gets it."""
    seen: list[tuple[str, Any]] = []

    def listen(_connection: Any, _cursor: Any, text: str, values: Any, *_rest: Any) -> None:
        if text.startswith("SELECT"):
            seen.append((text, values))

    event.listen(sa.Engine, "before_cursor_execute", listen)
    try:
        yield seen
    finally:
        event.remove(sa.Engine, "before_cursor_execute", listen)


async def explain(db: Database, text: str, values: Any) -> str:
    """Return SQLite's query plan, on a connection with current statistics."""
    other = Database(db.url.render_as_string(hide_password=False))
    async with other.engine.connect() as connection:
        plan = await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", values)
        lines = [row[-1] for row in plan]
    await other.close()
    return "\n".join(lines)
