"""What a student sees before they ask for weekly lessons."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from models import Absence, Coach, Guild
from models.storage.database import Database
from scheduler.availability.slots import SlotRefusal
from scheduler.core.errors import CoachingError, NotBookable, Unreadable
from scheduler.series import preview as previews
from scheduler.series.preview import Preview, Wanted
from tests.support.builders import (
    COACH,
    DAY,
    GUILD,
    HOUR,
    MONDAY,
    STUDENT,
    a_booked_coach,
    a_date,
    a_server_with_a_coach,
    a_session,
)
from tests.support.time_off import a_closure

TEN = MONDAY + 2 * HOUR
WEEK = timedelta(weeks=1)
OTHER = STUDENT + 50


async def look(db: Database, now: datetime = MONDAY, **changed: Any) -> Preview:
    """Preview lessons on Mondays at ten, unless something is changed."""
    async with db.read() as session:
        guild, coach = await session.get_one(Guild, GUILD), await session.get_one(Coach, (GUILD, COACH))
        wanted = Wanted(TEN, 60)._replace(**changed)
        return await previews.preview(session, guild, coach, STUDENT, wanted, now)


def crossed_out(found: Preview) -> dict[date, SlotRefusal | None]:
    """Return the shown dates on which there's no lesson, and why."""
    return {one.planned.day: one.why_not for one in found.shown if not one.is_free}


async def test_eight_dates_are_shown_each_with_what_is_in_its_way(db: Database) -> None:
    await a_server_with_a_coach(db)
    async with db.begin() as session:
        await a_session(session, starts_at=TEN + WEEK, student_id=OTHER)
        await a_closure(session, (TEN + 2 * WEEK).date())
        await a_date(session, (TEN + 3 * WEEK).date())
        day = (TEN + 4 * WEEK).date()
        session.add(Absence(guild_id=GUILD, coach_id=COACH, first=day, last=day, created_at=MONDAY))

    found = await look(db)

    assert [one.planned.starts_at for one in found.shown] == [TEN + number * WEEK for number in range(8)]
    assert crossed_out(found) == {
        date(2026, 3, 9): SlotRefusal.TAKEN,
        date(2026, 3, 16): SlotRefusal.CLOSED,
        date(2026, 3, 23): SlotRefusal.DAY_OFF,
        date(2026, 3, 30): SlotRefusal.AWAY,
    }
    assert not found.is_mostly_taken


async def test_a_date_that_the_clocks_skip_has_no_lesson(db: Database) -> None:
    await a_server_with_a_coach(db, hours=[(6, 0, 600)], time_zone="Europe/Berlin")
    sunday = datetime(2026, 3, 8, 1, 30, tzinfo=UTC)  # 02:30 in Berlin

    found = await look(db, starts_at=sunday)

    assert crossed_out(found) == {date(2026, 3, 29): None}
    assert found.shown[4].planned.starts_at == datetime(2026, 4, 5, 0, 30, tzinfo=UTC)


async def test_only_the_dates_until_the_end_are_shown(db: Database) -> None:
    await a_server_with_a_coach(db)

    assert len((await look(db, lesson_count=3)).dates) == 3
    assert len((await look(db, until=(TEN + 2 * WEEK).date())).dates) == 3
    assert (await look(db, interval_weeks=2)).shown[7].planned.starts_at == TEN + 14 * WEEK


async def test_if_most_dates_are_taken_the_nearest_better_hour_is_found(db: Database) -> None:
    await a_booked_coach(db, *(TEN + number * WEEK for number in range(1, 6)))

    found = await look(db)

    assert found.is_mostly_taken
    assert found.better == TEN - HOUR
    assert (await look(db, starts_at=TEN - HOUR)).better is None


async def test_half_of_the_dates_may_be_taken(db: Database) -> None:
    await a_booked_coach(db, *(TEN + number * WEEK for number in range(1, 5)))

    assert not (await look(db)).is_mostly_taken


@pytest.mark.parametrize(("limit", "booked"), [("daily_limit", HOUR), ("weekly_limit", DAY)])
async def test_a_date_beyond_a_limit_of_the_coach_forbids_all(db: Database, limit: str, booked: timedelta) -> None:
    await a_booked_coach(db, TEN + 2 * WEEK + booked, **{limit: 1})

    found = await look(db)

    assert "limit is 1" in str(found.over_limit)
    assert (await look(db, starts_at=TEN + 3 * WEEK)).over_limit is None


@pytest.mark.parametrize(
    ("changed", "kind"),
    [
        ({"lesson_count": 1}, Unreadable),
        ({"lesson_count": 53}, Unreadable),
        ({"until": (TEN + 6 * DAY).date()}, Unreadable),
        ({"until": (TEN + WEEK).date(), "interval_weeks": 2}, Unreadable),
    ],
)
async def test_an_end_is_after_the_second_lesson_and_within_reach(
    db: Database, changed: dict[str, Any], kind: type[CoachingError]
) -> None:
    await a_server_with_a_coach(db)

    with pytest.raises(kind):
        await look(db, **changed)


async def test_the_second_of_two_equal_times_on_the_clock_cannot_begin_lessons(db: Database) -> None:
    await a_server_with_a_coach(db, hours=[(6, 0, 600)], time_zone="Europe/Berlin")
    first = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)  # 02:30, and again an hour later

    assert (await look(db, first - WEEK, starts_at=first)).shown[0].is_free
    with pytest.raises(NotBookable):
        await look(db, first - WEEK, starts_at=first + HOUR)
