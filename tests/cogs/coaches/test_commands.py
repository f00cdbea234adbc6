"""`/coach`, from the press to what people read."""

from typing import Any
from zoneinfo import ZoneInfo

import pytest

from models import AuditEntry, Coach, CoachStatus, Notification
from tests.support.simulated import APPLICATION, Academy, lost_answers, reply, words
from tests.support.transactions import fetch


async def status_of(world: Academy) -> CoachStatus | None:
    async with world.db.read() as session:
        coach = await session.get(Coach, (world.guild.id, world.coach.id))
    return coach and coach.status


@pytest.mark.parametrize(
    ("field", "typed", "sentence"),
    [
        ("Your time zone", "Berlinn", 'I don\'t know the time zone "Berlinn". Type one like Europe/Berlin'),
        ("Rate per hour", "a lot", '"a lot" isn\'t an amount. Type your hourly rate in USD, like 60.'),
        ("Rate per hour", "-5", "A rate can't be negative. Type 0 if you coach for free."),
        ("Rate per hour", "9.9999", "has too many decimals. Type at most 2 digits"),
        ("Rate per hour", "1.200", '1.200" could be 1200.00 or 1.20. Type 1200 or 1.20.'),
        ("About you", "   ", "About you is empty. Write a few words."),
    ],
)
async def test_a_field_that_cannot_be_read_is_refused_and_nothing_typed_is_lost(
    world: Academy, field: str, typed: str, sentence: str
) -> None:
    await world.set_up()

    answer = await world.apply(world.coach, **{field: typed})

    panel = reply(answer)
    assert sentence in words(panel)
    assert await world.count(Coach) == await world.count(Notification) == 0
    form = await world.coach.click(panel, label="Fix it")
    assert form.modal is not None
    kept = {
        label["label"]: label["component"].get("value")
        or [one["value"] for one in label["component"].get("options", ()) if one["default"]]
        for label in form.modal["components"]
    }
    assert kept == APPLICATION | {field: typed if typed.strip() else []}


async def test_a_form_can_be_fixed_again_and_again_in_its_place(world: Academy) -> None:
    await world.set_up()
    panel = reply(await world.apply(world.coach, **{"Rate per hour": "much"}))
    await world.restart()

    form = await world.coach.click(panel, label="Fix it")
    answer = await world.coach.submit_modal(form, APPLICATION | {"Rate per hour": "more"})
    assert '"more" isn\'t an amount' in words(answer.response)
    assert answer.response.id == panel.id
    form = await world.coach.click(panel, label="Fix it")
    answer = await world.coach.submit_modal(form, APPLICATION)

    assert answer.response.id == panel.id
    assert "with the admins now" in words(answer.response)
    assert await status_of(world) is CoachStatus.PENDING


async def test_an_applicant_reads_which_clock_their_place_was_understood_as(world: Academy) -> None:
    await world.set_up()

    answer = await world.apply(world.coach, **{"Your time zone": "India"})

    there = world.now.astimezone(ZoneInfo("Asia/Kolkata"))
    assert f"Your time zone is **Asia/Kolkata**, where it's **{there:%A, %H:%M}** now." in words(reply(answer))
    coach = await fetch(world.db, Coach, (world.guild.id, world.coach.id))
    assert coach.time_zone == "Asia/Kolkata"


async def test_applying_again_while_pending_edits_the_card_that_is_there(world: Academy) -> None:
    await world.set_up()
    await world.apply(world.coach)

    form = await world.coach.slash(world.lobby, "coach apply")
    assert form.modal is not None
    assert form.modal["components"][0]["component"]["value"] == "I mix records."
    await world.coach.submit_modal(form, APPLICATION | {"About you": "I mix and master."})

    [card] = world.review.history()
    assert "I mix and master." in words(card)


async def test_a_rejection_tells_the_reason_and_allows_to_apply_again(world: Academy) -> None:
    await world.set_up()
    await world.apply(world.coach)

    form = await world.admin.click(world.card, label="Reject…")
    await world.admin.submit_modal(form, {"Reason": "Please tell us *more*."})

    assert "Please tell us \\*more\\*." in world.dms(world.coach)[-1]
    assert f"**Rejected** by {world.admin.mention}" in words(world.card)
    assert not world.has_role(world.coach, world.coach_role)
    await world.apply(world.coach)
    assert len(world.review.history()) == 2
    assert "Approve" in words(world.card)


async def test_of_two_admins_one_decides_and_the_other_is_told_who_did(world: Academy) -> None:
    await world.set_up()
    await world.apply(world.coach)
    card = world.card
    owner = world.guild.add_member(world.guild.owner)

    form = await world.admin.click(card, label="Reject…")
    await owner.click(card, label="Approve")
    answer = await world.admin.submit_modal(form, {"Reason": "No."})

    assert f"already approved by {owner.mention}" in words(reply(answer))
    assert await status_of(world) is CoachStatus.APPROVED


