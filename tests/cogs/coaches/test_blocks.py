"""Blocking members, by command or from a card: what they can't do, and what admins see."""

from typing import Any

import pytest
from sqlalchemy import text

from models import Block, Coach, CoachStatus, Hold, SessionStatus
from scheduler.core.clock import stamp
from tests.cogs.booking.people import Visitor
from tests.cogs.workshops.test_commands import announced, has_seat
from tests.support.builders import DAY, HOUR, MINUTE, a_session
from tests.support.meetings import TWO, booked, ended_session, told
from tests.support.presses import press_together
from tests.support.simulated import APPLICATION, Academy, reply, words
from tests.support.steps import fill, form, held, labels, press, send
from tests.support.transactions import fetch

REASON = "Four *no-shows*."
QUOTED = r"> Four \*no-shows\*."
NO_BOOKING = "You can't book sessions here: an admin has blocked you."
NO_APPLYING = "You can't apply to coach here: an admin has blocked you."
FIELD = "Reason"


async def block(world: Academy, what: str = "booking", person: Any = None, **options: Any) -> Any:
    """Block someone by command, and return the answer."""
    whom = person or world.student
    return reply(await world.admin.slash(world.lobby, "coaching block", member=whom, what=what, **options))


async def rejected(world: Academy) -> Any:
    """Return the card of Stu's rejected application."""
    await world.apply(world.student)
    await fill(world.admin, world.card, "Reject…", {"Reason": "Not yet."})
    return world.card


async def test_a_blocked_student_is_told_why_wherever_they_book(open_world: Academy) -> None:
    world = open_world
    await world.admin.slash(world.lobby, "coaching post")
    panel = world.lobby.last_message
    profile = reply(await world.student.slash(world.lobby, "coach profile", member=world.coach))
    confirming = await world.about_to_confirm(world.student, "14:00")

    blocked = await block(world, reason=REASON)

    assert f"**Blocked.** {world.student.mention} can't book sessions here." in words(blocked)
    assert "They'll see your reason when they try." in words(blocked)
    assert "If they were holding a time or paying for it, it's free again." in words(blocked)
    assert await world.count(Hold) == 0
    for one in (
        await world.student.slash(world.lobby, "book"),
        await world.student.slash(world.lobby, "book", coach="Cara"),
        await world.student.click(panel, label="Book a coach"),
        await world.student.click(profile, label="Book"),
        await world.student.click(confirming, label="Confirm"),
        await world.student.click(confirming, label="Other time"),
    ):
        assert words(reply(one)).startswith(NO_BOOKING)
        assert words(reply(one)).endswith(QUOTED)
    assert await world.sessions() == []


async def test_one_press_undoes_a_block(open_world: Academy) -> None:
    world = open_world
    blocked = await block(world)
    assert "They'll be told when they try." in words(blocked)

    undone = await press(world.admin, blocked, "Undo")

    assert words(undone) == f"**Unblocked.** {world.student.mention} can book sessions again."
    await world.book(world.student, "14:00")


async def test_a_blocked_student_can_reschedule_a_booked_session(open_world: Academy) -> None:
    world = open_world
    await world.book(world.student, "14:00")

    await block(world)

    hers = reply(await world.student.slash(world.lobby, "sessions"))
    times = await press(world.student, hers, "Reschedule…")
    asked = await press(world.student, times, "15:00")
    await fill(world.student, asked, "Reschedule…", {})

    [session] = await world.sessions()
    assert session.rescheduled_from is not None


