"""Workshops: the list, their details, taking and leaving seats, and what their coach does with them."""

from collections.abc import Awaitable, Callable

from sqlalchemy.ext.asyncio import AsyncSession

from cogs import routes, ui
from cogs.cards.booking import booked_panel
from cogs.cards.charge import decode_currency
from cogs.ui import Interaction, Typed
from cogs.ui.routing import Cog, group_command, on, opens
from cogs.workshops import panels
from cogs.workshops.draft import read_seats
from models import Coach, Guild, Participant, ParticipantStatus, Workshop
from scheduler.booking import cancellation
from scheduler.core.errors import NotAllowed
from scheduler.core.limits import LONGEST_NOTES
from scheduler.credits import charges
from scheduler.parsing.fields import Fields
from scheduler.payments import choices
from scheduler.payments.ways import check_otherwise, ways_for_seat
from scheduler.sessions import charge_standing, lifecycle
from scheduler.workshops import seats, terms, workshops
from scheduler.workshops.free_seats import free_seats
from scheduler.workshops.workshops import OpenWorkshop

_REASON = "Reason"
_Take = Callable[..., Awaitable[Participant]]


class WorkshopsCog(Cog):
    """`/workshop list`, and the buttons on workshops. Those of participants also work in direct messages."""

    @group_command("workshop", name="list", description="See the workshops coming up, and take a seat")
    async def list_workshops(self, interaction: Interaction) -> None:
        """Show the first page."""
        await self.show_page(interaction, 0)

    @on(routes.WORKSHOPS)
    async def show_page(self, interaction: Interaction, page: int) -> None:
        """List the workshops that haven't started."""
        async with self.bot.db.read() as session:
            guild, actor = await self.guild_and_actor(session, interaction)
            found = await workshops.list_open(session, guild.id, actor.user_id, self.bot.clock())
            coach = await session.get(Coach, (guild.id, actor.user_id))
        can_announce = actor.is_admin or coach is not None
        await ui.show(interaction, panels.list_panel(found, actor.user_id, page, can_announce=can_announce))

    @on(panels.DETAILS, ui.acknowledge_beside)
    @on(routes.WORKSHOP, ui.acknowledge_keeping)
    async def show_details(self, interaction: Interaction, session_id: int, said: str | None = None) -> None:
        """Show everything about a workshop that they may see."""
        one, guild = await self._find(interaction, session_id)
        has_begun = lifecycle.has_started(one.workshop.session, self.bot.clock())
        in_server = interaction.guild_id is not None
        every = [ui.row(ui.button("All workshops", routes.WORKSHOPS.id(page=0)))] if in_server else []
        is_admin = in_server and ui.actor_of(interaction, guild).is_admin
        viewer_id = interaction.user.id
        panel = panels.details_panel(
            one, guild, viewer_id, is_admin=is_admin, has_begun=has_begun, back=every, said=said
        )
        await ui.show(interaction, panel)

    @on(routes.TAKE_SEAT, ui.acknowledge_beside)
    async def take_pressed(self, interaction: Interaction, session_id: int) -> None:
        """Show what a seat costs, and ask them to confirm."""
        one, guild = await self._find(interaction, session_id)
        actor, now, row = ui.person_of(interaction), self.bot.clock(), one.workshop.session
        seat = row.participant(actor.user_id)
        if seat is not None and seat.status is not ParticipantStatus.LEFT:
            await self.show_details(interaction, session_id)
            return
        async with self.bot.db.read() as session:
            await seats.check_can_take(session, row, guild, actor, now)
            ways = await ways_for_seat(session, guild, one.workshop, actor.user_id, now, self.bot.stripe)
        livemode = self.bot.stripe is None or self.bot.stripe.livemode
        await ui.show(interaction, panels.confirm_panel(one, guild, ways, livemode=livemode))

    @on(panels.CONFIRM)
    async def confirm(self, interaction: Interaction, session_id: int, cost: int, currency: int) -> None:
        """Give them a seat, paid for as the server says."""
        await self._take(interaction, session_id, cost, currency, seats.take, otherwise=True)

    @on(panels.CONFIRM_CREDIT)
    async def confirm_with_credit(
        self, interaction: Interaction, session_id: int, cost: int, currency: int
    ) -> None:
        """Give them a seat for their credit."""
        await self._take(interaction, session_id, cost, currency, charges.take_seat)

    @on(routes.LEAVE_WORKSHOP, ui.acknowledge_keeping)
    async def leave_pressed(self, interaction: Interaction, session_id: int) -> None:
        """Ask once whether to leave."""
        one, guild = await self._find(interaction, session_id)
        async with self.bot.db.read() as session:
            now = self.bot.clock()
            seat = await seats.find_to_leave(session, session_id, ui.person_of(interaction), now)
            payment = await choices.find_kept(session, seat)
            credit_minutes = await choices.credit_if_left(session, seat, now)
        await ui.show(interaction, panels.leave_panel(one, guild, seat, payment, credit_minutes, now))

    @on(panels.LEAVE)
    @on(panels.LEAVE_FOR_CREDIT)
    async def leave(self, interaction: Interaction, session_id: int, minutes: int | None = None) -> None:
        """Give their seat back, and what they paid as money or as so many minutes of credit."""
        actor, now = ui.person_of(interaction), self.bot.clock()
        async with self.bot.db.begin() as session:
            seat = await choices.leave(session, session_id, actor, now, credit_minutes=minutes)
            workshop = await workshops.find(session, session_id, None)
            standings = await charge_standing.standings(session, [workshop.session], actor.user_id, now)
        self.bot.wake()
        await ui.show(interaction, panels.left_panel(workshop, seat, standings.get(session_id)))

    @on(panels.EDIT)
    async def edited(self, interaction: Interaction, session_id: int) -> None:
        """Change what it says."""
        typed = ui.typed_in(interaction)
        async with self.bot.db.begin() as session:
            guild, actor = await self.guild_and_actor(session, interaction)
            with Fields() as fields:
                title = fields.read(terms.TITLE, terms.read_title, typed.get(terms.TITLE, ""))
                text = fields.read(terms.DESCRIPTION, terms.read_description, typed.get(terms.DESCRIPTION, ""))
                count = fields.read(terms.SEATS, read_seats, typed.get(terms.SEATS, ""))
            change = {"title": title, "description": text, "seats": count}
            await workshops.edit(session, session_id, guild.id, actor, self.bot.clock(), **change)
        self.bot.wake()
        await self.show_details(interaction, session_id, "✅ Saved. The announcement follows within a minute.")

    @opens(panels.EDIT)
    async def edit_form(self, interaction: Interaction, typed: Typed, session_id: int) -> ui.Form:
        """Ask its coach, or an admin, what it's to say."""
        async with self.bot.db.read() as session:
            workshop = await self._own(session, interaction, session_id)
        before = {
            terms.TITLE: workshop.title,
            terms.DESCRIPTION: workshop.description,
            terms.SEATS: str(workshop.seats),
        } | typed
        return ui.Form(
            "Edit this workshop",
            panels.EDIT.id(session_id=session_id),
            ui.field(terms.TITLE, before, most=terms.LONGEST_TITLE),
            ui.field(terms.DESCRIPTION, before, long=True, required=False, most=terms.LONGEST_DESCRIPTION),
            ui.field(terms.SEATS, before, most=3),
        )

    @on(panels.CANCEL)
    async def cancelled(self, interaction: Interaction, session_id: int) -> None:
        """Cancel it for everybody, for the reason in the form."""
        reason = ui.typed_in(interaction).get(_REASON, "")
        async with self.bot.db.begin() as session:
            await self._own(session, interaction, session_id)
            guild, actor = await self.guild_and_actor(session, interaction)
            await cancellation.cancel(session, session_id, actor, guild.id, reason, self.bot.clock())
        self.bot.wake()
        await self.show_details(interaction, session_id, "✅ Cancelled. We've messaged everybody who had a seat.")

    @opens(panels.CANCEL)
    async def cancel_form(self, interaction: Interaction, typed: Typed, session_id: int) -> ui.Form:
        """Ask its coach, or an admin, why, and say what it means."""
        async with self.bot.db.read() as session:
            workshop = await self._own(session, interaction, session_id)
            actor = await self.actor_anywhere(session, interaction)
            now = self.bot.clock()
            row = await cancellation.find_cancellable(session, session_id, actor, interaction.guild_id, now)
        taken = len(row.taking_part)
        people = {0: "Nobody has a seat yet.", 1: "1 person has a seat."}.get(
            taken, f"{taken} people have a seat."
        )
        back = (
            " What they paid by card or with credit goes back to them." if taken and workshop.price_minor else ""
        )
        told = " We'll message all of them." if taken > 1 else " We'll message them." if taken else ""
        return ui.Form(
            "Cancel this workshop",
            panels.CANCEL.id(session_id=session_id),
            ui.text(f"{people}{told}{back} This can't be undone."),
            ui.field(
                _REASON,
                typed,
                description="Everybody who has a seat will see this.",
                long=True,
                required=False,
                most=LONGEST_NOTES,
            ),
        )

    async def _take(
        self,
        interaction: Interaction,
        session_id: int,
        cost: int,
        currency: int,
        take: _Take,
        *,
        otherwise: bool = False,
    ) -> None:
        one, _ = await self._find(interaction, session_id)
        row, agreed = one.workshop.session, (cost, decode_currency(currency))
        await self.bot.check_coach_membership(row.guild_id, row.coach_id)
        actor = ui.person_of(interaction)
        async with self.bot.db.begin() as session:
            guild = await session.get_one(Guild, row.guild_id)
            if otherwise:
                check_otherwise(guild, *agreed, self.bot.stripe)
            price = {"agreed_minor": agreed[0], "agreed_currency": agreed[1]}
            seat = await take(session, session_id, actor, self.bot.clock(), **price)
            coach = await session.get_one(Coach, (guild.id, row.coach_id))
            workshop = await workshops.find(session, session_id, guild.id)
        self.bot.wake()
        await ui.show(interaction, booked_panel(interaction, seat.session, guild, coach, workshop=workshop))

    async def _find(self, interaction: Interaction, session_id: int) -> tuple[OpenWorkshop, Guild]:
        """Return a workshop of this server; in direct messages of one that they're in. Raises NotFound."""
        async with self.bot.db.read() as session:
            workshop = await workshops.find(session, session_id, interaction.guild_id)
            viewer = {"user_id": interaction.user.id}  # what's offered to them is free for them
            free = await free_seats(session, [session_id], self.bot.clock(), **viewer)
            guild = await session.get_one(Guild, workshop.guild_id)
        if interaction.guild_id is None:
            await self.require_member(interaction, guild.id)
        return OpenWorkshop(workshop, free[session_id]), guild

    async def _own(self, session: AsyncSession, interaction: Interaction, session_id: int) -> Workshop:
        """Return a workshop for its coach or an admin."""
        guild, actor = await self.guild_and_actor(session, interaction)
        workshop = await workshops.find(session, session_id, guild.id)
        if actor.user_id != workshop.session.coach_id and not actor.is_admin:
            raise NotAllowed("Only the coach of a workshop and admins can change it.")
        return workshop
