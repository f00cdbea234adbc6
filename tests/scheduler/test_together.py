"""How features meet: whatever happens, money, credit and time end up where they belong, and people know.

Each story happens to six students at once (see `tests.support.together`), who pay in different ways.
"""

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Generic, TypeVar

import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from models import (
    Absence,
    BlockedFrom,
    Coach,
    CoachingSession,
    ExtensionPrice,
    Guild,
    Offer,
    OfferState,
    PaymentMode,
    SessionStatus,
)
from models.storage.database import Database
from scheduler.attendance import no_shows, outcomes
from scheduler.attendance.ports import Barrier
from scheduler.availability import schedule
from scheduler.booking import blocks, cancellation, departures, rescheduling
from scheduler.booking.departures import Why
from scheduler.coaches import suspensions
from scheduler.core.actor import Actor
from scheduler.core.errors import NotBookable, SlotTaken
from scheduler.credits import charges, disputes, expiry, packages
from scheduler.notifications import bot_removal
from scheduler.payments import checkouts, overview, refunds
from scheduler.rooms import extensions
from scheduler.servers import bot_membership
from scheduler.time_off import answers, closures, decisions
from scheduler.workshops import seats
from tests.support.bookings import CARA, book, hold
from tests.support.builders import ADMIN, COACH, DAY, GUILD, HOUR, MINUTE, a_server_with_a_coach, refusal
from tests.support.credits import a_lot, book_with_credit
from tests.support.parameters import first_plain
from tests.support.payments import till
from tests.support.stripe_server import Fault
from tests.support.time_off import SAM, SAMS, also_sam, ask, away, taken_over
from tests.support.together import (
    CREDIT,
    OPEN,
    OTHERS,
    OUTSIDE,
    PACKAGE,
    PAID,
    PAYING,
    STARTS,
    STUDENTS,
    WEDNESDAY,
    Together,
    together,
)
from tests.support.together_workshop import ALL, PEOPLE, WAITING, InClass
from tests.support.transactions import fetch_all, transact
from tests.support.workshops import price

World = TypeVar("World", bound=Together)
SOMEBODY, ELSEWHERE = Actor(7777), GUILD + 1
AFTER_ALL = "no_show review_request attendance_changed"
LATE = SHORTLY_BEFORE = WEDNESDAY - HOUR
"""Later than the notice that cancelling for free takes, and before the first session, and before the workshop."""
KEPT_OUT = {CREDIT: Barrier.TIMED_OUT, PAYING: Barrier.SHUT_OUT}


# What can happen while somebody is paying.


async def block(here: Together) -> None:
    for one in STUDENTS.values():
        await transact(here.db, blocks.block, GUILD, one.user_id, ADMIN, [BlockedFrom.BOOKING], "Spam.", here.now)


async def suspend(here: Together, *, keep: bool) -> None:
    await transact(here.db, suspensions.suspend, GUILD, COACH, ADMIN, "Complaints.", here.now, keep=keep)


async def coach_leaves(here: Together) -> None:
    await transact(here.db, departures.handle_departure, GUILD, COACH, Why.LEFT, here.now)


async def students_leave(here: Together, at: datetime | None = None, *, keep: bool = False) -> None:
    here.now = at or here.now
    for one in STUDENTS.values():
        gone = departures.handle_departure
        await transact(here.db, gone, GUILD, one.user_id, Why.LEFT, here.now, keep=keep)


async def remove_bot(here: Together) -> None:
    await transact(here.db, bot_removal.record_removal, GUILD, here.now)


async def remove_bot_for_a_minute(here: Together) -> None:
    await remove_bot(here)
    here.now += MINUTE
    await transact(here.db, bot_membership.resume, GUILD, here.now)


async def change_price(here: Together) -> None:
    async def change(session: AsyncSession) -> None:
        await session.execute(update(Coach).values(rate_minor=9000, currency="EUR"))

    await transact(here.db, change)


async def change_hours(here: Together) -> None:
    await transact(here.db, schedule.set_hours, GUILD, CARA, range(7), [], here.now)


async def take_days_off(here: Together) -> None:
    day = WEDNESDAY.date()
    await transact(here.db, schedule.set_dates, GUILD, CARA, day, day, [], "Ill.", here.now)


async def close_the_server(here: Together) -> None:
    day = WEDNESDAY.date()
    await change_server(here, lambda session, guild: closures.close(session, guild, ADMIN, day, day, "", here.now))


async def go_away(here: Together) -> Absence:
    return await away(here.db, WEDNESDAY.date(), now=here.now)


async def go_away_and_cancel(here: Together) -> None:
    absence = await go_away(here)
    await decisions.cancel_left(here.db, here.clock, absence.id, GUILD, CARA, "At sea.")


async def go_away_and_reschedule(here: Together) -> None:
    absence = await go_away(here)
    for _, one in await here.upcoming():
        about = absence.id, one.id, GUILD, CARA, one.starts_at + 7 * DAY
        await transact(here.db, decisions.reschedule, *about, here.now)


async def find_a_substitute(here: Together) -> None:
    await also_sam(here.db)
    absence = await go_away(here)
    for way, one in await here.upcoming():
        await taken_over(here.db, absence, one.id, STUDENTS[way], here.now)


async def find_a_substitute_who(here: Together, then: Callable[[Together], Awaitable[object]]) -> None:
    await find_a_substitute(here)
    await then(here)
    assert {one.coach_id for one in await fetch_all(here.db, select(CoachingSession))} == {SAM}


