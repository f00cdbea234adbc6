"""Choosing a coach: filter, order, pages, suggestions, names, and empty lists."""

from typing import Any

import pytest
from sqlalchemy import delete

from models import CoachSpecialty, Specialty
from tests.cogs.booking.people import Visitor, a_coach, change_coach
from tests.support import builders
from tests.support.simulated import Academy


def shown(stu: Visitor, *coaches: Any) -> list[str]:
    """Return the names of the coaches on the panel, in its order."""
    found = [one for one in coaches if f"**{one.mention}**" in stu.said]
    return [one.name for one in sorted(found, key=lambda one: stu.said.index(f"**{one.mention}**"))]


async def test_filtering_by_specialty_keeps_the_order(world: Academy) -> None:
    dear = await a_coach(world, "Dora", rate="90", teaches=("Vocals",), hours="9-17")
    cheap = await a_coach(world, "Emil", rate="30", teaches=("Vocals", "Mixing"), hours="9-17")
    stu = Visitor(world, world.student)
    everybody = (world.coach, dear, cheap)

    await stu.slash("book")
    await stu.choose("book:sort:", "Lowest rate")
    assert shown(stu, *everybody) == ["emil", "cara", "dora"]
    await stu.choose("book:specialty:", "Vocals")

    assert shown(stu, *everybody) == ["emil", "dora"]
    assert (stu.chosen("book:sort:"), stu.chosen("book:specialty:")) == ("Lowest rate", "Vocals")
    await stu.choose("book:sort:", "Soonest free")
    assert shown(stu, *everybody) == ["dora", "emil"]
    assert stu.chosen("book:specialty:") == "Vocals"
    await stu.choose("book:specialty:", "All specialties")
    assert sorted(shown(stu, *everybody)) == ["cara", "dora", "emil"]


async def test_each_order_puts_another_coach_first(world: Academy) -> None:
    rated = await a_coach(world, "Dora", rate="90", hours="15-17")
    cheap = await a_coach(world, "Emil", rate="30", hours="14-17")
    await change_coach(world, rated, rating_total=14, rating_count=3)
    stu = Visitor(world, world.student)

    firsts = {}
    await stu.slash("book")
    for order in ("Best rated", "Lowest rate", "Soonest free"):
        await stu.choose("book:sort:", order)
        firsts[order] = shown(stu, world.coach, rated, cheap)[0]

    assert firsts == {"Best rated": "dora", "Lowest rate": "emil", "Soonest free": "cara"}
    assert "★ 4.7 (3) · $90.00 an hour" in stu.said


@pytest.mark.slow
async def test_paging_keeps_filter_and_order(world: Academy) -> None:
    vocals = [await a_coach(world, f"V{n}", rate=str(90 - n), teaches=("Vocals",), hours="9-17") for n in range(6)]
    stu = Visitor(world, world.student)

    await stu.slash("book", specialty=" vocals ")
    await stu.choose("book:sort:", "Lowest rate")
    first = shown(stu, world.coach, *vocals)
    await stu.press("▶")
    second = shown(stu, world.coach, *vocals)

    assert first == ["v5", "v4", "v3", "v2", "v1"]
    assert second == ["v0"]
    assert "Page 2 of 2" in stu.said
    assert (stu.chosen("book:sort:"), stu.chosen("book:specialty:")) == ("Lowest rate", "Vocals")
    await stu.press("◀")
    assert shown(stu, world.coach, *vocals) == first
    await stu.press("▶")
    await stu.choose("book:specialty:", "Mixing")
    assert shown(stu, world.coach, *vocals) == ["cara"]


async def test_a_coach_with_nothing_free_comes_last_in_every_order(world: Academy) -> None:
    idle = await a_coach(world, "Ann", rate="1")
    await change_coach(world, idle, rating_total=5, rating_count=1)
    stu = Visitor(world, world.student)

    await stu.slash("book")
    for order in ("Best rated", "Lowest rate", "Soonest free"):
        await stu.choose("book:sort:", order)
        assert shown(stu, world.coach, idle) == ["cara", "ann"]

    assert "nothing free in the next 28 days" in stu.said
    assert stu.buttons.count("Book") == stu.buttons.count("Tell me when…") == 1


async def test_a_specialty_nobody_teaches_says_what_to_do(world: Academy) -> None:
    stu = Visitor(world, world.student)

    await stu.slash("book")
    await stu.choose("book:specialty:", "Piano")

    assert "**Nobody teaches this at the moment.** Choose another specialty." in stu.said
    await stu.choose("book:specialty:", "Mixing")
    assert shown(stu, world.coach) == ["cara"]


