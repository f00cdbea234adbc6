"""Workshops, from the coach's first press to what everybody reads."""

from typing import Any

import pytest

from models import Participant, ParticipantStatus, SessionStatus
from models.storage.database import Database
from tests.cogs.booking.people import BUTTON, Visitor, components
from tests.cogs.payments.test_paying import taking_cards
from tests.support.builders import DAY, MINUTE
from tests.support.credits import a_lot
from tests.support.meetings import opened, to_the_end
from tests.support.simulated import Academy, reply, words
from tests.support.steps import held

ROW = 1
"""A row of buttons."""
FIRST = {
    "Title": "Mixing drums",
    "Description": "Bring a session of *your own*.",
    "Time": "thu 18:00",
    "Length": "90 min",
    "Seats": "3",
}


async def drafted(world: Academy, person: Any = None, **typed: str) -> Visitor:
    """Let Cara fill in the first form of `/workshop new`."""
    person = person or world.coach
    form = await person.slash(world.lobby, "workshop new")
    return Visitor(world, person).take(await person.submit_modal(form, FIRST | typed))


async def announced(world: Academy, rules: dict[str, Any] | None = None, **typed: str) -> Any:
    """Let Cara announce a workshop, and return the announcement."""
    channel = world.guild.create_text_channel("workshops")
    await world.choose(workshop_channel_id=channel.id)
    cara = await drafted(world, **typed)
    if rules is not None:
        form = await cara.open_form("Price and rules…")
        cara.take(await cara.person.submit_modal(form, held(form) | rules))
    await cara.press("Announce")
    assert "Announced ✅" in cara.said
    await told(world)
    return world.guild.channels["workshops"].last_message


async def told(world: Academy) -> None:
    """Let everything be sent that's due within a minute."""
    await world.env.settle()
    await world.wait_until(world.now + MINUTE)


def in_channel(world: Academy) -> Any:
    """Return the announcement as it is now."""
    return world.guild.channels["workshops"].last_message


def labels(message: Any) -> list[str]:
    return [one["label"] for one in components(message, BUTTON)]


def last_dm(person: Any) -> Any:
    return person.user.dm_channel.history()[-1]


async def pressed(world: Academy, person: Any, label: str) -> Visitor:
    """Let somebody press a button of the announcement."""
    return Visitor(world, person).take(await person.click(in_channel(world), label=label))


async def has_seat(world: Academy, person: Any) -> Visitor:
    """Let somebody take a seat."""
    message = in_channel(world)
    [label] = [one for one in labels(message) if one.startswith("Take a seat")]
    visitor = await pressed(world, person, label)
    return await visitor.press("Confirm")


async def test_from_the_form_to_a_seat_and_back(open_world: Academy) -> None:
    world = open_world
    announcement = await announced(world, {"Price": "15"})

    said = words(announcement)
    assert "## Mixing drums" in said
    assert f"90 min with {world.coach.mention} · $15.00 a seat" in said
    assert "**3 of 3 seats left**" in said
    assert r"Bring a session of \*your own\*." in said
    assert labels(announcement) == ["Take a seat (3 left)", "Details", "Leave"]

    stu = await pressed(world, world.student, "Take a seat (3 left)")
    assert "**Take a seat in “Mixing drums”**" in stu.said
    assert "You can give your seat back for free until the start." in stu.said
    await stu.press("Confirm")
    assert "You have a seat ✅" in stu.said
    assert "**Mixing drums**" in stu.said
    await told(world)
    assert labels(in_channel(world))[0] == "Take a seat (2 left)"
    assert "You have a seat" in words(last_dm(world.student))
    assert last_dm(world.student).attachments
    assert "Stu took a seat" in words(last_dm(world.coach))
    assert "1 of 3 seats taken" in words(last_dm(world.coach))

    stu = await (await pressed(world, world.student, "Leave")).press("Leave")
    assert "You've given back your seat in **Mixing drums**" in stu.said
    await told(world)
    [before] = [one for one in world.dms(world.student) if "a seat**" in one]
    assert "**You had a seat**" in before
    assert labels(in_channel(world))[0] == "Take a seat (3 left)"
    assert "You gave your seat back" in words(last_dm(world.student))
    assert "Stu gave their seat back" in words(last_dm(world.coach))


