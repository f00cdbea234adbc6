"""Links to Google Calendar and Outlook: their times, their text, and Discord's limit for addresses."""

from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import discord
import pytest
from hypothesis import example, given

from cogs.cards.calendar import LONGEST_URL, address, attach
from cogs.cards.calendar_file import Names
from models import SessionStatus
from tests.cogs.cards.test_calendar_file import COACH, NAMES, STUDENT, TYPED, a_row

BOTH = pytest.mark.parametrize("label", ["Google Calendar", "Outlook"])


def fields(url: str) -> dict[str, str]:
    """Read the address as a browser does."""
    return {name: value for name, [value] in parse_qs(urlsplit(url).query, strict_parsing=True).items()}


def test_google_calendar_gets_times_and_text() -> None:
    url = address("Google Calendar", a_row(notes="Verse & chorus"), NAMES, STUDENT)

    assert url.startswith("https://calendar.google.com/calendar/render?")
    assert fields(url) == {
        "action": "TEMPLATE",
        "dates": "20260302T100000Z/20260302T110000Z",
        "text": "Coaching with Cara",
        "location": "Discord: Academy",
        "details": f"Session b7kd2mq\nCoach: Cara, https://discord.com/users/{COACH}\nPrice: $60.00\n"
        "Your private room opens a few minutes before the start.\n\nVerse & chorus",
    }


def test_outlook_gets_times_and_text() -> None:
    url = address("Outlook", a_row(), NAMES, COACH)

    assert url.startswith("https://outlook.live.com/calendar/0/action/compose?")
    found = fields(url)
    assert datetime.fromisoformat(found["startdt"]) == datetime(2026, 3, 2, 10, tzinfo=UTC)
    assert datetime.fromisoformat(found["enddt"]) == datetime(2026, 3, 2, 11, tzinfo=UTC)
    assert (found["rru"], found["subject"], found["location"]) == ("addevent", "Coaching Stu", "Discord: Academy")
    assert found["body"].startswith(f"Session b7kd2mq\nStudent: Stu, https://discord.com/users/{STUDENT}\n")
    assert "+" not in url


@BOTH
@given(notes=TYPED, name=TYPED.filter(bool), server=TYPED)
@example("", "🎧" * 100, "🎧" * 100)
@example("🎧" * 1000, "Cara", "Academy")
def test_any_text_fits_into_the_address(label: str, notes: str, name: str, server: str) -> None:
    url = address(label, a_row(notes=notes), Names(server, name, None), STUDENT)

    assert len(url) <= LONGEST_URL
    title = fields(url)["text" if label == "Google Calendar" else "subject"]
    whole = f"Coaching with {name}"
    assert title == whole or (title.endswith("…") and whole.startswith(title[:-1]))
    assert url.isascii()


def test_a_cancelled_session_has_only_the_file_that_removes_it() -> None:
    cancelled, booked = (
        attach(a_row(status=one), NAMES, STUDENT) for one in (SessionStatus.CANCELLED, SessionStatus.SCHEDULED)
    )

    assert [type(one) for one in cancelled.items] == [discord.ui.File]
    assert [type(one) for one in booked.items] == [discord.ui.File, discord.ui.ActionRow]
    assert booked.file[0] == "session-b7kd2mq.ics"
