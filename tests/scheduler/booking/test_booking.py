"""Booking and cancelling: what is refused, who wins a race, and that nothing is ever half-written."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from functools import partial
from itertools import pairwise
from typing import Any

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from models import (
    AuditEntry,
    Coach,
    CoachingSession,
    CoachStatus,
    Guild,
    Notification,
    NotificationKind,
    Reservation,
    SessionStatus,
)
from models.storage.database import Database
from scheduler.availability import free_times
from scheduler.booking import booking, cancellation
from scheduler.core.actor import Actor
from scheduler.core.clock import stamp
from scheduler.core.errors import CoachingError, NotBookable, NotFound, SlotTaken, TooLate, Unreadable
from scheduler.sessions import upcoming
from tests.support.builders import (
    ADMIN,
    COACH,
    DAY,
    GUILD,
    HOUR,
    MINUTE,
    MONDAY,
    STUDENT,
    a_coach,
    a_guild,
    a_server_with_a_coach,
    a_session,
    everything,
    refusal,
)
from tests.support.transactions import fetch, fetch_all, query, transact

STU = Actor(STUDENT)
SAM = Actor(STUDENT + 1)
TEN = MONDAY + 2 * HOUR
ELEVEN = TEN + HOUR


async def book(
    session: AsyncSession,
    actor: Actor = STU,
    starts_at: datetime = TEN,
    *,
    coach_id: int = COACH,
    minutes: int = 60,
    notes: str | None = None,
    now: datetime = MONDAY,
    guild_id: int = GUILD,
) -> CoachingSession:
    """Book the coach, an hour at ten unless told otherwise."""
    guild = await session.get_one(Guild, guild_id)
    length = timedelta(minutes=minutes)
    return await booking.book(session, guild, actor, coach_id, starts_at, length, notes, now)


async def cancel(
    session: AsyncSession,
    session_id: int,
    actor: Actor = STU,
    *,
    guild_id: int | None = GUILD,
    reason: str = "",
    now: datetime = MONDAY,
) -> CoachingSession:
    """Cancel a session, in the server where it is unless told otherwise."""
    return await cancellation.cancel(session, session_id, actor, guild_id, reason, now)


async def booked(db: Database, actor: Actor = STU, starts_at: datetime = TEN) -> int:
    """A server in which somebody has booked; gives back the session's id."""
    await a_server_with_a_coach(db)
    return (await transact(db, book, actor, starts_at)).id


Outcome = CoachingSession | CoachingError


async def attempt(db: Database, use_case: Callable[[AsyncSession], Awaitable[CoachingSession]]) -> Outcome:
    """One person's press: the session, or the refusal. Any other error is a bug and is raised."""
    try:
        return await transact(db, use_case)
    except CoachingError as refused:
        return refused


def won(outcomes: Sequence[Outcome]) -> list[CoachingSession]:
    return [one for one in outcomes if isinstance(one, CoachingSession)]


async def reservations(db: Database) -> list[tuple[int, datetime, datetime]]:
    """Person, start and end of every reservation."""
    async with db.read() as session:
        columns = Reservation.user_id, Reservation.starts_at, Reservation.ends_at
        found = await session.execute(select(*columns).order_by(*columns))
        return [(user_id, start, end) for user_id, start, end in found]


async def sessions(db: Database) -> list[CoachingSession]:
    return await fetch_all(db, select(CoachingSession).order_by(CoachingSession.id))


async def enqueued(db: Database) -> list[tuple[NotificationKind, int | None]]:
    """Kind and recipient of every notification but reminders, which `test_reminders` looks at."""
    async with db.read() as session:
        found = await session.scalars(select(Notification).order_by(Notification.id))
        return [(one.kind, one.user_id) for one in found if one.kind is not NotificationKind.SESSION_REMINDER]


# Booking.


