"""Route presses, forms and commands to the methods that answer them, and retry lost races.

A press is answered by its `custom_id` alone, whoever presses it, at any later time, after any restart.
discord.py's own views can't do that: it forgets forms on a restart, keeps every sent view in memory, and only logs
what a dynamic item raises.
"""

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial, wraps
from inspect import signature
from typing import Any, TypeVar, cast

import discord
from discord import app_commands
from discord.ext import commands
from sqlalchemy.ext.asyncio import AsyncSession

from cogs.bot_base import BotBase, Interaction
from cogs.ui.actors import actor_of, person_of
from cogs.ui.errors import FIX, report_error
from cogs.ui.forms import Typed, form_sent_by, stored_fields
from cogs.ui.group_commands import join_groups
from cogs.ui.interaction_stats import timed
from cogs.ui.replies import acknowledge_beside
from cogs.ui.text import whole_number
from models import Guild
from models.storage.database import lost_a_race
from scheduler.core.actor import Actor
from scheduler.core.errors import CoachingError, NotFound
from scheduler.servers import own_servers, settings

F = TypeVar("F", bound=Callable[..., Any])

log = logging.getLogger(__name__)

_NOT_OURS = re.compile(r"[^a-z0-9_:]")  # keeps what a tampered client writes out of the log
_NAME = re.compile(r"\{(\w+)\}")
_ANSWERS, _OPENS = "__answers__", "__opens__"
BESIDE = "beside:"
"""Precedes a `custom_id` whose answer doesn't replace the message that was pressed."""
_TRIES = 3
"""How often to try an interaction whose transaction loses a race."""


class Route:
    """A kind of `custom_id`, like `coach:approve:{user_id}`. Placeholders are whole numbers."""

    def __init__(self, template: str) -> None:
        self.template = template
        self.names = frozenset(_NAME.findall(template))
        self._pattern = re.compile(_NAME.sub(r"(?P<\1>[0-9]+)", template))

    def id(self, **numbers: int) -> str:
        """Make the `custom_id` with these numbers. Raises TypeError unless they're exactly the route's."""
        if numbers.keys() != self.names:
            raise TypeError(f"{self.template} takes {sorted(self.names)}, not {sorted(numbers)}")
        return self.template.format(**numbers)

    def match(self, custom_id: str) -> dict[str, int] | None:
        """Read the numbers in a `custom_id`. Returns None if it doesn't match."""
        found = self._pattern.fullmatch(custom_id)
        if found is None:
            return None
        read = {name: whole_number(digits) for name, digits in found.groupdict().items()}
        numbers = {name: number for name, number in read.items() if number is not None}
        return numbers if len(numbers) == len(read) else None


@dataclass(frozen=True, slots=True)
class Handler:
    """A method of a cog that answers the route's presses or forms, or builds its form."""

    route: Route
    call: Callable[..., Awaitable[Any]]


class Router:
    """Finds the method that answers a press or form."""

    def __init__(self) -> None:
        self.handlers: list[Handler] = []
        self.openers: list[Handler] = []

    def add(self, cog: object) -> None:
        """Add every method of the cog marked by `on` or `opens`."""
        for name in dir(type(cog)):
            method = getattr(cog, name)
            for mark, known in ((_ANSWERS, self.handlers), (_OPENS, self.openers)):
                if route := getattr(method, mark, None):
                    known.append(Handler(route, method))

    async def dispatch(self, interaction: Interaction) -> None:
        """Answer a press, a choice or a submitted form. Ignores other interactions."""
        answered = (discord.InteractionType.component, discord.InteractionType.modal_submit)
        if interaction.type not in answered:
            return
        custom_id, form = str((interaction.data or {}).get("custom_id", "")), form_sent_by(interaction)
        name, answer = self._find(form or custom_id, is_form=form is not None)
        await _try(interaction, _NOT_OURS.sub("?", custom_id), name, lambda: answer(interaction))

    def _find(self, custom_id: str, *, is_form: bool) -> tuple[str, Callable[[Interaction], Awaitable[Any]]]:
        """Find what answers, and the name to count it under."""
        if not is_form and custom_id.startswith(BESIDE):
            name, answer = self._find(custom_id.removeprefix(BESIDE), is_form=False)
            return f"{BESIDE}{name}", partial(_answer_beside, answer)
        if not is_form and custom_id.startswith(FIX):
            for opener, numbers in _matching(self.openers, custom_id.removeprefix(FIX)):
                return f"{FIX}{opener.route.template}", partial(_open_again, opener, numbers)
        if not is_form:
            for opener, numbers in _matching(self.openers, custom_id):
                return opener.route.template, partial(_open, opener, numbers, {})
        for handler, numbers in _matching(self.handlers, custom_id):
            return handler.route.template, partial(handler.call, **numbers)
        return "unknown", _too_old


def _matching(handlers: Iterable[Handler], custom_id: str) -> Iterator[tuple[Handler, dict[str, int]]]:
    for one in handlers:
        if (numbers := one.route.match(custom_id)) is not None:
            yield one, numbers


