"""Reading rows by their keys: the same rows as SQLAlchemy finds, however they got into the session."""

import pytest
from sqlalchemy import event, update
from sqlalchemy.exc import NoResultFound

from models import Coach, Guild, Member
from models.storage.database import Database
from tests.support.builders import COACH, GUILD, STUDENT, a_coach, a_guild


async def test_a_row_is_found_by_its_key(db: Database) -> None:
    async with db.begin() as session:
        await a_guild(session)
        await a_coach(session)

    async with db.read() as session:
        coach = await session.get_one(Coach, (GUILD, COACH))
        guild = await session.get(Guild, GUILD)

    assert (coach.guild_id, coach.user_id) == (GUILD, COACH)
    assert guild is not None
    assert guild.id == GUILD


async def test_nothing_is_found_by_an_unknown_key(db: Database) -> None:
    async with db.read() as session:
        assert await session.get(Member, STUDENT) is None
        with pytest.raises(NoResultFound):
            await session.get_one(Member, STUDENT)


async def test_a_row_that_was_just_added_is_found(db: Database) -> None:
    async with db.begin() as session:
        added = Member(user_id=STUDENT)
        session.add(added)

        assert await session.get(Member, STUDENT) is added


async def test_a_row_is_read_once_a_transaction(db: Database) -> None:
    async with db.begin() as session:
        session.add(Member(user_id=STUDENT))
    asked: list[str] = []

    async with db.read() as session:
        connection = await session.connection()
        event.listen(connection.sync_connection, "before_cursor_execute", lambda *about: asked.append(about[2]))
        first = await session.get_one(Member, STUDENT)
        second = await session.get_one(Member, STUDENT)

    assert first is second
    assert len(asked) == 1


async def test_a_row_is_read_again_on_request(db: Database) -> None:
    async with db.begin() as session:
        session.add(Member(user_id=STUDENT))

    async with db.begin() as session:
        member = await session.get_one(Member, STUDENT)
        await session.execute(
            update(Member).values(reminders_off=True).execution_options(synchronize_session=False)
        )
        again = await session.get_one(Member, STUDENT, populate_existing=True)

    assert again is member
    assert again.reminders_off
