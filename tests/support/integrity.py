"""Checks that rows are consistent: read with plain SQL, judged with plain Python."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import text

from models.base import UTCDateTime
from models.storage.database import Database
from tests.support.builders import MINUTE

Rows = list[Any]
_ACTIVE = ("SCHEDULED", "IN_PROGRESS")
_QUERIES = {
    "coaching_sessions": "SELECT coaching_sessions.*, session_participants.user_id AS student_id, cancelled_late"
    " FROM coaching_sessions JOIN session_participants ON session_id = id"
}
_TABLES = (
    "coaching_sessions",
    "reservations",
    "holds",
    "coaches",
    "guilds",
    "audit_entries",
    "notifications",
    "lessons",
)
_ACTIONS = ("session_booked", "session_moved", "session_cancelled")
_BY_THE_BOT = {"session_cancelled_left": 1, "session_cancelled_suspended": 2}
"""The bot's own cancellations, and how many people it tells: those who left can't be reached."""
_KEPT = ("session_kept_left", "session_kept_suspended")


class Span(NamedTuple):
    """A person's `[start, end)`, and which row says so."""

    start: datetime
    end: datetime
    what: str


class Ledger:
    """Everything the tables say at one moment."""

    def __init__(self, tables: dict[str, Rows]) -> None:
        self.sessions, self.reservations, self.holds = (tables[name] for name in _TABLES[:3])
        self.coaches = {(one.guild_id, one.user_id): one for one in tables["coaches"]}
        self.guilds = {one.id: one for one in tables["guilds"]}
        entries = sorted(tables["audit_entries"], key=lambda one: one.id)
        self.audit = [one for one in entries if one.action in _ACTIONS or one.action in _BY_THE_BOT]
        self.kept = {one.session_id: one.id for one in entries if one.action in _KEPT}
        """By session, the last entry that kept it although its coach no longer coaches."""
        self.arranged = {one.session_id: one.id for one in entries if one.action in _ACTIONS[:2]}
        """By session, the last entry that set its time."""
        self.suspended = {
            (one.guild_id, one.coach_id): one.id for one in entries if one.action == "coach_suspended"
        }
        self.notifications = tables["notifications"]
        self.lessons = {one.session_id for one in tables["lessons"]}
        """The sessions that the bot made for a series. Nobody booked them one by one."""
        booked = {one.session_id for one in self.audit if one.action == "session_booked"}
        pairs = {(one.coach_id, one.student_id) for one in self.sessions if one.id in self.lessons}
        # One that was cancelled is no lesson any more once that was brought back with another session.
        self.lessons |= {
            one.id
            for one in self.sessions
            if one.id not in booked and one.status == "CANCELLED" and (one.coach_id, one.student_id) in pairs
        }
        self.active = [one for one in self.sessions if one.status in _ACTIVE]

    def faults(self) -> list[str]:
        """Return every broken rule in words."""
        rules = (
            self._overlapping_reservations(),
            self._overlapping_sessions(),
            self._ownerless_reservations(),
            self._unreserved(),
            self._many_holds(),
            self._gaps_in_the_audit_log(),
            self._too_many_upcoming(),
            self._too_many_a_day(),
            self._wrongly_late(),
            self._without_an_active_coach(),
        )
        return [fault for rule in rules for fault in rule]

    def _overlapping_reservations(self) -> Iterator[str]:
        spans: dict[int, list[Span]] = defaultdict(list)
        for one in self.reservations:
            spans[one.user_id].append(Span(one.starts_at, one.ends_at, f"reservation {one.id}"))
        for user_id, theirs in spans.items():
            yield from overlaps(f"user {user_id}", theirs)

    def _overlapping_sessions(self) -> Iterator[str]:
        coaching: dict[int, list[Span]] = defaultdict(list)
        learning: dict[int, list[Span]] = defaultdict(list)
        for one in self.active:
            what = f"session {one.id}"
            coaching[one.coach_id].append(Span(*self._with_buffers(one), what))
            learning[one.student_id].append(Span(one.starts_at, one.ends_at, what))
        for people, name in ((coaching, "coach"), (learning, "student")):
            for user_id, spans in people.items():
                yield from overlaps(f"{name} {user_id}", spans)

    def _with_buffers(self, one: Any) -> tuple[datetime, datetime]:
        coach = self.coaches[one.guild_id, one.coach_id]
        return (
            one.starts_at - coach.buffer_before_minutes * MINUTE,
            one.ends_at + coach.buffer_after_minutes * MINUTE,
        )

    def _ownerless_reservations(self) -> Iterator[str]:
        sessions, holds = {one.id for one in self.sessions}, {one.id for one in self.holds}
        for one in self.reservations:
            if (one.session_id in sessions) + (one.hold_id in holds) != 1:
                yield f"reservation {one.id} belongs to session {one.session_id}, hold {one.hold_id}"

    def _unreserved(self) -> Iterator[str]:
        """Check that active sessions and holds, and nothing else, reserve exactly their time for both people."""
        found: dict[tuple[str, int], list[tuple[int, datetime, datetime]]] = defaultdict(list)
        for one in self.reservations:
            owner = ("hold", one.hold_id) if one.session_id is None else ("session", one.session_id)
            found[owner].append((one.user_id, one.starts_at, one.ends_at))
        owners = [("session", one) for one in self.sessions] + [("hold", one) for one in self.holds]
        for kind, one in owners:
            due = [(one.coach_id, *self._with_buffers(one)), (one.student_id, one.starts_at, one.ends_at)]
            if kind == "session" and one.status not in _ACTIVE:
                due = []
            if kind == "hold" and one.purpose == "request":
                if not set(due) <= set(found[kind, one.id]):
                    yield f"hold {one.id} reserves {found[kind, one.id]} without {due}"
                continue
            if sorted(found[kind, one.id]) != sorted(due):
                yield f"{kind} {one.id} reserves {found[kind, one.id]} instead of {due}"

    def _many_holds(self) -> Iterator[str]:
        choosing = [one for one in self.holds if one.purpose == "choosing"]
        for who, count in Counter((one.guild_id, one.student_id) for one in choosing).items():
            if count > 1:
                yield f"{who} has {count} holds"

    def _gaps_in_the_audit_log(self) -> Iterator[str]:
        """Check that each session was booked once, rescheduled as often as its revision says, and announced to
        both.

        A message still unsent is reused by the next change, which its own revision counts.
        """
        written = Counter((one.session_id, _kind(one.action)) for one in self.audit)
        silent = Counter(one.session_id for one in self.audit if _BY_THE_BOT.get(one.action) == 1)
        told: Counter[tuple[int, str]] = Counter()
        for one in self.notifications:
            told[one.session_id, one.kind.lower()] += one.revision
        for one in self.sessions:
            if one.id in self.lessons:
                continue  # several change at once, with one message about all
            cancelled = int(one.status == "CANCELLED")
            for action, due in zip(_ACTIONS, (1, one.revision - cancelled, cancelled), strict=True):
                unheard = silent[one.id] if action == "session_cancelled" else 0
                if written[one.id, action] != due or told[one.id, action] + unheard != 2 * due:
                    yield f"session {one.id}: {action} {written[one.id, action]} times instead of {due}"

    def _too_many_upcoming(self) -> Iterator[str]:
        """Replay the audit log. Assumes that no session begins: each is upcoming until cancelled."""
        sessions = {one.id: one for one in self.sessions}
        upcoming: Counter[tuple[int, int]] = Counter()
        for entry in sorted(self.audit, key=lambda one: one.id):
            one = sessions[entry.session_id]
            if one.id in self.lessons:
                continue
            who = one.guild_id, one.student_id
            upcoming[who] += {"session_booked": 1, "session_cancelled": -1}.get(_kind(entry.action), 0)
            if upcoming[who] > self.guilds[one.guild_id].most_upcoming:
                yield f"{who} has {upcoming[who]} upcoming sessions after audit entry {entry.id}"

    def _too_many_a_day(self) -> Iterator[str]:
        """Assumes coaches in UTC."""
        days = Counter(
            (one.guild_id, one.coach_id, one.starts_at.date())
            for one in self.sessions
            if one.status != "CANCELLED"
        )
        for (guild_id, coach_id, day), count in days.items():
            limit = self.coaches[guild_id, coach_id].daily_limit
            if limit is not None and count > limit:
                yield f"coach {coach_id} has {count} sessions on {day}"

    def _wrongly_late(self) -> Iterator[str]:
        for one in self.sessions:
            late = None
            if one.status == "CANCELLED" and one.cancelled_by is not None:
                notice = self.guilds[one.guild_id].cancel_notice_minutes * MINUTE
                late = one.cancelled_by == one.student_id and one.cancelled_at > one.starts_at - notice
            if one.cancelled_late != late:
                yield f"session {one.id} is late: {one.cancelled_late} instead of {late}"

    def _without_an_active_coach(self) -> Iterator[str]:
        """Find upcoming sessions of suspended or departed coaches, except those kept on purpose."""
        for one in self.active:
            coach = self.coaches[one.guild_id, one.coach_id]
            may = coach.status == "APPROVED" and coach.left_at is None
            since = max(self.arranged.get(one.id, 0), self.suspended.get((one.guild_id, one.coach_id), 0))
            if not may and self.kept.get(one.id, -1) <= since:
                yield f"{one.status} session {one.id} has a coach who is {coach.status}, left {coach.left_at}"


def _kind(action: str) -> str:
    return "session_cancelled" if action in _BY_THE_BOT else action


def overlaps(whose: str, spans: Iterable[Span]) -> Iterator[str]:
    """Find overlapping pairs, comparing each with the latest end so far, so that none is missed."""
    latest: Span | None = None
    for one in sorted(spans):
        if latest is not None and one.start < latest.end:
            yield f"{whose}: {latest.what} and {one.what} overlap from {one.start}"
        if latest is None or one.end > latest.end:
            latest = one


async def faults_of(db: Database) -> list[str]:
    """Return every broken rule in the database, in words."""
    return (await ledger_of(db)).faults()


async def ledger_of(db: Database) -> Ledger:
    """Read all relevant rows at one moment."""
    tables: dict[str, Rows] = {}
    async with db.read() as session:
        for name in _TABLES:
            query = text(_QUERIES.get(name, f"SELECT * FROM {name}"))
            names = (await session.execute(query)).keys()
            instants = {column: UTCDateTime() for column in names if column.endswith("_at")}
            tables[name] = list(await session.execute(query.columns(**instants)))
    return Ledger(tables)
