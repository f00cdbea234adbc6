"""Applying to coach and deciding on applications, from the press to what people read."""

from typing import Any
from zoneinfo import ZoneInfo

import pytest

from models import AuditEntry, Coach, CoachStatus, Notification
from tests.support.parameters import first_plain
from tests.support.simulated import APPLICATION, Academy, lost_answers, reply, words
from tests.support.steps import fill, form, held, send
from tests.support.transactions import fetch


async def cara(world: Academy) -> Coach:
    """Return Cara's row."""
    return await fetch(world.db, Coach, (world.guild.id, world.coach.id))


@pytest.mark.parametrize(
    ("field", "typed", "sentence"),
    first_plain(
        [
            ("Your time zone", "Berlinn", 'I don\'t know the time zone "Berlinn". Type one like Europe/Berlin'),
            ("Rate per hour", "a lot", '"a lot" isn\'t an amount. Type your hourly rate in USD, like 60.'),
            ("Rate per hour", "-5", "A rate can't be negative. Type 0 if you coach for free."),
            ("Rate per hour", "9.9999", "has too many decimals. Type at most 2 digits"),
            ("Rate per hour", "1.200", '1.200" could be 1200.00 or 1.20. Type 1200 or 1.20.'),
            ("About you", "   ", "**About you:** Write a few words."),
        ]
    ),
)
async def test_an_unreadable_field_is_refused_and_nothing_typed_is_lost(
    world: Academy, field: str, typed: str, sentence: str
) -> None:
    await world.set_up()

    panel = reply(await world.apply(world.coach, **{field: typed}))

    assert sentence in words(panel)
    assert await world.count(Coach) == await world.count(Notification) == 0
    assert held(await form(world.coach, panel, "Fix it")) == APPLICATION | {field: typed.strip()}


async def test_a_refused_form_can_be_fixed_repeatedly(world: Academy) -> None:
    await world.set_up()
    panel = reply(await world.apply(world.coach, **{"Rate per hour": "much"}))
    await world.restart()

    refused = await fill(world.coach, panel, "Fix it", {"Rate per hour": "more"})
    assert '"more" isn\'t an amount' in words(refused)
    sent = await fill(world.coach, refused, "Fix it", APPLICATION)

    assert panel.id == refused.id == sent.id
    assert "with the admins now" in words(sent)
    assert (await cara(world)).status is CoachStatus.PENDING


async def test_applicants_see_which_time_zone_was_understood(world: Academy) -> None:
    await world.set_up()

    answer = await world.apply(world.coach, **{"Your time zone": "India"})

    there = world.now.astimezone(ZoneInfo("Asia/Kolkata"))
    assert f"Your time zone is **Asia/Kolkata**, where it's **{there:%A, %H:%M}** now." in words(reply(answer))
    assert (await cara(world)).time_zone == "Asia/Kolkata"


async def test_applying_again_while_pending_edits_the_card(world: Academy) -> None:
    await world.set_up()
    await world.apply(world.coach)

    opened = await world.coach.slash(world.lobby, "coach apply")
    assert held(opened)["About you"] == "I mix records."
    await send(world.coach, opened, {"About you": "I mix and master."})

    [card] = world.review.history()
    assert "I mix and master." in words(card)


async def test_rejected_applicants_hear_why_and_can_apply_again(world: Academy) -> None:
    await world.set_up()
    await world.apply(world.coach)

    await fill(world.admin, world.card, "Reject…", {"Reason": "Please tell us *more*."})

    assert "Please tell us \\*more\\*." in world.dms(world.coach)[-1]
    assert f"**Rejected** by {world.admin.mention}" in words(world.card)
    assert not world.has_role(world.coach, world.coach_role)
    await world.apply(world.coach)
    assert len(world.review.history()) == 2
    assert "Approve" in words(world.card)


async def test_the_second_admin_hears_who_decided(world: Academy) -> None:
    await world.set_up()
    await world.apply(world.coach)
    owner = world.guild.add_member(world.guild.owner)

    opened = await form(world.admin, world.card, "Reject…")
    await owner.click(world.card, label="Approve")
    late = await send(world.admin, opened, {"Reason": "No."})

    assert f"This application was already approved by {owner.mention}" in words(late)
    assert (await cara(world)).status is CoachStatus.APPROVED


async def test_only_admins_decide_on_applications(world: Academy) -> None:
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
    assert (await cara(world)).status is CoachStatus.PENDING


async def test_members_with_the_admin_role_decide_too(world: Academy) -> None:
    helpers = world.guild.create_role("Helpers")
    helper = world.guild.add_member(world.env.create_user("hal"), roles=[helpers])
    await world.set_up()
    await world.apply(world.coach)
    assert words(reply(await helper.click(world.card, label="Approve"))).startswith("Only admins")

    await world.choose(admin_role_id=helpers.id)
    answer = await helper.click(world.card, label="Approve")

    assert words(reply(answer)).startswith("Approved.")


async def test_the_queue_shows_one_application_at_a_time(world: Academy) -> None:
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


async def test_coaches_cannot_apply_again(open_world: Academy) -> None:
    world = open_world

    answer = await world.coach.slash(world.lobby, "coach apply")

    assert words(reply(answer)) == "You already coach here. Set your hours with `/availability`."


async def test_without_applications_approving_says_how_people_apply(world: Academy) -> None:
    queue = await world.admin.slash(world.lobby, "coach approve")
    one = await world.admin.slash(world.lobby, "coach approve", member=world.outsider)

    assert words(reply(queue)) == "No open applications. People apply with `/coach apply`."
    assert words(reply(one)) == "They haven't applied. Ask them to use `/coach apply`."


async def test_without_a_review_channel_the_card_waits(world: Academy) -> None:
    await world.apply(world.coach)
    assert world.review.history() == []

    await world.set_up()

    assert "I mix records." in words(world.card)


async def test_a_coach_role_chosen_later_is_given_to_existing_coaches(world: Academy) -> None:
    await world.choose(review_channel_id=world.review.id)
    await world.apply(world.coach)
    await world.admin.click(world.card, label="Approve")
    assert not world.has_role(world.coach, world.coach_role)

    await world.choose(coach_role_id=world.coach_role.id)

    assert world.has_role(world.coach, world.coach_role)


async def test_a_card_with_a_lost_answer_is_not_posted_twice(world: Academy) -> None:
    await world.set_up()

    with lost_answers(world, "POST", "/channels/*/messages") as lost:
        await world.apply(world.coach)
        await world.wait_until(world.now + world.minutes(2))

    assert lost
    assert len(world.review.history()) == 1
    assert await world.count(Notification) == 1


async def test_markdown_and_mentions_in_applications_stay_text(world: Academy) -> None:
    await world.set_up()

    await world.apply(world.coach, **{"About you": "**bold** @everyone <@&1> # big"})

    card = world.card
    assert "\\*\\*bold\\*\\* \\@everyone" in words(card)
    sent: list[Any] = [
        one.json for one in world.env.http_requests if one.path == f"/channels/{world.review.id}/messages"
    ]
    assert sent[-1]["allowed_mentions"] == {"parse": [], "users": []}


async def test_decisions_are_in_the_audit_log(world: Academy) -> None:
    await world.set_up()
    await world.apply(world.coach)
    await world.admin.click(world.card, label="Approve")

    entry = await fetch(world.db, AuditEntry, await world.count(AuditEntry))

    expected = ("application_approved", world.admin.id, world.coach.id)
    assert (entry.action, entry.actor_id, entry.coach_id) == expected
