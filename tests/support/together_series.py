"""Weekly lessons of one coach with students who pay in every way, and what becomes of each lesson."""

from collections import Counter
from datetime import timedelta

from sqlalchemy import select

from models import (
    AHEAD,
    CoachingSession,
    CreditLot,
    Guild,
    Lesson,
    Notification,
    NotificationKind,
    Payment,
    PaymentStatus,
    RefundStatus,
    Reservation,
    Series,
    SeriesPayment,
    SessionStatus,
)
from scheduler.core.task_pool import TaskPool
from scheduler.credits import lessons
from scheduler.payments import checkouts, starting
from scheduler.series import due
from tests.support.builders import COACH, DAY, GUILD, MINUTE, MONDAY
from tests.support.credits import a_lot
from tests.support.payments import BACK
from tests.support.series import a_series
from tests.support.together import CREDIT, OUTSIDE, PAID, STARTS, STUDENTS, WEDNESDAY, Together
from tests.support.transactions import fetch_all

PAY = {CREDIT: SeriesPayment.CREDIT, PAID: SeriesPayment.CARD, OUTSIDE: SeriesPayment.OTHERWISE}
"""Of each kind there's a student, with lessons every Wednesday."""
COACH_ONLY = "coach"
"""Messages to the coach, and to admins in brackets."""
_HIDDEN = (NotificationKind.SESSION_REMINDER, NotificationKind.SERIES_BOOKED)


class InSeries(Together):
    """Five lessons of each student are made. The first is in two days, and paid for; the others aren't yet."""

    async def prepare(self, *, sold: bool = True) -> None:
        """Let the lessons begin, and the first be paid for."""
        async with self.db.begin() as session:
            guild = await session.get_one(Guild, GUILD)
            guild.most_make_ups, guild.cancel_notice_minutes = 2, 12 * 60
            await a_lot(session, 180, user_id=STUDENTS[CREDIT].user_id, valid_until=WEDNESDAY + 8 * DAY)
            for way, pays_with in PAY.items():
                start = STARTS[way]
                about = {"student_id": STUDENTS[way].user_id, "pays_with": pays_with}
                minute = start.hour * 60 + start.minute
                await a_series(session, first_day=start.date(), start_minute=minute, now=MONDAY, **about)
        await self.look()
        self.server.pay((await self.press_pay()).checkout_id)
        await self.tick()

    async def press_pay(self) -> Payment:
        """Press Pay for the first unpaid lesson of the student who pays by card."""
        paid = select(Payment.session_id).where(Payment.status == PaymentStatus.PAID)
        done = set(await fetch_all(self.db, paid))
        [row, *_] = [one for one in await self.lessons_of(PAID) if one.id not in done]
        async with self.db.begin() as session:
            guild = await session.get_one(Guild, GUILD)
            price = {"agreed_minor": 6000, "agreed_currency": "USD", "livemode": False, "back_to": BACK}
            begun = await starting.for_lesson(session, guild, STUDENTS[PAID], row.id, self.now, **price)
        return await checkouts.advance(self.db, self.api, begun.id, self.clock)

    async def tick(self, after: timedelta = MINUTE) -> int:
        """Let time pass, and do what's due at Stripe and for lessons."""
        failed = await super().tick(after)
        return failed + await self.look()

    async def look(self) -> int:
        """Do what's due for lessons."""
        pool = TaskPool[bool](wait_for_slow=True)
        failed = await due.do_due(self.db, self.clock, pool)
        return failed + await lessons.do_due(self.db, self.clock, pool, has_cards=True)

    async def series_of(self, way: str) -> Series:
        """Return the weekly lessons of this student."""
        theirs = select(Series).where(Series.student_id == STUDENTS[way].user_id)
        [found] = await fetch_all(self.db, theirs)
        return found

    async def lessons_of(self, way: str) -> list[CoachingSession]:
        """Return the sessions of this student's lessons, in order."""
        made = select(CoachingSession).join(Lesson, Lesson.session_id == CoachingSession.id)
        theirs = made.where(Lesson.series_id == (await self.series_of(way)).id).order_by(Lesson.occurrence)
        return await fetch_all(self.db, theirs)

    async def first_lessons(self) -> dict[str, CoachingSession]:
        """Return the first lesson of each student."""
        return {way: (await self.lessons_of(way))[0] for way in PAY}

    async def upcoming(self) -> list[tuple[str, CoachingSession]]:
        """Return whose first lesson is still ahead, and which."""
        return [(way, one) for way, one in (await self.first_lessons()).items() if one.status in AHEAD]

    async def outcome(self) -> dict[str, str]:
        """Say of each student what became of their lessons, money and credit, and what both are told.

        Checks what has to be true of any outcome: nobody can pay for nothing any more, what's owed is paid back,
        time is taken by what's ahead and by nothing else, and no two lessons are one.
        """
        assert {one.status for one in await self.refunds()} <= {RefundStatus.DONE}
        sessions = await fetch_all(self.db, select(CoachingSession))
        taken = Counter(one.session_id for one in await fetch_all(self.db, select(Reservation)))
        assert {taken[one.id] for one in sessions if one.status in AHEAD} <= {2}
        assert {taken[one.id] for one in sessions if one.status is SessionStatus.CANCELLED} <= {0}
        told = await self._told_in_series()
        return {way: f"{await self._became(way)} | {told[way]}" for way in PAY} | {COACH_ONLY: told[COACH_ONLY]}

    async def _became(self, way: str) -> str:
        user_id, rows = STUDENTS[way].user_id, await self.lessons_of(way)
        counted = Counter(str(one.status) for one in rows)
        paid = [
            one for one in await self.payments() if one.user_id == user_id and one.status is PaymentStatus.PAID
        ]
        intents = {one.payment_intent_id for one in paid}
        back = sum(one["amount"] for one in self.server.refunds.values() if one["payment_intent"] in intents)
        lots = await fetch_all(self.db, select(CreditLot).where(CreditLot.user_id == user_id))
        facts = [
            str((await self.series_of(way)).status),
            *(f"{counted[one]} {one}" for one in sorted(counted)),
            *([f"{sum(one.amount_minor for one in paid)} charged"] if paid else []),
            *([f"{back} back"] if back else []),
            *([f"{sum(one.minutes_left for one in lots)} min"] if lots else []),
        ]
        return ", ".join(facts)

    async def _told_in_series(self) -> dict[str, str]:
        found: dict[str, list[str]] = {way: [] for way in (*PAY, COACH_ONLY)}
        ways = {STUDENTS[way].user_id: way for way in PAY}
        lasting = Notification.kind.not_in(_HIDDEN), Notification.given_up_at.is_(None)
        for one in await fetch_all(self.db, select(Notification).where(*lasting).order_by(Notification.id)):
            kind = str(one.kind).removeprefix("session_")
            kind = kind if one.user_id is not None else f"({kind})"
            found[ways.get(one.user_id or 0, COACH_ONLY)].append(kind)
        assert all(one.user_id in (*ways, COACH, None) for one in await fetch_all(self.db, select(Notification)))
        return {
            way: " ".join(f"{kind}×{n}" if n > 1 else kind for kind, n in Counter(kinds).items()) or "-"
            for way, kinds in found.items()
        }
