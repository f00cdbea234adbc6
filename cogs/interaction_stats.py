"""Count interactions since the bot started: how they ended, and how soon they were acknowledged.

Counts are kept by command and route, never by id, so memory doesn't grow with use.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass, field

import discord

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
        """Count a finished interaction. `waited` is in seconds, or None if it was never acknowledged."""
        key = (_KINDS.get(kind, "other"), name)
        self.outcomes[*key, outcome] += 1
        if waited is not None:
            self.waits[key].add(waited)
