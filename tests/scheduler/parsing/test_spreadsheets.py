"""Exported text in spreadsheets: nothing runs, nothing is cut or rounded, and it can all be read back."""

import csv
import io
import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from models import Coach
from models.storage.database import Database
from scheduler.core import audit
from scheduler.parsing.spreadsheets import BOM, escape, unescape
from scheduler.reports import export
from tests.support.builders import ADMIN, COACH, GUILD, MONDAY, a_coach, a_guild, a_session

RUNS = tuple("=+-@＝＋－＠")
SEPARATORS = (",", ";", "\t")

any_text = st.text(
    st.one_of(st.sampled_from("=+-@＝＋－＠,;\t\r\n\"' '1\u00a0\u200bx"), st.characters(codec="utf-8")),
    max_size=20,
).filter(lambda text: "\0" not in text)  # neither database can store it


def cells_seen(content: str) -> list[str]:
    """Return every cell someone could see, whatever the separator, with and without quotes and line breaks."""
    seen: list[str] = []
    for separator in SEPARATORS:
        seen += [one for row in csv.reader(io.StringIO(content, newline=""), delimiter=separator) for one in row]
        for line in re.split(r"\r\n|\r|\n", content):
            seen += [one for row in csv.reader([line], delimiter=separator) for one in row]
            seen += line.split(separator)
    return seen


def is_harmless(seen: str) -> bool:
    """Return whether it's only text to a spreadsheet, which may strip spaces and quotes first."""
    bare = seen.lstrip(' \u00a0\u200b\ufeff"')
    return not (bare.startswith(RUNS) or seen.startswith(("\t", "\r")))


def a_file(*texts: str) -> str:
    """Return a CSV file with these texts between our own numbers."""
    written = io.StringIO(newline="")
    csv.writer(written).writerows([["1", *map(escape, texts), "2"], ["3", *map(escape, texts), "4"]])
    return written.getvalue()


@settings(max_examples=400)
@given(any_text, any_text)
@example("x;=1+1", "hello\n=1+1")
@example("＝1+1", "\t=1")
@example('x;"=1+1', 'a,"\n"=1')
@example("a\r=1", "a\r\n=1")
@example("1,-1", "1\n-1")
def test_no_cell_starts_like_a_formula_whatever_the_separator(one: str, other: str) -> None:
    assert [seen for seen in cells_seen(a_file(one, other)) if not is_harmless(seen)] == []


@pytest.mark.parametrize("unseen", [" ", '"', "\u00a0", "\u00ad", "\u200b", "\u200f", "\u2060", "\ufeff"])
@pytest.mark.parametrize("sign", "=+-@＝＋－＠﹦﹢﹣﹫")
def test_a_formula_after_invisible_characters_is_escaped(unseen: str, sign: str) -> None:
    assert escape(f"{unseen}{sign}1") == f"'{unseen}{sign}1"


def test_escaping_does_not_split_a_line_break() -> None:
    assert escape("a\r\n=1") == "a\r\n'=1"


@settings(max_examples=400)
@given(any_text)
@example("'=1")
@example("''")
@example("a\r'\n=1")
@example("\r\n'\n\n=")
@example("12345678901234567890")
def test_every_text_can_be_read_back(text: str) -> None:
    [first, _] = csv.reader(io.StringIO(a_file(text), newline=""))

    assert unescape(first[1]) == text


@pytest.mark.parametrize(
    "text", ["Réverb", 'it\'s 3-4 days; bring "all"', "a\n\nb", "https://example.org/?a=b", "x-y"]
)
def test_harmless_text_is_not_changed(text: str) -> None:
    assert escape(text) == text


@pytest.mark.parametrize("text", ["1e10", "007", "1-2", "3/4", "123456789012345678", "1,5"])
def test_text_that_looks_like_a_number_or_date_stays_text(text: str) -> None:
    assert escape(text) == f"'{text}"


async def exported(db: Database, what: str) -> str:
    async with db.read() as session:
        return "".join([piece async for piece in export.complete_csv(session, what, GUILD, ADMIN)])


def read(content: str) -> list[dict[str, str]]:
    """Read the file as the README says: without the BOM, and each cell with `unescape`."""
    rows = csv.DictReader(io.StringIO(content.encode().decode("utf-8-sig"), newline=""))
    return [{key: unescape(value) for key, value in row.items()} for row in rows]


async def test_an_exported_file_survives_excel_and_python(db: Database) -> None:
    texts: dict[str, Any] = {
        "bio": 'x;=1+1\n"=2,＝3"',
        "experience": "\t@SUM(1)",
        "portfolio": "1e10",
        "display_name": "Réverb",
    }
    server, somebody = 1477938511872000006, 1477938511872000015
    async with db.begin() as session:
        await a_guild(session)
        await a_coach(session, **texts)
        await a_coach(session, user_id=somebody)
        await a_session(session, coach_id=somebody, student_id=server, notes="+49 30 1234")

    coaches, sessions = await exported(db, "coaches"), await exported(db, "sessions")

    assert coaches.startswith(BOM)
    assert coaches.count(BOM) == 1
    for content in (coaches, sessions):
        seen = cells_seen(content)
        assert [one for one in seen if not is_harmless(one)] == []
        assert [one for one in seen if re.fullmatch(r"\d{16,}", one)] == [], "a spreadsheet rounds it"
    [first, second] = read(coaches)
    assert {key: first[key] for key in texts} == texts
    assert (first["user_id"], second["user_id"]) == (str(COACH), str(somebody))
    assert json.loads(first["durations_minutes"]) == [60, 30, 90]
    [row] = read(sessions)
    assert (row["student_id"], row["notes"], row["total_cost_minor"]) == (str(server), "+49 30 1234", "6000")


async def test_json_in_a_cell_is_harmless_and_can_be_read_back(db: Database) -> None:
    details = {"reason": "Réverb;=1+1", "of": None}
    async with db.begin() as session:
        await a_guild(session)
        audit.record(session, GUILD, "member_blocked", at=MONDAY, details=details)

    content = await exported(db, "audit")

    assert [one for one in cells_seen(content) if not is_harmless(one)] == []
    assert "Réverb" in content
    [row] = read(content)
    assert json.loads(row["details"]) == details


def test_every_exported_discord_id_is_text() -> None:
    kinds: dict[str, Any] = {column.key: type(column.type).__name__ for column in Coach.__table__.columns}

    assert {key for key, kind in kinds.items() if kind == "DiscordId"} == {"guild_id", "user_id", "decided_by"}
    assert kinds["rate_minor"] == "BigInteger"


def test_the_readme_shows_how_to_read_a_cell() -> None:
    text = "x;=1+1\n'quoted', -3"
    readme = (Path(__file__).parents[3] / "cogs" / "README.md").read_text("utf-8")
    [pattern] = re.findall(r're\.sub\(r"(.+)", "", cell\)', readme)

    assert re.sub(pattern, "", escape(text)) == text != escape(text)
