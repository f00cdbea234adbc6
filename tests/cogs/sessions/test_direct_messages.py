"""`/sessions` and `/timezone` in direct messages with the bot."""

from typing import Any

import pytest
from sqlalchemy import update

from bot.app import CoachBot
from models import CoachingSession, Guild
from scheduler.servers.settings import GuildDefaults
from tests.cogs.sessions.test_commands import WEDNESDAY
from tests.support import builders
from tests.support.simulated import Academy, reply, words
from tests.support.steps import fill, labels, press


async def in_private(person: Any, command: str, **options: Any) -> Any:
    """Use a command in direct messages."""
    return reply(await person.user.slash(command, **options))


async def elsewhere(world: Academy) -> Any:
    """Let the student book in another server, with the same coach. Returns the student there."""
    other = world.env.create_guild("Elsewhere")
    other.add_member(world.coach.user)
    there = other.add_member(world.student.user)
    async with world.db.begin() as session:
        await builders.a_guild(session, id=other.id)
        await builders.a_coach(session, guild_id=other.id, user_id=world.coach.id)
        await builders.a_session(
            session,
            guild_id=other.id,
            coach_id=world.coach.id,
            student_id=world.student.id,
            starts_at=WEDNESDAY,
            next_step_at=None,
        )
    return there


async def test_without_sessions_there_is_a_hint(world: Academy) -> None:
    said = words(await in_private(world.other_student, "sessions"))

    assert said == "### No sessions yet\nBook your first one with `/book` in your server."


async def test_sessions_of_all_servers_are_listed_with_names(world: Academy) -> None:
    one = await world.book(world.student, "14:00")
    await elsewhere(world)

    student, coach = [words(await in_private(who, "sessions")) for who in (world.student, world.coach)]

    assert "2 upcoming" in student
    assert student.index("\nWith Cara in Academy · ") < student.index("\nWith Cara in Elsewhere · ")
    assert one.code in coach
    assert "\nWith Stu in Academy · " in coach
    assert "<@" not in student + coach


async def test_sessions_can_be_cancelled_there(world: Academy) -> None:
    one = await world.book(world.student, "14:00")

    panel = await in_private(world.student, "sessions")
    answer = await fill(world.student.user, panel, "Cancel…", {"Reason": "Ill"})
    said = words(answer)
    back = await press(world.student.user, answer, "All sessions")

    assert "Session cancelled" in said
    assert one.code in said
    assert words(back).startswith("### Your sessions\nNone upcoming\n")


async def test_a_page_stays_in_direct_messages(world: Academy) -> None:
    await world.book(world.student, "14:00")

    panel = await press(world.student.user, await in_private(world.student, "sessions"), "Reminders: on")

    assert "With Cara in Academy" in words(panel)
    assert "Reminders: off" in labels(panel)


async def test_nobody_is_an_admin_there(world: Academy) -> None:
    assert "Admin" not in labels(await in_private(world.admin, "sessions"))


@pytest.mark.slow
async def test_past_sessions_are_not_booked_again_there(world: Academy) -> None:
    one = await world.book(world.student, "14:00")
    await world.wait_until(one.ends_at)

    buttons = labels(await in_private(world.student, "sessions"))

    assert "Book again" not in buttons


@pytest.mark.parametrize("why", ["they left", "the bot was removed"])
async def test_servers_they_are_no_longer_in_are_left_out(world: Academy, why: str) -> None:
    await world.book(world.student, "14:00")
    there = await elsewhere(world)
    if why == "they left":
        there.guild.remove_member(there)
    else:
        async with world.db.begin() as session:
            await session.execute(update(Guild).where(Guild.id == there.guild.id).values(bot_removed_at=world.now))

    said = words(await in_private(world.student, "sessions"))

    assert "1 upcoming" in said
    assert "Elsewhere" not in said


async def test_if_discord_does_not_say_who_is_where_nothing_is_shown(world: Academy) -> None:
    await world.book(world.student, "14:00")
    world.env.inject_error("GET", f"/guilds/{world.guild.id}/members/{world.student.id}", status=500)

    said = words(await in_private(world.student, "sessions"))

    assert said == "Discord didn't answer. Try again in a minute."


async def test_a_home_servers_bot_shows_only_that_server(world: Academy) -> None:
    await world.book(world.student, "14:00")
    there, env = await elsewhere(world), world.env
    hall = there.guild.create_text_channel("hall")
    await env.restart_bot(CoachBot(world.db, GuildDefaults(), home_guild_id=world.guild.id, clock=env.now))

    said = words(await in_private(world.student, "sessions"))
    in_the_other = words(reply(await there.slash(hall, "sessions")))

    assert "With Cara in Academy" in said
    assert "Elsewhere" not in said
    assert in_the_other.startswith("I work in another server only.")


async def test_the_time_zone_is_set_for_all_servers(world: Academy) -> None:
    said = words(await in_private(world.student, "timezone", place="Mumbai"))

    assert "### Your time zone is Asia/Kolkata" in said
    assert "You chose it." in words(reply(await world.student.slash(world.lobby, "timezone")))


async def test_a_coach_reads_the_zone_of_their_hours_by_server(world: Academy) -> None:
    said = words(await in_private(world.coach, "timezone", place="Tokyo"))

    assert "Your hours as a coach in **Academy** stay in Europe/Berlin." in said
    assert "use `/availability` there." in said


async def test_without_a_zone_the_only_server_or_none_decides(world: Academy) -> None:
    await world.book(world.student, "14:00")
    member, stranger = [words(await in_private(who, "timezone")) for who in (world.student, world.outsider)]

    assert "### Your time zone is Europe/Berlin" in member
    assert "It's the server's time zone." in member
    assert stranger.startswith("### You haven't chosen a time zone")
    assert await world.count(CoachingSession) == 1


async def test_a_zone_typed_there_can_be_fixed(world: Academy) -> None:
    panel = await in_private(world.student, "timezone")

    refused = await fill(world.student.user, panel, "Change…", {"City or time zone": "Mars"})
    fixed = await fill(world.student.user, refused, "Fix it", {"City or time zone": "Lisbon"})

    assert "### Your time zone is Europe/Lisbon" in words(fixed)
