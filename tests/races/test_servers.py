"""The bot returns to a server, or gets permissions there, while people do something: no deadlock."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from models import Coach, CoachingSession, Guild, SessionStatus
from models.storage.database import Database
from scheduler.attendance import outcomes
from scheduler.booking import departures, membership_checks
from scheduler.booking.departures import Why
from scheduler.core import audit
from scheduler.core.actor import Actor
from scheduler.core.row_locks import lock_coach, lock_sessions
from scheduler.loop import retries
from scheduler.notifications import bot_removal
from scheduler.servers import bot_membership
from tests.support.builders import COACH, DAY, GUILD, HOUR, MONDAY, STUDENT, FakeClock, a_coach, a_guild, a_session
from tests.support.fakes import FakeDiscord
from tests.support.transactions import fetch, transact, until_blocked

pytestmark = pytest.mark.parametrize("engine_name", ["postgres"])  # SQLite runs them in turn

Press = Callable[[AsyncSession], Awaitable[object]]


async def set_up(db: Database, **changed: Any) -> int:
    """Store a coach booked for Tuesday in a server that removed the bot, and return the session's id."""
    async with db.begin() as session:
        await a_guild(session, bot_removed_at=MONDAY - DAY)
        await a_coach(session, role_error=bot_removal.REMOVED)
        return (await a_session(session, starts_at=MONDAY + DAY, **changed)).id


async def side_by_side(db: Database, first: Press, second: Awaitable[object], then: Press) -> None:
    """Begin `second` after the first part of a transaction, so that it has to wait, then do the rest."""
    async with db.begin() as session:
        await first(session)
        other = asyncio.ensure_future(second)
        await until_blocked(db, other)
        await then(session)
    await other


async def bot_returns(db: Database) -> None:
    await transact(db, bot_membership.resume, GUILD, MONDAY)


async def hold_coach(session: AsyncSession) -> object:
    return await lock_coach(session, GUILD, COACH)


async def test_the_bot_can_return_while_a_coach_leaves(db: Database, another: Database) -> None:
    session_id = await set_up(db)

    async def leave(session: AsyncSession) -> object:
        return await departures.handle_departure(session, GUILD, COACH, Why.LEFT, MONDAY)

    await side_by_side(db, hold_coach, bot_returns(another), leave)

    async with db.read() as session:
        assert (await session.get_one(CoachingSession, session_id)).status is SessionStatus.CANCELLED
        assert (await session.get_one(Guild, GUILD)).bot_removed_at is None


async def test_the_bot_can_return_while_a_step_is_recorded(db: Database, another: Database) -> None:
    session_id = await set_up(db)

    async def hold_session(session: AsyncSession) -> object:
        return await lock_sessions(session, CoachingSession.id == session_id)

    async def write(session: AsyncSession) -> None:
        audit.record(session, GUILD, "room_made", at=MONDAY, session_id=session_id)
        await session.flush()

    await side_by_side(db, hold_session, bot_returns(another), write)

    assert (await fetch(db, CoachingSession, session_id)).next_step_at == MONDAY


@pytest.mark.parametrize(
    "happens",
    [bot_returns, lambda db: retries.bring_forward(db, FakeClock())],
    ids=["the bot returns", "failures are retried"],
)
async def test_sessions_are_locked_in_order(
    db: Database, another: Database, happens: Callable[[Database], Awaitable[object]]
) -> None:
    first_id = await set_up(db, attempts=1)
    async with db.begin() as session:
        second_id = (await a_session(session, starts_at=MONDAY + HOUR, attempts=1)).id
        # Rewrite the first row, so that it's stored after the second.
        await session.execute(
            update(CoachingSession).where(CoachingSession.id == first_id).values(updated_at=MONDAY)
        )

    async def hold(session: AsyncSession) -> object:
        return await lock_sessions(session, CoachingSession.id == first_id)

    async def hold_next(session: AsyncSession) -> object:
        return await lock_sessions(session, CoachingSession.id == second_id)

    await side_by_side(db, hold, happens(another), hold_next)

    assert (await fetch(db, CoachingSession, second_id)).next_step_at == MONDAY


async def test_a_retry_can_begin_while_someone_says_a_session_took_place(db: Database, another: Database) -> None:
    session_id = await set_up(
        db,
        status=SessionStatus.COMPLETED,
        missed_at=MONDAY,
        next_step_at=None,
        last_error="given up: I lack Manage Channels",
    )
    async with db.begin() as session:
        await session.execute(update(Coach).values(role_due_at=None))

    async def say(session: AsyncSession) -> object:
        return await outcomes.answer_whether_it_took_place(
            session, session_id, Actor(STUDENT), GUILD, True, MONDAY
        )

    await side_by_side(db, hold_coach, retries.retry_all(another, FakeClock(), GUILD), say)

    async with db.read() as session:
        found = await session.get_one(CoachingSession, session_id)
        assert (found.took_place, found.last_error) == (True, None)


async def test_a_coaching_student_can_be_found_gone_while_the_bot_returns(db: Database, another: Database) -> None:
    session_id = await set_up(db, membership_due_at=MONDAY)
    async with db.begin() as session:
        await a_coach(session, user_id=STUDENT, membership_due_at=None)
        await session.execute(update(Coach).values(membership_due_at=None))
        await session.execute(update(Guild).values(bot_removed_at=None))
    discord = FakeDiscord()
    discord.gone = {STUDENT}

    async def hold_coaches(session: AsyncSession) -> object:  # without `members`, as `bot_returns` does
        return list(await session.scalars(select(Coach).order_by(Coach.user_id).with_for_update()))

    async def hold_session(session: AsyncSession) -> object:
        return await lock_sessions(session, CoachingSession.id == session_id)

    await side_by_side(db, hold_coaches, membership_checks.check_due(another, discord, FakeClock()), hold_session)

    assert (await fetch(db, CoachingSession, session_id)).status is SessionStatus.CANCELLED
