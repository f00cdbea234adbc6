"""People: what's stored about them, and locking them."""

from collections.abc import Collection
from typing import NamedTuple

from sqlalchemy import exists, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from models import Coach, Member, Participant
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


async def try_lock(session: AsyncSession, user_id: int) -> bool:
    """Lock someone unless another transaction has. With others locked already, waiting could deadlock."""
    theirs = select(Member.user_id).where(Member.user_id == user_id).with_for_update(skip_locked=True)
    return await session.scalar(theirs) is not None


async def chosen_zone(session: AsyncSession, user_id: int) -> str | None:
    """Return the time zone this person chose, even if this host doesn't know it."""
    return await session.scalar(select(Member.time_zone).where(Member.user_id == user_id))


class Profile(NamedTuple):
    """What a coach looks like at Discord."""

    name: str
    """At most LONGEST_NAME characters."""
    avatar_url: str | None


async def stored_profile(session: AsyncSession, guild_id: int, user_id: int) -> Profile | None:
    """Return what's stored about someone who coaches or applied in this server; about others, nothing is."""
    here = Coach.guild_id == guild_id, Coach.user_id == user_id
    stored = (await session.execute(select(Coach.display_name, Coach.avatar_url).where(*here))).one_or_none()
    return None if stored is None else Profile(*stored)


async def store_profile(session: AsyncSession, guild_id: int, user_id: int, seen: Profile) -> None:
    """Store the name and avatar of someone who coaches or applied in this server."""
    here = Coach.guild_id == guild_id, Coach.user_id == user_id
    await session.execute(update(Coach).where(*here).values(display_name=seen.name, avatar_url=seen.avatar_url))


async def stored_names(session: AsyncSession, guild_id: int, user_ids: Collection[int]) -> dict[int, str]:
    """Return the names in this server of those who have one stored."""
    if not user_ids:
        return {}
    theirs = Coach.guild_id == guild_id, Coach.user_id.in_(user_ids)
    found = await session.execute(select(Coach.user_id, Coach.display_name).where(*theirs))
    return dict(list(found))


async def names_of_own_coaches(
    session: AsyncSession, student_id: int, user_ids: Collection[int]
) -> dict[int, str]:
    """Return the stored names of those who coach this student, each as in a server where they do."""
    is_theirs = exists().where(
        Participant.guild_id == Coach.guild_id,
        Participant.coach_id == Coach.user_id,
        Participant.user_id == student_id,
    )
    theirs = select(Coach.user_id, Coach.display_name).where(Coach.user_id.in_(user_ids), is_theirs)
    return dict(list(await session.execute(theirs)))


async def has_reminders_off(session: AsyncSession, user_id: int) -> bool:
    """Whether this person turned reminders off."""
    return bool(await session.scalar(select(Member.reminders_off).where(Member.user_id == user_id)))


async def set_zone(session: AsyncSession, user_id: int, name: str) -> None:
    """Store this person's time zone for all servers. `name` comes from `parse_zone`."""
    await insert_if_absent(session, Member, user_id=user_id)
    (await session.get_one(Member, user_id, with_for_update=True)).time_zone = name
