"""`/coaching setup`: the command that opens the panel."""

from cogs import ui
from cogs.setup.presses import SetupPanelCog
from cogs.ui import Interaction
from cogs.ui.group_commands import group_command
from cogs.ui.routing import retried


class CoachingCog(SetupPanelCog):
    """`/coaching setup`."""

    @group_command(
        "coaching", name="setup", description="Check and fix what coaching needs here, and change settings"
    )
    @retried
    async def setup(self, interaction: Interaction) -> None:
        """Show what's wrong, what's set, and ways to change it."""
        await ui.acknowledge(interaction)
        await self.show_setup(interaction)
