"""A server's settings: what they are before anybody has changed them, and how an admin changes them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime

from sqlalchemy import and_, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from models import (
    AccessMode,
    Coach,
    CoachingSession,
    CoachStatus,
    Guild,
    Notification,
    NotificationKind,
    Specialty,
)
from models.storage.database import insert_if_absent
from scheduler.availability import booking_policy
from scheduler.availability.booking_policy import Rules
from scheduler.core import audit, coaches
from scheduler.core.actor import Actor
from scheduler.core.errors import NotFound, Unreadable
from scheduler.core.row_locks import lock_sessions
from scheduler.notifications import admin_alerts, reminders
from scheduler.parsing.money import parse_currency
from scheduler.parsing.weekly_hours import Preset
from scheduler.time.time_zones import parse_zone

Value = str | int | list[int]

CLEARED = ("log_channel_id", "fallback_channel_id", "admin_role_id")
"""What a server can do without."""
LONGEST_HOW_TO_PAY = 300
LONGEST_LEAD_MINUTES = 24 * 60
LONGEST_CANCEL_NOTICE_HOURS = 30 * 24
MOST_COMING = 100
LONGEST_GRACE_MINUTES = 120
_RANGES = (
    ("room_lead_minutes", "Minutes before the start at which the room is made", 0, LONGEST_LEAD_MINUTES),
    ("access_lead_minutes", "Minutes before the start at which people are let in", 0, LONGEST_LEAD_MINUTES),
    ("linger_minutes", "Minutes for which the room stays", 0, LONGEST_LEAD_MINUTES),
    ("cancel_notice_minutes", "Minutes until which one cancels in time", 0, LONGEST_CANCEL_NOTICE_HOURS * 60),
    ("most_upcoming", "Coming sessions that a student may have", 1, MOST_COMING),
    ("no_show_grace_minutes", "Minutes from which who has not come is absent", 0, LONGEST_GRACE_MINUTES),
)
FIRST_SPECIALTIES = (
    "Music production",
    "Mixing",
    "Mastering",
    "Songwriting",
    "Sound design",
    "Music theory",
    "Vocals",
    "Guitar",
    "Piano",
    "DJing",
    "Career",
    "Other",
)
"""What a server can teach until its admins say otherwise."""
FIRST_PRESETS = (
    Preset("Morning", 8 * 60, 12 * 60),
    Preset("Afternoon", 12 * 60, 17 * 60),
    Preset("Evening", 17 * 60, 21 * 60),
)
"""What coaches can set with one press until the server's admins say otherwise."""


@dataclass(frozen=True, slots=True)
class GuildDefaults:
    """What holds in a server until its admins change it."""

    time_zone: str = "UTC"
    currency: str = "USD"
    room_lead_minutes: int = 15
    access_lead_minutes: int = 5
    linger_minutes: int = 15
    cancel_notice_minutes: int = 0
    most_upcoming: int = 10


@dataclass(frozen=True, slots=True)
class GuildChanges:
    """What an admin asked to change; None leaves it as it is."""

    time_zone: str | None = None
    currency: str | None = None
    admin_role_id: int | None = None
    coach_role_id: int | None = None
    review_channel_id: int | None = None
    room_category_id: int | None = None
    room_lead_minutes: int | None = None
    access_lead_minutes: int | None = None
    linger_minutes: int | None = None
    cancel_notice_minutes: int | None = None
    most_upcoming: int | None = None
    payment_instructions: str | None = None
    reminder_minutes: list[int] | None = None
    """As `reminder_times.parse_reminder_times` gives them; an empty list is for no reminders."""
    no_show_grace_minutes: int | None = None
    access_mode: AccessMode | None = None
    keep_after_departure: bool | None = None
    log_channel_id: int | None = None
    fallback_channel_id: int | None = None


_COLUMN_DEFAULTS = {
    column.key: column.default.arg
    for column in Guild.__table__.columns
    if column.default is not None and column.default.is_scalar
}
"""What the database would fill in, for a server that has no row yet."""


async def look_up(session: AsyncSession, guild_id: int, defaults: GuildDefaults) -> Guild:
    """The server's settings. One that nobody has used yet gets the defaults, and nothing is written."""
    found = await session.get(Guild, guild_id)
    return found or Guild(id=guild_id, **_COLUMN_DEFAULTS | _values(defaults))


async def ensure(session: AsyncSession, guild_id: int, defaults: GuildDefaults, now: datetime) -> Guild:
    """The server's row, made with the defaults and the first specialties if it is not there yet."""
    found = await session.get(Guild, guild_id)
    if found is None:
        await insert_if_absent(session, Guild, id=guild_id, created_at=now, **_values(defaults))
        for name in FIRST_SPECIALTIES:
            await insert_if_absent(session, Specialty, guild_id=guild_id, name=name)
        found = await session.get_one(Guild, guild_id)
    return found


async def specialties(session: AsyncSession, guild_id: int) -> list[str]:
    """What can be taught here, by name; at most 25 are offered (a Discord select holds no more)."""
    names = await session.scalars(
        select(Specialty.name).where(Specialty.guild_id == guild_id).order_by(Specialty.id).limit(25)
    )
    return list(names) or list(FIRST_SPECIALTIES)


def presets(guild: Guild) -> list[Preset]:
    """The hours that coaches here set with one press."""
    return [Preset(*one) for one in guild.presets] if guild.presets else list(FIRST_PRESETS)


