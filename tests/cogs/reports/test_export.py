"""`/coaching export`, from the command to what people and programs read."""

import csv
import io
import re
import zipfile
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from models import Absent, AuditEntry, Base, Coach, CoachingSession, Review, SessionStatus
from scheduler.core import audit
from scheduler.parsing.spreadsheets import BOM, unescape
from tests.cogs.booking.people import Visitor, change_coach
from tests.support import builders
from tests.support.reviewing import reviewed, took_place
from tests.support.simulated import Academy, reply, words
from tests.support.transactions import fetch_all

pytestmark = pytest.mark.usefixtures("open_world")

HOUR = timedelta(hours=1)
ELSEWHERE = 77
TABLES: dict[str, type[Base]] = {
    "sessions": CoachingSession,
    "coaches": Coach,
    "reviews": Review,
    "audit": AuditEntry,
}
OF_PARTICIPANTS = (
    "student_id",
    "participant_status",
    "joined_at",
    "notes",
    "total_cost_minor",
    "booked_cost_minor",
    "credit_minutes",
    "credit_worth_minor",
    "credit_charged_at",
    "charge_waived_at",
    "charge_waived_by",
    "cancelled_late",
    "appealed_at",
    "appeal_reason",
    "appeal_decided_at",
    "appeal_decided_by",
    "late_minutes",
    "membership_due_at",
)


async def booked(world: Academy, hours: float, **changed: Any) -> CoachingSession:
    """Store a session of Cara and Stu that starts in this many hours."""
    return await took_place(
        world, **{"status": SessionStatus.SCHEDULED, "starts_at": world.now + hours * HOUR} | changed
    )


async def files(world: Academy, what: str) -> dict[str, bytes]:
    """Export a table as the admin and return the files by name."""
    answer = await world.admin.slash(world.lobby, "coaching export", what=what)
    return {file.filename: await file.read() for file in reply(answer).attachments}


async def exported(world: Academy, what: str) -> tuple[list[dict[str, str]], list[dict[str, str]]]:
    """Export a table as the admin and return its rows for people and the complete ones."""
    found = await files(world, what)
    return read(found[f"{what}.csv"]), read(found[f"{what}-complete.csv"])


def read(content: bytes) -> list[dict[str, str]]:
    rows = csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline=""))
    return [{key: unescape(value) for key, value in row.items()} for row in rows]


async def test_the_answer_says_which_file_is_which(world: Academy) -> None:
    ada = await Visitor(world, world.admin).slash("coaching export", what="sessions")

    assert [file.filename for file in ada.panel.attachments] == ["sessions.csv", "sessions-complete.csv"]
    assert "**sessions.csv** is for reading, with names, prices and dates. Times in Europe/Berlin." in ada.said
    assert (
        "**sessions-complete.csv** is for other programs, with everything that's stored. Times in UTC." in ada.said
    )
    assert "Keep them safe." in ada.said


async def test_people_read_sessions_in_words_on_their_own_clock(world: Academy) -> None:
    await world.admin.slash(world.lobby, "timezone", place="Asia/Tokyo")
    one = await booked(world, 30, notes="-1+1", ends_at=world.now + 31.5 * HOUR, total_cost_minor=9_000)

    [row], _ = await exported(world, "sessions")

    start = one.starts_at.astimezone(ZoneInfo("Asia/Tokyo"))
    assert row == {
        "Date": f"{start:%Y-%m-%d}",
        "Start": f"{start:%H:%M}",
        "End": f"{start + 1.5 * HOUR:%H:%M}",
        "Time zone": "Asia/Tokyo (UTC+9)",
        "Length": "90 min",
        "Coach": "Cara",
        "Student": "Stu",
        "Status": "Booked",
        "Price": "$90.00",
        "Credit minutes": "",
        "Credit worth": "",
        "Charged": "",
        "Charge waived": "",
        "Notes": "-1+1",
        "Reason for cancelling": "",
        "Code": one.code,
        "Coach ID": str(world.coach.id),
        "Student ID": str(world.student.id),
    }


