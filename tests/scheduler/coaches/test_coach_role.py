"""The coach role: given to coaches, removed from others, and swapped when admins choose another."""

from collections.abc import Sequence
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
from tests.support.transactions import fetch, fetch_only, transact

OLD, NEW, UNRELATED = 77, 78, 500
ALL_DONE = None, 0, None
"""A coach's `role_due_at`, `role_attempts` and `role_error` when nothing is left to do."""


async def a_server(db: Database, **coach: Any) -> None:
    """Create a server whose only coach has the coach role."""
    await a_server_with_a_coach(db, **{"given_role_ids": [OLD], "membership_due_at": MONDAY + DAY, **coach})


async def a_due_role(db: Database, **coach: Any) -> None:
    """Create a server whose only coach should get the coach role now."""
    await a_server(db, given_role_ids=None, role_due_at=MONDAY, **coach)


async def choose(db: Database, role_id: int) -> None:
    async with db.begin() as session:
        guild = await session.get_one(Guild, GUILD)
        await settings.change(session, guild, ADMIN, GuildChanges(coach_role_id=role_id), MONDAY)


async def suspend(db: Database) -> None:
    await transact(db, suspensions.suspend, GUILD, COACH, ADMIN, "Complaints.", MONDAY)


async def cara(db: Database) -> Coach:
    return await fetch(db, Coach, (GUILD, COACH))


async def role_state(db: Database) -> Sequence[Any]:
    coach = await cara(db)
    return coach.role_due_at, coach.role_attempts, coach.role_error


class RolesAtDiscord(FakeDiscord):
    """A server in which one person has these roles."""

    def __init__(self, *roles: int) -> None:
        super().__init__()
        self.roles = set(roles)

    async def set_role(self, guild_id: int, user_id: int, role_id: int, *, wanted: bool) -> None:
        await super().set_role(guild_id, user_id, role_id, wanted=wanted)
        (self.roles.add if wanted else self.roles.discard)(role_id)


# Giving it.


async def test_the_role_is_given_once_when_it_is_due(db: Database) -> None:
    await a_due_role(db)
    discord = FakeDiscord()

    outcomes = [await coach_role.sync_roles(db, discord, FakeClock(MONDAY + n * MINUTE)) for n in (-1, 0, 1)]

    assert outcomes == [(0, 0), (1, 0), (0, 0)]
    assert discord.calls == [Call("set_role", str(COACH), wanted=True, role_id=OLD)]
    assert await role_state(db) == ALL_DONE


async def test_a_role_that_fails_is_retried_with_growing_pauses(db: Database) -> None:
    await a_due_role(db)
    discord, clock = FakeDiscord(), FakeClock()
    discord.fail("set_role", DiscordFailure("The bot's role is too low."))

    pauses = []
    for _ in range(8):
        assert await coach_role.sync_roles(db, discord, clock) == (0, 1)
        due_at = (await cara(db)).role_due_at
        assert due_at is not None
        pauses.append(int((due_at - clock()).total_seconds()))
        clock.now = due_at
    failing = await role_state(db)
    discord.heal()
    healed = await coach_role.sync_roles(db, discord, clock)

    least = [15, 30, 60, 120, 240, 480, 600, 600]
    assert all(at_least <= pause <= at_least * 1.2 for pause, at_least in zip(pauses, least, strict=True))
    assert failing[1:] == (8, "The bot's role is too low.")
    assert healed == (1, 0)
    assert await role_state(db) == ALL_DONE


async def test_no_request_is_made_in_a_server_without_a_coach_role(db: Database) -> None:
    await a_server_with_a_coach(db, guild={"coach_role_id": None}, role_due_at=MONDAY)
    discord = FakeDiscord()

    assert await coach_role.sync_roles(db, discord, FakeClock()) == (0, 0)

    assert discord.calls == []
    assert await role_state(db) == ALL_DONE


@pytest.mark.parametrize("failure", [DiscordFailure("no"), RuntimeError("a bug")], ids=["Discord's", "our own"])
async def test_one_coachs_failure_does_not_hold_up_another(db: Database, failure: Exception) -> None:
    await a_due_role(db)
    await transact(db, a_coach, user_id=COACH + 1, role_due_at=MONDAY, hours=())
    discord = FakeDiscord()
    discord.fail("set_role", failure, about=str(COACH))

    assert await coach_role.sync_roles(db, discord, FakeClock()) == (1, 1)

    assert sorted(discord.asked("set_role")) == [str(COACH), str(COACH + 1)]


async def test_a_coach_who_has_the_role_does_not_end_the_alert_about_others(db: Database) -> None:
    await a_server(db)
    await transact(db, a_coach, user_id=COACH + 1, display_name="New", role_due_at=MONDAY)
    clock, discord = FakeClock(), RolesAtDiscord()
    discord.fail("set_role", DiscordFailure("I lack Manage Roles", for_admins=True))
    await coach_role.sync_roles(db, discord, clock)
    await deliver_due(db, discord, clock)
    discord.heal()

    clock.now = MONDAY + DAY  # the bot still can't give it, but Cara has it already
    async with db.begin() as session:
        new = await session.get_one(Coach, (GUILD, COACH + 1))
        new.role_due_at = clock.now + HOUR
    await membership_checks.check_due(db, discord, clock)
    await coach_role.sync_roles(db, discord, clock)
    before = await fetch_only(db, select(Alert.fixed_at))
    clock.forward(HOUR)
    await coach_role.sync_roles(db, discord, clock)

    assert (before, await fetch_only(db, select(Alert.fixed_at))) == (None, clock.now)


