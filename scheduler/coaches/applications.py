"""Becoming a coach: apply, approve, reject."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import BlockedFrom, Coach, CoachSpecialty, CoachStatus, Guild, NotificationKind, PaymentMode, Specialty
from scheduler.availability import booking_policy, changed_hours
from scheduler.booking import blocks
from scheduler.core import audit, coaches, members
from scheduler.core.actor import Actor
from scheduler.core.clock import stamp
from scheduler.core.errors import AlreadyDecided, NotAllowed, NotFound, Unreadable
from scheduler.core.row_locks import lock_coach
from scheduler.notifications import outbox
from scheduler.parsing import card_amounts
from scheduler.parsing.fields import Fields
from scheduler.parsing.money import parse_rate
from scheduler.time.time_zones import parse_zone

LONGEST_TEXT = 1000
"""The most characters of each text in an application, and of a reason."""
ABOUT, EXPERIENCE, TEACHES = "About you", "Experience and links", "What you teach"
RATE, TIME_ZONE = "Rate per hour", "Your time zone"
REASON = "Reason"
"""What the fields are called in forms."""
_LINK = re.compile(r"https?://[^\s<>]+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ProfileInput:
    """What a coach typed about themselves, before parsing."""

    display_name: str
    bio: str
    experience: str
    specialties: Sequence[str]
    rate: str
    currency: str = field(default="", kw_only=True)
    """The currency of the rate. Empty: the coach's current one, or the server's."""


@dataclass(frozen=True, slots=True)
class Application(ProfileInput):
    """What someone typed to become a coach, before parsing."""

    time_zone: str


async def apply(
    session: AsyncSession, guild: Guild, actor: Actor, application: Application, now: datetime
) -> Coach:
    """Apply, edit an open application, or apply again after a rejection. Sends admins a card.

    Raises WrongFields, NotAllowed for coaches and suspended coaches, and Blocked.
    """
    coach = await lock_coach(session, guild.id, actor.user_id)
    check_may_apply(coach)
    await blocks.require_unblocked(session, guild.id, actor.user_id, BlockedFrom.APPLYING)
    taught_here = await specialty_ids(session, guild.id, application.specialties)
    with Fields() as fields:
        values, chosen = parse(fields, application, guild.currency, taught_here)
        if RATE not in fields.wrong:
            rules = booking_policy.default_policy(guild) if coach is None else booking_policy.rules_of(coach)
            fields.read(RATE, check_rate, guild, values, rules.durations_minutes)
        values["time_zone"] = fields.read(TIME_ZONE, parse_zone, application.time_zone)
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
    await set_specialties(session, coach, chosen)
    if not (editing and await outbox.requeue_application_card(session, guild.id, actor.user_id, now)):
        outbox.enqueue(session, NotificationKind.APPLICATION_CARD, guild.id, now=now, coach_id=actor.user_id)
    action = "application_edited" if editing else "application_made"
    audit.record(session, guild.id, action, at=now, actor_id=actor.user_id, coach_id=actor.user_id)
    return coach


def parse(
    fields: Fields, written: ProfileInput, currency: str, taught_here: Mapping[str, int]
) -> tuple[dict[str, Any], list[int]]:
    """Read what a coach typed: values by column, and the ids of the chosen specialties."""
    values = {
        "display_name": written.display_name[: members.LONGEST_NAME],
        "bio": fields.read(ABOUT, parse_text, written.bio),
        "experience": fields.read(EXPERIENCE, parse_text, written.experience),
        "portfolio": "\n".join(_LINK.findall(written.experience)),
    }
    chosen = fields.read(TEACHES, _chosen, written.specialties, taught_here)
    rate = fields.read(RATE, parse_rate, written.rate, currency)
    return values | {"rate_minor": rate, "currency": currency}, chosen


def check_rate(guild: Guild, values: Mapping[str, Any], lengths: Iterable[int]) -> None:
    """Raise Unreadable if this server takes cards, and they can't be charged what `parse` read."""
    if guild.payment_mode is not PaymentMode.OFF:
        card_amounts.check_rate(values["rate_minor"], values["currency"], lengths)


def parse_text(typed: str) -> str:
    """Return the text without surrounding space. Raises Unreadable if it's empty or too long."""
    text = typed.strip()
    if not text:
        raise Unreadable("Write a few words.")
    if len(text) > LONGEST_TEXT:
        raise Unreadable(f"That's {len(text):,} characters. Shorten it to {LONGEST_TEXT:,}.")
    return text


