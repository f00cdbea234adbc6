"""What the commands that change a server's settings share."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from cogs import ui
from cogs.ui import Interaction
from cogs.ui.routing import Cog
from models import Guild
from scheduler.core.actor import Actor
from scheduler.servers import settings


class AdminCog(Cog):
    """Reads a server's settings for admins."""

    async def settings_for_admin(self, interaction: Interaction) -> Guild:
        """Return the server's settings. Raises NotAllowed."""
        async with self.bot.db.read() as session:
            guild = await settings.look_up(session, ui.guild_id_of(interaction), self.bot.defaults)
        ui.actor_of(interaction, guild).must_be_admin()
        return guild

    async def settings_to_change(
        self, session: AsyncSession, interaction: Interaction
    ) -> tuple[Guild, Actor, datetime]:
        """Return the server's stored settings, who wants to change them, and the time. Raises NotAllowed."""
        now = self.bot.clock()
        guild = await settings.ensure(session, ui.guild_id_of(interaction), self.bot.defaults, now)
        actor = ui.actor_of(interaction, guild)
        actor.must_be_admin()
        return guild, actor, now
