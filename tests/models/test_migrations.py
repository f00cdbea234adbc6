"""Every released schema can be upgraded to the newest, with its rows and the guard."""

import asyncio
import re
import sys
from collections.abc import AsyncIterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.exc import IntegrityError

import models
from models import Notification, NotificationKind
from models.base import Base, UTCDateTime
from models.storage.database import Database
from scheduler.attendance import no_shows
from tests.models.test_credit_guard import assert_credit_guard_stands
from tests.models.test_guard import assert_guard_stands, some_session
from tests.support.builders import COACH, DAY, GUILD, HOUR, MONDAY, STUDENT
from tests.support.parameters import first_plain

SCRIPTS = ScriptDirectory(str(Path(models.__file__).parent / "migrations"))
REVISIONS = [script.revision for script in reversed(list(SCRIPTS.walk_revisions()))]
"""Oldest first."""

ROWS: dict[str, dict[str, Any]] = {
    "guilds": {
        "id": GUILD,
        "time_zone": "Europe/Berlin",
        "currency": "EUR",
        "room_lead_minutes": 15,
        "access_lead_minutes": 5,
        "linger_minutes": 15,
        "created_at": MONDAY,
        "cancel_notice_minutes": 60,
        "most_upcoming": 4,
        "payment_instructions": "By bank transfer.",
        "presets": [["Morning", 480, 720]],
        "default_policy": {"horizon_days": 60},
        "reminder_minutes": [2880, 30],
        "no_show_grace_minutes": 10,
        "access_mode": "role",
        "keep_after_departure": True,
        "log_channel_id": 89,
        "fallback_channel_id": 90,
        "bot_removed_at": MONDAY,
        "most_extensions": 3,
        "most_make_ups": 1,
        "payment_mode": "required",
        "extension_price": "pro_rata",
    },
    "heartbeats": {"job": "tick", "at": MONDAY},
    "job_runs": {
        "id": 1,
        "started_at": MONDAY,
        "finished_at": MONDAY,
        "steps": 1,
        "roles": 2,
        "notifications": 3,
        "failures": 4,
        "trigger": "wake",
        "due": 5,
    },
    "tick_requests": {"id": 1, "asked_at": MONDAY, "taken_at": MONDAY, "outcome": {"ticked": False}},
    "members": {"user_id": STUDENT, "dms_closed_at": MONDAY, "time_zone": "Asia/Kathmandu", "reminders_off": True},
    "coaches": {
        "guild_id": GUILD,
        "user_id": COACH,
        "display_name": "Cara",
        "status": "APPROVED",
        "bio": "I mix.",
        "experience": "Ten years.",
        "portfolio": "",
        "rate_minor": 6000,
        "currency": "EUR",
        "time_zone": "Europe/Berlin",
        "accepting": True,
        "session_type": "video",
        "durations_minutes": [60],
        "slot_step_minutes": 30,
        "buffer_before_minutes": 0,
        "buffer_after_minutes": 0,
        "minimum_notice_minutes": 120,
        "horizon_days": 28,
        "rating_total": 9,
        "rating_count": 2,
        "left_at": MONDAY,
        "membership_due_at": MONDAY,
        "daily_limit": 3,
        "weekly_limit": None,
        "applied_at": MONDAY,
        "role_due_at": MONDAY,
        "role_attempts": 3,
        "given_role_ids": [7],
    },
    "specialties": {"id": 5, "guild_id": GUILD, "name": "Mixing"},
    "coach_specialties": {"guild_id": GUILD, "coach_id": COACH, "specialty_id": 5},
    "availability_rules": {
        "id": 1,
        "guild_id": GUILD,
        "coach_id": COACH,
        "weekday": 0,
        "start_minute": 540,
        "end_minute": 1440,
    },
    "date_overrides": {
        "guild_id": GUILD,
        "coach_id": COACH,
        "day": MONDAY.date(),
        "adds": False,
        "windows": [[540, 600]],
        "reason": "Half a holiday",
    },
    "holds": {
        "id": 1,
        "guild_id": GUILD,
        "coach_id": COACH,
        "student_id": STUDENT,
        "starts_at": MONDAY + HOUR,
        "ends_at": MONDAY + 2 * HOUR,
        "expires_at": MONDAY,
        "purpose": "payment",
        "next_step_at": MONDAY,
    },
    "availability_changes": {"guild_id": GUILD, "coach_id": COACH, "number": 3, "before": {"week": []}},
    "coaching_sessions": {
        "id": 1,
        "guild_id": GUILD,
        "code": "abc123",
        "coach_id": COACH,
        "student_id": STUDENT,
        "starts_at": MONDAY,
        "ends_at": MONDAY + HOUR,
        "status": "NO_SHOW",
        "notes": "The second verse.",
        "session_type": "video",
        "total_cost_minor": 6000,
        "currency": "EUR",
        "discord_channel_id": 2**62,
        "discord_setup_complete": True,
        "reminder_sent": False,
        "created_at": MONDAY,
        "updated_at": MONDAY + timedelta(microseconds=1),
        "next_step_at": MONDAY,
        "attempts": 0,
        "kept_at": MONDAY,
        "credit_minutes": 60,
        "credit_worth_minor": 6000,
        "credit_charged_at": MONDAY,
        "charge_waived_at": MONDAY,
        "charge_waived_by": COACH,
        "booked_ends_at": MONDAY + HOUR,
        "booked_cost_minor": 3000,
        "agreed_ends_at": MONDAY + 2 * HOUR,
        "extension_asked_by": STUDENT,
        "extension_asked_at": MONDAY,
        "extension_cost_minor": 1500,
        "extensions_asked": 1,
        "cancelled_late": True,
        "revision": 2,
        "rescheduled_at": MONDAY,
        "rescheduled_by": COACH,
        "rescheduled_from": MONDAY - HOUR,
        "reschedule_reason": "A wedding.",
        "role_intended_at": MONDAY,
        "room_lost_at": MONDAY,
        "absent": "both",
        "coach_absent": True,
        "absence_marked_by": COACH,
        "appealed_at": MONDAY,
        "appealed_by": STUDENT,
        "appeal_reason": "I was there.",
        "appeal_decided_at": MONDAY,
        "appeal_decided_by": COACH,
        "coach_appealed_at": MONDAY,
        "coach_appeal_reason": "I was there, too.",
        "coach_appeal_decided_at": MONDAY,
        "coach_appeal_decided_by": COACH,
        "missed_at": MONDAY,
        "took_place": True,
        "membership_due_at": MONDAY,
    },
    "session_participants": {
        "session_id": 1,
        "user_id": STUDENT,
        "guild_id": GUILD,
        "coach_id": COACH,
        "starts_at": MONDAY,
        "joined_at": MONDAY,
        "status": "left",
        "notes": "The second verse.",
        "total_cost_minor": 6000,
        "booked_cost_minor": 3000,
        "credit_minutes": 60,
        "credit_worth_minor": 6000,
        "credit_charged_at": MONDAY,
        "charge_waived_at": MONDAY,
        "charge_waived_by": COACH,
        "cancelled_late": True,
        "appealed_at": MONDAY,
        "appeal_reason": "I was there.",
        "appeal_decided_at": MONDAY,
        "appeal_decided_by": COACH,
        "membership_due_at": MONDAY,
    },
    "workshops": {
        "session_id": 1,
        "guild_id": GUILD,
        "title": "Mixing drums",
        "description": "Bring a song.",
        "seats": 12,
        "price_minor": 2500,
        "takes_credit": True,
        "least": 3,
        "decide_at": MONDAY,
        "channel_id": 91,
        "has_event": True,
        "event_intended_at": MONDAY,
        "event_id": 2**62,
        "created_by": COACH,
        "next_step_at": MONDAY,
        "attempts": 0,
    },
    "workshop_seats": {"id": 1, "session_id": 1, "user_id": STUDENT},
    "packages": {
        "id": 1,
        "guild_id": GUILD,
        "name": "Ten hours",
        "minutes": 600,
        "price_minor": 50000,
        "currency": "EUR",
        "days_valid": 180,
        "coach_ids": [COACH],
        "specialty_ids": [5],
        "created_at": MONDAY,
        "retired_at": MONDAY,
    },
    "role_grants": {
        "id": 1,
        "guild_id": GUILD,
        "role_id": 2**62,
        "minutes": 120,
        "created_at": MONDAY,
        "retired_at": MONDAY,
    },
    "credit_lots": {
        "id": 1,
        "guild_id": GUILD,
        "user_id": STUDENT,
        "source": "package",
        "minutes_granted": 600,
        "month": date(2026, 3, 1),
        "coach_ids": [COACH],
        "specialty_ids": [5],
        "valid_until": MONDAY,
        "created_at": MONDAY,
        "granted_by": COACH,
        "reason": "Paid in cash.",
        "package_id": 1,
        "role_grant_id": 1,
        "session_id": 1,
        "paid_minor": 50000,
        "currency": "EUR",
        "next_step_at": MONDAY,
    },
    "credit_entries": {
        "id": 1,
        "lot_id": 1,
        "kind": "granted",
        "minutes": 600,
        "session_id": 1,
        "at": MONDAY,
    },
    "credit_disputes": {
        "session_id": 1,
        "user_id": STUDENT,
        "opened_at": MONDAY,
        "reason": "The room was closed.",
        "decided_at": MONDAY,
        "decided_by": COACH,
        "given_back": True,
    },
    "payments": {
        "id": 1,
        "guild_id": GUILD,
        "code": "abc123",
        "user_id": STUDENT,
        "purpose": "session",
        "status": "paid",
        "amount_minor": 6000,
        "currency": "EUR",
        "livemode": True,
        "hold_id": 1,
        "coach_id": COACH,
        "starts_at": MONDAY,
        "ends_at": MONDAY + HOUR,
        "notes": "The second verse.",
        "session_id": 1,
        "package_id": 1,
        "lot_id": 1,
        "idempotency_key": "key",
        "request": {"mode": "payment"},
        "checkout_id": "cs_1",
        "url": "https://checkout.example/1",
        "payment_intent_id": "pi_1",
        "receipt_url": "https://receipt.example/1",
        "created_at": MONDAY,
        "expires_at": MONDAY,
        "paid_at": MONDAY,
        "closed_at": MONDAY,
        "refunded_elsewhere_minor": 5,
        "disputed_at": MONDAY,
        "next_check_at": MONDAY,
        "attempts": 1,
        "last_error": "Stripe did not answer",
    },
    "refunds": {
        "id": 1,
        "payment_id": 1,
        "amount_minor": 6000,
        "reason": "cancelled",
        "status": "owed",
        "idempotency_key": "key",
        "refund_id": "re_1",
        "created_at": MONDAY,
        "created_by": COACH,
        "tried_at": MONDAY,
        "done_at": MONDAY,
        "next_try_at": MONDAY,
        "attempts": 1,
        "last_error": "Stripe did not answer",
    },
    "stripe_events": {"event_id": "evt_1", "received_at": MONDAY},
    "package_orders": {
        "id": 1,
        "guild_id": GUILD,
        "user_id": STUDENT,
        "package_id": 1,
        "ordered_at": MONDAY,
        "decided_at": MONDAY,
        "decided_by": COACH,
        "lot_id": 1,
    },
    "wishes": {
        "id": 1,
        "guild_id": GUILD,
        "user_id": STUDENT,
        "coach_id": COACH,
        "minutes": 60,
        "weekdays": 31,
        "from_minute": 540,
        "until_minute": 1020,
        "until": MONDAY,
        "created_at": MONDAY,
        "unanswered": 1,
        "ended_at": MONDAY,
        "end_reason": "booked",
        "next_step_at": MONDAY,
    },
    "freed_times": {
        "id": 1,
        "coach_id": COACH,
        "starts_at": MONDAY,
        "ends_at": MONDAY + HOUR,
        "is_new_hours": False,
        "freed_from": STUDENT,
        "offers": 1,
        "created_at": MONDAY,
        "next_step_at": MONDAY,
    },
    "offers": {
        "id": 1,
        "guild_id": GUILD,
        "user_id": STUDENT,
        "coach_id": COACH,
        "wish_id": 1,
        "freed_id": 1,
        "hold_id": 1,
        "session_id": 1,
        "starts_at": MONDAY,
        "ends_at": MONDAY + HOUR,
        "is_shared": False,
        "cost_minor": 6000,
        "currency": "EUR",
        "state": "taken",
        "offered_at": MONDAY,
        "expires_at": MONDAY,
        "closed_at": MONDAY,
        "next_step_at": MONDAY,
    },
    "attendance": {"id": 1, "session_id": 1, "user_id": None, "joined_at": MONDAY, "left_at": MONDAY + HOUR},
    "reviews": {
        "session_id": 1,
        "guild_id": GUILD,
        "coach_id": COACH,
        "student_id": STUDENT,
        "stars": 4,
        "comment": "The second verse sits.",
        "created_at": MONDAY,
        "updated_at": MONDAY + HOUR,
        "hidden_at": MONDAY + HOUR,
        "hidden_by": COACH,
    },
    "alerts": {
        "id": 1,
        "guild_id": GUILD,
        "key": "make_room",
        "text": "I lack Manage Channels.",
        "since": MONDAY,
        "told_at": MONDAY,
        "times_told": 2,
        "fixed_at": MONDAY + HOUR,
    },
    "audit_entries": {
        "id": 1,
        "guild_id": GUILD,
        "at": MONDAY,
        "action": "session_booked",
        "session_id": 1,
        "member_id": 2**62,
        "details": {"channel_id": 7},
    },
    "series": {
        "id": 1,
        "guild_id": GUILD,
        "code": "wkly234",
        "coach_id": COACH,
        "student_id": STUDENT,
        "status": "active",
        "duration_minutes": 60,
        "until": date(2027, 6, 30),
        "total_cost_minor": 6000,
        "currency": "EUR",
        "pays_with": "credit",
        "requested_at": MONDAY,
        "answer_by": MONDAY,
        "decided_at": MONDAY,
        "decided_by": COACH,
        "made_until": MONDAY,
        "next_step_at": MONDAY,
    },
    "series_rules": {
        "series_id": 1,
        "first_occurrence": 0,
        "first_day": MONDAY.date(),
        "start_minute": 540,
        "time_zone": "Europe/Berlin",
        "interval_weeks": 1,
        "agreed_at": MONDAY,
    },
    "lessons": {"series_id": 1, "occurrence": 3, "day": MONDAY.date(), "skipped": "clocks"},
    "closures": {
        "id": 1,
        "guild_id": GUILD,
        "first": date(2026, 12, 24),
        "last": date(2026, 12, 26),
        "name": "Christmas",
        "region": "DE-BY",
        "created_at": MONDAY,
        "lifted_at": MONDAY,
    },
    "absences": {
        "id": 1,
        "guild_id": GUILD,
        "coach_id": COACH,
        "first": date(2026, 12, 24),
        "last": date(2026, 12, 26),
        "reason": "I'm at sea.",
        "created_at": MONDAY,
        "ended_at": MONDAY,
    },
    "substitutions": {
        "id": 1,
        "absence_id": 1,
        "session_id": 1,
        "guild_id": GUILD,
        "coach_id": COACH,
        "substitute_id": 2**62,
        "hold_id": 1,
        "starts_at": MONDAY,
        "state": "taken_over",
        "asked_at": MONDAY,
        "expires_at": MONDAY,
        "substitute_accepted_at": MONDAY,
        "student_accepted_at": MONDAY,
        "closed_at": MONDAY,
        "next_step_at": MONDAY,
    },
    "blocks": {
        "guild_id": GUILD,
        "user_id": 2**62,
        "blocked_from": "booking",
        "reason": "Four no-shows.",
        "blocked_by": COACH,
        "blocked_at": MONDAY,
    },
    "notifications": {
        "id": 1,
        "guild_id": GUILD,
        "kind": "session_booked",
        "user_id": STUDENT,
        "session_id": 1,
        "created_at": MONDAY,
        "revision": 1,
        "due_at": MONDAY,
        "attempts": 0,
        "alert_id": 1,
        "lot_id": 1,
        "payment_id": 1,
        "order_id": 1,
        "offer_id": 1,
        "wish_id": 1,
        "series_id": 1,
        "absence_id": 1,
        "substitution_id": 1,
        "lead_minutes": 60,
        "route": "fallback",
        "undeliverable_at": MONDAY,
    },
    "absence_news": {"notification_id": 1, "session_id": 1, "outcome": "cancelled", "was_at": MONDAY},
    "reservations": {
        "id": 1,
        "user_id": STUDENT,
        "starts_at": MONDAY,
        "ends_at": MONDAY + HOUR,
        "session_id": 1,
    },
}
"""A row per table, parents first. If your revision adds a table or required column, add a value here."""