async def test_booking_writes_the_session_both_reservations_and_both_notifications(db: Database) -> None:
    await a_server_with_a_coach(db, buffer_before_minutes=10, buffer_after_minutes=5, rate_minor=5000)

    await transact(db, book, minutes=90, notes="  The second verse. ")

    (one,) = await sessions(db)
    assert (one.coach_id, one.student_id, one.starts_at, one.duration) == (COACH, STUDENT, TEN, 90 * MINUTE)
    assert (one.status, one.notes) == (SessionStatus.SCHEDULED, "The second verse.")
    assert (one.total_cost_minor, one.currency) == (7500, "USD")
    assert (one.created_at, one.next_step_at) == (MONDAY, TEN - 15 * MINUTE)
    assert await reservations(db) == [
        (COACH, TEN - 10 * MINUTE, TEN + 95 * MINUTE),
        (STUDENT, TEN, TEN + 90 * MINUTE),
    ]
    assert await enqueued(db) == [
        (NotificationKind.SESSION_BOOKED, STUDENT),
        (NotificationKind.SESSION_BOOKED, COACH),
    ]
    async with db.read() as session:
        assert (await session.scalars(select(AuditEntry.action))).all() == ["session_booked"]


async def test_a_session_keeps_its_price_when_the_rate_changes(db: Database) -> None:
    session_id = await booked(db)

    async with db.begin() as session:
        (await session.get_one(Coach, (GUILD, COACH))).rate_minor = 9900

    assert (await fetch(db, CoachingSession, session_id)).total_cost_minor == 6000


async def test_two_sessions_may_touch(db: Database) -> None:
    await booked(db)

    await transact(db, book, SAM, ELEVEN)

    assert [one.starts_at for one in await sessions(db)] == [TEN, ELEVEN]


async def test_codes_are_short_distinct_and_without_letters_that_look_alike(db: Database) -> None:
    await a_server_with_a_coach(db)

    async with db.begin() as session:
        codes = {(await book(session, starts_at=MONDAY + hour * HOUR)).code for hour in range(1, 9)}

    assert len(codes) == 8
    assert all(len(code) == 7 and not set(code) & set("01loaeiu") for code in codes)


async def test_booking_the_same_twice_gives_the_same_session(db: Database) -> None:
    session_id = await booked(db)
    before = await everything(db)

    again = await transact(db, book)

    assert again.id == session_id
    assert {name: len(rows) for name, rows in before.items()} == {
        name: len(rows) for name, rows in (await everything(db)).items()
    }


async def test_a_double_click_books_once(db: Database) -> None:
    await a_server_with_a_coach(db)

    outcomes = await asyncio.gather(*(attempt(db, book) for _ in range(5)))

    assert len({one.id for one in won(outcomes)}) == 1
    assert len(won(outcomes)) == 5
    assert len(await sessions(db)) == 1
    assert len(await enqueued(db)) == 2


async def test_the_same_time_can_be_booked_again_after_a_cancellation(db: Database) -> None:
    first = await booked(db)
    await transact(db, cancel, first)

    second = await transact(db, book)

    assert second.id != first
    assert len(await reservations(db)) == 2


# Refusals.


@pytest.mark.parametrize(
    ("changed", "asked", "sentence"),
    [
        ({}, {"actor": Actor(COACH)}, "You can't book yourself. Choose another coach."),
        (
            {"accepting": False},
            {},
            "This coach isn't taking new bookings at the moment. Choose another coach with `/book`.",
        ),
        ({}, {"minutes": 45}, "This coach offers 60, 30, 90 minutes. Choose one of these."),
        ({}, {"starts_at": MONDAY - HOUR}, "That time is in the past. Choose a later one."),
        ({}, {"starts_at": MONDAY}, "That time is in the past. Choose a later one."),
    ],
    ids=["oneself", "paused", "length", "past", "now"],
)
async def test_what_can_never_be_booked_is_refused_with_what_to_do(
    db: Database, changed: dict[str, Any], asked: dict[str, Any], sentence: str
) -> None:
    await a_server_with_a_coach(db, **changed)

    refused = await refusal(db, NotBookable, partial(book, **asked))

    assert str(refused) == sentence


