"""Applying to coach, and deciding on applications."""

import discord
from discord import app_commands

from cogs import cards, routes, ui
from cogs.coaches import forms
from cogs.ui import Interaction, Typed
from cogs.ui.routing import Cog, Route, group_command, on, opens
from cogs.ui.zones import resolve_zone
from models import BlockedFrom
from scheduler.booking import blocks
from scheduler.coaches import applications
from scheduler.coaches.applications import LONGEST_TEXT, REASON, TIME_ZONE, Application
from scheduler.coaches.history import coach_history
from scheduler.core import coaches
from scheduler.core.errors import Unreadable
from scheduler.servers import settings
from scheduler.time.abbreviations import show_zone
from scheduler.time.time_zones import SeveralZones, zone

APPLY = Route("coach:apply")


class CoachCog(Cog):
    """`/coach apply`, `/coach approve` and `/coach reject`, and the buttons that do the same."""

    @on(routes.PANEL_APPLY, None)
    @group_command(
        "coach", name="apply", description="Apply to coach here, or edit your open application", opens_form=True
    )
    async def apply(self, interaction: Interaction) -> None:
        """Open the form, filled in with an earlier application if there is one."""
        typed = await self._earlier_application(interaction)
        await interaction.response.send_modal(await self.application_form(interaction, typed))

    @opens(APPLY)
    async def application_form(self, interaction: Interaction, typed: Typed) -> ui.Form:
        """Ask for an application, filled in with what was typed."""
        async with self.bot.db.read() as session:
            guild, _ = await self.guild_and_actor(session, interaction)
            taught = await settings.specialties(session, guild.id)
        return ui.Form(
            "Become a coach",
            APPLY.id(),
            *forms.fields(typed, taught, guild.currency),
            ui.field(
                TIME_ZONE,
                typed or {TIME_ZONE: show_zone(guild.time_zone)},
                description="Your hours are in this time zone.",
                placeholder="Munich, or Europe/Berlin",
                most=64,
            ),
        )

    @on(APPLY, ui.acknowledge_keeping)
    async def applied(self, interaction: Interaction) -> None:
        """Submit the application. If the form was opened from the public panel, that panel stays."""
        typed = ui.typed_in(interaction)
        application = Application(
            display_name=interaction.user.display_name,
            **forms.read(typed),
            time_zone=await _zone_or_typed(typed.get(TIME_ZONE, "")),
        )
        async with self.bot.db.begin() as session:
            now = self.bot.clock()
            guild = await settings.ensure(session, ui.guild_id_of(interaction), self.bot.defaults, now)
            await applications.apply(session, guild, ui.actor_of(interaction, guild), application, now)
        self.bot.wake()
        there = now.astimezone(zone(application.time_zone))
        thanks = (
            "### Thank you!\nYour application is with the admins now. You'll get a direct message when they "
            "decide. Until then, you can change it with `/coach apply`.\n"
            f"Your time zone is **{show_zone(application.time_zone)}**, where it's "
            f"**{there:%A}, {ui.hour_cycle_of(interaction).clock(there)}** now."
        )
        await ui.show(interaction, ui.Panel(ui.text(thanks)))

    @group_command("coach", name="approve", description="Approve an application, or page through all open ones")
    @app_commands.describe(member="Who applied (optional). Leave it out to see all open applications")
    async def approve(self, interaction: Interaction, member: discord.User | None = None) -> None:
        """Approve one person, or show the queue."""
        if member is None:
            await self.show_queue(interaction)
        else:
            await self._approve(interaction, member.id)

    @on(routes.APPROVE)
    async def approve_pressed(self, interaction: Interaction, user_id: int) -> None:
        """Approve from the card in the review channel, or from the queue."""
        await self._approve(interaction, user_id)
        await self._refresh_queue(interaction)

    async def _approve(self, interaction: Interaction, user_id: int) -> None:
        async with self.bot.db.begin() as session:
            guild, actor = await self.guild_and_actor(session, interaction)
            await applications.approve(session, guild.id, user_id, actor, self.bot.clock())
        self.bot.wake()
        await ui.reply_privately(interaction, f"Approved. We've messaged <@{user_id}> what to do next.")

    @group_command("coach", name="reject", description="Turn an application down, with a reason")
    @app_commands.describe(member="Who applied", reason="The applicant will see this")
    async def reject(
        self, interaction: Interaction, member: discord.User, reason: app_commands.Range[str, 1, LONGEST_TEXT]
    ) -> None:
        """Reject one person."""
        await self._reject(interaction, member.id, reason)

    @on(routes.REJECT)
    async def reject_pressed(self, interaction: Interaction, user_id: int) -> None:
        """Reject for the reason in the form."""
        await self._reject(interaction, user_id, ui.typed_in(interaction).get(REASON, ""))
        await self._refresh_queue(interaction)

    @opens(routes.REJECT)
    async def reason_form(self, interaction: Interaction, typed: Typed, user_id: int) -> ui.Form:
        """Ask an admin why."""
        await self.guild_for_admin(interaction)
        return ui.Form(
            "Reject this application",
            routes.REJECT.id(user_id=user_id),
            ui.field(REASON, typed, description="The applicant will see this.", long=True, most=LONGEST_TEXT),
        )

    async def _reject(self, interaction: Interaction, user_id: int, reason: str) -> None:
        async with self.bot.db.begin() as session:
            guild, actor = await self.guild_and_actor(session, interaction)
            await applications.reject(session, guild.id, user_id, actor, reason, self.bot.clock())
        self.bot.wake()
        await ui.reply_privately(interaction, f"Rejected. We've messaged <@{user_id}> the reason.")

    async def _refresh_queue(self, interaction: Interaction) -> None:
        """Show the next application after a decision in the queue. The public card follows on its own."""
        if interaction.message is not None and interaction.message.flags.ephemeral:
            await self.show_queue(interaction)

    @on(routes.APPLICATIONS)
    async def show_queue(self, interaction: Interaction, position: int = 0) -> None:
        """Show an open application."""
        await ui.show(interaction, await self._queue(interaction, position))

    async def _queue(self, interaction: Interaction, position: int) -> ui.Panel:
        async with self.bot.db.read() as session:
            guild, actor = await self.guild_and_actor(session, interaction)
            waiting = await applications.list_open(session, guild.id, actor)
            if not waiting:
                return ui.Panel(ui.text("No open applications. People apply with `/coach apply`."))
            position = min(position, len(waiting) - 1)
            coach = waiting[position]
            taught = await coaches.coach_specialties(session, guild.id, coach.user_id)
            history = await coach_history(session, guild.id, coach.user_id)
            blocked = await blocks.list_blocks(session, guild.id, coach.user_id)
        following = ui.button("Next ▶", routes.APPLICATIONS.id(position=(position + 1) % len(waiting)))
        return ui.Panel(
            ui.text(f"Application {position + 1} of {len(waiting)}"),
            cards.of_application(coach, taught, history, blocked),
            *([ui.row(following)] if len(waiting) > 1 else []),
        )

    async def _earlier_application(self, interaction: Interaction) -> Typed:
        """Return the fields of this person's last application. Raises if they may not apply."""
        async with self.bot.db.read() as session:
            guild, _ = await self.guild_and_actor(session, interaction)
            coach = await coaches.find(session, guild.id, interaction.user.id)
            applications.check_may_apply(coach)
            await blocks.require_unblocked(session, guild.id, interaction.user.id, BlockedFrom.APPLYING)
            if coach is None:
                return {}
            taught = await coaches.coach_specialties(session, coach.guild_id, coach.user_id)
        return forms.filled_in(coach, taught, guild.currency) | {TIME_ZONE: show_zone(coach.time_zone)}


async def _zone_or_typed(typed: str) -> str:
    """Find the zone, or return what was typed, so that it's refused together with other fields."""
    try:
        return await resolve_zone(typed)
    except SeveralZones:
        raise  # it's asked about before anything else
    except Unreadable:
        return typed
