"""Rescheduling a session, from the first press to what both people read."""

import datetime as dt
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import pytest

from models import Reservation, SessionStatus
from scheduler.core.clock import stamp
from tests.cogs.booking.people import TWO, Visitor, change_coach, much_later
from tests.support.meetings import HOUR, NO_ACCESS
from tests.support.parameters import first_plain
from tests.support.presses import send_together
from tests.support.simulated import Academy, reply, words
from tests.support.steps import fill, form, labels, press, rows, send

HALF_PAST_THREE = TWO + 1.5 * HOUR
WEDNESDAY = dt.datetime(2026, 3, 4, 8, tzinfo=dt.UTC)
"""9:00 in Berlin, two days after the world begins."""


async def times(world: Academy, person: Any) -> Any:
    """Open the free times from `/sessions`."""
    return await press(person, reply(await person.slash(world.lobby, "sessions")), "Reschedule…")


async def ask(world: Academy, person: Any, label: str = "15:30") -> Any:
    """Press a free time, and return the question that follows."""
    return await press(person, await times(world, person), label)


async def offered(world: Academy) -> list[str]:
    """Return the times that another student can book that day."""
    return (await Visitor(world, world.other_student).book()).times


def told(world: Academy) -> int:
    """Count the messages saying that the session was rescheduled."""
    people = (world.student, world.coach)
    return sum("Session rescheduled by" in said for who in people for said in world.dms(who))


async def test_a_coach_can_break_their_own_rules_after_a_warning(world: Academy) -> None:
    await world.book(world.student, "14:00")
    elsewhen = {"Day and time": "tomorrow 22:10"}

    question = await fill(world.coach, await times(world, world.coach), "Another time…", elsewhen)
    assert "⚠️ **This breaks your own rules**\n- It's outside your hours." in words(question)
    assert "Reschedule…" not in labels(question)
    await world.restart()
    done = await fill(world.coach, question, "Reschedule anyway…", {"Reason": "A wedding."})

    assert "Session rescheduled ✅" in words(done)
    [now] = await world.sessions()
    assert now.starts_at == TWO + dt.timedelta(days=1, hours=8, minutes=10)
    assert "Session rescheduled by your coach" in world.dms(world.student)[-1]


async def test_a_rule_made_after_the_warning_needs_another_warning(world: Academy) -> None:
    await world.book(world.student, "14:00")
    elsewhen = {"Day and time": "tomorrow 22:00"}
    question = await fill(world.coach, await times(world, world.coach), "Another time…", elsewhen)
    await change_coach(world, minimum_notice_minutes=3 * 24 * 60)

    refused = await fill(world.coach, question, "Reschedule anyway…", {"Reason": "A wedding."})

    assert "You ask for 3 days of notice. It's outside your hours. Choose the time again." in words(refused)
    assert [one.starts_at for one in await world.sessions()] == [TWO]


async def test_only_coaches_can_type_a_time_and_never_a_taken_one(world: Academy) -> None:
    await world.book(world.student, "14:00")
    panels = {person: await times(world, person) for person in (world.student, world.coach)}
    await world.book(world.other_student, "16:00")

    answer = await fill(world.coach, panels[world.coach], "Another time…", {"Day and time": "today 16:30"})

    assert "Another time…" not in labels(panels[world.student])
    assert "That time was just taken." in words(answer)
    assert len({one.starts_at for one in await world.sessions()}) == 2


async def test_a_student_reschedules_from_the_list(world: Academy) -> None:
    booked = await world.book(world.student, "14:00")
    assert await offered(world) == ["11:00", "15:00", "15:30", "16:00"]

    question = await ask(world, world.student)
    assert f"**Now** {stamp(TWO)} · 60 min" in words(question)
    assert f"\n## {stamp(HALF_PAST_THREE)}\n" in words(question)
    done = await fill(world.student, question, "Reschedule…", {})

    assert "Session rescheduled ✅" in words(done)
    assert f"**Rescheduled from** {stamp(TWO)}" in words(done)
    [now] = await world.sessions()
    assert (now.id, now.starts_at, now.duration) == (booked.id, HALF_PAST_THREE, booked.duration)
    assert (now.student.total_cost_minor, now.code) == (booked.student.total_cost_minor, booked.code)
    assert await offered(world) == ["11:00", "13:30", "14:00", "14:30"]
    assert await world.count(Reservation) == 2
    assert "Session rescheduled by you" in world.dms(world.student)[-1]
    assert "Session rescheduled by your student" in world.dms(world.coach)[-1]
    for person in (world.student, world.coach):
        assert f"\n## {stamp(HALF_PAST_THREE)}\n" in world.dms(person)[-1]
        assert f"**Rescheduled from** {stamp(TWO)}" in world.dms(person)[-1]


