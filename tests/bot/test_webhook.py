"""Stripe's webhook: it hurries a payment, for Stripe only, and each event once."""

import asyncio
import contextlib
import datetime as dt
import json
import logging
from collections.abc import AsyncIterator, Awaitable
from dataclasses import dataclass
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer
from sqlalchemy import select

from bot import web
from bot.app import CoachBot
from bot.demo import simcord_private
from bot.stripe_api import webhook
from models import PaymentMode, StripeEvent
from models.storage.database import Database
from scheduler.payments import due
from scheduler.servers.settings import GuildDefaults
from tests.cogs.booking.people import Visitor
from tests.cogs.payments.test_paying import taking_cards
from tests.support.builders import DAY, MINUTE, MONDAY
from tests.support.payments import till
from tests.support.stripe_server import WEBHOOK_SECRET, StripeServer
from tests.support.transactions import fetch_all, transact

SECOND = dt.timedelta(seconds=1)


@pytest.fixture
def engine_name() -> str:
    """Requests don't depend on the engine."""
    return "sqlite"


@dataclass
class Hook:
    """A client of the webhook, while somebody pays."""

    server: StripeServer
    client: TestClient[Any, Any]

    def event(self, event_id: str = "evt_1", kind: str = "checkout.session.completed") -> str:
        return self.server.event(kind, self.server.checkouts["cs_1"], event_id=event_id)

    async def send(self, payload: str, signature: str | None = None) -> int:
        headers = {"Stripe-Signature": signature if signature is not None else self.server.sign(payload)}
        async with self.client.post(web.WEBHOOK, data=payload, headers=headers) as answer:
            said = await answer.text()
            assert len(said) < 50
            return answer.status


@contextlib.asynccontextmanager
async def paying(db: Database, secret: str = WEBHOOK_SECRET) -> AsyncIterator[Hook]:
    """Open the endpoint of a bot that isn't connected."""
    async with till(db) as here, CoachBot(db, GuildDefaults(), clock=here.clock, stripe=here.api) as bot:
        await here.start()
        listening = TestServer(web.application(bot, "", webhook_secret=secret))
        await listening.start_server(**web.QUIET_LOGS)
        async with TestClient(listening) as client:
            yield Hook(here.server, client)


async def test_what_was_paid_is_booked_at_once(db: Database) -> None:
    async with taking_cards(db, PaymentMode.OPTIONAL) as (world, server):
        stu = await Visitor(world, world.student).book()
        await stu.press("14:00", "Pay $60.00")
        asked, bot = asyncio.Event(), world.env.bot
        assert isinstance(bot, CoachBot)
        starting: list[asyncio.Task[None]] = []
        listening = TestServer(web.application(bot, "", webhook_secret=WEBHOOK_SECRET))
        # As the bot, so that the tick runs in the world's own time.
        await simcord_private.as_the_bot(
            world.env,
            lambda: starting.append(asyncio.create_task(listening.start_server(**web.QUIET_LOGS))),
        )
        await starting[0]
        async with TestClient(listening) as client:
            hook, begun_at = Hook(server, client), world.now
            server.pay("cs_1")
            server.before_answer = lambda _: asked.set()

            assert await hook.send(hook.event()) == 200

            async with asyncio.timeout(10):
                await asked.wait()
                await bot.run_next_tick()
        assert (len(await world.sessions()), world.now) == (1, begun_at)


