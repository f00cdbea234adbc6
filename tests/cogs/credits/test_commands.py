"""`/credits`: what students have, how they get more, and what became of it."""

from typing import Any

from sqlalchemy import select

from models import CreditLot, LotSource, PackageOrder
from scheduler.core.clock import stamp
from tests.support.academy_credit import a_package, booked_with_credit, cancelled, in_world, role_gives
from tests.support.builders import DAY
from tests.support.meetings import TWO, settings
from tests.support.simulated import Academy, reply, words
from tests.support.steps import labels, press
from tests.support.transactions import fetch_all, fetch_only


async def credit_of(world: Academy, person: Any = None) -> Any:
    """Return the panel of `/credits`."""
    return reply(await (person or world.student).slash(world.lobby, "credits"))


async def test_without_credit_it_says_what_credit_is_and_whom_to_ask(open_world: Academy) -> None:
    panel = await credit_of(open_world)

    assert words(panel) == (
        "### Your credit: 0 minutes\nCredit is coaching time you pay for in advance. You spend it when you book.\n"
        "To get some, ask an admin of this server."
    )
    assert labels(panel) == {}


async def test_a_student_asks_for_a_package_and_an_admin_gives_it_with_one_press(open_world: Academy) -> None:
    world = open_world
    await settings(world, payment_instructions="PayPal *us*")
    await a_package(world)

    panel = await credit_of(world)
    assert "Pick a package below to get some." in words(panel)
    assert "**Five lessons**\n300 minutes · $250.00 · valid 180 days" in words(panel)
    how = await press(world.student, panel, "Buy…")
    assert "**How to pay**\nPayPal \\*us\\*\nOnce you've paid, tell the admins:" in words(how)
    asked = await press(world.student, how, "I've paid")
    assert "✅ We've asked the admins." in words(asked)
    assert "You asked for **Five lessons**" in words(asked)

    assert f"{world.student.mention} asks for **Five lessons**." in words(world.card)
    assert list(labels(world.card)) == ["Give it", "Decline"]
    said = await press(world.admin, world.card, "Give it")

    assert words(said) == f"Given: {world.student.mention} now has **Five lessons**. We've messaged them."
    assert f"**Decided** by {world.admin.mention}" in words(world.card)
    assert labels(world.card) == {}
    [told] = world.dms(world.student)
    assert "### You got 300 minutes of credit\n**For** Five lessons\n**Valid** until <t:" in told
    shown = words(await credit_of(world))
    assert "### Your credit: 300 minutes" in shown
    assert "You asked for" not in shown


async def test_an_admin_declines_a_request_and_the_student_is_told(open_world: Academy) -> None:
    world = open_world
    await a_package(world)
    how = await press(world.student, await credit_of(world), "Buy…")
    assert "Ask for it, and an admin will tell you how to pay." in words(how)
    await press(world.student, how, "Ask for it")

    said = await press(world.admin, world.card, "Decline")

    assert words(said) == f"Declined. We've messaged {world.student.mention}."
    assert ": declined" in words(world.card)
    [told] = world.dms(world.student)
    assert "### Your request for credit was declined" in told
    assert "**Five lessons**" in told
    assert "You asked for" not in words(await credit_of(world))


async def test_nobody_asks_for_the_same_twice(open_world: Academy) -> None:
    world = open_world
    await a_package(world, price_minor=0)
    how = await press(world.student, await credit_of(world), "Buy…")
    assert "It's free. Ask for it, and an admin will give it to you." in words(how)
    asked = await press(world.student, how, "Ask for it")

    again = await press(world.student, await press(world.student, asked, "Buy…"), "Ask for it")

    assert words(again).startswith("You asked for this <t:")
    assert await world.count(PackageOrder) == 1


async def test_what_was_asked_for_is_given_as_it_was_then(open_world: Academy) -> None:
    world = open_world
    package = await a_package(world)
    before = await credit_of(world)
    await press(world.student, await press(world.student, await credit_of(world), "Buy…"), "Ask for it")

    await a_package(world, minutes=60, package_id=package.id)

    late = await press(world.student, before, "Buy…")
    assert words(late) == "This package isn't offered any more. `/credits` shows what is."
    await press(world.admin, world.card, "Give it")
    assert "### Your credit: 300 minutes" in words(await credit_of(world))
    assert "60 minutes · $250.00" in words(await credit_of(world))


async def test_without_a_review_channel_requests_are_in_the_panel(open_world: Academy) -> None:
    world = open_world
    await settings(world, review_channel_id=None)
    await a_package(world)
    await press(world.student, await press(world.student, await credit_of(world), "Buy…"), "Ask for it")

    panel = reply(await world.admin.slash(world.lobby, "coaching credits"))
    asked = await press(world.admin, panel, "Requests (1)")
    assert f"{world.student.mention} asks for **Five lessons**." in words(asked)
    await world.admin.click(asked, label="Give it")

    assert "### Your credit: 300 minutes" in words(await credit_of(world))


