"""Put a session into a calendar: by a file, or by a link to Google Calendar or Outlook."""

from datetime import UTC, datetime
from typing import NamedTuple
from urllib.parse import quote

from cogs import ui
from cogs.cards import calendar_file
from cogs.cards.calendar_file import Names, file_name
from models import CoachingSession, ParticipantStatus, SessionStatus
from scheduler.sessions.lessons import OneOf

LONGEST_URL = 512
"""Discord's limit for a button's address, in characters."""
_LONGEST_TITLE, _LONGEST_PLACE = 120, 80
"""Encoded, so that the address has room for the rest."""


class _Form(NamedTuple):
    """How a calendar's web page takes an event."""

    address: str
    time: str
    """For `strftime`, in UTC."""
    fields: str
    """What follows the address. Text comes last, because that's what is cut."""


_FORMS = {
    "Google Calendar": _Form(
        "https://calendar.google.com/calendar/render?action=TEMPLATE",
        "%Y%m%dT%H%M%SZ",
        "&dates={start}/{end}&text={title}&location={place}&details=",
    ),
    "Outlook": _Form(
        "https://outlook.live.com/calendar/0/action/compose?rru=addevent",
        "%Y-%m-%dT%H:%M:%SZ",
        "&startdt={start}&enddt={end}&subject={title}&location={place}&body=",
    ),
}
"""By their labels."""


class InCalendar(NamedTuple):
    """What a panel shows, and the file that goes with it."""

    items: list[ui.Item]
    file: tuple[str, bytes]
    """For `Panel(files=…)`."""


def attach(
    one: CoachingSession,
    names: Names,
    viewer_id: int | None,
    *,
    receipt_url: str | None = None,
    lesson: OneOf | None = None,
) -> InCalendar:
    """Attach the calendar file, with links below, also to the receipt of what was paid by card.

    One of weekly lessons has no links, because the file of all lessons has it already (`lesson`).

    A cancelled session has no links to calendars: only its file removes it.
    """
    name, links = file_name(one), []
    seat = one.participant(viewer_id)
    has_left = seat is not None and seat.status is ParticipantStatus.LEFT
    if one.status is not SessionStatus.CANCELLED and not has_left and lesson is None:
        links = [ui.link(label, address(label, one, names, viewer_id)) for label in _FORMS]
    if receipt_url is not None:
        links.append(ui.link("Receipt", receipt_url))
    items: list[ui.Item] = [ui.attachment(name), *ui.rows(*links)]
    recurrence = lesson.recurrence if lesson is not None else None
    return InCalendar(items, (name, calendar_file.calendar_file(one, names, viewer_id, recurrence=recurrence)))


def address(label: str, one: CoachingSession, names: Names, viewer_id: int | None) -> str:
    """Return the address that opens the calendar with this label, with the session filled in."""
    form = _FORMS[label]

    def time(at: datetime) -> str:
        return at.astimezone(UTC).strftime(form.time)

    event = form.address + form.fields.format(
        start=time(one.starts_at),
        end=time(one.ends_at),
        title=_encoded(calendar_file.title(one, names, viewer_id), _LONGEST_TITLE),
        place=_encoded(calendar_file.place(names), _LONGEST_PLACE),
    )
    about = calendar_file.description(one, names, viewer_id)
    return event + _encoded(about, LONGEST_URL - len(event))


def _encoded(text: str, most: int) -> str:
    """Percent-encode a text, cut to `most` characters with "…". Spaces aren't "+", which Outlook would show."""
    if len(whole := quote(text, safe="")) <= most:
        return whole
    end = quote("…")
    kept = ""
    for letter in text:
        if len(kept) + len(encoded := quote(letter, safe="")) + len(end) > most:
            break
        kept += encoded
    return kept + end
