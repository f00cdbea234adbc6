"""`/sessions`: its pages, cancelling, calendar files, and booking the same coach again."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from models import CoachingSession, Hold, SessionStatus
from tests.cogs.booking.people import Visitor, calendar_in, change_coach
from tests.support import builders
from tests.support.meetings import NO_ACCESS
from tests.support.parameters import first_plain
from tests.support.simulated import Academy, reply, words
from tests.support.steps import labels

WEDNESDAY = datetime(2026, 3, 4, 8, tzinfo=UTC)
"""9:00 in Berlin, two days after the world begins."""
DAY = timedelta(days=1)


async def booked(world: Academy) -> CoachingSession:
    """Book the student's session on Wednesday morning."""
    stu = await Visitor(world, world.student).book()
    await stu.choose("book:day:", "Wed 4 Mar")
    await stu.press("09:00", "Confirm")
    return (await world.sessions())[-1]


async def sessions_of(world: Academy, person: Any) -> Visitor:
    """Open `/sessions` as this person."""
    return await Visitor(world, person).slash("sessions")


async def a_row(world: Academy, starts_at: datetime, **changed: Any) -> CoachingSession:
    """Store a session directly, with long notes and without reservations."""
    async with world.db.begin() as session:
        return await builders.a_session(
            session,
            guild_id=world.guild.id,
            coach_id=world.coach.id,
            starts_at=starts_at,
            reserved=False,
            **{"student_id": world.student.id, "next_step_at": None, "notes": "*" * 1000, **changed},
        )


async def test_without_sessions_the_list_says_how_to_book_one(world: Academy) -> None:
    stu = await sessions_of(world, world.student)

    assert stu.said == "### No sessions yet\nBook your first one with `/book`."


async def test_only_coach_and_student_see_their_session(world: Academy) -> None:
    one = await world.book(world.student, "14:00")

    people = (world.student, world.coach, world.other_student, world.admin)
    seen = {who.name: one.code in (await sessions_of(world, who)).said for who in people}

    assert seen == {"stu": True, "cara": True, "sam": False, "ada": False}


async def test_upcoming_sessions_come_soonest_first_then_past_ones_newest_first(world: Academy) -> None:
    over = [SessionStatus.COMPLETED, SessionStatus.CANCELLED, SessionStatus.NO_SHOW, SessionStatus.COMPLETED]
    past = [
        await a_row(world, world.now - n * DAY, status=one, cancel_reason="*" * 1000)
        for n, one in enumerate(over, 1)
    ]
    upcoming = [await a_row(world, world.now + n * DAY) for n in (3, 1, 2, 5)]
    stu = await sessions_of(world, world.student)

    pages = [stu.said]
    while "Older ▶" in stu.buttons:
        await stu.press("Older ▶")
        pages.append(stu.said)

    expected = [upcoming[n].code for n in (1, 2, 0, 3)] + [one.code for one in past]
    listed = [[line.split("`")[1] for line in one.splitlines() if "Code `" in line] for one in pages]
    assert listed == [expected[:3], expected[3:6], expected[6:]]
    assert all("4 upcoming" in one for one in pages)
    await stu.press("◀ Newer", "◀ Newer")
    assert stu.said == pages[0]


async def test_a_page_past_the_end_leads_back(world: Academy) -> None:
    await a_row(world, WEDNESDAY)

    stu = Visitor(world, world.student).take(await world.press_custom_id(world.student, "session:list:9000000000"))

    assert "1 upcoming" in stu.said
    assert stu.buttons == ["◀ Newer", "Reminders: on"]


async def test_a_cancelled_time_can_be_booked_again_at_once(world: Academy) -> None:
    await world.book(world.student, "14:00")

    form = await world.student.user.click(world.student.user.dm_channel.last_message, label="Cancel…")
    await world.student.user.submit_modal(form, {})
    await world.book(world.other_student, "14:00")

    first, second = await world.sessions()
    assert (first.status, second.status) == (SessionStatus.CANCELLED, SessionStatus.SCHEDULED)
    assert first.starts_at == second.starts_at


