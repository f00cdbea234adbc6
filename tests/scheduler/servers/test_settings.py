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
    a_server_with_a_coach,
    a_session,
    everything,
    refusal,
)
from tests.support.fakes import FakeDiscord
from tests.support.rounds import advance_due
from tests.support.transactions import fetch, fetch_all, fetch_only, query, transact

DEFAULTS = GuildDefaults(time_zone="Europe/Berlin", currency="EUR", room_lead_minutes=20)


async def change(session: AsyncSession, actor: Actor = ADMIN, **wanted: Any) -> None:
    """Change settings of the server, an hour after it was created."""
    guild = await session.get_one(Guild, GUILD)
    changes = GuildChanges(**wanted)
    await settings.change(session, guild, actor, changes, MONDAY + HOUR)


async def guild(db: Database) -> Guild:
    return await fetch(db, Guild, GUILD)


# Defaults.


async def test_a_servers_defaults_are_those_its_row_will_have(db: Database) -> None:
    shown = await query(db, settings.look_up, GUILD, GuildDefaults())
    created = await transact(db, settings.ensure, GUILD, GuildDefaults(), MONDAY)

    columns = [column.key for column in Guild.__table__.columns if column.key != "created_at"]
    assert [getattr(shown, key) for key in columns] == [getattr(created, key) for key in columns]


async def test_looking_up_a_new_server_returns_the_defaults_and_writes_nothing(db: Database) -> None:
    before = await everything(db)

    seen = await transact(db, settings.look_up, GUILD, DEFAULTS)

    assert (seen.id, seen.time_zone, seen.currency, seen.room_lead_minutes) == (GUILD, "Europe/Berlin", "EUR", 20)
    assert await everything(db) == before


async def test_a_new_server_gets_a_row_and_the_first_specialties(db: Database) -> None:
    assert await query(db, settings.specialties, GUILD) == list(FIRST_SPECIALTIES)

    made = await transact(db, settings.ensure, GUILD, DEFAULTS, MONDAY)

    assert (made.time_zone, made.access_lead_minutes, made.created_at) == ("Europe/Berlin", 5, MONDAY)
    assert await query(db, settings.specialties, GUILD) == list(FIRST_SPECIALTIES)


async def test_defaults_do_not_change_an_existing_row(db: Database) -> None:
    await transact(db, a_guild, currency="INR")
    before = await everything(db)

    async with db.begin() as session:
        found = await settings.ensure(session, GUILD, DEFAULTS, MONDAY)
        seen = await settings.look_up(session, GUILD, DEFAULTS)

    assert (found.currency, seen.currency) == ("INR", "INR")
    assert await everything(db) == before


async def test_a_new_server_used_by_many_at_once_gets_one_row(db: Database) -> None:
    async def use() -> datetime:
        return (await transact(db, settings.ensure, GUILD, DEFAULTS, MONDAY)).created_at

    assert set(await asyncio.gather(*(use() for _ in range(8)))) == {MONDAY}

    assert len(await fetch_all(db, select(Specialty))) == len(FIRST_SPECIALTIES)


async def test_at_most_25_specialties_are_offered(db: Database) -> None:
    await transact(db, a_guild)
    async with db.begin() as session:
        session.add_all(Specialty(guild_id=GUILD, name=f"Style {number}") for number in range(30))

    assert len(await query(db, settings.specialties, GUILD)) == 25


# Changing.


async def test_only_the_given_settings_change(db: Database) -> None:
    await transact(db, a_guild)

    await transact(db, change, time_zone="berlin", currency="eur", linger_minutes=0)

    changed = await guild(db)
    assert (changed.time_zone, changed.currency, changed.linger_minutes) == ("Europe/Berlin", "EUR", 0)
    assert (changed.room_lead_minutes, changed.coach_role_id, changed.review_channel_id) == (15, 77, 88)
    entry = await fetch_only(db, select(AuditEntry))
    assert (entry.action, entry.actor_id) == ("settings_changed", ADMIN.user_id)
    assert entry.details == {
        "time_zone": {"from": "UTC", "to": "Europe/Berlin"},
        "currency": {"from": "USD", "to": "EUR"},
        "linger_minutes": {"from": 15, "to": 0},
    }


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
            'I don\'t know the time zone "Narnia". Type one like Europe/Berlin or UTC+2, or a city like Munich.',
        ),
        (
            {"time_zone": "Berlin", "currency": "Taler"},
            '"Taler" isn\'t a currency. Type a three-letter code, like USD, EUR or INR.',
        ),
        (
            {"access_lead_minutes": 16},
            "**Room opens before the start:** The room can't open 16 minutes before the start if it's created 15 "
            "minutes before. Create it earlier, or open it later.",
        ),
        (
            {"room_lead_minutes": 4},
            "**Room opens before the start:** The room can't open 5 minutes before the start if it's created 4 "
            "minutes before. Create it earlier, or open it later.",
        ),
        ({"most_upcoming": 101}, '"101" isn\'t a whole number from 1 to 100. Type another one.'),
        ({"linger_minutes": 1441}, '"1 day 1 minute" is out of range. Type 0 minutes to 1 day.'),
        ({"payment_instructions": "x" * 301}, "That's 301 characters. Shorten it to 300."),
    ],
    ids=["zone", "currency", "access before the room", "room after access", "number", "length", "text"],
)
async def test_one_invalid_setting_changes_none(db: Database, wanted: dict[str, Any], sentence: str) -> None:
    await transact(db, a_guild)

    refused = await refusal(db, Unreadable, partial(change, **wanted))

    assert str(refused) == sentence


