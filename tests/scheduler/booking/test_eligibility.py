"""What a student can ask for."""

from sqlalchemy.ext.asyncio import AsyncSession

from models import Guild
from models.storage.database import Database
from scheduler.booking import eligibility
from scheduler.core.errors import NotBookable
from tests.support.bookings import STU
from tests.support.builders import DAY, GUILD, MONDAY, a_server_with_a_coach, a_session, refusal
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
