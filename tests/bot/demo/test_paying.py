"""Paying in the demo: the tour's steps, the page to pay on, and what its Stripe knows after a restart."""

import datetime as dt
import re
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import pytest
from aiohttp.test_utils import TestClient, TestServer
from sqlalchemy import select

from bot.demo.front import Front
from bot.demo.payments.stripe_account import ADDRESS
from bot.demo.server import page_of
from bot.demo.stage import DIRECT, Stage, open_stage
from bot.demo.tour import tour
from models import CoachingSession, Guild, Payment, PaymentStatus, Refund, RefundStatus
from models.storage.database import Database
from scheduler.core.actor import Actor
from scheduler.credits import packages
from scheduler.credits.packages import PackageTerms
from tests.cogs.booking.people import BUTTON, Visitor, components
from tests.support.simulated import words
from tests.support.transactions import fetch_all

LINK = 5
TIME_OF_DAY = re.compile(r"\d{1,2}:\d{2}")


class Opened(NamedTuple):
    """A demo that's open, and a browser without JavaScript."""

    stage: Stage
    browser: Any


@pytest.fixture
async def opened(kept: Database) -> AsyncIterator[Opened]:
    front = Front("127.0.0.1")
    async with open_stage(kept) as stage, page_of(stage) as page, TestClient(TestServer(front.app())) as browser:
        front.open(page)
        yield Opened(stage, browser)
        assert stage.faults.lines == []


def person(stage: Stage, key: str) -> Visitor:
    world: Any = stage.world
    return Visitor(world, world.people[key].member)


def path_of(panel: Any, label: str) -> str:
    """Return where a link of Stripe's leads in the demo."""
    [url] = [one["url"] for one in components(panel, BUTTON) if one.get("style") == LINK and one["label"] == label]
    assert url.startswith(ADDRESS)
    return url.removeprefix(ADDRESS)


async def begin_to_pay(stage: Stage) -> str:
    """Let Sam choose a time with Theo, and return where the page to pay on is."""
    sam = await person(stage, "student2").slash("book", coach="Theo")
    first = next(label for label in sam.buttons if TIME_OF_DAY.match(label))
    await sam.press(first, "Pay €70.00")
    return path_of(sam.panel, "Pay €70.00")


async def text_of(browser: Any, path: str) -> str:
    return await (await browser.get(path)).text()


async def done(stage: Stage) -> list[str]:
    return [step.title for step in await tour(stage) if step.done]


async def payments(stage: Stage) -> list[Payment]:
    return await fetch_all(stage.db, select(Payment))


async def last_dm(stage: Stage, key: str) -> Any:
    [*_, last] = stage.world.people[key].member.user.dm_channel.history()
    return last


@pytest.mark.slow
async def test_the_tour_pays_cancels_and_sees_the_refund(opened: Opened) -> None:
    stage, browser = opened
    path = await begin_to_pay(stage)

    page = await text_of(browser, path)
    for shown in (
        "This is a demo; no money moves.",
        "Riverside Music Academy",
        "60 minutes of coaching with Theo",
        "Tuesday 3 March 2026, 18:00–19:00 (Europe/Berlin)",
        "Pay €70.00</button>",
        "You have 32 minutes to pay.",
    ):
        assert shown in page
    assert "Paid ✓" in await (await browser.post(path)).text()
    assert await done(stage) == ["Pay by card"]

    booked = await last_dm(stage, "student2")
    assert "Session booked" in words(booked)
    receipt = await text_of(browser, path_of(booked, "Receipt"))
    assert "€70.00" in receipt
    assert "Refunded" not in receipt
    assert await done(stage) == ["Pay by card", "Look at the receipt"]

    sam = await person(stage, "student2").slash("sessions")
    choice = {"What you paid": ["Back to my card"]}
    cancel = [one["custom_id"] for one in components(sam.panel, BUTTON) if one.get("label") == "Cancel…"]
    await sam.send(await sam.person.click(sam.panel, custom_id=cancel[1]), **choice, Reason="")
    told = await last_dm(stage, "student2")
    assert "€70.00 (TEST: no money moves)" in words(told)
    assert "Refunded" in await text_of(browser, path_of(told, "Receipt"))
    assert "Read about the refund" not in await done(stage)
    await stage.become("student2")
    await stage.go(DIRECT)
    await stage.become("admin")
    ada = await person(stage, "admin").slash("coaching payments")
    assert "(TEST) €70.00 paid, €70.00 refunded" in ada.said
    await stage.go(str(stage.world.lobby.id))
    assert await done(stage) == [
        "Pay by card",
        "Look at the receipt",
        "Cancel in time",
        "Read about the refund",
        "See what came in",
    ]


