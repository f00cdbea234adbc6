"""What admins see of payments."""

import itertools
from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models import (
    AuditEntry,
    Guild,
    Payment,
    PaymentMode,
    PaymentPurpose,
    PaymentStatus,
    Refund,
    RefundReason,
    RefundStatus,
)
from models.storage.database import Database
from scheduler.core.errors import NotAllowed
from scheduler.payments import overview
from scheduler.payments.overview import Month
from tests.support.bookings import STU
from tests.support.builders import ADMIN, DAY, GUILD, MINUTE, MONDAY, STUDENT, a_guild
from tests.support.transactions import fetch_all, query, transact

_numbers = itertools.count(1)
MARCH, APRIL = date(2026, 3, 1), date(2026, 4, 1)


async def a_payment(
    session: AsyncSession,
    paid_at: datetime | None,
    *,
    back: RefundStatus | None = None,
    done_at: datetime | None = None,
    **changed: Any,
) -> Payment:
    """Store $60 that were paid then, with real money."""
    number = next(_numbers)
    values: dict[str, Any] = {
        "guild_id": GUILD,
        "code": f"p{number}",
        "user_id": STUDENT,
        "purpose": PaymentPurpose.SESSION,
        "status": PaymentStatus.PAID if paid_at else PaymentStatus.EXPIRED,
        "amount_minor": 6000,
        "currency": "USD",
        "livemode": True,
        "idempotency_key": f"key {number}",
        "request": {},
        "created_at": MONDAY,
        "expires_at": MONDAY,
        "paid_at": paid_at,
    }
    payment = Payment(**values | changed)
    session.add(payment)
    await session.flush()
    if back is not None:
        refund: dict[str, Any] = {"amount_minor": payment.amount_minor, "idempotency_key": f"back {number}"}
        refund |= {"payment_id": payment.id, "reason": RefundReason.ADMIN, "status": back, "created_at": MONDAY}
        refund["done_at"] = done_at
        session.add(Refund(**refund))
    return payment


async def months(db: Database) -> list[Month]:
    async with db.read() as session:
        return await overview.months(session, await session.get_one(Guild, GUILD), ADMIN)


@pytest.mark.parametrize(
    ("time_zone", "first_days"),
    [("UTC", [MARCH, APRIL]), ("Asia/Tokyo", [APRIL, APRIL]), ("America/New_York", [MARCH, MARCH])],
)
async def test_months_begin_at_midnight_on_the_servers_clock(
    db: Database, time_zone: str, first_days: list[date]
) -> None:
    await transact(db, a_guild, time_zone=time_zone)
    await transact(db, a_payment, datetime(2026, 3, 31, 23, 59, tzinfo=UTC), amount_minor=100)
    await transact(db, a_payment, datetime(2026, 4, 1, 0, 0, tzinfo=UTC), amount_minor=200)

    found = {one.first_day: one.paid_minor for one in await months(db)}

    first, second = first_days
    assert found == ({first: 300} if first == second else {first: 100, second: 200})


async def test_currencies_and_test_money_are_counted_apart(db: Database) -> None:
    await transact(db, a_guild)
    await transact(db, a_payment, MONDAY)
    await transact(db, a_payment, MONDAY, amount_minor=500)
    await transact(db, a_payment, MONDAY, currency="EUR")
    await transact(db, a_payment, MONDAY, livemode=False)
    await transact(db, a_payment, None)

    found = await months(db)

    assert sorted(found, key=lambda one: (one.currency, one.livemode)) == [
        Month(MARCH, "EUR", True, 6000, 0),
        Month(MARCH, "USD", False, 6000, 0),
        Month(MARCH, "USD", True, 6500, 0),
    ]


async def test_what_was_paid_back_counts_in_the_month_in_which_it_was(db: Database) -> None:
    await transact(db, a_guild)
    await transact(db, a_payment, MONDAY, back=RefundStatus.OWED, amount_minor=700)
    await transact(db, a_payment, MONDAY, back=RefundStatus.FAILED, amount_minor=800)
    await transact(db, a_payment, MONDAY, back=RefundStatus.KEPT, amount_minor=900)
    in_april, in_june = MONDAY + 40 * DAY, MONDAY + 100 * DAY
    await transact(db, a_payment, MONDAY, back=RefundStatus.DONE, done_at=in_april)
    some_of_it = {"refunded_elsewhere_minor": 50, "refunded_elsewhere_at": in_june}
    await transact(db, a_payment, MONDAY, amount_minor=100, **some_of_it)
    await transact(db, a_payment, in_april, amount_minor=1000)

    assert await months(db) == [
        Month(date(2026, 6, 1), "USD", True, 0, 50),
        Month(APRIL, "USD", True, 1000, 6000),
        Month(MARCH, "USD", True, 8500, 0),
    ]


