"""Random stories about credit, compared with a model: every minute is somewhere, once, and no lot is overdrawn."""

import asyncio
import random
import shutil
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from bot.demo.one_thread import in_one_thread
from models import (
    Absent,
    Attendance,
    CoachingSession,
    CoachSpecialty,
    CreditEntry,
    CreditLot,
    EntryKind,
    Guild,
    Heartbeat,
    LotSource,
    SessionStatus,
)
from models.base import Base
from models.storage.database import Database
from scheduler.attendance import attendance, no_shows, outcomes
from scheduler.booking import booking, cancellation, departures, rescheduling
from scheduler.core.actor import Actor
from scheduler.core.errors import AlreadyDecided, CoachingError, NotBookable, NotFound, TooLate
from scheduler.credits import charges, disputes, expiry, grants, packages, role_grants, statements
from scheduler.credits.packages import PackageTerms
from tests.support.builders import ADMIN, DAY, GUILD, HOUR, MINUTE, MONDAY, a_coach, a_guild
from tests.support.credit_model import COACHES, NOTICE, OTHER, OWN, RATES, STUDENTS, Credits, Lot, Sold
from tests.support.transactions import transact

T = TypeVar("T")
ROLE = 55
ALL_DAY = [(day, 0, 24 * 60) for day in range(7)]


@dataclass(frozen=True)
class Step:
    """One thing that somebody does, or that happens. The numbers pick to whom or to what."""

    what: str
    student: int
    coach: int
    nth: int
    minutes: int
    days: int | None
    yes: bool


_WEIGHTS = {
    "book": 10,
    "book with money": 4,
    "cancel": 5,
    "end": 9,
    "say who came": 3,
    "appeal": 3,
    "answer": 2,
    "waive": 3,
    "dispute": 3,
    "reschedule": 2,
    "grant": 4,
    "sell": 3,
    "take back": 1,
    "sync": 4,
    "set role": 1,
    "set zone": 1,
    "leave": 1,
    "wait": 4,
    "tick": 2,
}
_KINDS, _OFTEN = list(_WEIGHTS), list(_WEIGHTS.values())


def _step(seed: int) -> Step:
    """Choose a step evenly. Hypothesis likes to repeat what it has drawn before, so that little would happen."""
    luck = random.Random(seed)
    return Step(
        what=luck.choices(_KINDS, _OFTEN)[0],
        student=luck.choice(STUDENTS),
        coach=luck.choice(COACHES),
        nth=luck.randrange(60),
        minutes=luck.choice([60, 30, 90]),
        days=luck.choice([None, 1, 2, 20, 40]),
        yes=luck.random() < 0.5,
    )


steps = st.integers(0, 2**64).map(_step)


async def fill(db: Database) -> None:
    """Store a server with two coaches, two packages, and a role that gives credit."""
    async with db.begin() as session:
        hours = NOTICE // MINUTE
        guild = await a_guild(session, cancel_notice_minutes=hours, most_upcoming=1000, most_make_ups=2)
        for user_id, rate in RATES.items():
            await a_coach(session, user_id=user_id, hours=ALL_DAY, rate_minor=rate, horizon_days=90)
        session.add(CoachSpecialty(guild_id=GUILD, coach_id=OTHER, specialty_id=1))
        terms = {"minutes": 90, "price_minor": 7000, "currency": "USD", "days_valid": 10}
        await packages.save(session, guild, ADMIN, PackageTerms("One", coach_ids=[OWN], **terms), MONDAY)
        await packages.save(session, guild, ADMIN, PackageTerms("Some", specialty_ids=[1], **terms), MONDAY)
        await packages.set_role_grant(session, guild, ADMIN, ROLE, 120, MONDAY)


