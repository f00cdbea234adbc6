"""Keep people from joining the line at the very moment when time becomes free.

A transaction that frees time records nothing if nobody waits. If somebody joined in another one meanwhile, neither
would see the other, and the time would never be offered.
"""

from collections.abc import Iterable

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

_LOCK = 0x77616974


async def while_freeing(session: AsyncSession, guild_ids: Iterable[int]) -> None:
    """Let nobody join the lines of these servers until the transaction ends. Others can free time, too."""
    if not _is_sqlite(session):
        for guild_id in sorted(guild_ids):
            await session.execute(select(func.pg_advisory_xact_lock_shared(_LOCK, guild_id % 2**31)))


async def while_joining(session: AsyncSession, guild_id: int) -> None:
    """Wait until nobody frees time in this server, and let nobody do so until the transaction ends.

    Lock nothing after this: those who free time may wait for it with everything else locked.
    """
    if not _is_sqlite(session):
        await session.execute(select(func.pg_advisory_xact_lock(_LOCK, guild_id % 2**31)))


def _is_sqlite(session: AsyncSession) -> bool:
    """Whether only one transaction writes at a time anyway."""
    return session.get_bind().dialect.name == "sqlite"
