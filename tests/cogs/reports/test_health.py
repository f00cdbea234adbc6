"""`/coaching health`, `/coaching run` and `/coaching session`: what admins read and can press."""

from typing import Any

import pytest

from cogs.reports import health
from cogs.ui.text import our_own
from models import Coach, CoachingSession, SessionStatus
from scheduler.notifications import admin_alerts
from scheduler.notifications.bot_removal import NOTE
from tests.cogs.setup.test_panel import all_but, give
from tests.support import builders
from tests.support.simulated import Academy, reply, words


async def panel(world: Academy, command: str, **options: Any) -> Any:
    """The answer to an admin's command."""
    return reply(await world.admin.slash(world.lobby, f"coaching {command}", **options))


async def overdue(world: Academy, session_id: int, **changed: Any) -> None:
    """As if the loop had not come to it."""
    async with world.db.begin() as session:
        row = await session.get_one(CoachingSession, session_id)
        for name, value in changed.items():
            setattr(row, name, value)


async def test_where_all_is_well_nothing_is_red(world: Academy) -> None:
    await world.already_open()
    await world.book(world.student, "11:00")

    said = words(await panel(world, "health"))

    assert "🔴" not in said
    assert "**Background checks** last ran" in said
    assert "1 upcoming" in said


async def test_a_loop_that_stands_still_and_a_step_that_is_late_are_red(world: Academy) -> None:
    await world.already_open()
    booked = await world.book(world.student, "11:00")
    await overdue(world, booked.id, next_step_at=world.now - world.minutes(10))

    said = words(await panel(world, "health"))

    assert "🔴 **Overdue** 1" in said


async def test_what_fails_is_named_with_the_command_that_tells_more(world: Academy) -> None:
    await world.already_open()
    booked = await world.book(world.student, "11:00")
    await overdue(world, booked.id, last_error="cannot make the room: I lack **Manage Channels**", attempts=2)

    said = words(await panel(world, "health"))

    assert f"🔴 **Session** `{booked.code}` cannot make the room: I lack **Manage Channels**." in said
    assert f"/coaching session {booked.code}" in said


async def test_bold_type_is_bold_wherever_admins_read_what_fails(world: Academy) -> None:
    await world.already_open()
    booked = await world.book(world.student, "11:00")
    await overdue(world, booked.id, starts_at=world.now + world.minutes(10), next_step_at=world.now)
    give(world, all_but("manage_channels"))
    await world.env.settle()
    async with world.db.begin() as session:
        coach = await session.get_one(Coach, (world.guild.id, world.coach.id))
        coach.role_error = "I lack **Manage Roles**"

    said = [words(await panel(world, "run")), words(await panel(world, "health"))]
    said += [words(await panel(world, "session", code=booked.code)), words(await panel(world, "sessions"))]
    said += [words(await panel(world, "coaches", member=world.coach))]

    assert ["**Manage" in one for one in said] == [True] * 5
    assert ["\\*" in one for one in said] == [False] * 5


@pytest.mark.parametrize(
    ("most", "shown"),
    [
        (34, "I lack **Manage Channels** in here"),
        (33, "I lack Manage Channels in here"),
        (30, "I lack Manage Channels in here"),
        (29, "I lack Manage Channels in he…"),
    ],
)
def test_a_text_of_ours_that_is_too_long_is_cut_without_bold_type(most: int, shown: str) -> None:
    assert our_own("I lack **Manage Channels** in here", most) == shown


def test_a_star_that_is_no_bold_type_is_shown_as_a_star() -> None:
    assert our_own(r"**Role** *Cara* and \*Stu\*", 100) == r"**Role** \*Cara\* and \*Stu\*"


async def test_running_by_hand_does_what_is_due_and_says_so(world: Academy) -> None:
    await world.already_open()
    booked = await world.book(world.student, "11:00")
    await overdue(world, booked.id, starts_at=world.now + world.minutes(10), next_step_at=world.now)

    said = words(await panel(world, "run"))

    assert f"✓ {booked.code} make\\_room" in said
    assert world.room(booked.code) is not None


async def test_the_same_panel_can_be_looked_at_again_and_run_from(world: Academy) -> None:
    await world.already_open()
    shown = await panel(world, "health")
    await world.restart()

    again = reply(await world.admin.click(shown, label="Look again"))
    ran = reply(await world.admin.click(again, label="Run background checks now"))

    assert "There was nothing to do." in words(ran)


async def test_a_session_tells_its_whole_story(world: Academy) -> None:
    await world.already_open()
    booked = await world.book(world.student, "11:00", notes="The bridge.")

    said = words(await panel(world, "session", code=booked.code))

    assert f"session booked by <@{world.student.id}>" in said
    assert f"session booked to <@{world.coach.id}>" in said
    assert f"session reminder to <@{world.student.id}>" in said
    assert "**Next step**" in said


async def test_a_room_is_repaired_with_exactly_its_two_people(world: Academy) -> None:
    await world.already_open()
    booked = await world.book(world.student, "11:00")
    await world.wait_until(booked.starts_at - world.minutes(4))
    room = world.room(booked.code)
    assert room is not None
    room._channel.overwrites.clear()
    assert world.sees(world.outsider, room)
    shown = await panel(world, "session", code=booked.code)

    said = words(reply(await world.admin.click(shown, label="Repair room")))

    assert "room repaired by" in said
    assert world.sees(world.student, world.room(booked.code))
    assert not world.sees(world.outsider, world.room(booked.code))


