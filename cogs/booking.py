"""`/book`: coach, day, time, notes, confirm. Only what can be booked now is ever offered."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import discord
from discord import app_commands

from cogs import cards, ui
from cogs.ui import Interaction, Typed
from models import Coach, Guild
from scheduler import applications, availability, bookings, directory, guilds
from scheduler.bookings import LONGEST_NOTES
from scheduler.clock import stamp
from scheduler.directory import Listing
from scheduler.errors import NotFound
from scheduler.money import price, write_money
from scheduler.notices import coach_specialties
from scheduler.zones import zone

# {minutes} is the length, {day} a date's ordinal (0: the first free one), {start} whole minutes since 1970.
BROWSE = "book:browse:{page}"
COACH = "book:coach:{coach_id}:{minutes}:{day}:{page}"
PICK_LENGTH = "book:length:{coach_id}:{day}"
PICK_DAY = "book:day:{coach_id}:{minutes}:{page}"
DAYS = "book:days:{coach_id}:{minutes}:{day}:{page}"
TIME = "book:time:{coach_id}:{minutes}:{start}"
NOTES = "book:notes:{coach_id}:{minutes}:{start}"
CONFIRM = "book:confirm:{coach_id}:{minutes}:{start}"

_COACHES_A_PAGE = 5
_DAYS_A_PAGE = 25
_TIMES_A_PAGE = 20
_BUTTONS_A_ROW = 5
_NOTES = "Notes for your coach"
_MINUTE = timedelta(minutes=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Item = discord.ui.Item[Any]


class BookingCog(ui.Cog):
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
            found = await directory.named(session, ui.guild_id_of(interaction), typed, most=25)
        return [app_commands.Choice(name=one.display_name, value=str(one.user_id)) for one in found]

    @ui.on(BROWSE)
    async def browse(self, interaction: Interaction, page: int) -> None:
        """Another page of coaches."""
        await ui.acknowledge(interaction)
        await ui.show(interaction, await self._browse(interaction, page))

    @ui.on(COACH)
    async def coach_pressed(
        self, interaction: Interaction, coach_id: int, minutes: int, day: int, page: int
    ) -> None:
        """A coach's free times, of one length (0: the usual one), on one day, a page of times."""
        await ui.acknowledge(interaction)
        await ui.show(interaction, await self._pick(interaction, coach_id, minutes, day, times_page=page))

    @ui.on(PICK_LENGTH)
    async def length_picked(self, interaction: Interaction, coach_id: int, day: int) -> None:
        """The same day with another length."""
        await ui.acknowledge(interaction)
        minutes = int(ui.chosen_in(interaction)[0])
        await ui.show(interaction, await self._pick(interaction, coach_id, minutes, day))

    @ui.on(PICK_DAY)
    async def day_picked(self, interaction: Interaction, coach_id: int, minutes: int, page: int) -> None:
        """Another day."""
        await ui.acknowledge(interaction)
        day = int(ui.chosen_in(interaction)[0])
        await ui.show(interaction, await self._pick(interaction, coach_id, minutes, day, days_page=page))

    @ui.on(DAYS)
    async def days_turned(
        self, interaction: Interaction, coach_id: int, minutes: int, day: int, page: int
    ) -> None:
        """Another page of days."""
        await ui.acknowledge(interaction)
        await ui.show(interaction, await self._pick(interaction, coach_id, minutes, day, days_page=page))

    @ui.on(TIME)
    async def time_pressed(self, interaction: Interaction, coach_id: int, minutes: int, start: int) -> None:
        """Show what is about to be booked."""
        await ui.acknowledge(interaction)
        await ui.show(interaction, await self._confirmation(interaction, coach_id, minutes, start, None))

    @ui.on(NOTES)
    async def notes(self, interaction: Interaction, coach_id: int, minutes: int, start: int) -> None:
        """From the button: open the form. From the form: put the notes on the panel."""
        if interaction.type is discord.InteractionType.modal_submit:
            await ui.acknowledge(interaction)
            typed = ui.typed_in(interaction).get(_NOTES, "").strip()
            panel = await self._confirmation(interaction, coach_id, minutes, start, typed)
            await ui.show(interaction, panel)
        else:
            before = ui.kept(interaction.message)
            form = await self.notes_form(interaction, before, coach_id, minutes, start)
            await interaction.response.send_modal(form)

    @ui.opens(NOTES)
    async def notes_form(
        self, interaction: Interaction, typed: Typed, coach_id: int, minutes: int, start: int
    ) -> ui.Form:
        """Asks for notes."""
        custom_id = NOTES.format(coach_id=coach_id, minutes=minutes, start=start)
        return ui.Form(
            "Notes",
            custom_id,
            ui.field(
                _NOTES,
                typed,
                description="What you want to work on, links, questions.",
                long=True,
                required=False,
                most=LONGEST_NOTES,
            ),
        )

    @ui.on(CONFIRM)
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
                _instant(start),
                timedelta(minutes=minutes),
                ui.kept(interaction.message).get(_NOTES),
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
            found = await directory.named(session, ui.guild_id_of(interaction), typed.strip().lstrip("@"), most=2)
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
        return _coach_list(listings, page)

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
            minutes = minutes if minutes in coach.durations_minutes else coach.durations_minutes[0]
            free = await availability.free_times(
                session,
                coach,
                timedelta(minutes=minutes),
                student_id=interaction.user.id,
                now=self.bot.clock(),
            )
            offer = Offer(
                coach,
                guild,
                await coach_specialties(session, guild.id, coach_id),
                minutes,
                _by_day(free, zone(guild.time_zone)),
            )
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
                _instant(start),
                timedelta(minutes=minutes),
                notes,
                self.bot.clock(),
            )
        return _confirm_panel(coach, guild, minutes, start, notes)


