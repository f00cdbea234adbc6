"""Joining the waiting list, answering its offers, and leaving it."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncSession

from cogs import cards, routes, ui
from cogs.cards.booking import booked_panel
from cogs.ui import Interaction, Typed
from cogs.ui.routing import Cog, on, opens
from cogs.ui.text import whole_number
from cogs.waiting_list import panels
from cogs.waiting_list.panels import Way
from models import Coach, CoachingSession, Guild, Offer, Workshop
from scheduler.availability import coach_search, reader_zone
from scheduler.core import coaches
from scheduler.core.errors import NotBookable, NotFound, Unreadable
from scheduler.credits import charges
from scheduler.parsing.dates import parse_date, write_date
from scheduler.parsing.fields import Fields
from scheduler.parsing.weekly_hours import parse_hours
from scheduler.payments.ways import Ways, check_otherwise, ways_for_seat, ways_to_pay
from scheduler.servers import settings
from scheduler.time.abbreviations import show_zone
from scheduler.time.local_time import start_of
from scheduler.time.time_zones import zone
from scheduler.waiting_list import answers, joining, offers, rules, wishes
from scheduler.waiting_list.notifications import details_of
from scheduler.waiting_list.rules import Wanted
from scheduler.workshops import workshops

_COACH, _LENGTH, _DAYS, _HOURS, _UNTIL = "Coach", "Length", "Days", "Hours", "Until"
_ANY = "Any coach"
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_USUAL_WAIT = timedelta(days=30)


class WaitingListCog(Cog):
    """Buttons of the waiting list. Those of offers work in direct messages."""

    @on(routes.WAIT, ui.acknowledge_beside)
    async def join(self, interaction: Interaction, coach_id: int, minutes: int) -> None:
        """Put this person on the waiting list."""
        typed, cycle = ui.typed_in(interaction), ui.hour_cycle_of(interaction)
        guild_id = await self._guild_id(interaction, coach_id)
        async with self.bot.db.begin() as session:
            now = self.bot.clock()
            guild = await settings.ensure(session, guild_id, self.bot.defaults, now)
            zone_name = await reader_zone.zone_name_of(session, interaction.user.id, guild.time_zone)
            wanted, length = _read(typed, zone_name, now)
            wanted_id = coach_id if coach_id and typed.get(_COACH) != _ANY else None
            actor = ui.person_of(interaction)
            wish = await joining.join(session, guild, actor, wanted_id, length, wanted, now)
            coach = await session.get(Coach, (guild.id, wish.coach_id or 0))
        if isinstance(wish, Offer):
            await self._show_offer(interaction, wish)
            return
        coach_name = coach.display_name if coach is not None else None
        said = panels.describe(wish, coach_name, zone_name, cycle)
        await ui.show(
            interaction,
            ui.Panel(
                ui.text(
                    f"### You're on the waiting list\nYou're waiting for {said}.\nWhen such a time becomes free "
                    "and it's your turn, we send you a direct message and hold the time for a while."
                ),
                ui.row(ui.button("Waiting list", routes.WISHES.id())),
            ),
        )

    @opens(routes.WAIT)
    async def wish_form(self, interaction: Interaction, typed: Typed, coach_id: int, minutes: int) -> ui.Form:
        """Ask what would suit them."""
        guild_id = await self._guild_id(interaction, coach_id)
        async with self.bot.db.read() as session:
            guild = await settings.look_up(session, guild_id, self.bot.defaults)
            found = (
                [await coaches.approved_coach(session, guild_id, coach_id)]
                if coach_id
                else await coach_search.find_coaches(session, guild_id, "", paused_too=True)
            )
            zone_name = await reader_zone.zone_name_of(session, interaction.user.id, guild.time_zone)
        lengths = sorted({one for coach in found for one in coach.durations_minutes})[:25]
        if not lengths:
            raise NotFound("Nobody coaches here yet. To coach here, use `/coach apply`.")
        usual = minutes if minutes in lengths else found[0].durations_minutes[0]
        until = (self.bot.clock() + _USUAL_WAIT).astimezone(zone(zone_name)).date()
        before = {
            _LENGTH: cards.length(timedelta(minutes=usual)),
            _DAYS: ui.CHOICES.join(_WEEKDAYS),
            _UNTIL: write_date(until),
            _COACH: found[0].display_name if coach_id else _ANY,
        } | typed
        which = [ui.choice(_COACH, [found[0].display_name, _ANY], before)] if coach_id else []
        about_hours = f"In {show_zone(zone_name)}. Leave empty for any time."
        return ui.Form(
            "Tell me when…",
            routes.WAIT.id(coach_id=coach_id, minutes=minutes),
            *which,
            ui.choice(_LENGTH, [cards.length(timedelta(minutes=one)) for one in lengths], before),
            ui.choice(_DAYS, _WEEKDAYS, before, most=len(_WEEKDAYS)),
            ui.field(_HOURS, before, description=about_hours, required=False, placeholder="17-21", most=40),
            ui.field(
                _UNTIL,
                before,
                description=f"The last day that suits you, up to {rules.LONGEST_WAIT.days} days from now.",
                placeholder="24 Dec",
                most=40,
            ),
        )

    @on(routes.WAIT_FOR_SEAT, ui.acknowledge_beside)
    async def join_for_seat(self, interaction: Interaction, session_id: int) -> None:
        """Put this person in line for a seat in a full workshop."""
        async with self.bot.db.read() as session:
            workshop = await workshops.find(session, session_id, interaction.guild_id)
        await self.require_member(interaction, workshop.guild_id)
        async with self.bot.db.begin() as session:
            actor, now = ui.person_of(interaction), self.bot.clock()
            joined = await joining.join_for_seat(session, workshop.guild_id, session_id, actor, now)
        if isinstance(joined, Offer):
            await self._show_offer(interaction, joined)
            return
        words = (
            f"### You're on the waiting list\nYou're waiting for {panels.describe_seat(workshop)}.\nWhen a seat "
            "becomes free and it's your turn, we send you a direct message and hold the seat for a while."
        )
        waiting_list = ui.row(ui.button("Waiting list", routes.WISHES.id()))
        await ui.show(interaction, ui.Panel(ui.text(words), waiting_list))

    @on(panels.TAKE, ui.acknowledge_beside)
    async def take(self, interaction: Interaction, offer_id: int) -> None:
        """Book what's offered, or ask first how to pay for it."""
        offer = await self._own_offer(interaction, offer_id)
        async with self.bot.db.read() as session:
            guild = await session.get_one(Guild, offer.guild_id)
            coach = await coaches.approved_coach(session, guild.id, offer.coach_id)
            workshop = await _workshop_of(session, offer)
            ways = await self._ways(session, guild, coach, offer, workshop)
        if ways.by_credit or ways.by_card:
            await ui.show(interaction, panels.ways_panel(offer, coach.display_name, ways, workshop))
        else:
            await self._book(interaction, offer, Way.OTHERWISE)

    @on(panels.TAKE_BY)
    async def take_by(self, interaction: Interaction, offer_id: int, way: int) -> None:
        """Book what's offered, paid for in this way."""
        offer = await self._own_offer(interaction, offer_id)
        await self._book(interaction, offer, Way.CREDIT if way == Way.CREDIT else Way.OTHERWISE)

    @on(panels.PASS, ui.acknowledge_beside)
    async def decline(self, interaction: Interaction, offer_id: int) -> None:
        """Pass it on to the next person."""
        async with self.bot.db.begin() as session:
            await answers.decline(session, offer_id, ui.person_of(interaction), self.bot.clock())
        self.bot.wake()
        words = "### Passed on\nYou keep your place in line, and hear of the next time that suits."
        await ui.show(interaction, ui.Panel(ui.text(words)))

    @on(panels.RESCHEDULE, ui.acknowledge_beside)
    async def reschedule(self, interaction: Interaction, offer_id: int) -> None:
        """Move this person's next session with the coach to the offered time."""
        await self._own_offer(interaction, offer_id)
        async with self.bot.db.begin() as session:
            moved = await answers.reschedule(session, offer_id, ui.person_of(interaction), self.bot.clock())
            guild = await session.get_one(Guild, moved.guild_id)
        self.bot.wake()
        card = cards.of_session(
            moved,
            guild,
            title="Session rescheduled ✅",
            viewer_id=interaction.user.id,
            in_server=interaction.guild_id is not None,
        )
        said = ui.text("We've messaged you both.")
        await ui.show(interaction, ui.Panel(card, said, *cards.way_back(interaction, moved)))

    @on(panels.STOP, ui.acknowledge_beside)
    async def stop(self, interaction: Interaction, wish_id: int) -> None:
        """End the wish, from the message with an offer."""
        await self._stop(interaction, wish_id)
        await ui.show(
            interaction, ui.Panel(ui.text("### You're off the waiting list\nWe won't offer you this again."))
        )

    @on(panels.END)
    async def end(self, interaction: Interaction, wish_id: int) -> None:
        """End the wish, and list the others."""
        await self._stop(interaction, wish_id)
        await self._list(interaction, "✅ You aren't waiting for that any more.")

    @on(routes.WISHES)
    async def list_wishes(self, interaction: Interaction) -> None:
        """List what this person waits for."""
        await self._list(interaction)

    async def _list(self, interaction: Interaction, said: str | None = None) -> None:
        guilds = {guild.id: guild for guild in await self.servers_of(interaction)}
        async with self.bot.db.read() as session:
            found = await wishes.places(session, guilds.keys(), interaction.user.id, self.bot.clock())
            zones = {
                guild_id: await reader_zone.zone_name_of(session, interaction.user.id, guild.time_zone)
                for guild_id, guild in guilds.items()
            }
        in_server = interaction.guild_id is not None
        shown = [
            (
                one,
                "" if in_server else self.bot.server_name(one.wish.guild_id),
                zones[one.wish.guild_id],
            )
            for one in found
        ]
        await ui.show(interaction, panels.list_panel(shown, ui.hour_cycle_of(interaction), said))

    async def _show_offer(self, interaction: Interaction, offer: Offer) -> None:
        """Show what's on offer to this person, in place of a place in line."""
        async with self.bot.db.read() as session:
            guild = await session.get_one(Guild, offer.guild_id)
            coach = await session.get_one(Coach, (offer.guild_id, offer.coach_id))
            details = await details_of(session, offer, guild, self.bot.clock())
        await ui.show(interaction, panels.offered_already(details, guild, coach.display_name))

    async def _stop(self, interaction: Interaction, wish_id: int) -> None:
        async with self.bot.db.begin() as session:
            await offers.stop(session, wish_id, ui.person_of(interaction), self.bot.clock())
        self.bot.wake()

    async def _book(self, interaction: Interaction, offer: Offer, way: Way) -> None:
        actor = ui.person_of(interaction)
        async with self.bot.db.begin() as session:
            now = self.bot.clock()
            guild = await session.get_one(Guild, offer.guild_id)
            booked: CoachingSession
            if way is Way.CREDIT:
                booked = await charges.take_offer(session, offer.id, actor, now)
            else:
                check_otherwise(guild, offer.cost_minor, offer.currency, self.bot.stripe)
                booked = await answers.take(session, offer.id, actor, now)
            coach = await session.get_one(Coach, (booked.guild_id, booked.coach_id))
            workshop = await session.get(Workshop, booked.id) if booked.is_workshop else None
        self.bot.wake()
        await ui.show(interaction, booked_panel(interaction, booked, guild, coach, workshop=workshop))

    async def _own_offer(self, interaction: Interaction, offer_id: int) -> Offer:
        """Return the offer, once it's sure that both are still in the server."""
        async with self.bot.db.read() as session:
            offer = await offers.find(session, offer_id, ui.person_of(interaction))
        await self.require_member(interaction, offer.guild_id)
        await self.bot.check_coach_membership(offer.guild_id, offer.coach_id)
        return offer

    async def _ways(
        self, session: AsyncSession, guild: Guild, coach: Coach, offer: Offer, workshop: Workshop | None
    ) -> Ways:
        """Return how this student can pay the price that they were told."""
        now = self.bot.clock()
        if workshop is not None:
            ways = await ways_for_seat(session, guild, workshop, offer.user_id, now, self.bot.stripe)
        else:
            asked = offer.user_id, offer.starts_at, offer.ends_at - offer.starts_at, now
            told = offer.cost_minor, offer.currency
            ways = await ways_to_pay(session, guild, coach, *asked, self.bot.stripe, told=told)
        if not (ways.by_credit or ways.by_card or ways.otherwise):
            raise NotBookable("This has to be paid by card, and it starts too soon for that. Press **Pass**.")
        return ways

    async def _guild_id(self, interaction: Interaction, coach_id: int) -> int:
        if coach_id:
            return await self.guild_id_of_coach(interaction, coach_id)
        return ui.guild_id_of(interaction)


