"""A server's presets, and the rules that its new coaches begin with."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models import AuditEntry, Guild, SessionType
from models.storage.database import Database
from scheduler.availability.booking_policy import Rules, default_policy
from scheduler.core.actor import Actor
from scheduler.core.errors import NotAllowed, Unreadable
from scheduler.parsing.weekly_hours import Preset
from scheduler.servers import settings
from tests.support.builders import ADMIN, COACH, GUILD, MONDAY, a_guild, refusal
from tests.support.transactions import fetch, fetch_all, transact


async def guild(db: Database) -> Guild:
    return await fetch(db, Guild, GUILD)


async def recorded(db: Database) -> list[tuple[str, int | None, datetime]]:
    """What the audit entries say was done, by whom and when."""
    return [(one.action, one.actor_id, one.at) for one in await fetch_all(db, select(AuditEntry))]


async def test_coaches_choose_from_the_usual_presets_until_an_admin_sets_others(db: Database) -> None:
    await transact(db, a_guild)
    before = settings.presets(await guild(db))
    wanted = [Preset("Night", 22 * 60, 24 * 60), Preset("Early", 0, 6 * 60)]

    async with db.begin() as session:
        await settings.set_presets(session, await session.get_one(Guild, GUILD), ADMIN, wanted, MONDAY)

    assert [one.name for one in before] == ["Morning", "Afternoon", "Evening"]
    assert settings.presets(await guild(db)) == wanted
    assert await recorded(db) == [("presets_changed", ADMIN.user_id, MONDAY)]


async def test_new_coaches_begin_with_the_usual_rules_until_an_admin_sets_others(db: Database) -> None:
    await transact(db, a_guild)
    before = default_policy(await guild(db))
    wanted = Rules(SessionType.VOICE, (45, 90), 15, 5, 10, 60, 90, daily_limit=3, weekly_limit=None)

    async with db.begin() as session:
        await settings.set_default_policy(session, await session.get_one(Guild, GUILD), ADMIN, wanted, MONDAY)

    assert before == Rules()
    assert default_policy(await guild(db)) == wanted
    assert await recorded(db) == [("first_rules_changed", ADMIN.user_id, MONDAY)]


async def test_presets_and_first_rules_belong_to_one_server(db: Database) -> None:
    await transact(db, a_guild)
    await transact(db, a_guild, id=GUILD + 1)

    async with db.begin() as session:
        here = await session.get_one(Guild, GUILD)
        await settings.set_presets(session, here, ADMIN, [Preset("Night", 0, 60)], MONDAY)
        await settings.set_default_policy(session, here, ADMIN, Rules(horizon_days=7), MONDAY)

    elsewhere = await fetch(db, Guild, GUILD + 1)
    assert (elsewhere.presets, elsewhere.default_policy) == (None, None)


async def test_only_admins_set_presets_and_first_rules(db: Database) -> None:
    await transact(db, a_guild)

    async def presets(session: AsyncSession) -> None:
        here = await session.get_one(Guild, GUILD)
        await settings.set_presets(session, here, Actor(COACH), [Preset("Night", 0, 60)], MONDAY)

    async def rules(session: AsyncSession) -> None:
        here = await session.get_one(Guild, GUILD)
        await settings.set_default_policy(session, here, Actor(COACH), Rules(), MONDAY)

    await refusal(db, NotAllowed, presets)
    await refusal(db, NotAllowed, rules)

    assert (await guild(db)).presets is None


async def test_first_rules_that_nobody_can_keep_to_are_refused(db: Database) -> None:
    await transact(db, a_guild)

    async def change_rules(session: AsyncSession) -> None:
        here = await session.get_one(Guild, GUILD)
        await settings.set_default_policy(session, here, ADMIN, Rules(durations_minutes=()), MONDAY)

    refused = await refusal(db, Unreadable, change_rules)

    assert str(refused) == "Offer 1 to 10 different lengths, like 60, 30, 90."
