"""Stripe's key and the webhook's secret are never shown or stored, whatever fails."""

import io
import logging
from collections.abc import Iterator

import pytest
from sqlalchemy import text

from bot import log
from bot.cli.commands import _set_up_log
from bot.config import Settings
from bot.doctor import payments as doctor
from bot.stripe_api.client import StripeApi
from models import Base
from models.storage.database import Database
from scheduler.payments import elsewhere
from tests.bot.test_webhook import paying
from tests.support.payments import till
from tests.support.stripe_server import TEST_KEY, WEBHOOK_SECRET, Fault

SECRETS = (TEST_KEY, WEBHOOK_SECRET)


@pytest.fixture
def engine_name() -> str:
    return "sqlite"


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    """Everything that's logged, as it's formed, at the level DEBUG and without hiding secrets."""
    written, root = io.StringIO(), logging.getLogger()
    handler, level = logging.StreamHandler(written), root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    logging.getLogger("stripe").setLevel(logging.DEBUG)
    yield written
    root.removeHandler(handler)
    root.setLevel(level)
    logging.getLogger("stripe").setLevel(logging.NOTSET)


async def stored(db: Database) -> str:
    """Return everything that's in the database: rows, messages, alerts, the audit log."""
    async with db.read() as session:
        found = [
            str(row)
            for table in Base.metadata.sorted_tables
            for row in await session.execute(text(f'SELECT * FROM "{table.name}"'))
        ]
    assert len(found) > 5
    return "\n".join(found)


@pytest.mark.parametrize("fault", [None, *Fault], ids=lambda one: one.name if one else "WRONG_KEY")
async def test_a_failing_stripe_shows_no_secret(db: Database, logged: io.StringIO, fault: Fault | None) -> None:
    async with till(db) as here:
        payment = await here.start()
        here.server.pay(payment.checkout_id)
        api = here.api
        if fault is None:
            here.server.livemode = True  # so the key isn't known any more
        else:
            here.server.fail("*", "*", fault, 100)
        await here.tick()
        await elsewhere.look_if_due(db, api, here.clock)
        checks = await doctor.check_payments(TEST_KEY, ["USD"], here.now, base=here.server.url)
        everything = logged.getvalue() + repr(checks) + await stored(db)

    assert "HTTP" in everything or "Stripe" in everything
    assert [one for one in SECRETS if one in everything] == []


async def test_a_wrong_event_shows_no_secret(db: Database, logged: io.StringIO) -> None:
    async with paying(db) as hook:
        assert await hook.send(hook.event(), "t=1,v1=x") == 400
        assert await hook.send(hook.event()) == 200
        everything = logged.getvalue() + await stored(db)

    assert [one for one in SECRETS if one in everything] == []


def test_settings_show_no_secret_and_the_log_hides_them(monkeypatch: pytest.MonkeyPatch) -> None:
    hidden: list[str] = []
    monkeypatch.setattr(log, "set_up", lambda _level, secrets: hidden.extend(secrets))
    settings = Settings(discord_guild_id=1, stripe_secret_key=TEST_KEY, stripe_webhook_secret=WEBHOOK_SECRET)

    _set_up_log(settings, "INFO")

    assert {*SECRETS} <= {*hidden}
    shown = repr(settings) + str(settings) + repr(StripeApi(TEST_KEY))
    assert [one for one in SECRETS if one in shown] == []


@pytest.mark.parametrize("name", ["stripe_secret_key", "stripe_webhook_secret"])
def test_a_refused_setting_is_not_shown(name: str) -> None:
    with pytest.raises(ValueError, match="must be a") as refused:
        Settings.model_validate({"discord_guild_id": 1, name: "pk_live_shown"})

    assert "live_shown" not in str(refused.value) + repr(refused.value)
