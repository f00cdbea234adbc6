"""Whether enough people come is decided once, some time before the start."""

from datetime import datetime
from typing import Any, cast

import pytest
from sqlalchemy import select

from models import AuditEntry, CoachingSession, Notification, NotificationKind, Reservation, SessionStatus
from models.storage.database import Database
from scheduler.core.actor import Actor
from scheduler.core.task_pool import TaskPool
from scheduler.loop.background import BackgroundWork
from scheduler.loop.tick import tick
from scheduler.workshops import deadlines, seats
from tests.support.builders import COACH, DAY, HOUR, MINUTE, STUDENT, everything
from tests.support.fakes import FakeDiscord
from tests.support.mortal import Died, Doom, MortalDatabase
from tests.support.transactions import fetch_all, transact
from tests.support.workshops import STARTS, a_workshop, announcement, find, leave, take, told

ONE, TWO, THREE = range(STUDENT, STUDENT + 3)
DEADLINE = STARTS - DAY


async def at(db: Database, now: datetime) -> int:
    """Do what's due at this time."""
    return await deadlines.do_due(db, FakeDiscord(), lambda: now, TaskPool(wait_for_slow=True))


async def status(db: Database, workshop: int) -> SessionStatus:
    row, _ = await find(db, workshop)
    return row.status


async def test_too_few_people_are_told_that_it_is_cancelled(db: Database) -> None:
    workshop = await a_workshop(db, least=3)
    await take(db, workshop, ONE, TWO)
    await leave(db, workshop, TWO)
    await transact(db, seats.hold, workshop, Actor(THREE), DEADLINE - 2 * MINUTE, DEADLINE + 30 * MINUTE)

    await at(db, DEADLINE - MINUTE)
    assert await status(db, workshop) is SessionStatus.SCHEDULED
    await at(db, DEADLINE)

    row, _ = await find(db, workshop)
    assert (row.status, row.cancelled_by) == (SessionStatus.CANCELLED, None)
    assert row.cancel_reason == "Too few people had taken a seat: 1 of at least 3.", "one who pays isn't enough"
    assert await told(db, workshop, NotificationKind.SESSION_CANCELLED) == [ONE, COACH]
    assert await fetch_all(db, select(Reservation.user_id)) == [THREE], "until that's paid or not"


async def test_enough_people_are_left_alone(db: Database) -> None:
    workshop = await a_workshop(db, least=2)
    await take(db, workshop, ONE, TWO)

    await at(db, DEADLINE)
    await leave(db, workshop, TWO, DEADLINE)
    await at(db, STARTS - HOUR)

    assert await status(db, workshop) is SessionStatus.SCHEDULED
    _, found = await find(db, workshop)
    assert (found.decide_at, found.next_step_at) == (None, STARTS)


async def test_without_a_least_number_it_takes_place_with_anybody(db: Database) -> None:
    workshop = await a_workshop(db)

    await at(db, STARTS - MINUTE)

    assert await status(db, workshop) is SessionStatus.SCHEDULED


async def test_those_who_are_paying_are_waited_for(db: Database) -> None:
    workshop = await a_workshop(db, least=2)
    await take(db, workshop, ONE)
    await transact(db, seats.hold, workshop, Actor(TWO), DEADLINE - MINUTE, DEADLINE + 30 * MINUTE)

    await at(db, DEADLINE)
    await at(db, DEADLINE + 29 * MINUTE)
    assert await status(db, workshop) is SessionStatus.SCHEDULED

    await at(db, DEADLINE + 30 * MINUTE)
    assert await status(db, workshop) is SessionStatus.CANCELLED


async def test_it_takes_place_once_those_have_paid(db: Database) -> None:
    workshop = await a_workshop(db, least=2)
    await take(db, workshop, ONE)
    held = await transact(db, seats.hold, workshop, Actor(TWO), DEADLINE - MINUTE, DEADLINE + 30 * MINUTE)
    await at(db, DEADLINE)

    async def pay(session: Any) -> None:
        await seats.book_held(session, await session.get_one(type(held), held.id), 2000, DEADLINE + MINUTE)

    await transact(db, pay)
    await at(db, DEADLINE + 30 * MINUTE)

    assert await status(db, workshop) is SessionStatus.SCHEDULED


