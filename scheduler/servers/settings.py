"""A server's settings: their defaults, and what follows when an admin changes them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import and_, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from models import Coach, CoachingSession, CoachStatus, Guild, Notification, NotificationKind, Specialty, Workshop
from models.base import OpenEnum
from models.storage.database import insert_if_absent
from scheduler.availability import booking_policy, coach_search
from scheduler.availability.booking_policy import Rules
from scheduler.core import audit, coaches
from scheduler.core.actor import Actor
from scheduler.core.errors import NotFound, Unreadable
from scheduler.core.row_locks import lock_sessions
from scheduler.notifications import admin_alerts, reminders
from scheduler.parsing.fields import Fields
from scheduler.parsing.weekly_hours import Preset
from scheduler.servers.changes import details as audit_details
from scheduler.servers.declarations import BY_COLUMN, SETTINGS, Setting
from scheduler.servers.setting_kinds import Value

SETTINGS_CHANGED, PRESETS_CHANGED = "settings_changed", "presets_changed"
DEFAULT_POLICY_CHANGED = "first_rules_changed"
"""The audit log's actions."""
CLEARED = ("log_channel_id", "fallback_channel_id", "admin_role_id", "workshop_channel_id")
"""Columns that can be cleared."""
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
"""A new server's specialties."""
FIRST_PRESETS = (
    Preset("Morning", 8 * 60, 12 * 60),
    Preset("Afternoon", 12 * 60, 17 * 60),
    Preset("Evening", 17 * 60, 21 * 60),
)
"""A new server's presets."""
_ABOUT_WORKSHOPS = {"workshop_channel_id", "mirrors_workshops"}
_NEVER_SENT = dict.fromkeys(("channel_id", "message_id", "tried_at", "sent_at", "given_up_at", "last_error"))
"""What a message is like that's to be sent anew."""
_LEAD_TIMES = ("room_lead_minutes", "access_lead_minutes")
_RESOURCES = ("_role_id", "_channel_id", "_category_id")
"""How columns end that hold a role, channel or category."""


class GuildDefaults:
    """A new server's settings: declared defaults, and the operator's `chosen` ones instead."""

    def __init__(self, **chosen: Value) -> None:
        declared = {one.column: one.default for one in SETTINGS if one.default is not None}
        if unknown := chosen.keys() - declared.keys():
            raise TypeError(f"no default can be chosen for {', '.join(sorted(unknown))}")
        self.values: dict[str, Value] = declared | chosen


class GuildChanges:
    """The settings, channels and roles an admin wants to change, by column. None leaves one as it is."""

    def __init__(self, **wanted: Value | None) -> None:
        if unknown := {one for one in wanted if one not in BY_COLUMN and not one.endswith(_RESOURCES)}:
            raise TypeError(f"there are no settings {', '.join(sorted(unknown))}")
        self.values: Mapping[str, Value] = {key: value for key, value in wanted.items() if value is not None}


_COLUMN_DEFAULTS = {
    column.key: column.default.arg
    for column in Guild.__table__.columns
    if column.default is not None and column.default.is_scalar
}
"""The database's defaults, for servers without a row."""


async def look_up(session: AsyncSession, guild_id: int, defaults: GuildDefaults) -> Guild:
    """Return the server's settings, or the defaults if it has no row yet. Writes nothing."""
    return await session.get(Guild, guild_id) or unsaved(guild_id, defaults)


def unsaved(guild_id: int, defaults: GuildDefaults) -> Guild:
    """Return the defaults as a row that isn't stored."""
    return Guild(id=guild_id, **_COLUMN_DEFAULTS | defaults.values)


async def ensure(session: AsyncSession, guild_id: int, defaults: GuildDefaults, now: datetime) -> Guild:
    """Return the server's row, created with the defaults and the first specialties if it's missing."""
    found = await session.get(Guild, guild_id)
    if found is None:
        await insert_if_absent(session, Guild, id=guild_id, created_at=now, **defaults.values)
        for name in FIRST_SPECIALTIES:
            await insert_if_absent(session, Specialty, guild_id=guild_id, name=name)
        found = await session.get_one(Guild, guild_id)
    return found


async def specialties(session: AsyncSession, guild_id: int) -> list[str]:
    """List the names of up to 25 specialties, as many as a Discord select holds."""
    known = await coach_search.specialties(session, guild_id)
    return list(known.values() or FIRST_SPECIALTIES)


def presets(guild: Guild) -> list[Preset]:
    """List the hours that coaches here can set with one press."""
    return [Preset(*one) for one in guild.presets] if guild.presets else list(FIRST_PRESETS)


def _stored(wanted: Sequence[Preset]) -> list[list[Any]]:
    return [[one.name, one.start_minute, one.end_minute] for one in wanted]


async def set_presets(
    session: AsyncSession, guild: Guild, actor: Actor, wanted: Sequence[Preset], now: datetime
) -> None:
    """Replace the presets that coaches here choose from. Raises NotAllowed."""
    actor.must_be_admin()
    before = _stored(presets(guild))
    guild.presets = _stored(wanted)
    details = {"from": before, "to": guild.presets}
    audit.record(session, guild.id, PRESETS_CHANGED, at=now, actor_id=actor.user_id, details=details)


async def set_default_policy(
    session: AsyncSession, guild: Guild, actor: Actor, wanted: Rules, now: datetime
) -> None:
    """Set the booking rules that new coaches start with. Raises NotAllowed, Unreadable."""
    actor.must_be_admin()
    wanted.check()
    before = booking_policy.to_json(booking_policy.default_policy(guild))
    guild.default_policy = booking_policy.to_json(wanted)
    details = {"from": before, "to": guild.default_policy}
    audit.record(session, guild.id, DEFAULT_POLICY_CHANGED, at=now, actor_id=actor.user_id, details=details)


