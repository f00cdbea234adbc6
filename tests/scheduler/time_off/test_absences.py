"""A coach who's away: nothing is booked on these days, and booked sessions are decided about."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models import Absence, AuditEntry, Coach, FreedTime, Guild, SessionStatus
from models.storage.database import Database
from scheduler.availability import free_times
from scheduler.availability.slots import SlotRefusal
from scheduler.booking import rescheduling
from scheduler.core.actor import Actor
from scheduler.core.errors import CoachingError, NotBookable, NotFound, SlotTaken, TooLate, Unreadable
from scheduler.time_off import absences, decisions
from scheduler.workshops import seats
from tests.support import builders, workshops
from tests.support.bookings import CARA, STU, book
from tests.support.builders import COACH, DAY, GUILD, HOUR, MINUTE, MONDAY, STUDENT
from tests.support.stored import session_now
from tests.support.time_off import FRIDAY, SAM, SAMS, WEDNESDAY, away, left_of, two_coaches
from tests.support.transactions import attempt, fetch_all, fetch_only, query, transact
from tests.support.waiting_list import WAITING, WEDNESDAY_TEN, a_wish


async def free_days(db: Database, coach_id: int = COACH) -> list[str]:
    """Return the days of this week on which something is free."""

    async def ask(session: AsyncSession) -> list[datetime]:
        coach = await session.get_one(Coach, (GUILD, coach_id))
        until = MONDAY + 4 * DAY + 9 * HOUR
        return [*await free_times.free_times(session, coach, HOUR, student_id=STUDENT, now=MONDAY, until=until)]

    return list(dict.fromkeys(f"{at:%a}" for at in await query(db, ask)))


async def test_nobody_books_a_coach_who_is_away(db: Database) -> None:
    await two_coaches(db)
    booked = await transact(db, book)

    await away(db, WEDNESDAY, WEDNESDAY + DAY)
    refused = await attempt(db, book, STU, WEDNESDAY_TEN)
    by_coach = await attempt(
        db, rescheduling.reschedule, booked.id, CARA, WEDNESDAY_TEN, "Ill", MONDAY, breaking=set(SlotRefusal)
    )

    assert await free_days(db) == ["Mon", "Tue", "Fri"]
    assert await free_days(db, SAM) == ["Mon", "Tue", "Wed", "Thu", "Fri"]
    for one in (refused, by_coach):
        assert isinstance(one, SlotTaken)
        assert str(one).startswith("The coach is away that day. Nearest free: ")


async def test_the_days_are_those_of_the_coachs_own_clock(db: Database) -> None:
    await two_coaches(db, time_zone="Pacific/Auckland")  # 13 hours ahead

    absence = await away(db, WEDNESDAY)

    async with db.read() as session:
        coach = await session.get_one(Coach, (GUILD, COACH))
        period = absences.period(absence, coach)
    assert period == (MONDAY + DAY + 3 * HOUR, MONDAY + 2 * DAY + 3 * HOUR)


async def test_a_workshop_is_neither_announced_nor_joined_then_unless_it_is_kept(db: Database) -> None:
    session_id = await workshops.a_workshop(db)
    absence = await away(db, workshops.STARTS.date())

    another = await attempt(db, _announce)
    refused = await attempt(db, seats.take, session_id, STU, MONDAY)
    await transact(db, decisions.keep, absence.id, session_id, GUILD, CARA, MONDAY)
    taken = await attempt(db, seats.take, session_id, STU, MONDAY)

    assert isinstance(another, NotBookable)
    assert str(another) == "The coach is away that day. Choose another time."
    assert isinstance(refused, NotBookable)
    assert "The coach is away then, and hasn't decided about this workshop." in str(refused)
    assert not isinstance(taken, CoachingError)


async def _announce(session: AsyncSession) -> object:
    guild = await session.get_one(Guild, GUILD)
    wanted = workshops.terms(starts_at=workshops.STARTS + 3 * HOUR)
    return await workshops.workshops.create(session, guild, CARA, COACH, wanted, MONDAY)


async def test_booked_sessions_stay_and_are_listed_until_the_coach_decides(db: Database) -> None:
    await two_coaches(db)
    one, other, third = [(await transact(db, book, STU, WEDNESDAY_TEN + number * HOUR)).id for number in range(3)]
    await transact(db, book)
    await transact(db, book, Actor(STUDENT + 1), WEDNESDAY_TEN, coach_id=SAM)

    absence = await away(db, WEDNESDAY, FRIDAY)
    listed = await left_of(db, absence)
    decide = absence.id, one, GUILD, CARA
    await transact(db, decisions.keep, *decide, MONDAY)
    await transact(db, decisions.cancel, absence.id, other, GUILD, CARA, "At sea.", MONDAY)
    to = MONDAY + 7 * DAY + 2 * HOUR
    await transact(db, decisions.reschedule, absence.id, third, GUILD, CARA, to, MONDAY)

    assert [row.id for row in listed.left] == [one, other, third]
    assert (await left_of(db, absence)).sessions == []
    assert (await session_now(db, one)).status is SessionStatus.SCHEDULED
    assert (await session_now(db, other)).cancel_reason == "At sea."
    assert (await session_now(db, third)).starts_at == to
    assert (await session_now(db, third)).reschedule_reason == "I'm at sea."


async def test_a_session_kept_for_other_reasons_is_listed_again(db: Database) -> None:
    await two_coaches(db)
    booked = await transact(db, book, STU, WEDNESDAY_TEN)
    await transact(db, rescheduling.keep_session, booked.id, CARA, MONDAY)

    absence = await away(db, now=MONDAY + MINUTE)

    assert len((await left_of(db, absence, MONDAY + MINUTE)).left) == 1


async def test_pressing_twice_is_the_same_absence(db: Database) -> None:
    await two_coaches(db)

    first, second = await away(db), await away(db)

    assert first.id == second.id
    assert len(await fetch_all(db, select(Absence))) == 1


async def test_days_that_cannot_be_are_refused(db: Database) -> None:
    await two_coaches(db)

    async def refusal(first: date, last: date, **named: Any) -> str:
        refused = await attempt(db, absences.go_away, GUILD, CARA, first, last, named.get("reason", ""), MONDAY)
        assert isinstance(refused, Unreadable)
        return str(refused)

    assert "Swap the two dates." in await refusal(FRIDAY, WEDNESDAY)
    assert "is in the past" in await refusal(date(2026, 2, 1), date(2026, 2, 2))
    assert "You can be away up to 366 at once." in await refusal(WEDNESDAY, date(2028, 1, 1))
    assert "at most 200 fit" in await refusal(WEDNESDAY, FRIDAY, reason="x" * 201)


async def test_only_its_coach_decides(db: Database) -> None:
    await two_coaches(db)
    booked = await transact(db, book, STU, WEDNESDAY_TEN)
    absence = await away(db)

    for actor in (SAMS, STU, builders.ADMIN):
        about = absence.id, booked.id, GUILD, actor
        assert isinstance(await attempt(db, decisions.cancel, *about, "", MONDAY), NotFound)
        assert isinstance(await attempt(db, decisions.keep, *about, MONDAY), NotFound)
    by_student = await attempt(db, absences.go_away, GUILD, STU, WEDNESDAY, FRIDAY, "", MONDAY)

    assert isinstance(by_student, NotFound)
    assert (await session_now(db, booked.id)).status is SessionStatus.SCHEDULED


async def test_who_is_back_can_be_booked_again_and_the_waiting_list_hears_of_it(db: Database) -> None:
    await two_coaches(db)
    absence = await away(db)
    await transact(db, a_wish, WAITING[0])

    await transact(db, decisions.come_back, absence.id, GUILD, CARA, MONDAY)
    again = await transact(db, decisions.come_back, absence.id, GUILD, CARA, MONDAY)
    decided = await attempt(db, decisions.keep, absence.id, 1, GUILD, CARA, MONDAY)

    assert "Wed" in await free_days(db)
    assert again.ended_at == MONDAY
    assert (await fetch_only(db, select(FreedTime))).is_new_hours
    assert isinstance(decided, TooLate)
    recorded = await fetch_all(db, select(AuditEntry.action).order_by(AuditEntry.id))
    assert [one for one in recorded if "absence" in one] == ["absence_added", "absence_ended"]
