"""Paying when several things happen at the same moment: one booking for one charge, or all of it back."""

import asyncio
from collections.abc import Awaitable
from functools import partial
from typing import Any

import pytest
from sqlalchemy import select

from models import (
    BlockedFrom,
    CoachingSession,
    CreditLot,
    Hold,
    Payment,
    PaymentStatus,
    Refund,
    RefundStatus,
    SessionStatus,
)
from models.storage.database import Database
from scheduler.booking import blocks, cancellation, departures
from scheduler.core.actor import Actor
from scheduler.core.errors import CoachingError
from scheduler.core.task_pool import TaskPool
from scheduler.payments import checkouts, choices, due, refunds
from tests.support.bookings import CARA, TEN
from tests.support.builders import ADMIN, DAY, GUILD, HOUR, MINUTE, STUDENT
from tests.support.credits import a_lot, book_with_credit
from tests.support.integrity import faults_of
from tests.support.payments import Till, till
from tests.support.stripe_server import Fault
from tests.support.transactions import fetch_all, transact

pytestmark = pytest.mark.slow

ROUNDS = 6
ALL_WEEK = [(day, 0, 24 * 60) for day in range(7)]


async def at_once(*presses: Awaitable[Any]) -> list[Any]:
    """Do all of these at the same moment. Returns results and refusals; raises anything else."""
    ended = await asyncio.gather(*presses, return_exceptions=True)
    for one in ended:
        if isinstance(one, BaseException) and not isinstance(one, CoachingError):
            raise one
    return ended


def tick(here: Till) -> Awaitable[int]:
    """Do what's due now, as another process."""
    return due.do_due(here.db, here.api, here.clock, TaskPool(wait_for_slow=True))


async def sessions_at(db: Database, number: int) -> list[CoachingSession]:
    return await fetch_all(
        db, select(CoachingSession).where(CoachingSession.starts_at == TEN + DAY + number * HOUR)
    )


async def payment_of(here: Till, student: Actor) -> Payment:
    [found] = await fetch_all(here.db, select(Payment).where(Payment.user_id == student.user_id))
    return found


async def test_credit_and_a_card_for_one_time_book_one_and_charge_one(db: Database) -> None:
    async with till(db, hours=ALL_WEEK) as here:
        for number in range(ROUNDS):
            starts_at = TEN + DAY + number * HOUR
            card, credit = Actor(STUDENT + 2 * number), Actor(STUDENT + 2 * number + 1)
            await transact(db, a_lot, 60, user_id=credit.user_id)

            ended = await at_once(
                here.start(card, starts_at),
                transact(db, book_with_credit, credit, starts_at),
            )

            assert sum(isinstance(one, CoachingError) for one in ended) == 1
            pages = {one["client_reference_id"] for one in here.server.checkouts.values()}
            begun = await fetch_all(db, select(Payment).where(Payment.user_id == card.user_id))
            assert len(begun) + len(await sessions_at(db, number)) == 1
            assert {one.code for one in begun} <= pages
        assert await faults_of(db) == []


async def test_a_time_lost_while_it_is_paid_goes_to_one_and_the_other_gets_all_of_it_back(db: Database) -> None:
    async with till(db, hours=ALL_WEEK) as here:
        for number in range(ROUNDS):
            starts_at = TEN + DAY + number * HOUR
            card, credit = Actor(STUDENT + 2 * number), Actor(STUDENT + 2 * number + 1)
            await transact(db, a_lot, 60, user_id=credit.user_id)
            payment = await here.start(card, starts_at)
            here.server.pay(payment.checkout_id)
            here.now += 61 * MINUTE

            paid, other = await at_once(
                checkouts.advance(db, here.api, payment.id, here.clock),
                transact(db, book_with_credit, credit, starts_at, now=here.now),
            )

            [booked] = await sessions_at(db, number)
            owed = await fetch_all(db, select(Refund).where(Refund.payment_id == payment.id))
            assert paid.status is PaymentStatus.PAID
            if booked.student_id == card.user_id:
                assert isinstance(other, CoachingError)
                assert (booked.id, owed) == (paid.session_id, [])
            else:
                assert booked.id == other.id
                assert [one.amount_minor for one in owed] == [6000]
        await here.tick()
        assert {one.status for one in await here.refunds()} <= {RefundStatus.DONE}
        assert await faults_of(db) == []


async def test_pressing_twice_beside_the_tick_books_once(db: Database) -> None:
    async with till(db, hours=ALL_WEEK) as here:
        for number in range(ROUNDS):
            student = Actor(STUDENT + number)
            payment = await here.start(student, TEN + DAY + number * HOUR)
            here.server.pay(payment.checkout_id)
            here.now += MINUTE
            look = partial(checkouts.advance, db, here.api, payment.id, here.clock)

            await at_once(look(), tick(here), look(), tick(here))

            [booked] = await sessions_at(db, number)
            paid = await payment_of(here, student)
            assert (paid.status, paid.session_id) == (PaymentStatus.PAID, booked.id)
        assert await here.refunds() == []
        assert await faults_of(db) == []


async def test_two_starts_at_once_for_one_time_open_one_page(db: Database) -> None:
    async with till(db, hours=ALL_WEEK) as here:
        for number in range(ROUNDS):
            student, rival = Actor(STUDENT + 2 * number), Actor(STUDENT + 2 * number + 1)
            start = partial(here.start, starts_at=TEN + DAY + number * HOUR)

            await at_once(start(student), start(rival), start(student))

            begun = await fetch_all(
                db, select(Payment).where(Payment.user_id.in_((student.user_id, rival.user_id)))
            )
            assert [one.status for one in begun] == [PaymentStatus.OPEN]
            assert len(here.server.checkouts) == number + 1
        assert await faults_of(db) == []


