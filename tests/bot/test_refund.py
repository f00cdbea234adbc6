"""`coachbot refund`: money back for what a removed bot left, once, with clear words."""

import logging

import pytest

from bot.cli.exit import FAILED, USAGE_ERROR, Stop
from bot.cli.refund import refund
from models import RefundStatus
from models.storage.database import Database
from scheduler.notifications import bot_removal
from scheduler.payments import choices
from tests.support.bookings import STU
from tests.support.builders import GUILD
from tests.support.payments import Till, till
from tests.support.stripe_server import Fault
from tests.support.transactions import transact


async def the_code(here: Till) -> str:
    [payment] = await here.payments()
    return payment.code


async def run(here: Till, code: str) -> str:
    """Return what it says, with the exit code if that isn't 0."""
    try:
        return await refund(here.db, here.api, code, here.clock)
    except Stop as stop:
        return f"{stop.code}: {stop}"


async def test_a_removed_bots_log_names_what_is_paid_and_the_command_pays_it_back_once(
    db: Database, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    async with till(db) as here:
        await here.paid()
        code = await the_code(here)
        await transact(db, bot_removal.record_removal, GUILD, here.now)
        assert caplog.messages[-1].endswith(f"`coachbot refund CODE` pays one back: {code}")

        said = [await run(here, code), await run(here, code)]

        assert said[0].startswith(f"{code}: $60.00 paid back to the person with the Discord id ")
        assert said == [said[0]] * 2
        assert [one["amount"] for one in here.server.refunds.values()] == [6000]


async def test_nothing_is_said_about_sessions_that_are_not_paid(
    db: Database, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    async with till(db) as here:
        await here.start()
        await transact(db, bot_removal.record_removal, GUILD, here.now)

    assert caplog.messages == [f"guild {GUILD}: the bot was removed; paused until it's back"]


async def test_each_refusal_says_why(db: Database) -> None:
    async with till(db) as here:
        await here.start()
        code = await the_code(here)
        assert (await run(here, "nosuch")).startswith(f"{FAILED}: there's no payment nosuch;")
        assert await run(here, code) == f"{FAILED}: {code} hasn't been paid (open), so there's nothing to pay back"
        here.server.pay("cs_1")
        await here.tick()
        here.api._key = "sk_live_x"
        assert (await run(here, code)).startswith(f"{USAGE_ERROR}: {code} was paid with a test key: set")
        here.api._key = here.server.key

        here.server.fail("POST", "/refunds", Fault.BEFORE_500)
        assert "is owed, but not paid back yet: Stripe is busy or failing (HTTP 500)." in await run(here, code)
        here.server.refund_in_dashboard("pi_2", 100)
        assert "can't be paid back: Stripe refused it: It has been refunded." in await run(here, code)
        [refused] = await here.refunds()
        assert refused.status is RefundStatus.FAILED


async def test_what_was_kept_as_credit_is_not_paid_back(db: Database) -> None:
    async with till(db) as here:
        session_id = await here.paid()
        await transact(db, choices.cancel, session_id, STU, GUILD, "", here.now, as_credit=True)

        said = await run(here, await the_code(here))

        assert "keeps the $60.00 as credit, so there's nothing to pay back. If you still have to" in said
        assert here.server.refunds == {}
