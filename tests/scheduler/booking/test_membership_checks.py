"""Whether coaches are still there: who is asked about when, and what the answer changes."""

from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import select

from models import Coach, CoachStatus, Guild, Member
from models.storage.database import Database
from scheduler.availability import coach_search
from scheduler.booking import booking, membership_checks
from scheduler.coaches import applications
from scheduler.core.actor import Actor
from scheduler.core.errors import DiscordFailure, NotBookable
from scheduler.loop.tick import next_due
from tests.support.builders import (
    ADMIN,
    COACH,
    DAY,
    GUILD,
    HOUR,
    MINUTE,
    MONDAY,
    STUDENT,
    FakeClock,
    a_coach,
    a_guild,
    a_server_with_a_coach,
    refusal,
)
from tests.support.fakes import Call, FakeDiscord
from tests.support.rounds import tick
from tests.support.transactions import fetch, fetch_all, transact

DOWN = DiscordFailure("Discord did not answer")


async def set_up(db: Database, **coach: Any) -> None:
    """A server with one coach whose turn it is now."""
    await a_server_with_a_coach(db, **{"membership_due_at": MONDAY, **coach})


async def noted(db: Database, user_id: int = COACH) -> tuple[datetime | None, datetime | None]:
    """Since when the coach is known to be gone, and when to ask next."""
    async with db.read() as session:
        coach = await session.get_one(Coach, (GUILD, user_id))
        return coach.left_at, coach.membership_due_at


async def listed(db: Database, now: datetime = MONDAY) -> list[int]:
    """Who is offered to a student, in the list and by name."""
    async with db.read() as session:
        browsed = [one.coach.user_id for one in await coach_search.browse(session, GUILD, STUDENT, now)]
        assert [one.user_id for one in await coach_search.find_coaches(session, GUILD, "")] == browsed
        return browsed


async def test_a_coach_who_is_there_is_asked_about_again_in_a_day(db: Database) -> None:
    await set_up(db)
    clock, discord = FakeClock(), FakeDiscord()

    assert await membership_checks.check_due(db, discord, clock) == 0
    clock.forward(DAY - MINUTE)
    assert await membership_checks.check_due(db, discord, clock) == 0
    assert discord.asked() == [f"is_member {COACH}"]
    clock.forward(MINUTE)
    assert await membership_checks.check_due(db, discord, clock) == 0

    assert discord.asked() == [f"is_member {COACH}"] * 2
    assert await noted(db) == (None, MONDAY + 2 * DAY)


async def test_nobody_is_asked_about_before_it_is_due(db: Database) -> None:
    await set_up(db, membership_due_at=MONDAY + MINUTE)
    discord = FakeDiscord()

    assert await membership_checks.check_due(db, discord, FakeClock()) == 0

    assert discord.asked() == []


async def test_a_coach_who_left_is_hidden_and_refused_and_comes_back(db: Database) -> None:
    await set_up(db)
    clock, discord = FakeClock(), FakeDiscord()
    discord.gone.add(COACH)

    assert await membership_checks.check(db, discord, clock, GUILD, COACH)

    assert await listed(db) == []

    async def book(session: Any) -> object:
        guild = await session.get_one(Guild, GUILD)
        return await booking.book(session, guild, Actor(STUDENT), COACH, MONDAY + HOUR, HOUR, None, MONDAY)

    refused = await refusal(db, NotBookable, book)
    assert str(refused) == "This coach has left the server. Choose another one with `/book`."
    discord.gone.clear()
    clock.forward(DAY)
    await membership_checks.check_due(db, discord, clock)
    assert await noted(db) == (None, MONDAY + 2 * DAY)
    assert await listed(db) == [COACH]
    await transact(db, book)


async def test_it_stays_written_down_when_somebody_was_first_missed(db: Database) -> None:
    await set_up(db)
    clock, discord = FakeClock(), FakeDiscord()
    discord.gone.add(COACH)
    await membership_checks.check(db, discord, clock, GUILD, COACH)
    clock.forward(DAY)

    await membership_checks.check(db, discord, clock, GUILD, COACH)

    assert await noted(db) == (MONDAY, MONDAY + 2 * DAY)


@pytest.mark.parametrize("left_at", [None, MONDAY - DAY])
async def test_without_an_answer_nothing_changes_and_it_is_asked_again_soon(
    db: Database, left_at: datetime | None
) -> None:
    await set_up(db, left_at=left_at)
    clock, discord = FakeClock(), FakeDiscord()
    discord.fail("is_member", DOWN)

    assert await membership_checks.check_due(db, discord, clock) == 1
    assert await noted(db) == (left_at, MONDAY + 10 * MINUTE)
    discord.heal()
    clock.forward(10 * MINUTE)
    assert await membership_checks.check_due(db, discord, clock) == 0

    assert await noted(db) == (None, MONDAY + 10 * MINUTE + DAY)


