"""Servers in which Discord fails at the same step, each in another way, and one in which it doesn't."""

import contextlib
import datetime as dt
import fnmatch
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any

import discord
from discord.http import Route
from simcord.http.client import _path_of
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.demo import simcord_private
from models import AccessMode, CoachingSession, Notification, NotificationKind
from models.storage.database import Database
from tests.support.builders import a_coach, a_guild, a_session
from tests.support.simulated import MONDAY, Academy, academy, words
from tests.support.transactions import fetch

START = MONDAY + dt.timedelta(hours=2)
PROBLEM, FIXED = "Coaching needs an admin", "Solved"
"""The titles of messages to admins."""


class Fault(Enum):
    """How Discord fails: HTTP status, code and message, or discord.py's exception."""

    FORBIDDEN = (403, 50013, "Missing Permissions")
    UNKNOWN_CHANNEL = (404, 10003, "Unknown Channel")
    UNKNOWN_MEMBER = (404, 10007, "Unknown Member")
    TOO_MANY_CHANNELS = (400, 30013, "Maximum number of guild channels reached (500)")
    CATEGORY_FULL = (400, 50035, "Maximum number of channels in category reached (50)")
    DMS_CLOSED = (403, 50007, "Cannot send messages to this user")
    SERVER_ERROR = (500, 0, "Internal Server Error")
    SLOW_DOWN = discord.RateLimited(3600)
    TIMEOUT = TimeoutError()
    RESET = ConnectionResetError("Connection reset by peer")


@dataclass
class Place:
    """One server with one session, and how Discord fails there."""

    fault: Fault | None
    guild: Any
    log: Any
    coach: Any
    student: Any
    code: str
    session_id: int

    @property
    def room(self) -> Any:
        """Return the session's room."""
        return self.guild.channels.get(f"coaching-session-{self.code}")

    def told(self, title: str) -> int:
        """Count the messages to admins with this title."""
        return sum(title in words(message) for message in self.log.history())


@dataclass
class Failing:
    """All servers and the bot that serves them."""

    world: Academy
    places: list[Place]

    @property
    def healthy(self) -> Place:
        [one] = [place for place in self.places if place.fault is None]
        return one

    @property
    def ill(self) -> dict[Fault, Place]:
        return {place.fault: place for place in self.places if place.fault is not None}

    async def leap_to(self, *minutes: float) -> None:
        """Go to these minutes after the start, one after the other, and let the bot work each time.

        Direct messages go out in rounds 2 seconds apart, which only `wait_until` skips.
        """
        for one in minutes:
            at = START + dt.timedelta(minutes=one)
            simcord_private.set_clock(self.world.env, max(self.world.now, at - dt.timedelta(seconds=61)))
            await self.world.wait_until(at + dt.timedelta(seconds=5))

    @contextlib.contextmanager
    def refusing(
        self, method: str, path: Callable[[Place], str], faults: Iterable[Fault] = Fault
    ) -> Iterator[None]:
        """Let these requests fail during the block, in each server in its own way."""
        broken: dict[str, Exception] = {}
        for fault in faults:
            pattern, how = path(self.ill[fault]), fault.value
            if isinstance(how, Exception):
                broken[pattern] = how
            else:
                status, code, message = how
                self.world.env.inject_error(method, pattern, status=status, code=code, message=message, times=None)
        http: Any = self.world.env.bot.http
        original = http.request

        async def request(route: Route, **given: Any) -> Any:
            for pattern, error in broken.items():
                if route.method == method and fnmatch.fnmatch(_path_of(route.url), pattern):
                    raise error
            return await original(route, **given)

        http.request = request
        try:
            yield
        finally:
            http.request = original
            self.world.env.backend.faults.clear()

    @contextlib.contextmanager
    def deleting(self, places: Iterable[Place]) -> Iterator[Counter[str]]:
        """Delete each room as it opens during the block, and count them by session code."""
        http: Any = self.world.env.bot.http
        original, deleted = http.request, Counter[str]()

        async def request(route: Route, **given: Any) -> Any:
            answer = await original(route, **given)
            for place in places:
                if place.room is not None and (route.method, _path_of(route.url)) == (
                    "PATCH",
                    f"/channels/{place.room.id}",
                ):
                    self.world.env.backend.delete_channel(place.room.id)
                    deleted[place.code] += 1
            return answer

        http.request = request
        try:
            yield deleted
        finally:
            http.request = original

    async def row(self, place: Place) -> CoachingSession:
        return await fetch(self.world.db, CoachingSession, place.session_id)

    async def notification(self, place: Place, kind: NotificationKind) -> Notification:
        """Return the student's notification of this kind, or the room's."""
        async with self.world.db.read() as session:
            found = await session.scalars(
                select(Notification)
                .where(Notification.session_id == place.session_id, Notification.kind == kind)
                .where(Notification.user_id.is_(None) | (Notification.user_id == place.student.id))
            )
            return found.one()

    async def last_errors(self) -> dict[Fault, str]:
        """Return each session's stored error."""
        rows = {fault: await self.row(place) for fault, place in self.ill.items()}
        return {fault: row.last_error for fault, row in rows.items() if row.last_error is not None}

    def told(self, title: str = PROBLEM) -> dict[Fault, int]:
        """Count how often admins were told this, where they were."""
        counts = {fault: place.told(title) for fault, place in self.ill.items()}
        return {fault: count for fault, count in counts.items() if count}


_THREE_ROUNDS_SECONDS = 5.0
"""For how long each action waits: the 22 people here are written to in three rounds, two seconds apart."""


@contextlib.asynccontextmanager
async def failing(db: Database, mode: AccessMode = AccessMode.PEOPLE) -> AsyncIterator[Failing]:
    """Open a server for each fault and a healthy one, each with a session in two hours."""
    async with academy(db, tick_interval=dt.timedelta(minutes=1)) as world:
        async with db.begin() as session:
            places = [await _place(world, session, fault, mode) for fault in (None, *Fault)]
        await world.env.settle()
        world.env.settle_timeout = _THREE_ROUNDS_SECONDS
        yield Failing(world, places)


async def _place(world: Academy, session: AsyncSession, fault: Fault | None, mode: AccessMode) -> Place:
    name = fault.name.lower() if fault else "healthy"
    guild = world.env.create_guild(name)
    simcord_private.rename_bot(world.env, guild, "Coaching")
    log, rooms = guild.create_text_channel("log"), guild.create_category("Coaching")
    coach, student = (guild.add_member(world.env.create_user(f"{name}-{one}")) for one in ("coach", "student"))
    await a_guild(
        session,
        id=guild.id,
        review_channel_id=None,
        log_channel_id=log.id,
        room_category_id=rooms.id,
        access_mode=mode,
    )
    await a_coach(session, guild_id=guild.id, user_id=coach.id)
    booked = await a_session(session, starts_at=START, guild_id=guild.id, coach_id=coach.id, student_id=student.id)
    return Place(fault, guild, log, coach, student, booked.code, booked.id)
