"""Calendar files follow RFC 5545 (the format), RFC 5546 (the methods) and RFC 6868 (names in parameters)."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import discord
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from icalendar import Alarm, Calendar

from cogs.cards.calendar import attach
from cogs.cards.calendar_file import Names, calendar_file, file_name
from models import CoachingSession, SessionStatus
from tests.support.builders import COACH, GUILD, MONDAY, STUDENT, session_for_one

SERVER, COACH_NAME, STUDENT_NAME = "Academy", "Cara", "Stu"
NAMES = Names(SERVER, COACH_NAME, STUDENT_NAME)
TYPED = st.text(st.characters(exclude_categories=["Cc", "Cs"], include_characters="\n")) | st.lists(
    st.sampled_from(["\\", "n", "N", ";", ",", ":", "\n", "^", '"', "'", "%2C", "D:\\New", " ", "🎧", "="])
).map("".join)
"""Any text, and text made of the format's own characters."""


def a_row(**changed: Any) -> CoachingSession:
    """Make a booked session of an hour, outside any database."""
    values: dict[str, Any] = {
        "guild_id": GUILD,
        "code": "b7kd2mq",
        "coach_id": COACH,
        "student_id": STUDENT,
        "starts_at": MONDAY + timedelta(hours=2),
        "ends_at": MONDAY + timedelta(hours=3),
        "status": SessionStatus.SCHEDULED,
        "total_cost_minor": 6000,
        "currency": "USD",
        "created_at": MONDAY,
        "updated_at": MONDAY,
        "revision": 0,
    }
    return session_for_one(**values | changed)


STEPS = {
    "booked": a_row(),
    "rescheduled": a_row(
        starts_at=MONDAY + timedelta(hours=5),
        ends_at=MONDAY + timedelta(hours=6),
        updated_at=MONDAY + timedelta(minutes=1, microseconds=7),
        revision=1,
    ),
    "rescheduled twice": a_row(updated_at=MONDAY + timedelta(minutes=2), revision=2),
    "cancelled": a_row(updated_at=MONDAY + timedelta(minutes=3), revision=3, status=SessionStatus.CANCELLED),
}
each_step = pytest.mark.parametrize("step", STEPS)


def parsed(row: CoachingSession, names: Names = NAMES, *, viewer: int = STUDENT) -> tuple[Calendar, Any]:
    """Parse the file with icalendar. Returns the calendar and its one event."""
    [calendar] = Calendar.from_ical(calendar_file(row, names, viewer), multiple=True)
    assert isinstance(calendar, Calendar)
    [event] = calendar.events
    return calendar, event


def lines(row: CoachingSession) -> list[str]:
    """Return the unfolded content lines."""
    return unfolded(calendar_file(row, NAMES, STUDENT))


def unfolded(content: bytes) -> list[str]:
    return content.decode().replace("\r\n ", "").split("\r\n")


def read_by_rfc_5545(content: bytes) -> dict[str, list[str]]:
    """Read the values of each property, undoing escapes letter by letter (RFC 5545, 3.3.11)."""
    found: dict[str, list[str]] = {}
    for line in unfolded(content)[:-1]:
        name, _, value = line.partition(":")
        letters, text = iter(value), ""
        for letter in letters:
            text += letter if letter != "\\" else {"n": "\n", "N": "\n"}.get(after := next(letters), after)
        found.setdefault(name, []).append(text)
    return found


@each_step
def test_lines_end_with_crlf_and_have_at_most_75_octets(step: str) -> None:
    STEPS[step].student.notes = "Ünïcödé 🎧 " * 90

    content = calendar_file(STEPS[step], Names(SERVER * 10, COACH_NAME * 10, STUDENT_NAME), STUDENT)

    assert content.endswith(b"\r\n")
    assert b"\n" not in content.replace(b"\r\n", b"")
    assert b"\r" not in content.replace(b"\r\n", b"")
    physical = content.split(b"\r\n")[:-1]
    assert all(0 < len(line) <= 75 for line in physical)
    assert any(line.startswith(b" ") for line in physical)
    for line in physical:
        line.decode()  # a fold never splits a character
    STEPS[step].student.notes = None


