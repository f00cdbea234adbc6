"""What people did since the bot started, how it ended, and how soon Discord was told that an answer comes.

Counted by kind and by the command's or route's name, never by ids, so that what is kept does not grow with use.
"""

import asyncio
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

import discord

from cogs.bot_base import BotBase, Interaction

BOUNDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 3.0)
"""Seconds. After three Discord shows "This interaction failed"."""

_KINDS = {
    discord.InteractionType.application_command: "command",
    discord.InteractionType.component: "press",
    discord.InteractionType.modal_submit: "form",
}


@dataclass(slots=True)
class Waits:
    """How long it took until people saw that something happens."""

    within: Counter[float] = field(default_factory=Counter)
    """How many took no longer than each of `BOUNDS`."""
    count: int = 0
    seconds: float = 0.0

    def add(self, seconds: float) -> None:
        """One more."""
        self.within.update(bound for bound in BOUNDS if seconds <= bound)
        self.count += 1
        self.seconds += seconds


class InteractionStats:
    """The counts; they begin anew with the process, as those who read them expect."""

    def __init__(self) -> None:
        self.outcomes: Counter[tuple[str, str, str]] = Counter()
        """Kind, name and outcome ("answered", "refused", "failed") → how many."""
        self.waits: defaultdict[tuple[str, str], Waits] = defaultdict(Waits)
        """Kind and name → how long they waited for a first sign; those who got none are not among them."""

    def add(self, kind: discord.InteractionType, name: str, outcome: str, waited: float | None) -> None:
        """One interaction is over; `waited` is None if Discord never heard of it."""
        key = (_KINDS.get(kind, "other"), name)
        self.outcomes[*key, outcome] += 1
        if waited is not None:
            self.waits[key].add(waited)


class TimedResponse(discord.InteractionResponse[BotBase]):
    """Discord's, which also notes when the first sign went out."""

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
    """The interaction's response from now on."""
    response = TimedResponse(interaction)
    # Where discord.py keeps it once it was asked for; it offers no other way to learn of every first sign.
    interaction._cs_response = response
    return response
