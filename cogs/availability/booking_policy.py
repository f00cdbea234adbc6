"""The panel of a coach's booking rules."""

import discord
from sqlalchemy.ext.asyncio import AsyncSession

from cogs import ui
from cogs.availability import panel
from cogs.availability.panel import PanelCog, PanelState
from cogs.cards import booking_policy as policy_forms
from cogs.ui import Interaction, Typed
from cogs.ui.routing import Route, on, opens
from scheduler.availability import booking_policy, schedule
from scheduler.availability.booking_policy import Rules

SESSIONS = Route("availability:rules:sessions:{week}:{days}")
LIMITS = Route("availability:rules:limits:{week}:{days}")


class RulesCog(PanelCog):
    """The presses of `/availability` that concern the booking rules."""

    @on(panel.RULES)
    async def shown(self, interaction: Interaction, week: int, days: int) -> None:
        """The rules, and buttons to change them."""
        await ui.acknowledge(interaction)
        async with self.bot.db.read() as session:
            present = await self._rules(session, interaction)
        await ui.show(interaction, _rules_panel(present, PanelState(week, days)))

    @on(SESSIONS)
    async def sessions_pressed(self, interaction: Interaction, week: int, days: int) -> None:
        """Change how sessions are."""
        await ui.acknowledge(interaction)
        async with self.bot.db.begin() as session:
            wanted = policy_forms.read_sessions(await self._rules(session, interaction), ui.typed_in(interaction))
            await self._set(session, interaction, wanted)
        await ui.show(interaction, _rules_panel(wanted, PanelState(week, days), "✅ Saved."))

    @on(LIMITS)
    async def limits_pressed(self, interaction: Interaction, week: int, days: int) -> None:
        """Change notice and limits."""
        await ui.acknowledge(interaction)
        async with self.bot.db.begin() as session:
            wanted = policy_forms.read_limits(await self._rules(session, interaction), ui.typed_in(interaction))
            await self._set(session, interaction, wanted)
        await ui.show(interaction, _rules_panel(wanted, PanelState(week, days), "✅ Saved."))

    @opens(SESSIONS)
    async def sessions_form(self, interaction: Interaction, typed: Typed, week: int, days: int) -> ui.Form:
        """Asks how sessions are."""
        async with self.bot.db.read() as session:
            present = await self._rules(session, interaction)
        return policy_forms.sessions_form(PanelState(week, days).id(SESSIONS), present, typed)

    @opens(LIMITS)
    async def limits_form(self, interaction: Interaction, typed: Typed, week: int, days: int) -> ui.Form:
        """Asks how soon, how far ahead and how many."""
        async with self.bot.db.read() as session:
            present = await self._rules(session, interaction)
        return policy_forms.limits_form(PanelState(week, days).id(LIMITS), present, typed)

    async def _rules(self, session: AsyncSession, interaction: Interaction) -> Rules:
        return booking_policy.rules_of(await self.coach(session, interaction))

    async def _set(self, session: AsyncSession, interaction: Interaction, wanted: Rules) -> None:
        guild_id, actor = ui.guild_id_of(interaction), ui.person_of(interaction)
        await schedule.set_rules(session, guild_id, actor, wanted, self.bot.clock())


def _rules_panel(present: Rules, place: PanelState, said: str | None = None) -> ui.Panel:
    return ui.Panel(
        ui.text(f"### Your booking rules\n{policy_forms.describe(present)}"),
        ui.row(
            ui.button("Sessions…", place.id(SESSIONS), discord.ButtonStyle.primary),
            ui.button("Notice and limits…", place.id(LIMITS), discord.ButtonStyle.primary),
            ui.button("◀ Back", place.id(panel.SHOW)),
        ),
        *([ui.text(said)] if said else []),
    )
