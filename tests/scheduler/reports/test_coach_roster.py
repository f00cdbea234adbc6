"""The list of coaches for admins: its order, its counts, and why a coach can't be booked."""

from datetime import timedelta
from typing import Any

import pytest

from models import CoachStatus, SessionStatus
from models.storage.database import Database
from scheduler.core.actor import Actor
from scheduler.core.errors import NotAllowed, NotFound
from scheduler.reports import coach_roster
from scheduler.reports.coach_roster import Entry
from tests.support.builders import (
    ADMIN,
    COACH,
    DAY,
    GUILD,
    HOUR,
    MONDAY,
    OFFICE_HOURS,
    STUDENT,
    a_coach,
    a_date,
    a_guild,
    a_server_with_a_coach,
    a_session,
    refusal,
    statements,
)
from tests.support.time_off import away
from tests.support.transactions import query, transact

MON = 0
NINE, HALF_PAST = 9 * 60, 9 * 60 + 30


async def listed(db: Database, *, page: int = 0, size: int = 50) -> list[Entry]:
    return list((await query(db, coach_roster.list_coaches, GUILD, ADMIN, MONDAY, page=page, size=size)).shown)


async def test_applications_come_first_then_coaches_by_status_and_name(db: Database) -> None:
    states = {
        "Zed": CoachStatus.PENDING,
        "Bob": CoachStatus.APPROVED,
        "Ann": CoachStatus.APPROVED,
        "Sue": CoachStatus.SUSPENDED,
        "Rex": CoachStatus.REJECTED,
    }
    async with db.begin() as session:
        await a_guild(session)
        await a_guild(session, id=GUILD + 1)
        for number, (name, status) in enumerate(reversed(states.items())):
            await a_coach(session, user_id=COACH + number, display_name=name, status=status)
        await a_coach(session, guild_id=GUILD + 1, display_name="Elsewhere")

    pages = [await listed(db, page=page, size=2) for page in range(4)]

    names = [[one.coach.display_name for one in page] for page in pages]
    assert names == [["Zed", "Ann"], ["Bob", "Sue"], ["Rex"], []]


REASONS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "bookable": ({}, []),
    "pending": ({"status": CoachStatus.PENDING}, ["waiting for approval: `/coach approve`"]),
    "rejected": ({"status": CoachStatus.REJECTED}, ["application rejected"]),
    "suspended": ({"status": CoachStatus.SUSPENDED}, ["suspended: `/coach reinstate`"]),
    "left": ({"left_at": MONDAY}, [f"left the server <t:{int(MONDAY.timestamp())}:R>"]),
    "paused": ({"accepting": False}, ["bookings paused in `/availability`"]),
    "no hours": ({"hours": ()}, ["no hours in the next 28 days: `/availability`"]),
    "paused, no hours": (
        {"hours": (), "accepting": False},
        ["bookings paused in `/availability`", "no hours in the next 28 days: `/availability`"],
    ),
    "too short": ({"hours": [(MON, NINE, HALF_PAST)]}, ["no hours long enough for the usual 1 hour"]),
    "late hours": (
        {"hours": [(MON, NINE, NINE + 60)], "horizon_days": 6, "minimum_notice_minutes": 600},
        ["no hours in the next 6 days: `/availability`"],
    ),
    "long notice": (
        {"horizon_days": 6, "minimum_notice_minutes": 7 * 24 * 60},
        ["needs 7 days of notice, but can only be booked 6 days ahead"],
    ),
    "booked out": (
        {"hours": [(MON, 10 * 60, 11 * 60)], "horizon_days": 6},
        ["fully booked or at their limit for the next 6 days"],
    ),
    "limit": (
        {"daily_limit": 1, "horizon_days": 1, "hours": [(MON, 0, 1440)]},
        ["fully booked or at their limit"],
    ),
}