async def test_paying_twice_books_once_and_charges_once(opened: Opened) -> None:
    stage, browser = opened
    path = await begin_to_pay(stage)
    before = await fetch_all(stage.db, select(CoachingSession))

    pages = [await (await browser.post(path)).text() for _ in range(2)]

    assert ["Paid ✓" in page for page in pages] == [True, True]
    assert len(await fetch_all(stage.db, select(CoachingSession))) == len(before) + 1
    assert len(stage.stripe.intents) == 1


@pytest.mark.slow
async def test_pages_that_cannot_be_paid_say_so(opened: Opened) -> None:
    stage, browser = opened
    path = await begin_to_pay(stage)
    await stage.jump(dt.timedelta(minutes=35))

    closed = await (await browser.post(path)).text()
    unknown = [await browser.get(one) for one in ("/pay/nobody", "/receipt/nobody", "/pay/", "/receipt/../x")]
    foreign = await browser.post(path, headers={"Origin": "http://evil.example"})

    assert "This page is closed" in closed
    assert stage.stripe.intents == {}
    assert "Not paid, so not booked" in words(await last_dm(stage, "student2"))
    assert [one.status for one in unknown[:3]] == [404] * 3
    assert "no such payment in this demo" in await unknown[0].text()
    assert (foreign.status, (await browser.post("/pay/nobody")).status) == (403, 404)


async def test_names_on_a_page_are_only_text(opened: Opened) -> None:
    stage, browser = opened
    async with stage.db.begin() as session:
        guild = await session.get_one(Guild, stage.world.guild.id)
        admin = Actor(stage.world.people["admin"].member.id, is_admin=True)
        terms = PackageTerms('<b id="x">&amp; $title</b>', 60, 50_00, "EUR")
        await packages.save(session, guild, admin, terms, stage.now)
    sam = await person(stage, "student2").slash("credits")
    [first, _] = [one["custom_id"] for one in components(sam.panel, BUTTON) if one.get("label") == "Buy…"]
    sam.take(await sam.person.click(sam.panel, custom_id=first))
    await sam.press("Pay €50.00 by card")

    page = await text_of(browser, path_of(sam.panel, "Pay €50.00"))

    assert "&lt;b id=&quot;x&quot;&gt;&amp;amp; $title&lt;/b&gt;" in page
    assert "60 minutes of credit" in page


@pytest.mark.slow
async def test_a_kept_demo_remembers_what_was_paid(kept: Database) -> None:
    async with open_stage(kept) as stage:
        await stage.pay("cs_" + (await begin_to_pay(stage)).removeprefix("/pay/"))
        [paid] = await payments(stage)
        await begin_to_pay(stage)
    async with open_stage(kept) as stage:
        assert [one["status"] for one in stage.stripe.checkouts.values()] == ["complete", "open"]
        ada = await person(stage, "admin").slash("coaching payments")
        await ada.press("Refund…", "Refund")
        sam = await person(stage, "student2").slash("sessions")
        await sam.press("Don't pay")
        [refund], [first, second] = await fetch_all(kept, select(Refund)), await payments(stage)

    assert (refund.payment_id, refund.status) == (paid.id, RefundStatus.DONE)
    assert (first.status, second.status) == (PaymentStatus.PAID, PaymentStatus.EXPIRED)
    async with open_stage(kept) as stage:
        assert [one["status"] for one in stage.stripe.checkouts.values()] == ["complete", "expired"]
        assert [one["amount"] for one in stage.stripe.refunds.values()] == [7000]
