"""Kinds of notifications, each declared by its feature and looked up when a message is delivered."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import Enum, auto
from typing import Any, NamedTuple

from sqlalchemy.ext.asyncio import AsyncSession

from models import (
    Alert,
    Coach,
    CoachingSession,
    Guild,
    Notification,
    NotificationKind,
    Participant,
    SessionStatus,
    Workshop,
)
from scheduler.core import members
from scheduler.core.markup import mentioned_ids


class Audience(Enum):
    """Who a notification is for, which decides where it goes."""

    PERSON = auto()
    """One person: a direct message, or else a mention in the room or the fallback channel."""
    ROOM = auto()
    """Everyone in the session's room: its chat."""
    REVIEW_CHANNEL = auto()
    """Admins with something to decide: a card in the review channel."""
    WORKSHOP_CHANNEL = auto()
    """Everyone in the server: the channel for workshops."""
    ADMINS = auto()
    """Admins: the alerts channel, or else the system channel, or else the owner."""
    NEW_SERVER = auto()
    """A server the bot just joined: a channel it can write in, or else the owner."""


@dataclass(frozen=True, slots=True)
class NotificationContext:
    """A notification and the rows it's about, as they are now."""

    notification: Notification
    guild: Guild
    coach: Coach | None = None
    session: CoachingSession | None = None
    alert: Alert | None = None
    workshop: Workshop | None = None
    """What the session adds if it's for several people."""
    channel_id: int | None = None
    """Its channel. None for direct messages, and for alerts and welcomes that go wherever they'll be seen."""
    details: Any = None
    """What the kind's own `details` loaded."""
    has_expired: bool = False
    """Whether its buttons no longer work, see `Declaration.expires_at`."""
    update_at: datetime | None = None
    """When it's updated next because a button stops working, if it is."""
    maybe_sent: bool = False
    """Whether an earlier attempt may have succeeded unnoticed, so look for the message first."""
    in_dm: bool = False
    """Whether it's shown in someone's direct messages, with `names` instead of mentions."""
    names: Mapping[int, str] = field(default_factory=dict)
    """Known names of those it's about. Whoever delivers it there asks Discord for the others."""

    @property
    def about_session(self) -> CoachingSession:
        """The session, for kinds about one."""
        assert self.session is not None
        return self.session

    @property
    def seat(self) -> Participant | None:
        """The part of the participant it's about: whom it names, else its reader, else the only one there is."""
        return self.about_session.part_shown_to(self.notification.about_user_id or self.notification.user_id)

    @property
    def about_coach(self) -> Coach:
        """The coach, for kinds about one."""
        assert self.coach is not None
        return self.coach

    @property
    def about_alert(self) -> Alert:
        """The alert, for kinds about one."""
        assert self.alert is not None
        return self.alert

    @property
    def is_outdated(self) -> bool:
        """Whether it was sent before its session was rescheduled, taken over, began, ended or was cancelled."""
        about, sent_at = self.session, self.notification.sent_at
        if about is None or sent_at is None:
            return False
        if self.is_taken_over:
            return True
        if (
            about.status is SessionStatus.CANCELLED
            and self.notification.kind is NotificationKind.SESSION_CANCELLED
        ):
            return False
        if about.status is not SessionStatus.SCHEDULED:
            return True
        if (rescheduled_at := about.rescheduled_at) is None or sent_at > rescheduled_at:
            return False
        # In the same instant, as where time stands still, it may be the very news.
        return sent_at < rescheduled_at or self.notification.kind is not NotificationKind.SESSION_RESCHEDULED

    @property
    def is_taken_over(self) -> bool:
        """Whether its reader coached the session until a substitute took it over."""
        about, user_id = self.session, self.notification.user_id
        return (
            about is not None
            and user_id is not None
            and about.coach_id != user_id
            and about.participant(user_id) is None
            and self.notification.kind in following_sessions()
        )

    @property
    def expires_at(self) -> datetime | None:
        """When the buttons of a direct message stop working by themselves, if they do."""
        expires_at = declaration_of(self.notification.kind).expires_at
        return expires_at(self) if expires_at is not None and self.notification.is_direct else None

    def next_update(self, now: datetime) -> datetime | None:
        """Return when a button of a direct message stops working next by itself, if one does."""
        declared = declaration_of(self.notification.kind)
        changes_at = (
            declared.changes_at(self) if declared.changes_at is not None and self.notification.is_direct else None
        )
        times = (self.expires_at, changes_at)
        return min((one for one in times if one is not None and one > now), default=None)

    @property
    def audience(self) -> Audience:
        """Who it's for."""
        return declaration_of(self.notification.kind).audience

    @property
    def mentioned_ids(self) -> set[int]:
        """Whom it may mention besides its reader. In alerts, channels and roles too."""
        if self.alert is not None:
            return mentioned_ids(self.alert.text)
        people = set(self.session.people) if self.session is not None else set[int]()
        if self.notification.about_user_id is not None:  # they may have given up their place
            people.add(self.notification.about_user_id)
        if (mentions := declaration_of(self.notification.kind).mentions) is not None:
            people |= mentions(self)
        return people - {self.notification.user_id}


