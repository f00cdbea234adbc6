"""The coach role follows who coaches, also when they leave and come back, and when another role is chosen."""

from typing import Any

import pytest
from sqlalchemy import select

from models import Alert, Coach, CoachStatus, Guild
from models.storage.database import Database
from scheduler.booking import membership_checks
from scheduler.coaches import coach_role, suspensions
from scheduler.core.errors import DiscordFailure, Unreachable
from scheduler.servers import settings
from scheduler.servers.settings import GuildChanges
from tests.support.builders import (
    ADMIN,
    COACH,
    DAY,
    GUILD,
    HOUR,
    MINUTE,
    MONDAY,
    FakeClock,
    a_coach,
    a_server_with_a_coach,
)
from tests.support.fakes import Call, FakeDiscord
from tests.support.rounds import deliver_due
from tests.support.transactions import fetch, transact

OLD, NEW, NEWEST = 77, 78, 79


async def a_server(db: Database, **coach: Any) -> None:
    """A server whose one coach has the coach role."""
    with_role = {"given_role_ids": [OLD], "membership_due_at": MONDAY + DAY, **coach}
    await a_server_with_a_coach(db, guild={"coach_role_id": OLD}, **with_role)


async def choose(db: Database, role_id: int) -> None:
    async with db.begin() as session:
        guild = await session.get_one(Guild, GUILD)
        await settings.change(session, guild, ADMIN, GuildChanges(coach_role_id=role_id), MONDAY)


async def suspend(db: Database) -> None:
    await transact(db, suspensions.suspend, GUILD, COACH, ADMIN, "Complaints.", MONDAY)


async def cara(db: Database) -> Coach:
    return await fetch(db, Coach, (GUILD, COACH))


class RolesAtDiscord(FakeDiscord):
    """A server in which one person has these roles."""

    def __init__(self, *roles: int) -> None:
        super().__init__()
        self.roles = set(roles)

    async def set_role(self, guild_id: int, user_id: int, role_id: int, *, wanted: bool) -> None:
        """Give or take it."""
        await super().set_role(guild_id, user_id, role_id, wanted=wanted)
        if wanted:
            self.roles.add(role_id)
        else:
            self.roles.discard(role_id)


async def test_a_coach_who_left_and_came_back_gets_the_role_again(db: Database) -> None:
    await a_server(db)
    clock, discord = FakeClock(), RolesAtDiscord()
    discord.gone.add(COACH)
    await membership_checks.check(db, discord, clock, GUILD, COACH)
    discord.gone.clear()
    clock.forward(DAY)

    await membership_checks.check(db, discord, clock, GUILD, COACH)
    await coach_role.sync_roles(db, discord, clock)

    assert discord.roles == {OLD}
    assert (await cara(db)).left_at is None


async def test_a_coach_who_was_away_between_two_looks_gets_the_role_again(db: Database) -> None:
    await a_server(db)
    clock, discord = FakeClock(MONDAY + DAY), RolesAtDiscord()

    await membership_checks.check_due(db, discord, clock)
    await coach_role.sync_roles(db, discord, clock)

    assert discord.roles == {OLD}


async def test_who_is_found_to_have_left_when_the_role_is_given_is_looked_for_at_once(db: Database) -> None:
    await a_server(db, role_due_at=MONDAY)
    discord = FakeDiscord()
    discord.fail("set_role", Unreachable("the person has left the server"))
    discord.gone.add(COACH)

    await coach_role.sync_roles(db, discord, FakeClock())
    await membership_checks.check_due(db, discord, FakeClock())

    assert (await cara(db)).left_at == MONDAY


async def test_daily_looks_keep_nobody_trying_for_ever_to_give_a_role(db: Database) -> None:
    await a_server(db, role_due_at=MONDAY)
    clock, discord = FakeClock(), RolesAtDiscord()
    discord.fail("set_role", DiscordFailure("I lack Manage Roles"))

    while (one := await cara(db)).membership_due_at is not None and one.membership_due_at < MONDAY + 10 * DAY:
        clock.now = min(one.role_due_at or one.membership_due_at, one.membership_due_at)
        await membership_checks.check_due(db, discord, clock)
        await coach_role.sync_roles(db, discord, clock)

    assert (one.role_due_at, one.role_error) == (None, "given up: I lack Manage Roles")
    discord.heal()
    for gone in ({COACH}, set[int]()):  # whoever comes back is a reason to try again
        discord.gone = gone
        clock.forward(DAY)
        await membership_checks.check_due(db, discord, clock)
        await coach_role.sync_roles(db, discord, clock)
    assert discord.roles == {OLD}


