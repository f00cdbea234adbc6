"""One process of a race: it opens the database, waits for the others, then all its people press at once."""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from multiprocessing.synchronize import Barrier
from typing import TypeVar

from sqlalchemy import insert, select
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from models import CoachingSession, Guild, Reservation, SessionStatus
from models.storage.database import Database
from scheduler.availability import schedule
from scheduler.booking import booking, cancellation, holds, membership_checks, rescheduling, reservations
from scheduler.coaches import suspensions
from scheduler.core.actor import Actor
from scheduler.core.errors import CoachingError, SlotTaken
from scheduler.workshops import seats
from tests.support.builders import ADMIN, DAY, GUILD, HOUR, MINUTE, MONDAY
from tests.support.fakes import FakeDiscord
from tests.support.series_presses import SeriesPresses
from tests.support.transactions import transact

COACHES = (2000, 2001, 2002, 2003)
ELSEWHERE = GUILD + 1
"""A second server, where the first coach coaches too."""
STUDENTS = (*range(3000, 3008), 2000, 2001)
"""Two of the coaches are students of the others."""
STARTS = [MONDAY + day * DAY + HOUR + half_hour * 30 * MINUTE for day in (1, 2, 3) for half_hour in range(16)]
"""From Tuesday to Thursday, later than any clock gets, so that every session stays upcoming."""
LENGTHS = [30 * MINUTE, HOUR, 90 * MINUTE]
RAW_TIMES = [MONDAY + quarter * 15 * MINUTE for quarter in range(200)]

T = TypeVar("T")

_together: list[Barrier] = []


def remember(together: Barrier) -> None:
    """Store the barrier at which all processes meet before each race."""
    _together.append(together)


@dataclass(frozen=True)
class Press:
    """How a press ended: won, refused with this many alternatives, or with an error nobody should ever see."""

    won: bool = False
    refused: str = ""
    alternatives: int = 0
    error: str = ""


@dataclass
class Work:
    """The results of many random operations."""

    done: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    errors: list[str] = field(default_factory=list)

    def add(self, other: "Work") -> None:
        self.done += other.done
        self.refused += other.refused
        self.errors += other.errors


def race(url: str, students: Sequence[int], coach_id: int, at: datetime, *, holding: bool) -> list[Press]:
    """Let all these students book or hold the same hour at once, together with the other processes."""

    async def use_case(session: AsyncSession, student: int) -> object:
        guild, actor = await session.get_one(Guild, GUILD), Actor(student)
        if holding:
            return await holds.hold(session, guild, actor, coach_id, at, HOUR, MONDAY)
        return await booking.book(session, guild, actor, coach_id, at, HOUR, None, MONDAY)

    async def all_at_once(db: Database) -> list[Press]:
        return await asyncio.gather(*(press(db, partial(use_case, student=student)) for student in students))

    return _run(url, all_at_once)


def race_for_seats(
    url: str, workshop: int, takers: Sequence[int], leavers: Sequence[int], payers: Sequence[int]
) -> list[Press]:
    """Let people take seats in a workshop, begin to pay for one, and give theirs back, or its coach cancel it."""

    async def take(session: AsyncSession, user_id: int) -> object:
        return await seats.take(
            session, workshop, Actor(user_id), MONDAY, agreed_minor=2000, agreed_currency="USD"
        )

    async def pay(session: AsyncSession, user_id: int) -> object:
        return await seats.hold(session, workshop, Actor(user_id), MONDAY, MONDAY + HOUR)

    async def give_back(session: AsyncSession, user_id: int) -> object:
        if user_id in COACHES:
            return await cancellation.cancel(session, workshop, Actor(user_id), GUILD, "", MONDAY)
        return await seats.leave(session, workshop, Actor(user_id), MONDAY)

    async def all_at_once(db: Database) -> list[Press]:
        taking = [partial(take, user_id=one) for one in takers]
        leaving = [partial(give_back, user_id=one) for one in leavers]
        paying = [partial(pay, user_id=one) for one in payers]
        mixed = [*taking[::2], *leaving, *paying, *taking[1::2]]
        return await asyncio.gather(*(press(db, one) for one in mixed))

    return _run(url, all_at_once)


