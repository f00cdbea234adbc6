"""Delivering notifications: what is due goes out once, another way where direct messages are closed, or never."""

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
from scheduler.notifications.room_names import without_name

log = logging.getLogger(__name__)

_TRIES, _FOR = 12, timedelta(hours=1)
"""Give up after so many tries, but not sooner than this: tries may have been brought forward."""
_SELDOM, _UNANSWERED = timedelta(minutes=10), timedelta(minutes=1)
"""The longest pause between two tries; shorter while Discord doesn't answer."""
_LONGEST_OUTAGE = timedelta(days=1)
_A_ROUND = 200
_A_STORY = 5
"""Messages about one session that are due to one person at a time; hardly ever more."""
_DMS_A_ROUND = 10
"""Direct messages that one round sends; Discord dislikes many at once (40003), and quarantines for them."""


class Delivered(NamedTuple):
    """What became of one round."""

    sent: int
    failed: int
    """What is going to be tried again; what was given up counts as neither."""
    more: bool
    """Whether there is more that is due, which was left for the next round."""


class _Pointless(Exception):
    """It need not be said any more."""


class _NotDue(Exception):
    """It was withdrawn or postponed after it was listed."""


async def deliver_due(
    db: Database, postman: Postman, clock: Clock, pool: TaskPool[list[bool | None]]
) -> Delivered:
    """Send what is due, side by side: at most so much that no one is flooded, oldest first.

    Those that `pool` lets go on by themselves count when they have ended.
    """
    found, more = await _due(db, clock(), pool.under_way)

    async def in_order(story: list[Notification]) -> list[bool | None]:
        return [await _deliver(db, postman, clock, notification) for notification in story]

    stories: dict[Hashable, list[Notification]] = {}
    for notification in found:
        stories.setdefault(_story(notification), []).append(notification)
    jobs: Jobs[list[bool | None]] = {key: partial(in_order, story) for key, story in stories.items()}
    outcomes = [outcome for story in await pool.work(jobs) for outcome in story]
    return Delivered(outcomes.count(True), outcomes.count(False), more)


async def _due(db: Database, now: datetime, begun: Collection[Hashable]) -> tuple[list[Notification], bool]:
    """What this round sends, and whether there is more. Many direct messages keep no channel waiting.

    What has `begun` is neither sent again nor in the way of the rest.
    """
    is_direct = and_(Notification.user_id.is_not(None), Notification.route.is_(None))
    found: list[Notification] = []
    more = False
    async with db.read() as session:
        for which, most in ((is_direct, _DMS_A_ROUND), (not_(is_direct), _A_ROUND)):
            # Kinds from another release wait for that release, and mustn't block the others.
            ours = Notification.kind.in_(NotificationKind)
            due = select(Notification).where(
                Notification.due_at.is_not(None), Notification.due_at <= now, ours, which
            )
            enough = most + 1 + _A_STORY * len(begun)
            rows = await session.scalars(due.order_by(Notification.due_at, Notification.id).limit(enough))
            some = [notification for notification in rows if _story(notification) not in begun]
            found += some[:most]
            more = more or len(some) > most
    return found, more


def _story(notification: Notification) -> Hashable:
    """Group messages that go one by one, so that "booked" reaches somebody before "cancelled".

    Those are messages to one person about one session, and to admins about one problem.
    """
    if notification.alert_id is not None:
        return "problem", notification.alert_id
    return (notification.user_id, notification.session_id) if notification.session_id else notification.id


async def _deliver(db: Database, postman: Postman, clock: Clock, seen: Notification) -> bool | None:
    """Whether it went out; None if there is no point in trying again."""
    while True:
        try:
            context = await _prepare(db, seen, clock())
            receipt = await postman.deliver(context)
        except _NotDue:
            return None
        except _Pointless as reason:
            await _record_failure(db, seen, str(reason), clock(), final=True)
            return None
        except NotInServer:
            await bot_removal.found_removed(db, clock, seen.guild_id)
            await _record_failure(db, seen, bot_removal.NOTE, clock(), final=True)
            return None
        except Unreachable as failure:
            if await fallbacks.take(db, seen, failure, clock()):
                continue
            return None
        except DiscordFailure as failure:
            if failure.for_admins and await fallbacks.take(db, seen, failure, clock()):
                continue
            log.warning("notification %s failed: %s", seen.id, failure)
            await _record_failure(db, seen, str(failure), clock(), failure=failure)
            return False
        except Exception as error:  # the others are told all the same, and this one is tried again
            log.exception("notification %s failed", seen.id)
            await _record_failure(db, seen, f"{type(error).__name__} (a bug; see the log)", clock())
            return False
        await _record_sent(db, context, receipt, clock())
        return True


