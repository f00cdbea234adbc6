"""What people read about their sessions: reminders, what is said in the room, and who was there."""

from typing import Any

import discord

from cogs import cards, routes, ui
from cogs.cards.session_message import is_for_coach, session_card
from cogs.notifications import Below, Words
from cogs.sessions import reminders
from cogs.sessions.in_room import LONGER
from cogs.sessions.no_shows import DECIDE, HAPPENED
from models import Absent, BlockedFrom, CoachingSession, NotificationKind, SessionStatus
from scheduler.attendance import no_shows
from scheduler.core.clock import stamp
from scheduler.notifications.kinds import NotificationContext
from scheduler.sessions import lifecycle, planning

_EXCERPT = 300
_RUNNING = (SessionStatus.SCHEDULED, SessionStatus.IN_PROGRESS)
_GOES = "The room goes as soon as it is empty."


def _reminder(context: NotificationContext) -> discord.ui.Item[Any]:
    one = context.about_session
    other = one.student_id if is_for_coach(context) else one.coach_id
    # Counted by the reader's client, so that a reminder that comes or is read late is right, too.
    title = f"Your session with <@{other}> starts {stamp(one.starts_at, 'R')}"
    return session_card(context, title, most=_EXCERPT)


def _reminder_switch(_context: NotificationContext, _server: str) -> Below:
    return Below(ui.row(reminders.switch()))


def _student_unreachable(context: NotificationContext) -> discord.ui.Item[Any]:
    return session_card(context, "I cannot reach your student. Please tell them yourself.")


def _room_open(context: NotificationContext) -> discord.ui.Item[Any]:
    one = context.about_session
    again = "The first room was deleted, so there is another one. " if one.room_lost_at else ""
    return ui.text(
        f"### Your room is open\n{again}<#{one.discord_channel_id}> is open for you now. The session "
        f"starts {stamp(one.starts_at, 'R')} and ends at {stamp(one.ends_at, 't')}."
    )


def _room_welcome(context: NotificationContext) -> discord.ui.Item[Any]:
    one, both = context.about_session, _both(context)
    if one.status not in _RUNNING:
        # Its message can still be edited, so the room exists: the next session of the two has taken it over.
        next_ = "Your next session is in this room too." if one.room_removed_at else _GOES
        said = f"Session `{one.code}` {cards.STATUS_WORDS[one.status]}. {next_}"
        return discord.ui.Container(ui.text(f"{both}\n{said}"))
    if one.access_granted_at is None:  # it was opened for the old time, and somebody is still inside
        said = f"Your session was rescheduled: it now starts {stamp(one.starts_at, 'F')} and ends at"
        rest = f"{stamp(one.ends_at, 't')}. The room opens shortly before."
        return discord.ui.Container(ui.text(f"{both}\n{said} {rest}"))
    lines = [
        f"### Welcome {both}",
        f"This room is yours alone. The session starts {stamp(one.starts_at, 'R')} and ends at "
        f"{stamp(one.ends_at, 't')}.",
    ]
    notes = [ui.text(f"**Notes**\n{ui.quoted(one.notes, 1200)}")] if one.notes else []
    return discord.ui.Container(ui.text("\n".join(lines)), *notes, *_buttons(context))


def _buttons(context: NotificationContext) -> list[discord.ui.ActionRow[ui.Panel]]:
    one = context.about_session
    can_extend: bool = context.details
    if one.status not in _RUNNING:
        return []
    longer = [ui.button("+15 minutes", LONGER.id(session_id=one.id))] if can_extend else []
    return [
        ui.row(*longer, ui.button("End now", routes.END_SESSION.id(session_id=one.id), discord.ButtonStyle.danger))
    ]


def _room_ending(context: NotificationContext) -> discord.ui.Item[Any]:
    said = f"{_both(context)} the session ends {stamp(context.about_session.ends_at, 'R')}."
    return discord.ui.Container(ui.text(said), *_buttons(context))


def _room_closing(context: NotificationContext) -> discord.ui.Item[Any]:
    one = context.about_session
    closes_at = lifecycle.hard_limit(lifecycle.life_of(one), planning.lead_times(context.guild))
    over = "was cancelled" if one.status is SessionStatus.CANCELLED else "is over"
    closing = f"This room closes {stamp(closes_at, 'R')}, or as soon as everybody has left."
    return discord.ui.Container(ui.text(f"{_both(context)} the session {over}. {closing}"))


def _both(context: NotificationContext) -> str:
    return f"<@{context.about_session.coach_id}> <@{context.about_session.student_id}>"


