"""A server's settings: what they are before anybody has changed them, and how an admin changes them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import and_, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from models import Coach, CoachingSession, CoachStatus, Guild, Notification, NotificationKind, Specialty
from models.base import OpenEnum
from models.storage.database import insert_if_absent
from scheduler.availability import booking_policy
from scheduler.availability.booking_policy import Rules
from scheduler.core import audit, coaches
from scheduler.core.actor import Actor
from scheduler.core.errors import NotFound, Unreadable
from scheduler.core.row_locks import lock_sessions
from scheduler.notifications import admin_alerts, reminders
from scheduler.parsing.weekly_hours import Preset
from scheduler.servers.declarations import BY_COLUMN, SETTINGS, Setting
from scheduler.servers.setting_kinds import Text, Value

SETTINGS_CHANGED = "settings_changed"
"""The action of the audit log."""
CLEARED = ("log_channel_id", "fallback_channel_id", "admin_role_id")
"""What a server can do without."""
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


_RESOURCES = ("_role_id", "_channel_id", "_category_id")
"""How columns end that hold a role, a channel or a category, which admins pick in the panel."""


class GuildDefaults:
    """What a new server has until its admins change it: what was declared, or what the operator chose instead."""

    def __init__(self, **chosen: Value) -> None:
        declared = {one.column: one.default for one in SETTINGS if one.default is not None}
        if unknown := chosen.keys() - declared.keys():
            raise TypeError(f"no default can be chosen for {', '.join(sorted(unknown))}")
        self.values: dict[str, Value] = declared | chosen


class GuildChanges:
    """What an admin asked to change, by column; None leaves it as it is.

    Values are those of the declared settings, and the ids of channels, roles and the category.
    """

    def __init__(self, **wanted: Value | None) -> None:
        if unknown := {one for one in wanted if one not in BY_COLUMN and not one.endswith(_RESOURCES)}:
            raise TypeError(f"there are no settings {', '.join(sorted(unknown))}")
        self.values: Mapping[str, Value] = {key: value for key, value in wanted.items() if value is not None}


_COLUMN_DEFAULTS = {
    column.key: column.default.arg
    for column in Guild.__table__.columns
    if column.default is not None and column.default.is_scalar
}
"""What the database would fill in, for a server that has no row yet."""


async def look_up(session: AsyncSession, guild_id: int, defaults: GuildDefaults) -> Guild:
    """The server's settings. One that nobody has used yet gets the defaults, and nothing is written."""
    found = await session.get(Guild, guild_id)
    return found or Guild(id=guild_id, **_COLUMN_DEFAULTS | defaults.values)


async def ensure(session: AsyncSession, guild_id: int, defaults: GuildDefaults, now: datetime) -> Guild:
    """The server's row, made with the defaults and the first specialties if it is not there yet."""
    found = await session.get(Guild, guild_id)
    if found is None:
        await insert_if_absent(session, Guild, id=guild_id, created_at=now, **defaults.values)
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
    guild.default_policy = booking_policy.to_json(wanted)
    audit.record(
        session, guild.id, "first_rules_changed", at=now, actor_id=actor.user_id, details=guild.default_policy
    )


async def change(session: AsyncSession, guild: Guild, actor: Actor, changes: GuildChanges, now: datetime) -> None:
    """Apply an admin's changes, and make due what had to wait for them.

    Raises NotAllowed, or Unreadable for a value that a setting doesn't take, or lead times that contradict each
    other.
    """
    actor.must_be_admin()
    if not changes.values:
        return
    wanted = {key: _checked(key, value) for key, value in changes.values.items()}
    for key, value in wanted.items():
        setattr(guild, key, value)
    if guild.access_lead_minutes > guild.room_lead_minutes:
        room, access = (
            BY_COLUMN[key].kind.write(getattr(guild, key)) for key in ("room_lead_minutes", "access_lead_minutes")
        )
        raise Unreadable(
            f"The room can't open {access} before the start if it's created {room} before. Create it earlier, or "
            "open it later."
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
    if any(one.replans_sessions for one in SETTINGS if one.column in wanted):
        ahead = CoachingSession.guild_id == guild.id, CoachingSession.next_step_at.is_not(None)
        for one in await lock_sessions(session, *ahead):
            one.next_step_at = now  # so that the loop plans it again
    if "reminder_minutes" in wanted:
        await reminders.plan_anew(session, guild, now)
    if "log_channel_id" in wanted:
        await admin_alerts.resolve(session, guild.id, admin_alerts.LOG_CHANNEL, now)
    if "review_channel_id" in wanted:
        await _post_open_applications(session, guild, now)
    audit.record(session, guild.id, SETTINGS_CHANGED, at=now, actor_id=actor.user_id, details=_for_the_log(wanted))


async def clear(session: AsyncSession, guild: Guild, actor: Actor, column: str, now: datetime) -> None:
    """Take a channel or role away that the server can do without. Raises NotAllowed, NotFound for any other."""
    actor.must_be_admin()
    if column not in CLEARED:
        raise NotFound("This one is needed and can't be removed. Choose another one instead.")
    if getattr(guild, column) is None:
        return
    setattr(guild, column, None)
    if column == "log_channel_id":
        await admin_alerts.resolve(session, guild.id, admin_alerts.LOG_CHANNEL, now)
    audit.record(session, guild.id, SETTINGS_CHANGED, at=now, actor_id=actor.user_id, details={column: None})


def value_of(guild: Guild, setting: Setting) -> Value:
    """How it's set in this server."""
    value: Value | None = getattr(guild, setting.column)
    return setting.kind.when_unset if value is None else value


def default_of(setting: Setting) -> Value:
    """What a new server has if the operator chose nothing else."""
    value = _COLUMN_DEFAULTS.get(setting.column) if setting.default is None else setting.default
    return setting.kind.when_unset if value is None else value


def _checked(column: str, value: Value) -> Any:
    """The value as its column holds it. Raises Unreadable."""
    if (setting := BY_COLUMN.get(column)) is None:
        return value
    checked = setting.kind.check(value)
    stored_as = Guild.__table__.columns[column].type
    return stored_as.kind(checked) if isinstance(stored_as, OpenEnum) else checked


def _for_the_log(wanted: Mapping[str, Value]) -> dict[str, Value]:
    """What the audit log keeps: of free texts only that they changed."""
    texts = {one.column for one in SETTINGS if isinstance(one.kind, Text)}
    return {column: "changed" if column in texts else value for column, value in wanted.items()}


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
