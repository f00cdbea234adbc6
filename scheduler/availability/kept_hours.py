"""Hours that are kept for somebody before there's a reservation for them, as features say."""

from collections.abc import Awaitable, Callable, Collection, Iterable
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

KeptHours = Iterable[tuple[int, datetime, datetime]]
"""Whose hours, and their `[start, end)`."""
Source = Callable[[AsyncSession, Collection[int], datetime, datetime], Awaitable[KeptHours]]
"""Returns what's kept of these people's time, in any server, as far as it touches `[since, until)`."""
_sources: list[Source] = []


def keep(*sources: Source) -> None:
    """Register what else keeps hours. Nobody can book them."""
    _sources.extend(sources)


async def kept_hours(
    session: AsyncSession, user_ids: Collection[int], since: datetime, until: datetime
) -> list[tuple[int, datetime, datetime]]:
    """Return what's kept of these people's time, as far as it touches `[since, until)`."""
    return [one for source in _sources for one in await source(session, user_ids, since, until)]


async def is_kept(session: AsyncSession, times: Collection[tuple[int, datetime, datetime]]) -> bool:
    """Return whether any of these people's times is kept, in whole or in part."""
    if not times:
        return False
    since, until = min(start for _, start, _ in times), max(end for _, _, end in times)
    kept = await kept_hours(session, {user_id for user_id, _, _ in times}, since, until)
    return any(
        one == user_id and start < kept_until and kept_from < end
        for one, kept_from, kept_until in kept
        for user_id, start, end in times
    )
