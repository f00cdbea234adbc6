"""Seats that cost something: credit or a card, and what's given back."""

from datetime import datetime
from functools import partial
from typing import Any

import pytest
from sqlalchemy import select

from models import (
    Coach,
    Hold,
    Participant,
    ParticipantStatus,
    PaymentMode,
    PaymentPurpose,
    PaymentStatus,
    Refund,
    RefundReason,
    RefundStatus,
    Reservation,
    SessionStatus,
)
from models.storage.database import Database
from scheduler.booking import cancellation
from scheduler.booking.cancellation import Seen
from scheduler.core.actor import Actor
from scheduler.core.errors import NotBookable, WorkshopFull
from scheduler.core.task_pool import TaskPool
from scheduler.credits import charges
from scheduler.payments import choices, records, ways
from scheduler.workshops import deadlines, seats, workshops
from tests.support.bookings import CARA
from tests.support.builders import ADMIN, COACH, DAY, GUILD, HOUR, MINUTE, MONDAY, STUDENT, refusal
from tests.support.credits import a_lot, entries, left
from tests.support.fakes import FakeDiscord
from tests.support.parameters import first_plain
from tests.support.payments import till
from tests.support.seat_payments import a_box
from tests.support.transactions import fetch_all, transact
from tests.support.workshops import (
    STARTS,
    a_workshop,
    another_workshop,
    find,
    free,
    leave,
    price,
    seat_of,
    take,
    taken_by,
)

ONE, TWO, THREE = range(STUDENT, STUDENT + 3)
AT_NIGHT = STARTS - 2 * HOUR


# With credit.


async def with_credit(db: Database, workshop: int, user_id: int = ONE, now: datetime = MONDAY) -> Participant:
    return await transact(db, charges.take_seat, workshop, Actor(user_id), now, **price())


async def a_workshop_for_credit(db: Database, minutes: int = 100, **changed: Any) -> int:
    workshop = await a_workshop(db, takes_credit=True, **changed)
    async with db.begin() as session:
        await a_lot(session, minutes)
    return workshop


async def test_a_seat_takes_as_many_minutes_as_the_workshop_is_long(db: Database) -> None:
    workshop = await a_workshop_for_credit(db, duration=90 * MINUTE)

    seat = await with_credit(db, workshop)

    assert (seat.total_cost_minor, seat.credit_minutes, seat.credit_worth_minor) == (0, 90, 2000)
    assert await left(db) == [10]


async def test_without_enough_credit_no_seat_is_taken(db: Database) -> None:
    workshop = await a_workshop_for_credit(db, 59)

    await refusal(
        db, NotBookable, lambda session: charges.take_seat(session, workshop, Actor(ONE), MONDAY, **price())
    )


async def test_leaving_in_time_gives_the_minutes_back(db: Database) -> None:
    workshop = await a_workshop_for_credit(db)
    await with_credit(db, workshop)

    await leave(db, workshop, ONE)

    assert await left(db) == [100]


async def test_leaving_late_is_charged_and_coming_back_costs_nothing_more(db: Database) -> None:
    workshop = await a_workshop_for_credit(db, 60, guild={"cancel_notice_minutes": 24 * 60})
    await with_credit(db, workshop)
    await leave(db, workshop, ONE, AT_NIGHT)
    assert (await seat_of(db, workshop, ONE)).credit_charged_at == AT_NIGHT

    await take(db, workshop, ONE, now=AT_NIGHT)

    seat = await seat_of(db, workshop, ONE)
    assert (seat.credit_minutes, seat.total_cost_minor, seat.credit_charged_at) == (60, 0, None)
    await leave(db, workshop, ONE, AT_NIGHT)
    assert await left(db) == [0]
    assert [kind for _, kind, _ in await entries(db)].count("reserved") == 1


async def test_coming_back_after_leaving_in_time_takes_the_minutes_again(db: Database) -> None:
    workshop = await a_workshop_for_credit(db)
    await with_credit(db, workshop)
    await leave(db, workshop, ONE)

    await with_credit(db, workshop)

    assert await left(db) == [40]


@pytest.mark.parametrize("too_few", [True, False])
async def test_a_cancelled_workshop_gives_all_minutes_back(db: Database, too_few: bool) -> None:
    workshop = await a_workshop_for_credit(db, least=2)
    await with_credit(db, workshop)

    if too_few:
        await deadlines.do_due(db, FakeDiscord(), lambda: STARTS - DAY, TaskPool(wait_for_slow=True))
    else:
        await transact(db, cancellation.cancel, workshop, CARA, GUILD, "", MONDAY)

    row, _ = await find(db, workshop)
    assert row.status is SessionStatus.CANCELLED
    assert await left(db) == [100]


# By card.


