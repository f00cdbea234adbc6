"""Reading reviews: a coach's for everyone, and all of the server's for admins, who can hide them."""

from datetime import timedelta

from models import AuditEntry
from tests.cogs.booking.people import Visitor, a_coach
from tests.support.reviewing import hidden, reviewed
from tests.support.simulated import Academy, reply, words
from tests.support.steps import labels, rows

ADMINS_ONLY = "Only admins can do this."
LONGEST = "*" * 300


async def test_students_read_reviews_without_names(world: Academy) -> None:
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


async def test_a_coach_without_reviews_has_an_empty_list(world: Academy) -> None:
    sam = await (await Visitor(world, world.other_student).book()).press("Reviews")

    assert "No reviews here yet. Students can review each session that took place." in sam.said
    assert sam.buttons == []


async def test_the_public_list_pages_newest_first_with_the_longest_comments(world: Academy) -> None:
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


async def test_only_coaches_have_a_list_of_reviews(world: Academy) -> None:
    answer = await world.press_custom_id(world.student, f"review:read:{world.outsider.id}")

    assert "There's no such coach here." in words(reply(answer))


async def test_admins_hide_and_show_a_review(world: Academy) -> None:
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


async def test_hiding_twice_is_recorded_once(world: Academy) -> None:
    await reviewed(world, 1)
    ada = await Visitor(world, world.admin).slash("coaching reviews")
    custom_id = labels(ada.panel)["Hide"]
    await ada.press("Hide")
    entries = await world.count(AuditEntry)

    ada.take(await world.press_custom_id(world.admin, custom_id))

    assert ada.buttons == ["Show"]
    assert await world.count(AuditEntry) == entries


async def test_only_admins_list_hide_and_show(world: Academy) -> None:
    one = await reviewed(world, 1, "Rude words.")
    before = await rows(world)

    for person in (world.coach, world.student):
        answers = [await person.slash(world.lobby, "coaching reviews")]
        for custom_id in ("review:list:0:0", f"review:hide:{one.id}:0:0", f"review:show:{one.id}:0:0"):
            answers.append(await world.press_custom_id(person, custom_id))
        assert [ADMINS_ONLY in words(reply(answer)) for answer in answers] == [True] * 4

    assert await rows(world) == before


async def test_admins_can_list_one_coachs_reviews(world: Academy) -> None:
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
