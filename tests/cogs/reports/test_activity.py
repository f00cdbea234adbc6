"""`/coaching sessions` and `audit`, from the command to what admins read."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from models import CoachingSession, Guild, SessionStatus
from scheduler.availability import schedule
from scheduler.availability.booking_policy import default_policy
from scheduler.coaches import profiles
from scheduler.coaches.applications import ProfileInput
from scheduler.core import audit
from scheduler.core.actor import Actor
from scheduler.parsing.weekly_hours import Preset
from scheduler.servers import settings
from scheduler.servers.declarations import SETTINGS
from scheduler.servers.settings import GuildDefaults, unsaved, value_of
from tests.cogs.booking.people import Visitor
from tests.support import builders
from tests.support.reviewing import took_place
from tests.support.simulated import Academy, reply, words

pytestmark = pytest.mark.usefixtures("open_world")

HOUR = timedelta(hours=1)
ELSEWHERE = 77


async def booked(world: Academy, hours: int, **changed: Any) -> CoachingSession:
    """Store a session of Cara and Stu that starts in this many hours."""
    return await took_place(
        world, **{"status": SessionStatus.SCHEDULED, "starts_at": world.now + hours * HOUR} | changed
    )


async def elsewhere(world: Academy) -> CoachingSession:
    """Store a session of the same two people in another server."""
    async with world.db.begin() as session:
        await builders.a_guild(session, id=ELSEWHERE)
        await builders.a_coach(session, guild_id=ELSEWHERE, user_id=world.coach.id)
        return await builders.a_session(
            session, guild_id=ELSEWHERE, coach_id=world.coach.id, student_id=world.student.id, reserved=False
        )


def listed_codes(visitor: Visitor) -> list[str]:
    return [line.split("`")[1] for line in visitor.said.splitlines() if "`" in line]


async def test_sessions_are_listed_latest_first_in_pages(world: Academy) -> None:
    made = [(await booked(world, hours)).code for hours in range(-4, 4)]
    await elsewhere(world)
    ada = await Visitor(world, world.admin).slash("coaching sessions")

    assert listed_codes(ada) == made[:1:-1]
    await ada.press("Older ▶")
    assert listed_codes(ada) == made[1::-1]
    await ada.press("◀ Newer")
    assert listed_codes(ada) == made[:1:-1]


async def test_every_page_is_filtered_by_status_or_person(world: Academy) -> None:
    missed = [(await booked(world, -hours, status=SessionStatus.NO_SHOW)).code for hours in range(3, 11)]
    hers = await booked(world, 1, student=world.other_student)
    ada = Visitor(world, world.admin)

    await ada.slash("coaching sessions", status="no-show")
    assert "### Sessions (no-show), latest first" in ada.said
    assert listed_codes(ada) == missed[:6]
    await ada.press("Older ▶")
    assert listed_codes(ada) == missed[6:]
    await ada.slash("coaching sessions", member=world.other_student)
    assert listed_codes(ada) == [hers.code]
    await ada.slash("coaching sessions", status="cancelled", member=world.other_student)
    assert "No sessions here." in ada.said


async def test_a_sessions_details_open_beside_the_list(world: Academy) -> None:
    one = await booked(world, 1, last_error="the category is *full*")
    ada = await Visitor(world, world.admin).slash("coaching sessions")
    listed = ada.panel
    assert r"🔴 the category is \*full\*" in ada.said

    await ada.press("Details")

    assert ada.panel.id != listed.id
    assert f"Code `{one.code}`" in ada.said


async def test_the_audit_log_shows_who_did_what_to_whom_and_when(world: Academy) -> None:
    one = await booked(world, 1)
    async with world.db.begin() as session:
        about: dict[str, Any] = {"at": world.now + HOUR, "session_id": one.id}
        audit.record(session, one.guild_id, "room_made", **about)
        by_stu = {"actor_id": world.student.id, "coach_id": world.coach.id}
        audit.record(session, one.guild_id, "session_cancelled", **about, **by_stu)
    ada = await Visitor(world, world.admin).slash("coaching audit")
    at = f"<t:{int((world.now + HOUR).timestamp())}:f>"

    first, second, *earlier = ada.said.splitlines()[1:]
    stu, cara = world.student.mention, world.coach.mention
    assert first == f"{at} session cancelled by {stu}, coach {cara} · `{one.code}`"
    assert second == f"{at} room created · `{one.code}`"
    assert any("application approved" in line for line in earlier)
    await ada.slash("coaching audit", member=world.student)
    assert [line for line in ada.said.splitlines() if line.startswith("<t:")] == [first]


async def audited(world: Academy) -> list[str]:
    """Return the lines of the audit log as the admin reads them, newest first, without their times."""
    ada = await Visitor(world, world.admin).slash("coaching audit")
    return [line.partition(" ")[2] for line in ada.said.splitlines() if line.startswith("<t:")]


async def test_changed_settings_are_shown_from_what_to_what_by_label(world: Academy) -> None:
    before = await audited(world)
    await world.admin.slash(world.lobby, "coaching set", setting="Currency", value="EUR")
    await world.choose(room_lead_minutes=30, access_lead_minutes=10, payment_instructions="By bank transfer")
    await world.choose(log_channel_id=world.review.id)
    async with world.db.begin() as session:
        details = {"most_coming": 3, "colour": 1}
        old = {"at": world.now, "actor_id": world.admin.id, "details": details}
        audit.record(session, world.guild.id, "settings_changed", **old)

    lines = (await audited(world))[: -len(before)]

    by_ada = f"settings changed by {world.admin.mention}"
    assert lines == [
        f"{by_ada}: Upcoming sessions per student: 3",
        f"{by_ada}: Alerts channel: not set → #{world.review.name}",
        f"{by_ada}: Room created before the start: 15 min → 30 min; "
        "Room opens before the start: 5 min → 10 min; Payment instructions: not set → set",
        f"{by_ada}: Currency: USD → EUR",
    ]


async def test_choosing_what_is_already_set_is_no_change(world: Academy) -> None:
    before = await audited(world)

    await world.choose(review_channel_id=world.review.id)

    assert await audited(world) == before


async def test_other_changes_are_shown_with_their_values_and_reasons(world: Academy) -> None:
    cara, at = Actor(world.coach.id), world.now
    async with world.db.begin() as session:
        guild = await session.get_one(Guild, world.guild.id)
        ada, rules = Actor(world.admin.id, is_admin=True), default_policy(guild)
        await settings.set_presets(session, guild, ada, [Preset("Night", 22 * 60, 24 * 60)], at)
        await settings.set_default_policy(session, guild, ada, replace(rules, daily_limit=3), at)
        await schedule.change_zone(session, guild.id, cara, "Asia/Tokyo", at, same_instants=False)
        await profiles.edit(
            session, guild.id, cara, ProfileInput("Cara", "Hi", "Ten years", ("Mixing",), "75.50"), at
        )
        who = {"actor_id": ada.user_id, "member_id": world.student.id}
        details = {"from": ["booking"], "reason": "*Spam*"}
        audit.record(session, guild.id, "member_blocked", at=at, details=details, **who)

    lines = (await audited(world))[:5]

    assert [line.partition(": ")[::2] for line in lines] == [
        (
            f"member blocked by {world.admin.mention}, about {world.student.mention}",
            r"From booking; Reason: \*Spam\*",
        ),
        (f"profile edited by {world.coach.mention}", "Rate: $60.00 → $75.50"),
        (f"zone changed by {world.coach.mention}", "Europe/Berlin → Asia/Tokyo"),
        (
            f"rules for new coaches changed by {world.admin.mention}",
            "Limits: none → 3 a day",
        ),
        (
            f"presets changed by {world.admin.mention}",
            "Morning 08:00–12:00, Afternoon 12:00–17:00, Evening 17:00–21:00 → Night 22:00–24:00",
        ),
    ]


async def test_times_in_the_audit_log_are_on_the_readers_clock(world: Academy) -> None:
    async with world.db.begin() as session:
        guild, ada = await session.get_one(Guild, world.guild.id), Actor(world.admin.id, is_admin=True)
        await settings.set_presets(session, guild, ada, [Preset("Night", 22 * 60, 24 * 60)], world.now)
    world.languages[world.admin.id] = "en-US"

    [line, *_] = await audited(world)

    assert line.endswith(": Morning 8 AM–12 PM, Afternoon 12 PM–5 PM, Evening 5 PM–9 PM → Night 10 PM–12 AM")


async def test_a_page_of_the_audit_log_fits_the_longest_changes(world: Academy) -> None:
    guild = unsaved(world.guild.id, GuildDefaults())
    defaults = {one.column: value_of(guild, one) for one in SETTINGS}
    async with world.db.begin() as session:
        for _ in range(11):
            details = {column: {"from": value, "to": value} for column, value in defaults.items()}
            people = {"actor_id": 2**63 - 1, "coach_id": 2**63 - 2, "member_id": 2**63 - 3}
            audit.record(session, world.guild.id, "settings_changed", at=world.now, details=details, **people)

    ada = await Visitor(world, world.admin).slash("coaching audit")

    assert ada.said.count("…") == 10


@pytest.mark.parametrize("command", ["coaching sessions", "coaching audit"])
async def test_a_single_page_has_no_page_buttons(world: Academy, command: str) -> None:
    ada = await Visitor(world, world.admin).slash(command)

    assert not {"◀ Newer", "Older ▶"} & set(ada.buttons)


async def test_only_admins_see_sessions_and_the_audit_log(world: Academy) -> None:
    one = await booked(world, 1)

    answers = [
        await world.coach.slash(world.lobby, "coaching sessions"),
        await world.coach.slash(world.lobby, "coaching audit"),
        await world.press_custom_id(world.coach, "records:sessions:0:0:1"),
        await world.press_custom_id(world.coach, "records:audit:0:1"),
        await world.press_custom_id(world.coach, f"story:open:{one.id}"),
    ]

    assert {words(reply(answer)).split(".")[0] for answer in answers} == {"Only admins can do this"}


async def test_a_tampered_page_number_shows_an_empty_page(world: Academy) -> None:
    answer = await world.press_custom_id(world.admin, f"records:sessions:99:0:{10**17}")

    assert "No sessions here." in words(reply(answer))
