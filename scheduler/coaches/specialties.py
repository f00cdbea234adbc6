"""A server's specialties: its admins' own list of what can be taught there."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import Coach, CoachSpecialty, CoachStatus, Guild, Specialty
from scheduler.core import audit
from scheduler.core.actor import Actor
from scheduler.core.errors import Misconfigured, NotFound, Unreadable
from scheduler.notifications import outbox
from scheduler.parsing import names
from scheduler.parsing.lists import read_each

MOST = 25
"""As many as a Discord select holds."""
LONGEST = 50
_SEPARATOR = "·"
"""Goes between names where several are shown."""


@dataclass(frozen=True, slots=True)
class TaughtSpecialty:
    """A specialty and the coaches who'd lose it."""

    id: int
    name: str
    coaches: list[Coach] = field(default_factory=list)
    """Coaches and applicants, by name."""
    alone: set[int] = field(default_factory=set)
    """Ids of those who teach nothing else."""


async def list_all(session: AsyncSession, guild_id: int, actor: Actor) -> list[TaughtSpecialty]:
    """List all specialties, in their order. Raises NotAllowed."""
    actor.must_be_admin()
    query = select(Specialty).where(Specialty.guild_id == guild_id).order_by(Specialty.id)
    return await _with_coaches(session, guild_id, await session.scalars(query))


async def find(session: AsyncSession, guild_id: int, actor: Actor, specialty_id: int) -> TaughtSpecialty:
    """Return one specialty. Raises NotAllowed, NotFound."""
    actor.must_be_admin()
    row = _check_found(await session.get(Specialty, specialty_id), guild_id)
    return (await _with_coaches(session, guild_id, [row]))[0]


async def add(session: AsyncSession, guild: Guild, actor: Actor, typed: str, now: datetime) -> list[str]:
    """Add these names, one per line: all or none. Returns them as stored.

    Raises NotAllowed, or Unreadable, also for too many.
    """
    present = [one.name for one in await _lock_list(session, guild, actor)]
    lines = [line for line in typed.splitlines() if line.strip()]
    if not lines:
        raise Unreadable("Type at least one name, each on its own line.")
    too_many = (
        f"A server can have up to {MOST} specialties, and {len(present)} are already on the list. "
        "Add fewer, or remove some."
    )
    wanted = read_each(
        lines, partial(_new_name, present), *([too_many] if len(present) + len(lines) > MOST else [])
    )
    for name in wanted:
        row = Specialty(guild_id=guild.id, name=name)
        session.add(row)
        await session.flush()
        _record(session, row, "specialty_added", actor, now)
    return wanted


async def rename(
    session: AsyncSession, guild: Guild, actor: Actor, specialty_id: int, typed: str, now: datetime
) -> None:
    """Rename a specialty. Coaches who teach it keep it. Raises NotAllowed, NotFound, Unreadable."""
    present = await _lock_list(session, guild, actor)
    row = await _lock(session, guild.id, specialty_id)
    row.name = _new_name([one.name for one in present if one.id != specialty_id], typed)
    await session.flush()
    _record(session, row, "specialty_renamed", actor, now)
    [taught] = await _with_coaches(session, guild.id, [row])
    await _update_cards(session, taught.coaches, now)


async def remove(
    session: AsyncSession, guild: Guild, actor: Actor, specialty_id: int, agreed: int, now: datetime
) -> TaughtSpecialty | None:
    """Remove a specialty from the list and its coaches, if the admin `agreed` to as many losing it.

    Otherwise changes nothing and returns who'd lose it. Raises NotAllowed, NotFound, or Misconfigured for the
    last specialty.
    """
    present = await _lock_list(session, guild, actor)
    row = await _lock(session, guild.id, specialty_id)
    if len(present) == 1:
        raise Misconfigured("Coaches need at least one specialty to choose from. Add another one first.")
    [taught] = await _with_coaches(session, guild.id, [row])
    if len(taught.coaches) != agreed:
        return taught
    await session.execute(delete(Specialty).where(Specialty.id == specialty_id))
    _record(session, row, "specialty_removed", actor, now)
    for coach in taught.coaches:
        _record(session, row, "specialty_lost", actor, now, coach.user_id)
    await _update_cards(session, taught.coaches, now)
    return None