async def test_the_last_three_months_with_payments_are_shown_newest_first(db: Database) -> None:
    await transact(db, a_guild)
    for month in (1, 2, 4, 6):
        await transact(db, a_payment, datetime(2026, month, 5, tzinfo=UTC))
        await transact(db, a_payment, datetime(2026, month, 6, tzinfo=UTC), currency="EUR")

    assert [(one.first_day.month, one.currency) for one in await months(db)] == [
        (6, "EUR"),
        (6, "USD"),
        (4, "EUR"),
        (4, "USD"),
        (2, "EUR"),
        (2, "USD"),
    ]


async def test_only_admins_see_and_change_how_cards_are_taken(db: Database) -> None:
    await transact(db, a_guild)
    async with db.begin() as session:
        guild = await session.get_one(Guild, GUILD)
        with pytest.raises(NotAllowed):
            await overview.months(session, guild, STU)
        with pytest.raises(NotAllowed):
            await overview.list_page(session, GUILD, STU, page=0, size=5)
        with pytest.raises(NotAllowed):
            await overview.months_to_download(session, guild, STU, MONDAY)
        with pytest.raises(NotAllowed):
            await overview.payers(session, GUILD, STU)
        with pytest.raises(NotAllowed):
            overview.to_download(guild, STU, None)
        with pytest.raises(NotAllowed):
            await overview.set_mode(session, guild, STU, PaymentMode.REQUIRED, MONDAY)
        await overview.set_mode(session, guild, ADMIN, PaymentMode.REQUIRED, MONDAY)
        await overview.set_mode(session, guild, ADMIN, PaymentMode.REQUIRED, MONDAY)

    [entry] = await fetch_all(db, select(AuditEntry).where(AuditEntry.action == "payment_mode_changed"))
    assert entry.details == {"before": "off", "after": "required"}


async def test_a_page_lists_the_newest_of_this_server_with_what_is_owed_back(db: Database) -> None:
    await transact(db, a_guild)
    await transact(db, a_guild, id=GUILD + 1)
    for number in range(3):
        await transact(db, a_payment, MONDAY, amount_minor=100 + number, back=RefundStatus.OWED)
    await transact(db, a_payment, MONDAY, guild_id=GUILD + 1)

    first = await query(db, overview.list_page, GUILD, ADMIN, page=0, size=2)
    second = await query(db, overview.list_page, GUILD, ADMIN, page=1, size=2)

    assert [one.payment.amount_minor for one in first.shown] == [102, 101]
    assert [(one.payment.amount_minor, one.refund is not None) for one in second.shown] == [(100, True)]
    assert (first.has_more, second.has_more) == (True, False)


async def downloaded(db: Database, month: date | None) -> list[str]:
    async with db.read() as session:
        query = overview.to_download(await session.get_one(Guild, GUILD), ADMIN, month)
        return [row.Payment.code for row in await session.execute(query)]


@pytest.mark.parametrize(
    ("time_zone", "in_march", "in_april"),
    [
        ("UTC", ["late", "unpaid"], ["late", "first"]),
        ("Asia/Tokyo", ["unpaid"], ["late", "first"]),
        ("America/New_York", ["late", "first", "unpaid"], ["late"]),
    ],
)
async def test_a_months_file_has_what_was_paid_begun_or_paid_back_in_it_on_the_servers_clock(
    db: Database, time_zone: str, in_march: list[str], in_april: list[str]
) -> None:
    await transact(db, a_guild, time_zone=time_zone)
    await transact(db, a_guild, id=GUILD + 1)
    midnight = datetime(2026, 4, 1, tzinfo=UTC)
    later = midnight + 5 * DAY
    await transact(db, a_payment, midnight - MINUTE, code="late", back=RefundStatus.DONE, done_at=later)
    await transact(db, a_payment, midnight, code="first")
    await transact(db, a_payment, None, code="unpaid", created_at=midnight - DAY)
    await transact(db, a_payment, midnight, guild_id=GUILD + 1)
    assert sorted(await downloaded(db, MARCH)) == sorted(in_march)
    assert sorted(await downloaded(db, APRIL)) == sorted(in_april)
    assert sorted(await downloaded(db, None)) == ["first", "late", "unpaid"]
    assert await downloaded(db, date(2026, 5, 1)) == []


async def test_the_last_24_months_since_the_first_payment_can_be_chosen(db: Database) -> None:
    await transact(db, a_guild)

    async def choices(now: datetime) -> list[date]:
        async with db.read() as session:
            guild = await session.get_one(Guild, GUILD)
            return await overview.months_to_download(session, guild, ADMIN, now)

    assert await choices(MONDAY) == []
    await transact(db, a_payment, MONDAY)
    assert await choices(MONDAY + 40 * DAY) == [APRIL, MARCH]
    found = await choices(MONDAY.replace(year=2030))
    assert (found[0], found[-1], len(found)) == (date(2030, 3, 1), date(2028, 4, 1), 24)
