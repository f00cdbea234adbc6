"""Who sees which room at every moment of random days: only its coach and participants, and only while it's open.

Checked after each of the bot's requests and each step of the day.
"""

import asyncio
import datetime as dt
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import discord
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.demo.one_thread import in_one_thread
from models import AccessMode, CoachingSession, Guild, SessionStatus
from models.storage.database import Database
from scheduler.booking import booking, cancellation, rescheduling
from scheduler.core.actor import Actor
from scheduler.core.errors import CoachingError
from scheduler.loop.tick import next_due
from scheduler.notifications.room_names import room_name
from scheduler.rooms import extensions
from scheduler.workshops import seats, workshops
from scheduler.workshops.terms import Terms
from tests.support.builders import ADMIN, MINUTE, a_coach
from tests.support.simulated import Academy, academy

ACCESS, HALF_HOUR = 5 * MINUTE, 30 * MINUTE
ALWAYS = [(day, 0, 24 * 60) for day in range(7)]
COACHES, STUDENTS = range(2), range(3)
AHEAD = (SessionStatus.SCHEDULED, SessionStatus.IN_PROGRESS)

_SEATS = {"sit down": seats.take, "stand up": seats.leave}

which = st.integers(0, 7)
STEPS = st.one_of(
    st.tuples(st.just("wait"), st.sampled_from([1, 4, 5, 10, 15, 30])),
    st.tuples(st.just("wait"), st.sampled_from([5, 10, 30])),
    st.tuples(st.just("book"), st.sampled_from(COACHES), st.sampled_from(STUDENTS), st.integers(1, 4)),
    st.tuples(st.just("announce"), st.sampled_from(COACHES), st.integers(1, 4)),
    st.tuples(st.just("sit down"), which, st.sampled_from(STUDENTS)),
    st.tuples(st.just("sit down"), which, st.sampled_from(STUDENTS)),
    st.tuples(st.just("stand up"), which, st.sampled_from(STUDENTS)),
    st.tuples(st.just("cancel"), which),
    st.tuples(st.just("reschedule"), which, st.integers(-2, 3)),
    st.tuples(st.just("extend"), which),
    st.tuples(st.just("delete"), which),
    st.tuples(st.just("leave"), st.integers(0, 4)),
    st.tuples(st.just("restart")),
)
DAYS = st.lists(STEPS, min_size=4, max_size=14)


