"""Random stories of a full workshop and its line, judged after each step."""

import random
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from sqlalchemy import select, update

from models import FreedTime, Member, Offer, OfferState, Seat, Wish
from models.storage.database import Database
from scheduler.core.actor import Actor
from scheduler.core.errors import CoachingError, Unreachable
from scheduler.waiting_list import answers, offers, wishes
from scheduler.workshops import seats, workshops
from tests.support.builders import ADMIN, DAY, GUILD, HOUR, MINUTE, MONDAY
from tests.support.fakes import Call
from tests.support.parameters import first_plain
from tests.support.transactions import attempt, fetch_all, transact
from tests.support.waiting_list import WAITING, Line
from tests.support.workshops import a_workshop, take

PEOPLE = [one.user_id for one in WAITING[:9]]
STARTS_AT = MONDAY + 5 * DAY
UNDECIDED = (OfferState.OPEN, OfferState.PAYING)
STEPS = 50


class Story:
    """Lets people wait, take, hold, leave and pass, and after each step looks at who was offered what."""

    def __init__(self, db: Database, workshop: int, luck: random.Random) -> None:
        self.db, self.workshop, self.luck, self.line = db, workshop, luck, Line(db)
        self.closed, self.done, self.seen, self.strangers = set[int](), Counter[str](), 0, 20_000
        self.line.discord.meanwhile("deliver", self._deliver)
        self.ways: dict[Callable[[], Awaitable[Any]], int] = {
            self.wait: 12,
            self.leave: 10,
            self.press: 5,
            self.fill: 8,
            self.hold: 4,
            self.take: 4,
            self.decline: 8,
            self.stop: 1,
            self.close: 1,
            self.open: 1,
            self.change_seats: 1,
            self.let_time_pass: 9,
        }

    async def _deliver(self, call: Call) -> None:
        assert call.context is not None
        if call.context.notification.user_id in self.closed:
            raise Unreachable("closed", dms_closed=True)

    async def step(self) -> None:
        """Do one random thing, and judge what became of it."""
        [way] = self.luck.choices(list(self.ways), list(self.ways.values()))
        before = await self.kept()
        result = await way()
        if not isinstance(result, CoachingError):
            self.done[way.__name__] += 1
        if way == self.press and result is not None and not isinstance(result, CoachingError):
            await self._judge_press(result.user_id, before)
        await self.line.tick()
        await self.judge()

    def anybody(self) -> Actor:
        return Actor(self.luck.choice(PEOPLE))

    async def wait(self) -> None:
        for _ in range(3):
            await attempt(self.db, wishes.add_for_seat, self.workshop, self.anybody(), self.line.now)

    async def leave(self) -> Any:
        theirs: list[Seat] = await fetch_all(self.db, select(Seat))
        taken = [one.user_id for one in theirs if one.user_id is not None]
        who = Actor(self.luck.choice(taken)) if taken else self.anybody()
        return await attempt(self.db, seats.leave, self.workshop, who, self.line.now)

    async def press(self) -> Any:
        return await attempt(self.db, seats.take, self.workshop, self.anybody(), self.line.now)

    async def fill(self) -> None:
        """Let strangers take what's free."""
        for _ in range(4):
            self.strangers += 1
            await attempt(self.db, seats.take, self.workshop, Actor(self.strangers), self.line.now)

    async def hold(self) -> Any:
        until = self.line.now + 20 * MINUTE
        return await attempt(self.db, seats.hold, self.workshop, Actor(8000), self.line.now, until)

    async def take(self) -> Any:
        if found := await self.line.offers(OfferState.OPEN):
            one = self.luck.choice(found)
            return await attempt(self.db, answers.take, one.id, Actor(one.user_id), self.line.now)
        return TooFew()

    async def decline(self) -> Any:
        if found := await self.line.offers(OfferState.OPEN):
            one = self.luck.choice(found)
            return await attempt(self.db, answers.decline, one.id, Actor(one.user_id), self.line.now)
        return TooFew()

    async def stop(self) -> Any:
        if found := await self.open_wishes():
            one = self.luck.choice(found)
            return await attempt(self.db, offers.stop, one.id, Actor(one.user_id), self.line.now)
        return TooFew()

    async def close(self) -> None:
        self.closed.add(self.luck.choice(PEOPLE))

    async def open(self) -> None:
        who = self.luck.choice(PEOPLE)
        self.closed.discard(who)
        theirs = update(Member).where(Member.user_id == who).values(dms_closed_at=None)
        await transact(self.db, lambda session: session.execute(theirs))

    async def change_seats(self) -> Any:
        number = self.luck.randint(2, 4)
        return await attempt(self.db, workshops.edit, self.workshop, GUILD, ADMIN, self.line.now, seats=number)

    async def let_time_pass(self) -> None:
        left = STARTS_AT - self.line.now
        step = self.luck.choice([10 * MINUTE, 31 * MINUTE, HOUR, 5 * HOUR, 13 * HOUR])
        self.line.clock.forward(min(step, left / 2))

    async def open_wishes(self) -> list[Wish]:
        return await fetch_all(self.db, select(Wish).where(Wish.ended_at.is_(None)).order_by(Wish.id))

    async def kept(self) -> dict[int, int]:
        """Return who is offered each seat that's kept for the line; 0 for nobody yet."""
        found = {one.id: 0 for one in await fetch_all(self.db, select(FreedTime))}
        return found | {
            one.freed_id: one.user_id for one in await self.line.offers(OfferState.OPEN) if one.freed_id
        }

    # What mustn't happen.

    async def _judge_press(self, user_id: int, before: dict[int, int]) -> None:
        gone = before.keys() - (await self.kept()).keys()
        assert {before[one] for one in gone} <= {user_id}, "somebody took a seat that's another's"

    async def judge(self) -> None:
        """Compare seats, offers and places in line with the rules."""
        made = await self.line.offers()
        held = [one for one in made if one.state in UNDECIDED and not one.is_shared]
        kept = await fetch_all(self.db, select(FreedTime))
        theirs: list[Seat] = await fetch_all(self.db, select(Seat).where(Seat.session_id == self.workshop))
        self._judge_seats(theirs, kept)
        assert sorted(one.freed_id or 0 for one in held) == sorted(one.id for one in kept), "each has one offer"
        assert max(Counter(one.wish_id for one in made if one.state in UNDECIDED).values(), default=0) <= 1
        for freed in kept:
            of_it = [one.user_id for one in made if one.freed_id == freed.id]
            assert len(of_it) == len(set(of_it)) == freed.offers <= 3
            assert freed.freed_from not in of_it
        have = {one.user_id for one in theirs if one.user_id is not None}
        waiting = await self.open_wishes()
        assert not have & {one.user_id for one in waiting}, "somebody with a seat still waits"
        for one in held:
            if one.id > self.seen:
                self._judge_order(one, made, waiting, have, next(row for row in kept if row.id == one.freed_id))
        self.seen = max([self.seen, *(one.id for one in made)])

    def _judge_seats(self, theirs: list[Seat], kept: list[FreedTime]) -> None:
        assert sorted(one.freed_id for one in theirs if one.freed_id) == sorted(one.id for one in kept)
        assert not [one for one in theirs if one.user_id and (one.freed_id or one.hold_id)]

    def _judge_order(
        self, offer: Offer, made: list[Offer], waiting: list[Wish], have: set[int], freed: FreedTime
    ) -> None:
        """Nobody ahead in line could have had it."""
        for wish in waiting:
            asked = [one for one in made if one.wish_id == wish.id and one.id != offer.id]
            could = (
                wish.id < offer.wish_id
                and wish.user_id not in self.closed | have
                and wish.user_id != freed.freed_from
                and not any(one.freed_id == freed.id for one in asked)
                and not any(one.closed_at is None or one.closed_at >= offer.offered_at for one in asked)
            )
            assert not could, f"{wish.user_id} was passed over"


class TooFew(CoachingError):
    """There's nobody to do it."""


@pytest.mark.slow
@pytest.mark.parametrize("seed", first_plain(range(12), plain=2))
async def test_the_whole_line_is_asked_in_order_and_each_seat_goes_to_one(db: Database, seed: int) -> None:
    workshop = await a_workshop(db, seats=2, starts_at=STARTS_AT)
    await take(db, workshop, *PEOPLE[:2])
    story = Story(db, workshop, random.Random(seed))

    for _ in range(STEPS):
        await story.step()

    assert len(await story.line.offers()) >= 5, story.done
