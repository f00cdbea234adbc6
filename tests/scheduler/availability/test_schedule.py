"""How coaches change their weekly hours, rules and zone, and what the audit log says."""

import asyncio
from datetime import date

import pytest
from sqlalchemy import select

from models import AuditEntry, Coach, SessionType
from models.storage.database import Database
from scheduler.availability import schedule
from scheduler.availability.booking_policy import Rules, rules_of
from tests.support.builders import COACH, DAY, GUILD, HOUR, MONDAY, a_date, a_server_with_a_coach, a_session
from tests.support.schedule_changes import (
    EVENING,
    MON,
    MORNING,
    NOON,
    TODAY,
    TUE,
    WED,
    dates,
    free,
    off,
    press,
    refused,
    week,
)
from tests.support.stored import session_now
from tests.support.transactions import fetch, fetch_all, transact

# Weekly hours.


async def test_setting_hours_replaces_those_of_the_chosen_days_only(db: Database) -> None:
    await a_server_with_a_coach(db, hours=[(MON, *MORNING), (TUE, *MORNING), (WED, *MORNING)])

    await press(db, schedule.set_hours, [MON, TUE], [NOON, EVENING])

    assert await week(db) == {MON: [NOON, EVENING], TUE: [NOON, EVENING], WED: [MORNING]}


async def test_setting_no_hours_clears_the_days(db: Database) -> None:
    await a_server_with_a_coach(db, hours=[(MON, *MORNING), (TUE, *MORNING)])

    await press(db, schedule.set_hours, [MON], [])

    assert await week(db) == {TUE: [MORNING]}


async def test_touching_windows_are_merged(db: Database) -> None:
    await a_server_with_a_coach(db, hours=())

    await press(db, schedule.set_hours, [MON], [NOON, MORNING])

    assert await week(db) == {MON: [(8 * 60, 14 * 60)]}


async def test_added_hours_join_the_existing_ones(db: Database) -> None:
    await a_server_with_a_coach(db, hours=[(MON, *MORNING), (TUE, *EVENING)])

    await press(db, schedule.add_hours, [TUE, MON, MON], NOON)

    assert await week(db) == {MON: [(8 * 60, 14 * 60)], TUE: [NOON, EVENING]}


async def test_copying_a_day_replaces_the_hours_of_the_others(db: Database) -> None:
    await a_server_with_a_coach(db, hours=[(MON, *MORNING), (MON, *EVENING), (TUE, *NOON)])

    await press(db, schedule.copy_day, MON, [MON, TUE, WED])

    assert await week(db) == {day: [MORNING, EVENING] for day in (MON, TUE, WED)}


async def test_copying_a_day_without_hours_clears_the_others(db: Database) -> None:
    await a_server_with_a_coach(db, hours=[(MON, *MORNING), (TUE, *NOON)])

    await press(db, schedule.copy_day, WED, [TUE])

    assert await week(db) == {MON: [MORNING]}


async def test_changing_hours_leaves_booked_sessions_alone(db: Database) -> None:
    await a_server_with_a_coach(db, hours=[(MON, *MORNING)])
    booked = await transact(db, a_session, starts_at=MONDAY + 2 * HOUR)

    await press(db, schedule.set_hours, [MON], [])

    kept = await session_now(db, booked.id)
    assert (kept.status, kept.starts_at, kept.updated_at) == (booked.status, booked.starts_at, MONDAY)


# Rules, pauses, zones.


async def test_rules_are_replaced_as_a_whole(db: Database) -> None:
    await a_server_with_a_coach(db)
    wanted = Rules(SessionType.VOICE, (45, 120), 15, 5, 10, 60, 90, 3, 12)

    await press(db, schedule.set_rules, wanted)

    assert rules_of(await fetch(db, Coach, (GUILD, COACH))) == wanted


async def test_rules_out_of_range_are_refused(db: Database) -> None:
    await a_server_with_a_coach(db)

    sentence = await refused(db, schedule.set_rules, Rules(horizon_days=366))

    assert sentence == "**Booking horizon:** Type 1 to 365 days."


async def test_bookings_are_paused_and_resumed(db: Database) -> None:
    await a_server_with_a_coach(db)

    await press(db, schedule.set_accepting, False)
    free_while_paused = await free(db)
    await press(db, schedule.set_accepting, True)

    assert free_while_paused == []
    assert await free(db)


async def test_a_new_zone_keeps_clock_times(db: Database) -> None:
    await a_server_with_a_coach(db, time_zone="Europe/Berlin", hours=[(MON, *MORNING)])
    await press(db, schedule.set_dates, TODAY, TODAY, [NOON], "Half a day")
    before = await week(db), await dates(db)

    await press(db, schedule.change_zone, "kathmandu", same_instants=False)

    assert (await fetch(db, Coach, (GUILD, COACH))).time_zone == "Asia/Kathmandu"
    assert (await week(db), await dates(db)) == before


