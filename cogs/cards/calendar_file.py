"""Write a session as a calendar file (.ics) that Google, Apple and Outlook import.

Follows RFC 5545 (the format) and RFC 5546 (what each method needs and forbids).
"""

from datetime import timedelta
from typing import NamedTuple

from cogs.cards import charge
from models import CoachingSession, ParticipantStatus, SessionStatus

_REMINDER = timedelta(minutes=15)


class Names(NamedTuple):
    """Names of the server, the coach and the student on Discord."""

    server: str
    coach: str
    student: str | None
    """None if unknown. Only the coach's file needs it."""
    workshop: str | None = None
    """The session's title if it's a workshop."""


def file_name(one: CoachingSession) -> str:
    """Return the file's name."""
    return f"session-{one.code}.ics"


def calendar_file(one: CoachingSession, names: Names, viewer_id: int | None) -> bytes:
    """Write the session as it is now. A cancelled session's file removes it from the calendar.

    The UID never changes and the SEQUENCE grows with each change, so calendars replace older versions. The coach's
    file names the student, and everyone else's names the coach. For a workshop everyone's has a UID of their own:
    if files are passed on, leaving doesn't take it out of others' calendars.
    """
    from icalendar import Alarm, Calendar, Event, vCalAddress, vText  # slow to import

    class Text(vText):
        """A text that we escape, because icalendar turns a typed backslash and N into a line break."""

        def to_ical(self) -> bytes:
            return escaped(self).encode()

    seat = one.participant(viewer_id) if one.is_workshop else None
    has_left = seat is not None and seat.status is ParticipantStatus.LEFT
    cancelled = has_left or one.status is SessionStatus.CANCELLED
    code = one.code if seat is None else "-".join((one.code, str(viewer_id)))
    named = Text(title(one, names, viewer_id))
    event = Event()
    event.add("uid", f"{code}@session.coachbot")
    event.add("sequence", one.revision)
    event.add("dtstamp", one.updated_at)
    event.add("created", one.created_at)
    event.add("last-modified", one.updated_at)
    event.add("dtstart", one.starts_at)
    event.add("dtend", one.ends_at)
    event.add("summary", named)
    event.add("location", Text(place(names)))
    event.add("description", Text(description(one, names, viewer_id)))
    event.add("status", "CANCELLED" if cancelled else "CONFIRMED")
    event.add("transp", "TRANSPARENT" if cancelled else "OPAQUE")
    organizer = vCalAddress(f"https://discord.com/users/{one.coach_id}")
    organizer.params["CN"] = vText(names.coach)
    event.add("organizer", organizer)
    event.add("url", f"https://discord.com/channels/{one.guild_id}")
    if not cancelled:  # RFC 5546 forbids alarms in a cancellation
        alarm = Alarm()
        alarm.add("action", "DISPLAY")
        alarm.add("description", named)
        alarm.add("trigger", -_REMINDER)
        event.add_component(alarm)
    calendar = Calendar()
    calendar.add("prodid", "-//coachbot//coaching sessions//EN")
    calendar.add("version", "2.0")
    calendar.add("calscale", "GREGORIAN")
    calendar.add("method", "CANCEL" if cancelled else "PUBLISH")
    calendar.add_component(event)
    return calendar.to_ical()


def escaped(text: str) -> str:
    """Escape a text as a TEXT value (RFC 5545, 3.3.11)."""
    for typed, written in (
        ("\\", "\\\\"),
        (";", "\\;"),
        (",", "\\,"),
        ("\r\n", "\n"),
        ("\r", "\n"),
        ("\n", "\\n"),
    ):
        text = text.replace(typed, written)
    return text


def place(names: Names) -> str:
    """Write where the session is."""
    return f"Discord: {names.server}"


def title(one: CoachingSession, names: Names, viewer_id: int | None) -> str:
    """Name the session after the other person, or as its coach called the workshop."""
    if one.is_workshop:
        return names.workshop or f"Workshop with {names.coach}"
    if viewer_id != one.coach_id:
        return f"Coaching with {names.coach}"
    return f"Coaching {names.student}" if names.student else f"Coaching session {one.code} in {names.server}"


def description(one: CoachingSession, names: Names, viewer_id: int | None) -> str:
    """Write what else its reader wants to know, the notes last."""
    seat, lines = one.part_shown_to(viewer_id), [f"Session {one.code}"]
    if viewer_id != one.coach_id:
        lines.append(f"Coach: {names.coach}, {_profile(one.coach_id)}")
    elif not one.is_workshop:
        name = f"{names.student}, " if names.student else ""
        lines.append(f"Student: {name}{_profile(one.student_id)}")
    if seat is not None:
        lines.append(f"Price: {charge.seat_price(seat)}")
    lines.append(f"{'The' if one.is_workshop else 'Your private'} room opens a few minutes before the start.")
    if seat is not None and seat.notes:
        lines += ["", seat.notes]
    return "\n".join(lines)


def _profile(user_id: int) -> str:
    return f"https://discord.com/users/{user_id}"
