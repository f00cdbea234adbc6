"""`/timezone`, and the zone in which `/book` shows times."""

import re
from typing import Any

import pytest
from simcord.components import walk_components

from models import Member
from tests.support.simulated import Academy, reply, words
from tests.support.steps import fill, form, held, labels, press, rows, send, times

PLACE = "City or time zone"
opened = pytest.mark.usefixtures("open_world")


async def zone_of(world: Academy, person: Any) -> str | None:
    async with world.db.read() as session:
        member = await session.get(Member, person.id)
        return member.time_zone if member else None


async def offer(world: Academy, person: Any) -> Any:
    """Return the coach's free times, as this person sees them."""
    return reply(await person.slash(world.lobby, "book", coach=str(world.coach.id)))


async def test_people_without_a_zone_see_the_servers(world: Academy) -> None:
    said = words(reply(await world.student.slash(world.lobby, "timezone")))

    assert "### Your time zone is Europe/Berlin" in said
    assert "It's **Monday, 09:00** there now." in said
    assert "It's the server's time zone. You haven't chosen your own." in said
    assert await world.count(Member) == 0


async def test_a_city_or_a_zone_can_be_chosen(world: Academy) -> None:
    for typed, zone, now in (
        ("Munich", "Europe/Berlin", "Monday, 09:00"),
        ("Mumbai", "Asia/Kolkata", "Monday, 13:30"),
        ("San Francisco", "America/Los_Angeles", "Monday, 00:00"),
        ("pacific/auckland", "Pacific/Auckland", "Monday, 21:00"),
        ("Portland, Maine", "America/New_York", "Monday, 03:00"),
        ("utc", "UTC", "Monday, 08:00"),
    ):
        said = words(reply(await world.student.slash(world.lobby, "timezone", place=typed)))
        assert f"### Your time zone is {zone}" in said
        assert f"It's **{now}** there now. You chose it." in said
        assert await zone_of(world, world.student) == zone


async def test_an_unknown_place_is_refused_with_what_to_do(world: Academy) -> None:
    await world.student.slash(world.lobby, "timezone", place="Tokyo")
    before = await rows(world)

    for typed, sentence in (
        ("Middle-earth", '"Middle-earth". Type one like Europe/Berlin or UTC+2, or a city like Munich.'),
        ("Springfield", 'Several cities are called "Springfield". Which one do you mean?'),
        ("", 'I don\'t know the time zone "".'),
        ("x" * 500, "I don't know the time zone"),
    ):
        assert sentence in words(reply(await world.student.slash(world.lobby, "timezone", place=typed)))

    assert await rows(world) == before


async def test_the_form_works_after_a_restart_and_keeps_what_was_refused(world: Academy) -> None:
    panel = reply(await world.student.slash(world.lobby, "timezone"))

    refusal = await fill(world.student, panel, "Change…", {PLACE: "Middle-earth"})
    again = await form(world.student, refusal, "Fix it")
    assert held(again) == {PLACE: "Middle-earth"}
    await world.restart()
    changed = await send(world.student, again, {PLACE: "Tokyo"})

    assert "### Your time zone is Asia/Tokyo" in words(changed)


async def test_suggestions_show_the_current_time_there(world: Academy) -> None:
    for typed in ("", "a", "san", "new y", "europe/b", "münchen", "st", "x" * 200, "llanfair"):
        found = await world.student.autocomplete(world.lobby, "timezone", "place", typed)
        names = {one["name"] for one in found}
        assert len(names) == len(found) <= 25
        for name in names:
            assert len(name) <= 100
            assert re.search(r"\w · (Sun|Mon|Tue) \d\d:\d\d$", name), name
        assert found or typed[0] in "xl"


async def test_a_suggestion_can_be_chosen(world: Academy) -> None:
    found = await world.student.autocomplete(world.lobby, "timezone", "place", "san fr")

    answer = await world.student.slash(world.lobby, "timezone", place=found[0]["value"])

    assert found[0]["name"] == "San Francisco, California, United States · Mon 00:00"
    assert "### Your time zone is America/Los_Angeles" in words(reply(answer))


