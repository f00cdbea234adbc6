"""How another process has the running bot do what is due, and learns what that was.

By rows, which every process that has the database can write and read, whichever engine it is and whoever owns
the files. Both sides look often; neither is told.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.exc import SQLAlchemyError

from models import TickRequest
from models.storage.database import Database
from scheduler.core.clock import Clock
from scheduler.loop.loop import NotTicking
from scheduler.loop.tick import TickReport

log = logging.getLogger(__name__)

EVERY = timedelta(seconds=1)
"""How often the bot looks whether it was asked."""
PATIENCE = timedelta(seconds=30)
"""How long somebody waits until the bot has learnt of it; what it then does takes as long as it takes."""
_LOOK = timedelta(seconds=0.2)
_FORGOTTEN = timedelta(hours=1)
"""After that, whoever asked has been killed before they could take their row away."""
Tick = Callable[[], Awaitable[TickReport | None]]
"""The running bot's next tick; raises NotTicking."""
_TOLD = ("trigger", "due", "steps", "roles", "notifications", "failures", "failed_quietly")


class Unheard(Exception):
    """The running bot does not learn of it."""


class Gone(Exception):
    """The bot ended before it said what came of it."""


async def ask(db: Database, clock: Clock, *, patience: timedelta = PATIENCE) -> TickReport | None:
    """What the tick did that the running bot did for this; None if another process was doing it.

    Raises Unheard, Gone, NotTicking. Leaves nothing behind.
    """
    async with db.begin() as session:
        asked = TickRequest(asked_at=clock())
        session.add(asked)
    try:
        return _read(await _outcome(db, asked.id, patience))
    finally:
        async with db.begin() as session:
            await session.execute(delete(TickRequest).where(TickRequest.id == asked.id))


async def _outcome(db: Database, request_id: int, patience: timedelta) -> dict[str, Any]:
    now = asyncio.get_running_loop().time
    give_up_at = now() + patience.total_seconds()
    while True:
        running = await db.is_run()  # before the look, or an answer that came in between would be missed
        async with db.read() as session:
            found = await session.get_one(TickRequest, request_id)
        if found.outcome is not None:
            return found.outcome
        if not running:
            raise Gone
        if found.taken_at is None and now() > give_up_at:
            raise Unheard
        await asyncio.sleep(_LOOK.total_seconds())


async def listen(db: Database, tick: Tick, clock: Clock, ready: Callable[[], bool]) -> None:
    """Do for whoever asks what they ask for, whenever the bot is `ready`, until cancelled.

    A database that fails is asked again.
    """
    failing, begun = False, False
    while True:
        try:
            if ready():
                if not begun:
                    await take_over(db)
                    begun = True
                await answer(db, tick, clock)
            failing = False
        except (SQLAlchemyError, OSError) as error:
            if not failing:
                log.warning("whether somebody asks for a tick cannot be found out: %s", error)
            failing = True
        await asyncio.sleep(EVERY.total_seconds())


async def take_over(db: Database) -> None:
    """What a bot that ended was asked, and did not answer, is asked of this one."""
    async with db.begin() as session:
        unanswered = update(TickRequest).where(TickRequest.outcome.is_(None))
        await session.execute(unanswered.values(taken_at=None))


async def answer(db: Database, tick: Tick, clock: Clock) -> None:
    """One tick for all who have asked so far, if there are any."""
    async with db.read() as session:
        waiting = list(await session.scalars(select(TickRequest.id).where(TickRequest.taken_at.is_(None))))
    if not waiting:
        return
    theirs = TickRequest.id.in_(waiting)
    async with db.begin() as session:
        await session.execute(update(TickRequest).where(theirs).values(taken_at=clock()))
        await session.execute(delete(TickRequest).where(TickRequest.asked_at < clock() - _FORGOTTEN))
    try:
        outcome = _written(await tick())
    except NotTicking:
        outcome = {"ticked": False}
    async with db.begin() as session:
        await session.execute(update(TickRequest).where(theirs).values(outcome=outcome))


def _written(report: TickReport | None) -> dict[str, Any]:
    if report is None:
        return {"ticked": True, "report": None}
    known = asdict(report)
    return {"ticked": True, "report": {name: known[name] for name in _TOLD}}


def _read(outcome: dict[str, Any]) -> TickReport | None:
    if not outcome["ticked"]:
        raise NotTicking
    return TickReport(**outcome["report"]) if outcome["report"] is not None else None
