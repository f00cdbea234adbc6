"""The words of notices."""

from typing import Any

import discord

from cogs import cards, ui
from cogs.cards import stars
from cogs.cards.calendar_file import Names, attached
from cogs.coaches import notifications
from cogs.sessions import in_room, no_shows, reminders
from cogs.setup import panel
from models import Coach, CoachingSession, NotificationKind, Route
from scheduler.core.clock import stamp
from scheduler.loop import retries
from scheduler.notifications.kinds import Audience, NotificationContext
from scheduler.reviews.reviews import open_until

_EXCERPT = 300
_WITH_CALENDAR_FILE = {
    NotificationKind.SESSION_BOOKED,
    NotificationKind.SESSION_RESCHEDULED,
    NotificationKind.SESSION_CANCELLED,
}


def render(context: NotificationContext, server: str) -> ui.Panel:
    """The message of a notice, from the rows as they are now. Its last line says where it is from and ends with
    what it is found again by.
    """
    last_line = ui.text(f"-# {ui.quoted(server)} · {mark(context)}")
    user_id = context.notification.user_id
    if context.notification.route is Route.FALLBACK and user_id is not None:
        return ui.Panel(_elsewhere(user_id), ui.text(f"-# ref {context.notification.id}"))
    if context.notification.route is Route.ROOM:
        return ui.Panel(ui.text(f"<@{user_id}>"), _body(context), last_line)
    if context.notification.kind is NotificationKind.SESSION_REMINDER:
        return ui.Panel(_body(context), ui.row(reminders.switch()), last_line)
    if context.notification.kind is NotificationKind.WELCOME and context.notification.route is None:
        opener = ui.button("Set coaching up", panel.OPEN, discord.ButtonStyle.primary)
        return ui.Panel(_body(context), ui.row(opener), last_line)
    if context.notification.kind not in _WITH_CALENDAR_FILE:
        return ui.Panel(_body(context), last_line)
    names = Names(server, _coach(context).display_name, context.student_name)
    shown, file = attached(_session(context), names, context.notification.user_id)
    return ui.Panel(_body(context), shown, last_line, files=[file])


def mark(context: NotificationContext) -> str:
    """What stands on a notice's message and on no other."""
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


def _body(context: NotificationContext) -> discord.ui.Item[Any]:
    match context.notification.kind:
        case NotificationKind.APPLICATION_CARD:
            return cards.application(_coach(context), *context.details)
        case NotificationKind.APPLICATION_APPROVED:
            return ui.text(
                "### You are a coach now 🎉\nYour application was approved. **Next step:** go to the server and "
                "set your hours with `/availability`. As soon as you have hours, students can book you with "
                "`/book`."
            )
        case NotificationKind.APPLICATION_REJECTED:
            reason = ui.quoted(_coach(context).decision_reason or "", 1000)
            return ui.text(
                "### Your coach application was not approved\nThe reason that was given:\n"
                f"{ui.block(reason)}\nYou can apply again with `/coach apply`."
            )
        case NotificationKind.COACH_SUSPENDED:
            reason = ui.quoted(_coach(context).decision_reason or "", 1000)
            return ui.text(
                f"### Your coaching was suspended\nThe reason that was given:\n{ui.block(reason)}\n"
                "Nobody can book you for now. `/sessions` lists what is still coming."
            )
        case NotificationKind.COACH_REINSTATED:
            return ui.text("### You can coach again\nYour hours are as before; look at them with `/availability`.")
        case NotificationKind.SESSION_BOOKED:
            title = "New booking" if _is_coach(context) else "Your session is booked"
            return _session_card(context, title)
        case NotificationKind.SESSION_RESCHEDULED:
            return _session_card(context, f"Session moved by {_by(context, _session(context).rescheduled_by)}")
        case NotificationKind.SESSION_CANCELLED:
            return _session_card(context, f"Session cancelled by {_by(context, _session(context).cancelled_by)}")
        case NotificationKind.SESSION_REMINDER:
            one = _session(context)
            other = one.student_id if _is_coach(context) else one.coach_id
            # Counted by the reader's client, so that a reminder that comes or is read late is right, too.
            title = f"Your session with <@{other}> starts {stamp(one.starts_at, 'R')}"
            return _session_card(context, title, most=_EXCERPT)
        case NotificationKind.ROOM_OPEN:
            one = _session(context)
            again = "The first room was deleted, so there is another one. " if one.room_lost_at else ""
            return ui.text(
                f"### Your room is open\n{again}<#{one.discord_channel_id}> is open for you now. The session "
                f"starts {stamp(one.starts_at, 'R')} and ends at {stamp(one.ends_at, 't')}."
            )
        case kind if kind in notifications.KINDS:
            return notifications.words(context)
        case _:
            return _aftermath(context)


