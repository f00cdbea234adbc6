"""`/coaching setup`: checks the server, creates or picks what's missing, and changes settings."""

import asyncio
from collections.abc import Callable

import discord

from cogs import routes, ui
from cogs.setup import forms
from cogs.setup import panel as setup_panel
from cogs.setup.admin_menu import how_to_show
from cogs.setup.panel import ASK_RATES, CHANGE, CLEAR, FORM, FORMS, MAKE, PICK, PICKED, PLACES, SHOW
from cogs.setup.settings import check_admin_role, check_channel, check_coach_role, must_manage_server
from cogs.ui import Interaction, Typed
from cogs.ui.routing import Cog, group_command, on, opens
from models import Guild
from scheduler.coaches import currencies
from scheduler.core.errors import NotAllowed, NotFound
from scheduler.servers import settings, setup
from scheduler.servers.declarations import Form
from scheduler.servers.resources import ServerResource
from scheduler.servers.settings import GuildChanges

_SAVED = "✅ Saved."


class SetupCog(Cog):
    """`/coaching setup`."""

    @on(SHOW)
    @on(routes.OPEN_SETUP, ui.acknowledge_beside)
    @group_command("coaching", name="setup", description="Check the server's setup and change settings")
    async def setup(self, interaction: Interaction) -> None:
        """Check the server and show the panel, beside a message for everyone."""
        await self._show(interaction)

    @on(MAKE)
    async def make_pressed(self, interaction: Interaction, place: int) -> None:
        """Create what's missing, or choose an existing one that fits."""
        wanted, guild = _place(place), await self.guild_for_admin(interaction)
        if not interaction.permissions.manage_guild:
            raise NotAllowed(
                "Only members with Manage Server can have me create channels and roles. Ask one of them."
            )
        bot, actor = self.bot, ui.actor_of(interaction, guild)
        await setup.create(bot.db, bot.port, bot.clock, bot.defaults, guild.id, actor, wanted)
        bot.wake()
        await self._show(interaction, _SAVED)

    @on(PICK)
    async def pick_pressed(self, interaction: Interaction, place: int) -> None:
        """Show where to choose a channel, category or role."""
        wanted = _place(place)
        await ui.show(interaction, setup_panel.of_place(await self.guild_for_admin(interaction), wanted))

    @on(CHANGE)
    async def change_chosen(self, interaction: Interaction) -> None:
        """Show where to choose the one from the list."""
        await self.pick_pressed(interaction, ui.chosen_in(interaction)[0])

    @on(PICKED)
    async def picked(self, interaction: Interaction, place: int) -> None:
        """Set what was picked."""
        wanted = _place(place)
        await self.guild_for_admin(interaction)
        changes = GuildChanges(**{wanted.column: _chosen(interaction, wanted).id})
        said = _SAVED
        if wanted is ServerResource.ADMIN_ROLE:
            assert self.bot.user is not None, "the bot is logged in"
            said += f" {how_to_show(ui.chosen_in(interaction)[0], self.bot.user.display_name)}"
        await self._save(interaction, lambda _guild: changes, said)

    @on(CLEAR)
    async def clear_pressed(self, interaction: Interaction, place: int) -> None:
        """Clear the channel or role."""
        wanted = _place(place)
        async with self.bot.db.begin() as session:
            guild, actor, now = await self.guild_to_change(session, interaction)
            if wanted.is_role:
                must_manage_server(interaction)
            await settings.clear(session, guild, actor, wanted.column, now)
        await self._show(interaction, _SAVED)

    @on(ASK_RATES)
    async def rates_asked(self, interaction: Interaction) -> None:
        """Ask coaches who charge in another currency for a rate in this server's."""
        async with self.bot.db.begin() as session:
            guild, actor = await self.guild_and_actor(session, interaction)
            asked = await currencies.ask_for_new_rates(session, guild, actor, self.bot.clock())
        self.bot.wake()
        people = "1 coach" if asked == 1 else f"{asked} coaches"
        said = f"✅ We've messaged {people}." if asked else "They were already asked within the last day."
        await self._show(interaction, said)

    @on(FORM)
    async def form_pressed(self, interaction: Interaction, form: int) -> None:
        """Change the settings in the form."""
        # In a thread, because a city may be looked up.
        values = await asyncio.to_thread(forms.read, _form(form), ui.typed_in(interaction))
        await self._save(interaction, lambda guild: forms.changed(guild, values))

    @opens(FORM)
    async def settings_form(self, interaction: Interaction, typed: Typed, form: int) -> ui.Form:
        """Ask for the settings in the form."""
        wanted, guild = _form(form), await self.guild_for_admin(interaction)
        return forms.settings_form(FORM.id(form=form), wanted, guild, typed)

    async def _save(
        self, interaction: Interaction, changes: Callable[[Guild], GuildChanges], said: str = _SAVED
    ) -> None:
        async with self.bot.db.begin() as session:
            guild, actor, now = await self.guild_to_change(session, interaction)
            await settings.change(session, guild, actor, changes(guild), now)
        self.bot.wake()
        await self._show(interaction, said)

    async def _show(self, interaction: Interaction, said: str | None = None) -> None:
        guild = await self.guild_for_admin(interaction)
        async with self.bot.db.read() as session:
            elsewhere = await currencies.with_other_currency(session, guild)
        found = await setup.inspect_server(self.bot.port, guild)
        invitation = self.bot.invite_url(guild.id, with_events=guild.mirrors_workshops)
        panel = setup_panel.overview(guild, interaction.guild, found, invitation, said, elsewhere=elsewhere)
        await ui.show(interaction, panel)


def _form(number: int) -> Form:
    if number >= len(FORMS):
        raise NotFound("This form no longer exists. Run `/coaching setup` again.")
    return FORMS[number]


def _place(number: int) -> ServerResource:
    if number >= len(PLACES):
        raise NotFound("This choice no longer exists. Run `/coaching setup` again.")
    return PLACES[number]


def _chosen(interaction: Interaction, place: ServerResource) -> discord.Role | discord.abc.GuildChannel:
    """Return what was picked, once checked. Raises NotAllowed, NotFound, Misconfigured."""
    [id_, *_], server = ui.chosen_in(interaction), interaction.guild
    role = server.get_role(id_) if server and place.is_role else None
    channel = server.get_channel(id_) if server and not place.is_role else None
    if role is not None:
        check = check_coach_role if place is ServerResource.COACH_ROLE else check_admin_role
        check(interaction, role)
        return role
    if place is ServerResource.ROOM_CATEGORY and isinstance(channel, discord.CategoryChannel):
        return channel
    if place is not ServerResource.ROOM_CATEGORY and isinstance(channel, discord.TextChannel):
        check_channel(channel)
        return channel
    raise NotFound("I can't find that channel or role here. Pick another one.")
