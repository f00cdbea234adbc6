"""`/coaching post`: one panel for everybody, whose buttons do what the commands do."""

from typing import Any

import discord
import pytest
from sqlalchemy import select

from models import AuditEntry, Coach
from tests.support.simulated import APPLICATION, Academy, reply, words
from tests.support.transactions import fetch_only

ADMINS_ONLY = "Only admins can do this."


async def posted(world: Academy) -> Any:
    """The panel in the lobby."""
    await world.admin.slash(world.lobby, "coaching post")
    return world.lobby.last_message


async def pressed(world: Academy, person: Any, label: str) -> Any:
    """What somebody reads who presses a button of a new panel, which has to stay as it was for everybody else."""
    panel = await posted(world)
    before = words(panel)

    answer = await person.click(panel, label=label)

    assert words(world.lobby.last_message) == before
    return answer


def closed_to(world: Academy, whom: Any, **permissions: bool) -> Any:
    """A channel in which some of these permissions are denied."""
    return world.guild.create_text_channel("closed", overwrites={whom: discord.PermissionOverwrite(**permissions)})


async def test_booking_from_the_panel_is_what_the_command_shows(open_world: Academy) -> None:
    world = open_world

    answer = await pressed(world, world.student, "Book a coach")

    shown = reply(answer)
    assert shown.flags.ephemeral
    assert words(shown) == words(reply(await world.student.slash(world.lobby, "book")))
    picking = reply(await world.student.click(shown, label="Book"))
    assert "14:00" in words(picking)


async def test_ones_sessions_from_the_panel_are_what_the_command_shows(open_world: Academy) -> None:
    world = open_world
    await world.book(world.student, "14:00")

    answer = await pressed(world, world.student, "My sessions")

    shown = reply(answer)
    assert shown.flags.ephemeral
    assert words(shown) == words(reply(await world.student.slash(world.lobby, "sessions")))
    assert "1 upcoming" in words(shown)


async def test_applying_from_the_panel_thanks_in_private_and_leaves_the_panel(open_world: Academy) -> None:
    world = open_world
    form = await pressed(world, world.student, "Become a coach")
    before = words(world.lobby.last_message)

    thanked = reply(await world.student.submit_modal(form, APPLICATION))

    assert "Thank you!" in words(thanked)
    assert thanked.flags.ephemeral
    assert words(world.lobby.last_message) == before
    assert await world.count(Coach) == 2


async def test_a_refused_application_from_the_panel_can_be_fixed_in_private(open_world: Academy) -> None:
    world = open_world
    form = await pressed(world, world.student, "Become a coach")
    before = words(world.lobby.last_message)

    refused = reply(await world.student.submit_modal(form, APPLICATION | {"Rate per hour": "sixty"}))
    assert refused.flags.ephemeral
    fixing = await world.student.click(refused, label="Fix it")
    thanked = reply(await world.student.submit_modal(fixing, APPLICATION))

    assert "Thank you!" in words(thanked)
    assert words(world.lobby.last_message) == before


async def test_who_coaches_already_is_told_so_in_private(open_world: Academy) -> None:
    world = open_world

    answer = await pressed(world, world.coach, "Become a coach")

    said = reply(answer)
    assert answer.modal is None
    assert said.flags.ephemeral
    assert words(said) == words(reply(await world.coach.slash(world.lobby, "coach apply")))


async def test_the_panel_works_after_a_restart(open_world: Academy) -> None:
    world = open_world
    panel = await posted(world)

    await world.restart()

    assert world.coach.mention in words(reply(await world.student.click(panel, label="Book a coach")))
    assert (await world.student.click(panel, label="Become a coach")).modal is not None
    assert "No sessions yet" in words(reply(await world.student.click(panel, label="My sessions")))


async def test_it_goes_into_the_channel_that_is_named_and_the_record(open_world: Academy) -> None:
    world = open_world

    told = words(reply(await world.admin.slash(world.lobby, "coaching post", channel=world.review)))

    panel: Any = world.review.last_message
    assert "Learn with a coach" in words(panel)
    assert str(panel.id) in told
    entry = await fetch_only(world.db, select(AuditEntry).where(AuditEntry.action == "panel_posted"))
    assert (entry.actor_id, entry.details) == (world.admin.id, {"channel_id": world.review.id})


@pytest.mark.parametrize(
    ("permissions", "lacking"),
    [
        ({"send_messages": False}, "there I lack Send Messages."),
        ({"view_channel": False}, "there I lack View Channel."),
        ({"view_channel": False, "send_messages": False}, "there I lack View Channel and Send Messages."),
    ],
)
async def test_what_the_bot_lacks_in_the_channel_is_said_with_what_to_do(
    open_world: Academy, permissions: dict[str, bool], lacking: str
) -> None:
    world = open_world
    closed = closed_to(world, world.guild.roles["Coaching"], **permissions)

    told = words(reply(await world.admin.slash(world.lobby, "coaching post", channel=closed)))

    assert f"I cannot write in {closed.mention}: {lacking}" in told
    assert "allow it to my role, and use the command again" in told
    assert closed.last_message is None


async def test_a_refusal_that_nobody_could_foresee_is_told_too(open_world: Academy) -> None:
    world = open_world
    world.env.inject_error("POST", f"/channels/{world.review.id}/messages", status=403, code=50013)

    told = words(reply(await world.admin.slash(world.lobby, "coaching post", channel=world.review)))

    assert "Discord did not let me write in" in told
    assert "then use the command again" in told


async def test_nobody_writes_through_the_bot_where_they_may_not_write(open_world: Academy) -> None:
    world = open_world
    role = world.guild.create_role("Helpers")
    helper = world.guild.add_member(world.env.create_user("hal"), roles=(role,))
    await world.choose(admin_role_id=role.id)
    closed = closed_to(world, role, send_messages=False)

    told = words(reply(await helper.slash(world.lobby, "coaching post", channel=closed)))

    assert f"You may not write in {closed.mention} yourself." in told
    assert closed.last_message is None


async def test_only_admins_post_it(open_world: Academy) -> None:
    world = open_world

    for person in (world.student, world.coach, world.outsider):
        told = words(reply(await person.slash(world.lobby, "coaching post", channel=world.review)))
        assert ADMINS_ONLY in told

    assert world.review.last_message is None


async def test_where_no_texts_are_kept_a_channel_has_to_be_named(open_world: Academy) -> None:
    world = open_world
    voice = world.guild.create_voice_channel("talk")

    told = words(reply(await world.admin.slash(voice, "coaching post")))

    assert "Choose one: `/coaching post channel:`" in told