OLD_NAMES = {
    "notifications": "notices",
    "alerts": "problems",
    "alert_id": "problem_id",
    "most_upcoming": "most_coming",
    "payment_instructions": "how_to_pay",
    "default_policy": "first_rules",
    "keep_after_departure": "keep_when_gone",
    "membership_due_at": "presence_due_at",
    "rescheduled_at": "moved_at",
    "rescheduled_by": "moved_by",
    "rescheduled_from": "moved_from",
    "reschedule_reason": "move_reason",
}
"""Names of tables and columns before revision 0011."""
NEW_NAMES = {old: new for new, old in OLD_NAMES.items()}
DROPPED = {"tick_requests"}
"""Tables of older revisions that a later one drops."""
MOVED = {"student_id": "user_id"} | {
    name: name
    for name in (
        "notes",
        "total_cost_minor",
        "booked_cost_minor",
        "credit_minutes",
        "credit_worth_minor",
        "credit_charged_at",
        "charge_waived_at",
        "charge_waived_by",
        "cancelled_late",
        "membership_due_at",
    )
}
"""Columns of sessions before revision 0020, and how they are called with the participants since then."""
APPEAL = ("appealed_at", "appeal_reason", "appeal_decided_at", "appeal_decided_by")
"""Columns of sessions before revision 0022, and with whoever appealed since then."""


