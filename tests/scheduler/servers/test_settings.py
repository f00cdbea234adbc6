"""A server's settings: their defaults, and what follows when an admin changes them."""

import asyncio
from datetime import datetime
from functools import partial
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models import (
    AccessMode,
    AuditEntry,
    Coach,
    CoachingSession,
    CoachStatus,
    Guild,
    Notification,
    NotificationKind,
    Specialty,
)
from models.storage.database import Database
from scheduler.core.actor import Actor
from scheduler.core.errors import NotAllowed, Unreadable
from scheduler.servers import settings
from scheduler.servers.settings import FIRST_SPECIALTIES, GuildChanges, GuildDefaults
from tests.support.builders import (
    ADMIN,
    COACH,
    GUILD,
    HOUR,
    MINUTE,
    MONDAY,
    FakeClock,
    a_coach,
    a_guild,
    a_notification,
    a_session,
    everything,
    refusal,
)
from tests.support.fakes import FakeDiscord
from tests.support.rounds import advance_due
from tests.support.transactions import fetch, fetch_all, fetch_only, query, transact

DEFAULTS = GuildDefaults(time_zone="Europe/Berlin", currency="EUR", room_lead_minutes=20)


async def change(session: AsyncSession, actor: Actor = ADMIN, **wanted: Any) -> None:
    """Change settings of the server, an hour after it was set up."""
    guild = await session.get_one(Guild, GUILD)
    changes = GuildChanges(**wanted)
    await settings.change(session, guild, actor, changes, MONDAY + HOUR)


async def guild(db: Database) -> Guild:
    return await fetch(db, Guild, GUILD)


# Before anybody has changed anything.


async def test_a_server_that_nobody_has_used_yet_looks_as_it_will_when_somebody_has(db: Database) -> None:
    async with db.read() as session:
        before = await settings.look_up(session, GUILD, GuildDefaults())
        looked_at = {column.key: getattr(before, column.key) for column in Guild.__table__.columns}
    made = await transact(db, settings.ensure, GUILD, GuildDefaults(), MONDAY)

    used = {column.key: getattr(made, column.key) for column in Guild.__table__.columns}
    assert looked_at | {"created_at": MONDAY} == used


async def test_looking_at_a_new_server_shows_the_defaults_and_writes_nothing(db: Database) -> None:
    before = await everything(db)

    seen = await transact(db, settings.look_up, GUILD, DEFAULTS)

    assert (seen.id, seen.time_zone, seen.currency, seen.room_lead_minutes) == (GUILD, "Europe/Berlin", "EUR", 20)
    assert await everything(db) == before


async def test_a_server_that_is_used_gets_a_row_and_the_first_specialties(db: Database) -> None:
    made = await transact(db, settings.ensure, GUILD, DEFAULTS, MONDAY)

    assert (made.time_zone, made.access_lead_minutes, made.created_at) == ("Europe/Berlin", 5, MONDAY)
    assert await query(db, settings.specialties, GUILD) == list(FIRST_SPECIALTIES)


async def test_a_server_that_has_a_row_keeps_it_whatever_the_defaults_say(db: Database) -> None:
    await transact(db, a_guild, currency="INR")
    before = await everything(db)

    async with db.begin() as session:
        found = await settings.ensure(session, GUILD, DEFAULTS, MONDAY)
        seen = await settings.look_up(session, GUILD, DEFAULTS)

    assert (found.currency, seen.currency) == ("INR", "INR")
    assert await everything(db) == before


async def test_a_server_that_is_used_by_many_at_once_for_the_first_time_gets_one_row(db: Database) -> None:
    async def use() -> datetime:
        return (await transact(db, settings.ensure, GUILD, DEFAULTS, MONDAY)).created_at

    assert set(await asyncio.gather(*(use() for _ in range(8)))) == {MONDAY}

    async with db.read() as session:
        assert len((await session.scalars(select(Specialty))).all()) == len(FIRST_SPECIALTIES)


async def test_a_server_without_a_row_teaches_the_first_specialties(db: Database) -> None:
    assert await query(db, settings.specialties, GUILD) == list(FIRST_SPECIALTIES)


async def test_no_more_specialties_are_offered_than_a_select_holds(db: Database) -> None:
    await transact(db, a_guild)
    async with db.begin() as session:
        session.add_all(Specialty(guild_id=GUILD, name=f"Style {number}") for number in range(30))

    assert len(await query(db, settings.specialties, GUILD)) == 25


# Changing.


async def test_only_what_is_named_changes(db: Database) -> None:
    await transact(db, a_guild)

    await transact(db, change, time_zone="berlin", currency="eur", linger_minutes=0)

    changed = await guild(db)
    assert (changed.time_zone, changed.currency, changed.linger_minutes) == ("Europe/Berlin", "EUR", 0)
    assert (changed.room_lead_minutes, changed.coach_role_id, changed.review_channel_id) == (15, 77, 88)
    entry = await fetch_only(db, select(AuditEntry))
    assert (entry.action, entry.actor_id) == ("settings_changed", ADMIN.user_id)
    assert entry.details == {"time_zone": "Europe/Berlin", "currency": "EUR", "linger_minutes": 0}


