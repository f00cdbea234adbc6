"""What Stripe may answer: late, twice, in the wrong order, never, or with a refusal."""

import itertools
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from functools import partial

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.stripe_api.client import StripeApi
from models import (
    AuditEntry,
    BlockedFrom,
    CoachingSession,
    Hold,
    Notification,
    NotificationKind,
    PaymentStatus,
    RefundStatus,
)
from models.storage.database import Database
from scheduler.booking import blocks, cancellation, departures
from scheduler.coaches import suspensions
from scheduler.core.errors import AlreadyDecided, NotAllowed, NotBookable, NotFound
from scheduler.notifications import bot_removal
from scheduler.payments import checkouts, due, refunds
from scheduler.payments.ports import Checkout, CheckoutState, StripeUnavailable
from tests.support.bookings import CARA, SAM, STU, TEN, book
from tests.support.builders import ADMIN, DAY, GUILD, HOUR, MINUTE, refusal
from tests.support.payments import till
from tests.support.stripe_server import LIVE_KEY, Asked, Fault, stripe_server
from tests.support.transactions import fetch_all, transact

SECOND = timedelta(seconds=1)
TOLD = (
    NotificationKind.PAYMENT_OPEN,
    NotificationKind.PAYMENT_EXPIRED,
    NotificationKind.PAYMENT_TOO_LATE,
    NotificationKind.REFUNDED,
)


async def told(db: Database) -> list[tuple[NotificationKind, int | None]]:
    """Return what people are told of payments."""
    found = await fetch_all(db, select(Notification).where(Notification.kind.in_(TOLD)).order_by(Notification.id))
    return [(one.kind, one.user_id) for one in found]


async def sessions(db: Database) -> list[CoachingSession]:
    return await fetch_all(db, select(CoachingSession))


async def test_the_same_answer_twice_books_once(db: Database) -> None:
    async with till(db) as here:
        payment = await here.start()
        here.server.pay(payment.checkout_id)
        complete = await here.api.fetch_checkout("cs_1")
        first = await checkouts.record(db, payment.id, complete, here.now)
        second = await checkouts.record(db, payment.id, complete, here.now + MINUTE)

        assert first.session_id == second.session_id
        assert second.paid_at == here.now
        assert len(await sessions(db)) == 1


@pytest.mark.parametrize("state", [CheckoutState.OPEN, CheckoutState.EXPIRED])
async def test_an_older_answer_changes_nothing_once_it_is_paid(db: Database, state: CheckoutState) -> None:
    async with till(db) as here:
        payment = await here.start()
        older = Checkout("cs_1", state, False, 6000, "USD", False, payment.expires_at, payment.url)
        here.server.pay(payment.checkout_id)
        await here.tick()
        after = await checkouts.record(db, payment.id, older, here.now)

        assert (after.status, after.next_check_at) == (PaymentStatus.PAID, None)
        assert await told(db) == []


async def test_a_failure_that_stripe_repeats_closes_the_payment_unpaid_at_its_time(db: Database) -> None:
    async with till(db) as here:
        here.server.fail("POST", "/checkout/sessions", Fault.AFTER_500)
        await here.start()
        for _ in range(31):
            await here.tick()
        [before] = await here.payments()
        await here.tick(3 * MINUTE)

        [after] = await here.payments()
        assert (before.status, after.status, after.url) == (PaymentStatus.NEW, PaymentStatus.EXPIRED, None)
        assert len(here.server.checkouts) == 1
        assert here.server.intents == {}
        assert await told(db) == [(NotificationKind.PAYMENT_EXPIRED, STU.user_id)]
        await transact(db, book, SAM, now=here.now)


async def test_a_refund_is_found_though_stripe_repeats_that_it_failed(db: Database) -> None:
    async with till(db) as here:
        session_id = await here.paid()
        here.server.fail("POST", "/refunds", Fault.AFTER_500)
        await transact(db, cancellation.cancel, session_id, STU, GUILD, "", here.now)
        await here.tick()
        await here.tick()

        [refund] = await here.refunds()
        assert (refund.status, refund.refund_id) == (RefundStatus.DONE, *here.server.refunds)
        assert here.server.count("POST", "/refunds") == 1
        assert await told(db) == [(NotificationKind.REFUNDED, STU.user_id)]