def parse_reason(typed: str) -> str:
    """Return an admin's reason. Raises WrongFields."""
    with Fields() as fields:
        return fields.read(REASON, parse_text, typed)


async def set_specialties(session: AsyncSession, coach: Coach, chosen: Sequence[int]) -> None:
    """Replace what the coach teaches with these specialties."""
    theirs = CoachSpecialty.guild_id == coach.guild_id, CoachSpecialty.coach_id == coach.user_id
    await session.execute(delete(CoachSpecialty).where(*theirs))
    session.add_all(
        CoachSpecialty(guild_id=coach.guild_id, coach_id=coach.user_id, specialty_id=one) for one in chosen
    )


def check_may_apply(coach: Coach | None) -> None:
    """Raise NotAllowed for coaches and suspended coaches."""
    if coach is not None and coach.status is CoachStatus.APPROVED:
        raise NotAllowed("You already coach here. Set your hours with `/availability`.")
    if coach is not None and coach.status is CoachStatus.SUSPENDED:
        raise NotAllowed(coaches.YOU_ARE_SUSPENDED)


async def approve(session: AsyncSession, guild_id: int, user_id: int, actor: Actor, now: datetime) -> Coach:
    """Make the applicant a coach, with the coach role, and tell them.

    Raises NotAllowed, NotFound, AlreadyDecided.
    """
    coach = await _decide(session, guild_id, user_id, actor, CoachStatus.APPROVED, now)
    coaches.want_role(coach, now)
    coach.membership_due_at, coach.left_at = now + timedelta(days=1), None
    await changed_hours.announce_bookable(session, coach, now)
    return coach


async def reject(
    session: AsyncSession, guild_id: int, user_id: int, actor: Actor, reason: str, now: datetime
) -> Coach:
    """Reject the application and tell the applicant the reason. Raises as `approve`, and Unreadable."""
    return await _decide(session, guild_id, user_id, actor, CoachStatus.REJECTED, now, reason)


async def list_open(session: AsyncSession, guild_id: int, actor: Actor) -> list[Coach]:
    """List open applications, oldest first. Raises NotAllowed."""
    actor.must_be_admin()
    found = await session.scalars(
        select(Coach)
        .where(Coach.guild_id == guild_id, Coach.status == CoachStatus.PENDING)
        .order_by(Coach.applied_at, Coach.user_id)
    )
    return list(found)


def already_decided(what: str, coach: Coach) -> AlreadyDecided:
    """Say who decided, and when; `what` begins the sentence."""
    by = f" by <@{coach.decided_by}>" if coach.decided_by else ""
    when = f" {stamp(coach.decided_at, 'R')}" if coach.decided_at else ""
    return AlreadyDecided(f"{what} was already {coach.status.lower()}{by}{when}. Nothing was changed.")


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
        raise NotFound("They haven't applied. Ask them to use `/coach apply`.")
    if coach.status is not CoachStatus.PENDING:
        raise already_decided("This application", coach)
    why = None if reason is None else parse_reason(reason)
    coach.status, coach.decided_by, coach.decided_at, coach.decision_reason = to, actor.user_id, now, why
    kind = (
        NotificationKind.APPLICATION_APPROVED
        if to is CoachStatus.APPROVED
        else NotificationKind.APPLICATION_REJECTED
    )
    outbox.enqueue_to_coach(session, kind, guild_id, user_id, now)
    await outbox.requeue_application_card(session, guild_id, user_id, now)
    action = f"application_{to.lower()}"
    details = {"reason": why} if why else None
    audit.record(session, guild_id, action, at=now, actor_id=actor.user_id, coach_id=user_id, details=details)
    return coach


async def specialty_ids(session: AsyncSession, guild_id: int, names: Sequence[str]) -> dict[str, int]:
    """Return the ids of those that are taught here, by name."""
    chosen = select(Specialty.name, Specialty.id).where(Specialty.guild_id == guild_id, Specialty.name.in_(names))
    # Locked, so that none is removed or renamed before we refer to it.
    found = await session.execute(chosen.with_for_update(read=True, key_share=True))
    return {row.name: row.id for row in found}


def _chosen(names: Sequence[str], taught_here: Mapping[str, int]) -> list[int]:
    if not names:
        raise Unreadable("Choose at least one specialty, so that students can find you.")
    if unknown := [name for name in names if name not in taught_here]:
        raise Unreadable(f'"{unknown[0][:100]}" is no longer taught here. Choose from the list again.')
    return [taught_here[name] for name in dict.fromkeys(names)]