# Leaving and coming back.


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


async def test_a_coach_who_was_away_between_two_checks_gets_the_role_again(db: Database) -> None:
    await a_server(db)
    clock, discord = FakeClock(MONDAY + DAY), RolesAtDiscord()

    await membership_checks.check_due(db, discord, clock)
    await coach_role.sync_roles(db, discord, clock)

    assert discord.roles == {OLD}


async def test_giving_the_role_to_someone_who_left_checks_their_membership_at_once(db: Database) -> None:
    await a_due_role(db)
    discord = FakeDiscord()
    discord.fail("set_role", Unreachable("They have left the server."))
    discord.gone.add(COACH)

    outcome = await coach_role.sync_roles(db, discord, FakeClock())
    given_up = await role_state(db)
    await membership_checks.check_due(db, discord, FakeClock())

    assert (outcome, given_up) == ((0, 0), (None, 1, "They have left the server."))
    assert (await cara(db)).left_at == MONDAY


async def test_daily_membership_checks_do_not_retry_a_failing_role_for_ever(db: Database) -> None:
    await a_server(db, role_due_at=MONDAY)
    clock, discord = FakeClock(), RolesAtDiscord()
    discord.fail("set_role", DiscordFailure("I lack Manage Roles"))

    while (one := await cara(db)).membership_due_at is not None and one.membership_due_at < MONDAY + 10 * DAY:
        clock.now = min(one.role_due_at or one.membership_due_at, one.membership_due_at)
        await membership_checks.check_due(db, discord, clock)
        await coach_role.sync_roles(db, discord, clock)

    assert (one.role_due_at, one.role_error) == (None, "given up: I lack Manage Roles")
    discord.heal()
    for gone in ({COACH}, set[int]()):  # coming back is a reason to try again
        discord.gone = gone
        clock.forward(DAY)
        await membership_checks.check_due(db, discord, clock)
        await coach_role.sync_roles(db, discord, clock)
    assert discord.roles == {OLD}


# Another role, and none.


async def test_another_role_replaces_the_old_one(db: Database) -> None:
    await a_server(db)
    discord = RolesAtDiscord(OLD, UNRELATED)

    await choose(db, NEW)
    await coach_role.sync_roles(db, discord, FakeClock())

    assert discord.roles == {NEW, UNRELATED}
    assert (await cara(db)).given_role_ids == [NEW]


@pytest.mark.parametrize("synced", [True, False], ids=["after the swap", "before the swap"])
async def test_a_suspended_coach_loses_both_the_new_and_the_old_role(db: Database, synced: bool) -> None:
    await a_server(db)
    discord = RolesAtDiscord(OLD)
    await choose(db, NEW)
    if synced:
        await coach_role.sync_roles(db, discord, FakeClock())

    await suspend(db)
    await coach_role.sync_roles(db, discord, FakeClock())

    assert discord.roles == set()
    assert (await cara(db)).given_role_ids is None


async def test_a_suspended_coachs_role_is_removed_even_if_another_is_chosen_first(db: Database) -> None:
    await a_server(db)
    discord = RolesAtDiscord(OLD)
    discord.fail("set_role", DiscordFailure("Discord did not answer"))
    await suspend(db)
    await coach_role.sync_roles(db, discord, FakeClock())
    discord.heal()

    await choose(db, NEW)
    await coach_role.sync_roles(db, discord, FakeClock())

    assert discord.roles == set()


@pytest.mark.parametrize("suspended", [True, False], ids=["suspended", "another role chosen"])
async def test_a_change_while_the_role_is_being_given_wins(db: Database, suspended: bool) -> None:
    await a_due_role(db)
    discord = RolesAtDiscord()

    async def change(call: Call) -> None:
        if call.role_id == OLD and call.wanted:
            await (suspend(db) if suspended else choose(db, NEW))

    discord.meanwhile("set_role", change)
    for _ in range(2):
        await coach_role.sync_roles(db, discord, FakeClock(MONDAY + MINUTE))

    assert discord.roles == (set() if suspended else {NEW})
    assert await role_state(db) == ALL_DONE


async def test_a_role_given_just_before_a_crash_is_removed_later(db: Database) -> None:
    await a_due_role(db)
    discord = RolesAtDiscord()
    given = discord.set_role

    async def give_and_die(*args: Any, **named: Any) -> None:
        await given(*args, **named)
        raise KeyboardInterrupt

    discord.set_role = give_and_die
    with pytest.raises(KeyboardInterrupt):
        await coach_role.sync_roles(db, discord, FakeClock())
    discord.set_role = given

    await choose(db, NEW)
    await coach_role.sync_roles(db, discord, FakeClock())

    assert discord.roles == {NEW}


async def test_choosing_a_role_makes_no_request_about_applicants(db: Database) -> None:
    await a_server(db, status=CoachStatus.PENDING, given_role_ids=None)
    discord = RolesAtDiscord()

    await choose(db, NEW)
    await coach_role.sync_roles(db, discord, FakeClock())

    assert discord.calls == []
