"""Sessions that were paid for in every way, people who are just paying, and what becomes of all of them."""

import contextlib
import copy
import itertools
from collections import Counter
from collections.abc import AsyncIterator, Collection
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models import (
    AHEAD,
    Attendance,
    CoachingSession,
    CreditLot,
    Guild,
    Heartbeat,
    Hold,
    Notification,
    NotificationKind,
    Payment,
    Refund,
    RefundStatus,
    Reservation,
    SessionStatus,
)
from models.storage.database import Database
from scheduler.attendance import attendance, outcomes
from scheduler.core.actor import Actor
from scheduler.credits import packages
from scheduler.credits.packages import PackageTerms
from scheduler.payments import checkouts, choices, starting
from tests.support import snapshots
from tests.support.bookings import book
from tests.support.builders import ADMIN, COACH, DAY, GUILD, HOUR, MINUTE, MONDAY, STUDENT
from tests.support.credits import a_lot, book_with_credit
from tests.support.payments import BACK, Till, till
from tests.support.transactions import fetch_all, transact

CREDIT, PAID, OUTSIDE, OPEN, PAYING, PACKAGE = WAYS = ("credit", "paid", "outside", "open", "paying", "package")
"""Booked with credit, paid by card, or to be paid outside; not paying, or paying for a session or a package."""
STUDENTS = {way: Actor(STUDENT + number) for number, way in enumerate(WAYS)}
WEDNESDAY = MONDAY + 2 * DAY
STARTS = {way: WEDNESDAY + (2 + number) * HOUR for number, way in enumerate(WAYS)}
"""From ten o'clock on, one after the other."""
_LONG = 40 * MINUTE
"""Longer than a page to pay stays open."""
OTHERS = "others"
"""Messages about none of them in particular."""

_given: dict[bool, tuple[bytes, Any, datetime]] = {}
"""By whether it's sold: what the SQLite database and Stripe hold before anything happens, once it was needed."""