async def test_one_coach_who_cannot_be_asked_about_keeps_nobody_waiting(db: Database) -> None:
    await set_up(db)
    await transact(db, a_coach, user_id=COACH + 1, membership_due_at=MONDAY)
    discord = FakeDiscord()
    discord.gone.add(COACH + 1)
    discord.fail("is_member", DOWN, about=str(COACH))

    assert await membership_checks.check_due(db, discord, FakeClock()) == 1

    assert await noted(db, COACH + 1) == (MONDAY, MONDAY + DAY)


async def test_a_bug_in_asking_is_logged_and_stops_neither_the_round_nor_the_next(
    db: Database, caplog: pytest.LogCaptureFixture
) -> None:
    await set_up(db)
    discord, clock = FakeDiscord(), FakeClock()
    discord.fail("is_member", ValueError("no such thing"))

    report = await tick(db, discord, clock)

    assert report is not None
    assert report.failure_count == 1
    assert await noted(db) == (None, MONDAY + 10 * MINUTE)
    assert "no such thing" in caplog.text


@pytest.mark.parametrize("status", [CoachStatus.PENDING, CoachStatus.REJECTED, CoachStatus.SUSPENDED])
async def test_whoever_coaches_no_more_is_not_asked_about_again(db: Database, status: CoachStatus) -> None:
    await set_up(db, status=status)
    discord = FakeDiscord()
    discord.gone.add(COACH)

    await membership_checks.check_due(db, discord, FakeClock())

    assert await noted(db) == (None, None)
    assert await membership_checks.check_due(db, discord, FakeClock()) == 0
    assert len(discord.asked()) == 1


async def test_whoever_was_suspended_while_discord_was_asked_is_left_alone(db: Database) -> None:
    await set_up(db)
    discord = FakeDiscord()
    discord.gone.add(COACH)

    async def suspend(_: Call) -> None:
        async with db.begin() as session:
            (await session.get_one(Coach, (GUILD, COACH))).status = CoachStatus.SUSPENDED

    discord.meanwhile("is_member", suspend)

    assert await membership_checks.check(db, discord, FakeClock(), GUILD, COACH)

    assert await noted(db) == (None, None)


async def test_somebody_who_never_coached_here_is_answered_for_and_nothing_is_written(db: Database) -> None:
    await set_up(db)

    assert await membership_checks.check(db, FakeDiscord(), FakeClock(), GUILD, STUDENT)

    assert await fetch_all(db, select(Coach.user_id)) == [COACH]
    assert await fetch_all(db, select(Member.user_id)) == []


@pytest.mark.parametrize(
    ("due_at", "left_at", "role_due_at"),
    [(MONDAY, None, MONDAY), (MONDAY + DAY, MONDAY - DAY, MONDAY), (MONDAY + DAY, None, None)],
    ids=["once a day", "who is back", "out of turn"],
)
async def test_the_role_is_given_again_once_a_day_and_to_whoever_is_back(
    db: Database, due_at: datetime, left_at: datetime | None, role_due_at: datetime | None
) -> None:
    await set_up(db, membership_due_at=due_at, left_at=left_at)

    await membership_checks.check(db, FakeDiscord(), FakeClock(), GUILD, COACH)

    assert (await fetch(db, Coach, (GUILD, COACH))).role_due_at == role_due_at


async def test_one_round_asks_about_so_many_and_the_rest_are_next(db: Database) -> None:
    async with db.begin() as session:
        await a_guild(session)
        for number in range(30):
            await a_coach(
                session, user_id=COACH + number, membership_due_at=MONDAY - (number + 1) * MINUTE, hours=()
            )
    discord, clock = FakeDiscord(), FakeClock()

    await membership_checks.check_due(db, discord, clock)
    first = discord.asked("is_member")
    await membership_checks.check_due(db, discord, clock)

    assert first == [str(COACH + number) for number in range(29, 4, -1)]
    assert sorted(discord.asked("is_member")) == sorted(str(COACH + number) for number in range(30))


async def test_an_approval_begins_the_daily_look_and_the_loop_takes_it_up(db: Database) -> None:
    await set_up(db, status=CoachStatus.PENDING, membership_due_at=None, left_at=MONDAY - DAY)
    clock, discord = FakeClock(), FakeDiscord()
    await transact(db, applications.approve, GUILD, COACH, ADMIN, MONDAY)
    assert await noted(db) == (None, MONDAY + DAY)
    await tick(db, discord, clock)
    assert discord.asked("is_member") == []
    assert await next_due(db) is None  # nobody would notice the look that is ahead
    discord.gone.add(COACH)
    clock.forward(DAY)

    await tick(db, discord, clock)

    assert discord.asked("is_member") == [str(COACH)]
    assert await noted(db) == (MONDAY + DAY, MONDAY + 2 * DAY)
