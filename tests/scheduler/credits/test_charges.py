"""What a session costs in credit, from the booking to whatever becomes of it."""

from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models import (
    Absent,
    AuditEntry,
    CoachingSession,
    CoachSpecialty,
    CreditLot,
    Guild,
    LotSource,
    Notification,
    NotificationKind,
    SessionStatus,
)
from models.storage.database import Database
from scheduler.booking import cancellation
from scheduler.core.actor import Actor
from scheduler.core.errors import AlreadyDecided, NotBookable, NotFound, TooLate
from scheduler.credits import charges
from scheduler.credits.charges import Charge, charge_of
from scheduler.sessions import charge_standing
from tests.support.bookings import CARA, ELEVEN, SAM, STU, TEN, TWELVE, book
from tests.support.builders import (
    ADMIN,
    COACH,
    DAY,
    GUILD,
    HOUR,
    MONDAY,
    a_server_with_a_coach,
    change_rows,
    refusal,
    session_for_one,
    statements,
)
from tests.support.credits import a_lot, book_with_credit, entries, left
from tests.support.transactions import fetch, fetch_all, transact


async def test_a_session_takes_its_minutes_from_the_lot_that_ends_first(db: Database) -> None:
    await a_server_with_a_coach(db)
    await transact(db, a_lot, 60)
    await transact(db, a_lot, 45, valid_until=TEN + DAY)
    await transact(db, a_lot, 60, valid_until=TEN)

    booked = await transact(db, book_with_credit)

    assert await left(db) == [45, 0, 60]
    assert (booked.student.credit_minutes, booked.student.credit_worth_minor, booked.student.total_cost_minor) == (
        60,
        6000,
        0,
    )


async def test_nothing_is_booked_without_enough_credit(db: Database) -> None:
    await a_server_with_a_coach(db)
    await transact(db, a_lot, 59)
    await transact(db, a_lot, 60, coach_ids=[COACH + 1])

    refused = await refusal(db, NotBookable, book_with_credit)

    assert "You have 59 minutes of credit for this, and it takes 60." in str(refused)
    assert await fetch_all(db, select(CoachingSession)) == []
    assert await left(db) == [59, 60]


async def test_booking_twice_takes_the_minutes_once(db: Database) -> None:
    await a_server_with_a_coach(db)
    await transact(db, a_lot, 120)

    await transact(db, book_with_credit)
    await transact(db, book_with_credit)

    assert await left(db) == [60]


@pytest.mark.parametrize(("notice", "is_late"), [(0, False), (180, True)])
async def test_cancelling_in_time_gives_the_minutes_back_and_late_charges_them(
    db: Database, notice: int, is_late: bool
) -> None:
    await a_server_with_a_coach(db, guild={"cancel_notice_minutes": notice})
    await transact(db, a_lot, 60)
    booked = await transact(db, book_with_credit)

    await transact(db, cancellation.cancel, booked.id, STU, GUILD, "", MONDAY)

    assert await left(db) == [0 if is_late else 60]
    assert [kind for _, kind, _ in await entries(db)] == [
        "granted",
        "reserved",
        "charged" if is_late else "returned",
    ]


async def test_the_coach_can_waive_a_charge_for_a_week(db: Database) -> None:
    await a_server_with_a_coach(db, guild={"cancel_notice_minutes": 180})
    await transact(db, a_lot, 60, valid_until=TWELVE)
    booked = await transact(db, book_with_credit)
    await transact(db, cancellation.cancel, booked.id, STU, GUILD, "", MONDAY)

    for _ in range(2):
        await transact(db, charges.waive, booked.id, CARA, MONDAY + 7 * DAY - HOUR)

    assert await left(db) == [60]
    assert (await fetch(db, CoachingSession, booked.id)).student.credit_charged_at is None


