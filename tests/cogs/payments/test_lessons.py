"""Paying for weekly lessons, from the message a week before to the receipt, as people see it."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from models import CoachingSession, NotificationKind, SeriesPayment, SessionStatus
from models.storage.database import Database
from scheduler.notifications import outbox
from tests.cogs.booking.people import BUTTON, Visitor, calendar_in, components
from tests.cogs.payments.test_paying import close_direct_messages, link, taking_cards, wake
from tests.support.credits import a_lot
from tests.support.series import a_series
from tests.support.simulated import Academy, words
from tests.support.transactions import fetch_all

DAY = timedelta(days=1)


@pytest.fixture
def engine_name() -> str:
    return "sqlite"


async def weekly(world: Academy, pays_with: SeriesPayment, *, days: int = 6) -> None:
    """Store weekly lessons of Cara and Stu at 18:00 UTC, the first in so many days, and tell both of them."""
    first_day = (world.now + days * DAY).date()
    people = {"guild_id": world.guild.id, "coach_id": world.coach.id, "student_id": world.student.id}
    async with world.db.begin() as session:
        series = await a_series(
            session, first_day=first_day, start_minute=18 * 60, pays_with=pays_with, now=world.now, **people
        )
        for user_id in (world.student.id, world.coach.id):
            about = {"user_id": user_id, "about_user_id": world.student.id, "coach_id": world.coach.id}
            outbox.enqueue(
                session,
                NotificationKind.SERIES_BOOKED,
                world.guild.id,
                now=world.now,
                series_id=series.id,
                **about,
            )
    await wake(world)


async def first(world: Academy) -> CoachingSession:
    """Return the first lesson."""
    return (await fetch_all(world.db, select(CoachingSession).order_by(CoachingSession.starts_at)))[0]


def newest(world: Academy, person: Any, title: str) -> Any:
    """Return the newest direct message of this title."""
    return [one for one in person.user.dm_channel.history() if title in words(one)][-1]


async def pay_pressed(world: Academy, label: str = "Pay $60.00") -> Visitor:
    """Press Pay in the student's message about the first lesson."""
    stu = Visitor(world, world.student.user)
    stu.panel = newest(world, world.student, "Pay for your lesson")
    return await stu.press(label)


async def test_both_get_one_calendar_file_with_all_lessons(db: Database) -> None:
    async with taking_cards(db) as (world, _):
        await weekly(world, SeriesPayment.OTHERWISE)

        for person, summary in ((world.student, "Coaching with Cara"), (world.coach, "Coaching Stu")):
            message = newest(world, person, "weekly lessons")
            event: Any = (await calendar_in(message)).events[0]
            assert (event["summary"], event.start) == (summary, (await first(world)).starts_at)
            assert event["rrule"]["freq"] == ["WEEKLY"]


async def test_from_the_message_to_the_receipt(db: Database) -> None:
    async with taking_cards(db) as (world, server):
        await weekly(world, SeriesPayment.CARD)
        asked = newest(world, world.student, "Pay for your lesson")
        assert "**Price** $60.00" in words(asked)
        assert "Otherwise it's cancelled." in words(asked)
        stu = await pay_pressed(world)
        assert "It's yours as soon as you've paid." in stu.said
        assert link(stu.panel) == "https://checkout.example/1"
        server.pay("cs_1")
        await stu.press("I've paid")

        assert "paid by card (TEST)" in stu.said
        assert "Your lesson is paid for" in words(newest(world, world.student, "Your lesson is paid for"))
        row = await first(world)
        await world.leap_to(row.starts_at - timedelta(hours=23))
        assert (await first(world)).status is SessionStatus.SCHEDULED


async def test_what_is_not_paid_a_day_before_is_cancelled_and_both_know(db: Database) -> None:
    async with taking_cards(db) as (world, _):
        await weekly(world, SeriesPayment.CARD)
        row = await first(world)

        await world.leap_to(row.starts_at - timedelta(hours=24))

        for person in (world.student, world.coach):
            assert "It wasn't paid for in time." in words(newest(world, person, "cancelled"))
        [pay] = [one for one in world.student.user.dm_channel.history() if "A lesson to pay for" in words(one)]
        assert "A lesson to pay for · cancelled" in words(pay)
        assert components(pay, BUTTON) == []


async def test_who_did_not_pay_can_try_again_until_then(db: Database) -> None:
    async with taking_cards(db) as (world, _):
        await weekly(world, SeriesPayment.CARD)
        stu = await pay_pressed(world)
        await stu.press("Don't pay")
        assert "This lesson isn't paid for." in stu.said

        again = await pay_pressed(world)

        assert link(again.panel) == "https://checkout.example/2"


async def test_too_little_credit_is_said_with_a_way_to_get_more(db: Database) -> None:
    async with taking_cards(db) as (world, _):
        async with world.db.begin() as session:
            await a_lot(session, 30, guild_id=world.guild.id, user_id=world.student.id, now=world.now)
        await weekly(world, SeriesPayment.CREDIT, days=13)
        short = newest(world, world.student, "Your credit won't be enough for this lesson")
        assert "It takes 60 minutes of credit, and you have 30 for it." in words(short)

        await world.leap_to((await first(world)).starts_at - 7 * DAY)

        asked = newest(world, world.student, "Your credit isn't enough for this lesson")
        assert [one["label"] for one in components(asked, BUTTON)] == ["Pay $60.00", "Your credit"]


async def test_whoever_no_message_reaches_pays_in_sessions(db: Database) -> None:
    async with taking_cards(db) as (world, server):
        close_direct_messages(world, world.student)
        await weekly(world, SeriesPayment.CARD)
        stu = await Visitor(world, world.student).slash("sessions")
        assert stu.buttons.count("Pay $60.00") == 1  # the others aren't to be paid yet

        await stu.press("Pay $60.00")
        assert link(stu.panel) == "https://checkout.example/1"
        server.pay("cs_1")
        await stu.press("I've paid")

        assert "Your lesson is booked ✅ · paid by card (TEST)" in stu.said
        assert "Pay $60.00" not in (await stu.slash("sessions")).buttons