async def test_what_failed_is_tried_again_at_once(world: Academy) -> None:
    await world.already_open()
    booked = await world.book(world.student, "11:00")
    await world.wait_until(booked.starts_at - world.minutes(14))
    later = world.now + world.minutes(9)
    await overdue(world, booked.id, next_step_at=later, last_error="Discord did not answer", attempts=4)
    shown = await panel(world, "session", code=booked.code)
    assert "🔴 **Failed** 4 times in a row: Discord did not answer" in words(shown)

    said = words(reply(await world.admin.click(shown, label="Retry now")))

    assert "**Failed**" not in said
    assert (await world.sessions())[0].last_error is None


async def test_what_was_never_tried_has_not_failed_any_number_of_times(world: Academy) -> None:
    await world.already_open()
    booked = await world.book(world.student, "11:00")
    await overdue(world, booked.id, last_error=NOTE)

    said = words(await panel(world, "session", code=booked.code))

    assert "🔴 **Not done**: the bot was not in the server" in said
    assert "**Failed**" not in said


async def test_an_admin_cancels_from_the_story(world: Academy) -> None:
    await world.already_open()
    booked = await world.book(world.student, "11:00")
    shown = await panel(world, "session", code=booked.code)

    form = await world.admin.click(shown, label="Cancel…")
    await world.admin.submit_modal(form, {"Reason": "The coach is ill."})

    assert (await world.sessions())[0].status is SessionStatus.CANCELLED


@pytest.mark.parametrize("command", ["health", "run", "session"])
async def test_others_are_told_to_ask_an_admin(world: Academy, command: str) -> None:
    await world.already_open()
    options = {"code": "abc"} if command == "session" else {}

    result = await world.student.slash(world.lobby, f"coaching {command}", **options)

    assert "Only admins" in words(reply(result))


async def test_the_buttons_of_the_story_are_for_admins_only(world: Academy) -> None:
    await world.already_open()
    booked = await world.book(world.student, "11:00")

    for custom_id in (f"story:retry:{booked.id}", f"story:repair:{booked.id}", f"story:show:{booked.id}"):
        result = await world.press_custom_id(world.student, custom_id)
        assert "Only admins" in words(reply(result))

    assert (await world.sessions())[0].updated_at == booked.updated_at


async def test_a_code_that_is_none_is_said_to_be_none(world: Academy) -> None:
    await world.already_open()

    assert "No session on this server has that code" in words(await panel(world, "session", code="zzz"))


async def test_a_missing_room_counts_also_where_the_session_was_then_called_off(world: Academy) -> None:
    await world.already_open()
    booked = await world.book(world.student, "11:00")
    missed = {"missed_at": world.now, "status": SessionStatus.CANCELLED, "next_step_at": None}
    await overdue(world, booked.id, **missed)

    said = words(await panel(world, "health"))

    assert "of 1 sessions in 7 days, 1 had no room (0% had one)" in said


async def test_where_very_much_fails_the_panel_still_fits_into_a_message(world: Academy) -> None:
    await world.already_open()
    why = "cannot do what is due: I lack **Manage Channels** in the server: give it to my role. " * 5
    async with world.db.begin() as session:
        for number in range(6):
            coach: dict[str, Any] = {"user_id": 10**18 + number, "time_zone": "x" * 60, "role_error": why}
            await builders.a_coach(session, guild_id=world.guild.id, **coach)
            later = world.now + world.minutes(600)
            about: dict[str, Any] = {"coach_id": coach["user_id"], "student_id": 10**17 + number}
            failing = about | {"starts_at": later, "next_step_at": later, "last_error": why}
            await builders.a_session(session, guild_id=world.guild.id, **failing)
            await admin_alerts.raise_alert(session, world.guild.id, f"k{number}", why, world.now)

    for command in ("health", "run"):
        said = words(await panel(world, command))  # `reply` holds it against the limits

        assert said.count("… and ") == 4
        for kind in ("**Session**", "**Role**", "**Time zone**", "since <t:"):
            assert kind in said


def test_of_very_much_that_failed_just_now_the_first_is_told() -> None:
    failures = [f"code{number} make_room: {'I lack it. ' * 50}" for number in range(20)]

    told = health.just_done([], failures)

    assert len(told) <= health.MOST_JUST_NOW
    assert told.startswith("✗ code0 make_room: I lack it.")
    assert told.endswith("… and 19 more")


async def test_only_admins_are_offered_sessions_by_the_beginning_of_their_code(
    world: Academy,
) -> None:
    await world.already_open()
    booked = await world.book(world.student, "11:00")

    found = await world.admin.autocomplete(world.lobby, "coaching session", "code", booked.code[:3])
    other = await world.admin.autocomplete(world.lobby, "coaching session", "code", "%")
    hidden = await world.student.autocomplete(world.lobby, "coaching session", "code", "")

    assert [one["value"] for one in found] == [booked.code]
    assert found[0]["name"].startswith(f"{booked.code} · ")
    assert (other, hidden) == ([], [])
