"""`/coaching setup`, from the press to what people read."""

import discord

from models import Guild
from tests.simulated import Academy, reply, words


async def test_it_shows_what_is_missing_and_what_is_set(world: Academy) -> None:
    before = words(reply(await world.admin.slash(world.lobby, "coaching setup")))
    after = words(reply(await world.set_up()))

    assert before.count("⚠️") == 4
    assert "nobody sees new ones" in before
    assert after.count("⚠️") == 1
    assert world.review.mention in after


async def test_only_admins_change_settings(world: Academy) -> None:
    answer = await world.outsider.slash(world.lobby, "coaching setup", currency="EUR")

    assert words(reply(answer)).startswith("Only admins may do this.")
    assert await world.count(Guild) == 0


async def test_what_cannot_work_is_refused_with_what_to_do(world: Academy) -> None:
    hidden = world.guild.create_text_channel(
        "hidden", overwrites={world.guild.default_role: discord.PermissionOverwrite(view_channel=False)}
    )
    bot_role = next(role for role in world.guild._guild.roles.values() if role.managed)
    mine = discord.PermissionOverwrite(view_channel=True, send_messages=False)
    muted = (
        world.guild.create_text_channel("muted", overwrites={world.guild.me: mine}) if world.guild.me else hidden
    )
    above = world.guild.create_role("Above", position=bot_role.position + 1)
    the_bots = world.guild.roles["Coaching"]
    bot_role.position = 3

    refusals = {
        "zone": await world.admin.slash(world.lobby, "coaching setup", time_zone="Mars"),
        "currency": await world.admin.slash(world.lobby, "coaching setup", currency="XYZ"),
        "leads": await world.admin.slash(world.lobby, "coaching setup", room_lead=3),
        "channel": await world.admin.slash(world.lobby, "coaching setup", review_channel=muted),
        "role": await world.admin.slash(world.lobby, "coaching setup", coach_role=the_bots),
        "power": await world.admin.slash(world.lobby, "coaching setup", coach_role=above),
    }

    said = {key: words(reply(answer)) for key, answer in refusals.items()}
    assert 'I know no time zone "Mars".' in said["zone"]
    assert '"XYZ" is no currency.' in said["currency"]
    assert "Choose a longer lead for the room." in said["leads"]
    assert "Give me View Channel, Send Messages and Read Message History" in said["channel"]
    assert "move my own role above it" in said["role"]
    assert "Choose a coach role that you could give yourself" in said["power"]
    assert await world.count(Guild) == 0


async def test_the_admin_role_does_not_choose_who_gets_power(world: Academy) -> None:
    helpers = world.guild.create_role("Helpers")
    helper = world.guild.add_member(world.env.create_user("hal"), roles=[helpers])
    await world.admin.slash(world.lobby, "coaching setup", admin_role=helpers)

    refused = [
        await helper.slash(world.lobby, "coaching setup", coach_role=world.coach_role),
        await helper.slash(world.lobby, "coaching setup", admin_role=world.coach_role),
    ]
    allowed = await helper.slash(world.lobby, "coaching setup", currency="EUR")

    for answer in refused:
        assert words(reply(answer)).startswith("Only who may manage the server chooses")
    assert "**Currency** EUR" in words(reply(allowed))