class Together(Till):
    """One coach, six students, and what each has booked or is paying for."""

    async def prepare(self, *, sold: bool) -> None:
        """Let the students book, and begin to pay or, if it's `sold`, do so."""
        if self.db.is_sqlite and sold in _given:
            snapshot, at_stripe, self.now = _given[sold]
            snapshots.restore(self.db, snapshot)
            self.server.checkouts, self.server.intents = copy.deepcopy(at_stripe)
            self.server._numbers = itertools.count(100)
            return
        if sold:
            await self.prepare(sold=False)
            await self.sell()
        else:
            await self._begin()
        if self.db.is_sqlite:
            at_stripe = copy.deepcopy((self.server.checkouts, self.server.intents))
            _given[sold] = snapshots.take(self.db), at_stripe, self.now

    async def _begin(self) -> None:
        await transact(self.db, self._offer)
        await transact(self.db, book_with_credit, STUDENTS[CREDIT], STARTS[CREDIT])
        await self.paid(STUDENTS[PAID], STARTS[PAID])
        await transact(self.db, book, STUDENTS[OUTSIDE], STARTS[OUTSIDE], now=self.now)
        for way in (OPEN, PAYING):
            await self.start(STUDENTS[way], STARTS[way])
        await self.start_package()

    async def sell(self) -> None:
        """Let those who are just paying do so, as far as they can, and the pages of the others close."""
        await self.pay()
        for after in (MINUTE, MINUTE, _LONG):
            await self.tick(after)

    @staticmethod
    async def _offer(session: AsyncSession) -> None:
        guild = await session.get_one(Guild, GUILD)
        guild.most_make_ups, guild.cancel_notice_minutes = 2, 12 * 60
        terms = PackageTerms("Five hours", 300, 25000, "USD")
        await packages.save(session, guild, ADMIN, terms, MONDAY)
        await a_lot(session, 180, valid_until=WEDNESDAY + DAY)

    async def start_package(self) -> Payment:
        """Press Pay for the package, up to the answer."""
        async with self.db.begin() as session:
            guild = await session.get_one(Guild, GUILD)
            [package] = await packages.on_sale(session, GUILD)
            begun = await starting.for_package(
                session,
                guild,
                STUDENTS[PACKAGE],
                package.id,
                self.now,
                livemode=False,
                agreed_minor=25000,
                agreed_currency="USD",
                back_to=BACK,
            )
        return await checkouts.advance(self.db, self.api, begun.id, self.clock)

    async def session_of(self, way: str) -> CoachingSession:
        """Return what this student has booked."""
        theirs = CoachingSession.has_participant(STUDENTS[way].user_id)
        [found] = await fetch_all(self.db, select(CoachingSession).where(theirs))
        return found

    async def payment_of(self, way: str) -> Payment:
        """Return this student's payment."""
        [found] = await fetch_all(self.db, select(Payment).where(Payment.user_id == STUDENTS[way].user_id))
        return found

    async def upcoming(self) -> list[tuple[str, CoachingSession]]:
        """Return whose session is still ahead, and which."""
        ahead = select(CoachingSession).where(CoachingSession.status.in_(AHEAD)).order_by(CoachingSession.id)
        found = [(_way_of(one.student_id), one) for one in await fetch_all(self.db, ahead)]
        return [(way, one) for way, one in found if way != OTHERS]

    async def pay(self) -> None:
        """Pay on the pages of those who are just paying, as far as these are open."""
        for way in (PAYING, PACKAGE):
            self.server.pay((await self.payment_of(way)).checkout_id)

    async def want_money_back(self) -> None:
        """Let everyone who can choose between money and credit have the money at once."""
        open_ = select(Payment).join(Refund, Refund.payment_id == Payment.id).where(Refund.next_try_at > self.now)
        for one in await fetch_all(self.db, open_):
            await transact(self.db, choices.refund_now, one.id, Actor(one.user_id), self.now)

    async def end(self, *came: str, has_room: bool = True) -> list[int]:
        """Let each session's time pass, and return their ids. "coach", "student", both or nobody come."""
        rows = [row for _, row in await self.upcoming()]
        for row in rows:
            self.now = row.ends_at
            await transact(self.db, self._end, row.id, came, has_room=has_room)
        return [row.id for row in rows]

    async def _end(self, session: AsyncSession, session_id: int, came: Collection[str], *, has_room: bool) -> None:
        row = await session.get_one(CoachingSession, session_id)
        row.status = SessionStatus.IN_PROGRESS
        row.access_granted_at = row.starts_at - 5 * MINUTE if has_room else None
        for who, user_id in (("coach", row.coach_id), ("student", row.student_id)):
            if who in came:
                stay = {"joined_at": row.starts_at, "left_at": row.ends_at}
                session.add(Attendance(session_id=row.id, user_id=user_id, **stay))
        await session.merge(Heartbeat(job=attendance.WATCH, at=row.ends_at))
        await session.flush()
        await outcomes.finish(session, row, await session.get_one(Guild, GUILD), row.ends_at)

    async def outcome(self) -> dict[str, str]:
        """Say of each student what became of their session, money and credit, and what both are told.

        Checks what has to be true of any outcome: nothing is held any more, nobody can pay any more, what is owed
        is paid back, and time is taken from both by what's ahead, and by nothing that was cancelled.
        """
        assert await fetch_all(self.db, select(Hold)) == []
        assert [one for one in self.server.checkouts.values() if one["status"] == "open"] == []
        assert {one.status for one in await self.refunds()} <= {RefundStatus.DONE}
        sessions = await fetch_all(self.db, select(CoachingSession).order_by(CoachingSession.id))
        taken = Counter(one.session_id for one in await fetch_all(self.db, select(Reservation)))
        assert {taken[one.id] for one in sessions if one.status in AHEAD} <= {2}
        assert {taken[one.id] for one in sessions if one.status is SessionStatus.CANCELLED} <= {0}
        paid, lots = await self.payments(), await fetch_all(self.db, select(CreditLot))
        told = await self._told(sessions, paid)
        seen = {way: f"{self._state(way, sessions, paid, lots)} | {' | '.join(told[way])}" for way in WAYS}
        return seen | ({OTHERS: told[OTHERS][1]} if told[OTHERS][1] else {})

    def _state(self, way: str, sessions: list[CoachingSession], paid: list[Payment], lots: list[CreditLot]) -> str:
        user_id = STUDENTS[way].user_id
        pages = {one.checkout_id for one in paid if one.user_id == user_id}
        intents = {one["payment_intent"] for id_, one in self.server.checkouts.items() if id_ in pages} - {None}
        charged = sum(self.server.intents[one]["amount"] for one in intents)
        back = sum(one["amount"] for one in self.server.refunds.values() if one["payment_intent"] in intents)
        theirs = [one.minutes_left for one in lots if one.user_id == user_id]
        facts = [
            *(str(one.status) for one in sessions if one.student_id == user_id),
            *([f"{charged} charged"] if charged else []),
            *([f"{back} back"] if back else []),
            *([f"{sum(theirs)} min"] if theirs else []),
        ]
        return ", ".join(facts) or "nothing"

    async def _told(self, sessions: list[CoachingSession], paid: list[Payment]) -> dict[str, tuple[str, str]]:
        """Return the kinds of messages to student and coach, by whom they're about. Reminders don't count."""
        found: dict[str, tuple[list[str], list[str]]] = {one: ([], []) for one in (*WAYS, OTHERS)}
        lasting = Notification.kind != NotificationKind.SESSION_REMINDER, Notification.given_up_at.is_(None)
        students = {one.id: one.student_id for one in sessions}
        payers = {one.id: one.user_id for one in paid}
        for one in await fetch_all(self.db, select(Notification).where(*lasting).order_by(Notification.id)):
            about = students.get(one.session_id or 0) or payers.get(one.payment_id or 0) or one.user_id
            way = _way_of(about) if about is not None and one.user_id is not None else OTHERS
            found[way][way == OTHERS or one.user_id == COACH].append(str(one.kind).removeprefix("session_"))
        return {way: (" ".join(student) or "-", " ".join(coach)) for way, (student, coach) in found.items()}


def _way_of(student_id: int) -> str:
    return next((way for way, actor in STUDENTS.items() if actor.user_id == student_id), OTHERS)


@contextlib.asynccontextmanager
async def together(db: Database, *, sold: bool = False) -> AsyncIterator[Together]:
    """Open a server with all of this, just before some pay or, if it's `sold`, after they did."""
    async with till(db) as here:
        world = Together(here.db, here.server, here.api)
        world.server.now = world.clock
        await world.prepare(sold=sold)
        yield world
