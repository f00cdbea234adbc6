"""What coaches earned by month, compared with adding it up in plain Python, on both engines."""

from collections import defaultdict
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete

from models import Absent, CoachingSession, Guild, Participant, SessionStatus
from models.storage.database import Database
from scheduler.booking import cancellation
from scheduler.core.errors import NotAllowed
from scheduler.credits import charges
from scheduler.credits.charges import Charge, charge_of
from scheduler.reports import earnings
from scheduler.reports.earnings import Earned
from tests.support.bookings import CARA, STU
from tests.support.builders import (
    ADMIN,
    COACH,
    DAY,
    GUILD,
    HOUR,
    MINUTE,
    MONDAY,
    a_coach,
    a_guild,
    a_server_with_a_coach,
    a_session,
    refusal,
    statements,
)
from tests.support.credits import a_lot, book_with_credit
from tests.support.transactions import query, transact

MARCH, APRIL = date(2026, 3, 1), date(2026, 4, 1)
LATER = MONDAY + 60 * DAY
SETTLED: dict[str, Any] = {"status": SessionStatus.COMPLETED, "reserved": False}


async def earned(db: Database, now: datetime = LATER, since: date | None = None) -> list[Earned]:
    guild = await query(db, lambda session: session.get_one(Guild, GUILD))
    return await query(db, earnings.by_month, guild, ADMIN, now, since=since)


async def figures(db: Database, **named: Any) -> list[tuple[date, int, int, int]]:
    """Return month, sessions, minutes and total of each line."""
    return [(one.month, one.sessions, one.minutes, one.total_minor) for one in await earned(db, **named)]


OUTCOMES: list[tuple[dict[str, Any], bool]] = [
    ({"status": SessionStatus.COMPLETED}, True),
    ({"status": SessionStatus.COMPLETED, "missed_at": MONDAY}, False),
    ({"status": SessionStatus.COMPLETED, "missed_at": MONDAY, "took_place": True}, True),
    ({"status": SessionStatus.NO_SHOW, "absent": Absent.STUDENT}, True),
    ({"status": SessionStatus.NO_SHOW, "absent": Absent.COACH}, False),
    ({"status": SessionStatus.NO_SHOW, "absent": Absent.BOTH}, False),
    ({"status": SessionStatus.CANCELLED, "cancelled_late": True}, True),
    ({"status": SessionStatus.CANCELLED, "cancelled_late": False}, False),
    ({"status": SessionStatus.CANCELLED}, False),
    ({"status": SessionStatus.SCHEDULED}, False),
    ({"status": SessionStatus.IN_PROGRESS}, False),
]


@pytest.mark.parametrize("is_waived", [False, True])
@pytest.mark.parametrize(("outcome", "counts"), OUTCOMES)
async def test_money_counts_where_credit_would_be_charged(
    db: Database, outcome: dict[str, Any], counts: bool, is_waived: bool
) -> None:
    await a_server_with_a_coach(db)
    waived = {"charge_waived_at": MONDAY} if is_waived else {}

    one = await transact(db, a_session, reserved=False, **outcome, **waived)

    is_charged = charge_of(one.student) is Charge.CHARGED
    assert is_charged is (counts and not is_waived)
    assert await figures(db) == ([(MARCH, 1, 60, 6000)] if is_charged else [])


async def test_credit_counts_once_it_is_charged_and_no_longer_when_it_is_waived(db: Database) -> None:
    await a_server_with_a_coach(db, guild={"cancel_notice_minutes": 180})
    await transact(db, a_lot, 60)
    one = await transact(db, book_with_credit)
    before = await earned(db)
    await transact(db, cancellation.cancel, one.id, STU, GUILD, "", MONDAY)
    charged = await earned(db, now=MONDAY)
    await transact(db, charges.waive, one.id, CARA, MONDAY)

    assert before == []
    assert charged == [Earned(MARCH, COACH, "Cara", "USD", 1, 60, 60, 6000, 0)]
    assert charged[0].total_minor == 6000
    assert await earned(db) == []


async def test_an_extension_is_money_and_ending_early_changes_nothing(db: Database) -> None:
    await a_server_with_a_coach(db)
    start = MONDAY
    await transact(
        db,
        a_session,
        starts_at=start,
        ends_at=start + 75 * MINUTE,
        credit_minutes=60,
        credit_worth_minor=6000,
        credit_charged_at=MONDAY,
        total_cost_minor=1500,
        **SETTLED,
    )
    await transact(
        db, a_session, starts_at=start, ends_at=start + 10 * MINUTE, agreed_ends_at=start + HOUR, **SETTLED
    )

    assert await earned(db) == [Earned(MARCH, COACH, "Cara", "USD", 2, 135, 60, 6000, 7500)]