async def test_upcoming_sessions_stay_until_an_admin_cancels_what_they_saw(open_world: Academy) -> None:
    world = open_world
    first, second, third = [await booked(world, one) for one in (TWO, TWO + HOUR, TWO + DAY)]
    await booked(world, TWO + 2 * DAY, student=world.other_student)

    blocked = await block(world)

    lines = [f"{stamp(one.starts_at)} with {world.coach.mention} · `{one.code}`" for one in (first, second, third)]
    assert f"{world.student.mention} has 3 upcoming sessions here. They stay booked:" in words(blocked)
    assert [words(blocked).count(line) for line in lines] == [1, 1, 1]
    assert [one.status for one in await world.sessions()] == [SessionStatus.SCHEDULED] * 4

    question = await press(world.admin, blocked, "Cancel these…")
    assert words(question).startswith("### Cancel 3 sessions?")
    assert f"{lines[0]} · $60.00" in words(question)
    assert f"Anything {world.student.mention} paid with credit or by card goes back to them." in words(question)
    yes = labels(question)["Cancel 3 sessions"]
    await world.send_custom_id(world.student, f"session:cancel:{first.id}", {"Reason": ""})
    done = words(await press(world.admin, question, "Cancel 3 sessions"))

    assert done.startswith("**2 sessions cancelled.**")
    assert f"**1 session not cancelled:**\n- {lines[0]}: already cancelled" in done
    assert [one.status is SessionStatus.CANCELLED for one in await world.sessions()] == [True] * 3 + [False]
    assert len(told(world, world.student, "Session cancelled")) == 3
    assert words(reply(await world.press_custom_id(world.admin, yes))).count("already cancelled") == 3


async def test_of_a_workshop_an_admin_gives_back_only_the_seat_of_a_blocked_student(open_world: Academy) -> None:
    world = open_world
    await announced(world, {"Price": "15"})
    one, other = await has_seat(world, world.student), await has_seat(world, world.other_student)
    assert "You have a seat ✅" in one.said
    assert "You have a seat ✅" in other.said
    [workshop] = await world.sessions()
    await booked(world, TWO)

    blocked = await block(world)
    line = f"{stamp(workshop.starts_at)} with {world.coach.mention} · workshop · `{workshop.code}`"
    assert f"{world.student.mention} has 1 upcoming session and 1 seat in an upcoming workshop" in words(blocked)
    assert line in words(blocked)
    question = await press(world.admin, blocked, "Cancel these…")
    assert words(question).startswith("### Cancel 1 session and 1 seat in a workshop?")
    assert f"{line} · $15.00" in words(question)
    assert "Workshops go on without them." in words(question)
    done = await press(world.admin, question, "Cancel 1 session and 1 seat in a workshop")

    assert words(done).startswith("**1 session and 1 seat in a workshop cancelled.**")
    assert len(told(world, world.student, "An admin cancelled your seat")) == 1
    assert len(told(world, world.coach, "Stu had their seat cancelled by an admin")) == 1
    assert told(world, world.other_student, "cancelled") == []
    audit = reply(await world.admin.slash(world.lobby, "coaching audit"))
    assert f"seat cancelled by {world.admin.mention}" in words(audit)


@pytest.mark.slow
async def test_the_list_of_blocks_shows_upcoming_sessions_ten_at_most(open_world: Academy) -> None:
    world = open_world
    async with world.db.begin() as session:
        for hour in range(12):
            of = {"coach_id": world.coach.id, "student_id": world.student.id, "guild_id": world.guild.id}
            await a_session(session, starts_at=TWO + hour * HOUR, **of)
    await block(world, "both")
    listed = reply(await world.admin.slash(world.lobby, "coaching blocked"))

    shown = await press(world.admin, listed, "Upcoming sessions")

    assert f"{world.student.mention} has 12 upcoming sessions here." in words(shown)
    assert words(shown).count(f"with {world.coach.mention}") == 10
    assert "- and 2 more" in words(shown)
    question = await press(world.admin, shown, "Cancel these…")
    assert words(question).startswith("### Cancel 12 sessions?")
    back = await press(world.admin, question, "◀ Back")
    assert words(back) == words(shown)
    question = await press(world.admin, back, "Cancel these…")
    for minutes in (0, 60, 80):  # the first ends, and the grace period of the second
        await world.leap_to(TWO + minutes * MINUTE)
    done = words(await press(world.admin, question, "Cancel 12 sessions"))
    assert done.startswith("**10 sessions cancelled.**")
    assert "**2 sessions not cancelled:**" in done
    assert done.count(": already over") == done.count(": already running. To end it,") == 1
    none = await press(world.admin, listed, "Upcoming sessions")
    assert words(none) == f"{world.student.mention} has no upcoming sessions here."
    assert list(labels(none)) == []


