"""Lists of reviews: a coach's for everyone, and all of the server's for admins."""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial

import discord
from discord import app_commands

from cogs import cards, routes, ui
from cogs.cards import stars
from cogs.ui import Interaction
from cogs.ui.routing import Cog, Route, group_command, on
from models import Review
from scheduler.core import coaches
from scheduler.core.clock import stamp
from scheduler.reviews import reviews

READ_PAGE = Route("review:page:{coach_id}:{page}")
HIDE = Route("review:hide:{session_id}:{user_id}:{coach_id}:{page}")
SHOW = Route("review:show:{session_id}:{user_id}:{coach_id}:{page}")
HIDE_ONLY_ONE = Route("review:hide:{session_id}:{coach_id}:{page}")
SHOW_ONLY_ONE = Route("review:show:{session_id}:{coach_id}:{page}")
"""On lists from before sessions had several participants."""

_A_PAGE = 5
_EXCERPT = 500  # five have to fit into a message; only words that are nearly all escaped get this long
_NONE = "No reviews here yet. Students can review each session that took place."


class ReviewListCog(Cog):
    """Reading reviews, and `/coaching reviews` to hide them."""

    @group_command("coaching", name="reviews", description="See what students said, and hide or show reviews")
    @app_commands.describe(coach="Whose reviews to list (optional)")
    async def list_reviews(self, interaction: Interaction, coach: discord.User | None = None) -> None:
        """List reviews, newest first."""
        await self.show_all(interaction, coach.id if coach else 0)

    @on(HIDE)
    @on(HIDE_ONLY_ONE)
    async def hide_pressed(
        self, interaction: Interaction, session_id: int, coach_id: int, page: int, user_id: int | None = None
    ) -> None:
        """Hide a review."""
        await self._change(interaction, reviews.hide, session_id, user_id)
        await self.show_all(interaction, coach_id, page)

    @on(SHOW)
    @on(SHOW_ONLY_ONE)
    async def show_pressed(
        self, interaction: Interaction, session_id: int, coach_id: int, page: int, user_id: int | None = None
    ) -> None:
        """Show a hidden review again."""
        await self._change(interaction, reviews.show, session_id, user_id)
        await self.show_all(interaction, coach_id, page)

    async def _change(
        self,
        interaction: Interaction,
        use_case: Callable[..., Awaitable[object]],
        session_id: int,
        by: int | None,
    ) -> None:
        async with self.bot.db.begin() as session:
            guild, actor = await self.guild_and_actor(session, interaction)
            await use_case(session, session_id, actor, guild.id, self.bot.clock(), by=by)

    @on(routes.READ_REVIEWS, ui.acknowledge_beside)
    @on(READ_PAGE)
    async def read(self, interaction: Interaction, coach_id: int, page: int = 0) -> None:
        """Show everyone a page of a coach's reviews."""
        async with self.bot.db.read() as session:
            coach = await coaches.approved_coach(session, ui.guild_id_of(interaction), coach_id)
            found = await reviews.list_reviews(session, coach.guild_id, coach_id, page=page, size=_A_PAGE)
        title = f"### What students say about <@{coach_id}>\n{cards.rating(coach)}"
        shown = [ui.text(_public(one)) for one in found.shown]
        turning = partial(READ_PAGE.id, coach_id=coach_id)
        await ui.show(
            interaction, _panel(title, shown, ui.newer_and_older(turning, page, has_more=found.has_more))
        )

    @on(routes.ALL_REVIEWS)
    async def show_all(self, interaction: Interaction, coach_id: int, page: int = 0) -> None:
        """List a coach's reviews (0: everyone's) to an admin."""
        guild = await self.guild_for_admin(interaction)
        async with self.bot.db.read() as session:
            found = await reviews.list_reviews(
                session, guild.id, coach_id or None, page=page, size=_A_PAGE, with_hidden=True
            )
        title = f"### Reviews{f' of <@{coach_id}>' if coach_id else ''}, newest first"
        shown = [_section(one, coach_id, page) for one in found.shown]
        turning = partial(routes.ALL_REVIEWS.id, coach_id=coach_id)
        await ui.show(
            interaction, _panel(title, shown, ui.newer_and_older(turning, page, has_more=found.has_more))
        )


def _panel(title: str, shown: Sequence[ui.Item], pager: Sequence[ui.Item]) -> ui.Panel:
    return ui.Panel(ui.text(title), *(shown or [ui.text(_NONE)]), *pager)


def _public(one: Review) -> str:
    """Return stars, date and comment, without the student: servers are small, and the coach reads it too."""
    return f"**{stars.write_stars(one.stars)}** · {stamp(one.created_at, 'R')}{_comment(one)}"


def _section(one: Review, coach_id: int, page: int) -> ui.Item:
    ids = {"session_id": one.session_id, "user_id": one.student_id, "coach_id": coach_id, "page": page}
    words = (
        f"**{stars.write_stars(one.stars)}** · <@{one.coach_id}> by <@{one.student_id}> · "
        f"{stamp(one.created_at, 'R')}{_comment(one)}"
    )
    if one.hidden_at is None:
        return ui.Section(words, accessory=ui.button("Hide", HIDE.id(**ids)))
    words += f"\n-# 🚫 **Hidden** by <@{one.hidden_by}> {stamp(one.hidden_at, 'R')}: not counted"
    return ui.Section(words, accessory=ui.button("Show", SHOW.id(**ids)))


def _comment(one: Review) -> str:
    return f"\n{ui.block(ui.quoted(one.comment, _EXCERPT))}" if one.comment else ""
