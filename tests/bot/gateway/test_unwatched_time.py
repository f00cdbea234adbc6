"""When unwatched time starts if there are several reasons for it."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import discord
import pytest
from sqlalchemy import event, select
from sqlalchemy.engine import Engine

from bot.gateway.attendance_watch import AttendanceWatch
from bot.gateway.lanes import Lanes
from models import Attendance
from models.storage.database import Database
from tests.support.attended_sessions import a_meeting, at
from tests.support.builders import GUILD, STUDENT, FakeClock
from tests.support.transactions import fetch_all


def a_watch(db: Database, clock: FakeClock, lanes: Lanes) -> AttendanceWatch:
    """Watch one server with empty rooms."""
    server = SimpleNamespace(id=GUILD, unavailable=False, voice_channels=[])
    client = SimpleNamespace(guilds=[server], get_guild=lambda _id: server)
    return AttendanceWatch(cast("discord.Client", client), db, clock, lanes, wake=lambda: None, sweep=lambda: None)


async def unwatched(db: Database) -> list[tuple[datetime, datetime | None]]:
    """Return when recorded unwatched times start and end."""
    rows = await fetch_all(db, select(Attendance).where(Attendance.user_id.is_(None)))
    return [(one.joined_at, one.left_at) for one in rows]


@pytest.mark.parametrize(("heartbeat", "lost"), [(10, 20), (20, 10)])
async def test_the_earliest_of_several_gaps_counts(db: Database, heartbeat: int, lost: int) -> None:
    await a_meeting(db, (STUDENT, 0, None), watched_until=at(heartbeat))
    clock, lanes = FakeClock(at(lost)), Lanes()
    watch = a_watch(db, clock, lanes)
    watch.start()  # a gap since the last heartbeat
    watch.guild_lost(GUILD)  # and one since now
    clock.now = at(30)

    await lanes.wait_until_tried(within=timedelta(seconds=30))

    assert await unwatched(db) == [(at(10), at(30))]


async def test_a_new_gap_does_not_hide_the_one_being_closed(db: Database) -> None:
    await a_meeting(db, (STUDENT, 0, None))
    clock, lanes = FakeClock(at(10)), Lanes()
    watch = a_watch(db, clock, lanes)
    watch.connection_lost()
    watch.start()
    clock.now = at(20)
    seen: list[Mapping[int, datetime] | None] = []

    def meanwhile(*_: Any) -> None:
        if not seen:
            watch.guild_lost(GUILD)
            seen.append(watch.unwatched())

    event.listen(Engine, "before_cursor_execute", meanwhile)
    try:
        await lanes.wait_until_tried(within=timedelta(seconds=30))
    finally:
        event.remove(Engine, "before_cursor_execute", meanwhile)

    assert seen == [{GUILD: at(10)}]
    assert await unwatched(db) == [(at(10), at(20))]
