"""Paying by card, from the press to the booked session, the refund, and what admins see of it."""

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import select, update

from bot.demo import simcord_private
from cogs.payments.panels import state
from models import Coach, Guild, Hold, Payment, PaymentMode, PaymentStatus, Refund, RefundReason
from models.storage.database import Database
from scheduler.core.actor import Actor
from scheduler.credits import packages
from scheduler.credits.packages import PackageTerms
from scheduler.payments import refunds
from tests.cogs.booking.people import BUTTON, Visitor, about_to_confirm, components
from tests.support.credits import a_lot, left
from tests.support.simulated import Academy, academy, reply, selling_academy, words
from tests.support.stripe_server import Fault, StripeServer
from tests.support.transactions import transact

LINK = 5


@pytest.fixture
def engine_name() -> str:
    return "sqlite"


@contextlib.asynccontextmanager
async def taking_cards(
    db: Database, mode: PaymentMode = PaymentMode.OPTIONAL
) -> AsyncIterator[tuple[Academy, StripeServer]]:
    """Open the academy with a Stripe on this machine."""
    async with selling_academy(db) as world:
        assert world.stripe is not None
        await world.already_open()
        ada = await Visitor(world, world.admin).slash("coaching payments")
        await ada.choose("payments:mode", _CALLED[mode])
        yield world, world.stripe


_CALLED = {PaymentMode.OPTIONAL: "Cards, or as", PaymentMode.REQUIRED: "Only cards"}


async def wake(world: Academy) -> None:
    bot: Any = world.env.bot
    await simcord_private.as_the_bot(world.env, bot.wake)


def close_direct_messages(world: Academy, person: Any) -> None:
    path = f"/channels/{person.user.dm_channel.id}/messages"
    world.env.inject_error("POST", path, status=403, code=50007, times=None)


def link(panel: Any) -> str:
    """Return where the panel's link leads."""
    [url] = [one["url"] for one in components(panel, BUTTON) if one.get("style") == LINK]
    return url


async def test_from_confirm_to_the_booked_session_and_its_refund(db: Database) -> None:
    async with taking_cards(db) as (world, server):
        stu = await Visitor(world, world.student).book()
        await stu.press("14:00")
        assert "**Payment** By card, on Stripe's page." in stu.said
        assert "TEST: no money moves." in stu.said
        await stu.press("Pay $60.00")
        assert link(stu.panel) == "https://checkout.example/1"
        assert "$60.00 (TEST: no money moves)" in stu.said
        await stu.press("I've paid")
        assert "Stripe hasn't told us of your payment yet." in stu.said
        server.pay("cs_1")
        await stu.press("I've paid")
        assert "Booked ✅ · paid by card (TEST)" in stu.said
        assert await world.count(Hold) == 0

        form = await stu.open_form("Cancel…")
        assert "You get $60.00 (TEST: no money moves) back. As credit it's 60 minutes" in str(form.modal)
        await stu.send(form, **{"What you paid": ["Back to my card"], "Reason": ""})
        assert "**Refund** $60.00 (TEST: no money moves) goes back to your card" in stu.said
        await wake(world)

        assert [one["amount"] for one in server.refunds.values()] == [6000]
        [*_, told] = world.student.user.dm_channel.history()
        assert "Refunded" in words(told)
        assert link(told) == "https://receipts.example/2"


async def test_going_back_frees_the_time_and_closes_the_page(db: Database) -> None:
    async with taking_cards(db) as (world, server):
        stu = await Visitor(world, world.student).book()
        await stu.press("14:00", "Pay $60.00", "Don't pay")

        assert "This wasn't paid, so it isn't booked." in stu.said
        assert (await world.count(Hold), server.pay("cs_1")) == (0, False)
        await stu.press("Choose a time")
        assert "14:00" in stu.times


async def test_a_payment_that_the_background_checks_find_is_booked_and_told(db: Database) -> None:
    async with taking_cards(db) as (world, server):
        stu = await Visitor(world, world.student).book()
        await stu.press("14:00", "Pay $60.00")
        server.pay("cs_1")

        await world.wait_until(world.now + world.minutes(1))

        assert len(await world.sessions()) == 1
        [*_, told] = world.student.user.dm_channel.history()
        assert "Session booked · paid by card (TEST)" in words(told)
        assert "https://receipts.example/2" in [one.get("url") for one in components(told, BUTTON)]
        [*_, told] = world.coach.user.dm_channel.history()
        assert "New booking · paid by card (TEST)" in words(told)
        assert "https://receipts.example/2" not in [one.get("url") for one in components(told, BUTTON)]
        await stu.press("I've paid")
        assert "Booked ✅" in stu.said


