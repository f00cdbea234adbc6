"""Closures: nothing is offered or booked on these days, and booked sessions are decided about."""

from collections.abc import Awaitable, Callable
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models import AuditEntry, Closure, Coach, Guild, Hold, HoldPurpose, SessionStatus
from models.storage.database import Database
from scheduler.availability import closed_times, coach_search, free_times
from scheduler.availability.slots import SlotRefusal
from scheduler.booking import booking, cancellation, rescheduling
from scheduler.core.actor import Actor
from scheduler.core.errors import CoachingError, NotAllowed, NotBookable, NotFound, SlotTaken, Unreadable
from scheduler.core.task_pool import TaskPool
from scheduler.rooms import extensions
from scheduler.time_off import closures, due, moving
from scheduler.workshops import seats
from tests.support import builders, workshops
from tests.support.bookings import CARA, STU, book
from tests.support.builders import ADMIN, COACH, DAY, GUILD, HOUR, MINUTE, MONDAY, STUDENT, FakeClock
from tests.support.stored import enqueued, session_now
from tests.support.time_off import a_closure
from tests.support.transactions import attempt, fetch_all, fetch_only, query, transact
from tests.support.waiting_list import WAITING, WEDNESDAY_TEN, a_line

TUESDAY = date(2026, 3, 3)
TUESDAY_TEN = MONDAY + DAY + 2 * HOUR


async def with_guild(db: Database, use_case: Callable[..., Awaitable[Any]], *args: Any) -> Any:
    """Run a use case that takes the server."""

    async def run(session: AsyncSession) -> Any:
        return await use_case(session, await session.get_one(Guild, GUILD), *args)

    return await transact(db, run)


async def close(db: Database, first: date = TUESDAY, last: date | None = None, now: datetime = MONDAY) -> Closure:
    return await with_guild(db, closures.close, ADMIN, first, last or first, "Team day", now)


async def free_days(db: Database, *, horizon: int = 4) -> list[str]:
    """Return the days on which something is free."""

    async def ask(session: AsyncSession) -> list[datetime]:
        coach = await session.get_one(Coach, (GUILD, COACH))
        until = MONDAY + horizon * DAY
        return [*await free_times.free_times(session, coach, HOUR, student_id=STUDENT, now=MONDAY, until=until)]

    return list(dict.fromkeys(f"{at:%a}" for at in await query(db, ask)))


async def a_server(db: Database, **guild: Any) -> None:
    await builders.a_server_with_a_coach(db, guild=guild)


async def test_nothing_is_offered_then(db: Database) -> None:
    await a_server(db)
    before = await free_days(db)

    await close(db, TUESDAY, TUESDAY + DAY)

    assert (before, await free_days(db)) == (["Mon", "Tue", "Wed", "Thu"], ["Mon", "Thu"])
    listed = await query(db, coach_search.browse, GUILD, STUDENT, MONDAY + 9 * HOUR)
    assert [one.next_free for one in listed] == [MONDAY + 3 * DAY + HOUR]


async def test_the_days_are_those_of_the_servers_clock(db: Database) -> None:
    await a_server(db, time_zone="Pacific/Auckland")  # 13 hours ahead

    await close(db, TUESDAY)

    async with db.read() as session:
        coach = await session.get_one(Coach, (GUILD, COACH))
        [(start, end)] = await closed_times.closed_times(session, coach, MONDAY, MONDAY + 5 * DAY)
    assert (start, end) == (MONDAY + 3 * HOUR, MONDAY + 27 * HOUR)
    assert (await query(db, _refusals, MONDAY + 2 * HOUR), await query(db, _refusals, MONDAY + 3 * HOUR)) == (
        [],
        ["CLOSED"],
    )


async def _refusals(session: AsyncSession, start: datetime) -> list[str]:
    coach = await session.get_one(Coach, (GUILD, COACH))
    found = await free_times.refusals(session, coach, start, HOUR, student_id=STUDENT, now=MONDAY)
    return [one.name for one in found]


