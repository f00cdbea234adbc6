"""The admin menu: everything in `/coaching` for admins who don't see the command."""

from typing import Any, cast

import pytest
from simcord.components import walk_components

from cogs.reports import export
from cogs.ui.routing import BESIDE
from tests.support.simulated import Academy, reply, words
from tests.support.steps import fill, labels, press

pytestmark = pytest.mark.usefixtures("open_world")

INSTEAD_OF = {
    "health": "Health",
    "run": "Health",
    "sessions": "All sessions",
    "session": "Find a session…",
    "stats": "Statistics",
    "export": "Export…",
    "coaches": "Coaches",
    "reviews": "Reviews",
    "blocked": "Blocked members",
    "credits": "Credit",
    "grant": "Credit",
    "setup": "Setup",
    "set": "Setup",
    "defaults": "For new coaches",
    "specialties": "Specialties",
    "closures": "Closures",
    "post": "Post the panel…",
    "audit": "Audit log",
}
"""The button that leads to what each subcommand does. Blocking begins with choosing the person."""


async def helper(world: Academy) -> Any:
    """Return an admin by role, who doesn't see `/coaching`."""
    role = world.guild.create_role("Helpers")
    await world.choose(admin_role_id=role.id)
    return world.guild.add_member(world.env.create_user("hal"), roles=(role,))


async def menu(world: Academy, person: Any) -> Any:
    """Open the menu from `/sessions`."""
    return await press(person, reply(await person.slash(world.lobby, "sessions")), "Admin")


async def chosen(world: Academy, person: Any, about: Any) -> Any:
    """Choose someone in the menu."""
    return reply(await person.select(await menu(world, person), [about], custom_id="admin:person"))


async def test_admins_by_role_find_every_subcommand(world: Academy) -> None:
    hal = await helper(world)
    coaching = world.env.backend.find_command("coaching", None)
    assert coaching is not None

    opened = await menu(world, hal)

    subcommands = {one["name"] for one in coaching["options"]} - {"block", "unblock"}
    assert subcommands == INSTEAD_OF.keys()
    assert set(INSTEAD_OF.values()) | {"Applications"} == labels(opened).keys()


OPENED_BY = {
    "Health": "### Coaching health",
    "All sessions": "### Sessions, latest first",
    "Statistics": "### Statistics",
    "Export…": "### What do you want to download?",
    "Applications": "No open applications.",
    "Coaches": "### Coaches",
    "Reviews": "### Reviews, newest first",
    "Blocked members": "### Blocked members",
    "Credit": "### Credit",
    "Setup": "### Coaching setup",
    "For new coaches": "### Defaults for new coaches",
    "Specialties": "### Specialties",
    "Closures": "### Closures",
    "Post the panel…": "### Where should I post the panel?",
    "Audit log": "### Audit log, newest first",
}


async def test_what_a_button_opens_appears_below_the_menu(world: Academy) -> None:
    hal = await helper(world)
    opened = await menu(world, hal)

    for label, title in OPENED_BY.items():
        shown = await press(hal, opened, label)

        assert words(shown).startswith(title)
        assert shown.id != opened.id, label


async def test_a_panel_opened_from_the_menu_changes_in_place(world: Academy) -> None:
    hal = await helper(world)
    health = await press(hal, await menu(world, hal), "Health")

    again = await press(hal, health, "Refresh")

    assert again.id == health.id
    assert not any((one.get("custom_id") or "").startswith(BESIDE) for one in walk_components(again.components))


async def test_a_session_is_found_by_its_code(world: Academy) -> None:
    one = await world.book(world.student, "14:00")
    hal = await helper(world)
    opened = await menu(world, hal)

    found = await fill(hal, opened, "Find a session…", {"Code": f"coaching-session-{one.code}"})
    refused = await fill(hal, opened, "Find a session…", {"Code": "zzzzzz"})

    assert f"Code `{one.code}`" in words(found)
    assert "No session on this server has that code" in words(refused)


async def test_sessions_can_be_filtered_by_status(world: Academy) -> None:
    one = await world.book(world.student, "14:00")
    hal = await helper(world)
    listed = await press(hal, await menu(world, hal), "All sessions")

    cancelled = words(reply(await hal.select(listed, ["4"], custom_id="records:filter:0")))
    booked = words(reply(await hal.select(listed, ["1"], custom_id="records:filter:0")))

    assert cancelled.startswith("### Sessions (cancelled), latest first\nNo sessions here.")
    assert one.code in booked


async def test_each_table_can_be_downloaded(world: Academy) -> None:
    hal = await helper(world)
    question = await press(hal, await menu(world, hal), "Export…")

    files = [(await press(hal, question, label)).attachments[0].filename for label in labels(question)]

    assert files == [f"{what}.csv" for what in export.TABLES]


async def test_the_panel_is_posted_in_the_chosen_channel(world: Academy) -> None:
    hal = await helper(world)
    question = await press(hal, await menu(world, hal), "Post the panel…")

    told = words(reply(await hal.select(question, [world.lobby], custom_id="panel:post:in")))

    posted: Any = world.lobby.last_message
    assert "Learn with a coach" in words(posted)
    assert str(posted.id) in told


async def test_a_chosen_person_can_be_looked_up_and_blocked(world: Academy) -> None:
    hal = await helper(world)
    about = await chosen(world, hal, world.coach)

    profile = await press(hal, about, "As a coach")
    blocked = await fill(hal, about, "Block from booking…", {"Reason": "Spam"})
    unblocked = await press(hal, about, "Unblock")

    assert words(about).startswith(f"### {world.coach.mention}")
    assert "**Cara**" in words(profile)
    assert words(blocked).startswith(f"**Blocked.** {world.coach.mention} can't book sessions here.")
    assert words(unblocked).startswith("**Unblocked.**")


async def test_only_admins_have_the_button_in_sessions(world: Academy) -> None:
    await world.book(world.student, "14:00")

    seen = {
        who.name: "Admin" in labels(reply(await who.slash(world.lobby, "sessions")))
        for who in (world.student, world.coach, world.other_student, world.admin)
    }

    assert seen == {"stu": False, "cara": False, "sam": False, "ada": True}


async def test_the_posted_panel_has_the_button_and_refuses_everyone_else(world: Academy) -> None:
    hal = await helper(world)
    await world.admin.slash(world.lobby, "coaching post")
    panel = world.lobby.last_message

    admins, students = [words(await press(who, panel, "Admin")) for who in (hal, world.student)]

    assert admins.startswith("### Admin menu")
    assert students == "Only admins can do this. Ask someone with Manage Server."


async def test_a_former_admin_is_refused_in_an_open_menu(world: Academy) -> None:
    hal = await helper(world)
    opened = await menu(world, hal)
    world.guild._guild.members[hal.id].role_ids.clear()

    for label in labels(opened):
        assert "Only admins can do this." in words(reply(await hal.click(opened, label=label))), label


async def test_choosing_an_admin_role_says_how_to_show_coaching_to_it(world: Academy) -> None:
    role, bot = world.guild.create_role("Helpers"), cast("Any", world.env.bot)
    setup = reply(await world.admin.slash(world.lobby, "coaching setup"))
    picker = reply(await world.admin.select(setup, ["5"], custom_id="setup:change"))

    said = words(reply(await world.admin.select(picker, [role], custom_id="setup:picked:5")))

    assert f"Members of {role.mention} have an **Admin** button in `/sessions`." in said
    assert f"**Server Settings → Integrations → {bot.user.name}**, choose `/coaching`" in said