@dataclass
class Day:
    """One day, and what its people may see."""

    world: Academy
    coaches: list[Any]
    students: list[Any]
    administrator: Any
    """Sees everything, by Discord's rules."""
    rows: dict[str, CoachingSession] = field(default_factory=dict)
    """Room name → its session."""
    seen: set[tuple[int, int]] = field(default_factory=set)
    """Who saw which room at the last check."""
    left: set[int] = field(default_factory=set)
    wrong: list[str] = field(default_factory=list)
    """What shouldn't have been seen. Collected, because the bot survives exceptions."""

    def look(self) -> None:
        """Record anyone who sees another's room, or their own before it opens."""
        people = [*self.coaches, *self.students, self.world.admin, self.world.outsider, self.world.student]
        now_seen: set[tuple[int, int]] = set()
        for room in self.rooms():
            row = self.rows[room.name]
            viewers = {one.id for one in people if self.world.sees(one, room)}
            if strangers := viewers - ({*row.people} - self.left):
                self.wrong.append(f"{room.name} is seen by {strangers}")
            if not self.world.sees(self.administrator, room):
                self.wrong.append(f"{room.name} is hidden from an administrator")
            now_seen |= {(viewer, room.id) for viewer in viewers}
            is_new = not {(viewer, room.id) for viewer in viewers} <= self.seen
            if is_new and self.world.now < row.starts_at - ACCESS:
                self.wrong.append(f"{room.name} is open too early")
        self.seen = now_seen

    def rooms(self) -> list[Any]:
        every = self.world.guild.channels
        return [every[name] for name in self.rows if name in every]

    def watch(self) -> None:
        """Check after each of the bot's requests."""
        http: Any = self.world.env.bot.http
        request = http.request

        async def watched(route: Any, **kwargs: Any) -> Any:
            answer = await request(route, **kwargs)
            self.look()
            return answer

        http.request = watched

    async def do(self, step: tuple[Any, ...]) -> None:
        """Do one step of the day; what the bot refuses doesn't happen."""
        name, *rest = step
        if name == "wait":
            await self.pass_to(self.world.now + rest[0] * MINUTE)
        elif name == "restart":
            await self.world.restart()
            self.watch()
        elif name == "leave":
            person = [*self.coaches, *self.students][rest[0]]
            if person.id not in self.left:
                self.left.add(person.id)
                self.world.guild.remove_member(person)
        elif name == "delete":
            rooms = self.rooms()
            if rooms:
                self.world.env.backend.delete_channel(rooms[rest[0] % len(rooms)].id)
                await self.world.env.settle()
        else:
            try:
                await self.write(name, *rest)
            except CoachingError:
                return
        await self.refresh()

    async def pass_to(self, until: dt.datetime) -> None:
        """Let time pass, from one due time to the next."""
        while self.world.now < until:
            due_at = await next_due(self.world.db)
            soon = self.world.now + dt.timedelta(seconds=2)
            await self.world.leap_to(min(until, max(due_at, soon)) if due_at else until)

    async def write(self, name: str, *rest: int) -> None:
        """Change data as a press would."""
        world, now = self.world, self.world.now
        known = sorted(self.rows.values(), key=lambda row: row.id)
        async with world.db.begin() as session:
            if name == "book":
                coach, student = self.coaches[rest[0]], self.students[rest[1]]
                full = now.replace(minute=0, second=0, microsecond=0)
                guild = await session.get_one(Guild, world.guild.id)
                at = full + rest[2] * HALF_HOUR
                await booking.book(session, guild, Actor(student.id), coach.id, at, HALF_HOUR, None, now)
            elif name == "announce":
                full = now.replace(minute=0, second=0, microsecond=0)
                guild = await session.get_one(Guild, world.guild.id)
                terms = Terms("Mixing", "", full + rest[1] * HALF_HOUR, HALF_HOUR, seats=2, price_minor=0)
                await workshops.create(session, guild, ADMIN, self.coaches[rest[0]].id, terms, now)
            elif name in _SEATS:
                if classes := [row for row in known if row.is_workshop]:
                    student = Actor(self.students[rest[1]].id)
                    await _SEATS[name](session, classes[rest[0] % len(classes)].id, student, now)
            elif known:
                row = known[rest[0] % len(known)]
                actor = Actor(row.people[-1])
                if name == "cancel":
                    await cancellation.cancel(session, row.id, actor, row.guild_id, "", now)
                elif name == "extend":
                    more = extensions.Terms(row.ends_at + extensions.EXTENSION, 0)
                    await extensions.ask(session, row.id, actor, more, now)
                    await extensions.agree(session, row.id, Actor(row.coach_id), more, now)
                else:
                    at = row.starts_at + rest[1] * HALF_HOUR
                    await rescheduling.reschedule(session, row.id, actor, at, "", now)

    async def refresh(self) -> None:
        """Let the bot know, wait until all is quiet, and check."""
        self.rows = {room_name(row.code): row for row in await self.world.sessions()}
        await self.world.leap_to(self.world.now + dt.timedelta(seconds=1))
        self.rows = {room_name(row.code): row for row in await self.world.sessions()}
        self.look()
        assert self.wrong == []
        self.look_closely()

    def look_closely(self) -> None:
        """Check what must be true once all is quiet: all see open rooms, and finished sessions have none."""
        there = {room.id: room.name for room in self.rooms()}
        ahead = [row for row in self.rows.values() if row.status in AHEAD]
        for row in ahead:
            both = {*row.people}
            if not both & self.left and row.starts_at - ACCESS <= self.world.now < row.ends_at:
                # They share the room of an earlier session until that one is over.
                shared = [
                    one
                    for one in ahead
                    if one is row
                    or ({*one.people} == both and one.starts_at <= row.starts_at and not row.is_workshop)
                ]
                [room_id] = {one.discord_channel_id for one in shared} & there.keys()
                assert {viewer for viewer, seen_id in self.seen if seen_id == room_id} == both, row.code
        kept = {row.discord_channel_id for row in ahead}
        for name, row in self.rows.items():
            if row not in ahead and not {*row.people} & self.left:
                left_over = [one for one, called in there.items() if called == name and one not in kept]
                assert left_over == [], name


