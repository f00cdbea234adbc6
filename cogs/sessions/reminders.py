"""Turning reminders off and on with the button below a reminder."""

from cogs import ui
from cogs.ui import Interaction
from cogs.ui.routing import Cog, Route, on
from scheduler.notifications import reminders

OFF = Route("reminders:off")
ON = Route("reminders:on")

_TURNED_OFF = (
    "### Reminders are off\nYou won't be reminded of your sessions any more, in any server. You'll still hear "
    "about bookings, changes and open rooms."
)
_TURNED_ON = "### Reminders are on\nYou'll be reminded of your sessions again, in every server."


class RemindersCog(Cog):
    """The buttons below a reminder, and below the reply to them."""

    @on(OFF, ui.acknowledge_beside)
    async def off_pressed(self, interaction: Interaction) -> None:
        """Turn this person's reminders off."""
        await self._set(interaction, off=True)

    @on(ON, ui.acknowledge_beside)
    async def on_pressed(self, interaction: Interaction) -> None:
        """Turn this person's reminders back on."""
        await self._set(interaction, off=False)

    async def _set(self, interaction: Interaction, *, off: bool) -> None:
        async with self.bot.db.begin() as session:
            await reminders.set_off(session, interaction.user.id, off=off)
        said = ui.text(_TURNED_OFF if off else _TURNED_ON)
        await ui.show(interaction, ui.Panel(said, ui.row(switch(off=off))))


def switch(*, off: bool = False) -> ui.Button:
    """Make the button that turns reminders off or, where they're already `off`, on."""
    return ui.button("Turn reminders on", ON.id()) if off else ui.button("Turn reminders off", OFF.id())