async def test_a_day_of_a_clock_change_is_closed_as_long_as_it_lasts(db: Database) -> None:
    await a_server(db, time_zone="Europe/Berlin")
    await close(db, date(2026, 3, 29))

    async with db.read() as session:
        coach = await session.get_one(Coach, (GUILD, COACH))
        around = datetime.combine(date(2026, 3, 28), MONDAY.timetz()), MONDAY + 30 * DAY
        [(start, end)] = await closed_times.closed_times(session, coach, *around)

    assert end - start == 23 * HOUR


async def test_nobody_books_or_reschedules_into_it(db: Database) -> None:
    await a_server(db)
    booked = await transact(db, book)
    await close(db)

    refused = await attempt(db, book, STU, TUESDAY_TEN)
    by_student = await attempt(db, rescheduling.reschedule, booked.id, STU, TUESDAY_TEN, "", MONDAY)
    by_coach = await attempt(
        db, rescheduling.reschedule, booked.id, CARA, TUESDAY_TEN, "Ill", MONDAY, breaking=set(SlotRefusal)
    )

    for one in (refused, by_student, by_coach):
        assert isinstance(one, SlotTaken)
        assert str(one).startswith("The server is closed that day. Nearest free: ")
    assert (await session_now(db, booked.id)).starts_at == booked.starts_at


async def test_what_was_held_before_is_not_booked_after(db: Database) -> None:
    await a_server(db)
    async with db.begin() as session:
        held = Hold(
            guild_id=GUILD,
            coach_id=COACH,
            student_id=STUDENT,
            starts_at=TUESDAY_TEN,
            ends_at=TUESDAY_TEN + HOUR,
            purpose=HoldPurpose.OFFER,
            expires_at=TUESDAY_TEN,
        )
        session.add(held)
    await close(db)

    refused = await attempt(db, _book_held, held.id)

    assert isinstance(refused, NotBookable)
    assert str(refused) == "The server is closed that day. Choose another time."


async def _book_held(session: AsyncSession, hold_id: int) -> object:
    held, guild = await session.get_one(Hold, hold_id), await session.get_one(Guild, GUILD)
    return await booking.book_held(session, guild, held, None, 6000, "USD", MONDAY)


async def test_no_workshop_is_announced_and_no_seat_taken_then_unless_it_is_kept(db: Database) -> None:
    session_id = await workshops.a_workshop(db)
    thursday = workshops.STARTS.date()
    await close(db, thursday)

    another = await attempt(db, _announce)
    refused = await attempt(db, seats.take, session_id, STU, MONDAY)
    await with_guild(db, _keep, session_id)
    taken = await attempt(db, seats.take, session_id, STU, MONDAY)

    assert isinstance(another, NotBookable)
    assert isinstance(refused, NotBookable)
    assert "hasn't decided about this workshop" in str(refused)
    assert not isinstance(taken, CoachingError)


async def _announce(session: AsyncSession) -> object:
    guild = await session.get_one(Guild, GUILD)
    wanted = workshops.terms(starts_at=workshops.STARTS + 3 * HOUR)
    return await workshops.workshops.create(session, guild, ADMIN, COACH, wanted, MONDAY)


async def _keep(session: AsyncSession, guild: Guild, session_id: int) -> object:
    return await closures.keep(session, session_id, guild, ADMIN, MONDAY)


async def test_a_session_is_not_extended_into_it(db: Database) -> None:
    await a_server(db)
    late = MONDAY + 15 * HOUR  # until midnight
    async with db.begin() as session:
        one = await builders.a_session(session, starts_at=late, status=SessionStatus.IN_PROGRESS)
        await a_closure(session, TUESDAY)

    refused = await attempt(db, extensions.ask, one.id, STU, None, late + MINUTE)

    assert isinstance(refused, NotBookable)
    assert str(refused) == "15 more minutes don't fit: the server is closed then."


