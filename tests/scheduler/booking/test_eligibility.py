"""What a student can ask for."""

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from models import Coach, Guild, HoldPurpose
from models.storage.database import Database
from scheduler.booking import eligibility
from scheduler.core.errors import NotBookable
from tests.support.bookings import STU, TEN, hold
from tests.support.builders import DAY, GUILD, HOUR, MONDAY, a_server_with_a_coach, a_session, refusal
from tests.support.transactions import transact


async def check_upcoming(session: AsyncSession) -> None:
    await eligibility.check_upcoming(session, await session.get_one(Guild, GUILD), STU, MONDAY)


async def test_a_student_can_have_as_many_upcoming_sessions_as_the_server_allows(db: Database) -> None:
    await a_server_with_a_coach(db, guild={"most_upcoming": 2})
    await transact(db, a_session, starts_at=MONDAY + DAY)
    await transact(db, check_upcoming)
    await transact(db, a_session, starts_at=MONDAY + 2 * DAY)

    refused = await refusal(db, NotBookable, check_upcoming)

    assert str(refused).startswith("You have 2 upcoming sessions, the most allowed here.")


async def test_what_a_student_is_paying_for_counts_as_upcoming(db: Database) -> None:
    await a_server_with_a_coach(db)
    await transact(db, a_session, starts_at=MONDAY + DAY)
    for number in range(4):
        async with db.begin() as session:
            held = await hold(session, starts_at=TEN + number * HOUR)
            if number < 3:  # the last one is only being chosen
                held.purpose = HoldPurpose.PAYMENT
            if number == 2:
                held.expires_at = MONDAY

    async def allow(session: AsyncSession, most: int) -> None:
        (await session.get_one(Guild, GUILD)).most_upcoming = most

    await transact(db, allow, 4)
    await transact(db, check_upcoming)
    await transact(db, allow, 3)
    refused = await refusal(db, NotBookable, check_upcoming)
    assert str(refused).startswith("You have 1 upcoming session and are paying for 2 more, the most allowed here.")


@pytest.mark.parametrize(
    ("agreed_minor", "agreed_currency"), [(None, None), (6000, None), (6000, "USD")], ids=["none", "price", "both"]
)
def test_the_price_that_was_shown_is_accepted(agreed_minor: int | None, agreed_currency: str | None) -> None:
    coach = Coach(rate_minor=6000, currency="USD")

    eligibility.check_price(coach, HOUR, agreed_minor, agreed_currency)


@pytest.mark.parametrize(("agreed_minor", "agreed_currency"), [(5900, "USD"), (6000, "EUR")])
def test_a_price_that_has_changed_is_refused_with_the_new_one(agreed_minor: int, agreed_currency: str) -> None:
    coach = Coach(rate_minor=6000, currency="USD")

    with pytest.raises(NotBookable, match=r"changed the price to \$60\.00"):
        eligibility.check_price(coach, HOUR, agreed_minor, agreed_currency)


def test_what_is_free_costs_the_same_in_every_currency() -> None:
    eligibility.check_price(Coach(rate_minor=0, currency="USD"), HOUR, 0, "EUR")
