"""Reviewing a session, from the message that asks to what others see."""

from datetime import timedelta
from typing import Any

import pytest

from models import SessionStatus
from scheduler.core.clock import stamp
from tests.cogs.booking.people import Visitor
from tests.support.meetings import NO_ACCESS
from tests.support.presses import press_together
from tests.support.reviewing import asked, hidden, reviewed, stored_reviews, took_place
from tests.support.simulated import Academy, reply, words
from tests.support.steps import fill, form, held, labels, press, send

REVIEW = "Your review"
FIVE = ["1★", "2★", "3★", "4★", "5★"]
HIDDEN = "An admin has hidden your review, so you can't change it. Ask an admin if you have questions."


async def test_the_message_names_the_session_and_offers_five_stars(world: Academy) -> None:
    one = await took_place(world)

    message = await asked(world, one)

    assert "How was it?" in words(message)
    assert f"Your session with Cara, {stamp(one.starts_at)}, is over." in words(message)
    assert labels(message) == {label: f"review:stars:{one.id}:{label[0]}" for label in FIVE}
    assert words(message).splitlines()[-1].startswith(f"-# Academy · Session {one.code} · ref ")


async def test_one_press_reviews_and_more_presses_change_the_review(world: Academy) -> None:
    stu, message = world.student.user, await asked(world, await took_place(world))
    as_it_was = words(message)

    panel = await press(stu, message, "4★")
    thanked = words(panel)
    changed = await press(stu, panel, "5★")
    said = await fill(stu, changed, "Write a review…", {REVIEW: "She *hears* everything."})

    assert "★★★★☆ Thank you" in thanked
    assert "★★★★★ Thank you" in words(changed)
    assert changed.id == panel.id == said.id != message.id  # what answers a private panel takes its place
    assert r"> She \*hears\* everything." in words(said)
    assert await stored_reviews(world) == [(5, "She *hears* everything.")]
    assert as_it_was in world.dms(world.student)


async def test_an_empty_form_removes_the_comment(world: Academy) -> None:
    one = await reviewed(world, 4, "Good.")
    panel = await press(world.student.user, await asked(world, one), "4★")

    opened = await form(world.student.user, panel, "Change your review…")
    assert held(opened) == {REVIEW: "Good."}
    panel = await send(world.student.user, opened, {REVIEW: ""})

    assert await stored_reviews(world) == [(4, None)]
    assert "Write a review…" in labels(panel)


async def test_reviewing_works_across_restarts(world: Academy) -> None:
    stu, message = world.student.user, await asked(world, await took_place(world))

    await world.restart()
    panel = await press(stu, message, "3★")
    opened = await form(stu, panel, "Write a review…")
    await world.restart()
    await send(stu, opened, {REVIEW: "Fine."})

    assert await stored_reviews(world) == [(3, "Fine.")]


async def test_a_double_click_reviews_once(world: Academy) -> None:
    await took_place(world)
    stu = await (await Visitor(world, world.student).slash("sessions")).press("Review")

    for one in await press_together(world, [(world.student, stu.panel)] * 2, label="4★"):
        assert "★★★★☆ Thank you" in words(reply(one))

    assert await stored_reviews(world) == [(4, None)]
    assert "★ 4.0 (1)" in words(reply(await world.other_student.slash(world.lobby, "book")))


@pytest.mark.parametrize("what", ["review:stars:{}:1", "review:open:{}", "review:comment:{}"])
async def test_only_its_student_reviews_a_session(world: Academy, what: str) -> None:
    one = await reviewed(world, 5, "Great.")
    refused = {
        world.coach: "Only students can review a session.",
        world.other_student: NO_ACCESS,
        world.admin: NO_ACCESS,
    }

    for person, sentence in refused.items():
        assert words(reply(await world.press_custom_id(person, what.format(one.id)))) == sentence
    form_sent = await world.send_custom_id(world.coach, f"review:comment:{one.id}", {REVIEW: "I am the best."})

    assert "Only students can review a session." in words(reply(form_sent))
    assert await stored_reviews(world) == [(5, "Great.")]


async def test_reviews_close_after_seven_days(world: Academy) -> None:
    one = await took_place(world)
    stu, message = world.student.user, await asked(world, one)
    panel = await press(stu, message, "4★")
    await world.leap_to(world.now + timedelta(days=7))

    answers = [await world.press_custom_id(world.student, f"review:stars:{one.id}:5")]
    answers.append(await stu.click(panel, label="1★"))
    answers.append(await stu.click(panel, label="Write a review…"))

    for answer in answers:
        assert "Reviews close 7 days after the session" in words(reply(answer))
    assert await stored_reviews(world) == [(4, None)]