@pytest.mark.parametrize("status", [CoachStatus.PENDING, CoachStatus.REJECTED, CoachStatus.SUSPENDED])
async def test_only_coaches_can_be_booked(db: Database, status: CoachStatus) -> None:
    await a_server_with_a_coach(db, status=status)

    await refusal(db, NotFound, book)

    assert await sessions(db) == []


async def test_a_coach_of_another_server_cannot_be_booked_here(db: Database) -> None:
    await a_server_with_a_coach(db)
    await transact(db, a_guild, id=GUILD + 1)

    refused = await refusal(db, NotFound, partial(book, guild_id=GUILD + 1))

    assert (
        str(refused) == "There's no such coach here. `/book` lists the coaches. To become one, use `/coach apply`."
    )


async def test_notes_that_are_too_long_are_refused_with_the_limit(db: Database) -> None:
    await a_server_with_a_coach(db)

    refused = await refusal(db, Unreadable, partial(book, notes="x" * 1001))

    assert str(refused) == "Your notes have 1,001 characters; at most 1,000 fit. Please shorten them."


@pytest.mark.parametrize(
    ("changed", "starts_at"),
    [
        ({}, MONDAY + 13 * HOUR),
        ({}, TEN + 5 * MINUTE),
        ({}, TEN + timedelta(seconds=1)),
        ({}, MONDAY + 8.5 * HOUR),
        ({"minimum_notice_minutes": 121}, TEN),
        ({"horizon_days": 1}, TEN + DAY),
    ],
    ids=["outside hours", "off the steps", "a second late", "into the evening", "too soon", "beyond the horizon"],
)
async def test_a_time_that_is_not_offered_is_refused_with_times_that_are(
    db: Database, changed: dict[str, Any], starts_at: datetime
) -> None:
    await a_server_with_a_coach(db, **changed)

    refused = await refusal(db, SlotTaken, partial(book, starts_at=starts_at))

    assert len(refused.nearest) == 3
    for alternative in refused.nearest:
        assert isinstance(await attempt(db, partial(book, starts_at=alternative)), CoachingSession)
        await cancel_all(db)


async def cancel_all(db: Database) -> None:
    async with db.begin() as session:
        scheduled = CoachingSession.status == SessionStatus.SCHEDULED
        for session_id in await session.scalars(select(CoachingSession.id).where(scheduled)):
            await cancel(session, session_id)


async def test_the_second_of_two_students_is_told_the_nearest_free_times(db: Database) -> None:
    await booked(db)

    refused = await refusal(db, SlotTaken, partial(book, actor=SAM))

    assert refused.nearest == (TEN - HOUR, ELEVEN, ELEVEN + 30 * MINUTE)
    listed = ", ".join(stamp(at) for at in refused.nearest)
    assert str(refused) == f"That time was just taken. Nearest free: {listed}."


async def test_when_nothing_else_is_free_another_coach_is_suggested(db: Database) -> None:
    await a_server_with_a_coach(db, hours=[(0, 10 * 60, 11 * 60)], horizon_days=1)
    await transact(db, book)

    refused = await refusal(db, SlotTaken, partial(book, actor=SAM))

    assert str(refused) == ("That time was just taken. This coach has no other free times. Choose another coach.")


async def test_one_cannot_be_in_two_sessions_at_once(db: Database) -> None:
    await booked(db)
    await transact(db, a_coach, user_id=COACH + 1)

    refused = await refusal(db, SlotTaken, partial(book, coach_id=COACH + 1, starts_at=TEN + 30 * MINUTE))

    assert refused.nearest == (ELEVEN, ELEVEN + 30 * MINUTE, TEN - HOUR)