async def test_a_paid_seat_is_taken_once(db: Database) -> None:
    async with till(db) as here:
        box = await a_box(here)

        payment = await box.pay()
        await here.tick()

        assert (payment.purpose, payment.status) == (PaymentPurpose.SEAT, PaymentStatus.PAID)
        assert payment.session_id == box.workshop
        seat = await seat_of(db, box.workshop, ONE)
        assert (seat.status, seat.total_cost_minor) == (ParticipantStatus.BOOKED, 2000)
        assert await taken_by(db, box.workshop) == [ONE, None, None]
        assert await fetch_all(db, select(Hold)) == []
        assert len(await fetch_all(db, select(Reservation))) == 2


async def test_the_page_names_the_workshop(db: Database) -> None:
    async with till(db) as here:
        box = await a_box(here)

        assert records.name_of(await box.start()) == "A seat in “Mixing drums” with Cara"


async def test_pressing_pay_twice_is_one_payment(db: Database) -> None:
    async with till(db) as here:
        box = await a_box(here)

        assert (await box.start()).id == (await box.start()).id
        assert await free(db, box.workshop) == 2


async def test_a_seat_is_kept_while_somebody_pays_and_free_if_they_do_not(db: Database) -> None:
    async with till(db) as here:
        box = await a_box(here, seats=2)
        await box.start(ONE)
        await take(db, box.workshop, TWO)
        await refusal(
            db, WorkshopFull, lambda session: seats.take(session, box.workshop, Actor(THREE), here.now, **price())
        )

        await here.tick(33 * MINUTE)
        await take(db, box.workshop, THREE, now=here.now)

        assert set(await taken_by(db, box.workshop)) == {TWO, THREE}


async def test_somebody_who_is_paying_takes_no_seat_besides(db: Database) -> None:
    async with till(db) as here:
        box = await a_box(here)
        await box.start()

        error = await refusal(
            db, NotBookable, lambda session: seats.take(session, box.workshop, Actor(ONE), here.now, **price())
        )

        assert str(error).startswith("You're already paying for a seat here.")


async def test_what_is_noticed_after_the_seat_went_to_another_is_paid_back(db: Database) -> None:
    async with till(db) as here:
        box = await a_box(here, seats=2)
        await take(db, box.workshop, TWO)
        here.server.pay((await box.start(ONE)).checkout_id)
        here.now += 61 * MINUTE
        await take(db, box.workshop, THREE, now=here.now)

        await here.tick()

        assert await box.refunds() == [(RefundReason.LOST, 2000)]
        assert set(await taken_by(db, box.workshop)) == {TWO, THREE}


async def test_what_is_noticed_late_gets_any_seat_that_is_free(db: Database) -> None:
    async with till(db) as here:
        box = await a_box(here, seats=2)
        here.server.pay((await box.start(ONE)).checkout_id)
        here.now += 61 * MINUTE
        await take(db, box.workshop, THREE, now=here.now)

        await here.tick()

        assert await box.refunds() == []
        assert await taken_by(db, box.workshop) == [THREE, ONE]


async def test_nobody_pays_for_a_workshop_that_was_cancelled(db: Database) -> None:
    async with till(db) as here:
        box = await a_box(here)
        paid, open_one = await box.start(ONE), await box.start(TWO)
        here.server.pay(paid.checkout_id)
        await transact(db, cancellation.cancel, box.workshop, CARA, GUILD, "", here.now)

        await here.tick(MINUTE)

        statuses = {one.id: one.status for one in await here.payments()}
        assert statuses == {paid.id: PaymentStatus.PAID, open_one.id: PaymentStatus.EXPIRED}
        assert await box.refunds() == [(RefundReason.LOST, 2000)]
        assert await fetch_all(db, select(Reservation)) == []


async def test_leaving_in_time_pays_back_at_once_and_coming_back_is_paid_anew(db: Database) -> None:
    async with till(db) as here:
        box = await a_box(here)
        await box.pay()
        await leave(db, box.workshop, ONE, here.now)
        assert await box.refunds() == [(RefundReason.CANCELLED, 2000)]
        [refund] = await fetch_all(db, select(Refund))
        assert refund.next_try_at == here.now

        await box.pay()
        assert await box.refunds() == [(RefundReason.CANCELLED, 2000)]
        await leave(db, box.workshop, ONE, here.now)

        assert await box.refunds() == [(RefundReason.CANCELLED, 2000)] * 2


async def test_leaving_late_pays_nothing_back_and_coming_back_costs_nothing(db: Database) -> None:
    async with till(db) as here:
        box = await a_box(here)
        await box.pay()
        here.now = AT_NIGHT
        await leave(db, box.workshop, ONE, here.now)

        async with db.read() as session:
            guild = await session.get_one(workshops.Guild, GUILD)
            workshop = await workshops.find(session, box.workshop, GUILD)
            found = await ways.ways_for_seat(session, guild, workshop, ONE, here.now, here.api)
        assert (found.cost_minor, found.by_card, found.otherwise) == (0, False, True)
        await refusal(db, NotBookable, box.begin)
        await take(db, box.workshop, ONE, now=here.now)

        assert (await seat_of(db, box.workshop, ONE)).total_cost_minor == 2000
        assert await box.refunds() == []


