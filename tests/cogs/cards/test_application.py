"""The card in the review channel: an application's history, and what admins can do next."""

import pytest

from models import Coach, CoachStatus, SessionStatus
from tests.support.discord_limits import within_limits
from tests.support.parameters import first_plain
from tests.support.presses import press_together, send_together
from tests.support.simulated import Academy, reply, words
from tests.support.steps import fill, form, held, labels, press, send
from tests.support.transactions import fetch

REASON, UPCOMING = "Reason", "Upcoming sessions"


async def coach(world: Academy) -> Coach:
    return await fetch(world.db, Coach, (world.guild.id, world.coach.id))


def history(world: Academy) -> list[str]:
    """Return the newest card's history, without times."""
    told = words(world.card).partition("**History**\n")[2]
    return [line.split("> ", 1)[-1] for line in told.splitlines() if line.startswith(("<t:", "…"))]


async def test_a_first_application_has_no_history_and_can_be_suspended_once_approved(world: Academy) -> None:
    await world.set_up()
    await world.apply(world.coach)
    assert "History" not in words(world.card)

    await world.admin.click(world.card, label="Approve")

    assert "History" not in words(world.card)
    assert labels(world.card).keys() == {"Suspend…"}


async def test_a_new_application_shows_who_rejected_the_last_one_and_why(world: Academy) -> None:
    await world.set_up()
    rejected_at = int(world.now.timestamp())
    await world.apply(world.coach)
    await world.apply(world.coach, **{"About you": "I mix."})
    await world.apply(world.coach, **{"About you": "I mix well."})
    await fill(world.admin, world.card, "Reject…", {REASON: "Tell *more*,\nplease."})
    assert history(world) == ["applied", "edited the application (2 times)"]
    await world.wait_until(world.now + world.minutes(90))

    await world.apply(world.coach)

    who = world.admin.mention
    told = [
        "applied",
        "edited the application (2 times)",
        f"rejected by {who}: Tell \\*more\\*, please.",
        "applied",
    ]
    assert history(world) == told
    assert f"<t:{rejected_at}:f> rejected" in words(world.card)
    queue = words(reply(await world.admin.slash(world.lobby, "coach approve")))
    assert f"rejected by {who}: Tell" in queue
    await world.admin.click(world.card, label="Approve")
    assert history(world) == told
    assert f"**Approved** by {who}" in words(world.card)


@pytest.mark.slow
async def test_admins_suspend_and_reinstate_from_the_card_after_restarts(world: Academy) -> None:
    await world.open_for_booking()
    await world.book(world.student, "11:00")
    await world.restart()

    opened = await form(world.admin, world.card, "Suspend…")
    await world.restart()
    answer = await world.admin.submit_modal(opened, {REASON: "Missed *two*.", UPCOMING: ["Cancel them"]})

    assert opened.modal["components"][1]["description"].startswith("1 is booked.")
    assert "1 upcoming session was cancelled" in words(reply(answer))
    assert "**Suspended** by" in words(world.card)
    assert "Missed \\*two\\*." in words(world.card)
    assert labels(world.card).keys() == {"Reinstate"}
    assert any("Missed \\*two\\*." in said for said in world.dms(world.coach))
    assert not world.has_role(world.coach, world.coach_role)
    await world.restart()
    answer = await world.admin.click(world.card, label="Reinstate")

    assert "Reinstated." in words(reply(answer))
    assert labels(world.card).keys() == {"Suspend…"}
    who = world.admin.mention
    assert history(world) == ["applied", f"approved by {who}", f"suspended by {who}: Missed \\*two\\*."]
    assert world.has_role(world.coach, world.coach_role)
    assert len(world.review.history()) == 1
    await world.book(world.student, "11:00")