async def test_what_comes_back_to_an_ended_lot_is_valid_for_30_days_more(db: Database) -> None:
    await a_server_with_a_coach(db, guild={"cancel_notice_minutes": 180})
    await transact(db, a_lot, 90, valid_until=ELEVEN)
    booked = await transact(db, book_with_credit)
    await transact(db, cancellation.cancel, booked.id, STU, GUILD, "", MONDAY)

    await transact(db, charges.waive, booked.id, CARA, TWELVE)

    assert [kind for _, kind, _ in await entries(db)] == ["granted", "reserved", "charged", "expired", "returned"]
    assert await left(db) == [60]
    assert (await fetch(db, CreditLot, 1)).valid_until == TWELVE + 30 * DAY


OUTCOMES: list[tuple[dict[str, Any], Charge]] = [
    ({"status": SessionStatus.SCHEDULED}, Charge.RESERVED),
    ({"status": SessionStatus.IN_PROGRESS}, Charge.RESERVED),
    ({"status": SessionStatus.COMPLETED}, Charge.CHARGED),
    ({"status": SessionStatus.COMPLETED, "missed_at": MONDAY}, Charge.RETURNED),
    ({"status": SessionStatus.COMPLETED, "missed_at": MONDAY, "took_place": True}, Charge.CHARGED),
    ({"status": SessionStatus.COMPLETED, "missed_at": MONDAY, "took_place": False}, Charge.RETURNED),
    ({"status": SessionStatus.CANCELLED}, Charge.RETURNED),
    ({"status": SessionStatus.CANCELLED, "cancelled_late": False}, Charge.RETURNED),
    ({"status": SessionStatus.CANCELLED, "cancelled_late": True}, Charge.CHARGED),
    ({"status": SessionStatus.NO_SHOW, "absent": Absent.STUDENT}, Charge.CHARGED),
    ({"status": SessionStatus.NO_SHOW, "absent": Absent.COACH}, Charge.RETURNED),
    ({"status": SessionStatus.NO_SHOW, "absent": Absent.BOTH}, Charge.RETURNED),
]


@pytest.mark.parametrize(("ended", "charge"), OUTCOMES)
def test_how_a_session_ended_decides_about_its_minutes(ended: dict[str, Any], charge: Charge) -> None:
    row = session_for_one(**ended)

    assert charge_of(row.student) is charge
    row.student.charge_waived_at = MONDAY
    assert charge_of(row.student) is (Charge.RESERVED if charge is Charge.RESERVED else Charge.RETURNED)


def test_there_is_a_rule_for_every_status() -> None:
    assert {ended["status"] for ended, _ in OUTCOMES} == set(SessionStatus)


async def low_notices(db: Database) -> int:
    low = Notification.kind == NotificationKind.CREDITS_LOW
    return len(await fetch_all(db, select(Notification).where(low)))


async def test_a_student_is_told_once_that_an_hour_is_left(db: Database) -> None:
    await a_server_with_a_coach(db)
    await transact(db, a_lot, 181)
    told = []

    for hour in range(3):
        await transact(db, book_with_credit, starts_at=TEN + hour * HOUR)
        told.append(await low_notices(db))

    assert told == [0, 0, 1]
    assert await left(db) == [1]


async def test_exactly_an_hour_counts_as_little(db: Database) -> None:
    await a_server_with_a_coach(db)
    await transact(db, a_lot, 120)

    await transact(db, book_with_credit)

    assert await low_notices(db) == 1


async def test_what_ends_before_the_session_still_counts_as_left(db: Database) -> None:
    await a_server_with_a_coach(db)
    await transact(db, a_lot, 120)
    await transact(db, a_lot, 60, valid_until=TEN)

    await transact(db, book_with_credit)

    assert await left(db) == [60, 60]
    assert await low_notices(db) == 0


@pytest.mark.parametrize("specialty_ids", [None, [1]])
async def test_booking_with_credit_costs_two_statements_more_than_without(
    db: Database, specialty_ids: list[int] | None
) -> None:
    await a_server_with_a_coach(db)
    async with db.begin() as session:
        session.add(CoachSpecialty(guild_id=GUILD, coach_id=COACH, specialty_id=1))
    await transact(db, a_lot, 40)
    await transact(db, a_lot, 60, specialty_ids=specialty_ids)
    await transact(db, book, starts_at=TWELVE)  # so that both people are stored

    with statements(db) as without:
        await transact(db, book)
    with statements(db) as with_credit:
        await transact(db, book_with_credit, starts_at=ELEVEN)

    assert sum(await left(db)) == 40
    assert await low_notices(db) == 1
    assert len(with_credit) <= len(without) + 2