async def test_a_rejected_applicant_is_blocked_and_unblocked_from_the_card(open_world: Academy) -> None:
    world = open_world
    card = await rejected(world)

    said = await fill(world.admin, card, "Block from applying…", {FIELD: REASON})

    assert f"{world.student.mention} can't apply to coach here." in words(said)
    assert f"🚫 **Blocked from applying** by {world.admin.mention}" in words(world.card)
    assert list(labels(world.card)) == ["Unblock"]
    again = await world.student.slash(world.lobby, "coach apply")
    assert again.modal is None
    assert words(reply(again)).startswith(NO_APPLYING)
    assert words(reply(again)).endswith(QUOTED)

    await press(world.admin, world.card, "Unblock")

    assert list(labels(world.card)) == ["Block from applying…"]
    await world.apply(world.student)
    assert "Approve" in labels(world.card)


async def test_a_form_opened_before_the_block_is_refused(open_world: Academy) -> None:
    world = open_world
    opened = await world.student.slash(world.lobby, "coach apply")

    await block(world, "both", reason=REASON)

    refused = words(reply(await world.student.submit_modal(opened, APPLICATION)))
    assert NO_APPLYING in refused
    assert QUOTED in refused
    assert await world.count(Coach) == 1


async def test_a_coach_blocked_from_applying_still_coaches(open_world: Academy) -> None:
    world = open_world

    said = words(await block(world, "applying", world.coach))

    assert "They still coach here. To stop that, use `/coach suspend`." in said
    await world.book(world.student, "14:00")


async def test_a_blocked_applicants_open_application_stays(world: Academy) -> None:
    await world.set_up()
    await world.apply(world.student)

    said = words(await block(world, "both"))

    assert "can't book sessions or apply to coach here" in said
    assert "Their open application stays until you decide" in said
    assert words(reply(await world.student.slash(world.lobby, "coach edit"))).startswith(NO_APPLYING)
    await world.admin.click(world.card, label="Approve")
    coach = await fetch(world.db, Coach, (world.guild.id, world.student.id))
    assert coach.status is CoachStatus.APPROVED


@pytest.mark.slow
async def test_no_shows_are_blocked_from_the_appeal_or_the_session(open_world: Academy) -> None:
    world = open_world
    made = await ended_session(world, world.coach)
    [message] = told(world, world.student, "You missed your session")
    opened = await world.student.user.click(message, label="Appeal…")
    await world.student.user.submit_modal(opened, {"What happened": "I forgot."})
    await world.admin.click(world.card, label="Keep no-show")

    await fill(world.admin, world.card, "Block student…", {FIELD: "Did not come."})

    details = reply(await world.admin.slash(world.lobby, "coaching session", code=made.code))
    assert f"🚫 **Student blocked from booking** by {world.admin.mention}" in words(details)
    assert words(await press(world.admin, details, "Unblock student")).startswith("**Unblocked.**")
    details = reply(await world.admin.slash(world.lobby, "coaching session", code=made.code))
    await fill(world.admin, details, "Block student…", {})
    hers = reply(await world.student.slash(world.lobby, "sessions"))
    assert words(await press(world.student, hers, "Book again")).startswith(NO_BOOKING)


async def test_the_form_holds_the_current_reason(open_world: Academy) -> None:
    world = open_world
    card = await rejected(world)
    first = await form(world.admin, card, "Block from applying…")
    second = await form(world.admin, card, "Block from applying…")
    assert held(first) == {FIELD: ""}
    await send(world.admin, first, {FIELD: REASON})

    opened = await world.press_custom_id(world.admin, f"block:person:{world.student.id}:2")

    assert held(opened) == {FIELD: REASON}
    await send(world.admin, second, {FIELD: "Another."})
    assert await world.count(Block) == 1