async def test_a_refund_whose_failure_stripe_repeats_gets_another_key_after_a_day(db: Database) -> None:
    async with till(db) as here:
        session_id = await here.paid()
        here.server.fail("POST", "/refunds", Fault.AFTER_500)
        await transact(db, cancellation.cancel, session_id, STU, GUILD, "", here.now)
        await here.tick()
        here.server.refunds.clear()  # it failed before it was done
        for _ in range(22):
            await here.tick(HOUR)
        [before] = await here.refunds()
        for _ in range(3):
            await here.tick(HOUR)

        [after] = await here.refunds()
        assert (before.status, after.status) == (RefundStatus.OWED, RefundStatus.DONE)
        assert before.idempotency_key != after.idempotency_key
        assert len(here.server.refunds) == 1


@pytest.mark.parametrize("fault", [Fault.LOST, Fault.AFTER_502])
async def test_a_refund_made_a_day_ago_is_not_made_again(db: Database, fault: Fault) -> None:
    async with till(db) as here:
        session_id = await here.paid()
        here.server.fail("POST", "/refunds", fault)
        await transact(db, cancellation.cancel, session_id, STU, GUILD, "", here.now)
        await here.tick()
        await here.tick(3 * DAY)

        [refund] = await here.refunds()
        assert refund.status is RefundStatus.DONE
        assert here.server.count("POST", "/refunds") == 1


async def test_what_was_paid_back_in_the_dashboard_is_not_paid_back_again(db: Database) -> None:
    async with till(db) as here:
        session_id = await here.paid()
        [payment] = await here.payments()
        assert payment.payment_intent_id is not None
        here.server.refund_in_dashboard(payment.payment_intent_id, 6000)
        await transact(db, cancellation.cancel, session_id, STU, GUILD, "", here.now)
        await here.tick()

        [refund] = await here.refunds()
        assert refund.status is RefundStatus.DONE
        assert len(here.server.refunds) == 1


async def test_a_refund_that_stripe_refuses_is_left_to_an_admin(db: Database) -> None:
    async with till(db) as here:
        session_id = await here.paid()
        [payment] = await here.payments()
        assert payment.payment_intent_id is not None
        here.server.refund_in_dashboard(payment.payment_intent_id, 1000)
        await transact(db, cancellation.cancel, session_id, STU, GUILD, "", here.now)
        await here.tick()
        await here.tick(DAY)

        [refund] = await here.refunds()
        assert (refund.status, refund.next_try_at) == (RefundStatus.FAILED, None)
        assert sum(one["amount"] for one in here.server.refunds.values()) == 1000
        assert await told(db) == []


async def test_stripes_clock_far_ahead_frees_the_time_and_says_so(db: Database) -> None:
    async with till(db) as here:
        here.server.now = lambda: here.now + 2 * MINUTE + SECOND
        payment = await here.start()

        assert payment.status is PaymentStatus.REFUSED
        assert await told(db) == [(NotificationKind.PAYMENT_EXPIRED, STU.user_id)]
        assert here.server.checkouts == {}
        await transact(db, book, SAM, now=here.now)


async def test_a_request_that_comes_through_too_late_frees_the_time_and_says_so(db: Database) -> None:
    async with till(db) as here:
        here.server.fail("POST", "/checkout/sessions", Fault.UNREACHED)
        await here.start()
        await here.tick(2 * MINUTE + SECOND)  # less than 30 minutes before the page would close

        assert [one.status for one in await here.payments()] == [PaymentStatus.REFUSED]
        assert await told(db) == [(NotificationKind.PAYMENT_EXPIRED, STU.user_id)]
        assert await fetch_all(db, select(Hold)) == []


