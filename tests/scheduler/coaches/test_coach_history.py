"""A coach's history, and suspensions."""

from models import CoachStatus
from models.storage.database import Database
from scheduler.coaches import applications, history, suspensions
from scheduler.core.actor import Actor
from scheduler.core.errors import AlreadyDecided, NotAllowed, NotFound
from tests.support.builders import (
    ADMIN,
    COACH,
    DAY,
    GUILD,
    HOUR,
    MONDAY,
    STUDENT,
    a_guild,
    a_server_with_a_coach,
    a_session,
    an_application,
    refusal,
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


async def test_admins_learn_how_many_sessions_a_suspension_affects(db: Database) -> None:
    await a_server_with_a_coach(db)
    async with db.begin() as session:
        await a_session(session)
        await a_session(session, starts_at=MONDAY + DAY, student_id=STUDENT + 1)
        await a_session(session, starts_at=MONDAY - DAY, next_step_at=None)

    before = await query(db, suspensions.count_affected_sessions, GUILD, COACH, ADMIN, MONDAY)
    cancelled = await transact(db, suspensions.suspend, GUILD, COACH, ADMIN, "Away.", MONDAY, keep=False)

    assert before == cancelled == 2


async def test_only_what_can_be_suspended_is_asked_about(db: Database) -> None:
    await a_server_with_a_coach(db, status=CoachStatus.SUSPENDED, decided_by=7, decided_at=MONDAY)

    await refusal(db, NotAllowed, lambda s: suspensions.count_affected_sessions(s, GUILD, COACH, CARA, MONDAY))
    await refusal(db, NotFound, lambda s: suspensions.count_affected_sessions(s, GUILD, STUDENT, ADMIN, MONDAY))
    refused = await refusal(
        db, AlreadyDecided, lambda s: suspensions.count_affected_sessions(s, GUILD, COACH, ADMIN, MONDAY)
    )
    assert "This coach was already suspended by <@7>" in str(refused)
