"""In the room: ending now, and who may press what when."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from functools import partial

import pytest

from models import Absent, CoachingSession, Guild, NotificationKind, SessionStatus
from models.storage.database import Database
from scheduler.booking import booking, cancellation
from scheduler.core.actor import Actor
from scheduler.core.errors import CoachingError, NotFound, TooEarly, TooLate
from scheduler.rooms import in_room
from tests.support.attended_sessions import (
    CARA,
    ELEVEN,
    STRANGER,
    STU,
    TEN,
    a_meeting,
    at,
    both_came,
    enqueued,
    found,
    press,
    recorded,
)
from tests.support.builders import ADMIN, COACH, GUILD, MINUTE, STUDENT, FakeClock, refusal
from tests.support.fakes import FakeDiscord
from tests.support.rescheduled_sessions import reservations
from tests.support.rounds import advance_due
from tests.support.transactions import transact

HALF_PAST, GRACE_OVER = at(30), at(15)
SECOND = timedelta(seconds=1)

UseCase = Callable[..., Awaitable[CoachingSession]]


async def end(db: Database, session_id: int, actor: Actor = CARA, now: datetime = HALF_PAST) -> None:
    await press(db, partial(in_room.end_early, session_id=session_id, actor=actor, now=now))


async def the_loop_looks(db: Database, now: datetime) -> FakeDiscord:
    """One look at what is due."""
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
    """The sentence with which it is refused; fails if anything has changed."""
    return str(await refusal(db, kind, partial(use_case, session_id=session_id, actor=actor, now=now)))


async def test_ending_now_completes_the_session_and_frees_the_rest_of_the_time(db: Database) -> None:
    session_id = await both_came(db, watched_until=HALF_PAST)
    before = await found(db, session_id)

    await end(db, session_id)

    one = await found(db, session_id)
    assert (one.status, one.ends_at, one.absent) == (SessionStatus.COMPLETED, HALF_PAST, None)
    assert (one.revision, one.next_step_at) == (before.revision + 1, HALF_PAST)
    assert await reservations(db) == [(COACH, TEN, HALF_PAST), (STUDENT, TEN, HALF_PAST)]
    assert await enqueued(db) == [(NotificationKind.REVIEW_REQUEST, STUDENT)]
    assert await recorded(db) == [("session_completed", None), ("session_ended", COACH)]


async def test_the_time_after_an_early_end_can_be_booked_by_another(db: Database) -> None:
    session_id = await both_came(db)
    await end(db, session_id)

    async with db.begin() as session:
        guild = await session.get_one(Guild, GUILD)
        await booking.book(session, guild, STRANGER, COACH, HALF_PAST, HALF_PAST - TEN, None, at(29))

    assert (COACH, HALF_PAST, ELEVEN) in await reservations(db)


async def test_who_is_alone_waits_for_the_grace_time_before_ending_it_as_a_no_show(db: Database) -> None:
    session_id = await a_meeting(db, (COACH, 0, None))

    sentence = await refused(db, in_room.end_early, TooEarly, session_id, CARA, GRACE_OVER - SECOND)
    await end(db, session_id, now=GRACE_OVER)
    discord = await the_loop_looks(db, GRACE_OVER)

    one = await found(db, session_id)
    assert discord.asked("barrier") == [str(STUDENT)]
    assert sentence.startswith(f"Not everyone is here yet, and they have until <t:{GRACE_OVER.timestamp():.0f}:t>")
    assert (one.status, one.absent, one.ends_at) == (SessionStatus.NO_SHOW, Absent.STUDENT, GRACE_OVER)
    assert await enqueued(db) == [(NotificationKind.NO_SHOW, STUDENT), (NotificationKind.NO_SHOW, COACH)]
    assert (await recorded(db))[:2] == [("session_ended", COACH), ("session_no_show", None)]


async def test_who_was_alone_can_end_it_as_soon_as_the_other_has_come(db: Database) -> None:
    session_id = await a_meeting(db, (COACH, 0, None), (STUDENT, 4, None))

    await end(db, session_id, now=at(5))

    assert (await found(db, session_id)).status is SessionStatus.COMPLETED


async def test_after_a_late_opening_there_is_time_until_later(db: Database) -> None:
    session_id = await a_meeting(db, (COACH, 20, None), access_granted_at=at(20))

    await refused(db, in_room.end_early, TooEarly, session_id, CARA, at(34))
    await end(db, session_id, now=at(35))
    await the_loop_looks(db, at(35))

    assert (await found(db, session_id)).absent is Absent.STUDENT


async def test_who_is_alone_waits_for_the_grace_time_also_after_the_room_was_deleted(db: Database) -> None:
    lost = {"access_granted_at": None, "room_lost_at": at(1), "discord_setup_complete": False}
    session_id = await a_meeting(db, (COACH, 0, 1), watched_until=at(2), **lost)

    await refused(db, in_room.end_early, TooEarly, session_id, CARA, at(2))
    await end(db, session_id, now=GRACE_OVER)
    await the_loop_looks(db, GRACE_OVER)

    one = await found(db, session_id)
    assert (one.status, one.absent) == (SessionStatus.COMPLETED, None)


async def test_where_nobody_watched_it_can_be_ended_and_nobody_is_absent(db: Database) -> None:
    session_id = await a_meeting(db, watched_until=None)

    await end(db, session_id, now=at(6))

    one = await found(db, session_id)
    assert (one.status, one.absent) == (SessionStatus.COMPLETED, None)


# Who may end it or go on, and when.


@pytest.mark.parametrize("use_case", [in_room.extend, in_room.end_early])
async def test_nobody_else_may(db: Database, use_case: UseCase) -> None:
    session_id = await both_came(db)

    for one, actor in ((session_id, STRANGER), (session_id, ADMIN), (session_id + 1, STU)):
        sentence = await refused(db, use_case, NotFound, one, actor)
        assert sentence == "You have no such session. `/sessions` lists yours."


@pytest.mark.parametrize("use_case", [in_room.extend, in_room.end_early])
async def test_before_the_start_it_is_too_early(db: Database, use_case: UseCase) -> None:
    session_id = await both_came(db, status=SessionStatus.SCHEDULED)

    for now in (at(-4), TEN):
        await refused(db, use_case, TooEarly, session_id, now=now)


@pytest.mark.parametrize("use_case", [in_room.extend, in_room.end_early])
async def test_a_tick_that_is_late_is_in_nobodys_way(db: Database, use_case: UseCase) -> None:
    session_id = await both_came(db, status=SessionStatus.SCHEDULED)

    await press(db, partial(use_case, session_id=session_id, actor=STU, now=HALF_PAST))

    assert (await found(db, session_id)).updated_at == HALF_PAST


@pytest.mark.parametrize("use_case", [in_room.extend, in_room.end_early])
async def test_after_the_end_it_is_too_late(db: Database, use_case: UseCase) -> None:
    session_id = await both_came(db)

    for now in (ELEVEN, ELEVEN + MINUTE):  # although the tick that says so may be late
        assert await refused(db, use_case, TooLate, session_id, now=now) == "This session is over."


@pytest.mark.parametrize("use_case", [in_room.extend, in_room.end_early])
async def test_after_a_cancellation_nothing_is_taken_again(db: Database, use_case: UseCase) -> None:
    session_id = await a_meeting(db)
    await transact(db, cancellation.cancel, session_id, CARA, GUILD, "Ill.", at(5))

    await refused(db, use_case, TooLate, session_id)

    assert await reservations(db) == []


async def test_who_ends_it_twice_is_told_that_it_is_over(db: Database) -> None:
    session_id = await both_came(db)
    await end(db, session_id)

    await refused(db, in_room.end_early, TooLate, session_id, CARA)
    await refused(db, in_room.extend, TooLate, session_id, STU)
