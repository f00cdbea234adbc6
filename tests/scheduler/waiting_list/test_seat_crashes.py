"""Something fails, or the process dies, at each step of offering a freed seat. It still goes to one person."""

import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, cast

import pytest
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from models import (
    UNDECIDED,
    CoachingSession,
    FreedTime,
    Guild,
    Hold,
    Notification,
    NotificationKind,
    Offer,
    OfferState,
    Payment,
    PaymentStatus,
    Seat,
    Wish,
    WishEnd,
)
from models.storage.database import Database
from scheduler.booking import departures
from scheduler.booking.departures import Why
from scheduler.core.actor import Actor
from scheduler.core.errors import DiscordFailure, Unreachable
from scheduler.core.task_pool import TaskPool
from scheduler.payments import due as payments_due
from scheduler.payments.ports import StripeUnavailable
from scheduler.waiting_list import answers, due, offers, wishes
from scheduler.workshops import seats, workshops
from scheduler.workshops.notifications import WorkshopDetails
from tests.support.builders import ADMIN, DAY, GUILD, HOUR, MINUTE, MONDAY, STUDENT, FakeClock
from tests.support.fakes import Call, FakeDiscord
from tests.support.mortal import Died, Doom, MortalStripe, doomed_statements
from tests.support.parameters import first_plain
from tests.support.payments import Till, till
from tests.support.rounds import deliver_due
from tests.support.seat_payments import Box
from tests.support.snapshots import Snapshot
from tests.support.transactions import fetch, fetch_all, transact
from tests.support.waiting_list import WAITING
from tests.support.workshops import CHANNEL, another_workshop, take, taken_by

OWNER, OTHER = Actor(STUDENT), Actor(STUDENT + 1)
FIRST, SECOND, THIRD = WAITING[:3]
STARTS = MONDAY + 20 * DAY
MOST_STEPS = 2000
"""More than any of these stories has."""
STRIDE, PLAIN_STRIDE = 41, 151
"""Which of the steps are tried. Many are alike: whichever statement fails, its transaction does."""