async def change(session: AsyncSession, guild: Guild, actor: Actor, changes: GuildChanges, now: datetime) -> None:
    """Apply an admin's changes, and make due whatever depends on them.

    Raises NotAllowed, or Unreadable for invalid values and WrongFields for contradictory lead times.
    """
    actor.must_be_admin()
    if not changes.values:
        return
    wanted = {key: _checked(key, value) for key, value in changes.values.items()}
    details = audit_details({key: _value_in(guild, key) for key in wanted}, wanted)
    for key, value in wanted.items():
        setattr(guild, key, value)
    with Fields() as fields:
        read_lead_times(fields, {column: getattr(guild, column) for column in _LEAD_TIMES})
    if "currency" in wanted:
        await coaches.follow_currency(session, guild)
    if "coach_role_id" in wanted:  # coaches are locked before sessions, as everywhere
        await session.execute(
            update(Coach)
            # Suspended coaches may still have a role to remove.
            .where(Coach.guild_id == guild.id, Coach.status.in_((CoachStatus.APPROVED, CoachStatus.SUSPENDED)))
            .values(role_due_at=now, role_attempts=0, role_error=None)
        )
    if any(one.replans_sessions for one in SETTINGS if one.column in wanted):
        unfinished = CoachingSession.guild_id == guild.id, CoachingSession.next_step_at.is_not(None)
        for one in await lock_sessions(session, *unfinished):
            one.next_step_at = now  # the next tick plans it again
    if "reminder_minutes" in wanted:
        await reminders.replan(session, guild, now)
    if "log_channel_id" in wanted:
        await admin_alerts.resolve(session, guild.id, admin_alerts.LOG_CHANNEL, now)
    if "review_channel_id" in wanted:
        await _post_open_applications(session, guild, now)
    if wanted.keys() & _ABOUT_WORKSHOPS:
        await _renew_workshops(session, guild, now)
    if details:
        audit.record(session, guild.id, SETTINGS_CHANGED, at=now, actor_id=actor.user_id, details=details)


async def clear(session: AsyncSession, guild: Guild, actor: Actor, column: str, now: datetime) -> None:
    """Clear an optional channel or role. Raises NotAllowed, or NotFound for any other column."""
    actor.must_be_admin()
    if column not in CLEARED:
        raise NotFound("This one is needed and can't be removed. Choose another one instead.")
    if (cleared := getattr(guild, column)) is None:
        return
    setattr(guild, column, None)
    if column == "log_channel_id":
        await admin_alerts.resolve(session, guild.id, admin_alerts.LOG_CHANNEL, now)
    details = audit_details({column: cleared}, {column: None})
    audit.record(session, guild.id, SETTINGS_CHANGED, at=now, actor_id=actor.user_id, details=details)


def read_lead_times(fields: Fields, values: Mapping[str, Value]) -> None:
    """Check that the room is created before it opens, if both times are among `values` and could be read."""
    room, access = (BY_COLUMN[column] for column in _LEAD_TIMES)
    if values.keys() >= {*_LEAD_TIMES} and not fields.wrong.keys() & {room.label, access.label}:
        fields.read(access.label, _check_lead_times, *(int(str(values[column])) for column in _LEAD_TIMES))


def _check_lead_times(room_minutes: int, access_minutes: int) -> None:
    if access_minutes > room_minutes:
        write = BY_COLUMN["room_lead_minutes"].kind.write
        raise Unreadable(
            f"The room can't open {write(access_minutes)} before the start if it's created {write(room_minutes)} "
            "before. Create it earlier, or open it later."
        )


def value_of(guild: Guild, setting: Setting) -> Value:
    """Return a setting's value in this server."""
    value: Value | None = getattr(guild, setting.column)
    return setting.kind.when_unset if value is None else value


def _value_in(guild: Guild, column: str) -> Any:
    setting = BY_COLUMN.get(column)
    return getattr(guild, column) if setting is None else value_of(guild, setting)


def _checked(column: str, value: Value) -> Any:
    """Convert the value for its column. Raises Unreadable."""
    if (setting := BY_COLUMN.get(column)) is None:
        return value
    checked = setting.kind.check(value)
    stored_as = Guild.__table__.columns[column].type
    return stored_as.kind(checked) if isinstance(stored_as, OpenEnum) else checked


async def _renew_workshops(session: AsyncSession, guild: Guild, now: datetime) -> None:
    """Look at upcoming workshops and their events again, and announce those that couldn't be announced."""
    ahead = Workshop.guild_id == guild.id, Workshop.next_step_at.is_not(None)
    renewed = await session.scalars(
        update(Workshop)
        .where(*ahead)
        .values(next_step_at=now)
        .returning(Workshop.session_id)
        .execution_options(synchronize_session=False)
    )
    failed = (
        Notification.session_id.in_(list(renewed)),
        Notification.kind == NotificationKind.WORKSHOP_ANNOUNCEMENT,
        Notification.given_up_at.is_not(None),
    )
    await session.execute(
        update(Notification)
        .where(*failed)
        .values(revision=Notification.revision + 1, due_at=now, attempts=0, **_NEVER_SENT)
    )


async def _post_open_applications(session: AsyncSession, guild: Guild, now: datetime) -> None:
    """Post the newest card of each open application in the review channel, unless it's there already."""
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
    await session.execute(
        update(Notification)
        .where(Notification.id.in_(newest), elsewhere)
        .values(revision=Notification.revision + 1, due_at=now, attempts=0, **_NEVER_SENT)
    )
