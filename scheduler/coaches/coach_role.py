"""Giving coaches their role on Discord, and removing it."""

import logging
from datetime import datetime, timedelta

from sqlalchemy import select

from models import Coach, CoachStatus, Guild
from models.storage.database import Database
from scheduler.coaches.ports import CoachRoles
from scheduler.core import retry
from scheduler.core.clock import Clock
from scheduler.core.coaches import ROLE_TRIES
from scheduler.core.errors import DiscordFailure, NotInServer, Unreachable
from scheduler.notifications import admin_alerts, bot_removal

log = logging.getLogger(__name__)

_QUICK_ROLE_TRIES = 12
"""Often for about an hour, then rarely."""
_SELDOM, _RARELY = timedelta(minutes=10), timedelta(hours=6)


async def sync_roles(db: Database, discord: CoachRoles, clock: Clock) -> tuple[int, int]:
    """Give and remove the coach roles that are due. Returns how many succeeded and how many failed.

    Roles of people who left the server count as neither.
    """
    async with db.read() as session:
        query = select(Coach, Guild).join(Guild, Guild.id == Coach.guild_id).order_by(Coach.role_due_at)
        due = list(await session.execute(query.where(Coach.role_due_at <= clock())))
    done = failed = 0
    left = {guild.id for _, guild in due if guild.bot_removed_at is not None}
    for coach, guild in due:
        error: str | None = None
        final, for_admins = True, False
        give, remove = _roles(coach, guild) if guild.id not in left else (None, [])
        try:
            if give is not None:
                await _intend(db, coach, give)
                await discord.set_role(guild.id, coach.user_id, give, wanted=True)
            for role_id in remove:
                await discord.set_role(guild.id, coach.user_id, role_id, wanted=False)
            done += bool(give or remove)
        except NotInServer:
            left.add(guild.id)
            await bot_removal.record_removal_found(db, clock, guild.id)
        except Unreachable as failure:
            error = str(failure)
            log.info("coach role of %s in guild %s given up: %s", coach.user_id, guild.id, failure)
        except DiscordFailure as failure:
            error, final, for_admins = str(failure), False, failure.for_admins
            log.warning("coach role of %s in guild %s failed: %s", coach.user_id, guild.id, failure)
            failed += 1
        except Exception as bug:
            log.exception("coach role of %s in guild %s failed", coach.user_id, guild.id)
            error, final = f"{type(bug).__name__} (a bug; see the log)", False
            failed += 1
        if guild.id in left:
            error = bot_removal.REMOVED
        await _record_role(db, coach, guild.coach_role_id, error, clock(), final=final, for_admins=for_admins)
    return done, failed


def _roles(coach: Coach, guild: Guild) -> tuple[int | None, list[int]]:
    """Return the role to give and the roles to remove, including coach roles the server chose earlier."""
    present, chosen = list(coach.given_role_ids or []), guild.coach_role_id
    if coach.status is CoachStatus.APPROVED:
        return chosen, [one for one in present if chosen not in (None, one)]
    if chosen is not None and chosen not in present:
        present.append(chosen)  # even if someone else gave it
    return None, present


async def _intend(db: Database, seen: Coach, role_id: int) -> None:
    """Record a role before giving it, so that it can be removed even if we stop halfway."""
    if role_id in (seen.given_role_ids or []):
        return
    async with db.begin() as session:
        coach = await session.get_one(Coach, (seen.guild_id, seen.user_id), with_for_update=True)
        coach.given_role_ids = [*(coach.given_role_ids or []), role_id]


async def _record_role(
    db: Database,
    seen: Coach,
    role_id: int | None,
    error: str | None,
    now: datetime,
    *,
    final: bool,
    for_admins: bool,
) -> None:
    async with db.begin() as session:
        coach = await session.get_one(Coach, (seen.guild_id, seen.user_id), with_for_update=True)
        guild = await session.get_one(Guild, seen.guild_id)
        if (coach.status, guild.coach_role_id) != (seen.status, role_id):
            return  # the coach's status or the server's role changed in the meantime: still due
        coach.role_error = error
        coach.role_attempts = coach.role_attempts + 1 if error else 0
        if is_last := not final and coach.role_attempts >= ROLE_TRIES:
            coach.role_error = f"given up: {error}"
        longest = _SELDOM if coach.role_attempts <= _QUICK_ROLE_TRIES else _RARELY
        pause = retry.pause(coach.role_attempts, seen.user_id, longest=longest)
        coach.role_due_at = None if final or is_last else now + pause
        is_coach = coach.status is CoachStatus.APPROVED
        if error is None:
            coach.given_role_ids = [role_id] if is_coach and role_id is not None else None
            await admin_alerts.resolve(session, guild.id, admin_alerts.COACH_ROLE, now)
        elif for_admins or (not final and coach.role_attempts >= admin_alerts.ALERT_AFTER):
            cause = None if for_admins else admin_alerts.PASSING
            others = await admin_alerts.current_errors(session, guild.id)
            await admin_alerts.raise_alert(
                session, guild.id, admin_alerts.COACH_ROLE, error, now, cause=cause, others=others
            )
        elif final and is_coach and error != bot_removal.REMOVED:
            coach.given_role_ids, coach.membership_due_at = None, now  # they may have left, so check
