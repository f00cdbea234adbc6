"""Asking for weekly lessons with `COACH`, on Mondays at ten in UTC."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select

from models import Guild, Notification, NotificationKind, Reservation, Series, SeriesPayment
from models.storage.database import Database
from scheduler.core.actor import Actor
from scheduler.series import requests
from scheduler.series.preview import Wanted
from tests.support.builders import COACH, GUILD, HOUR, MONDAY, STUDENT, FakeClock, a_server_with_a_coach
from tests.support.transactions import fetch, fetch_all, transact

TEN = MONDAY + 2 * HOUR
WEEK = timedelta(weeks=1)
THE_COACH, THE_STUDENT, ANOTHER = Actor(COACH), Actor(STUDENT), Actor(STUDENT + 50)


@dataclass
class Asking:
    """A server with one coach, who can be asked for weekly lessons."""

    db: Database
    clock: FakeClock = field(default_factory=FakeClock)

    @property
    def now(self) -> datetime:
        return self.clock()

    async def ask(self, actor: Actor = THE_STUDENT, *, notes: str = "", **changed: Any) -> Series:
        """Ask for weekly lessons, the first one on Monday at ten unless that's changed."""
        wanted = Wanted(TEN, 60)._replace(**changed)
        async with self.db.begin() as session:
            guild = await session.get_one(Guild, GUILD)
            way = SeriesPayment.OTHERWISE
            return await requests.request(session, guild, actor, COACH, wanted, notes, way, self.now)

    async def series(self, series_id: int) -> Series:
        """Return it as it is now."""
        return await fetch(self.db, Series, series_id)

    async def reserved(self, user_id: int) -> list[datetime]:
        """Return the starts of everything that takes this person's time."""
        theirs = select(Reservation).where(Reservation.user_id == user_id)
        return sorted(one.starts_at for one in await fetch_all(self.db, theirs))

    async def told(self, kind: NotificationKind) -> list[int]:
        """Return who is sent messages of this kind."""
        sent = select(Notification).where(Notification.kind == kind)
        return sorted(one.user_id or 0 for one in await fetch_all(self.db, sent))

    async def do(self, use_case: Any, *args: Any) -> Any:
        """Run a use case that takes the time last."""
        return await transact(self.db, use_case, *args, self.now)


async def an_asking(db: Database, *, guild: Any = None, **coach: Any) -> Asking:
    """Open a server with a coach."""
    await a_server_with_a_coach(db, guild=guild, **coach)
    return Asking(db)
