"""Show a session, with buttons for what its reader can do."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from cogs import routes, ui
from cogs.cards import charge, stars
from models import Absent, CoachingSession, Guild, Participant, ParticipantStatus, SessionStatus, Workshop
from scheduler.attendance import no_shows
from scheduler.attendance.attendance import Presence
from scheduler.core.clock import stamp
from scheduler.parsing.durations import write_length
from scheduler.parsing.money import write_money
from scheduler.reviews.reviews import ReviewState
from scheduler.sessions.charge_standing import ChargeStanding

_GREEN, _RED, _BLUE, _GREY = 0x3BA55D, 0xD83C3E, 0x5865F2, 0x80848E
_SESSION_COLOURS = {
    SessionStatus.SCHEDULED: _BLUE,
    SessionStatus.IN_PROGRESS: _GREEN,
    SessionStatus.COMPLETED: _GREY,
    SessionStatus.CANCELLED: _RED,
    SessionStatus.NO_SHOW: _RED,
}
_AHEAD = (SessionStatus.SCHEDULED, SessionStatus.IN_PROGRESS)
STATUS_WORDS = {
    SessionStatus.SCHEDULED: "booked",
    SessionStatus.IN_PROGRESS: "running now",
    SessionStatus.COMPLETED: "completed",
    SessionStatus.CANCELLED: "cancelled",
    SessionStatus.NO_SHOW: "no-show",
}


def length(duration: timedelta) -> str:
    """Write "60 min"."""
    return f"{duration // timedelta(minutes=1)} min"


def when(at: datetime) -> str:
    """Write a session's time as a heading, so that it stands out wherever a session is shown."""
    return f"## {stamp(at)}"


def read_duration(minutes: int) -> timedelta:
    """Read a length from a `custom_id`, cut to a day. The use case checks that it's offered."""
    return timedelta(minutes=min(minutes, 24 * 60))


def of_session(
    one: CoachingSession,
    guild: Guild,
    *,
    title: str = "",
    people: str = "",
    viewer_id: int | None = None,
    most: int = 1200,
    in_server: bool = True,
    can_book: bool = True,
    with_buttons: bool = True,
    has_file: bool = False,
    attended: Mapping[int, Presence] | None = None,
    standing: ReviewState | None = None,
    charged: ChargeStanding | None = None,
    can_only_end: bool = False,
    can_be_late: bool = False,
    is_settled: bool = False,
    workshop: Workshop | None = None,
    more: Sequence[str] = (),
) -> ui.Container:
    """Show a session to its coach or a participant, or to someone else if `viewer_id` is neither.

    Without a `title` it's one of a list, and says how far away it is and what became of it. `people` says with
    whom it is, where nobody can be mentioned. Cuts notes and reasons to `most` characters each. Only the student
    sees the review (`standing`), and can book again if they `can_book`. `charged` says what they
    can do about what it cost. `has_file` says that the calendar file is below, so no button for it is
    needed. `can_be_late`: they can say so now. `is_settled`: it's too late to say who was
    there. `workshop` is what the session adds if it's one. `more` are lines below the others.
    """
    lines = [*_head(one, title, people, viewer_id, workshop), *charge.outcome(one, viewer_id)]
    lines.extend(charge.disputed(charged))
    lines.extend(charge.refund_lines(one, charged, viewer_id))
    lines.extend(late_lines(one, viewer_id))
    lines.extend(_room_line(one, guild, viewer_id, in_server))
    if viewer_id == one.coach_id and one.status in (SessionStatus.COMPLETED, SessionStatus.NO_SHOW):
        lines.extend(attendance_lines(one, attended or {}))
    standing = standing if one.participant(viewer_id) is not None else None
    lines.extend(_review_line(standing))
    lines.extend(more)
    parts: list[ui.Item] = [ui.text("\n".join(lines))]
    parts += _texts(one, viewer_id, most)
    if with_buttons:
        buttons = _review_button(one, standing)
        buttons += [] if is_settled else outcome_buttons(one, viewer_id)
        buttons += charge.buttons(one, charged) + charge.refund_buttons(charged)
        buttons += _session_buttons(one, viewer_id, in_server, can_book, can_only_end, has_file)
        buttons += [late_button(one)] if can_be_late else []
        parts += ui.rows(*buttons)
    return ui.Container(*parts, accent_colour=_SESSION_COLOURS[one.status])