async def test_a_repeated_event_does_nothing_and_only_its_id_and_type_are_logged(
    db: Database, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with paying(db) as hook:
        assert [await hook.send(hook.event()) for _ in range(3)] == [200] * 3

        assert await fetch_all(db, select(StripeEvent.event_id)) == ["evt_1"]
    said = [one.getMessage() for one in caplog.records if one.name == "bot.web"]
    assert said == ["event evt_1 (checkout.session.completed) from Stripe"] * 3


async def test_other_and_large_events_do_nothing(db: Database) -> None:
    async with paying(db) as hook:
        large = json.dumps({"id": "evt_1", "type": "x", "padding": "x" * webhook.LARGEST_BODY})
        fitting = json.dumps({"id": "evt_1", "type": "x", "padding": "x" * 60_000})

        assert await hook.send(hook.event(kind="charge.refunded")) == 200
        assert await hook.send(hook.server.event("v2.new", {"id": "x"}, event_id="evt_2")) == 200
        assert await hook.send(large) == 413
        assert await hook.send(fitting) == 200
        assert await fetch_all(db, select(StripeEvent)) == []


async def test_what_stripe_did_not_sign_just_now_is_refused(db: Database) -> None:
    async with paying(db) as hook:
        event, now = hook.event(), hook.server.now()
        good = hook.server.sign(event)
        refused = [
            "",
            "t=,v1=",
            good.replace("v1=", "v0="),
            good + "0",
            f"t=1,{good}",
            hook.server.sign(event, secret="whsec_of_somebody_else"),
            hook.server.sign(event + " "),
            hook.server.sign(event, at=now - 5 * MINUTE - SECOND),
            hook.server.sign(event, at=now + 5 * MINUTE + SECOND),
            "t=１,v1=\u00e9",
        ]

        assert [await hook.send(event, one) for one in refused] == [400] * len(refused)
        assert await fetch_all(db, select(StripeEvent)) == []
        assert await hook.send(event, hook.server.sign(event, at=now - 5 * MINUTE + SECOND)) == 200


@pytest.mark.parametrize(
    "payload",
    [
        *("", "{", "[]", "null", "[" * 60_000),
        *(json.dumps({"id": one, "type": "x"}) for one in (1, "", "e" * 256, "evt_1\n")),
        json.dumps({"id": "evt_1", "type": "checkout.session.x"}),
    ],
    ids=range(10),
)
def test_a_signed_event_that_cannot_be_read_is_refused(payload: str) -> None:
    signature = StripeServer(now=lambda: MONDAY).sign(payload)

    with pytest.raises(webhook.NotFromStripe):
        webhook.read(payload.encode(), signature, WEBHOOK_SECRET, MONDAY)


def test_one_of_two_signatures_is_enough() -> None:
    payload = StripeServer(now=lambda: MONDAY).event("v2.new", {})
    server = StripeServer(now=lambda: MONDAY)
    signature = server.sign(payload, secret="whsec_old") + "," + server.sign(payload).split(",")[1]

    assert webhook.read(payload.encode(), signature, WEBHOOK_SECRET, MONDAY).id == "evt_1"


async def test_without_a_secret_there_is_no_webhook(db: Database) -> None:
    async with paying(db, secret=" ") as hook:
        assert await hook.send(hook.event()) == 404


async def test_a_payment_is_found_by_its_code_before_its_page_is_known(db: Database) -> None:
    async with till(db) as here:
        payment = await here.start()

        def hear(event_id: str, checkout_id: str, code: str | None = None) -> Awaitable[bool]:
            about = {"checkout_id": checkout_id, "code": code}
            return transact(db, due.hurry, event_id, here.now, **about)

        assert payment.checkout_id is not None
        assert await hear("evt_1", "cs_unknown", payment.code)
        assert await hear("evt_2", payment.checkout_id)
        assert not await hear("evt_2", payment.checkout_id)
        assert not await hear("evt_3", "cs_of_another_shop", "another")
        [checked] = await here.payments()
        assert checked.next_check_at == here.now


async def test_old_events_are_forgotten(db: Database) -> None:
    async with till(db) as here:
        for number in range(5):
            about = {"checkout_id": "cs_unknown", "code": None}
            await transact(db, due.hurry, f"evt_{number}", here.now + number * DAY, **about)

        kept = await fetch_all(db, select(StripeEvent.event_id).order_by(StripeEvent.event_id))
        assert kept == ["evt_1", "evt_2", "evt_3", "evt_4"]
