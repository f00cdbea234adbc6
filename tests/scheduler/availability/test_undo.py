"""What's true of every change to a coach's hours: who can make it, whom it affects, and that it can be undone."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import select

from models import AuditEntry, CoachStatus
from models.storage.database import Database
from scheduler.availability import schedule
from scheduler.availability.booking_policy import Rules
from scheduler.core.errors import CoachingError, NotFound, TooLate
from tests.support.builders import COACH, DAY, GUILD, a_coach, a_date, a_guild, a_server_with_a_coach, everything
from tests.support.parameters import first_plain
from tests.support.schedule_changes import (
    MON,
    MORNING,
    NOON,
    TODAY,
    TUE,
    WED,
    UseCase,
    ask,
    press,
    refused,
    week,
)
from tests.support.transactions import fetch_all

NEXT_WEEK = TODAY + 7 * DAY
CHANGES: dict[str, tuple[UseCase, tuple[Any, ...], dict[str, Any]]] = {
    "set hours": (schedule.set_hours, ([MON, WED], [NOON]), {}),
    "add hours": (schedule.add_hours, ([MON, WED], NOON), {}),
    "copy a day": (schedule.copy_day, (MON, [TUE, WED]), {}),
    "set dates": (schedule.set_dates, (TODAY, NEXT_WEEK, [NOON], "A wedding"), {}),
    "extra hours": (schedule.add_extra_hours, (TODAY, [NOON]), {}),
    "extra hours on a date that has some": (schedule.add_extra_hours, (NEXT_WEEK, [NOON]), {}),
    "clear dates": (schedule.clear_dates, (TODAY - DAY, NEXT_WEEK), {}),
    "rules": (schedule.set_rules, (Rules(durations_minutes=(45,), horizon_days=7, daily_limit=2),), {}),
    "pause": (schedule.set_accepting, (False,), {}),
    "zone": (schedule.change_zone, ("Asia/Kathmandu",), {"same_instants": False}),
    "zone, same instants": (schedule.change_zone, ("Asia/Kathmandu",), {"same_instants": True}),
}
every_change = pytest.mark.parametrize("name", CHANGES)


async def coaches(db: Database) -> None:
    """Store three coaches with the same hours and dates: Cara, someone else, and Cara on another server."""
    async with db.begin() as session:
        for guild_id in (GUILD, GUILD + 1):
            await a_guild(session, id=guild_id)
        for guild_id, user_id in ((GUILD, COACH), (GUILD, COACH + 1), (GUILD + 1, COACH)):
            whose: dict[str, Any] = {"guild_id": guild_id, "coach_id": user_id}
            hours = [(MON, *MORNING), (TUE, *NOON)]
            await a_coach(
                session, guild_id=guild_id, user_id=user_id, hours=hours, weekly_limit=9, time_zone="Europe/Berlin"
            )
            await a_date(session, TODAY - DAY, reason="Past", **whose)
            await a_date(session, TODAY + DAY, reason="Holiday", **whose)
            await a_date(session, NEXT_WEEK, (60, 120), (18 * 60, 24 * 60), adds=True, **whose)


async def make(db: Database, name: str) -> bool | None:
    use_case, args, named = CHANGES[name]
    return await press(db, use_case, *args, **named)


Rows = dict[str, list[tuple[Any, ...]]]
_LOGS_AND_LOCKS = ("audit_entries", "availability_changes", "members")


async def hours_and_rules(db: Database) -> Rows:
    """Return all rows except logs and locks, and weekly hours without their keys."""
    rows = await everything(db)
    rows["availability_rules"] = sorted(row[1:] for row in rows["availability_rules"])
    return {name: found for name, found in rows.items() if name not in _LOGS_AND_LOCKS}


def of_others(rows: Rows) -> Rows:
    """Return the rows of anyone but Cara on her server."""
    return {
        "coaches": [row for row in rows["coaches"] if row[:2] != (GUILD, COACH)],
        "date_overrides": [row for row in rows["date_overrides"] if row[:2] != (GUILD, COACH)],
        "availability_rules": [row for row in rows["availability_rules"] if row[1:3] != (GUILD, COACH)],
    }


@every_change
async def test_undoing_a_change_restores_everything(db: Database, name: str) -> None:
    await coaches(db)
    before = await hours_and_rules(db)
    await make(db, name)
    between = await hours_and_rules(db)

    await press(db, schedule.undo, 1)

    assert between != before
    assert await hours_and_rules(db) == before


@every_change
async def test_a_change_leaves_other_coaches_and_servers_alone(db: Database, name: str) -> None:
    await coaches(db)
    before = of_others(await everything(db))

    await make(db, name)
    after_the_change = of_others(await everything(db))
    await press(db, schedule.undo, 1)

    assert {table: len(rows) for table, rows in before.items()} == {
        "coaches": 2,
        "date_overrides": 6,
        "availability_rules": 4,
    }
    assert after_the_change == before
    assert of_others(await everything(db)) == before


@pytest.mark.parametrize(
    "status", first_plain([CoachStatus.PENDING, CoachStatus.REJECTED, CoachStatus.SUSPENDED, None])
)
async def test_only_coaches_of_this_server_can_change_anything(db: Database, status: CoachStatus | None) -> None:
    async with db.begin() as session:
        await a_guild(session)
        if status is not None:
            await a_coach(session, status=status)

    sentences = {
        await refused(db, use_case, *args, kind=NotFound, **named) for use_case, args, named in CHANGES.values()
    }
    sentences.add(await refused(db, schedule.undo, 1, kind=NotFound))

    assert len(sentences) == 1


@every_change
async def test_a_change_can_be_undone_only_once(db: Database, name: str) -> None:
    await coaches(db)
    await make(db, name)
    await press(db, schedule.undo, 1)

    sentence = await refused(db, schedule.undo, 1, kind=TooLate)

    assert sentence == "You can only undo your last change, and only once."


@every_change
async def test_a_change_that_changes_nothing_leaves_the_last_one_to_undo(db: Database, name: str) -> None:
    await coaches(db)
    before = await hours_and_rules(db)

    changed = [await make(db, name) for _ in range(3)]

    assert changed == [True, False, False]
    assert await ask(db, schedule.last_change) == 1
    assert len(await fetch_all(db, select(AuditEntry))) == 1
    await press(db, schedule.undo, 1)
    assert await hours_and_rules(db) == before


async def test_only_the_last_change_can_be_undone(db: Database) -> None:
    await coaches(db)
    await make(db, "set hours")
    before = await hours_and_rules(db)
    await make(db, "zone, same instants")

    await refused(db, schedule.undo, 1, kind=TooLate)
    await refused(db, schedule.undo, 3, kind=TooLate)
    await press(db, schedule.undo, 2)

    assert await hours_and_rules(db) == before
    await refused(db, schedule.undo, 1, kind=TooLate)


async def test_changes_are_numbered_and_undone_ones_are_not_offered(db: Database) -> None:
    await a_server_with_a_coach(db)

    await refused(db, schedule.undo, 1, kind=TooLate)
    assert await ask(db, schedule.last_change) is None
    for number, name in enumerate(("pause", "set hours"), 1):
        await make(db, name)
        assert await ask(db, schedule.last_change) == number
    await press(db, schedule.undo, 2)
    assert await ask(db, schedule.last_change) is None
    await make(db, "rules")
    assert await ask(db, schedule.last_change) == 3


async def test_one_of_several_concurrent_undos_succeeds(db: Database) -> None:
    await coaches(db)
    before = await hours_and_rules(db)
    await make(db, "set dates")

    outcomes = await asyncio.gather(*(press(db, schedule.undo, 1) for _ in range(4)), return_exceptions=True)

    assert [type(one) for one in outcomes if isinstance(one, CoachingError)] == [TooLate] * 3
    assert [one for one in outcomes if not isinstance(one, CoachingError)] == [None]
    assert await hours_and_rules(db) == before


async def test_undoing_during_another_change_loses_neither(db: Database) -> None:
    await a_server_with_a_coach(db, hours=[(MON, *MORNING)])
    await press(db, schedule.set_hours, [TUE], [MORNING])

    undone, _ = await asyncio.gather(
        press(db, schedule.undo, 1), press(db, schedule.add_hours, [WED], NOON), return_exceptions=True
    )

    assert undone is None or isinstance(undone, TooLate)
    tuesday = {} if undone is None else {TUE: [MORNING]}
    assert await week(db) == {MON: [MORNING], **tuesday, WED: [NOON]}