def _texts(one: CoachingSession, viewer_id: int | None, most: int) -> list[ui.Item]:
    """Show what people wrote about it, cut to `most` characters each."""
    parts: list[ui.Item] = []
    seat = one.part_shown_to(viewer_id)
    if seat is not None and seat.notes:
        parts.append(ui.text(f"**Notes**\n{ui.quoted(seat.notes, most)}"))
    if one.rescheduled_from is not None and one.status is SessionStatus.SCHEDULED:
        why = f"\n{ui.quoted(one.reschedule_reason, most)}" if one.reschedule_reason else ""
        parts.append(ui.text(f"**Rescheduled from** {stamp(one.rescheduled_from)}{why}"))
    if one.cancel_reason:
        parts.append(ui.text(f"**Reason**\n{ui.quoted(one.cancel_reason, most)}"))
    return parts


def _head(
    one: CoachingSession, title: str, people: str, viewer_id: int | None, workshop: Workshop | None
) -> list[str]:
    """Write when the session is, as the heading, and with whom and for how much. Each fact stands once."""
    lines = [f"**{title}**"] if title else []
    lines.append(when(one.starts_at))
    if workshop is not None:
        lines.append(f"**{ui.quoted(workshop.title)}**")
    people = people or _people(one, viewer_id, workshop)
    lines.append(people if title else f"{people} · {stamp(one.starts_at, 'R')}")
    seat = one.part_shown_to(viewer_id)
    facts = [*_agreed(one, seat, workshop), f"Code `{one.code}`"]
    late = " late" if seat is not None and seat.cancelled_late else ""
    if seat is not None and seat.status is ParticipantStatus.LEFT:
        facts.append(f"left{late}")
    elif late or (not title and one.status is not SessionStatus.SCHEDULED):
        facts.append(f"{STATUS_WORDS[one.status]}{late}")
    lines.append(" · ".join(facts))
    if one.agreed_ends_at is not None:
        lines.append(f"**Ended early** at {stamp(one.ends_at, 't')}, after {length(one.duration)}")
    return lines


def _people(one: CoachingSession, viewer_id: int | None, workshop: Workshop | None) -> str:
    if one.is_workshop:
        seats = seats_taken(one, workshop)
        if viewer_id == one.coach_id:
            return seats
        return f"With <@{one.coach_id}>" if one.participant(viewer_id) else f"<@{one.coach_id}> · {seats}"
    if viewer_id == one.student_id:
        return f"With <@{one.coach_id}>"
    if viewer_id == one.coach_id:
        return f"With <@{one.student_id}>"
    return f"<@{one.coach_id}> with <@{one.student_id}>"


def people(one: CoachingSession) -> str:
    """Write whose session it is, in a list: "@Cara and @Sam", "@Cara and 12 others"."""
    if not one.is_workshop:
        return f"<@{one.coach_id}> and <@{one.student_id}>"
    others = len(one.taking_part)
    return f"<@{one.coach_id}> and {others} {'other' if others == 1 else 'others'} in a workshop"


def seats_taken(one: CoachingSession, workshop: Workshop | None) -> str:
    """Write how many of a workshop's seats are taken."""
    taken = len(one.taking_part)
    if workshop is None:
        return f"{taken} {'person' if taken == 1 else 'people'}"
    return f"{taken} of {workshop.seats} seats taken"


def _agreed(one: CoachingSession, seat: Participant | None, workshop: Workshop | None) -> list[str]:
    """Write the length and price both agreed on, and what was booked before they extended it."""
    facts = [length(one.agreed_duration)]
    if seat is not None:
        facts.append(charge.seat_price(seat))
    elif workshop is not None:
        facts.append(price_of_seat(one, workshop))
    if one.booked_ends_at is not None:
        extra = seat.total_cost_minor - seat.booked_cost if seat is not None else 0
        before = f", {charge.booked_price(seat)}" if seat is not None and extra else ""
        facts.append(f"booked {length(one.booked_duration)}{before}")
    return facts


def price_of_seat(one: CoachingSession, workshop: Workshop) -> str:
    """Write what a seat in a workshop costs."""
    price = write_money(workshop.price_minor, one.currency)
    return f"{price} a seat" if workshop.price_minor else price


