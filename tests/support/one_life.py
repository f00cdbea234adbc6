"""One session's whole life, phase by phase, and what must be true at every moment."""

import datetime as dt
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select

from models import AccessMode, CoachingSession, Guild, Notification, NotificationKind, SessionStatus
from scheduler.booking import booking
from scheduler.core.actor import Actor
from tests.support.dying import Process
from tests.support.simulated import UTC, Academy, words
from tests.support.transactions import fetch_all

START = dt.datetime(2026, 3, 4, 10, tzinfo=UTC)
"""Two days after the world began."""
HOUR = 60
PHASES = {
    "booked": None,
    "both looked for": -25 * HOUR,
    "reminded a day before": -24 * HOUR,
    "reminded an hour before": -HOUR,
    "made": -15,
    "opened": -5,
    "started": 0,
    "joined": None,
    "warned": 55,
    "ended": 60,
    "closing": 75,
    "left": None,
    "an hour later": 3 * HOUR,
}
"""What happens, and the minutes after the start it happens at."""
_ORDER = list(PHASES)
NOTICES = {
    NotificationKind.SESSION_BOOKED: 2,
    NotificationKind.SESSION_REMINDER: 4,
    NotificationKind.ROOM_OPEN: 2,
    NotificationKind.ROOM_WELCOME: 1,
    NotificationKind.ROOM_ENDING: 1,
    NotificationKind.ROOM_CLOSING: 1,
    NotificationKind.REVIEW_REQUEST: 1,
}
"""Everything said about one session in its life."""


@dataclass
class Life:
    """One session in one world."""

    world: Academy
    mode: AccessMode
    phase: str = "booked"
    leaks: list[str] = field(default_factory=list)
    """Moments when someone saw a room that wasn't open to them."""

    async def live(self, process: Process, *, until: str = _ORDER[-1]) -> None:
        """Live from the booking on, restarting the process whenever it dies, and check every promise."""
        for self.phase in _ORDER[: _ORDER.index(until) + 1]:
            for act in self._acts():
                await act()
                await process.revive()
            await self.hold_to_account()

    def _acts(self) -> list[Any]:
        world, minutes = self.world, PHASES[self.phase]
        if minutes is not None:
            return [lambda: world.leap_to(START + dt.timedelta(minutes=minutes))]
        match self.phase:
            case "booked":
                return [self._book, lambda: world.leap_to(world.now)]
            case "joined":
                return [
                    lambda: world.student.join_voice(self._room()),
                    lambda: world.coach.join_voice(self._room()),
                ]
            case _:
                return [world.student.leave_voice, world.coach.leave_voice]

    async def _book(self) -> None:
        async with self.world.db.begin() as session:
            guild = await session.get_one(Guild, self.world.guild.id)
            guild.access_mode = self.mode
            student, hour = Actor(self.world.student.id), dt.timedelta(hours=1)
            coach_id, now = self.world.coach.id, self.world.now
            await booking.book(session, guild, student, coach_id, START, hour, None, now)

    def is_at(self, first: str, last: str) -> bool:
        """Whether the current phase is one of these."""
        return _ORDER.index(first) <= _ORDER.index(self.phase) <= _ORDER.index(last)

    def look(self) -> None:
        """Record anyone who sees a room they shouldn't."""
        two = {self.world.coach.id, self.world.student.id} if self.is_at("opened", "left") else set()
        self.leaks += [f"{self.phase}: {room.name}" for room in self._rooms() if not self._seen_by(room) <= two]

    async def hold_to_account(self) -> None:
        """Check everything that must be true once nothing is due."""
        assert self.leaks == []
        session = await self.session()
        assert (session.last_error, session.attempts) == (None, 0)
        assert session.status == self._status()
        rooms, roles = self._rooms(), self._roles()
        assert len(rooms) == (1 if self.is_at("made", "closing") else 0)
        both = {self.world.coach.id, self.world.student.id} if self.is_at("opened", "closing") else set()
        assert [self._seen_by(room) for room in rooms] == [both] * len(rooms)
        by_role = self.mode is AccessMode.ROLE and self.is_at("opened", "closing")
        assert [self._holders(role) for role in roles] == [both] * by_role
        await self._hold_messages_to_account()

    async def _hold_messages_to_account(self) -> None:
        notifications = await fetch_all(self.world.db, select(Notification))
        due = [one for one in notifications if one.due_at is not None and one.due_at <= self.world.now]
        said = [one for one in notifications if one.sent_at is not None]
        assert [(one.kind, one.last_error) for one in due] == []
        assert [(one.kind, one.last_error) for one in notifications if one.given_up_at is not None] == []
        messages = self.world.env.backend.messages
        found = Counter(
            (channel_id, int(mark))
            for channel_id, some in messages.items()
            for message in some.values()
            for mark in re.findall(r"ref (\d+)$", words(message))
        )
        assert found == Counter((one.channel_id, one.id) for one in said if one.channel_id in messages)
        gone = {one.channel_id for one in said} - set(messages)
        assert gone <= {(await self.session()).discord_channel_id}
        if self.phase == _ORDER[-1]:
            assert Counter(one.kind for one in said if one.session_id is not None) == NOTICES

    def _status(self) -> SessionStatus:
        if self.is_at("ended", _ORDER[-1]):
            return SessionStatus.COMPLETED
        return SessionStatus.IN_PROGRESS if self.is_at("started", "warned") else SessionStatus.SCHEDULED

    async def session(self) -> CoachingSession:
        [only] = await self.world.sessions()
        return only

    def _room(self) -> Any:
        [only] = [one for name, one in self.world.guild.channels.items() if name.startswith("coaching-session-")]
        return only

    def _rooms(self) -> list[Any]:
        channels = self.world.env.backend.channels.values()
        return [one for one in channels if (one.name or "").startswith("coaching-session-")]

    def _roles(self) -> list[Any]:
        roles = self.world.guild._guild.roles.values()
        return [one for one in roles if one.name.startswith("coaching-session-")]

    def _holders(self, role: Any) -> set[int]:
        members = self.world.guild._guild.members
        return {user_id for user_id, member in members.items() if role.id in member.role_ids}

    def _seen_by(self, channel: Any) -> set[int]:
        world = self.world
        people = (world.coach, world.student, world.other_student, world.outsider, world.admin)
        return {one.id for one in people if world.sees(one, channel)}
