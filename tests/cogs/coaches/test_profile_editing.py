"""`/coach edit`, from the form to what students and admins see."""

from typing import Any

import pytest

from models import AuditEntry, Coach, Specialty
from tests.cogs.coaches.test_profile import profile, reject, suspend
from tests.support.parameters import first_plain
from tests.support.simulated import APPLICATION, Academy, reply, words
from tests.support.steps import fill, form, held, labels, press, rows, send
from tests.support.transactions import fetch

ABOUT, EXPERIENCE, TEACHES, RATE = list(APPLICATION)[:4]
BEFORE = {
    ABOUT: "I mix records.",
    EXPERIENCE: "Ten years. https://example.org/cara",
    TEACHES: ["Mixing", "Mastering"],
    RATE: "60.00",
}
AFTER = {ABOUT: "I write songs.", EXPERIENCE: "See https://songs.example", TEACHES: ["Songwriting"], RATE: "90"}


async def edit(world: Academy, typed: dict[str, Any]) -> Any:
    """Send the form of `/coach edit` with only `typed` changed, and return what's shown then."""
    return await send(world.coach, await world.coach.slash(world.lobby, "coach edit"), typed)


async def test_the_form_holds_the_profile_and_saving_shows_what_students_see(open_world: Academy) -> None:
    world = open_world

    opened = await world.coach.slash(world.lobby, "coach edit")
    shown = words(await send(world.coach, opened, AFTER))

    assert held(opened) == BEFORE
    assert "✅ Saved. This is what students see." in shown
    public = words(await profile(world, world.student, world.coach))
    for said in (shown, public):
        assert "I write songs." in said
        assert "**Teaches** Songwriting" in said
        assert "$90.00 an hour" in said
        assert "- <https://songs.example>" in said
        assert "example.org" not in said
    entry = await fetch(world.db, AuditEntry, await world.count(AuditEntry))
    assert (entry.action, entry.actor_id, entry.coach_id) == ("profile_edited", world.coach.id, world.coach.id)
    assert entry.details == {
        "rate_minor_before": 6000,
        "currency_before": "USD",
        "rate_minor": 9000,
        "currency": "USD",
    }


async def test_your_profile_opens_the_form_even_after_a_restart(open_world: Academy) -> None:
    world = open_world
    card = await profile(world, world.coach)
    await world.restart()

    opened = await form(world.coach, card, "Edit…")
    await world.restart()
    shown = await send(world.coach, opened, AFTER)

    assert shown.id == card.id
    assert "I write songs." in words(shown)
    assert "Edit…" not in labels(await profile(world, world.admin, world.coach))


async def test_editing_an_open_application_updates_its_card(world: Academy) -> None:
    await world.set_up()
    await world.apply(world.coach)

    shown = words(await edit(world, AFTER))

    assert "Students will see this once you're approved" in shown
    [card] = world.review.history()
    assert "I write songs." in words(card)
    assert "**Teaches** Songwriting" in words(card)
    assert {"Approve", "Reject…"} <= labels(card).keys()


@pytest.mark.parametrize(
    ("field", "typed", "sentence"),
    first_plain(
        [
            (ABOUT, "   ", "**About you:** Write a few words."),
            (EXPERIENCE, " ", "**Experience and links:** Write a few words."),
            (RATE, "a lot", '"a lot" isn\'t an amount. Type your hourly rate in USD, like 60.'),
        ]
    ),
)
async def test_an_unreadable_field_changes_nothing_and_nothing_typed_is_lost(
    open_world: Academy, field: str, typed: str, sentence: str
) -> None:
    world = open_world
    before = await rows(world)

    refused = await edit(world, AFTER | {field: typed})
    assert sentence in words(refused)
    assert await rows(world) == before
    await world.restart()
    again = await form(world.coach, refused, "Fix it")
    shown = await send(world.coach, again, {field: AFTER[field]})

    assert held(again) == AFTER | {field: typed.strip()}
    assert shown.id == refused.id
    assert "✅ Saved." in words(shown)


async def test_a_specialty_removed_meanwhile_is_refused(open_world: Academy) -> None:
    world = open_world
    opened = await world.coach.slash(world.lobby, "coach edit")
    async with world.db.begin() as session:
        await session.delete(await session.get_one(Specialty, 2))

    refused = await send(world.coach, opened, AFTER | {TEACHES: ["Mixing", "Songwriting"]})
    again = await form(world.coach, refused, "Fix it")

    assert '"Mixing" is no longer taught here. Choose from the list again.' in words(refused)
    assert held(again) == AFTER
    assert "✅ Saved." in words(await send(world.coach, again, {}))


@pytest.mark.parametrize(
    ("become", "sentence"),
    first_plain(
        [
            (reject, "Your application wasn't approved. Apply again with `/coach apply`."),
            (suspend, "You're suspended from coaching here. Talk to an admin of this server."),
            (Academy.set_up, "You don't coach here yet. Apply with `/coach apply`."),
        ]
    ),
    ids=["rejected", "suspended", "never applied"],
)
async def test_without_a_profile_editing_says_what_to_do(world: Academy, become: Any, sentence: str) -> None:
    await become(world)
    before = await rows(world)

    asked = await world.coach.slash(world.lobby, "coach edit")
    typed = {ABOUT: "I mix.", EXPERIENCE: "Years.", TEACHES: "Mixing", RATE: "5"}
    sent = await world.send_custom_id(world.coach, "coach:edit", typed)

    assert asked.modal is None
    assert words(reply(asked)) == sentence
    assert sentence in words(reply(sent))
    assert await rows(world) == before


async def test_a_rate_keeps_its_currency_when_the_servers_changes(open_world: Academy) -> None:
    world = open_world
    await world.choose(currency="EUR")

    shown = words(await edit(world, {RATE: "70"}))

    assert "$70.00 an hour" in shown


async def test_booked_sessions_keep_their_price_even_when_rescheduled(open_world: Academy) -> None:
    world = open_world
    await world.book(world.student, "11:00")

    await edit(world, {RATE: "90"})
    times = await press(world.student, reply(await world.student.slash(world.lobby, "sessions")), "Reschedule…")
    await fill(world.student, await press(world.student, times, "15:30"), "Reschedule…", {})

    [booked] = await world.sessions()
    assert booked.rescheduled_from is not None
    assert booked.student.total_cost_minor == 6000


async def test_nobody_books_at_a_price_they_have_not_seen(open_world: Academy) -> None:
    world = open_world
    panel = await world.about_to_confirm(world.student, "14:00", notes="My song.")
    await edit(world, {RATE: "90"})

    refused = await world.student.click(panel, label="Confirm")
    assert words(reply(refused)) == (
        "The coach has changed the price to $90.00. Choose the time again to book it."
    )
    assert await world.sessions() == []
    panel = await press(world.student, await press(world.student, panel, "Other time"), "14:00")

    assert " · $90.00\n" in words(panel)
    assert "Booked ✅" in words(await press(world.student, panel, "Confirm"))
    assert [(one.student.total_cost_minor, one.student.notes) for one in await world.sessions()] == [
        (9000, "My song.")
    ]


async def test_a_forged_form_edits_nobody_elses_profile(open_world: Academy) -> None:
    world = open_world
    before = await rows(world, of=world.coach)

    await world.send_custom_id(world.student, "coach:edit", {ABOUT: "Mine now.", EXPERIENCE: "x", RATE: "1"})

    assert await rows(world, of=world.coach) == before
    async with world.db.read() as session:
        assert await session.get(Coach, (world.guild.id, world.student.id)) is None