async def read_context(session: AsyncSession, notification: Notification) -> NotificationContext:
    """Read the rows that a notification is about."""
    guild = await session.get_one(Guild, notification.guild_id)
    about = await session.get(CoachingSession, notification.session_id) if notification.session_id else None
    coach_id = about.coach_id if about else notification.coach_id
    coach = await session.get(Coach, (guild.id, coach_id)) if coach_id else None
    alert = await session.get(Alert, notification.alert_id) if notification.alert_id else None
    workshop = await session.get(Workshop, about.id) if about is not None and about.is_workshop else None
    context = NotificationContext(notification, guild, coach, about, alert, workshop)
    return replace(context, names=await members.stored_names(session, guild.id, context.mentioned_ids))


StillNeeded = Callable[[NotificationContext, datetime], str | None]
"""Returns why a message no longer helps, so that a late one can't mislead; None while it helps."""
Details = Callable[[AsyncSession, NotificationContext, datetime], Awaitable[Any]]
"""Loads what a kind needs beyond the context's rows."""


def always(_context: NotificationContext, _now: datetime) -> None:
    """Send the message however late."""


class Declaration(NamedTuple):
    """What delivery knows about a kind. Its words are in `cogs/<feature>/notifications.py`."""

    kind: NotificationKind
    audience: Audience = Audience.PERSON
    still_needed: StillNeeded = always
    """Asked before a message is first sent. Sent messages are always updated."""
    details: Details | None = None
    follows_session: bool = False
    """Whether sent direct messages are updated when their session changes, see `outbox.requeue_direct`."""
    expires_at: Callable[[NotificationContext], datetime | None] | None = None
    """When the buttons of a direct message stop working by themselves. Then it's updated once more."""
    changes_at: Callable[[NotificationContext], datetime | None] | None = None
    """When one button of a direct message stops working while others go on. Then it's updated, too."""
    awaits_decision: Callable[[NotificationContext], bool] | None = None
    """Whether a card, with its details, is still open. Open cards follow into another review channel."""
    mentions: Callable[[NotificationContext], set[int]] | None = None
    """Whom it may mention because of its details."""
    on_sent: Callable[[AsyncSession, NotificationContext], Awaitable[None]] | None = None
    """Runs in the transaction that records the first delivery, before the notification is locked."""
    on_unreachable: Callable[[AsyncSession, NotificationContext, datetime], Awaitable[None]] | None = None
    """Runs if direct messages are closed, in place of other routes, which wouldn't help."""


_declared: dict[NotificationKind, Declaration] = {}


def register(*declarations: Declaration) -> None:
    """Register a feature's kinds. Raises ValueError if one is already declared."""
    for one in declarations:
        if one.kind in _declared:
            raise ValueError(f"the notification kind {one.kind} is declared twice")
        _declared[one.kind] = one


def declaration_of(kind: NotificationKind) -> Declaration:
    """Return a kind's declaration. Raises LookupError if there's none."""
    return _declared[kind]


def following_sessions() -> frozenset[NotificationKind]:
    """Return the kinds whose sent direct messages are updated when their session changes."""
    return frozenset(one.kind for one in _declared.values() if one.follows_session)


def sent_to(audience: Audience) -> frozenset[NotificationKind]:
    """Return the kinds for this audience."""
    found = frozenset(one.kind for one in _declared.values() if one.audience is audience)
    assert found, f"no notification kind is sent to {audience}; `bot.features` registers them"
    return found