async def test_the_preview_can_be_changed_and_discarded(open_world: Academy) -> None:
    world = open_world
    channel = world.guild.create_text_channel("workshops")
    await world.choose(workshop_channel_id=channel.id)

    cara = await drafted(world)
    assert "-# Thu 18:00 in Europe/Berlin" in cara.said
    assert "90 min with <@" in cara.said
    assert "free · 3 seats" in cara.said
    rules = {
        "Price": "20",
        "Credit": ["Minutes of credit count, too"],
        "Minimum participants": "2",
        "Decided": "2 days",
    }
    form = await cara.open_form("Price and rules…")
    cara.take(await world.coach.submit_modal(form, held(form) | rules))
    assert "$20.00 a seat" in cara.said
    assert "90 minutes of credit count, too" in cara.said
    assert "Takes place if at least 2 people have a seat by " in cara.said
    form = await cara.open_form("Change…")
    assert held(form) == {**FIRST, "Time": "2026-03-05 18:00", "Length": "1 hour 30 minutes"}
    cara.take(await world.coach.submit_modal(form, held(form) | {"Title": "Mixing bass"}))
    assert "Mixing bass" in cara.said
    assert "$20.00 a seat" in cara.said
    await cara.press("Discard")

    assert cara.said == "Discarded. Nothing was announced."
    await told(world)
    assert await world.sessions() == []
    assert not channel.history()


async def test_wrong_rules_can_be_fixed_and_keep_the_preview(open_world: Academy) -> None:
    world = open_world
    channel = world.guild.create_text_channel("workshops")
    await world.choose(workshop_channel_id=channel.id)
    cara = await drafted(world)
    form = await cara.open_form("Price and rules…")
    cara.take(await world.coach.submit_modal(form, held(form) | {"Price": "much", "Minimum participants": "9"}))
    assert '**Price:** "much" isn\'t an amount' in cara.said
    assert "**Minimum participants:** Type 1 to 3" in cara.said

    form = await cara.open_form("Fix it")
    assert held(form)["Price"] == "much"
    cara.take(await world.coach.submit_modal(form, held(form) | {"Price": "15", "Minimum participants": "2"}))
    await cara.press("Announce")

    await told(world)
    said = words(in_channel(world))
    assert "## Mixing drums" in said
    assert "$15.00 a seat" in said
    assert "Takes place if at least 2 people have a seat by " in said


async def test_everything_wrong_in_the_first_form_is_said_at_once(open_world: Academy) -> None:
    await open_world.choose(workshop_channel_id=open_world.lobby.id)

    cara = await drafted(open_world, Time="1 Jan 2026 18:00", Length="5 days", Seats="51")

    for problem in (
        "**Time:** That's in the past",
        "**Length:** Type a length from",
        "**Seats:** A workshop has 2",
    ):
        assert problem in cara.said


async def test_without_a_channel_nobody_can_announce_one(open_world: Academy) -> None:
    said = words(reply(await open_world.coach.slash(open_world.lobby, "workshop new")))

    assert "no channel for workshops yet" in said


async def test_only_coaches_and_admins_announce(open_world: Academy) -> None:
    world = open_world
    await world.choose(workshop_channel_id=world.lobby.id)
    new = "workshop new"

    assert "coach" in words(reply(await world.student.slash(world.lobby, new)))
    said = words(reply(await world.student.slash(world.lobby, new, coach=str(world.coach.id))))
    assert said == "You can only announce workshops of your own. Ask an admin to announce it."
    form = await world.admin.slash(world.lobby, new, coach=str(world.coach.id))
    ada = await Visitor(world, world.admin).take(await world.admin.submit_modal(form, FIRST)).press("Announce")
    assert "Announced ✅" in ada.said
    await told(world)
    assert "An admin announced a workshop of yours" in words(last_dm(world.coach))


