"""Paying for a session or a package by card, up to the booking."""

from cogs import cards, routes, ui
from cogs.cards.booking import NOTES_NAME, booked_panel
from cogs.cards.charge import amount, decode_currency
from cogs.payments.panels import open_panel, package_panel, state_panel
from cogs.ui import Interaction
from cogs.ui.routing import Cog, on
from cogs.ui.time_picker import instant
from models import UNDECIDED, Coach, CoachingSession, CreditLot, Guild, Payment, PaymentStatus, Workshop
from scheduler.core.errors import NotBookable
from scheduler.credits import lessons
from scheduler.payments import checkouts, choices, starting
from scheduler.payments.ports import Stripe, StripeUnavailable
from scheduler.payments.ways import takes_cards
from scheduler.servers import settings
from scheduler.sessions import lessons as weekly
from scheduler.waiting_list import offers
from scheduler.workshops import workshops


class PaymentsCog(Cog):
    """Buttons that lead to Stripe's page and back."""

    @on(routes.PAY_SESSION)
    async def pay_session(
        self, interaction: Interaction, coach_id: int, minutes: int, start: int, cost: int, currency: int
    ) -> None:
        """Hold the time, and show the way to Stripe's page."""
        guild_id = await self.guild_id_of_coach(interaction, coach_id)
        await self.bot.check_coach_membership(guild_id, coach_id)
        notes = ui.stored_fields(interaction.message).get(NOTES_NAME)
        async with self.bot.db.begin() as session:
            now = self.bot.clock()
            guild = await settings.ensure(session, guild_id, self.bot.defaults, now)
            stripe = self._stripe(guild)
            payment = await starting.for_session(
                session,
                guild,
                await self.actor_anywhere(session, interaction),
                coach_id,
                instant(start),
                cards.read_duration(minutes),
                notes,
                now,
                livemode=stripe.livemode,
                agreed_minor=cost,
                agreed_currency=decode_currency(currency),
                back_to=_back_to(interaction, guild_id),
            )
        await self._show(interaction, await checkouts.advance(self.bot.db, stripe, payment.id, self.bot.clock))

    @on(routes.PAY_OFFER)
    async def pay_offer(self, interaction: Interaction, offer_id: int) -> None:
        """Keep what the waiting list offered while it's paid for, and show the way to Stripe's page."""
        async with self.bot.db.read() as session:
            offer = await offers.find(session, offer_id, ui.person_of(interaction))
        await self.require_member(interaction, offer.guild_id)
        await self.bot.check_coach_membership(offer.guild_id, offer.coach_id)
        async with self.bot.db.begin() as session:
            now = self.bot.clock()
            guild = await session.get_one(Guild, offer.guild_id)
            stripe = self._stripe(guild)
            payment = await starting.for_offer(
                session,
                guild,
                ui.person_of(interaction),
                offer_id,
                now,
                livemode=stripe.livemode,
                back_to=_back_to(interaction, guild.id),
            )
        await self._show(interaction, await checkouts.advance(self.bot.db, stripe, payment.id, self.bot.clock))

    @on(routes.PAY_SEAT)
    async def pay_seat(self, interaction: Interaction, session_id: int, cost: int, currency: int) -> None:
        """Hold a seat in a workshop, and show the way to Stripe's page."""
        async with self.bot.db.read() as session:
            workshop = await workshops.find(session, session_id, interaction.guild_id)
        guild_id = workshop.guild_id
        await self.require_member(interaction, guild_id)
        await self.bot.check_coach_membership(guild_id, workshop.session.coach_id)
        async with self.bot.db.begin() as session:
            now = self.bot.clock()
            guild = await session.get_one(Guild, guild_id)
            stripe = self._stripe(guild)
            payment = await starting.for_seat(
                session,
                guild,
                ui.person_of(interaction),
                session_id,
                now,
                livemode=stripe.livemode,
                agreed_minor=cost,
                agreed_currency=decode_currency(currency),
                back_to=_back_to(interaction, guild_id),
            )
        await self._show(interaction, await checkouts.advance(self.bot.db, stripe, payment.id, self.bot.clock))

    @on(routes.PAY_LESSON, ui.acknowledge_beside)
    async def pay_lesson(self, interaction: Interaction, session_id: int, cost: int, currency: int) -> None:
        """Show the way to Stripe's page for one of weekly lessons."""
        actor = ui.person_of(interaction)
        async with self.bot.db.begin() as session:
            now = self.bot.clock()
            row = await lessons.find_own(session, session_id, actor)
            guild = await session.get_one(Guild, row.guild_id)
            stripe = self._stripe(guild)
            payment = await starting.for_lesson(
                session,
                guild,
                actor,
                session_id,
                now,
                livemode=stripe.livemode,
                agreed_minor=cost,
                agreed_currency=decode_currency(currency),
                back_to=_back_to(interaction, guild.id),
            )
        await self._show(interaction, await checkouts.advance(self.bot.db, stripe, payment.id, self.bot.clock))

    @on(routes.PAY_PACKAGE)
    async def pay_package(self, interaction: Interaction, package_id: int, cost: int, currency: int) -> None:
        """Show the way to Stripe's page."""
        async with self.bot.db.begin() as session:
            now = self.bot.clock()
            guild = await settings.ensure(session, ui.guild_id_of(interaction), self.bot.defaults, now)
            stripe = self._stripe(guild)
            payment = await starting.for_package(
                session,
                guild,
                ui.actor_of(interaction, guild),
                package_id,
                now,
                livemode=stripe.livemode,
                agreed_minor=cost,
                agreed_currency=decode_currency(currency),
                back_to=_back_to(interaction, guild.id),
            )
        await self._show(interaction, await checkouts.advance(self.bot.db, stripe, payment.id, self.bot.clock))

    @on(routes.CHECK_PAYMENT)
    async def check_payment(self, interaction: Interaction, payment_id: int) -> None:
        """Ask Stripe now, and show what became of the payment."""
        payment = await self._own(interaction, payment_id)
        if payment.status in UNDECIDED and self.bot.stripe is not None:
            payment = await checkouts.advance(self.bot.db, self.bot.stripe, payment.id, self.bot.clock)
        await self._show(interaction, payment, is_asked=True)

    @on(routes.CLOSE_PAYMENT)
    async def close_payment(self, interaction: Interaction, payment_id: int) -> None:
        """Close Stripe's page and free the time, unless it was just paid."""
        payment = await self._own(interaction, payment_id)
        if payment.status in UNDECIDED and self.bot.stripe is not None:
            try:
                payment = await checkouts.give_up(self.bot.db, self.bot.stripe, payment.id, self.bot.clock)
            except StripeUnavailable:
                raise NotBookable(
                    "Stripe doesn't answer, so nothing was changed. Try again in a minute."
                ) from None
        await self._show(interaction, payment)

    @on(routes.KEEP_AS_CREDIT, ui.acknowledge_beside)
    async def keep_as_credit(self, interaction: Interaction, payment_id: int) -> None:
        """Give whoever paid credit in place of their money."""
        actor = ui.person_of(interaction)
        async with self.bot.db.begin() as session:
            lot = await choices.keep_as_credit(session, payment_id, actor, self.bot.clock())
        self.bot.wake()
        said = f"You have {lot.minutes_granted} more minutes of credit instead of a refund: see `/credits`."
        await ui.show(interaction, ui.Panel(ui.text(said)))

    @on(routes.REFUND_NOW, ui.acknowledge_beside)
    async def refund_now(self, interaction: Interaction, payment_id: int) -> None:
        """Pay back at once what whoever paid could keep as credit."""
        actor = ui.person_of(interaction)
        async with self.bot.db.begin() as session:
            payment = await choices.refund_now(session, payment_id, actor, self.bot.clock())
        self.bot.wake()
        said = f"{amount(payment)} goes back to your card. Your bank may take a few days to show it."
        await ui.show(interaction, ui.Panel(ui.text(said)))

    async def _own(self, interaction: Interaction, payment_id: int) -> Payment:
        async with self.bot.db.read() as session:
            return await checkouts.find(session, payment_id, ui.person_of(interaction))

    async def _show(self, interaction: Interaction, payment: Payment, *, is_asked: bool = False) -> None:
        """Show what became of a payment: where to pay, the booked session, the credit, or why there's neither."""
        self.bot.wake()
        if payment.status in UNDECIDED:
            await ui.show(interaction, open_panel(payment, is_asked=is_asked))
            return
        async with self.bot.db.read() as session:
            is_paid = payment.status is PaymentStatus.PAID
            booked = await session.get(
                CoachingSession, payment.session_id if is_paid and payment.session_id else 0
            )
            lot = await session.get(CreditLot, payment.lot_id or 0)
            guild = await session.get_one(Guild, payment.guild_id)
            coach = await session.get(Coach, (payment.guild_id, payment.coach_id or 0))
            workshop = await session.get(Workshop, payment.session_id or 0)
            among = [booked] if booked is not None else []
            lesson = (await weekly.lessons_among(session, among)).get(payment.session_id or 0)
        if booked is not None and coach is not None:
            panel = booked_panel(
                interaction, booked, guild, coach, payment=payment, workshop=workshop, lesson=lesson
            )
        else:
            panel = package_panel(payment, lot) if lot is not None else state_panel(payment)
        await ui.show(interaction, panel)

    def _stripe(self, guild: Guild) -> Stripe:
        """Return Stripe. Raises NotBookable if this server doesn't take cards now."""
        if self.bot.stripe is None or not takes_cards(guild, self.bot.stripe):
            raise NotBookable("This server doesn't take cards at the moment. Choose the time again.")
        return self.bot.stripe


def _back_to(interaction: Interaction, guild_id: int) -> str:
    """Return the address of the channel in which they pressed."""
    where = guild_id if interaction.guild_id is not None else "@me"
    return f"https://discord.com/channels/{where}/{interaction.channel_id}"
