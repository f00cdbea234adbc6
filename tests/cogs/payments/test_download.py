"""Payments as a CSV file: every row, in whole units, safe to open in a spreadsheet."""

import csv
import io

import pytest

from models import Guild
from models.storage.database import Database
from scheduler.core.actor import Actor
from scheduler.credits import packages
from scheduler.credits.packages import PackageTerms
from scheduler.parsing.spreadsheets import unescape
from tests.cogs.booking.people import Visitor
from tests.cogs.payments.test_paying import taking_cards, wake
from tests.support.simulated import reply, words


@pytest.fixture
def engine_name() -> str:
    return "sqlite"


async def test_admins_download_a_month_of_payments(db: Database) -> None:
    async with taking_cards(db) as (world, server):
        terms = PackageTerms('=HYPERLINK("https://evil.example")', 300, 25050, "USD")
        async with db.begin() as session:
            guild = await session.get_one(Guild, world.guild.id)
            await packages.save(session, guild, Actor(world.admin.id, is_admin=True), terms, world.now)
        stu = await Visitor(world, world.student).book()
        await stu.press("14:00", "Pay $60.00")
        server.pay("cs_1")
        await stu.press("I've paid")
        await stu.send(await stu.open_form("Cancel…"), **{"What you paid": ["Back to my card"], "Reason": ""})
        await wake(world)
        await (await stu.slash("credits")).press("Buy…", "Pay $250.50 by card")

        ada = await Visitor(world, world.admin).slash("coaching payments")
        panel = ada.panel
        assert ada.options("payments:csv") == ["All payments", "March 2026"]
        await ada.choose("payments:csv", "March 2026")

        [file] = ada.answer.attachments
        assert file.filename == "payments-2026-03.csv"
        assert "made or paid back in March 2026" in ada.said
        content = (await file.read()).decode("utf-8-sig")
        session_row, package_row = csv.DictReader(io.StringIO(content, newline=""))
        assert session_row == session_row | {
            "Date": "2026-03-02",
            "Student": "Stu",
            "Coach": "Cara",
            "Package": "",
            "Amount": "60.00",
            "Currency": "USD",
            "State": "paid",
            "Refund": "done",
            "Refunded": "60.00",
            "Refunded on": "2026-03-02",
            "Mode": "TEST",
            "Student ID": f"'{world.student.id}",
        }
        assert package_row == package_row | {"Amount": "250.50", "State": "open", "Refund": "", "Coach": ""}
        assert package_row["Package"].startswith("'=")
        assert unescape(package_row["Package"]) == terms.name

        ada.panel = panel
        await ada.choose("payments:csv", "All payments")
        assert [one.filename for one in ada.answer.attachments] == ["payments.csv"]
        for ordinal in ("1", "3652059", "9" * 18):
            answer = await world.press_custom_id(world.admin, "payments:csv", picked=[ordinal])
            assert "Something went wrong" not in words(reply(answer))
        answer = await world.press_custom_id(world.student, "payments:csv", picked=["0"])
        assert "Only admins can do this." in words(reply(answer))
        assert reply(answer).attachments == []
