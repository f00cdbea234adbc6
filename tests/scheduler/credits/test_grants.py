"""Credit that admins give and take back, and until when it's valid."""

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models import AuditEntry, CreditLot, EntryKind, Guild, LotSource, NotificationKind
from models.storage.database import Database
from scheduler.core.errors import NotAllowed, NotFound, Unreadable
from scheduler.credits import grants
from tests.support.bookings import STU
from tests.support.builders import ADMIN, GUILD, MONDAY, STUDENT, a_guild, a_server_with_a_coach, refusal
from tests.support.credits import a_lot, book_with_credit, entries, left
from tests.support.stored import notifications
from tests.support.transactions import fetch_all, transact


async def give(session: AsyncSession, **changed: Any) -> CreditLot:
    values: dict[str, Any] = {
        "minutes": 60,
        "reason": " Paid in cash. ",
        "days_valid": None,
        "actor": ADMIN,
    } | changed
    guild = await session.get_one(Guild, GUILD)
    return await grants.give(session, guild, user_id=STUDENT, now=MONDAY, **values)


@pytest.mark.parametrize(
    ("zone", "now", "days", "ends_at"),
    [
        ("UTC", datetime(2026, 3, 2, 8, tzinfo=UTC), 1, datetime(2026, 3, 4, tzinfo=UTC)),
        ("Europe/Berlin", datetime(2026, 3, 2, 23, 30, tzinfo=UTC), 1, datetime(2026, 3, 4, 23, tzinfo=UTC)),
        # The clocks go forward on 29 March.
        ("Europe/Berlin", datetime(2026, 3, 27, 8, tzinfo=UTC), 1, datetime(2026, 3, 28, 23, tzinfo=UTC)),
        ("Europe/Berlin", datetime(2026, 3, 27, 8, tzinfo=UTC), 2, datetime(2026, 3, 29, 22, tzinfo=UTC)),
        # The clocks go forward at midnight, so that day begins at one.
        ("Africa/Cairo", datetime(2024, 4, 24, 8, tzinfo=UTC), 1, datetime(2024, 4, 25, 22, tzinfo=UTC)),
        ("America/New_York", datetime(2026, 12, 31, 23, tzinfo=UTC), 1, datetime(2027, 1, 2, 5, tzinfo=UTC)),
    ],
)
def test_credit_is_valid_until_the_end_of_a_day_on_the_servers_clock(
    zone: str, now: datetime, days: int, ends_at: datetime
) -> None:
    assert grants.last_day_ends_at(Guild(time_zone=zone), days, now) == ends_at


async def test_an_admin_gives_credit_and_its_owner_is_told(db: Database) -> None:
    await transact(db, a_guild)

    lot = await transact(db, give, days_valid=30)

    assert (lot.source, lot.granted_by, lot.reason) == (LotSource.GRANT, ADMIN.user_id, "Paid in cash.")
    assert (lot.minutes_granted, lot.minutes_left) == (60, 60)
    assert lot.valid_until == datetime(2026, 4, 2, tzinfo=UTC)
    [told] = await notifications(db)
    assert (told.kind, told.user_id, told.lot_id) == (NotificationKind.CREDITS_GRANTED, STUDENT, lot.id)
    [entry] = await fetch_all(db, select(AuditEntry))
    assert (entry.action, entry.member_id, entry.details["minutes"]) == ("credits_granted", STUDENT, 60)


@pytest.mark.parametrize(
    "changed",
    [
        {"minutes": 0},
        {"minutes": -5},
        {"minutes": 100_001},
        {"reason": "  "},
        {"reason": "x" * 301},
        {"days_valid": 0},
        {"days_valid": 3651},
    ],
)
async def test_amounts_and_reasons_that_nobody_can_have_meant_are_refused(
    db: Database, changed: dict[str, Any]
) -> None:
    await transact(db, a_guild)

    await refusal(db, Unreadable, lambda session: give(session, **changed))


async def test_only_admins_give_and_take_back(db: Database) -> None:
    await transact(db, a_guild)
    lot = await transact(db, a_lot)

    await refusal(db, NotAllowed, lambda session: give(session, actor=STU))
    await refusal(db, NotAllowed, lambda session: grants.take_back(session, GUILD, STU, lot.id, MONDAY))


async def test_taking_back_leaves_what_is_booked_and_does_nothing_the_second_time(db: Database) -> None:
    await a_server_with_a_coach(db)
    lot = await transact(db, a_lot, 90)
    await transact(db, book_with_credit)

    for _ in range(2):
        await transact(db, grants.take_back, GUILD, ADMIN, lot.id, MONDAY)

    assert await left(db) == [0]
    assert (await entries(db))[1:] == [(1, EntryKind.RESERVED, -60), (1, EntryKind.REVOKED, -30)]
    found = await fetch_all(db, select(AuditEntry).where(AuditEntry.action == "credits_revoked"))
    assert [one.details["minutes"] for one in found] == [30]


async def test_what_comes_with_a_role_or_is_of_another_server_cannot_be_taken_back(db: Database) -> None:
    await transact(db, a_guild)
    mine = await transact(db, a_lot)
    with_role = await transact(db, a_lot, source=LotSource.ROLE)

    await refusal(db, NotFound, lambda session: grants.take_back(session, GUILD + 1, ADMIN, mine.id, MONDAY))
    await refusal(db, NotFound, lambda session: grants.take_back(session, GUILD, ADMIN, 99, MONDAY))
    await refusal(db, NotAllowed, lambda session: grants.take_back(session, GUILD, ADMIN, with_role.id, MONDAY))