@dataclass
class Life:
    """A full workshop for which three people wait, in a process that fails or dies somewhere."""

    here: Till
    doom: Doom
    workshop: int = 0
    closed: set[int] = field(default_factory=set)
    """Whose direct messages are closed."""
    delivered: list[tuple[int, int]] = field(default_factory=list)
    """Which notifications became messages, and to whom."""
    clock: FakeClock = field(default_factory=FakeClock)
    said: list[int] = field(default_factory=list)
    """How many seats each version of the announcement said are free."""

    def __post_init__(self) -> None:
        self.db, self.discord = self.here.db, FakeDiscord()
        self.discord.meanwhile("deliver", self._deliver)
        self.discord.meanwhile("is_member", self._answer)
        self.box = Box(self.here, self.workshop)
        self.here.server.now = self.clock

    async def _deliver(self, call: Call) -> None:
        """Deliver a message, and fail before or after that."""
        self.doom.step(DiscordFailure("it's down", unanswered=True))
        assert call.context is not None
        one, details = call.context.notification, call.context.details
        if one.user_id in self.closed:
            raise Unreachable("closed", dms_closed=True)
        if one.message_id is None and one.user_id is not None:
            if (one.id, one.user_id) in self.delivered:  # Discord is asked first whether it's there
                assert call.context.maybe_sent
            else:
                self.delivered.append((one.id, one.user_id))
        if one.kind is NotificationKind.WORKSHOP_ANNOUNCEMENT:
            assert isinstance(details, WorkshopDetails)
            self.said.append(details.free)
        self.doom.step(DiscordFailure("no answer", unanswered=True))

    async def _answer(self, _: Call) -> None:
        self.doom.step(DiscordFailure("it's down", unanswered=True))

    async def tick(self, after: timedelta = 0 * MINUTE) -> None:
        """Do what's due. What fails is tried again later."""
        self.clock.forward(after)
        self.here.now = self.clock.now
        pool: TaskPool[bool] = TaskPool(wait_for_slow=True)
        await payments_due.do_due(self.db, self.here.api, self.clock, pool)
        await due.do_due(self.db, self.discord, self.clock, pool)
        await deliver_due(self.db, self.discord, self.clock)

    async def offers(self, actor: Actor) -> list[Offer]:
        theirs = Offer.user_id == actor.user_id
        return await fetch_all(self.db, select(Offer).where(theirs).order_by(Offer.id))

    async def offer_told(self, actor: Actor) -> Offer | None:
        """Return what's offered to somebody now, if they know it."""
        found = [one for one in await self.offers(actor) if one.state is OfferState.OPEN]
        told = {one.offer_id for one in await self.messages() if (one.id, one.user_id) in self.delivered}
        return next((one for one in found if one.id in told), None)

    async def messages(self) -> list[Notification]:
        """Return the messages with which offers are made."""
        return await fetch_all(self.db, select(Notification).where(Notification.offer_id.is_not(None)))

    # How it becomes free. Each can be done again.

    async def leave(self) -> None:
        await transact(self.db, seats.leave, self.workshop, OWNER, self.clock())

    async def depart(self) -> None:
        await transact(self.db, departures.handle_departure, GUILD, OWNER.user_id, Why.LEFT, self.clock())

    async def add_seats(self) -> None:
        await transact(self.db, workshops.edit, self.workshop, GUILD, ADMIN, self.clock(), seats=3)

    async def pay_nothing(self) -> None:
        """Let the time pass in which the owner could have paid."""
        self.clock.now = max(self.clock.now, MONDAY + HOUR)

    # What the first in line does.

    async def ignore(self) -> None:
        if (offer := await self.offer_told(FIRST)) is not None:
            self.clock.now = max(self.clock.now, offer.expires_at)

    async def decline(self) -> None:
        if (offer := await self.offer_told(FIRST)) is not None:
            await transact(self.db, answers.decline, offer.id, FIRST, self.clock())

    async def stop(self) -> None:
        if (offer := await self.offer_told(FIRST)) is not None:
            await transact(self.db, offers.stop, offer.wish_id, FIRST, self.clock())

    async def be_unreachable(self) -> None:
        """Do nothing: their messages are closed from the beginning."""

    async def begin_to_pay(self) -> None:
        """Begin to pay, and don't."""
        theirs = select(Payment).where(Payment.user_id == FIRST.user_id)
        if await self.offer_told(FIRST) is not None:
            await self.box.start(FIRST.user_id)
        if await fetch_all(self.db, theirs):
            self.clock.now = max(self.clock.now, MONDAY + 2 * HOUR)

    # What the second does.

    async def take(self) -> None:
        if (offer := await self.offer_told(SECOND)) is not None:
            for _ in range(2):
                await transact(self.db, answers.take, offer.id, SECOND, self.clock())

    async def press(self) -> None:
        if await self.offer_told(SECOND) is not None:
            await transact(self.db, seats.take, self.workshop, SECOND, self.clock())

    async def pay(self) -> None:
        """Begin to pay, unless they have, and pay on the page that's open."""
        theirs = select(Payment).where(Payment.user_id == SECOND.user_id)
        if await self.offer_told(SECOND) is not None and not await fetch_all(self.db, theirs):
            await self.box.start(SECOND.user_id)
        for one in await fetch_all(self.db, theirs):
            if one.checkout_id is not None and one.status in UNDECIDED:
                self.here.server.pay(one.checkout_id)


Step = Callable[[Life], Awaitable[None]]


@dataclass(frozen=True)
class Story:
    """How a seat becomes free, and what the first and the second in line do."""

    free: Step
    first: Step
    second: Step
    passed: OfferState
    """What became of the first's offer."""

    async def happen(self, life: Life) -> None:
        """Let all of it happen. What has happened before doesn't happen again."""
        for step in (self.free, self.first, self.second):
            await step(life)
            life.here.now = life.clock.now
            await life.tick()


STORIES = {
    "left, ignored, taken": Story(Life.leave, Life.ignore, Life.take, OfferState.LAPSED),
    "unpaid, stopped, pressed": Story(Life.pay_nothing, Life.stop, Life.press, OfferState.WITHDRAWN),
    "departed, passed, taken": Story(Life.depart, Life.decline, Life.take, OfferState.PASSED),
    "added, unreachable, pressed": Story(Life.add_seats, Life.be_unreachable, Life.press, OfferState.UNDELIVERED),
    "left, unpaid, paid": Story(Life.leave, Life.begin_to_pay, Life.pay, OfferState.PASSED),
}


