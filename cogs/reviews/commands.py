"""Reviewing a session: stars, other stars, and a sentence."""

from cogs import routes, ui
from cogs.cards import stars
from cogs.ui import Interaction, Typed
from cogs.ui.routing import Cog, Route, on, opens
from models import CoachingSession, Review
from scheduler.core.clock import stamp
from scheduler.reviews import reviews
from scheduler.reviews.reviews import LONGEST_COMMENT

COMMENT = Route("review:comment:{session_id}")

_SENTENCE = "Your sentence"


class ReviewsCog(Cog):
    """The presses of students who review; they work in direct messages too, where the row knows the server."""

    @on(routes.REVIEW)
    async def review_pressed(self, interaction: Interaction, session_id: int) -> None:
        """Ask for stars, or show those that were given, beside the message that the button is on."""
        await ui.acknowledge_beside(interaction)
        actor = ui.person_of(interaction)
        async with self.bot.db.read() as session:
            row, given = await reviews.reviewable(session, session_id, actor, self.bot.clock())
        await ui.show(interaction, _panel(row, given))

    @on(routes.GIVE_STARS)
    async def stars_pressed(self, interaction: Interaction, session_id: int, count: int) -> None:
        """Give the stars, or change them to these."""
        await _acknowledge(interaction)
        actor = ui.person_of(interaction)
        async with self.bot.db.begin() as session:
            given = await reviews.review(session, session_id, actor, count, self.bot.clock())
            row = await session.get_one(CoachingSession, session_id)
        await ui.show(interaction, _panel(row, given))

    @on(COMMENT)
    async def comment_pressed(self, interaction: Interaction, session_id: int) -> None:
        """Keep the sentence that was typed."""
        await ui.acknowledge(interaction)
        typed, actor = ui.typed_in(interaction).get(_SENTENCE, ""), ui.person_of(interaction)
        async with self.bot.db.begin() as session:
            given = await reviews.comment(session, session_id, actor, typed, self.bot.clock())
            row = await session.get_one(CoachingSession, session_id)
        await ui.show(interaction, _panel(row, given))

    @opens(COMMENT)
    async def comment_form(self, interaction: Interaction, typed: Typed, session_id: int) -> ui.Form:
        """Asks for a sentence, beginning with the one that is there."""
        actor = ui.person_of(interaction)
        async with self.bot.db.read() as session:
            _, given = await reviews.reviewable(session, session_id, actor, self.bot.clock())
        before = {_SENTENCE: given.comment} if given is not None and given.comment else {}
        return ui.Form(
            "A sentence about your session",
            COMMENT.id(session_id=session_id),
            ui.field(
                _SENTENCE,
                before | typed,
                description="Everybody in the server can read it, without your name. Empty takes it away.",
                long=True,
                required=False,
                most=LONGEST_COMMENT,
            ),
        )


async def _acknowledge(interaction: Interaction) -> None:
    """Answer a private panel in its place. A notification stays as it is: what stands on it finds it again."""
    if interaction.message is not None and interaction.message.flags.ephemeral:
        await ui.acknowledge(interaction)
    else:
        await ui.acknowledge_beside(interaction)


def _panel(row: CoachingSession, given: Review | None) -> ui.Panel:
    what = f"Your session with <@{row.coach_id}>, {stamp(row.starts_at)}"
    if given is None:
        return ui.Panel(ui.text(f"### How was it?\n{what}"), stars.buttons(row.id))
    until = stamp(reviews.open_until(row), "f")
    label = "Change the sentence…" if given.comment else "Add a sentence…"
    return ui.Panel(
        ui.text(f"### {stars.written(given.stars)} Thank you\n{what}"),
        *([ui.text(ui.block(ui.quoted(given.comment)))] if given.comment else []),
        stars.buttons(row.id, given.stars),
        ui.row(ui.button(label, COMMENT.id(session_id=row.id))),
        ui.text(f"-# You can change both until {until}. Others read them without your name."),
    )
