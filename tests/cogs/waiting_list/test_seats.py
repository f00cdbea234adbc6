"""Waiting for a seat in a full workshop, from the first press to what people read."""

from typing import Any

from scheduler.core.clock import stamp
from tests.cogs.booking.people import BUTTON, Visitor, components
from tests.cogs.reports.test_export import exported
from tests.cogs.waiting_list.test_commands import labels, last_dm, press
from tests.cogs.workshops.test_commands import announced, has_seat, in_channel, pressed, told
from tests.support.builders import MINUTE
from tests.support.simulated import Academy, words

ANSWER = "You're waiting for a seat in “Mixing drums”"


async def a_full_workshop(world: Academy, price: str = "") -> Any:
    """Announce a workshop, let two take its seats, and return the second one."""
    await announced(world, {"Price": price} if price else None, Seats="2")
    sue = world.guild.add_member(world.env.create_user("sue", global_name="Sue"))
    for one in (world.student, sue):
        await has_seat(world, one)
    await told(world)
    return sue


async def leave(world: Academy, person: Any) -> None:
    await (await pressed(world, person, "Leave")).press("Leave")
    await told(world)


async def test_from_a_full_workshop_to_a_seat(open_world: Academy) -> None:
    world, sam = open_world, open_world.other_student
    await a_full_workshop(world)
    assert labels(in_channel(world)) == ["Tell me when…", "Details", "Leave"]

    visitor = await pressed(world, sam, "Tell me when…")
    assert ANSWER in visitor.said
    await leave(world, world.student)

    offer = words(last_dm(sam))
    assert "A seat is free" in offer
    assert "“Mixing drums” · 90 min with Cara" in offer
    assert "You can give your seat back for free" in offer
    assert labels(last_dm(sam)) == ["Take it", "Pass", "Stop telling me"]
    assert "**Full** · 2 seats" in words(in_channel(world)), "it's kept for Sam"
    assert "You have a seat ✅" in await press(sam, "Take it")
    await told(world)
    [updated] = [one for one in world.dms(sam) if "A seat was offered to you" in one]
    assert "You've taken it." in updated


async def test_sessions_and_the_export_name_the_workshop_that_someone_waits_for(open_world: Academy) -> None:
    world, sam = open_world, open_world.other_student
    await a_full_workshop(world)
    await pressed(world, sam, "Tell me when…")

    visitor = await Visitor(world, sam).slash("sessions")
    await visitor.press("Waiting list: 1")

    assert "1st in line" in visitor.said
    [workshop] = await world.sessions()
    assert f"a seat in “Mixing drums”, {stamp(workshop.starts_at)}" in visitor.said
    [wish], _ = await exported(world, "wishes")
    shown = ("Workshop", "Workshop date", "Workshop start", "Session", "Days", "Hours on their clock", "Last day")
    assert [wish[name] for name in shown] == ["Mixing drums", "2026-03-05", "18:00", workshop.code, "", "", ""]
    await leave(world, world.student)
    [offer], _ = await exported(world, "offers")
    assert (offer["Workshop"], offer["Session"]) == ("Mixing drums", workshop.code)
    await visitor.press("Stop waiting")
    assert "You aren't waiting for that any more" in visitor.said


async def test_who_waits_again_is_shown_the_offer_and_can_take_it_there(open_world: Academy) -> None:
    world, sam = open_world, open_world.other_student
    await a_full_workshop(world)
    await pressed(world, sam, "Tell me when…")
    await leave(world, world.student)

    again = await pressed(world, sam, "Tell me when…")

    assert "This is already on offer to you" in again.said
    assert "**A seat is free**" in again.said
    assert "1st in line" not in again.said
    await again.press("Take it")
    assert "You have a seat ✅" in again.said
    assert "Google Calendar" in str(components(again.panel, BUTTON)), "like any other seat"


async def test_passing_offers_the_seat_to_the_next_person(open_world: Academy) -> None:
    world, sam = open_world, open_world.other_student
    await a_full_workshop(world)
    zoe = world.guild.add_member(world.env.create_user("zoe", global_name="Zoe"))
    for one in (sam, zoe):
        await pressed(world, one, "Tell me when…")
    await leave(world, world.student)

    assert "You keep your place in line" in await press(sam, "Pass")
    await world.wait_until(world.now + MINUTE)

    assert "A seat is free" in words(last_dm(zoe))


async def test_a_cancelled_workshop_ends_the_wait_and_says_so(open_world: Academy) -> None:
    world, sam = open_world, open_world.other_student
    await a_full_workshop(world)
    await pressed(world, sam, "Tell me when…")

    cara = await pressed(world, world.coach, "Details")
    await cara.fill("Cancel workshop…", Reason="Ill.")
    await told(world)

    assert "You're off the waiting list" in words(last_dm(sam))
    assert "The workshop was cancelled." in words(last_dm(sam))
