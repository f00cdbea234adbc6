"""The process dies at each step of freeing, offering and taking a time. The next one goes on, once."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, cast

import pytest
from sqlalchemy import func, select

from models import CoachingSession, FreedTime, Notification, Offer, OfferState, SessionStatus
from models.storage.database import Database
from scheduler.booking import cancellation
from scheduler.core.actor import Actor
from scheduler.waiting_list import answers
from tests.support.builders import DAY, GUILD, HOUR, MONDAY, STUDENT, a_server_with_a_coach, a_session
from tests.support.mortal import Died, Doom, MortalDatabase
from tests.support.parameters import first_plain
from tests.support.transactions import fetch_all, query, transact
from tests.support.waiting_list import Line

pytestmark = pytest.mark.slow

MOST_STEPS = 60
"""More than this story has."""


class Life:
    """A booked time for which two people wait, in a process that dies somewhere."""

    def __init__(self, line: Line, number: int) -> None:
        self.line = line
        self.owner = Actor(STUDENT + 1000 + number)
        self.first, self.second = Actor(STUDENT + 2000 + number), Actor(STUDENT + 3000 + number)
        self.starts_at: datetime = line.now.replace(hour=0, minute=0) + 2 * DAY + (9 + number % 12) * HOUR
        self.booked = 0

    async def begin(self) -> None:
        """Store a booked session, and two people who wait for its time."""
        minute = self.starts_at.hour * 60
        async with self.line.db.begin() as session:
            self.booked = (await a_session(session, student_id=self.owner.user_id, starts_at=self.starts_at)).id
        for one in (self.first, self.second):
            await self.line.waits(
                one, from_minute=minute, until_minute=minute + 60, until=self.starts_at + HOUR, now=self.line.now
            )

    async def cancel(self) -> None:
        booked = await self.line.db_row(CoachingSession, self.booked)
        if booked.status is SessionStatus.SCHEDULED:
            await transact(self.line.db, cancellation.cancel, self.booked, self.owner, GUILD, "", self.line.now)

    async def offers(self, actor: Actor) -> list[Offer]:
        theirs = Offer.user_id == actor.user_id
        return await fetch_all(self.line.db, select(Offer).where(theirs).order_by(Offer.id))

    async def ignore(self) -> None:
        """Let the first person's offer run out."""
        [offer] = await self.offers(self.first)
        if offer.state is OfferState.OPEN:
            self.line.clock.now = max(self.line.now, offer.expires_at)
        await self.line.tick()

    async def take(self) -> None:
        """Let the second person take theirs. Twice is the same."""
        [offer] = await self.offers(self.second)
        await transact(self.line.db, answers.take, offer.id, self.second, self.line.now)

    async def story(self) -> None:
        await self.cancel()
        await self.line.tick()
        await self.ignore()
        await self.take()
        await self.line.tick()


@pytest.mark.slow
@pytest.mark.parametrize("stride", first_plain([5, 1]))
async def test_each_is_offered_it_once_and_one_gets_it_wherever_the_process_dies(
    db: Database, stride: int
) -> None:
    await a_server_with_a_coach(db, hours=[(day, 0, 24 * 60) for day in range(7)])
    doom = Doom()
    line = Line(cast("Any", MortalDatabase(db, doom)))
    for number in range(0, MOST_STEPS, stride):
        line.clock.now = MONDAY + number // 12 * 3 * DAY + HOUR
        life = Life(line, number)
        await life.begin()
        doom.left = number
        died = await dies(life.story)
        doom.left = None
        await life.story()

        states = [one.state for one in [*await life.offers(life.first), *await life.offers(life.second)]]
        assert states in ([OfferState.LAPSED, OfferState.TAKEN], [OfferState.UNDELIVERED, OfferState.TAKEN])
        then = CoachingSession.starts_at == life.starts_at, CoachingSession.status == SessionStatus.SCHEDULED
        [booked] = await fetch_all(db, select(CoachingSession).where(*then))
        assert booked.student_id == life.second.user_id
        assert await fetch_all(db, select(FreedTime)) == []
        if not died:
            assert number > 15
            break
    sent = select(func.count()).where(Notification.offer_id.is_not(None)).group_by(Notification.offer_id)
    assert set(await query(db, lambda session: _all(session, sent))) == {1}


async def dies(story: Callable[[], Awaitable[None]]) -> bool:
    """Return whether the process dies in this story, maybe in several jobs at once."""
    try:
        await story()
    except Died:
        return True
    except BaseExceptionGroup as several:
        if several.split(Died)[1] is not None:
            raise
        return True
    return False


async def _all(session: Any, counts: Any) -> list[int]:
    return list(await session.scalars(counts))