async def test_changing_nothing_writes_nothing(db: Database) -> None:
    await transact(db, a_guild)
    before = await everything(db)

    await transact(db, change)

    assert await everything(db) == before


async def test_only_admins_change_settings(db: Database) -> None:
    await transact(db, a_guild)

    refused = await refusal(db, NotAllowed, partial(change, actor=Actor(COACH), currency="EUR"))

    assert str(refused) == ("Only admins can do this. Ask someone with Manage Server.")


@pytest.mark.parametrize(
    ("wanted", "sentence"),
    [
        (
            {"currency": "EUR", "time_zone": "Narnia"},
            'I don\'t know the time zone "Narnia". Type one like Europe/Berlin or UTC, or a city like Munich.',
        ),
        (
            {"time_zone": "Berlin", "currency": "Taler"},
            '"Taler" isn\'t a currency. Type a three-letter code, like USD, EUR or INR.',
        ),
        (
            {"access_lead_minutes": 16},
            "The room can't open 16 minutes before the start if it's created 15 minutes before. Create it "
            "earlier, or open it later.",
        ),
        (
            {"room_lead_minutes": 4},
            "The room can't open 5 minutes before the start if it's created 4 minutes before. Create it earlier, "
            "or open it later.",
        ),
        ({"most_upcoming": 101}, '"101" isn\'t a whole number from 1 to 100. Type another one.'),
        ({"linger_minutes": 1441}, '"1 day 1 minute" is out of range. Type 0 minutes to 1 day.'),
        ({"payment_instructions": "x" * 301}, "That's 301 characters. Shorten it to 300."),
    ],
    ids=["zone", "currency", "access before the room", "room after access", "number", "length", "text"],
)
async def test_settings_that_cannot_be_are_refused_as_a_whole(
    db: Database, wanted: dict[str, Any], sentence: str
) -> None:
    await transact(db, a_guild)

    refused = await refusal(db, Unreadable, partial(change, **wanted))

    assert str(refused) == sentence


async def test_lead_times_may_be_equal_and_zero(db: Database) -> None:
    await transact(db, a_guild)

    await transact(db, change, room_lead_minutes=0, access_lead_minutes=0)

    assert (await guild(db)).room_lead_minutes == 0


async def test_two_admins_who_change_different_settings_at_once_both_succeed(db: Database) -> None:
    await transact(db, a_guild)

    async def press(**wanted: Any) -> None:
        await transact(db, change, **wanted)

    await asyncio.gather(press(currency="EUR"), press(linger_minutes=30))

    changed = await guild(db)
    assert (changed.currency, changed.linger_minutes) == ("EUR", 30)


# What had to wait.


async def test_a_new_coach_role_is_due_for_this_servers_coaches(db: Database) -> None:
    async with db.begin() as session:
        await a_guild(session)
        await a_guild(session, id=GUILD + 1)
        await a_coach(session, user_id=1, hours=(), role_attempts=4, role_error="too low")
        await a_coach(session, user_id=2, hours=(), status=CoachStatus.PENDING)
        await a_coach(session, user_id=3, hours=(), guild_id=GUILD + 1)

    await transact(db, change, coach_role_id=78)

    found = {one.user_id: one for one in await fetch_all(db, select(Coach))}
    assert {user_id: one.role_due_at for user_id, one in found.items()} == {1: MONDAY + HOUR, 2: None, 3: None}
    assert (found[1].role_attempts, found[1].role_error) == (0, None)


async def test_cards_of_open_applications_are_due_when_there_is_a_review_channel(db: Database) -> None:
    async with db.begin() as session:
        await a_guild(session)
        await a_guild(session, id=GUILD + 1)
        for guild_id in (GUILD, GUILD + 1):
            await a_coach(session, guild_id=guild_id, status=CoachStatus.PENDING)
        await a_coach(session, user_id=COACH + 1)
        given_up = {"due_at": None, "given_up_at": MONDAY, "attempts": 1, "last_error": "no channel"}
        card = {"kind": NotificationKind.APPLICATION_CARD, "user_id": None, "coach_id": COACH}
        ids = {
            "older": (await a_notification(session, **card, **given_up)).id,
            "newest": (await a_notification(session, **card, **given_up)).id,
            "decided": (await a_notification(session, **card | {"coach_id": COACH + 1}, **given_up)).id,
            "a message": (await a_notification(session, **given_up)).id,
            "elsewhere": (await a_notification(session, guild_id=GUILD + 1, **card, **given_up)).id,
        }

    await transact(db, change, review_channel_id=89)

    found = {one.id: one for one in await fetch_all(db, select(Notification))}
    assert [name for name, notification_id in ids.items() if found[notification_id].due_at is not None] == [
        "newest"
    ]
    newest = found[ids["newest"]]
    assert (newest.due_at, newest.given_up_at, newest.attempts) == (MONDAY + HOUR, None, 0)
    assert newest.last_error is None