async def test_a_full_workshop_says_so_and_has_no_dead_button(open_world: Academy) -> None:
    world = open_world
    await announced(world, Seats="2")
    for person in (world.student, world.other_student):
        await has_seat(world, person)
    await told(world)

    assert labels(in_channel(world)) == ["Tell me when…", "Details", "Leave"]
    assert "**Full** · 2 seats" in words(in_channel(world))
    sue = world.guild.add_member(world.env.create_user("sue", global_name="Sue"))
    [made] = await world.sessions()
    late = reply(await world.press_custom_id(sue, f"workshop:take:{made.id}"))
    assert words(late) == "Every seat is taken. `/workshop list` shows what else is coming up."


async def test_the_list_shows_what_is_coming_up_and_where_one_has_a_seat(open_world: Academy) -> None:
    world = open_world
    stu = await Visitor(world, world.student).slash("workshop list")
    assert "No workshops are coming up." in stu.said
    await announced(world)

    await stu.slash("workshop list")
    assert "## Mixing drums" in stu.said
    assert "**3 of 3 seats left**" in stu.said
    assert stu.buttons == ["Take a seat (3 left)", "Details"]
    await stu.press("Take a seat (3 left)", "Confirm")
    assert "You have a seat ✅" in stu.said
    await stu.slash("workshop list")
    assert "**You have a seat**" in stu.said
    assert stu.buttons == ["Details"]


async def test_only_coach_and_admins_see_who_takes_part_unless_the_server_names_them(open_world: Academy) -> None:
    world = open_world
    await announced(world)
    await has_seat(world, world.student)
    await has_seat(world, world.other_student)

    for person in (world.coach, world.admin):
        seen = await pressed(world, person, "Details")
        assert "**Participants (2)**" in seen.said
        assert world.student.mention in seen.said
        assert seen.buttons[-3:] == ["Edit…", "Cancel workshop…", "All workshops"]
    stu = await pressed(world, world.student, "Details")
    assert "Participants" not in stu.said
    assert stu.buttons == ["Add to calendar", "Leave…", "All workshops"]
    await world.choose(names_participants=True)
    assert world.other_student.mention in (await pressed(world, world.student, "Details")).said
    assert "Participants" not in (await pressed(world, world.outsider, "Details")).said


async def test_its_coach_edits_it(open_world: Academy) -> None:
    world = open_world
    await announced(world)
    for person in (world.student, world.other_student):
        await has_seat(world, person)
    cara = await pressed(world, world.coach, "Details")

    form = await cara.open_form("Edit…")
    cara.take(await world.coach.submit_modal(form, held(form) | {"Seats": "x"}))
    assert '"x" isn\'t a whole number' in cara.said
    cara = await pressed(world, world.coach, "Details")
    form = await cara.open_form("Edit…")
    await cara.send(form, **held(form) | {"Title": "Mixing bass", "Seats": "2"})
    assert "✅ Saved." in cara.said

    await told(world)
    assert "## Mixing bass" in words(in_channel(world))
    assert "**Full** · 2 seats" in words(in_channel(world))


async def test_its_coach_cancels_it_and_everybody_hears_why(open_world: Academy) -> None:
    world = open_world
    await announced(world, {"Price": "15"})
    await has_seat(world, world.student)
    cara = await pressed(world, world.coach, "Details")

    form = await cara.open_form("Cancel workshop…")
    assert "1 person has a seat. We'll message them." in str(form.modal)
    await cara.send(form, Reason="I'm ill.")
    assert "✅ Cancelled." in cara.said

    await told(world)
    assert labels(in_channel(world)) == []
    assert "**Cancelled**" in words(in_channel(world))
    dm = words(last_dm(world.student))
    assert "Workshop cancelled by your coach" in dm
    assert "**Mixing drums**" in dm
    assert "I'm ill." in dm
    assert (await world.sessions())[0].status is SessionStatus.CANCELLED


