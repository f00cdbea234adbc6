"""`/coaching health`, `/coaching run` and `/coaching session`: what admins read and can press."""

from typing import Any

import pytest

from cogs.reports import audit_words, health
from cogs.ui.text import cut_our_text
from models import Coach, CoachingSession, NotificationKind, SessionStatus
from scheduler.notifications import admin_alerts
from scheduler.notifications.bot_removal import REMOVED
from tests.cogs.setup.test_panel import all_but, give
from tests.support import builders
from tests.support.simulated import Academy, reply, words


async def panel(world: Academy, command: str, **options: Any) -> Any:
    """Run a command as the admin."""
    return reply(await world.admin.slash(world.lobby, f"coaching {command}", **options))


async def change_session(world: Academy, session_id: int, **changed: Any) -> None:
    """Write to the session's row, as if background checks had run late or failed."""
    async with world.db.begin() as session:
        row = await session.get_one(CoachingSession, session_id)
        for name, value in changed.items():
            setattr(row, name, value)


@pytest.fixture
async def booked(world: Academy) -> CoachingSession:
    """A session at 11:00, in two hours."""
    await world.already_open()
    return await world.book(world.student, "11:00", notes="The bridge.")


@pytest.mark.usefixtures("booked")
async def test_nothing_is_red_while_all_is_well(world: Academy) -> None:
    said = words(await panel(world, "health"))

    assert "🔴" not in said
    assert "**Background checks** last ran" in said
    assert "1 upcoming" in said


async def test_a_late_background_check_is_red(world: Academy, booked: CoachingSession) -> None:
    await change_session(world, booked.id, next_step_at=world.now - world.minutes(10))

    said = words(await panel(world, "health"))

    assert "🔴 **Overdue** 1 session needs a background check." in said


async def test_a_failing_session_is_listed_with_the_command_for_details(
    world: Academy, booked: CoachingSession
) -> None:
    await change_session(
        world, booked.id, last_error="can't create the room: I'm missing **Manage Channels**", attempts=2
    )

    said = words(await panel(world, "health"))

    assert f"🔴 **Session** `{booked.code}` can't create the room: I'm missing **Manage Channels**." in said
    assert f"`/coaching session` `{booked.code}`" in said


async def test_bold_type_in_failures_is_shown_everywhere(world: Academy, booked: CoachingSession) -> None:
    await change_session(world, booked.id, starts_at=world.now + world.minutes(10), next_step_at=world.now)
    give(world, all_but("manage_channels"))
    await world.env.settle()
    async with world.db.begin() as session:
        coach = await session.get_one(Coach, (world.guild.id, world.coach.id))
        coach.role_error = "I'm missing **Manage Roles**"

    said = [words(await panel(world, "run")), words(await panel(world, "health"))]
    said += [words(await panel(world, "session", code=booked.code)), words(await panel(world, "sessions"))]
    said += [words(await panel(world, "coaches", member=world.coach))]

    assert ["**Manage" in one for one in said] == [True] * 5
    assert ["\\*" in one for one in said] == [False] * 5


@pytest.mark.parametrize(
    ("most", "shown"),
    [
        (39, "I'm missing **Manage Channels** in here"),
        (38, "I'm missing Manage Channels in here"),
        (35, "I'm missing Manage Channels in here"),
        (34, "I'm missing Manage Channels in he…"),
    ],
)
def test_bold_type_is_dropped_from_text_that_is_too_long(most: int, shown: str) -> None:
    assert cut_our_text("I'm missing **Manage Channels** in here", most) == shown


def test_single_asterisks_are_escaped() -> None:
    assert cut_our_text(r"**Role** *Cara* and \*Stu\*", 100) == r"**Role** \*Cara\* and \*Stu\*"


async def test_running_the_checks_by_hand_shows_what_they_did(world: Academy, booked: CoachingSession) -> None:
    await change_session(world, booked.id, starts_at=world.now + world.minutes(10), next_step_at=world.now)

    said = words(await panel(world, "run"))

    assert f"✓ {booked.code} make\\_room" in said
    assert world.room(booked.code) is not None


async def test_the_panel_works_after_a_restart(world: Academy) -> None:
    await world.already_open()
    shown = await panel(world, "health")
    await world.restart()

    again = reply(await world.admin.click(shown, label="Refresh"))
    ran = reply(await world.admin.click(again, label="Run background checks now"))

    assert "There was nothing to do." in words(ran)


async def test_a_session_shows_its_entries_and_messages(world: Academy, booked: CoachingSession) -> None:
    said = words(await panel(world, "session", code=booked.code))

    assert f"session booked by <@{world.student.id}>" in said
    assert f"booking confirmation to <@{world.coach.id}>" in said
    assert f"reminder to <@{world.student.id}>" in said
    assert "**Next check**" in said
    assert "Their private room opens 5 minutes before the start." in said
    assert "joined" not in said


async def test_a_sessions_details_say_who_has_joined_once_the_room_is_open(
    world: Academy, booked: CoachingSession
) -> None:
    await world.wait_until(booked.starts_at - world.minutes(4))

    said = words(await panel(world, "session", code=booked.code))

    assert "**Student** hasn't joined yet" in said
    assert "room created" in said
    assert f"link to the room to <@{world.student.id}>" in said


