"""Moving a booked session, from the press to what both read."""

import datetime as dt
from typing import Any

import pytest

from models import Coach, Reservation, SessionStatus
from tests.support.presses import send_together
from tests.support.simulated import Academy, reply, words
from tests.support.steps import fill, form, labels, press, rows, send

TWO = dt.datetime(2026, 3, 2, 13, tzinfo=dt.UTC)
"""14:00 in Berlin, when the session is."""
HALF_PAST_TWO = dt.datetime(2026, 3, 2, 13, 30, tzinfo=dt.UTC)
HALF_PAST_THREE = dt.datetime(2026, 3, 2, 14, 30, tzinfo=dt.UTC)


def stamp(at: dt.datetime) -> str:
    return f"<t:{int(at.timestamp())}:F>"


async def times(world: Academy, person: Any) -> Any:
    """The free times, from `/sessions`."""
    return await press(person, reply(await person.slash(world.lobby, "sessions")), "Reschedule…")


async def offered(world: Academy) -> list[str]:
    """What somebody else can book that day."""
    panel = reply(await world.other_student.slash(world.lobby, "book", coach=str(world.coach.id)))
    return [label for label in labels(panel) if ":" in label]


async def told(world: Academy) -> int:
    """How often somebody was told that it was moved."""
    return sum("Session moved by" in said for who in (world.student, world.coach) for said in world.dms(who))


async def test_a_coach_reads_which_of_their_rules_another_time_breaks_and_moves_it_anyway(
    open_world: Academy,
) -> None:
    world = open_world
    await world.book(world.student, "14:00")
    elsewhen = {"Day and time": "tomorrow 22:10"}

    question = await fill(world.coach, await times(world, world.coach), "Another time…", elsewhen)
    assert "⚠️ **This breaks your own rules**\n- It's outside your hours." in words(question)
    assert "Move it…" not in labels(question)
    await world.restart()
    moved = await fill(world.coach, question, "Move it anyway…", {"Reason": "A wedding."})

    assert "Session moved ✅" in words(moved)
    [now] = await world.sessions()
    assert now.starts_at == TWO + dt.timedelta(days=1, hours=8, minutes=10)
    assert "Session moved by the coach" in world.dms(world.student)[-1]


async def test_a_rule_that_was_made_after_the_warning_is_named_before_the_session_moves(
    open_world: Academy,
) -> None:
    world = open_world
    await world.book(world.student, "14:00")
    elsewhen = {"Day and time": "tomorrow 22:00"}
    question = await fill(world.coach, await times(world, world.coach), "Another time…", elsewhen)
    async with world.db.begin() as session:
        coach = await session.get_one(Coach, (world.guild.id, world.coach.id))
        coach.minimum_notice_minutes = 3 * 24 * 60

    refused = await fill(world.coach, question, "Move it anyway…", {"Reason": "A wedding."})

    assert "You ask for 3 days of notice. It's outside your hours. Choose the time again." in words(refused)
    [now] = await world.sessions()
    assert now.starts_at == TWO


async def test_another_time_is_for_the_coach_and_never_one_that_is_taken(open_world: Academy) -> None:
    world = open_world
    await world.book(world.student, "14:00")
    panels = {person: await times(world, person) for person in (world.student, world.coach)}
    await world.book(world.other_student, "16:00")

    answer = await fill(world.coach, panels[world.coach], "Another time…", {"Day and time": "today 16:30"})

    assert "Another time…" not in labels(panels[world.student])
    assert "That time was just taken." in words(answer)
    assert len({one.starts_at for one in await world.sessions()}) == 2


async def test_a_student_moves_a_session_from_the_list(open_world: Academy) -> None:
    world = open_world
    booked = await world.book(world.student, "14:00")

    panel = await times(world, world.student)
    question = await press(world.student, panel, "15:30")
    assert f"**Now** {stamp(TWO)} · 60 min" in words(question)
    assert f"**To** {stamp(HALF_PAST_THREE)}" in words(question)
    moved = await fill(world.student, question, "Move it…", {"Reason": ""})

    assert "Session moved ✅" in words(moved)
    assert f"**Rescheduled from** {stamp(TWO)}" in words(moved)
    [now] = await world.sessions()
    assert (now.id, now.starts_at, now.duration) == (booked.id, HALF_PAST_THREE, booked.duration)
    assert (now.total_cost_minor, now.code) == (booked.total_cost_minor, booked.code)
    assert "Session moved by you" in world.dms(world.student)[-1]
    assert "Session moved by the student" in world.dms(world.coach)[-1]
    for person in (world.student, world.coach):
        assert f"\n{stamp(HALF_PAST_THREE)} (" in world.dms(person)[-1]
        assert f"**Rescheduled from** {stamp(TWO)}" in world.dms(person)[-1]