class Story(RuleBasedStateMachine):
    """Takes each step with the use case, and in the model."""

    db: ClassVar[Database]

    def __init__(self) -> None:
        super().__init__()
        self.loop, self.model = asyncio.Runner(), Credits()
        self.loop.run(self.begin())
        for student in STUDENTS:
            self.grant(Step("grant", student, OWN, 0, 60, 20, yes=True))

    async def begin(self) -> None:
        raise NotImplementedError

    def teardown(self) -> None:
        self.loop.run(self.db.close())
        self.loop.close()

    @rule(step=steps)
    def take(self, step: Step) -> None:
        """Take one step. Hypothesis switches rules off at random, so with several, little would be booked."""
        getattr(self, step.what.replace(" ", "_"))(step)

    def write(self, use_case: Callable[..., Awaitable[T]], *args: Any, **named: Any) -> T:
        return self.loop.run(transact(self.db, use_case, *args, **named))

    def in_server(self, use_case: Callable[..., Awaitable[T]], *args: Any, **named: Any) -> T:
        """Run a use case that's given the server."""

        async def with_guild(session: AsyncSession) -> T:
            return await use_case(session, await session.get_one(Guild, GUILD), *args, **named)

        return self.write(with_guild)

    def refused(self, expected: type[CoachingError] | None, use_case: Callable[[], object]) -> bool:
        """Check that this ends as the model says; returns whether it was refused."""
        found: CoachingError | None = None
        try:
            use_case()
        except CoachingError as error:
            found = error
        assert (None if found is None else type(found)) is expected, found
        return found is not None

    def goes_through(self, use_case: Callable[[], object]) -> bool:
        """Try what has rules of its own, tested elsewhere; returns whether it happened."""
        try:
            use_case()
        except CoachingError:
            return False
        return True

    def pick(self, step: Step, *states: str) -> Sold | None:
        found = [one for one in self.model.sessions if one.state in states]
        return found[step.nth % len(found)] if found else None

    # Buying

    def grant(self, step: Step) -> None:
        now = self.model.now
        self.in_server(grants.give, ADMIN, step.student, step.minutes * 3, "Paid in cash.", step.days, now)
        self.model.add(step.student, LotSource.GRANT, step.minutes * 3, step.days)

    def sell(self, step: Step) -> None:
        async def use_case(session: AsyncSession, guild: Guild) -> None:
            package = await packages.find(session, GUILD, 1 if step.yes else 2)
            await packages.give(session, guild, package, step.student, self.model.now, actor=ADMIN)

        self.in_server(use_case)
        self.model.add(step.student, LotSource.PACKAGE, 90, 10, OWN if step.yes else OTHER)

    def take_back(self, step: Step) -> None:
        lots = [one for one in self.model.lots if one.source is not LotSource.ROLE]
        if lots:
            lot = lots[step.nth % len(lots)]
            self.write(grants.take_back, GUILD, ADMIN, self.ids[lot], self.model.now)
            self.model.revoke(lot)

    def set_role(self, step: Step) -> None:
        minutes = step.minutes if step.yes else 0
        self.in_server(packages.set_role_grant, ADMIN, ROLE, minutes, self.model.now)
        self.model.role_minutes = minutes or None

    def set_zone(self, step: Step) -> None:
        self.model.zone = "Pacific/Auckland" if step.yes else "America/New_York"

        async def change(_session: AsyncSession, guild: Guild) -> None:
            guild.time_zone = self.model.zone

        self.in_server(change)

    def sync(self, step: Step) -> None:
        """See a person's roles, or not, since Discord doesn't answer."""
        roles = [frozenset({ROLE}), frozenset({ROLE}), frozenset({7}), None][step.nth % 4]
        self.in_server(role_grants.sync, Actor(step.student, role_ids=roles), self.model.now)
        if roles is not None:
            self.model.sync(step.student, has_role=ROLE in roles)

    # Booking

    def a_start(self, step: Step, minutes: int, student: int, coach: int) -> datetime:
        """Return a free time ahead, the days later the greater `nth` is."""
        start = MONDAY + ((self.model.now - MONDAY) // HOUR + 1 + step.nth**2 // 7) * HOUR
        while not self.model.is_free(student, coach, start, minutes):
            start += 30 * MINUTE
        return start

    def book(self, step: Step) -> None:
        start = self.a_start(step, step.minutes, step.student, step.coach)
        one = Sold(step.student, step.coach, start, step.minutes, with_credit=True)
        expected = None if self.model.take(one) else NotBookable
        if not self.refused(expected, partial(self.buy, charges.book, one)):
            self.model.sessions.append(one)

    def book_with_money(self, step: Step) -> None:
        start = self.a_start(step, step.minutes, step.student, step.coach)
        one = Sold(step.student, step.coach, start, step.minutes, with_credit=False)
        self.buy(booking.book, one)
        self.model.sessions.append(one)

    def buy(self, way: Callable[..., Awaitable[CoachingSession]], one: Sold) -> None:
        about = Actor(one.student), one.coach, one.start, one.minutes * MINUTE, None, self.model.now
        one.id = self.in_server(way, *about).id

    def cancel(self, step: Step) -> None:
        """Cancel a session, sometimes an hour before it starts, which is late if the student does."""
        one = self.pick(step, "ahead")
        if one is None or one.start <= self.model.now:
            return
        if step.nth % 2:
            self.model.now = max(self.model.now, one.start - HOUR)
        by = [Actor(one.student), Actor(one.student), Actor(one.coach), ADMIN][step.minutes // 30 + step.yes - 1]
        self.write(cancellation.cancel, one.id, by, GUILD, "", self.model.now)
        self.model.cancel(one, by_student=by.user_id == one.student)

    def reschedule(self, step: Step) -> None:
        """Reschedule, often past the end of what paid for it, which changes nothing about its minutes."""
        one = self.pick(step, "ahead")
        if one is None or one.start <= self.model.now:
            return
        start = self.a_start(step, one.minutes, one.student, one.coach)
        by = Actor(one.coach if step.yes else one.student)
        is_late = by.user_id == one.student and self.model.now > one.start - NOTICE
        use_case = partial(self.write, rescheduling.reschedule, one.id, by, start, "Ill", self.model.now)
        if not self.refused(TooLate if is_late else None, use_case):
            one.start = start

    def leave(self, step: Step) -> None:
        who, why = (step.student, departures.Why.LEFT) if step.yes else (step.coach, departures.Why.SUSPENDED)
        self.write(departures.handle_departure, GUILD, who, why, self.model.now)
        for one in self.model.sessions:
            if one.state == "ahead" and who in (one.student, one.coach) and one.end > self.model.now:
                self.model.cancel(one, by_student=step.yes)

    # What becomes of it

    def end(self, step: Step) -> None:
        """Finish the next session, late or at its end. One time in five there was no room."""
        ahead = sorted((one for one in self.model.sessions if one.state == "ahead"), key=lambda one: one.start)
        if not ahead:
            return
        one, came = ahead[0], [{"coach", "student"}, {"coach"}, {"student"}, set[str](), None][step.nth % 5]
        self.model.now = max(self.model.now, one.end)

        async def use_case(session: AsyncSession, guild: Guild) -> None:
            row = await session.get_one(CoachingSession, one.id)
            row.status = SessionStatus.IN_PROGRESS
            await session.merge(Heartbeat(job=attendance.WATCH, at=self.model.now))
            if came is not None:
                row.access_granted_at = one.start - 5 * MINUTE
                people = {"coach": one.coach, "student": one.student}
                times = {"session_id": one.id, "joined_at": one.start, "left_at": one.end}
                session.add_all(Attendance(user_id=people[who], **times) for who in came)
            await outcomes.finish(session, row, guild, self.model.now)

        self.in_server(use_case)
        missing = {None} if came is None else {"coach", "student"} - came
        one.absent = (
            Absent.BOTH if len(missing) == 2 else Absent(next(iter(missing))) if came and missing else None
        )
        one.state = "missed" if came is None else "no-show" if one.absent else "completed"
        self.model.settle(one)

    def say_who_came(self, step: Step) -> None:
        one = self.pick(step, "completed", "no-show")
        if one is None:
            return
        say = no_shows.unmark_no_show if step.yes else no_shows.mark_no_show
        if self.goes_through(partial(self.write, say, one.id, Actor(one.coach), self.model.now)):
            if step.yes:
                self.conclude(one, None)
            elif one.state == "completed":
                self.conclude(one, Absent.STUDENT)

    def conclude(self, one: Sold, absent: Absent | None) -> None:
        one.state, one.absent = "no-show" if absent else "completed", absent
        self.model.settle(one)

    def appeal(self, step: Step) -> None:
        """Let somebody who counts as absent appeal, and an admin decide."""
        one = self.pick(step, "no-show")
        if one is None:
            return
        was_coach = one.absent is Absent.COACH or (one.absent is Absent.BOTH and step.minutes == 60)
        who = Actor(one.coach if was_coach else one.student)
        if self.goes_through(partial(self.write, no_shows.appeal, one.id, who, "I was there.", self.model.now)):
            named = {"was_there": step.yes, "now": self.model.now, "of": who.user_id}
            self.write(no_shows.decide_appeal, one.id, ADMIN, GUILD, **named)
            if step.yes:
                other = Absent.STUDENT if was_coach else Absent.COACH
                self.conclude(one, other if one.absent is Absent.BOTH else None)

    def answer(self, step: Step) -> None:
        one = self.pick(step, "missed")
        if one is None:
            return
        by = Actor(one.coach if step.nth % 2 else one.student)
        answer = outcomes.answer_whether_it_took_place
        expected = TooLate if self.model.now >= one.end + 7 * DAY else None
        use_case = partial(self.write, answer, one.id, by, None, step.yes, self.model.now)
        if not self.refused(expected, use_case):
            if step.yes:
                self.conclude(one, None)
            else:
                self.model.cancel(one)

    def waive(self, step: Step) -> None:
        one = self.pick(step, "completed", "no-show", "cancelled")
        if one is None:
            return
        expected: type[CoachingError] | None = None
        if not one.with_credit:
            expected = NotFound
        elif one.charged_at is None and not one.is_waived:
            expected = AlreadyDecided
        elif self.model.now >= (one.cancelled_at or one.end) + 7 * DAY and not one.is_waived:
            expected = TooLate
        use_case = partial(self.write, charges.waive, one.id, Actor(one.coach), self.model.now)
        if not self.refused(expected, use_case):
            one.is_waived = True
            self.model.settle(one)

    def dispute(self, step: Step) -> None:
        """Let a student dispute a charge, and an admin decide."""
        one = self.pick(step, "completed", "no-show", "cancelled")
        if one is None:
            return
        expected: type[CoachingError] | None = None
        if not one.with_credit:
            expected = NotFound
        elif one.was_disputed or one.charged_at is None:
            expected = AlreadyDecided
        elif self.model.now >= one.charged_at + 3 * DAY:
            expected = TooLate
        about = one.id, Actor(one.student), "I was ill.", self.model.now
        if not self.refused(expected, partial(self.write, disputes.open_dispute, *about)):
            one.was_disputed = True
            named = {"give_back": step.yes, "now": self.model.now}
            self.write(disputes.decide, one.id, ADMIN, GUILD, **named)
            if step.yes:
                one.is_waived = True
                self.model.settle(one)

    def wait(self, step: Step) -> None:
        self.model.now += [HOUR, 9 * HOUR, DAY, 4 * DAY, 17 * DAY][step.nth % 5]

    def tick(self, _step: Step) -> None:
        async def all_due() -> None:
            while await expiry.do_due(self.db, lambda: self.model.now):
                pass

        self.loop.run(all_due())
        self.model.expire()

    # What must hold

    @invariant()
    def every_minute_is_where_the_model_has_it(self) -> None:
        self.loop.run(self.compare())

    async def compare(self) -> None:
        model = self.model
        async with self.db.read() as session:
            lots = list(await session.scalars(select(CreditLot).order_by(CreditLot.id)))
            entries = list(await session.scalars(select(CreditEntry)))
            sessions = {one.id: one for one in await session.scalars(select(CoachingSession))}
            for student in STUDENTS:
                balance = await statements.balance(session, GUILD, student, model.now)
                theirs = [one for one in model.lots if one.user == student]
                valid = [one for one in theirs if one.valid_until is None or one.valid_until > model.now]
                assert balance.minutes == sum(one.left for one in valid)
                assert balance.reserved == sum(model.taken(one, charged=False) for one in theirs)
        assert [(one.user_id, one.source, one.minutes_left, one.valid_until) for one in lots] == [
            (one.user, one.source, one.left, one.valid_until) for one in model.lots
        ]
        self.ids: dict[Lot, int] = {}
        for lot, one in zip(lots, model.lots, strict=True):
            self.ids[one] = lot.id
            self.account_for(lot, one, [entry for entry in entries if entry.lot_id == lot.id], sessions)
        for one in model.sessions:
            row = sessions[one.id]
            assert row.student.credit_minutes == (one.minutes if one.with_credit else None)
            assert (row.student.total_cost_minor == 0) is one.with_credit
            assert (row.student.credit_charged_at, row.student.charge_waived_at is not None) == (
                one.charged_at,
                one.is_waived,
            )

    def account_for(
        self, lot: CreditLot, one: Lot, entries: list[CreditEntry], sessions: dict[int, CoachingSession]
    ) -> None:
        """Find every minute of a lot in its entries."""

        def of(*kinds: EntryKind) -> int:
            return sum(entry.minutes for entry in entries if entry.kind in kinds)

        used = {"charged": 0, "reserved": 0}
        for entry in entries:
            if entry.session_id is not None and entry.kind is not EntryKind.GRANTED:
                is_charged = sessions[entry.session_id].student.credit_charged_at is not None
                used["charged" if is_charged else "reserved"] -= entry.minutes
        assert 0 <= lot.minutes_left == sum(entry.minutes for entry in entries)
        assert used["charged"] == self.model.taken(one, charged=True)
        assert used["reserved"] == self.model.taken(one, charged=False)
        assert -of(EntryKind.EXPIRED) == one.expired
        assert of(EntryKind.GRANTED) + of(EntryKind.REVOKED) == one.granted - one.revoked
        assert one.granted == lot.minutes_left + sum(used.values()) + one.expired + one.revoked


class OnSqlite(Story):
    """Copies a migrated file for each story."""

    start: ClassVar[Path]

    async def begin(self) -> None:
        shutil.copy(self.start, self.db.file or "")
        await fill(self.db)

    def teardown(self) -> None:
        super().teardown()
        file = self.db.file
        assert file is not None
        for one in file.parent.glob(f"{file.name}*"):  # with its log and its locks
            one.unlink()


class OnPostgres(Story):
    """Empties one database for each story."""

    async def begin(self) -> None:
        tables = ", ".join(table.name for table in Base.metadata.sorted_tables)
        async with self.db.begin() as session:
            await session.execute(text(f"TRUNCATE {tables} RESTART IDENTITY"))
        await fill(self.db)


PLAIN = settings(
    max_examples=3, stateful_step_count=60, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
LONG = settings(PLAIN, max_examples=25, stateful_step_count=200)


@pytest.fixture
def on_sqlite(migrated_sqlite: Path) -> type[Story]:
    folder = Path(tempfile.mkdtemp(prefix="coachbot-credit-"))
    OnSqlite.start = migrated_sqlite
    OnSqlite.db = in_one_thread(Database(f"sqlite:///{folder / 'story.db'}"))
    return OnSqlite


def test_credit_matches_the_model(on_sqlite: type[Story]) -> None:
    run_state_machine_as_test(on_sqlite, settings=PLAIN)


@pytest.mark.slow
def test_credit_matches_the_model_in_many_long_stories(on_sqlite: type[Story]) -> None:
    run_state_machine_as_test(on_sqlite, settings=LONG)


@pytest.mark.parametrize("engine_name", ["postgres"])
def test_credit_matches_the_model_on_postgresql(database_url: str) -> None:
    OnPostgres.db = Database(database_url)
    run_state_machine_as_test(OnPostgres, settings=settings(LONG, max_examples=8))