async def test_a_servers_zone_is_suggested_by_city(world: Academy) -> None:
    found = await world.admin.autocomplete(world.lobby, "coaching set", "value", "mumb", setting="Time zone")

    answer = await world.admin.slash(world.lobby, "coaching set", setting="Time zone", value="Mumbai")

    assert found[0]["value"] == "Asia/Kolkata"
    assert "**Time zone** Europe/Berlin → Asia/Kolkata" in words(reply(answer))


@opened
async def test_book_shows_times_in_the_chosen_zone(world: Academy) -> None:
    before = await offer(world, world.student)
    assert "times in **Europe/Berlin**" in words(before)

    await world.student.slash(world.lobby, "timezone", place="Mumbai")
    panel = await offer(world, world.student)

    assert "times in **Asia/Kolkata**" in words(panel)
    assert times(panel) == ["15:30", "18:00", "18:30", "19:00", "19:30", "20:00", "20:30"]
    assert labels(panel)["18:30"] == labels(before)["14:00"]
    confirm = await press(world.student, panel, "18:30")
    assert "Mon 18:30 in Asia/Kolkata · Mon 14:00 in Europe/Berlin, where your coach is" in words(confirm)


@opened
async def test_book_shows_days_of_the_readers_calendar(world: Academy) -> None:
    await world.student.slash(world.lobby, "timezone", place="Pacific/Auckland")

    panel = await offer(world, world.student)

    assert "**Monday, 2 March**" in words(panel)
    assert times(panel) == ["23:00"]  # 11:00 in Berlin
    parts = walk_components(panel.components)
    [day] = [one for one in parts if (one.get("custom_id") or "").startswith("book:day")]
    assert [option["label"] for option in day["options"]][:2] == ["Mon 2 Mar · 1 free", "Tue 3 Mar · 11 free"]


@opened
async def test_changing_the_zone_in_book_keeps_coach_length_and_day(world: Academy) -> None:
    panel = await offer(world, world.student)
    monday, wednesday = "739677", "739679"
    by_length, by_day = f"book:length:{world.coach.id}:{monday}", f"book:day:{world.coach.id}:90:0"
    panel = reply(await world.student.select(panel, ["90"], custom_id=by_length))
    panel = reply(await world.student.select(panel, [wednesday], custom_id=by_day))

    panel = await fill(world.student, panel, "Change zone…", {PLACE: "Lisbon"})

    assert f"### Book {world.coach.mention}" in words(panel)
    assert "**Wednesday, 4 March** · times in **Europe/Lisbon**" in words(panel)
    assert times(panel)[0] == "08:00"
    assert "\n90 min · " in words(await press(world.student, panel, "08:00"))
    assert await zone_of(world, world.student) == "Europe/Lisbon"


@opened
async def test_an_unknown_zone_in_book_can_be_fixed(world: Academy) -> None:
    refusal = await fill(world.student, await offer(world, world.student), "Change zone…", {PLACE: "Mars"})
    assert 'I don\'t know the time zone "Mars".' in words(refusal)
    panel = await fill(world.student, refusal, "Fix it", {PLACE: "Lisbon"})

    assert "times in **Europe/Lisbon**" in words(panel)


@opened
async def test_a_zone_is_its_owners_in_every_server_and_nobody_elses(world: Academy) -> None:
    elsewhere = world.env.create_guild("Elsewhere")
    hall = elsewhere.create_text_channel("hall")
    there = elsewhere.add_member(world.student.user)

    await there.slash(hall, "timezone", place="Mumbai")

    assert "times in **Asia/Kolkata**" in words(await offer(world, world.student))
    assert "times in **Europe/Berlin**" in words(await offer(world, world.other_student))
    assert "You chose it." in words(reply(await there.slash(hall, "timezone")))


@opened
async def test_a_coachs_hours_stay_in_their_own_zone(world: Academy) -> None:
    before = times(await offer(world, world.student))

    said = words(reply(await world.coach.slash(world.lobby, "timezone", place="Tokyo")))

    assert "Your hours as a coach stay in Europe/Berlin. To change that, use `/availability`." in said
    assert times(await offer(world, world.student)) == before
    assert "**Europe/Berlin**" in words(reply(await world.coach.slash(world.lobby, "availability")))
