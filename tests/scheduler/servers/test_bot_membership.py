"""When the bot counts as back in a server."""

import pytest

from models import Guild
from models.storage.database import Database
from scheduler.servers import bot_membership
from tests.support.builders import DAY, GUILD, MONDAY, FakeClock, a_guild
from tests.support.fakes import FakeDiscord
from tests.support.transactions import fetch, transact


@pytest.mark.parametrize("just_told", [True, False])
async def test_the_bot_is_back_only_if_the_gateway_just_said_so(db: Database, just_told: bool) -> None:
    await transact(db, a_guild, bot_removed_at=MONDAY - DAY)
    discord = FakeDiscord()
    discord.here = {GUILD}

    back = await bot_membership.catch_up(db, discord, FakeClock(), just_told=just_told)

    assert back == ({GUILD: MONDAY - DAY} if just_told else {})
    assert ((await fetch(db, Guild, GUILD)).bot_removed_at is None) is just_told