async def test_booked_sessions_stay_and_are_listed_until_somebody_decides(db: Database) -> None:
    await a_server(db)
    one, other, third = [(await transact(db, book, STU, TUESDAY_TEN + number * HOUR)).id for number in range(3)]
    await transact(db, book, STU, MONDAY + 2 * HOUR)

    await close(db)
    listed = await with_guild(db, closures.list_sessions, ADMIN, MONDAY)
    [closed] = await with_guild(db, closures.list_upcoming, ADMIN, MONDAY)
    await with_guild(db, _keep, one)
    await transact(db, cancellation.cancel, other, ADMIN, GUILD, "Closed", MONDAY)
    to = MONDAY + 2 * DAY + 2 * HOUR
    await transact(db, rescheduling.reschedule, third, ADMIN, to, "Closed", MONDAY, guild_id=GUILD)

    assert [row.id for row in listed] == [one, other, third]
    assert closed.undecided == 3
    assert await with_guild(db, closures.list_sessions, ADMIN, MONDAY) == []
    assert (await session_now(db, one)).status is SessionStatus.SCHEDULED
    assert (await session_now(db, third)).starts_at == to


async def test_what_was_kept_for_other_reasons_is_listed_again(db: Database) -> None:
    await a_server(db)
    booked = await transact(db, book, STU, TUESDAY_TEN)
    await transact(db, rescheduling.keep_session, booked.id, CARA, MONDAY)

    await close(db, now=MONDAY + MINUTE)

    assert len(await with_guild(db, closures.list_sessions, ADMIN, MONDAY + MINUTE)) == 1


async def test_an_admin_is_shown_the_next_three_free_times(db: Database) -> None:
    await a_server(db)
    booked = await transact(db, book, STU, TUESDAY_TEN)
    await close(db)

    found = await query(db, _next_times, booked.id)

    nine = MONDAY + 2 * DAY + HOUR
    assert found == [nine, nine + 30 * MINUTE, nine + HOUR]


async def _next_times(session: AsyncSession, session_id: int) -> list[datetime]:
    found = await rescheduling.find_reschedulable(session, session_id, ADMIN, MONDAY, guild_id=GUILD)
    return await moving.next_times(session, found, ADMIN, MONDAY)


async def test_admins_of_other_servers_and_others_cannot_reschedule(db: Database) -> None:
    await a_server(db)
    booked = await transact(db, book, STU, TUESDAY_TEN)
    to = MONDAY + 2 * DAY + 2 * HOUR

    for actor, guild_id in ((ADMIN, GUILD + 1), (ADMIN, None), (Actor(STUDENT + 9), GUILD)):
        refused = await attempt(db, rescheduling.reschedule, booked.id, actor, to, "", MONDAY, guild_id=guild_id)
        assert isinstance(refused, NotFound)


async def test_removing_it_offers_the_days_again_and_is_recorded(db: Database) -> None:
    await a_server(db)
    made = await close(db)

    await with_guild(db, closures.lift, ADMIN, made.id, MONDAY)
    await with_guild(db, closures.lift, ADMIN, made.id, MONDAY)  # a double press

    assert "Tue" in await free_days(db)
    entries = await fetch_all(db, select(AuditEntry).order_by(AuditEntry.id))
    assert [(one.action, one.actor_id) for one in entries] == [
        ("closure_added", ADMIN.user_id),
        ("closure_lifted", ADMIN.user_id),
    ]
    assert entries[0].details == {"first": "2026-03-03", "last": "2026-03-03"}


async def test_only_admins_of_the_server_change_closures(db: Database) -> None:
    await a_server(db)
    made = await close(db)
    async with db.begin() as session:
        await builders.a_guild(session, id=GUILD + 1)
        elsewhere = await a_closure(session, TUESDAY, guild_id=GUILD + 1)

    for use_case, *args in (
        (closures.close, STU, TUESDAY, TUESDAY, "", MONDAY),
        (closures.lift, STU, made.id, MONDAY),
        (closures.choose_holidays, STU, "DE", {}, MONDAY),
        (closures.list_upcoming, STU, MONDAY),
        (closures.list_sessions, STU, MONDAY),
    ):
        with pytest.raises(NotAllowed):
            await with_guild(db, use_case, *args)
    with pytest.raises(NotFound):
        await with_guild(db, closures.lift, ADMIN, elsewhere.id, MONDAY)
    assert await free_days(db) == ["Mon", "Wed", "Thu"]


