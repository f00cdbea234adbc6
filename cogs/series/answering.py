"""Open requests for weekly lessons: the coach answers, the student takes back, and both can list them."""

from cogs import routes, ui
from cogs.series import cards
from cogs.ui import Interaction, Typed
from cogs.ui.routing import Cog, on, opens
from models import Guild
from scheduler.core.limits import LONGEST_NOTES
from scheduler.series import answers
from scheduler.series.notifications import details_of

_REASON = "Reason"


class AnsweringCog(Cog):
    """The buttons on cards about requests, also in direct messages, and the list of open ones."""

    @on(cards.ACCEPT, ui.acknowledge_beside)
    async def accept_pressed(self, interaction: Interaction, series_id: int) -> None:
        """Accept. The card that was pressed follows on its own."""
        async with self.bot.db.begin() as session:
            series = await answers.accept(session, series_id, ui.person_of(interaction), self.bot.clock())
            guild = await session.get_one(Guild, series.guild_id)
            details = await details_of(session, series, guild, interaction.user.id)
        self.bot.wake()
        lines = [f"**You accepted {cards.kind(series)} with <@{series.student_id}> ✅**"]
        lines += cards.booked_lines(details, guild, is_coach=True, cycle=ui.hour_cycle_of(interaction))
        card = ui.Container(ui.text("\n".join(lines)), cards.all_lessons(series))
        await ui.show(interaction, ui.Panel(card, ui.text("We've messaged you both.")))

    @on(cards.DECLINE, ui.acknowledge_beside)
    async def decline_sent(self, interaction: Interaction, series_id: int) -> None:
        """Decline for the reason in the form. The card that was pressed follows on its own."""
        reason = ui.typed_in(interaction).get(_REASON, "")
        async with self.bot.db.begin() as session:
            actor = ui.person_of(interaction)
            series = await answers.decline(session, series_id, actor, reason, self.bot.clock())
        self.bot.wake()
        said = f"### Declined\nWe've messaged <@{series.student_id}>. The hours are free again."
        await ui.show(interaction, ui.Panel(ui.text(said)))

    @opens(cards.DECLINE)
    async def reason_form(self, interaction: Interaction, typed: Typed, series_id: int) -> ui.Form:
        """Ask why."""
        async with self.bot.db.read() as session:
            await answers.find_open(session, series_id, ui.person_of(interaction), self.bot.clock())
        about = "Your student will see this. You can name a better time."
        reason = ui.field(_REASON, typed, description=about, long=True, required=False, most=LONGEST_NOTES)
        return ui.Form("Decline these lessons", cards.DECLINE.id(series_id=series_id), reason)

    @on(cards.TAKE_BACK)
    async def take_back_pressed(self, interaction: Interaction, series_id: int) -> None:
        """Take a request back, and list the others."""
        async with self.bot.db.begin() as session:
            await answers.withdraw(session, series_id, ui.person_of(interaction), self.bot.clock())
        self.bot.wake()
        await self._list(interaction, "✅ You've taken it back. The hours are free again.")

    @on(routes.SERIES_REQUESTS)
    async def list_requests(self, interaction: Interaction) -> None:
        """List what this person has asked for, and what they have to answer."""
        await self._list(interaction)

    async def _list(self, interaction: Interaction, said: str | None = None) -> None:
        guilds = {guild.id: guild for guild in await self.servers_of(interaction)}
        async with self.bot.db.read() as session:
            found = await answers.open_requests(session, guilds.keys(), interaction.user.id, self.bot.clock())
            details = [await details_of(session, one, guilds[one.guild_id], interaction.user.id) for one in found]
        viewer_id, cycle = interaction.user.id, ui.hour_cycle_of(interaction)
        shown = [
            cards.request_card(one, cycle, most=cards.EXCERPT)
            if one.series.coach_id == viewer_id
            else cards.waiting_card(one, cycle)
            for one in details[: cards.MOST_LISTED]
        ]
        left_out = len(details) - len(shown)
        parts: list[ui.Item] = [ui.text("### Requests for weekly lessons"), *shown]
        if not shown:
            hint = "To ask for some, pick a time in `/book` and choose **Every week…**."
            parts = [ui.text(f"### No open requests\n{hint}")]
        elif left_out:
            parts.append(
                ui.text(f"-# And {left_out} more, which can wait longer. They follow once these are answered.")
            )
        back = ui.row(ui.button("◀ Sessions", routes.SESSION_LIST.id(page=0)))
        await ui.show(interaction, ui.Panel(*parts, back, said=said))
