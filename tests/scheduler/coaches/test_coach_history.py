"""A coach's history."""

from models.storage.database import Database
from scheduler.coaches import applications, history, suspensions
from scheduler.core.actor import Actor
from tests.support.builders import (
    ADMIN,
    COACH,
    DAY,
    GUILD,
    HOUR,
    MONDAY,
    a_guild,
    an_application,
)
from tests.support.transactions import query, transact

CARA = Actor(COACH)


async def coach_history(db: Database, guild_id: int = GUILD) -> list[tuple[str, int | None, str | None]]:
    """Return what happened to Cara, who did it and why."""
    found = await query(db, history.coach_history, guild_id, COACH)
    return [(one.action, one.actor_id, one.details.get("reason")) for one in found]


async def test_the_history_lists_every_decision_with_its_reason(db: Database) -> None:
    guild = await transact(db, a_guild)
    await transact(db, a_guild, id=GUILD + 1)
    await transact(db, applications.apply, guild, CARA, an_application(), MONDAY)
    await transact(db, applications.reject, GUILD, COACH, ADMIN, "  Too short. ", MONDAY + HOUR)
    await transact(db, applications.apply, guild, CARA, an_application(), MONDAY + DAY)
    await transact(db, applications.approve, GUILD, COACH, ADMIN, MONDAY + DAY)
    await transact(db, suspensions.suspend, GUILD, COACH, ADMIN, " Away. ", MONDAY + 2 * DAY)
    await transact(db, suspensions.reinstate, GUILD, COACH, ADMIN, MONDAY + 3 * DAY)

    assert await coach_history(db) == [
        ("application_made", COACH, None),
        ("application_rejected", ADMIN.user_id, "Too short."),
        ("application_made", COACH, None),
        ("application_approved", ADMIN.user_id, None),
        ("coach_suspended", ADMIN.user_id, "Away."),
        ("coach_reinstated", ADMIN.user_id, None),
    ]
    assert await coach_history(db, GUILD + 1) == []
