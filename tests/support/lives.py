"""Sessions of one server, driven through their time as soon as they're ready, and their expected outcomes."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import ColumnElement, select

from models import (
    Absent,
    AccessMode,
    Alert,
    Attendance,
    CoachingSession,
    Notification,
    NotificationKind,
    SessionStatus,
)
from models.storage.database import Database
from scheduler.notifications import outbox
from tests.support import builders
from tests.support.endpoint import GUILD_ID, Endpoint, Json
from tests.support.transactions import fetch_all

OVER = (SessionStatus.COMPLETED, SessionStatus.NO_SHOW)
_COACHES, _STUDENTS = 1_000_000, 2_000_000
_ONE_AFTER_THE_OTHER = timedelta(seconds=0.1)

Told = tuple[str, NotificationKind, int | None]
"""Session code, what was said, and to whom: a person, or None for everyone in the room."""


def _is_waiting() -> ColumnElement[bool]:
    """Whether a message waits to be sent or updated now. What's due later only takes its buttons away."""
    unsent = Notification.due_at.is_not(None) & Notification.sent_at.is_(None)
    return unsent | (Notification.due_at <= datetime.now(UTC))


@dataclass(frozen=True, slots=True)
class Fate:
    """How a session ended up."""

    status: SessionStatus
    absent: Absent | None
    has_room: bool


@dataclass(frozen=True, slots=True)
class Lives:
    """Sessions by their rows. The `whole` ones run to the end; the others wait with hidden rooms."""

    db: Database
    endpoint: Endpoint
    whole: frozenset[int]

    async def pass_time(self) -> None:
        """Take each session that's settled to its next moment.

        Those who come enter; five minutes before the end; the end; they leave.
        """
        async with self.db.read() as session:
            rows = (
                await session.scalars(
                    select(CoachingSession).where(
                        CoachingSession.next_step_at.is_not(None), CoachingSession.id.in_(self.whole)
                    )
                )
            ).all()
            enqueued = (await session.scalars(select(Notification).where(_is_waiting()))).all()
            came = {tuple(one) for one in await session.execute(select(Attendance.session_id, Attendance.user_id))}
        for row in rows:
            both = (row.coach_id, row.student_id)
            if row.status in OVER:
                for person in both:
                    await self._move(person, None)
            elif row.status is SessionStatus.IN_PROGRESS and row.access_granted_at is not None:
                missing = [one for one in both if _they_come(row) and (row.id, one) not in came]
                await self._advance(row, [one for one in enqueued if one.session_id == row.id], missing)

    async def _advance(self, row: CoachingSession, enqueued: list[Notification], missing: list[int]) -> None:
        """Do nothing while a session still has messages to send."""
        now = datetime.now(UTC)
        warning = next((one for one in enqueued if one.kind is NotificationKind.ROOM_ENDING), None)
        if [one for one in enqueued if one is not warning]:
            return
        for person in missing:
            await self._move(person, row.discord_channel_id)
        if missing:
            return
        async with self.db.begin() as session:
            if warning is not None:
                (await session.get_one(Notification, warning.id)).due_at = min(now, warning.due_at or now)
            else:
                ending = await session.get_one(CoachingSession, row.id)
                ending.ends_at = ending.next_step_at = now

    async def _move(self, person: int, room_id: int | None) -> None:
        if self.endpoint.inside.get(person) != room_id:
            await self.endpoint.move(person, room_id)

    async def are_over(self) -> bool:
        """Whether everything due so far is done and said."""
        async with self.db.read() as session:
            enqueued = await session.scalar(select(Notification.id).where(_is_waiting()).limit(1))
            ahead = await session.scalar(
                select(CoachingSession.id)
                .where(
                    CoachingSession.next_step_at.is_not(None),
                    CoachingSession.id.in_(self.whole) | ~CoachingSession.discord_setup_complete,
                )
                .limit(1)
            )
            return enqueued is None and ahead is None

    async def rows(self) -> list[CoachingSession]:
        return await fetch_all(self.db, select(CoachingSession).order_by(CoachingSession.id))

    async def fates(self) -> dict[str, Fate]:
        """Return how each session ended up, by code. Checks that each room exists exactly once."""
        there = Counter(one["name"] for one in self.endpoint.channels.values() if one["type"] == 2)
        assert set(there.values()) <= {1}, there
        return {
            row.code: Fate(row.status, row.absent, f"coaching-session-{row.code}" in there)
            for row in await self.rows()
        }

    async def due_fates(self) -> dict[str, Fate]:
        """Return how each session should end up."""
        return {row.code: self._due_fate(row) for row in await self.rows()}

    def _due_fate(self, row: CoachingSession) -> Fate:
        if row.id not in self.whole:
            return Fate(SessionStatus.SCHEDULED, None, has_room=True)
        if _they_come(row):
            return Fate(SessionStatus.COMPLETED, None, has_room=False)
        return Fate(SessionStatus.NO_SHOW, Absent.BOTH, has_room=False)

    async def told(self) -> list[Told]:
        """Return what was said, read from Discord, with duplicates."""
        async with self.db.read() as session:
            rows = {row.id: row for row in await session.scalars(select(CoachingSession))}
            enqueued = {one.id: one for one in await session.scalars(select(Notification))}
        told: list[Told] = []
        people = {channel: person for person, channel in self.endpoint.dms.items()}
        for message in self._messages():
            notification = enqueued[_reference(message)]
            assert notification.session_id is not None
            where = int(message["channel_id"])
            assert notification.user_id or where == rows[notification.session_id].discord_channel_id, (
                "said in another room"
            )
            told.append((rows[notification.session_id].code, notification.kind, people.get(where)))
        return sorted(told, key=str)

    async def due_to_be_told(self) -> list[Told]:
        """Return everything that should have been said, once each."""
        told: list[Told] = []
        for row in await self.rows():
            if row.id not in self.whole:
                continue
            both = (row.coach_id, row.student_id)
            told.append((row.code, NotificationKind.SESSION_BOOKED, row.student_id))
            told += [(row.code, NotificationKind.ROOM_OPEN, one) for one in both]
            told += [
                (row.code, kind, None) for kind in (NotificationKind.ROOM_WELCOME, NotificationKind.ROOM_ENDING)
            ]
            if _they_come(row):
                told.append((row.code, NotificationKind.REVIEW_REQUEST, row.student_id))
            else:
                told += [(row.code, NotificationKind.NO_SHOW, one) for one in both]
        return sorted(told, key=str)

    async def never_sent(self) -> list[tuple[NotificationKind, str | None]]:
        """Return messages neither sent nor dropped, and those that failed, with reasons."""
        async with self.db.read() as session:
            failed = list(await session.scalars(select(Alert.text)))
            lost = await session.scalars(select(Notification).where(Notification.sent_at.is_(None)))
            return [(one.kind, one.last_error) for one in lost] + [(NotificationKind.ALERT, one) for one in failed]

    def _messages(self) -> Iterable[Json]:
        yield from self.endpoint.bygone
        for those in self.endpoint.messages.values():
            yield from those


