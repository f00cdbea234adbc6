"""Becoming a coach: apply, approve, reject."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import BlockedFrom, Coach, CoachSpecialty, CoachStatus, Guild, NotificationKind, Specialty
from scheduler.availability import booking_policy
from scheduler.booking import blocks
from scheduler.core import audit, coaches, members
from scheduler.core.actor import Actor
from scheduler.core.clock import stamp
from scheduler.core.errors import AlreadyDecided, NotAllowed, NotFound, Unreadable
from scheduler.core.row_locks import lock_coach
from scheduler.notifications import outbox
from scheduler.parsing.money import parse_rate
from scheduler.time.time_zones import parse_zone

LONGEST_TEXT = 1000
"""Characters of each text of an application, and of a reason."""
_LINK = re.compile(r"https?://[^\s<>]+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Written:
    """What a coach typed about themselves, unread."""

    display_name: str
    bio: str
    experience: str
    specialties: Sequence[str]
    rate: str
    currency: str = field(default="", kw_only=True)
    """The currency of the rate. Empty: the coach's current one, or the server's."""


@dataclass(frozen=True, slots=True)
class Application(Written):
    """What somebody typed to become a coach, unread."""

    time_zone: str


async def apply(
    session: AsyncSession, guild: Guild, actor: Actor, application: Application, now: datetime
) -> Coach:
    """Apply, edit an application that is still open, or apply again after a rejection.

    Enqueues a card for the admins. Raises Unreadable for what cannot be read, NotAllowed to those who are coaches
    already or suspended, Blocked to those whom an admin blocked.
    """
    coach = await lock_coach(session, guild.id, actor.user_id)
    check_may_apply(coach)
    await blocks.check(session, guild.id, actor.user_id, BlockedFrom.APPLYING)
    values = read(application, guild.currency) | {"time_zone": parse_zone(application.time_zone)}
    editing = coach is not None and coach.status is CoachStatus.PENDING
    if coach is None:
        coach = Coach(guild_id=guild.id, user_id=actor.user_id, accepting=True)
        booking_policy.apply_rules(coach, booking_policy.default_policy(guild))
        session.add(coach)
    for key, value in values.items():
        setattr(coach, key, value)
    coach.status, coach.applied_at = CoachStatus.PENDING, now
    coach.decided_by = coach.decided_at = coach.decision_reason = None
    await session.flush()
    await teach(session, coach, application.specialties)
    card = await outbox.application_card(session, guild.id, actor.user_id) if editing else None
    if card is not None:
        outbox.requeue(card, now)
    else:
        outbox.enqueue(session, NotificationKind.APPLICATION_CARD, guild.id, now=now, coach_id=actor.user_id)
    action = "application_edited" if editing else "application_made"
    audit.record(session, guild.id, action, at=now, actor_id=actor.user_id, coach_id=actor.user_id)
    return coach


def read(written: Written, currency: str) -> dict[str, Any]:
    """What a coach typed, by the columns that it goes into. Raises Unreadable."""
    return {
        "display_name": written.display_name[: members.LONGEST_NAME],
        "bio": _text(written.bio, "About you"),
        "experience": _text(written.experience, "Experience and links"),
        "portfolio": "\n".join(_LINK.findall(written.experience)),
        "rate_minor": parse_rate(written.rate, currency),
        "currency": currency,
    }


async def teach(session: AsyncSession, coach: Coach, names: Sequence[str]) -> None:
    """Let the coach teach exactly this of the server's list. Raises Unreadable."""
    taught = await _specialty_ids(session, coach.guild_id, names)
    theirs = CoachSpecialty.guild_id == coach.guild_id, CoachSpecialty.coach_id == coach.user_id
    await session.execute(delete(CoachSpecialty).where(*theirs))
    session.add_all(
        CoachSpecialty(guild_id=coach.guild_id, coach_id=coach.user_id, specialty_id=one) for one in taught
    )


