"""Another hour for a lesson and all after it: what moves, what stays, what can't be."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models import AuditEntry, FreedTime, Lesson, NotificationKind, Series, SkipReason
from models.storage.database import Database
from scheduler.availability.slots import SlotRefusal
from scheduler.booking import rescheduling
from scheduler.core.actor import Actor
from scheduler.core.errors import NotBookable, NotFound, SlotTaken, TooLate, Unreadable
from scheduler.series.changes import following, one_lesson
from scheduler.series.changes.following import Change
from scheduler.series.changes.new_hour import NewHour
from tests.support.bookings import CARA, SAM, STU, TEN, also_booked, enqueued
from tests.support.builders import (
    ADMIN,
    COACH,
    DAY,
    GUILD,
    HOUR,
    MINUTE,
    MONDAY,
    STUDENT,
    a_server_with_a_coach,
    a_session,
    refusal,
)
from tests.support.series import FIRST_DAY, ALesson, a_series, a_weekly_pair, lessons_of, make_more
from tests.support.stored import reservations
from tests.support.transactions import fetch, fetch_all, query, transact
from tests.support.waiting_list import a_wish

WEEK = timedelta(weeks=1)
TUESDAYS_AT_ONE = NewHour(FIRST_DAY + WEEK + DAY, 13 * 60, "UTC", 1)
"""From the second lesson on."""
SECOND_TUESDAY = TEN + WEEK + DAY + 3 * HOUR
NOW = MONDAY + HOUR


def changing(
    series_id: int, hour: NewHour, actor: Actor = STU, occurrence: int = 1, **named: Any
) -> Callable[[AsyncSession], Awaitable[Change]]:
    """Return the use case."""
    values = {"guild_id": GUILD, "reason": "A new job.", "now": NOW} | named
    return lambda session: following.change(session, series_id, occurrence, hour, actor, **values)


async def change(
    db: Database, series_id: int, hour: NewHour = TUESDAYS_AT_ONE, actor: Actor = STU, **named: Any
) -> Change:
    return await transact(db, changing(series_id, hour, actor, **named))


@pytest.mark.parametrize("actor", [STU, CARA, ADMIN])
async def test_a_lesson_and_all_after_it_get_another_hour(db: Database, actor: Actor) -> None:
    series_id = await a_weekly_pair(db)

    await change(db, series_id, actor=actor)

    after = await lessons_of(db, series_id)
    assert after == [ALesson(0, TEN), *(ALesson(n, SECOND_TUESDAY + (n - 1) * WEEK) for n in range(1, 5))]
    assert [start for user_id, start, _ in await reservations(db) if user_id == COACH] == [
        one.starts_at for one in after
    ]
    series = await fetch(db, Series, series_id)
    assert [one.first_occurrence for one in series.rules] == [0, 1]


async def test_each_person_gets_one_message(db: Database) -> None:
    series_id = await a_weekly_pair(db)

    await change(db, series_id)

    assert await enqueued(db) == [(NotificationKind.SERIES_MOVED, one, NOW) for one in (STUDENT, COACH)]


async def test_later_lessons_are_made_at_the_new_hour(db: Database) -> None:
    series_id = await a_weekly_pair(db)
    await change(db, series_id)

    await transact(db, make_more, series_id, MONDAY + WEEK)

    assert (await lessons_of(db, series_id))[-1] == ALesson(5, SECOND_TUESDAY + 4 * WEEK)


async def test_what_was_rescheduled_by_hand_stays(db: Database) -> None:
    series_id = await a_weekly_pair(db)
    lesson = await fetch(db, Lesson, (series_id, 2))
    by_hand = TEN + 2 * WEEK + 2 * DAY
    await transact(db, rescheduling.reschedule, lesson.session_id or 0, STU, by_hand, "", MONDAY)

    await change(db, series_id)

    after = await lessons_of(db, series_id)
    assert (after[1].starts_at, after[2].starts_at) == (SECOND_TUESDAY, by_hand)
    assert (await fetch(db, Lesson, (series_id, 2))).starts_at == SECOND_TUESDAY + WEEK


async def test_the_first_one_moves_even_if_it_was_rescheduled_by_hand(db: Database) -> None:
    series_id = await a_weekly_pair(db)
    lesson = await fetch(db, Lesson, (series_id, 1))
    await transact(db, rescheduling.reschedule, lesson.session_id or 0, STU, TEN + WEEK + HOUR, "", MONDAY)

    await change(db, series_id)

    assert (await lessons_of(db, series_id))[1].starts_at == SECOND_TUESDAY


async def test_what_was_skipped_by_hand_stays_skipped_and_comes_back_at_the_new_hour(db: Database) -> None:
    series_id = await a_weekly_pair(db)
    await transact(db, one_lesson.skip, series_id, 2, STU, GUILD, "", MONDAY)

    await change(db, series_id)

    assert (await fetch(db, Lesson, (series_id, 2))).skipped is SkipReason.BY_HAND
    await transact(db, one_lesson.bring_back, series_id, 2, STU, GUILD, NOW)
    assert (await lessons_of(db, series_id))[2] == ALesson(2, SECOND_TUESDAY + WEEK)


async def test_lessons_that_cannot_be_at_the_new_hour_are_skipped(db: Database) -> None:
    series_id = await a_weekly_pair(db)
    await also_booked(db, SECOND_TUESDAY + WEEK, SAM)

    changed = await change(db, series_id)

    assert [one.lesson.occurrence for one in changed.skipped] == [2]
    after = await lessons_of(db, series_id)
    assert [one.skipped for one in after] == [None, None, SkipReason.TAKEN, None, None]
    assert await enqueued(db) == [(NotificationKind.SERIES_MOVED, one, NOW) for one in (STUDENT, COACH)]


async def test_lessons_that_could_not_be_get_another_chance(db: Database) -> None:
    await a_server_with_a_coach(db)
    await also_booked(db, TEN + 2 * WEEK, SAM)
    series_id = (await transact(db, a_series)).id
    assert (await fetch(db, Lesson, (series_id, 2))).skipped is SkipReason.TAKEN

    await change(db, series_id)

    assert (await lessons_of(db, series_id))[2] == ALesson(2, SECOND_TUESDAY + WEEK)


async def test_lessons_can_take_the_time_of_the_ones_after_them(db: Database) -> None:
    series_id = await a_weekly_pair(db)
    half_past = NewHour(FIRST_DAY + WEEK, 10 * 60 + 30, "UTC", 1)

    await change(db, series_id, half_past)

    moved = [one.starts_at for one in await lessons_of(db, series_id)]
    assert moved == [TEN, *(TEN + n * WEEK + 30 * MINUTE for n in range(1, 5))]


async def test_the_rhythm_can_change(db: Database) -> None:
    series_id = await a_weekly_pair(db)

    await change(db, series_id, NewHour(FIRST_DAY + WEEK, 10 * 60, "UTC", 2))

    starts = [one.starts_at for one in await lessons_of(db, series_id)]
    assert starts == [TEN, *(TEN + WEEK + 2 * n * WEEK for n in range(4))]


async def test_changing_the_first_lesson_leaves_one_rule(db: Database) -> None:
    series_id = await a_weekly_pair(db)
    await change(db, series_id)

    await change(db, series_id, NewHour(FIRST_DAY + DAY, 11 * 60, "UTC", 1), occurrence=0)

    series = await fetch(db, Series, series_id)
    assert [(one.first_occurrence, one.start_minute) for one in series.rules] == [(0, 660)]
    assert [one.starts_at for one in await lessons_of(db, series_id)] == [
        TEN + DAY + HOUR + n * WEEK for n in range(5)
    ]


async def test_a_series_keeps_its_number_of_lessons(db: Database) -> None:
    last_day = FIRST_DAY + 3 * WEEK
    series_id = await a_weekly_pair(db, until=last_day)

    await change(db, series_id)

    assert len(await lessons_of(db, series_id)) == 4
    assert (await fetch(db, Series, series_id)).until == last_day + DAY


async def test_what_became_free_goes_to_the_waiting_list(db: Database) -> None:
    series_id = await a_weekly_pair(db)
    await transact(db, a_wish, SAM, minutes=30)

    await change(db, series_id, NewHour(FIRST_DAY + WEEK, 10 * 60 + 30, "UTC", 1))

    freed = [(one.starts_at, one.ends_at) for one in await fetch_all(db, select(FreedTime))]
    assert freed == [(TEN + n * WEEK, TEN + n * WEEK + 30 * MINUTE) for n in range(1, 5)]


async def test_the_first_lesson_has_to_be_free(db: Database) -> None:
    series_id = await a_weekly_pair(db)
    await also_booked(db, SECOND_TUESDAY, SAM)

    refused = await refusal(db, SlotTaken, changing(series_id, TUESDAYS_AT_ONE))

    assert refused.nearest


async def test_more_than_half_have_to_be_free(db: Database) -> None:
    series_id = await a_weekly_pair(db)
    for week in (1, 2, 3):
        await transact(db, a_session, starts_at=SECOND_TUESDAY + week * WEEK, student_id=SAM.user_id)

    refused = await refusal(db, NotBookable, changing(series_id, TUESDAYS_AT_ONE))

    assert "More than half" in str(refused)


async def test_students_stay_within_the_coachs_hours(db: Database) -> None:
    series_id = await a_weekly_pair(db)
    at_night = NewHour(FIRST_DAY + WEEK, 22 * 60, "UTC", 1)

    await refusal(db, SlotTaken, changing(series_id, at_night))


async def test_coaches_break_only_the_rules_that_they_were_shown(db: Database) -> None:
    series_id = await a_weekly_pair(db)
    at_night = NewHour(FIRST_DAY + WEEK, 22 * 60, "UTC", 1)
    seen = await query(db, following.preview, series_id, 1, at_night, CARA, GUILD, NOW)

    await refusal(db, NotBookable, changing(series_id, at_night, CARA))
    await change(db, series_id, at_night, CARA, breaking=seen.broken)

    assert seen.broken == [SlotRefusal.OUTSIDE_HOURS]
    assert (await lessons_of(db, series_id))[1].starts_at == TEN + WEEK + 12 * HOUR


async def test_a_preview_changes_nothing_and_says_what_would_be(db: Database) -> None:
    series_id = await a_weekly_pair(db)
    await also_booked(db, SECOND_TUESDAY + WEEK, SAM)
    before = await lessons_of(db, series_id)

    seen = await query(db, following.preview, series_id, 1, TUESDAYS_AT_ONE, STU, GUILD, NOW)

    assert [one.starts_at for one in seen.moved] == [SECOND_TUESDAY + n * WEEK for n in (0, 2, 3)]
    assert [one.skipped for one in seen.skipped] == [SkipReason.TAKEN]
    assert await lessons_of(db, series_id) == before


async def test_coaches_say_why(db: Database) -> None:
    series_id = await a_weekly_pair(db)

    await refusal(db, Unreadable, changing(series_id, TUESDAYS_AT_ONE, CARA, reason=" "))


@pytest.mark.parametrize(
    ("hour", "kind"),
    [
        (NewHour(FIRST_DAY + WEEK, 10 * 60, "UTC", 1), NotBookable),  # the same
        (NewHour(FIRST_DAY, 9 * 60, "UTC", 1), Unreadable),  # before the one before
        (NewHour(FIRST_DAY + 7 * WEEK, 10 * 60, "UTC", 1), Unreadable),
    ],
)
async def test_an_hour_that_makes_no_sense_is_refused(db: Database, hour: NewHour, kind: type[Any]) -> None:
    series_id = await a_weekly_pair(db)

    await refusal(db, kind, changing(series_id, hour))


async def test_only_upcoming_lessons_of_ones_own_can_change(db: Database) -> None:
    series_id = await a_weekly_pair(db)
    await transact(db, one_lesson.skip, series_id, 2, STU, GUILD, "", MONDAY)

    await refusal(db, NotFound, changing(series_id, TUESDAYS_AT_ONE, SAM))
    await refusal(db, TooLate, changing(series_id, TUESDAYS_AT_ONE, occurrence=2))
    await refusal(db, TooLate, changing(series_id, TUESDAYS_AT_ONE, now=TEN + WEEK))


async def test_the_lessons_can_follow_into_another_zone(db: Database) -> None:
    series_id = await a_weekly_pair(db)

    await change(db, series_id, NewHour(FIRST_DAY + WEEK, 14 * 60, "Europe/Berlin", 1))

    starts = [one.starts_at for one in await lessons_of(db, series_id)]
    assert starts[1:] == [TEN + n * WEEK + 3 * HOUR for n in (1, 2, 3)] + [TEN + 4 * WEEK + 2 * HOUR]


async def test_changing_the_hour_is_in_the_audit_log(db: Database) -> None:
    series_id = await a_weekly_pair(db)

    await change(db, series_id)

    (entry,) = await fetch_all(db, select(AuditEntry))
    assert (entry.action, entry.member_id, entry.details["lessons"]) == ("series_moved", STUDENT, 4)


async def test_payment_is_seen_to_as_much_later_as_the_lesson_is(db: Database) -> None:
    series_id = await a_weekly_pair(db, pays_with="card")
    before = (await fetch(db, Lesson, (series_id, 2))).pay_step_at

    await change(db, series_id)

    after = (await fetch(db, Lesson, (series_id, 2))).pay_step_at
    assert before is not None
    assert after == before + DAY + 3 * HOUR