async def test_a_stranger_cannot_cancel(world: Academy) -> None:
    await world.book(world.student, "14:00")
    cancel = labels((await sessions_of(world, world.student)).panel)["Cancel…"]

    answer = await world.press_custom_id(world.outsider, cancel)

    assert words(reply(answer)) == NO_ACCESS
    assert [one.status for one in await world.sessions()] == [SessionStatus.SCHEDULED]


async def test_cancelling_twice_says_when_it_was_cancelled(world: Academy) -> None:
    await world.book(world.student, "14:00")
    stu = await sessions_of(world, world.student)
    first = await stu.open_form("Cancel…")
    second = await world.coach.user.click(world.coach.user.dm_channel.last_message, label="Cancel…")

    await stu.send(first, Reason="Ill.")
    late = await world.coach.user.submit_modal(second, {"Reason": "Me too."})

    assert "This session was cancelled <t:" in words(reply(late))
    [cancelled] = await world.sessions()
    assert (cancelled.cancelled_by, cancelled.cancel_reason) == (world.student.id, "Ill.")


async def test_a_past_session_cannot_be_cancelled(world: Academy) -> None:
    one = await world.book(world.student, "11:00")
    await world.leap_to(one.ends_at + world.minutes(1))

    answer = await world.press_custom_id(world.student, f"session:cancel:{one.id}")

    assert "This session is over, so it can't be cancelled." in words(reply(answer))


@pytest.mark.slow
async def test_the_longest_notes_and_reasons_fit_into_every_message(world: Academy) -> None:
    for number, label in enumerate(("13:30", "14:30", "15:30"), 1):
        await world.book(world.student, label, notes="*n" * 500)
        panel = (await sessions_of(world, world.student)).panel
        form = await world.student.click(panel, custom_id=f"session:cancel:{number}")
        await world.student.submit_modal(form, {"Reason": "*r" * 500})

    listed = (await sessions_of(world, world.student)).said

    longest = max(map(len, [*map(words, world.student.user.dm_channel.history()), listed]))
    assert 2000 < longest <= 4000  # Discord's limit for the texts of a message


@pytest.mark.parametrize(
    ("status", "label"),
    first_plain(
        [
            (SessionStatus.COMPLETED, "Book again"),
            (SessionStatus.CANCELLED, "Book another time"),
            (SessionStatus.NO_SHOW, "Book again"),
        ]
    ),
)
async def test_the_list_offers_the_same_coach_and_length_again(
    world: Academy, status: SessionStatus, label: str
) -> None:
    starts_at = world.now - 2 * DAY
    await a_row(world, starts_at, ends_at=starts_at + world.minutes(90), status=status)
    stu = await sessions_of(world, world.student)

    await stu.press(label)

    assert f"### Book {world.coach.mention}" in stu.said
    assert stu.chosen("book:length:") == "90 min · $90.00"
    await stu.press("14:00", "Confirm")
    again = (await world.sessions())[-1]
    assert (again.duration, again.status) == (world.minutes(90), SessionStatus.SCHEDULED)
    assert label not in (await sessions_of(world, world.coach)).buttons


async def test_a_cancelled_session_leads_back_to_the_list(world: Academy) -> None:
    await booked(world)
    stu = await (await sessions_of(world, world.student)).fill("Cancel…")

    await stu.press("All sessions")

    assert stu.said.startswith("### Your sessions\nNone upcoming\n")
    assert "All sessions" not in stu.buttons


async def test_after_a_coachs_cancellation_another_time_is_booked_from_the_message(world: Academy) -> None:
    await booked(world)
    await (await sessions_of(world, world.coach)).fill("Cancel…", Reason="Ill.")
    stu = Visitor(world, world.student.user)

    stu.take(await world.student.user.click(world.student.user.dm_channel.last_message, label="Book another time"))

    assert "### Book Cara" in stu.said
    assert {"◀ All coaches", "Reviews"}.isdisjoint(stu.buttons)  # they'd only refuse here
    await stu.press("14:00", "Confirm")
    assert "Booked ✅" in stu.said
    assert "All sessions" in stu.buttons
    old, new = await world.sessions()
    assert (old.status, new.status) == (SessionStatus.CANCELLED, SessionStatus.SCHEDULED)
    assert (new.guild_id, new.coach_id) == (old.guild_id, old.coach_id)