async def keep_it(here: InClass) -> None:
    await change_server(here, lambda session, guild: closures.keep(session, here.workshop, guild, ADMIN, here.now))


async def close_and_keep_it(here: InClass) -> None:
    await close_the_server(here)
    await keep_it(here)


async def open_again(here: InClass) -> None:
    await change_server(here, lambda session, guild: closures.lift(session, guild, ADMIN, 1, here.now))


async def pause(here: Together) -> None:
    await transact(here.db, schedule.set_accepting, GUILD, CARA, False, here.now)


async def change_server(here: Together, change: Callable[[AsyncSession, Guild], Awaitable[object]]) -> None:
    async with here.db.begin() as session:
        await change(session, await session.get_one(Guild, GUILD))


async def take_no_cards(here: Together) -> None:
    await change_server(
        here, lambda session, guild: overview.set_mode(session, guild, ADMIN, PaymentMode.OFF, here.now)
    )


async def sell_it_for_more(here: Together) -> None:
    async def change(session: AsyncSession, guild: Guild) -> None:
        [one] = await packages.on_sale(session, GUILD)
        terms = packages.PackageTerms("Five hours", 300, 30000, "USD")
        await packages.save(session, guild, ADMIN, terms, here.now, package_id=one.id)

    await change_server(here, change)


async def lower_the_limits(here: Together) -> None:
    async def change(session: AsyncSession, guild: Guild) -> None:
        guild.most_upcoming = 1
        await session.execute(update(Coach).values(daily_limit=1, minimum_notice_minutes=7 * 24 * 60))

    await change_server(here, change)


async def give_up(here: Together) -> None:
    for way in (OPEN, PAYING, PACKAGE):
        await checkouts.give_up(here.db, here.api, (await here.payment_of(way)).id, here.clock)


async def lose_the_times(here: Together) -> None:
    """Let Stripe be silent for an hour, in which one student pays, and somebody else book what's free then."""
    await here.pay()
    for method in ("GET", "POST"):
        here.server.fail(method, "*", Fault.BEFORE_500, times=100)
    await here.tick(61 * MINUTE)
    for way in (OPEN, PAYING):
        await transact(here.db, book, SOMEBODY, STARTS[way], now=here.now)
    here.server.heal()


async def refund(here: Together) -> None:
    await transact(here.db, refunds.pay_back, GUILD, (await here.payment_of(PAID)).id, ADMIN, here.now)


async def press_pay_in_another_tab(here: Together) -> None:
    for way in (OPEN, PAYING):
        again = await here.start(STUDENTS[way], STARTS[way])
        assert again.id == (await here.payment_of(way)).id
    assert (await here.start_package()).id == (await here.payment_of(PACKAGE)).id


async def another_server(here: Together) -> None:
    """Add a server with a coach of its own, where people are blocked and leave."""
    await a_server_with_a_coach(here.db, guild={"id": ELSEWHERE}, guild_id=ELSEWHERE, user_id=COACH + 1)
    for one in STUDENTS.values():
        booking = [BlockedFrom.BOOKING]
        await transact(here.db, blocks.block, ELSEWHERE, one.user_id, ADMIN, booking, "Spam.", here.now)
        await transact(here.db, departures.handle_departure, ELSEWHERE, one.user_id, Why.LEFT, here.now)
        await transact(here.db, blocks.unblock, ELSEWHERE, one.user_id, ADMIN, booking, here.now)
    await transact(here.db, suspensions.suspend, ELSEWHERE, COACH + 1, ADMIN, "Complaints.", here.now)
    await transact(here.db, suspensions.reinstate, ELSEWHERE, COACH + 1, ADMIN, here.now)


async def want_the_same_time_in_another_server(here: Together) -> None:
    await a_server_with_a_coach(here.db, guild={"id": ELSEWHERE}, guild_id=ELSEWHERE, user_id=COACH + 1)
    there = partial(book, coach_id=COACH + 1, guild_id=ELSEWHERE, now=here.now)
    for way in (CREDIT, PAID, OUTSIDE):
        await refusal(here.db, SlotTaken, partial(there, actor=STUDENTS[way], starts_at=STARTS[way]))
    for way in (OPEN, PAYING):
        refused = await refusal(here.db, NotBookable, partial(there, actor=STUDENTS[way], starts_at=STARTS[way]))
        assert "already paying for a session at that time" in str(refused)


async def want_it_for_credit_as_well(here: Together) -> None:
    payer, at = STUDENTS[PAYING], STARTS[PAYING]
    await transact(here.db, a_lot, 60, user_id=payer.user_id)
    await refusal(here.db, NotBookable, partial(book_with_credit, actor=payer, starts_at=at, now=here.now))


async def others_want_the_same_times(here: Together) -> None:
    await transact(here.db, a_lot, 60, user_id=SOMEBODY.user_id)
    for way in (CREDIT, PAID, OUTSIDE, OPEN, PAYING):
        for press in (book, book_with_credit, hold):
            wanted = partial(press, actor=SOMEBODY, starts_at=STARTS[way], now=here.now)
            await refusal(here.db, SlotTaken, wanted)
        with pytest.raises(SlotTaken):
            await here.start(SOMEBODY, STARTS[way])


# What can happen to what is booked.


async def cancel(here: Together, at: datetime | None, by: Actor | None = None) -> None:
    here.now = at or here.now
    for way, one in await here.upcoming():
        await transact(here.db, cancellation.cancel, one.id, by or STUDENTS[way], GUILD, "", here.now)


