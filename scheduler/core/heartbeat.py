"""When the loop last ran a tick, and how old that may be."""

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models import Heartbeat

TICK = "tick"
"""The job whose heartbeat says when a tick last came to its end."""


async def last_tick_at(session: AsyncSession) -> datetime | None:
    """When a tick last came to its end (UTC), also an idle one; None if there has been none."""
    return await session.scalar(select(Heartbeat.at).where(Heartbeat.job == TICK))


def longest_silence(interval: timedelta) -> timedelta:
    """How old the last tick may be where one begins every `interval`; after that, the loop is stuck."""
    return 4 * interval + timedelta(seconds=60)
