"""Tell coaches and admins when this host no longer knows a coach's time zone."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from models import Coach, CoachStatus, NotificationKind
from scheduler.notifications import admin_alerts, outbox
from scheduler.time.time_zones import is_known


async def inspect_zone(session: AsyncSession, coach: Coach, now: datetime) -> None:
    """Alert the coach and the admins if the zone is unknown, and resolve the alert once it's known again."""
    key = f"zone:{coach.user_id}"
    if coach.status is not CoachStatus.APPROVED or coach.left_at is not None or is_known(coach.time_zone):
        await admin_alerts.resolve(session, coach.guild_id, key, now)
        return
    is_new = await admin_alerts.raise_alert(
        session,
        coach.guild_id,
        key,
        f'nobody can book <@{coach.user_id}> because I no longer know their time zone "{coach.time_zone}". '
        "Ask them to choose another one in `/availability`, or ask whoever runs the bot to update its time zones.",
        now,
    )
    if is_new:
        user_id = coach.user_id
        outbox.enqueue(
            session, NotificationKind.ZONE_LOST, coach.guild_id, now=now, user_id=user_id, coach_id=user_id
        )
