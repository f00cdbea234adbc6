"""How a press or a form reaches the method that answers it, and how often that is tried.

Everything on a message is answered by its `custom_id` alone, whoever presses it, whenever, after any restart.
discord.py's own ways do not give that: it forgets forms with the process, keeps every view that it sent in
memory, and only logs what a dynamic item raises. So views only describe what is shown, and this module finds
who answers.
"""

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial, wraps
from typing import Any, TypeVar, cast

import discord
from discord.ext import commands

from cogs import ui
from cogs.bot_base import BotBase
from cogs.ui import Interaction
from cogs.ui.interaction_stats import timed
from cogs.ui.text import whole_number
from models.storage.database import lost_a_race
from scheduler.core.errors import CoachingError, NotFound

F = TypeVar("F", bound=Callable[..., Any])

log = logging.getLogger(__name__)

_NOT_OURS = re.compile(r"[^a-z0-9_:]")  # what a tampered client may write into a `custom_id`, and so into the log
_TRIES = 3
"""How often a press or a command is answered whose transaction another one made impossible."""


@dataclass(frozen=True, slots=True)
class Route:
    """A kind of `custom_id`: `coach:approve:{user_id}`. Whatever stands in braces is a whole number."""

    template: str
    pattern: re.Pattern[str]
    answer: Callable[..., Awaitable[Any]]

    def match(self, custom_id: str) -> dict[str, int] | None:
        """The numbers in it, or None if it is of another kind."""
        found = self.pattern.fullmatch(custom_id)
        if found is None:
            return None
        read = {name: whole_number(digits) for name, digits in found.groupdict().items()}
        numbers = {name: number for name, number in read.items() if number is not None}
        return numbers if len(numbers) == len(read) else None


class Router:
    """Finds who answers a press or a form."""

    def __init__(self) -> None:
        self._handlers: list[Route] = []
        self._openers: list[Route] = []

    def add(self, cog: object) -> None:
        """Take in every method of the cog that `on` or `opens` marks."""
        for name in dir(type(cog)):
            method = getattr(cog, name)
            for mark, routes in (("__answers__", self._handlers), ("__opens__", self._openers)):
                if template := getattr(method, mark, None):
                    routes.append(Route(template, _pattern(template), method))

    async def dispatch(self, interaction: Interaction) -> None:
        """Answer a press, a choice or a submitted form; other interactions are not ours."""
        answered = (discord.InteractionType.component, discord.InteractionType.modal_submit)
        if interaction.type not in answered:
            return
        custom_id = str((interaction.data or {}).get("custom_id", ""))
        name, answer = self._found(custom_id)
        await _try(interaction, _NOT_OURS.sub("?", custom_id), name, lambda: answer(interaction))

    def _found(self, custom_id: str) -> tuple[str, Callable[[Interaction], Awaitable[Any]]]:
        """What answers it, and under which name that is counted."""
        if custom_id.startswith(ui.FIX):
            for route in self._openers:
                if (numbers := route.match(custom_id.removeprefix(ui.FIX))) is not None:
                    return f"{ui.FIX}{route.template}", partial(_open, route, numbers)
        for route in self._handlers:
            if (numbers := route.match(custom_id)) is not None:
                return route.template, partial(route.answer, **numbers)
        return "unknown", _too_old


async def _open(route: Route, numbers: dict[str, int], interaction: Interaction) -> None:
    await interaction.response.send_modal(
        await route.answer(interaction, ui.stored_fields(interaction.message), **numbers)
    )


async def _too_old(_interaction: Interaction) -> None:
    raise NotFound("This button is of an older version. Please use the command again.")


async def _try(interaction: Interaction, what: str, counted_as: str, answer: Callable[[], Awaitable[Any]]) -> None:
    """Answer, anew if that lost a race; what goes wrong otherwise is told. The log says what came of it."""
    clock, response = asyncio.get_running_loop().time, timed(interaction)
    began, outcome = clock(), "answered"
    for tries_left in reversed(range(_TRIES)):
        try:
            await answer()
        except Exception as error:  # noqa: BLE001  (the boundary: it is told and logged here)
            # A handler is one transaction and then the reply, so one that lost a race can begin anew.
            if lost_a_race(error) and tries_left:
                continue
            outcome = f"{'refused' if isinstance(error, CoachingError) else 'failed'}: {type(error).__name__}"
            await ui.report_error(interaction, error)
        break
    milliseconds = round((clock() - began) * 1000)
    waited = response.at - began if response.at is not None else None
    interaction.client.count_interaction(interaction.type, counted_as, outcome.partition(":")[0], waited)
    ids = {"interaction": interaction.id, "user": interaction.user.id, "guild": interaction.guild_id}
    log.info(
        "%s %s in %s ms (%s)",
        what,
        outcome,
        milliseconds,
        ", ".join(f"{name} {number}" for name, number in ids.items()),
        extra={**ids, "what": what, "outcome": outcome, "milliseconds": milliseconds},
    )


def retried(method: F) -> F:
    """Answer a slash command as presses are answered: `(self, interaction, **options)`."""

    @wraps(method)
    async def answer(self: object, interaction: Interaction, **options: Any) -> None:
        name = interaction.command.qualified_name if interaction.command else ""
        await _try(interaction, f"/{name}", f"/{name}", lambda: method(self, interaction, **options))

    return cast("F", answer)


def on(template: str) -> Callable[[F], F]:
    """Mark the method that answers this `custom_id`: `(interaction, **numbers)`."""

    def mark(method: F) -> F:
        setattr(method, "__answers__", template)  # noqa: B010  (a function's attribute, unknown to type checkers)
        return method

    return mark


def opens(template: str) -> Callable[[F], F]:
    """Mark the method that builds the form of this `custom_id` from what was typed before."""

    def mark(method: F) -> F:
        setattr(method, "__opens__", template)  # noqa: B010  (a function's attribute, unknown to type checkers)
        return method

    return mark


def _pattern(template: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[0-9]+)", template))


class Cog(commands.Cog):
    """Commands, and the methods that answer buttons and forms."""

    def __init__(self, bot: BotBase) -> None:
        self.bot = bot