def outcome_buttons(one: CoachingSession, viewer_id: int | None) -> list[ui.Button]:
    """Make buttons to correct the attendance: for the coach, and for whoever counts as absent."""
    if one.is_workshop:
        return _outcomes_of_workshop(one, viewer_id)
    buttons: list[ui.Button] = []
    can_correct = viewer_id == one.coach_id and one.student.appeal_decided_at is None
    if can_correct and one.status is SessionStatus.COMPLETED and one.missed_at is None:
        buttons.append(ui.button("Mark no-show", routes.MARK_NO_SHOW.id(session_id=one.id)))
    if can_correct and one.absent is Absent.STUDENT:
        buttons.append(ui.button("Was here after all", routes.WAS_HERE.id(session_id=one.id)))
    return buttons + _appeal_button(one, viewer_id)


def _outcomes_of_workshop(one: CoachingSession, viewer_id: int | None) -> list[ui.Button]:
    is_over = one.status in (SessionStatus.COMPLETED, SessionStatus.NO_SHOW)
    buttons: list[ui.Button] = []
    if viewer_id == one.coach_id and is_over and one.missed_at is None and one.taking_part:
        buttons.append(ui.button("Attendance", routes.ATTENDANCE.id(session_id=one.id, page=0)))
    return buttons + _appeal_button(one, viewer_id)


def _appeal_button(one: CoachingSession, viewer_id: int | None) -> list[ui.Button]:
    can_appeal = no_shows.is_absent(one, viewer_id) and no_shows.appeal_of(one, viewer_id) is None
    return [ui.button("Appeal…", routes.APPEAL.id(session_id=one.id))] if can_appeal else []


def attendance_lines(one: CoachingSession, attended: Mapping[int, Presence]) -> list[str]:
    """Write when each of them joined, and how long they stayed. Of a workshop's participants, how many came."""
    students = {} if one.is_workshop else {"Student": one.student_id}
    lines = [
        f"**{part}** {stay(one, attended[user_id])}"
        for part, user_id in {"Coach": one.coach_id, **students}.items()
        if user_id in attended
    ]
    if one.is_workshop and attended:
        there = [seat for seat in one.taking_part if seat.user_id in attended]
        came = sum(attended[seat.user_id].first_joined_at is not None for seat in there)
        lines.append(f"**Participants** {came} of {len(there)} came")
    return lines


def stay(one: CoachingSession, presence: Presence) -> str:
    """Write when somebody joined, and how long they stayed."""
    if presence.first_joined_at is None:
        return "hasn't joined yet" if one.status in _AHEAD else "never joined"
    return f"joined at {stamp(presence.first_joined_at, 't')}, {length(presence.inside)} inside"


def late_lines(one: CoachingSession, viewer_id: int | None = None) -> list[str]:
    """Write who said they'd be late. Of a workshop's participants, only they themselves read it."""
    shown = (one.coach_id, viewer_id) if one.is_workshop else one.people
    late = {user_id: minutes for user_id in one.people if (minutes := one.late_minutes_of(user_id)) is not None}
    said = [
        f"{'you' if user_id == viewer_id else f'<@{user_id}>'}, {minutes} min"
        for user_id, minutes in late.items()
        if user_id in shown
    ]
    return [f"**{'Running' if one.status in _AHEAD else 'Said to be'} late** {' · '.join(said)}"] if said else []


def late_button(one: CoachingSession) -> ui.Button:
    """Make the button with which someone says that they'll be late."""
    return ui.button("Running late…", routes.RUNNING_LATE.id(session_id=one.id))


def _review_line(standing: ReviewState | None) -> list[str]:
    if standing is None or standing.review is None:
        return []
    hidden = " · hidden by an admin" if standing.review.hidden_at else ""
    return [f"**Your review** {stars.write_stars(standing.review.stars)}{hidden}"]


def _review_button(one: CoachingSession, standing: ReviewState | None) -> list[ui.Button]:
    if standing is None or not standing.is_open:
        return []
    label = "Review" if standing.review is None else "Change review"
    return [ui.button(label, routes.REVIEW.id(session_id=one.id))]


