"""What admins see of weekly lessons: statistics, a lesson's details, the audit log and files."""

from datetime import timedelta

import pytest

from models import Series, SeriesPayment
from scheduler.booking import rescheduling
from scheduler.core.actor import Actor
from scheduler.core.clock import stamp
from scheduler.credits import lessons
from tests.cogs.reports.test_export import exported
from tests.cogs.reports.test_waiting_list import admin_reads
from tests.support.builders import DAY
from tests.support.credits import a_lot
from tests.support.series import a_series
from tests.support.simulated import Academy

pytestmark = pytest.mark.usefixtures("open_world")


async def weekly(world: Academy) -> int:
    """Store weekly lessons of Cara and Stu at 14:00 in Berlin, paid with credit, and return their id."""
    async with world.db.begin() as session:
        await a_lot(session, 600, guild_id=world.guild.id, user_id=world.student.id, now=world.now)
        series = await a_series(
            session,
            code="q7kd2mq",
            first_day=(world.now + 7 * DAY).date(),
            start_minute=14 * 60,
            time_zone="Europe/Berlin",
            now=world.now,
            pays_with=SeriesPayment.CREDIT,
            guild_id=world.guild.id,
            coach_id=world.coach.id,
            student_id=world.student.id,
            notes="=1+1",
            lesson_count=10,
        )
        return series.id


async def test_statistics_count_those_that_run(world: Academy) -> None:
    assert "**Weekly lessons**" not in await admin_reads(world, "stats")
    await weekly(world)

    assert "**Weekly lessons** 1 running · 1 begun\n" in await admin_reads(world, "stats")


async def test_a_lessons_details_say_which_it_is_and_when_it_was_planned(world: Academy) -> None:
    await weekly(world)
    second = (await world.sessions())[1]
    planned = second.starts_at
    assert "**Weekly lessons** `q7kd2mq`, number 2 · payment seen to" in await admin_reads(
        world, "session", code=second.code
    )
    async with world.db.begin() as session:
        later = planned + timedelta(hours=1)
        await rescheduling.reschedule(session, second.id, Actor(world.student.id), later, "", world.now)

    said = await admin_reads(world, "session", code=second.code)

    assert f"**Weekly lessons** `q7kd2mq`, number 2, planned for {stamp(planned, 'f')}" in said


async def test_the_audit_log_says_what_the_bot_did_about_payment(world: Academy) -> None:
    series_id = await weekly(world)
    first = (await world.sessions())[0]
    async with world.db.begin() as session:
        now = first.starts_at - 6 * DAY
        await lessons.see_to(session, series_id, 0, now, has_cards=False)

    said = await admin_reads(world, "audit")

    assert "credit taken for a lesson" in said
    assert "60 minutes" in said


async def test_weekly_lessons_can_be_exported(world: Academy) -> None:
    await weekly(world)

    [readable], [complete] = await exported(world, "series")

    shown = ("Coach", "Student", "Status", "Day", "Time", "Time zone", "Every", "Price of each", "Paid", "Lessons")
    assert [readable[name] for name in shown] == [
        "Cara",
        "Stu",
        "Active",
        "Monday",
        "14:00",
        "Europe/Berlin",
        "week",
        "$60.00",
        "with credit",
        "10",
    ]
    assert readable["Notes"] == "=1+1"
    assert list(complete)[: len(Series.__table__.columns)] == list(Series.__table__.columns.keys())
    names = ("start_minute", "time_zone", "interval_weeks", "lesson_count", "pays_with")
    assert [complete[name] for name in names] == ["840", "Europe/Berlin", "1", "10", "credit"]