async def cancel_late_and_waive(here: Together) -> None:
    await cancel(here, LATE)
    await transact(here.db, charges.waive, (await here.session_of(CREDIT)).id, CARA, here.now)


async def cancel_late_and_dispute(here: Together, *, give_back: bool) -> None:
    await cancel(here, LATE)
    session_id = (await here.session_of(CREDIT)).id
    await transact(here.db, disputes.open_dispute, session_id, STUDENTS[CREDIT], "I was ill.", here.now)
    decide = disputes.decide
    await transact(here.db, decide, session_id, ADMIN, GUILD, give_back=give_back, now=here.now)


async def reschedule(here: Together) -> None:
    """Move everything by a week, past the end of the credit, which then ends."""
    for way, one in await here.upcoming():
        later = one.starts_at + 7 * DAY
        await transact(here.db, rescheduling.reschedule, one.id, STUDENTS[way], later, "", here.now)
    here.now = WEDNESDAY + 2 * DAY
    await expiry.do_due(here.db, here.clock)


async def reschedule_and_cancel(here: Together) -> None:
    await reschedule(here)
    await cancel(here, None)


async def coach_was_there_after_all(here: Together) -> None:
    for session_id in await here.end("student"):
        await transact(here.db, no_shows.appeal, session_id, CARA, "I was.", here.now)
        decide = no_shows.decide_appeal
        await transact(here.db, decide, session_id, ADMIN, GUILD, was_there=True, now=here.now)


async def students_came_after_all(here: Together) -> None:
    for session_id in await here.end("coach"):
        await transact(here.db, no_shows.unmark_no_show, session_id, CARA, here.now)


async def say_whether_it_took_place(here: Together, *, answer: bool) -> None:
    for session_id in await here.end(has_room=False):
        told = outcomes.answer_whether_it_took_place
        await transact(here.db, told, session_id, CARA, GUILD, answer, here.now)


async def extend(here: Together) -> None:
    """Let all take place, one of those paid by card with 15 minutes more, which cost something."""
    session_id, student = (await here.session_of(PAYING)).id, STUDENTS[PAYING]

    async def change(session: AsyncSession, guild: Guild) -> None:
        guild.extension_price = ExtensionPrice.PRO_RATA
        row = await session.get_one(CoachingSession, session_id)
        row.status, here.now = SessionStatus.IN_PROGRESS, row.starts_at + 30 * MINUTE
        terms = extensions.terms_of(row, guild)
        await extensions.ask(session, row.id, student, terms, here.now)
        await extensions.agree(session, row.id, CARA, terms, here.now)

    await change_server(here, change)
    await here.end("coach", "student")
    assert (await here.session_of(PAYING)).student.total_cost_minor == 7500


CANCELLED, COMPLETED, NO_SHOW, SCHEDULED = (
    SessionStatus.CANCELLED,
    SessionStatus.COMPLETED,
    SessionStatus.NO_SHOW,
    SessionStatus.SCHEDULED,
)


def ends(
    status: SessionStatus,
    student: str = "",
    coach: str = "",
    *,
    charged: bool = True,
    make_up: bool = False,
) -> dict[str, str]:
    """Say how all that's booked ends, and what both are told of it. What isn't `charged` goes back."""
    told, to_coach = f"booked {student}".strip(), f"booked {coach}".strip()
    money, refunded = ("6000 charged", "") if charged else ("6000 charged, 6000 back", " refunded")
    minutes, granted = (", 60 min", " credits_granted") if make_up else ("", "")
    by_card = f"{status}, {money} | {told}{refunded} | {to_coach}"
    return {
        CREDIT: f"{status}, {120 if charged else 180} min | {told} | {to_coach}",
        PAID: by_card,
        OUTSIDE: f"{status}{minutes} | {told}{granted} | {to_coach}",
        PAYING: by_card,
    }


USUAL = ends(SCHEDULED) | {
    OPEN: "nothing | payment_expired | ",
    PACKAGE: "25000 charged, 300 min | credits_granted | ",
}
"""By way of paying: the session, money and credit, then what the student and the coach are told."""
NOT_SOLD = {PAYING: "6000 charged, 6000 back | payment_too_late refunded | payment_too_late"}
NO_PACKAGE = {PACKAGE: "25000 charged, 25000 back | payment_too_late refunded | "}
CALLED_OFF = ends(CANCELLED, "cancelled", "cancelled", charged=False, make_up=True)
CANCELLED_LATE = ends(CANCELLED, "cancelled", "cancelled")


def taken_over_ends(
    status: SessionStatus, told: str = "", *, charged: bool = True, make_up: bool = False
) -> dict[str, str]:
    """Say the same of what Sam took over. What he's told is among what's said to others than the first coach."""
    asked = "substitute_asked substitute_proposed booked absence_summary"
    found = ends(status, f"{asked} {told}".strip(), charged=charged, make_up=make_up)
    return {way: f"{line.rpartition(' | ')[0]} | " for way, line in found.items()} | IN_SUMMARIES


IN_SUMMARIES = {OTHERS: "absence_summary"}
"""What the coach is told who's away."""


@dataclass(frozen=True)
class Story(Generic[World]):
    """What happens just before two of them pay, then to what is booked, and what's other than usual in the end."""

    at_once: Callable[[World], Awaitable[object]] | None = None
    later: Callable[[World], Awaitable[object]] | None = None
    ends: dict[str, str] = field(default_factory=dict)