async def test_statuses_say_who_was_missing_and_what_was_late(world: Academy) -> None:
    decided = {"appealed_at": world.now, "appeal_decided_at": world.now}
    both = {"absent": Absent.BOTH, "coach_appealed_at": world.now}
    await booked(world, -9, status=SessionStatus.NO_SHOW, **both, appealed_at=world.now)
    await booked(world, -7, status=SessionStatus.NO_SHOW, **both, **decided)
    await booked(world, -5, status=SessionStatus.NO_SHOW, absent=Absent.STUDENT)
    await booked(world, -3, status=SessionStatus.CANCELLED, cancelled_late=True, cancel_reason="Ill")
    await booked(world, -1, status=SessionStatus.COMPLETED)

    rows, complete = await exported(world, "sessions")

    assert [row["Status"] for row in rows] == [
        "No-show (both), appealed by student and coach",
        "No-show (both), appealed by coach",
        "No-show (student)",
        "Cancelled (late)",
        "Completed",
    ]
    assert [row["status"] for row in complete] == [*["NO_SHOW"] * 3, "CANCELLED", "COMPLETED"]
    assert [bool(row["appealed_at"]) for row in complete] == [True, True, False, False, False]
    assert [bool(row["coach_appealed_at"]) for row in complete] == [True, True, False, False, False]


async def test_sessions_say_what_became_of_their_credit(world: Academy) -> None:
    paid = {"credit_minutes": 60, "credit_worth_minor": 6_000, "total_cost_minor": 0}
    await booked(world, -3, status=SessionStatus.COMPLETED, credit_charged_at=world.now, **paid)
    await booked(world, -1, status=SessionStatus.COMPLETED, charge_waived_at=world.now, **paid)

    rows, complete = await exported(world, "sessions")

    today = f"{world.now.astimezone(ZoneInfo('Europe/Berlin')):%Y-%m-%d}"
    shown = ("Price", "Credit minutes", "Credit worth", "Charged", "Charge waived")
    assert [[row[name] for name in shown] for row in rows] == [
        ["$0.00", "60", "$60.00", today, ""],
        ["$0.00", "60", "$60.00", "", today],
    ]
    assert complete[0]["credit_charged_at"] == world.now.isoformat()


async def test_the_statement_says_what_each_coach_earned_by_month(world: Academy) -> None:
    paid = {"credit_minutes": 60, "credit_worth_minor": 6_000, "total_cost_minor": 0}
    await booked(world, -3, status=SessionStatus.COMPLETED, credit_charged_at=world.now, **paid)
    await booked(world, -2, status=SessionStatus.COMPLETED)
    await booked(world, -1, status=SessionStatus.CANCELLED)

    ada = await Visitor(world, world.admin).slash("coaching export", what="statement")
    [row], [complete] = await exported(world, "statement")

    assert [file.filename for file in ada.panel.attachments] == ["statement.csv", "statement-complete.csv"]
    assert "Months in Europe/Berlin, the server's time zone." in ada.said
    assert row == {
        "Month": "2026-03",
        "Coach": "Cara",
        "Sessions": "2",
        "Minutes": "120",
        "Minutes with credit": "60",
        "Worth of the credit": "$60.00",
        "Money": "$60.00",
        "Total": "$120.00",
        "Currency": "USD",
        "Coach ID": str(world.coach.id),
    }
    assert complete == {
        "month": "2026-03-01",
        "coach_id": str(world.coach.id),
        "coach_name": "Cara",
        "currency": "USD",
        "sessions": "2",
        "minutes": "120",
        "credit_minutes": "60",
        "credit_worth_minor": "6000",
        "money_minor": "6000",
    }


async def test_people_read_coaches_reviews_and_the_audit_log_in_words(world: Academy) -> None:
    await reviewed(world, 4, '=HYPERLINK("http://evil.example") and, more')
    await world.admin.slash(world.lobby, "coaching set", setting="Currency", value="EUR")

    [coach], _ = await exported(world, "coaches")
    [review], _ = await exported(world, "reviews")
    log, _ = await exported(world, "audit")

    shown = ("Name", "Status", "Rate per hour", "Teaches", "Average stars", "Reviews", "Bookings", "User ID")
    assert [coach[name] for name in shown] == [
        "Cara",
        "Approved",
        "$60.00",
        "Mixing, Mastering",
        "4.0",
        "1",
        "open",
        str(world.coach.id),
    ]
    shown = ("Coach", "Student", "Stars", "Review", "Hidden")
    assert [review[name] for name in shown] == [
        "Cara",
        "Stu",
        "4",
        '=HYPERLINK("http://evil.example") and, more',
        "no",
    ]
    changed = next(row for row in log if row["Details"] == "Currency: USD → EUR")
    shown = ("Time zone", "What happened", "By", "By ID")
    assert [changed[name] for name in shown] == [
        "Europe/Berlin (UTC+1)",
        "Settings changed",
        "Ada",
        str(world.admin.id),
    ]