async def live(db: Database, endpoint: Endpoint, *, sessions: int, whole: int, mode: AccessMode) -> Lives:
    """Store sessions for pairs, due one after the other; every nth is `whole` and begins soon."""
    now = datetime.now(UTC)
    ids: list[int] = []
    async with db.begin() as session:
        await builders.a_guild(
            session,
            id=GUILD_ID,
            review_channel_id=None,
            room_category_id=None,
            coach_role_id=None,
            room_lead_minutes=60,
            access_mode=mode,
        )
        for number in range(sessions):
            coach_id, student_id = _COACHES + number, _STUDENTS + number
            is_whole = number % whole == whole - 1
            starts_at = now + timedelta(seconds=number % 8) if is_whole else now + timedelta(minutes=40)
            await builders.a_coach(session, guild_id=GUILD_ID, user_id=coach_id, hours=[])
            row = await builders.a_session(
                session,
                guild_id=GUILD_ID,
                coach_id=coach_id,
                student_id=student_id,
                starts_at=starts_at,
                next_step_at=now + number * _ONE_AFTER_THE_OTHER,
            )
            if is_whole:
                ids.append(row.id)
                kind = NotificationKind.SESSION_BOOKED
                outbox.enqueue(session, kind, GUILD_ID, now=now, user_id=student_id, session_id=row.id)
    return Lives(db, endpoint, frozenset(ids))


def _they_come(row: CoachingSession) -> bool:
    return row.coach_id % 2 == 0


def _reference(message: Json) -> int:
    """Return the id of the notification that a message shows."""
    return int(message["components"][-1]["content"].rpartition("ref ")[2])
