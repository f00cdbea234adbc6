"""`/coaching defaults`: presets for coaches, and the booking rules new coaches start with."""

from cogs import ui
from cogs.cards import booking_policy
from cogs.cards.booking_policy import RulesForm
from cogs.setup.panel import DEFAULTS
from cogs.ui import Interaction, Typed
from cogs.ui.routing import Cog, Route, group_command, on, opens
from models import Guild
from scheduler.availability.booking_policy import default_policy
from scheduler.coaches import default_rules
from scheduler.parsing.weekly_hours import parse_presets, write_presets
from scheduler.servers import settings
from scheduler.time.hour_cycle import HourCycle

SESSIONS = Route("defaults:sessions")
LIMITS = Route("defaults:limits")
PRESETS = Route("defaults:presets")
GIVE = Route("defaults:give:{agreed}")
SHOW = Route("defaults:show")

_PRESETS = "Presets, one per line"


class DefaultsCog(Cog):
    """`/coaching defaults`."""

    @on(SHOW)
    @on(DEFAULTS, ui.acknowledge_beside)
    @group_command("coaching", name="defaults", description="Presets for coaches, and rules for new coaches")
    async def defaults(self, interaction: Interaction) -> None:
        """Show the defaults, beside the setup panel."""
        await ui.show(interaction, _panel(await self.guild_for_admin(interaction), ui.hour_cycle_of(interaction)))

    @on(SESSIONS)
    async def sessions_pressed(self, interaction: Interaction) -> None:
        """Change lengths, rooms and buffers."""
        await self._set_policy(interaction, booking_policy.SESSIONS)

    @on(LIMITS)
    async def limits_pressed(self, interaction: Interaction) -> None:
        """Change notice, horizon and limits."""
        await self._set_policy(interaction, booking_policy.LIMITS)

    @on(PRESETS)
    async def presets_pressed(self, interaction: Interaction) -> None:
        """Change the presets."""
        wanted = parse_presets(ui.typed_in(interaction).get(_PRESETS, ""))
        async with self.bot.db.begin() as session:
            guild, actor, now = await self.guild_to_change(session, interaction)
            await settings.set_presets(session, guild, actor, wanted, now)
        await ui.show(interaction, _panel(guild, ui.hour_cycle_of(interaction), "✅ Saved."))

    @on(GIVE)
    async def give_pressed(self, interaction: Interaction, agreed: int) -> None:
        """Give these rules to all coaches, once the admin has agreed."""
        async with self.bot.db.begin() as session:
            guild, actor, now = await self.guild_to_change(session, interaction)
            count = len(await default_rules.with_other_rules(session, guild, actor))
            if agreed:
                await default_rules.apply_to_all(session, guild, actor, now)
        if not agreed and count:
            await ui.show(interaction, _question(count))
            return
        self.bot.wake()
        said = (
            f"✅ {count} more {'coach now has' if count == 1 else 'coaches now have'} these rules."
            if count
            else "All coaches already have these rules."
        )
        await ui.show(interaction, _panel(guild, ui.hour_cycle_of(interaction), said))

    @opens(SESSIONS)
    async def sessions_form(self, interaction: Interaction, typed: Typed) -> ui.Form:
        """Ask for lengths, rooms and buffers."""
        policy = default_policy(await self.guild_for_admin(interaction))
        return booking_policy.SESSIONS.form(SESSIONS.id(), policy, typed)

    @opens(LIMITS)
    async def limits_form(self, interaction: Interaction, typed: Typed) -> ui.Form:
        """Ask for notice, horizon and limits."""
        policy = default_policy(await self.guild_for_admin(interaction))
        return booking_policy.LIMITS.form(LIMITS.id(), policy, typed)

    @opens(PRESETS)
    async def presets_form(self, interaction: Interaction, typed: Typed) -> ui.Form:
        """Ask for the presets."""
        present = settings.presets(await self.guild_for_admin(interaction))
        field = ui.field(
            _PRESETS,
            typed or {_PRESETS: write_presets(present, ui.hour_cycle_of(interaction))},
            description="A name and hours. Up to 5 presets.",
            placeholder="Morning 8-12",
            long=True,
            most=300,
        )
        return ui.Form("Presets for coaches", PRESETS.id(), field)

    async def _set_policy(self, interaction: Interaction, form: RulesForm) -> None:
        async with self.bot.db.begin() as session:
            guild, actor, now = await self.guild_to_change(session, interaction)
            wanted = form.read(default_policy(guild), ui.typed_in(interaction))
            await settings.set_default_policy(session, guild, actor, wanted, now)
        await ui.show(interaction, _panel(guild, ui.hour_cycle_of(interaction), "✅ Saved."))


def _question(count: int) -> ui.Panel:
    coaches = "1 coach" if count == 1 else f"{count} coaches"
    return ui.Panel(
        ui.text(
            f"### Give these rules to all coaches?\nThis replaces the rules of {coaches}. We'll tell them, and "
            "they can press **Undo** in `/availability` to get theirs back. Booked sessions don't change."
        ),
        ui.row(
            ui.button("Replace their rules", GIVE.id(agreed=1), ui.DANGER),
            ui.button("◀ Back", SHOW.id()),
        ),
    )


def _panel(guild: Guild, cycle: HourCycle, said: str | None = None) -> ui.Panel:
    presets = "\n".join(f"- {line}" for line in write_presets(settings.presets(guild), cycle).splitlines())
    return ui.Panel(
        ui.text(
            "### Defaults for new coaches\nCoaches can change these in `/availability` under **Rules**. Existing "
            f"coaches keep their rules.\n{booking_policy.describe(default_policy(guild))}"
        ),
        ui.text(f"**Presets** for coaches to set their hours with one press:\n{ui.quoted(presets)}"),
        ui.row(
            ui.button("Sessions…", SESSIONS.id()),
            ui.button("Notice and limits…", LIMITS.id()),
            ui.button("Presets…", PRESETS.id()),
            ui.button("Give these rules to all coaches…", GIVE.id(agreed=0)),
        ),
        said=said,
    )