async def test_no_other_time_is_offered_of_a_coach_who_takes_no_bookings(world: Academy) -> None:
    await booked(world)
    await change_coach(world, accepting=False)

    await (await sessions_of(world, world.coach)).fill("Cancel…", Reason="Ill.")

    assert "Session cancelled by your coach" in world.dms(world.student)[-1]
    assert "Book another time" not in world.dms(world.student)[-1]


async def test_who_has_left_the_server_cannot_book_from_a_message(world: Academy) -> None:
    await booked(world)
    await (await sessions_of(world, world.coach)).fill("Cancel…", Reason="Ill.")
    message = world.student.user.dm_channel.last_message
    world.guild.remove_member(world.student)

    answer = reply(await world.student.user.click(message, label="Book another time"))

    assert words(answer) == "You can only book this coach in their server. Go there and use `/book`."
    assert await world.count(Hold) == 0


async def test_the_calendar_file_comes_from_the_list_and_from_the_message(world: Academy) -> None:
    one = await booked(world)
    stu = await (await sessions_of(world, world.student)).press("Add to calendar")
    assert "Open the file with your calendar app." in stu.said

    from_list = await calendar_in(stu.panel)
    from_message = await calendar_in(world.student.user.dm_channel.last_message)
    cara = await (await sessions_of(world, world.coach)).press("Add to calendar")

    assert from_list.to_ical() == from_message.to_ical()
    [hers], [theirs] = (await calendar_in(cara.panel)).events, from_list.events
    assert (hers["uid"], hers["sequence"]) == (theirs["uid"], theirs["sequence"])
    assert (theirs["summary"], hers["summary"]) == ("Coaching with Cara", "Coaching Stu")
    assert theirs.uid == f"{one.code}@session.coachbot"


async def test_the_coachs_file_names_the_student_or_else_the_session(world: Academy) -> None:
    one = await booked(world)

    async def title() -> str:
        cara = await (await sessions_of(world, world.coach)).press("Add to calendar")
        return str((await calendar_in(cara.panel)).events[0]["summary"])

    world.guild.remove_member(world.student)
    after_leaving = await title()
    world.env.inject_error("GET", f"/users/{world.student.id}", status=404, code=10013)
    without_account = await title()
    world.env.inject_error("GET", f"/guilds/{world.guild.id}/members/{world.student.id}", status=500)
    in_trouble = await title()

    assert after_leaving == "Coaching Stu"
    assert without_account == in_trouble == f"Coaching session {one.code} in {world.guild.name}"


async def test_only_the_newest_message_about_a_session_has_a_file(world: Academy) -> None:
    async def files() -> list[list[tuple[str, Any, str]]]:
        return [
            [
                (str(calendar["method"]), calendar.events[0]["sequence"], str(calendar.events[0].uid))
                for calendar in [
                    await calendar_in(one) for one in person.user.dm_channel.history() if one.attachments
                ]
            ]
            for person in (world.student, world.coach)
        ]

    one = await booked(world)
    stu = await sessions_of(world, world.student)
    after_booking = await files()
    await stu.press("Reschedule…", "14:00")
    await stu.fill("Reschedule…")
    after_rescheduling = await files()
    await (await stu.slash("sessions")).fill("Cancel…")

    uid = f"{one.code}@session.coachbot"
    assert after_booking == [[("PUBLISH", 0, uid)]] * 2
    assert after_rescheduling == [[("PUBLISH", 1, uid)]] * 2
    assert await files() == [[("CANCEL", 2, uid)]] * 2


async def test_an_admin_gets_back_to_the_session_they_cancelled(world: Academy) -> None:
    one = await booked(world)
    ada = await Visitor(world, world.admin).slash("coaching session", code=one.code)

    await ada.fill("Cancel…", Reason="Flood.")
    await ada.press("Session details")

    assert f"Code `{one.code}` · cancelled" in ada.said