def check_may_apply(coach: Coach | None) -> None:
    """Raise NotAllowed to those who coach here already or are suspended."""
    if coach is not None and coach.status is CoachStatus.APPROVED:
        raise NotAllowed("You are a coach here already. Set your hours with `/availability`.")
    if coach is not None and coach.status is CoachStatus.SUSPENDED:
        raise NotAllowed("Your coaching here is suspended. Please talk to an admin of this server.")


async def approve(session: AsyncSession, guild_id: int, user_id: int, actor: Actor, now: datetime) -> Coach:
    """Make the applicant a coach, and see to their role and a DM.

    Raises NotAllowed, NotFound, AlreadyDecided.
    """
    coach = await _decide(session, guild_id, user_id, actor, CoachStatus.APPROVED, now)
    coaches.want_role(coach, now)
    coach.membership_due_at, coach.left_at = now + timedelta(days=1), None
    return coach


async def reject(
    session: AsyncSession, guild_id: int, user_id: int, actor: Actor, reason: str, now: datetime
) -> Coach:
    """Turn the application down with a reason, which they are told. Raises as `approve`, and Unreadable."""
    return await _decide(session, guild_id, user_id, actor, CoachStatus.REJECTED, now, reason)


async def queue(session: AsyncSession, guild_id: int, actor: Actor) -> list[Coach]:
    """Open applications, oldest first, for admins."""
    actor.must_be_admin()
    found = await session.scalars(
        select(Coach)
        .where(Coach.guild_id == guild_id, Coach.status == CoachStatus.PENDING)
        .order_by(Coach.applied_at, Coach.user_id)
    )
    return list(found)


async def _decide(
    session: AsyncSession,
    guild_id: int,
    user_id: int,
    actor: Actor,
    to: CoachStatus,
    now: datetime,
    reason: str | None = None,
) -> Coach:
    actor.must_be_admin()
    coach = await lock_coach(session, guild_id, user_id)
    if coach is None:
        raise NotFound("They have not applied. Ask them to use `/coach apply`.")
    if coach.status is not CoachStatus.PENDING:
        by = f"<@{coach.decided_by}>" if coach.decided_by else "somebody"
        when = f" {stamp(coach.decided_at, 'R')}" if coach.decided_at else ""
        raise AlreadyDecided(
            f"This application is {coach.status.lower()} already: {by} decided{when}. Nothing was changed."
        )
    why = None if reason is None else _text(reason, "The reason")
    coach.status, coach.decided_by, coach.decided_at, coach.decision_reason = to, actor.user_id, now, why
    kind = (
        NotificationKind.APPLICATION_APPROVED
        if to is CoachStatus.APPROVED
        else NotificationKind.APPLICATION_REJECTED
    )
    outbox.enqueue(session, kind, guild_id, now=now, user_id=user_id, coach_id=user_id)
    card = await outbox.application_card(session, guild_id, user_id)
    if card is not None:
        outbox.requeue(card, now)
    action = f"application_{to.lower()}"
    details = {"reason": why} if why else None
    audit.record(session, guild_id, action, at=now, actor_id=actor.user_id, coach_id=user_id, details=details)
    return coach


async def _specialty_ids(session: AsyncSession, guild_id: int, names: Sequence[str]) -> list[int]:
    if not names:
        raise Unreadable("Choose at least one specialty, so that students can find you.")
    chosen = select(Specialty.name, Specialty.id).where(Specialty.guild_id == guild_id, Specialty.name.in_(names))
    # A share of the rows, so that none goes or is called otherwise before this is written down.
    found = await session.execute(chosen.with_for_update(read=True, key_share=True))
    known = {row.name: row.id for row in found}
    if unknown := [name for name in names if name not in known]:
        raise Unreadable(f'"{unknown[0][:100]}" is not taught here any more. Choose from the list again.')
    return [known[name] for name in dict.fromkeys(names)]


def _text(text: str, what: str) -> str:
    typed = text.strip()
    if not typed:
        raise Unreadable(f"{what} is empty. Write a few words.")
    if len(typed) > LONGEST_TEXT:
        raise Unreadable(f"{what} has {len(typed):,} characters; at most {LONGEST_TEXT:,} fit. Please shorten it.")
    return typed
