"""The original description's Prisma model `CoachingSession` is kept whole.

Only `scheduledDate`, `startTime` and `endTime` changed: a date and two clock times in no particular zone are now
two instants, shown in the reader's zone.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Any

import pytest
from sqlalchemy import select

from models import CoachingSession, Participant, SessionStatus, SessionType
from models.storage.database import Database
from tests.support.builders import COACH, HOUR, MONDAY, STUDENT, a_coach, a_guild, a_session
from tests.support.transactions import fetch_only


@dataclass(frozen=True)
class Kept:
    """Where a seed field is stored now, its type, and whether it can be empty."""

    attribute: str
    kind: type
    optional: bool = False


SEED = {
    "id": Kept("id", int),
    "coachId": Kept("coach_id", int),  # a Discord id identifies people, instead of Clerk's
    "studentId": Kept("student_id", int),
    "scheduledDate": Kept("starts_at", datetime),
    "startTime": Kept("starts_at", datetime),
    "endTime": Kept("ends_at", datetime),
    "duration": Kept("duration", timedelta),
    "status": Kept("status", SessionStatus),
    "notes": Kept("student.notes", str, optional=True),
    "sessionType": Kept("session_type", SessionType),
    "totalCost": Kept("student.total_cost_minor", int),  # in minor units, because money isn't floating point
    "discordChannelId": Kept("discord_channel_id", int, optional=True),
    "discordRoleId": Kept("discord_role_id", int, optional=True),
    "discordSetupComplete": Kept("discord_setup_complete", bool),
    "reminderSent": Kept("reminder_sent", bool),
    "createdAt": Kept("created_at", datetime),
    "updatedAt": Kept("updated_at", datetime),
}

SEED_STATUSES = ("SCHEDULED", "IN_PROGRESS", "COMPLETED", "CANCELLED", "NO_SHOW")


def column_of(attribute: str) -> Any:
    """Return the column that holds this, of the session or of its participant."""
    if attribute == "student_id":
        return Participant.__table__.columns["user_id"]
    table = Participant if attribute.startswith("student.") else CoachingSession
    return table.__table__.columns[attribute.removeprefix("student.")]


async def test_every_field_of_the_seed_is_written_and_read_back(db: Database) -> None:
    async with db.begin() as session:
        await a_guild(session)
        await a_coach(session)
        written = await a_session(
            session,
            notes="The second verse.",
            discord_channel_id=2**60,
            discord_role_id=2**61,
            discord_setup_complete=True,
            reminder_sent=True,
        )

    found = await fetch_only(db, select(CoachingSession))

    read_back = {field: attrgetter(kept.attribute)(found) for field, kept in SEED.items()}
    assert read_back == {field: attrgetter(kept.attribute)(written) for field, kept in SEED.items()}
    assert [field for field, value in read_back.items() if not isinstance(value, SEED[field].kind)] == []


@pytest.mark.parametrize("field", [field for field in SEED if SEED[field].attribute != "duration"])
def test_a_field_can_be_empty_exactly_where_the_seed_allows_it(field: str) -> None:
    assert column_of(SEED[field].attribute).nullable == SEED[field].optional


def test_the_duration_is_the_time_from_start_to_end() -> None:
    session = CoachingSession(starts_at=MONDAY, ends_at=MONDAY + 1.5 * HOUR)

    assert session.duration == timedelta(minutes=90)


async def test_every_status_of_the_seed_can_be_stored_under_its_name(db: Database) -> None:
    async with db.begin() as session:
        await a_guild(session)
        await a_coach(session)
        for status in SEED_STATUSES:
            await a_session(session, status=SessionStatus(status), reserved=False)

    async with db.engine.connect() as connection:
        stored = await connection.exec_driver_sql("SELECT status FROM coaching_sessions ORDER BY id")
        assert tuple(stored.scalars()) == SEED_STATUSES


def test_there_is_no_status_that_the_seed_does_not_know() -> None:
    assert {status.value for status in SessionStatus} == set(SEED_STATUSES)


async def test_a_new_session_has_no_room_and_has_reminded_nobody(db: Database) -> None:
    async with db.begin() as session:
        await a_guild(session)
        await a_coach(session)
        await a_session(session)

    found = await fetch_only(db, select(CoachingSession))

    assert (found.discord_setup_complete, found.reminder_sent) == (False, False)
    assert (found.discord_channel_id, found.discord_role_id, found.student.notes) == (None, None, None)
    assert (found.coach_id, found.student_id) == (COACH, STUDENT)


@pytest.mark.parametrize("name", ["voice", "video"])
def test_the_seeds_session_type_is_one_of_two(name: str) -> None:
    assert SessionType(name).value == name