@pytest.mark.slow
async def test_too_few_people_cancel_it_and_the_message_says_so(open_world: Academy) -> None:
    world = open_world
    await announced(world, {"Minimum participants": "2"})
    await has_seat(world, world.student)

    await world.wait_until(world.now + 3 * DAY)

    dm = words(last_dm(world.student))
    assert "**Workshop cancelled**" in dm
    assert "Too few people had taken a seat: 1 of at least 2." in dm


async def test_sessions_show_seats_to_both_sides(open_world: Academy) -> None:
    world = open_world
    await announced(world, {"Price": "15"})
    await has_seat(world, world.student)

    stu = await Visitor(world, world.student).slash("sessions")
    assert "**Mixing drums**" in stu.said
    assert f"With {world.coach.mention}" in stu.said
    assert "90 min · $15.00" in stu.said
    assert stu.buttons[:3] == ["Details", "Add to calendar", "Leave…"]
    cara = await Visitor(world, world.coach).slash("sessions")
    assert "1 of 3 seats taken" in cara.said
    assert "$15.00 a seat" in cara.said
    assert cara.buttons[:2] == ["Details", "Add to calendar"]
    await stu.press("Leave…", "Leave")
    await stu.slash("sessions")
    assert "None upcoming" in stu.said
    assert "$15.00 · Code" in stu.said
    assert "· left" in stu.said
    assert "room opens" not in stu.said


async def test_a_workshop_from_the_room_to_the_stars(open_world: Academy) -> None:
    world = open_world
    await announced(world)
    people = (world.student, world.other_student)
    for person in people:
        await has_seat(world, person)
    [made] = await world.sessions()

    await world.leap_to(made.starts_at - 15 * MINUTE)
    room = await opened(world, made, world.coach, world.student)
    for person in people:
        assert "Your room is open" in words(last_dm(person))
        assert "**Mixing drums** with Cara is from" in words(last_dm(person))
    assert "**Mixing drums** is from" in words(last_dm(world.coach))
    assert "### Welcome to Mixing drums" in words(room.last_message)
    await world.leap_to(made.starts_at)
    await world.leap_to(made.starts_at + 10 * MINUTE)
    await to_the_end(world, made)
    await told(world)

    assert "How was it?" in world.dms(world.student)[-1]
    assert "**Mixing drums** with Cara" in world.dms(world.student)[-1]
    assert "You missed your workshop" in world.dms(world.other_student)[-1]
    cara = await Visitor(world, world.coach).slash("sessions")
    assert "**Participants** 1 of 2 came" in cara.said
    await cara.press("Attendance")
    assert "**no-show**" in cara.said
    await cara.press("Was here after all")
    assert "counts as present" in cara.said
    [made] = await world.sessions()
    assert {one.status for one in made.participants} == {ParticipantStatus.ATTENDED}
    await world.student.user.click(last_dm(world.student), label="5★")


@pytest.mark.slow
async def test_a_reminder_and_the_card_of_someone_who_left_are_about_the_workshop(open_world: Academy) -> None:
    world = open_world
    await announced(world)
    await has_seat(world, world.student)
    [made] = await world.sessions()

    await world.wait_until(made.starts_at - DAY)

    assert "Reminder of your workshop" in words(last_dm(world.student))
    assert "**Mixing drums**" in words(last_dm(world.student))
    assert "1 of 3 seats taken" in words(last_dm(world.coach))


