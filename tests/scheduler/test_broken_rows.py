"""One malformed row doesn't keep others from being shown, booked, notified or exported."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncSession

from models import (
    AuditEntry,
    Coach,
    CoachingSession,
    Guild,
    Notification,
    Participant,
    Reservation,
    SessionStatus,
    stored_json,
)
from models.storage.database import Database
from scheduler.availability import booking_policy, coach_search, free_times, reader_zone, schedule
from scheduler.availability.booking_policy import Rules
from scheduler.booking import cancellation
from scheduler.notifications import reminders
from scheduler.reports import coach_roster, export, health, statistics
from scheduler.servers import settings
from tests.support.bookings import STU, book
from tests.support.broken_rows import BREAKAGES, LOST_ZONES, a_server_with_two_coaches, break_row
from tests.support.builders import (
    ADMIN,
    COACH,
    DAY,
    GUILD,
    HOUR,
    MONDAY,
    STUDENT,
    FakeClock,
    a_coach,
    a_guild,
    a_session,
)
from tests.support.fakes import FakeDiscord
from tests.support.parameters import first_plain
from tests.support.rounds import tick
from tests.support.transactions import transact

NOW = MONDAY - HOUR
Look = Callable[[AsyncSession], Awaitable[bool]]
"""Reads everything of a kind, and says whether Cara is in it."""


async def in_the_list_of_book(session: AsyncSession) -> bool:
    return COACH in [one.coach.user_id for one in await coach_search.browse(session, GUILD, STUDENT, NOW)]


async def in_the_suggestions(session: AsyncSession) -> bool:
    return COACH in [one.user_id for one in await coach_search.find_coaches(session, GUILD, "")]


async def in_the_list_of_coaches(session: AsyncSession) -> bool:
    page = await coach_roster.list_coaches(session, GUILD, ADMIN, NOW, page=0, size=10)
    assert len(page.shown) == 2, "admins see the broken one too"
    return any(one.coach.user_id == COACH and one.next_free for one in page.shown)


async def zone_name(session: AsyncSession) -> str:
    guild = await session.get_one(Guild, GUILD)
    return await reader_zone.zone_name_of(session, STUDENT, guild.time_zone)


async def in_the_statistics(session: AsyncSession) -> bool:
    found = await statistics.gather(session, GUILD, ADMIN, await zone_name(session), MONDAY + DAY, days=7)
    return any(one.user_id == COACH and one.booked == HOUR for one in found.coaches)


async def in_the_export(session: AsyncSession) -> bool:
    files = [export.complete_csv(session, table, GUILD, ADMIN) for table in export.TABLES]
    return "Cara" in "".join([piece for file in files async for piece in file])


async def in_the_health(session: AsyncSession) -> bool:
    return (await health.inspect_health(session, GUILD, ADMIN, NOW)).upcoming == 2


async def bookable(session: AsyncSession) -> bool:
    coach = await session.get_one(Coach, (GUILD, COACH))
    free = await free_times.free_times(session, coach, HOUR, student_id=STUDENT, now=NOW)
    return next(free, None) is not None


async def with_hours_of_their_own(session: AsyncSession) -> bool:
    """Whether presets, default rules, dates and conflicts can be read."""
    coach = await session.get_one(Coach, (GUILD, COACH))
    guild = await session.get_one(Guild, GUILD)
    assert settings.presets(guild)
    assert booking_policy.default_policy(guild).durations_minutes
    await schedule.dates_of(session, coach, NOW.date())
    return await free_times.conflicts(session, coach, NOW) == []


LOOKS: list[Look] = [
    in_the_list_of_book,
    in_the_suggestions,
    in_the_list_of_coaches,
    in_the_statistics,
    in_the_export,
    in_the_health,
    bookable,
    with_hours_of_their_own,
]


async def told_of_a_booking(db: Database) -> set[int | None]:
    """Book Cara, return who is notified of it and of anything else that's due, and undo the booking."""
    discord = FakeDiscord()
    async with db.begin() as session:
        booked = await book(session, starts_at=MONDAY + 2 * DAY + HOUR, now=NOW)
        await reminders.replan(session, await session.get_one(Guild, GUILD), NOW)
    await tick(db, discord, FakeClock(NOW), unwatched=dict)
    async with db.begin() as session:
        for table in (Notification, Reservation, AuditEntry, Participant):
            await session.execute(delete(table).where(table.session_id == booked.id))
        await session.execute(delete(CoachingSession).where(CoachingSession.id == booked.id))
    return {call.context.notification.user_id for call in discord.calls if call.context is not None}


@pytest.mark.parametrize("where", first_plain(BREAKAGES))
async def test_one_broken_row_affects_nobody_else(db: Database, where: str) -> None:
    await a_server_with_two_coaches(db)
    column, values = BREAKAGES[where]

    for value in values:
        await transact(db, break_row, column, value)

        async with db.read() as session:
            missed = [look.__name__ for look in LOOKS if not await look(session)]
        assert (value, missed) == (value, [])
        assert {COACH, STUDENT} <= await told_of_a_booking(db), value


@pytest.mark.parametrize("lost", LOST_ZONES)
async def test_a_coach_whose_zone_is_unknown_cannot_be_booked_but_sessions_stay(db: Database, lost: str) -> None:
    async with db.begin() as session:
        await a_guild(session)
        coach = await a_coach(session, time_zone=lost)
        booked = await a_session(session, starts_at=MONDAY + DAY + HOUR)

        assert await coach_search.browse(session, GUILD, STUDENT, NOW) == []
        free = await free_times.free_times(session, coach, HOUR, student_id=STUDENT, now=NOW)
        others = await free_times.free_times(
            session, coach, HOUR, student_id=STUDENT, now=NOW, rescheduling_id=booked.id
        )
        assert ([*free], [*others]) == ([], [])
        assert await free_times.conflicts(session, coach, NOW) == []
        cancelled = await cancellation.cancel(session, booked.id, STU, GUILD, "", NOW)

    assert cancelled.status is SessionStatus.CANCELLED


def test_valid_parts_of_a_servers_rules_are_read() -> None:
    values = {"horizon_days": 60, "slot_step_minutes": "30", "daily_limit": 3, "session_type": "hologram"}

    assert booking_policy.from_json(values) == Rules(horizon_days=60, daily_limit=3)


@pytest.mark.parametrize(
    ("read", "stored", "value"),
    [
        (stored_json.lengths, [45, "60", 45, 30], [45, 30]),
        (stored_json.lengths, None, [60]),
        (stored_json.windows, [[540, 720], [9], [780, 1020]], [[540, 720], [780, 1020]]),
        (stored_json.leads, [60, "x", 1440, 60], [1440, 60]),
        (stored_json.leads, [], []),
        (stored_json.leads, {}, None),
        (stored_json.presets, [["Early", 300, 480], ["Late"]], [["Early", 300, 480]]),
        (stored_json.presets, [["Late"]], None),
    ],
)
def test_valid_parts_of_a_stored_value_are_kept(read: Any, stored: Any, value: Any) -> None:
    assert read(stored) == value