@pytest.mark.parametrize(
    "zone", ["Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Kiritimati", "Pacific/Pago_Pago"]
)
async def test_a_new_zone_can_keep_actual_times(db: Database, zone: str) -> None:
    await a_server_with_a_coach(db, time_zone="Europe/Berlin", horizon_days=20)
    await press(db, schedule.set_dates, TODAY + 7 * DAY, TODAY + 8 * DAY, [], "Holiday")
    await press(db, schedule.set_dates, TODAY + 3 * DAY, TODAY + 3 * DAY, [(20 * 60, 24 * 60)], "Late")
    await press(db, schedule.add_extra_hours, TODAY + 12 * DAY, [(60, 3 * 60)])
    before = await free(db)

    await press(db, schedule.change_zone, zone, same_instants=True)

    assert len(before) > 150
    assert await free(db) == before


async def test_keeping_actual_times_drops_past_dates_and_keeps_reasons(db: Database) -> None:
    await a_server_with_a_coach(db, time_zone="UTC", hours=[(day, *MORNING) for day in range(7)])
    async with db.begin() as session:
        await a_date(session, TODAY - DAY, reason="Past")
        await a_date(session, TODAY, reason="Today")

    await press(db, schedule.change_zone, "Europe/Berlin", same_instants=True)

    assert await dates(db, date.min) == [off(TODAY, TODAY, "Today")]


async def test_an_unknown_zone_is_refused(db: Database) -> None:
    await a_server_with_a_coach(db)

    sentence = await refused(db, schedule.change_zone, "Narnia", same_instants=True)

    assert sentence.startswith('I don\'t know the time zone "Narnia".')


# Concurrent changes, and the audit log.


async def test_hours_added_concurrently_are_all_kept(db: Database) -> None:
    await a_server_with_a_coach(db, hours=())
    windows = [(hour * 60, hour * 60 + 30) for hour in range(6)]

    await asyncio.gather(*(press(db, schedule.add_hours, [day], one) for day in range(7) for one in windows))

    assert await week(db) == dict.fromkeys(range(7), windows)


async def test_concurrent_changes_of_different_kinds_are_all_kept(db: Database) -> None:
    await a_server_with_a_coach(db, hours=())
    windows = [(hour * 60, hour * 60 + 30) for hour in range(6)]

    await asyncio.gather(
        press(db, schedule.set_rules, Rules(daily_limit=2)),
        *(press(db, schedule.add_extra_hours, TODAY, [one]) for one in windows),
        press(db, schedule.set_hours, [MON], [NOON]),
        press(db, schedule.set_accepting, False),
        press(db, schedule.set_dates, TODAY + DAY, TODAY + DAY, [], ""),
        press(db, schedule.change_zone, "Europe/Berlin", same_instants=False),
    )

    async with db.read() as session:
        coach = await session.get_one(Coach, (GUILD, COACH))
        assert await schedule.last_change(session, coach) == 11
    assert (coach.daily_limit, coach.accepting, coach.time_zone) == (2, False, "Europe/Berlin")
    assert await week(db) == {MON: [NOON]}
    assert [list(one.windows) for one in await dates(db)] == [windows, []]


async def test_every_change_is_in_the_audit_log(db: Database) -> None:
    await a_server_with_a_coach(db, hours=())
    tomorrow = TODAY + DAY

    await press(db, schedule.set_hours, [TUE, MON], [NOON, MORNING])
    await press(db, schedule.add_hours, [TUE, TUE], EVENING)
    await press(db, schedule.copy_day, MON, [WED, TUE])
    await press(db, schedule.set_dates, TODAY, tomorrow, [NOON], "A secret")
    await press(db, schedule.add_extra_hours, TODAY, [EVENING])
    await press(db, schedule.clear_dates, TODAY, tomorrow)
    await press(db, schedule.set_rules, Rules(weekly_limit=4))
    await press(db, schedule.set_accepting, False)
    await press(db, schedule.set_accepting, True)
    await press(db, schedule.change_zone, "Berlin", same_instants=True)
    await press(db, schedule.undo, 10)

    entries = await fetch_all(db, select(AuditEntry).order_by(AuditEntry.id))
    span = {"first": "2026-03-02", "last": "2026-03-03"}
    rules = entries[6].details
    assert {(one.actor_id, one.coach_id, one.at) for one in entries} == {(COACH, COACH, MONDAY)}
    assert [(one.action, one.details) for one in entries] == [
        ("hours_set", {"days": [MON, TUE], "windows": [[8 * 60, 14 * 60]]}),
        ("hours_added", {"days": [TUE], "window": [*EVENING]}),
        ("hours_copied", {"from": MON, "days": [TUE, WED]}),
        ("dates_set", span | {"windows": [[*NOON]]}),
        ("extra_hours_added", {"first": "2026-03-02", "last": "2026-03-02", "windows": [[*EVENING]]}),
        ("dates_cleared", span | {"windows": []}),
        ("rules_set", rules),
        ("bookings_paused", {}),
        ("bookings_resumed", {}),
        ("zone_changed", {"from": "UTC", "to": "Europe/Berlin", "same_instants": True}),
        ("change_undone", {"number": 10}),
    ]
    assert (rules["weekly_limit"], rules["durations_minutes"]) == (4, [60, 30, 90])