async def test_giving_up_frees_the_time_though_stripe_was_never_reached(db: Database) -> None:
    async with till(db) as here:
        here.server.fail("*", "*", Fault.UNREACHED, times=100)
        here.server.fail("POST", "*", Fault.UNREACHED, times=100)
        payment = await here.start()
        closed = await checkouts.give_up(db, here.api, payment.id, here.clock)

        assert (closed.status, closed.next_check_at) == (PaymentStatus.EXPIRED, None)
        assert await told(db) == []
        await transact(db, book, SAM, now=here.now)


async def test_a_page_that_may_be_paid_is_not_given_up_without_stripe(db: Database) -> None:
    async with till(db) as here:
        payment = await here.start()
        here.server.fail("POST", "/checkout/sessions/*/expire", Fault.BEFORE_500)
        with pytest.raises(StripeUnavailable):
            await checkouts.give_up(db, here.api, payment.id, here.clock)

        assert [one.status for one in await here.payments()] == [PaymentStatus.OPEN]
        assert len(await fetch_all(db, select(Hold))) == 1


async def test_stripe_is_asked_after_5_seconds_then_every_10_then_every_minute(db: Database) -> None:
    async with till(db) as here:
        payment = await here.start()
        ages = [here.now - payment.created_at]
        while here.now < payment.created_at + 8 * MINUTE:
            [now] = await here.payments()
            assert now.next_check_at is not None
            await here.tick(now.next_check_at - here.now)
            ages.append(here.now - payment.created_at)

        gaps = [later - earlier for earlier, later in itertools.pairwise(ages)]
        assert gaps == [5 * SECOND, *[10 * SECOND] * 30, *[MINUTE] * 3]


async def test_a_slow_first_answer_is_asked_about_soon_too(db: Database) -> None:
    async with till(db) as here:
        payment = await here.start()
        here.now += 2 * SECOND
        after = await checkouts.advance(db, here.api, payment.id, here.clock)

        assert after.next_check_at == here.now + 5 * SECOND


@pytest.mark.parametrize(
    "wrong", [{"amount_total": 5999}, {"currency": "eur"}, {"livemode": True}], ids=lambda one: next(iter(one))
)
async def test_what_stripe_has_otherwise_is_closed_and_never_booked(
    db: Database, wrong: dict[str, object]
) -> None:
    async with till(db) as here:
        await here.start()
        here.server.checkouts["cs_1"] |= wrong
        await here.tick()

        [payment] = await here.payments()
        assert (payment.status, payment.url, payment.next_check_at) == (PaymentStatus.REFUSED, None, None)
        assert here.server.pay("cs_1") is False
        assert await told(db) == [(NotificationKind.PAYMENT_EXPIRED, STU.user_id)]
        await transact(db, book, SAM, now=here.now)


async def test_what_was_paid_otherwise_than_asked_is_left_to_an_admin(db: Database) -> None:
    async with till(db) as here:
        await here.start()
        here.server.pay("cs_1")
        here.server.checkouts["cs_1"] |= {"amount_total": 5999}
        await here.tick()

        [payment] = await here.payments()
        assert (payment.status, payment.payment_intent_id) == (PaymentStatus.REFUSED, *here.server.intents)
        assert payment.last_error is not None
        assert "5999" in payment.last_error
        assert await told(db) == []  # "nothing was charged" would be wrong
        assert await sessions(db) == []


async def test_a_key_of_the_other_mode_leaves_open_payments_alone(db: Database) -> None:
    async with till(db) as here, stripe_server(livemode=True, _numbers=itertools.count(100)) as live:
        for hours in range(3):
            await here.start(starts_at=TEN + hours * HOUR)
        [first, *_] = await here.payments()
        live.now, here.server, test = here.clock, live, here.api
        here.api = StripeApi(LIVE_KEY, base=live.url)
        try:
            await here.tick()
            with pytest.raises(StripeUnavailable, match="other mode"):
                await checkouts.give_up(db, here.api, first.id, here.clock)
            await checkouts.advance(db, here.api, first.id, here.clock)
            assert live.requests == []
            begun = await here.start(starts_at=TEN + 3 * HOUR)
        finally:
            await here.api.aclose()
            here.api = test

        assert (begun.livemode, begun.status) == (True, PaymentStatus.OPEN)
        assert [one.status for one in await here.payments()] == [PaymentStatus.OPEN] * 4


