"""In the room: ending a session early, and who can press what, and when."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from functools import partial

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from models import Absent, CoachingSession, Guild, NotificationKind, SessionStatus
from models.storage.database import Database
from scheduler.booking import booking, cancellation
from scheduler.core.actor import Actor
from scheduler.core.errors import CoachingError, NotFound, TooEarly, TooLate
from scheduler.rooms import extensions, in_room
from scheduler.rooms.extensions import Terms
from tests.support.attended_sessions import CARA, ELEVEN, STRANGER, STU, TEN, a_meeting, at, audit_log, both_came
from tests.support.builders import ADMIN, COACH, GUILD, MINUTE, STUDENT, FakeClock, refusal
from tests.support.fakes import FakeDiscord
from tests.support.rounds import advance_due
from tests.support.stored import reservations, session_now, still_enqueued
from tests.support.transactions import transact

HALF_PAST, GRACE_OVER, QUARTER = at(30), at(15), 15 * MINUTE

UseCase = Callable[..., Awaitable[CoachingSession]]


async def ask(session: AsyncSession, session_id: int, actor: Actor, now: datetime) -> CoachingSession:
    """Ask for 15 more minutes, as the room's message offers them."""
    return await extensions.ask(session, session_id, actor, Terms(ELEVEN + QUARTER, 0), now)


both_buttons = pytest.mark.parametrize("use_case", [ask, in_room.end_early])


async def end(db: Database, session_id: int, now: datetime = HALF_PAST) -> FakeDiscord:
    """Let the coach end it, and do what's due then."""
    await transact(db, in_room.end_early, session_id, CARA, now)
    discord = FakeDiscord()
    await advance_due(db, discord, FakeClock(now))
    return discord


async def refused(
    db: Database,
    use_case: UseCase,
    kind: type[CoachingError],
    session_id: int,
    actor: Actor = STU,
    now: datetime = HALF_PAST,
) -> str:
    return str(await refusal(db, kind, partial(use_case, session_id=session_id, actor=actor, now=now)))


async def test_ending_early_completes_the_session_and_frees_the_rest_of_the_time(db: Database) -> None:
    session_id = await both_came(db, watched_until=HALF_PAST)
    before = await session_now(db, session_id)

    await transact(db, in_room.end_early, session_id, CARA, HALF_PAST)

    one = await session_now(db, session_id)
    assert (one.status, one.ends_at, one.absent) == (SessionStatus.COMPLETED, HALF_PAST, None)
    assert (one.agreed_until, one.booked_duration, one.student.total_cost_minor) == (ELEVEN, ELEVEN - TEN, 6000)
    assert (one.revision, one.next_step_at) == (before.revision + 1, HALF_PAST)
    assert await reservations(db) == [(COACH, TEN, HALF_PAST), (STUDENT, TEN, HALF_PAST)]
    assert await still_enqueued(db) == [(NotificationKind.REVIEW_REQUEST, STUDENT)]
    assert await audit_log(db) == [("session_completed", None), ("session_ended", COACH)]


async def test_someone_else_can_book_the_time_after_an_early_end(db: Database) -> None:
    session_id = await both_came(db)
    await end(db, session_id)

    async with db.begin() as session:
        guild = await session.get_one(Guild, GUILD)
        await booking.book(session, guild, STRANGER, COACH, HALF_PAST, HALF_PAST - TEN, None, at(29))

    assert (COACH, HALF_PAST, ELEVEN) in await reservations(db)


async def test_someone_alone_can_end_it_as_a_no_show_after_the_grace_period(db: Database) -> None:
    session_id = await a_meeting(db, (COACH, 0, None))

    just_before = GRACE_OVER - timedelta(seconds=1)
    sentence = await refused(db, in_room.end_early, TooEarly, session_id, CARA, just_before)
    discord = await end(db, session_id, GRACE_OVER)

    one = await session_now(db, session_id)
    assert discord.asked("barrier") == [str(STUDENT)]
    until = f"<t:{GRACE_OVER.timestamp():.0f}:t>"
    assert sentence.startswith(f"Not everyone is here yet, and they have until {until}")
    assert (one.status, one.absent, one.ends_at) == (SessionStatus.NO_SHOW, Absent.STUDENT, GRACE_OVER)
    assert await still_enqueued(db) == [(NotificationKind.NO_SHOW, STUDENT), (NotificationKind.NO_SHOW, COACH)]
    assert (await audit_log(db))[:2] == [("session_ended", COACH), ("session_no_show", None)]


