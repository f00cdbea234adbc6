"""Count interactions since the bot started: how they ended, and how soon they were acknowledged.

Counts are kept by command and route, never by id, so memory doesn't grow with use.
"""

import asyncio
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

import discord

from cogs.bot_base import BotBase, Interaction

BOUNDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 3.0)
"""Seconds. After 3, Discord shows "This interaction failed"."""

_KINDS = {
    discord.InteractionType.application_command: "command",
    discord.InteractionType.component: "press",
    discord.InteractionType.modal_submit: "form",
}


@dataclass(slots=True)
class Waits:
    """How long people waited for a first response."""

    within: Counter[float] = field(default_factory=Counter)
    """How many waited at most as long as each of `BOUNDS`."""
    count: int = 0
    seconds: float = 0.0

    def add(self, seconds: float) -> None:
        """Count one more."""
        self.within.update(bound for bound in BOUNDS if seconds <= bound)
        self.count += 1
        self.seconds += seconds


class InteractionStats:
    """The counts, which start at zero with the process, as Prometheus expects."""

    def __init__(self) -> None:
        self.outcomes: Counter[tuple[str, str, str]] = Counter()
        """By kind, name and outcome ("answered", "refused" or "failed")."""
        self.waits: defaultdict[tuple[str, str], Waits] = defaultdict(Waits)
        """By kind and name, without those that were never acknowledged."""

    def add(self, kind: discord.InteractionType, name: str, outcome: str, waited: float | None) -> None:
        """Count a finished interaction. `waited` is None if it was never acknowledged."""
        key = (_KINDS.get(kind, "other"), name)
        self.outcomes[*key, outcome] += 1
        if waited is not None:
            self.waits[key].add(waited)


class TimedResponse(discord.InteractionResponse[BotBase]):
    """discord.py's response, which also notes when it went out, on the event loop's clock."""

    __slots__ = ("at",)

    def __init__(self, parent: Interaction) -> None:
        super().__init__(parent)
        self.at: float | None = None

    async def defer(self, **options: Any) -> Any:
        """As discord.py does it."""
        return self._noted(await super().defer(**options))

    async def send_message(self, content: Any | None = None, **options: Any) -> Any:
        """As discord.py does it."""
        return self._noted(await super().send_message(content, **options))

    async def send_modal(self, modal: discord.ui.Modal, /) -> Any:
        """As discord.py does it."""
        return self._noted(await super().send_modal(modal))

    def _noted(self, response: Any) -> Any:
        self.at = asyncio.get_running_loop().time()
        return response


def timed(interaction: Interaction) -> TimedResponse:
    """Replace the interaction's response with a timed one."""
    response = TimedResponse(interaction)
    # discord.py caches the response here, and offers no other way to hear of every first response.
    interaction._cs_response = response
    return response