@pytest.mark.parametrize(
    ("who", "other", "reason"), first_plain([("student", "coach", "Reason"), ("coach", "student", "Reason")])
)
async def test_a_session_is_rescheduled_from_its_direct_message(
    world: Academy, who: str, other: str, reason: str
) -> None:
    await world.book(world.student, "14:00")
    person, cards = getattr(world, who).user, world.dms(getattr(world, who))

    panel = await press(person, person.dm_channel.last_message, "Reschedule…")
    assert world.dms(getattr(world, who))[: len(cards)] == cards  # the times are shown beside the card
    assert "times in **Europe/Berlin**" in words(panel)
    panel = await press(person, await press(person, panel, "15:30"), "Other time")
    done = await fill(person, await press(person, panel, "15:30"), "Reschedule…", {reason: "A meeting."})

    assert "Session rescheduled ✅" in words(done)
    assert f"Session rescheduled by your {who}" in world.dms(getattr(world, other))[-1]
    assert "\nA meeting.\n" in world.dms(getattr(world, other))[-1]


async def test_only_coaches_have_to_give_a_reason(world: Academy) -> None:
    await world.book(world.student, "14:00")

    needed = {}
    for person in (world.student, world.coach):
        opened = await form(person, await ask(world, person), "Reschedule…")
        [field] = opened.modal["components"]
        needed[field["description"]] = (field["label"], field["component"]["required"])

    assert needed == {
        "Your coach will see this.": ("Reason (optional)", False),
        "Your student will see this.": ("Reason", True),
    }


async def test_only_other_free_times_of_that_length_are_offered(world: Academy) -> None:
    await world.book(world.student, "14:00")
    await world.book(world.other_student, "16:00")

    panel = await times(world, world.student)

    # Not 14:00, where it is; but 13:30 and 14:30, since its own time doesn't count against it.
    assert [label for label in labels(panel) if ":" in label] == ["11:00", "13:30", "14:30", "15:00"]


async def test_times_are_shown_in_the_readers_zone(world: Academy) -> None:
    await world.student.slash(world.lobby, "timezone", place="Mumbai")
    await world.book(world.student, "18:30")  # 14:00 in Berlin

    hers, his = await times(world, world.coach), await times(world, world.student)

    assert "times in **Europe/Berlin**" in words(hers)
    assert "times in **Asia/Kolkata**" in words(his)
    assert labels(hers)["15:30"] == labels(his)["20:00"]


async def test_another_day_can_be_picked_and_has_pages(world: Academy) -> None:
    await world.book(world.student, "14:00")
    await world.coach.slash(world.lobby, "availability", days="Wed", hours="24h")
    stu = await (await Visitor(world, world.student).slash("sessions")).press("Reschedule…")

    await stu.choose("move:day:", "Wed 4 Mar")
    assert "**Wednesday, 4 March**" in stu.said
    await stu.press("Other times that day", "19:00")

    assert f"## {stamp(dt.datetime(2026, 3, 4, 18, tzinfo=dt.UTC))}" in stu.said


async def test_a_time_taken_meanwhile_is_refused_with_the_nearest_free_ones(world: Academy) -> None:
    await world.book(world.student, "14:00")
    opened = await form(world.student, await ask(world, world.student), "Reschedule…")
    panel = await times(world, world.student)
    await world.book(world.other_student, "15:30")

    late = words(await send(world.student, opened, {"Reason": "Please"}))
    pressed = words(await press(world.student, panel, "15:30"))

    for said in (late, pressed):
        assert said.startswith(
            "⚠️ That time was just taken.\n**Nearest free times** in **Europe/Berlin**:\nMon 2 Mar, 14:30\n"
        )
        assert "Mon 2 Mar, 14:00" not in said  # its own time
    assert "**Reason**\nPlease" in late
    assert "Reschedule this session?" in words(await ask(world, world.student, "14:30"))
    assert (await world.sessions())[0].starts_at == TWO
    assert told(world) == 0


async def test_a_session_cancelled_meanwhile_is_not_rescheduled(world: Academy) -> None:
    await world.book(world.student, "14:00")
    question = await ask(world, world.student)
    opened = await form(world.student, question, "Reschedule…")
    listed = reply(await world.coach.slash(world.lobby, "sessions"))
    await fill(world.coach, listed, "Cancel…", {"Reason": "Ill."})
    before = await rows(world)

    for answer in (await send(world.student, opened, {}), await press(world.student, question, "Other time")):
        assert "This session was cancelled. Book a new one with `/book`." in words(answer)

    assert await rows(world) == before
    assert told(world) == 0


async def test_a_session_that_started_meanwhile_is_not_rescheduled(world: Academy) -> None:
    await world.book(world.student, "14:00")
    opened = await form(world.student, await ask(world, world.student, "16:00"), "Reschedule…")
    await world.leap_to(TWO)

    late = await send(world.student, opened, {})
    for answer in (late, reply(await world.press_custom_id(world.coach, "session:move:1"))):
        assert "This session has already started, so it can't be rescheduled." in words(answer)

    [now] = await world.sessions()
    assert (now.starts_at, now.status) == (TWO, SessionStatus.IN_PROGRESS)
    assert "Reschedule…" not in labels(reply(await world.student.slash(world.lobby, "sessions")))


