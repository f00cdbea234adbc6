"""Wherever a time zone is typed, it can be an offset or an abbreviation, and what isn't clear is asked about."""

import re
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from simcord.components import walk_components

from models import Coach, Guild, Member
from tests.cogs.booking.people import Visitor
from tests.support.simulated import APPLICATION, Academy, reply, words
from tests.support.steps import fill, form, held, press, send, week

pytestmark = pytest.mark.usefixtures("open_world")
PLACE = "City or time zone"

Typing = Callable[[Academy, str], Awaitable[Any]]
Stored = Callable[[Academy], Awaitable[str | None]]


def select_of(message: Any) -> dict[str, Any]:
    [select] = [
        one for one in walk_components(message.components) if str(one.get("custom_id")).startswith("pick:")
    ]
    return select


async def timezone_option(world: Academy, typed: str) -> Any:
    return reply(await world.student.slash(world.lobby, "timezone", place=typed))


async def timezone_form(world: Academy, typed: str) -> Any:
    panel = reply(await world.student.slash(world.lobby, "timezone"))
    return await fill(world.student, panel, "Change…", {PLACE: typed})


async def book(world: Academy, typed: str) -> Any:
    stu = await Visitor(world, world.student).book()
    return await fill(world.student, stu.panel, "Change zone…", {PLACE: typed})


async def availability(world: Academy, typed: str) -> Any:
    return await fill(world.coach, await week(world), "Zone…", {PLACE: typed})


async def apply(world: Academy, typed: str) -> Any:
    return reply(
        await world.outsider.submit_modal(
            await world.outsider.slash(world.lobby, "coach apply"), APPLICATION | {"Your time zone": typed}
        )
    )


async def setup(world: Academy, typed: str) -> Any:
    panel = reply(await world.admin.slash(world.lobby, "coaching setup"))
    return await fill(world.admin, panel, "Time zone and payment…", {"Time zone": typed})


async def setting(world: Academy, typed: str) -> Any:
    return reply(await world.admin.slash(world.lobby, "coaching set", setting="Time zone", value=typed))


async def of_student(world: Academy) -> str | None:
    async with world.db.read() as session:
        return (await session.get_one(Member, world.student.id)).time_zone


async def of_coach(world: Academy) -> str | None:
    async with world.db.read() as session:
        return (await session.get_one(Coach, (world.guild.id, world.coach.id))).time_zone


async def of_applicant(world: Academy) -> str | None:
    async with world.db.read() as session:
        return (await session.get_one(Coach, (world.guild.id, world.outsider.id))).time_zone


async def of_server(world: Academy) -> str | None:
    async with world.db.read() as session:
        return (await session.get_one(Guild, world.guild.id)).time_zone


PLACES: dict[str, tuple[Typing, str, Stored, str]] = {
    "/timezone": (timezone_option, "student", of_student, "### Your time zone is {}"),
    "the form of /timezone": (timezone_form, "student", of_student, "### Your time zone is {}"),
    "/book": (book, "student", of_student, "times in **{}**"),
    "/availability": (availability, "coach", of_coach, "### From Europe/Berlin to {}"),
    "/coach apply": (apply, "outsider", of_applicant, "Your time zone is **{}**"),
    "/coaching setup": (setup, "admin", of_server, "Time zone: {}"),
    "/coaching set": (setting, "admin", of_server, "**Time zone** Europe/Berlin → {}"),
}
everywhere = pytest.mark.parametrize("place", PLACES)


@everywhere
async def test_an_offset_is_understood_and_shown_as_people_write_it(world: Academy, place: str) -> None:
    typing, _, stored, shown = PLACES[place]

    answer = await typing(world, "GMT+2")

    assert shown.format("UTC+2") in words(answer)
    assert "Etc/" not in words(answer)
    if place == "/availability":
        answer = await press(world.coach, answer, "Keep clock times")
        assert "✅ Your hours are now in UTC+2." in words(answer)
    assert await stored(world) == "Etc/GMT-2"


@everywhere
async def test_an_unclear_zone_is_asked_about_with_the_current_times(world: Academy, place: str) -> None:
    typing, person, stored, shown = PLACES[place]

    question = await typing(world, "IST")
    select = select_of(question)

    assert '⚠️ "IST" could mean several time zones. Which one do you mean?' in words(question)
    labelled = [option["label"] for option in select["options"]]
    assert [one.partition(" · ")[0] for one in labelled] == ["Asia/Kolkata", "Europe/Dublin", "Asia/Jerusalem"]
    assert all(re.search(r" · Mon \d\d:\d\d$", one) for one in labelled)
    answer = reply(await getattr(world, person).select(question, ["Asia/Kolkata"], custom_id=select["custom_id"]))
    assert shown.format("Asia/Kolkata") in words(answer)
    if place == "/availability":
        await press(world.coach, answer, "Keep clock times")
    assert await stored(world) == "Asia/Kolkata"


async def test_the_other_fields_of_the_form_are_kept(world: Academy) -> None:
    question = await apply(world, "Portugal")
    picked = select_of(question)

    assert "⚠️ Portugal has several time zones. Which one do you mean?" in words(question)
    await world.outsider.select(question, ["Atlantic/Azores"], custom_id=picked["custom_id"])

    async with world.db.read() as session:
        applied = await session.get_one(Coach, (world.guild.id, world.outsider.id))
    assert (applied.bio, applied.experience) == (APPLICATION["About you"], APPLICATION["Experience and links"])
    assert applied.time_zone == "Atlantic/Azores"


async def test_another_place_can_be_typed_instead(world: Academy) -> None:
    question = await availability(world, "Springfield")
    assert any("Missouri" in option["label"] for option in select_of(question)["options"])

    opened = await form(world.coach, question, "Fix it")
    answer = await send(world.coach, opened, {PLACE: "Boston"})

    assert "### From Europe/Berlin to America/New_York" in words(answer)


async def test_a_picked_zone_does_not_hide_what_else_is_wrong(world: Academy) -> None:
    question = reply(
        await world.outsider.submit_modal(
            await world.outsider.slash(world.lobby, "coach apply"),
            APPLICATION | {"Your time zone": "IST", "Rate per hour": "a lot"},
        )
    )
    picked = select_of(question)["custom_id"]

    refusal = reply(await world.outsider.select(question, ["Asia/Kolkata"], custom_id=picked))

    assert '"a lot" isn\'t an amount' in words(refusal)
    opened = await form(world.outsider, refusal, "Fix it")
    assert held(opened)["Your time zone"] == "Asia/Kolkata"


@pytest.mark.parametrize(
    ("typed", "first"),
    [
        ("EST", "America/New_York · Mon 03:00"),
        ("gmt+2", "UTC+2 · Mon 10:00"),
        ("IST", "Asia/Kolkata · Mon 13:30"),
    ],
)
async def test_abbreviations_and_offsets_are_suggested(world: Academy, typed: str, first: str) -> None:
    found = await world.student.autocomplete(world.lobby, "timezone", "place", typed)

    assert found[0]["name"] == first