async def live(db: Database, mode: AccessMode, steps: list[tuple[Any, ...]]) -> None:
    """Live a day that begins with sessions side by side and back to back."""
    async with academy(db) as world:
        await world.already_open()

        def member(name: str) -> Any:
            return world.guild.add_member(world.env.create_user(name))

        powers = world.guild.create_role("Administrator", permissions=discord.Permissions(administrator=True))
        administrator = world.guild.add_member(world.env.create_user("root"), roles=[powers])
        day = Day(
            world, [member(f"c{one}") for one in COACHES], [member(f"s{one}") for one in STUDENTS], administrator
        )
        async with db.begin() as session:
            guild = await session.get_one(Guild, world.guild.id)
            guild.access_mode, guild.workshop_channel_id = mode, world.review.id
            for coach in day.coaches:
                await a_coach(
                    session, guild_id=world.guild.id, user_id=coach.id, hours=ALWAYS, durations_minutes=[30]
                )
        day.watch()
        for booked in ((0, 0, 1), (1, 1, 1), (0, 2, 2), (1, 1, 2), (1, 0, 3)):
            await day.do(("book", *booked))
        for step in [("wait", 16), *steps, ("wait", 30), ("wait", 120)]:
            await day.do(step)

        asked: list[Any] = [one.json for one in world.env.http_requests if one.method == "POST" and one.json]
        made = [one for one in asked if str(one.get("name", "")).startswith(room_name("")) and "type" in one]
        assert made
        for body in made:
            given = {int(one["id"]): one for one in body["permission_overwrites"]}
            assert given.keys() == {world.guild.id, world.env.backend.bot_user.id}
            assert not discord.Permissions(int(given[world.guild.id]["allow"])).view_channel
            assert discord.Permissions(int(given[world.guild.id]["deny"])).view_channel


def on_a_new_database(path: Path, mode: AccessMode, steps: list[tuple[Any, ...]]) -> None:
    """Live these steps from the beginning; Hypothesis's examples can't share a fixture."""

    async def run() -> None:
        with tempfile.TemporaryDirectory() as folder:
            db = in_one_thread(Database(f"sqlite:///{shutil.copy(path, Path(folder) / 'coachbot.db')}"))
            try:
                await live(db, mode, steps)
            finally:
                await db.close()

    asyncio.run(run())


A_WORKSHOP: list[tuple[Any, ...]] = [
    *(("announce", 1, 4), ("sit down", 0, 0), ("sit down", 0, 2), ("sit down", 0, 1), ("wait", 30), ("wait", 30)),
    *(("stand up", 0, 0), ("sit down", 0, 1), ("restart",), ("wait", 5), ("leave", 4), ("wait", 30)),
]
"""The room is opened, then one gives their seat to another; a third leaves the server."""
EVENTFUL: list[tuple[Any, ...]] = [
    *(("wait", 10), ("delete", 0), ("reschedule", 1, 2), ("restart",), ("wait", 5), ("extend", 0), ("leave", 2)),
    *(("book", 1, 1, 3), ("wait", 30), ("cancel", 3), ("wait", 30)),
]


@pytest.mark.parametrize("mode", [AccessMode.PEOPLE, pytest.param(AccessMode.ROLE, marks=pytest.mark.slow)])
def test_everyone_sees_only_their_own_open_rooms_on_an_eventful_day(
    migrated_sqlite: Path, mode: AccessMode
) -> None:
    on_a_new_database(migrated_sqlite, mode, EVENTFUL)


@pytest.mark.slow
@pytest.mark.parametrize("mode", list(AccessMode))
def test_the_room_of_a_workshop_is_seen_by_those_who_have_a_seat_now(
    migrated_sqlite: Path, mode: AccessMode
) -> None:
    on_a_new_database(migrated_sqlite, mode, A_WORKSHOP)


@pytest.mark.slow
@given(mode=st.sampled_from(AccessMode), steps=DAYS)
@settings(max_examples=1, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
def test_nobody_sees_anothers_room_or_a_closed_one_on_random_days(
    migrated_sqlite: Path, mode: AccessMode, steps: list[tuple[Any, ...]]
) -> None:
    on_a_new_database(migrated_sqlite, mode, steps)


@pytest.mark.slow
@given(mode=st.sampled_from(AccessMode), steps=DAYS)
@settings(max_examples=20, suppress_health_check=[HealthCheck.too_slow])
def test_nobody_sees_anothers_room_or_a_closed_one_on_many_random_days(
    migrated_sqlite: Path, mode: AccessMode, steps: list[tuple[Any, ...]]
) -> None:
    on_a_new_database(migrated_sqlite, mode, steps)
