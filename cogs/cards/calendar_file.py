"""Write a session as a calendar file (.ics) that Google, Apple and Outlook import.

Follows RFC 5545 (the format) and RFC 5546 (what each method needs and forbids).
"""

from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, NamedTuple

from cogs.cards import charge
from models import CoachingSession, ParticipantStatus, SessionStatus
from scheduler.sessions.lessons import Recurrence
from scheduler.time.time_zones import zone

if TYPE_CHECKING:
    from icalendar import Alarm, Calendar, Event, vText

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


def calendar_file(
    one: CoachingSession,
    names: Names,
    viewer_id: int | None,
    *,
    is_taken_over: bool = False,
    recurrence: Recurrence | None = None,
) -> bytes:
    """Write the session as it is now. A cancelled session's file removes it from the calendar.

    So does that of one that another coach has taken over from the viewer. One of weekly lessons is a `recurrence`
    of an event in the file of all of them, and replaces it there.

    The UID never changes and the SEQUENCE grows with each change, so calendars replace older versions. The coach's
    file names the student, and everyone else's names the coach. For a workshop everyone's has a UID of their own:
    if files are passed on, leaving doesn't take it out of others' calendars.
    """
    from icalendar import Event  # slow to import

    seat = one.participant(viewer_id) if one.is_workshop else None
    has_left = seat is not None and seat.status is ParticipantStatus.LEFT
    cancelled = has_left or is_taken_over or one.status is SessionStatus.CANCELLED
    code = one.code if seat is None else "-".join((one.code, str(viewer_id)))
    event = Event()
    about = about_session(one, names, viewer_id)
    if recurrence is None:
        event.add("uid", session_uid(code))
    else:
        event.add("uid", series_uid(recurrence.code, recurrence.position))
        event.add("recurrence-id", on_the_clock(recurrence.day, recurrence.start_minute, recurrence.time_zone))
        revision = series_revision(recurrence.revision, recurrence.requested_at, one.updated_at)
        about = about._replace(revision=revision)
    event.add("dtstart", one.starts_at)
    event.add("dtend", one.ends_at)
    describe(event, about, names, is_cancelled=cancelled)
    calendar = new_calendar("CANCEL" if cancelled else "PUBLISH")
    calendar.add_component(event)
    if recurrence is not None:
        calendar.add_missing_timezones(one.created_at.date(), (one.ends_at + timedelta(days=30)).date())
    return calendar.to_ical()


def series_uid(code: str, position: int) -> str:
    """Return the UID of what a rule of weekly lessons makes, the lessons that were changed included."""
    return f"{code}-{position}@series.coachbot"


def series_revision(revision: int, requested_at: datetime, updated_at: datetime) -> int:
    """Return a number that grows with each change of weekly lessons or of one of them.

    Revisions of sessions wouldn't do: a lesson that's brought back has a new one, which begins at 0.
    """
    return revision + (updated_at - requested_at) // timedelta(seconds=1)


def on_the_clock(day: date, minute: int, zone_name: str) -> datetime:
    """Return a time on the wall clock; of one that the clocks show twice, it's the first."""
    return datetime.combine(day, time(*divmod(minute, 60)), zone(zone_name))


def session_uid(code: str) -> str:
    """Return the UID of a session's event."""
    return f"{code}@session.coachbot"


def new_calendar(method: str) -> "Calendar":
    """Begin a file with this method of RFC 5546."""
    from icalendar import Calendar

    calendar = Calendar()
    calendar.add("prodid", "-//coachbot//coaching sessions//EN")
    calendar.add("version", "2.0")
    calendar.add("calscale", "GREGORIAN")
    calendar.add("method", method)
    return calendar


class About(NamedTuple):
    """What an event says besides its time."""

    title: str
    description: str
    guild_id: int
    coach_id: int
    revision: int
    """Grows with each change."""
    created_at: datetime
    updated_at: datetime


def about_session(one: CoachingSession, names: Names, viewer_id: int | None) -> About:
    """Return what a session's event says."""
    words = title(one, names, viewer_id), description(one, names, viewer_id)
    return About(*words, one.guild_id, one.coach_id, one.revision, one.created_at, one.updated_at)


def describe(event: "Event", about: About, names: Names, *, is_cancelled: bool) -> None:
    """Fill in everything but the UID and the time."""
    from icalendar import Alarm, vCalAddress, vText

    class Text(vText):
        """A text that we escape, because icalendar turns a typed backslash and N into a line break."""

        def to_ical(self) -> bytes:
            return escaped(self).encode()

    named = Text(about.title)
    event.add("sequence", about.revision)
    event.add("dtstamp", about.updated_at)
    event.add("created", about.created_at)
    event.add("last-modified", about.updated_at)
    event.add("summary", named)
    event.add("location", Text(place(names)))
    event.add("description", Text(about.description))
    event.add("status", "CANCELLED" if is_cancelled else "CONFIRMED")
    event.add("transp", "TRANSPARENT" if is_cancelled else "OPAQUE")
    organizer = vCalAddress(f"https://discord.com/users/{about.coach_id}")
    organizer.params["CN"] = vText(names.coach)
    event.add("organizer", organizer)
    event.add("url", f"https://discord.com/channels/{about.guild_id}")
    if not is_cancelled:  # RFC 5546 forbids alarms in a cancellation
        alarm = Alarm()
        alarm.add("action", "DISPLAY")
        alarm.add("description", named)
        alarm.add("trigger", -_REMINDER)
        event.add_component(alarm)


def _alarm(named: "vText") -> "Alarm":
    from icalendar import Alarm  # imported late, like above

    alarm = Alarm()
    alarm.add("action", "DISPLAY")
    alarm.add("description", named)
    alarm.add("trigger", -_REMINDER)
    return alarm


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
    return lesson_title(names, f"session {one.code}", is_coach=viewer_id == one.coach_id)


def lesson_title(names: Names, otherwise: str, *, is_coach: bool) -> str:
    """Name what's for two after the other person, or if the student's name isn't known, after what it is."""
    if not is_coach:
        return f"Coaching with {names.coach}"
    return f"Coaching {names.student}" if names.student else f"Coaching {otherwise} in {names.server}"


def description(one: CoachingSession, names: Names, viewer_id: int | None) -> str:
    """Write what else its reader wants to know, the notes last."""
    seat, lines = one.part_shown_to(viewer_id), [f"Session {one.code}"]
    if viewer_id != one.coach_id:
        lines.append(f"Coach: {names.coach}, {profile(one.coach_id)}")
    elif not one.is_workshop:
        name = f"{names.student}, " if names.student else ""
        lines.append(f"Student: {name}{profile(one.student_id)}")
    if seat is not None:
        lines.append(f"Price: {charge.seat_price(seat)}")
    lines.append(f"{'The' if one.is_workshop else 'Your private'} room opens a few minutes before the start.")
    if seat is not None and seat.notes:
        lines += ["", seat.notes]
    return "\n".join(lines)


def profile(user_id: int) -> str:
    """Return the address of somebody's profile."""
    return f"https://discord.com/users/{user_id}"
