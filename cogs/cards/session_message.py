"""Show a session in a notification."""

from typing import Any

import discord

from cogs import cards
from scheduler.notifications.kinds import NotificationContext


def is_for_coach(context: NotificationContext) -> bool:
    """Return whether the message is for the session's coach."""
    return context.notification.user_id == context.about_session.coach_id


def session_card(context: NotificationContext, title: str, *, most: int = 1200) -> discord.ui.Item[Any]:
    """Show the session to its reader. Cuts notes and reasons to `most` characters each."""
    one, viewer_id = context.about_session, context.notification.user_id
    return cards.of_session(one, context.guild, title=title, viewer_id=viewer_id, most=most, in_server=False)
