"""Answer interactions: acknowledge them, retry lost races, report errors and log how they ended."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from functools import partial, wraps
from typing import Any, TypeVar, cast

import discord
from discord import app_commands

from cogs.bot_base import BotBase, Interaction
from cogs.ui.errors import report_error
from cogs.ui.replies import acknowledge
from models.storage.database import lost_a_race
from scheduler.core.errors import CoachingError, NotFound

F = TypeVar("F", bound=Callable[..., Any])
Acknowledge = Callable[[Interaction], Awaitable[None]]

log = logging.getLogger(__name__)

_TRIES = 3
"""How often to try an interaction whose transaction loses a race."""


async def answer_with(
    interaction: Interaction, what: str, counted_as: str, answer: Callable[[], Awaitable[Any]]
) -> None:
    """Answer, retrying lost races. Reports errors to the person, and logs the outcome."""
    clock, response = asyncio.get_running_loop().time, _TimedResponse(interaction)
    # discord.py caches the response here, and offers no other way to hear of every first response.
    interaction._cs_response = response
    began, outcome = clock(), "answered"
    for tries_left in reversed(range(_TRIES)):
        try:
            await answer()
        except Exception as error:  # noqa: BLE001  (the boundary: reported and logged here)
            # Nothing was committed and no reply was sent, so a lost race can be retried.
            if lost_a_race(error) and tries_left:
                continue
            outcome = f"{'refused' if isinstance(error, CoachingError) else 'failed'}: {type(error).__name__}"
            await report_error(interaction, error)
        break
    milliseconds = round((clock() - began) * 1000)
    waited = response.at - began if response.at is not None else None
    interaction.client.interaction_stats.add(interaction.type, counted_as, outcome.partition(":")[0], waited)
    ids = {"interaction": interaction.id, "user": interaction.user.id, "guild": interaction.guild_id}
    log.info(
        "%s %s in %s ms (interaction %s, user %s, guild %s)",
        *(what, outcome, milliseconds, *ids.values()),
        extra={**ids, "what": what, "outcome": outcome, "milliseconds": milliseconds},
    )


def answers_command(method: F, *, opens_form: bool = False) -> F:
    """Answer a slash command as presses are answered, acknowledged unless it `opens_form`."""

    @wraps(method)
    async def answer(self: object, interaction: Interaction, **options: Any) -> None:
        async def run() -> None:
            if not opens_form:
                await acknowledge(interaction)
            await method(self, interaction, **options)

        await _answer_command(interaction, run)

    return cast("F", answer)


async def _answer_command(interaction: Interaction, answer: Callable[[], Awaitable[Any]]) -> None:
    name = f"/{interaction.command.qualified_name if interaction.command else ''}"
    await answer_with(interaction, name, name, answer)


class _TimedResponse(discord.InteractionResponse[BotBase]):
    """discord.py's response, which also notes when it went out, on the event loop's clock."""

    __slots__ = ("at",)

    def __init__(self, parent: Interaction) -> None:
        super().__init__(parent)
        self.at: float | None = None

    async def defer(self, **options: Any) -> Any:
        return self._noted(await super().defer(**options))

    async def send_message(self, content: Any | None = None, **options: Any) -> Any:
        return self._noted(await super().send_message(content, **options))

    async def send_modal(self, modal: discord.ui.Modal, /) -> Any:
        return self._noted(await super().send_modal(modal))

    def _noted(self, response: Any) -> Any:
        self.at = asyncio.get_running_loop().time()
        return response


class Tree(app_commands.CommandTree[BotBase]):
    """Slash commands. Errors raised before their method runs, as by an option, get a reply too."""

    async def on_error(self, interaction: Interaction, error: app_commands.AppCommandError, /) -> None:
        """Tell the person why. discord.py wraps our error as the cause of its own."""
        if isinstance(error, app_commands.CommandNotFound):  # another version's, as in a client not yet reloaded
            error.__cause__ = NotFound("This command is out of date. Reload Discord to see the current ones.")
        await _answer_command(interaction, partial(_fail, error.__cause__ or error))


async def _fail(error: BaseException) -> None:
    raise error