async def press(db: Database, use_case: Callable[[AsyncSession], Awaitable[object]]) -> Press:
    """Run one person's press. Returns unexpected errors, because they cross a process boundary."""
    try:
        await transact(db, use_case)
    except CoachingError as refused:
        nearest = refused.nearest if isinstance(refused, SlotTaken) else ()
        return Press(refused=type(refused).__name__, alternatives=len(nearest))
    except Exception as error:  # noqa: BLE001  (the test reports whatever it is)
        return Press(error=repr(error))
    return Press(won=True)


def work(url: str, seeds: Sequence[int], count: int) -> Work:
    """Run one worker per seed, side by side."""

    async def side_by_side(db: Database) -> Work:
        total = Work()
        for one in await asyncio.gather(*(_Worker(db, seed).do(count) for seed in seeds)):
            total.add(one)
        return total

    return _run(url, side_by_side)


def reserve(url: str, seeds: Sequence[int], session_id: int, count: int) -> Counter[str]:
    """Insert random reservations without the application's checks and locks, and count the outcomes."""

    async def side_by_side(db: Database) -> Counter[str]:
        total: Counter[str] = Counter()
        for one in await asyncio.gather(*(_reserve(db, seed, session_id, count) for seed in seeds)):
            total += one
        return total

    return _run(url, side_by_side)


class _Worker(SeriesPresses):
    """Someone who presses all sorts of buttons, on their own clock."""

    def __init__(self, db: Database, seed: int) -> None:
        self.db, self.chance, self.now, self.total = db, random.Random(seed), MONDAY, Work()
        self.ways = {
            self.hold: 22,
            self.book: 26,
            self.cancel: 18,
            self.reschedule: 24,
            self.let_time_pass: 4,
            self.pause_or_resume: 3,
            self.change_hours: 3,
            self.suspend: 2,
            self.reinstate: 6,
            self.ask_for_lessons: 5,
            self.answer: 5,
            self.make_lessons_due: 2,
            self.skip_lesson: 2,
            self.bring_lesson_back: 2,
            self.change_the_following: 3,
            self.pause_lessons: 1,
            self.end_lessons: 1,
            self.change_the_horizon: 2,
        }
        self.ways_of_their_own: dict[Callable[[], Awaitable[object]], int] = {self.look_for_a_coach: 5}
        """These manage their own transactions."""

    async def do(self, count: int) -> Work:
        """Do this many random operations, and return what became of them."""
        ways = [*self.ways, *self.ways_of_their_own]
        weights = [*self.ways.values(), *self.ways_of_their_own.values()]
        for way in self.chance.choices(ways, weights, k=count):
            what = way.__name__
            try:
                if way in self.ways_of_their_own:
                    await way()
                else:
                    await transact(self.db, way)
                self.total.done[what] += 1
            except CoachingError as refused:
                self.total.refused[f"{what}: {type(refused).__name__}"] += 1
            except Exception as error:  # noqa: BLE001  (the test reports whatever it is)
                self.total.errors.append(f"{what}: {error!r}")
        return self.total

    def _wish(self) -> tuple[int, Actor, int, datetime, timedelta]:
        guild_id = self.chance.choice((GUILD, GUILD, ELSEWHERE))
        coach_id = self.chance.choice(COACHES) if guild_id == GUILD else COACHES[0]
        student = self.chance.choice([one for one in STUDENTS if one != coach_id])
        weeks = self.chance.choice((0, 0, 0, 1, 2, 4))  # later ones meet hours of series that have no lesson yet
        at = self.chance.choice(STARTS) + weeks * 7 * DAY
        return guild_id, Actor(student), coach_id, at, self.chance.choice(LENGTHS)

    async def hold(self, session: AsyncSession) -> None:
        guild_id, actor, coach_id, at, length = self._wish()
        guild = await session.get_one(Guild, guild_id)
        await holds.hold(session, guild, actor, coach_id, at, length, self.now)

    async def book(self, session: AsyncSession) -> None:
        guild_id, actor, coach_id, at, length = self._wish()
        guild = await session.get_one(Guild, guild_id)
        await booking.book(session, guild, actor, coach_id, at, length, None, self.now)

    async def cancel(self, session: AsyncSession) -> None:
        if (found := await self._some_session(session)) is not None:
            session_id, guild_id, coach_id, student_id = found
            actor = self.chance.choice((Actor(coach_id), Actor(student_id), Actor(student_id), ADMIN))
            await cancellation.cancel(session, session_id, actor, guild_id, "", self.now)

    async def reschedule(self, session: AsyncSession) -> None:
        if (found := await self._some_session(session)) is not None:
            session_id, _, coach_id, student_id = found
            actor, at = Actor(self.chance.choice((coach_id, student_id))), self.chance.choice(STARTS)
            await rescheduling.reschedule(session, session_id, actor, at, "Please", self.now)

    async def let_time_pass(self, _: AsyncSession) -> None:
        self.now = min(self.now + self.chance.randint(1, 9) * MINUTE, MONDAY + 20 * HOUR)

    async def pause_or_resume(self, session: AsyncSession) -> None:
        actor, accepts = Actor(self.chance.choice(COACHES)), self.chance.random() < 0.8
        await schedule.set_accepting(session, GUILD, actor, accepts, self.now)

    async def change_hours(self, session: AsyncSession) -> None:
        actor, opens = Actor(self.chance.choice(COACHES)), self.chance.choice((8, 9, 9, 10)) * 60
        days = self.chance.sample(range(1, 4), 2)
        await schedule.set_hours(session, GUILD, actor, days, [(opens, 17 * 60)], self.now)

    async def suspend(self, session: AsyncSession) -> None:
        coach_id, keep = self.chance.choice(COACHES), self.chance.random() < 0.3
        await suspensions.suspend(session, GUILD, coach_id, ADMIN, "Complaints.", self.now, keep=keep)

    async def reinstate(self, session: AsyncSession) -> None:
        await suspensions.reinstate(session, GUILD, self.chance.choice(COACHES), ADMIN, self.now)

    async def look_for_a_coach(self) -> None:
        """Departed coaches have usually returned when checked again."""
        guild_id, coach_id = self.chance.choice([*((GUILD, one) for one in COACHES), (ELSEWHERE, COACHES[0])])
        discord = FakeDiscord()
        if self.chance.random() < 0.3:
            discord.gone.add(coach_id)
        await membership_checks.check(self.db, discord, lambda: self.now, guild_id, coach_id)

    async def _some_session(self, session: AsyncSession) -> tuple[int, int, int, int] | None:
        """Pick a session, usually a booked one; on PostgreSQL it may change before it's locked."""
        query = select(CoachingSession).order_by(CoachingSession.id)
        if self.chance.random() < 0.95:
            query = query.where(CoachingSession.status == SessionStatus.SCHEDULED)
        found = [(row.id, row.guild_id, row.coach_id, row.student_id) for row in await session.scalars(query)]
        return self.chance.choice(found) if found else None