async def test_a_bot_that_was_down_until_after_the_start_cancels_nothing(db: Database) -> None:
    workshop = await a_workshop(db, least=2)
    await take(db, workshop, ONE)

    await at(db, STARTS + MINUTE)

    assert await status(db, workshop) is SessionStatus.SCHEDULED


@pytest.mark.parametrize("status_then", [SessionStatus.SCHEDULED, SessionStatus.IN_PROGRESS])
async def test_a_workshop_for_nobody_does_not_take_place(db: Database, status_then: SessionStatus) -> None:
    workshop = await a_workshop(db)
    await take(db, workshop, ONE)
    await leave(db, workshop, ONE)
    async with db.begin() as session:
        (await session.get_one(CoachingSession, workshop)).status = status_then

    await at(db, STARTS - MINUTE)
    assert await status(db, workshop) is status_then
    await at(db, STARTS)

    row, _ = await find(db, workshop)
    assert (row.status, row.cancel_reason) == (SessionStatus.CANCELLED, "Nobody took a seat.")
    assert await told(db, workshop, NotificationKind.SESSION_CANCELLED) == [COACH]


async def test_deciding_again_changes_nothing(db: Database) -> None:
    workshop = await a_workshop(db, least=2)
    await at(db, DEADLINE)
    before = await everything(db)

    await at(db, DEADLINE)
    await transact(db, deadlines.decide, workshop, DEADLINE)

    assert await everything(db) == before


async def test_the_announcement_is_edited_when_it_is_decided_starts_and_ends(db: Database) -> None:
    workshop = await a_workshop(db, least=1)
    await take(db, workshop, ONE)
    async with db.begin() as session:
        message = await session.get_one(Notification, (await announcement(db, workshop)).id)
        message.due_at, message.tried_at, message.message_id = None, STARTS - 2 * DAY, 7

    for instant, reached in (
        (DEADLINE, SessionStatus.SCHEDULED),
        (STARTS, SessionStatus.IN_PROGRESS),
        (STARTS + HOUR, SessionStatus.COMPLETED),
    ):
        async with db.begin() as session:  # as the session's own step does just before
            (await session.get_one(CoachingSession, workshop)).status = reached
        await at(db, instant)
        assert (await announcement(db, workshop)).due_at is not None
        async with db.begin() as session:
            (await session.get_one(Notification, message.id)).due_at = None
        await at(db, instant + MINUTE)
        assert (await announcement(db, workshop)).due_at is None


async def test_the_background_checks_decide_it(db: Database) -> None:
    workshop = await a_workshop(db, least=2)

    report = await tick(db, FakeDiscord(), lambda: DEADLINE, BackgroundWork(wait_for_slow=True))

    assert report is not None
    assert report.failure_count == 0
    assert await status(db, workshop) is SessionStatus.CANCELLED
    assert await told(db, workshop, NotificationKind.SESSION_CANCELLED) == [COACH]


async def test_a_process_that_dies_anywhere_decides_once(db: Database) -> None:
    workshop = await a_workshop(db, least=2)
    await take(db, workshop, ONE)

    deaths = 0
    for step in range(40):
        mortal = cast("Database", MortalDatabase(db, Doom(step)))
        try:
            await deadlines.advance(mortal, FakeDiscord(), lambda: DEADLINE, workshop)
        except Died:
            deaths += 1
        else:
            break

    assert deaths >= 3
    assert await status(db, workshop) is SessionStatus.CANCELLED
    assert await told(db, workshop, NotificationKind.SESSION_CANCELLED) == [ONE, COACH]
    actions = await fetch_all(db, select(AuditEntry.action).where(AuditEntry.actor_id.is_(None)))
    assert actions.count("workshop_cancelled_too_few") == 1