async def set_presets(
    session: AsyncSession, guild: Guild, actor: Actor, wanted: Sequence[Preset], now: datetime
) -> None:
    """Let coaches here choose from these presets. Raises NotAllowed."""
    actor.must_be_admin()
    guild.presets = [[one.name, one.start_minute, one.end_minute] for one in wanted]
    audit.record(session, guild.id, "presets_changed", at=now, actor_id=actor.user_id)


async def set_default_policy(
    session: AsyncSession, guild: Guild, actor: Actor, wanted: Rules, now: datetime
) -> None:
    """Let those who apply from now on begin with these booking rules. Raises NotAllowed, Unreadable."""
    actor.must_be_admin()
    wanted.check()
    guild.default_policy = booking_policy.as_json(wanted)
    audit.record(
        session, guild.id, "first_rules_changed", at=now, actor_id=actor.user_id, details=guild.default_policy
    )


async def change(session: AsyncSession, guild: Guild, actor: Actor, changes: GuildChanges, now: datetime) -> None:
    """Apply an admin's changes, and make due what had to wait for them.

    Raises NotAllowed, or Unreadable for an unknown zone or currency or lead times that contradict each other.
    """
    actor.must_be_admin()
    wanted = {key: value for key, value in _values(changes).items() if value is not None}
    if not wanted:
        return
    if "time_zone" in wanted:
        wanted["time_zone"] = parse_zone(str(wanted["time_zone"]))
    if "currency" in wanted:
        wanted["currency"] = parse_currency(str(wanted["currency"]))
    if len(str(wanted.get("payment_instructions", ""))) > LONGEST_HOW_TO_PAY:
        raise Unreadable(f"How to pay has to fit into {LONGEST_HOW_TO_PAY} characters. Please shorten it.")
    for key, words, least, most in _RANGES:
        _check_range(words, least, most, wanted.get(key))
    for key, value in wanted.items():
        setattr(guild, key, value)
    if guild.access_lead_minutes > guild.room_lead_minutes:
        raise Unreadable(
            f"The room has to be made before people are let in: {guild.room_lead_minutes} minutes for the "
            f"room is later than {guild.access_lead_minutes} for access. Choose a longer lead for the room."
        )
    if "currency" in wanted:
        await coaches.follow_currency(session, guild)
    if "coach_role_id" in wanted:  # coaches are locked before sessions, as everywhere
        await session.execute(
            update(Coach)
            # Suspended coaches may still have a role that has to be taken away.
            .where(Coach.guild_id == guild.id, Coach.status.in_((CoachStatus.APPROVED, CoachStatus.SUSPENDED)))
            .values(role_due_at=now, role_attempts=0, role_error=None)
        )
    if wanted.keys() & {"room_lead_minutes", "access_lead_minutes", "linger_minutes", "no_show_grace_minutes"}:
        ahead = CoachingSession.guild_id == guild.id, CoachingSession.next_step_at.is_not(None)
        for one in await lock_sessions(session, *ahead):
            one.next_step_at = now  # so that the loop plans it again
    if "reminder_minutes" in wanted:
        await reminders.plan_anew(session, guild, now)
    if "log_channel_id" in wanted:
        await admin_alerts.resolve(session, guild.id, admin_alerts.LOG_CHANNEL, now)
    if "review_channel_id" in wanted:
        await _post_open_applications(session, guild, now)
    audit.record(
        session, guild.id, "settings_changed", at=now, actor_id=actor.user_id, details=_ids_and_numbers(wanted)
    )


async def clear(
    session: AsyncSession,
    guild: Guild,
    actor: Actor,
    column: str,
    now: datetime,
) -> None:
    """Take a channel or role away that the server can do without. Raises NotAllowed, NotFound for any other."""
    actor.must_be_admin()
    if column not in CLEARED:
        raise NotFound("This cannot be taken away. Choose another one instead.")
    if getattr(guild, column) is None:
        return
    setattr(guild, column, None)
    if column == "log_channel_id":
        await admin_alerts.resolve(session, guild.id, admin_alerts.LOG_CHANNEL, now)
    audit.record(session, guild.id, "settings_changed", at=now, actor_id=actor.user_id, details={column: None})


def _check_range(name: str, least: int, most: int, value: Value | None) -> None:
    if isinstance(value, int) and not least <= value <= most:
        raise Unreadable(f"{name} can be {least} to {most}. Please type another number.")


def _ids_and_numbers(wanted: Mapping[str, Value]) -> dict[str, Value]:
    """What the log keeps: of texts only that they changed."""
    return dict(wanted) | ({"payment_instructions": "changed"} if "payment_instructions" in wanted else {})


async def _post_open_applications(session: AsyncSession, guild: Guild, now: datetime) -> None:
    """The newest card of each open application goes into the review channel, unless it is there."""
    newest = (
        select(func.max(Notification.id))
        .join(Coach, and_(Coach.guild_id == Notification.guild_id, Coach.user_id == Notification.coach_id))
        .where(
            Notification.guild_id == guild.id,
            Notification.kind == NotificationKind.APPLICATION_CARD,
            Coach.status == CoachStatus.PENDING,
        )
        .group_by(Notification.coach_id)
    )
    elsewhere = or_(Notification.channel_id.is_(None), Notification.channel_id != guild.review_channel_id)
    anew = dict.fromkeys(("channel_id", "message_id", "tried_at", "sent_at", "given_up_at", "last_error"))
    await session.execute(
        update(Notification)
        .where(Notification.id.in_(newest), elsewhere)
        .values(revision=Notification.revision + 1, due_at=now, attempts=0, **anew)
    )


def _values(instance: GuildDefaults | GuildChanges) -> dict[str, Value | None]:
    return {field.name: getattr(instance, field.name) for field in fields(instance)}