async def test_the_old_time_can_be_booked_again_and_the_new_one_cannot(open_world: Academy) -> None:
    world = open_world
    await world.book(world.student, "14:00")
    assert await offered(world) == ["11:00", "15:00", "15:30", "16:00"]

    await fill(
        world.student, await press(world.student, await times(world, world.student), "15:30"), "Move it…", {}
    )

    assert await offered(world) == ["11:00", "13:30", "14:00", "14:30"]
    assert await world.count(Reservation) == 2
    await world.book(world.other_student, "14:00")


@pytest.mark.parametrize("who", ["student", "coach"])
async def test_a_session_is_moved_from_the_card_in_the_direct_messages(open_world: Academy, who: str) -> None:
    world = open_world
    await world.book(world.student, "14:00")
    person, cards = getattr(world, who).user, world.dms(getattr(world, who))

    panel = await press(person, person.dm_channel.last_message, "Reschedule…")
    assert world.dms(getattr(world, who))[: len(cards)] == cards  # the times are shown beside the card
    assert "times in **Europe/Berlin**" in words(panel)
    panel = await press(person, await press(person, panel, "15:30"), "Other time")
    moved = await fill(person, await press(person, panel, "15:30"), "Move it…", {"Reason": "A meeting."})

    assert "Session moved ✅" in words(moved)
    by = "student" if who == "student" else "coach"
    other = world.coach if who == "student" else world.student
    assert f"Session moved by the {by}" in world.dms(other)[-1]
    assert "> A meeting." in world.dms(other)[-1]


async def test_only_a_coach_has_to_say_why(open_world: Academy) -> None:
    world = open_world
    await world.book(world.student, "14:00")

    needed = {}
    for person in (world.student, world.coach):
        question = await press(person, await times(world, person), "15:30")
        opened = await form(person, question, "Move it…")
        needed[person.name] = opened.modal["components"][0]["component"]["required"]

    assert needed == {"stu": False, "cara": True}


async def test_only_other_free_times_of_that_length_are_offered(open_world: Academy) -> None:
    world = open_world
    await world.book(world.student, "14:00")
    await world.book(world.other_student, "16:00")

    panel = await times(world, world.student)

    # Not 14:00, where it is; but 13:30 and 14:30, since its own time does not count against it.
    assert [label for label in labels(panel) if ":" in label] == ["11:00", "13:30", "14:30", "15:00"]


async def test_times_are_offered_on_the_clock_of_whoever_moves_it(open_world: Academy) -> None:
    world = open_world
    await world.student.slash(world.lobby, "timezone", place="Mumbai")
    await world.book(world.student, "18:30")  # 14:00 in Berlin

    hers, his = await times(world, world.coach), await times(world, world.student)

    assert "times in **Europe/Berlin**" in words(hers)
    assert "times in **Asia/Kolkata**" in words(his)
    assert {"15:30", "20:00"} <= labels(hers).keys() | labels(his).keys()
    assert labels(hers)["15:30"] == labels(his)["20:00"]


async def test_another_day_is_picked_and_a_long_day_pages(open_world: Academy) -> None:
    world = open_world
    booked = await world.book(world.student, "14:00")
    await world.coach.slash(world.lobby, "availability", days="Wed", hours="24h")
    wednesday = str(dt.date(2026, 3, 4).toordinal())

    panel = await times(world, world.student)
    panel = reply(await world.student.select(panel, [wednesday], custom_id=f"move:day:{booked.id}:0"))
    assert "**Wednesday, 4 March**" in words(panel)
    panel = await press(world.student, panel, "Other times that day")
    question = await press(world.student, panel, "19:00")

    assert f"**To** {stamp(dt.datetime(2026, 3, 4, 18, tzinfo=dt.UTC))}" in words(question)


async def test_a_time_that_was_taken_meanwhile_is_refused_with_the_nearest_free_ones(open_world: Academy) -> None:
    world = open_world
    await world.book(world.student, "14:00")
    panel = await times(world, world.student)
    opened = await form(world.student, await press(world.student, panel, "15:30"), "Move it…")
    await world.book(world.other_student, "15:30")

    late = await send(world.student, opened, {"Reason": "Please"})
    later = await press(world.student, await times(world, world.student), "14:30")

    said = words(late)
    assert said.startswith(
        "⚠️ That time was just taken.\n**Nearest free**, in **Europe/Berlin**:\nMon 2 Mar, 14:30\n"
    )
    assert "**Reason**\nPlease" in said
    assert "Move this session?" in words(later)
    assert (await world.sessions())[0].starts_at == TWO
    assert await told(world) == 0