@pytest.mark.parametrize(
    ("first", "last", "says"),
    [
        (TUESDAY, TUESDAY - DAY, "is before"),
        (TUESDAY - 9 * DAY, TUESDAY - 2 * DAY, "is in the past"),
        (TUESDAY, TUESDAY + 366 * DAY, "That's 367 days"),
    ],
)
async def test_some_days_cannot_be_closed(db: Database, first: date, last: date, says: str) -> None:
    await a_server(db)

    with pytest.raises(Unreadable, match=says):
        await close(db, first, last)


MAY_DAY = {date(2026, 5, 1): "Labor Day"}


async def stored(db: Database) -> list[tuple[date, str, str | None]]:
    rows = await fetch_all(db, select(Closure).where(Closure.lifted_at.is_(None)).order_by(Closure.first))
    return [(one.first, one.name, one.region) for one in rows]


async def test_another_region_replaces_the_holidays_but_not_the_days_of_admins(db: Database) -> None:
    await a_server(db)
    await close(db)

    await with_guild(db, closures.choose_holidays, ADMIN, "DE", MAY_DAY, MONDAY)
    of_germany = await stored(db)
    await with_guild(db, closures.choose_holidays, ADMIN, "FR", {date(2026, 7, 14): "National Day"}, MONDAY)
    of_france = await stored(db)
    await with_guild(db, closures.choose_holidays, ADMIN, None, {}, MONDAY)

    team = (TUESDAY, "Team day", None)
    assert of_germany == [team, (date(2026, 5, 1), "Labor Day", "DE")]
    assert of_france == [team, (date(2026, 7, 14), "National Day", "FR")]
    assert await stored(db) == [team]
    assert (await fetch_only(db, select(Guild))).holidays_due_at is None


async def test_each_new_year_adds_one_and_removed_holidays_stay_removed(db: Database) -> None:
    await a_server(db, time_zone="Europe/Berlin")
    await with_guild(db, closures.choose_holidays, ADMIN, "DE", MAY_DAY, MONDAY)
    [may_day] = await fetch_all(db, select(Closure))
    await with_guild(db, closures.lift, ADMIN, may_day.id, MONDAY)
    clock, pool = FakeClock(MONDAY), TaskPool[bool](wait_for_slow=True)

    too_early = await due.do_due(db, clock, pool)
    nothing = await stored(db)
    clock.now = (await fetch_only(db, select(Guild))).holidays_due_at or MONDAY
    await due.do_due(db, clock, pool)
    await due.do_due(db, clock, pool)  # it's done

    found = await stored(db)
    assert (too_early, nothing) == (0, [])
    assert clock.now == datetime(2026, 12, 31, 23, tzinfo=MONDAY.tzinfo)
    assert {one.year for one, _, _ in found} == {2027, 2028, 2029}
    assert len(found) == 27
    assert (await fetch_only(db, select(Guild))).holidays_due_at == clock.now + timedelta(days=365)


async def test_the_waiting_list_is_not_offered_closed_time(db: Database) -> None:
    line, booked = await a_line(db)
    await line.waits(WAITING[0])
    await close(db, WEDNESDAY_TEN.date())

    await line.cancel(booked, STU)
    await line.tick()

    assert await line.offers() == []
    assert not [kind for kind, _ in await enqueued(db) if kind == "time_offered"]


async def test_a_lifted_closure_is_offered_to_the_waiting_list_first(db: Database) -> None:
    line, booked = await a_line(db)
    made = await close(db, WEDNESDAY_TEN.date())
    await line.waits(WAITING[0])
    await line.cancel(booked, STU)
    await line.tick()

    await with_guild(db, closures.lift, ADMIN, made.id, MONDAY)
    await line.tick()

    assert await line.open_to() == [WAITING[0].user_id]