async def _prepare(db: Database, seen: Notification, now: datetime) -> NotificationContext:
    """Note that the message may exist from now on, and gather what it is made of."""
    async with db.begin() as session:
        notification = await session.get_one(Notification, seen.id)
        if notification.due_at is None or notification.due_at > now:
            raise _NotDue
        seen.revision, seen.route = notification.revision, notification.route
        context = await kinds.read_context(session, notification)
        if context.guild.bot_removed_at is not None:
            raise _Pointless(bot_removal.NOTE)
        maybe_sent = notification.tried_at is not None and notification.message_id is None
        notification.tried_at = notification.tried_at or now
        context = replace(context, channel_id=_channel_of(context), maybe_sent=maybe_sent)
        if (load := kinds.declaration_of(notification.kind).details) is not None:
            context = replace(context, details=await load(session, context, now))
        if (why := _why_pointless(context, now)) is not None:
            raise _Pointless(why)
        return context


def _channel_of(context: NotificationContext) -> int | None:
    """Where it goes unless it is a direct message. Raises Unreachable where there is no such place."""
    notification, guild = context.notification, context.guild
    if notification.channel_id is not None and notification.user_id is None:
        return notification.channel_id  # there it stands, and is brought up to date
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
        case _, route:
            return guild.fallback_channel_id if route is Route.FALLBACK else None


def _room_of(about: CoachingSession | None) -> int:
    if about is None or about.discord_channel_id is None or about.room_removed_at is not None:
        raise Unreachable("the room is gone")
    return about.discord_channel_id


def _why_pointless(context: NotificationContext, now: datetime) -> str | None:
    """Why this need not be said any more; None while it helps."""
    notification, about = context.notification, context.session
    if notification.message_id is None:
        return kinds.declaration_of(notification.kind).still_needed(context, now)
    # One that stands already is brought up to date, whatever has become of the session.
    is_elsewhere = about is not None and notification.channel_id != about.discord_channel_id
    return "its room is gone" if context.audience is Audience.ROOM and is_elsewhere else None


async def _record_sent(db: Database, context: NotificationContext, receipt: Receipt, now: datetime) -> None:
    async with db.begin() as session:
        if context.notification.user_id is not None:
            await members.lock(session, context.notification.user_id)  # before session and notification
        if (record := kinds.declaration_of(context.notification.kind).on_sent) is not None:
            await record(session, context)
        notification = await session.get_one(Notification, context.notification.id, with_for_update=True)
        if notification.tried_at is None:
            return  # another channel was chosen meanwhile: it is still due there
        notification.sent_at = notification.sent_at or now
        notification.channel_id, notification.message_id = receipt
        notification.attempts, notification.last_error = 0, None
        if notification.revision == context.notification.revision:
            notification.due_at = None  # else it became due again while this one was under way
        if notification.user_id is not None and notification.route is None:
            (await session.get_one(Member, notification.user_id)).dms_closed_at = None
            await admin_alerts.resolve(session, notification.guild_id, f"unreachable:{notification.user_id}", now)
        if context.audience is not Audience.ADMINS:
            await admin_alerts.resolve(session, notification.guild_id, fallbacks.problem_key(notification), now)
        elif context.channel_id is not None and context.channel_id == context.guild.log_channel_id:
            await admin_alerts.resolve(session, notification.guild_id, admin_alerts.LOG_CHANNEL, now)


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
            pass  # it became due again while this attempt was under way, and still is
        elif final or (_was_tried_enough(notification, now) and not _may_be_an_outage(notification, failure, now)):
            notification.due_at, notification.given_up_at = None, now
        else:
            longest = _UNANSWERED if failure is not None and failure.unanswered else _SELDOM
            notification.due_at = now + retry.pause(notification.attempts, notification.id, longest=longest)
        audience = kinds.declaration_of(notification.kind).audience
        if failure is not None and failure.for_admins and audience is not Audience.ADMINS:
            key, cause = fallbacks.problem_key(notification), without_name(reason)
            await admin_alerts.raise_alert(session, notification.guild_id, key, reason, now, cause=cause)


def _was_tried_enough(notification: Notification, now: datetime) -> bool:
    return notification.attempts >= _TRIES and now >= (notification.tried_at or notification.created_at) + _FOR


def _may_be_an_outage(notification: Notification, failure: DiscordFailure | None, now: datetime) -> bool:
    """Whether Discord itself may be down, in which case we keep trying for a day."""
    return failure is not None and failure.unanswered and now < (notification.tried_at or now) + _LONGEST_OUTAGE
