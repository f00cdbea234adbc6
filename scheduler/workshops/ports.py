"""What workshops ask of Discord. `bot.discord_api.port` implements it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from scheduler.core.errors import DiscordFailure


class EventGone(DiscordFailure):
    """Somebody deleted the scheduled event, or it's over."""


@dataclass(frozen=True, slots=True)
class EventSpec:
    """A workshop among a server's scheduled events, and how to recognize it."""

    guild_id: int
    event_id: int | None
    """The event's id, if it's known."""
    intended_at: datetime
    """When we meant to make it (UTC). Older events can't be ours."""
    name: str
    """At most 100 characters."""
    description: str
    """At most 1,000 characters."""
    starts_at: datetime
    ends_at: datetime
    link: str
    """Where it takes place, as far as Discord knows: the announcement's address, at most 100 characters."""
    reason: str
    """For the server's audit log."""


class ScheduledEvents(Protocol):
    """Makes, changes and removes external scheduled events. Asking twice changes nothing the second time."""

    async def ensure_event(self, event: EventSpec) -> int:
        """Make the event, or change the one with its id so that it agrees. Returns its id.

        Without an id, one that the bot made with the same link, and not before `intended_at`, is it.

        Raises EventGone if its id is known and it isn't there any more, DiscordFailure.
        """
        ...

    async def remove_event(self, event: EventSpec) -> None:
        """Remove the event, and what `ensure_event` would take for it, if it's there. Raises DiscordFailure."""
        ...