async def test_someone_alone_can_end_it_once_the_other_has_come(db: Database) -> None:
    session_id = await a_meeting(db, (COACH, 0, None), (STUDENT, 4, None))

    await end(db, session_id, at(5))

    assert (await session_now(db, session_id)).status is SessionStatus.COMPLETED


async def test_if_the_room_opened_late_the_grace_period_ends_later(db: Database) -> None:
    session_id = await a_meeting(db, (COACH, 20, None), access_granted_at=at(20))

    await refused(db, in_room.end_early, TooEarly, session_id, CARA, at(34))
    await end(db, session_id, at(35))

    assert (await session_now(db, session_id)).absent is Absent.STUDENT


async def test_the_grace_period_also_counts_after_the_room_was_deleted(db: Database) -> None:
    lost = {"access_granted_at": None, "room_lost_at": at(1), "discord_setup_complete": False}
    session_id = await a_meeting(db, (COACH, 0, 1), watched_until=at(2), **lost)

    await refused(db, in_room.end_early, TooEarly, session_id, CARA, at(2))
    await end(db, session_id, GRACE_OVER)

    one = await session_now(db, session_id)
    assert (one.status, one.absent) == (SessionStatus.COMPLETED, None)


async def test_if_nobody_watched_it_can_be_ended_and_nobody_is_absent(db: Database) -> None:
    session_id = await a_meeting(db, watched_until=None)

    await end(db, session_id, at(6))

    one = await session_now(db, session_id)
    assert (one.status, one.absent) == (SessionStatus.COMPLETED, None)


# Who can end or extend it, and when.


@both_buttons
async def test_nobody_else_can_end_or_extend_it(db: Database, use_case: UseCase) -> None:
    session_id = await both_came(db)

    for one, actor in ((session_id, STRANGER), (session_id, ADMIN), (session_id + 1, STU)):
        sentence = await refused(db, use_case, NotFound, one, actor)
        assert sentence == "You have no such session. `/sessions` lists yours."


@both_buttons
async def test_before_the_start_it_is_too_early(db: Database, use_case: UseCase) -> None:
    session_id = await both_came(db, status=SessionStatus.SCHEDULED)

    for now in (at(-4), TEN - timedelta(microseconds=1)):
        await refused(db, use_case, TooEarly, session_id, now=now)


@both_buttons
async def test_at_the_start_itself_it_works(db: Database, use_case: UseCase) -> None:
    session_id = await both_came(db, status=SessionStatus.SCHEDULED)

    await transact(db, use_case, session_id, STU, TEN)

    assert (await session_now(db, session_id)).updated_at == TEN


async def test_ended_at_the_start_itself_it_is_completed(db: Database) -> None:
    session_id = await both_came(db, status=SessionStatus.SCHEDULED)

    await transact(db, in_room.end_early, session_id, CARA, TEN)

    one = await session_now(db, session_id)
    assert (one.status, one.ends_at) == (SessionStatus.COMPLETED, TEN + timedelta(seconds=1))


@both_buttons
async def test_it_works_even_if_the_tick_at_the_start_is_late(db: Database, use_case: UseCase) -> None:
    session_id = await both_came(db, status=SessionStatus.SCHEDULED)

    await transact(db, use_case, session_id, STU, HALF_PAST)

    assert (await session_now(db, session_id)).updated_at == HALF_PAST


@both_buttons
async def test_after_the_end_it_is_too_late(db: Database, use_case: UseCase) -> None:
    session_id = await both_came(db)

    for now in (ELEVEN, ELEVEN + MINUTE):  # even if the tick at the end is late
        assert await refused(db, use_case, TooLate, session_id, now=now) == "This session is over."


@both_buttons
async def test_a_cancelled_session_cannot_be_ended_or_extended(db: Database, use_case: UseCase) -> None:
    session_id = await a_meeting(db)
    await transact(db, cancellation.cancel, session_id, CARA, GUILD, "Ill.", at(5))

    await refused(db, use_case, TooLate, session_id)

    assert await reservations(db) == []


@both_buttons
async def test_an_ended_session_cannot_be_ended_or_extended(db: Database, use_case: UseCase) -> None:
    session_id = await both_came(db)
    await end(db, session_id)

    await refused(db, use_case, TooLate, session_id)
