"""Welcoming new servers."""

import asyncio
from datetime import datetime

from sqlalchemy import select, update

from models import Guild, Notification, NotificationKind, Route
from models.storage.database import Database
from scheduler.servers import welcome
from scheduler.servers.settings import GuildDefaults
from tests.support.builders import GUILD, HOUR, MONDAY, a_guild
from tests.support.stored import notifications
from tests.support.transactions import fetch_all, transact

DEFAULTS = GuildDefaults()


async def greet(db: Database, at: datetime = MONDAY, guild_id: int = GUILD) -> None:
    await transact(db, welcome.greet, guild_id, DEFAULTS, at)


async def test_a_server_is_welcomed_once_however_often_the_bot_joins(db: Database) -> None:
    for hours in range(3):
        await greet(db, MONDAY + hours * HOUR)

    [sent] = await notifications(db)
    assert (sent.guild_id, sent.kind, sent.due_at) == (GUILD, NotificationKind.WELCOME, MONDAY)


async def test_joining_five_times_at_once_sends_one_welcome(db: Database) -> None:
    await asyncio.gather(*(greet(db) for _ in range(5)))

    assert len(await notifications(db)) == 1


async def test_a_welcome_that_reached_nobody_is_sent_when_the_bot_joins_again(db: Database) -> None:
    await greet(db)
    async with db.begin() as session:
        lost = update(Notification).values(due_at=None, given_up_at=MONDAY, tried_at=MONDAY, route=Route.FALLBACK)
        await session.execute(lost)

    await greet(db, MONDAY + HOUR)

    [again] = await notifications(db)
    assert (again.due_at, again.given_up_at, again.route, again.tried_at) == (MONDAY + HOUR, None, None, None)


async def test_only_unknown_servers_are_welcomed_on_start(db: Database) -> None:
    await transact(db, a_guild)

    for _ in range(2):
        await transact(db, welcome.greet_new, [GUILD, GUILD + 1, GUILD + 2], DEFAULTS, MONDAY)

    assert [one.guild_id for one in await notifications(db)] == [GUILD + 1, GUILD + 2]
    assert set(await fetch_all(db, select(Guild.id))) == {GUILD, GUILD + 1, GUILD + 2}