async def test_admins_find_a_workshop_in_their_lists(open_world: Academy) -> None:
    world = open_world
    await announced(world)
    await has_seat(world, world.student)
    [made] = await world.sessions()

    ada = await Visitor(world, world.admin).slash("coaching sessions")
    assert f"{world.coach.mention} and 1 other in a workshop" in ada.said
    await ada.slash("coaching session", code=made.code)
    assert "**Mixing drums**" in ada.said
    assert "seat taken" in ada.said
    await ada.press("Workshop")
    assert "**Participants (1)**" in ada.said
    await ada.slash("coaching export", what="sessions")
    await ada.slash("coaching stats")


async def test_a_stranger_cannot_edit_cancel_or_leave_it(open_world: Academy) -> None:
    world = open_world
    await announced(world)
    [made] = await world.sessions()
    stu = world.student

    for custom_id in (f"workshop:edit:{made.id}", f"workshop:cancel:{made.id}"):
        said = words(reply(await world.press_custom_id(stu, custom_id)))
        assert said == "Only the coach of a workshop and admins can change it."
    said = words(reply(await world.press_custom_id(stu, f"workshop:leave:{made.id}")))
    assert said.startswith("You have no seat in this workshop.")
    sent = await world.send_custom_id(stu, f"session:cancel:{made.id}", {"Reason": ""})
    assert "You have no such session" in words(reply(sent))
    await has_seat(world, stu)
    sent = await world.send_custom_id(stu, f"session:cancel:{made.id}", {"Reason": ""})
    assert "can't cancel a workshop for everybody" in words(reply(sent))


async def test_what_it_costs_is_confirmed_again_if_it_changed(open_world: Academy) -> None:
    world = open_world
    await announced(world, {"Price": "15"})
    [made] = await world.sessions()

    said = words(reply(await world.press_custom_id(world.student, f"workshop:seat:{made.id}:0:5591876")))

    assert "A seat costs $15.00 now." in said


async def test_taking_a_seat_and_cancelling_the_workshop_are_in_different_rows(open_world: Academy) -> None:
    await announced(open_world)

    admin = await pressed(open_world, open_world.admin, "Details")

    rows = [[one["label"] for one in row["components"]] for row in components(admin.panel, ROW)]
    assert rows == [["Take a seat (3 left)"], ["Edit…", "Cancel workshop…"], ["All workshops"]]


async def test_payment_instructions_stand_before_and_after_a_seat_is_taken(open_world: Academy) -> None:
    world = open_world
    await world.choose(payment_instructions="PayPal us")
    await announced(world, {"Price": "15"})
    stu = await pressed(world, world.student, "Take a seat (3 left)")
    assert "**How to pay** PayPal us" in stu.said

    await stu.press("Confirm")

    assert "You have a seat ✅" in stu.said
    assert "**How to pay** PayPal us" in stu.said
    await told(world)
    assert "**How to pay** PayPal us" in words(last_dm(world.student))
    assert "How to pay" not in words(last_dm(world.coach))


@pytest.mark.slow
async def test_the_longest_texts_and_fifty_people_fit_into_one_message(open_world: Academy) -> None:
    world = open_world
    await announced(world, Title="*" * 100, Description="*" * 1000, Seats="50")
    [made] = await world.sessions()
    async with world.db.begin() as session:
        guild_id, starts_at = world.guild.id, made.starts_at
        for number in range(49):
            one = Participant(session_id=made.id, user_id=10**18 + number, guild_id=guild_id, total_cost_minor=0)
            one.coach_id, one.starts_at, one.joined_at = world.coach.id, starts_at, world.now
            session.add(one)
    cara = await pressed(world, world.coach, "Details")
    assert "**Participants (49)**" in cara.said

    form = await cara.open_form("Cancel workshop…")
    await cara.send(form, Reason="*" * 1000)

    assert "✅ Cancelled." in cara.said
    assert "**Participants (49)**" in cara.said