@pytest.mark.parametrize("rate_minor", first_plain([3000, 0]))
async def test_when_a_workshop_is_called_off_everybody_chooses_money_or_what_it_buys(
    db: Database, rate_minor: int
) -> None:
    async with till(db) as here:
        box = await a_box(here, least=3)
        payments = [await box.pay(ONE), await box.pay(TWO)]
        await transact(db, _with_rate, rate_minor)

        here.now = STARTS - DAY
        await deadlines.do_due(db, FakeDiscord(), here.clock, TaskPool(wait_for_slow=True))

        assert await box.refunds() == [(RefundReason.CANCELLED, 2000)] * 2
        due = {(one.next_try_at, one.credit_minutes) for one in await here.refunds()}
        assert due == {(here.now + DAY, 40) if rate_minor else (here.now, None)}
        for _ in range(2 if rate_minor else 0):
            lot = await transact(db, choices.keep_as_credit, payments[0].id, Actor(ONE), here.now)
            assert (lot.minutes_granted, lot.coach_ids, lot.paid_minor) == (40, [COACH], 2000)
        await here.tick(DAY)
        paid_back = [one.status is RefundStatus.DONE for one in await here.refunds()]
        assert paid_back == ([False, True] if rate_minor else [True, True])
        assert await left(db) == ([40] if rate_minor else [])


async def _with_rate(session: Any, rate_minor: int) -> None:
    (await session.get_one(Coach, (GUILD, COACH))).rate_minor = rate_minor


async def test_whoever_leaves_in_time_can_keep_what_they_paid_as_credit_each_time(db: Database) -> None:
    async with till(db) as here:
        box = await a_box(here)
        for minutes in (20, 40):
            await box.pay()
            await transact(db, _with_rate, 60 * 2000 // minutes)
            assert await transact(db, _credit_if_left, box.workshop, here.now) == minutes
            leaving = partial(choices.leave, session_id=box.workshop, actor=Actor(ONE), now=here.now)
            refused = await refusal(db, NotBookable, partial(leaving, credit_minutes=minutes + 1))
            assert "price has changed" in str(refused)
            assert (await seat_of(db, box.workshop, ONE)).status is ParticipantStatus.BOOKED
            for _ in range(2):
                await transact(db, partial(leaving, credit_minutes=minutes))
            here.now += MINUTE
        await here.tick(DAY)

        assert await left(db) == [20, 40]
        assert [one.status for one in await here.refunds()] == [RefundStatus.KEPT] * 2
        assert here.server.refunds == {}


async def _credit_if_left(session: Any, workshop: int, now: datetime) -> int | None:
    return await choices.credit_if_left(session, await session.get_one(Participant, (workshop, ONE)), now)


async def test_whoever_leaves_late_keeps_nothing_as_credit(db: Database) -> None:
    async with till(db) as here:
        box = await a_box(here)
        await box.pay()

        assert await transact(db, _credit_if_left, box.workshop, AT_NIGHT) is None
        await transact(db, choices.leave, box.workshop, Actor(ONE), AT_NIGHT, credit_minutes=20)

        assert (await box.refunds(), await left(db)) == ([], [])


async def test_whose_seat_an_admin_cancels_late_still_chooses(db: Database) -> None:
    async with till(db) as here:
        box = await a_box(here)
        payment = await box.pay()

        seen = Seen(box.workshop, AT_NIGHT)
        await transact(db, cancellation.cancel_seen, GUILD, ONE, ADMIN, seen, AT_NIGHT)
        lot = await transact(db, choices.keep_as_credit, payment.id, Actor(ONE), AT_NIGHT + DAY - MINUTE)

        assert lot.minutes_granted == 20


async def test_the_ways_to_pay_for_a_seat(db: Database) -> None:
    async with till(db) as here:
        box = await a_box(here, takes_credit=True)
        async with db.begin() as session:
            await a_lot(session, 60)
            (await session.get_one(workshops.Guild, GUILD)).payment_mode = PaymentMode.REQUIRED
        plain = await another_workshop(db, starts_at=STARTS + DAY)

        async with db.read() as session:
            guild = await session.get_one(workshops.Guild, GUILD)
            both = [
                await ways.ways_for_seat(
                    session, guild, await workshops.find(session, one, GUILD), ONE, here.now, here.api
                )
                for one in (box.workshop, plain)
            ]

        assert [(one.cost_minor, one.by_credit, one.by_card, one.otherwise) for one in both] == [
            (2000, True, True, False),
            (2000, False, True, False),
        ]


async def test_nobody_begins_to_pay_shortly_before_the_start_or_for_what_is_free(db: Database) -> None:
    async with till(db) as here:
        box = await a_box(here)
        here.now = STARTS - 39 * MINUTE
        await refusal(db, NotBookable, box.begin)
        here.now = MONDAY
        box.workshop = await another_workshop(db, starts_at=STARTS + DAY, price_minor=0)
        await refusal(db, NotBookable, box.begin)