async def _open(opener: Handler, numbers: dict[str, int], typed: Typed, interaction: Interaction) -> None:
    await interaction.response.send_modal(await opener.call(interaction, typed, **numbers))


async def _open_again(opener: Handler, numbers: dict[str, int], interaction: Interaction) -> None:
    await _open(opener, numbers, stored_fields(interaction.message), interaction)


async def _answer_beside(answer: Callable[[Interaction], Awaitable[Any]], interaction: Interaction) -> None:
    await acknowledge_beside(interaction)
    await answer(interaction)


async def _too_old(_interaction: Interaction) -> None:
    raise NotFound("This button is out of date. Run the command again.")


async def _try(interaction: Interaction, what: str, counted_as: str, answer: Callable[[], Awaitable[Any]]) -> None:
    """Answer, retrying lost races. Reports errors to the person, and logs the outcome."""
    clock, response = asyncio.get_running_loop().time, timed(interaction)
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
    interaction.client.count_interaction(interaction.type, counted_as, outcome.partition(":")[0], waited)
    ids = {"interaction": interaction.id, "user": interaction.user.id, "guild": interaction.guild_id}
    log.info(
        "%s %s in %s ms (interaction %s, user %s, guild %s)",
        *(what, outcome, milliseconds, *ids.values()),
        extra={**ids, "what": what, "outcome": outcome, "milliseconds": milliseconds},
    )


def retried(method: F) -> F:
    """Answer a slash command as presses are answered: with retries, error replies and a log line."""

    @wraps(method)
    async def answer(self: object, interaction: Interaction, **options: Any) -> None:
        name = interaction.command.qualified_name if interaction.command else ""
        await _try(interaction, f"/{name}", f"/{name}", lambda: method(self, interaction, **options))

    return cast("F", answer)


class Tree(app_commands.CommandTree[BotBase]):
    """Slash commands. Errors raised before their method runs, as by an option, get a reply too."""

    async def on_error(self, interaction: Interaction, error: app_commands.AppCommandError, /) -> None:
        """Tell the person why. discord.py wraps our error as the cause of its own."""
        if isinstance(error, app_commands.CommandNotFound):  # another version's, as in a client not yet reloaded
            error.__cause__ = NotFound("This command is out of date. Reload Discord to see the current ones.")
        name = interaction.command.qualified_name if interaction.command else ""
        await _try(interaction, f"/{name}", f"/{name}", partial(_fail, error.__cause__ or error))


async def _fail(error: BaseException) -> None:
    raise error


def beside(custom_id: str) -> str:
    """Make the `custom_id` of a button whose answer is a new message. Not for buttons that open a form."""
    return f"{BESIDE}{custom_id}"


def on(route: Route) -> Callable[[F], F]:
    """Mark the method that answers this route: `(interaction, **numbers)`.

    It answers presses and choices, or only the submitted form if `opens` marks a method for the same route.
    """
    return _marked(_ANSWERS, route, ["self", "interaction"])


def opens(route: Route) -> Callable[[F], F]:
    """Mark the method that builds this route's form: `(interaction, typed, **numbers)`.

    A press opens it with nothing `typed`. **Fix it** opens it again with what was typed before.
    """
    return _marked(_OPENS, route, ["self", "interaction", "typed"])


def _marked(mark: str, route: Route, first: list[str]) -> Callable[[F], F]:
    def marked(method: F) -> F:
        names = list(signature(method).parameters)
        if names[: len(first)] != first or route.names.symmetric_difference(names[len(first) :]):
            raise TypeError(f"{method.__qualname__} must take {first}, then the numbers of {route.template}")
        setattr(method, mark, route)
        return method

    return marked


class Cog(commands.Cog):
    """Commands, and the methods that answer buttons and forms."""

    def __init__(self, bot: BotBase) -> None:
        self.bot = bot

    async def cog_load(self) -> None:
        """Put the subcommands into their groups."""
        join_groups(self.bot, self)

    async def actor_anywhere(self, session: AsyncSession, interaction: Interaction) -> Actor:
        """Return who pressed, in a server or in direct messages, where nobody is an admin."""
        if interaction.guild_id is None:
            return person_of(interaction)
        guild = await settings.look_up(session, interaction.guild_id, self.bot.defaults)
        return actor_of(interaction, guild)

    async def servers_of(self, interaction: Interaction) -> list[Guild]:
        """Return this server or, in direct messages, all that concern the person.

        Raises NotFound in a server that the bot doesn't work in, and CoachingError if Discord doesn't answer.
        """
        bot = self.bot
        if interaction.guild_id is None:
            return await own_servers.find(bot.db, bot.port, bot.serves, interaction.user.id)
        if not bot.serves(interaction.guild_id):
            raise NotFound("I work in another server only. Use this command there, or in a direct message to me.")
        async with bot.db.read() as session:
            return [await settings.look_up(session, interaction.guild_id, bot.defaults)]
