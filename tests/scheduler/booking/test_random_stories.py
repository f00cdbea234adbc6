"""Random stories about booking, compared with a model: the same offers, refusals, prices and lateness."""

import asyncio
import shutil
import tempfile
from collections.abc import Awaitable, Callable
from datetime import datetime
from functools import cache, partial
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.demo.one_thread import in_one_thread
from models import Coach, CoachingSession, Guild, Reservation
from models.storage.database import Database
from scheduler.availability import booking_policy, free_times, schedule
from scheduler.availability.slots import SlotRefusal
from scheduler.booking import cancellation
from scheduler.core.actor import Actor
from scheduler.core.errors import CoachingError
from scheduler.servers import settings as server_settings
from scheduler.servers.settings import GuildChanges
from tests.support import bookings
from tests.support.booking_model import Booked, Refusal, Terms
from tests.support.booking_steps import (
    COACHING,
    HERE,
    PEOPLE,
    SAM,
    STU,
    THERE,
    Ask,
    Change,
    Settings,
    Step,
    Touch,
    Wait,
    a_model,
    steps,
)
from tests.support.builders import ADMIN, HOUR, MINUTE, MONDAY, a_coach, a_guild
from tests.support.transactions import transact

T = TypeVar("T")


@cache
def model_in_a_database() -> Path:
    """Return an SQLite file to copy."""
    path = Path(tempfile.mkdtemp(prefix="coachbot-machine-")) / "coachbot.db"

    async def fill() -> None:
        db, model = in_one_thread(Database(f"sqlite:///{path}")), a_model()
        await db.upgrade()
        async with db.begin() as session:
            for guild, most in model.most_upcoming.items():
                notice = model.cancel_notice[guild]
                await a_guild(session, id=guild, most_upcoming=most, cancel_notice_minutes=notice)
            for (guild, coach), terms in model.terms.items():
                hours = [(day, *window) for day, usual in terms.hours.items() for window in usual]
                await a_coach(session, guild_id=guild, user_id=coach, hours=hours, rate_minor=terms.rate)
                row = await session.get_one(Coach, (guild, coach))
                row.time_zone = "Asia/Kolkata" if terms.offset else "UTC"
                booking_policy.apply_rules(row, rules_of(terms))
        await db.close()

    asyncio.run(fill())
    return path


@cache
def the_database(path: Path) -> Database:
    """Open one database for all stories: compiling every statement for each took a sixth of their time."""
    return in_one_thread(Database(f"sqlite:///{path}"))


def rules_of(terms: Terms) -> booking_policy.Rules:
    """Return the rules as the coach types them."""
    return booking_policy.Rules(
        durations_minutes=tuple(terms.durations),
        slot_step_minutes=terms.step,
        buffer_before_minutes=terms.before,
        buffer_after_minutes=terms.after,
        minimum_notice_minutes=terms.notice,
        horizon_days=terms.horizon,
        daily_limit=terms.daily,
        weekly_limit=terms.weekly,
    )


