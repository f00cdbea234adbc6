"""How weekly lessons meet other features: money, credit and time of each lesson end up where they belong.

Each story happens to three students at once, who pay with credit, by card and otherwise (see
`tests.support.together_series`). Whatever it is, it leaves the lessons alone that it isn't about.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial

import pytest
from sqlalchemy import update

from models import Guild, PaymentMode
from models.storage.database import Database
from scheduler.booking import cancellation, rescheduling
from scheduler.core.actor import Actor
from scheduler.credits import charges
from scheduler.payments import refunds
from scheduler.series.changes import ending, following, one_lesson, pausing
from tests.scheduler.test_together import (
    block,
    change_hours,
    change_price,
    close_the_server,
    coach_leaves,
    lower_the_limits,
    pause,
    remove_bot,
    remove_bot_for_a_minute,
    students_leave,
    suspend,
    take_no_cards,
)
from tests.support.bookings import CARA
from tests.support.builders import ADMIN, DAY, GUILD, HOUR
from tests.support.parameters import first_plain
from tests.support.payments import till
from tests.support.together import CREDIT, OUTSIDE, PAID, STUDENTS, WEDNESDAY
from tests.support.together_series import COACH_ONLY, PAY, InSeries
from tests.support.transactions import transact

LATE = WEDNESDAY - HOUR


async def cancel(here: InSeries, by: Actor | None = None, *, late: bool = False) -> None:
    """Cancel each first lesson by itself."""
    here.now = LATE if late else here.now
    for way, one in await here.upcoming():
        await transact(here.db, cancellation.cancel, one.id, by or STUDENTS[way], GUILD, "", here.now)


async def waive(here: InSeries) -> None:
    await cancel(here, late=True)
    for way in (CREDIT, PAID):
        await transact(here.db, charges.waive, (await here.lessons_of(way))[0].id, CARA, here.now)


async def skip(here: InSeries) -> None:
    for way in PAY:
        series = await here.series_of(way)
        await transact(here.db, one_lesson.skip, series.id, 0, STUDENTS[way], GUILD, "", here.now)


async def skip_and_bring_back(here: InSeries) -> None:
    await skip(here)
    for way in PAY:
        series = await here.series_of(way)
        await transact(here.db, one_lesson.bring_back, series.id, 0, STUDENTS[way], GUILD, here.now)


async def pause_two_weeks(here: InSeries) -> None:
    for way in PAY:
        series = await here.series_of(way)
        await transact(here.db, pausing.pause, series.id, 0, 2, STUDENTS[way], GUILD, "", here.now)


async def end(here: InSeries) -> None:
    for way in PAY:
        series = await here.series_of(way)
        await transact(here.db, ending.end, series.id, CARA, GUILD, "", here.now)


async def move_all(here: InSeries) -> None:
    """Move all lessons by three hours, the paid ones too."""
    for way in PAY:
        series = await here.series_of(way)
        [rule] = series.rules
        hour = following.NewHour(rule.first_day, rule.start_minute + 180, rule.time_zone, rule.interval_weeks)
        await transact(here.db, following.change, series.id, 0, hour, STUDENTS[way], GUILD, "", here.now)


async def reschedule_one(here: InSeries) -> None:
    """Move each first lesson past the end of the credit."""
    for way, one in await here.upcoming():
        later = one.starts_at + 8 * DAY + 4 * HOUR
        await transact(here.db, rescheduling.reschedule, one.id, STUDENTS[way], later, "", here.now)


async def refund(here: InSeries) -> None:
    [payment] = await here.payments()
    await transact(here.db, refunds.pay_back, GUILD, payment.id, ADMIN, here.now)


async def a_week_passes(here: InSeries, *, cancels: bool = True) -> None:
    """Let the first lessons take place, and nobody pay for the second ones by card up to a day before them."""
    async with here.db.begin() as session:
        await session.execute(update(Guild).values(cancels_unpaid_lessons=cancels))
    await here.end("coach", "student")
    await here.tick()
    here.now = WEDNESDAY + 6 * DAY + 4 * HOUR
    await here.tick()


async def a_week_passes_and_cards_are_off(here: InSeries) -> None:
    async with here.db.begin() as session:
        await session.execute(update(Guild).values(payment_mode=PaymentMode.OFF))
    await a_week_passes(here)


def lessons(
    what: str, *told: str, coach: str = "", status: str = "active", charged: bool = True, make_up: bool = False
) -> dict[str, str]:
    """Say what becomes of each student's lessons, and what they're told. What isn't `charged` goes back."""
    said = " ".join(told)
    money = "6000 charged" if charged else "6000 charged, 6000 back"
    refunded = "" if charged else " refunded"
    return {
        CREDIT: f"{status}, {what}, {120 if charged else 180} min | {said or '-'}",
        PAID: f"{status}, {what}, {money} | {f'lesson_to_pay {said}'.strip()}{refunded}",
        OUTSIDE: f"{status}, {what}{', 60 min' if make_up else ''} | "
        f"{f'{said} credits_granted'.strip() if make_up else said or '-'}",
        COACH_ONLY: coach or "-",
    }


