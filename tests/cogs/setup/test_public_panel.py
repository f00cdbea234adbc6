"""`/coaching post`: a message whose buttons do what the commands do."""

from typing import Any

import discord
import pytest
from sqlalchemy import select

from models import AuditEntry, Coach
from tests.support.simulated import APPLICATION, Academy, reply, words
from tests.support.transactions import fetch_only

pytestmark = pytest.mark.usefixtures("open_world")

ADMINS_ONLY = "Only admins can do this."


async def posted(world: Academy) -> Any:
    """Post the panel in the lobby and return it."""
    await world.admin.slash(world.lobby, "coaching post")
    return world.lobby.last_message


async def pressed(world: Academy, person: Any, label: str) -> Any:
    """Press a button of a new panel, check that the panel doesn't change, and return the answer."""
    panel = await posted(world)
    before = words(panel)

    answer = await person.click(panel, label=label)

    assert words(world.lobby.last_message) == before
    return answer


def closed_to(world: Academy, role: Any, **permissions: bool) -> Any:
    """Create a channel where these permissions are set for the role."""
    return world.guild.create_text_channel("closed", overwrites={role: discord.PermissionOverwrite(**permissions)})


@pytest.mark.parametrize(
    ("person", "button", "command"),
    [
        ("student", "Book a coach", "book"),
        ("student", "My sessions", "sessions"),
        ("coach", "Become a coach", "coach apply"),
    ],
)
async def test_each_button_privately_shows_what_the_command_shows(
    world: Academy, person: str, button: str, command: str
) -> None:
    await world.book(world.student, "14:00")
    who = getattr(world, person)

    answer = await pressed(world, who, button)

    shown = reply(answer)
    assert answer.modal is None
    assert shown.flags.ephemeral
    assert words(shown) == words(reply(await who.slash(world.lobby, command)))


async def test_applying_from_the_panel_is_private_and_keeps_the_panel(world: Academy) -> None:
    form = await pressed(world, world.student, "Become a coach")
    before = words(world.lobby.last_message)

    thanked = reply(await world.student.submit_modal(form, APPLICATION))

    assert "Thank you!" in words(thanked)
    assert thanked.flags.ephemeral
    assert words(world.lobby.last_message) == before
    assert await world.count(Coach) == 2


async def test_a_refused_application_from_the_panel_can_be_fixed_privately(world: Academy) -> None:
    form = await pressed(world, world.student, "Become a coach")
    before = words(world.lobby.last_message)

    refused = reply(await world.student.submit_modal(form, APPLICATION | {"Rate per hour": "sixty"}))
    assert refused.flags.ephemeral
    fixing = await world.student.click(refused, label="Fix it")
    thanked = reply(await world.student.submit_modal(fixing, APPLICATION))

    assert "Thank you!" in words(thanked)
    assert words(world.lobby.last_message) == before


async def test_the_panel_works_after_a_restart(world: Academy) -> None:
    panel = await posted(world)

    await world.restart()

    assert world.coach.mention in words(reply(await world.student.click(panel, label="Book a coach")))
    assert (await world.student.click(panel, label="Become a coach")).modal is not None
    assert "No sessions yet" in words(reply(await world.student.click(panel, label="My sessions")))


async def test_the_panel_is_posted_in_the_chosen_channel_and_recorded(world: Academy) -> None:
    told = words(reply(await world.admin.slash(world.lobby, "coaching post", channel=world.review)))

    panel: Any = world.review.last_message
    assert "Learn with a coach" in words(panel)
    assert str(panel.id) in told
    entry = await fetch_only(world.db, select(AuditEntry).where(AuditEntry.action == "panel_posted"))
    assert (entry.actor_id, entry.details) == (world.admin.id, {"channel_id": world.review.id})


@pytest.mark.parametrize(
    ("permissions", "lacking"),
    [
        ({"send_messages": False}, "I'm missing Send Messages."),
        ({"view_channel": False}, "I'm missing View Channel."),
        ({"view_channel": False, "send_messages": False}, "I'm missing View Channel and Send Messages."),
    ],
)
async def test_permissions_missing_in_the_channel_are_named(
    world: Academy, permissions: dict[str, bool], lacking: str
) -> None:
    closed = closed_to(world, world.guild.roles["Coaching"], **permissions)

    told = words(reply(await world.admin.slash(world.lobby, "coaching post", channel=closed)))

    assert f"I can't write in {closed.mention}: {lacking}" in told
    assert "allow it for my role. Then run the command again" in told
    assert closed.last_message is None


async def test_an_unexpected_refusal_by_discord_is_explained(world: Academy) -> None:
    world.env.inject_error("POST", f"/channels/{world.review.id}/messages", status=403, code=50013)

    told = words(reply(await world.admin.slash(world.lobby, "coaching post", channel=world.review)))

    assert "Discord didn't let me write in" in told
    assert "then run the command again" in told


async def test_admins_cannot_post_where_they_cannot_write_themselves(world: Academy) -> None:
    role = world.guild.create_role("Helpers")
    helper = world.guild.add_member(world.env.create_user("hal"), roles=(role,))
    await world.choose(admin_role_id=role.id)
    closed = closed_to(world, role, send_messages=False)

    told = words(reply(await helper.slash(world.lobby, "coaching post", channel=closed)))

    assert f"You can't write in {closed.mention} yourself." in told
    assert closed.last_message is None


async def test_only_admins_post_the_panel(world: Academy) -> None:
    for person in (world.student, world.coach, world.outsider):
        told = words(reply(await person.slash(world.lobby, "coaching post", channel=world.review)))
        assert ADMINS_ONLY in told

    assert world.review.last_message is None


async def test_outside_text_channels_a_channel_must_be_chosen(world: Academy) -> None:
    voice = world.guild.create_voice_channel("talk")

    told = words(reply(await world.admin.slash(voice, "coaching post")))

    assert "Choose one with the option `channel`." in told
