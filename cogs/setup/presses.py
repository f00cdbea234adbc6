"""The presses of `/coaching setup`: what is wrong, made or picked, and the settings changed."""

import asyncio
from collections.abc import Callable

import discord

from cogs import routes, ui
from cogs.setup import forms
from cogs.setup import panel as setup_panel
from cogs.setup.panel import (
    ASK_RATES,
    CHANGE,
    CLEAR,
    FORM,
    FORMS,
    MAKE,
    PICK,
    PICKED,
    PLACES,
    SHOW,
)
from cogs.setup.settings import check_channel, check_roles, must_manage_server
from cogs.ui import Interaction, Typed
from cogs.ui.routing import Cog, on, opens
from models import Guild
from scheduler.coaches import currencies
from scheduler.core.errors import NotAllowed, NotFound
from scheduler.servers import settings, setup
from scheduler.servers.declarations import Form
from scheduler.servers.resources import ServerResource
from scheduler.servers.settings import GuildChanges

_SAVED = "✅ Saved."


class SetupPanelCog(Cog):
    """Shows the panel."""

    async def show_setup(self, interaction: Interaction, said: str | None = None) -> None:
        """Look at the server, and show an admin what is found."""
        async with self.bot.db.read() as session:
            guild = await settings.look_up(session, ui.guild_id_of(interaction), self.bot.defaults)
            ui.actor_of(interaction, guild).must_be_admin()
            elsewhere = await currencies.others(session, guild)
        found, invitation = await setup.inspect_server(self.bot.port, guild), self.bot.invitation(guild.id)
        panel = setup_panel.main(guild, interaction.guild, found, invitation, said, elsewhere=elsewhere)
        await ui.show(interaction, panel)