async def test_people_who_left_keep_their_names_and_deleted_accounts_their_ids(world: Academy) -> None:
    await booked(world, 1)
    await booked(world, 3, student_id=10**17)
    world.guild.remove_member(world.other_student)
    await booked(world, 5, student=world.other_student)

    rows, _ = await exported(world, "sessions")

    assert [(row["Student"], row["Student ID"]) for row in rows] == [
        ("Stu", str(world.student.id)),
        ("", str(10**17)),
        ("Sam", str(world.other_student.id)),
    ]


async def test_programs_get_every_row_and_column_of_this_server_only(world: Academy) -> None:
    await reviewed(world, 4, '=HYPERLINK("http://evil.example")\nand, more')
    one = await booked(world, 30, notes="-1+1")
    async with world.db.begin() as session:
        await builders.a_guild(session, id=ELSEWHERE)
        await builders.a_coach(session, guild_id=ELSEWHERE, user_id=world.coach.id)
        people = {"coach_id": world.coach.id, "student_id": world.student.id}
        await builders.a_session(session, guild_id=ELSEWHERE, reserved=False, **people)

    for what, table in TABLES.items():
        readable, complete = await exported(world, what)
        here: Any = table
        kept = await fetch_all(world.db, select(here).where(here.guild_id == world.guild.id))
        keys = [column.key for column in table.__table__.primary_key]
        assert sorted(tuple(row[key] for key in keys) for row in complete) == sorted(
            tuple(str(getattr(one, key)) for key in keys) for one in kept
        )
        assert list(complete[0]) == [
            *table.__table__.columns.keys(),
            *(OF_PARTICIPANTS if what == "sessions" else ()),
        ]
        assert len(readable) == len(complete)
        assert len(readable[0]) <= 18

    _, complete = await exported(world, "sessions")
    row = next(row for row in complete if row["id"] == str(one.id))
    assert datetime.fromisoformat(row["starts_at"]) == one.starts_at
    assert row["starts_at"].endswith("+00:00")
    assert (row["total_cost_minor"], row["currency"], row["cancelled_at"]) == ("6000", "USD", "")
    assert (row["discord_setup_complete"], row["notes"]) == ("false", "-1+1")


@pytest.mark.parametrize("what", [*TABLES, "statement"])
async def test_an_empty_table_still_has_its_headings(world: Academy, what: str) -> None:
    found = await files(world, what)

    for content in found.values():
        text = content.decode()
        headings = text.removeprefix(BOM).split("\r\n")[0].split(",")
        assert text.startswith(BOM)
        assert len(headings) > 5
        assert all(re.fullmatch(r"[A-Z][A-Za-z -]+|[a-z_]+", heading) for heading in headings)


async def test_times_that_a_clock_change_repeats_are_told_apart(world: Academy) -> None:
    repeated = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    for start in (repeated, repeated + HOUR):
        await booked(world, 0, starts_at=start, ends_at=start + HOUR / 2)

    rows, _ = await exported(world, "sessions")

    assert [(row["Start"], row["Time zone"]) for row in rows] == [
        ("02:30", "Europe/Berlin (UTC+2)"),
        ("02:30", "Europe/Berlin (UTC+1)"),
    ]


async def test_a_zone_that_is_its_own_offset_is_not_doubled(world: Academy) -> None:
    await world.admin.slash(world.lobby, "timezone", place="UTC")
    await booked(world, 1)

    [row], _ = await exported(world, "sessions")

    assert row["Time zone"] == "UTC"


async def test_a_large_export_is_zipped(world: Academy) -> None:
    async with world.db.begin() as session:
        for _ in range(1_200):
            details = {"reason": "x" * 1_000}
            audit.record(session, world.guild.id, "member_blocked", at=world.now, details=details)

    found = await files(world, "audit")

    assert list(found) == ["audit.csv.zip", "audit-complete.csv.zip"]
    for name, content in found.items():
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            assert archive.namelist() == [name.removesuffix(".zip")]
            assert len(read(archive.read(archive.namelist()[0]))) > 1_200


async def test_only_admins_can_export(world: Academy) -> None:
    answer = await world.coach.slash(world.lobby, "coaching export", what="sessions")

    assert words(reply(answer)).startswith("Only admins can do this")


async def test_a_name_that_looks_like_a_formula_stays_text(world: Academy) -> None:
    await change_coach(world, display_name="=1+1")

    found = await files(world, "coaches")

    assert b"\r\n'=1+1,Approved" in found["coaches.csv"]
