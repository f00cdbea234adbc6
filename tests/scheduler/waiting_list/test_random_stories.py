"""Random stories of the waiting list, judged by rules that are written anew here."""

import asyncio
import random
import shutil
from collections import defaultdict
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from bot.demo.one_thread import in_one_thread
from models import BlockedFrom, CoachingSession, FreedTime, Guild, Member, Offer, OfferState, SessionStatus, Wish
from models.storage.database import Database
from scheduler.availability import schedule
from scheduler.booking import blocks, booking, cancellation, holds
from scheduler.core.actor import Actor
from scheduler.core.errors import CoachingError, Unreachable
from scheduler.waiting_list import answers, offers
from tests.support.builders import ADMIN, COACH, DAY, GUILD, HOUR, MINUTE, MONDAY, a_coach, a_guild, a_session
from tests.support.fakes import Call
from tests.support.transactions import attempt, fetch_all, transact
from tests.support.waiting_list import WAITING, Line, a_wish

T = TypeVar("T")
PEOPLE = [one.user_id for one in WAITING[:7]]
HORIZON, MOST_UPCOMING = timedelta(days=6), 1
HOURS = [(day, 10 * 60, 12 * 60) for day in range(7)]
"""Two hours a day."""
_WEIGHTS = {
    "wish": 12,
    "cancel": 9,
    "hold": 3,
    "book": 2,
    "take": 4,
    "pass": 14,
    "stop": 1,
    "close": 2,
    "open": 2,
    "leave": 1,
    "come_back": 2,
    "block": 1,
    "lift": 1,
    "hours": 2,
    "wait": 9,
}
_MANY = 60
"""Examples of the slow test."""
_KINDS, _OFTEN = list(_WEIGHTS), list(_WEIGHTS.values())