async def _lock_list(session: AsyncSession, guild: Guild, actor: Actor) -> list[Specialty]:
    """Lock and return the list. The lock is weak: rows that refer to the server can still be written."""
    actor.must_be_admin()
    await session.execute(select(Guild.id).where(Guild.id == guild.id).with_for_update(key_share=True))
    return list(await session.scalars(select(Specialty).where(Specialty.guild_id == guild.id)))


async def _lock(session: AsyncSession, guild_id: int, specialty_id: int) -> Specialty:
    """Lock one specialty, so that nobody starts to teach it: that takes a share of this lock."""
    row = await session.get(Specialty, specialty_id, with_for_update=True, populate_existing=True)
    return _check_found(row, guild_id)


def _check_found(row: Specialty | None, guild_id: int) -> Specialty:
    if row is None or row.guild_id != guild_id:
        raise NotFound("This specialty is no longer on the list. Open it again with `/coaching specialties`.")
    return row


async def _with_coaches(session: AsyncSession, guild_id: int, rows: Iterable[Specialty]) -> list[TaughtSpecialty]:
    """Add the coaches to these specialties, with two queries however many there are."""
    found = [TaughtSpecialty(row.id, row.name) for row in rows]
    by_id = {one.id: one for one in found}
    teachers = await session.execute(
        select(CoachSpecialty.specialty_id, Coach)
        .join(Coach, (Coach.guild_id == CoachSpecialty.guild_id) & (Coach.user_id == CoachSpecialty.coach_id))
        .where(
            CoachSpecialty.guild_id == guild_id,
            CoachSpecialty.specialty_id.in_(by_id),
            Coach.status != CoachStatus.REJECTED,
        )
    )
    counted = select(CoachSpecialty.coach_id, func.count()).where(CoachSpecialty.guild_id == guild_id)
    counts = dict(list(await session.execute(counted.group_by(CoachSpecialty.coach_id))))
    for specialty_id, coach in sorted(
        teachers, key=lambda row: names.sort_key(row[1].display_name, row[1].user_id)
    ):
        by_id[specialty_id].coaches.append(coach)
        if counts[coach.user_id] == 1:
            by_id[specialty_id].alone.add(coach.user_id)
    return found


async def _update_cards(session: AsyncSession, coaches: Iterable[Coach], now: datetime) -> None:
    """Update the cards of open applications, since admins decide by what they say."""
    for coach in coaches:
        if coach.status is CoachStatus.PENDING:
            await outbox.requeue_application_card(session, coach.guild_id, coach.user_id, now)


def _new_name(present: list[str], typed: str) -> str:
    """Read a name that isn't `present` yet, and add it."""
    name = " ".join(typed.split())
    if not name:
        raise Unreadable("The name is empty. Type one.")
    if len(name) > LONGEST:
        raise Unreadable(f'"{name[:LONGEST]}…" is too long. Shorten it to {LONGEST} characters.')
    if _SEPARATOR in name:
        raise Unreadable(f'"{name}" contains "{_SEPARATOR}", which separates names. Type it without.')
    if any(names.are_same(one, name) for one in present):
        raise Unreadable(f'"{name}" is already on the list. Type another name.')
    present.append(name)
    return name


def _record(
    session: AsyncSession, row: Specialty, action: str, actor: Actor, now: datetime, coach_id: int | None = None
) -> None:
    details = {"specialty_id": row.id}
    audit.record(session, row.guild_id, action, at=now, actor_id=actor.user_id, coach_id=coach_id, details=details)