USUAL = lessons("5 SCHEDULED")


@dataclass(frozen=True)
class Story:
    """What happens to three students' weekly lessons, and what comes of it."""

    happens: Callable[[InSeries], Awaitable[object]]
    ends: dict[str, str] = field(default_factory=dict)


ONE_OFF = "1 CANCELLED, 4 SCHEDULED"
CANCELLED_IN_TIME = lessons(ONE_OFF, "cancelled", coach="cancelled×3", charged=False, make_up=True)
OVER = partial(lessons, status="ended")
NEXT = "review_request credits_low lesson_credit_short"
PASSED = lessons("1 COMPLETED, 4 SCHEDULED") | {
    CREDIT: f"active, 1 COMPLETED, 4 SCHEDULED, 60 min | {NEXT}",
    PAID: "active, 1 COMPLETED, 4 SCHEDULED, 6000 charged | lesson_to_pay×2 review_request",
    OUTSIDE: "active, 1 COMPLETED, 4 SCHEDULED | review_request",
}
A_WEEK_LATER = {way: said.replace("4 SCHEDULED", "5 SCHEDULED") for way, said in PASSED.items()}

STORIES: dict[str, Story] = {
    "a suspended coach": Story(
        partial(suspend, keep=False),
        OVER("5 CANCELLED", "series_ended", coach="coach_suspended", charged=False),
    ),
    "a block": Story(block, OVER("5 SCHEDULED", coach="series_ended×3")),
    "a suspended coach whose sessions stay": Story(
        partial(suspend, keep=True), OVER("5 SCHEDULED", "series_ended", coach="coach_suspended")
    ),
    "a coach who leaves": Story(coach_leaves, OVER("5 CANCELLED", "series_ended", charged=False)),
    "students who leave": Story(students_leave, OVER("5 CANCELLED", coach="series_ended×3", charged=False)),
    "one cancelled": Story(cancel, CANCELLED_IN_TIME),
    "a pause": Story(
        pause_two_weeks,
        lessons("2 CANCELLED, 3 SCHEDULED", "series_paused", coach="series_paused×3", charged=False),
    ),
    "a week in which nobody pays": Story(
        a_week_passes,
        A_WEEK_LATER
        | {
            PAID: "active, 1 CANCELLED, 1 COMPLETED, 4 SCHEDULED, 6000 charged "
            "| lesson_to_pay×2 review_request cancelled",
            COACH_ONLY: "cancelled",
        },
    ),
    "one cancelled late": Story(partial(cancel, late=True), lessons(ONE_OFF, "cancelled", coach="cancelled×3")),
    "an end": Story(end, lessons("4 CANCELLED, 1 SCHEDULED", "series_ended", coach="series_ended×3")),
    "another hour for all": Story(move_all, lessons("5 SCHEDULED", "series_moved", coach="series_moved×3")),
    "a closed day": Story(close_the_server),
    "a removed bot": Story(remove_bot),
    "a bot removed for a minute": Story(remove_bot_for_a_minute),
    "another price and currency": Story(change_price),
    "other hours": Story(change_hours),
    "a coach who pauses bookings": Story(pause),
    "lower limits": Story(lower_the_limits),
    "no more cards": Story(take_no_cards),
    "one cancelled by the coach": Story(partial(cancel, by=CARA), CANCELLED_IN_TIME),
    "one cancelled by an admin": Story(partial(cancel, by=ADMIN), CANCELLED_IN_TIME),
    "one cancelled late, waived": Story(
        waive,
        lessons(ONE_OFF, "cancelled charge_waived", coach="cancelled×3", charged=False)
        | {OUTSIDE: f"active, {ONE_OFF} | cancelled"},
    ),
    "one skipped": Story(skip, CANCELLED_IN_TIME),
    "one skipped and brought back": Story(
        skip_and_bring_back,
        {
            CREDIT: "active, 5 SCHEDULED, 120 min | cancelled lesson_back",
            PAID: "active, 5 SCHEDULED, 6000 charged, 6000 back | lesson_to_pay×2 cancelled lesson_back refunded",
            OUTSIDE: "active, 5 SCHEDULED, 0 min | cancelled credits_granted lesson_back",
            COACH_ONLY: "cancelled×3 lesson_back×3",
        },
    ),
    "one rescheduled past the end of the credit": Story(
        reschedule_one, lessons("5 SCHEDULED", "moved", coach="moved×3")
    ),
    "an admin's refund": Story(
        refund, {PAID: "active, 5 SCHEDULED, 6000 charged, 6000 back | lesson_to_pay refunded"}
    ),
    "a week in which nobody pays, where that's kept": Story(partial(a_week_passes, cancels=False), A_WEEK_LATER),
    "a week in which nobody can pay by card": Story(a_week_passes_and_cards_are_off, A_WEEK_LATER),
    "one that takes place": Story(lambda here: here.end("coach", "student"), PASSED),
    "the coach's no-show": Story(
        lambda here: here.end("student"),
        {
            CREDIT: "active, 1 NO_SHOW, 4 SCHEDULED, 120 min | no_show lesson_credit_short",
            PAID: "active, 1 NO_SHOW, 4 SCHEDULED, 6000 charged, 6000 back | lesson_to_pay×2 no_show refunded",
            OUTSIDE: "active, 1 NO_SHOW, 4 SCHEDULED | no_show",
            COACH_ONLY: "no_show×3",
        },
    ),
    "the student's no-show": Story(
        lambda here: here.end("coach"),
        {
            CREDIT: "active, 1 NO_SHOW, 4 SCHEDULED, 60 min | no_show credits_low lesson_credit_short",
            PAID: "active, 1 NO_SHOW, 4 SCHEDULED, 6000 charged | lesson_to_pay×2 no_show",
            OUTSIDE: "active, 1 NO_SHOW, 4 SCHEDULED | no_show",
            COACH_ONLY: "no_show×3",
        },
    ),
    "no room": Story(
        lambda here: here.end(has_room=False),
        {
            CREDIT: "active, 1 COMPLETED, 4 SCHEDULED, 120 min | missed lesson_credit_short",
            PAID: "active, 1 COMPLETED, 4 SCHEDULED, 6000 charged, 6000 back | lesson_to_pay×2 missed refunded",
            OUTSIDE: "active, 1 COMPLETED, 4 SCHEDULED | missed",
            COACH_ONLY: "missed×3",
        },
    ),
}


@pytest.mark.parametrize("name", first_plain(STORIES, plain=11))
async def test_whatever_happens_to_weekly_lessons_money_credit_and_time_end_up_where_they_belong(
    db: Database, name: str
) -> None:
    story = STORIES[name]
    async with till(db) as here:
        world = InSeries(here.db, here.server, here.api)
        world.server.now = world.clock
        await world.prepare()
        await story.happens(world)
        await world.want_money_back()
        for _ in range(2):
            await world.tick()

        assert await world.outcome() == USUAL | story.ends
