"""Delivering due notifications exactly once, with retries, fallbacks and a limit on how many go out at a time."""

import logging
from collections.abc import Collection, Hashable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import NamedTuple

from sqlalchemy import and_, not_, select

from models import CoachingSession, Member, Notification, NotificationKind, Route
from models.storage.database import Database
from scheduler.core import members, retry
from scheduler.core.clock import Clock
from scheduler.core.errors import DiscordFailure, NotInServer, Unreachable
from scheduler.core.task_pool import Jobs, TaskPool
from scheduler.notifications import admin_alerts, bot_removal, fallbacks, kinds
from scheduler.notifications.kinds import Audience, NotificationContext
from scheduler.notifications.ports import Postman, Receipt
from scheduler.notifications.room_names import without_room_name

log = logging.getLogger(__name__)

_TRIES, _FOR = 12, timedelta(hours=1)
"""Give up after so many tries, but not sooner than this, since requeuing starts tries early."""
_SELDOM, _UNANSWERED = timedelta(minutes=10), timedelta(minutes=1)
"""The longest pause between two tries, which is shorter while Discord doesn't answer."""
_LONGEST_OUTAGE = timedelta(days=1)
_A_ROUND = 200
_A_THREAD = 10
"""Messages that one person usually has due about one session, at most."""
_DMS_A_ROUND = 10
"""Direct messages per round. Discord refuses many at once (40003) and may quarantine the bot."""
_UPDATES_A_ROUND = 20
"""Updates of direct messages per round. They aren't urgent, and Discord limits edits of old messages (30046)."""


class Delivered(NamedTuple):
    """What one round did."""

    sent: int
    failed: int
    """Will be retried. What was given up counts as neither."""
    more: bool
    """Whether more is due, for the next round."""


class _Obsolete(Exception):
    """The message no longer helps."""


class _NotDue(Exception):
    """The message was withdrawn or postponed after it was listed."""


async def deliver_due(
    db: Database, postman: Postman, clock: Clock, pool: TaskPool[list[bool | None]]
) -> Delivered:
    """Send a round of what's due concurrently, oldest first.

    Slow deliveries that continue in `pool` count in the round in which they end.
    """
    found, more = await _due(db, clock(), pool.under_way)

    async def in_order(thread: list[Notification]) -> list[bool | None]:
        return [await _deliver(db, postman, clock, notification) for notification in thread]

    threads: dict[Hashable, list[Notification]] = {}
    for notification in found:
        threads.setdefault(_thread(notification), []).append(notification)
    jobs: Jobs[list[bool | None]] = {key: partial(in_order, thread) for key, thread in threads.items()}
    outcomes = [outcome for thread in await pool.work(jobs) for outcome in thread]
    return Delivered(outcomes.count(True), outcomes.count(False), more)


async def _due(db: Database, now: datetime, begun: Collection[Hashable]) -> tuple[list[Notification], bool]:
    """List what this round sends, and whether there's more.

    Direct messages never hold up channels, and updates of old ones never hold up new ones.

    Threads that have `begun` are skipped and don't count towards the limits.
    """
    is_direct = and_(Notification.user_id.is_not(None), Notification.route.is_(None))
    found: list[Notification] = []
    more = False
    async with db.read() as session:
        for which, most in (
            (and_(is_direct, Notification.message_id.is_(None)), _DMS_A_ROUND),
            (not_(is_direct), _A_ROUND),
            (and_(is_direct, Notification.message_id.is_not(None)), _UPDATES_A_ROUND),
        ):
            # Kinds from another release wait for that release, and mustn't block the others.
            ours = Notification.kind.in_(NotificationKind)
            due = select(Notification).where(Notification.due_at <= now, ours, which)
            enough = most + 1 + _A_THREAD * len(begun)
            rows = await session.scalars(due.order_by(Notification.due_at, Notification.id).limit(enough))
            some = [notification for notification in rows if _thread(notification) not in begun]
            found += some[:most]
            more = more or len(some) > most
    return found, more


def _thread(notification: Notification) -> Hashable:
    """Key messages that go out one by one, so that "booked" arrives before "cancelled".

    Those are messages to one person about one session, and to admins about one problem.
    """
    if notification.alert_id is not None:
        return "problem", notification.alert_id
    return (notification.user_id, notification.session_id) if notification.session_id else notification.id


async def _deliver(db: Database, postman: Postman, clock: Clock, seen: Notification) -> bool | None:
    """Return whether it was sent; None if it won't be retried."""
    while True:
        try:
            context = await _prepare(db, seen, clock())
            receipt = await postman.deliver(context)
        except _NotDue:
            return None
        except _Obsolete as reason:
            await _record_failure(db, seen, str(reason), clock(), final=True)
            return None
        except NotInServer:
            await bot_removal.record_removal_found(db, clock, seen.guild_id)
            await _record_failure(db, seen, bot_removal.REMOVED, clock(), final=True)
            return None
        except Unreachable as failure:
            if seen.is_direct and seen.message_id is not None:  # nobody misses the update of a message that's gone
                await _record_failure(db, seen, str(failure), clock(), final=True)
            elif await fallbacks.choose_route(db, seen, failure, clock()):
                continue
            return None
        except DiscordFailure as failure:
            if failure.for_admins and await fallbacks.choose_route(db, seen, failure, clock()):
                continue
            log.warning("notification %s failed: %s", seen.id, failure)
            await _record_failure(db, seen, str(failure), clock(), failure=failure)
            return False
        except Exception as error:  # the others still go out, and this one is retried
            log.exception("notification %s failed", seen.id)
            await _record_failure(db, seen, f"{type(error).__name__} (a bug; see the log)", clock())
            return False
        await _record_sent(db, context, receipt, clock())
        return True


