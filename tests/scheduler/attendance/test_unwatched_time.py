"""Time when nobody was watching, because of restarts or lost connections, and what it means at the end."""

from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import select

from models import Absent, Heartbeat, SessionStatus
from models.storage.database import Database
from scheduler.attendance import attendance
from tests.support.attended_sessions import ELEVEN, ROOM, TEN, a_meeting, at, finished, restarts, stays
from tests.support.builders import COACH, GUILD, MINUTE, STUDENT, FakeClock, a_guild
from tests.support.fakes import FakeDiscord
from tests.support.rounds import tick
from tests.support.transactions import fetch_all, query, transact


async def test_a_restart_records_who_stayed_who_left_and_who_came(db: Database) -> None:
    await a_meeting(db, (COACH, 0, None), (STUDENT, 1, None))

    await restarts(db, {ROOM: {STUDENT, STUDENT + 1}}, 20, unseen_since=12)
    await restarts(db, {ROOM: {STUDENT, COACH}}, 40, unseen_since=35)

    assert await stays(db) == [
        (COACH, at(0), at(12)),  # when it was last known
        (STUDENT, at(1), None),
        (None, at(12), at(20)),
        (COACH, at(40), None),
        (None, at(35), at(40)),
    ]


async def test_a_second_restart_at_once_changes_nothing(db: Database) -> None:
    session_id = await a_meeting(db, (COACH, 0, None))
    for minute in (20, 20):
        await restarts(db, {ROOM: {STUDENT}}, minute, unseen_since=18)

    assert (await stays(db))[:2] == [(COACH, at(0), at(18)), (STUDENT, at(20), None)]
    assert (await finished(db, session_id)).absent is Absent.STUDENT  # 2 minutes were unwatched, not 4


async def test_nobody_is_recorded_as_leaving_before_they_came(db: Database) -> None:
    await a_meeting(db, (COACH, 30, None))

    await restarts(db, {}, 40, unseen_since=20)

    assert await stays(db) == [(COACH, at(30), at(30)), (None, at(20), at(40))]


async def test_time_before_the_room_opened_was_not_unwatched(db: Database) -> None:
    await a_meeting(db)

    await restarts(db, {}, 3, unseen_since=-300)

    assert await stays(db) == [(None, at(-5), at(3))]


@pytest.mark.parametrize("unseen_since", [None, 25])
async def test_a_clock_that_was_put_back_makes_no_negative_gap(db: Database, unseen_since: int | None) -> None:
    await a_meeting(db, (COACH, 0, None), access_granted_at=at(25))

    await restarts(db, {}, 20, unseen_since=unseen_since)

    assert await stays(db) == [(COACH, at(0), at(20))]


async def test_after_the_end_only_leaving_is_recorded(db: Database) -> None:
    await a_meeting(db, (COACH, 0, None), status=SessionStatus.COMPLETED, next_step_at=at(75))

    await restarts(db, {}, 70, unseen_since=62)

    assert await stays(db) == [(COACH, at(0), at(62))]


async def test_servers_we_cannot_see_are_left_alone(db: Database) -> None:
    await a_meeting(db, (COACH, 0, None))
    await transact(db, a_guild, id=GUILD + 1)

    await restarts(db, {}, 20, unseen_since=10, guild_ids=[GUILD + 1])
    await restarts(db, {}, 20, unseen_since=10, guild_ids=[])

    assert await stays(db) == [(COACH, at(0), None)]


@pytest.mark.parametrize(
    "changed",
    [
        {"access_granted_at": None, "status": SessionStatus.SCHEDULED},
        {"room_removed_at": ELEVEN, "status": SessionStatus.COMPLETED, "next_step_at": None},
    ],
    ids=["hidden", "gone"],
)
async def test_rooms_that_are_not_open_are_ignored(db: Database, changed: dict[str, Any]) -> None:
    await a_meeting(db, **changed)

    await restarts(db, {ROOM: {COACH}}, 20, unseen_since=10)

    assert await stays(db) == []


