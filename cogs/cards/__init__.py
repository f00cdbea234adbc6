"""How a coach, an application and a session are shown, wherever they are."""

import itertools
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import discord

from cogs import routes, ui
from cogs.cards import stars
from models import (
    Absent,
    AuditEntry,
    Block,
    BlockedFrom,
    Coach,
    CoachingSession,
    CoachStatus,
    Guild,
    SessionStatus,
)
from scheduler.attendance import no_shows
from scheduler.attendance.attendance import Presence
from scheduler.coaches.history import DECISIONS
from scheduler.core.clock import stamp
from scheduler.parsing.money import write_money
from scheduler.reviews.reviews import Standing

routes.FROM_BOOKING, routes.FROM_APPLYING, routes.FROM_BOTH = 1, 2, 3
"""Values of {what} in BLOCK and UNBLOCK."""
# With the session's id, because two past sessions of the same coach and length may stand on one page.

_GREEN, _RED, _YELLOW, _BLUE, _GREY = 0x3BA55D, 0xD83C3E, 0xF0B232, 0x5865F2, 0x80848E
_APPLICATION_COLOURS = {
    CoachStatus.PENDING: _YELLOW,
    CoachStatus.APPROVED: _GREEN,
    CoachStatus.REJECTED: _RED,
    CoachStatus.SUSPENDED: _GREY,
}
_HISTORY_WORDS = {
    "application_made": "applied",
    "application_edited": "edited the application",
    "profile_edited": "edited the profile",
    "application_approved": "approved",
    "application_rejected": "rejected",
    "coach_suspended": "suspended",
    "coach_reinstated": "reinstated",
}
_HISTORY = 6
_LONGEST_APPLICATION = 3600
"""Characters: a message holds 4,000, and what stands around the card needs some of them."""
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


def taught(specialties: Sequence[str]) -> str:
    """What a coach teaches; whoever has lost all of it is found among all coaches still."""
    return ui.quoted(", ".join(specialties), 400) or "no specialty of the list"


def decision(coach: Coach) -> str:
    """Who decided on this person, when and why; nothing while nobody has."""
    if coach.decided_at is None:
        return ""
    words = f"**{coach.status.capitalize()}** by <@{coach.decided_by}> {stamp(coach.decided_at, 'f')}"
    return f"{words}\n{ui.block(ui.quoted(coach.decision_reason, 600))}" if coach.decision_reason else words


