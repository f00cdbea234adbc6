"""When unwatched time starts, and what else makes it."""

from collections.abc import Hashable, Mapping
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import discord
import pytest
from sqlalchemy import event, select
from sqlalchemy.engine import Engine
from sqlalchemy.exc import DBAPIError

from bot.gateway.attendance_watch import AttendanceWatch
from bot.gateway.lanes import Lanes, Step
from models import Attendance
from models.storage.database import Database
from tests.support.attended_sessions import a_meeting, at
from tests.support.builders import GUILD, STUDENT, FakeClock
from tests.support.transactions import fetch_all


class Steps(Lanes):
    """Lanes whose steps are taken by hand."""

    def run(self, key: Hashable, step: Step) -> None:
        self.take = step


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


async def test_an_event_that_cannot_be_recorded_is_given_up_after_eight_tries(db: Database) -> None:
    await a_meeting(db, watched_until=at(10))
    clock, steps = FakeClock(at(10)), Steps()
    watch = a_watch(db, clock, steps)
    watch.start()
    assert not await steps.take()

    watch.moved(GUILD, STUDENT, None, 2**64)  # too large for any column
    for _ in range(8):
        with pytest.raises((DBAPIError, OverflowError)):
            await steps.take()
    clock.now = at(30)

    assert not await steps.take()
    assert await unwatched(db) == [(at(10), at(30))]


@pytest.mark.parametrize(("count", "is_dropped"), [(500, False), (501, True)])
async def test_more_than_500_waiting_events_give_way_to_a_fresh_look(
    db: Database, count: int, is_dropped: bool
) -> None:
    await a_meeting(db, watched_until=at(10))
    clock, steps = FakeClock(at(10)), Steps()
    watch = a_watch(db, clock, steps)
    watch.start()
    assert not await steps.take()

    for _ in range(count):
        watch.moved(GUILD, STUDENT, None, 404)
    has_more = await steps.take()

    assert has_more is not is_dropped
