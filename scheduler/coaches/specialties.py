"""What can be taught in a server: its own list, which its admins keep."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import Coach, CoachSpecialty, CoachStatus, Guild, Specialty
from scheduler.core import audit
from scheduler.core.actor import Actor
from scheduler.core.errors import Misconfigured, NotFound, Unreadable
from scheduler.notifications import outbox
from scheduler.parsing import names

MOST = 25
"""As many as a list of Discord's holds."""
LONGEST = 50
_BETWEEN = "·"
"""Stands between names where several are shown."""


@dataclass(frozen=True, slots=True)
class Taught:
    """One specialty, with who would lose it."""

    id: int
    name: str
    coaches: list[Coach] = field(default_factory=list)
    """Who teaches it or has applied to, by name."""
    alone: set[int] = field(default_factory=set)
    """Those of them who teach nothing else."""


async def listed(session: AsyncSession, guild_id: int, actor: Actor) -> list[Taught]:
    """The whole list, in its order. Raises NotAllowed."""
    actor.must_be_admin()
    query = select(Specialty).where(Specialty.guild_id == guild_id).order_by(Specialty.id)
    return await _with_coaches(session, guild_id, await session.scalars(query))


async def find(session: AsyncSession, guild_id: int, actor: Actor, specialty_id: int) -> Taught:
    """One of the list. Raises NotAllowed, NotFound."""
    actor.must_be_admin()
    row = await session.get(Specialty, specialty_id)
    if row is None or row.guild_id != guild_id:
        raise _gone()
    return (await _with_coaches(session, guild_id, [row]))[0]


async def add(session: AsyncSession, guild: Guild, actor: Actor, typed: str, now: datetime) -> list[str]:
    """Put these names, one a line, on the list: all of them or none; as they stand there.

    Raises NotAllowed, Unreadable, Misconfigured where there are too many.
    """
    present = await _locked(session, guild, actor)
    wanted = [_name(line) for line in typed.splitlines() if line.strip()]
    if not wanted:
        raise Unreadable("Type at least one name, one a line.")
    if len(present) + len(wanted) > MOST:
        raise Misconfigured(
            f"A server has at most {MOST} specialties, and {len(present)} are on the list. Type fewer, or remove "
            "some."
        )
    for name in wanted:
        _check_new(name, present)
        row = Specialty(guild_id=guild.id, name=name)
        session.add(row)
        await session.flush()
        present.append(row)
        _record(session, row, "specialty_added", actor, now)
    return wanted


async def rename(
    session: AsyncSession, guild: Guild, actor: Actor, specialty_id: int, typed: str, now: datetime
) -> None:
    """Call it otherwise; who teaches it goes on to. Raises NotAllowed, NotFound, Unreadable."""
    present = await _locked(session, guild, actor)
    row = await _one(session, guild.id, specialty_id)
    name = _name(typed)
    _check_new(name, [one for one in present if one.id != specialty_id])
    row.name = name
    await session.flush()
    _record(session, row, "specialty_renamed", actor, now)
    [taught] = await _with_coaches(session, guild.id, [row])
    await _renew_cards(session, taught.coaches, now)


async def remove(
    session: AsyncSession, guild: Guild, actor: Actor, specialty_id: int, agreed: int, now: datetime
) -> Taught | None:
    """Take it off the list and from those who teach it, if it is `agreed` that so many lose it.

    If others would lose it than that, nothing is changed, and they are given back. Raises NotAllowed, NotFound,
    Misconfigured for the last one.
    """
    present = await _locked(session, guild, actor)
    row = await _one(session, guild.id, specialty_id)
    if len(present) == 1:
        raise Misconfigured("One specialty has to stay: coaches choose from this list. Add another one first.")
    [taught] = await _with_coaches(session, guild.id, [row])
    if len(taught.coaches) != agreed:
        return taught
    await session.execute(delete(Specialty).where(Specialty.id == specialty_id))
    _record(session, row, "specialty_removed", actor, now)
    for coach in taught.coaches:
        _record(session, row, "specialty_lost", actor, now, coach.user_id)
    await _renew_cards(session, taught.coaches, now)
    return None


async def _locked(session: AsyncSession, guild: Guild, actor: Actor) -> list[Specialty]:
    """The list as it stays until the transaction ends: whoever changes it locks the server's row.

    Not its key, which everybody shares who writes something down about the server.
    """
    actor.must_be_admin()
    await session.execute(select(Guild.id).where(Guild.id == guild.id).with_for_update(key_share=True))
    return list(await session.scalars(select(Specialty).where(Specialty.guild_id == guild.id)))


async def _one(session: AsyncSession, guild_id: int, specialty_id: int) -> Specialty:
    """Nobody begins to teach it meanwhile: who does holds a share of its row."""
    row = await session.get(Specialty, specialty_id, with_for_update=True, populate_existing=True)
    if row is None or row.guild_id != guild_id:
        raise _gone()
    return row


async def _with_coaches(session: AsyncSession, guild_id: int, rows: Iterable[Specialty]) -> list[Taught]:
    """With a fixed number of queries, however many there are."""
    found = [Taught(row.id, row.name) for row in rows]
    by_id = {one.id: one for one in found}
    mine = Coach.guild_id == CoachSpecialty.guild_id, Coach.user_id == CoachSpecialty.coach_id
    teachers = await session.execute(
        select(CoachSpecialty.specialty_id, Coach)
        .join(Coach, mine[0] & mine[1])
        .where(
            CoachSpecialty.guild_id == guild_id,
            CoachSpecialty.specialty_id.in_(by_id),
            Coach.status != CoachStatus.REJECTED,
        )
    )
    counted = select(CoachSpecialty.coach_id, func.count()).where(CoachSpecialty.guild_id == guild_id)
    how_many: dict[int, int] = defaultdict(int)
    for coach_id, count in await session.execute(counted.group_by(CoachSpecialty.coach_id)):
        how_many[coach_id] = count
    for specialty_id, coach in names.in_order(teachers, lambda row: (row[1].display_name, row[1].user_id)):
        by_id[specialty_id].coaches.append(coach)
        if how_many[coach.user_id] == 1:
            by_id[specialty_id].alone.add(coach.user_id)
    return found


async def _renew_cards(session: AsyncSession, coaches: Iterable[Coach], now: datetime) -> None:
    """Of open applications, because an admin decides by what they say."""
    for coach in coaches:
        if coach.status is CoachStatus.PENDING:
            card = await outbox.application_card(session, coach.guild_id, coach.user_id)
            if card is not None:
                outbox.requeue(card, now)


def _name(typed: str) -> str:
    name = " ".join(typed.split())
    if not name:
        raise Unreadable("The name is empty. Type one.")
    if len(name) > LONGEST:
        raise Unreadable(f'"{name[:LONGEST]}…" is too long: at most {LONGEST} characters. Please shorten it.')
    if _BETWEEN in name:
        raise Unreadable(f'"{name}" cannot be a name: "{_BETWEEN}" stands between names. Type it without.')
    return name


def _check_new(name: str, others: Sequence[Specialty]) -> None:
    if any(names.same(one.name, name) for one in others):
        raise Unreadable(f'"{name}" is on the list already. Type another name.')


def _record(
    session: AsyncSession, row: Specialty, action: str, actor: Actor, now: datetime, coach_id: int | None = None
) -> None:
    details = {"specialty_id": row.id}
    audit.record(session, row.guild_id, action, at=now, actor_id=actor.user_id, coach_id=coach_id, details=details)


def _gone() -> NotFound:
    return NotFound("This specialty is not on the list any more. Look at it again with `/coaching specialties`.")
