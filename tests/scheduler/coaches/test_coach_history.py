"""How somebody became a coach, was suspended and came back, as the record tells it."""

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
    a_coach,
    a_guild,
    a_server_with_a_coach,
    a_session,
    an_application,
    refusal,
)
from tests.support.transactions import query, transact

CARA = Actor(COACH)


async def told(db: Database, guild_id: int = GUILD) -> list[tuple[str, int | None, str | None]]:
    """What the record says of Cara: what was done, by whom and why."""
    async with db.read() as session:
        found = await history.coach_history(session, guild_id, COACH)
        return [(one.action, one.actor_id, one.details.get("reason")) for one in found]


async def test_every_decision_is_told_in_order_with_its_reason(db: Database) -> None:
    async with db.begin() as session:
        guild = await a_guild(session)
        await a_guild(session, id=GUILD + 1)
        await applications.apply(session, guild, CARA, an_application(), MONDAY)
        await applications.reject(session, GUILD, COACH, ADMIN, "  Too short. ", MONDAY + HOUR)
    async with db.begin() as session:
        await applications.apply(session, guild, CARA, an_application(), MONDAY + DAY)
        await applications.approve(session, GUILD, COACH, ADMIN, MONDAY + DAY)
    await transact(db, suspensions.suspend, GUILD, COACH, ADMIN, " Away. ", MONDAY + 2 * DAY)
    await transact(db, suspensions.reinstate, GUILD, COACH, ADMIN, MONDAY + 3 * DAY)

    assert await told(db) == [
        ("application_made", COACH, None),
        ("application_rejected", ADMIN.user_id, "Too short."),
        ("application_made", COACH, None),
        ("application_approved", ADMIN.user_id, None),
        ("coach_suspended", ADMIN.user_id, "Away."),
        ("coach_reinstated", ADMIN.user_id, None),
    ]
    assert await told(db, GUILD + 1) == []


async def test_before_a_suspension_it_is_said_how_many_sessions_it_meets(db: Database) -> None:
    async with db.begin() as session:
        await a_guild(session)
        await a_coach(session)
        await a_session(session)
        await a_session(session, starts_at=MONDAY + DAY, student_id=STUDENT + 1)
        await a_session(session, starts_at=MONDAY - DAY, next_step_at=None)

    before = await query(db, suspensions.affected, GUILD, COACH, ADMIN, MONDAY)
    cancelled = await transact(db, suspensions.suspend, GUILD, COACH, ADMIN, "Away.", MONDAY, keep=False)

    assert before == cancelled == 2


async def test_what_could_not_be_suspended_is_not_asked_about(db: Database) -> None:
    await a_server_with_a_coach(db, status=CoachStatus.SUSPENDED, decided_by=7, decided_at=MONDAY)

    async def ask(actor: Actor, user_id: int) -> None:
        await query(db, suspensions.affected, GUILD, user_id, actor, MONDAY)

    await refusal(db, NotAllowed, lambda _: ask(CARA, COACH))
    await refusal(db, NotFound, lambda _: ask(ADMIN, STUDENT))
    refused = await refusal(db, AlreadyDecided, lambda _: ask(ADMIN, COACH))
    assert "This coach was already suspended by <@7>" in str(refused)