async def test_a_coach_cannot_learn_and_teach_at_once(db: Database) -> None:
    await booked(db)
    await transact(db, a_coach, user_id=COACH + 1)

    await refusal(db, SlotTaken, partial(book, actor=Actor(COACH), coach_id=COACH + 1))

    assert len(await sessions(db)) == 1


class RollBack(Exception):
    """Ends a savepoint that must leave nothing behind."""


async def test_what_is_listed_can_be_booked_and_what_is_not_listed_is_refused(db: Database) -> None:
    await a_server_with_a_coach(
        db,
        hours=[(0, 9 * 60, 12 * 60 + 10), (0, 13 * 60, 15 * 60)],
        slot_step_minutes=25,
        buffer_before_minutes=5,
        buffer_after_minutes=10,
        minimum_notice_minutes=70,
        horizon_days=1,
    )
    await transact(db, a_session, starts_at=MONDAY + 3.5 * HOUR, ends_at=MONDAY + 4 * HOUR)
    day = [MONDAY + minute * MINUTE for minute in sorted({*range(30, 8 * 60, 5), *range(100, 150)})]
    bookable: list[datetime] = []

    async with db.begin() as session:
        coach = await session.get_one(Coach, (GUILD, COACH))
        listed = list(await free_times.free_times(session, coach, 30 * MINUTE, student_id=SAM.user_id, now=MONDAY))
        for minute in day:
            try:
                async with session.begin_nested():
                    await book(session, SAM, minute, minutes=30)
                    bookable.append(minute)
                    raise RollBack
            except (RollBack, SlotTaken):
                pass

    assert bookable == listed
    assert 5 < len(listed) < 15


# Races.


async def test_of_twenty_students_racing_for_one_slot_exactly_one_wins(db: Database) -> None:
    await a_server_with_a_coach(db)

    outcomes = await asyncio.gather(*(attempt(db, partial(book, actor=Actor(100 + n))) for n in range(20)))

    (winner,) = won(outcomes)
    losers = [one for one in outcomes if isinstance(one, SlotTaken)]
    assert len(losers) == 19
    assert {one.nearest for one in losers} == {(TEN - HOUR, ELEVEN, ELEVEN + 30 * MINUTE)}
    assert await reservations(db) == sorted([(COACH, TEN, ELEVEN), (winner.student_id, TEN, ELEVEN)])
    assert len(await sessions(db)) == 1
    assert len(await enqueued(db)) == 2


async def test_of_many_students_racing_for_overlapping_times_nobody_gets_a_part(db: Database) -> None:
    await a_server_with_a_coach(db)
    presses = [partial(book, actor=Actor(100 + n), starts_at=TEN + n % 5 * 30 * MINUTE) for n in range(15)]

    outcomes = await asyncio.gather(*(attempt(db, press) for press in presses))

    assert all(isinstance(one, CoachingSession | SlotTaken) for one in outcomes)
    starts = sorted(one.starts_at for one in won(outcomes))
    assert starts
    assert all(later - earlier >= HOUR for earlier, later in pairwise(starts))
    assert len(await reservations(db)) == 2 * len(starts)


async def test_of_two_coaches_whom_a_student_books_at_once_for_one_time_one_is_booked(db: Database) -> None:
    await a_server_with_a_coach(db)
    await transact(db, a_coach, user_id=COACH + 1)

    outcomes = await asyncio.gather(
        attempt(db, partial(book, coach_id=COACH)), attempt(db, partial(book, coach_id=COACH + 1))
    )

    assert len(won(outcomes)) == 1
    assert len([one for one in outcomes if isinstance(one, SlotTaken)]) == 1
    assert len(await reservations(db)) == 2


async def test_two_coaches_who_book_each_other_at_once_do_not_block_each_other(db: Database) -> None:
    await a_server_with_a_coach(db)
    await transact(db, a_coach, user_id=COACH + 1)
    times = [MONDAY + DAY + hour * HOUR for hour in range(1, 9)]
    presses = [
        partial(book, actor=Actor(one), coach_id=other, starts_at=at)
        for at in times
        for one, other in [(COACH, COACH + 1), (COACH + 1, COACH)]
    ]

    outcomes = await asyncio.gather(*(attempt(db, press) for press in presses))

    assert sorted(one.starts_at for one in won(outcomes)) == times
    assert len([one for one in outcomes if isinstance(one, SlotTaken)]) == len(times)


