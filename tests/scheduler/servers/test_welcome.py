"""Which servers are still owed a first word."""

import asyncio
from datetime import datetime

from sqlalchemy import select, update

from models import Guild, Notification, NotificationKind, Route
from models.storage.database import Database
from scheduler.servers import welcome
from scheduler.servers.settings import GuildDefaults
from tests.support.builders import GUILD, HOUR, MONDAY, a_guild
from tests.support.transactions import fetch_all, transact

DEFAULTS = GuildDefaults()


async def greet(db: Database, at: datetime = MONDAY, guild_id: int = GUILD) -> None:
    await transact(db, welcome.greet, guild_id, DEFAULTS, at)


async def greet_new(db: Database, *guild_ids: int) -> None:
    await transact(db, welcome.greet_new, guild_ids, DEFAULTS, MONDAY)


async def enqueued(db: Database) -> list[Notification]:
    return await fetch_all(db, select(Notification).order_by(Notification.id))


async def test_a_server_is_greeted_once_however_often_the_bot_is_let_in(db: Database) -> None:
    for hours in range(3):
        await greet(db, MONDAY + hours * HOUR)

    assert [(one.guild_id, one.kind, one.due_at) for one in await enqueued(db)] == [
        (GUILD, NotificationKind.WELCOME, MONDAY)
    ]


async def test_of_several_who_greet_at_once_one_does(db: Database) -> None:
    await asyncio.gather(*(greet(db) for _ in range(5)))

    assert len(await enqueued(db)) == 1


async def test_what_reached_nobody_is_said_when_the_bot_is_let_in_again(db: Database) -> None:
    await greet(db)
    async with db.begin() as session:
        lost = update(Notification).values(due_at=None, given_up_at=MONDAY, tried_at=MONDAY, route=Route.FALLBACK)
        await session.execute(lost)

    await greet(db, MONDAY + HOUR)

    [again] = await enqueued(db)
    assert (again.due_at, again.given_up_at, again.route, again.tried_at) == (MONDAY + HOUR, None, None, None)


async def test_at_a_start_only_servers_of_which_nothing_is_known_are_greeted(db: Database) -> None:
    await transact(db, a_guild)

    for _ in range(2):
        await greet_new(db, GUILD, GUILD + 1, GUILD + 2)

    assert [one.guild_id for one in await enqueued(db)] == [GUILD + 1, GUILD + 2]
    async with db.read() as session:
        assert set(await session.scalars(select(Guild.id))) == {GUILD, GUILD + 1, GUILD + 2}
