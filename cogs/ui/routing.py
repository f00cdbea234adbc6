"""Route presses, forms and subcommands to the methods that answer them.

A press is answered by its `custom_id` alone, whoever presses it, at any later time, after any restart.
discord.py's own views can't do that: it forgets forms on a restart, keeps every sent view in memory, and only logs
what a dynamic item raises.
"""

import re
from collections.abc import Awaitable, Callable, Iterable, Iterator
from datetime import datetime
from functools import partial
from inspect import Parameter, signature
from typing import Any, NamedTuple

import discord
from discord import app_commands
from discord.ext import commands
from sqlalchemy.ext.asyncio import AsyncSession

from cogs.bot_base import BotBase, Interaction
from cogs.ui.actors import actor_of, guild_id_of, person_of
from cogs.ui.answering import Acknowledge, F, answer_with, answers_command
from cogs.ui.errors import FIX
from cogs.ui.forms import form_sent_by, stored_fields
from cogs.ui.replies import acknowledge, acknowledge_beside
from cogs.ui.text import whole_number
from models import Guild
from scheduler.core.actor import Actor
from scheduler.core.errors import NotFound
from scheduler.servers import own_servers, settings
from scheduler.sessions import lookup

_NOT_OURS = re.compile(r"[^a-z0-9_:]")  # keeps what a tampered client writes out of the log
_ANSWERS, _OPENS, _JOINS = "__answers__", "__opens__", "__joins__"
BESIDE = "beside:"
"""Precedes a `custom_id` whose answer doesn't replace the message that was pressed."""
_LAST_PAGE = 10_000
_GROUPS = {
    "coach": ("Become a coach, see profiles, and decide on applications", None),
    "workshop": ("Workshops: take a seat in one, or announce your own", None),
    "coaching": ("Run coaching in this server", discord.Permissions(manage_guild=True)),
}
"""Each group's description, and the permissions to see it, unless an admin changes that in Discord.

Discord hides only whole commands, so `/coach approve` is seen by all. Every use is checked anyway.
"""


class Route:
    """A kind of `custom_id`, like `coach:approve:{user_id}`. Placeholders are whole numbers between colons.

    A {page} is at most 10,000, so that a tampered client's doesn't overflow a query.
    """

    def __init__(self, template: str) -> None:
        self.template = template
        self._parts = template.split(":")
        self.names = frozenset(part.strip("{}") for part in self._parts if part.startswith("{"))

    def id(self, **numbers: int) -> str:
        """Make the `custom_id` with these numbers. Raises TypeError unless they're exactly the route's."""
        if numbers.keys() != self.names:
            raise TypeError(f"{self.template} takes {sorted(self.names)}, not {sorted(numbers)}")
        return self.template.format(**numbers)

    def match(self, custom_id: str) -> dict[str, int] | None:
        """Read the numbers in a `custom_id`. Returns None if it doesn't match."""
        given = custom_id.split(":")
        if len(given) != len(self._parts):
            return None
        numbers: dict[str, int] = {}
        for part, text in zip(self._parts, given, strict=True):
            name = part.strip("{}")
            if name == part:
                if text != part:
                    return None
            elif (number := whole_number(text)) is None:
                return None
            else:
                numbers[name] = min(number, _LAST_PAGE) if name == "page" else number
        return numbers


class Handler(NamedTuple):
    """A method of a cog that answers the route's presses or forms, or builds its form."""

    route: Route
    call: Callable[..., Awaitable[Any]]
    acknowledge: Acknowledge | None

    async def answer(self, numbers: dict[str, int], interaction: Interaction) -> None:
        """Acknowledge and answer, with the numbers in the `custom_id`."""
        if self.acknowledge is not None:
            await self.acknowledge(interaction)
        await self.call(interaction, **numbers)