@dataclass(frozen=True, slots=True)
class Offer:
    """What one coach has free in one length, by day in the server's zone."""

    coach: Coach
    guild: Guild
    specialties: list[str]
    minutes: int
    days: dict[date, list[datetime]]

    def panel(self, wanted_day: int, days_page: int | None, times_page: int) -> ui.Panel:
        """Length, day and times to choose from. A day that has nothing free any more gives way to the next."""
        parts: list[Item] = [self._about()]
        if len(self.coach.durations_minutes) > 1:
            parts.append(ui.row(self._lengths(wanted_day)))
        if not self.days:
            parts.append(
                ui.text(
                    f"**Nothing is free** in the next {self.coach.horizon_days} days. Try another length, or "
                    "choose another coach."
                )
            )
            parts.append(ui.row(ui.button("◀ All coaches", BROWSE.format(page=0))))
            return ui.Panel(*parts)
        all_days = list(self.days)
        day = next((one for one in all_days if one.toordinal() >= wanted_day), all_days[-1])
        page = all_days.index(day) // _DAYS_A_PAGE if days_page is None else days_page
        page = min(page, (len(all_days) - 1) // _DAYS_A_PAGE)
        shown = all_days[page * _DAYS_A_PAGE :][:_DAYS_A_PAGE]
        if day not in shown:
            day = shown[0]
        parts.append(ui.row(self._day_select(shown, day, page)))
        parts.extend(self._times(day, times_page))
        parts.append(self._turning(all_days, day, page))
        return ui.Panel(*parts)

    def _about(self) -> Item:
        taught = ui.quoted(", ".join(self.specialties), 400)
        return discord.ui.Container(
            ui.text(f"### Book <@{self.coach.user_id}>\n{taught} · {cards.rate(self.coach)}"),
            ui.text(ui.quoted(self.coach.bio, 700)),
        )

    def _lengths(self, day: int) -> Item:
        offered = (
            (
                f"{minutes} min · {write_money(_cost(self.coach, minutes), self.coach.currency)}",
                str(minutes),
                minutes == self.minutes,
            )
            for minutes in self.coach.durations_minutes[:25]
        )
        return ui.select(PICK_LENGTH.format(coach_id=self.coach.user_id, day=day), offered)

    def _day_select(self, shown: list[date], day: date, page: int) -> Item:
        return ui.select(
            PICK_DAY.format(coach_id=self.coach.user_id, minutes=self.minutes, page=page),
            (
                (
                    f"{one:%a} {one.day} {one:%b} · {len(self.days[one])} free",
                    str(one.toordinal()),
                    one == day,
                )
                for one in shown
            ),
        )

    def _times(self, day: date, times_page: int) -> list[Item]:
        times = self.days[day]
        page = min(times_page, (len(times) - 1) // _TIMES_A_PAGE)
        shown = times[page * _TIMES_A_PAGE :][:_TIMES_A_PAGE]
        in_zone = zone(self.guild.time_zone)
        buttons = [
            ui.button(
                _clock_label(at, times, in_zone),
                TIME.format(coach_id=self.coach.user_id, minutes=self.minutes, start=_start(at)),
                discord.ButtonStyle.primary,
            )
            for at in shown
        ]
        rows = [
            ui.row(*buttons[first : first + _BUTTONS_A_ROW]) for first in range(0, len(buttons), _BUTTONS_A_ROW)
        ]
        heading = f"**{day:%A}, {day.day} {day:%B}** · times in **{self.guild.time_zone}**"
        parts: list[Item] = [ui.text(heading), *rows]
        if len(times) > _TIMES_A_PAGE:
            other = (page + 1) % (1 + (len(times) - 1) // _TIMES_A_PAGE)
            custom_id = COACH.format(
                coach_id=self.coach.user_id, minutes=self.minutes, day=day.toordinal(), page=other
            )
            parts.append(ui.row(ui.button("Other times that day", custom_id)))
        return parts

    def _turning(self, all_days: list[date], day: date, page: int) -> Item:
        buttons = [ui.button("◀ All coaches", BROWSE.format(page=0))]
        if len(all_days) > _DAYS_A_PAGE:
            for label, other in (("Earlier days", page - 1), ("Later days", page + 1)):
                reachable = 0 <= other <= (len(all_days) - 1) // _DAYS_A_PAGE
                custom_id = DAYS.format(
                    coach_id=self.coach.user_id,
                    minutes=self.minutes,
                    day=day.toordinal(),
                    page=max(other, 0),
                )
                buttons.append(ui.button(label, custom_id, disabled=not reachable))
        return ui.row(*buttons)


def _coach_list(listings: list[Listing], page: int) -> ui.Panel:
    if not listings:
        return ui.Panel(
            ui.text("### No coach to book yet\nNobody else coaches here so far. `/coach apply` makes you one.")
        )
    last = (len(listings) - 1) // _COACHES_A_PAGE
    page = min(page, last)
    parts: list[Item] = [ui.text("### Who would you like to book?")]
    for one in listings[page * _COACHES_A_PAGE :][:_COACHES_A_PAGE]:
        free = (
            f"next free {stamp(one.next_free, 'R')}"
            if one.next_free
            else f"nothing free in the next {one.coach.horizon_days} days"
        )
        parts.append(
            discord.ui.Section(
                f"**<@{one.coach.user_id}>** · {cards.rate(one.coach)}\n"
                f"{ui.quoted(', '.join(one.specialties), 400)}\n-# {free}",
                accessory=ui.button(
                    "Book",
                    COACH.format(coach_id=one.coach.user_id, minutes=0, day=0, page=0),
                    discord.ButtonStyle.primary,
                    disabled=one.next_free is None,
                ),
            )
        )
    if last:
        parts.append(
            ui.row(
                ui.button("◀", BROWSE.format(page=max(page - 1, 0)), disabled=page == 0),
                ui.button("▶", BROWSE.format(page=page + 1), disabled=page == last),
            )
        )
        parts.append(ui.text(f"-# Page {page + 1} of {last + 1}"))
    return ui.Panel(*parts)


def _confirm_panel(coach: Coach, guild: Guild, minutes: int, start: int, notes: str | None) -> ui.Panel:
    at = _instant(start)
    ids = {"coach_id": coach.user_id, "minutes": minutes, "start": start}
    theirs, ours = at.astimezone(zone(coach.time_zone)), at.astimezone(zone(guild.time_zone))
    clocks = f"{ours:%a %H:%M} in {guild.time_zone}"
    if coach.time_zone != guild.time_zone:
        clocks += f" · {theirs:%a %H:%M} in {coach.time_zone}, where your coach is"
    parts: list[Item] = [
        ui.text(
            f"### Confirm your session\n**Coach** <@{coach.user_id}>\n**Time** {stamp(at)}\n-# {clocks}\n"
            f"**Length** {minutes} min\n**Price** {write_money(_cost(coach, minutes), coach.currency)}"
        )
    ]
    if notes:
        parts.append(ui.keep(_NOTES, notes))
    parts.append(
        ui.row(
            ui.button("Confirm", CONFIRM.format(**ids), discord.ButtonStyle.success),
            ui.button("Change notes…" if notes else "Add notes…", NOTES.format(**ids)),
            ui.button("Other time", COACH.format(coach_id=coach.user_id, minutes=minutes, day=0, page=0)),
        )
    )
    return ui.Panel(discord.ui.Container(*parts))


def _by_day(free: Iterable[datetime], in_zone: ZoneInfo) -> dict[date, list[datetime]]:
    days: dict[date, list[datetime]] = {}
    for at in free:
        days.setdefault(at.astimezone(in_zone).date(), []).append(at)
    return days


def _clock_label(at: datetime, times: list[datetime], in_zone: ZoneInfo) -> str:
    """ "14:00"; where the clock shows it twice that day, with the zone's abbreviation: "02:30 CEST"."""
    local = at.astimezone(in_zone)
    twice = sum(f"{other.astimezone(in_zone):%H:%M}" == f"{local:%H:%M}" for other in times) > 1
    return f"{local:%H:%M} {local:%Z}" if twice else f"{local:%H:%M}"


def _cost(coach: Coach, minutes: int) -> int:
    return price(coach.rate_minor, timedelta(minutes=minutes))


def _start(at: datetime) -> int:
    return (at - _EPOCH) // _MINUTE


def _instant(start: int) -> datetime:
    """The instant in a `custom_id`. Raises NotFound for one that no calendar has."""
    try:
        return _EPOCH + start * _MINUTE
    except OverflowError:
        raise NotFound("There is no such time. Please choose one with `/book`.") from None
