"""Make the commands in our texts clickable, where the text goes to Discord.

Our texts name commands as code: `/coach apply`. That also reads well where mentions aren't possible: in labels,
forms, files and pictures, and wherever a command's id isn't known.
"""

import re
from collections.abc import Callable, Collection, Iterable
from typing import Any

import discord
from discord.app_commands import AppCommand, AppCommandGroup

# People's own words are quoted, so their backticks follow a backslash.
_NAMED = re.compile(r"(?<!\\)`/(?P<words>[^`\\\n]+)`")
_LONGEST_TEXT = 4000
"""The most characters in all paragraphs of a message together."""


class Verbatim(discord.ui.TextDisplay[Any]):
    """A paragraph that's sent as it is, because it's read from the message later."""


class CommandMentions:
    """The mentions of the registered commands."""

    def __init__(self) -> None:
        self._in_servers: dict[str, str] = {}
        self._in_direct_messages: dict[str, str] = {}

    def learn(self, registered: Iterable[AppCommand], in_direct_messages: Collection[str]) -> None:
        """Learn the ids that Discord gave the commands, of which these also work in direct messages.

        A group of subcommands has no mention of its own.
        """
        for command in registered:
            subcommands = [one for one in command.options if isinstance(one, AppCommandGroup)]
            mentions = {
                one.qualified_name if isinstance(one, AppCommandGroup) else one.name: one.mention
                for one in subcommands or [command]
            }
            self._in_servers |= mentions
            if command.name in in_direct_messages:
                self._in_direct_messages |= mentions

    def in_text(self, words: str, *, in_server: bool) -> str:
        """Replace the commands that work there, in a server or in direct messages. Options follow as code."""
        known = self._in_servers if in_server else self._in_direct_messages

        def mention(found: re.Match[str]) -> str:
            name = found["words"]
            while name and name not in known:
                name = name.rpartition(" ")[0]
            options = found["words"].removeprefix(name).strip()
            return " ".join((known[name], *([f"`{options}`"] if options else []))) if name else found[0]

        return _NAMED.sub(mention, words)


def make_clickable(view: discord.ui.LayoutView, mention: Callable[[str], str]) -> None:
    """Replace the commands in all paragraphs, unless the message would get too long."""
    paragraphs = [
        one
        for one in view.walk_children()
        if isinstance(one, discord.ui.TextDisplay) and not isinstance(one, Verbatim)
    ]
    replaced = [mention(one.content) for one in paragraphs]
    longer = sum(map(len, replaced)) - sum(len(one.content) for one in paragraphs)
    if view.content_length() + longer > _LONGEST_TEXT:
        return
    for one, words in zip(paragraphs, replaced, strict=True):
        one.content = words
