"""What a student may ask for."""

from sqlalchemy.ext.asyncio import AsyncSession

from models import Guild
from models.storage.database import Database
from scheduler.booking import eligibility
from scheduler.core.actor import Actor
from scheduler.core.errors import NotBookable
from tests.support.builders import DAY, GUILD, MONDAY, STUDENT, a_server_with_a_coach, a_session, refusal
from tests.support.transactions import transact


async def check_coming(session: AsyncSession) -> None:
    guild = await session.get_one(Guild, GUILD)
    await eligibility.check_upcoming(session, guild, Actor(STUDENT), MONDAY)


async def test_a_student_has_at_most_as_many_upcoming_sessions_as_the_server_allows(db: Database) -> None:
    await a_server_with_a_coach(db, guild={"most_upcoming": 2})
    await transact(db, a_session, starts_at=MONDAY + DAY)
    await transact(db, check_coming)
    await transact(db, a_session, starts_at=MONDAY + 2 * DAY)

    refused = await refusal(db, NotBookable, check_coming)

    assert str(refused).startswith("You have 2 ")