# What a gap means at the end.


@pytest.mark.parametrize(
    ("gap", "absent"), [((16, 20), Absent.STUDENT), ((16, 21), None), ((-30, 4), Absent.STUDENT)]
)
async def test_after_a_gap_of_five_minutes_nobody_is_absent(
    db: Database, gap: tuple[int, int], absent: Absent | None
) -> None:
    session_id = await a_meeting(db, (COACH, 0, None))
    await restarts(db, {ROOM: {COACH}}, gap[1], unseen_since=gap[0])

    one = await finished(db, session_id)

    assert one.absent is absent
    assert one.status is (SessionStatus.NO_SHOW if absent else SessionStatus.COMPLETED)


@pytest.mark.parametrize(
    ("watched_until", "absent"),
    [(at(60), Absent.STUDENT), (at(56), Absent.STUDENT), (at(55), None), (at(-60), None), (None, None)],
)
async def test_time_after_the_last_heartbeat_is_unwatched(
    db: Database, watched_until: datetime | None, absent: Absent | None
) -> None:
    session_id = await a_meeting(db, (COACH, 0, None), watched_until=watched_until)

    assert (await finished(db, session_id)).absent is absent


async def test_after_a_restart_past_the_end_nobody_is_absent_for_unwatched_time(db: Database) -> None:
    session_id = await a_meeting(db, (COACH, 0, None), watched_until=at(50))
    await restarts(db, {}, 90, unseen_since=50)

    one = await finished(db, session_id, at(90))

    assert (one.status, one.absent) == (SessionStatus.COMPLETED, None)


async def test_only_a_tick_of_a_bot_that_watches_says_so(db: Database) -> None:
    await transact(db, a_guild)
    clock = FakeClock(TEN)

    seen: list[datetime | None] = []
    for unwatched in (None, {}, {}, None):
        await tick(db, FakeDiscord(), clock, unwatched=lambda found=unwatched: found)
        clock.forward(MINUTE)
        seen.append(await query(db, attendance.watched_until, GUILD))

    assert seen == [None, at(1), at(2), at(2)]
    assert await stays(db) == []


# One server is recorded less far than the others.


async def beats(db: Database) -> dict[str, datetime]:
    return {one.job: one.at for one in await fetch_all(db, select(Heartbeat))}


@pytest.mark.parametrize(
    ("unwatched", "absent"),
    [
        ({}, Absent.STUDENT),
        ({GUILD: at(20)}, None),
        ({GUILD: at(58)}, Absent.STUDENT),
        ({GUILD + 1: at(20)}, Absent.STUDENT),
    ],
    ids=["none", "this one", "this one for a moment", "another one"],
)
async def test_nobody_is_absent_for_time_that_is_not_recorded_yet(
    db: Database, unwatched: dict[int, datetime], absent: Absent | None
) -> None:
    session_id = await a_meeting(db, (COACH, 0, None), watched_until=None)
    await tick(db, FakeDiscord(), FakeClock(at(59)), unwatched=lambda: unwatched)

    assert (await finished(db, session_id)).absent is absent


async def test_a_server_that_is_recorded_again_is_like_the_others(db: Database) -> None:
    await transact(db, a_guild)
    seen: list[dict[str, datetime]] = []

    found: list[dict[int, datetime] | None] = [{}, {GUILD: at(0)}, {GUILD: at(0), GUILD + 1: at(2)}, None, {}]
    for minute, unwatched in enumerate(found):
        await tick(db, FakeDiscord(), FakeClock(at(minute)), unwatched=lambda found=unwatched: found)
        seen.append(await beats(db))

    late, later = f"watch:{GUILD}", f"watch:{GUILD + 1}"
    assert [set(one) - {"tick", "watch"} for one in seen] == [set(), {late}, {late, later}, {late, later}, set()]
    assert (seen[2][late], seen[2][later]) == (seen[3][late], seen[3][later]) == (at(0), at(2))
    assert [one["watch"] for one in seen] == [at(0), at(1), at(2), at(2), at(4)]
