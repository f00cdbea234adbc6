"""Notifications to coaches about their time zone."""

from datetime import datetime

from models import NotificationKind
from scheduler.notifications.kinds import Declaration, NotificationContext
from scheduler.time.time_zones import is_known


def _until_a_zone_is_chosen(context: NotificationContext, _now: datetime) -> str | None:
    coach = context.coach
    return "they have already chosen" if coach is not None and is_known(coach.time_zone) else None


KINDS = (Declaration(NotificationKind.ZONE_LOST, still_needed=_until_a_zone_is_chosen),)
