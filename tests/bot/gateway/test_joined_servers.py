"""Which servers the bot is in, by Discord's events and by its list of all servers."""

from datetime import timedelta

from bot.gateway.joined_servers import JoinedServers
from bot.gateway.lanes import Lanes
from models import Guild
from models.storage.database import Database
from tests.support.builders import GUILD, FakeClock, a_guild
from tests.support.fakes import FakeDiscord
from tests.support.transactions import fetch, transact


async def test_discords_list_replaces_changes_not_yet_recorded(db: Database) -> None:
    await transact(db, a_guild)
    discord, lanes = FakeDiscord(), Lanes()
    discord.here = {GUILD}
    servers = JoinedServers(db, discord, FakeClock(), lanes, on_return=lambda *_: None)

    servers.removed(GUILD)
    servers.compare()  # the bot is back, and Discord's list says so
    await lanes.wait_until_tried(within=timedelta(seconds=30))

    assert (await fetch(db, Guild, GUILD)).bot_removed_at is None


async def test_changes_are_recorded_in_order(db: Database) -> None:
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
