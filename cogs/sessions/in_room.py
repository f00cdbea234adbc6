"""The buttons in a session's room: extend the session, or end it now."""

from cogs import routes, ui
from cogs.ui import Interaction
from cogs.ui.routing import Cog, Route, on
from scheduler.core.clock import stamp
from scheduler.rooms import in_room

LONGER = Route("room:longer:{session_id}")


class RoomCog(Cog):
    """The buttons in a session's room."""

    @on(LONGER)
    async def longer_pressed(self, interaction: Interaction, session_id: int) -> None:
        """Extend the session by 15 minutes."""
        await ui.acknowledge_beside(interaction)
        actor = ui.person_of(interaction)
        async with self.bot.db.begin() as session:
            extended = await in_room.extend(session, session_id, actor, self.bot.clock())
        self.bot.wake()
        until = stamp(extended.ends_at, "t")
        await ui.show(interaction, ui.Panel(ui.text(f"Your session now ends at {until}, at the same price.")))

    @on(routes.END_SESSION)
    async def end_pressed(self, interaction: Interaction, session_id: int) -> None:
        """End the session now."""
        await ui.acknowledge_beside(interaction)
        async with self.bot.db.begin() as session:
            actor = await self.actor_anywhere(session, interaction)
            now = self.bot.clock()
            await in_room.end_early(session, session_id, actor, now, guild_id=interaction.guild_id)
        self.bot.wake()
        words = "The session is over. The room closes once everyone has left."
        await ui.show(interaction, ui.Panel(ui.text(words)))