async def a_full_workshop(here: Till, story: Story) -> int:
    """Store a workshop with two seats, both taken or one of them being paid for, for which three people wait."""
    async with here.db.begin() as session:
        (await session.get_one(Guild, GUILD)).workshop_channel_id = CHANNEL
    workshop = await another_workshop(here.db, seats=2, starts_at=STARTS)
    await take(here.db, workshop, OTHER.user_id)
    if story.free is Life.pay_nothing:
        await transact(here.db, seats.hold, workshop, OWNER, MONDAY, MONDAY + HOUR)
    else:
        await take(here.db, workshop, OWNER.user_id)
    for one in (FIRST, SECOND, THIRD):
        await transact(here.db, wishes.add_for_seat, workshop, one, MONDAY)
    return workshop


async def dies_in(happening: Awaitable[None], doom: Doom) -> bool:
    """Return whether something fails or the process dies in this, maybe in several jobs at once."""
    with contextlib.suppress(Died, OperationalError, StripeUnavailable, BaseExceptionGroup):
        await happening
    return doom.has_struck


async def judge(life: Life, story: Story) -> None:
    """The second got the seat, the first and the second were offered it once, and the third still waits."""
    has_owner = story.free is Life.add_seats
    have = sorted(one for one in await taken_by(life.db, life.workshop) if one is not None)
    assert have == sorted([*([OWNER.user_id] if has_owner else []), OTHER.user_id, SECOND.user_id])
    [offer] = await life.offers(FIRST)
    # What was sent, but couldn't be recorded until the offer ran out, counts as not delivered.
    assert offer.state in {story.passed, OfferState.UNDELIVERED if story.first is Life.ignore else story.passed}
    assert [one.state for one in await life.offers(SECOND)] == [OfferState.TAKEN]
    assert await life.offers(THIRD) == []
    [waiting] = await fetch_all(life.db, select(Wish).where(Wish.user_id == THIRD.user_id))
    assert waiting.ended_at is None
    [wish] = await fetch_all(life.db, select(Wish).where(Wish.user_id == SECOND.user_id))
    assert wish.end_reason is WishEnd.BOOKED
    assert await fetch_all(life.db, select(FreedTime)) == await fetch_all(life.db, select(Hold)) == []
    assert {(one.hold_id, one.freed_id) for one in await fetch_all(life.db, select(Seat))} == {(None, None)}
    row = await fetch(life.db, CoachingSession, life.workshop)
    assert sorted(one.user_id for one in row.taking_part) == have
    told = await life.messages()
    assert sorted(one.user_id or 0 for one in told) == [FIRST.user_id, SECOND.user_id]
    taken = Notification.kind == NotificationKind.SEAT_TAKEN, Notification.about_user_id == SECOND.user_id
    both = await fetch_all(life.db, select(Notification.user_id).where(*taken))
    assert sorted(one or 0 for one in both) == sorted([SECOND.user_id, row.coach_id])
    assert {one.id for one in told if one.user_id not in life.closed} <= {one for one, _ in life.delivered}
    assert life.said[-1] == 0, "the announcement says who's free"
    paid = await life.here.payments()
    assert [one.user_id for one in paid if one.status is PaymentStatus.PAID] == (
        [SECOND.user_id] if story.second is Life.pay else []
    )
    assert await life.here.refunds() == []


FAULTS = {"dies": False, "fails": True}


@pytest.mark.parametrize(("name", "fault"), first_plain((name, fault) for name in STORIES for fault in FAULTS))
async def test_one_gets_the_seat_and_nobody_is_skipped_or_told_twice(
    db: Database, name: str, fault: str, request: pytest.FixtureRequest
) -> None:
    story, number = STORIES[name], 0
    is_plain = request.node.get_closest_marker("slow") is None
    first = 0 if is_plain else [*STORIES].index(name) * 2 + FAULTS[fault]  # so that they differ
    async with till(db) as here:
        stripe = here.api
        workshop = await a_full_workshop(here, story)
        fresh = await Snapshot.of(db)
        for number in range(first, MOST_STEPS, PLAIN_STRIDE if is_plain else STRIDE):
            await fresh.restore()
            doom = Doom(only_fails=FAULTS[fault])
            here.api = cast("Any", MortalStripe(stripe, doom))
            life = Life(here, doom, workshop, {FIRST.user_id} if story.first is Life.be_unreachable else set())
            with doomed_statements(db, doom):
                doom.begin(number)
                has_struck = await dies_in(story.happen(life), doom)
                doom.begin(None)
            for after in (MINUTE, 5 * MINUTE, 12 * MINUTE):
                await life.tick(after)
                await story.happen(life)
            await life.tick(HOUR)

            await judge(life, story)

            if not has_struck:
                break
    assert number > 150
