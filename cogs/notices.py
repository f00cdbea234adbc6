"""The words of notices."""

from typing import Any

import discord

from cogs import cards, ui
from cogs.calendar_file import attached
from models import Coach, CoachingSession, NoticeKind
from scheduler.clock import stamp
from scheduler.notices import Letter

_WITH_CALENDAR = {NoticeKind.SESSION_BOOKED, NoticeKind.SESSION_MOVED, NoticeKind.SESSION_CANCELLED}


def render(letter: Letter, server: str) -> ui.Panel:
    """The message of a notice, from the rows as they are now. Its last line says where it is from and ends with
    what it is found again by.
    """
    last_line = ui.text(f"-# {ui.quoted(server)} · {mark(letter)}")
    if letter.notice.kind not in _WITH_CALENDAR:
        return ui.Panel(_body(letter), last_line)
    shown, file = attached(_session(letter), server, _coach(letter).display_name, letter.notice.user_id)
    return ui.Panel(_body(letter), shown, last_line, files=[file])


def mark(letter: Letter) -> str:
    """What stands on a notice's message and on no other."""
    session = f"Session {letter.session.code} · " if letter.session else ""
    return f"{session}ref {letter.notice.id}"


def _body(letter: Letter) -> discord.ui.Item[Any]:
    match letter.notice.kind:
        case NoticeKind.APPLICATION_CARD:
            return cards.application(_coach(letter), letter.specialties)
        case NoticeKind.APPLICATION_APPROVED:
            return ui.text(
                "### You are a coach now 🎉\nYour application was approved. **Next step:** go to the server and "
                "set your hours with `/availability`. As soon as you have hours, students can book you with "
                "`/book`."
            )
        case NoticeKind.APPLICATION_REJECTED:
            reason = ui.quoted(_coach(letter).decision_reason or "", 1000)
            return ui.text(
                "### Your coach application was not approved\nThe reason that was given:\n"
                f"{ui.block(reason)}\nYou can apply again with `/coach apply`."
            )
        case NoticeKind.SESSION_BOOKED:
            title = "New booking" if _is_coach(letter) else "Your session is booked"
            return _session_card(letter, title)
        case NoticeKind.SESSION_MOVED:
            return _session_card(letter, f"Session moved by {_by(letter, _session(letter).moved_by)}")
        case NoticeKind.SESSION_CANCELLED:
            return _session_card(letter, f"Session cancelled by {_by(letter, _session(letter).cancelled_by)}")
        case NoticeKind.ROOM_OPEN:
            one = _session(letter)
            return ui.text(
                f"### Your room is open\n<#{one.discord_channel_id}> is open for you now. The session starts "
                f"{stamp(one.starts_at, 'R')} and ends at {stamp(one.ends_at, 't')}."
            )


def _session_card(letter: Letter, title: str) -> discord.ui.Item[Any]:
    one, viewer_id = _session(letter), letter.notice.user_id
    return cards.session(one, letter.guild, title=title, viewer_id=viewer_id, in_server=False)


def _is_coach(letter: Letter) -> bool:
    return letter.notice.user_id == _session(letter).coach_id


def _by(letter: Letter, user_id: int | None) -> str:
    one = _session(letter)
    if user_id == letter.notice.user_id:
        return "you"
    if user_id == one.coach_id:
        return "the coach"
    return "the student" if user_id == one.student_id else "an admin"


def _coach(letter: Letter) -> Coach:
    assert letter.coach is not None, "a notice about a coach names one"
    return letter.coach


def _session(letter: Letter) -> CoachingSession:
    assert letter.session is not None, "a notice about a session names one"
    return letter.session