async def a_charge(db: Database) -> int:
    """Return a session that its student cancelled too late."""
    await a_server_with_a_coach(db, guild={"cancel_notice_minutes": 180})
    await transact(db, a_lot, 60)
    booked = await transact(db, book_with_credit)
    await transact(db, cancellation.cancel, booked.id, STU, GUILD, "", MONDAY)
    return booked.id


async def test_only_the_coach_can_waive_a_charge_and_only_for_a_week(db: Database) -> None:
    one = await a_charge(db)

    for somebody in (STU, SAM, ADMIN):
        await refusal(db, NotFound, lambda session, by=somebody: charges.waive(session, one, by, MONDAY))
    await refusal(db, TooLate, lambda session: charges.waive(session, one, CARA, MONDAY + 7 * DAY))
    row = await fetch(db, CoachingSession, one)
    assert charge_standing.can_waive(row.student, COACH, MONDAY + 7 * DAY - HOUR)
    assert not charge_standing.can_waive(row.student, COACH, MONDAY + 7 * DAY)
    assert not charge_standing.can_waive(row.student, row.student_id, MONDAY)


@pytest.mark.parametrize("notice", [0, 60, 24 * 60])
@pytest.mark.parametrize("actor", [STU, CARA, ADMIN], ids=["student", "coach", "admin"])
async def test_what_is_said_before_a_cancellation_is_what_becomes_of_the_minutes(
    db: Database, actor: Actor, notice: int
) -> None:
    await a_server_with_a_coach(db, guild={"cancel_notice_minutes": notice})
    await transact(db, a_lot, 60)
    booked = await transact(db, book_with_credit)

    async with db.read() as session:
        guild = await session.get_one(Guild, GUILD)
        said = charges.charge_if_cancelled(booked, guild, actor, MONDAY)
    cancelled = await transact(db, cancellation.cancel, booked.id, actor, GUILD, "", MONDAY)

    assert charge_of(cancelled.student) is said
    assert (await left(db) == [0]) is (said is Charge.CHARGED)
    assert (said is Charge.CHARGED) is (actor is STU and notice == 24 * 60)


async def test_what_is_not_charged_cannot_be_waived(db: Database) -> None:
    await a_server_with_a_coach(db)
    await transact(db, a_lot, 60)
    with_credit = await transact(db, book_with_credit)
    with_money = await transact(db, book, starts_at=TWELVE)

    await refusal(db, AlreadyDecided, lambda session: charges.waive(session, with_credit.id, CARA, MONDAY))
    await refusal(db, NotFound, lambda session: charges.waive(session, with_money.id, CARA, MONDAY))


async def test_a_charge_that_comes_too_late_takes_nothing_that_is_spent(db: Database) -> None:
    await a_server_with_a_coach(db)
    await transact(db, a_lot, 60)
    one = await transact(db, book_with_credit)

    async def end(session: AsyncSession, **how: object) -> None:
        row = await session.get_one(CoachingSession, one.id)
        change_rows(row, **how)
        await charges.settle(session, row.student, TWELVE)

    await transact(db, end, status=SessionStatus.NO_SHOW, absent=Absent.COACH)
    await transact(db, book_with_credit, starts_at=TWELVE)
    await transact(db, end, absent=Absent.STUDENT)
    assert await left(db) == [0]
    assert (await fetch(db, CoachingSession, one.id)).student.credit_charged_at is None
    assert [entry.action for entry in await fetch_all(db, select(AuditEntry))].count("credits_short") == 1

    await transact(db, a_lot, 60, source=LotSource.REFUND)
    await transact(db, end, absent=Absent.STUDENT)

    assert await left(db) == [0, 0]
    assert (await fetch(db, CoachingSession, one.id)).student.credit_charged_at == TWELVE