STORIES: dict[str, Story[Together]] = {
    "nothing": Story(),
    "a block": Story(block, ends=NOT_SOLD | NO_PACKAGE),
    "a suspended coach": Story(
        partial(suspend, keep=False), ends=CALLED_OFF | NOT_SOLD | {OTHERS: "coach_suspended"}
    ),
    "a suspended coach whose sessions stay": Story(
        partial(suspend, keep=True), ends=NOT_SOLD | {OTHERS: "coach_suspended"}
    ),
    "a coach who leaves": Story(
        coach_leaves, ends=ends(CANCELLED, "cancelled", charged=False, make_up=True) | NOT_SOLD
    ),
    "students who leave": Story(
        students_leave, ends=ends(CANCELLED, coach="cancelled", charged=False, make_up=True) | NOT_SOLD
    ),
    "students who leave late": Story(
        later=partial(students_leave, at=LATE), ends=ends(CANCELLED, coach="cancelled")
    ),
    "students who leave late and are waited for": Story(
        later=partial(students_leave, at=LATE, keep=True), ends=ends(SCHEDULED, coach="person_left")
    ),
    "a removed bot": Story(
        remove_bot,
        partial(Together.end, has_room=False),
        ends(COMPLETED, "missed", "missed", charged=False) | NOT_SOLD | NO_PACKAGE,
    ),
    "a bot removed for a minute": Story(remove_bot_for_a_minute),
    "another price and currency": Story(change_price),
    "other hours": Story(change_hours),
    "days off": Story(take_days_off),
    "a closed day": Story(close_the_server, ends=NOT_SOLD),
    "an absence": Story(go_away, ends=NOT_SOLD),
    "a pause": Story(pause),
    "lower limits and more notice": Story(lower_the_limits),
    "no more cards": Story(take_no_cards),
    "a package that costs more": Story(sell_it_for_more),
    "another tab": Story(press_pay_in_another_tab),
    "another server": Story(another_server, ends={OTHERS: "coach_suspended coach_reinstated"}),
    "the same time in another server": Story(want_the_same_time_in_another_server),
    "credit for the same time": Story(
        want_it_for_credit_as_well, ends={PAYING: "SCHEDULED, 6000 charged, 60 min | booked | booked"}
    ),
    "others who want the same time": Story(others_want_the_same_times),
    "giving up": Story(give_up, ends=dict.fromkeys((OPEN, PAYING, PACKAGE), "nothing | - | ")),
    "a silent Stripe": Story(lose_the_times, ends=NOT_SOLD | {OTHERS: "booked booked booked booked"}),
    "an admin's refund, then a cancellation": Story(
        refund,
        partial(cancel, at=None),
        CALLED_OFF | {PAID: "CANCELLED, 6000 charged, 6000 back | booked refunded cancelled | booked cancelled"},
    ),
    "cancelling": Story(later=partial(cancel, at=None), ends=CALLED_OFF),
    "cancelling late": Story(later=partial(cancel, at=LATE), ends=CANCELLED_LATE),
    "cancelling late, waived": Story(
        later=cancel_late_and_waive,
        ends=CANCELLED_LATE | {CREDIT: "CANCELLED, 180 min | booked cancelled charge_waived | booked cancelled"},
    ),
    "cancelling late, disputed": Story(
        later=partial(cancel_late_and_dispute, give_back=True),
        ends=CANCELLED_LATE
        | {
            CREDIT: "CANCELLED, 180 min | booked cancelled dispute_decided | booked cancelled dispute_decided",
            OTHERS: "dispute_card",
        },
    ),
    "cancelling late, disputed in vain": Story(
        later=partial(cancel_late_and_dispute, give_back=False),
        ends=CANCELLED_LATE
        | {
            CREDIT: "CANCELLED, 120 min | booked cancelled dispute_decided | booked cancelled dispute_decided",
            OTHERS: "dispute_card",
        },
    ),
    "the coach cancelling": Story(later=partial(cancel, at=LATE, by=CARA), ends=CALLED_OFF),
    "an admin cancelling": Story(later=partial(cancel, at=LATE, by=ADMIN), ends=CALLED_OFF),
    "rescheduling past the end of a lot": Story(
        later=reschedule,
        ends=ends(SCHEDULED, "moved", "moved") | {CREDIT: "SCHEDULED, 0 min | booked moved | booked moved"},
    ),
    "rescheduling, then cancelling": Story(
        later=reschedule_and_cancel,
        ends=ends(CANCELLED, "moved cancelled", "moved cancelled", charged=False, make_up=True)
        | {CREDIT: "CANCELLED, 60 min | booked moved cancelled | booked moved cancelled"},
    ),
    "sessions that take place": Story(
        later=lambda here: here.end("coach", "student"), ends=ends(COMPLETED, "review_request")
    ),
    "a student's no-show": Story(later=lambda here: here.end("coach"), ends=ends(NO_SHOW, "no_show", "no_show")),
    "a coach's no-show": Story(
        later=lambda here: here.end("student"), ends=ends(NO_SHOW, "no_show", "no_show", charged=False)
    ),
    "nobody coming": Story(later=lambda here: here.end(), ends=ends(NO_SHOW, "no_show", "no_show", charged=False)),
    # Money that was given back isn't charged again.
    "a coach's no-show, overturned": Story(
        later=coach_was_there_after_all,
        ends=ends(COMPLETED, AFTER_ALL, "no_show attendance_changed", charged=False)
        | {
            CREDIT: f"COMPLETED, 120 min | booked {AFTER_ALL} | booked no_show attendance_changed",
            OTHERS: "appeal_card appeal_card appeal_card appeal_card",
        },
    ),
    "a student's no-show, overturned": Story(
        later=students_came_after_all, ends=ends(COMPLETED, AFTER_ALL, "no_show")
    ),
    "no room": Story(
        later=partial(Together.end, has_room=False), ends=ends(COMPLETED, "missed", "missed", charged=False)
    ),
    "no room, but they met": Story(
        later=partial(say_whether_it_took_place, answer=True),
        ends=ends(COMPLETED, "missed review_request attendance_changed", "missed", charged=False)
        | {CREDIT: "COMPLETED, 120 min | booked missed review_request attendance_changed | booked missed"},
    ),
    "no room, and they didn't meet": Story(
        later=partial(say_whether_it_took_place, answer=False),
        ends=ends(CANCELLED, "missed attendance_changed", "missed", charged=False)
        | {OUTSIDE: "CANCELLED, 60 min | booked missed credits_granted attendance_changed | booked missed"},
    ),
    "an absence, cancelling": Story(
        later=go_away_and_cancel,
        ends=ends(CANCELLED, "absence_summary", charged=False)
        | {OUTSIDE: "CANCELLED, 60 min | booked absence_summary | booked"}
        | IN_SUMMARIES,
    ),
    "an absence, rescheduling": Story(
        later=go_away_and_reschedule, ends=ends(SCHEDULED, "absence_summary") | IN_SUMMARIES
    ),
    "a substitute": Story(later=find_a_substitute, ends=taken_over_ends(SCHEDULED)),
    "a substitute who comes": Story(
        later=partial(find_a_substitute_who, then=lambda here: here.end("coach", "student")),
        ends=taken_over_ends(COMPLETED, "review_request"),
    ),
    "a substitute who doesn't": Story(
        later=partial(find_a_substitute_who, then=lambda here: here.end("student")),
        ends=taken_over_ends(NO_SHOW, "no_show no_show", charged=False),
    ),
    "a substitute who cancels": Story(
        later=partial(find_a_substitute_who, then=partial(cancel, at=LATE, by=SAMS)),
        ends=taken_over_ends(CANCELLED, "cancelled cancelled", charged=False, make_up=True),
    ),
    "a substitute, and a student who cancels late": Story(
        later=partial(find_a_substitute_who, then=partial(cancel, at=LATE)),
        ends=taken_over_ends(CANCELLED, "cancelled cancelled"),
    ),
    "an extension": Story(
        later=extend, ends=ends(COMPLETED, "review_request") | {OTHERS: "room_extension room_ending"}
    ),
}


