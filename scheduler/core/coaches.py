"""Finding a coach and what they teach, and what other rules note on a coach's row."""

from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from models import Coach, CoachSpecialty, CoachStatus, Guild, Specialty
from scheduler.core.errors import NotFound
from scheduler.core.row_locks import lock_coach

ROLE_TRIES = 40
"""How often giving or taking the coach role is tried, in about a week. After that, only an admin can help."""
NO_SUCH_COACH = "There is no such coach here. `/book` lists who coaches; `/coach apply` makes you one."


async def find(session: AsyncSession, guild_id: int, user_id: int) -> Coach | None:
    """This person's application or profile here, whatever its status."""
    return await session.get(Coach, (guild_id, user_id))


async def coach_specialties(session: AsyncSession, guild_id: int, coach_id: int) -> list[str]:
    """What one coach teaches, in the order of the server's list."""
    names = await session.scalars(
        select(Specialty.name)
        .join(CoachSpecialty, CoachSpecialty.specialty_id == Specialty.id)
        .where(CoachSpecialty.guild_id == guild_id, CoachSpecialty.coach_id == coach_id)
        .order_by(Specialty.id)
    )
    return list(names)


async def approved_coach(
    session: AsyncSession, guild_id: int, user_id: int, *, own: bool = False, lock: bool = False
) -> Coach:
    """The coach, or NotFound with what to do instead.

    Only the person themselves (`own`) learns how their application stands. Use `lock` to change the row.
    Without it the row is still read afresh, because it may have changed while the caller waited for a lock.
    """
    if lock:
        coach = await lock_coach(session, guild_id, user_id)
    else:
        coach = await session.get(Coach, (guild_id, user_id), populate_existing=True)
    match coach.status if coach else None:
        case CoachStatus.APPROVED if coach is not None:
            return coach
        case CoachStatus.PENDING if own:
            raise NotFound("Your application has not been approved yet. An admin decides with `/coach approve`.")
        case CoachStatus.SUSPENDED if own:
            raise NotFound("Your coaching here is suspended. Please talk to an admin of this server.")
        case _:
            raise NotFound(NO_SUCH_COACH)


def want_role(coach: Coach, now: datetime) -> None:
    """Have the coach role given or taken soon, to match the coach's status."""
    coach.role_due_at, coach.role_attempts, coach.role_error = now, 0, None


def want_role_again(coach: Coach, now: datetime) -> None:
    """Give the role again to a coach who was just seen in the server, in case they lost it.

    Pending retries keep their pace, and what was given up stays so, unless the coach had left.
    """
    settled = coach.role_due_at is None and coach.role_attempts < ROLE_TRIES
    if coach.left_at is not None or settled:
        want_role(coach, now)


async def follow_currency(session: AsyncSession, guild: Guild) -> None:
    """Move those who coach for free to the server's currency, since zero needs no new rate."""
    free = Coach.guild_id == guild.id, Coach.rate_minor == 0
    await session.execute(update(Coach).where(*free).values(currency=guild.currency))
