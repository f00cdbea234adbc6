"""Date overrides: days off, other hours and extra hours, on the coach's own calendar."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from models.storage.database import Database
from scheduler.availability import schedule
from scheduler.availability.schedule import Dates
from scheduler.time.intervals import Interval
from tests.support.builders import DAY, HOUR, MINUTE, MONDAY, a_date, a_server_with_a_coach
from tests.support.schedule_changes import (
    EVENING,
    MON,
    MORNING,
    NOON,
    TODAY,
    UseCase,
    dates,
    free,
    off,
    press,
    refused,
)


async def test_consecutive_equal_overrides_are_listed_together(db: Database) -> None:
    await a_server_with_a_coach(db)
    async with db.begin() as session:
        for step in range(3):
            await a_date(session, TODAY + step * DAY, reason="Holiday")
        await a_date(session, TODAY + 3 * DAY, reason="Wedding")
        await a_date(session, TODAY + 5 * DAY, reason="Wedding")
        await a_date(session, TODAY + 6 * DAY, NOON, reason="Wedding")
        await a_date(session, TODAY + 7 * DAY, NOON, adds=True, reason="Wedding")
        await a_date(session, TODAY - DAY, reason="Holiday")

    assert await dates(db) == [
        off(TODAY, TODAY + 2 * DAY, "Holiday"),
        off(TODAY + 3 * DAY, TODAY + 3 * DAY, "Wedding"),
        off(TODAY + 5 * DAY, TODAY + 5 * DAY, "Wedding"),
        Dates(TODAY + 6 * DAY, TODAY + 6 * DAY, False, (Interval(*NOON),), "Wedding"),
        Dates(TODAY + 7 * DAY, TODAY + 7 * DAY, True, (Interval(*NOON),), "Wedding"),
    ]


async def test_days_off_replace_earlier_overrides_on_those_dates_only(db: Database) -> None:
    await a_server_with_a_coach(db)
    async with db.begin() as session:
        for step in range(4):
            await a_date(session, TODAY + step * DAY, NOON, adds=True)

    await press(db, schedule.set_dates, TODAY + DAY, TODAY + 2 * DAY, [], "  At the sea ")

    found = await dates(db)
    assert [(one.first, one.last, one.adds) for one in found] == [
        (TODAY, TODAY, True),
        (TODAY + DAY, TODAY + 2 * DAY, False),
        (TODAY + 3 * DAY, TODAY + 3 * DAY, True),
    ]
    assert (found[1].windows, found[1].reason) == ((), "At the sea")


async def test_other_hours_replace_the_weekly_ones(db: Database) -> None:
    await a_server_with_a_coach(db, horizon_days=2, slot_step_minutes=60)

    await press(db, schedule.set_dates, TODAY, TODAY, [(18 * 60, 20 * 60)], "")

    assert [at for at in await free(db) if at < MONDAY + DAY] == [MONDAY + 10 * HOUR, MONDAY + 11 * HOUR]
    assert [one.reason for one in await dates(db)] == [None]


async def test_extra_hours_extend_the_weekly_ones(db: Database) -> None:
    await a_server_with_a_coach(db, hours=[(MON, *MORNING)], horizon_days=1, slot_step_minutes=120)

    await press(db, schedule.add_extra_hours, TODAY, [NOON])
    await press(db, schedule.add_extra_hours, TODAY, [EVENING])

    assert [one.windows for one in await dates(db)] == [(NOON, EVENING)]
    assert await free(db) == [MONDAY + hours * HOUR for hours in (2, 4, 10, 12)]


async def test_extra_hours_on_a_day_off_are_its_only_hours(db: Database) -> None:
    await a_server_with_a_coach(db, hours=[(MON, *MORNING)], horizon_days=1, slot_step_minutes=120)
    await press(db, schedule.set_dates, TODAY, TODAY, [], "Ill")

    await press(db, schedule.add_extra_hours, TODAY, [NOON])

    assert await free(db) == [MONDAY + 4 * HOUR]
    assert [(one.adds, one.windows, one.reason) for one in await dates(db)] == [(False, (NOON,), "Ill")]


async def test_cleared_dates_return_to_the_weekly_hours(db: Database) -> None:
    await a_server_with_a_coach(db)
    await press(db, schedule.set_dates, TODAY, TODAY + 4 * DAY, [], "Holiday")

    await press(db, schedule.clear_dates, TODAY + DAY, TODAY + 3 * DAY)

    assert await dates(db) == [
        off(TODAY, TODAY, "Holiday"),
        off(TODAY + 4 * DAY, TODAY + 4 * DAY, "Holiday"),
    ]


@pytest.mark.parametrize(
    ("use_case", "args", "sentence"),
    [
        pytest.param(
            *(schedule.set_dates, (TODAY + DAY, TODAY, [], "")),
            "Monday, 2 March 2026 is before Tuesday, 3 March 2026. Swap the two dates.",
            id="wrong order",
        ),
        pytest.param(
            *(schedule.set_dates, (TODAY, TODAY + 366 * DAY, [], "")),
            "That's 367 days. You can change up to 366 at once; for longer, pause bookings.",
            id="more than a year",
        ),
        pytest.param(
            *(schedule.set_dates, (TODAY, TODAY, [], "x" * 101)),
            "The reason has 101 characters; at most 100 fit.",
            id="long reason",
        ),
        pytest.param(
            *(schedule.add_extra_hours, (TODAY, [])),
            'Type the extra hours, like "9-12". To take the day off, use days off instead.',
            id="no extra hours",
        ),
    ],
)
async def test_impossible_overrides_are_refused(
    db: Database, use_case: UseCase, args: tuple[Any, ...], sentence: str
) -> None:
    await a_server_with_a_coach(db)

    assert await refused(db, use_case, *args) == sentence


async def test_a_year_with_a_reason_of_100_characters_is_accepted(db: Database) -> None:
    await a_server_with_a_coach(db)

    await press(db, schedule.set_dates, TODAY, TODAY + 365 * DAY, [], "x" * 100 + " ")

    assert await dates(db) == [off(TODAY, TODAY + 365 * DAY, "x" * 100)]


@pytest.mark.parametrize(
    ("zone", "midnight"),
    [
        ("UTC", MONDAY + 16 * HOUR),
        ("Pacific/Kiritimati", MONDAY + 2 * HOUR),
        ("Pacific/Pago_Pago", MONDAY + DAY + 3 * HOUR),
        ("Asia/Kathmandu", MONDAY + 10 * HOUR + 15 * MINUTE),
    ],
)
async def test_a_date_is_past_at_midnight_on_the_coachs_clock(db: Database, zone: str, midnight: datetime) -> None:
    await a_server_with_a_coach(db, time_zone=zone)
    before = midnight - timedelta(microseconds=1)

    await press(db, schedule.set_dates, TODAY - DAY, TODAY, [], "", now=before)
    await press(db, schedule.add_extra_hours, TODAY, [NOON], now=before)
    for_dates = await refused(db, schedule.set_dates, TODAY - DAY, TODAY, [], "", now=midnight)
    for_extra = await refused(db, schedule.add_extra_hours, TODAY, [NOON], now=midnight)

    assert for_dates == for_extra
    assert for_dates == ("Monday, 2 March 2026 is in the past. Type an upcoming date, with the year if needed.")