def _aftermath(context: NotificationContext) -> discord.ui.Item[Any]:
    match context.notification.kind:
        case NotificationKind.ROOM_WELCOME | NotificationKind.ROOM_ENDING | NotificationKind.ROOM_CLOSING:
            return in_room.words(context)
        case NotificationKind.REVIEW_REQUEST:
            one = _session(context)
            return discord.ui.Container(
                ui.text(
                    f"### How was it?\nYour session with <@{one.coach_id}>, {stamp(one.starts_at)}, is over. Your "
                    "stars help others to choose a coach; you can add a sentence, and change both until "
                    f"{stamp(open_until(one), 'f')}."
                ),
                stars.buttons(one.id),
            )
        case NotificationKind.PERSON_LEFT:
            return _session_card(context, "The other side has left the server. The session stays booked.")
        case NotificationKind.STUDENT_UNREACHABLE:
            return _session_card(context, "I cannot reach your student. Please tell them yourself.")
        case NotificationKind.ALERT:
            trying = "\n-# I keep trying." if context.alert and retries.is_retried(context.alert) else ""
            return ui.text(f"### ⚠️ Coaching needs an admin\n{_problem(context)}{trying}")
        case NotificationKind.ALERT_RESOLVED:
            return ui.text(f"### ✅ This works again\n{_problem(context)}")
        case NotificationKind.WELCOME:
            how = "press the button, or use" if context.notification.route is None else "go to the server and use"
            return ui.text(
                "### Hello! I run coaching here 👋\nPeople apply as coaches, students book them, and each session "
                f"gets a private room.\n**Next step** for whoever manages this server: {how} `/coaching setup`. "
                "It shows what is missing and makes most of it with one press."
            )
        case _:
            return no_shows.words(context)


def _elsewhere(user_id: int) -> discord.ui.Item[Any]:
    """For a channel that others read, too: nothing about what it is."""
    return ui.text(
        f"<@{user_id}> there is news about your coaching. Your direct messages are closed, so I can only ask you "
        "to look: `/sessions` shows your sessions. Open your direct messages for this server to read such news."
    )


def _problem(context: NotificationContext) -> str:
    assert context.alert is not None, "a notice about a problem names one"
    text = context.alert.text
    return text[:1].upper() + text[1:]


def _session_card(context: NotificationContext, title: str, *, most: int = 1200) -> discord.ui.Item[Any]:
    one, viewer_id = _session(context), context.notification.user_id
    return cards.session(one, context.guild, title=title, viewer_id=viewer_id, most=most, in_server=False)


def _is_coach(context: NotificationContext) -> bool:
    return context.notification.user_id == _session(context).coach_id


def _by(context: NotificationContext, user_id: int | None) -> str:
    one = _session(context)
    if user_id == context.notification.user_id:
        return "you"
    if user_id is None:
        return "the bot"
    if user_id == one.coach_id:
        return "the coach"
    return "the student" if user_id == one.student_id else "an admin"


def _coach(context: NotificationContext) -> Coach:
    assert context.coach is not None, "a notice about a coach names one"
    return context.coach


def _session(context: NotificationContext) -> CoachingSession:
    assert context.session is not None, "a notice about a session names one"
    return context.session