@pytest.mark.parametrize("first", first_plain(["student", "coach"]))
async def test_two_forms_sent_at_once_reschedule_once_and_tell_once(world: Academy, first: str) -> None:
    await world.book(world.student, "14:00")
    person = getattr(world, first)
    theirs, his = await ask(world, person), await ask(world, world.student)
    opened = await form(world.student, his, "Reschedule…")

    forms = [(person, theirs), (world.student, his)]
    answers = await send_together(world, forms, opened.modal["custom_id"], {"Reason": "Please"})
    again = await send(world.student, opened, {})

    for answer in (*map(reply, answers), again):
        assert "Session rescheduled ✅" in words(answer)
    assert told(world) == 2
    [now] = await world.sessions()
    assert (now.starts_at, now.rescheduled_from) == (HALF_PAST_THREE, TWO)


@pytest.mark.slow
async def test_a_stranger_learns_and_reschedules_nothing(world: Academy) -> None:
    booked = await world.book(world.student, "14:00")
    confirm = labels(await ask(world, world.student))["Reschedule…"]
    ids = [f"session:move:{booked.id}", f"move:show:{booked.id}:0:0", confirm, confirm.replace("confirm", "time")]
    before = await rows(world)

    answers = [
        await world.press_custom_id(person, custom_id)
        for person in (world.outsider, world.other_student, world.admin)
        for custom_id in ids
    ]
    answers.append(await world.send_custom_id(world.admin, confirm, {"Reason": "I may."}))
    answers.append(await world.press_custom_id(world.outsider, f"move:day:{booked.id}:0", picked=["739678"]))

    for answer in answers:
        assert NO_ACCESS in words(reply(answer))
    assert await rows(world) == before


async def test_a_time_that_was_never_offered_is_refused(world: Academy) -> None:
    booked = await world.book(world.student, "14:00")
    minute = int(booked.starts_at.timestamp()) // 60
    night, early, never = minute + 8 * 60, int(world.now.timestamp()) // 60 + 60, 2**62
    before = await rows(world)

    for start, why in (
        (night, "That time is outside the coach's hours."),
        (early, "this coach needs 2 hours of notice."),
        (never, "That time doesn't exist."),
    ):
        answer = await world.send_custom_id(world.student, f"move:confirm:{booked.id}:{start}", {})
        assert why in words(reply(answer))

    assert await rows(world) == before


async def test_with_nothing_else_free_the_panel_says_so(world: Academy) -> None:
    await world.book(world.student, "14:00")
    await world.coach.slash(world.lobby, "availability", days="every day", hours="closed")

    assert "**Nothing else is free** in the next 28 days." in words(await times(world, world.student))


async def test_a_student_reads_that_the_coach_has_to_choose_a_time_zone(world: Academy) -> None:
    await world.book(world.student, "14:00")
    await change_coach(world, time_zone="Mars/Base")

    said = words(await times(world, world.student))

    assert (
        "Your coach has to choose a time zone in `/availability` before this session can be rescheduled." in said
    )


async def with_notice(world: Academy) -> tuple[Visitor, list[Callable[[], Awaitable[Visitor]]]]:
    """Book for Wednesday, go to the last moment for rescheduling, and return the steps of doing that."""
    await world.choose(cancel_notice_minutes=24 * 60)
    stu = await Visitor(world, world.student).book()
    await stu.choose("book:day:", "Wed 4 Mar")
    await stu.press("09:00", "Confirm")
    await much_later(world, WEDNESDAY - 24 * HOUR)
    await stu.slash("sessions")
    return stu, [
        partial(stu.press, "Reschedule…"),
        partial(stu.choose, "move:day:", "Thu 5 Mar"),
        partial(stu.press, "10:00"),
        partial(stu.fill, "Reschedule…"),
    ]


async def test_a_student_can_reschedule_until_the_notice_begins(world: Academy) -> None:
    stu, steps = await with_notice(world)

    for step in steps:
        await step()

    assert "Session rescheduled ✅" in stu.said
    assert [one.starts_at for one in await world.sessions()] == [WEDNESDAY + 25 * HOUR]


@pytest.mark.parametrize("done_in_time", first_plain([3, 0, 1]))
async def test_later_a_student_is_refused_at_every_step(world: Academy, done_in_time: int) -> None:
    stu, steps = await with_notice(world)
    for step in steps[:done_in_time]:
        await step()
    await world.wait_until(world.now + world.minutes(1))

    await steps[done_in_time]()

    assert (
        "It's too late to reschedule: this server asks for 1 day of notice. Ask your coach to reschedule, or "
        "cancel, which counts as a late cancellation."
    ) in stu.said
    assert [one.starts_at for one in await world.sessions()] == [WEDNESDAY]


async def test_a_coach_reschedules_whatever_notice_students_need(world: Academy) -> None:
    await world.book(world.student, "14:00")
    await world.choose(cancel_notice_minutes=24 * 7 * 60)
    cara = await (await Visitor(world, world.coach).slash("sessions")).press("Reschedule…")

    await cara.choose("move:day:", "Thu 5 Mar")
    await cara.press("10:00")
    await cara.fill("Reschedule…", Reason="My train is late.")

    assert "Session rescheduled ✅" in cara.said
    assert "Session rescheduled by your coach" in world.dms(world.student)[-1]
    assert "My train is late." in world.dms(world.student)[-1]
