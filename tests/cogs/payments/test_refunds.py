"""What people read and press once a session that was paid by card doesn't take place."""

from typing import Any

import pytest
from sqlalchemy import select

from models import CoachingSession, Refund, RefundStatus
from models.storage.database import Database
from scheduler.core.clock import stamp
from tests.cogs.booking.people import BUTTON, Visitor, components
from tests.cogs.payments.test_paying import taking_cards, wake
from tests.support import meetings
from tests.support.builders import DAY
from tests.support.credits import left
from tests.support.simulated import Academy, reply, words
from tests.support.stripe_server import StripeServer

MONEY = "$60.00 (TEST: no money moves)"


@pytest.fixture
def engine_name() -> str:
    return "sqlite"


async def paid(world: Academy, server: StripeServer) -> Visitor:
    """Book an hour with Cara by card, and return Stu in front of it."""
    stu = await Visitor(world, world.student).book()
    await stu.press("14:00", "Pay $60.00")
    server.pay("cs_1")
    return await stu.press("I've paid")


async def cancel_as_coach(world: Academy) -> Visitor:
    cara = await Visitor(world, world.coach).slash("sessions")
    await cara.fill("Cancel…", Reason="Ill.")
    await wake(world)
    return cara


async def status(db: Database) -> RefundStatus:
    async with db.read() as session:
        [refund] = await session.scalars(select(Refund))
        return refund.status


def news(person: Any, begins: str) -> Any:
    """Return the newest direct message that begins like this."""
    return [one for one in person.user.dm_channel.history() if words(one).startswith(f"**{begins}")][-1]


def buttons(message: Any) -> list[str]:
    return [one["label"] for one in components(message, BUTTON) if "custom_id" in one]


async def test_a_student_cancels_and_keeps_it_as_credit(db: Database) -> None:
    async with taking_cards(db) as (world, server):
        stu = await paid(world, server)
        form = await stu.open_form("Cancel…")
        await stu.send(form, **{"What you paid": ["Keep as credit"], "Reason": ""})
        assert f"**Refund** {MONEY} was kept as 60 minutes of credit" in stu.said
        await world.leap_to(world.now + 2 * DAY)

        assert server.refunds == {}
        assert await left(db) == [60]
        got = world.dms(world.student)[-1]
        assert "You got 60 minutes of credit instead of a refund" in got
        assert "with Cara, or a coach who doesn't cost more" in got
        assert "instead of a refund" in (await stu.slash("credits")).said
        ada = await Visitor(world, world.admin).slash("coaching payments")
        assert "kept as credit · " in ada.said
        assert "Refund" not in ada.buttons


async def test_a_late_cancellation_says_that_nothing_is_refunded(db: Database) -> None:
    async with taking_cards(db) as (world, server):
        await world.choose(cancel_notice_minutes=24 * 60)
        stu = await paid(world, server)
        form = await stu.open_form("Cancel…")
        assert f"The {MONEY} you paid isn't refunded." in str(form.modal)
        assert "What you paid" not in str(form.modal)
        await stu.send(form, Reason="")
        await world.leap_to(world.now + 2 * DAY)

        assert server.refunds == {}
        assert await left(db) == []


@pytest.mark.parametrize("restarted", [False, pytest.param(True, marks=pytest.mark.slow)])
async def test_after_a_coachs_cancellation_the_student_keeps_it_as_credit(db: Database, restarted: bool) -> None:
    async with taking_cards(db) as (world, server):
        stu = await paid(world, server)
        cara = await Visitor(world, world.coach).slash("sessions")
        form = await cara.open_form("Cancel…")
        assert f"Your student gets {MONEY} back, as money or as credit." in str(form.modal)
        assert "What you paid" not in str(form.modal)
        await cara.send(form, Reason="Ill.")
        assert f"**Refund** {MONEY} goes back to your student's card" in cara.said
        await wake(world)
        told = news(world.student, "Session cancelled by your coach")
        assert "Until then, you can keep it as 60 minutes of credit." in words(told)
        assert buttons(told)[:2] == ["Keep as credit", "Money back now"]
        assert "Keep as credit" in (await stu.slash("sessions")).buttons
        if restarted:
            await world.restart()

        for person in (world.coach, world.admin, world.other_student):
            for custom_id in ("pay:keep:1", "pay:back:1"):
                answer = await world.press_custom_id(person, custom_id)
                assert "You have no such payment." in words(reply(answer))
        answer = reply(await world.student.user.click(told, label="Keep as credit"))
        assert "You have 60 more minutes of credit instead of a refund" in words(answer)
        again = await world.press_custom_id(world.student, "pay:keep:1")
        assert words(reply(again)) == words(answer)
        too_late = words(reply(await world.press_custom_id(world.student, "pay:back:1")))
        assert "You've kept this as credit." in too_late
        await wake(world)
        told = news(world.student, "Session cancelled by your coach")
        assert f"**Refund** {MONEY} was kept as 60 minutes of credit" in words(told)
        assert not {"Keep as credit", "Money back now"} & set(buttons(told))
        await world.leap_to(world.now + 2 * DAY)

        assert (server.refunds, await left(db), await status(db)) == ({}, [60], RefundStatus.KEPT)