async def test_each_block_in_the_list_can_be_lifted(open_world: Academy) -> None:
    world = open_world
    ada = await Visitor(world, world.admin).slash("coaching blocked")
    assert "Nobody is blocked here. To block someone, use `/coaching block`." in ada.said
    await block(world, "both", reason=REASON)
    await block(world, "booking", world.other_student)

    await ada.slash("coaching blocked")
    assert ada.buttons.count("Unblock") == 3
    assert f"{world.student.mention} · **applying** · by {world.admin.mention}" in ada.said
    assert QUOTED in ada.said
    assert "-# No reason given" in ada.said

    for left, what in ((2, 1), (1, 2)):
        custom_id = f"block:list:0:lift:{world.student.id}:{what}"
        shown = reply(await world.admin.click(ada.panel, custom_id=custom_id))
        assert words(shown).count("Unblock") == left
        assert await world.count(Block) == left


async def test_a_block_of_an_unknown_kind_hides_no_others(open_world: Academy) -> None:
    world = open_world
    await block(world, person=world.coach)
    await block(world, "both")
    async with world.db.begin() as session:
        await session.execute(text("UPDATE blocks SET blocked_from = 'reviewing' WHERE blocked_from = 'applying'"))

    ada = await Visitor(world, world.admin).slash("coaching blocked")

    assert ada.said.count("**booking**") == ada.buttons.count("Unblock") == 2
    lifted = reply(await world.admin.slash(world.lobby, "coaching unblock", member=world.student))
    assert words(lifted) == f"**Unblocked.** {world.student.mention} can book sessions again."
    assert await world.count(Block) == 2


async def test_the_list_of_blocks_has_pages(open_world: Academy) -> None:
    world = open_world
    for person in (world.student, world.other_student, world.outsider, world.coach):
        await block(world, "both", person)
    ada = await Visitor(world, world.admin).slash("coaching blocked")
    assert ada.buttons.count("Unblock") == 6

    await ada.press("Older ▶")

    assert ada.buttons.count("Unblock") == 2


async def test_unblocking_by_command_lifts_all_blocks(open_world: Academy) -> None:
    world = open_world
    await block(world, "both")

    for sentence in (
        f"**Unblocked.** {world.student.mention} can book sessions and apply to coach again.",
        f"{world.student.mention} isn't blocked here. `/coaching blocked` lists everyone who is.",
    ):
        answer = await world.admin.slash(world.lobby, "coaching unblock", member=world.student)
        assert words(reply(answer)) == sentence


async def test_a_block_undone_twice_at_once_is_undone_once(open_world: Academy) -> None:
    world = open_world
    blocked = await block(world)

    results = await press_together(world, [(world.admin, blocked)] * 2, label="Undo")

    assert sorted("isn't blocked here" in words(reply(one)) for one in results) == [False, True]
    assert await world.count(Block) == 0


async def test_the_list_of_coaches_says_who_is_blocked(open_world: Academy) -> None:
    world = open_world
    await rejected(world)
    await block(world, "applying")
    line = f"🚫 **Blocked from applying** by {world.admin.mention}"

    ada = await Visitor(world, world.admin).slash("coaching coaches")
    assert ada.said.count(line) == 1
    await ada.slash("coaching coaches", member=world.student)
    assert ada.said.count(line) == 1
    await ada.slash("coaching coaches", member=world.coach)
    assert line not in ada.said


async def test_the_audit_log_shows_who_was_blocked(open_world: Academy) -> None:
    world = open_world
    await block(world)

    log = words(reply(await world.admin.slash(world.lobby, "coaching audit", member=world.student)))

    assert f"member blocked by {world.admin.mention}, about {world.student.mention}" in log


@pytest.mark.parametrize("what", [0, 4, 2**63 - 1])
async def test_a_button_with_an_unknown_number_blocks_nobody(open_world: Academy, what: int) -> None:
    world = open_world

    said = words(reply(await world.press_custom_id(world.admin, f"block:person:{world.student.id}:{what}")))

    assert "This button is out of date." in said
    assert await world.count(Block) == 0
