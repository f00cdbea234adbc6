"""The waiting list, from the first press to what people read."""

from typing import Any

from sqlalchemy import select

from models import Offer, OfferState, Wish
from models.storage.database import Database
from scheduler.core.actor import Actor
from scheduler.core.clock import stamp
from tests.cogs.booking.people import BUTTON, Visitor, components
from tests.cogs.payments.test_paying import taking_cards
from tests.support.builders import DAY, HOUR, MINUTE
from tests.support.credits import a_lot
from tests.support.simulated import SELDOM, Academy, reply, words
from tests.support.steps import held
from tests.support.transactions import fetch, fetch_all, transact
from tests.support.waiting_list import a_wish

_TODAY = {"Hours": "14-15", "Until": "today"}


async def waiting_for(world: Academy, person: Any, **typed: str) -> Visitor:
    """Let someone wait for an hour of Cara's, today at 14:00 by default."""
    visitor = await Visitor(world, person).slash("book")
    return await wait(visitor, "Nothing suits? Tell me when…", **(_TODAY | typed))


async def wait(visitor: Visitor, label: str, **typed: str) -> Visitor:
    """Send the form that this button opens, with `typed` over what it holds."""
    form = await visitor.open_form(label)
    return visitor.take(await visitor.person.submit_modal(form, held(form) | typed))


async def cancelled(world: Academy, person: Any) -> None:
    """Let someone cancel their only session."""
    visitor = await Visitor(world, person).slash("sessions")
    await visitor.fill("Cancel…", Reason="")
    await world.env.settle()
    await world.wait_until(world.now + MINUTE)


def last_dm(person: Any) -> Any:
    return person.user.dm_channel.history()[-1]


def labels(message: Any) -> list[str]:
    return [one["label"] for one in components(message, BUTTON)]


async def press(person: Any, label: str) -> str:
    """Press a button of the newest direct message, and return the answer's text."""
    return words(reply(await person.user.click(last_dm(person), label=label)))


async def test_from_tell_me_when_to_the_booked_session(open_world: Academy) -> None:
    world = open_world
    await world.book(world.student, "14:00")

    sam = await waiting_for(world, world.other_student)

    assert "You're on the waiting list" in sam.said
    assert "60 min with any coach, any day, 14:00–15:00 in Europe/Berlin" in sam.said
    await cancelled(world, world.student)
    offer = words(last_dm(world.other_student))
    assert "A time is free" in offer
    assert "60 min with Cara · $60.00" in offer
    assert labels(last_dm(world.other_student)) == ["Take it", "Pass", "Stop telling me"]
    assert "Booked ✅" in await press(world.other_student, "Take it")
    assert (await world.sessions())[-1].student_id == world.other_student.id
    await world.wait_until(world.now + MINUTE)
    [updated] = [one for one in world.dms(world.other_student) if "offered to you" in one]
    assert "You've booked it." in updated


async def test_where_nothing_is_free_one_can_wait_for_that_coach(open_world: Academy) -> None:
    world = open_world
    await world.coach.slash(world.lobby, "availability", days="Mon-Sun", hours="closed")
    stu = await Visitor(world, world.student).book()

    await wait(stu, "Tell me when…", Hours="9-12")

    assert "60 min with Cara, any day, 09:00–12:00 in Europe/Berlin" in stu.said
    wish = await fetch(world.db, Wish, 1)
    assert (wish.coach_id, wish.minutes, wish.weekdays) == (world.coach.id, 60, 127)
    await world.coach.slash(world.lobby, "availability", days="Wed", hours="10-12")
    await world.wait_until(world.now + SELDOM)
    assert "A time is free" in words(last_dm(world.student))


async def test_one_can_wait_for_other_hours_of_a_coach_with_free_times(open_world: Academy) -> None:
    stu = await Visitor(open_world, open_world.student).book()
    assert stu.times

    await wait(stu, "Tell me when…", Hours="20-22")

    assert "60 min with Cara, any day, 20:00–22:00 in Europe/Berlin" in stu.said


async def test_nobody_waits_for_what_is_free(open_world: Academy) -> None:
    stu = await waiting_for(open_world, open_world.student)

    assert "You needn't wait: Cara is free" in stu.said


async def test_everything_wrong_in_the_form_is_said_at_once(open_world: Academy) -> None:
    stu = await waiting_for(open_world, open_world.student, Hours="9-12, 14-16", Until="1 Jan 2030")

    assert "**Hours:** Type one span of hours" in stu.said
    assert "**Until:** " in stu.said


async def test_passing_tells_the_next_person_and_keeps_the_place(open_world: Academy) -> None:
    world = open_world
    await world.book(world.student, "14:00")
    sue = world.guild.add_member(world.env.create_user("sue", global_name="Sue"))
    await waiting_for(world, world.other_student)
    await waiting_for(world, sue)
    await cancelled(world, world.student)

    assert "You keep your place in line" in await press(world.other_student, "Pass")

    await world.wait_until(world.now + MINUTE)
    assert "A time is free" in words(last_dm(sue))
    sam = await Visitor(world, world.other_student).slash("sessions")
    await sam.press("Waiting list: 1")
    assert "1st in line" in sam.said
    second = await Visitor(world, sue).slash("sessions")
    await second.press("Waiting list: 1")
    assert "2nd in line" in second.said