async def _prepare(db: Database, seen: Notification, now: datetime) -> NotificationContext:
    """Record that the message may exist from now on, and read its context."""
    async with db.begin() as session:
        notification = await session.get_one(Notification, seen.id)
        if notification.due_at is None or notification.due_at > now:
            raise _NotDue
        seen.revision, seen.route = notification.revision, notification.route
        context = await kinds.read_context(session, notification)
        if context.guild.bot_removed_at is not None:
            raise _Obsolete(bot_removal.REMOVED)
        maybe_sent = notification.tried_at is not None and notification.message_id is None
        notification.tried_at = notification.tried_at or now
        context = replace(context, channel_id=_channel_of(context), maybe_sent=maybe_sent)
        if (load := kinds.declaration_of(notification.kind).details) is not None:
            context = replace(context, details=await load(session, context, now))
        if (expires_at := context.expires_at) is not None:
            context = replace(context, has_expired=now >= expires_at)
        context = replace(context, update_at=context.next_update(now))
        if (why := _why_obsolete(context, now)) is not None:
            raise _Obsolete(why)
        return context


def _channel_of(context: NotificationContext) -> int | None:
    """Return the channel, unless it's a direct message. Raises Unreachable if there's none."""
    notification, guild = context.notification, context.guild
    if notification.channel_id is not None and notification.user_id is None:
        return notification.channel_id  # the message is there already, and is updated
    match context.audience, notification.route:
        case Audience.ADMINS, None:
            return guild.log_channel_id
        case ((Audience.ADMINS | Audience.NEW_SERVER), _):
            return None
        case (Audience.ROOM, _) | (_, Route.ROOM):
            return _room_of(context.session)
        case Audience.REVIEW_CHANNEL, _:
            if guild.review_channel_id is None:
                raise Unreachable("the server has no review channel yet")
            return guild.review_channel_id
        case Audience.WORKSHOP_CHANNEL, _:
            if guild.workshop_channel_id is None:
                raise Unreachable("the server has no channel for workshops", for_admins=True)
            return guild.workshop_channel_id
        case _, route:
            return guild.fallback_channel_id if route is Route.FALLBACK else None


def _room_of(about: CoachingSession | None) -> int:
    if about is None or about.discord_channel_id is None or about.room_removed_at is not None:
        raise Unreachable("the room is gone")
    return about.discord_channel_id


def _why_obsolete(context: NotificationContext, now: datetime) -> str | None:
    """Return why the message no longer helps; None while it does."""
    notification, about = context.notification, context.session
    if notification.message_id is None:
        return kinds.declaration_of(notification.kind).still_needed(context, now)
    # A sent message is updated whatever became of the session.
    is_elsewhere = about is not None and notification.channel_id != about.discord_channel_id
    return "its room is gone" if context.audience is Audience.ROOM and is_elsewhere else None


async def _record_sent(db: Database, context: NotificationContext, receipt: Receipt, now: datetime) -> None:
    async with db.begin() as session:
        if context.notification.user_id is not None:
            await members.lock(session, context.notification.user_id)  # before session and notification
        is_new = context.notification.message_id != receipt.message_id
        if is_new and (record := kinds.declaration_of(context.notification.kind).on_sent) is not None:
            await record(session, context)
        notification = await session.get_one(Notification, context.notification.id, with_for_update=True)
        if notification.tried_at is None:
            return  # another channel was chosen in the meantime: it's still due there
        notification.sent_at = notification.sent_at or now
        notification.channel_id, notification.message_id = receipt
        notification.attempts, notification.last_error = 0, None
        if notification.revision == context.notification.revision:
            # Otherwise it was requeued while this was being sent.
            notification.due_at = context.update_at
        works = []
        if is_new and notification.is_direct:
            (await session.get_one(Member, notification.user_id)).dms_closed_at = None
            works.append(f"unreachable:{notification.user_id}")
        if context.audience is not Audience.ADMINS:
            works.append(fallbacks.problem_key(notification))
        elif context.channel_id is not None and context.channel_id == context.guild.log_channel_id:
            works.append(admin_alerts.LOG_CHANNEL)
        await admin_alerts.resolve_all(session, notification.guild_id, works, now)


async def _record_failure(
    db: Database,
    seen: Notification,
    reason: str,
    now: datetime,
    *,
    final: bool = False,
    failure: DiscordFailure | None = None,
) -> None:
    async with db.begin() as session:
        notification = await session.get_one(Notification, seen.id, with_for_update=True)
        notification.attempts += 1
        notification.last_error = reason
        if notification.revision != seen.revision:
            pass  # it was requeued during this attempt, and is still due
        elif final or (_was_tried_enough(notification, now) and not _may_be_an_outage(notification, failure, now)):
            notification.due_at, notification.given_up_at = None, now
        else:
            longest = _UNANSWERED if failure is not None and failure.unanswered else _SELDOM
            notification.due_at = now + retry.pause(notification.attempts, notification.id, longest=longest)
        audience = kinds.declaration_of(notification.kind).audience
        if failure is not None and failure.for_admins and audience is not Audience.ADMINS:
            key, cause = fallbacks.problem_key(notification), without_room_name(reason)
            await admin_alerts.raise_alert(session, notification.guild_id, key, reason, now, cause=cause)


def _was_tried_enough(notification: Notification, now: datetime) -> bool:
    return notification.attempts >= _TRIES and now >= (notification.tried_at or notification.created_at) + _FOR


def _may_be_an_outage(notification: Notification, failure: DiscordFailure | None, now: datetime) -> bool:
    """Whether Discord itself may be down. If so, we keep trying for a day."""
    return failure is not None and failure.unanswered and now < (notification.tried_at or now) + _LONGEST_OUTAGE