class Booking(RuleBasedStateMachine):
    """Takes each step in the database and in the model."""

    def __init__(self) -> None:
        super().__init__()
        start = model_in_a_database()
        self.path = start.with_name("story.db")
        shutil.copy(start, self.path)
        self.loop, self.db, self.model = asyncio.Runner(), the_database(self.path), a_model()
        self.looked = 0

    def teardown(self) -> None:
        self.loop.run(self.db.close())
        self.loop.close()
        for file in self.path.parent.glob(f"{self.path.name}*"):  # with its log and its locks
            file.unlink()

    @rule(step=steps)
    def take(self, step: Step) -> None:
        """Take one step. Hypothesis switches rules off at random, so with several, little would be booked."""
        match step:
            case Ask():
                self.ask(step)
            case Touch():
                self.touch(step)
            case Change():
                self.change(step)
            case Settings():
                self.set(step)
            case Wait():
                self.model.now += step.by

    def write(self, use_case: Callable[[AsyncSession], Awaitable[T]]) -> T:
        return self.loop.run(transact(self.db, use_case))

    def press(self, expected: Refusal, use_case: Callable[[AsyncSession], Awaitable[T]]) -> T | None:
        """Check that this ends as the model says. Returns the result, or None if it was refused."""
        result, refused = None, None
        try:
            result = self.write(use_case)
        except CoachingError as error:
            refused = error
        assert (None if refused is None else type(refused)) is expected, refused
        return result

    def wish(
        self, where: tuple[int, int], student: int, length: int, nth: int, rescheduling: Booked | None = None
    ) -> datetime:
        """Pick a start to ask for: one that's free, one that's taken, or any quarter of an hour."""
        free = self.model.free(*where, length, student, rescheduling)
        taken = [one.start for one in (*self.model.sessions, *self.model.holds.values())]
        if free and nth % 3:
            return free[nth // 3 % len(free)]
        if taken and nth % 2:
            return taken[nth // 2 % len(taken)]
        return MONDAY + (self.model.now - MONDAY) // HOUR * HOUR + (nth * 15 - 60) * MINUTE

    def ask(self, step: Ask) -> None:
        """Hold or book a wish, or, a minute later, what's already held."""
        held = list(self.model.holds.values())
        way = self.hold if step.way in ("hold", "hold again") else self.book
        if step.way in ("book what is held", "hold again") and held:
            one = held[step.nth % len(held)]
            self.model.now += MINUTE
            way((one.guild, one.coach), one.student, one.start, (one.end - one.start) // MINUTE)
            return
        at = self.wish(step.where, step.student, step.minutes, step.nth)
        way(step.where, step.student, at, step.minutes)

    def book(self, where: tuple[int, int], student: int, at: datetime, length: int) -> None:
        """Book in both. Booking the same again returns the first session and leaves the model alone."""
        model, (guild_id, coach) = self.model, where
        before = model.booked_before(guild_id, coach, student, at, length)
        expected = None if before else model.why_not_book(guild_id, coach, student, at, length)

        named = {"coach_id": coach, "minutes": length, "now": model.now, "guild_id": guild_id}
        booked = self.press(expected, partial(bookings.book, actor=Actor(student), starts_at=at, **named))
        if booked is not None and before is None:
            model.book(booked.id, guild_id, coach, student, at, length)
        assert booked is None or before is None or booked.id == before.id

    def hold(self, where: tuple[int, int], student: int, at: datetime, length: int) -> None:
        """Hold in both, until the same instant."""
        model, (guild_id, coach) = self.model, where
        expected = model.why_not_book(guild_id, coach, student, at, length)
        named = {"coach_id": coach, "minutes": length, "now": model.now, "guild_id": guild_id}
        held = self.press(expected, partial(bookings.hold, actor=Actor(student), starts_at=at, **named))
        assert held is None or held.expires_at == model.hold(guild_id, coach, student, at, length)

    def touch(self, step: Touch) -> None:
        """Cancel or reschedule a session; one time in ten it may already be cancelled."""
        model, held = self.model, list(self.model.holds.values())
        ahead = [one for one in model.sessions if not one.cancelled]
        found = ahead if ahead and step.nth % 10 else model.sessions
        if step.way == "reschedule to what was held" and held:
            goal = held[step.to % len(held)]
            found = [one for one in found if (one.guild, one.coach) == (goal.guild, goal.coach)]
        if not found:
            return
        one = found[step.nth % len(found)]
        if step.way == "cancel":
            self.cancel(one, step.who)
        elif step.way == "reschedule to what was held" and held:
            self.reschedule(one, step.who, held[step.to % len(held)].start, step)
        else:
            length = (one.end - one.start) // MINUTE
            at = self.wish((one.guild, one.coach), one.student, length, step.to, one)
            self.reschedule(one, step.who, at, step)

    def cancel(self, one: Booked, who: str) -> None:
        """Cancel in both, as someone who may not be allowed to."""
        model, (actor, guild_id) = self.model, self.actor(one, who)
        expected = model.why_not_cancel(one, actor.user_id, actor.is_admin, guild_id)

        named = {"session_id": one.id, "actor": actor, "guild_id": guild_id, "reason": "", "now": model.now}
        if self.press(expected, partial(cancellation.cancel, **named)) is not None:
            model.cancel(one, actor.user_id)

    def reschedule(self, one: Booked, who: str, at: datetime, step: Touch) -> None:
        """Reschedule in both, as someone who may not be allowed to."""
        model, (actor, _) = self.model, self.actor(one, who)
        expected = model.why_not_reschedule(one, actor.user_id, at, step.reason, step.anyway)
        breaking = set(SlotRefusal) if step.anyway else set()
        use_case = bookings.rescheduling_to(
            one.id, at, actor, reason=step.reason, now=model.now, breaking=breaking
        )
        if self.press(expected, use_case) is not None:
            model.reschedule(one, at)

    def actor(self, one: Booked, who: str) -> tuple[Actor, int | None]:
        """Return this person, and the server they're in."""
        stranger = next(user for user in PEOPLE if user not in (one.coach, one.student))
        return {
            "student": (Actor(one.student), None),
            "coach": (Actor(one.coach), one.guild),
            "admin": (ADMIN, one.guild),
            "far admin": (ADMIN, HERE + THERE - one.guild),
            "stranger": (Actor(stranger), one.guild),
        }[who]

    def change(self, step: Change) -> None:
        """Let a coach change one of their terms. Sessions keep those they were booked with."""
        terms, (guild_id, coach), now = self.model.terms[step.where], step.where, self.model.now
        value = terms.hours | dict.fromkeys(step.days, step.value) if step.name == "hours" else step.value
        setattr(terms, step.name, value)

        async def use_case(session: AsyncSession) -> None:
            match step.name:
                case "hours":
                    await schedule.set_hours(session, guild_id, Actor(coach), step.days, step.value, now)
                case "accepting":
                    await schedule.set_accepting(session, guild_id, Actor(coach), step.value, now)
                case "rate":
                    (await session.get_one(Coach, step.where)).rate_minor = step.value
                case _:
                    await schedule.set_rules(session, guild_id, Actor(coach), rules_of(terms), now)

        self.write(use_case)

    def set(self, step: Settings) -> None:
        """Let an admin change the server's settings."""
        self.model.cancel_notice[step.guild], self.model.most_upcoming[step.guild] = step.notice, step.most
        changes, now = GuildChanges(cancel_notice_minutes=step.notice, most_upcoming=step.most), self.model.now

        async def use_case(session: AsyncSession) -> None:
            await server_settings.change(session, await session.get_one(Guild, step.guild), ADMIN, changes, now)

        self.write(use_case)

    @invariant()
    def offers_and_rows_match_the_model(self) -> None:
        self.loop.run(self.compare())

    async def compare(self) -> None:
        """Compare the offers for one question, taking turns, and all sessions with what they reserve."""
        self.looked += 1
        (guild_id, coach), student = COACHING[self.looked % 3], [STU, SAM][self.looked // 3 % 2]
        length, now = [30, 60, 90][self.looked // 6 % 3], self.model.now
        async with self.db.read() as session:
            row = await session.get_one(Coach, (guild_id, coach))
            offers = await free_times.free_times(session, row, length * MINUTE, student_id=student, now=now)
            assert list(offers) == self.model.free(guild_id, coach, length, student)
            rows = list(await session.scalars(select(CoachingSession).order_by(CoachingSession.id)))
            found = await session.scalars(select(Reservation).where(Reservation.session_id.is_not(None)))
            reserved = sorted((one.user_id, one.starts_at, one.ends_at) for one in found)
        assert [
            (
                one.id,
                one.starts_at,
                one.ends_at,
                one.student.total_cost_minor,
                one.student.cancelled_late,
                one.revision,
            )
            for one in rows
        ] == [(one.id, one.start, one.end, one.price, one.late, one.revision) for one in self.model.sessions]
        assert [one.cancelled_at is not None for one in rows] == [one.cancelled for one in self.model.sessions]
        ahead = [one for one in self.model.sessions if not one.cancelled]
        coaches = [(one.coach, one.coach_start, one.coach_end) for one in ahead]
        assert reserved == sorted(coaches + [(one.student, one.start, one.end) for one in ahead])


PLAIN = settings(
    max_examples=3, stateful_step_count=40, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)


def test_booking_matches_the_model() -> None:
    run_state_machine_as_test(Booking, settings=PLAIN)


@pytest.mark.slow
def test_booking_matches_the_model_in_many_long_stories() -> None:
    run_state_machine_as_test(Booking, settings=settings(PLAIN, max_examples=300, stateful_step_count=60))