async def test_lead_times_may_be_equal_and_zero(db: Database) -> None:
    await transact(db, a_guild)

    await transact(db, change, room_lead_minutes=0, access_lead_minutes=0)

    assert (await guild(db)).room_lead_minutes == 0


async def test_two_admins_can_change_different_settings_at_once(db: Database) -> None:
    await transact(db, a_guild)

    await asyncio.gather(transact(db, change, currency="EUR"), transact(db, change, linger_minutes=30))

    changed = await guild(db)
    assert (changed.currency, changed.linger_minutes) == ("EUR", 30)


# What follows a change.


async def test_a_new_coach_role_makes_this_servers_coach_roles_due(db: Database) -> None:
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


async def test_choosing_a_review_channel_sends_open_applications_cards(db: Database) -> None:
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

    due = await fetch_only(db, select(Notification).where(Notification.due_at.is_not(None)))
    assert due.id == ids["newest"]
    assert (due.due_at, due.given_up_at, due.attempts, due.last_error) == (MONDAY + HOUR, None, 0, None)


async def test_a_card_is_posted_again_only_in_another_review_channel(db: Database) -> None:
    await a_server_with_a_coach(db, status=CoachStatus.PENDING)
    async with db.begin() as session:
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


@pytest.mark.parametrize("room", [30, 15, 5])
async def test_new_lead_times_apply_to_booked_sessions(db: Database, room: int) -> None:
    starts_at = MONDAY + 3 * HOUR
    await a_server_with_a_coach(db)
    await transact(db, a_session, starts_at=starts_at)

    await transact(db, change, room_lead_minutes=room, access_lead_minutes=5)
    await advance_due(db, FakeDiscord(), FakeClock(MONDAY + HOUR))

    assert await fetch_only(db, select(CoachingSession.next_step_at)) == starts_at - room * MINUTE


@pytest.mark.parametrize(
    "wanted",
    [{"room_lead_minutes": 20}, {"access_lead_minutes": 10}, {"linger_minutes": 0}, {"no_show_grace_minutes": 0}],
    ids=lambda one: next(iter(one)),
)
async def test_sessions_are_planned_again_when_a_setting_they_depend_on_changes(
    db: Database, wanted: dict[str, Any]
) -> None:
    await a_server_with_a_coach(db)
    await transact(db, a_session, next_step_at=MONDAY + 9 * HOUR)

    await transact(db, change, **wanted)

    assert await fetch_only(db, select(CoachingSession.next_step_at)) == MONDAY + HOUR
    [(name, value)] = wanted.items()
    assert getattr(await guild(db), name) == value


async def test_the_audit_log_does_not_contain_payment_instructions(db: Database) -> None:
    await transact(db, a_guild)

    await transact(db, change, payment_instructions="IBAN DE02")

    assert (await guild(db)).payment_instructions == "IBAN DE02"
    assert await fetch_only(db, select(AuditEntry.details)) == {
        "payment_instructions": {"from": False, "to": True}
    }


async def test_changes_of_every_kind_are_stored_and_audited(db: Database) -> None:
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
    assert await fetch_only(db, select(AuditEntry.details)) == {
        "reminder_minutes": {"from": [60], "to": []},
        "access_mode": {"from": "people", "to": "role"},
        "keep_after_departure": {"from": False, "to": True},
        "log_channel_id": {"from": None, "to": 5},
    }


async def test_new_lead_times_do_not_affect_other_servers_and_finished_sessions(db: Database) -> None:
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