def split_session(old: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what revision 0020 makes of a session: the session, and its participant."""
    theirs = {new: old[name] for name, new in MOVED.items() if name in old}
    copied = {name: old[name] for name in ("guild_id", "coach_id", "starts_at")}
    status = "no_show" if "absent" in old else "attended"
    theirs |= copied | {"session_id": 1, "joined_at": old["created_at"], "status": status}
    absence = {"coach_absent": True} if "absent" in old else {}
    return {name: value for name, value in old.items() if name not in {*MOVED, "absent"}} | absence, theirs


@pytest.fixture
async def old(empty_url: str) -> AsyncIterator[Database]:
    """Open a database without tables."""
    database = Database(empty_url)
    yield database
    await database.close()


def tables_of(connection: sa.Connection) -> dict[str, sa.TableClause]:
    """Reflect the database's tables, with our column types."""
    inspector = sa.inspect(connection)

    def type_of(table: str, column: dict[str, Any]) -> Any:
        name = str(column["name"])
        value = ROWS.get(NEW_NAMES.get(table, table), {}).get(NEW_NAMES.get(name, name))
        if isinstance(value, datetime):
            return UTCDateTime()
        return sa.JSON() if isinstance(value, dict | list) else column["type"]

    return {
        name: sa.table(
            name,
            *(sa.column(column["name"], type_of(name, dict(column))) for column in inspector.get_columns(name)),
        )
        for name in inspector.get_table_names()
        if name != "alembic_version"
    }


async def write_rows(db: Database, **several: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Store a row in each table, in the columns that exist, and return what was written.

    Uses today's names of tables and columns. `several` adds rows that differ in these values.
    """
    async with db.engine.begin() as connection:
        tables = {NEW_NAMES.get(name, name): one for name, one in (await connection.run_sync(tables_of)).items()}
        assert set(tables) <= set(ROWS), "ROWS lacks a row for a new table"
        written: dict[str, dict[str, Any]] = {}
        for name, row in ROWS.items():
            if name not in tables:
                continue
            called = {NEW_NAMES.get(column.name, column.name): column.name for column in tables[name].c}
            written[name] = {column: value for column, value in row.items() if column in called}
            for number, changed in enumerate(several.get(name, [{}])):
                another = {"code": f"code{number}"} if number and "code" in called else {}
                values = written[name] | another | changed
                await connection.execute(
                    sa.insert(tables[name]).values({called[column]: value for column, value in values.items()})
                )
    return written


async def read_rows(db: Database, like: dict[str, dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Read all rows of the tables and columns in `like`."""
    found: dict[str, list[dict[str, Any]]] = {}
    async with db.engine.connect() as connection:
        tables = await connection.run_sync(tables_of)
        for name, row in like.items():
            rows = await connection.execute(sa.select(*(tables[name].c[column] for column in row)))
            found[name] = [dict(one) for one in rows.mappings()]
    return found


@pytest.mark.parametrize("revision", first_plain([None, *reversed(REVISIONS)], plain=3))
async def test_every_revision_upgrades_to_the_models_schema_with_its_guards(
    old: Database, revision: str | None
) -> None:
    if revision is not None:
        await old.upgrade(revision)

    await old.upgrade()

    async with old.engine.connect() as connection:
        assert await connection.run_sync(lambda sync: MigrationContext.configure(sync).get_current_revision()) == (
            SCRIPTS.get_current_head()
        )
        assert await connection.run_sync(differences_from_models) == []
    await assert_guard_stands(old, await some_session(old))
    await assert_credit_guard_stands(old, GUILD)


def differences_from_models(connection: sa.Connection) -> list[Any]:
    """Return what Alembic would put into a new migration."""
    options = {"compare_type": True, "compare_server_default": True}
    return compare_metadata(MigrationContext.configure(connection, opts=options), Base.metadata)


async def test_every_check_of_the_models_is_in_the_database_and_no_other(old: Database) -> None:
    await old.upgrade()

    async with old.engine.connect() as connection:
        found = await connection.run_sync(checks_in)
    declared = {
        table.name: {str(one.name) for one in table.constraints if isinstance(one, sa.CheckConstraint)}
        for table in Base.metadata.tables.values()
    }
    assert found == declared


def checks_in(connection: sa.Connection) -> dict[str, set[str]]:
    """Map tables to the names of their CHECKs."""
    inspector = sa.inspect(connection)
    return {
        table: {str(one["name"]) for one in inspector.get_check_constraints(table)}
        for table in inspector.get_table_names()
        if table != "alembic_version"
    }


async def test_every_partial_index_has_its_predicate(old: Database) -> None:
    await old.upgrade()

    async with old.engine.connect() as connection:
        predicates = await connection.run_sync(index_predicates)
    partial = {
        str(index.name): where
        for table in Base.metadata.tables.values()
        for index in table.indexes
        if (where := index.info.get("where")) is not None
    }
    assert partial
    assert predicates == partial


def index_predicates(connection: sa.Connection) -> dict[str | None, str]:
    """Map partial indexes to their predicates."""
    inspector, option = sa.inspect(connection), f"{connection.dialect.name}_where"
    return {
        index["name"]: re.sub(r"[()]|::\w+", "", str(where))
        for table in inspector.get_table_names()
        for index in inspector.get_indexes(table)
        if (where := index.get("dialect_options", {}).get(option)) is not None
    }


@pytest.mark.parametrize("revision", first_plain(reversed(REVISIONS), plain=3))
async def test_rows_of_every_revision_survive_the_upgrade(old: Database, revision: str) -> None:
    await old.upgrade(revision)
    written = await write_rows(old)

    await old.upgrade()

    kept = {name: row for name, row in written.items() if name not in DROPPED}
    if "session_participants" not in kept:
        kept["coaching_sessions"], kept["session_participants"] = split_session(kept["coaching_sessions"])
    its, theirs = kept["coaching_sessions"], kept["session_participants"]
    its.pop("appealed_by", None)  # a participant
    kept["session_participants"] = theirs | {name: its.pop(name) for name in APPEAL if name in its}
    assert await read_rows(old, like=kept) == {name: [row] for name, row in kept.items()}


S, P, A = models.SessionStatus, models.ParticipantStatus, models.Absent
ENDED: list[tuple[dict[str, Any], models.ParticipantStatus, models.Absent | None]] = [
    ({"status": S.SCHEDULED}, P.BOOKED, None),
    ({"status": S.IN_PROGRESS}, P.BOOKED, None),
    ({"status": S.CANCELLED}, P.BOOKED, None),
    ({"status": S.COMPLETED}, P.ATTENDED, None),
    ({"status": S.COMPLETED, "missed_at": MONDAY}, P.BOOKED, None),
    ({"status": S.COMPLETED, "missed_at": MONDAY, "took_place": True}, P.ATTENDED, None),
    ({"status": S.CANCELLED, "missed_at": MONDAY, "took_place": False}, P.BOOKED, None),
    ({"status": S.NO_SHOW, "absent": A.STUDENT}, P.NO_SHOW, A.STUDENT),
    ({"status": S.NO_SHOW, "absent": A.COACH}, P.ATTENDED, A.COACH),
    ({"status": S.NO_SHOW, "absent": A.BOTH}, P.NO_SHOW, A.BOTH),
]
"""How sessions before revision 0020 ended, what became of their participant, and whose no-show it was."""


async def test_every_session_gets_its_student_as_participant(old: Database) -> None:
    await old.upgrade("0019")
    usual: dict[str, Any] = {"absent": None, "missed_at": None, "took_place": None, "cancelled_late": None}
    several = [
        usual | ended | {"id": number, "starts_at": MONDAY + number * DAY, "ends_at": MONDAY + number * DAY + HOUR}
        for number, (ended, *_) in enumerate(ENDED, 1)
    ]
    await write_rows(old, coaching_sessions=several)

    await old.upgrade()

    async with old.read() as session:
        found = list(await session.scalars(sa.select(models.CoachingSession).order_by(models.CoachingSession.id)))
    assert [(one.status, one.student.status, one.absent) for one in found] == [
        (ended["status"], became, absent) for ended, became, absent in ENDED
    ]
    assert {(one.student.user_id, one.student.coach_id, one.student.joined_at) for one in found} == {
        (STUDENT, COACH, MONDAY)
    }
    assert [one.student.starts_at for one in found] == [one.starts_at for one in found]


@pytest.mark.parametrize(("recorded", "appealed_by"), [(None, STUDENT), (COACH, COACH)])
async def test_the_upgrade_derives_who_appealed_and_which_roles_coaches_have(
    old: Database, recorded: int | None, appealed_by: int
) -> None:
    await old.upgrade("0005")
    await write_rows(old)
    async with old.engine.begin() as connection:
        await connection.execute(sa.text("UPDATE guilds SET coach_role_id = 77"))
        if recorded is not None:
            made = sa.text("UPDATE audit_entries SET action = 'no_show_appealed', actor_id = :by")
            await connection.execute(made, {"by": recorded})

    await old.upgrade()

    async with old.read() as session:
        one = (await session.scalars(sa.select(models.CoachingSession))).one()
        assert [theirs.user_id for theirs in no_shows.appeals(one)] == [appealed_by]
        assert (await session.scalars(sa.select(models.Coach.given_role_ids))).all() == [[77]]


def entry(number: int, action: str, actor_id: int, at: datetime, session_id: int = 1) -> dict[str, Any]:
    """Return an entry of the audit log about a session."""
    return {"id": number, "action": action, "actor_id": actor_id, "at": at, "session_id": session_id}


def message(number: int, kind: str, at: datetime, session_id: int = 1) -> dict[str, Any]:
    """Return a message about a session that didn't say whom it's about."""
    return {"id": number, "kind": kind, "created_at": at, "session_id": session_id}


T = [MONDAY + number * HOUR for number in range(8)]
ADMINS = COACH + 1, COACH + 2
NONE: dict[str, Any] = dict.fromkeys(APPEAL)


async def test_the_latest_appeal_goes_to_whoever_appealed_and_earlier_ones_come_from_the_audit_log(
    old: Database,
) -> None:
    await old.upgrade("0021")
    theirs = {"status": "no_show", "starts_at": MONDAY}
    later = {"id": 2, "starts_at": MONDAY + DAY, "ends_at": MONDAY + DAY + HOUR, "is_workshop": True}
    await write_rows(
        old,
        coaching_sessions=[
            {"appealed_at": T[3], "appealed_by": COACH, "appeal_decided_at": None, "appeal_decided_by": None},
            later | {"appealed_at": T[6], "appealed_by": STUDENT + 1, "appeal_decided_at": T[7]},
            {"id": 3, "starts_at": MONDAY + 2 * DAY, "ends_at": MONDAY + 2 * DAY + HOUR} | NONE,
        ],
        session_participants=[
            theirs,
            *(theirs | {"session_id": 2, "user_id": STUDENT + n, "starts_at": MONDAY + DAY} for n in range(3)),
            {"session_id": 3, "status": "attended", "starts_at": MONDAY + 2 * DAY},
        ],
        audit_entries=[
            entry(1, "no_show_appealed", STUDENT, T[1]),
            entry(2, "appeal_refused", ADMINS[0], T[2]),
            entry(3, "no_show_appealed", COACH, T[3]),
            entry(4, "no_show_appealed", COACH, T[1], 2),
            entry(5, "appeal_granted", ADMINS[1], T[2], 2),
            entry(6, "no_show_appealed", STUDENT, T[4], 2),
            entry(7, "appeal_refused", ADMINS[0], T[5], 2),
            entry(8, "no_show_appealed", STUDENT + 1, T[6], 2),
            entry(9, "appeal_granted", COACH, T[7], 2),
        ],
        notifications=[
            message(1, "appeal_card", T[1]),
            message(2, "attendance_changed", T[2]),
            message(3, "appeal_card", T[3]),
            message(4, "appeal_card", T[1], 2),
            message(5, "attendance_changed", T[2], 2),
            message(6, "appeal_card", T[4], 2),
            message(7, "appeal_card", T[6], 2),
            message(8, "attendance_changed", T[3], 2),
            message(9, "no_show", T[1], 2),
            message(10, "dispute_card", T[1]),
        ],
    )

    await old.upgrade()

    wrote = ROWS["coaching_sessions"]["appeal_reason"]
    async with old.read() as session:
        found = await session.scalars(sa.select(models.CoachingSession).order_by(models.CoachingSession.id))
        appeals = [no_shows.appeals(one) for one in found]
        about = sa.select(Notification.about_user_id).order_by(Notification.id)
        named = list(await session.scalars(about))
    assert appeals == [
        [no_shows.Appeal(STUDENT, T[1], None, T[2], ADMINS[0]), no_shows.Appeal(COACH, T[3], wrote, None, None)],
        [
            no_shows.Appeal(COACH, T[1], None, T[2], ADMINS[1]),
            no_shows.Appeal(STUDENT, T[4], None, T[5], ADMINS[0]),
            no_shows.Appeal(STUDENT + 1, T[6], wrote, T[7], COACH),
        ],
        [],
    ]
    assert named == [STUDENT, STUDENT, COACH, COACH, COACH, STUDENT, STUDENT + 1, None, None, STUDENT]


@pytest.mark.parametrize(
    ("about", "appealed_by"),
    [({}, STUDENT), ({"coach_absent": False}, STUDENT), ({"is_workshop": True}, COACH)],
    ids=["both absent", "student absent", "workshop"],
)
async def test_an_appeal_of_nobody_goes_to_whom_it_was_taken_for(
    old: Database, about: dict[str, Any], appealed_by: int
) -> None:
    await old.upgrade("0021")
    participant = {"status": "no_show"}
    await write_rows(old, coaching_sessions=[{"appealed_by": None} | about], session_participants=[participant])

    await old.upgrade()

    async with old.read() as session:
        one = (await session.scalars(sa.select(models.CoachingSession))).one()
    assert [theirs.user_id for theirs in no_shows.appeals(one)] == [appealed_by]


@pytest.mark.parametrize("revision", first_plain(["0021", None]))
async def test_nothing_is_decided_that_nobody_appealed(old: Database, revision: str | None) -> None:
    """Whether the table was filled before or after the CHECK was added."""
    await old.upgrade(*([] if revision is None else [revision]))
    await write_rows(old)
    await old.upgrade()

    for table, column in (("session_participants", "appealed_at"), ("coaching_sessions", "coach_appealed_at")):
        decided = column.replace("appealed_at", "appeal_decided_at")
        async with old.engine.begin() as connection:
            await connection.execute(sa.text(f"UPDATE {table} SET {column} = NULL, {decided} = NULL"))
        with pytest.raises(IntegrityError):
            async with old.engine.begin() as connection:
                await connection.execute(
                    sa.update(sa.table(table, sa.column(decided, UTCDateTime()))).values({decided: MONDAY})
                )


@pytest.mark.parametrize("status", ["SCHEDULED", "CANCELLED"])
@pytest.mark.parametrize("revision", first_plain(["0002", "0003"]))
async def test_upcoming_sessions_without_reminders_get_them_and_are_checked(
    old: Database, revision: str, status: str
) -> None:
    await old.upgrade(revision)
    soon = {"starts_at": MONDAY + 10 * HOUR, "ends_at": MONDAY + 11 * HOUR, "next_step_at": MONDAY + 9 * HOUR}
    far = {"starts_at": MONDAY + 50 * HOUR, "ends_at": MONDAY + 51 * HOUR, "next_step_at": MONDAY + 49 * HOUR}
    await write_rows(
        old, notifications=[], coaching_sessions=[soon | {"status": status}, far | {"status": status, "id": 2}]
    )

    await old.upgrade()

    async with old.read() as session:
        reminders = sa.select(Notification).where(Notification.kind == NotificationKind.SESSION_REMINDER)
        promised = [
            (one.session_id, one.user_id, one.lead_minutes, one.due_at)
            for one in await session.scalars(reminders.order_by(Notification.due_at, Notification.user_id.desc()))
        ]
        looks = list(await session.scalars(sa.select(models.Participant.membership_due_at)))
    both = STUDENT, COACH
    assert promised == (
        [
            *((1, who, 60, MONDAY + 9 * HOUR) for who in both),
            *((2, who, 1440, MONDAY + 26 * HOUR) for who in both),
            *((2, who, 60, MONDAY + 49 * HOUR) for who in both),
        ]
        if status == "SCHEDULED"
        else []
    )
    assert looks == ([MONDAY, MONDAY] if status == "SCHEDULED" else [None, None])


@pytest.mark.parametrize("odd", [7, [None]])
async def test_malformed_reminder_times_do_not_stop_the_upgrade(old: Database, odd: Any) -> None:
    await old.upgrade("0006")
    ahead = {"status": "SCHEDULED", "starts_at": MONDAY + 50 * HOUR, "ends_at": MONDAY + 51 * HOUR}
    await write_rows(old, guilds=[{"reminder_minutes": odd}], notifications=[], coaching_sessions=[ahead])

    await old.upgrade()

    async with old.read() as session:
        assert set(await session.scalars(sa.select(Notification.lead_minutes))) == {60, 1440}


async def test_alerts_about_the_fallback_channel_keep_their_place_under_its_new_name(old: Database) -> None:
    await old.upgrade("0010")
    await write_rows(old, alerts=[{"key": "setup:news_channel"}])

    await old.upgrade()

    async with old.engine.connect() as connection:
        assert list(await connection.scalars(sa.text("SELECT key FROM alerts"))) == ["setup:fallback_channel"]


async def test_upgrading_twice_changes_nothing(old: Database) -> None:
    await old.upgrade()
    written = await write_rows(old)
    async with old.engine.connect() as connection:
        before = await connection.run_sync(everything_about_the_schema)

    await old.upgrade()

    async with old.engine.connect() as connection:
        assert await connection.run_sync(everything_about_the_schema) == before
    assert await read_rows(old, like=written) == {name: [row] for name, row in written.items()}


def everything_about_the_schema(connection: sa.Connection) -> list[Any]:
    """Return tables, indexes, triggers and constraints as the engine itself describes them."""
    if connection.dialect.name == "sqlite":
        query = "SELECT type, name, sql FROM sqlite_master ORDER BY type, name"
    else:
        query = (
            "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint UNION ALL"
            " SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1, 2"
        )
    return list(connection.exec_driver_sql(query))


async def test_two_simultaneous_upgrades_in_one_process_both_succeed(old: Database) -> None:
    other = Database(old.url.render_as_string(hide_password=False))

    await asyncio.gather(old.upgrade(), other.upgrade())
    await other.close()

    await assert_guard_stands(old, await some_session(old))


@pytest.mark.slow
async def test_two_simultaneous_upgrades_in_two_processes_both_succeed(old: Database) -> None:
    url = old.url.render_as_string(hide_password=False)
    processes = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", UPGRADE, url, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
        )
        for _ in range(2)
    ]
    for one in processes:
        assert one.stdout is not None
        assert await one.stdout.readline() == b"ready\n"

    outputs = await asyncio.gather(*(one.communicate(b"go\n") for one in processes))

    assert [output for output, _ in outputs] == [b"done\n", b"done\n"]
    await assert_guard_stands(old, await some_session(old))


UPGRADE = """
import asyncio, sys
from models.storage.database import Database
print("ready", flush=True)
sys.stdin.readline()
asyncio.run(Database(sys.argv[1]).upgrade())
print("done")
"""