async def _workshop_of(session: AsyncSession, offer: Offer) -> Workshop | None:
    """Return the workshop if a seat is offered."""
    is_seat = await offers.is_for_seat(session, offer)
    return await session.get_one(Workshop, offer.session_id) if is_seat else None


def _read(typed: Typed, zone_name: str, now: datetime) -> tuple[Wanted, int]:
    """Read what would suit somebody, and the length in minutes. Raises WrongFields."""
    clock = zone(zone_name)
    days = [number for number, name in enumerate(_WEEKDAYS) if name in typed.get(_DAYS, "").split(ui.CHOICES)]
    with Fields() as fields:
        minutes = fields.read(_LENGTH, _read_length, typed.get(_LENGTH, ""))
        opens, closes = fields.read(_HOURS, _read_hours, typed.get(_HOURS, "")) or (0, 0)
        last: date = fields.read(_UNTIL, _read_last, typed.get(_UNTIL, ""), clock, now)
    until = min(start_of(clock, last + timedelta(days=1)), now + rules.LONGEST_WAIT)
    return Wanted(rules.weekdays(days), opens, closes, until), minutes


def _read_length(typed: str) -> int:
    minutes = whole_number(typed.partition(" ")[0])
    if minutes is None:
        raise Unreadable("Choose a length.")
    return min(minutes, wishes.LONGEST_DAY)


def _read_hours(typed: str) -> tuple[int, int]:
    if not typed.strip():
        return 0, wishes.LONGEST_DAY
    windows = parse_hours(typed)
    if len(windows) != 1:
        raise Unreadable('Type one span of hours, like "17-21", or leave it empty for any time.')
    return windows[0][0], windows[0][1]


def _read_last(typed: str, clock: ZoneInfo, now: datetime) -> date:
    day = parse_date(typed, today=now.astimezone(clock).date())
    if day > (now + rules.LONGEST_WAIT).astimezone(clock).date():
        raise Unreadable(f"You can wait for up to {rules.LONGEST_WAIT.days} days. Choose an earlier day.")
    return day