@pytest.mark.parametrize("name", first_plain(STORIES, plain=15))
async def test_whatever_happens_money_credit_and_time_end_up_where_they_belong(db: Database, name: str) -> None:
    story = STORIES[name]
    async with together(db, sold=story.at_once is None) as here:
        if story.at_once is not None:
            await story.at_once(here)
            await here.sell()
        if story.later is not None:
            await story.later(here)
        await here.want_money_back()
        for _ in range(2):
            await here.tick()

        assert await here.outcome() == USUAL | story.ends


# What can happen to a workshop, and to those who have a seat in it.


async def go_on_until_shortly_before(here: InClass) -> None:
    """Pass the deadline, at which it's decided that enough people come."""
    here.now = max(here.now, WEDNESDAY - DAY)
    await here.tick()
    here.now = SHORTLY_BEFORE


async def leave_seats(here: InClass) -> None:
    for one in await here.have_seats():
        await transact(here.db, seats.leave, here.workshop, one, here.now)


async def leave_late(here: InClass, *ways: str) -> None:
    await go_on_until_shortly_before(here)
    for way in ways or (CREDIT, PAID, OUTSIDE, PAYING):
        await transact(here.db, seats.leave, here.workshop, PEOPLE[way], here.now)


async def leave_the_server_late(here: InClass) -> None:
    await go_on_until_shortly_before(here)
    await students_leave(here, keep=True)


async def leave_late_and_waive(here: InClass) -> None:
    await leave_late(here)
    for way in (CREDIT, PAID, PAYING):
        of = PEOPLE[way].user_id
        await transact(here.db, charges.waive, here.workshop, CARA, here.now, of=of)


async def leave_late_and_dispute(here: InClass, *, give_back: bool) -> None:
    """Let those who were charged dispute it after leaving late, and an admin decide."""
    await leave_late(here)
    for way in (CREDIT, PAID):
        one = PEOPLE[way]
        await transact(here.db, disputes.open_dispute, here.workshop, one, "I was ill.", here.now)
        decided = {"give_back": give_back, "now": here.now, "of": one.user_id}
        await transact(here.db, disputes.decide, here.workshop, ADMIN, GUILD, **decided)


async def leave_late_and_come_back(here: InClass) -> None:
    await leave_late(here)
    await here.tick(MINUTE)  # what's free so late is offered to all
    for way in (CREDIT, PAID, OUTSIDE, PAYING):
        how = price() if way == OUTSIDE else {}
        await transact(here.db, seats.take, here.workshop, PEOPLE[way], here.now, **how)


async def leave_late_and_call_it_off(here: InClass) -> None:
    await leave_late(here, CREDIT, PAYING)
    await call_it_off(here, CARA)


