"""`/timezone`: set the time zone in which you see times."""

import discord
from discord import app_commands

from cogs import ui
from cogs.ui import Interaction, Typed
from cogs.ui.options import ZoneName
from cogs.ui.routing import Cog, Route, on, opens, retried
from cogs.ui.zones import resolve_zone
from scheduler.availability import reader_zone
from scheduler.core import coaches, members
from scheduler.servers import settings
from scheduler.time.time_zones import zone

CHANGE = Route("timezone:change")

_PLACE = "City or time zone"


class TimezoneCog(Cog):
    """`/timezone`."""

    @app_commands.command(name="timezone", description="Set your time zone, so you see times on your clock")
    @app_commands.describe(
        place="City, country, state or zone, like Munich or Europe/Berlin; leave empty to see what's set"
    )
    @retried
    async def timezone(self, interaction: Interaction, place: ZoneName | None = None) -> None:
        """Set the zone, or show it."""
        await ui.acknowledge(interaction)
        if place is not None:
            await self._set(interaction, place)
        await ui.show(interaction, await self._panel(interaction))

    @on(CHANGE)
    async def change(self, interaction: Interaction) -> None:
        """Set what was typed."""
        await ui.acknowledge(interaction)
        await self._set(interaction, await resolve_zone(ui.typed_in(interaction).get(_PLACE, "")))
        await ui.show(interaction, await self._panel(interaction))

    @opens(CHANGE)
    async def place_form(self, interaction: Interaction, typed: Typed) -> ui.Form:
        """Ask for the place."""
        return ui.Form("Where are you?", CHANGE.id(), ui.field(_PLACE, typed, placeholder="Munich", most=60))

    async def _set(self, interaction: Interaction, name: str) -> None:
        ui.guild_id_of(interaction)  # refuses where the answer couldn't be shown
        async with self.bot.db.begin() as session:
            await members.set_zone(session, interaction.user.id, name)

    async def _panel(self, interaction: Interaction) -> ui.Panel:
        async with self.bot.db.read() as session:
            guild = await settings.look_up(session, ui.guild_id_of(interaction), self.bot.defaults)
            chosen = await members.chosen_zone(session, interaction.user.id)
            name = await reader_zone.zone_name_of(session, interaction.user.id, guild.time_zone)
            coach = await coaches.find(session, guild.id, interaction.user.id)
        there = self.bot.clock().astimezone(zone(name))
        lines = [
            f"### Your time zone is {name}",
            f"It's **{there:%A, %H:%M}** there now. {_whose(chosen, name)} `/book` shows times in this zone.",
        ]
        if coach is not None and coach.time_zone != name:
            lines.append(f"Your hours as a coach stay in {coach.time_zone}. To change that, use `/availability`.")
        return ui.Panel(
            ui.text("\n".join(lines)), ui.row(ui.button("Change…", CHANGE.id(), discord.ButtonStyle.primary))
        )


def _whose(chosen: str | None, shown: str) -> str:
    if chosen == shown:
        return "You chose it."
    if chosen:
        return f'You chose "{ui.quoted(chosen)}", which I no longer know. Press **Change…** to choose again.'
    return "It's the server's time zone. You haven't chosen your own."
