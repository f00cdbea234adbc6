"""Render notifications. Each feature registers the words of its own kinds."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from cogs import ui
from models import NotificationKind, Route
from scheduler.notifications.kinds import Audience, NotificationContext


class Extra(NamedTuple):
    """What follows the words: buttons, or files."""

    items: Sequence[ui.Item]
    files: Sequence[tuple[str, bytes]] = ()


class Words(NamedTuple):
    """What messages of one kind say."""

    body: Callable[[NotificationContext], ui.Item]
    extra: Callable[[NotificationContext, str], Extra] | None = None
    """Takes the server's name. Only used in direct messages, not on another route."""


_words: dict[NotificationKind, Words] = {}


def register(words: Mapping[NotificationKind, Words]) -> None:
    """Add a feature's words. Raises ValueError if a kind already has some."""
    if twice := words.keys() & _words.keys():
        raise ValueError(f"these notification kinds already have words: {', '.join(sorted(twice))}")
    _words.update(words)


def render(context: NotificationContext, server: str) -> ui.Panel:
    """Render a notification from the current rows. Its last line names the server and ends with its `mark`."""
    panel = _panel(context, server)
    if context.in_dm:
        panel.write_names(_names(context))
    return panel


def _names(context: NotificationContext) -> Mapping[int, str]:
    one = context.session
    if one is None:
        about_id, coach_id = context.notification.about_user_id, context.notification.coach_id
        other = {about_id: "your coach" if about_id == coach_id else "your student"} if about_id else {}
        return other | dict(context.names)
    student = "a participant" if one.is_workshop else "your student"
    unknown = {seat.user_id: student for seat in one.participants}
    return {one.coach_id: "your coach", **unknown, **context.names}


def _panel(context: NotificationContext, server: str) -> ui.Panel:
    user_id, route = context.notification.user_id, context.notification.route
    if route is Route.FALLBACK and user_id is not None:
        return ui.Panel(_in_public(user_id), ui.text(f"-# ref {context.notification.id}"))
    last_line = ui.text(f"-# {ui.quoted(server)} · {mark(context)}")
    words = _words[context.notification.kind]
    if route is Route.ROOM:
        return ui.Panel(ui.text(f"<@{user_id}>"), words.body(context), last_line)
    if route is not None or words.extra is None or context.is_outdated:
        return ui.Panel(words.body(context), last_line)
    below = words.extra(context, server)
    return ui.Panel(words.body(context), *below.items, last_line, files=below.files)


def mark(context: NotificationContext) -> str:
    """Return what identifies the notification's message among all others."""
    ref = f"ref {context.notification.id}"
    if context.session is None or context.notification.route is Route.FALLBACK:
        return ref
    return f"Session {context.session.code} · {ref}"


def mentions(context: NotificationContext) -> list[int]:
    """Return who to ping. A direct message pings its reader anyway."""
    if context.notification.user_id is not None:
        return [context.notification.user_id] if context.notification.route is not None else []
    if context.audience is Audience.ROOM and context.session is not None:
        return [context.session.coach_id, *(seat.user_id for seat in context.session.taking_part)]
    return []


def _in_public(user_id: int) -> ui.Item:
    """Return words for a channel that others read too, so they don't say what it's about."""
    return ui.text(
        f"<@{user_id}> I have a message about your coaching, but your direct messages are closed. Allow direct "
        "messages from this server to get it next time. Run `/sessions` to see your sessions."
    )
