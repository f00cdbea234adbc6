"""`/coaching defaults`: presets for coaches, and the booking rules that new coaches begin with."""

from collections.abc import Callable

import discord
from sqlalchemy.ext.asyncio import AsyncSession

from cogs import ui
from cogs.cards import booking_policy
from cogs.setup.panel import DEFAULTS
from cogs.ui import Interaction, Typed
from cogs.ui.group_commands import group_command
from cogs.ui.routing import Cog, Route, on, opens, retried
from models import Guild
from scheduler.availability.booking_policy import Rules, default_policy
from scheduler.coaches import default_rules
from scheduler.parsing.weekly_hours import parse_presets, write_presets
from scheduler.servers import settings

SESSIONS = Route("defaults:sessions")
LIMITS = Route("defaults:limits")
PRESETS = Route("defaults:presets")
GIVE = Route("defaults:give:{agreed}")
SHOW = Route("defaults:show")

_PRESETS = "Presets, one a line"


class DefaultsCog(Cog):
    """`/coaching defaults`."""

    @group_command(
        "coaching", name="defaults", description="Presets for coaches, and the rules that new coaches begin with"
    )
    @retried
    async def defaults(self, interaction: Interaction) -> None:
        """Show them, with buttons to change them."""
        await ui.acknowledge(interaction)
        await self._show(interaction)

    @on(DEFAULTS)
    async def opened(self, interaction: Interaction) -> None:
        """The same, beside the panel of `/coaching setup`."""
        await ui.acknowledge_beside(interaction)
        await self._show(interaction)

    @on(SESSIONS)
    async def sessions_pressed(self, interaction: Interaction) -> None:
        """Change how new coaches' sessions are."""
        await self._set_policy(interaction, booking_policy.read_sessions)

    @on(LIMITS)
    async def limits_pressed(self, interaction: Interaction) -> None:
        """Change new coaches' notice and limits."""
        await self._set_policy(interaction, booking_policy.read_limits)

    @on(PRESETS)
    async def presets_pressed(self, interaction: Interaction) -> None:
        """Change the presets."""
        await ui.acknowledge(interaction)
        wanted = parse_presets(ui.typed_in(interaction).get(_PRESETS, ""))
        async with self.bot.db.begin() as session:
            guild, now = await self._guild(session, interaction), self.bot.clock()
            await settings.set_presets(session, guild, ui.actor_of(interaction, guild), wanted, now)
        await ui.show(interaction, _panel(guild, "✅ Saved."))

    @on(GIVE)
    async def give_pressed(self, interaction: Interaction, agreed: int) -> None:
        """Give these rules to all coaches, after an admin has confirmed."""
        await ui.acknowledge(interaction)
        async with self.bot.db.begin() as session:
            guild, now = await self._guild(session, interaction), self.bot.clock()
            actor = ui.actor_of(interaction, guild)
            count = len(await default_rules.others(session, guild, actor))
            if agreed:
                await default_rules.give(session, guild, actor, now)
        if not agreed and count:
            await ui.show(interaction, _question(count))
            return
        self.bot.wake()
        said = (
            f"✅ {count} more {'coach now has' if count == 1 else 'coaches now have'} these rules."
            if count
            else "All coaches already have these rules."
        )
        await ui.show(interaction, _panel(guild, said))

    @on(SHOW)
    async def refresh(self, interaction: Interaction) -> None:
        """Back to the panel."""
        await ui.acknowledge(interaction)
        await self._show(interaction)

    @opens(SESSIONS)
    async def sessions_form(self, interaction: Interaction, typed: Typed) -> ui.Form:
        """Asks how sessions are."""
        return booking_policy.sessions_form(
            SESSIONS.id(), default_policy(await self._seen_by_admin(interaction)), typed
        )

    @opens(LIMITS)
    async def limits_form(self, interaction: Interaction, typed: Typed) -> ui.Form:
        """Asks how soon, how far ahead and how many."""
        return booking_policy.limits_form(
            LIMITS.id(), default_policy(await self._seen_by_admin(interaction)), typed
        )

    @opens(PRESETS)
    async def presets_form(self, interaction: Interaction, typed: Typed) -> ui.Form:
        """Asks for the presets."""
        present = settings.presets(await self._seen_by_admin(interaction))
        return ui.Form(
            "Presets for coaches",
            PRESETS.id(),
            ui.field(
                _PRESETS,
                typed or {_PRESETS: write_presets(present)},
                description="A name and hours, up to five lines.",
                placeholder="Morning 8-12",
                long=True,
                most=300,
            ),
        )

    async def _set_policy(self, interaction: Interaction, read: Callable[[Rules, Typed], Rules]) -> None:
        """Change what new coaches begin with by what was typed, as `read` understands it."""
        await ui.acknowledge(interaction)
        async with self.bot.db.begin() as session:
            guild, now = await self._guild(session, interaction), self.bot.clock()
            wanted = read(default_policy(guild), ui.typed_in(interaction))
            await settings.set_default_policy(session, guild, ui.actor_of(interaction, guild), wanted, now)
        await ui.show(interaction, _panel(guild, "✅ Saved."))

    async def _guild(self, session: AsyncSession, interaction: Interaction) -> Guild:
        guild_id = ui.guild_id_of(interaction)
        return await settings.ensure(session, guild_id, self.bot.defaults, self.bot.clock())

    async def _seen_by_admin(self, interaction: Interaction) -> Guild:
        async with self.bot.db.read() as session:
            guild = await settings.look_up(session, ui.guild_id_of(interaction), self.bot.defaults)
        ui.actor_of(interaction, guild).must_be_admin()
        return guild

    async def _show(self, interaction: Interaction) -> None:
        """Show them to an admin."""
        async with self.bot.db.read() as session:
            guild = await settings.look_up(session, ui.guild_id_of(interaction), self.bot.defaults)
        ui.actor_of(interaction, guild).must_be_admin()
        await ui.show(interaction, _panel(guild))


def _question(count: int) -> ui.Panel:
    coaches = "1 coach" if count == 1 else f"{count} coaches"
    return ui.Panel(
        ui.text(
            f"### Give these rules to all coaches?\nThis replaces the rules of {coaches}. We'll tell them, and "
            "they can press **Undo** in `/availability` to get theirs back. Booked sessions don't change."
        ),
        ui.row(
            ui.button("Replace their rules", GIVE.id(agreed=1), discord.ButtonStyle.danger),
            ui.button("◀ Back", SHOW.id()),
        ),
    )


def _panel(guild: Guild, said: str | None = None) -> ui.Panel:
    presets = "\n".join(f"- {line}" for line in write_presets(settings.presets(guild)).splitlines())
    return ui.Panel(
        ui.text(
            "### What new coaches begin with\nEach coach can change these in `/availability`, under Rules; those "
            f"who coach already keep theirs.\n{booking_policy.describe(default_policy(guild))}"
        ),
        ui.text(f"**Presets** that every coach can set with one press:\n{ui.quoted(presets)}"),
        ui.row(
            ui.button("Sessions…", SESSIONS.id(), discord.ButtonStyle.primary),
            ui.button("Notice and limits…", LIMITS.id(), discord.ButtonStyle.primary),
            ui.button("Presets…", PRESETS.id(), discord.ButtonStyle.primary),
            ui.button("Give these rules to all coaches…", GIVE.id(agreed=0)),
        ),
        *([ui.text(said)] if said else []),
    )