async def test_all_of_25_specialties_can_be_chosen(world: Academy) -> None:
    async with world.db.begin() as session:
        session.add_all(Specialty(guild_id=world.guild.id, name=f"Style {n}") for n in range(13, 26))
    dora = await a_coach(world, "Dora", teaches=("Style 25",), hours="9-17")
    stu = Visitor(world, world.student)

    await stu.slash("book")
    assert (len(stu.options("book:specialty:")), "All specialties" in stu.buttons) == (25, False)
    await stu.choose("book:specialty:", "Style 25")
    assert shown(stu, world.coach, dora) == ["dora"]
    await stu.press("All specialties")

    assert sorted(shown(stu, world.coach, dora)) == ["cara", "dora"]
    await stu.slash("book", specialty="style 25")
    assert shown(stu, world.coach, dora) == ["dora"]


async def test_an_unknown_specialty_is_refused_by_its_name(world: Academy) -> None:
    stu = Visitor(world, world.student)

    await stu.slash("book", specialty="*Yodel*")

    assert stu.said == '"\\*Yodel\\*" isn\'t taught here. Pick one from the suggestions.'


async def test_specialties_are_suggested_by_any_part_of_their_name(world: Academy) -> None:
    found = await world.student.autocomplete(world.lobby, "book", "specialty", "mas")
    everything = await world.student.autocomplete(world.lobby, "book", "specialty", "")

    assert [(one["name"], one["value"]) for one in found] == [("Mastering", "Mastering")]
    assert len(everything) == 12


async def test_a_coach_is_found_by_suggestion_mention_or_name(world: Academy) -> None:
    stu = Visitor(world, world.student)

    [suggested] = await world.student.autocomplete(world.lobby, "book", "coach", "car")

    assert (suggested["name"], suggested["value"]) == ("Cara", str(world.coach.id))
    for typed in (suggested["value"], world.coach.mention, "cara", "@Cara"):
        assert f"Book {world.coach.mention}" in (await stu.book(coach=typed)).said
    assert 'No coach is called "Zoe".' in (await stu.book(coach="Zoe")).said


async def test_coaches_are_suggested_by_part_of_their_name_but_not_to_themselves(world: Academy) -> None:
    other = await a_coach(world, "Oscar")
    await change_coach(world, await a_coach(world, "Carlo"), accepting=False)

    async def suggested(person: Any, typed: str) -> list[str]:
        return [one["name"] for one in await person.autocomplete(world.lobby, "book", "coach", typed)]

    assert await suggested(world.student, "CAR") == ["Cara", "Oscar"]
    assert await suggested(world.coach, "car") == ["Oscar"]
    assert await suggested(other, "osc") == []


async def test_at_most_25_coaches_are_suggested(world: Academy) -> None:
    async with world.db.begin() as session:
        for number in range(26):
            await builders.a_coach(
                session, guild_id=world.guild.id, user_id=number + 1, display_name=f"Coach{number}", hours=()
            )

    suggested = await world.student.autocomplete(world.lobby, "book", "coach", "")

    assert len(suggested) == 25


async def test_an_ambiguous_name_is_not_guessed(world: Academy) -> None:
    await a_coach(world, "Caroline")
    stu = Visitor(world, world.student)

    await stu.book(coach="Car")
    ambiguous = stu.said
    await stu.book(coach="cara")

    assert 'Several coaches match "Car". Pick one from the suggestions' in ambiguous
    assert f"Book {world.coach.mention}" in stu.said


async def test_a_paused_coach_is_found_by_name_and_says_so(world: Academy) -> None:
    await change_coach(world, await a_coach(world, "Dora"), accepting=False)
    dorothea = await a_coach(world, "Dorothea")
    stu = Visitor(world, world.student)

    await stu.book(coach="dora")
    exactly = stu.said
    await stu.book(coach="dor")

    assert "**This coach isn't taking new bookings at the moment.**" in exactly
    assert f"Book {dorothea.mention}" in stu.said


async def test_a_coach_without_a_known_time_zone_cannot_be_booked_and_says_why(world: Academy) -> None:
    await change_coach(world, await a_coach(world, "Dora"), time_zone="Mars/Base")
    stu = Visitor(world, world.student)

    await stu.book(coach="dora")

    assert "**This coach has to choose a time zone in `/availability` before anyone can book them.**" in stu.said


async def test_a_server_without_specialties_still_lists_its_coaches(world: Academy) -> None:
    async with world.db.begin() as session:
        await session.execute(delete(CoachSpecialty))
        await session.execute(delete(Specialty))
    stu = Visitor(world, world.student)

    await stu.slash("book")

    assert shown(stu, world.coach) == ["cara"]
    assert stu.options("book:specialty:") == ["All specialties"]