async def test_currencies_coaches_and_servers_are_kept_apart(db: Database) -> None:
    await a_server_with_a_coach(db)
    async with db.begin() as session:
        await a_coach(session, user_id=COACH + 1, display_name="Cy")
        await a_guild(session, id=GUILD + 1)
        await a_coach(session, guild_id=GUILD + 1)
        others: list[dict[str, Any]] = [{"currency": "EUR"}, {"coach_id": COACH + 1}, {"guild_id": GUILD + 1}]
        for changed in ({}, *others):
            await a_session(session, **SETTLED, **changed)

    found = [(one.coach_name, one.currency, one.sessions) for one in await earned(db)]

    assert found == [("Cara", "EUR", 1), ("Cara", "USD", 1), ("Cy", "USD", 1)]


async def test_the_newest_month_comes_first_and_whole_months_count(db: Database) -> None:
    await a_server_with_a_coach(db)
    for day in (-40, 0, 1, 35):
        await transact(db, a_session, starts_at=MONDAY + day * DAY, **SETTLED)

    assert [month for month, *_ in await figures(db)] == [APRIL, MARCH, date(2026, 1, 1)]
    assert await figures(db, since=date(2026, 3, 31)) == [(APRIL, 1, 60, 6000), (MARCH, 2, 120, 12_000)]


@pytest.mark.parametrize(
    ("zone", "at", "month"),
    [
        ("Europe/Berlin", datetime(2026, 3, 31, 21, 59, tzinfo=UTC), MARCH),
        ("Europe/Berlin", datetime(2026, 3, 31, 22, tzinfo=UTC), APRIL),
        ("America/New_York", datetime(2026, 4, 1, 3, 59, tzinfo=UTC), MARCH),
        ("America/New_York", datetime(2026, 4, 1, 4, tzinfo=UTC), APRIL),
    ],
)
async def test_months_are_those_of_the_servers_clock(db: Database, zone: str, at: datetime, month: date) -> None:
    await a_server_with_a_coach(db, guild={"time_zone": zone})
    await transact(db, a_session, starts_at=at, **SETTLED)

    assert [one for one, *_ in await figures(db)] == [month]


async def test_only_admins_see_what_coaches_earn(db: Database) -> None:
    await transact(db, a_guild)
    guild = await query(db, lambda session: session.get_one(Guild, GUILD))

    await refusal(db, NotAllowed, lambda session: earnings.by_month(session, guild, CARA, MONDAY))


SESSIONS = st.lists(
    st.tuples(st.integers(-90 * 48, 90 * 48), st.sampled_from([COACH, COACH + 1]), st.sampled_from([30, 60, 90])),
    max_size=30,
)


@pytest.mark.parametrize("engine_name", ["sqlite"])
@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "Pacific/Apia", "America/Scoresbysund"])
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=SESSIONS)
async def test_all_sessions_are_in_the_right_month(
    db: Database, zone: str, rows: list[tuple[int, int, int]]
) -> None:
    expected: defaultdict[tuple[date, int], int] = defaultdict(int)
    async with db.begin() as session:
        if await session.get(Guild, GUILD) is None:
            await a_guild(session, time_zone=zone)
            await a_coach(session)
            await a_coach(session, user_id=COACH + 1)
        await session.execute(delete(Participant))
        await session.execute(delete(CoachingSession))
        for half_hours, coach_id, minutes in rows:
            at = MONDAY + half_hours * 30 * MINUTE
            await a_session(session, starts_at=at, ends_at=at + minutes * MINUTE, coach_id=coach_id, **SETTLED)
            expected[at.astimezone(ZoneInfo(zone)).date().replace(day=1), coach_id] += minutes

    assert {(one.month, one.coach_id): one.minutes for one in await earned(db)} == expected


async def test_a_long_history_takes_as_many_statements_as_none(db: Database) -> None:
    await a_server_with_a_coach(db)
    costs: list[int] = []
    guild = await query(db, lambda session: session.get_one(Guild, GUILD))
    for _ in range(2):
        with statements(db) as said:
            await transact(db, earnings.by_month, guild, ADMIN, LATER)
        costs.append(len(said))
        async with db.begin() as session:
            for day in range(50):
                await a_session(session, starts_at=MONDAY - day * DAY, **SETTLED)

    assert costs[0] == costs[1] <= 4