async def test_a_card_moves_to_a_new_review_channel_and_stays_in_the_same_one(db: Database) -> None:
    async with db.begin() as session:
        await a_guild(session, review_channel_id=88)
        await a_coach(session, status=CoachStatus.PENDING)
        shown = {"channel_id": 88, "message_id": 5, "sent_at": MONDAY, "tried_at": MONDAY, "due_at": None}
        await a_notification(
            session, kind=NotificationKind.APPLICATION_CARD, user_id=None, coach_id=COACH, **shown
        )

    seen: list[tuple[datetime | None, int | None]] = []
    for channel_id in (88, 89):
        await transact(db, change, review_channel_id=channel_id)
        card = await fetch_only(db, select(Notification))
        seen.append((card.due_at, card.message_id))

    assert seen == [(None, 5), (MONDAY + HOUR, None)]


async def planned(db: Database) -> dict[int, datetime | None]:
    """When the loop looks at each session again, after it has looked once."""
    await advance_due(db, FakeDiscord(), FakeClock(MONDAY + HOUR))
    return {one.student_id: one.next_step_at for one in await fetch_all(db, select(CoachingSession))}


@pytest.mark.parametrize("room", [30, 15, 5])
async def test_new_lead_times_hold_for_sessions_that_are_booked_already(db: Database, room: int) -> None:
    starts_at = MONDAY + 3 * HOUR
    async with db.begin() as session:
        await a_guild(session)
        await a_coach(session, hours=())
        await a_session(session, starts_at=starts_at, student_id=1)

    await transact(db, change, room_lead_minutes=room, access_lead_minutes=5)

    assert await planned(db) == {1: starts_at - room * MINUTE}


async def test_another_grace_time_holds_for_sessions_that_are_under_way(db: Database) -> None:
    async with db.begin() as session:
        await a_guild(session)
        await a_coach(session, hours=())
        await a_session(session, next_step_at=MONDAY + 9 * HOUR)

    await transact(db, change, no_show_grace_minutes=0)

    assert await fetch_only(db, select(CoachingSession.next_step_at)) == MONDAY + HOUR
    assert (await guild(db)).no_show_grace_minutes == 0


@pytest.mark.parametrize(
    "wanted",
    [{"room_lead_minutes": 20}, {"access_lead_minutes": 10}, {"linger_minutes": 0}, {"no_show_grace_minutes": 0}],
)
async def test_whatever_a_sessions_steps_depend_on_has_them_planned_again(
    db: Database, wanted: dict[str, Any]
) -> None:
    async with db.begin() as session:
        await a_guild(session)
        await a_coach(session, hours=())
        await a_session(session, next_step_at=MONDAY + 9 * HOUR)

    await transact(db, change, **wanted)

    assert await fetch_only(db, select(CoachingSession.next_step_at)) == MONDAY + HOUR


async def test_payment_instructions_are_not_written_into_the_audit_log(db: Database) -> None:
    await transact(db, a_guild)

    await transact(db, change, payment_instructions="IBAN DE02")

    assert (await guild(db)).payment_instructions == "IBAN DE02"
    assert await fetch_only(db, select(AuditEntry.details)) == {"payment_instructions": "changed"}


async def test_what_follows_a_session_is_changed_and_written_down(db: Database) -> None:
    await transact(db, a_guild, reminder_minutes=[60])
    wanted = {
        "reminder_minutes": [],
        "access_mode": AccessMode.ROLE,
        "keep_after_departure": True,
        "log_channel_id": 5,
    }

    await transact(db, change, **wanted)

    changed = await guild(db)
    assert {name: getattr(changed, name) for name in wanted} == wanted
    assert changed.fallback_channel_id is None
    assert await fetch_only(db, select(AuditEntry.details)) == wanted


async def test_new_lead_times_leave_other_servers_and_finished_sessions_alone(db: Database) -> None:
    starts_at = MONDAY + 3 * HOUR
    async with db.begin() as session:
        for guild_id in (GUILD, GUILD + 1):
            await a_guild(session, id=guild_id)
            await a_coach(session, guild_id=guild_id, hours=())
        await a_session(session, starts_at=starts_at, student_id=1, guild_id=GUILD + 1)
        await a_session(session, starts_at=MONDAY - 3 * HOUR, student_id=2, next_step_at=None)

    await transact(db, change, room_lead_minutes=30)

    found = {one.student_id: one.next_step_at for one in await fetch_all(db, select(CoachingSession))}
    assert found == {1: starts_at - 15 * MINUTE, 2: None}