async def leave_late_and_miss_the_coach(here: InClass) -> None:
    await leave_late(here, CREDIT, PAYING)
    await here.end_it(PAID, OUTSIDE, coach=False)


async def call_it_off(here: InClass, by: Actor) -> None:
    await go_on_until_shortly_before(here)
    await transact(here.db, cancellation.cancel, here.workshop, by, GUILD, "", here.now)


async def most_leave_and_too_few_stay(here: InClass) -> None:
    for way in (CREDIT, OUTSIDE, PAYING):
        await transact(here.db, seats.leave, here.workshop, PEOPLE[way], here.now)
    here.now = WEDNESDAY - DAY
    await here.tick()


async def refund_and_leave(here: InClass) -> None:
    await transact(here.db, refunds.pay_back, GUILD, (await here.payment_of(PAID)).id, ADMIN, here.now)
    await leave_seats(here)


async def one_came_after_all(here: InClass) -> None:
    await here.end_it(PAID, OUTSIDE, PAYING)
    of = PEOPLE[CREDIT].user_id
    await transact(here.db, no_shows.unmark_no_show, here.workshop, CARA, here.now, of=of)


async def say_whether_the_workshop_took_place(here: InClass, *, answer: bool) -> None:
    await here.end_it(coach=False, has_room=False)
    told = outcomes.answer_whether_it_took_place
    await transact(here.db, told, here.workshop, CARA, GUILD, answer, here.now)


async def take_the_offer(here: InClass) -> None:
    offer = next(one for one in await fetch_all(here.db, select(Offer)) if one.state is OfferState.OPEN)
    await transact(here.db, a_lot, 60, user_id=offer.user_id)
    await transact(here.db, charges.take_offer, offer.id, PEOPLE[WAITING], here.now)


def became(
    of_all: SessionStatus,
    part: str,
    told: str = "",
    to_coach: str = "",
    *,
    charged: bool = True,
    ways: Collection[str] = (CREDIT, PAID, OUTSIDE, PAYING),
    waiting: str = "",
) -> dict[str, str]:
    """Say what became of a workshop and of these seats. What isn't `charged` goes back."""
    to_them, to_coach = f"seat_taken {told}".strip(), f"seat_taken {to_coach}".strip()
    minutes, back, refunded = (120, "", "") if charged else (180, ", 2000 back", " refunded")
    by_card = f"{part}, 2000 charged{back} | {to_them}{refunded} | {to_coach}"
    seen = {
        CREDIT: f"{part}, {minutes} min | {to_them} | {to_coach}",
        PAID: by_card,
        OUTSIDE: f"{part} | {to_them} | {to_coach}",
        PAYING: by_card,
    }
    found = {way: seen[way] for way in ways} | ({WAITING: waiting} if waiting else {})
    return found | {ALL: f"{of_all} | - | {' '.join(['workshop_created', *OF_ALL.get(of_all, [])])}"}


OF_ALL: dict[SessionStatus, list[str]] = {CANCELLED: ["cancelled"], NO_SHOW: ["no_show"]}
"""What a workshop's coach is told of it."""
ONCE_MORE = "offer undelivered, offer open, waits | time_offered time_offered | -"
IN_VAIN = "offer undelivered, wish expired | time_offered wish_ended | -"
FOR_NOTHING = "offer undelivered, wish cancelled | time_offered wish_ended | -"
AS_USUAL = became(SCHEDULED, "booked", waiting="offer open, waits | time_offered | -") | {
    OPEN: "nothing | payment_expired | -"
}
"""By way of paying: the seat, money and credit, what its owner is told, and what others are told about that."""
TOO_LATE = {PAYING: "2000 charged, 2000 back | payment_too_late refunded | payment_too_late"}
MISSED = {ALL: "COMPLETED | - | workshop_created missed"}
NEVER_OFFERED = "wish cancelled | wish_ended | -"
GAVE_BACK = partial(became, SCHEDULED, "left", "seat_left", "seat_left")
LEFT_LATE = GAVE_BACK(waiting=ONCE_MORE)
DISPUTED = "seat_taken seat_left (dispute_card) dispute_decided"


async def take_the_seats_of_the_blocked_back(here: InClass) -> None:
    """Let an admin block everyone who has a seat, and then cancel what they have booked."""
    await go_on_until_shortly_before(here)
    seen = cancellation.Seen(here.workshop, here.now)
    for one in await here.have_seats():
        booking = [BlockedFrom.BOOKING]
        await transact(here.db, blocks.block, GUILD, one.user_id, ADMIN, booking, "Spam.", here.now)
        await transact(here.db, cancellation.cancel_seen, GUILD, one.user_id, ADMIN, seen, here.now)


async def go_away_and_keep_it(here: InClass) -> None:
    absence = await go_away(here)
    await transact(here.db, decisions.keep, absence.id, here.workshop, GUILD, CARA, here.now)


async def come_back(here: InClass) -> None:
    await transact(here.db, decisions.come_back, 1, GUILD, CARA, here.now)


async def find_a_substitute_for_it(here: InClass) -> None:
    await also_sam(here.db)
    question = await ask(here.db, await go_away(here), here.workshop, here.now)
    await transact(here.db, answers.accept, question.id, SAMS, here.now)


def in_other_hands(found: dict[str, str]) -> dict[str, str]:
    """Say the same of a workshop whose first coach needn't be told of its seats any more."""
    ways = (CREDIT, PAID, OUTSIDE, PAYING)
    return found | {way: f"{found[way].rpartition(' | ')[0]} | -" for way in ways}