def application(
    coach: Coach, specialties: list[str], history: Sequence[AuditEntry] = (), blocked: Sequence[Block] = ()
) -> discord.ui.Container[Any]:
    """An application for admins: what was written, what became of it so far, and buttons for what comes next."""
    head = f"### Coach application of <@{coach.user_id}>\nApplied {stamp(coach.applied_at, 'R')}"
    terms = f"**Teaches** {taught(specialties)}\n**Rate** {rate(coach)}\n**Time zone** {coach.time_zone}"
    ends = [words for words in (decision(coach), _history(coach, history), blocks(blocked)) if words]
    most = min(1300, (_LONGEST_APPLICATION - sum(map(len, (head, terms, *ends)))) // 2)
    return discord.ui.Container(
        ui.text(head),
        discord.ui.Separator(),
        ui.text(f"**About**\n{ui.quoted(coach.bio, most)}"),
        ui.text(f"**Experience and links**\n{ui.quoted(coach.experience, most)}"),
        discord.ui.Separator(),
        ui.text(terms),
        *map(ui.text, ends),
        *([ui.row(*buttons)] if (buttons := _next_decisions(coach, blocked)) else []),
        accent_colour=_APPLICATION_COLOURS[coach.status],
    )


def blocks(blocked: Sequence[Block], whom: str = "") -> str:
    """List what somebody is blocked from, by whom and since when, a line each. Empty if they aren't blocked."""
    who = f"{whom} blocked".strip().capitalize()
    return "\n".join(
        f"🚫 **{who} from {one.blocked_from}** by <@{one.blocked_by}> {stamp(one.blocked_at, 'f')}"
        for one in blocked
    )


def block_button(user_id: int, what: BlockedFrom, blocked: Sequence[Block], whom: str = "") -> ui.Button:
    """Make the button that blocks somebody from this, or unblocks them."""
    ids = {
        "user_id": user_id,
        "what": routes.FROM_BOOKING if what is BlockedFrom.BOOKING else routes.FROM_APPLYING,
    }
    if any(one.blocked_from is what for one in blocked):
        return ui.button(f"Unblock {whom}".strip(), routes.UNBLOCK.id(**ids))
    return ui.button(f"Block {whom or f'from {what}'}…", routes.BLOCK.id(**ids))


def _next_decisions(coach: Coach, blocked: Sequence[Block]) -> list[ui.Button]:
    match coach.status:
        case CoachStatus.PENDING:
            return [
                ui.button("Approve", routes.APPROVE.id(user_id=coach.user_id), discord.ButtonStyle.success),
                ui.button("Reject…", routes.REJECT.id(user_id=coach.user_id), discord.ButtonStyle.danger),
            ]
        case CoachStatus.APPROVED:
            return [ui.button("Suspend…", routes.SUSPEND.id(user_id=coach.user_id), discord.ButtonStyle.danger)]
        case CoachStatus.SUSPENDED:
            return [
                ui.button("Reinstate", routes.REINSTATE.id(user_id=coach.user_id), discord.ButtonStyle.success)
            ]
        case CoachStatus.REJECTED:
            return [block_button(coach.user_id, BlockedFrom.APPLYING, blocked)]


def _history(coach: Coach, entries: Sequence[AuditEntry]) -> str:
    """What was before the decision that stands; nothing for a first application. Oldest first."""
    earlier = list(entries)
    decided = [place for place, entry in enumerate(earlier) if entry.action in DECISIONS]
    if coach.decided_at is not None and decided:
        del earlier[decided[-1]]
    if len(earlier) < 2:
        return ""
    # An edit after an edit is one line.
    runs = [list(run) for _, run in itertools.groupby(earlier, lambda entry: (entry.action, entry.actor_id))]
    lines = [_history_line(run[-1], len(run)) for run in runs[-_HISTORY:]]
    left_out = len(runs) - len(lines)
    return "\n".join(["**History**", *([f"… {left_out} earlier"] if left_out else []), *lines])


def _history_line(entry: AuditEntry, times: int) -> str:
    by = f" by <@{entry.actor_id}>" if entry.action in DECISIONS else ""
    reason = " ".join(str(entry.details.get("reason", "")).split())
    why = f": {ui.quoted(reason, 100)}" if reason else ""
    again = f" ({times} times)" if times > 1 else ""
    return f"{stamp(entry.at, 'f')} {_HISTORY_WORDS[entry.action]}{by}{why}{again}"


def session(
    one: CoachingSession,
    guild: Guild,
    *,
    title: str,
    viewer_id: int | None = None,
    most: int = 1200,
    in_server: bool = True,
    with_buttons: bool = True,
    attended: Mapping[int, Presence] | None = None,
    standing: Standing | None = None,
    can_only_end: bool = False,
) -> discord.ui.Container[Any]:
    """A session for its coach or student, with a button to cancel it or, once it's too late for that, to end it.

    `standing` is of its review, which only its student is shown. Of notes and reason at most `most` characters
    each. Booking again is offered `in_server` only, where it works.
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
    if viewer_id == one.coach_id and one.status in (SessionStatus.COMPLETED, SessionStatus.NO_SHOW):
        lines.extend(attendance_lines(one, attended or {}))
    standing = standing if viewer_id == one.student_id else None
    lines.extend(_review_line(standing))
    parts: list[discord.ui.Item[Any]] = [ui.text("\n".join(lines))]
    if one.notes:
        parts.append(ui.text(f"**Notes**\n{ui.quoted(one.notes, most)}"))
    if one.rescheduled_from is not None and one.status is SessionStatus.SCHEDULED:
        why = f"\n{ui.block(ui.quoted(one.reschedule_reason, most))}" if one.reschedule_reason else ""
        parts.append(ui.text(f"**Moved from** {stamp(one.rescheduled_from)}{why}"))
    if one.cancel_reason:
        parts.append(ui.text(f"**Reason**\n{ui.quoted(one.cancel_reason, most)}"))
    if with_buttons and (
        buttons := [*_review_button(one, standing), *_session_buttons(one, viewer_id, in_server, can_only_end)]
    ):
        parts.append(ui.row(*buttons))
    return discord.ui.Container(*parts, accent_colour=_SESSION_COLOURS[one.status])


def outcome_buttons(one: CoachingSession, viewer_id: int | None) -> list[ui.Button]:
    """What can be said about who was there: by the coach of the student, and by whoever counts as absent."""
    buttons: list[ui.Button] = []
    if viewer_id == one.coach_id and one.status is SessionStatus.COMPLETED and one.missed_at is None:
        buttons.append(ui.button("Mark no-show", routes.MARK_NO_SHOW.id(session_id=one.id)))
    if viewer_id == one.coach_id and one.absent is Absent.STUDENT:
        buttons.append(ui.button("Was here after all", routes.WAS_HERE.id(session_id=one.id)))
    is_others_decided = one.appeal_decided_at is not None and no_shows.appellant(one) != viewer_id
    if no_shows.is_absent(one, viewer_id) and (one.appealed_at is None or is_others_decided):
        buttons.append(ui.button("Appeal…", routes.APPEAL.id(session_id=one.id)))
    return buttons


def attendance_lines(one: CoachingSession, attended: Mapping[int, Presence]) -> list[str]:
    """Who first came when and how long they were inside."""
    lines: list[str] = []
    for part, user_id in (("Coach", one.coach_id), ("Student", one.student_id)):
        if (presence := attended.get(user_id)) is not None:
            came = presence.first_joined_at
            inside = f"came at {stamp(came, 't')}, {length(presence.inside)} inside" if came else "not seen inside"
            lines.append(f"**{part}** <@{user_id}> {inside}")
    return lines


def _review_line(standing: Standing | None) -> list[str]:
    if standing is None or standing.review is None:
        return []
    hidden = " · hidden by an admin" if standing.review.hidden_at else ""
    return [f"**Your review** {stars.written(standing.review.stars)}{hidden}"]


def _review_button(one: CoachingSession, standing: Standing | None) -> list[ui.Button]:
    if standing is None or not standing.is_open:
        return []
    label = "Review" if standing.review is None else "Change review"
    return [ui.button(label, routes.REVIEW.id(session_id=one.id))]


def cancel_or_end(one: CoachingSession, *, can_only_end: bool) -> ui.Button:
    """Make the button that cancels an upcoming or running session, or ends one that can't be cancelled."""
    if can_only_end:
        return ui.button("End now", routes.END_SESSION.id(session_id=one.id), discord.ButtonStyle.danger)
    return ui.button("Cancel…", routes.CANCEL.id(session_id=one.id), discord.ButtonStyle.danger)


def _session_buttons(
    one: CoachingSession, viewer_id: int | None, in_server: bool, can_only_end: bool
) -> list[ui.Button]:
    cancel = cancel_or_end(one, can_only_end=can_only_end)
    if one.status is SessionStatus.SCHEDULED and can_only_end:
        return [cancel]  # it has begun, but its status doesn't say so yet
    if one.status is SessionStatus.SCHEDULED:
        return [
            ui.button("Reschedule…", routes.RESCHEDULE.id(session_id=one.id)),
            cancel,
            ui.button("Calendar file", routes.CALENDAR.id(session_id=one.id)),
        ]
    if one.status is SessionStatus.IN_PROGRESS:
        return [cancel]
    buttons = outcome_buttons(one, viewer_id)
    if viewer_id == one.student_id and in_server:
        minutes = one.duration // timedelta(minutes=1)
        again = routes.BOOK_AGAIN.id(coach_id=one.coach_id, minutes=minutes, session_id=one.id)
        buttons.append(ui.button("Book again", again))
    return buttons


def _room_line(one: CoachingSession, guild: Guild) -> list[str]:
    """Where to meet, while there is something to meet for."""
    if one.status not in (SessionStatus.SCHEDULED, SessionStatus.IN_PROGRESS):
        return []
    if one.access_granted_at is not None and one.discord_channel_id is not None:
        return [f"**Room** <#{one.discord_channel_id}>"]
    opens_at = one.starts_at - timedelta(minutes=guild.access_lead_minutes)
    return [f"Your private room opens {stamp(opens_at, 'R')}."]