async def test_a_page_that_opens_late_is_sent_by_direct_message(db: Database) -> None:
    async with taking_cards(db) as (world, server):
        server.fail("POST", "/checkout/sessions", Fault.BEFORE_500)
        stu = await Visitor(world, world.student).book()
        await stu.press("14:00", "Pay $60.00")
        assert "Stripe isn't answering at the moment." in stu.said

        await world.wait_until(world.now + world.minutes(1))

        [*_, message] = world.student.user.dm_channel.history()
        assert "Pay to book this" in words(message)
        assert link(message) == "https://checkout.example/1"


async def test_people_with_closed_direct_messages_still_pay_and_know(db: Database) -> None:
    async with taking_cards(db) as (world, server):
        close_direct_messages(world, world.student)
        server.fail("POST", "/checkout/sessions", Fault.BEFORE_500)
        stu = await Visitor(world, world.student).book()
        await stu.press("14:00", "Pay $60.00")
        await world.wait_until(world.now + world.minutes(1))

        await stu.slash("sessions")
        assert "60 min with Cara · $60.00 (TEST: no money moves)" in stu.said
        assert "Not booked yet." in stu.said
        assert link(stu.panel) == "https://checkout.example/1"
        server.pay("cs_1")
        await world.wait_until(world.now + world.minutes(1))
        await stu.slash("sessions")
        assert "1 upcoming" in stu.said
        assert "Not booked yet." not in stu.said
        assert world.dms(world.student) == []
        [*_, told] = world.guild.owner.dm_channel.history()
        assert "I can't reach Stu: their direct messages are closed." in words(told)


async def test_what_was_paid_too_late_is_in_sessions_for_a_week(db: Database) -> None:
    async with taking_cards(db) as (world, server):
        close_direct_messages(world, world.student)
        stu = await Visitor(world, world.student).book()
        await stu.press("14:00", "Pay $60.00")
        server.pay("cs_1")
        ada = await Visitor(world, world.admin).slash("coach suspend", member=world.coach, reason="Complaints.")
        assert "Suspended." in ada.said
        await wake(world)

        await stu.slash("sessions")
        assert "60 min with Cara · $60.00 (TEST: no money moves)\n**Paid too late**, so you get all" in stu.said
        assert [one["amount"] for one in server.refunds.values()] == [6000]
        await world.leap_to(world.now + world.minutes(7 * 24 * 60))
        assert "Paid too late" not in (await stu.slash("sessions")).said


async def test_where_cards_are_required_nothing_is_booked_without(db: Database) -> None:
    async with taking_cards(db, PaymentMode.REQUIRED) as (world, _):
        panel = (await about_to_confirm(world, world.student)).panel
        labels = [one["label"] for one in components(panel, BUTTON)]
        tampered = "book:confirm:{}:60:{}:6000:{}"

        assert "Pay $60.00" in labels
        assert "Confirm" not in labels
        pay = next(one["custom_id"] for one in components(panel, BUTTON) if one["label"] == "Pay $60.00")
        _, _, coach_id, _, start, _, currency = pay.split(":")
        answer = await world.press_custom_id(world.student, tampered.format(coach_id, start, currency))
        assert "takes payment by card before it books" in words(reply(answer))
        assert await world.sessions() == []


async def test_credit_comes_first_and_every_way_can_be_picked(db: Database) -> None:
    async with taking_cards(db) as (world, _):
        of = {"guild_id": world.guild.id, "user_id": world.student.id}
        await transact(db, a_lot, 240, now=world.now, **of)
        stu = await Visitor(world, world.student).book()

        await stu.press("14:00")
        assert "60 min · uses 60 of your 240 minutes of credit" in stu.said
        await stu.press("Pay by card instead")
        assert "**Payment** By card" in stu.said
        await stu.press("Pay another way")
        assert "60 min · $60.00" in stu.said
        await stu.press("Use credit instead", "Confirm")

        assert "Booked ✅" in stu.said
        [booked] = await world.sessions()
        assert (booked.student.credit_minutes, booked.student.total_cost_minor) == (60, 0)


async def test_a_package_is_bought_by_card_and_refunded(db: Database) -> None:
    async with taking_cards(db) as (world, server):
        terms = PackageTerms("Five hours", 300, 25000, "USD")
        async with db.begin() as session:
            guild = await session.get_one(Guild, world.guild.id)
            await packages.save(session, guild, Actor(world.admin.id, is_admin=True), terms, world.now)
        stu = await Visitor(world, world.student).slash("credits")
        await stu.press("Buy…", "Pay $250.00 by card")
        server.pay("cs_1")
        await stu.press("I've paid")

        assert "You have 300 more minutes of credit." in stu.said
        assert "300 minutes" in (await stu.slash("credits")).said
        ada = await Visitor(world, world.admin).slash("coaching payments")
        await ada.press("Refund…")
        assert "gets all of it back. This can't be undone." in ada.said
        assert "What's left of the credit is taken back." in ada.said
        await ada.press("Refund")
        await wake(world)
        assert [one["amount"] for one in server.refunds.values()] == [25000]
        assert (await left(db))[-1] == 0