def _no_show(context: NotificationContext) -> discord.ui.Item[Any]:
    one, me = context.about_session, context.notification.user_id
    is_coach = me == one.coach_id
    mine = one.absent is Absent.BOTH or one.absent is (Absent.COACH if is_coach else Absent.STUDENT)
    other = f"<@{one.student_id if is_coach else one.coach_id}>"
    if mine:
        title, hint = "You were not seen in your session", "If you were there, appeal, and an admin decides."
    elif is_coach:
        title, hint = "Your student did not come", "If they were there after all, say so."
    else:
        title, hint = "Your coach did not come", "We are sorry. An admin of the server can help you."
    text = f"### {title}\n{stamp(one.starts_at)} with {other}, code `{one.code}`. {hint}"
    buttons = cards.outcome_buttons(one, me)
    return discord.ui.Container(
        ui.text("\n".join([text, *cards.attendance_lines(one, context.details)])),
        *([ui.row(*buttons)] if buttons else []),
    )


def _attendance_changed(context: NotificationContext) -> discord.ui.Item[Any]:
    one = context.about_session
    news = _news(one, context.notification.user_id)
    return ui.text(f"### {news}\nSession `{one.code}`, {stamp(one.starts_at)}.")


def _news(one: CoachingSession, reader_id: int | None) -> str:
    attended = one.status is SessionStatus.COMPLETED
    # After a decision about the coach's appeal, the coach can still say that the student was there.
    by_the_coach = one.coach_id == one.absence_marked_by == no_shows.appellant(one)
    if one.appeal_decided_at is not None and not by_the_coach:
        if attended:
            return "An admin decided: you both count as present"
        if no_shows.is_absent(one, no_shows.appellant(one)):
            return "An admin decided: the no-show stands"
        other = "student" if reader_id == one.coach_id else "coach"
        if reader_id == no_shows.appellant(one):
            return f"An admin decided: you were there, but your {other} wasn't"
        return f"An admin decided: your {other} was there. You're still a no-show"
    if one.took_place is not None:
        return f"The other side says that it {'took place' if one.took_place else 'did not take place'}"
    return "It counts as completed after all"


def _missed(context: NotificationContext) -> discord.ui.Item[Any]:
    one = context.about_session
    other = one.student_id if context.notification.user_id == one.coach_id else one.coach_id
    text = (
        f"### Did it take place?\nI could not open a room for your session with <@{other}>, "
        f"{stamp(one.starts_at)}, and I am sorry. Did you meet all the same?"
    )
    if one.took_place is not None:
        return discord.ui.Container(ui.text(text))
    yes = ui.button("Yes, we met", HAPPENED.id(session_id=one.id, answer=1), discord.ButtonStyle.success)
    no = ui.button("No", HAPPENED.id(session_id=one.id, answer=0))
    return discord.ui.Container(ui.text(text), ui.row(yes, no))


def _appeal(context: NotificationContext) -> discord.ui.Item[Any]:
    one = context.about_session
    who = no_shows.appellant(one)
    pair = f"<@{one.coach_id}> with <@{one.student_id}>"
    lines = [
        f"### Appeal against a no-show\n<@{who}> says they were there.",
        f"Session `{one.code}` of {pair}, {stamp(one.starts_at)}.",
        *cards.attendance_lines(one, context.details),
        f"**What happened**\n{ui.block(ui.quoted(one.appeal_reason or ''))}",
    ]
    if one.appeal_decided_at is not None:
        outcome = "the no-show stands" if no_shows.is_absent(one, who) else "present after all"
        lines.append(f"**Decided** by <@{one.appeal_decided_by}> {stamp(one.appeal_decided_at, 'f')}: {outcome}")
        missed = one.absent in (Absent.STUDENT, Absent.BOTH)
        block = cards.block_button(one.student_id, BlockedFrom.BOOKING, (), "student")
        return discord.ui.Container(ui.text("\n".join(lines)), *([ui.row(block)] if missed else []))
    granted = ui.button(
        "They were there", DECIDE.id(session_id=one.id, user_id=who, granted=1), discord.ButtonStyle.success
    )
    if not no_shows.is_absent(one, who):
        lines.append("The coach says by now that the student was there. Only that can be confirmed.")
        return discord.ui.Container(ui.text("\n".join(lines)), ui.row(granted))
    refused = ui.button("The no-show stands", DECIDE.id(session_id=one.id, user_id=who, granted=0))
    return discord.ui.Container(ui.text("\n".join(lines)), ui.row(granted, refused))


WORDS = {
    NotificationKind.SESSION_REMINDER: Words(_reminder, _reminder_switch),
    NotificationKind.STUDENT_UNREACHABLE: Words(_student_unreachable),
    NotificationKind.ROOM_OPEN: Words(_room_open),
    NotificationKind.ROOM_WELCOME: Words(_room_welcome),
    NotificationKind.ROOM_ENDING: Words(_room_ending),
    NotificationKind.ROOM_CLOSING: Words(_room_closing),
    NotificationKind.NO_SHOW: Words(_no_show),
    NotificationKind.ATTENDANCE_CHANGED: Words(_attendance_changed),
    NotificationKind.SESSION_MISSED: Words(_missed),
    NotificationKind.APPEAL_CARD: Words(_appeal),
}