async def test_who_waits_again_for_what_is_on_offer_to_them_is_shown_the_offer(open_world: Academy) -> None:
    world, sam = open_world, open_world.other_student
    await world.book(world.student, "14:00")
    await waiting_for(world, sam)
    await cancelled(world, world.student)

    again = await waiting_for(world, sam, Hours="13-16")

    assert "This is already on offer to you" in again.said
    assert "60 min with Cara · $60.00" in again.said
    assert len(await fetch_all(world.db, select(Wish))) == 1
    other = await waiting_for(world, sam, Hours="20-22")
    assert "You're on the waiting list" in other.said
    await again.press("Take it")
    assert "Booked ✅" in again.said


async def test_an_unanswered_offer_says_that_it_is_over(open_world: Academy) -> None:
    world = open_world
    await world.book(world.student, "14:00")
    await waiting_for(world, world.other_student)
    await cancelled(world, world.student)

    await world.wait_until(world.now + 35 * MINUTE)

    assert "It ran out before you answered. You keep your place in line." in words(last_dm(world.other_student))
    assert labels(last_dm(world.other_student)) == []


async def test_stop_telling_me_ends_the_wish(open_world: Academy) -> None:
    world = open_world
    await world.book(world.student, "14:00")
    await waiting_for(world, world.other_student)
    await cancelled(world, world.student)

    assert "You're off the waiting list" in await press(world.other_student, "Stop telling me")

    assert (await fetch(world.db, Offer, 1)).state is OfferState.WITHDRAWN
    await world.wait_until(world.now + MINUTE)
    assert "14:00" in (await Visitor(world, world.student).book()).times


async def test_the_list_shows_wishes_and_ends_them(open_world: Academy) -> None:
    world = open_world
    pair = {"guild_id": world.guild.id, "coach_id": world.coach.id}
    await transact(world.db, a_wish, Actor(world.student.id), **pair, now=world.now, until=world.now + DAY)
    stu = await Visitor(world, world.student).slash("sessions")
    await stu.press("Waiting list: 1")
    last_day = stamp(world.now + DAY - MINUTE, "D")  # the wish ends where the next day begins
    assert f"60 min with Cara, any day, at any time, until {last_day}" in stu.said

    await stu.press("Stop waiting")

    assert "You aren't waiting for anything." in stu.said
    assert "✅ You aren't waiting for that any more." in stu.said


async def test_a_later_session_moves_to_the_offered_time(open_world: Academy) -> None:
    world = open_world
    await world.book(world.student, "14:00")
    await world.book(world.other_student, "15:00")
    await waiting_for(world, world.other_student)
    await cancelled(world, world.student)
    assert "Move my session here" in labels(last_dm(world.other_student))

    assert "Session rescheduled ✅" in await press(world.other_student, "Move my session here")

    sessions = await world.sessions()
    assert sessions[1].starts_at == sessions[0].starts_at


async def test_an_offer_can_be_taken_with_credit(open_world: Academy) -> None:
    world = open_world
    await world.book(world.student, "14:00")
    await waiting_for(world, world.other_student)
    async with world.db.begin() as session:
        await a_lot(session, 240, user_id=world.other_student.id, guild_id=world.guild.id)
    await cancelled(world, world.student)
    sam = Visitor(world, world.other_student.user)
    sam.take(await world.other_student.user.click(last_dm(world.other_student), label="Take it"))
    assert "How would you like to pay?" in sam.said

    await sam.press("Use 60 minutes of credit")

    assert "Booked ✅" in sam.said
    assert (await world.sessions())[-1].student.credit_minutes == 60


async def test_a_wish_without_luck_ends_and_says_so(open_world: Academy) -> None:
    world = open_world
    pair = {"guild_id": world.guild.id, "coach_id": world.coach.id}
    await transact(world.db, a_wish, Actor(world.student.id), **pair, now=world.now, until=world.now + HOUR)

    await world.wait_until(world.now + 61 * MINUTE)

    assert "You're off the waiting list" in words(last_dm(world.student))
    assert "Nothing became free in time." in words(last_dm(world.student))


async def test_an_offer_can_be_paid_by_card(db: Database) -> None:
    async with taking_cards(db) as (world, server):
        stu = await Visitor(world, world.student).book()
        await stu.press("14:00", "Pay another way", "Confirm")
        await waiting_for(world, world.other_student)
        await cancelled(world, world.student)
        assert "**How to pay** We ask you when you press **Take it**." in words(last_dm(world.other_student))
        sam = Visitor(world, world.other_student.user)
        sam.take(await world.other_student.user.click(last_dm(world.other_student), label="Take it"))
        assert sam.buttons == ["Pay $60.00 by card", "Pay another way"]

        await sam.press("Pay $60.00 by card")
        assert "Press **Pay** to open Stripe's page." in sam.said
        server.pay("cs_1")
        await sam.press("I've paid")

        assert "Booked ✅" in sam.said
        assert (await world.sessions())[-1].student_id == world.other_student.id