async def test_who_may_not_decide_is_refused_and_nothing_happens(world: Academy) -> None:
    await world.set_up()
    await world.apply(world.coach)
    card = world.card

    answers = [
        await world.outsider.click(card, label="Approve"),
        await world.outsider.click(card, label="Reject…"),
        await world.coach.click(card, label="Approve"),
        await world.outsider.slash(world.lobby, "coach approve", member=world.coach),
        await world.outsider.slash(world.lobby, "coach approve"),
        await world.outsider.slash(world.lobby, "coach reject", member=world.coach, reason="No."),
    ]

    for answer in answers:
        assert words(reply(answer)).startswith("Only admins can do this.")
        assert reply(answer).ephemeral
    assert await status_of(world) is CoachStatus.PENDING


async def test_the_admin_role_decides_like_somebody_who_manages_the_server(world: Academy) -> None:
    helpers = world.guild.create_role("Helpers")
    helper = world.guild.add_member(world.env.create_user("hal"), roles=[helpers])
    await world.set_up()
    await world.apply(world.coach)
    assert words(reply(await helper.click(world.card, label="Approve"))).startswith("Only admins")

    await world.choose(admin_role_id=helpers.id)
    answer = await helper.click(world.card, label="Approve")

    assert words(reply(answer)).startswith("Approved.")


async def test_the_queue_shows_one_application_after_the_other(world: Academy) -> None:
    await world.set_up()
    await world.apply(world.coach)
    await world.apply(world.student, **{"About you": "I play the piano."})

    panel = reply(await world.admin.slash(world.lobby, "coach approve"))
    assert "Application 1 of 2" in words(panel)
    assert "I mix records." in words(panel)
    panel = reply(await world.admin.click(panel, label="Next ▶"))
    assert "I play the piano." in words(panel)
    answer = await world.admin.click(panel, label="Approve")

    assert "Approved." in words(reply(answer))
    left = answer.response or answer.followups[0]
    assert "Application 1 of 1" in words(left)
    assert "Approved" in words(world.card)


async def test_whoever_coaches_already_is_not_asked_to_fill_in_a_form(open_world: Academy) -> None:
    world = open_world

    answer = await world.coach.slash(world.lobby, "coach apply")

    assert answer.modal is None
    assert words(reply(answer)) == "You already coach here. Set your hours with `/availability`."


async def test_an_empty_queue_says_where_applications_come_from(world: Academy) -> None:
    answer = await world.admin.slash(world.lobby, "coach approve")

    assert "No application is waiting" in words(reply(answer))


async def test_approving_somebody_who_never_applied_says_what_they_have_to_do(world: Academy) -> None:
    answer = await world.admin.slash(world.lobby, "coach approve", member=world.outsider)

    assert words(reply(answer)) == "They haven't applied. Ask them to use `/coach apply`."


async def test_without_a_review_channel_the_card_waits_for_one(world: Academy) -> None:
    await world.apply(world.coach)
    assert world.review.history() == []

    await world.set_up()

    assert "I mix records." in words(world.card)


async def test_a_role_that_is_chosen_later_is_given_to_those_who_coach_already(world: Academy) -> None:
    await world.choose(review_channel_id=world.review.id)
    await world.apply(world.coach)
    await world.admin.click(world.card, label="Approve")
    assert not world.has_role(world.coach, world.coach_role)

    await world.choose(coach_role_id=world.coach_role.id)

    assert world.has_role(world.coach, world.coach_role)


async def test_a_card_whose_answer_was_lost_is_not_posted_twice(world: Academy) -> None:
    await world.set_up()

    with lost_answers(world, "POST", "/channels/*/messages") as lost:
        await world.apply(world.coach)
        await world.wait_until(world.now + world.minutes(2))

    assert lost
    assert len(world.review.history()) == 1
    assert await world.count(Notification) == 1


async def test_markdown_and_mentions_of_an_applicant_stay_text(world: Academy) -> None:
    await world.set_up()

    await world.apply(world.coach, **{"About you": "**bold** @everyone <@&1> # big"})

    card = world.card
    assert "\\*\\*bold\\*\\* \\@everyone" in words(card)
    sent: list[Any] = [
        one.json for one in world.env.http_requests if one.path == f"/channels/{world.review.id}/messages"
    ]
    assert sent[-1]["allowed_mentions"] == {"parse": [], "users": []}


async def test_what_is_decided_stands_in_the_audit(world: Academy) -> None:
    await world.set_up()
    await world.apply(world.coach)
    await world.admin.click(world.card, label="Approve")

    entry = await fetch(world.db, AuditEntry, await world.count(AuditEntry))

    assert (entry.action, entry.actor_id, entry.coach_id) == (
        "application_approved",
        world.admin.id,
        world.coach.id,
    )
