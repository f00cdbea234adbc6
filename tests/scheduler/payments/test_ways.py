"""The ways in which a student can pay."""

from datetime import datetime, timedelta

import pytest

from bot.stripe_api.client import StripeApi
from models import Coach, Guild, PaymentMode
from models.storage.database import Database
from scheduler.core.errors import NotBookable
from scheduler.payments import ways
from scheduler.payments.ways import Ways
from tests.support.bookings import TEN
from tests.support.builders import COACH, DAY, GUILD, HOUR, MINUTE, MONDAY, STUDENT, a_server_with_a_coach
from tests.support.credits import a_lot
from tests.support.stripe_server import TEST_KEY
from tests.support.transactions import transact

SECOND = timedelta(seconds=1)
STRIPE = StripeApi(TEST_KEY)


async def ways_at(db: Database, now: datetime = MONDAY, *, stripe: StripeApi | None = STRIPE) -> Ways:
    async with db.read() as session:
        guild, coach = await session.get_one(Guild, GUILD), await session.get_one(Coach, (GUILD, COACH))
        return await ways.ways_to_pay(session, guild, coach, STUDENT, TEN, HOUR, now, stripe)


@pytest.mark.parametrize(
    ("mode", "key", "by_card", "otherwise"),
    [
        (PaymentMode.OFF, True, False, True),
        (PaymentMode.OPTIONAL, True, True, True),
        (PaymentMode.REQUIRED, True, True, False),
        (PaymentMode.OPTIONAL, False, False, True),
        (PaymentMode.REQUIRED, False, False, True),
    ],
)
async def test_cards_are_taken_with_a_key_as_the_server_says(
    db: Database, mode: PaymentMode, key: bool, by_card: bool, otherwise: bool
) -> None:
    await a_server_with_a_coach(db, guild={"payment_mode": mode})

    found = await ways_at(db, stripe=STRIPE if key else None)

    assert (found.by_card, found.otherwise, found.by_credit) == (by_card, otherwise, False)
    assert (found.cost_minor, found.currency, found.minutes) == (6000, "USD", 60)


async def test_what_is_free_is_paid_for_in_no_way(db: Database) -> None:
    await a_server_with_a_coach(db, rate_minor=0, guild={"payment_mode": PaymentMode.REQUIRED})
    await transact(db, a_lot, 60)

    found = await ways_at(db)

    assert (found.by_card, found.by_credit, found.otherwise, found.credit) == (False, False, True, 0)


@pytest.mark.parametrize(("minutes", "is_enough"), [(59, False), (60, True), (61, True)])
async def test_credit_pays_if_it_lasts_for_the_whole_session(db: Database, minutes: int, is_enough: bool) -> None:
    await a_server_with_a_coach(db)
    await transact(db, a_lot, minutes)

    assert (await ways_at(db)).by_credit is is_enough


async def test_only_credit_counts_that_is_valid_at_the_start_and_for_this_coach(db: Database) -> None:
    await a_server_with_a_coach(db)
    await transact(db, a_lot, 60, valid_until=TEN)
    await transact(db, a_lot, 60, coach_ids=[COACH + 1])
    await transact(db, a_lot, 60, user_id=STUDENT + 1)
    await transact(db, a_lot, 45, valid_until=TEN + DAY, coach_ids=[COACH])

    assert (await ways_at(db)).credit == 45


@pytest.mark.parametrize(("notice", "can"), [(40 * MINUTE, True), (40 * MINUTE - SECOND, False)])
async def test_nobody_pays_by_card_less_than_forty_minutes_before(
    db: Database, notice: timedelta, can: bool
) -> None:
    await a_server_with_a_coach(db, guild={"payment_mode": PaymentMode.REQUIRED})

    found = await ways_at(db, TEN - notice)

    assert (found.by_card, found.otherwise) == (can, False)
    assert ways.can_still_pay(TEN, TEN - notice) is can


async def test_only_what_costs_something_has_to_be_paid_before_it_is_booked(db: Database) -> None:
    await a_server_with_a_coach(db, guild={"payment_mode": PaymentMode.REQUIRED})
    async with db.begin() as session:
        guild = await session.get_one(Guild, GUILD)

        with pytest.raises(NotBookable, match="takes payment by card"):
            ways.check_otherwise(guild, 6000, "USD", STRIPE)
        ways.check_otherwise(guild, 0, "USD", STRIPE)
        ways.check_otherwise(guild, 6000, "USD", None)
        ways.check_otherwise(guild, 49, "USD", STRIPE)
        guild.payment_mode = PaymentMode.OPTIONAL
        ways.check_otherwise(guild, 6000, "USD", STRIPE)


@pytest.mark.parametrize("mode", [PaymentMode.OPTIONAL, PaymentMode.REQUIRED])
@pytest.mark.parametrize(("rate", "currency"), [(49, "USD"), (6001, "KWD"), (6000, "IRR")])
async def test_a_price_that_cards_cannot_be_charged_is_paid_otherwise(
    db: Database, mode: PaymentMode, rate: int, currency: str
) -> None:
    await a_server_with_a_coach(db, rate_minor=rate, currency=currency, guild={"payment_mode": mode})

    found = await ways_at(db)

    assert (found.by_card, found.otherwise, found.is_too_odd) == (False, True, True)
