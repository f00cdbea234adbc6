"""What each kind of notification is: declared once by its feature, looked up when a message is delivered."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from models import Alert, Coach, CoachingSession, Guild, Notification, NotificationKind


class Audience(Enum):
    """Who a notification is for, and so where it goes."""

    PERSON = auto()
    """The person on its row: a direct message, else a mention in the room or in the server's channel for that."""
    ROOM = auto()
    """Whoever is in the session's room: its chat."""
    REVIEW_CHANNEL = auto()
    """Admins who have to decide something: a card in the review channel."""
    ADMINS = auto()
    """Whoever runs the server: the log channel, else the system channel, else the owner."""
    NEW_SERVER = auto()
    """A server that the bot has just joined: wherever it may write, else the owner."""


@dataclass(frozen=True, slots=True)
class NotificationContext:
    """One notification with the rows that its words are made of, as they are now."""

    notification: Notification
    guild: Guild
    coach: Coach | None = None
    session: CoachingSession | None = None
    alert: Alert | None = None
    channel_id: int | None = None
    """Where it goes, unless it's a direct message. None for an alert or a welcome: wherever it will be seen."""
    details: Any = None
    """What the kind's own `details` loaded, for its `still_needed` and its words."""
    maybe_sent: bool = False
    """An earlier attempt may have got through without our knowing: look for the message first."""
    student_name: str | None = None
    """The student's name, for kinds that say it. Whoever delivers the message asks Discord."""

    @property
    def about_session(self) -> CoachingSession:
        """The session, for kinds about one."""
        assert self.session is not None, "a notification about a session names one"
        return self.session

    @property
    def about_coach(self) -> Coach:
        """The coach, for kinds about one."""
        assert self.coach is not None, "a notification about a coach names one"
        return self.coach

    @property
    def about_alert(self) -> Alert:
        """The alert, for kinds about one."""
        assert self.alert is not None, "a notification about an alert names one"
        return self.alert

    @property
    def audience(self) -> Audience:
        """Who it is for."""
        return declaration_of(self.notification.kind).audience

    @property
    def needs_student_name(self) -> bool:
        """Whether to ask Discord for the student's name. It isn't stored, and a file can't show mentions."""
        about, notification = self.session, self.notification
        says_it = declaration_of(notification.kind).names_student and notification.route is None
        return says_it and about is not None and notification.user_id == about.coach_id


async def read_context(session: AsyncSession, notification: Notification) -> NotificationContext:
    """Read the rows that a notification is about."""
    guild = await session.get_one(Guild, notification.guild_id)
    about = await session.get(CoachingSession, notification.session_id) if notification.session_id else None
    coach_id = about.coach_id if about else notification.coach_id
    coach = await session.get(Coach, (guild.id, coach_id)) if coach_id else None
    alert = await session.get(Alert, notification.alert_id) if notification.alert_id else None
    return NotificationContext(notification, guild, coach, about, alert)


StillNeeded = Callable[[NotificationContext, datetime], str | None]
"""Says why a message needn't be sent any more; None while it still helps. A late message must not mislead."""
Details = Callable[[AsyncSession, NotificationContext, datetime], Awaitable[Any]]
"""Reads what the kind needs beyond the rows of the context."""


def always(_context: NotificationContext, _now: datetime) -> None:
    """Keep a message that never becomes out of date."""


@dataclass(frozen=True, slots=True)
class Declaration:
    """All that delivery knows about one kind. Its words are in `cogs/<feature>/notifications.py`."""

    kind: NotificationKind
    audience: Audience = Audience.PERSON
    still_needed: StillNeeded = always
    """Asked before a message is first sent. One that stands already is brought up to date in any case."""
    details: Details | None = None
    names_student: bool = False
    """Whether the coach's message says what the student is called."""
    awaits_decision: Callable[[NotificationContext], bool] | None = None
    """Of a card: whether it's still open. An open card follows when admins choose another review channel."""
    on_sent: Callable[[AsyncSession, NotificationContext], Awaitable[None]] | None = None
    """Recorded together with the delivery, before the notification's row is locked."""


_declared: dict[NotificationKind, Declaration] = {}


def register(*declarations: Declaration) -> None:
    """Add a feature's kinds. Raises ValueError if one is declared already."""
    for one in declarations:
        if one.kind in _declared:
            raise ValueError(f"the notification kind {one.kind} is declared twice")
        _declared[one.kind] = one


def declaration_of(kind: NotificationKind) -> Declaration:
    """Look up what a feature declared. Raises LookupError if none did."""
    return _declared[kind]


def sent_to(audience: Audience) -> frozenset[NotificationKind]:
    """List the kinds for this audience."""
    found = frozenset(one.kind for one in _declared.values() if one.audience is audience)
    assert found, f"no notification kind is sent to {audience}; `bot.features` registers them"
    return found
