"""Show and change a coach's booking rules."""

from cogs import ui
from cogs.availability import panel
from cogs.availability.panel import PanelCog, PanelState
from cogs.cards import booking_policy as policy_forms
from cogs.cards.booking_policy import RulesForm
from cogs.ui import Interaction, Typed
from cogs.ui.routing import Route, on, opens
from scheduler.availability import booking_policy, schedule
from scheduler.availability.booking_policy import Rules

SESSIONS = Route("availability:rules:sessions:{week}:{days}")
LIMITS = Route("availability:rules:limits:{week}:{days}")


class RulesCog(PanelCog):
    """The booking rules in `/availability`."""

    @on(panel.RULES)
    async def show_rules(self, interaction: Interaction, week: int, days: int) -> None:
        """Show the rules, with buttons to change them."""
        await ui.show(interaction, _rules_panel(await self._read(interaction), PanelState(week, days)))

    @on(SESSIONS)
    async def change_sessions(self, interaction: Interaction, week: int, days: int) -> None:
        """Change lengths, rooms, start times and buffers."""
        await self._change(interaction, policy_forms.SESSIONS, PanelState(week, days))

    @on(LIMITS)
    async def change_limits(self, interaction: Interaction, week: int, days: int) -> None:
        """Change notice, horizon and limits."""
        await self._change(interaction, policy_forms.LIMITS, PanelState(week, days))

    @opens(SESSIONS)
    async def sessions_form(self, interaction: Interaction, typed: Typed, week: int, days: int) -> ui.Form:
        """Ask for lengths, rooms, start times and buffers."""
        current = await self._read(interaction)
        return policy_forms.SESSIONS.form(PanelState(week, days).id(SESSIONS), current, typed)

    @opens(LIMITS)
    async def limits_form(self, interaction: Interaction, typed: Typed, week: int, days: int) -> ui.Form:
        """Ask for notice, horizon and limits."""
        current = await self._read(interaction)
        return policy_forms.LIMITS.form(PanelState(week, days).id(LIMITS), current, typed)

    async def _read(self, interaction: Interaction) -> Rules:
        return booking_policy.rules_of(await self.read_coach(interaction))

    async def _change(self, interaction: Interaction, form: RulesForm, place: PanelState) -> None:
        async with self.bot.db.begin() as session:
            coach = await self.coach(session, interaction)
            wanted = form.read(booking_policy.rules_of(coach), ui.typed_in(interaction))
            actor = ui.person_of(interaction)
            changed = await schedule.set_rules(session, coach.guild_id, actor, wanted, self.bot.clock())
        await ui.show(interaction, _rules_panel(wanted, place, "✅ Saved." if changed else panel.UNCHANGED))


def _rules_panel(current: Rules, place: PanelState, said: str | None = None) -> ui.Panel:
    return ui.Panel(
        ui.text(f"### Your booking rules\n{policy_forms.describe(current)}"),
        ui.row(
            ui.button("Sessions…", place.id(SESSIONS)),
            ui.button("Notice and limits…", place.id(LIMITS)),
            ui.button("◀ Back", place.id(panel.SHOW)),
        ),
        said=said,
    )
