"""A session as a calendar file (.ics) that Google, Apple and Outlook import.

Rules: RFC 5545 (the format), RFC 5546 (what each method needs and forbids), RFC 7986 (COLOR is left out).
"""

from datetime import timedelta

from cogs import ui
from models import CoachingSession, SessionStatus
from scheduler.money import write_money

_REMINDER = timedelta(minutes=15)


def file_name(one: CoachingSession) -> str:
    """What the file is called."""
    return f"session-{one.code}.ics"


def calendar_file(one: CoachingSession, server: str, coach_name: str, viewer_id: int | None) -> bytes:
    """The session as it is now, for one of its people: published, or taken back if it was cancelled.

    Its UID stays the same for good and its SEQUENCE grows with each change, so that a calendar that has an
    older version replaces it; both are the same for coach and student. `server` is the Discord server's name.
    """
    from icalendar import Alarm, Calendar, Event, vCalAddress, vText  # loaded with the first file

    cancelled = one.status is SessionStatus.CANCELLED
    # What a student is called is stored nowhere, and Discord does not say without being asked.
    title = f"Coaching session in {server}" if viewer_id == one.coach_id else f"Coaching with {coach_name}"
    event = Event()
    event.add("uid", f"{one.code}@session.coachbot")
    event.add("sequence", one.revision)
    event.add("dtstamp", one.updated_at)
    event.add("created", one.created_at)
    event.add("last-modified", one.updated_at)
    event.add("dtstart", one.starts_at)
    event.add("dtend", one.ends_at)
    event.add("summary", title)
    event.add("location", f"Discord: {server}")
    event.add("description", _description(one))
    event.add("status", "CANCELLED" if cancelled else "CONFIRMED")
    event.add("transp", "TRANSPARENT" if cancelled else "OPAQUE")
    organizer = vCalAddress(f"https://discord.com/users/{one.coach_id}")
    organizer.params["CN"] = vText(coach_name)
    event.add("organizer", organizer)
    event.add("url", f"https://discord.com/channels/{one.guild_id}")
    if not cancelled:  # RFC 5546 forbids alarms in a cancellation
        alarm = Alarm()
        alarm.add("action", "DISPLAY")
        alarm.add("description", title)
        alarm.add("trigger", -_REMINDER)
        event.add_component(alarm)
    calendar = Calendar()
    calendar.add("prodid", "-//coachbot//coaching sessions//EN")
    calendar.add("version", "2.0")
    calendar.add("calscale", "GREGORIAN")
    calendar.add("method", "CANCEL" if cancelled else "PUBLISH")
    calendar.add_component(event)
    return calendar.to_ical()


def attached(
    one: CoachingSession, server: str, coach_name: str, viewer_id: int | None
) -> tuple[ui.Attachment, tuple[str, bytes]]:
    """The part of a panel that shows the file, and the file for `Panel(files=…)`."""
    name = file_name(one)
    return ui.attachment(name), (name, calendar_file(one, server, coach_name, viewer_id))


def _description(one: CoachingSession) -> str:
    lines = [
        f"Session {one.code}",
        f"Price: {write_money(one.total_cost_minor, one.currency)}",
        "Your private room opens a few minutes before the start.",
    ]
    if one.notes:
        lines += ["", one.notes]
    return "\n".join(lines)