async def test_booking_and_cancelling_at_once_end_with_whole_sessions(db: Database) -> None:
    session_id = await booked(db)

    outcomes = await asyncio.gather(
        attempt(db, partial(cancel, session_id=session_id)),
        *(attempt(db, partial(book, actor=Actor(100 + n))) for n in range(8)),
    )

    assert outcomes[0] in won(outcomes)
    assert all(isinstance(one, CoachingSession | SlotTaken) for one in outcomes)
    ahead = [one for one in await sessions(db) if one.status is SessionStatus.SCHEDULED]
    assert len(ahead) <= 1
    assert len(await reservations(db)) == 2 * len(ahead)


TAKE_IT = (
    "INSERT INTO reservations (user_id, starts_at, ends_at, session_id)"
    " VALUES (NEW.coach_id, NEW.starts_at, NEW.ends_at, NEW.id);"
)
ON_SQLITE = [f"CREATE TRIGGER slip_in AFTER INSERT ON coaching_sessions BEGIN {TAKE_IT} END"]
ON_POSTGRESQL = [
    f"CREATE FUNCTION slip_in() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {TAKE_IT} RETURN NULL; END $$",
    "CREATE TRIGGER slip_in AFTER INSERT ON coaching_sessions FOR EACH ROW EXECUTE FUNCTION slip_in()",
]


@asynccontextmanager
async def somebody_slips_in(db: Database) -> AsyncIterator[None]:
    """Meanwhile the coach's time is taken the moment after the application has found it free."""

    async def run(statements: list[str]) -> None:
        async with db.engine.begin() as connection:
            for statement in statements:
                await connection.exec_driver_sql(statement)

    await run(ON_SQLITE if db.is_sqlite else ON_POSTGRESQL)
    try:
        yield
    finally:
        await run(["DROP TRIGGER slip_in"] if db.is_sqlite else ["DROP FUNCTION slip_in CASCADE"])


async def test_what_slips_past_the_applications_check_is_refused_by_the_database(db: Database) -> None:
    await a_server_with_a_coach(db)

    async with somebody_slips_in(db):
        refused = await refusal(db, SlotTaken, book)

    assert refused.nearest == (TEN - HOUR, ELEVEN, ELEVEN + 30 * MINUTE)
    assert await sessions(db) == []


@pytest.mark.parametrize("engine_name", ["postgres"])
async def test_a_reservation_that_another_transaction_has_not_committed_yet_is_waited_for(db: Database) -> None:
    await a_server_with_a_coach(db)
    other = await transact(db, a_session, starts_at=TEN + DAY, student_id=STUDENT + 1)

    async with db.begin() as outsider:
        outsider.add(Reservation(user_id=COACH, starts_at=TEN, ends_at=ELEVEN, session_id=other.id))
        await outsider.flush()
        press = asyncio.create_task(attempt(db, book))
        async with asyncio.timeout(30):
            while not await somebody_waits(db):
                assert not press.done()
    outcome = await press

    assert isinstance(outcome, SlotTaken)
    assert TEN not in outcome.nearest
    assert [one.id for one in await sessions(db)] == [other.id]


