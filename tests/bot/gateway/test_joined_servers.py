"""Which servers the bot is in, as Discord says it one by one and all at once."""

from datetime import timedelta

from bot.gateway.joined_servers import JoinedServers
from bot.gateway.lanes import Lanes
from models import Guild
from models.storage.database import Database
from tests.support.builders import GUILD, FakeClock, a_guild
from tests.support.fakes import FakeDiscord
from tests.support.transactions import fetch, transact


async def test_the_list_of_all_servers_replaces_changes_that_are_not_recorded_yet(db: Database) -> None:
    await transact(db, a_guild)
    discord, lanes = FakeDiscord(), Lanes()
    discord.here = {GUILD}
    servers = JoinedServers(db, discord, FakeClock(), lanes, on_return=lambda *_: None)

    servers.removed(GUILD)
    servers.compare()  # it is there again, and Discord's list says so
    await lanes.wait_until_tried(within=timedelta(seconds=30))

    assert (await fetch(db, Guild, GUILD)).bot_removed_at is None


async def test_changes_are_recorded_in_the_order_in_which_discord_tells_them(db: Database) -> None:
    await transact(db, a_guild)
    clock, lanes = FakeClock(), Lanes()
    back: list[int] = []
    servers = JoinedServers(
        db, FakeDiscord(), clock, lanes, on_return=lambda guild_id, _since: back.append(guild_id)
    )

    servers.removed(GUILD)
    servers.joined(GUILD)
    await lanes.wait_until_tried(within=timedelta(seconds=30))

    assert back == [GUILD]
    assert (await fetch(db, Guild, GUILD)).bot_removed_at is None