async def test_a_seat_is_paid_for_by_card(db: Database) -> None:
    async with taking_cards(db) as (world, stripe):
        await announced(world, {"Price": "15", "Credit": ["Minutes of credit count, too"]})
        stu = await pressed(world, world.student, "Take a seat (3 left)")
        assert stu.buttons == ["Pay $15.00", "Pay $15.00 another way"]

        await stu.press("Pay $15.00")

        assert "A seat in “Mixing drums” with Cara · 90 min" in stu.said
        assert "We hold the seat for you." in stu.said
        await told(world)
        assert labels(in_channel(world))[0] == "Take a seat (2 left)"
        stripe.pay("cs_1")
        await stu.press("I've paid")
        assert "You have a seat ✅ · paid by card (TEST)" in stu.said
        assert "**Mixing drums**" in stu.said
        await told(world)
        assert "You have a seat · paid by card (TEST)" in words(last_dm(world.student))
        assert "Receipt" in labels(last_dm(world.student))
        assert "Stu took a seat · paid by card (TEST)" in words(last_dm(world.coach))


async def test_what_was_paid_for_a_seat_is_kept_as_credit_or_paid_back(db: Database) -> None:
    async with taking_cards(db) as (world, stripe):
        await announced(world, {"Price": "15"})
        await has_paid_seat(world, stripe)
        leave = await pressed(world, world.student, "Leave")
        assert "You get $15.00 (TEST: no money moves) back. As credit it's 15 minutes of credit" in leave.said
        assert leave.buttons == ["Leave, money back", "Leave, keep as credit", "Keep my seat"]
        await leave.press("Leave, keep as credit")
        assert "was kept as 15 minutes of credit" in leave.said
        await told(world)
        assert any("You gave your seat back" in one and "was kept as" in one for one in world.dms(world.student))

        await has_paid_seat(world, stripe)
        cara = await pressed(world, world.coach, "Details")
        await cara.fill("Cancel workshop…", Reason="")
        await told(world)

        dm = last_dm(world.student)
        assert "Workshop cancelled by your coach" in words(dm)
        assert "Until then, you can keep it as 15 minutes of credit." in words(dm)
        stu = Visitor(world, world.student).take(await world.student.user.click(dm, label="Money back now"))
        assert "goes back to your card" in stu.said
        await told(world)
        assert any("**Refunded**" in one for one in world.dms(world.student))


async def has_paid_seat(world: Academy, stripe: Any) -> None:
    """Let Stu take a seat and pay for it by card."""
    stu = await (await pressed(world, world.student, "Take a seat (3 left)")).press("Pay $15.00")
    stripe.pay([*stripe.checkouts][-1])
    await stu.press("I've paid")
    assert "You have a seat ✅" in stu.said
    await told(world)


async def test_a_seat_that_is_not_paid_for_is_free_again(db: Database) -> None:
    async with taking_cards(db) as (world, _):
        await announced(world, {"Price": "15"})
        stu = await pressed(world, world.student, "Take a seat (3 left)")

        await stu.press("Pay $15.00", "Don't pay")

        assert "This wasn't paid" in stu.said
        assert stu.buttons == ["All workshops"]
        await told(world)
        assert labels(in_channel(world))[0] == "Take a seat (3 left)"


async def test_a_seat_is_taken_with_credit_and_given_back(open_world: Academy) -> None:
    world = open_world
    await announced(world, {"Price": "15", "Credit": ["Minutes of credit count, too"]})
    async with world.db.begin() as session:
        await a_lot(session, 120, user_id=world.student.id, guild_id=world.guild.id)
    stu = await pressed(world, world.student, "Take a seat (3 left)")
    assert "You have 120 minutes, and this takes 90." in stu.said

    await stu.press("Use 90 minutes of credit")

    assert "90 min · 90 minutes of credit" in stu.said
    stu = await (await pressed(world, world.student, "Leave")).press("Leave")
    await told(world)
    assert "90 minutes are back in your credit" in words(last_dm(world.student))
    await stu.slash("credits")
    await stu.press("History")
    assert "given back: workshop on" in stu.said
