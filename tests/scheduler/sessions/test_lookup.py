"""Who can see a session."""

import pytest

from models.storage.database import Database
from scheduler.core.actor import Actor
from scheduler.core.errors import NotFound
from scheduler.sessions import lookup
from tests.support.builders import ADMIN, COACH, GUILD, STUDENT, a_coach, a_guild, a_session
from tests.support.transactions import query


async def a_booked_hour(db: Database) -> int:
    async with db.begin() as session:
        await a_guild(session)
        await a_coach(session)
        return (await a_session(session)).id


@pytest.mark.parametrize(
    ("actor", "guild_id"),
    [(Actor(STUDENT), None), (Actor(COACH), GUILD + 1), (ADMIN, GUILD)],
    ids=["its student in a DM", "its coach in another server", "an admin of its server"],
)
async def test_its_people_see_a_session_anywhere_and_admins_in_its_server(
    db: Database, actor: Actor, guild_id: int | None
) -> None:
    session_id = await a_booked_hour(db)

    found = await query(db, lookup.find_visible, session_id, actor, guild_id)

    assert found.id == session_id


@pytest.mark.parametrize(
    ("actor", "guild_id"),
    [(Actor(STUDENT + 1), GUILD), (ADMIN, GUILD + 1), (ADMIN, None)],
    ids=["a stranger", "an admin of another server", "an admin in a DM"],
)
async def test_for_everyone_else_there_is_no_session(db: Database, actor: Actor, guild_id: int | None) -> None:
    session_id = await a_booked_hour(db)

    with pytest.raises(NotFound):
        await query(db, lookup.find_visible, session_id, actor, guild_id)
