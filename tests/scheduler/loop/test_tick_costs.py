"""What a tick costs the database: next to nothing when it's idle, and never a walk through the history."""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event

from models import CoachingSession, CoachStatus, NotificationKind, OfferState, RefundStatus, SessionStatus
from models.storage.database import Database
from scheduler.booking import cancellation, departures, membership_checks
from scheduler.core.actor import Actor
from scheduler.core.task_pool import TaskPool
from scheduler.notifications import outbox
from scheduler.reviews.reviews import review_states
from scheduler.sessions import charge_standing, upcoming
from scheduler.waiting_list import answers
from scheduler.workshops import deadlines, seats, workshops
from tests.bench.tick import COACH, GUILD, MONDAY, Side
from tests.support.bookings import STU, TEN
from tests.support.builders import DAY, HOUR, MINUTE, STUDENT, FakeClock, a_coach, a_guild, a_session
from tests.support.credits import a_lot, book_with_credit, entries
from tests.support.fakes import FakeDiscord
from tests.support.payments import till
from tests.support.rounds import tick
from tests.support.transactions import transact
from tests.support.waiting_list import WAITING, WEDNESDAY_TEN, a_line
from tests.support.workshops import STARTS, a_workshop, another_workshop, find, leave, seat_of, take

GROWING = (
    *("coaching_sessions", "session_participants", "reservations", "notifications", "attendance"),
    *("audit_entries", "job_runs"),
    *("credit_lots", "credit_entries", "credit_disputes", "payments", "refunds", "reviews", "offers"),
    *("workshops", "workshop_seats"),
)

ALL_OF_ONE = (
    "(guild_id=?)",
    "(guild_id=? AND coach_id=?)",
    "(guild_id=? AND coach_id=? AND starts_at<?)",
    "(user_id=?)",
    "(user_id=? AND starts_at<?)",
)
"""How query plans end that read everything one server or person ever had."""
OF_FEW = ("ix_payments_open", "ix_offers_open")
"""Indexes of rows that are few, however long the history is."""


