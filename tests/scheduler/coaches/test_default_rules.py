"""Giving the default booking rules to present coaches."""

from sqlalchemy import select

from models import AuditEntry, Coach, CoachStatus, Guild, Notification, NotificationKind
from models.storage.database import Database
from scheduler.availability import booking_policy, schedule
from scheduler.availability.booking_policy import Rules
from scheduler.coaches import default_rules
from scheduler.core.actor import Actor
from scheduler.core.errors import NotAllowed
from scheduler.servers import settings
from tests.support.builders import ADMIN, COACH, GUILD, MONDAY, a_coach, a_guild, a_server_with_a_coach, refusal
from tests.support.transactions import transact

WANTED = Rules(minimum_notice_minutes=24 * 60, horizon_days=7)


async def test_coaches_with_other_rules_get_the_defaults_and_can_undo_it(db: Database) -> None:
    async with db.begin() as session:
        guild = await a_guild(session)
        await a_coach(session)
        booking_policy.apply_rules(await a_coach(session, user_id=COACH + 1, display_name="Same"), WANTED)
        await a_coach(session, user_id=COACH + 2, display_name="Waits", status=CoachStatus.PENDING)
        await settings.set_default_policy(session, guild, ADMIN, WANTED, MONDAY)

    changed = [await transact(db, default_rules.apply_to_all, guild, ADMIN, MONDAY) for _ in range(2)]

    assert changed == [1, 0]

    async with db.begin() as session:
        found = {one.user_id - COACH: booking_policy.rules_of(one) for one in await session.scalars(select(Coach))}
        assert (found[0], found[1]) == (WANTED, WANTED)
        assert found[2].horizon_days == 28
        [sent] = await session.scalars(select(Notification))
        assert (sent.kind, sent.user_id) == (NotificationKind.RULES_GIVEN, COACH)
        [entry] = await session.scalars(select(AuditEntry).where(AuditEntry.action == "rules_given"))
        assert (entry.actor_id, entry.coach_id) == (ADMIN.user_id, COACH)
        await schedule.undo(session, GUILD, Actor(COACH), 1, MONDAY)
        coach = await session.get_one(Coach, (GUILD, COACH))
        assert booking_policy.rules_of(coach).horizon_days == 28


async def test_a_coach_who_left_keeps_their_rules(db: Database) -> None:
    async with db.begin() as session:
        guild = await a_guild(session)
        await a_coach(session, left_at=MONDAY)
        await settings.set_default_policy(session, guild, ADMIN, WANTED, MONDAY)

        assert await default_rules.apply_to_all(session, guild, ADMIN, MONDAY) == 0

        assert await session.scalar(select(Notification.id)) is None


async def test_only_admins_give_default_rules(db: Database) -> None:
    await a_server_with_a_coach(db)

    refused = await refusal(
        db, NotAllowed, lambda s: default_rules.apply_to_all(s, Guild(id=GUILD), Actor(COACH), MONDAY)
    )

    assert "admins" in str(refused)
