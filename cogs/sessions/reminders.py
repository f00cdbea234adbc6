"""Turning one's reminders off and on, from wherever the button is."""

from cogs import ui
from cogs.ui import Interaction
from cogs.ui.routing import Cog, Route, on
from scheduler.notifications import reminders

OFF = Route("reminders:off")
ON = Route("reminders:on")


class RemindersCog(Cog):
    """The buttons on a reminder, and on what answers them."""

    @on(OFF)
    async def off_pressed(self, interaction: Interaction) -> None:
        """No more reminders for who presses."""
        await self._set(interaction, off=True)

    @on(ON)
    async def on_pressed(self, interaction: Interaction) -> None:
        """Reminders again."""
        await self._set(interaction, off=False)

    async def _set(self, interaction: Interaction, *, off: bool) -> None:
        await ui.acknowledge_beside(interaction)
        async with self.bot.db.begin() as session:
            await reminders.set_off(session, interaction.user.id, off=off)
        said = (
            "### Reminders are off\nYou are not reminded of your sessions any more, in any server. You still hear "
            "of bookings, changes and open rooms."
            if off
            else "### Reminders are on\nYou are reminded of your sessions again, in every server."
        )
        await ui.show(interaction, ui.Panel(ui.text(said), ui.row(switch(off=off))))


def switch(*, off: bool = False) -> ui.Button:
    """Turns reminders off, or on where they are `off`, and says so beside the message that it is on."""
    return ui.button("Turn reminders on", ON.id()) if off else ui.button("Turn reminders off", OFF.id())