async def _reserve(db: Database, seed: int, session_id: int, count: int) -> Counter[str]:
    chance, ended = random.Random(seed), Counter[str]()
    for _ in range(count):
        start, length = chance.choice(RAW_TIMES), chance.choice((30, 60, 90)) * MINUTE
        two = [
            {"user_id": user_id, "starts_at": start, "ends_at": start + length, "session_id": session_id}
            for user_id in (chance.choice(COACHES), chance.choice(STUDENTS[:8]))
        ]
        try:
            async with db.begin() as session:
                await session.execute(insert(Reservation), two)
            ended["kept"] += 1
        except DBAPIError as refused:
            ended[_why(refused)] += 1
    return ended


def _why(refused: DBAPIError) -> str:
    """Name the error. Without the application's lock, PostgreSQL may find two INSERTs waiting for each other."""
    if isinstance(refused, IntegrityError) and reservations.GUARD in str(refused.orig):
        return "overlap"
    return "deadlock" if getattr(refused.orig, "sqlstate", None) == "40P01" else repr(refused)


def _run(url: str, what: Callable[[Database], Awaitable[T]]) -> T:
    async def main() -> T:
        db = Database(url)
        try:
            async with db.read() as session:
                await session.execute(select(Guild.id))  # connected before the race
            if _together:
                await asyncio.to_thread(_together[0].wait, 120)
            return await what(db)
        finally:
            await db.close()

    return asyncio.run(main())
