"""Asking for weekly lessons: how often, until when, and what comes of each date."""

from cogs import cards, routes, ui
from cogs.cards.booking import NOTES_NAME, Way, possible_ways
from cogs.cards.charge import decode_currency
from cogs.series import cards as series_cards
from cogs.series import plan as plans
from cogs.series.plan import END_NAME, Plan, Shown
from cogs.ui import Interaction, Typed
from cogs.ui.routing import Cog, on, opens
from cogs.ui.time_picker import instant
from models import Coach, Guild, SeriesStatus
from scheduler.availability import reader_zone
from scheduler.booking import eligibility, holds
from scheduler.core import coaches
from scheduler.core.errors import NotBookable
from scheduler.core.limits import LONGEST_NOTES
from scheduler.payments.ways import ways_to_pay
from scheduler.series import requests
from scheduler.series.notifications import SeriesDetails, details_of
from scheduler.servers import settings
from scheduler.time.hour_cycle import HourCycle
from scheduler.time.time_zones import zone


class AskingCog(Cog):
    """From **Every week…** on the panel before a booking to the request."""

    @on(routes.REPEAT)
    async def repeat_picked(
        self, interaction: Interaction, coach_id: int, minutes: int, start: int, way: int
    ) -> None:
        """Show the dates of lessons every week, or every two."""
        weeks = 2 if ui.chosen_in(interaction)[0] > 1 else 1
        await self._show(interaction, Plan(coach_id, minutes, start, weeks, 0, Way(min(way, 2))))

    @on(plans.SHOW)
    async def better_time_pressed(
        self, interaction: Interaction, coach_id: int, minutes: int, start: int, terms: int
    ) -> None:
        """Show the dates at a time that suits better."""
        await self._show(interaction, Plan.of(coach_id, minutes, start, terms))

    @on(plans.PICK_WEEKS)
    async def weeks_picked(
        self, interaction: Interaction, coach_id: int, minutes: int, start: int, terms: int
    ) -> None:
        """Show the dates of lessons more or less often."""
        weeks = 2 if ui.chosen_in(interaction)[0] > 1 else 1
        await self._show(interaction, Plan.of(coach_id, minutes, start, terms)._replace(weeks=weeks))

    @on(plans.PICK_END)
    async def end_picked(
        self, interaction: Interaction, coach_id: int, minutes: int, start: int, terms: int
    ) -> None:
        """Show the dates until another end."""
        end = ui.chosen_in(interaction)[0]
        await self._show(interaction, Plan.of(coach_id, minutes, start, terms)._replace(end=end))

    @on(plans.TYPE_END)
    async def end_typed(
        self, interaction: Interaction, coach_id: int, minutes: int, start: int, terms: int
    ) -> None:
        """Show the dates until the end that was typed."""
        typed = ui.typed_in(interaction).get(END_NAME, "")
        guild_id = await self.guild_id_of_coach(interaction, coach_id)
        async with self.bot.db.read() as session:
            guild = await settings.look_up(session, guild_id, self.bot.defaults)
            zone_name = await reader_zone.zone_name_of(session, interaction.user.id, guild.time_zone)
        end = plans.read_end(typed, self.bot.clock().astimezone(zone(zone_name)).date())
        await self._show(interaction, Plan.of(coach_id, minutes, start, terms)._replace(end=end))

    @opens(plans.TYPE_END)
    async def end_form(
        self, interaction: Interaction, typed: Typed, coach_id: int, minutes: int, start: int, terms: int
    ) -> ui.Form:
        """Ask for the last day, or for how many lessons there are."""
        plan = Plan.of(coach_id, minutes, start, terms)
        about = "The last day, or how many lessons. Leave empty for no end."
        field = ui.field(
            END_NAME, typed, description=about, required=False, placeholder="20 Dec, or 10 times", most=40
        )
        return ui.Form("Until when?", plans.TYPE_END.id(**plan.ids), field)

    @on(plans.NOTES)
    async def notes_typed(
        self, interaction: Interaction, coach_id: int, minutes: int, start: int, terms: int
    ) -> None:
        """Put the notes on the panel."""
        typed = ui.typed_in(interaction).get(NOTES_NAME, "").strip()
        eligibility.check_notes(typed)
        await self._show(interaction, Plan.of(coach_id, minutes, start, terms), typed)

    @opens(plans.NOTES)
    async def notes_form(
        self, interaction: Interaction, typed: Typed, coach_id: int, minutes: int, start: int, terms: int
    ) -> ui.Form:
        """Ask for notes, starting with those on the panel."""
        field = ui.field(
            NOTES_NAME,
            typed or ui.stored_fields(interaction.message),
            description="What you want to work on. Your coach sees it with every lesson.",
            long=True,
            required=False,
            most=LONGEST_NOTES,
        )
        plan = Plan.of(coach_id, minutes, start, terms)
        return ui.Form("Notes", plans.NOTES.id(**plan.ids), field)

    @on(plans.ASK)
    async def ask_pressed(
        self,
        interaction: Interaction,
        coach_id: int,
        minutes: int,
        start: int,
        terms: int,
        cost: int,
        currency: int,
    ) -> None:
        """Ask the coach or, if the server wants no answer, book the lessons."""
        plan = Plan.of(coach_id, minutes, start, terms)
        guild_id = await self.guild_id_of_coach(interaction, coach_id)
        await self.bot.check_coach_membership(guild_id, coach_id)
        notes = ui.stored_fields(interaction.message).get(NOTES_NAME)
        async with self.bot.db.begin() as session:
            now = self.bot.clock()
            guild = await settings.ensure(session, guild_id, self.bot.defaults, now)
            actor = await self.actor_anywhere(session, interaction)
            coach = await coaches.approved_coach(session, guild.id, coach_id)
            zone_name = await reader_zone.zone_name_of(session, actor.user_id, guild.time_zone)
            wanted = plan.wanted(coach, zone_name)
            asked = guild, coach, actor.user_id, wanted.starts_at, wanted.duration, now, self.bot.stripe
            if plan.way not in possible_ways(await ways_to_pay(session, *asked)):
                raise NotBookable("These lessons can't be paid for like that any more. Choose the time again.")
            series = await requests.request(
                session,
                guild,
                actor,
                coach_id,
                wanted,
                notes,
                plans.PAYMENTS[plan.way],
                now,
                agreed_minor=cost,
                agreed_currency=decode_currency(currency),
            )
            details = await details_of(session, series, guild, actor.user_id)
        self.bot.wake()
        await ui.show(interaction, _done(details, guild, ui.hour_cycle_of(interaction)))

    async def _show(self, interaction: Interaction, plan: Plan, notes: str | None = None) -> None:
        """Hold the first lesson, and show what becomes of the dates."""
        guild_id = await self.guild_id_of_coach(interaction, plan.coach_id)
        notes = ui.stored_fields(interaction.message).get(NOTES_NAME) if notes is None else notes
        stripe, at, length = self.bot.stripe, instant(plan.start), cards.read_duration(plan.minutes)
        async with self.bot.db.begin() as session:
            now = self.bot.clock()
            guild = await settings.ensure(session, guild_id, self.bot.defaults, now)
            actor = await self.actor_anywhere(session, interaction)
            await holds.hold(session, guild, actor, plan.coach_id, at, length, now)
            coach = await session.get_one(Coach, (guild.id, plan.coach_id))
            zone_name = await reader_zone.zone_name_of(session, actor.user_id, guild.time_zone)
            wanted = plan.wanted(coach, zone_name)
            found = await requests.check(session, guild, coach, actor, wanted, notes, now)
            ways = await ways_to_pay(session, guild, coach, actor.user_id, at, length, now, stripe)
            answer_by = requests.answer_by(guild, at, now)
        possible = possible_ways(ways)
        if not possible:
            raise NotBookable("These lessons have to be paid by card, and the first one is too soon for that.")
        plan = plan if plan.way in possible else plan._replace(way=possible[0])
        cycle = ui.hour_cycle_of(interaction)
        livemode = stripe is None or stripe.livemode
        shown = Shown(plan, coach, guild, zone_name, cycle, found, ways, answer_by, livemode)
        await ui.show(interaction, shown.panel(notes))


def _done(details: SeriesDetails, guild: Guild, cycle: HourCycle) -> ui.Panel:
    if details.series.status is SeriesStatus.REQUESTED:
        said = "-# We've messaged your coach, and message you once they answer. `/sessions` lists your requests."
        return ui.Panel(series_cards.waiting_card(details, cycle), ui.text(said))
    series = details.series
    title = f"**You have {series_cards.kind(series)} with <@{series.coach_id}> ✅**"
    lines = [title, *series_cards.booked_lines(details, guild, is_coach=False, cycle=cycle)]
    card = ui.Container(ui.text("\n".join(lines)), series_cards.all_lessons(series))
    return ui.Panel(card, ui.text("We've messaged you both."))
