"""Reading reviews: everybody a coach's, admins all of the server's, with buttons to hide them."""

from datetime import timedelta

from models import AuditEntry
from tests.cogs.booking.people import Visitor, a_coach
from tests.support.reviewing import hidden, reviewed
from tests.support.simulated import Academy, reply, words
from tests.support.steps import labels, rows

ADMINS_ONLY = "Only admins can do this."
LONGEST = "*" * 300


async def test_students_read_what_others_said_without_their_names(open_world: Academy) -> None:
    world = open_world
    await reviewed(world, 4, "She **hears** everything.")
    bad = await reviewed(world, 1, "Rude words.")
    await hidden(world, bad)
    sam = await Visitor(world, world.other_student).book()
    times = sam.panel

    await sam.press("Reviews")

    assert sam.panel.id != times.id  # beside the times, which stay
    assert f"What students say about {world.coach.mention}\n★ 4.0 (1)\n" in sam.said
    assert r"> She \*\*hears\*\* everything." in sam.said
    assert "★★★★☆" in sam.said
    for secret in ("Rude words.", "★☆☆☆☆", world.student.mention):
        assert secret not in sam.said


async def test_a_coach_without_reviews_has_an_empty_list_that_says_so(open_world: Academy) -> None:
    sam = await (await Visitor(open_world, open_world.other_student).book()).press("Reviews")

    assert "No reviews here. Students can give one after each session that took place." in sam.said
    assert sam.buttons == []


async def test_a_public_list_pages_newest_first_with_the_longest_sentences(open_world: Academy) -> None:
    world = open_world
    for number in range(7):
        await reviewed(world, 1 + number % 5, f"{number}{LONGEST[1:]}")
        await world.leap_to(world.now + timedelta(minutes=1))
    sam = await (await Visitor(world, world.other_student).book()).press("Reviews")

    def shown() -> list[str]:
        return [line[2] for line in sam.said.splitlines() if line.startswith("> ")]

    assert shown() == ["6", "5", "4", "3", "2"]
    await sam.press("Older ▶")
    assert shown() == ["1", "0"]
    await sam.press("◀ Newer")
    assert shown() == ["6", "5", "4", "3", "2"]


async def test_of_somebody_who_does_not_coach_here_there_is_nothing_to_read(open_world: Academy) -> None:
    answer = await open_world.press_custom_id(open_world.student, f"review:read:{open_world.outsider.id}")

    assert "There's no such coach here." in words(reply(answer))


async def test_admins_hide_and_show_a_review(open_world: Academy) -> None:
    world = open_world
    await reviewed(world, 1, "Rude words.")
    ada = await Visitor(world, world.admin).slash("coaching reviews")
    assert f"★☆☆☆☆** · {world.coach.mention} by {world.student.mention}" in ada.said
    assert "> Rude words." in ada.said

    await ada.press("Hide")

    assert f"**Hidden** by {world.admin.mention}" in ada.said
    assert "· new ·" in words(reply(await world.other_student.slash(world.lobby, "book")))
    await ada.press("Show")
    assert "Hidden" not in ada.said
    assert "★ 1.0 (1)" in words(reply(await world.other_student.slash(world.lobby, "book")))
    assert ada.buttons == ["Hide"]


async def test_a_button_that_is_pressed_twice_hides_once(open_world: Academy) -> None:
    world = open_world
    await reviewed(world, 1)
    ada = await Visitor(world, world.admin).slash("coaching reviews")
    custom_id = labels(ada.panel)["Hide"]
    await ada.press("Hide")
    entries = await world.count(AuditEntry)

    ada.take(await world.press_custom_id(world.admin, custom_id))

    assert ada.buttons == ["Show"]
    assert await world.count(AuditEntry) == entries


async def test_nobody_but_admins_lists_hides_or_shows(open_world: Academy) -> None:
    world = open_world
    one = await reviewed(world, 1, "Rude words.")
    before = await rows(world)

    for person in (world.coach, world.student):
        answers = [await person.slash(world.lobby, "coaching reviews")]
        for custom_id in ("review:list:0:0", f"review:hide:{one.id}:0:0", f"review:show:{one.id}:0:0"):
            answers.append(await world.press_custom_id(person, custom_id))
        assert [ADMINS_ONLY in words(reply(answer)) for answer in answers] == [True] * 4

    assert await rows(world) == before


async def test_the_list_can_be_of_one_coach_and_pages(open_world: Academy) -> None:
    world = open_world
    dora = await a_coach(world, "Dora", hours="9-17")
    for number in range(6):
        await reviewed(world, 5, f"{number}{LONGEST[1:]}")
        await world.leap_to(world.now + timedelta(minutes=1))
    await reviewed(world, 2, "About Dora.", coach=dora)
    ada = await Visitor(world, world.admin).slash("coaching reviews")
    assert "About Dora." in ada.said
    assert len(labels(ada.panel)) == 2  # Hide, and older ones

    await ada.slash("coaching reviews", coach=dora)
    assert f"Reviews of {dora.mention}, newest first" in ada.said
    assert (ada.said.count("★★☆☆☆"), ada.buttons) == (1, ["Hide"])
    await ada.slash("coaching reviews", coach=world.coach)
    assert "About Dora." not in ada.said
    await ada.press("Older ▶")
    assert ada.said.count("★★★★★") == 1
    await ada.press("Hide")

    assert ada.said.count("**Hidden**") == 1
    assert f"Reviews of {world.coach.mention}, newest first" in ada.said
    assert ada.buttons == ["Show", "◀ Newer"]
