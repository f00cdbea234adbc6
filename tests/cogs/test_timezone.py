"""`/timezone` and the zone in `/book`: times on the clock of whoever reads them."""

import re
from typing import Any

import pytest
from simcord.components import walk_components

from models import Member
from tests.support.simulated import Academy, reply, words
from tests.support.steps import fill, form, held, labels, press, rows, send

PLACE = "City or time zone"


async def zone_of(world: Academy, person: Any) -> str | None:
    async with world.db.read() as session:
        member = await session.get(Member, person.id)
        return member.time_zone if member else None


def times(panel: Any) -> list[str]:
    return [label for label in labels(panel) if ":" in label]


async def offer(world: Academy, person: Any) -> Any:
    """The coach's free times, as this person sees them."""
    return reply(await person.slash(world.lobby, "book", coach=str(world.coach.id)))


async def test_before_anything_is_chosen_it_shows_the_servers_zone(world: Academy) -> None:
    answer = await world.student.slash(world.lobby, "timezone")

    said = words(reply(answer))
    assert "### Your time zone is Europe/Berlin" in said
    assert "It's **Monday, 09:00** there now." in said
    assert "It's the server's time zone. You haven't chosen your own." in said
    assert await world.count(Member) == 0


@pytest.mark.parametrize(
    ("typed", "zone", "now"),
    [
        ("Munich", "Europe/Berlin", "Monday, 09:00"),
        ("Mumbai", "Asia/Kolkata", "Monday, 13:30"),
        ("San Francisco", "America/Los_Angeles", "Monday, 00:00"),
        ("beijing", "Asia/Shanghai", "Monday, 16:00"),
        ("pacific/auckland", "Pacific/Auckland", "Monday, 21:00"),
        ("Portland, Maine", "America/New_York", "Monday, 03:00"),
        ("utc", "UTC", "Monday, 08:00"),
    ],
)
async def test_a_city_or_a_zone_is_understood(world: Academy, typed: str, zone: str, now: str) -> None:
    answer = await world.student.slash(world.lobby, "timezone", place=typed)

    said = words(reply(answer))
    assert f"### Your time zone is {zone}" in said
    assert f"It's **{now}** there now. You chose it." in said
    assert await zone_of(world, world.student) == zone


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        (
            "Middle-earth",
            'I don\'t know the time zone "Middle-earth". '
            "Type one like Europe/Berlin or UTC, or a city like Munich.",
        ),
        ("Springfield", "Type your time zone."),
        ("", 'I don\'t know the time zone "".'),
        ("x" * 500, "I don't know the time zone"),
    ],
)
async def test_what_is_unknown_is_refused_with_what_to_do(world: Academy, typed: str, sentence: str) -> None:
    await world.student.slash(world.lobby, "timezone", place="Tokyo")
    before = await rows(world)

    answer = await world.student.slash(world.lobby, "timezone", place=typed)

    assert sentence in words(reply(answer))
    assert await rows(world) == before


async def test_it_can_be_changed_from_the_panel_and_a_refusal_keeps_what_was_typed(world: Academy) -> None:
    panel = reply(await world.student.slash(world.lobby, "timezone"))

    refusal = await fill(world.student, panel, "Change…", {PLACE: "Middle-earth"})
    again = await form(world.student, refusal, "Fix it")
    assert held(again) == {PLACE: "Middle-earth"}
    await world.restart()
    changed = await send(world.student, again, {PLACE: "Tokyo"})

    assert "### Your time zone is Asia/Tokyo" in words(changed)


@pytest.mark.parametrize("typed", ["", "a", "san", "new y", "europe/b", "münchen", "x" * 200, "llanfair", "st"])
async def test_suggestions_fit_and_show_the_present_time_there(world: Academy, typed: str) -> None:
    found = await world.student.autocomplete(world.lobby, "timezone", "place", typed)

    assert len(found) <= 25
    for one in found:
        assert 1 <= len(one["name"]) <= 100
        assert re.search(r" · (Sun|Mon|Tue) \d\d:\d\d$", one["name"]), one
    assert len({one["name"] for one in found}) == len(found)
    assert found or typed[0] in "xl"


async def test_a_suggestion_can_be_taken_as_it_is(world: Academy) -> None:
    found = await world.student.autocomplete(world.lobby, "timezone", "place", "san fr")

    answer = await world.student.slash(world.lobby, "timezone", place=found[0]["value"])

    assert found[0]["name"] == "San Francisco, California, United States · Mon 00:00"
    assert "### Your time zone is America/Los_Angeles" in words(reply(answer))


