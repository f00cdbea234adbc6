"""Whether coaches are still in the server: who is checked when, and what the answer changes."""

from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import select

from models import Coach, CoachStatus, Member
from models.storage.database import Database
from scheduler.availability import coach_search
from scheduler.booking import membership_checks
from scheduler.coaches import applications
from scheduler.core.errors import DiscordFailure, NotBookable
from scheduler.loop.tick import next_due
from tests.support.bookings import book
from tests.support.builders import (
    ADMIN,
    COACH,
    DAY,
    GUILD,
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


async def a_due_coach(db: Database, **coach: Any) -> None:
    """Store a server with one coach who is due for a check."""
    await a_server_with_a_coach(db, **{"membership_due_at": MONDAY, **coach})


async def recorded(db: Database, user_id: int = COACH) -> tuple[datetime | None, datetime | None]:
    """Return since when the coach is known to be gone, and when the next check is due."""
    coach = await fetch(db, Coach, (GUILD, user_id))
    return coach.left_at, coach.membership_due_at


async def check(db: Database, discord: FakeDiscord, clock: FakeClock | None = None) -> bool:
    return await membership_checks.check(db, discord, clock or FakeClock(), GUILD, COACH)


async def check_due(db: Database, discord: FakeDiscord, clock: FakeClock | None = None) -> int:
    return await membership_checks.check_due(db, discord, clock or FakeClock())


def without_the_coach() -> FakeDiscord:
    discord = FakeDiscord()
    discord.gone.add(COACH)
    return discord


async def listed(db: Database, now: datetime = MONDAY) -> list[int]:
    """Return who is offered to a student, in the list and by name."""
    async with db.read() as session:
        browsed = [one.coach.user_id for one in await coach_search.browse(session, GUILD, STUDENT, now)]
        assert [one.user_id for one in await coach_search.find_coaches(session, GUILD, "")] == browsed
        return browsed


async def test_a_coach_who_is_present_is_checked_again_in_a_day(db: Database) -> None:
    await a_due_coach(db)
    clock, discord = FakeClock(), FakeDiscord()

    assert await check_due(db, discord, clock) == 0
    clock.forward(DAY - MINUTE)
    assert await check_due(db, discord, clock) == 0
    assert discord.asked() == [f"is_member {COACH}"]
    clock.forward(MINUTE)
    assert await check_due(db, discord, clock) == 0

    assert discord.asked() == [f"is_member {COACH}"] * 2
    assert await recorded(db) == (None, MONDAY + 2 * DAY)


async def test_a_coach_who_left_is_hidden_and_refused_until_they_are_back(db: Database) -> None:
    await a_due_coach(db)
    clock, discord = FakeClock(), without_the_coach()

    assert await check(db, discord, clock)

    assert await listed(db) == []
    refused = await refusal(db, NotBookable, book)
    assert str(refused) == "This coach has left the server. Choose another one with `/book`."
    discord.gone.clear()
    clock.forward(DAY)
    await check_due(db, discord, clock)
    assert await recorded(db) == (None, MONDAY + 2 * DAY)
    assert await listed(db) == [COACH]
    await transact(db, book)


async def test_a_second_check_keeps_the_date_of_departure(db: Database) -> None:
    await a_due_coach(db)
    clock, discord = FakeClock(), without_the_coach()
    await check(db, discord, clock)
    clock.forward(DAY)

    await check(db, discord, clock)

    assert await recorded(db) == (MONDAY, MONDAY + 2 * DAY)


@pytest.mark.parametrize("left_at", [None, MONDAY - DAY])
async def test_without_an_answer_nothing_changes_and_the_check_is_repeated_soon(
    db: Database, left_at: datetime | None
) -> None:
    await a_due_coach(db, left_at=left_at)
    clock, discord = FakeClock(), FakeDiscord()
    discord.fail("is_member", DOWN)

    assert await check_due(db, discord, clock) == 1
    assert await recorded(db) == (left_at, MONDAY + 10 * MINUTE)
    discord.heal()
    clock.forward(10 * MINUTE)
    assert await check_due(db, discord, clock) == 0

    assert await recorded(db) == (None, MONDAY + 10 * MINUTE + DAY)


async def test_one_failed_check_holds_nobody_up(db: Database) -> None:
    await a_due_coach(db)
    await transact(db, a_coach, user_id=COACH + 1, membership_due_at=MONDAY)
    discord = FakeDiscord()
    discord.gone.add(COACH + 1)
    discord.fail("is_member", DOWN, about=str(COACH))

    assert await check_due(db, discord) == 1

    assert await recorded(db, COACH + 1) == (MONDAY, MONDAY + DAY)


async def test_a_bug_in_a_check_is_logged_and_does_not_stop_the_tick(
    db: Database, caplog: pytest.LogCaptureFixture
) -> None:
    await a_due_coach(db)
    discord, clock = FakeDiscord(), FakeClock()
    discord.fail("is_member", ValueError("no such thing"))

    report = await tick(db, discord, clock)

    assert report is not None
    assert report.failure_count == 1
    assert await recorded(db) == (None, MONDAY + 10 * MINUTE)
    assert "no such thing" in caplog.text


@pytest.mark.parametrize("status", [CoachStatus.PENDING, CoachStatus.REJECTED, CoachStatus.SUSPENDED])
async def test_whoever_no_longer_coaches_is_not_checked_again(db: Database, status: CoachStatus) -> None:
    await a_due_coach(db, status=status)
    discord = without_the_coach()

    await check_due(db, discord)

    assert await recorded(db) == (None, None)
    assert await check_due(db, discord) == 0
    assert len(discord.asked()) == 1


async def test_a_coach_who_is_suspended_during_the_check_is_left_alone(db: Database) -> None:
    await a_due_coach(db)
    discord = without_the_coach()

    async def suspend(_: Call) -> None:
        async with db.begin() as session:
            (await session.get_one(Coach, (GUILD, COACH))).status = CoachStatus.SUSPENDED

    discord.meanwhile("is_member", suspend)

    assert await check(db, discord)

    assert await recorded(db) == (None, None)


async def test_checking_someone_who_never_coached_here_writes_nothing(db: Database) -> None:
    await a_due_coach(db)

    assert await membership_checks.check(db, FakeDiscord(), FakeClock(), GUILD, STUDENT)

    assert await fetch_all(db, select(Coach.user_id)) == [COACH]
    assert await fetch_all(db, select(Member.user_id)) == []


@pytest.mark.parametrize(
    ("due_at", "left_at", "role_due_at"),
    [(MONDAY, None, MONDAY), (MONDAY + DAY, MONDAY - DAY, MONDAY), (MONDAY + DAY, None, None)],
    ids=["once a day", "who is back", "out of turn"],
)
async def test_the_role_is_given_again_once_a_day_and_to_coaches_who_are_back(
    db: Database, due_at: datetime, left_at: datetime | None, role_due_at: datetime | None
) -> None:
    await a_due_coach(db, membership_due_at=due_at, left_at=left_at)

    await check(db, FakeDiscord())

    assert (await fetch(db, Coach, (GUILD, COACH))).role_due_at == role_due_at


async def test_a_tick_checks_25_coaches_and_the_next_one_the_rest(db: Database) -> None:
    async with db.begin() as session:
        await a_guild(session)
        for number in range(30):
            due_at = MONDAY - (number + 1) * MINUTE
            await a_coach(session, user_id=COACH + number, membership_due_at=due_at, hours=())
    discord, clock = FakeDiscord(), FakeClock()

    await check_due(db, discord, clock)
    first = discord.asked("is_member")
    await check_due(db, discord, clock)

    assert first == [str(COACH + number) for number in range(29, 4, -1)]
    assert sorted(discord.asked("is_member")) == sorted(str(COACH + number) for number in range(30))


async def test_an_approval_starts_the_daily_checks(db: Database) -> None:
    await a_due_coach(db, status=CoachStatus.PENDING, membership_due_at=None, left_at=MONDAY - DAY)
    clock, discord = FakeClock(), FakeDiscord()
    await transact(db, applications.approve, GUILD, COACH, ADMIN, MONDAY)
    assert await recorded(db) == (None, MONDAY + DAY)
    await tick(db, discord, clock)
    assert discord.asked("is_member") == []
    assert await next_due(db) is None  # a check wakes nobody
    discord.gone.add(COACH)
    clock.forward(DAY)

    await tick(db, discord, clock)

    assert discord.asked("is_member") == [str(COACH)]
    assert await recorded(db) == (MONDAY + DAY, MONDAY + 2 * DAY)
