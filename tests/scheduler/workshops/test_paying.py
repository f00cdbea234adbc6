"""Seats that cost something: credit or a card, and what's given back."""

from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import select

from models import (
    CreditLot,
    Hold,
    Participant,
    ParticipantStatus,
    PaymentMode,
    PaymentPurpose,
    PaymentStatus,
    Refund,
    RefundReason,
    Reservation,
    SessionStatus,
)
from models.storage.database import Database
from scheduler.booking import cancellation
from scheduler.core.actor import Actor
from scheduler.core.errors import NotBookable, WorkshopFull
from scheduler.core.task_pool import TaskPool
from scheduler.credits import charges
from scheduler.payments import starting, ways
from scheduler.workshops import deadlines, seats, workshops
from tests.support.bookings import CARA
from tests.support.builders import DAY, GUILD, HOUR, MINUTE, MONDAY, STUDENT, refusal
from tests.support.credits import a_lot, entries, left
from tests.support.fakes import FakeDiscord
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

        assert starting.name_of(await box.start()) == "A seat in “Mixing drums” with Cara"


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


async def test_a_cancelled_workshop_pays_everybody_back_at_once(db: Database) -> None:
    async with till(db) as here:
        box = await a_box(here, least=3)
        await box.pay(ONE)
        await box.pay(TWO)

        await deadlines.do_due(db, FakeDiscord(), lambda: STARTS - DAY, TaskPool(wait_for_slow=True))

        assert await box.refunds() == [(RefundReason.CANCELLED, 2000)] * 2
        due = {one.next_try_at for one in await fetch_all(db, select(Refund))}
        assert due == {STARTS - DAY}
        assert await fetch_all(db, select(CreditLot)) == []


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
