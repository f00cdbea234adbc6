"""`/timezone`: set the time zone in which you see times."""

from discord import app_commands

from cogs import ui
from cogs.ui import Interaction, Typed
from cogs.ui.answering import answers_command
from cogs.ui.options import ZoneTransformer
from cogs.ui.routing import Cog, Route, on, opens
from cogs.ui.zones import resolve_zone
from models import Coach
from scheduler.availability import reader_zone
from scheduler.core import coaches, members
from scheduler.time.abbreviations import show_zone
from scheduler.time.time_zones import zone

CHANGE = Route("timezone:change")

_PLACE = "City or time zone"
_NOT_CHOSEN = (
    "### You haven't chosen a time zone\nUntil you do, each server shows times in its own. Choose yours to see "
    "them on your clock everywhere."
)


class PlaceTransformer(ZoneTransformer):
    """Asks which zone is meant as the form does."""

    async def transform(self, interaction: Interaction, value: str, /) -> str:
        """Find its zone. Raises Unreadable."""
        return await resolve_zone(value, answer=(CHANGE.id(), _PLACE))


PlaceOption = app_commands.Transform[str, PlaceTransformer]


class TimezoneCog(Cog):
    """`/timezone`."""

    @app_commands.command(name="timezone", description="Set your time zone, so you see times on your clock")
    @app_commands.describe(
        place="City, country, state or zone, like Munich (optional). Leave it out to see what's set"
    )
    @app_commands.allowed_contexts(guilds=True, dms=True)
    @answers_command
    async def timezone(self, interaction: Interaction, place: PlaceOption | None = None) -> None:
        """Set the zone, or show it."""
        if place is not None:
            await self._set(interaction, place)
        await ui.show(interaction, await self._panel(interaction))

    @on(CHANGE)
    async def change(self, interaction: Interaction) -> None:
        """Set what was typed."""
        await self._set(interaction, await resolve_zone(ui.typed_in(interaction).get(_PLACE, "")))
        await ui.show(interaction, await self._panel(interaction))

    @opens(CHANGE)
    async def place_form(self, interaction: Interaction, typed: Typed) -> ui.Form:
        """Ask for the place."""
        return ui.Form("Where are you?", CHANGE.id(), ui.field(_PLACE, typed, placeholder="Munich", most=60))

    async def _set(self, interaction: Interaction, name: str) -> None:
        async with self.bot.db.begin() as session:
            await members.set_zone(session, interaction.user.id, name)

    async def _panel(self, interaction: Interaction) -> ui.Panel:
        servers, user_id = await self.servers_of(interaction), interaction.user.id
        default = servers[0].time_zone if len(servers) == 1 else ""
        async with self.bot.db.read() as session:
            chosen = await members.chosen_zone(session, user_id)
            name = await reader_zone.zone_name_of(session, user_id, default)
            own = [await coaches.find(session, guild.id, user_id) for guild in servers]
        if not (chosen or default):
            lines = [_NOT_CHOSEN]
        else:
            local = self.bot.clock().astimezone(zone(name))
            there = f"{local:%A}, {ui.hour_cycle_of(interaction).clock(local)}"
            lines = [
                f"### Your time zone is {show_zone(name)}",
                f"It's **{there}** there now. {_whose(chosen, name)} `/book` shows times in this zone.",
            ]
        for coach in own:
            if coach is not None and coach.time_zone != name:
                elsewhere = None if interaction.guild_id else self.bot.server_name(coach.guild_id)
                lines.append(_of_coach(coach, elsewhere))
        return ui.Panel(ui.text("\n".join(lines)), ui.row(ui.button("Change…", CHANGE.id(), ui.PRIMARY)))


def _whose(chosen: str | None, shown: str) -> str:
    if chosen == shown:
        return "You chose it."
    if chosen:
        return f'You chose "{ui.quoted(chosen)}", which I no longer know. Press **Change…** to choose again.'
    return "It's the server's time zone. You haven't chosen your own."


def _of_coach(coach: Coach, elsewhere: str | None) -> str:
    """Say which zone their hours are in, naming the server where this isn't shown there."""
    if elsewhere is None:
        return f"Your hours as a coach stay in {show_zone(coach.time_zone)}. To change that, use `/availability`."
    where, hours = f"**{ui.quoted(elsewhere)}**", f"in {show_zone(coach.time_zone)}"
    return f"Your hours as a coach in {where} stay {hours}. To change that, use `/availability` there."
