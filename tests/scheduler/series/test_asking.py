"""What the bot asks and tells by itself: after two no-shows, before clock changes, and when a coach moves."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from models import AuditEntry, CoachingSession, Lesson, Member, Notification, NotificationKind, SessionStatus
from models.session import Absent
from models.storage.database import Database
from scheduler.availability import schedule
from scheduler.core.errors import NotFound
from scheduler.series.changes import asking, ending, following, one_lesson
from scheduler.series.changes.new_hour import NewHour
from scheduler.sessions import events
from tests.support.bookings import CARA, STU, TEN
from tests.support.builders import (
    COACH,
    DAY,
    GUILD,
    HOUR,
    MONDAY,
    STUDENT,
    a_server_with_a_coach,
    change_rows,
    refusal,
)
from tests.support.series import FIRST_DAY, a_series, a_weekly_pair
from tests.support.stored import notifications
from tests.support.time_off import a_closure
from tests.support.transactions import fetch, fetch_all, query, transact

WEEK = timedelta(weeks=1)


async def over(db: Database, series_id: int, occurrence: int, absent: Absent | None = None) -> int:
    """Let a lesson end, and return its session's id."""
    async with db.begin() as session:
        lesson = await session.get_one(Lesson, (series_id, occurrence))
        row = await session.get_one(CoachingSession, lesson.session_id)
        change_rows(row, absent=absent)
        row.status = SessionStatus.NO_SHOW if absent else SessionStatus.COMPLETED
        await events.settle(session, row, row.ends_at)
        return row.id


async def asked(db: Database, kind: NotificationKind) -> list[tuple[int | None, int | None, datetime | None]]:
    """Return recipient, session and due time of the messages of this kind."""
    found = await notifications(db, Notification.kind == kind)
    return [(one.user_id, one.session_id, one.due_at) for one in found]


async def test_after_two_no_shows_in_a_row_the_coach_is_asked_once(db: Database) -> None:
    series_id = await a_weekly_pair(db)
    await over(db, series_id, 0, Absent.STUDENT)
    assert await asked(db, NotificationKind.SERIES_MISSED) == []

    second = await over(db, series_id, 1, Absent.STUDENT)
    await over(db, series_id, 1, Absent.STUDENT)

    assert await asked(db, NotificationKind.SERIES_MISSED) == [(COACH, second, TEN + WEEK + HOUR)]


async def test_what_was_skipped_in_between_does_not_count(db: Database) -> None:
    series_id = await a_weekly_pair(db)
    await over(db, series_id, 0, Absent.STUDENT)
    await transact(db, one_lesson.skip, series_id, 1, STU, GUILD, "", MONDAY)

    third = await over(db, series_id, 2, Absent.BOTH)

    assert [session_id for _, session_id, _ in await asked(db, NotificationKind.SERIES_MISSED)] == [third]


@pytest.mark.parametrize(
    ("first", "second"), [(Absent.STUDENT, None), (None, Absent.STUDENT), (Absent.COACH,) * 2]
)
async def test_one_no_show_or_the_coachs_own_is_no_reason_to_ask(
    db: Database, first: Absent | None, second: Absent | None
) -> None:
    series_id = await a_weekly_pair(db)

    await over(db, series_id, 0, first)
    await over(db, series_id, 1, second)

    assert await asked(db, NotificationKind.SERIES_MISSED) == []


async def test_nobody_is_asked_about_lessons_that_end_anyway(db: Database) -> None:
    series_id = await a_weekly_pair(db)
    await transact(db, ending.end, series_id, STU, GUILD, "", MONDAY + 8 * DAY)

    await over(db, series_id, 0, Absent.STUDENT)
    await over(db, series_id, 1, Absent.STUDENT)

    assert await asked(db, NotificationKind.SERIES_MISSED) == []


async def test_only_the_coach_lets_them_go_on(db: Database) -> None:
    series_id = await a_weekly_pair(db)

    await refusal(db, NotFound, lambda session: asking.go_on(session, series_id, STU, MONDAY))
    await transact(db, asking.go_on, series_id, CARA, MONDAY)

    assert [one.action for one in await fetch_all(db, select(AuditEntry))] == ["series_kept"]


async def a_pair_apart(db: Database, student_zone: str = "America/New_York") -> int:
    """Store lessons at ten in Berlin, where clocks change on 29 March; in New York they do on the 8th."""
    async with db.begin() as session:
        session.add(Member(user_id=STUDENT, time_zone=student_zone))
    return await a_weekly_pair(db, time_zone="Europe/Berlin")


async def test_a_student_is_told_a_week_before_lessons_are_at_another_time_on_their_clock(db: Database) -> None:
    series_id = await a_pair_apart(db)

    second, fifth = [(await fetch(db, Lesson, (series_id, number))).session_id for number in (1, 4)]
    a_week_before_the_fifth = TEN + 3 * WEEK - 2 * HOUR
    assert await asked(db, NotificationKind.SERIES_CLOCKS) == [
        (STUDENT, second, TEN - HOUR),
        (STUDENT, fifth, a_week_before_the_fifth),
    ]


@pytest.mark.parametrize("student_zone", ["Europe/Berlin", "Europe/London"])
async def test_nobody_is_told_whose_clocks_change_together(db: Database, student_zone: str) -> None:
    await a_pair_apart(db, student_zone)

    assert await asked(db, NotificationKind.SERIES_CLOCKS) == []


async def test_the_lesson_after_a_skipped_one_tells_of_the_clocks(db: Database) -> None:
    async with db.begin() as session:
        session.add(Member(user_id=STUDENT, time_zone="America/New_York"))
    await a_server_with_a_coach(db)
    await transact(db, a_closure, FIRST_DAY + WEEK)
    series_id = (await transact(db, a_series, time_zone="Europe/Berlin")).id

    third = (await fetch(db, Lesson, (series_id, 2))).session_id
    assert (await asked(db, NotificationKind.SERIES_CLOCKS))[0] == (STUDENT, third, TEN - HOUR + WEEK)


async def test_lessons_that_move_are_told_of_once(db: Database) -> None:
    series_id = await a_pair_apart(db)
    before = len(await asked(db, NotificationKind.SERIES_CLOCKS))

    hour = NewHour(FIRST_DAY + WEEK, 11 * 60, "Europe/Berlin", 1)
    await transact(db, following.change, series_id, 1, hour, STU, GUILD, "", MONDAY)

    assert len(await asked(db, NotificationKind.SERIES_CLOCKS)) == before


async def test_a_coach_who_moves_is_asked_whether_lessons_follow(db: Database) -> None:
    series_id = await a_weekly_pair(db)

    await transact(db, schedule.change_zone, GUILD, CARA, "Europe/Lisbon", MONDAY, same_instants=False)

    assert await asked(db, NotificationKind.SERIES_ZONE) == [(COACH, None, MONDAY)]
    (found,) = await query(db, asking.in_other_zones, COACH)
    assert (found.series.id, found.zone_name) == (series_id, "Europe/Lisbon")


async def test_nobody_is_asked_whose_lessons_are_in_the_new_zone_or_who_has_none(db: Database) -> None:
    await a_weekly_pair(db, time_zone="Europe/Lisbon")

    await transact(db, schedule.change_zone, GUILD, CARA, "Europe/Lisbon", MONDAY, same_instants=False)

    assert await asked(db, NotificationKind.SERIES_ZONE) == []