TO_BOTH = "(substitute_asked) (booked) absence_summary"
"""What the substitute is told, and the coach who's away."""


async def find_a_substitute_who_calls_it_off(here: InClass) -> None:
    await find_a_substitute_for_it(here)
    await call_it_off(here, SAMS)


IN_CLASS_STORIES: dict[str, Story[InClass]] = {
    "nothing": Story(),
    "a block": Story(block, ends=TOO_LATE | {WAITING: "wish blocked | - | -"}),
    "a block, and its seats taken back": Story(
        later=take_the_seats_of_the_blocked_back,
        ends=became(SCHEDULED, "left", "seat_left", "seat_left", charged=False, waiting=ONCE_MORE),
    ),
    "a closed day": Story(close_the_server, ends=TOO_LATE | {WAITING: "waits | - | -"}),
    "a closed day on which it's kept": Story(close_and_keep_it),
    "a closed day on which it's kept later": Story(close_the_server, keep_it, TOO_LATE),
    "a closed day that's open again later": Story(close_the_server, open_again, TOO_LATE),
    "an absence": Story(go_away, ends=TOO_LATE | {WAITING: "waits | - | -"}),
    "an absence in which it's kept": Story(go_away_and_keep_it),
    "an absence that's over later": Story(go_away, come_back, TOO_LATE),
    "an absence, cancelling": Story(
        later=go_away_and_cancel,
        ends=became(
            CANCELLED,
            "booked",
            "absence_summary",
            charged=False,
            waiting="offer withdrawn, wish cancelled | time_offered wish_ended | -",
        )
        | {ALL: "CANCELLED | - | workshop_created absence_summary"},
    ),
    "a substitute": Story(
        find_a_substitute_for_it,
        ends=in_other_hands(became(SCHEDULED, "booked", "absence_summary"))
        | {PAYING: "booked, 2000 charged | seat_taken | (seat_taken)"}
        | {ALL: f"SCHEDULED | - | {TO_BOTH}"},
    ),
    "a substitute who calls it off": Story(
        later=find_a_substitute_who_calls_it_off,
        ends=in_other_hands(
            became(CANCELLED, "booked", "absence_summary cancelled", charged=False, waiting=FOR_NOTHING)
        )
        | {ALL: f"CANCELLED | - | {TO_BOTH} (cancelled)"},
    ),
    "a suspended coach": Story(
        partial(suspend, keep=False),
        ends=became(CANCELLED, "booked", "cancelled", charged=False, waiting=NEVER_OFFERED)
        | TOO_LATE
        | {ALL: "CANCELLED | - | workshop_created coach_suspended cancelled"},
    ),
    "a suspended coach whose sessions stay": Story(
        partial(suspend, keep=True),
        ends=TOO_LATE | {WAITING: "waits | - | -", ALL: "SCHEDULED | - | workshop_created coach_suspended"},
    ),
    "a coach who leaves": Story(
        coach_leaves,
        ends=became(CANCELLED, "booked", "cancelled", charged=False, waiting=NEVER_OFFERED)
        | TOO_LATE
        | {ALL: "CANCELLED | - | workshop_created"},
    ),
    "participants who leave the server": Story(
        students_leave, ends=became(SCHEDULED, "left", "", "seat_left", charged=False) | TOO_LATE
    ),
    "participants who leave the server late": Story(
        later=leave_the_server_late, ends=became(SCHEDULED, "left", "", "seat_left", waiting=ONCE_MORE)
    ),
    "a removed bot": Story(
        remove_bot,
        partial(InClass.end_it, coach=False, has_room=False),
        became(COMPLETED, "booked", "missed", charged=False, waiting="wish expired | wish_ended | -")
        | TOO_LATE
        | MISSED,
    ),
    "a bot removed for a minute": Story(remove_bot_for_a_minute),
    "another price and currency": Story(change_price),
    "no more cards": Story(take_no_cards),
    "lower limits": Story(lower_the_limits),
    "a seat on offer, taken with credit": Story(
        later=take_the_offer,
        ends={WAITING: "booked, 0 min, offer taken, wish booked | time_offered seat_taken | seat_taken"},
    ),
    "leaving": Story(later=leave_seats, ends=GAVE_BACK(charged=False)),
    "leaving late": Story(later=leave_late, ends=LEFT_LATE),
    "leaving late, waived": Story(
        later=leave_late_and_waive,
        ends=GAVE_BACK(waiting=ONCE_MORE)
        | became(
            SCHEDULED,
            "left",
            "seat_left charge_waived",
            "seat_left",
            charged=False,
            ways=(CREDIT, PAID, PAYING),
        ),
    ),
    "leaving late, disputed": Story(
        later=partial(leave_late_and_dispute, give_back=True),
        ends=LEFT_LATE
        | {
            CREDIT: f"left, 180 min | seat_taken seat_left dispute_decided | {DISPUTED}",
            PAID: f"left, 2000 charged, 2000 back | seat_taken seat_left dispute_decided refunded | {DISPUTED}",
        },
    ),
    "leaving late, disputed in vain": Story(
        later=partial(leave_late_and_dispute, give_back=False),
        ends=LEFT_LATE
        | {
            CREDIT: f"left, 120 min | seat_taken seat_left dispute_decided | {DISPUTED}",
            PAID: f"left, 2000 charged | seat_taken seat_left dispute_decided | {DISPUTED}",
        },
    ),
    "leaving late and coming back": Story(
        later=leave_late_and_come_back,
        ends=became(SCHEDULED, "booked", "seat_left seat_taken", "seat_left seat_taken", waiting=ONCE_MORE),
    ),
    "leaving late what is then cancelled": Story(
        later=leave_late_and_call_it_off,
        ends=became(CANCELLED, "left", "seat_left", "seat_left", charged=False)
        | became(CANCELLED, "booked", "cancelled", charged=False, ways=(PAID, OUTSIDE))
        | {
            WAITING: "offer undelivered, offer withdrawn, wish cancelled "
            "| time_offered time_offered wish_ended | -"
        },
    ),
    "leaving late what the coach then misses": Story(
        later=leave_late_and_miss_the_coach,
        ends=became(NO_SHOW, "left", "seat_left", "seat_left", charged=False)
        | became(NO_SHOW, "attended", "no_show", charged=False, ways=(PAID, OUTSIDE), waiting=IN_VAIN),
    ),
    "the coach cancelling": Story(
        later=partial(call_it_off, by=CARA),
        ends=became(CANCELLED, "booked", "cancelled", charged=False, waiting=FOR_NOTHING),
    ),
    "an admin cancelling": Story(
        later=partial(call_it_off, by=ADMIN),
        ends=became(CANCELLED, "booked", "cancelled", charged=False, waiting=FOR_NOTHING),
    ),
    "too few": Story(
        later=most_leave_and_too_few_stay,
        ends=became(CANCELLED, "left", "seat_left", "seat_left", charged=False, waiting=FOR_NOTHING)
        | became(CANCELLED, "booked", "cancelled", charged=False, ways=[PAID]),
    ),
    "an admin's refund, then leaving": Story(later=refund_and_leave, ends=GAVE_BACK(charged=False)),
    "a workshop that takes place": Story(
        later=lambda here: here.end_it(CREDIT, PAID, OUTSIDE, PAYING),
        ends=became(COMPLETED, "attended", "review_request", waiting=IN_VAIN),
    ),
    "one participant's no-show": Story(
        later=lambda here: here.end_it(PAID, OUTSIDE, PAYING),
        ends=became(COMPLETED, "attended", "review_request", waiting=IN_VAIN)
        | became(COMPLETED, "no_show", "no_show", ways=[CREDIT]),
    ),
    "a participant's no-show, overturned": Story(
        later=one_came_after_all,
        ends=became(COMPLETED, "attended", "review_request", waiting=IN_VAIN)
        | became(COMPLETED, "attended", AFTER_ALL, ways=[CREDIT]),
    ),
    "participants who were kept out": Story(
        later=lambda here: here.end_it(PAID, OUTSIDE, kept_out=KEPT_OUT),
        ends=became(COMPLETED, "attended", "review_request", ways=(PAID, OUTSIDE), waiting=IN_VAIN)
        | became(COMPLETED, "left", charged=False, ways=(CREDIT, PAYING))
        | {ALL: "COMPLETED | - | workshop_created (problem) (problem) (problem_fixed) (problem_fixed)"},
    ),
    "only the coach coming": Story(
        later=InClass.end_it, ends=became(NO_SHOW, "no_show", "no_show", waiting=IN_VAIN)
    ),
    "the coach's no-show": Story(
        later=lambda here: here.end_it(CREDIT, PAID, OUTSIDE, PAYING, coach=False),
        ends=became(NO_SHOW, "attended", "no_show", charged=False, waiting=IN_VAIN),
    ),
    "nobody coming": Story(
        later=partial(InClass.end_it, coach=False),
        ends=became(NO_SHOW, "no_show", "no_show", charged=False, waiting=IN_VAIN),
    ),
    "no room": Story(
        later=partial(InClass.end_it, coach=False, has_room=False),
        ends=became(COMPLETED, "booked", "missed", charged=False, waiting=IN_VAIN) | MISSED,
    ),
    "no room, but they met": Story(
        later=partial(say_whether_the_workshop_took_place, answer=True),
        ends=became(
            COMPLETED, "attended", "missed review_request attendance_changed", charged=False, waiting=IN_VAIN
        )
        | MISSED
        | {CREDIT: "attended, 120 min | seat_taken missed review_request attendance_changed | seat_taken"},
    ),
    "no room, and they didn't meet": Story(
        later=partial(say_whether_the_workshop_took_place, answer=False),
        ends=became(CANCELLED, "booked", "missed attendance_changed", charged=False, waiting=FOR_NOTHING)
        | {ALL: "CANCELLED | - | workshop_created missed"},
    ),
}


@pytest.mark.parametrize("name", first_plain(IN_CLASS_STORIES, plain=6))
async def test_whatever_happens_in_a_workshop_money_credit_and_seats_end_up_where_they_belong(
    db: Database, name: str
) -> None:
    story = IN_CLASS_STORIES[name]
    async with till(db) as here:
        in_class = InClass(here.db, here.server, here.api)
        in_class.server.now = in_class.clock
        await in_class.prepare(sold=story.at_once is None)
        if story.at_once is not None:
            await story.at_once(in_class)
            await in_class.sell()
        if story.later is not None:
            await story.later(in_class)
        for _ in range(2):  # some is owed back only once the first tick has cancelled
            await in_class.want_money_back()
            await in_class.tick()

        assert await in_class.outcome() == AS_USUAL | story.ends
