"""`/book`: coach, day, time, notes, confirm. Only offers what can be booked now."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import date, datetime, timedelta
from functools import partial

from discord import app_commands
from sqlalchemy.ext.asyncio import AsyncSession

from cogs import cards, routes, ui
from cogs.booking import panels
from cogs.booking.browse import BROWSE, PICK_SORT, PICK_SPECIALTY, CoachList, read_sort
from cogs.cards.booking import NOTES_NAME, Way, booked_panel
from cogs.cards.charge import decode_currency
from cogs.images.drawing import draw_week
from cogs.images.week import Kind, WeekPicture
from cogs.images.week_days import picture_of
from cogs.ui import Interaction, Typed
from cogs.ui.answering import answers_command
from cogs.ui.options import CoachOption, SpecialtyName
from cogs.ui.routing import Cog, on, opens
from cogs.ui.time_picker import by_day, instant
from cogs.ui.zones import resolve_zone
from models import BlockedFrom, Coach, CoachingSession, Guild
from scheduler.availability import coach_search, free_times, reader_zone
from scheduler.booking import blocks, booking, eligibility, holds
from scheduler.core import coaches, members
from scheduler.core.errors import NotFound
from scheduler.core.limits import LONGEST_NOTES
from scheduler.credits import charges, role_grants
from scheduler.parsing import names
from scheduler.payments.ways import check_otherwise, ways_to_pay
from scheduler.servers import settings
from scheduler.sessions.own import own_sessions
from scheduler.time.hour_cycle import HourCycle
from scheduler.time.intervals import subtract
from scheduler.time.local_time import start_of
from scheduler.time.time_zones import zone


class BookingCog(Cog):
    """`/book`."""

    @app_commands.command(name="book", description="Book a session with a coach")
    @app_commands.describe(
        coach="Who to book (optional). Leave it out to see all coaches", specialty="What to learn (optional)"
    )
    @answers_command
    async def book(
        self, interaction: Interaction, coach: CoachOption | None = None, specialty: SpecialtyName | None = None
    ) -> None:
        """Show the coaches, or one coach's free times."""
        if coach is None:
            specialty_id = await self._find_specialty(interaction, specialty) if specialty else 0
            await self.browse(interaction, specialty=specialty_id)
        else:
            coach_id = coach if isinstance(coach, int) else await self._find_coach(interaction, coach)
            await self.show_times(interaction, coach_id)

    @on(PICK_SPECIALTY)
    async def pick_specialty(self, interaction: Interaction, sort: int) -> None:
        """Show coaches of one specialty, or of all."""
        await self.browse(interaction, sort, ui.chosen_in(interaction)[0])

    @on(PICK_SORT)
    async def pick_sort(self, interaction: Interaction, specialty: int) -> None:
        """Sort the coaches differently."""
        await self.browse(interaction, ui.chosen_in(interaction)[0], specialty)

    @on(routes.BOOK_AGAIN, ui.acknowledge_beside)
    async def book_again(self, interaction: Interaction, coach_id: int, minutes: int, session_id: int) -> None:
        """Offer the same coach and length beside a past session. Its id only tells two such buttons apart."""
        await self.show_times(interaction, coach_id, minutes)

    @on(panels.PICK_LENGTH)
    async def pick_length(self, interaction: Interaction, coach_id: int, day: int) -> None:
        """Show the same day with another session length."""
        await self.show_times(interaction, coach_id, ui.chosen_in(interaction)[0], day)

    @on(panels.PICK_DAY)
    async def pick_day(self, interaction: Interaction, coach_id: int, minutes: int, page: int) -> None:
        """Show another day."""
        await self.show_times(interaction, coach_id, minutes, ui.chosen_in(interaction)[0], days_page=page)

    @on(panels.DAYS)
    async def turn_days(self, interaction: Interaction, coach_id: int, minutes: int, day: int, page: int) -> None:
        """Show another page of days."""
        await self.show_times(interaction, coach_id, minutes, day, days_page=page)

    @on(panels.ZONE)
    async def change_zone(self, interaction: Interaction, coach_id: int, minutes: int, day: int) -> None:
        """Show the times in the zone of the place that was typed, from now on."""
        name = await resolve_zone(ui.typed_in(interaction).get(panels.ZONE_NAME, ""))
        guild_id = await self.guild_id_of_coach(interaction, coach_id)
        async with self.bot.db.begin() as session:
            await self._bookable(session, interaction, guild_id, coach_id)
            await members.set_zone(session, interaction.user.id, name)
        await self.show_times(interaction, coach_id, minutes, day)

    @opens(panels.ZONE)
    async def zone_form(
        self, interaction: Interaction, typed: Typed, coach_id: int, minutes: int, day: int
    ) -> ui.Form:
        """Ask for a place."""
        custom_id = panels.ZONE.id(coach_id=coach_id, minutes=minutes, day=day)
        return ui.Form(
            "Where are you?", custom_id, ui.field(panels.ZONE_NAME, typed, placeholder="Munich", most=60)
        )

    @on(panels.TIME)
    async def pick_time(self, interaction: Interaction, coach_id: int, minutes: int, start: int) -> None:
        """Hold the time and ask for confirmation."""
        await self.bot.check_coach_membership(await self.guild_id_of_coach(interaction, coach_id), coach_id)
        notes = ui.stored_fields(interaction.message).get(NOTES_NAME)
        await self._ask_to_confirm(interaction, coach_id, minutes, start, notes)

    @on(routes.BOOK_ONCE)
    async def pay_another_way(
        self, interaction: Interaction, coach_id: int, minutes: int, start: int, way: int
    ) -> None:
        """Ask for confirmation again, with another way to pay."""
        notes, wanted = ui.stored_fields(interaction.message).get(NOTES_NAME), Way(min(way, 2))
        await self._ask_to_confirm(interaction, coach_id, minutes, start, notes, wanted)

    @on(panels.NOTES)
    async def notes(self, interaction: Interaction, coach_id: int, minutes: int, start: int) -> None:
        """Put the notes on the panel."""
        typed = ui.typed_in(interaction).get(NOTES_NAME, "").strip()
        eligibility.check_notes(typed)
        await self._ask_to_confirm(interaction, coach_id, minutes, start, typed)

    @opens(panels.NOTES)
    async def notes_form(
        self, interaction: Interaction, typed: Typed, coach_id: int, minutes: int, start: int
    ) -> ui.Form:
        """Ask for notes, starting with those on the panel."""
        field = ui.field(
            NOTES_NAME,
            typed or ui.stored_fields(interaction.message),
            description="What you want to work on, links, questions.",
            long=True,
            required=False,
            most=LONGEST_NOTES,
        )
        return ui.Form("Notes", panels.NOTES.id(coach_id=coach_id, minutes=minutes, start=start), field)

    @on(panels.CONFIRM)
    async def confirm(
        self, interaction: Interaction, coach_id: int, minutes: int, start: int, cost: int, currency: int
    ) -> None:
        """Book it for money. The panel may be hours old, so check again whether the coach has left."""
        price = cost, decode_currency(currency)
        book = partial(booking.book, agreed_minor=price[0], agreed_currency=price[1])
        await self._book(interaction, coach_id, minutes, start, book, price=price)

    @on(panels.CONFIRM_CREDIT)
    async def confirm_with_credit(self, interaction: Interaction, coach_id: int, minutes: int, start: int) -> None:
        """Book it with the student's credit."""
        await self._book(interaction, coach_id, minutes, start, charges.book)

    async def _book(
        self,
        interaction: Interaction,
        coach_id: int,
        minutes: int,
        start: int,
        book: Callable[..., Awaitable[CoachingSession]],
        *,
        price: tuple[int, str] | None = None,
    ) -> None:
        guild_id = await self.guild_id_of_coach(interaction, coach_id)
        await self.bot.check_coach_membership(guild_id, coach_id)
        notes = ui.stored_fields(interaction.message).get(NOTES_NAME)
        async with self.bot.db.begin() as session:
            now = self.bot.clock()
            guild = await settings.ensure(session, guild_id, self.bot.defaults, now)
            if price is not None:
                check_otherwise(guild, *price, self.bot.stripe)
            actor = await self.actor_anywhere(session, interaction)
            what = coach_id, instant(start), cards.read_duration(minutes), notes
            booked = await book(session, guild, actor, *what, now)
            coach = await session.get_one(Coach, (booked.guild_id, coach_id))
        self.bot.wake()
        await ui.show(interaction, booked_panel(interaction, booked, guild, coach))

    @on(panels.OLD_CONFIRM)
    async def confirm_old(
        self, interaction: Interaction, coach_id: int, minutes: int, start: int, cost: int
    ) -> None:
        """Ask again, now with the currency of the price."""
        await self.pick_time(interaction, coach_id, minutes, start)

    async def _find_coach(self, interaction: Interaction, typed: str) -> int:
        """Find a coach by name, preferring those who take bookings. Raises NotFound unless exactly one matches."""
        name = typed.lstrip("@")
        async with self.bot.db.read() as session:
            found = await coach_search.find_coaches(session, ui.guild_id_of(interaction), name, paused_too=True)
        found = [one for one in found if names.are_same(one.display_name, name)] or found
        found = [one for one in found if free_times.takes_bookings(one)] or found
        if len(found) != 1:
            raise NotFound(
                f'{"Several coaches match" if found else "No coach is called"} "{ui.quoted(typed, 50)}". '
                "Pick one from the suggestions, or use `/book` alone to see all."
            )
        return found[0].user_id

    async def _find_specialty(self, interaction: Interaction, typed: str) -> int:
        async with self.bot.db.read() as session:
            known = await coach_search.specialties(session, ui.guild_id_of(interaction))
        for specialty_id, name in known.items():
            if names.are_same(name, typed):
                return specialty_id
        raise NotFound(f'"{ui.quoted(typed, 50)}" isn\'t taught here. Pick one from the suggestions.')

    @on(BROWSE)
    @on(routes.PANEL_BOOK, ui.acknowledge_beside)
    async def browse(self, interaction: Interaction, sort: int = 0, specialty: int = 0, page: int = 0) -> None:
        """Show a page of coaches."""
        order, guild_id = read_sort(sort), ui.guild_id_of(interaction)
        async with self.bot.db.read() as session:
            await blocks.require_unblocked(session, guild_id, interaction.user.id, BlockedFrom.BOOKING)
            listings = await coach_search.browse(
                session, guild_id, interaction.user.id, self.bot.clock(), specialty_id=specialty, sort=order
            )
            known = await coach_search.specialties(session, guild_id)
        await ui.show(interaction, CoachList(listings, known, specialty, order).panel(page))

    async def _bookable(
        self, session: AsyncSession, interaction: Interaction, guild_id: int, coach_id: int
    ) -> tuple[Guild, Coach]:
        """Return the server and the coach. Raises if this person can't book them at all."""
        guild = await settings.look_up(session, guild_id, self.bot.defaults)
        coach = await coaches.approved_coach(session, guild.id, coach_id)
        await blocks.require_unblocked(session, guild.id, interaction.user.id, BlockedFrom.BOOKING)
        eligibility.check_offered(coach, ui.person_of(interaction))
        return guild, coach

    @on(routes.BOOK_COACH)
    async def show_times(
        self,
        interaction: Interaction,
        coach_id: int,
        minutes: int = 0,
        day: int = 0,
        page: int = 0,
        *,
        days_page: int | None = None,
    ) -> None:
        """Show a page of a coach's free times. 0 means the coach's usual length, and the first free day."""
        now, student_id, cycle = self.bot.clock(), interaction.user.id, ui.hour_cycle_of(interaction)
        guild_id = await self.guild_id_of_coach(interaction, coach_id)
        async with self.bot.db.read() as session:
            guild, coach = await self._bookable(session, interaction, guild_id, coach_id)
            minutes = minutes if minutes in coach.durations_minutes else coach.durations_minutes[0]
            length = timedelta(minutes=minutes)
            free = await free_times.free_times(session, coach, length, student_id=student_id, now=now)
            zone_name = await reader_zone.zone_name_of(session, student_id, guild.time_zone)
            taught = await coaches.coach_specialties(session, guild.id, coach_id)
            days, in_server = by_day(free, zone(zone_name)), interaction.guild_id is not None
            times = panels.CoachTimes(coach, taught, minutes, zone_name, cycle, days, in_server=in_server)
            shown = times.picker.shown(day, days_page) if times.days else None
            week = await _week(session, coach, student_id, zone_name, cycle, shown.day, now) if shown else None
        if shown is None or week is None:
            await ui.show(interaction, times.nothing_free())
            return
        png = await asyncio.to_thread(draw_week, week)
        notes = ui.stored_fields(interaction.message).get(NOTES_NAME, "")
        await ui.show(interaction, times.panel(shown, page, week, png, notes))

    async def _ask_to_confirm(
        self,
        interaction: Interaction,
        coach_id: int,
        minutes: int,
        start: int,
        notes: str | None,
        wanted: Way | None = None,
    ) -> None:
        guild_id = await self.guild_id_of_coach(interaction, coach_id)
        starts_at, duration, stripe = instant(start), cards.read_duration(minutes), self.bot.stripe
        async with self.bot.db.begin() as session:
            now = self.bot.clock()
            guild = await settings.ensure(session, guild_id, self.bot.defaults, now)
            actor = await self.actor_anywhere(session, interaction)
            held = await holds.hold(session, guild, actor, coach_id, starts_at, duration, now)
            await role_grants.sync(session, guild, actor, now)
            coach = await session.get_one(Coach, (guild.id, coach_id))
            asked = guild, coach, actor.user_id, starts_at, duration, now, stripe
            ways = await ways_to_pay(session, *asked)
            zone_name = await reader_zone.zone_name_of(session, interaction.user.id, guild.time_zone)
        cycle, livemode = ui.hour_cycle_of(interaction), stripe is None or stripe.livemode
        choice = panels.Choice(
            coach, guild, zone_name, cycle, minutes, start, held.expires_at, ways, livemode, wanted
        )
        await ui.show(interaction, choice.panel(notes))


async def _week(
    session: AsyncSession,
    coach: Coach,
    student_id: int,
    zone_name: str,
    cycle: HourCycle,
    day: date,
    now: datetime,
) -> WeekPicture:
    """Return the week of `day` in the student's zone: the coach's hours, and the student's own sessions."""
    monday = day - timedelta(days=day.weekday())
    since, until = (start_of(zone(zone_name), monday + timedelta(days=days)) for days in (0, 7))
    free, taken = await free_times.free_and_busy(
        session, coach, student_id=student_id, now=now, since=since, until=until
    )
    own = await own_sessions(session, student_id, since, until)
    others = subtract(taken, [(one.starts_at, one.ends_at) for one in own])
    periods = [*((Kind.OPEN, one) for one in free), *((Kind.TAKEN, one) for one in others)]
    return picture_of(zone_name, monday, periods=periods, own=own, now=now, chosen=[day], cycle=cycle)
