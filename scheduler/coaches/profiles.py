"""Coaches' profiles: who sees them, and how coaches edit them."""

from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy.ext.asyncio import AsyncSession

from models import BlockedFrom, Coach, CoachStatus, Guild
from scheduler.availability import free_times
from scheduler.booking import blocks
from scheduler.coaches import applications, currencies
from scheduler.coaches.applications import ProfileInput
from scheduler.core import audit, coaches
from scheduler.core.actor import Actor
from scheduler.core.coaches import NO_SUCH_COACH, NOT_A_COACH_YET, YOU_ARE_SUSPENDED
from scheduler.core.errors import NotAllowed, NotFound, Unreadable
from scheduler.core.row_locks import lock_coach
from scheduler.notifications import outbox
from scheduler.parsing.fields import Fields
from scheduler.parsing.money import write_amount, write_money


class Profile(NamedTuple):
    """A coach as one viewer sees them."""

    coach: Coach
    specialties: list[str]
    next_free: datetime | None
    """The first start the viewer can book, for the coach's usual length (UTC); None if there is none."""
    is_public: bool
    """False if only the coach and admins see it."""


async def view(session: AsyncSession, guild_id: int, user_id: int, actor: Actor, now: datetime) -> Profile:
    """Return this person's profile. If they don't coach (any more), only they and admins see it.

    Raises NotFound with what to do instead.
    """
    coach, own = await coaches.find(session, guild_id, user_id), actor.user_id == user_id
    if coach is None:
        raise NotFound(NOT_A_COACH_YET if own else NO_SUCH_COACH)
    is_public = coach.status is CoachStatus.APPROVED and coach.left_at is None
    if not (is_public or own or actor.is_admin):
        raise NotFound(NO_SUCH_COACH)
    taught = await coaches.coach_specialties(session, guild_id, user_id)
    return Profile(coach, taught, await _next_free(session, coach, actor, now) if is_public else None, is_public)


def check_may_edit(coach: Coach | None) -> Coach:
    """Return a coach or applicant. For others, raises NotFound or NotAllowed with what to do instead."""
    match coach.status if coach else None:
        case CoachStatus.PENDING | CoachStatus.APPROVED if coach is not None:
            return coach
        case CoachStatus.REJECTED:
            raise NotAllowed("Your application wasn't approved. Apply again with `/coach apply`.")
        case CoachStatus.SUSPENDED:
            raise NotAllowed(YOU_ARE_SUSPENDED)
        case _:
            raise NotFound(NOT_A_COACH_YET)


async def check_not_blocked(session: AsyncSession, coach: Coach) -> None:
    """Raise Blocked for a blocked applicant. Coaches can always edit their profile."""
    if coach.status is CoachStatus.PENDING:
        await blocks.require_unblocked(session, coach.guild_id, coach.user_id, BlockedFrom.APPLYING)


async def edit(session: AsyncSession, guild_id: int, actor: Actor, written: ProfileInput, now: datetime) -> Coach:
    """Edit the actor's profile or open application, and update its card.

    The rate stays in its currency unless they choose the server's, which needs a new rate. Booked sessions keep
    their price. Raises WrongFields, and what `check_may_edit` and `check_not_blocked` raise.
    """
    # Locked, so that a booking sees either the old rate or the new one.
    coach = check_may_edit(await lock_coach(session, guild_id, actor.user_id))
    await check_not_blocked(session, coach)
    before, guild = currencies.rate_of(coach), await session.get_one(Guild, guild_id)
    taught_here = await applications.specialty_ids(session, guild_id, written.specialties)
    currency = _currency(coach, guild, written)
    with Fields() as fields:
        fields.read(applications.RATE, _check_new_rate, coach, currency, written)
        values, chosen = applications.parse(fields, written, currency, taught_here)
        if applications.RATE not in fields.wrong and (values["rate_minor"], values["currency"]) != before:
            fields.read(applications.RATE, applications.check_rate, guild, values, coach.durations_minutes)
    for key, value in values.items():
        setattr(coach, key, value)
    await applications.set_specialties(session, coach, chosen)
    await outbox.requeue_application_card(session, guild_id, coach.user_id, now)
    after = currencies.rate_of(coach)
    rates = currencies.audit_details(before, after) if after != before else None
    action = "application_edited" if coach.status is CoachStatus.PENDING else "profile_edited"
    audit.record(session, guild_id, action, at=now, actor_id=actor.user_id, coach_id=actor.user_id, details=rates)
    return coach


def _currency(coach: Coach, guild: Guild, written: ProfileInput) -> str:
    """Return the currency of the typed rate. Zero is the same in all."""
    return guild.currency if written.currency == guild.currency or not coach.rate_minor else coach.currency


def _check_new_rate(coach: Coach, currency: str, written: ProfileInput) -> None:
    """Raise Unreadable if the currency changes without a new rate."""
    if not coach.rate_minor or currency == coach.currency:
        return
    if written.rate.strip() == write_amount(coach.rate_minor, coach.currency):
        raise Unreadable(
            f"Your rate was {write_money(coach.rate_minor, coach.currency)}. Enter what you charge in "
            f'{currency}. If the number stays the same, add the currency: "60 {currency}".'
        )


async def _next_free(session: AsyncSession, coach: Coach, actor: Actor, now: datetime) -> datetime | None:
    usual = timedelta(minutes=coach.durations_minutes[0])
    return next(await free_times.free_times(session, coach, usual, student_id=actor.user_id, now=now), None)
