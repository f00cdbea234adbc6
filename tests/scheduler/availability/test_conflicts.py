"""Conflicts: upcoming sessions outside their coach's hours."""

from datetime import datetime, timedelta

from models import SessionStatus
from models.storage.database import Database
from scheduler.availability import free_times
from tests.support.builders import (
    COACH,
    DAY,
    GUILD,
    HOUR,
    MINUTE,
    MONDAY,
    OFFICE_HOURS,
    a_booked_coach,
    a_coach,
    a_date,
    a_guild,
    a_session,
    change_session,
)
from tests.support.schedule_changes import TODAY, ask


async def conflicts_of(db: Database, now: datetime = MONDAY) -> list[int]:
    return [one.id for one in await ask(db, free_times.conflicts, now)]


async def test_upcoming_sessions_outside_the_hours_are_conflicts_soonest_first(db: Database) -> None:
    outside, late, early, inside = await a_booked_coach(
        db,
        MONDAY + 6 * DAY,
        MONDAY + DAY + 8.5 * HOUR,
        MONDAY + 30 * MINUTE,
        MONDAY + 8 * HOUR,
        hours=OFFICE_HOURS,
        accepting=False,
    )

    assert await conflicts_of(db) == [early, late, outside]
    assert inside not in await conflicts_of(db)


async def test_kept_running_past_and_cancelled_sessions_are_not_conflicts(db: Database) -> None:
    kept, running, cancelled, over = await a_booked_coach(db, *(MONDAY + n * DAY for n in range(1, 5)), hours=())
    await change_session(db, kept, kept_at=MONDAY)
    await change_session(db, running, status=SessionStatus.IN_PROGRESS)
    await change_session(db, cancelled, status=SessionStatus.CANCELLED)
    await change_session(db, over, status=SessionStatus.COMPLETED)

    assert await conflicts_of(db) == []


async def test_a_session_is_a_conflict_until_it_starts(db: Database) -> None:
    (one,) = await a_booked_coach(db, MONDAY + HOUR, hours=())

    assert await conflicts_of(db, MONDAY + HOUR - timedelta(microseconds=1)) == [one]
    assert await conflicts_of(db, MONDAY + HOUR) == []


async def test_date_overrides_decide_what_is_a_conflict(db: Database) -> None:
    on_a_day_off, in_extra_hours, in_no_hours = await a_booked_coach(
        db, MONDAY + 2 * HOUR, MONDAY + 6 * DAY, MONDAY + 13 * DAY, hours=OFFICE_HOURS
    )
    async with db.begin() as session:
        await a_date(session, TODAY)
        await a_date(session, TODAY + 6 * DAY, (8 * 60, 9 * 60), adds=True)
        await a_date(session, TODAY + 20 * DAY)

    assert await conflicts_of(db) == [on_a_day_off, in_no_hours]
    assert in_extra_hours not in await conflicts_of(db)


async def test_other_peoples_sessions_are_not_a_coachs_conflicts(db: Database) -> None:
    await a_booked_coach(db, hours=())
    async with db.begin() as session:
        await a_guild(session, id=GUILD + 1)
        await a_coach(session, guild_id=GUILD + 1, hours=())
        await a_coach(session, user_id=COACH + 1, hours=())
        await a_session(session, guild_id=GUILD + 1, starts_at=MONDAY + HOUR)
        await a_session(session, coach_id=COACH + 1, starts_at=MONDAY + 3 * HOUR)
        await a_session(session, coach_id=COACH + 1, student_id=COACH, starts_at=MONDAY + 5 * HOUR)

    assert await conflicts_of(db) == []
