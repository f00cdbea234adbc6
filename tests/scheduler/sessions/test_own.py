"""A person's own sessions in a span of time."""

from models.storage.database import Database
from scheduler.sessions.own import OwnSession, own_sessions
from tests.support.builders import COACH, GUILD, HOUR, MINUTE, MONDAY, STUDENT, a_coach, a_guild, a_session
from tests.support.transactions import query

SINCE, UNTIL = MONDAY, MONDAY + 4 * HOUR


async def own(db: Database, user_id: int) -> list[OwnSession]:
    return await query(db, own_sessions, user_id, SINCE, UNTIL)


async def test_sessions_as_student_name_the_coach_and_those_as_coach_nobody(db: Database) -> None:
    async with db.begin() as session:
        await a_guild(session)
        await a_coach(session, display_name="Cara")
        await a_session(session, starts_at=MONDAY + HOUR)

    assert await own(db, STUDENT) == [OwnSession(MONDAY + HOUR, MONDAY + 2 * HOUR, "Cara")]
    assert await own(db, COACH) == [OwnSession(MONDAY + HOUR, MONDAY + 2 * HOUR, "")]
    assert await own(db, STUDENT + 1) == []


async def test_sessions_of_all_servers_come_in_order_and_only_their_part_in_the_span(db: Database) -> None:
    async with db.begin() as session:
        for guild_id, name in ((GUILD, "Cara"), (GUILD + 1, "Dora")):
            await a_guild(session, id=guild_id)
            await a_coach(session, guild_id=guild_id, display_name=name)
        await a_session(session, starts_at=UNTIL - 30 * MINUTE)
        await a_session(session, guild_id=GUILD + 1, starts_at=SINCE - 30 * MINUTE)

    assert await own(db, STUDENT) == [
        OwnSession(SINCE, SINCE + 30 * MINUTE, "Dora"),
        OwnSession(UNTIL - 30 * MINUTE, UNTIL, "Cara"),
    ]


async def test_sessions_that_touch_the_span_are_not_in_it(db: Database) -> None:
    async with db.begin() as session:
        await a_guild(session)
        await a_coach(session)
        await a_session(session, starts_at=SINCE - HOUR)
        await a_session(session, starts_at=UNTIL)

    assert await own(db, STUDENT) == []


async def test_a_cancelled_session_is_not_listed(db: Database) -> None:
    async with db.begin() as session:
        await a_guild(session)
        await a_coach(session)
        await a_session(session, reserved=False)

    assert await own(db, STUDENT) == []