async def test_what_stripe_no_longer_answers_about_does_not_count_as_open(db: Database) -> None:
    async with till(db) as here:
        for hours in range(3):
            await here.start(starts_at=TEN + (3 + hours) * HOUR)
        here.server.fail("GET", "*", Fault.BEFORE_500, times=100)
        await here.tick(59 * MINUTE)
        with pytest.raises(NotBookable, match="3 open payments"):
            await here.start(starts_at=TEN + 6 * HOUR)
        await here.tick(MINUTE)
        await here.start(starts_at=TEN + 6 * HOUR)


async def block(session: AsyncSession, now: datetime) -> None:
    await blocks.block(session, GUILD, STU.user_id, ADMIN, [BlockedFrom.BOOKING], "Spam.", now)


async def suspend(session: AsyncSession, now: datetime) -> None:
    await suspensions.suspend(session, GUILD, CARA.user_id, ADMIN, "Complaints.", now)


async def bot_removed(session: AsyncSession, now: datetime) -> None:
    await bot_removal.record_removal(session, GUILD, now)


@pytest.mark.parametrize("end_it", [block, suspend, bot_removed])
async def test_who_cannot_be_booked_any_more_when_it_is_paid_gives_all_of_it_back(
    db: Database, end_it: Callable[[AsyncSession, datetime], Awaitable[None]]
) -> None:
    async with till(db) as here:
        payment = await here.start()
        await transact(db, end_it, here.now)
        here.server.pay(payment.checkout_id)
        await here.tick()
        await here.tick()

        [paid], [refund] = await here.payments(), await here.refunds()
        assert (paid.status, paid.session_id, paid.hold_id) == (PaymentStatus.PAID, None, None)
        assert refund.status is RefundStatus.DONE
        assert await told(db) == [
            (NotificationKind.PAYMENT_TOO_LATE, STU.user_id),
            (NotificationKind.PAYMENT_TOO_LATE, CARA.user_id),
            (NotificationKind.REFUNDED, STU.user_id),
        ]
        assert await fetch_all(db, select(Hold)) == []


async def leave(session: AsyncSession, now: datetime, who: int = STU.user_id) -> None:
    await departures.handle_departure(session, GUILD, who, departures.Why.LEFT, now)


@pytest.mark.parametrize(
    "end_it",
    [block, suspend, leave, partial(leave, who=CARA.user_id), bot_removed],
    ids=["block", "suspend", "student leaves", "coach leaves", "bot removed"],
)
async def test_a_page_is_closed_when_what_it_sells_cannot_be_had_any_more(
    db: Database, end_it: Callable[[AsyncSession, datetime], Awaitable[None]]
) -> None:
    async with till(db) as here:
        payment = await here.start()
        await transact(db, end_it, here.now)
        if end_it is not bot_removed:
            assert await fetch_all(db, select(Hold)) == []
            assert [one.next_check_at for one in await here.payments()] == [here.now]
        await here.tick()

        [closed] = await here.payments()
        assert (closed.status, closed.url, closed.next_check_at) == (PaymentStatus.EXPIRED, payment.url, None)
        assert here.server.pay("cs_1") is False
        assert await told(db) == [(NotificationKind.PAYMENT_EXPIRED, STU.user_id)]
        assert await fetch_all(db, select(Hold)) == []


async def test_a_page_that_stripe_does_not_close_is_closed_later(db: Database) -> None:
    async with till(db) as here:
        await here.start()
        await transact(db, block, here.now)
        here.server.fail("POST", "/checkout/sessions/*/expire", Fault.BEFORE_500)
        failed = await here.tick()
        assert [one.status for one in await here.payments()] == [PaymentStatus.OPEN]
        await here.tick()

        assert failed == 1
        assert [one.status for one in await here.payments()] == [PaymentStatus.EXPIRED]


