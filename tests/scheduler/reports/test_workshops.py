"""Figures of workshops: by period and server, and what's overdue or fails."""

from datetime import timedelta

from models import SessionStatus, Workshop
from models.storage.database import Database
from scheduler.reports import workshops
from scheduler.reports.local_days import LocalDays
from scheduler.reports.workshops import Held
from tests.support.builders import DAY, GUILD, MINUTE, MONDAY, a_server_with_a_coach
from tests.support.stored_workshops import ANN, BEN, CLEO, a_workshop
from tests.support.transactions import query


async def counted(db: Database, guild_id: int = GUILD, *, after: timedelta = timedelta(0)) -> Held:
    """Count on the Monday, or later."""
    day = (MONDAY + after).date()
    async with db.read() as session:
        return await workshops.count(session, guild_id, LocalDays.of(session, "UTC", day, day))


async def test_workshops_count_on_the_day_when_they_start(db: Database) -> None:
    await a_server_with_a_coach(db)
    completed, missed, called_off = SessionStatus.COMPLETED, SessionStatus.NO_SHOW, SessionStatus.CANCELLED
    async with db.begin() as session:
        for number, (status, people) in enumerate(
            ((completed, (ANN, BEN, CLEO)), (missed, (ANN,)), (called_off, (BEN,)), (called_off, ()))
        ):
            start = {"starts_at": MONDAY + number * 90 * MINUTE}
            await a_workshop(session, *people, left=(BEN,), seats=4, status=status, **start)
        await a_workshop(session, ANN, starts_at=MONDAY + 3 * DAY)

    assert await counted(db) == Held(upcoming=1, held=2, cancelled=2, seats=8, taken=3)
    assert await counted(db, after=3 * DAY) == Held(upcoming=1)
    assert await counted(db, GUILD + 1) == Held()


async def test_deadlines_are_overdue_and_events_fail_in_their_server(db: Database) -> None:
    await a_server_with_a_coach(db)
    async with db.begin() as session:
        late = await session.get_one(Workshop, (await a_workshop(session, ANN)).id)
        late.next_step_at = MONDAY
        later = MONDAY + 3 * DAY
        failing = await session.get_one(Workshop, (await a_workshop(session, BEN, starts_at=later)).id)
        failing.next_step_at, failing.last_error = MONDAY + DAY, "I'm missing **Create Events**"

    overdue = [await query(db, workshops.count_overdue, one, MONDAY) for one in (GUILD, GUILD + 1)]
    fails = [await query(db, workshops.list_failing, one, 5) for one in (GUILD, GUILD + 1)]

    assert overdue == [1, 0]
    assert [[one.session_id for one in found] for found in fails] == [[failing.session_id], []]
