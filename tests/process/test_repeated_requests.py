"""discord.py repeats a request answered with 502 even if it took effect: nothing exists twice."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import discord
import pytest
from discord.http import Route

from bot.discord_api.messages import Rendered
from bot.discord_api.port import DiscordPort
from cogs import ui
from models import Guild, Notification, NotificationKind
from scheduler.notifications.kinds import NotificationContext
from scheduler.rooms.ports import RoomSpec
from tests.support.endpoint import GUILD_ID, REVIEW_CHANNEL_ID, TOKEN, Endpoint, local_discord

ROOMS = f"/guilds/{GUILD_ID}/channels"


@pytest.fixture
async def endpoint(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Endpoint]:
    async with local_discord() as endpoint:
        monkeypatch.setattr(Route, "BASE", endpoint.api)
        yield endpoint


@pytest.fixture
async def port(endpoint: Endpoint) -> AsyncIterator[DiscordPort]:
    """Open a port to the local Discord over REST alone. Messages contain their reference."""

    def render(context: NotificationContext, server: str) -> Rendered:
        return Rendered(ui.Panel(ui.text(f"{server} ref {context.notification.id}")), list)

    async with discord.Client(intents=discord.Intents(guilds=True)) as client:
        await client.login(TOKEN)
        yield DiscordPort(client, render, lambda context: f"ref {context.notification.id}", gateway=False)


def a_context(*, maybe_sent: bool = False) -> NotificationContext:
    notification = Notification(id=7, guild_id=GUILD_ID, kind=NotificationKind.APPLICATION_CARD)
    return NotificationContext(
        notification, Guild(id=GUILD_ID), None, maybe_sent=maybe_sent, channel_id=REVIEW_CHANNEL_ID
    )


async def test_a_role_created_twice_exists_once(endpoint: Endpoint, port: DiscordPort):
    now = datetime.now(UTC)
    endpoint.lose("POST", f"/guilds/{GUILD_ID}/roles")

    kept = await port.ensure_role(RoomSpec(GUILD_ID, "session", None, None, now, "why", role_intended_at=now))

    assert len(endpoint.asked("POST", "/roles")) == 2
    assert list(endpoint.roles) == [kept]


async def test_a_message_sent_twice_exists_once(endpoint: Endpoint, port: DiscordPort):
    endpoint.lose("POST", f"/channels/{REVIEW_CHANNEL_ID}/messages")

    receipt = await port.deliver(a_context())

    assert len(endpoint.asked("POST", "/messages")) == 2
    assert [int(one["id"]) for one in endpoint.messages[REVIEW_CHANNEL_ID]] == [receipt.message_id]


async def test_a_message_that_may_have_been_sent_long_ago_is_searched_for(endpoint: Endpoint, port: DiscordPort):
    first = await port.deliver(a_context())
    endpoint.forget_nonces()

    again = await port.deliver(a_context(maybe_sent=True))

    assert again == first
    assert len(endpoint.said(REVIEW_CHANNEL_ID)) == 1


async def test_a_rooms_twin_is_kept_over_rest_alone(endpoint: Endpoint, port: DiscordPort):
    endpoint.lose("POST", ROOMS)
    room = RoomSpec(GUILD_ID, "session", None, None, datetime.now(UTC), "why")

    kept = await port.ensure_room(room)

    twins = [one for one, channel in endpoint.channels.items() if channel["name"] == "session"]
    assert len(twins) == 2
    assert kept == min(twins)
    assert await port.ensure_room(room) == kept
