"""`/book`: coach, day, time, notes, confirm. Only what can be booked now is ever offered."""

from datetime import timedelta

import discord
from discord import app_commands

from cogs import cards, ui
from cogs.booking.times import by_day, instant
from cogs.booking.views import (
    BROWSE,
    COACH,
    CONFIRM,
    DAYS,
    NOTES,
    NOTES_NAME,
    PICK_DAY,
    PICK_LENGTH,
    TIME,
    ZONE,
    ZONE_NAME,
    Offer,
    coach_list,
    confirm_panel,
    lasting,
)
from cogs.routing import Cog, on, opens
from cogs.timezone import zone_called
from cogs.ui import Interaction, Typed
from scheduler import applications, availability, bookings, directory, guilds, people
from scheduler.bookings import LONGEST_NOTES
from scheduler.errors import NotFound
from scheduler.notices import coach_specialties
from scheduler.zones import zone


class BookingCog(Cog):
    """`/book`."""

    @app_commands.command(name="book", description="Book a session with a coach")
    @app_commands.describe(coach="With whom; without: see who coaches here")
    async def book(self, interaction: Interaction, coach: str | None = None) -> None:
        """Show the coaches, or one coach's free times."""
        await ui.acknowledge(interaction)
        if coach is None:
            await ui.show(interaction, await self._browse(interaction, 0))
            return
        coach_id = await self._coach_called(interaction, coach)
        await ui.show(interaction, await self._pick(interaction, coach_id))

    @book.autocomplete("coach")
    async def complete_coach(self, interaction: Interaction, typed: str) -> list[app_commands.Choice[str]]:
        """Coaches whose name contains what was typed so far."""
        async with self.bot.db.read() as session:
            found = await directory.named(session, ui.guild_id_of(interaction), typed, most=26)
        others = [one for one in found if one.user_id != interaction.user.id]
        return [app_commands.Choice(name=one.display_name, value=str(one.user_id)) for one in others[:25]]

    @on(BROWSE)
    async def browse(self, interaction: Interaction, page: int) -> None:
        """Another page of coaches."""
        await ui.acknowledge(interaction)
        await ui.show(interaction, await self._browse(interaction, page))

    @on(COACH)
    async def coach_pressed(
        self, interaction: Interaction, coach_id: int, minutes: int, day: int, page: int
    ) -> None:
        """A coach's free times, of one length (0: the usual one), on one day, a page of times."""
        await ui.acknowledge(interaction)
        await ui.show(interaction, await self._pick(interaction, coach_id, minutes, day, times_page=page))

    @on(PICK_LENGTH)
    async def length_picked(self, interaction: Interaction, coach_id: int, day: int) -> None:
        """The same day with another length."""
        await ui.acknowledge(interaction)
        minutes = ui.chosen_in(interaction)[0]
        await ui.show(interaction, await self._pick(interaction, coach_id, minutes, day))

    @on(PICK_DAY)
    async def day_picked(self, interaction: Interaction, coach_id: int, minutes: int, page: int) -> None:
        """Another day."""
        await ui.acknowledge(interaction)
        day = ui.chosen_in(interaction)[0]
        await ui.show(interaction, await self._pick(interaction, coach_id, minutes, day, days_page=page))

    @on(DAYS)
    async def days_turned(
        self, interaction: Interaction, coach_id: int, minutes: int, day: int, page: int
    ) -> None:
        """Another page of days."""
        await ui.acknowledge(interaction)
        await ui.show(interaction, await self._pick(interaction, coach_id, minutes, day, days_page=page))

    @on(ZONE)
    async def change_zone(self, interaction: Interaction, coach_id: int, minutes: int, day: int) -> None:
        """From the button: ask where the student is. From the form: show the times on that clock."""
        if interaction.type is not discord.InteractionType.modal_submit:
            await interaction.response.send_modal(await self.zone_form(interaction, {}, coach_id, minutes, day))
            return
        await ui.acknowledge(interaction)
        name = await zone_called(ui.typed_in(interaction).get(ZONE_NAME, ""))
        async with self.bot.db.begin() as session:
            await people.set_zone(session, interaction.user.id, name)
        await ui.show(interaction, await self._pick(interaction, coach_id, minutes, day))

    @opens(ZONE)
    async def zone_form(
        self, interaction: Interaction, typed: Typed, coach_id: int, minutes: int, day: int
    ) -> ui.Form:
        """Asks for a place."""
        custom_id = ZONE.format(coach_id=coach_id, minutes=minutes, day=day)
        return ui.Form("Where are you?", custom_id, ui.field(ZONE_NAME, typed, placeholder="Munich", most=60))

    @on(TIME)
    async def time_pressed(self, interaction: Interaction, coach_id: int, minutes: int, start: int) -> None:
        """Show what is about to be booked."""
        await ui.acknowledge(interaction)
        await ui.show(interaction, await self._confirmation(interaction, coach_id, minutes, start, None))

    @on(NOTES)
    async def notes(self, interaction: Interaction, coach_id: int, minutes: int, start: int) -> None:
        """From the button: open the form. From the form: put the notes on the panel."""
        if interaction.type is discord.InteractionType.modal_submit:
            await ui.acknowledge(interaction)
            typed = ui.typed_in(interaction).get(NOTES_NAME, "").strip()
            panel = await self._confirmation(interaction, coach_id, minutes, start, typed)
            await ui.show(interaction, panel)
        else:
            before = ui.kept(interaction.message)
            form = await self.notes_form(interaction, before, coach_id, minutes, start)
            await interaction.response.send_modal(form)

    @opens(NOTES)
    async def notes_form(
        self, interaction: Interaction, typed: Typed, coach_id: int, minutes: int, start: int
    ) -> ui.Form:
        """Asks for notes."""
        custom_id = NOTES.format(coach_id=coach_id, minutes=minutes, start=start)
        return ui.Form(
            "Notes",
            custom_id,
            ui.field(
                NOTES_NAME,
                typed,
                description="What you want to work on, links, questions.",
                long=True,
                required=False,
                most=LONGEST_NOTES,
            ),
        )

    @on(CONFIRM)
    async def confirm(self, interaction: Interaction, coach_id: int, minutes: int, start: int) -> None:
        """Book it."""
        await ui.acknowledge(interaction)
        async with self.bot.db.begin() as session:
            now = self.bot.clock()
            guild = await guilds.ensure(session, ui.guild_id_of(interaction), self.bot.defaults, now)
            booked = await bookings.book(
                session,
                guild,
                ui.actor_of(interaction, guild),
                coach_id,
                instant(start),
                lasting(minutes),
                ui.kept(interaction.message).get(NOTES_NAME),
                now,
            )
        self.bot.wake()
        card = cards.session(booked, guild, title="Booked ✅", viewer_id=interaction.user.id)
        told = ui.text("You and your coach get this by direct message too. `/sessions` lists your sessions.")
        await ui.show(interaction, ui.Panel(card, told))

    async def _coach_called(self, interaction: Interaction, typed: str) -> int:
        """The coach whom `typed` names: an id from the suggestions, a mention, or a name."""
        digits = typed.strip("<@!> ")
        if digits.isascii() and digits.isdigit() and len(digits) < 20:
            return int(digits)
        async with self.bot.db.read() as session:
            name = typed.strip().lstrip("@")
            found = await directory.named(session, ui.guild_id_of(interaction), name)
        found = [one for one in found if one.display_name.lower() == name.lower()] or found
        if len(found) != 1:
            raise NotFound(
                f'{"Several coaches match" if found else "No coach is called"} "{ui.quoted(typed, 50)}". '
                "Pick one from the suggestions, or use `/book` alone to see all."
            )
        return found[0].user_id

    async def _browse(self, interaction: Interaction, page: int) -> ui.Panel:
        async with self.bot.db.read() as session:
            guild_id = ui.guild_id_of(interaction)
            listings = await directory.browse(session, guild_id, interaction.user.id, self.bot.clock())
        return coach_list(listings, page)

    async def _pick(
        self,
        interaction: Interaction,
        coach_id: int,
        minutes: int = 0,
        day: int = 0,
        *,
        days_page: int | None = None,
        times_page: int = 0,
    ) -> ui.Panel:
        async with self.bot.db.read() as session:
            guild = await guilds.look_up(session, ui.guild_id_of(interaction), self.bot.defaults)
            coach = await applications.approved_coach(session, guild.id, coach_id)
            bookings.check_not_oneself(coach, ui.actor_of(interaction, guild))
            minutes = minutes if minutes in coach.durations_minutes else coach.durations_minutes[0]
            free = await availability.free_times(
                session,
                coach,
                timedelta(minutes=minutes),
                student_id=interaction.user.id,
                now=self.bot.clock(),
            )
            zone_name = await people.zone_name_of(session, interaction.user.id, guild.time_zone)
            taught = await coach_specialties(session, guild.id, coach_id)
            offer = Offer(coach, taught, minutes, zone_name, by_day(free, zone(zone_name)))
        return offer.panel(day, days_page, times_page)

    async def _confirmation(
        self, interaction: Interaction, coach_id: int, minutes: int, start: int, notes: str | None
    ) -> ui.Panel:
        async with self.bot.db.read() as session:
            guild = await guilds.look_up(session, ui.guild_id_of(interaction), self.bot.defaults)
            coach = await applications.approved_coach(session, guild.id, coach_id)
            await bookings.check_free(
                session,
                coach,
                ui.actor_of(interaction, guild),
                instant(start),
                lasting(minutes),
                notes,
                self.bot.clock(),
            )
            zone_name = await people.zone_name_of(session, interaction.user.id, guild.time_zone)
        return confirm_panel(coach, zone_name, minutes, start, notes)
