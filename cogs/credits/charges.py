"""The buttons about what a session charged: its coach waives it, or its student disputes it."""

from cogs import cards, routes, ui
from cogs.ui import Interaction, Typed
from cogs.ui.routing import Cog, on, opens
from scheduler.core.limits import LONGEST_NOTES
from scheduler.credits import charges, disputes
from scheduler.sessions import charge_standing

_REASON = "What happened"


class ChargesCog(Cog):
    """Waiving and disputing. Each press is answered beside its message, which is updated later."""

    @on(routes.WAIVE_CHARGE, ui.acknowledge_beside)
    async def waive_pressed(self, interaction: Interaction, session_id: int) -> None:
        """Give the student back what the session charged, for its coach or an admin."""
        async with self.bot.db.begin() as session:
            actor, now = await self.actor_anywhere(session, interaction), self.bot.clock()
            found = await charges.waive(session, session_id, actor, now, guild_id=interaction.guild_id)
            standings = await charge_standing.standings(session, [found], actor.user_id, now)
        self.bot.wake()
        waived = cards.charge.waived(found, standings.get(found.id), actor.user_id)
        whom = "your student" if actor.user_id == found.coach_id else "the student"
        await ui.show(interaction, ui.Panel(ui.text(f"{waived}. We've told {whom}.")))

    @on(routes.DISPUTE_CHARGE, ui.acknowledge_beside)
    async def dispute_pressed(self, interaction: Interaction, session_id: int) -> None:
        """Send the dispute to the admins."""
        reason, actor = ui.typed_in(interaction).get(_REASON, ""), ui.person_of(interaction)
        async with self.bot.db.begin() as session:
            await disputes.open_dispute(session, session_id, actor, reason, self.bot.clock())
        self.bot.wake()
        said = "We've sent your dispute to the admins, and will tell you what they decide."
        await ui.show(interaction, ui.Panel(ui.text(said)))

    @opens(routes.DISPUTE_CHARGE)
    async def dispute_form(self, interaction: Interaction, typed: Typed, session_id: int) -> ui.Form:
        """Ask what happened. Only for the student of a session that can be disputed now."""
        async with self.bot.db.read() as session:
            actor, now = ui.person_of(interaction), self.bot.clock()
            found = await disputes.find_disputable(session, session_id, actor, now)
            standing = (await charge_standing.standings(session, [found], actor.user_id, now)).get(found.id)
        what = f"{cards.charge.minutes(found.student)} of your credit"
        if standing is not None and standing.payment is not None:
            what = f"the {cards.charge.amount(standing.payment)} you paid"
        charged = ui.text(f"This session charged {what}.")
        about = "An admin of the server will read this and decide."
        field = ui.field(_REASON, typed, description=about, long=True, most=LONGEST_NOTES)
        custom_id = routes.DISPUTE_CHARGE.id(session_id=session_id)
        return ui.Form("Dispute this charge", custom_id, charged, field)