async def test_the_nearest_free_times_are_other_times_than_the_present_one(open_world: Academy) -> None:
    world = open_world
    await world.book(world.student, "14:00")
    panel = await times(world, world.student)
    await world.book(world.other_student, "15:30")

    refusal = await press(world.student, panel, "15:30")

    assert "Mon 2 Mar, 14:30" in words(refusal)
    assert "Mon 2 Mar, 14:00" not in words(refusal)


async def test_a_session_that_was_cancelled_meanwhile_is_not_moved(open_world: Academy) -> None:
    world = open_world
    await world.book(world.student, "14:00")
    panel = await times(world, world.student)
    question = await press(world.student, panel, "15:30")
    opened = await form(world.student, question, "Move it…")
    listed = reply(await world.coach.slash(world.lobby, "sessions"))
    await fill(world.coach, listed, "Cancel…", {"Reason": "Ill."})
    before = await rows(world)

    refused = [await send(world.student, opened, {}), await press(world.student, question, "Other time")]

    for answer in refused:
        assert "This session was cancelled. Book a new one with `/book`." in words(answer)
    assert await rows(world) == before
    assert await told(world) == 0


async def test_a_session_that_began_meanwhile_is_not_moved(open_world: Academy) -> None:
    world = open_world
    booked = await world.book(world.student, "14:00")
    card = world.coach.user.dm_channel.last_message
    panel = await times(world, world.student)
    opened = await form(world.student, await press(world.student, panel, "16:00"), "Move it…")
    await world.leap_to(booked.starts_at)

    refused = [await send(world.student, opened, {}), await press(world.coach.user, card, "Reschedule…")]

    for answer in refused:
        assert "This session has already started, so it can't be rescheduled." in words(answer)
    [now] = await world.sessions()
    assert (now.starts_at, now.status) == (TWO, SessionStatus.IN_PROGRESS)
    listed = reply(await world.student.slash(world.lobby, "sessions"))
    assert "Reschedule…" not in labels(listed)


async def test_a_form_that_is_sent_twice_moves_once_and_tells_once(open_world: Academy) -> None:
    world = open_world
    await world.book(world.student, "14:00")
    question = await press(world.student, await times(world, world.student), "15:30")
    opened = await form(world.student, question, "Move it…")

    twice = [(world.student, question)] * 2
    answers = await send_together(world, twice, opened.modal["custom_id"], {"Reason": "Please"})
    again = await send(world.student, opened, {"Reason": "Please"})

    assert all("Session moved ✅" in words(reply(answer)) for answer in answers)
    assert "Session moved ✅" in words(again)
    assert await told(world) == 2
    [now] = await world.sessions()
    assert (now.starts_at, now.rescheduled_from) == (HALF_PAST_THREE, TWO)


async def test_both_move_it_at_the_same_moment_and_the_second_move_counts(open_world: Academy) -> None:
    world = open_world
    await world.book(world.student, "14:00")
    hers = await press(world.coach, await times(world, world.coach), "15:30")
    his = await press(world.student, await times(world, world.student), "15:30")

    forms = [(world.coach, hers), (world.student, his)]
    custom_id = labels(hers)["Move it…"]
    answers = await send_together(world, forms, custom_id, {"Reason": "Please"})

    assert all("Session moved ✅" in words(reply(answer)) for answer in answers)
    assert await told(world) == 2


async def test_a_stranger_learns_nothing_and_moves_nothing(open_world: Academy) -> None:
    world = open_world
    booked = await world.book(world.student, "14:00")
    question = await press(world.student, await times(world, world.student), "15:30")
    confirm = labels(question)["Move it…"]
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
        assert "You have no such session. `/sessions` lists yours." in words(reply(answer))
    assert await rows(world) == before


async def test_what_was_never_offered_is_refused(open_world: Academy) -> None:
    world = open_world
    booked = await world.book(world.student, "14:00")
    minute = int(booked.starts_at.timestamp()) // 60
    night, early, never = minute + 8 * 60, int(world.now.timestamp()) // 60 + 60, 2**62
    before = await rows(world)

    said = [
        words(
            reply(await world.send_custom_id(world.student, f"move:confirm:{booked.id}:{start}", {"Reason": ""}))
        )
        for start in (night, early, never)
    ]

    assert "That time is outside the coach's hours." in said[0]
    assert "this coach needs 2 hours of notice." in said[1]
    assert "That time doesn't exist." in said[2]
    assert await rows(world) == before


async def test_where_nothing_else_is_free_that_is_said(open_world: Academy) -> None:
    world = open_world
    await world.book(world.student, "14:00")
    await world.coach.slash(world.lobby, "availability", days="every day", hours="closed")

    panel = await times(world, world.student)

    assert "**Nothing else is free** in the next 28 days." in words(panel)
