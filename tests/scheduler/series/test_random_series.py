"""Random series around the nights on which clocks change, compared with a model that shares no code."""

import itertools
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, date, datetime, timedelta
from functools import cache, partial
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.demo.one_thread import in_one_thread
from models import CoachingSession, Guild, Lesson, Reservation, Series, SeriesStatus, SessionStatus
from models.storage.database import Database
from scheduler.availability.slots import SlotRefusal
from scheduler.booking import booking, rescheduling
from scheduler.core.actor import Actor
from scheduler.core.errors import CoachingError
from scheduler.series.changes import ending, following, one_lesson, pausing
from scheduler.series.changes.following import NewHour
from tests.support.builders import a_coach, a_date, a_guild, a_session
from tests.support.parameters import first_plain
from tests.support.series import a_series, make_more
from tests.support.series_model import DAY, MINUTE, WEEK, ModelSeries, Rule
from tests.support.time_off import a_closure
from tests.support.transactions import attempt, transact

ZONES = (
    "Europe/Berlin",
    "Europe/London",
    "America/New_York",
    "America/Los_Angeles",
    "America/Santiago",
    "America/St_Johns",
    "America/Havana",
    "Australia/Sydney",
    "Australia/Lord_Howe",
    "Pacific/Auckland",
    "Africa/Cairo",
    "Asia/Beirut",
)
EVERY_HOUR = [(day, 0, 24 * 60) for day in range(7)]
STEPS = 12
Press = Callable[[AsyncSession], Awaitable[object]]


@cache
def change_nights(name: str) -> list[date]:
    """Return the dates of two years on which this zone changes its clocks."""
    noons = [datetime(2026, 1, 1, 12, tzinfo=ZoneInfo(name)) + n * DAY for n in range(730)]
    pairs = itertools.pairwise(noons)
    return [after.date() for before, after in pairs if before.utcoffset() != after.utcoffset()]


