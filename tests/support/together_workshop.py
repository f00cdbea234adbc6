"""A full workshop whose seats were paid for in every way, people who are just paying, and one who waits."""

import copy
import itertools
from collections.abc import Collection, Mapping
from datetime import datetime
from types import MappingProxyType
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
    Offer,
    Participant,
    Payment,
    RefundStatus,
    Reservation,
    Seat,
    SessionStatus,
    Wish,
)
from scheduler.attendance import attendance, outcomes
from scheduler.attendance.ports import Barrier
from scheduler.core.actor import Actor
from scheduler.core.task_pool import TaskPool
from scheduler.credits import charges
from scheduler.waiting_list import due as waiting_list_due
from scheduler.waiting_list import wishes
from scheduler.workshops import deadlines, seats
from tests.support import snapshots
from tests.support.builders import COACH, DAY, GUILD, MINUTE, STUDENT
from tests.support.credits import a_lot
from tests.support.fakes import FakeDiscord
from tests.support.seat_payments import Box
from tests.support.together import CREDIT, OPEN, OUTSIDE, PAID, PAYING, WEDNESDAY, Together
from tests.support.transactions import fetch, fetch_all, transact
from tests.support.workshops import CHANNEL, another_workshop, price

WAITING = "waiting"
IN_CLASS = (CREDIT, PAID, OUTSIDE, OPEN, PAYING, WAITING)
"""Like those of `together`, but the last waits for a seat."""
PEOPLE = {way: Actor(STUDENT + number) for number, way in enumerate(IN_CLASS)}
ALL = "all"
"""Messages about nobody in particular: to the coach, or to admins."""
_LONG = 40 * MINUTE
_NOBODY: Mapping[str, Barrier] = MappingProxyType({})
_given: dict[bool, tuple[bytes, Any, datetime, int]] = {}
"""As in `tests.support.together`."""


