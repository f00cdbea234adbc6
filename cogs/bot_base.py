"""What a cog needs of the bot. Cogs know this class; `bot.app.CoachBot`, which derives from it, knows the cogs."""

from abc import ABC, abstractmethod
from datetime import timedelta

import discord
from discord.ext import commands

from models.storage.database import Database
from scheduler.booking import membership_checks
from scheduler.core.clock import Clock
from scheduler.loop.ports import Discord
from scheduler.loop.tick import TickReport
from scheduler.servers.settings import GuildDefaults


class BotBase(commands.Bot, ABC):
    """The database, the clock and Discord for cogs, and what they may ask of the loop."""

    db: Database
    defaults: GuildDefaults
    """Settings of a server that hasn't changed them."""
    clock: Clock
    port: Discord
    tick_interval: timedelta

    @abstractmethod
    def wake(self) -> None:
        """Run the loop soon, because something has just become due."""

    @abstractmethod
    async def process_now(self) -> TickReport | None:
        """Run one tick at once. None if one is running at this moment."""

    @abstractmethod
    def invitation(self, guild_id: int) -> str:
        """Make the address that gives the bot what it lacks in this server; everything else stays as it is."""

    @abstractmethod
    async def name_of(self, guild_id: int, user_id: int) -> str | None:
        """Ask what this person is called in the server. None if Discord doesn't say at this moment."""

    @abstractmethod
    def count_interaction(
        self, kind: discord.InteractionType, name: str, outcome: str, waited: float | None
    ) -> None:
        """Count an interaction that is over; `waited` (seconds) is None if Discord never heard of it."""

    async def look_for_coach(self, guild_id: int, coach_id: int) -> None:
        """Ask Discord whether a coach is still in the server, and record the answer."""
        await membership_checks.check(self.db, self.port, self.clock, guild_id, coach_id)

    def server_name(self, guild_id: int) -> str:
        """Name the server, as far as Discord has said."""
        guild = self.get_guild(guild_id)
        return guild.name if guild is not None else "your server"


Interaction = discord.Interaction[BotBase]