async def somebody_waits(db: Database) -> bool:
    """Whether a transaction of this database waits for another one."""
    async with db.read() as session:
        waiting = (
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        return bool(await session.scalar(text(waiting)))


# Cancelling.


@pytest.mark.parametrize(
    ("actor", "guild_id"),
    [(STU, GUILD), (Actor(COACH), GUILD), (ADMIN, GUILD), (STU, None), (Actor(COACH), None)],
    ids=["student", "coach", "admin", "student in a DM", "coach in a DM"],
)
async def test_those_whom_it_concerns_may_cancel_and_the_time_is_free_at_once(
    db: Database, actor: Actor, guild_id: int | None
) -> None:
    session_id = await booked(db)

    await transact(db, cancel, session_id, actor, guild_id=guild_id, reason=" Ill. ", now=MONDAY + HOUR)

    (one,) = await sessions(db)
    assert (one.status, one.cancelled_at, one.cancelled_by, one.cancel_reason) == (
        SessionStatus.CANCELLED,
        MONDAY + HOUR,
        actor.user_id,
        "Ill.",
    )
    assert await reservations(db) == []
    assert isinstance(await attempt(db, partial(book, actor=SAM)), CoachingSession)


async def test_both_are_told_of_a_cancellation(db: Database) -> None:
    session_id = await booked(db)

    await transact(db, cancel, session_id)

    assert (await enqueued(db))[2:] == [
        (NotificationKind.SESSION_CANCELLED, STUDENT),
        (NotificationKind.SESSION_CANCELLED, COACH),
    ]


async def test_a_cancelled_session_without_a_room_needs_nothing_more(db: Database) -> None:
    session_id = await booked(db)

    await transact(db, cancel, session_id)

    assert [one.next_step_at for one in await sessions(db)] == [None]


async def test_a_cancelled_session_with_a_room_is_due_at_once(db: Database) -> None:
    session_id = await booked(db)
    async with db.begin() as session:
        row = await session.get_one(CoachingSession, session_id)
        row.room_intended_at = TEN - 15 * MINUTE

    await transact(db, cancel, session_id, now=TEN - 10 * MINUTE)

    assert [one.next_step_at for one in await sessions(db)] == [TEN - 10 * MINUTE]


@pytest.mark.parametrize(
    ("actor", "guild_id"),
    [(SAM, GUILD), (SAM, None), (ADMIN, GUILD + 1), (ADMIN, None), (Actor(5, is_admin=True), None)],
    ids=["stranger", "stranger in a DM", "admin of another server", "admin in a DM", "somebody's admin in a DM"],
)
async def test_for_everybody_else_the_session_does_not_exist(
    db: Database, actor: Actor, guild_id: int | None
) -> None:
    session_id = await booked(db)

    hers = await refusal(db, NotFound, partial(cancel, session_id=session_id, actor=actor, guild_id=guild_id))
    none = await refusal(db, NotFound, partial(cancel, session_id=404, actor=actor, guild_id=guild_id))

    assert str(hers) == str(none) == "You have no such session. `/sessions` lists yours."


async def test_a_session_cannot_be_cancelled_twice(db: Database) -> None:
    session_id = await booked(db)
    await transact(db, cancel, session_id)

    refused = await refusal(db, TooLate, partial(cancel, session_id=session_id, actor=Actor(COACH)))

    assert str(refused) == (f"This session was cancelled {stamp(MONDAY, 'R')}. Book a new one with `/book`.")


async def test_of_two_who_cancel_at_once_one_cancels(db: Database) -> None:
    session_id = await booked(db)

    outcomes = await asyncio.gather(
        *(attempt(db, partial(cancel, session_id=session_id, actor=actor)) for actor in (STU, Actor(COACH), ADMIN))
    )

    assert len(won(outcomes)) == 1
    assert len([one for one in outcomes if isinstance(one, TooLate)]) == 2
    assert len(await enqueued(db)) == 4


@pytest.mark.parametrize("status", [SessionStatus.COMPLETED, SessionStatus.NO_SHOW])
async def test_a_session_that_is_over_cannot_be_cancelled(db: Database, status: SessionStatus) -> None:
    await a_server_with_a_coach(db)
    session_id = (await transact(db, a_session, status=status)).id

    refused = await refusal(db, TooLate, partial(cancel, session_id=session_id, now=ELEVEN))

    assert (
        str(refused)
        == "This session is over, so it can't be cancelled. If something went wrong, talk to an admin."
    )


@pytest.mark.parametrize("status", [SessionStatus.SCHEDULED, SessionStatus.IN_PROGRESS])
async def test_a_session_whose_end_has_passed_is_over_although_no_tick_has_said_so_yet(
    db: Database, status: SessionStatus
) -> None:
    await a_server_with_a_coach(db)
    session_id = (await transact(db, a_session, status=status)).id

    refused = await refusal(db, TooLate, partial(cancel, session_id=session_id, now=ELEVEN))

    assert (
        str(refused)
        == "This session is over, so it can't be cancelled. If something went wrong, talk to an admin."
    )


async def test_a_running_session_can_be_cancelled(db: Database) -> None:
    await a_server_with_a_coach(db)
    session_id = (await transact(db, a_session, status=SessionStatus.IN_PROGRESS)).id

    await transact(db, cancel, session_id, now=ELEVEN - MINUTE)

    assert [one.status for one in await sessions(db)] == [SessionStatus.CANCELLED]


async def test_a_reason_that_is_too_long_is_refused_and_nothing_is_cancelled(db: Database) -> None:
    session_id = await booked(db)

    refused = await refusal(db, Unreadable, partial(cancel, session_id=session_id, reason="x" * 1001))

    assert str(refused) == "The reason has 1,001 characters; at most 1,000 fit."


async def test_cancelling_one_session_leaves_the_others(db: Database) -> None:
    session_id = await booked(db)
    await transact(db, book, SAM, ELEVEN)

    await transact(db, cancel, session_id)

    assert {user_id for user_id, _, _ in await reservations(db)} == {COACH, SAM.user_id}


# Lists.


async def test_sessions_are_listed_as_coach_and_student_what_is_coming_first(db: Database) -> None:
    await a_server_with_a_coach(db)
    async with db.begin() as session:
        await a_coach(session, user_id=STUDENT, hours=())
        await a_guild(session, id=GUILD + 1)
        await a_coach(session, guild_id=GUILD + 1, hours=())
        starts = {
            "over": await a_session(session, starts_at=MONDAY - 2 * DAY, status=SessionStatus.COMPLETED),
            "over later": await a_session(session, starts_at=MONDAY - DAY, status=SessionStatus.COMPLETED),
            "later": await a_session(session, starts_at=MONDAY + DAY),
            "soon, as coach": await a_session(session, starts_at=MONDAY + HOUR, coach_id=STUDENT, student_id=7),
            "cancelled": await a_session(session, reserved=False, status=SessionStatus.CANCELLED),
            "not hers": await a_session(session, starts_at=MONDAY + 2 * DAY, student_id=7),
            "elsewhere": await a_session(session, starts_at=MONDAY + 3 * DAY, guild_id=GUILD + 1),
        }
    names = {one.id: name for name, one in starts.items()}

    page = await query(db, upcoming.page_of, GUILD, STUDENT, MONDAY, page=0, size=10)

    listed = [names[one.id] for one in page.sessions]
    assert listed == [
        "soon, as coach",
        "later",
        "cancelled",
        "over later",
        "over",
    ]


async def test_nobody_leaves_anything_behind_when_all_are_refused(db: Database) -> None:
    await booked(db)
    before = await everything(db)

    outcomes = await asyncio.gather(*(attempt(db, partial(book, actor=Actor(100 + n))) for n in range(10)))

    assert won(outcomes) == []
    assert await everything(db) == before


async def test_a_member_is_noted_once_however_often_they_book(db: Database) -> None:
    await a_server_with_a_coach(db)

    await asyncio.gather(
        *(attempt(db, partial(book, starts_at=MONDAY + DAY + hour * HOUR)) for hour in range(1, 9))
    )

    async with db.read() as session:
        assert await session.scalar(select(func.count()).select_from(text("members"))) == 2
    assert len(await sessions(db)) == 8
