"""Let the cog of each feature add its subcommands to a shared group."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import discord
from discord import app_commands
from discord.ext import commands

from cogs.bot_base import BotBase

F = TypeVar("F", bound=Callable[..., Any])

_JOINS = "__joins__"
_GROUPS = {
    "coach": ("Become a coach, see profiles, and decide on applications", None),
    "coaching": ("Run coaching in this server", discord.Permissions(manage_guild=True)),
}
"""Each group's description, and the permissions to see it, unless an admin changes that in Discord.

Discord hides only whole commands, so `/coach approve` is seen by all. Every use is checked anyway.
"""


@dataclass(frozen=True, slots=True)
class _Subcommand:
    group: str
    name: str
    description: str


def group_command(group: str, *, name: str, description: str) -> Callable[[F], F]:
    """Mark the method that answers `/group name`. Put it above the decorators that describe the options."""

    def mark(method: F) -> F:
        setattr(method, _JOINS, _Subcommand(group, name, description))
        return method

    return mark


def join_groups(bot: BotBase, cog: commands.Cog) -> None:
    """Add the cog's marked methods to their groups. Makes missing groups."""
    for attribute in dir(type(cog)):
        method = getattr(type(cog), attribute)
        if (wanted := getattr(method, _JOINS, None)) is None:
            continue
        group = bot.tree.get_command(wanted.group)
        if group is None:
            description, seen_with = _GROUPS[wanted.group]
            group = app_commands.Group(name=wanted.group, description=description, default_permissions=seen_with)
            bot.tree.add_command(group)
        assert isinstance(group, app_commands.Group), f"/{wanted.group} isn't a group"
        command = app_commands.Command[Any, ..., Any](
            name=wanted.name, description=wanted.description, callback=method
        )
        command.binding = cog
        group.add_command(command)