async def test_a_coach_who_has_the_role_makes_nobody_say_that_it_works_again(db: Database) -> None:
    await a_server(db)
    await transact(db, a_coach, user_id=COACH + 1, display_name="New", role_due_at=MONDAY)
    clock, discord = FakeClock(), RolesAtDiscord()
    discord.fail("set_role", DiscordFailure("I lack Manage Roles", for_admins=True))
    await coach_role.sync_roles(db, discord, clock)
    await deliver_due(db, discord, clock)
    discord.heal()

    clock.now = MONDAY + DAY  # the bot still may not give it, but to Cara it need not
    async with db.begin() as session:
        new = await session.get_one(Coach, (GUILD, COACH + 1))
        new.role_due_at = clock.now + HOUR
    await membership_checks.check_due(db, discord, clock)
    await coach_role.sync_roles(db, discord, clock)

    async with db.read() as session:
        assert await session.scalar(select(Alert.fixed_at)) is None

    clock.forward(HOUR)
    await coach_role.sync_roles(db, discord, clock)
    async with db.read() as session:
        assert await session.scalar(select(Alert.fixed_at)) == clock.now


async def test_another_role_takes_the_place_of_the_old_one(db: Database) -> None:
    await a_server(db)
    discord = RolesAtDiscord(OLD)

    await choose(db, NEW)
    await coach_role.sync_roles(db, discord, FakeClock())

    assert discord.roles == {NEW}
    assert (await cara(db)).given_role_ids == [NEW]


@pytest.mark.parametrize("synced", [True, False], ids=["the change is through", "nothing is through yet"])
async def test_a_suspended_coach_keeps_neither_the_role_of_now_nor_the_one_of_before(
    db: Database, synced: bool
) -> None:
    await a_server(db)
    discord = RolesAtDiscord(OLD)
    await choose(db, NEW)
    if synced:
        await coach_role.sync_roles(db, discord, FakeClock())

    await suspend(db)
    await coach_role.sync_roles(db, discord, FakeClock())

    assert discord.roles == set()
    assert (await cara(db)).given_role_ids is None


async def test_a_role_that_is_changed_while_a_suspended_coach_still_has_it_is_taken(db: Database) -> None:
    await a_server(db)
    discord = RolesAtDiscord(OLD)
    discord.fail("set_role", DiscordFailure("Discord did not answer"))
    await suspend(db)
    await coach_role.sync_roles(db, discord, FakeClock())
    discord.heal()

    await choose(db, NEW)
    await coach_role.sync_roles(db, discord, FakeClock())

    assert discord.roles == set()


async def test_of_roles_that_change_while_they_are_given_the_last_one_stays(db: Database) -> None:
    await a_server(db, given_role_ids=None, role_due_at=MONDAY)
    discord = RolesAtDiscord()

    async def choose_another(call: Call) -> None:
        if call.role_id == OLD and call.wanted:
            await choose(db, NEW)

    discord.meanwhile("set_role", choose_another)
    for _ in range(2):
        await coach_role.sync_roles(db, discord, FakeClock(MONDAY + MINUTE))

    assert discord.roles == {NEW}


async def test_a_role_whose_giving_nobody_has_recorded_is_taken_all_the_same(db: Database) -> None:
    await a_server(db, given_role_ids=None, role_due_at=MONDAY)
    discord = RolesAtDiscord()
    given = discord.set_role

    async def give_and_die(*args: Any, **named: Any) -> None:
        await given(*args, **named)
        raise KeyboardInterrupt

    discord.set_role = give_and_die
    with pytest.raises(KeyboardInterrupt):
        await coach_role.sync_roles(db, discord, FakeClock())
    discord.set_role = given

    await choose(db, NEWEST)
    await coach_role.sync_roles(db, discord, FakeClock())

    assert discord.roles == {NEWEST}


async def test_roles_that_the_bot_never_gave_stay(db: Database) -> None:
    await a_server(db, role_due_at=MONDAY)
    discord = RolesAtDiscord(OLD, 500)

    await choose(db, NEW)
    await coach_role.sync_roles(db, discord, FakeClock(MONDAY + HOUR))

    assert discord.roles == {NEW, 500}


async def test_an_applicant_who_was_never_a_coach_is_asked_about_no_role(db: Database) -> None:
    await a_server(db, status=CoachStatus.PENDING, given_role_ids=None)
    discord = RolesAtDiscord()

    await choose(db, NEW)
    await coach_role.sync_roles(db, discord, FakeClock())

    assert discord.calls == []
