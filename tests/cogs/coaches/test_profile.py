"""`/coach profile`, from the command to what different people read and may press."""

from datetime import timedelta
from typing import Any

import pytest

from models import Coach
from tests.support.simulated import Academy, reply, words
from tests.support.steps import fill, labels, press, week

NOBODY = "There's no such coach here. `/book` lists the coaches. To become one, use `/coach apply`."


async def profile(world: Academy, viewer: Any, of: Any = None) -> Any:
    """What the command shows; without `of` one's own."""
    return reply(await viewer.slash(world.lobby, "coach profile", **({"member": of} if of else {})))


async def change(world: Academy, **values: Any) -> None:
    """Write on Cara's row."""
    async with world.db.begin() as session:
        row = await session.get_one(Coach, (world.guild.id, world.coach.id))
        for name, value in values.items():
            setattr(row, name, value)


async def test_a_student_reads_all_that_matters_and_books_from_there(open_world: Academy) -> None:
    world = open_world

    shown = await profile(world, world.student, world.coach)

    assert shown.ephemeral
    said = words(shown)
    assert f"### <@{world.coach.id}>\nnew · $60.00 an hour" in said
    assert "**Teaches** Mixing, Mastering" in said
    assert "**Lengths** 60 min ($60.00), 30 min ($30.00), 90 min ($90.00)" in said
    assert "**Room** voice, camera and screen" in said
    assert "I mix records." in said
    assert "**Links**\n- <https://example.org/cara>" in said
    assert "Ten years." not in said
    assert f"**Next free** <t:{int(world.now.timestamp()) + 2 * 3600}:F>" in said
    assert labels(shown).keys() == {"Book", "Reviews"}
    panel = await press(world.student, shown, "Book")
    assert f"Book <@{world.coach.id}>" in words(panel)
    panel = await press(world.student, await press(world.student, panel, "14:00"), "Confirm")
    assert "Booked ✅" in words(panel)


async def test_nothing_in_an_address_turns_its_letters_round(open_world: Academy) -> None:
    await change(open_world, portfolio="https://example.org/\u202egpj.exe")

    shown = await profile(open_world, open_world.student, open_world.coach)

    assert "- <https://example.org/gpj.exe>" in words(shown)


async def test_stars_stand_on_the_profile(open_world: Academy) -> None:
    await change(open_world, rating_total=14, rating_count=3)

    assert "★ 4.7 (3)" in words(await profile(open_world, open_world.student, open_world.coach))


async def test_ones_own_profile_has_no_button_to_book_oneself(open_world: Academy) -> None:
    shown = await profile(open_world, open_world.coach)

    assert "I mix records." in words(shown)
    assert "Book" not in labels(shown)


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"accepting": False}, "Takes no new bookings at the moment."),
        ({"minimum_notice_minutes": 29 * 24 * 60}, "Nothing is free in the next 28 days."),
    ],
    ids=["paused", "nothing free"],
)
async def test_who_cannot_be_booked_now_is_shown_with_the_reason_and_a_dead_button(
    open_world: Academy, changed: dict[str, Any], sentence: str
) -> None:
    await change(open_world, **changed)

    shown = await profile(open_world, open_world.student, open_world.coach)

    assert sentence in words(shown)
    assert labels(shown).keys() == {"Reviews"}


async def test_who_does_not_coach_is_told_what_to_do(world: Academy) -> None:
    own = await profile(world, world.student)
    of_others = await profile(world, world.student, world.outsider)

    assert words(own) == "You don't coach here yet. Apply with `/coach apply`."
    assert words(of_others) == NOBODY


async def pend(world: Academy) -> str:
    await world.set_up()
    await world.apply(world.coach)
    return "An admin has to approve the application first."


async def reject(world: Academy) -> str:
    await pend(world)
    await fill(world.admin, world.card, "Reject…", {"Reason": "Tell *more*."})
    return "The application was not approved"


async def suspend(world: Academy) -> str:
    await world.already_open()
    await world.admin.slash(world.lobby, "coach suspend", member=world.coach, reason="Missed *two*.")
    return "The coaching is suspended."


async def leave(world: Academy) -> str:
    await world.already_open()
    await change(world, left_at=world.now)
    return "They have left the server."


@pytest.mark.parametrize("hide", [pend, reject, suspend, leave])
async def test_who_is_not_public_is_seen_by_themselves_and_admins_with_the_state_and_by_nobody_else(
    world: Academy, hide: Any
) -> None:
    state = await hide(world)

    for viewer in (world.coach, world.admin):
        shown = await profile(world, viewer, world.coach)
        assert state in words(shown)
        assert "I mix records." in words(shown)
        assert "Book" not in labels(shown)
    assert words(await profile(world, world.student, world.coach)) == NOBODY


@pytest.mark.parametrize(("hide", "why"), [(reject, "Tell \\*more\\*."), (suspend, "Missed \\*two\\*.")])
async def test_the_reason_of_a_decision_stands_on_the_hidden_profile(world: Academy, hide: Any, why: str) -> None:
    await hide(world)

    said = words(await profile(world, world.coach))

    assert f"by {world.admin.mention}" in said
    assert why in said


async def test_what_a_coach_wrote_cannot_format_mention_or_disguise_a_link(world: Academy) -> None:
    await world.set_up()
    disguised = "https://a.example/[bank](https://evil.example)"
    await world.apply(
        world.coach, **{"About you": "**bold** @everyone # big", "Experience and links": f"See {disguised}"}
    )

    said = words(await profile(world, world.coach))

    assert "\\*\\*bold\\*\\* \\@everyone" in said
    assert f"- <{disguised}>" in said


async def test_the_longest_profile_fits_into_a_message(world: Academy) -> None:
    await world.set_up()
    lengths = ",".join(str(minutes) for minutes in range(100, 110))
    links = " ".join(f"https://{number}.example/{'x' * 70}" for number in range(11))
    await world.apply(world.coach, **{"About you": "*" * 1000, "Experience and links": links})
    await world.admin.click(world.card, label="Approve")
    rules = await press(world.coach, await week(world), "Rules")
    await fill(world.coach, rules, "Sessions…", {"Lengths in minutes, default first": lengths})
    await world.admin.slash(world.lobby, "coach suspend", member=world.coach, reason="*" * 1000)

    said = words(await profile(world, world.coach))

    assert "… and 3 more" in said
    assert "…" in said.splitlines()[-2]


async def test_the_next_free_time_is_the_readers_own(open_world: Academy) -> None:
    world = open_world
    await world.book(world.student, "11:00")
    free = world.now + timedelta(hours=4, minutes=30)

    said = words(await profile(world, world.student, world.coach))

    assert f"**Next free** <t:{int(free.timestamp())}:F>" in said


async def test_profiles_belong_to_one_server(open_world: Academy) -> None:
    world = open_world
    elsewhere = world.env.create_guild("Elsewhere")
    hall = elsewhere.create_text_channel("hall")
    visitor = elsewhere.add_member(world.student.user)
    cara = elsewhere.add_member(world.coach.user)

    shown = reply(await visitor.slash(hall, "coach profile", member=cara))

    assert words(shown) == NOBODY
