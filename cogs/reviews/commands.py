"""Reviewing a session: stars and a few words."""

from sqlalchemy.ext.asyncio import AsyncSession

from cogs import routes, ui
from cogs.cards import stars
from cogs.ui import Interaction, Typed
from cogs.ui.routing import Cog, Route, on, opens
from models import CoachingSession, Review
from scheduler.core.clock import stamp
from scheduler.reviews import reviews
from scheduler.reviews.reviews import LONGEST_COMMENT

COMMENT = Route("review:comment:{session_id}")

_REVIEW = "Your review"


class ReviewsCog(Cog):
    """The buttons that review a session. They work in direct messages too."""

    @on(routes.REVIEW, ui.acknowledge_beside)
    async def review_pressed(self, interaction: Interaction, session_id: int) -> None:
        """Ask for stars, or show those given so far, beside the button's message."""
        async with self.bot.db.read() as session:
            row, given = await self._reviewable(session, interaction, session_id)
        await ui.show(interaction, _panel(row, given))

    @on(routes.GIVE_STARS, ui.acknowledge_keeping)
    async def stars_pressed(self, interaction: Interaction, session_id: int, count: int) -> None:
        """Give these stars. A private panel is replaced; a notification stays, to find it again."""
        actor = ui.person_of(interaction)
        async with self.bot.db.begin() as session:
            given = await reviews.review(session, session_id, actor, count, self.bot.clock())
            row = await session.get_one(CoachingSession, session_id)
        await ui.show(interaction, _panel(row, given))

    @on(COMMENT)
    async def comment_pressed(self, interaction: Interaction, session_id: int) -> None:
        """Save the words that were typed."""
        typed, actor = ui.typed_in(interaction).get(_REVIEW, ""), ui.person_of(interaction)
        async with self.bot.db.begin() as session:
            given = await reviews.comment(session, session_id, actor, typed, self.bot.clock())
            row = await session.get_one(CoachingSession, session_id)
        await ui.show(interaction, _panel(row, given))

    @opens(COMMENT)
    async def comment_form(self, interaction: Interaction, typed: Typed, session_id: int) -> ui.Form:
        """Ask for a few words, starting with those saved so far."""
        async with self.bot.db.read() as session:
            _, given = await self._reviewable(session, interaction, session_id)
        field = ui.field(
            _REVIEW,
            {_REVIEW: (given.comment if given else None) or ""} | typed,
            description="Everyone in the server can read it, without your name. Leave empty to remove it.",
            long=True,
            required=False,
            most=LONGEST_COMMENT,
        )
        return ui.Form("Review your session", COMMENT.id(session_id=session_id), field)

    async def _reviewable(
        self, session: AsyncSession, interaction: Interaction, session_id: int
    ) -> tuple[CoachingSession, Review | None]:
        return await reviews.reviewable(session, session_id, ui.person_of(interaction), self.bot.clock())


def _panel(row: CoachingSession, given: Review | None) -> ui.Panel:
    what = f"Your session with <@{row.coach_id}>, {stamp(row.starts_at)}"
    if given is None:
        return ui.Panel(ui.text(f"### How was it?\n{what}"), stars.buttons(row.id))
    until = stamp(reviews.open_until(row), "f")
    label = "Change your review…" if given.comment else "Write a review…"
    return ui.Panel(
        ui.text(f"### {stars.write_stars(given.stars)} Thank you\n{what}"),
        *([ui.text(ui.block(ui.quoted(given.comment)))] if given.comment else []),
        stars.buttons(row.id, given.stars),
        ui.row(ui.button(label, COMMENT.id(session_id=row.id))),
        ui.text(f"-# You can change both until {until}. Others see them without your name."),
    )
