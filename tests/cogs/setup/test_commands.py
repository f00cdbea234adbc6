"""`/coaching setup`, from the press to what people read."""

import discord

from models import AccessMode, Guild
from tests.support.simulated import Academy, reply, words


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
        "log": await world.admin.slash(world.lobby, "coaching setup", log_channel=muted),
        "news": await world.admin.slash(world.lobby, "coaching setup", news_channel=muted),
        "reminders": await world.admin.slash(world.lobby, "coaching setup", reminders="24h, 4 min"),
        "role": await world.admin.slash(world.lobby, "coaching setup", coach_role=the_bots),
        "power": await world.admin.slash(world.lobby, "coaching setup", coach_role=above),
    }

    said = {key: words(reply(answer)) for key, answer in refusals.items()}
    assert 'I don\'t know the time zone "Mars".' in said["zone"]
    assert '"XYZ" isn\'t a currency.' in said["currency"]
    assert "Choose a longer lead for the room." in said["leads"]
    for key in ("channel", "log", "news"):
        assert "Give me View Channel, Send Messages and Read Message History" in said[key]
    assert "Reminders go out from 5 minutes to 14 days before a session." in said["reminders"]
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


async def test_what_follows_a_session_can_be_chosen(world: Academy) -> None:
    news = world.guild.create_text_channel("news")
    before = words(reply(await world.set_up()))

    after = words(
        reply(
            await world.admin.slash(
                world.lobby,
                "coaching setup",
                access="a role per session",
                when_gone="keep",
                no_show_grace=0,
                log_channel=world.review,
                news_channel=news,
                reminders="1 day, 90 min",
            )
        )
    )

    for said in (
        "people are let in each person by themselves",
        "**Reminders** 1 day, 1 hour before the start",
        "**No-show** who has not come 15 min after the start",
        "or may not coach any more, are cancelled",
        "**Problems** Not set: problems are told in the system channel",
        "**News** none, which is fine",
    ):
        assert said in before
    for said in (
        "people are let in by a role per session",
        "**Reminders** 1 day, 1 hour 30 minutes before the start",
        "**No-show** who has not come 0 min after the start",
        "or may not coach any more, are kept",
        f"✅ **Problems** {world.review.mention}",
        f"✅ **News** {news.mention}",
    ):
        assert said in after
    async with world.db.read() as session:
        guild = await session.get_one(Guild, world.guild.id)
    assert (guild.access_mode, guild.keep_after_departure, guild.no_show_grace_minutes) == (
        AccessMode.ROLE,
        True,
        0,
    )
    assert (guild.log_channel_id, guild.fallback_channel_id) == (world.review.id, news.id)
    assert guild.reminder_minutes == [1440, 90]


async def test_each_person_and_cancelling_can_be_chosen_again(world: Academy) -> None:
    await world.admin.slash(world.lobby, "coaching setup", access="a role per session", when_gone="keep")

    await world.admin.slash(world.lobby, "coaching setup", access="each person", when_gone="cancel")

    async with world.db.read() as session:
        guild = await session.get_one(Guild, world.guild.id)
    assert (guild.access_mode, guild.keep_after_departure) == (AccessMode.PEOPLE, False)
