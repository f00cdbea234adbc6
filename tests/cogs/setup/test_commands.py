"""`/coaching setup`: choosing channels and roles, and showing what's set."""

from typing import Any

import discord

from cogs.setup import panel as setup_panel
from models import Guild
from scheduler.servers.resources import ServerResource
from tests.support.simulated import Academy, reply, words
from tests.support.transactions import fetch


async def pick(world: Academy, person: Any, place: ServerResource, chosen: Any) -> str:
    """Open the panel, pick a channel, a category or a role, and return what's shown then."""
    panel = reply(await person.slash(world.lobby, "coaching setup"))
    number = setup_panel.PLACES.index(place)
    page = reply(await person.select(panel, [str(number)], custom_id=setup_panel.CHANGE.id()))
    return words(reply(await person.select(page, [chosen], custom_id=setup_panel.PICKED.id(place=number))))


async def test_the_panel_shows_what_is_missing_and_what_is_set(world: Academy) -> None:
    before = words(reply(await world.admin.slash(world.lobby, "coaching setup")))
    after = words(reply(await world.set_up()))

    assert before.count("⚠️") == 4
    assert "Nobody sees new applications." in before
    assert after.count("⚠️") == 1
    assert world.review.mention in after


async def test_the_panel_shows_settings_as_values(world: Academy) -> None:
    shown = words(reply(await world.admin.slash(world.lobby, "coaching setup")))

    for line in (
        "➖ Fallback channel: not set (admins are told instead)",
        "Time zone: Europe/Berlin",
        "Currency: USD",
        "Payment instructions: not set",
        "Rooms: created 15 min before · open 5 min before · removed 15 min after",
        "Access: per person",
        "Reminders: 1 day, 1 h before",
        "No-show after 15 min",
        "Up to 10 upcoming sessions per student · free cancellation until the start",
        "Upcoming sessions of people who leave: cancelled",
    ):
        assert line in shown.splitlines()


async def test_every_channel_category_and_role_can_be_picked(world: Academy) -> None:
    chosen = {
        ServerResource.REVIEW_CHANNEL: world.review,
        ServerResource.COACH_ROLE: world.coach_role,
        ServerResource.ROOM_CATEGORY: world.rooms,
        ServerResource.LOG_CHANNEL: world.guild.create_text_channel("alerts"),
        ServerResource.FALLBACK_CHANNEL: world.guild.create_text_channel("fallback"),
        ServerResource.ADMIN_ROLE: world.guild.create_role("Helpers"),
        ServerResource.WORKSHOP_CHANNEL: world.guild.create_text_channel("workshops"),
    }

    said = {place: await pick(world, world.admin, place, one) for place, one in chosen.items()}

    guild = await fetch(world.db, Guild, world.guild.id)
    assert {place: place.id_in(guild) for place in ServerResource} == {
        place: one.id for place, one in chosen.items()
    }
    assert [place for place, one in chosen.items() if f"{place.label}: {one.mention}" not in said[place]] == []


async def test_a_channel_or_role_that_cannot_work_is_refused(world: Academy) -> None:
    bot_role = next(role for role in world.guild._guild.roles.values() if role.managed)
    the_bots = world.guild.roles["Coaching"]
    mine = discord.PermissionOverwrite(view_channel=True, send_messages=False)
    muted = world.guild.create_text_channel("muted", overwrites={the_bots: mine})
    above = world.guild.create_role("Above", position=bot_role.position + 1)
    bot_role.position = 3

    said = [
        await pick(world, world.admin, place, muted)
        for place in (ServerResource.REVIEW_CHANNEL, ServerResource.LOG_CHANNEL, ServerResource.FALLBACK_CHANNEL)
    ]
    role = await pick(world, world.admin, ServerResource.COACH_ROLE, the_bots)
    power = await pick(world, world.admin, ServerResource.COACH_ROLE, above)

    for refused in said:
        assert "Grant me View Channel, Send Messages and Read Message History" in refused
    assert "drag my role above it" in role
    assert "a coach role that you could give yourself" in power
    assert await world.count(Guild) == 0


async def test_members_with_the_admin_role_choose_no_roles_but_change_settings(world: Academy) -> None:
    helpers = world.guild.create_role("Helpers")
    helper = world.guild.add_member(world.env.create_user("hal"), roles=[helpers])
    await world.choose(admin_role_id=helpers.id)

    refused = [
        await pick(world, helper, ServerResource.COACH_ROLE, world.coach_role),
        await pick(world, helper, ServerResource.ADMIN_ROLE, world.coach_role),
    ]
    allowed = await helper.slash(world.lobby, "coaching set", setting="Currency", value="EUR")

    for answer in refused:
        assert answer.startswith("Only members with Manage Server can choose")
    assert "**Currency** USD → EUR" in words(reply(allowed))