class Router:
    """Finds the method that answers a press or form."""

    def __init__(self) -> None:
        self.handlers: list[Handler] = []
        self.openers: list[Handler] = []

    def add(self, cog: object) -> None:
        """Add every method of the cog marked by `on` or `opens`."""
        for name, function in vars(type(cog)).items():
            for mark, known in ((_ANSWERS, self.handlers), (_OPENS, self.openers)):
                known.extend(
                    Handler(route, getattr(cog, name), acknowledge)
                    for route, acknowledge in getattr(function, mark, ())
                )

    async def dispatch(self, interaction: Interaction) -> None:
        """Answer a press, a choice or a submitted form. Ignores other interactions."""
        answered = (discord.InteractionType.component, discord.InteractionType.modal_submit)
        if interaction.type not in answered:
            return
        custom_id, form = str((interaction.data or {}).get("custom_id", "")), form_sent_by(interaction)
        name, answer = self._find(form or custom_id, is_form=form is not None)
        await answer_with(interaction, _NOT_OURS.sub("?", custom_id), name, lambda: answer(interaction))

    def _find(self, custom_id: str, *, is_form: bool) -> tuple[str, Callable[[Interaction], Awaitable[Any]]]:
        """Find what answers, and the name to count it under."""
        if not is_form and custom_id.startswith(BESIDE):
            name, answer = self._find(custom_id.removeprefix(BESIDE), is_form=False)
            return f"{BESIDE}{name}", partial(_answer_beside, answer)
        if not is_form:
            again = FIX if custom_id.startswith(FIX) else ""
            for opener, numbers in _matching(self.openers, custom_id.removeprefix(FIX)):
                return f"{again}{opener.route.template}", partial(_open, opener, numbers, bool(again))
        for handler, numbers in _matching(self.handlers, custom_id):
            return handler.route.template, partial(handler.answer, numbers)
        return "unknown", _too_old


def _matching(handlers: Iterable[Handler], custom_id: str) -> Iterator[tuple[Handler, dict[str, int]]]:
    for one in handlers:
        if (numbers := one.route.match(custom_id)) is not None:
            yield one, numbers


async def _open(opener: Handler, numbers: dict[str, int], again: bool, interaction: Interaction) -> None:
    typed = stored_fields(interaction.message) if again else {}
    await interaction.response.send_modal(await opener.call(interaction, typed, **numbers))


async def _answer_beside(answer: Callable[[Interaction], Awaitable[Any]], interaction: Interaction) -> None:
    await acknowledge_beside(interaction)
    await answer(interaction)


async def _too_old(_interaction: Interaction) -> None:
    raise NotFound("This button is out of date. Run the command again.")


def beside(custom_id: str) -> str:
    """Make the `custom_id` of a button whose answer is a new message. Not for buttons that open a form."""
    return f"{BESIDE}{custom_id}"


def on(route: Route, acknowledge: Acknowledge | None = acknowledge) -> Callable[[F], F]:
    """Mark a method that answers this route: `(interaction, **numbers)`. It may answer several.

    It's called once the press is acknowledged, unless `acknowledge` is None because it answers with a form. It
    answers presses and choices, or only the submitted form if `opens` marks a method for the same route.
    """
    return _marked(_ANSWERS, route, acknowledge, ["self", "interaction"])


def opens(route: Route) -> Callable[[F], F]:
    """Mark the method that builds this route's form: `(interaction, typed, **numbers)`.

    A press opens it with nothing `typed`. **Fix it** opens it again with what was typed before.
    """
    return _marked(_OPENS, route, None, ["self", "interaction", "typed"])


def _marked(mark: str, route: Route, acknowledge: Acknowledge | None, first: list[str]) -> Callable[[F], F]:
    def marked(method: F) -> F:
        taken = signature(method).parameters
        names, numbers = [*taken][: len(first)], {*taken} - {*first}
        needed = {name for name in numbers if taken[name].default is Parameter.empty}
        if names != first or not needed <= route.names <= numbers:
            raise TypeError(f"{method.__qualname__} must take {first}, then the numbers of {route.template}")
        setattr(method, mark, [*getattr(method, mark, ()), (route, acknowledge)])
        return method

    return marked