async def test_times_in_book_are_on_the_chosen_clock(open_world: Academy) -> None:
    world = open_world
    before = await offer(world, world.student)
    assert "times in **Europe/Berlin**" in words(before)
    buttons = labels(before)

    await world.student.slash(world.lobby, "timezone", place="Mumbai")
    panel = await offer(world, world.student)

    assert "times in **Asia/Kolkata**" in words(panel)
    assert times(panel) == ["15:30", "18:00", "18:30", "19:00", "19:30", "20:00", "20:30"]
    assert labels(panel)["18:30"] == buttons["14:00"]
    confirm = await press(world.student, panel, "18:30")
    assert "Mon 18:30 in Asia/Kolkata · Mon 14:00 in Europe/Berlin, where your coach is" in words(confirm)


async def test_a_day_is_a_day_of_the_readers_calendar(open_world: Academy) -> None:
    world = open_world
    await world.student.slash(world.lobby, "timezone", place="Pacific/Auckland")

    panel = await offer(world, world.student)

    assert "**Monday, 2 March**" in words(panel)
    assert times(panel) == ["23:00"]  # what is left of Monday in Auckland is eleven in Berlin
    [day] = [
        one for one in walk_components(panel.components) if (one.get("custom_id") or "").startswith("book:day")
    ]
    assert [option["label"] for option in day["options"]][:2] == ["Mon 2 Mar · 1 free", "Tue 3 Mar · 11 free"]


async def test_changing_the_zone_inside_book_keeps_coach_length_and_day(open_world: Academy) -> None:
    world = open_world
    panel = await offer(world, world.student)
    monday, wednesday = "739677", "739679"
    by_length = f"book:length:{world.coach.id}:{monday}"
    panel = reply(await world.student.select(panel, ["90"], custom_id=by_length))
    panel = reply(await world.student.select(panel, [wednesday], custom_id=f"book:day:{world.coach.id}:90:0"))

    panel = await fill(world.student, panel, "Change zone…", {PLACE: "Lisbon"})

    said = words(panel)
    assert f"### Book {world.coach.mention}" in said
    assert "**Wednesday, 4 March** · times in **Europe/Lisbon**" in said
    assert times(panel)[0] == "08:00"
    confirm = await press(world.student, panel, "08:00")
    assert "**Length** 90 min" in words(confirm)
    assert await zone_of(world, world.student) == "Europe/Lisbon"


async def test_an_unknown_zone_inside_book_can_be_fixed(open_world: Academy) -> None:
    world = open_world

    refusal = await fill(world.student, await offer(world, world.student), "Change zone…", {PLACE: "Mars"})
    assert 'I don\'t know the time zone "Mars".' in words(refusal)
    panel = await fill(world.student, refusal, "Fix it", {PLACE: "Lisbon"})

    assert "times in **Europe/Lisbon**" in words(panel)


async def test_a_zone_is_its_owners_in_every_server_and_nobody_elses(open_world: Academy) -> None:
    world = open_world
    elsewhere = world.env.create_guild("Elsewhere")
    hall = elsewhere.create_text_channel("hall")
    there = elsewhere.add_member(world.student.user)

    await there.slash(hall, "timezone", place="Mumbai")

    assert "times in **Asia/Kolkata**" in words(await offer(world, world.student))
    assert "times in **Europe/Berlin**" in words(await offer(world, world.other_student))
    assert "You chose it." in words(reply(await there.slash(hall, "timezone")))
    others = reply(await world.other_student.slash(world.lobby, "timezone"))
    assert "You haven't chosen your own." in words(others)


async def test_a_coachs_hours_stay_on_their_own_clock(open_world: Academy) -> None:
    world = open_world
    before = times(await offer(world, world.student))

    answer = await world.coach.slash(world.lobby, "timezone", place="Tokyo")

    assert "Your hours as a coach stay in Europe/Berlin. To change that, use `/availability`." in words(
        reply(answer)
    )
    assert times(await offer(world, world.student)) == before
    panel = reply(await world.coach.slash(world.lobby, "availability"))
    assert "**Europe/Berlin**" in words(panel)


async def test_a_servers_zone_is_suggested_and_understood_by_city(world: Academy) -> None:
    found = await world.admin.autocomplete(world.lobby, "coaching set", "value", "mumb", setting="Time zone")

    answer = await world.admin.slash(world.lobby, "coaching set", setting="Time zone", value="Mumbai")

    assert found[0]["value"] == "Asia/Kolkata"
    assert "**Time zone** Europe/Berlin → Asia/Kolkata" in words(reply(answer))
