"""What a cog needs from the bot. Cogs import this class; `bot.app.CoachBot`, its subclass, imports the cogs."""

from abc import ABC, abstractmethod
from collections.abc import Collection
from datetime import timedelta

import discord
from discord.ext import commands

from cogs.command_mentions import CommandMentions
from cogs.interaction_stats import InteractionStats
from models.storage.database import Database
from scheduler.booking import membership_checks
from scheduler.core import members
from scheduler.core.clock import Clock
from scheduler.loop.ports import Discord
from scheduler.loop.tick import TickReport
from scheduler.payments.ports import Stripe
from scheduler.servers.settings import GuildDefaults


class BotBase(commands.Bot, ABC):
    """The database, the clock, Discord, and what cogs can ask of the loop."""

    db: Database
    defaults: GuildDefaults
    """Settings of servers that haven't changed them."""
    clock: Clock
    port: Discord
    stripe: Stripe | None
    """Takes payments by card; None without a key."""
    tick_interval: timedelta
    command_mentions: CommandMentions
    interaction_stats: InteractionStats

    @abstractmethod
    def wake(self) -> None:
        """Run the loop soon, because there's new work for it."""

    @abstractmethod
    async def process_now(self) -> TickReport | None:
        """Run a tick now. Returns None if one is already running."""

    @abstractmethod
    def invite_url(self, guild_id: int, *, with_events: bool = False) -> str:
        """Return a link that grants the bot the permissions it lacks in this server, and changes nothing else.

        `with_events`: also what it needs where workshops are among the server's scheduled events.
        """

    @abstractmethod
    async def fetch_name(self, guild_id: int | None, user_id: int) -> str | None:
        """Ask Discord for a person's name, in this server if any. Returns None if Discord doesn't answer."""

    @abstractmethod
    def serves(self, guild_id: int) -> bool:
        """Whether the bot works in this server: in all, unless it was given one."""

    @abstractmethod
    async def fetch_names(self, guild_id: int, user_ids: Collection[int]) -> dict[int, str]:
        """Ask Discord for many people's names in the server. Leaves out those it doesn't tell."""

    async def check_coach_membership(self, guild_id: int, coach_id: int) -> None:
        """Ask Discord whether a coach is still in the server, and record the answer."""
        await membership_checks.check(self.db, self.port, self.clock, guild_id, coach_id)

    async def names_in_dm(self, reader_id: int, user_ids: Collection[int]) -> dict[int, str]:
        """Return the names of these people, as far as they're known, for a direct message to this reader."""
        async with self.db.read() as session:
            names = await members.names_of_own_coaches(session, reader_id, user_ids)
        for user_id in user_ids:
            if user_id not in names and (name := await self.fetch_name(None, user_id)) is not None:
                names[user_id] = name
        return names

    def server_name(self, guild_id: int) -> str:
        """Return the server's name, or "your server" if Discord hasn't told us."""
        guild = self.get_guild(guild_id)
        return guild.name if guild is not None else "your server"


Interaction = discord.Interaction[BotBase]