class _Subcommand(NamedTuple):
    group: str
    name: str
    description: str
    opens_form: bool


def group_command(group: str, *, name: str, description: str, opens_form: bool = False) -> Callable[[F], F]:
    """Mark the method that answers `/group name`. It's called once that's acknowledged, unless it `opens_form`."""

    def mark(method: F) -> F:
        setattr(method, _JOINS, _Subcommand(group, name, description, opens_form))
        return method

    return mark


class Cog(commands.Cog):
    """Commands, and the methods that answer buttons and forms."""

    def __init__(self, bot: BotBase) -> None:
        self.bot = bot

    async def cog_load(self) -> None:
        """Add the marked subcommands to their groups. Makes missing groups."""
        for method in vars(type(self)).values():
            if (wanted := getattr(method, _JOINS, None)) is None:
                continue
            group = self.bot.tree.get_command(wanted.group)
            if group is None:
                description, seen_with = _GROUPS[wanted.group]
                group = app_commands.Group(
                    name=wanted.group, description=description, default_permissions=seen_with
                )
                self.bot.tree.add_command(group)
            assert isinstance(group, app_commands.Group), f"/{wanted.group} isn't a group"
            command = app_commands.Command[Any, ..., Any](
                name=wanted.name,
                description=wanted.description,
                callback=answers_command(method, opens_form=wanted.opens_form),
            )
            command.binding = self
            group.add_command(command)

    async def guild_and_actor(self, session: AsyncSession, interaction: Interaction) -> tuple[Guild, Actor]:
        """Return this server's settings, and who pressed. Raises NotFound in direct messages."""
        guild = await settings.look_up(session, guild_id_of(interaction), self.bot.defaults)
        return guild, actor_of(interaction, guild)

    async def guild_for_admin(self, interaction: Interaction) -> Guild:
        """Return this server's settings. Raises NotAllowed for anyone but admins."""
        async with self.bot.db.read() as session:
            guild, actor = await self.guild_and_actor(session, interaction)
        actor.must_be_admin()
        return guild

    async def guild_to_change(
        self, session: AsyncSession, interaction: Interaction
    ) -> tuple[Guild, Actor, datetime]:
        """Return this server's stored settings, the admin who pressed, and the time. Raises NotAllowed."""
        now = self.bot.clock()
        guild = await settings.ensure(session, guild_id_of(interaction), self.bot.defaults, now)
        actor = actor_of(interaction, guild)
        actor.must_be_admin()
        return guild, actor, now

    async def actor_anywhere(self, session: AsyncSession, interaction: Interaction) -> Actor:
        """Return who pressed, in a server or in direct messages, where nobody is an admin."""
        if interaction.guild_id is None:
            return person_of(interaction)
        _, actor = await self.guild_and_actor(session, interaction)
        return actor

    async def guild_id_of_coach(self, interaction: Interaction, coach_id: int) -> int:
        """Return the server to book in: this one, or from a direct message the one they share with the coach.

        Raises NotFound if they share none, or have left it.
        """
        if interaction.guild_id is not None:
            return interaction.guild_id
        async with self.bot.db.read() as session:
            guild_id = await lookup.shared_guild_id(session, coach_id, interaction.user.id)
        if guild_id is None or not await self.bot.port.is_member(guild_id, interaction.user.id):
            raise NotFound("You can only book this coach in their server. Go there and use `/book`.")
        return guild_id

    async def require_member(self, interaction: Interaction, guild_id: int) -> None:
        """Raise NotFound if the person has left this server, and CoachingError if Discord doesn't answer."""
        if not await self.bot.port.is_member(guild_id, interaction.user.id):
            raise NotFound("You've left that server, so you can't book there. Join it again first.")

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