async def test_somebody_elses_page_stays_open(db: Database) -> None:
    async with till(db) as here:
        await here.start(SAM)
        await transact(db, block, here.now)
        await here.tick()

        assert [one.status for one in await here.payments()] == [PaymentStatus.OPEN]
        assert len(await fetch_all(db, select(Hold))) == 1


@pytest.mark.parametrize(("before", "until"), [(2 * HOUR, TEN - HOUR), (45 * MINUTE, TEN)])
async def test_the_time_is_held_for_an_hour_if_stripe_says_nothing_but_not_past_its_start(
    db: Database, before: timedelta, until: datetime
) -> None:
    async with till(db) as here:
        here.now = TEN - before
        await here.start()

        [held] = await fetch_all(db, select(Hold))
        assert held.expires_at == until


async def test_an_admin_pays_back_once_what_was_paid(db: Database) -> None:
    async with till(db) as here:
        await here.paid()
        unpaid = await here.start(SAM, TEN + HOUR)
        [paid, _] = await here.payments()
        with pytest.raises(NotAllowed):
            await transact(db, refunds.pay_back, GUILD, paid.id, STU, here.now)
        with pytest.raises(NotFound):
            await transact(db, refunds.pay_back, GUILD + 1, paid.id, ADMIN, here.now)
        with pytest.raises(AlreadyDecided, match="hasn't been paid"):
            await transact(db, refunds.pay_back, GUILD, unpaid.id, ADMIN, here.now)
        await transact(db, refunds.pay_back, GUILD, paid.id, ADMIN, here.now)
        with pytest.raises(AlreadyDecided, match="already"):
            await transact(db, refunds.pay_back, GUILD, paid.id, ADMIN, here.now)
        assert paid.session_id is not None
        await transact(db, cancellation.cancel, paid.session_id, CARA, GUILD, "Ill.", here.now)
        await here.tick()

        assert [one.amount_minor for one in await here.refunds()] == [6000]
        assert [one["amount"] for one in here.server.refunds.values()] == [6000]


