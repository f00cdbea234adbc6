"""A server's presets, and the booking rules its new coaches start with."""

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
    """Return what was done, by whom and when."""
    return [(one.action, one.actor_id, one.at) for one in await fetch_all(db, select(AuditEntry))]


async def set_presets(session: AsyncSession, *wanted: Preset, actor: Actor = ADMIN) -> None:
    await settings.set_presets(session, await session.get_one(Guild, GUILD), actor, wanted, MONDAY)


async def set_rules(session: AsyncSession, wanted: Rules, actor: Actor = ADMIN) -> None:
    await settings.set_default_policy(session, await session.get_one(Guild, GUILD), actor, wanted, MONDAY)


async def test_coaches_choose_from_the_usual_presets_until_an_admin_sets_others(db: Database) -> None:
    await transact(db, a_guild)
    before = settings.presets(await guild(db))
    wanted = [Preset("Night", 22 * 60, 24 * 60), Preset("Early", 0, 6 * 60)]

    await transact(db, set_presets, *wanted)

    assert [one.name for one in before] == ["Morning", "Afternoon", "Evening"]
    assert settings.presets(await guild(db)) == wanted
    assert await recorded(db) == [("presets_changed", ADMIN.user_id, MONDAY)]


async def test_new_coaches_start_with_the_usual_rules_until_an_admin_sets_others(db: Database) -> None:
    await transact(db, a_guild)
    before = default_policy(await guild(db))
    wanted = Rules(SessionType.VOICE, (45, 90), 15, 5, 10, 60, 90, daily_limit=3, weekly_limit=None)

    await transact(db, set_rules, wanted)

    assert before == Rules()
    assert default_policy(await guild(db)) == wanted
    assert await recorded(db) == [("first_rules_changed", ADMIN.user_id, MONDAY)]


async def test_presets_and_rules_belong_to_one_server(db: Database) -> None:
    await transact(db, a_guild)
    await transact(db, a_guild, id=GUILD + 1)

    await transact(db, set_presets, Preset("Night", 0, 60))
    await transact(db, set_rules, Rules(horizon_days=7))

    elsewhere = await fetch(db, Guild, GUILD + 1)
    assert (elsewhere.presets, elsewhere.default_policy) == (None, None)


async def test_only_admins_set_presets_and_rules(db: Database) -> None:
    await transact(db, a_guild)

    await refusal(db, NotAllowed, lambda s: set_presets(s, Preset("Night", 0, 60), actor=Actor(COACH)))
    await refusal(db, NotAllowed, lambda s: set_rules(s, Rules(), Actor(COACH)))


async def test_invalid_rules_are_refused(db: Database) -> None:
    await transact(db, a_guild)

    refused = await refusal(db, Unreadable, lambda s: set_rules(s, Rules(durations_minutes=())))

    assert (
        str(refused) == "**Lengths in minutes, default first:** Offer 1 to 10 different lengths, like 60, 30, 90."
    )