@pytest.mark.parametrize("case", REASONS)
async def test_every_reason_a_coach_cannot_be_booked_is_listed(db: Database, case: str) -> None:
    changed, reasons = REASONS[case]
    await a_server_with_a_coach(db, **changed)
    await transact(db, a_session, starts_at=MONDAY + 2 * HOUR)

    [entry] = await listed(db)

    assert [said[: len(wanted)] for said, wanted in zip(entry.reasons, reasons, strict=True)] == reasons
    assert (entry.next_free is None) == bool(reasons)


async def test_extra_hours_make_a_coach_without_weekly_hours_bookable(db: Database) -> None:
    await a_server_with_a_coach(db, hours=())
    await transact(db, a_date, (MONDAY + DAY).date(), (NINE, NINE + 60), adds=True)

    [entry] = await listed(db)

    assert entry.reasons == ()
    assert entry.next_free == MONDAY + DAY + HOUR


async def test_days_off_until_the_horizon_leave_no_hours(db: Database) -> None:
    await a_server_with_a_coach(db, hours=[(MON, NINE, NINE + 60)], horizon_days=6)
    await transact(db, a_date, MONDAY.date())

    [entry] = await listed(db)

    assert entry.reasons == ("no hours in the next 6 days: `/availability`",)


async def test_who_is_away_until_the_horizon_cannot_be_booked(db: Database) -> None:
    await a_server_with_a_coach(db, horizon_days=6)
    await away(db, MONDAY.date(), (MONDAY + 7 * DAY).date())

    [entry] = await listed(db)

    assert entry.reasons == ("away for the next 6 days: `/availability`",)


async def test_hours_and_upcoming_sessions_are_counted_per_coach(db: Database) -> None:
    async with db.begin() as session:
        await a_guild(session)
        await a_coach(session, display_name="A")
        await a_coach(session, display_name="B", user_id=COACH + 1, hours=[(MON, NINE, HALF_PAST)])
        for number, status in enumerate(SessionStatus):
            at = MONDAY + timedelta(days=number)
            await a_session(session, starts_at=at, status=status, reserved=False)

    entries = await listed(db)

    assert [(one.weekly_total, one.upcoming) for one in entries] == [(40 * HOUR, 2), (HOUR / 2, 0)]
    assert list(entries[0].week) == [day for day, _, _ in OFFICE_HOURS]


async def test_a_profile_counts_sessions_by_status(db: Database) -> None:
    async with db.begin() as session:
        await a_guild(session)
        await a_coach(session)
        for number in range(3):
            at = MONDAY + number * DAY
            await a_session(session, starts_at=at, status=SessionStatus.COMPLETED, reserved=False)
        await a_date(session, (MONDAY - DAY).date())
        await a_date(session, (MONDAY + DAY).date())

        found = await coach_roster.profile(session, GUILD, ADMIN, COACH, MONDAY)

    assert found.sessions == dict.fromkeys(SessionStatus, 0) | {SessionStatus.COMPLETED: 3}
    assert [one.first for one in found.dates] == [(MONDAY + DAY).date()]


async def test_listing_fifty_coaches_takes_as_many_statements_as_one(db: Database) -> None:
    async with db.begin() as session:
        await a_guild(session)
        for number in range(50):
            await a_coach(session, user_id=COACH + number, display_name=str(number))
    said: list[int] = []

    for size in (1, 50):
        with statements(db) as heard:
            await transact(db, coach_roster.list_coaches, GUILD, ADMIN, MONDAY, page=0, size=size)
        said.append(len(heard))

    assert said[0] == said[1]


async def test_only_admins_can_see_the_list_and_strangers_have_no_profile(db: Database) -> None:
    await transact(db, a_guild)

    for use_case in (
        lambda s: coach_roster.list_coaches(s, GUILD, Actor(STUDENT), MONDAY, page=0, size=5),
        lambda s: coach_roster.profile(s, GUILD, Actor(COACH), COACH, MONDAY),
    ):
        await refusal(db, NotAllowed, use_case)
    refused = await refusal(
        db, NotFound, lambda session: coach_roster.profile(session, GUILD, ADMIN, STUDENT, MONDAY)
    )
    assert str(refused).startswith(f"<@{STUDENT}> has never applied")
