"""Finding coaches and their specialties, and changes to a coach that several features make."""

from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from models import Coach, CoachSpecialty, CoachStatus, Guild, Specialty
from scheduler.core.errors import NotFound
from scheduler.core.row_locks import lock_coach

ROLE_TRIES = 40
"""Tries at giving or removing the coach role, over about a week. After that, only an admin can help."""
YOU_ARE_SUSPENDED = "You're suspended from coaching here. Talk to an admin of this server."
NOT_A_COACH_YET = "You don't coach here yet. Apply with `/coach apply`."
NO_SUCH_COACH = "There's no such coach here. `/book` lists the coaches. To become one, use `/coach apply`."


async def find(session: AsyncSession, guild_id: int, user_id: int) -> Coach | None:
    """Return this person's application or profile here, whatever its status."""
    return await session.get(Coach, (guild_id, user_id))


async def coach_specialties(session: AsyncSession, guild_id: int, coach_id: int) -> list[str]:
    """List what a coach teaches, in the order of the server's list."""
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
    """Return the coach, or raise NotFound with what to do instead.

    Only the person themselves (`own`) learns the status of their application. `lock` the row to change it.
    Otherwise it's still reread, because it may have changed while the caller waited for a lock.
    """
    if lock:
        coach = await lock_coach(session, guild_id, user_id)
    else:
        coach = await session.get(Coach, (guild_id, user_id), populate_existing=True)
    match coach.status if coach else None:
        case CoachStatus.APPROVED if coach is not None:
            return coach
        case CoachStatus.PENDING if own:
            raise NotFound("Your application hasn't been approved yet. An admin decides with `/coach approve`.")
        case CoachStatus.SUSPENDED if own:
            raise NotFound(YOU_ARE_SUSPENDED)
        case _:
            raise NotFound(NOT_A_COACH_YET if own else NO_SUCH_COACH)


def want_role(coach: Coach, now: datetime) -> None:
    """Have the coach role given or removed soon, to match the coach's status."""
    coach.role_due_at, coach.role_attempts, coach.role_error = now, 0, None


def want_role_again(coach: Coach, now: datetime) -> None:
    """Give the role again to a coach who was just seen in the server, in case they lost it.

    Pending retries keep their pace, and a role that was given up stays so, unless the coach had left.
    """
    settled = coach.role_due_at is None and coach.role_attempts < ROLE_TRIES
    if coach.left_at is not None or settled:
        want_role(coach, now)


async def follow_currency(session: AsyncSession, guild: Guild) -> None:
    """Move those who coach for free to the server's currency, since zero needs no new rate."""
    free = Coach.guild_id == guild.id, Coach.rate_minor == 0
    await session.execute(update(Coach).where(*free).values(currency=guild.currency))
