"""The process dies at each step of paying, giving up and paying back. What's due then does the rest, once."""

import contextlib
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any, cast

import pytest
from sqlalchemy import func, select

from models import (
    UNDECIDED,
    CoachingSession,
    CreditLot,
    Guild,
    Hold,
    Notification,
    NotificationKind,
    Payment,
    PaymentStatus,
    Refund,
    RefundStatus,
    SessionStatus,
)
from models.storage.database import Database
from scheduler.booking import cancellation
from scheduler.core.actor import Actor
from scheduler.core.errors import AlreadyDecided
from scheduler.credits import packages
from scheduler.payments import checkouts, choices, starting
from tests.support.bookings import CARA, book
from tests.support.builders import ADMIN, COACH, DAY, GUILD, HOUR, MINUTE, MONDAY, STUDENT
from tests.support.integrity import faults_of
from tests.support.mortal import Died, Doom, MortalDatabase, MortalStripe
from tests.support.payments import BACK, Till, till
from tests.support.stripe_server import Fault
from tests.support.transactions import fetch_all, query, transact

pytestmark = pytest.mark.slow

ALL_WEEK = [(day, 0, 24 * 60) for day in range(7)]
TERMS = packages.PackageTerms("Five hours", 300, 25000, "USD")
MOST_STEPS = 60
"""More than any of these stories has."""
Told = Counter[tuple[NotificationKind, int | None]]


class Life:
    """One student's payment, in a process that dies somewhere."""

    def __init__(self, here: Till, number: int) -> None:
        self.here, self.student = here, Actor(STUDENT + 100 + number)
        self.other = Actor(STUDENT + 500 + number)
        self.starts_at: datetime = MONDAY + 5 * DAY + number * HOUR

    async def payments(self) -> list[Payment]:
        return await fetch_all(self.here.db, select(Payment).where(Payment.user_id == self.student.user_id))

    async def start(self) -> Payment:
        return await self.here.start(self.student, self.starts_at)

    async def pay(self) -> None:
        """Pay on the pages whose address the student can know."""
        for one in await self.payments():
            if one.url is not None and one.status in UNDECIDED:
                self.here.server.pay(one.checkout_id)

    async def look(self) -> None:
        """Press "I've paid"."""
        for one in await self.payments():
            await checkouts.advance(self.here.db, self.here.api, one.id, self.here.clock)

    async def give_up(self) -> None:
        for one in await self.payments():
            await checkouts.give_up(self.here.db, self.here.api, one.id, self.here.clock)

    async def cancel(self, by: Actor | None = None) -> None:
        for one in await self.sessions():
            if one.status is SessionStatus.SCHEDULED:
                who, now = by or self.student, self.here.now
                await transact(self.here.db, cancellation.cancel, one.id, who, GUILD, "", now)

    async def keep(self) -> None:
        """Press "Keep as credit"."""
        for one in await self.payments():
            await transact(self.here.db, choices.keep_as_credit, one.id, self.student, self.here.now)

    async def choose_money(self) -> None:
        """Press "Money back now", perhaps too late."""
        for one in await self.payments():
            with contextlib.suppress(AlreadyDecided):
                await transact(self.here.db, choices.refund_now, one.id, self.student, self.here.now)

    async def sessions(self) -> list[CoachingSession]:
        theirs = CoachingSession.has_participant(self.student.user_id)
        return await fetch_all(self.here.db, select(CoachingSession).where(theirs))

    async def refunds(self) -> list[Refund]:
        theirs = select(Refund).join(Payment).where(Payment.user_id == self.student.user_id)
        return await fetch_all(self.here.db, theirs)

    def charged(self, paid: list[Payment]) -> list[str]:
        """Return the charges at Stripe for these payments."""
        codes = {one.code for one in paid}
        found = self.here.server.checkouts.values()
        return [
            one["payment_intent"] for one in found if one["client_reference_id"] in codes and one["payment_intent"]
        ]

    def paid_back(self, intents: list[str]) -> list[int]:
        """Return the refunds at Stripe of these charges."""
        return [one["amount"] for one in self.here.server.refunds.values() if one["payment_intent"] in intents]

    async def told(self) -> Told:
        about = select(Notification).join(Payment, Payment.id == Notification.payment_id)
        theirs = about.where(Payment.user_id == self.student.user_id)
        return Counter((one.kind, one.user_id) for one in await fetch_all(self.here.db, theirs))


