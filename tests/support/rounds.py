"""One round of the loop's work, which ends when everything it began has ended."""

from typing import Any

from models.storage.database import Database
from scheduler.core.clock import Clock
from scheduler.core.task_pool import TaskPool
from scheduler.loop import session_steps
from scheduler.loop import tick as ticks
from scheduler.loop.background import BackgroundWork
from scheduler.loop.ports import Discord, Postman
from scheduler.loop.tick import TickReport
from scheduler.notifications import delivery
from scheduler.notifications.delivery import Delivered


async def tick(db: Database, discord: Discord, clock: Clock, **options: Any) -> TickReport | None:
    return await ticks.tick(db, discord, clock, BackgroundWork(wait_for_slow=True), **options)


async def advance_due(db: Database, discord: Discord, clock: Clock) -> tuple[list[str], list[str]]:
    return await session_steps.advance_due(db, discord, clock, TaskPool(wait_for_slow=True))


async def deliver_due(db: Database, postman: Postman, clock: Clock) -> Delivered:
    return await delivery.deliver_due(db, postman, clock, TaskPool(wait_for_slow=True))