async def test_a_blocked_student_cannot_ask_for_credit(open_world: Academy) -> None:
    world = open_world
    await a_package(world)
    how = await press(world.student, await credit_of(world), "Buy…")
    await world.admin.slash(world.lobby, "coaching block", member=world.student, what="booking")

    refused = await press(world.student, how, "Ask for it")

    assert words(refused).startswith("You can't book sessions here: an admin has blocked you.")
    assert await world.count(PackageOrder) == 0


async def test_each_lot_says_what_it_is_for_and_until_when(open_world: Academy) -> None:
    world = open_world
    ends_at = world.now + 20 * DAY
    await in_world(world, 120, reason="Paid *in cash*", valid_until=ends_at, coach_ids=[world.coach.id])
    await in_world(world, 30, source=LotSource.GRANT, reason="Sorry")

    panel = await credit_of(world)

    assert words(panel).splitlines()[:5] == [
        "### Your credit: 150 minutes",
        "Use it when you confirm a session in `/book`.",
        f"- **120 min** · Paid \\*in cash\\* · until {stamp(ends_at - world.minutes(1), 'D')} · "
        f"with {world.coach.mention}",
        "- **30 min** · Sorry · doesn't expire",
        "History",
    ]


async def test_every_movement_has_its_reason(open_world: Academy) -> None:
    world = open_world
    await in_world(world, 120, reason="Paid in cash", granted_by=world.admin.id)
    made = await booked_with_credit(world)
    assert "60 minutes more are reserved for upcoming sessions." in words(await credit_of(world))
    await cancelled(world, made, world.student)

    history = await press(world.student, await credit_of(world), "History")

    about = f"session on {stamp(TWO, 'f')} with {world.coach.mention}"
    day = stamp(world.now, "d")
    assert words(history).splitlines()[:4] == [
        "### Your credit: history",
        f"{day} · **+60 min** · given back: {about}, cancelled",
        f"{day} · **−60 min** · booked: {about}",
        f"{day} · **+120 min** · Paid in cash (by {world.admin.mention})",
    ]
    assert "### Your credit: 120 minutes" in words(await press(world.student, history, "◀ Your credit"))


async def test_long_lists_page(open_world: Academy) -> None:
    world = open_world
    for number in range(13):
        await in_world(world, 10 + number, reason=f"Number {number}")

    panel = await credit_of(world)
    assert "Number 5" in words(panel)
    assert "Number 6" not in words(panel)
    last = await press(world.student, await press(world.student, panel, "▶"), "▶")
    assert "Number 12" in words(last)
    assert "Page 3 of 3" in words(last)

    history = await press(world.student, last, "History")
    assert "Number 12" in words(history)
    assert "Number 2" not in words(history)
    assert "Number 0" in words(await press(world.student, history, "▶"))


async def test_the_minutes_of_a_role_come_when_the_person_looks(open_world: Academy) -> None:
    world = open_world
    await role_gives(world, world.coach_role.id, 120)

    assert "### Your credit: 0 minutes" in words(await credit_of(world))
    shown = words(await credit_of(world, world.coach))

    assert "### Your credit: 120 minutes" in shown
    assert f"- **120 min** · {world.coach_role.mention}, this month · until <t:" in shown
    assert (await fetch_only(world.db, select(CreditLot))).user_id == world.coach.id


async def test_in_direct_messages_it_shows_what_there_is_without_taking_anything(open_world: Academy) -> None:
    world = open_world
    await role_gives(world, world.coach_role.id, 120)
    await a_package(world)
    await credit_of(world, world.coach)

    panel = reply(await world.coach.user.slash("credits"))

    assert "### Your credit in Academy: 120 minutes" in words(panel)
    assert "Buy credit" not in words(panel)
    history = reply(await world.coach.user.click(panel, label="History"))
    assert "**+120 min**" in words(history)
    assert "### Your credit in Academy: 120 minutes" in words(
        reply(await world.coach.user.click(history, label="◀ Your credit"))
    )


async def test_in_direct_messages_nobody_without_credit_is_left_alone(open_world: Academy) -> None:
    panel = reply(await open_world.student.user.slash("credits"))

    assert words(panel) == "### No credit yet\nUse `/credits` in your server to see how to get some."


async def test_the_buttons_work_after_a_restart(open_world: Academy) -> None:
    world = open_world
    await a_package(world)
    panel = await credit_of(world)
    await world.restart()

    how = await press(world.student, panel, "Buy…")
    await world.restart()
    await press(world.student, how, "Ask for it")
    await world.restart()
    await press(world.admin, world.card, "Give it")

    assert [lot.minutes_left for lot in await fetch_all(world.db, select(CreditLot))] == [300]