async def is_anything_due(db: Database) -> bool:
    open_ones = select(func.count()).where(Payment.next_check_at.is_not(None))
    owed = select(func.count()).where(Refund.next_try_at.is_not(None))
    return bool(await query(db, lambda session: session.scalar(open_ones))) or bool(
        await query(db, lambda session: session.scalar(owed))
    )


async def settle(here: Till, *meanwhile: Callable[[], Awaitable[None]]) -> None:
    """Let a new process do what's due, until nothing is; people do the rest in between."""
    for _ in range(12):
        for one in meanwhile:
            await one()
        if not await is_anything_due(here.db):
            return
        await here.tick(61 * timedelta(seconds=1))
    raise AssertionError("something stays due for ever")


async def at_each_step(
    db: Database, story: Callable[[Life], Awaitable[None]], then: Callable[[Life], Awaitable[None]]
) -> int:
    """Kill a process at each step of a story, and check what becomes of it. Returns how many steps it has."""
    async with till(db, hours=ALL_WEEK) as here:
        doom = Doom()
        here.db = cast("Any", MortalDatabase(db, doom))
        here.api = cast("Any", MortalStripe(here.api, doom))
        for number in range(MOST_STEPS):
            life, doom.left = Life(here, number), number
            try:
                await story(life)
            except Died:
                doom.left = None
                await then(life)
            else:
                doom.left = None
                await then(life)
                assert await faults_of(db) == []
                return number
    raise AssertionError("it never ended")


async def test_a_payment_is_booked_and_charged_once_and_paid_back_once(db: Database) -> None:
    async def story(life: Life) -> None:
        await life.start()
        await life.pay()
        await life.look()
        await life.cancel()
        await life.here.tick()

    async def then(life: Life) -> None:
        await settle(life.here, life.pay)
        paid = await life.payments()
        if not paid:  # it died before anything was stored, so nobody was asked for anything
            await life.start()
            await settle(life.here, life.pay)
            paid = await life.payments()
        assert [one.status for one in paid] == [PaymentStatus.PAID]
        assert len(await life.sessions()) == 1
        await life.cancel()
        await settle(life.here)

        charged = life.charged(paid)
        assert len(charged) == 1
        assert life.paid_back(charged) == [6000]
        assert [one.status for one in await life.refunds()] == [RefundStatus.DONE]
        told = await life.told()
        assert told[NotificationKind.REFUNDED, life.student.user_id] == 1
        assert told[NotificationKind.PAYMENT_EXPIRED, life.student.user_id] == 0

    assert await at_each_step(db, story, then) > 15


async def test_what_a_student_keeps_as_credit_is_never_paid_back_too(db: Database) -> None:
    async def story(life: Life) -> None:
        await life.start()
        await life.pay()
        await life.look()
        await life.cancel(by=CARA)
        await life.keep()
        await life.here.tick()

    async def then(life: Life) -> None:
        for _ in range(3):
            await life.pay()
            await life.here.tick()
        paid = await life.payments()
        if not paid:  # it died before anything was stored
            return
        await life.cancel(by=CARA)
        await life.choose_money()
        await settle(life.here)

        lots = await fetch_all(db, select(CreditLot).where(CreditLot.user_id == life.student.user_id))
        [refund], back = await life.refunds(), life.paid_back(life.charged(paid))
        assert (refund.status, [one.minutes_left for one in lots], back) in (
            (RefundStatus.KEPT, [60], []),
            (RefundStatus.DONE, [], [6000]),
        )

    assert await at_each_step(db, story, then) > 12


