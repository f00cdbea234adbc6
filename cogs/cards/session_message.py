"""Show a session in a notification."""

from typing import Any

import discord

from cogs import cards
from scheduler.availability.free_times import takes_bookings
from scheduler.notifications.kinds import NotificationContext


def is_for_coach(context: NotificationContext) -> bool:
    """Return whether the message is for the session's coach."""
    return context.notification.user_id == context.about_session.coach_id


def session_card(
    context: NotificationContext, title: str, *, most: int = 1200, has_file: bool = False
) -> discord.ui.Item[Any]:
    """Show the session to its reader. As `cards.of_session`, in direct messages."""
    return cards.of_session(
        context.about_session,
        context.guild,
        title=title,
        viewer_id=context.notification.user_id,
        most=most,
        can_book=takes_bookings(context.about_coach),
        has_file=has_file,
    )