@each_step
def test_the_calendar_names_its_version_product_and_method(step: str) -> None:
    calendar, _ = parsed(STEPS[step])

    assert calendar["version"] == "2.0"
    assert calendar["prodid"] == "-//coachbot//coaching sessions//EN"
    assert calendar["method"] == ("CANCEL" if step == "cancelled" else "PUBLISH")
    written = lines(STEPS[step])
    assert written[0] == "BEGIN:VCALENDAR"
    assert written[-2:] == ["END:VCALENDAR", ""]
    for once in ("VERSION:", "PRODID:", "METHOD:", "CALSCALE:", "BEGIN:VEVENT", "UID:", "DTSTAMP:", "SEQUENCE:"):
        assert sum(line.startswith(once) for line in written) == 1


@each_step
def test_an_event_has_what_its_method_needs_and_nothing_it_forbids(step: str) -> None:
    row = STEPS[step]
    _, event = parsed(row)

    assert event["organizer"] == f"https://discord.com/users/{COACH}"
    assert event["organizer"].params["CN"] == COACH_NAME
    assert event["status"] == ("CANCELLED" if step == "cancelled" else "CONFIRMED")
    assert event["summary"] == "Coaching with Cara"
    assert event["location"] == "Discord: Academy"
    assert (event.start, event.end) == (row.starts_at, row.ends_at)
    for forbidden in ("attendee", "request-status", "duration", "rrule", "recurrence-id"):
        assert forbidden not in event


@each_step
def test_times_are_in_utc(step: str) -> None:
    written = [line for line in lines(STEPS[step]) if re.match("DT|CREATED|LAST-MODIFIED", line)]

    assert len(written) == 5
    assert all(re.fullmatch(r"[A-Z-]+:\d{8}T\d{6}Z", line) for line in written)


def test_a_change_keeps_the_uid_and_raises_sequence_and_timestamp() -> None:
    events = [parsed(row)[1] for row in STEPS.values()]

    assert {event["uid"] for event in events} == {"b7kd2mq@session.coachbot"}
    assert [event["sequence"] for event in events] == [0, 1, 2, 3]
    stamps = [event["dtstamp"].dt for event in events]
    assert stamps == sorted(set(stamps))
    assert stamps[0] == MONDAY


def test_a_booked_session_has_an_alarm_15_minutes_before() -> None:
    _, event = parsed(STEPS["booked"])

    [alarm] = event.walk("VALARM")
    assert isinstance(alarm, Alarm)
    assert alarm["action"] == "DISPLAY"
    assert timedelta(minutes=-15) == alarm.TRIGGER
    assert alarm["description"] == "Coaching with Cara"
    assert event["transp"] == "OPAQUE"


def test_a_cancelled_session_has_no_alarm_and_blocks_no_time() -> None:
    _, event = parsed(STEPS["cancelled"])

    assert event.walk("VALARM") == []
    assert event["transp"] == "TRANSPARENT"


@pytest.mark.parametrize(
    "notes",
    [
        "Commas, semicolons; colons: and \\ backslashes",
        "END:VEVENT\nATTENDEE:mailto:eve@example.org\nBEGIN:VALARM",
        "🎧" * 1000,
        "D:\\New\\Nocturne.als",
    ],
)
def test_notes_are_read_as_they_were_typed(notes: str) -> None:
    _, event = parsed(a_row(notes=notes))

    assert event["description"] == (
        f"Session b7kd2mq\nCoach: Cara, https://discord.com/users/{COACH}\nPrice: $60.00\n"
        "Your private room opens a few minutes before the start.\n\n" + notes
    )
    assert "attendee" not in event
    assert len(event.subcomponents) == 1


