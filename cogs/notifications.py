"""The words of notifications: features register those of their kinds, and each message is rendered by its kind."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import discord

from cogs import ui
from models import NotificationKind, Route
from scheduler.notifications.kinds import Audience, NotificationContext


class Below(NamedTuple):
    """What stands below the words: a button, or a file that is shown."""

    item: discord.ui.Item[Any]
    files: Sequence[tuple[str, bytes]] = ()


@dataclass(frozen=True, slots=True)
class Words:
    """What the messages of one kind look like."""

    body: Callable[[NotificationContext], discord.ui.Item[Any]]
    below: Callable[[NotificationContext, str], Below] | None = None
    """What follows, given the server's name, unless the message had to take another route."""


_words: dict[NotificationKind, Words] = {}


def register(words: Mapping[NotificationKind, Words]) -> None:
    """Add a feature's words. Raises ValueError if a kind has some already."""
    if twice := words.keys() & _words.keys():
        raise ValueError(f"these notification kinds have words already: {', '.join(sorted(twice))}")
    _words.update(words)


def render(context: NotificationContext, server: str) -> ui.Panel:
    """The message of a notification, from the rows as they are now. Its last line says where it is from and ends
    with what it is found again by.
    """
    user_id, route = context.notification.user_id, context.notification.route
    if route is Route.FALLBACK and user_id is not None:
        return ui.Panel(_elsewhere(user_id), ui.text(f"-# ref {context.notification.id}"))
    last_line = ui.text(f"-# {ui.quoted(server)} · {mark(context)}")
    words = _words[context.notification.kind]
    if route is Route.ROOM:
        return ui.Panel(ui.text(f"<@{user_id}>"), words.body(context), last_line)
    if route is not None or words.below is None:
        return ui.Panel(words.body(context), last_line)
    below = words.below(context, server)
    return ui.Panel(words.body(context), below.item, last_line, files=below.files)


def mark(context: NotificationContext) -> str:
    """What stands on a notification's message and on no other."""
    session = (
        f"Session {context.session.code} · "
        if context.session and context.notification.route is not Route.FALLBACK
        else ""
    )
    return f"{session}ref {context.notification.id}"


def mentions(context: NotificationContext) -> list[int]:
    """Who is pinged when the message is sent. In a DM everybody is told anyway."""
    if context.notification.user_id is not None:
        return [context.notification.user_id] if context.notification.route is not None else []
    if context.audience is Audience.ROOM and context.session is not None:
        return [context.session.coach_id, context.session.student_id]
    return []


def _elsewhere(user_id: int) -> discord.ui.Item[Any]:
    """For a channel that others read, too: nothing about what it is."""
    return ui.text(
        f"<@{user_id}> there is news about your coaching. Your direct messages are closed, so I can only ask you "
        "to look: `/sessions` shows your sessions. Open your direct messages for this server to read such news."
    )