async def test_admins_see_what_came_in_and_pay_back(db: Database) -> None:
    async with taking_cards(db) as (world, server):
        stu = await Visitor(world, world.student).book()
        await stu.press("14:00", "Pay $60.00")
        server.pay("cs_1")
        await stu.press("I've paid")

        ada = await Visitor(world, world.admin).slash("coaching payments")
        assert "**March 2026** (TEST) $60.00 paid" in ada.said
        await ada.press("Refund…", "◀ Payments", "Refund…")
        assert "the session stays as it is." in ada.said
        assert server.refunds == {}
        await ada.press("Refund")
        assert "to be refunded" in ada.said
        await wake(world)
        await ada.slash("coaching payments")
        assert "**March 2026** (TEST) $60.00 paid, $60.00 refunded" in ada.said
        assert "refunded · " in ada.said
        assert [one["amount"] for one in server.refunds.values()] == [6000]


@pytest.mark.parametrize(
    ("intent", "said"), [(None, "Nothing was charged."), ("pi_1", "You've paid, but not what we asked for")]
)
def test_what_stripe_refused_is_only_called_free_of_charge_if_it_was(intent: str | None, said: str) -> None:
    assert said in state(Payment(status=PaymentStatus.REFUSED, payment_intent_id=intent))


async def test_admins_without_the_command_find_payments_in_their_menu(db: Database) -> None:
    async with taking_cards(db) as (world, _):
        ada = await Visitor(world, world.admin).slash("sessions")
        await ada.press("Admin", "Card payments")

        assert "Card payments" in ada.said
        assert "No payments here." in ada.said


async def test_nothing_of_it_is_shown_without_a_key(db: Database) -> None:
    async with academy(db) as world:
        await world.already_open()
        bot: Any = world.env.bot
        commands = {one.qualified_name for one in bot.tree.walk_commands()}

        assert "coaching payments" not in commands
        assert "Pay" not in (await about_to_confirm(world, world.student)).said


async def test_health_shows_what_fails_about_payments_and_nothing_otherwise(db: Database) -> None:
    async with taking_cards(db) as (world, server):
        stu = await Visitor(world, world.student).book()
        await stu.press("14:00", "Pay $60.00")
        server.pay("cs_1")
        await stu.press("I've paid")
        said = words(reply(await world.admin.slash(world.lobby, "coaching health")))
        assert "Payment" not in said
        assert "Refund" not in said

        async with db.begin() as session:
            [paid] = await session.scalars(select(Payment))
            refund = refunds.owe(session, paid, RefundReason.ADMIN, world.now)
            refund.next_try_at = None
        said = words(reply(await world.admin.slash(world.lobby, "coaching health")))
        assert "🟡 **Refunds** 1 refund not paid back yet." in said

        async with db.begin() as session:
            [paid], [owed] = await session.scalars(select(Payment)), await session.scalars(select(Refund))
            await refunds.fail(session, owed, paid, "Stripe refused it", world.now)
            paid.status, paid.last_error = PaymentStatus.OPEN, "Stripe did not answer"
        said = words(reply(await world.admin.slash(world.lobby, "coaching health")))
        assert f"🔴 **Payment** `{paid.code}` Stripe did not answer. I'll keep trying." in said
        assert f"🔴 **Refund** of `{paid.code}` failed." in said
        assert "I couldn't pay $60.00 (TEST: no money moves) back to" in said


async def test_a_price_that_cards_cannot_be_charged_is_told_and_paid_otherwise(db: Database) -> None:
    async with taking_cards(db, PaymentMode.OPTIONAL) as (world, _):
        await world.choose(payment_instructions="By PayPal.")
        async with db.begin() as session:
            await session.execute(update(Coach).values(rate_minor=49))
        ada = await Visitor(world, world.admin).slash("coaching payments")
        await ada.choose("payments:mode", _CALLED[PaymentMode.REQUIRED])

        assert "⚠️ **Cards can't be charged these prices.**" in ada.said
        assert f"- {world.coach.mention}: At this rate, " in ada.said
        said = words(reply(await world.admin.slash(world.lobby, "coaching health")))
        assert f"🟡 **Not by card** {world.coach.mention}: At this rate, " in said
        stu = await about_to_confirm(world, world.student)
        assert "**How to pay** By PayPal." in stu.said
        assert "Cards can't be charged this price" in stu.said
        assert "Pay $0.49" not in stu.buttons
        await stu.press("Confirm")
        assert "Booked ✅" in stu.said
        async with db.begin() as session:
            await session.execute(update(Coach).values(rate_minor=6000))
        assert "Cards can't be charged" not in (await ada.slash("coaching payments")).said
