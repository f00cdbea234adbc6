"""What is due with time off: the public holidays of one more year, and questions that nobody answered in time."""

import asyncio
from collections.abc import Hashable
from functools import partial

from sqlalchemy import select

from models import Guild, Substitution
from models.storage.database import Database
from scheduler.core.clock import Clock
from scheduler.core.task_pool import Job, TaskPool, attempt
from scheduler.time_off import answers, closures, public_holidays

_A_ROUND = 20


async def do_due(db: Database, clock: Clock, pool: TaskPool[bool]) -> int:
    """Do what's due, each thing on its own. Returns how much failed, to be retried."""
    async with db.read() as session:
        due = select(Guild.id).where(Guild.holidays_due_at <= clock())
        ids = list(await session.scalars(due.order_by(Guild.holidays_due_at).limit(_A_ROUND)))
        ran_out = select(Substitution.id).where(Substitution.next_step_at <= clock())
        lapsed = list(await session.scalars(ran_out.order_by(Substitution.next_step_at).limit(_A_ROUND)))

    jobs: dict[Hashable, Job[bool]] = {
        one: partial(attempt, f"adding holidays in server {one}", partial(_add_holidays, db, clock, one))
        for one in ids
    }
    jobs |= {
        ("substitution", one): partial(attempt, f"substitution {one}", partial(_lapse, db, clock, one))
        for one in lapsed
    }
    return (await pool.work(jobs)).count(False)


async def _add_holidays(db: Database, clock: Clock, guild_id: int) -> None:
    """Add a server's public holidays, as far ahead as they are to be known. Safe to call twice."""
    async with db.read() as session:
        guild = await session.get_one(Guild, guild_id)
    region, now = guild.holiday_region, clock()
    span = closures.holidays_span(guild, now)
    days = await asyncio.to_thread(public_holidays.days_of, region, *span) if region is not None else {}
    async with db.begin() as session:
        guild = await session.get_one(Guild, guild_id, with_for_update=True)
        if guild.holiday_region != region:  # somebody has chosen another one, and added its days
            return
        guild.holidays_due_at = closures.next_year(guild, now) if region is not None else None
        await closures.add_holidays(session, guild, days, now)


async def _lapse(db: Database, clock: Clock, substitution_id: int) -> None:
    async with db.begin() as session:
        await answers.lapse(session, substitution_id, clock())