class Story(RuleBasedStateMachine):
    """Lets people wait, cancel, pass and be away, and after each step looks at who was offered what."""

    db: ClassVar[Database]
    made: ClassVar[dict[str, int]] = defaultdict(int)
    """How often which kind of offer was seen, so that a story in which nothing happens is noticed."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.Runner()
        self.begin()
        self.line = Line(self.db)
        self.closed, self.blocked = set[int](), set[int]()
        self.seen = 0
        """The newest offer that was judged."""
        self.freed: dict[datetime, tuple[datetime, int | None]] = {}
        """By start, since when a time is free, and who had it."""
        self.in_play = set[datetime]()
        """Times that became free and may still be offered."""
        self.line.discord.meanwhile("deliver", self._deliver)
        self.loop.run(self._fill())

    def begin(self) -> None:
        raise NotImplementedError

    async def _deliver(self, call: Call) -> None:
        assert call.context is not None
        if call.context.notification.user_id in self.closed:
            raise Unreachable("closed", dms_closed=True)

    async def _fill(self) -> None:
        async with self.db.begin() as session:
            await a_guild(session, most_upcoming=MOST_UPCOMING)
            await a_coach(session, hours=HOURS, durations_minutes=[60], slot_step_minutes=60, horizon_days=6)
            for number in range(14):
                starts_at = MONDAY + number // 2 * DAY + (2 + number % 2) * HOUR
                await a_session(session, starts_at=starts_at, student_id=8000 + number)

    def teardown(self) -> None:
        self.loop.run(self.db.close())
        self.loop.close()

    @rule(seed=st.integers(0, 2**64))
    def step(self, seed: int) -> None:
        """Take one step, chosen evenly: Hypothesis likes to repeat itself."""
        luck = random.Random(seed)
        getattr(self, f"_{luck.choices(_KINDS, _OFTEN)[0]}")(luck)
        self.loop.run(self.line.tick())
        self._judge()

    def try_to(self, use_case: Callable[..., Awaitable[T]], *args: Any, **named: Any) -> T | CoachingError:
        return self.loop.run(attempt(self.db, use_case, *args, **named))

    def rows(self, query: Any) -> list[Any]:
        return self.loop.run(fetch_all(self.db, query))

    @property
    def now(self) -> datetime:
        return self.line.now

    def _sessions(self) -> list[CoachingSession]:
        ahead = CoachingSession.status == SessionStatus.SCHEDULED, CoachingSession.starts_at > self.now
        return self.rows(select(CoachingSession).where(*ahead).order_by(CoachingSession.id))

    def _open_offers(self) -> list[Offer]:
        return self.rows(select(Offer).where(Offer.state == OfferState.OPEN).order_by(Offer.id))

    def _is_free(self, starts_at: datetime, freed_from: int | None) -> None:
        self.freed[starts_at] = self.now, freed_from
        self.in_play.add(starts_at)

    # What people do.

    def _wish(self, luck: random.Random) -> None:
        person = luck.choice(PEOPLE)
        mine = [one for one in self.rows(select(Wish).where(Wish.user_id == person)) if one.ended_at is None]
        if len(mine) < 2 and person not in self.blocked:
            opens, closes = luck.choice([(600, 660), (660, 720), (0, 1440), (600, 720)])
            what = {
                "weekdays": luck.choice([127, 127, 31, 0b1010101]),
                "from_minute": opens,
                "until_minute": closes,
            }
            until = self.now + luck.choice([2, 7, 30]) * DAY
            self.try_to(
                a_wish, Actor(person), coach_id=luck.choice([COACH, None]), now=self.now, until=until, **what
            )

    def _cancel(self, luck: random.Random) -> None:
        if found := self._sessions():
            # Often the next one, which starts soon.
            one = luck.choice([min(found, key=lambda session: session.starts_at), *found[:3], luck.choice(found)])
            if not isinstance(
                self.try_to(cancellation.cancel, one.id, Actor(one.student_id), None, "", self.now), CoachingError
            ):
                self._is_free(one.starts_at, one.student_id)

    def _slot(self, luck: random.Random) -> datetime:
        midnight = self.now.replace(hour=0, minute=0, second=0, microsecond=0)
        return midnight + luck.randrange(6) * DAY + luck.choice([10, 11]) * HOUR

    def _hold(self, luck: random.Random) -> None:
        at = self._slot(luck)

        async def held(session: AsyncSession) -> Any:
            guild = await session.get_one(Guild, GUILD)
            return await holds.hold(session, guild, Actor(8500), COACH, at, HOUR, self.now)

        if not isinstance(self.try_to(held), CoachingError):
            self.freed.pop(at, None)  # until it runs out, which is after it's been free anyway
            self.in_play.discard(at)
            self.line.clock.forward(5 * MINUTE)
            self._is_free(at, 8500)

    def _book(self, luck: random.Random) -> None:
        at, who = self._slot(luck), Actor(8600 + luck.randrange(1000))

        async def booked(session: AsyncSession) -> Any:
            guild = await session.get_one(Guild, GUILD)
            return await booking.book(session, guild, who, COACH, at, HOUR, None, self.now)

        self.try_to(booked)

    def _take(self, luck: random.Random) -> None:
        if found := self._open_offers():
            one = luck.choice(found)
            self.try_to(answers.take, one.id, Actor(one.user_id), self.now)

    def _pass(self, luck: random.Random) -> None:
        if found := self._open_offers():
            one = luck.choice(found)
            self.try_to(answers.decline, one.id, Actor(one.user_id), self.now)

    def _stop(self, luck: random.Random) -> None:
        if found := [one for one in self.rows(select(Wish)) if one.ended_at is None]:
            one = luck.choice(found)
            self.try_to(offers.stop, one.id, Actor(one.user_id), self.now)

    def _close(self, luck: random.Random) -> None:
        self.closed.add(luck.choice(PEOPLE))

    def _open(self, luck: random.Random) -> None:
        person = luck.choice(PEOPLE)
        self.closed.discard(person)
        theirs = update(Member).where(Member.user_id == person).values(dms_closed_at=None)
        self.loop.run(transact(self.db, lambda session: session.execute(theirs)))

    def _leave(self, luck: random.Random) -> None:
        self.line.discord.gone.add(luck.choice(PEOPLE))

    def _come_back(self, luck: random.Random) -> None:
        self.line.discord.gone.discard(luck.choice(PEOPLE))

    def _block(self, luck: random.Random) -> None:
        who = luck.choice(PEOPLE)
        self.try_to(blocks.block, GUILD, who, ADMIN, (BlockedFrom.BOOKING,), "", self.now)
        self.blocked.add(who)

    def _lift(self, luck: random.Random) -> None:
        if self.blocked:
            who = luck.choice(sorted(self.blocked))
            self.try_to(blocks.unblock, GUILD, who, ADMIN, (BlockedFrom.BOOKING,), self.now)
            self.blocked.discard(who)

    def _hours(self, luck: random.Random) -> None:
        windows = luck.choice([[(600, 720)], [(600, 780)]])
        self.try_to(schedule.set_hours, GUILD, Actor(COACH), [luck.randrange(7)], windows, self.now)

    def _wait(self, luck: random.Random) -> None:
        self.line.clock.forward(luck.choice([10 * MINUTE, 31 * MINUTE, HOUR, 2 * HOUR, 5 * HOUR, 13 * HOUR]))

    # What mustn't happen.

    def _judge(self) -> None:
        made: list[Offer] = self.rows(select(Offer).order_by(Offer.id))
        self._judge_overlaps(made)
        self._judge_repetitions(made)
        for one in made:
            if one.id > self.seen:
                self.made["shared" if one.is_shared else "held"] += 1
                self._judge_order(one, made)
        self.seen = max([self.seen, *(one.id for one in made)])
        self._judge_finished(made)

    def _judge_overlaps(self, made: list[Offer]) -> None:
        held = sorted(one.starts_at for one in made if one.state is OfferState.OPEN and not one.is_shared)
        assert len(set(held)) == len(held), "a time is offered to two at once"
        booked = {one.starts_at for one in self._sessions()}
        assert not booked.intersection(at for at in held if at > self.now), "a booked time is offered"

    def _judge_repetitions(self, made: list[Offer]) -> None:
        passed = set[tuple[int, datetime]]()
        for one in made:
            assert (one.user_id, one.starts_at) not in passed, "somebody is offered again what they passed"
            if one.state is OfferState.PASSED:
                passed.add((one.user_id, one.starts_at))

    def _judge_order(self, offer: Offer, made: list[Offer]) -> None:
        """Nobody ahead in line could have had it."""
        chain = self._chain(offer.starts_at, made, before=offer.id)
        for wish in self.rows(select(Wish).where(Wish.id < offer.wish_id)):
            if wish.user_id == offer.user_id or wish.user_id in chain:
                continue
            # With new hours, people have one open offer at a time.
            has_other = any(
                one.user_id == wish.user_id and one.starts_at != offer.starts_at and one.offered_at <= self.now
                for one in made
                if one.closed_at is None or one.closed_at >= offer.offered_at
            )
            could = self._could_have(wish, offer.starts_at, made, at=offer.offered_at)
            assert not could or has_other, f"{wish.user_id} was passed over"

    def _judge_finished(self, made: list[Offer]) -> None:
        """Once a time is everybody's, all whom it fits have been asked, or enough of them."""
        waiting = {one.starts_at for one in self.rows(select(FreedTime)) if not one.is_new_hours}
        held = {one.starts_at for one in made if one.state is OfferState.OPEN and not one.is_shared}
        taken = {one.starts_at for one in self._sessions()}
        for at in sorted(self.in_play - waiting - held):
            self.in_play.discard(at)
            if at in taken or at <= self.now:
                continue
            chain = self._chain(at, made)
            asked = [one for one in made if one.starts_at == at and one.offered_at >= self.freed[at][0]]
            told = sum(one.is_shared for one in asked)
            for wish in self.rows(select(Wish)):
                could = wish.user_id not in chain and self._could_have(wish, at, made, at=self.now)
                assert not could or told >= 10, f"{wish.user_id} wasn't asked about {at}"

    def _chain(self, starts_at: datetime, made: list[Offer], before: int | None = None) -> set[int]:
        """Return who was offered this time since it became free."""
        since = self.freed.get(starts_at, (MONDAY, None))[0]
        return {
            one.user_id
            for one in made
            if one.starts_at == starts_at and one.offered_at >= since and (before is None or one.id < before)
        }

    def _could_have(self, wish: Wish, starts_at: datetime, made: list[Offer], *, at: datetime) -> bool:
        """Whether somebody could book this time now, by the rules in plain words."""
        who = wish.user_id
        theirs = [one for one in self._sessions() if one.student_id == who]
        minute = starts_at.hour * 60
        return (
            (wish.ended_at is None or wish.ended_at > at)
            and wish.created_at <= at
            and bool(wish.weekdays & 1 << starts_at.weekday())
            and wish.from_minute <= minute
            and minute + 60 <= wish.until_minute
            and at < starts_at <= at + HORIZON
            and starts_at < wish.until
            and who not in self.closed
            and who not in self.blocked
            and who not in self.line.discord.gone
            and len(theirs) < MOST_UPCOMING
            and all(one.starts_at != starts_at for one in theirs)
            and who != self.freed.get(starts_at, (MONDAY, None))[1]
            and not any(
                one.user_id == who and one.starts_at == starts_at and one.state is OfferState.PASSED
                for one in made
            )
        )


@pytest.mark.parametrize("examples", [3, pytest.param(_MANY, marks=pytest.mark.slow)])
def test_the_whole_line_is_asked_in_order_and_nobody_twice(
    examples: int, migrated_sqlite: Path, tmp_path: Path
) -> None:
    class OnThis(Story):
        def begin(self) -> None:
            path = tmp_path / "story.db"
            for old in tmp_path.glob("story.db*"):
                old.unlink()
            shutil.copy(migrated_sqlite, path)
            type(self).db = in_one_thread(Database(f"sqlite:///{path}"))

    Story.made.clear()
    patient = settings(
        max_examples=examples,
        stateful_step_count=60,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )

    run_state_machine_as_test(OnThis, settings=patient)

    assert Story.made["held"] > examples
    assert examples < _MANY or Story.made["shared"] > examples // 10