def test_no_shows_are_written_with_a_hyphen() -> None:
    actions = "session_no_show", "no_show_marked", "no_show_withdrawn", "no_show_appealed"
    written = [*map(audit_words.action, actions), *map(audit_words.message, NotificationKind)]

    assert sum("no-show" in words for words in written) == len(actions) + 1
    assert not any("no show" in words for words in written)


def test_what_became_of_a_workshop_is_written_with_its_seats() -> None:
    too_few = "workshop_cancelled_too_few"

    assert audit_words.action(too_few) == "workshop cancelled, too few people"

    def unnamed(*_: object) -> str:
        raise AssertionError("no place is named here")

    assert audit_words.details(too_few, {"seats": 2, "least": 3}, unnamed) == "Seats taken: 2 of at least 3"
    assert audit_words.details("workshop_changed", {"seats": 5}, unnamed) == "Seats: 5"


async def test_repairing_a_room_lets_in_only_its_two_people(world: Academy, booked: CoachingSession) -> None:
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


async def test_a_failed_session_is_retried_at_once(world: Academy, booked: CoachingSession) -> None:
    await world.wait_until(booked.starts_at - world.minutes(14))
    later = world.now + world.minutes(9)
    await change_session(world, booked.id, next_step_at=later, last_error="Discord did not answer", attempts=4)
    shown = await panel(world, "session", code=booked.code)
    assert "🔴 **Failed** 4 times in a row: Discord did not answer" in words(shown)

    said = words(reply(await world.admin.click(shown, label="Retry now")))

    assert "**Failed**" not in said
    assert (await world.sessions())[0].last_error is None


async def test_work_that_was_never_tried_has_not_failed(world: Academy, booked: CoachingSession) -> None:
    await change_session(world, booked.id, last_error=REMOVED)

    said = words(await panel(world, "session", code=booked.code))

    assert "🔴 **Not done**: the bot was not in the server" in said
    assert "**Failed**" not in said


async def test_an_admin_cancels_from_the_sessions_details(world: Academy, booked: CoachingSession) -> None:
    shown = await panel(world, "session", code=booked.code)

    form = await world.admin.click(shown, label="Cancel…")
    await world.admin.submit_modal(form, {"Reason": "The coach is ill."})

    assert (await world.sessions())[0].status is SessionStatus.CANCELLED


@pytest.mark.parametrize("command", ["health", "run", "session"])
async def test_only_admins_can_use_the_commands(world: Academy, command: str) -> None:
    options = {"code": "abc"} if command == "session" else {}

    result = await world.student.slash(world.lobby, f"coaching {command}", **options)

    assert "Only admins" in words(reply(result))


async def test_only_admins_can_use_a_sessions_buttons(world: Academy, booked: CoachingSession) -> None:
    for custom_id in (f"story:retry:{booked.id}", f"story:repair:{booked.id}", f"story:show:{booked.id}"):
        result = await world.press_custom_id(world.student, custom_id)
        assert "Only admins" in words(reply(result))

    assert (await world.sessions())[0].updated_at == booked.updated_at


async def test_an_unknown_code_is_refused(world: Academy) -> None:
    assert "No session on this server has that code" in words(await panel(world, "session", code="zzz"))


async def test_a_missing_room_counts_even_if_the_session_was_cancelled(
    world: Academy, booked: CoachingSession
) -> None:
    missed = {"missed_at": world.now, "status": SessionStatus.CANCELLED, "next_step_at": None}
    await change_session(world, booked.id, **missed)

    said = words(await panel(world, "health"))

    assert "🟡 **Rooms** 0 of 1 sessions had one in the last 7 days" in said


async def test_the_panel_fits_into_a_message_when_everything_fails(world: Academy) -> None:
    await world.set_up()
    why = "can't create the room: I'm missing **Manage Channels** in the server: give it to my role. " * 5
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
        said = words(await panel(world, command))  # `reply` checks the limits

        assert said.count("… and ") == 4
        for kind in ("**Session**", "**Coach role**", "**Time zone**", "since <t:"):
            assert kind in said


def test_a_run_with_many_failures_shows_the_first() -> None:
    failures = [f"code{number} make_room: {'I lack it. ' * 50}" for number in range(20)]

    told = health.just_done([], failures)

    assert len(told) <= health.MOST_JUST_NOW
    assert told.startswith("✗ code0 make_room: I lack it.")
    assert told.endswith("… and 19 more")


async def test_only_admins_get_session_codes_suggested(world: Academy, booked: CoachingSession) -> None:
    found = await world.admin.autocomplete(world.lobby, "coaching session", "code", booked.code[:3])
    other = await world.admin.autocomplete(world.lobby, "coaching session", "code", "%")
    hidden = await world.student.autocomplete(world.lobby, "coaching session", "code", "")

    assert [one["value"] for one in found] == [booked.code]
    assert found[0]["name"].startswith(f"{booked.code} · ")
    assert (other, hidden) == ([], [])
