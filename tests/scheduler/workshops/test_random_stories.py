"""Random stories about seats, compared with a model: each seat is one person's, kept for one, or free."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.demo.one_thread import in_one_thread
from models import Hold, Participant, ParticipantStatus, Reservation, Seat
from models.storage.database import Database
from scheduler.booking import cancellation, releases
from scheduler.core import members
from scheduler.core.actor import Actor
from scheduler.core.errors import CoachingError
from scheduler.workshops import seats, workshops
from tests.support.bookings import CARA
from tests.support.builders import DAY, GUILD, HOUR, MINUTE, MONDAY, a_server_with_a_coach
from tests.support.seat_model import Kept, Seats
from tests.support.transactions import transact
from tests.support.workshops import CHANNEL, another_workshop, price

PEOPLE = 5
people = st.integers(0, PEOPLE - 1)


class Story(RuleBasedStateMachine):
    """Takes each step with the use case, and in the model. Each story has its own workshop and people."""

    db: ClassVar[Database]
    runner: ClassVar[asyncio.Runner]
    numbers: ClassVar[Iterator[int]]

    def __init__(self) -> None:
        super().__init__()
        number = next(self.numbers)
        self.now, self.first = MONDAY, 10_000 + number * PEOPLE
        starts_at = MONDAY + 2 * DAY + number * HOUR
        self.workshop = self.runner.run(another_workshop(self.db, actor=CARA, starts_at=starts_at, seats=3))
        self.model = Seats([None] * 3)

    def do(self, use_case: Callable[[AsyncSession], Awaitable[object]]) -> str:
        """Return the name of the refusal; empty if it was done."""
        try:
            self.runner.run(transact(self.db, use_case))
        except CoachingError as refused:
            return type(refused).__name__
        return ""

    def agree(self, is_so: str, should_be: str) -> None:
        assert is_so == should_be, f"{is_so or 'done'} instead of {should_be or 'done'}"

    @rule(nth=people)
    def take(self, nth: int) -> None:
        who = self.first + nth
        done = self.do(lambda session: seats.take(session, self.workshop, Actor(who), self.now, **price()))
        self.agree(done, self.model.take(who, self.now))

    @rule(nth=people, minutes=st.sampled_from([10, 60]))
    def keep(self, nth: int, minutes: int) -> None:
        who, until = self.first + nth, self.now + minutes * MINUTE
        done = self.do(lambda session: seats.hold(session, self.workshop, Actor(who), self.now, until))
        self.agree(done, self.model.keep(who, self.now, until))

    @rule(nth=people)
    def pay(self, nth: int) -> None:
        who = self.first + nth
        if who in self.model.keeping:
            self.agree(self.do(lambda session: self._pay(session, who)), self.model.pay(who, self.now))

    async def _pay(self, session: AsyncSession, who: int) -> None:
        await members.lock(session, who)
        held = (await session.scalars(select(Hold).where(Hold.student_id == who))).one()
        await seats.book_held(session, held, 2000, self.now)

    @rule(nth=people)
    def drop(self, nth: int) -> None:
        who = self.first + nth
        self.do(lambda session: self._drop(session, who))
        self.model.drop(who)

    async def _drop(self, session: AsyncSession, who: int) -> None:
        for one in await session.scalars(select(Hold.id).where(Hold.student_id == who)):
            await releases.release(session, one, self.now)

    @rule(nth=people)
    def leave(self, nth: int) -> None:
        who = self.first + nth
        done = self.do(lambda session: seats.leave(session, self.workshop, Actor(who), self.now))
        self.agree(done, self.model.leave(who))

    @rule(to=st.integers(2, 5))
    def resize(self, to: int) -> None:
        done = self.do(lambda session: workshops.edit(session, self.workshop, GUILD, CARA, self.now, seats=to))
        self.agree(done, self.model.resize(to, self.now))

    @rule(minutes=st.integers(1, 40))
    def wait(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)
        self.runner.run(releases.announce_expired(self.db, lambda: self.now))

    @rule(chance=st.integers(0, 9))
    def cancel(self, chance: int) -> None:
        if not chance and not self.model.is_cancelled:
            self.do(lambda session: cancellation.cancel(session, self.workshop, CARA, GUILD, "", self.now))
            self.model.is_cancelled = True

    @invariant()
    def the_rows_are_as_the_model_says(self) -> None:
        """Compare seats, participants and holds with the model."""
        assert self.runner.run(self._rows()) == (
            [one.who if isinstance(one, Kept) else one for one in self.model.seats],
            set() if self.model.is_cancelled else {*self.model.taken_by},
            {*self.model.keeping},
            {*self.model.taken_by},
            self.model.left,
            len(self.model.free(self.now)),
        )

    async def _rows(self) -> tuple[Any, ...]:
        mine = range(self.first, self.first + PEOPLE)
        async with self.db.read() as session:
            in_order = select(Seat.user_id, Hold.student_id).outerjoin(Hold, Hold.id == Seat.hold_id)
            in_order = in_order.where(Seat.session_id == self.workshop).order_by(Seat.id)
            is_mine = Reservation.user_id.in_(mine)
            reserved = (
                await session.execute(select(Reservation.user_id, Reservation.hold_id).where(is_mine))
            ).all()
            theirs = select(Participant).where(Participant.session_id == self.workshop)
            participants = list(await session.scalars(theirs))
            return (
                [user_id or held_by for user_id, held_by in await session.execute(in_order)],
                {user_id for user_id, hold_id in reserved if hold_id is None},
                {user_id for user_id, hold_id in reserved if hold_id is not None},
                {one.user_id for one in participants if one.status is ParticipantStatus.BOOKED},
                {one.user_id for one in participants if one.status is ParticipantStatus.LEFT},
                (await seats.free_seats(session, [self.workshop], self.now))[self.workshop],
            )


PLAIN = settings(
    max_examples=5, stateful_step_count=40, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
LONG = settings(PLAIN, max_examples=100, stateful_step_count=60)


def tell(database_url: str, how: settings) -> None:
    """Tell random stories in this database."""
    Story.db, Story.numbers = Database(database_url), itertools.count()
    if Story.db.is_sqlite:
        Story.db = in_one_thread(Story.db)
    with asyncio.Runner() as Story.runner:
        guild = {"workshop_channel_id": CHANNEL}
        Story.runner.run(a_server_with_a_coach(Story.db, guild=guild))
        try:
            run_state_machine_as_test(Story, settings=how)
        finally:
            Story.runner.run(Story.db.close())


def test_seats_match_the_model_in_random_stories(database_url: str) -> None:
    tell(database_url, PLAIN)


@pytest.mark.slow
def test_seats_match_the_model_in_many_long_stories(database_url: str) -> None:
    tell(database_url, LONG)