@pytest.mark.parametrize(
    ("setting", "chosen", "becomes"),
    first_plain(
        [
            ("Cancel them", "Keep them", SessionStatus.SCHEDULED),
            ("Keep them", "Cancel them", SessionStatus.CANCELLED),
        ]
    ),
)
async def test_suspending_asks_about_upcoming_sessions_and_suggests_the_servers_setting(
    world: Academy, setting: str, chosen: str, becomes: SessionStatus
) -> None:
    await world.open_for_booking()
    await world.book(world.student, "11:00")
    await world.choose(keep_after_departure=setting == "Keep them")

    opened = await form(world.admin, world.card, "Suspend…")
    await world.admin.submit_modal(opened, {REASON: "Away.", UPCOMING: [chosen]})

    assert held(opened) == {REASON: "", UPCOMING: [setting]}
    assert [one.status for one in await world.sessions()] == [becomes]


async def test_a_blank_reason_is_refused_and_the_choice_kept(world: Academy) -> None:
    await world.open_for_booking()
    opened = await form(world.admin, world.card, "Suspend…")

    refused = reply(await world.admin.submit_modal(opened, {REASON: "  ", UPCOMING: ["Keep them"]}))
    again = await form(world.admin, refused, "Fix it")

    assert "**Reason:** Write a few words.\n**Upcoming sessions**\nKeep them" in words(refused)
    assert held(again) == {REASON: "", UPCOMING: ["Keep them"]}
    assert "Suspended." in words(await send(world.admin, again, {REASON: "Away."}))


async def test_of_two_admins_deciding_at_once_the_second_reads_who_was_first(world: Academy) -> None:
    await world.open_for_booking()
    both = [world.admin, world.guild.add_member(world.guild.owner)]
    typed = {REASON: "Away.", UPCOMING: "Keep them"}

    cards = [(admin, world.card) for admin in both]
    suspended = await send_together(world, cards, f"coach:suspend:{world.coach.id}", typed)
    suspended_by = (await coach(world)).decided_by
    cards = [(admin, world.card) for admin in both]
    reinstated = await press_together(world, cards, label="Reinstate")

    first, second = sorted(words(reply(one)) for one in suspended)
    assert first.startswith("Suspended.")
    assert f"This coach was already suspended by <@{suspended_by}>" in second
    first, second = sorted(words(reply(one)) for one in reinstated)
    assert first.startswith("Reinstated.")
    assert second.startswith(f"This coach was already approved by <@{(await coach(world)).decided_by}>")
    assert (await coach(world)).status is CoachStatus.APPROVED


async def test_suspending_too_late_is_refused_before_the_form_opens(world: Academy) -> None:
    await world.open_for_booking()
    custom_id = labels(world.card)["Suspend…"]
    await fill(world.admin, world.card, "Suspend…", {REASON: "Away."})

    answer = await world.press_custom_id(world.guild.add_member(world.guild.owner), custom_id)

    assert answer.modal is None
    assert f"This coach was already suspended by {world.admin.mention}" in words(reply(answer))


async def test_an_edited_profile_updates_the_card(world: Academy) -> None:
    await world.open_for_booking()

    await send(world.coach, await world.coach.slash(world.lobby, "coach edit"), {"About you": "I master."})

    assert "I master." in words(world.card)
    assert history(world) == ["applied", "edited the profile"]


@pytest.mark.slow
async def test_the_longest_card_fits_a_message(world: Academy) -> None:
    await world.set_up()
    longest = {"About you": "*" * 1000, "Experience and links": "*" * 1000}
    for _ in range(4):
        await world.apply(world.coach, **longest)
        await fill(world.admin, world.card, "Reject…", {REASON: "*" * 1000})
    await world.apply(world.coach, **longest)
    within_limits(world.card.components)
    await press(world.admin, world.card, "Approve")

    await fill(world.admin, world.card, "Suspend…", {REASON: "*\n" * 500})

    within_limits(world.card.components)
    assert len(history(world)) == 7
    assert history(world)[0] == "… 4 earlier"
    assert labels(world.card).keys() == {"Reinstate"}
