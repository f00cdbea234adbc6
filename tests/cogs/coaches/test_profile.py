"""`/coach profile`: what different people see and can press."""

from datetime import timedelta
from typing import Any

import pytest

from scheduler.core.clock import stamp
from tests.cogs.booking.people import change_coach
from tests.support.simulated import Academy, reply, words
from tests.support.steps import fill, labels, press, week

NOBODY = "There's no such coach here. `/book` lists the coaches. To become one, use `/coach apply`."


async def profile(world: Academy, viewer: Any, of: Any = None) -> Any:
    """Return the profile as this viewer sees it: `of` someone, or their own."""
    return reply(await viewer.slash(world.lobby, "coach profile", **({"member": of} if of else {})))


async def test_students_see_the_profile_and_book_from_it(open_world: Academy) -> None:
    world = open_world

    shown = await profile(world, world.student, world.coach)

    assert shown.ephemeral
    for part in (
        f"### <@{world.coach.id}>\nnew · $60.00 an hour",
        "**Teaches** Mixing, Mastering",
        "**Lengths** 60 min ($60.00), 30 min ($30.00), 90 min ($90.00)",
        "**Room** voice, camera and screen",
        "I mix records.",
        "**Links**\n- <https://example.org/cara>",
        f"**Next free** {stamp(world.now + timedelta(hours=2))}",
    ):
        assert part in words(shown)
    assert "Ten years." not in words(shown)
    assert labels(shown).keys() == {"Book", "Reviews"}
    panel = await press(world.student, shown, "Book")
    assert f"Book <@{world.coach.id}>" in words(panel)
    panel = await press(world.student, await press(world.student, panel, "14:00"), "Confirm")
    assert "Booked ✅" in words(panel)


@pytest.mark.parametrize(
    ("changed", "part", "can_book"),
    [
        ({"portfolio": "https://example.org/\u202egpj.exe"}, "- <https://example.org/gpj.exe>", True),
        ({"rating_total": 14, "rating_count": 3}, "★ 4.7 (3)", True),
        ({"accepting": False}, "Not taking new bookings at the moment.", False),
        ({"time_zone": "Mars/Base"}, "Has to choose a time zone in `/availability`", False),
        ({"minimum_notice_minutes": 29 * 24 * 60}, "Nothing is free in the next 28 days.", False),
    ],
    ids=["no reversed letters in links", "stars", "paused", "unknown zone", "nothing free"],
)
async def test_a_profile_shows_links_stars_and_why_nothing_is_free(
    open_world: Academy, changed: dict[str, Any], part: str, can_book: bool
) -> None:
    await change_coach(open_world, **changed)

    shown = await profile(open_world, open_world.student, open_world.coach)

    assert part in words(shown)
    assert ("Book" in labels(shown)) is can_book


async def test_your_own_profile_has_no_book_button(open_world: Academy) -> None:
    shown = await profile(open_world, open_world.coach)

    assert "Book" not in labels(shown)


async def test_without_a_profile_people_hear_what_to_do(world: Academy) -> None:
    own = await profile(world, world.student)
    of_others = await profile(world, world.student, world.outsider)

    assert words(own) == "You don't coach here yet. Apply with `/coach apply`."
    assert words(of_others) == NOBODY


async def pend(world: Academy) -> None:
    await world.set_up()
    await world.apply(world.coach)


async def reject(world: Academy) -> None:
    await pend(world)
    await fill(world.admin, world.card, "Reject…", {"Reason": "Tell *more*."})


async def suspend(world: Academy) -> None:
    await world.already_open()
    await world.admin.slash(world.lobby, "coach suspend", member=world.coach, reason="Missed *two*.")


async def leave(world: Academy) -> None:
    await world.already_open()
    await change_coach(world, left_at=world.now)


@pytest.mark.parametrize(
    ("hide", "state", "reason"),
    [
        (pend, "An admin has to approve the application first.", ""),
        (reject, "The application was rejected", r"Tell \*more\*."),
        (suspend, "This coach is suspended.", r"Missed \*two\*."),
        (leave, "They've left the server.", ""),
    ],
)
async def test_only_the_person_and_admins_see_a_hidden_profile_and_why(
    world: Academy, hide: Any, state: str, reason: str
) -> None:
    await hide(world)

    for viewer in (world.coach, world.admin):
        shown = await profile(world, viewer, world.coach)
        decided_by = f"by {world.admin.mention}" if reason else ""
        assert all(part in words(shown) for part in (state, reason, decided_by, "I mix records."))
        assert "Book" not in labels(shown)
    assert words(await profile(world, world.student, world.coach)) == NOBODY


async def test_profiles_cannot_format_mention_or_disguise_a_link(world: Academy) -> None:
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


async def test_the_next_free_time_depends_on_the_reader(open_world: Academy) -> None:
    world = open_world
    await world.book(world.student, "11:00")

    said = words(await profile(world, world.student, world.coach))

    assert f"**Next free** {stamp(world.now + timedelta(hours=4, minutes=30))}" in said


async def test_profiles_belong_to_one_server(open_world: Academy) -> None:
    world = open_world
    elsewhere = world.env.create_guild("Elsewhere")
    hall = elsewhere.create_text_channel("hall")
    visitor = elsewhere.add_member(world.student.user)
    cara = elsewhere.add_member(world.coach.user)

    shown = reply(await visitor.slash(hall, "coach profile", member=cara))

    assert words(shown) == NOBODY