async def test_a_wrong_key_is_in_no_row_and_no_log(db: Database, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with till(db) as here:
        right = here.api
        here.api = StripeApi("sk_test_very_secret", base=here.server.url)
        try:
            begun = await here.start()
            failed = await here.tick()
        finally:
            await here.api.aclose()
            here.api = right
        audited = await fetch_all(db, select(AuditEntry))

        [payment] = await here.payments()
        assert (begun.status, failed) == (PaymentStatus.NEW, 1)
        assert payment.last_error == "Stripe refuses the key: check STRIPE_SECRET_KEY"
        rows = [vars(one) for one in (payment, *audited)]
        assert "very_secret" not in f"{rows} {caplog.text}"
        await here.tick()
        assert [one.status for one in await here.payments()] == [PaymentStatus.OPEN]


async def test_an_answer_nobody_expects_holds_up_neither_the_others_nor_the_tick(db: Database) -> None:
    async with till(db) as here:
        first, second = await here.start(), await here.start(SAM, TEN + HOUR)
        here.server.checkouts["cs_1"]["status"] = "surprising"
        here.server.pay(second.checkout_id)

        failed = await here.tick()

        surprised, paid = await here.payments()
        assert (failed, paid.status) == (1, PaymentStatus.PAID)
        assert (surprised.status, surprised.last_error) == (PaymentStatus.OPEN, "ValueError (a bug; see the log)")
        assert surprised.next_check_at is not None
        assert surprised.next_check_at > here.now
        here.server.checkouts["cs_1"]["status"] = "open"
        here.server.pay(first.checkout_id)
        await here.tick(2 * MINUTE)
        assert [one.status for one in await here.payments()] == [PaymentStatus.PAID] * 2


async def test_a_refund_answered_as_nobody_expects_is_made_once(db: Database) -> None:
    async with till(db) as here:
        session_id = await here.paid()
        await transact(db, cancellation.cancel, session_id, STU, GUILD, "", here.now)
        state = "odd"

        def set_state(_: Asked) -> None:
            for one in here.server.refunds.values():
                one["status"] = state

        here.server.before_answer = set_state
        failed = await here.tick()
        state = "pending"
        await here.tick()

        [refund] = await here.refunds()
        assert (failed, refund.status) == (1, RefundStatus.DONE)
        assert len(here.server.refunds) == 1


async def test_what_is_learned_only_after_the_start_goes_back(db: Database) -> None:
    async with till(db) as here:
        here.now = TEN - 40 * MINUTE
        payment = await here.start()
        here.server.pay(payment.checkout_id)
        here.now = TEN
        after = await checkouts.advance(db, here.api, payment.id, here.clock)

        assert (after.status, after.session_id) == (PaymentStatus.PAID, None)
        assert [one.amount_minor for one in await here.refunds()] == [6000]


async def test_a_complete_page_that_is_not_paid_books_nothing(db: Database) -> None:
    async with till(db) as here:
        payment = await here.start()
        complete = Checkout("cs_1", CheckoutState.COMPLETE, False, 6000, "USD", False, payment.expires_at)
        after = await checkouts.record(db, payment.id, complete, here.now)

        assert after.status is PaymentStatus.OPEN
        assert await sessions(db) == []


async def test_what_has_been_paid_back_is_not_asked_for_again(db: Database) -> None:
    async with till(db) as here:
        session_id = await here.paid()
        await transact(db, cancellation.cancel, session_id, STU, GUILD, "", here.now)
        await here.tick()
        [refund] = await here.refunds()
        asked = len(here.server.requests)

        assert await refunds.advance(db, here.api, refund.id, here.clock) is True
        assert len(here.server.requests) == asked


async def test_a_payment_is_found_by_whoever_makes_it_and_nobody_else(db: Database) -> None:
    async with till(db) as here:
        payment = await here.start()

        assert (await transact(db, checkouts.find, payment.id, STU)).id == payment.id
        for somebody in (SAM, CARA, ADMIN):
            await refusal(db, NotFound, partial(checkouts.find, payment_id=payment.id, actor=somebody))
        await refusal(db, NotFound, partial(checkouts.find, payment_id=payment.id + 1, actor=STU))


async def test_an_event_hurries_an_open_payment_once(db: Database) -> None:
    async with till(db) as here:
        payment = await here.start()

        async def hurry(event_id: str, checkout_id: str = "cs_1", code: str | None = None) -> bool:
            use_case = partial(due.hurry, event_id=event_id, now=here.now, checkout_id=checkout_id, code=code)
            return await transact(db, use_case)

        assert await hurry("evt_1", "cs_other", "other") is False
        assert await hurry("evt_2")
        assert [one.next_check_at for one in await here.payments()] == [here.now]
        assert await hurry("evt_2") is False
        assert await hurry("evt_3", "cs_lost", payment.code)
        here.server.pay("cs_1")
        await here.tick()
        assert await hurry("evt_4") is False


async def test_months_go_by_stripes_clock_however_late_it_is_learned(db: Database) -> None:
    async with till(db) as here:
        payment = await here.start()
        paid_at = here.now
        here.server.pay(payment.checkout_id)
        here.server.fail("GET", "*", Fault.BEFORE_500)
        await here.tick()
        await here.tick(3 * MINUTE)
        [paid] = await here.payments()
        assert paid.session_id is not None
        await transact(db, cancellation.cancel, paid.session_id, STU, GUILD, "", here.now)
        here.server.fail("POST", "/refunds", Fault.LOST)
        await here.tick()
        refunded_at = here.now
        await here.tick(HOUR)

        [refund] = await here.refunds()
        assert (paid.paid_at, paid.closed_at) == (paid_at, paid_at + 4 * MINUTE)
        assert (refund.status, refund.done_at) == (RefundStatus.DONE, refunded_at)
