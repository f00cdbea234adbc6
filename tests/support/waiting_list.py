"""The waiting list in the domain alone: who waits for what, and what they're offered."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models import FreedTime, Guild, Offer, OfferState, Wish
from models.base import Base
from models.storage.database import Database
from scheduler.booking import cancellation
from scheduler.core.actor import Actor
from scheduler.core.task_pool import TaskPool
from scheduler.waiting_list import due
from scheduler.waiting_list.line import CanPay
from scheduler.waiting_list.rules import EVERY_DAY, Wanted
from tests.support.builders import DAY, GUILD, HOUR, MONDAY, STUDENT, FakeClock, a_server_with_a_coach, a_session
from tests.support.fakes import FakeDiscord
from tests.support.rounds import deliver_due
from tests.support.transactions import fetch, fetch_all, transact

Row = TypeVar("Row", bound=Base)
WEDNESDAY_TEN = MONDAY + 2 * DAY + 2 * HOUR
"""More than a day and less than three days after `MONDAY`."""
WAITING = [Actor(STUDENT + 10 + number) for number in range(20)]
"""People in line."""


def wanted(**changed: Any) -> Wanted:
    """Return what suits someone on any day at any hour for a month."""
    values: dict[str, Any] = {
        "weekdays": EVERY_DAY,
        "from_minute": 0,
        "until_minute": 1440,
        "until": MONDAY + 30 * DAY,
    }
    return Wanted(**values | changed)


async def a_wish(
    session: AsyncSession,
    actor: Actor,
    *,
    minutes: int = 60,
    coach_id: int | None = None,
    guild_id: int = GUILD,
    now: datetime = MONDAY,
    **changed: Any,
) -> Wish:
    """Store a wish, even if something that suits is free."""
    what = wanted(**changed)
    wish = Wish(
        guild_id=guild_id,
        user_id=actor.user_id,
        coach_id=coach_id,
        minutes=minutes,
        weekdays=what.weekdays,
        from_minute=what.from_minute,
        until_minute=what.until_minute,
        until=what.until,
        created_at=now,
        next_step_at=what.until,
    )
    session.add(wish)
    await session.flush()
    return wish


@dataclass
class Line:
    """A server with one coach, who has one hour on Wednesdays, and people who wait for it."""

    db: Database
    discord: FakeDiscord = field(default_factory=FakeDiscord)
    clock: FakeClock = field(default_factory=FakeClock)
    can_pay: CanPay | None = None

    @property
    def now(self) -> datetime:
        return self.clock()

    async def tick(self, after: timedelta = timedelta(0), *, delivered: bool = True) -> None:
        """Let time pass, do what's due for the waiting list, and deliver what it says."""
        self.clock.forward(after)
        for _ in range(3):
            pool: TaskPool[bool] = TaskPool(wait_for_slow=True)
            failed = await due.do_due(self.db, self.discord, self.clock, pool, self.can_pay)
            assert not failed
            if delivered:
                await deliver_due(self.db, self.discord, self.clock)

    async def waits(self, actor: Actor, **changed: Any) -> int:
        """Put someone in line, and return the wish's id."""
        return (await transact(self.db, a_wish, actor, **changed)).id

    async def cancel(self, session_id: int, actor: Actor) -> None:
        """Cancel a session."""
        await transact(self.db, cancellation.cancel, session_id, actor, GUILD, "", self.now)

    async def offers(self, state: OfferState | None = None) -> list[Offer]:
        """Return all offers, or those in this state, oldest first."""
        which = [] if state is None else [Offer.state == state]
        return await fetch_all(self.db, select(Offer).where(*which).order_by(Offer.id))

    async def open_to(self) -> list[int]:
        """Return to whom something is offered now."""
        return [one.user_id for one in await self.offers(OfferState.OPEN)]

    async def freed(self) -> list[FreedTime]:
        """Return what's kept for the line."""
        return await fetch_all(self.db, select(FreedTime).order_by(FreedTime.id))

    async def wish(self, wish_id: int) -> Wish:
        """Return a wish as it is now."""
        return await fetch(self.db, Wish, wish_id)

    async def db_row(self, table: type[Row], key: Any) -> Row:
        """Return any row."""
        return await fetch(self.db, table, key)

    async def guild(self) -> Guild:
        """Return the server."""
        return await fetch(self.db, Guild, GUILD)


async def a_line(db: Database, *, starts_at: datetime = WEDNESDAY_TEN, **coach: Any) -> tuple[Line, int]:
    """Open a server whose coach has just one hour a week, which `STUDENT` has booked. Returns its id, too."""
    minute = starts_at.hour * 60 + starts_at.minute
    hours = [(starts_at.weekday(), minute, minute + 60)]
    await a_server_with_a_coach(db, **{"hours": hours, "horizon_days": 6} | coach)
    async with db.begin() as session:
        booked = await a_session(session, starts_at=starts_at)
    return Line(db), booked.id