class InClass(Together):
    """One workshop, and who has a seat, pays for one, or waits for one."""

    workshop = 0

    async def prepare(self, *, sold: bool) -> None:
        """Let people take seats, and begin to pay or, if it's `sold`, do so."""
        if self.db.is_sqlite and sold in _given:
            snapshot, at_stripe, self.now, self.workshop = _given[sold]
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
            _given[sold] = snapshots.take(self.db), at_stripe, self.now, self.workshop

    async def _begin(self) -> None:
        async with self.db.begin() as session:
            guild = await session.get_one(Guild, GUILD)
            guild.most_make_ups, guild.cancel_notice_minutes, guild.workshop_channel_id = 2, 12 * 60, CHANNEL
            await a_lot(session, 180, user_id=PEOPLE[CREDIT].user_id, valid_until=WEDNESDAY + DAY)
        about = {"starts_at": WEDNESDAY, "seats": 5, "least": 2, "takes_credit": True}
        self.workshop = await another_workshop(self.db, now=self.now, **about)
        box = Box(self, self.workshop)
        await transact(self.db, charges.take_seat, self.workshop, PEOPLE[CREDIT], self.now, **price())
        self.server.pay((await box.start(PEOPLE[PAID].user_id)).checkout_id)
        await self.tick()
        await transact(self.db, seats.take, self.workshop, PEOPLE[OUTSIDE], self.now, **price())
        for way in (OPEN, PAYING):
            await box.start(PEOPLE[way].user_id)
        await transact(self.db, wishes.add_for_seat, self.workshop, PEOPLE[WAITING], self.now)

    async def sell(self) -> None:
        """Let one of those who are just paying do so, as far as possible, and the page of the other close."""
        await self.pay()
        for after in (MINUTE, MINUTE, _LONG):
            await self.tick(after)

    async def pay(self) -> None:
        self.server.pay((await self.payment_of(PAYING)).checkout_id)

    async def tick(self, after: Any = 60 * MINUTE / 60) -> int:
        """Let time pass, and do what's due at Stripe, for workshops and for the waiting list."""
        failed = await super().tick(after)
        pool: TaskPool[bool] = TaskPool(wait_for_slow=True)
        failed += await deadlines.do_due(self.db, FakeDiscord(), self.clock, pool)
        return failed + await waiting_list_due.do_due(self.db, FakeDiscord(), self.clock, pool)

    async def payment_of(self, way: str) -> Payment:
        """Return this person's payment."""
        [found] = await fetch_all(self.db, select(Payment).where(Payment.user_id == PEOPLE[way].user_id))
        return found

    async def row(self) -> CoachingSession:
        """Return the workshop's session as it is now."""
        return await fetch(self.db, CoachingSession, self.workshop)

    async def have_seats(self) -> list[Actor]:
        """Return who takes part."""
        return [Actor(one.user_id) for one in (await self.row()).taking_part]

    async def end_it(
        self, *came: str, coach: bool = True, has_room: bool = True, kept_out: Mapping[str, Barrier] = _NOBODY
    ) -> None:
        """Let its time pass. These people and, unless it says so, the coach come."""
        self.now = (await self.row()).ends_at
        here = [PEOPLE[way].user_id for way in came] + ([COACH] if coach else [])
        out = {PEOPLE[way].user_id: why for way, why in kept_out.items()}
        await transact(self.db, self._finish, here, out, has_room=has_room)

    async def _finish(
        self, session: AsyncSession, here: Collection[int], out: Mapping[int, Barrier], *, has_room: bool
    ) -> None:
        row = await session.get_one(CoachingSession, self.workshop)
        row.status = SessionStatus.IN_PROGRESS
        row.access_granted_at = row.starts_at - 5 * MINUTE if has_room else None
        stay = {"joined_at": row.starts_at, "left_at": row.ends_at}
        session.add_all(Attendance(session_id=row.id, user_id=one, **stay) for one in here)
        await session.merge(Heartbeat(job=attendance.WATCH, at=row.ends_at))
        await session.flush()
        await outcomes.finish(session, row, await session.get_one(Guild, GUILD), row.ends_at, out)

    async def outcome(self) -> dict[str, str]:
        """Say of each what became of their seat, money and credit, and what they and the coach are told.

        Checks what has to be true of any outcome: nobody holds a seat or can pay any more, what's owed is paid
        back, and time is taken from those who take part in what's ahead and from nobody else.
        """
        assert await fetch_all(self.db, select(Hold)) == []
        assert [one for one in self.server.checkouts.values() if one["status"] == "open"] == []
        assert {one.status for one in await self.refunds()} <= {RefundStatus.DONE}
        row, paid, lots = await self.row(), await self.payments(), await fetch_all(self.db, select(CreditLot))
        taken = sorted(await fetch_all(self.db, select(Reservation.user_id)))
        if row.status in AHEAD:
            assert taken == sorted([row.coach_id, *(one.user_id for one in row.taking_part)])
        elif row.status is SessionStatus.CANCELLED:
            assert taken == []
        have = {one for one in await fetch_all(self.db, select(Seat.user_id)) if one is not None}
        assert have >= {one.user_id for one in row.taking_part}
        told = await self._told_in_class()
        parts = {one.user_id: one for one in row.participants}
        seen = {
            way: f"{await self._became(actor.user_id, parts, paid, lots)} | {' | '.join(told[way])}"
            for way, actor in PEOPLE.items()
        }
        return {ALL: f"{row.status} | {' | '.join(told[ALL])}"} | seen

    async def _became(
        self, user_id: int, parts: Mapping[int, Participant], paid: list[Payment], lots: list[CreditLot]
    ) -> str:
        pages = {one.checkout_id for one in paid if one.user_id == user_id}
        intents = {one["payment_intent"] for id_, one in self.server.checkouts.items() if id_ in pages} - {None}
        charged = sum(self.server.intents[one]["amount"] for one in intents)
        back = sum(one["amount"] for one in self.server.refunds.values() if one["payment_intent"] in intents)
        theirs = [one.minutes_left for one in lots if one.user_id == user_id]
        offered = await fetch_all(self.db, select(Offer.state).where(Offer.user_id == user_id))
        ended = await fetch_all(self.db, select(Wish.end_reason).where(Wish.user_id == user_id))
        facts = [
            *([str(parts[user_id].status)] if user_id in parts else []),
            *([f"{charged} charged"] if charged else []),
            *([f"{back} back"] if back else []),
            *([f"{sum(theirs)} min"] if theirs else []),
            *(f"offer {one}" for one in offered),
            *(f"wish {one}" if one else "waits" for one in ended),
        ]
        return ", ".join(facts) or "nothing"

    async def _told_in_class(self) -> dict[str, tuple[str, str]]:
        """Return the kinds of messages to each person, and to the coach or admins about them."""
        found: dict[str, tuple[list[str], list[str]]] = {one: ([], []) for one in (*IN_CLASS, ALL)}
        ways = {actor.user_id: way for way, actor in PEOPLE.items()}
        payers = {one.id: one.user_id for one in await self.payments()}
        hidden = NotificationKind.SESSION_REMINDER, NotificationKind.WORKSHOP_ANNOUNCEMENT
        lasting = Notification.kind.not_in(hidden), Notification.given_up_at.is_(None)
        for one in await fetch_all(self.db, select(Notification).where(*lasting).order_by(Notification.id)):
            kind = str(one.kind).removeprefix("session_")
            about = one.about_user_id or payers.get(one.payment_id or 0)
            if one.user_id in ways:
                found[ways[one.user_id]][0].append(kind)
            else:
                found[ways.get(about or 0, ALL)][1].append(kind if one.user_id == COACH else f"({kind})")
        return {
            way: (" ".join(to_them) or "-", " ".join(others) or "-") for way, (to_them, others) in found.items()
        }