@given(notes=TYPED, server=TYPED, name=TYPED, viewer=st.sampled_from([COACH, STUDENT]))
@example("D:\\New\\Nocturne.als", "\\N", "\\N", COACH)
def test_any_text_is_read_back_by_icalendar_and_by_the_rfc(
    notes: str, server: str, name: str, viewer: int
) -> None:
    names = Names(server, name, name)
    content = calendar_file(a_row(notes=notes), names, viewer)

    _, event = parsed(a_row(notes=notes), names, viewer=viewer)
    by_hand = read_by_rfc_5545(content)

    title = f"Coaching {name}" if viewer == COACH and name else f"Coaching with {name}"
    if viewer == COACH and not name:
        title = f"Coaching session b7kd2mq in {server}"
    assert by_hand["SUMMARY"] == [str(event["summary"])] == [title]
    assert by_hand["LOCATION"] == [str(event["location"])] == [f"Discord: {server}"]
    description, alarm = by_hand["DESCRIPTION"]
    assert description == str(event["description"])
    assert description.endswith(f"\n\n{notes}" if notes else "before the start.")
    assert alarm == title
    assert all(len(line) <= 75 for line in content.split(b"\r\n"))
    assert sorted(event) == sorted(parsed(a_row())[1])


@pytest.mark.parametrize(
    "name",
    [
        "\\Nora\\n",
        "Cara: mixing; mastering, more",
        "Ça ra 🎧",
        "^n^^",
        "C" * 100,
        'Cara "Bass" B.',
        'A":mailto:eve@example.org',
    ],
)
def test_any_name_can_be_the_organizers(name: str) -> None:
    _, event = parsed(a_row(), Names(SERVER, name, None))

    assert event["summary"] == f"Coaching with {name}"
    assert event["organizer"].params["CN"] == name
    assert event["organizer"] == f"https://discord.com/users/{COACH}"


@pytest.mark.parametrize(
    "starts_at",
    [
        datetime(2026, 3, 29, 0, 30, tzinfo=UTC),  # clocks go forward in Berlin
        datetime(2026, 10, 25, 0, 30, tzinfo=UTC),  # clocks go back
        datetime(2026, 12, 31, 23, 30, tzinfo=UTC),
    ],
)
def test_clock_changes_and_midnight_do_not_change_the_length(starts_at: datetime) -> None:
    _, event = parsed(a_row(starts_at=starts_at, ends_at=starts_at + timedelta(minutes=90)))

    assert event.start == starts_at
    assert event.end - event.start == timedelta(minutes=90)


def test_the_attached_file_is_named_after_the_session() -> None:
    row = a_row()

    (shown, _), (name, content) = attach(row, NAMES, STUDENT)

    assert name == file_name(row) == "session-b7kd2mq.ics"
    assert isinstance(shown, discord.ui.File)
    assert shown.media.url == "attachment://session-b7kd2mq.ics"
    assert content == calendar_file(row, NAMES, STUDENT)


@each_step
def test_the_coachs_file_names_the_student_and_is_the_same_otherwise(step: str) -> None:
    _, for_student = parsed(STEPS[step])
    _, for_coach = parsed(STEPS[step], viewer=COACH)

    assert for_coach["summary"] == "Coaching Stu"
    assert [str(one["description"]) for one in for_coach.subcomponents] == (
        [] if step == "cancelled" else ["Coaching Stu"]
    )
    assert f"\nStudent: Stu, https://discord.com/users/{STUDENT}\n" in str(for_coach["description"])
    assert f"\nCoach: Cara, https://discord.com/users/{COACH}\n" in str(for_student["description"])
    assert {name for name in for_student if for_student[name] != for_coach[name]} == {"SUMMARY", "DESCRIPTION"}


def test_without_the_students_name_the_title_has_the_code() -> None:
    _, event = parsed(a_row(), Names(SERVER, COACH_NAME, None), viewer=COACH)

    assert event["summary"] == "Coaching session b7kd2mq in Academy"
    assert f"\nStudent: https://discord.com/users/{STUDENT}\n" in str(event["description"])


def test_a_free_session_says_so() -> None:
    _, event = parsed(a_row(total_cost_minor=0))

    assert "\nPrice: free\n" in str(event["description"])