async def test_whoever_gives_up_while_it_is_being_paid_is_booked_or_not_charged(db: Database) -> None:
    async with till(db, hours=ALL_WEEK) as here:

        async def pay(page: str | None) -> bool:
            return here.server.pay(page)

        for number in range(ROUNDS):
            student = Actor(STUDENT + number)
            payment = await here.start(student, TEN + DAY + number * HOUR)
            here.now += MINUTE

            _, charged, _ = await at_once(
                checkouts.give_up(db, here.api, payment.id, here.clock), pay(payment.checkout_id), tick(here)
            )
            await here.tick()

            after = await payment_of(here, student)
            assert after.status is (PaymentStatus.PAID if charged else PaymentStatus.EXPIRED)
            assert len(await sessions_at(db, number)) == charged
        assert await fetch_all(db, select(Hold)) == []


async def test_giving_up_while_the_page_opens_leaves_nothing_to_pay(db: Database) -> None:
    async with till(db, hours=ALL_WEEK) as here:
        for number in range(ROUNDS):
            student = Actor(STUDENT + number)
            here.server.fail("POST", "/checkout/sessions", Fault.UNREACHED)
            payment = await here.start(student, TEN + DAY + number * HOUR)
            here.now += MINUTE

            await at_once(
                checkouts.give_up(db, here.api, payment.id, here.clock),
                checkouts.advance(db, here.api, payment.id, here.clock),
                tick(here),
            )
            await here.tick()

            after = await payment_of(here, student)
            assert after.status is PaymentStatus.EXPIRED
            if after.url is not None:  # somebody may know it
                assert here.server.pay(after.checkout_id) is False
        assert await fetch_all(db, select(Hold)) == []


async def test_a_cancellation_an_admins_refund_and_two_ticks_at_once_pay_back_once(db: Database) -> None:
    async with till(db, hours=ALL_WEEK) as here:
        for number in range(ROUNDS):
            student = Actor(STUDENT + number)
            session_id = await here.paid(student, TEN + DAY + number * HOUR)
            payment = await payment_of(here, student)

            await at_once(
                transact(db, cancellation.cancel, session_id, student, GUILD, "", here.now),
                transact(db, refunds.pay_back, GUILD, payment.id, ADMIN, here.now),
            )
            await at_once(tick(here), tick(here), tick(here))
            await here.tick()
            await here.tick()

            assert len(here.server.refunds) == number + 1
        assert [one.status for one in await here.refunds()] == [RefundStatus.DONE] * ROUNDS
        assert await faults_of(db) == []


async def test_keeping_a_refund_as_credit_while_it_is_sent_gives_one_of_both(db: Database) -> None:
    async with till(db, hours=ALL_WEEK) as here:
        for number in range(ROUNDS):
            student = Actor(STUDENT + number)
            session_id = await here.paid(student, TEN + DAY + number * HOUR)
            await transact(db, cancellation.cancel, session_id, CARA, GUILD, "", here.now)
            payment = await payment_of(here, student)
            [refund] = await fetch_all(db, select(Refund).where(Refund.payment_id == payment.id))

            # The command line doesn't wait for the student's choice.
            await at_once(
                transact(db, choices.keep_as_credit, payment.id, student, here.now),
                refunds.advance(db, here.api, refund.id, here.clock),
                transact(db, choices.keep_as_credit, payment.id, student, here.now),
                tick(here),
            )

            [after] = await fetch_all(db, select(Refund).where(Refund.payment_id == payment.id))
            lots = await fetch_all(db, select(CreditLot).where(CreditLot.session_id == session_id))
            sent = [
                one for one in here.server.refunds.values() if one["payment_intent"] == payment.payment_intent_id
            ]
            assert (after.status, len(lots), len(sent)) in (
                (RefundStatus.KEPT, 1, 0),
                (RefundStatus.DONE, 0, 1),
            )
        assert await faults_of(db) == []


async def test_whoever_is_blocked_or_leaves_while_they_pay_is_booked_or_gets_all_of_it_back(db: Database) -> None:
    async with till(db, hours=ALL_WEEK) as here:

        async def pay(page: str | None) -> bool:
            return here.server.pay(page)

        for number in range(ROUNDS):
            student, rival = Actor(STUDENT + 2 * number), Actor(STUDENT + 2 * number + 1)
            starts_at = TEN + DAY + number * HOUR
            payment = await here.start(student, starts_at)
            here.now += MINUTE
            block, leave = blocks.block, departures.handle_departure
            barring = (
                transact(db, block, GUILD, student.user_id, ADMIN, [BlockedFrom.BOOKING], "", here.now)
                if number % 2
                else transact(db, leave, GUILD, student.user_id, departures.Why.LEFT, here.now)
            )

            _, charged, *_ = await at_once(
                barring,
                pay(payment.checkout_id),
                tick(here),
                here.start(rival, starts_at),
                checkouts.advance(db, here.api, payment.id, here.clock),
            )
            await here.tick()
            await here.tick()

            after, owed = await payment_of(here, student), await here.refunds()
            assert after.status is (PaymentStatus.PAID if charged else PaymentStatus.EXPIRED)
            kept = [one for one in await sessions_at(db, number) if one.status is SessionStatus.SCHEDULED]
            is_refunded = any(one.payment_id == payment.id for one in owed)
            assert is_refunded is (bool(charged) and student.user_id not in {one.student_id for one in kept})
        assert {one.status for one in await here.refunds()} <= {RefundStatus.DONE}
