"""What the coach who's asked to take over a session, and its student, answer."""

from cogs import ui
from cogs.time_off import question_cards as cards
from cogs.ui import Interaction
from cogs.ui.routing import Cog, on
from models import CoachingSession, Substitution
from scheduler.time_off import answers
from scheduler.time_off.notifications import details_of


class SubstitutesCog(Cog):
    """Buttons under the question whether a session is taken over. They work in direct messages."""

    @on(cards.ACCEPT, ui.acknowledge_beside)
    async def accept_pressed(self, interaction: Interaction, question_id: int) -> None:
        """Accept as substitute or as student."""
        actor = ui.person_of(interaction)
        async with self.bot.db.begin() as session:
            question = await answers.accept(session, question_id, actor, self.bot.clock())
        await self._show(interaction, question)

    @on(cards.DECLINE, ui.acknowledge_beside)
    async def decline_pressed(self, interaction: Interaction, question_id: int) -> None:
        """Decline as substitute or as student."""
        actor = ui.person_of(interaction)
        async with self.bot.db.begin() as session:
            question = await answers.decline(session, question_id, actor, self.bot.clock())
        await self._show(interaction, question)

    async def _show(self, interaction: Interaction, question: Substitution) -> None:
        self.bot.wake()
        async with self.bot.db.read() as session:
            row = await session.get_one(CoachingSession, question.session_id)
            details = await details_of(session, question)
        words = cards.answered(details, row, interaction.user.id)
        await ui.show(interaction, ui.Panel(ui.text(words)))