class SetupCog(SetupPanelCog):
    """The buttons, selects and forms of the panel."""

    @on(routes.OPEN_SETUP)
    async def opened(self, interaction: Interaction) -> None:
        """From a message that all see: the panel, for this admin alone."""
        await ui.acknowledge_beside(interaction)
        await self.show_setup(interaction)

    @on(SHOW)
    async def refresh(self, interaction: Interaction) -> None:
        """Look again."""
        await ui.acknowledge(interaction)
        await self.show_setup(interaction)

    @on(MAKE)
    async def make_pressed(self, interaction: Interaction, place: int) -> None:
        """Make what is missing, or take what is there already."""
        await ui.acknowledge(interaction)
        wanted, guild = _place(place), await self._seen_by_admin(interaction)
        if not interaction.permissions.manage_guild:
            raise NotAllowed(
                "Only members with Manage Server can have me create channels and roles. Ask one of them."
            )
        await setup.make(
            self.bot.db,
            self.bot.port,
            self.bot.clock,
            self.bot.defaults,
            guild.id,
            ui.actor_of(interaction, guild),
            wanted,
        )
        self.bot.wake()
        await self.show_setup(interaction, _SAVED)

    @on(PICK)
    async def pick_pressed(self, interaction: Interaction, place: int) -> None:
        """Let them choose."""
        await ui.acknowledge(interaction)
        wanted = _place(place)
        await ui.show(interaction, setup_panel.of_place(await self._seen_by_admin(interaction), wanted))

    @on(CHANGE)
    async def change_chosen(self, interaction: Interaction) -> None:
        """Let them choose, what the select says."""
        await self.pick_pressed(interaction, ui.chosen_in(interaction)[0])

    @on(PICKED)
    async def picked(self, interaction: Interaction, place: int) -> None:
        """Set what was picked."""
        await ui.acknowledge(interaction)
        wanted = _place(place)
        await self._seen_by_admin(interaction)
        chosen = _chosen(interaction, wanted)
        changes = GuildChanges(**{wanted.column: chosen.id})
        await self._save(interaction, lambda _guild: changes)

    @on(CLEAR)
    async def clear_pressed(self, interaction: Interaction, place: int) -> None:
        """Take the channel or role away."""
        await ui.acknowledge(interaction)
        wanted = _place(place)
        await self._seen_by_admin(interaction)
        if wanted.is_role:
            must_manage_server(interaction)
        async with self.bot.db.begin() as session:
            now = self.bot.clock()
            guild = await settings.ensure(session, ui.guild_id_of(interaction), self.bot.defaults, now)
            await settings.clear(session, guild, ui.actor_of(interaction, guild), wanted.column, now)
        await self.show_setup(interaction, _SAVED)

    @on(ASK_RATES)
    async def rates_asked(self, interaction: Interaction) -> None:
        """Ask coaches who charge in another currency for a rate in this server's."""
        await ui.acknowledge(interaction)
        async with self.bot.db.begin() as session:
            guild = await settings.look_up(session, ui.guild_id_of(interaction), self.bot.defaults)
            asked = await currencies.ask(session, guild, ui.actor_of(interaction, guild), self.bot.clock())
        self.bot.wake()
        people = "1 coach" if asked == 1 else f"{asked} coaches"
        said = f"✅ We've messaged {people}." if asked else "They were already asked within the last day."
        await self.show_setup(interaction, said)

    @on(FORM)
    async def form_pressed(self, interaction: Interaction, form: int) -> None:
        """Change what the form asks for."""
        await ui.acknowledge(interaction)
        # In a thread, because a city may be looked up.
        values = await asyncio.to_thread(forms.read, _form(form), ui.typed_in(interaction))
        await self._save(interaction, lambda guild: forms.different(guild, values))

    @opens(FORM)
    async def settings_form(self, interaction: Interaction, typed: Typed, form: int) -> ui.Form:
        """Asks for the settings of this form."""
        wanted, guild = _form(form), await self._seen_by_admin(interaction)
        return forms.settings_form(FORM.id(form=form), wanted, guild, typed)

    async def _save(self, interaction: Interaction, wanted: Callable[[Guild], GuildChanges]) -> None:
        """Change what is wanted, given what is set, and show everything."""
        async with self.bot.db.begin() as session:
            now = self.bot.clock()
            guild = await settings.ensure(session, ui.guild_id_of(interaction), self.bot.defaults, now)
            actor = ui.actor_of(interaction, guild)
            actor.must_be_admin()
            await settings.change(session, guild, actor, wanted(guild), now)
        self.bot.wake()
        await self.show_setup(interaction, _SAVED)

    async def _seen_by_admin(self, interaction: Interaction) -> Guild:
        async with self.bot.db.read() as session:
            guild = await settings.look_up(session, ui.guild_id_of(interaction), self.bot.defaults)
        ui.actor_of(interaction, guild).must_be_admin()
        return guild


def _form(number: int) -> Form:
    if number >= len(FORMS):
        raise NotFound("This form doesn't exist any more. Use `/coaching setup` again.")
    return FORMS[number]


def _place(number: int) -> ServerResource:
    if number >= len(PLACES):
        raise NotFound("There is no such thing to choose. Please use the command again.")
    return PLACES[number]


def _chosen(interaction: Interaction, place: ServerResource) -> discord.Role | discord.abc.GuildChannel:
    """What was picked, if it can serve. Raises NotAllowed, NotFound, Misconfigured."""
    [id_, *_], server = ui.chosen_in(interaction), interaction.guild
    role = server.get_role(id_) if server and place.is_role else None
    channel = server.get_channel(id_) if server and not place.is_role else None
    if role is not None:
        is_coach_role = place is ServerResource.COACH_ROLE
        check_roles(interaction, None if is_coach_role else role, role if is_coach_role else None)
        return role
    if place is ServerResource.ROOM_CATEGORY and isinstance(channel, discord.CategoryChannel):
        return channel
    if place is not ServerResource.ROOM_CATEGORY and isinstance(channel, discord.TextChannel):
        check_channel(channel)
        return channel
    raise NotFound("I cannot see that here (any more). Please pick another one.")
