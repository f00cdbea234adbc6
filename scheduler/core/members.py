"""People: what's stored about them, and locking them."""

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from models import Coach, Member
from models.storage.database import insert_if_absent

LONGEST_NAME = 100
"""The most characters of a name; the rest is cut."""


async def lock(session: AsyncSession, *user_ids: int) -> None:
    """Lock these people until the transaction ends, so that nobody else books their time.

    Locks the lowest id first, to prevent deadlocks. On SQLite, where only one transaction writes at a time, it
    just creates their rows.
    """
    theirs = select(Member.user_id).where(Member.user_id.in_(user_ids)).order_by(Member.user_id)
    for user_id in sorted(set(user_ids).difference(await session.scalars(theirs))):
        await insert_if_absent(session, Member, user_id=user_id)
    if session.get_bind().dialect.name != "sqlite":
        await session.execute(theirs.with_for_update())


async def chosen_zone(session: AsyncSession, user_id: int) -> str | None:
    """Return the time zone this person chose, even if this host doesn't know it."""
    return await session.scalar(select(Member.time_zone).where(Member.user_id == user_id))


async def store_name(session: AsyncSession, guild_id: int, user_id: int, name: str) -> None:
    """Store the current name of a coach or applicant. Other people's names aren't stored."""
    theirs = Coach.guild_id == guild_id, Coach.user_id == user_id, Coach.display_name != name[:LONGEST_NAME]
    await session.execute(update(Coach).where(*theirs).values(display_name=name[:LONGEST_NAME]))


async def has_stored_name(session: AsyncSession, guild_id: int, user_id: int, name: str) -> bool:
    """Whether that name is stored, or needn't be."""
    known = await session.scalar(
        select(Coach.display_name).where(Coach.guild_id == guild_id, Coach.user_id == user_id)
    )
    return known is None or known == name[:LONGEST_NAME]


async def has_reminders_off(session: AsyncSession, user_id: int) -> bool:
    """Whether this person turned reminders off."""
    return bool(await session.scalar(select(Member.reminders_off).where(Member.user_id == user_id)))


async def set_zone(session: AsyncSession, user_id: int, name: str) -> None:
    """Store this person's time zone for all servers. `name` comes from `parse_zone`."""
    await insert_if_absent(session, Member, user_id=user_id)
    (await session.get_one(Member, user_id, with_for_update=True)).time_zone = name
