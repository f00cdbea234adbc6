"""The bot comes back to a server, or may do more there, while its people do something: no circle of waiting."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from sqlalchemy import select, text, update
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
from tests.support.transactions import fetch, transact

pytestmark = pytest.mark.parametrize("engine_name", ["postgres"])  # on SQLite one waits for the other's end

Press = Callable[[AsyncSession], Awaitable[object]]


@pytest.fixture
async def another(db: Database, database_url: str) -> AsyncIterator[Database]:
    """The same database as another process has it open."""
    opened = Database(database_url)
    yield opened
    await opened.close()


async def set_up(db: Database, **changed: Any) -> int:
    """A coach who is booked for Tuesday in a server that the bot was removed from; gives back the session's id."""
    async with db.begin() as session:
        await a_guild(session, bot_removed_at=MONDAY - DAY)
        await a_coach(session, role_error=bot_removal.NOTE)
        return (await a_session(session, starts_at=MONDAY + DAY, **changed)).id


async def side_by_side(db: Database, first: Press, second: Awaitable[object], then: Press) -> None:
    """The second begins after the first part of a transaction, and has to wait; then comes the rest."""
    async with db.begin() as session:
        await first(session)
        other = asyncio.ensure_future(second)
        async with asyncio.timeout(30):
            while not await somebody_waits(db):
                assert not other.done(), "it did not wait"
        await then(session)
    await other


async def somebody_waits(db: Database) -> bool:
    async with db.read() as session:
        waiting = (
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        return bool(await session.scalar(text(waiting)))


async def comes_back(db: Database) -> None:
    await transact(db, bot_membership.returned, GUILD, MONDAY)


async def hold_coach(session: AsyncSession) -> object:
    return await lock_coach(session, GUILD, COACH)


async def test_the_bot_comes_back_while_a_coach_leaves(db: Database, another: Database) -> None:
    session_id = await set_up(db)

    async def leave(session: AsyncSession) -> object:
        return await departures.handle_departure(session, GUILD, COACH, Why.LEFT, MONDAY)

    await side_by_side(db, hold_coach, comes_back(another), leave)

    async with db.read() as session:
        assert (await session.get_one(CoachingSession, session_id)).status is SessionStatus.CANCELLED
        assert (await session.get_one(Guild, GUILD)).bot_removed_at is None


async def test_the_bot_comes_back_while_a_step_is_written_down(db: Database, another: Database) -> None:
    session_id = await set_up(db)

    async def hold_session(session: AsyncSession) -> object:
        return await lock_sessions(session, CoachingSession.id == session_id)

    async def write(session: AsyncSession) -> None:
        audit.record(session, GUILD, "room_made", at=MONDAY, session_id=session_id)
        await session.flush()

    await side_by_side(db, hold_session, comes_back(another), write)

    assert (await fetch(db, CoachingSession, session_id)).next_step_at == MONDAY


@pytest.mark.parametrize(
    "happens",
    [comes_back, lambda db: retries.bring_forward(db, FakeClock())],
    ids=["the bot comes back", "what failed is tried again"],
)
async def test_sessions_are_held_one_after_the_other(
    db: Database, another: Database, happens: Callable[[Database], Awaitable[object]]
) -> None:
    first_id = await set_up(db, attempts=1)
    async with db.begin() as session:
        second_id = (await a_session(session, starts_at=MONDAY + HOUR, attempts=1)).id
        # What was written last lies last: in the order in which it lies, the first comes second.
        await session.execute(
            update(CoachingSession).where(CoachingSession.id == first_id).values(updated_at=MONDAY)
        )

    async def hold(session: AsyncSession) -> object:
        return await lock_sessions(session, CoachingSession.id == first_id)

    async def hold_next(session: AsyncSession) -> object:
        return await lock_sessions(session, CoachingSession.id == second_id)

    await side_by_side(db, hold, happens(another), hold_next)

    assert (await fetch(db, CoachingSession, second_id)).next_step_at == MONDAY


async def test_what_was_given_up_begins_anew_while_somebody_says_that_a_session_took_place(
    db: Database, another: Database
) -> None:
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
        return await outcomes.say_whether_it_took_place(session, session_id, Actor(STUDENT), GUILD, True, MONDAY)

    await side_by_side(db, hold_coach, retries.begin_anew(another, FakeClock(), GUILD), say)

    async with db.read() as session:
        found = await session.get_one(CoachingSession, session_id)
        assert (found.took_place, found.last_error) == (True, None)


async def test_a_student_who_coaches_too_is_found_gone_while_the_bot_comes_back(
    db: Database, another: Database
) -> None:
    session_id = await set_up(db, membership_due_at=MONDAY)
    async with db.begin() as session:
        await a_coach(session, user_id=STUDENT, membership_due_at=None)
        await session.execute(update(Coach).values(membership_due_at=None))
        await session.execute(update(Guild).values(bot_removed_at=None))
    discord = FakeDiscord()
    discord.gone = {STUDENT}

    async def hold_coaches(session: AsyncSession) -> object:  # without their people, as `comes_back` does
        return list(await session.scalars(select(Coach).order_by(Coach.user_id).with_for_update()))

    async def hold_session(session: AsyncSession) -> object:
        return await lock_sessions(session, CoachingSession.id == session_id)

    await side_by_side(db, hold_coaches, membership_checks.check_due(another, discord, FakeClock()), hold_session)

    assert (await fetch(db, CoachingSession, session_id)).status is SessionStatus.CANCELLED