def cancel_or_end(one: CoachingSession, *, can_only_end: bool) -> ui.Button:
    """Make the button that cancels an upcoming or running session, or ends one that can't be cancelled."""
    if can_only_end:
        return ui.button("End now", routes.END_SESSION.id(session_id=one.id), ui.DANGER)
    return ui.button("Cancel…", routes.CANCEL.id(session_id=one.id))


def way_back(interaction: ui.Interaction, one: CoachingSession) -> list[ui.Item]:
    """Make the way back: to the list for coach and student, to the details for admins in the server."""
    if interaction.user.id in one.people:
        return [ui.row(ui.button("All sessions", routes.SESSION_LIST.id(page=0)))]
    if interaction.guild_id is None:
        return []
    return [ui.row(ui.button("Session details", routes.SESSION_DETAILS.id(session_id=one.id)))]


def _session_buttons(
    one: CoachingSession,
    viewer_id: int | None,
    in_server: bool,
    can_book: bool,
    can_only_end: bool,
    has_file: bool,
) -> list[ui.Button]:
    cancel, room = cancel_or_end(one, can_only_end=can_only_end), [] if in_server else room_link(one)
    if one.is_workshop:
        return [*room, *_workshop_buttons(one, viewer_id, has_file)]
    if one.status is SessionStatus.SCHEDULED and can_only_end:
        return [*room, cancel]  # it has begun, but its status doesn't say so yet
    if one.status is SessionStatus.SCHEDULED:
        return [
            *room,
            ui.button("Reschedule…", routes.RESCHEDULE.id(session_id=one.id)),
            cancel,
            *([] if has_file else [ui.button("Add to calendar", routes.CALENDAR.id(session_id=one.id))]),
        ]
    if one.status is SessionStatus.IN_PROGRESS:
        return [*room, cancel]
    if viewer_id != one.student_id or not can_book:
        return []
    minutes = one.booked_duration // timedelta(minutes=1)
    again = routes.BOOK_AGAIN.id(coach_id=one.coach_id, minutes=minutes, session_id=one.id)
    return [ui.button("Book another time" if one.status is SessionStatus.CANCELLED else "Book again", again)]


def _workshop_buttons(one: CoachingSession, viewer_id: int | None, has_file: bool) -> list[ui.Button]:
    """Make buttons for who takes part in a workshop, and for its coach. What admins do is in its details."""
    seat = one.participant(viewer_id)
    has_seat = seat is not None and seat.status is not ParticipantStatus.LEFT
    if one.status is SessionStatus.IN_PROGRESS and viewer_id == one.coach_id:
        return [ui.button("End now", routes.END_SESSION.id(session_id=one.id), ui.DANGER)]
    if one.status is not SessionStatus.SCHEDULED:
        return []
    buttons = [ui.button("Details", routes.WORKSHOP.id(session_id=one.id))]
    if has_seat or viewer_id == one.coach_id:
        calendar = ui.button("Add to calendar", routes.CALENDAR.id(session_id=one.id))
        buttons += [] if has_file else [calendar]
    if has_seat:
        buttons.append(ui.button("Leave…", routes.LEAVE_WORKSHOP.id(session_id=one.id)))
    return buttons


def room_link(one: CoachingSession) -> list[ui.Button]:
    """Link to the open room, for direct messages: a client may not know the channel there."""
    if not _has_open_room(one):
        return []
    url = f"https://discord.com/channels/{one.guild_id}/{one.discord_channel_id}"
    return [ui.link("Go to your room", url)]


def _room_line(one: CoachingSession, guild: Guild, viewer_id: int | None, in_server: bool) -> list[str]:
    """Write where to meet, until the session is over."""
    has_left = one.participant(viewer_id) is not None and viewer_id not in one.people
    if one.status not in _AHEAD or has_left:
        return []
    if _has_open_room(one):
        return [f"**Room** <#{one.discord_channel_id}>"] if in_server else []
    lead = timedelta(minutes=guild.access_lead_minutes)
    whose = "The" if one.is_workshop else "Your private" if viewer_id in one.people else "Their private"
    return [f"{whose} room opens {f'{write_length(lead)} before' if lead else 'at'} the start."]


def _has_open_room(one: CoachingSession) -> bool:
    return one.status in _AHEAD and one.access_granted_at is not None and one.discord_channel_id is not None