async def test_the_address_of_a_page_that_opened_unseen_is_sent_once(db: Database) -> None:
    async def story(life: Life) -> None:
        life.here.server.fail("POST", "/checkout/sessions", Fault.UNREACHED)
        await life.start()
        await life.here.tick()

    async def then(life: Life) -> None:
        life.here.server.heal()
        if not await life.payments():
            return
        await life.here.tick()
        await life.here.tick()

        [payment] = await life.payments()
        assert payment.url is not None
        assert (await life.told())[NotificationKind.PAYMENT_OPEN, life.student.user_id] == 1
        await life.give_up()

    assert await at_each_step(db, story, then) > 8


async def test_whoever_gives_up_has_paid_nothing_and_the_time_is_free(db: Database) -> None:
    async def story(life: Life) -> None:
        await life.start()
        await life.give_up()

    async def then(life: Life) -> None:
        await life.give_up()

        assert {one.status for one in await life.payments()} <= {PaymentStatus.EXPIRED}
        assert life.charged(await life.payments()) == []
        assert await fetch_all(db, select(Hold)) == []
        await transact(db, book, life.other, life.starts_at, now=life.here.now)
        booked = CoachingSession.has_participant(life.other.user_id), CoachingSession.starts_at == life.starts_at
        [theirs] = await fetch_all(db, select(CoachingSession).where(*booked))
        await transact(db, cancellation.cancel, theirs.id, life.other, GUILD, "", life.here.now)

    assert await at_each_step(db, story, then) > 8


async def test_what_is_paid_after_the_time_was_lost_goes_back_once_and_both_are_told(db: Database) -> None:
    async def story(life: Life) -> None:
        await life.start()
        await life.pay()
        life.here.now += 61 * MINUTE  # Stripe didn't answer for so long
        await transact(db, book, life.other, life.starts_at, now=life.here.now)
        await life.look()
        await life.here.tick()

    async def then(life: Life) -> None:
        paid = await life.payments()
        charged = life.charged(paid)
        if not charged:  # it died before they could pay
            await settle_unpaid(life)
            return
        if not await fetch_all(db, select(CoachingSession).where(CoachingSession.starts_at == life.starts_at)):
            life.here.now += 61 * MINUTE
            await transact(db, book, life.other, life.starts_at, now=life.here.now)
        await settle(life.here)

        assert [(one.status, one.session_id) for one in await life.payments()] == [(PaymentStatus.PAID, None)]
        assert life.paid_back(charged) == [6000]
        told = await life.told()
        for user_id in (life.student.user_id, COACH):
            assert told[NotificationKind.PAYMENT_TOO_LATE, user_id] == 1
        assert told[NotificationKind.REFUNDED, life.student.user_id] == 1

    async def settle_unpaid(life: Life) -> None:
        life.here.now += 33 * MINUTE
        await settle(life.here)
        assert {one.status for one in await life.payments()} <= {PaymentStatus.EXPIRED, PaymentStatus.REFUSED}
        told = await life.told()
        assert told[NotificationKind.PAYMENT_EXPIRED, life.student.user_id] == len(await life.payments())

    assert await at_each_step(db, story, then) > 12


async def test_a_package_is_sold_once(db: Database) -> None:
    async def buy(life: Life) -> None:
        here = life.here
        async with here.db.begin() as session:
            guild = await session.get_one(Guild, GUILD)
            [package] = await packages.on_sale(session, GUILD) or [
                await packages.save(session, guild, ADMIN, TERMS, here.now)
            ]
            agreed = {"agreed_minor": 25000, "agreed_currency": "USD"}
            begun = await starting.for_package(
                session, guild, life.student, package.id, here.now, livemode=False, back_to=BACK, **agreed
            )
        await checkouts.advance(here.db, here.api, begun.id, here.clock)

    async def story(life: Life) -> None:
        await buy(life)
        await life.pay()
        await life.look()

    async def then(life: Life) -> None:
        await buy(life) if not await life.payments() else None
        await settle(life.here, life.pay)

        paid = await life.payments()
        lots = await fetch_all(db, select(CreditLot).where(CreditLot.user_id == life.student.user_id))
        assert [one.status for one in paid] == [PaymentStatus.PAID]
        assert [(one.minutes_left, one.paid_minor, one.currency) for one in lots] == [(300, 25000, "USD")]
        assert len(life.charged(paid)) == 1

    assert await at_each_step(db, story, then) > 8
