"""What a student can ask for."""

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from models import Coach, Guild
from models.storage.database import Database
from scheduler.booking import eligibility
from scheduler.core.errors import NotBookable
from tests.support.bookings import STU
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