class Story:
    """One series of two people in a server of their own."""

    def __init__(self, db: Database, seed: int) -> None:
        self.db, self.dice = db, random.Random(seed)
        self.guild_id, self.coach_id, self.student_id = (
            base + seed * 100 for base in (10**6, 2 * 10**6, 3 * 10**6)
        )
        self.coach, self.admin = Actor(self.coach_id), Actor(9, is_admin=True)
        self.series_id, self.others = 0, self.student_id
        self.seed, self.done = seed, 0
        zone = ZoneInfo(self.dice.choice(ZONES))
        weeks = self.dice.choice((1, 1, 2))
        night = self.dice.choice(change_nights(zone.key))
        first_day = night - self.dice.randrange(7) * weeks * WEEK + self.dice.choice((0, 0, 0, 1, -1)) * DAY
        self.model = ModelSeries(
            [Rule(0, first_day, self.a_minute(), zone, weeks)],
            length=self.dice.choice((30, 60, 90)) * MINUTE,
            before=self.dice.choice((0, 0, 15)) * MINUTE,
            after=self.dice.choice((0, 0, 30)) * MINUTE,
            horizon=self.dice.choice((1, 7, 28, 60)) * DAY,
            coach_zone=ZoneInfo(self.dice.choice(ZONES)),
            server_zone=ZoneInfo(self.dice.choice(ZONES)),
        )
        ends = self.dice.randrange(3)
        self.model.until = first_day + self.dice.randrange(1, 200) * DAY if ends == 1 else None
        self.model.count = self.dice.randrange(2, 20) if ends == 2 else None
        noon = datetime.combine(first_day, datetime.min.time(), UTC) + 12 * 60 * MINUTE
        self.now = noon - self.dice.randrange(1, 20) * DAY

    def a_minute(self) -> int:
        """Pick a time of the day, most often one at which clocks change."""
        night = self.dice.randrange(0, 4 * 60, 15)
        return self.dice.choice((night, night, self.dice.randrange(0, 24 * 60, 5)))

    def __repr__(self) -> str:
        return f"the story of seed {self.seed}"  # shown where it fails

    async def begin(self) -> None:
        """Store the two, what's in their way from the start, and what they agreed on."""
        model, rule = self.model, self.model.rules[0]
        async with self.db.begin() as session:
            await a_guild(session, id=self.guild_id, time_zone=model.server_zone.key)
            await a_coach(
                session,
                guild_id=self.guild_id,
                user_id=self.coach_id,
                hours=EVERY_HOUR,
                time_zone=model.coach_zone.key,
                slot_step_minutes=5,
                durations_minutes=[model.length // MINUTE],
                buffer_before_minutes=model.before // MINUTE,
                buffer_after_minutes=model.after // MINUTE,
                horizon_days=model.horizon // DAY,
            )
            for number in self.dice.sample(range(12), self.dice.randrange(3)):
                at = model.plan(number)[2] + self.dice.choice((0, 15, -15)) * MINUTE
                who = self.a_stranger()
                await a_session(
                    session,
                    guild_id=self.guild_id,
                    coach_id=self.coach_id,
                    student_id=who,
                    starts_at=at,
                    ends_at=at + 45 * MINUTE,
                )
                model.coach_busy.append((at, at + 45 * MINUTE))
            series = await a_series(
                session,
                guild_id=self.guild_id,
                coach_id=self.coach_id,
                student_id=self.student_id,
                first_day=rule.day,
                start_minute=rule.minute,
                time_zone=rule.zone.key,
                interval_weeks=rule.weeks,
                duration_minutes=model.length // MINUTE,
                until=model.until,
                lesson_count=model.count,
                now=self.now,
            )
            self.series_id = series.id
        model.make(self.now)
        await self.compare()

    def a_stranger(self) -> int:
        self.others += 1
        return self.others

    async def step(self) -> None:
        """Let time pass, and one of them or somebody else do something."""
        self.now += self.dice.choice((1, 2, 3, 5, 9, 9, 25)) * DAY + self.dice.randrange(24 * 60) * MINUTE
        await self.make()
        await self.dice.choice(
            (
                self.close,
                self.take_a_day_off,
                self.intrude,
                self.intrude,
                self.reschedule_one,
                self.reschedule_one,
                self.skip,
                self.skip,
                self.bring_back,
                self.bring_back,
                self.pause,
                self.change,
                self.change,
                self.end if self.dice.random() < 0.3 else self.intrude,
            )
        )()
        await self.compare()

    async def make(self) -> None:
        """Do what the loop does when it's due, which has to be in time."""
        async with self.db.read() as session:
            due_at = (await session.get_one(Series, self.series_id)).next_step_at
        self.model.make(self.now)
        if due_at is not None and due_at <= self.now:
            await transact(self.db, make_more, self.series_id, self.now)
            await self.compare()

    async def press(self, use_case: Press) -> bool:
        """Return whether it was accepted."""
        accepted = not isinstance(await attempt(self.db, use_case), CoachingError)
        self.done += accepted
        return accepted

    def pick(self) -> int | None:
        """Pick a lesson that takes place."""
        ahead = [number for number, one in enumerate(self.model.lessons) if one.is_upcoming(self.now)]
        return self.dice.choice(ahead) if ahead else None

    async def close(self) -> None:
        first = self.a_day()
        last = first + self.dice.randrange(3) * DAY
        await transact(self.db, a_closure, first, last, guild_id=self.guild_id)
        self.model.closed.append((first, last))

    def a_day(self) -> date:
        """Pick the day of a lesson that isn't made yet, or any day soon."""
        planned = self.model.plan(len(self.model.lessons) + self.dice.randrange(3))[2]
        later = max(planned.astimezone(self.model.coach_zone).date(), self.now.date())
        return self.dice.choice((later, later, self.now.date() + self.dice.randrange(60) * DAY))

    async def take_a_day_off(self) -> None:
        day = self.a_day()
        if day not in self.model.off:
            await transact(self.db, a_date, day, guild_id=self.guild_id, coach_id=self.coach_id)
            self.model.off.add(day)

    async def intrude(self) -> None:
        """Let somebody else try to book the coach close to a lesson."""
        number = self.dice.randrange(max(0, len(self.model.lessons) - 3), len(self.model.lessons) + 3)
        at = self.model.plan(number)[2] + self.dice.choice((0, 0, 15, -15, 60, -60, 120)) * MINUTE
        who = Actor(self.a_stranger())

        async def use_case(session: AsyncSession) -> None:
            guild = await session.get_one(Guild, self.guild_id)
            await booking.book(session, guild, who, self.coach_id, at, self.model.length, None, self.now)

        is_kept = self.model.is_kept(at)
        if await self.press(use_case):
            assert not is_kept, (number, at)
            end = at + self.model.length
            self.model.coach_busy.append((at - self.model.before, end + self.model.after))

    async def reschedule_one(self) -> None:
        """Reschedule one lesson as its coach."""
        if (number := self.pick()) is None:
            return
        one = self.model.lessons[number]
        at = (one.start or self.now) + self.dice.choice((-25, 1, 3, 26, 50)) * 60 * MINUTE
        session_id = await self.session_of(number)
        use_case = partial(
            rescheduling.reschedule,
            session_id=session_id,
            actor=self.coach,
            starts_at=at,
            reason="Ill",
            now=self.now,
            breaking=set(SlotRefusal),
        )
        if await self.press(use_case):
            one.start = at

    async def session_of(self, number: int) -> int:
        async with self.db.read() as session:
            return (await session.get_one(Lesson, (self.series_id, number))).session_id or 0

    async def skip(self) -> None:
        """Have the student skip a lesson by itself."""
        if (number := self.pick()) is None:
            return
        what: dict[str, Any] = {"reason": "", "guild_id": self.guild_id, "now": self.now}
        use_case = partial(
            one_lesson.skip, series_id=self.series_id, occurrence=number, actor=Actor(self.student_id), **what
        )
        if await self.press(use_case):
            self.model.cancel(number, "by_hand")

    async def bring_back(self) -> None:
        """Bring back a lesson as an admin, which works exactly if its time is free."""
        gone = [n for n, one in enumerate(self.model.lessons) if one.skipped or one.cancelled]
        if not gone:
            return
        number = self.dice.choice(gone)
        one = self.model.lessons[number]
        is_past_end = self.model.ends_at and one.at and one.at >= self.model.ends_at
        expected = self.model.obstacle(one.at, self.now) is None and not is_past_end and not self.model.is_over
        use_case = partial(
            one_lesson.bring_back,
            series_id=self.series_id,
            occurrence=number,
            actor=self.admin,
            guild_id=self.guild_id,
            now=self.now,
        )
        assert await self.press(use_case) == expected, (number, one)
        if expected:
            self.model.give_session(one, self.now)

    async def pause(self) -> None:
        """Have an admin pause the lessons for one to four weeks."""
        if (number := self.pick()) is None:
            return
        weeks = self.dice.randrange(1, 5)
        use_case = partial(
            pausing.pause,
            series_id=self.series_id,
            occurrence=number,
            weeks=weeks,
            actor=self.admin,
            guild_id=self.guild_id,
            reason="",
            now=self.now,
        )
        if await self.press(use_case):
            self.model.pause(number, weeks, self.now)

    async def change(self) -> None:
        """Give a lesson and all that follow it another hour, as their coach."""
        if (number := self.pick()) is None:
            return
        rule = [one for one in self.model.rules if one.first <= number][-1]
        zone = ZoneInfo(self.dice.choice(ZONES)) if self.dice.random() < 0.2 else rule.zone
        weeks = 3 - rule.weeks if self.dice.random() < 0.2 else rule.weeks
        day = self.model.plan(number)[0] + self.dice.randrange(-3, 5) * DAY
        new = Rule(number, day, self.dice.choice((rule.minute, self.a_minute())), zone, weeks)
        use_case = partial(
            following.change,
            series_id=self.series_id,
            occurrence=number,
            hour=NewHour(new.day, new.minute, zone.key, weeks),
            actor=self.coach,
            guild_id=self.guild_id,
            reason="Ill",
            now=self.now,
            breaking=set(SlotRefusal),
        )
        if await self.press(use_case):
            self.model.change(number, new, self.now)

    async def end(self) -> None:
        """Have an admin end the lessons, with the server's notice."""
        use_case = partial(
            ending.end,
            series_id=self.series_id,
            actor=self.admin,
            guild_id=self.guild_id,
            reason="",
            now=self.now,
        )
        if await self.press(use_case):
            self.model.end(self.now + 7 * DAY, self.now)

    async def compare(self) -> None:
        """Compare all lessons, and what they reserve."""
        async with self.db.read() as session:
            series = await session.get_one(Series, self.series_id)
            rows: list[Any] = list(
                await session.execute(
                    select(Lesson, CoachingSession)
                    .outerjoin(CoachingSession, CoachingSession.id == Lesson.session_id)
                    .where(Lesson.series_id == self.series_id)
                    .order_by(Lesson.occurrence)
                )
            )
            is_theirs = Reservation.user_id == self.student_id
            reserved = sorted(await session.scalars(select(Reservation.starts_at).where(is_theirs)))
        found = [
            (
                one.occurrence,
                one.day,
                one.starts_at,
                booked and booked.starts_at,
                booked is not None and booked.status is SessionStatus.CANCELLED,
                one.skipped and one.skipped.value,
            )
            for one, booked in rows
        ]
        assert found == [
            (number, one.day, one.at, one.start, one.cancelled, one.skipped)
            for number, one in enumerate(self.model.lessons)
        ]
        live = [one.start for one in self.model.lessons if one.start is not None and not one.cancelled]
        assert reserved == sorted(live)
        assert len(set(live)) == len(live)
        # One whose last lesson is skipped ends when the loop looks at it next.
        assert self.model.is_over or series.status is not SeriesStatus.ENDED


@pytest.fixture
async def one_db(database_url: str) -> AsyncIterator[Database]:
    """Return a database in one thread: otherwise most of the time goes into waiting for another one."""
    db = in_one_thread(Database(database_url))
    yield db
    await db.close()


@pytest.mark.parametrize("engine_name", ["sqlite"])
@pytest.mark.parametrize(("first", "count"), first_plain([(0, 20), *((n, 250) for n in range(0, 3000, 250))]))
async def test_series_are_what_an_independent_model_says(one_db: Database, first: int, count: int) -> None:
    done = 0
    for seed in range(first, first + count):
        story = Story(one_db, seed)
        await story.begin()
        for _ in range(STEPS):
            if story.model.is_over:
                break
            await story.step()
        done += story.done
    assert done > count * 2


def test_the_stories_are_about_twelve_zones_and_two_years_of_change_nights() -> None:
    assert len(set(ZONES)) == 12
    for name in ZONES:
        nights = change_nights(name)
        assert len(nights) >= 4, name
        assert {one.year for one in nights} == {2026, 2027}
        assert timedelta(0) < nights[1] - nights[0] < timedelta(days=365)
