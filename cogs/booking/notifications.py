"""What people read about a booking and what becomes of it."""

from typing import Any

import discord

from cogs.cards.calendar_file import Names, attached
from cogs.cards.session_message import is_for_coach, session_card
from cogs.notifications import Below, Words
from models import NotificationKind
from scheduler.notifications.kinds import NotificationContext


def _booked(context: NotificationContext) -> discord.ui.Item[Any]:
    return session_card(context, "New booking" if is_for_coach(context) else "Your session is booked")


def _rescheduled(context: NotificationContext) -> discord.ui.Item[Any]:
    return session_card(context, f"Session moved by {_by(context, context.about_session.rescheduled_by)}")


def _cancelled(context: NotificationContext) -> discord.ui.Item[Any]:
    return session_card(context, f"Session cancelled by {_by(context, context.about_session.cancelled_by)}")


def _person_left(context: NotificationContext) -> discord.ui.Item[Any]:
    return session_card(context, "The other side has left the server. The session stays booked.")


def _by(context: NotificationContext, user_id: int | None) -> str:
    one = context.about_session
    if user_id == context.notification.user_id:
        return "you"
    if user_id is None:
        return "the bot"
    if user_id == one.coach_id:
        return "the coach"
    return "the student" if user_id == one.student_id else "an admin"


def _calendar_file(context: NotificationContext, server: str) -> Below:
    names = Names(server, context.about_coach.display_name, context.student_name)
    shown, file = attached(context.about_session, names, context.notification.user_id)
    return Below(shown, [file])


WORDS = {
    NotificationKind.SESSION_BOOKED: Words(_booked, _calendar_file),
    NotificationKind.SESSION_RESCHEDULED: Words(_rescheduled, _calendar_file),
    NotificationKind.SESSION_CANCELLED: Words(_cancelled, _calendar_file),
    NotificationKind.PERSON_LEFT: Words(_person_left),
}