async def test_a_hidden_review_cannot_be_changed(world: Academy) -> None:
    one = await reviewed(world, 1, "Rude words.")
    stu, message = world.student.user, await asked(world, one)
    panel = await press(stu, message, "1★")
    await hidden(world, one)

    answers = [await stu.click(message, label="5★"), await stu.click(panel, label="Change your review…")]

    assert [words(reply(answer)) for answer in answers] == [HIDDEN, HIDDEN]
    assert await stored_reviews(world) == [(1, "Rude words.")]


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (SessionStatus.NO_SHOW, "This session counts as a no-show, so you can't review it."),
        (SessionStatus.CANCELLED, "This session was cancelled, so there's nothing to review."),
        (SessionStatus.SCHEDULED, "This session isn't over yet."),
    ],
)
async def test_only_a_completed_session_can_be_reviewed(world: Academy, status: SessionStatus, said: str) -> None:
    starts_at = world.now + timedelta(days=1) if status is SessionStatus.SCHEDULED else world.now
    one = await took_place(world, status=status, starts_at=starts_at)

    for what in (f"review:stars:{one.id}:5", f"review:open:{one.id}", f"review:comment:{one.id}"):
        assert said in words(reply(await world.press_custom_id(world.student, what)))

    assert await stored_reviews(world) == []


async def test_a_comment_that_is_too_long_can_be_fixed(world: Academy) -> None:
    one = await reviewed(world, 4)

    too_long = {REVIEW: "word " * 61}
    refused = reply(await world.send_custom_id(world.student, f"review:comment:{one.id}", too_long))

    assert "That's 304 characters, and at most 300 fit. Shorten it a little." in words(refused)
    assert "Fix it" in labels(refused)
    assert await stored_reviews(world) == [(4, None)]


async def test_the_list_offers_reviewing_and_shows_the_review(world: Academy) -> None:
    one = await took_place(world)
    stu = await Visitor(world, world.student).slash("sessions")
    assert stu.buttons == ["Review", "Book again", "Reminders: on"]

    await stu.press("Review")
    assert "How was it?" in stu.said
    assert stu.buttons == FIVE
    await stu.press("2★")
    await stu.slash("sessions")

    assert "**Your review** ★★☆☆☆" in stu.said
    assert stu.buttons == ["Change review", "Book again", "Reminders: on"]
    await stu.press("Change review")
    assert "★★☆☆☆ Thank you" in stu.said
    await hidden(world, one)
    await stu.slash("sessions")
    assert "**Your review** ★★☆☆☆ · hidden by an admin" in stu.said
    assert stu.buttons == ["Book again", "Reminders: on"]


async def test_after_seven_days_the_list_only_shows_the_stars(world: Academy) -> None:
    await took_place(world, starts_at=world.now - timedelta(days=8, hours=1))
    given = await took_place(world, starts_at=world.now - timedelta(days=7))
    stu = await (await Visitor(world, world.student).slash("sessions")).press("Review", "4★")
    await world.leap_to(given.ends_at + timedelta(days=7))

    await stu.slash("sessions")

    assert stu.said.count("**Your review** ★★★★☆") == 1
    assert stu.buttons == ["Book again", "Book again", "Reminders: on"]


async def test_coaches_are_not_asked_and_do_not_see_who_gave_which_stars(world: Academy) -> None:
    await took_place(world)
    await reviewed(world, 2, "Meh.")

    cara = await Visitor(world, world.coach).slash("sessions")

    assert cara.buttons == ["Mark no-show", "Mark no-show", "Reminders: on"]
    assert "★" not in cara.said


async def test_stars_appear_in_the_list_of_coaches(world: Academy) -> None:
    rows = [await took_place(world), await took_place(world, student=world.other_student)]
    people: list[Any] = [world.student.user, world.other_student.user]
    olaf = await Visitor(world, world.outsider).slash("book")
    assert f"**{world.coach.mention}** · new · $60.00 an hour" in olaf.said

    for person, row, stars in zip(people, rows, ("4★", "5★"), strict=True):
        await press(person, await asked(world, row), stars)

    await olaf.slash("book")
    assert f"**{world.coach.mention}** · ★ 4.5 (2) · $60.00 an hour" in olaf.said
    await olaf.press("Book")
    assert "★ 4.5 (2)" in olaf.said
    await hidden(world, rows[0])
    await olaf.slash("book")
    assert "★ 5.0 (1)" in olaf.said
