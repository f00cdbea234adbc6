"""How a coach, an application and a session are shown, wherever they are."""

from datetime import timedelta
from typing import Any

import discord

from cogs import ui
from models import Coach, CoachingSession, CoachStatus, Guild, SessionStatus
from scheduler.clock import stamp
from scheduler.money import write_money

APPROVE = "coach:approve:{user_id}"
REJECT = "coach:reject:{user_id}"
CANCEL = "session:cancel:{session_id}"
MOVE = "session:move:{session_id}"
CALENDAR = "session:calendar:{session_id}"
# With the session's id, because two past sessions of the same coach and length may stand on one page.
BOOK_AGAIN = "book:again:{coach_id}:{minutes}:{session_id}"

_GREEN, _RED, _YELLOW, _BLUE, _GREY = 0x3BA55D, 0xD83C3E, 0xF0B232, 0x5865F2, 0x80848E
_APPLICATION_COLOURS = {
    CoachStatus.PENDING: _YELLOW,
    CoachStatus.APPROVED: _GREEN,
    CoachStatus.REJECTED: _RED,
    CoachStatus.SUSPENDED: _GREY,
}
_SESSION_COLOURS = {
    SessionStatus.SCHEDULED: _BLUE,
    SessionStatus.IN_PROGRESS: _GREEN,
    SessionStatus.COMPLETED: _GREY,
    SessionStatus.CANCELLED: _RED,
    SessionStatus.NO_SHOW: _RED,
}
STATUS_WORDS = {
    SessionStatus.SCHEDULED: "booked",
    SessionStatus.IN_PROGRESS: "running now",
    SessionStatus.COMPLETED: "completed",
    SessionStatus.CANCELLED: "cancelled",
    SessionStatus.NO_SHOW: "no-show",
}


def rate(coach: Coach) -> str:
    """ "$60.00 an hour", or "free"."""
    return f"{write_money(coach.rate_minor, coach.currency)}{' an hour' if coach.rate_minor else ''}"


def rating(coach: Coach) -> str:
    """ "★ 4.7 (12)", or "new"."""
    if not coach.rating_count:
        return "new"
    return f"★ {coach.rating_total / coach.rating_count:.1f} ({coach.rating_count})"


def length(duration: timedelta) -> str:
    """ "60 min"."""
    return f"{duration // timedelta(minutes=1)} min"


def application(coach: Coach, specialties: list[str]) -> discord.ui.Container[Any]:
    """An application for admins: what was written, and buttons while nobody has decided."""
    parts: list[discord.ui.Item[Any]] = [
        ui.text(f"### Coach application of <@{coach.user_id}>\nApplied {stamp(coach.applied_at, 'R')}"),
        discord.ui.Separator(),
        ui.text(f"**About**\n{ui.quoted(coach.bio, 1300)}"),
        ui.text(f"**Experience and links**\n{ui.quoted(coach.experience, 1300)}"),
        discord.ui.Separator(),
        ui.text(
            f"**Teaches** {ui.quoted(', '.join(specialties), 400)}\n"
            f"**Rate** {rate(coach)}\n**Time zone** {coach.time_zone}"
        ),
    ]
    if coach.status is CoachStatus.PENDING:
        parts.append(
            ui.row(
                ui.button("Approve", APPROVE.format(user_id=coach.user_id), discord.ButtonStyle.success),
                ui.button("Reject…", REJECT.format(user_id=coach.user_id), discord.ButtonStyle.danger),
            )
        )
    elif coach.decided_at is not None:
        decision = f"**{coach.status.capitalize()}** by <@{coach.decided_by}> {stamp(coach.decided_at, 'f')}"
        reason = f"\n{ui.block(ui.quoted(coach.decision_reason, 600))}" if coach.decision_reason else ""
        parts.append(ui.text(decision + reason))
    return discord.ui.Container(*parts, accent_colour=_APPLICATION_COLOURS[coach.status])


def session(
    one: CoachingSession,
    guild: Guild,
    *,
    title: str,
    viewer_id: int | None = None,
    most: int = 1200,
    in_server: bool = True,
) -> discord.ui.Container[Any]:
    """A session for its coach or student, with a button to cancel while that is possible.

    Of notes and reason at most `most` characters each. Booking again is offered `in_server` only, where it works.
    """
    lines = [
        f"### {title}",
        f"{stamp(one.starts_at)} ({stamp(one.starts_at, 'R')})",
        f"**Length** {length(one.duration)} · **Price** {write_money(one.total_cost_minor, one.currency)}",
    ]
    if viewer_id != one.coach_id:
        lines.append(f"**Coach** <@{one.coach_id}>")
    if viewer_id != one.student_id:
        lines.append(f"**Student** <@{one.student_id}>")
    late = " late" if one.cancelled_late else ""
    lines.append(f"**Code** `{one.code}` · {STATUS_WORDS[one.status]}{late}")
    lines.extend(_room_line(one, guild))
    parts: list[discord.ui.Item[Any]] = [ui.text("\n".join(lines))]
    if one.notes:
        parts.append(ui.text(f"**Notes**\n{ui.quoted(one.notes, most)}"))
    if one.moved_from is not None and one.status is SessionStatus.SCHEDULED:
        why = f"\n{ui.block(ui.quoted(one.move_reason, most))}" if one.move_reason else ""
        parts.append(ui.text(f"**Moved from** {stamp(one.moved_from)}{why}"))
    if one.cancel_reason:
        parts.append(ui.text(f"**Reason**\n{ui.quoted(one.cancel_reason, most)}"))
    if buttons := _session_buttons(one, viewer_id, in_server):
        parts.append(ui.row(*buttons))
    return discord.ui.Container(*parts, accent_colour=_SESSION_COLOURS[one.status])


def _session_buttons(one: CoachingSession, viewer_id: int | None, in_server: bool) -> list[ui.Button]:
    cancel = ui.button("Cancel…", CANCEL.format(session_id=one.id), discord.ButtonStyle.danger)
    if one.status is SessionStatus.SCHEDULED:
        return [
            ui.button("Reschedule…", MOVE.format(session_id=one.id)),
            cancel,
            ui.button("Calendar file", CALENDAR.format(session_id=one.id)),
        ]
    if one.status is SessionStatus.IN_PROGRESS:
        return [cancel]
    if viewer_id == one.student_id and in_server:
        minutes = one.duration // timedelta(minutes=1)
        again = BOOK_AGAIN.format(coach_id=one.coach_id, minutes=minutes, session_id=one.id)
        return [ui.button("Book again", again)]
    return []


def _room_line(one: CoachingSession, guild: Guild) -> list[str]:
    """Where to meet, while there is something to meet for."""
    if one.status not in (SessionStatus.SCHEDULED, SessionStatus.IN_PROGRESS):
        return []
    if one.access_granted_at is not None and one.discord_channel_id is not None:
        return [f"**Room** <#{one.discord_channel_id}>"]
    opens_at = one.starts_at - timedelta(minutes=guild.access_lead_minutes)
    return [f"Your private room opens {stamp(opens_at, 'R')}."]
