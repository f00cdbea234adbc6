"""How notifications leave. `bot.discord_api.port` implements it."""

from typing import NamedTuple, Protocol

from scheduler.notifications.kinds import NotificationContext


class Receipt(NamedTuple):
    """Where a message went."""

    channel_id: int
    message_id: int


class Postman(Protocol):
    """Delivers notifications."""

    async def deliver(self, context: NotificationContext) -> Receipt:
        """Send the message, or bring the one that was sent up to date. Twice is once.

        Raises Unreachable, DiscordFailure.
        """
        ...
