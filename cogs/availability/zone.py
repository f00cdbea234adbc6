"""Change the time zone of a coach's hours."""

from datetime import datetime

from cogs import ui
from cogs.availability import panel
from cogs.availability.panel import PanelCog, PanelState
from cogs.ui import Interaction, Typed
from cogs.ui.routing import Route, on, opens
from cogs.ui.zones import resolve_zone
from scheduler.availability import schedule
from scheduler.time.abbreviations import show_zone
from scheduler.time.hour_cycle import HourCycle
from scheduler.time.time_zones import is_known, zone

APPLY = Route("availability:rezone:{same_instants}:{week}:{days}")

_ZONE, _NEW = "City or time zone", "New time zone"


class ZoneCog(PanelCog):
    """The time zone in `/availability`."""

    @on(panel.ZONE)
    async def ask_how(self, interaction: Interaction, week: int, days: int) -> None:
        """Ask how the hours should move to the new zone."""
        name = await resolve_zone(ui.typed_in(interaction).get(_ZONE, ""))
        coach = await self.read_coach(interaction)
        if name == coach.time_zone:
            await self.show_panel(interaction, PanelState(week, days), panel.UNCHANGED)
            return
        place, cycle = PanelState(week, days), ui.hour_cycle_of(interaction)
        await ui.show(interaction, _question(coach.time_zone, name, place, self.bot.clock(), cycle))

    @opens(panel.ZONE)
    async def zone_form(self, interaction: Interaction, typed: Typed, week: int, days: int) -> ui.Form:
        """Ask for the zone."""
        return ui.Form(
            "Your time zone",
            PanelState(week, days).id(panel.ZONE),
            ui.field(_ZONE, typed, placeholder="Munich, or Europe/Berlin", most=60),
        )

    @on(APPLY)
    async def change_zone(self, interaction: Interaction, same_instants: int, week: int, days: int) -> None:
        """Change the zone."""
        name = await resolve_zone(ui.stored_fields(interaction.message).get(_NEW, ""))
        place, said = PanelState(week, days), f"✅ Your hours are now in {show_zone(name)}."
        now, keep = self.bot.clock(), bool(same_instants)
        await self.change(interaction, place, said, schedule.change_zone, name, now, same_instants=keep)
        self.bot.wake()  # whoever has weekly lessons is asked about them


def _question(old: str, new: str, place: PanelState, now: datetime, cycle: HourCycle) -> ui.Panel:
    local, shown = now.astimezone(zone(new)), show_zone(new)
    there = f"{local:%A}, {cycle.clock(local)}"
    same_clock = ui.button("Keep clock times", place.id(APPLY, same_instants=0), ui.PRIMARY)
    back = ui.button("◀ Back", place.id(panel.SHOW))
    if not is_known(old):
        # Without the old zone, nobody knows which actual times the hours meant.
        words = f"### Change to {shown}?\nIt's {there} there now. Your hours keep their clock times."
        return ui.Panel(ui.text(words), ui.store_field(_NEW, shown), ui.row(same_clock, back))
    return ui.Panel(
        ui.text(f"### From {show_zone(old)} to {shown}\nIt's {there} there now. How should your hours move?"),
        ui.store_field(_NEW, shown),
        ui.text(
            "**Keep clock times:** 9:00 stays 9:00, but in the new zone. Choose this if you're moving there.\n"
            "**Keep actual times:** your hours stay when they are, shown in the new zone (10:00 in Berlin becomes "
            "18:00 in Tokyo). Choose this if only the zone was wrong."
        ),
        ui.row(same_clock, ui.button("Keep actual times", place.id(APPLY, same_instants=1)), back),
    )