async def test_the_student_can_have_it_back_at_once_or_wait_for_it(db: Database) -> None:
    async with taking_cards(db) as (world, server):
        await paid(world, server)
        await cancel_as_coach(world)
        told = news(world.student, "Session cancelled by your coach")

        answer = reply(await world.student.user.click(told, label="Money back now"))
        assert f"{MONEY} goes back to your card." in words(answer)
        await wake(world)

        assert [one["amount"] for one in server.refunds.values()] == [6000]
        told = news(world.student, "Session cancelled by your coach")
        assert f"**Refund** {MONEY} went back to your card" in words(told)
        assert "Keep as credit" not in buttons(told)
        late = words(reply(await world.press_custom_id(world.student, "pay:keep:1")))
        assert "This money is on its way back to your card already" in late
        assert await left(db) == []


async def test_a_day_later_the_money_goes_back_by_itself(db: Database) -> None:
    async with taking_cards(db) as (world, server):
        await paid(world, server)
        await cancel_as_coach(world)
        ada = await Visitor(world, world.admin).slash("coaching payments")
        until = stamp(world.now + DAY, "f")
        assert f"to be refunded {until}, unless the student keeps it as credit · " in ada.said
        await world.leap_to(world.now + DAY + world.minutes(1))

        assert [one["amount"] for one in server.refunds.values()] == [6000]
        assert "Refunded" in world.dms(world.student)[-1]
        told = news(world.student, "Session cancelled by your coach")
        assert f"**Refund** {MONEY} went back to your card" in words(told)
        assert "Keep as credit" not in buttons(told)


async def ended(world: Academy, *inside: Any) -> CoachingSession:
    """Return the session right after its end, which these people came to."""
    [made] = await world.sessions()
    await meetings.opened(world, made, *inside)
    await world.leap_to(made.starts_at)
    await world.leap_to(made.starts_at + world.minutes(10))
    await meetings.to_the_end(world, made)
    return await meetings.reloaded(world, made)


@pytest.mark.slow
async def test_a_coach_who_misses_the_session_leaves_the_same_choice(db: Database) -> None:
    async with taking_cards(db) as (world, server):
        await paid(world, server)
        await ended(world, world.student)
        told = news(world.student, "Your coach missed your session")
        assert f"**Refund** {MONEY} goes back to your card" in words(told)
        hers = news(world.coach, "You missed your session")
        assert f"**Refund** {MONEY} goes back to your student's card" in words(hers)
        assert "Keep as credit" not in buttons(hers)

        await world.student.user.click(told, label="Keep as credit")
        await wake(world)

        assert "Keep as credit" not in buttons(news(world.student, "Your coach missed your session"))
        assert (server.refunds, await left(db)) == ({}, [60])


async def cancelled_late(world: Academy, server: StripeServer) -> Visitor:
    await world.choose(cancel_notice_minutes=24 * 60)
    stu = await paid(world, server)
    await stu.fill("Cancel…", Reason="")
    await wake(world)
    return stu


async def test_a_coach_waives_the_charge_from_its_message_and_the_money_goes_back(db: Database) -> None:
    async with taking_cards(db) as (world, server):
        await cancelled_late(world, server)
        hers = news(world.coach, "Session cancelled by your student")
        assert f"{MONEY} charged" in words(hers)
        assert "Dispute charge…" in buttons(news(world.student, "Session cancelled by you"))

        answer = reply(await world.coach.user.click(hers, label="Waive charge"))
        await wake(world)

        assert (
            words(answer) == f"Charge waived: {MONEY} goes back to your student's card. We've told your student."
        )
        assert [one["amount"] for one in server.refunds.values()] == [6000]
        assert f"Your coach gave you back {MONEY}" in "".join(world.dms(world.student)[-2:])
        his = news(world.student, "Session cancelled by you")
        assert f"**Refund** {MONEY} went back to your card" in words(his)
        assert "Dispute charge…" not in buttons(his)
        assert "Waive charge" not in buttons(news(world.coach, "Session cancelled by your student"))


async def test_a_student_disputes_a_no_show_and_an_admin_gives_the_money_back(db: Database) -> None:
    async with taking_cards(db) as (world, server):
        await paid(world, server)
        await ended(world, world.coach)
        his = news(world.student, "You missed your session")
        form = await world.student.user.click(his, label="Dispute charge…")
        assert f"This session charged the {MONEY} you paid." in str(form.modal)
        await world.student.user.submit_modal(form, {"What happened": "My train was late."})
        await wake(world)
        card = world.card
        assert f"disputes that {MONEY} was charged." in words(card)
        await world.admin.click(card, label="Give back")
        await wake(world)

        assert [one["amount"] for one in server.refunds.values()] == [6000]
        assert f"An admin gave you back {MONEY}" in "".join(world.dms(world.student)[-2:])
        assert f"An admin gave your student back {MONEY}" in world.dms(world.coach)[-1]
        assert ": money given back" in words(world.card)
        assert "**Disputed** An admin gave the money back." in words(
            news(world.student, "You missed your session")
        )