@contextmanager
def all_statements(db: Database) -> Iterator[list[tuple[str, Any]]]:
    """Collect every statement, reading and writing, with its parameters."""
    said: list[tuple[str, Any]] = []

    def listen(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if not statement.startswith(("BEGIN", "SELECT pg_")):
            said.append((statement, parameters))

    for engine in db._engines:
        event.listen(engine.sync_engine, "before_cursor_execute", listen)
    try:
        yield said
    finally:
        for engine in db._engines:
            event.remove(engine.sync_engine, "before_cursor_execute", listen)


async def test_an_idle_tick_costs_one_query_and_one_heartbeat(db: Database) -> None:
    async with db.begin() as session:
        await a_guild(session)
        await a_coach(session, membership_due_at=MONDAY + HOUR)
        await a_session(session, starts_at=MONDAY + 5 * HOUR)
    clock = FakeClock()
    await tick(db, FakeDiscord(), clock, unwatched=dict)

    with all_statements(db) as said:
        await tick(db, FakeDiscord(), clock, unwatched=dict)

    assert [statement.split()[0] for statement, _ in said] == ["SELECT", "UPDATE"]
    assert "heartbeats" in said[1][0]


async def test_a_tick_with_only_a_message_to_send_asks_nothing_about_what_is_not_due(db: Database) -> None:
    async with db.begin() as session:
        await a_guild(session)
        await a_coach(session, status=CoachStatus.SUSPENDED, membership_due_at=MONDAY + HOUR)
        outbox.enqueue(session, NotificationKind.COACH_SUSPENDED, GUILD, now=MONDAY, user_id=COACH)
    clock = FakeClock()

    with all_statements(db) as said:
        report = await tick(db, FakeDiscord(), clock, unwatched=dict)

    assert report is not None
    assert report.notifications == 1
    read = {table for one, _ in said if one.count("SELECT") == 1 for table in re.findall(r"FROM (\w+)", one)}
    assert read <= {"notifications", "guilds", "members", "blocks", "coaches", "alerts"}


@pytest.mark.parametrize("engine_name", ["sqlite"])  # its plans don't depend on the number of rows
async def test_no_step_in_a_sessions_life_walks_through_the_history(db: Database) -> None:
    side = Side(db)
    await side.fill(2_000)
    db_with_statistics = side.db = Database(db.url.render_as_string())

    with all_statements(db_with_statistics) as said:
        await side.life(1)
        async with db_with_statistics.begin() as session:
            await departures.handle_departure(session, GUILD, COACH, departures.Why.LEFT, side.clock())

    assert len({statement for statement, _ in said}) > 20
    assert await walks_of(db_with_statistics, said) == []
    await db_with_statistics.close()


@pytest.mark.parametrize("engine_name", ["sqlite"])
async def test_what_people_owe_and_have_is_found_without_a_walk_through_the_history(db: Database) -> None:
    async with till(db) as opened:
        cancelled = await opened.paid()
        async with db.begin() as session:
            await cancellation.cancel(session, cancelled, Actor(STUDENT), GUILD, "Ill.", opened.now)
            await a_lot(session, 120, valid_until=opened.now + HOUR)
            await a_lot(session, 60)
            await book_with_credit(session, starts_at=TEN + DAY, now=opened.now)
        await opened.start(starts_at=TEN + HOUR)
        opened.now += HOUR

        with all_statements(db) as said:
            await tick(db, FakeDiscord(), opened.clock, unwatched=dict, stripe=opened.api)
            async with db.read() as session:
                page = await upcoming.list_page(session, [GUILD], STUDENT, opened.now, page=0, size=3)
                await charge_standing.standings(session, page.sessions, STUDENT, opened.now)
                await review_states(session, page.sessions, STUDENT, opened.now)

        [refund] = await opened.refunds()
    assert refund.status is RefundStatus.DONE
    assert "expired" in [kind for _, kind, _ in await entries(db)]
    assert len(page.sessions) == 2
    assert await walks_of(db, said) == []


async def walks_of(db: Database, said: Iterable[tuple[str, Any]]) -> list[str]:
    """Return the steps of these statements' plans that walk through the history."""
    asked = {
        statement: parameters[0] if isinstance(parameters, list) else parameters  # of several rows at once
        for statement, parameters in said
        if statement.startswith(("SELECT", "UPDATE"))
    }
    walks: list[str] = []
    async with db.engine.connect() as connection:
        for statement, parameters in asked.items():
            plan = await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
            steps = [line.detail for line in plan]
            if not is_a_page(statement, steps):
                walks += [f"{step}: {statement}" for step in steps if is_a_walk(step)]
    return walks


def is_a_walk(step: str) -> bool:
    """Whether SQLite reads all of a growing table, or all that one server or person has in it."""
    verb, _, rest = step.partition(" ")
    table = rest.split()[0] if rest else ""
    return (
        table in GROWING
        and (verb == "SCAN" or step.endswith(ALL_OF_ONE))
        and not any(one in step for one in OF_FEW)
    )


def is_a_page(statement: str, steps: list[str]) -> bool:
    """Whether it stops after a few rows, because an index has them in order."""
    return "LIMIT" in statement and "ORDER BY" in statement and not any("TEMP B-TREE" in step for step in steps)


@pytest.mark.parametrize("engine_name", ["sqlite"])
async def test_no_offer_walks_through_the_history(db: Database) -> None:
    line, booked = await a_line(db, minimum_notice_minutes=0)
    people = ann, _, cat, dan = WAITING[:4]
    for person in people:
        await line.waits(person)
    soon = WEDNESDAY_TEN - HOUR

    with all_statements(db) as said:
        await line.cancel(booked, STU)
        await line.tick()
        await transact(db, answers.decline, 1, ann, line.now)
        await line.tick()
        await line.tick(2 * HOUR + MINUTE)  # the second one runs out
        again = await transact(db, answers.take, 3, cat, line.now)
        await line.tick(soon - line.now)
        await line.cancel(again.id, cat)
        await line.tick()  # from now on, everyone is told
        taken = await transact(db, answers.take, 5, dan, line.now)

    assert taken.starts_at == WEDNESDAY_TEN
    assert [one.state for one in await line.offers()] == [
        OfferState.PASSED,
        OfferState.LAPSED,
        OfferState.TAKEN,
        OfferState.WITHDRAWN,
        OfferState.TAKEN,
    ]
    assert await walks_of(db, said) == []


@pytest.mark.parametrize("engine_name", ["sqlite"])
async def test_no_workshop_walks_through_the_history(db: Database) -> None:
    workshop = await a_workshop(db, guild={"mirrors_workshops": True}, least=2)
    other = await another_workshop(db, starts_at=STARTS + DAY)
    clock, discord = FakeClock(), FakeDiscord()

    with all_statements(db) as said:
        await tick(db, discord, clock, unwatched=dict)
        await take(db, workshop, STUDENT, STUDENT + 1)
        await transact(db, seats.hold, workshop, Actor(STUDENT + 2), MONDAY, MONDAY + HOUR)
        await leave(db, workshop, STUDENT + 1)
        await transact(db, workshops.edit, workshop, GUILD, Actor(COACH), MONDAY, title="Drums", seats=5)
        await tick(db, discord, clock, unwatched=dict)
        async with db.read() as session:
            await seats.free_seats(session, [workshop, other], MONDAY)
        await deadlines.do_due(db, discord, lambda: STARTS - DAY, TaskPool(wait_for_slow=True))

    row, _ = await find(db, workshop)
    assert row.status is SessionStatus.CANCELLED
    assert await walks_of(db, said) == []


@pytest.mark.parametrize("engine_name", ["sqlite"])
async def test_whether_a_student_is_still_there_reads_only_sessions_that_can_matter(db: Database) -> None:
    workshop = await a_workshop(db)
    await take(db, workshop, STUDENT)
    async with db.begin() as session:
        missed = await a_session(session, starts_at=MONDAY - DAY)  # while the bot was down
        for row in (await session.get_one(CoachingSession, workshop), missed):
            for seat in row.participants:
                seat.membership_due_at = MONDAY

    with all_statements(db) as said:
        assert await membership_checks.check_due(db, FakeDiscord(), FakeClock()) == 0

    assert [(await seat_of(db, one, STUDENT)).membership_due_at for one in (workshop, missed.id)] == [
        MONDAY + DAY,
        None,
    ]
    assert await walks_of(db, said) == []
