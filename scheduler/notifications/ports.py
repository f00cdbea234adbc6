"""Sending messages on Discord. `bot.discord_api.port` implements it."""

from typing import NamedTuple, Protocol

from scheduler.notifications.kinds import NotificationContext


class Receipt(NamedTuple):
    """Where a message went."""

    channel_id: int
    message_id: int


class Postman(Protocol):
    """Delivers notifications."""

    async def deliver(self, context: NotificationContext) -> Receipt:
        """Send the message, or update it if it was sent before. Safe to repeat.

        Raises Unreachable, DiscordFailure.
        """
        ...
