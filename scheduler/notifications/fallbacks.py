"""Other routes for messages that can't be delivered, and giving up when there are none."""

import logging
from dataclasses import replace
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from models import CoachingSession, Member, Notification, NotificationKind, Route
from models.storage.database import Database
from scheduler.core import members
from scheduler.core.errors import DiscordFailure, Unreachable
from scheduler.notifications import admin_alerts, kinds, outbox
from scheduler.notifications.kinds import Audience, Declaration, NotificationContext

log = logging.getLogger(__name__)


async def choose_route(db: Database, seen: Notification, failure: DiscordFailure, now: datetime) -> bool:
    """Choose another route, and return whether to try again. If there's none, give up and tell who it concerns.

    If the bot only lacks a permission, which it may get later, just messages to admins are rerouted.
    """
    is_for_admins = kinds.declaration_of(seen.kind).audience in (Audience.ADMINS, Audience.NEW_SERVER)
    if not isinstance(failure, Unreachable) and not is_for_admins:
        return False
    log.info("notification %s can't be delivered there: %s", seen.id, failure)
    async with db.begin() as session:
        if seen.user_id is not None:
            await members.lock(session, seen.user_id)  # people before notifications, as everywhere
        notification = await session.get_one(Notification, seen.id, with_for_update=True)
        context = await kinds.read_context(session, notification)
        if isinstance(failure, Unreachable) and failure.dms_closed and notification.user_id is not None:
            (await session.get_one(Member, notification.user_id)).dms_closed_at = now
        notification.last_error = str(failure)
        unreachable = kinds.declaration_of(notification.kind).on_unreachable
        if unreachable is not None and isinstance(failure, Unreachable):
            notification.due_at, notification.given_up_at = None, now
            notification.undeliverable_at = now
            notification.attempts += 1
            await unreachable(session, context, now)
            return False
        route = _next_route(context)
        if route is not None:
            notification.route, notification.attempts, notification.tried_at = route, 0, None
            if context.audience is Audience.ADMINS:
                text = f"I can't post in the alerts channel: {failure}. Choose another one with `/coaching setup`."
                await admin_alerts.raise_alert(session, notification.guild_id, admin_alerts.LOG_CHANNEL, text, now)
            return True
        if not isinstance(failure, Unreachable):
            return False
        if await _follows_review_channel(session, context, now):
            notification.channel_id = notification.message_id = notification.sent_at = notification.tried_at = None
            return True
        if notification.revision != seen.revision:
            return False  # it was requeued during this attempt, and is still due
        notification.due_at, notification.given_up_at = None, now
        notification.attempts += 1
        if notification.user_id is not None:
            notification.undeliverable_at = now
            await _report_unreachable(session, notification, context.session, now)
        elif failure.for_admins and context.audience is not Audience.ADMINS:
            text = f"{failure}. Choose another channel with `/coaching setup`"
            await admin_alerts.raise_alert(session, notification.guild_id, problem_key(notification), text, now)
        return False


async def _follows_review_channel(session: AsyncSession, context: NotificationContext, now: datetime) -> bool:
    """Whether it's an open card, and admins have chosen another review channel."""
    chosen_id, posted_in = context.guild.review_channel_id, context.notification.channel_id
    if context.audience is not Audience.REVIEW_CHANNEL or None in (chosen_id, posted_in) or chosen_id == posted_in:
        return False
    declared = kinds.declaration_of(context.notification.kind)
    if declared.awaits_decision is None:
        return False
    if declared.details is not None:
        context = replace(context, details=await declared.details(session, context, now))
    return declared.awaits_decision(context)


def _next_route(context: NotificationContext) -> Route | None:
    notification, guild, about = context.notification, context.guild, context.session
    if context.audience is Audience.ADMINS:
        return Route.FALLBACK if notification.route is None and guild.log_channel_id is not None else None
    if context.audience is Audience.NEW_SERVER:
        return Route.FALLBACK if notification.route is None else None
    if notification.user_id is None:
        return None
    is_open = about is not None and about.access_granted_at is not None and about.room_removed_at is None
    if notification.route is None and is_open:
        return Route.ROOM
    has_fallback = notification.route is not Route.FALLBACK and guild.fallback_channel_id is not None
    return Route.FALLBACK if has_fallback else None


async def _report_unreachable(
    session: AsyncSession, notification: Notification, about: CoachingSession | None, now: datetime
) -> None:
    """Tell the coach, once per session, if it's their student. Otherwise alert admins."""
    if about is None or notification.user_id not in about.people[1:]:
        text = (
            f"I can't reach <@{notification.user_id}>: their direct messages are closed. Ask them to open "
            "them for this server, or pick a fallback channel in `/coaching setup`."
        )
        await admin_alerts.raise_alert(
            session, notification.guild_id, f"unreachable:{notification.user_id}", text, now
        )
        return
    kind = NotificationKind.STUDENT_UNREACHABLE
    if not await outbox.was_enqueued(session, about.id, kind):
        outbox.enqueue(session, kind, about.guild_id, now=now, user_id=about.coach_id, session_id=about.id)


def problem_key(notification: Notification) -> str:
    """Return the alert key for messages like this that can't be sent."""
    if kinds.declaration_of(notification.kind).audience is Audience.REVIEW_CHANNEL:
        return "review_channel"
    return f"notices:{notification.route or notification.kind}"


KINDS = (Declaration(NotificationKind.STUDENT_UNREACHABLE, follows_session=True),)
