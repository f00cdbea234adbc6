"""What people ask for and object to: requests for packages and disputed charges, for admins to decide."""

from collections.abc import Awaitable, Callable
from datetime import datetime

import discord
from sqlalchemy.ext.asyncio import AsyncSession

from cogs import routes, ui
from cogs.credits import lots
from cogs.ui import Interaction
from cogs.ui.routing import Cog, Route, on
from models import Guild, Package
from scheduler.core.actor import Actor
from scheduler.core.clock import stamp
from scheduler.credits import disputes, orders
from scheduler.credits.orders import Ordered
from scheduler.parsing.money import write_money

ORDERS = Route("credits:orders:{page}")
GIVE = Route("credits:order:{order_id}:give")
DECLINE = Route("credits:order:{order_id}:decline")
DECIDE = Route("credits:dispute:{session_id}:{user_id}:decide:{granted}")
DECIDE_ONLY_ONE = Route("credits:dispute:{session_id}:decide:{granted}")
"""On cards from before sessions had several participants."""

_A_PAGE = 5
_UseCase = Callable[[AsyncSession, Guild, Actor, int, datetime], Awaitable[Ordered]]


class OrdersCog(Cog):
    """The buttons on cards about requests and disputes, and the list of open requests."""

    @on(ORDERS)
    async def listed(self, interaction: Interaction, page: int) -> None:
        """Show the open requests, oldest first."""
        await self._list(interaction, page)

    @on(GIVE)
    async def give_pressed(self, interaction: Interaction, order_id: int) -> None:
        """Give what was asked for."""
        ordered = await self._decide(interaction, orders.give, order_id)
        name = ui.quoted(ordered.package.name, 100)
        await ui.reply_privately(
            interaction, f"Given: <@{ordered.order.user_id}> now has **{name}**. We've messaged them."
        )

    @on(DECLINE)
    async def decline_pressed(self, interaction: Interaction, order_id: int) -> None:
        """Turn a request down."""
        ordered = await self._decide(interaction, orders.decline, order_id)
        await ui.reply_privately(interaction, f"Declined. We've messaged <@{ordered.order.user_id}>.")

    @on(DECIDE)
    @on(DECIDE_ONLY_ONE)
    async def dispute_pressed(
        self, interaction: Interaction, session_id: int, granted: int, user_id: int | None = None
    ) -> None:
        """Decide this person's dispute, or the only one. The card follows."""
        async with self.bot.db.begin() as session:
            guild, actor, now = await self.guild_to_change(session, interaction)
            found = await disputes.decide(
                session, session_id, actor, guild.id, give_back=bool(granted), now=now, of=user_id
            )
        self.bot.wake()
        said = "The minutes are given back." if granted else "The charge stays."
        who = f"<@{user_id or found.student_id}> and <@{found.coach_id}>"
        await ui.reply_privately(interaction, f"Decided. {said} {who} hear about it in a direct message.")

    async def _decide(self, interaction: Interaction, use_case: _UseCase, order_id: int) -> Ordered:
        """Decide from a card, which follows on its own, or from the list, which is shown again."""
        async with self.bot.db.begin() as session:
            guild, actor, now = await self.guild_to_change(session, interaction)
            ordered = await use_case(session, guild, actor, order_id, now)
        self.bot.wake()
        if interaction.message is not None and interaction.message.flags.ephemeral:
            await self._list(interaction, 0)
        return ordered

    async def _list(self, interaction: Interaction, page: int) -> None:
        guild = await self.guild_for_admin(interaction)
        async with self.bot.db.read() as session:
            waiting = await orders.list_open(session, guild.id)
        shown, pager = ui.paged(waiting, page, _A_PAGE, ORDERS.id)
        await ui.show(
            interaction,
            ui.Panel(
                ui.text(
                    "### Requests for credit" if shown else "### No open requests\nYou've decided all of them."
                ),
                *(card(one, ui.SECONDARY) for one in shown),
                *pager,
                ui.row(ui.button("◀ Credit", routes.CREDIT_ADMIN.id())),
            ),
        )


def card(ordered: Ordered, style: discord.ButtonStyle = ui.SUCCESS) -> ui.Container:
    """Show a request to admins, with buttons while it's open. `style` is that of **Give it**."""
    order, package = ordered.order, ordered.package
    lines = [
        f"### Request for credit\n<@{order.user_id}> asks for **{ui.quoted(package.name, 100)}**.",
        f"{_terms(package)} · asked {stamp(order.ordered_at, 'f')}",
    ]
    if order.decided_at is not None:
        outcome = "given" if order.lot_id else "declined"
        lines.append(f"**Decided** by <@{order.decided_by}> {stamp(order.decided_at, 'f')}: {outcome}")
        return ui.Container(ui.text("\n".join(lines)))
    lines.append("Press **Give it** once you have their payment." if package.price_minor else "It's free.")
    give = ui.button("Give it", GIVE.id(order_id=order.id), style)
    return ui.Container(
        ui.text("\n".join(lines)), ui.row(give, ui.button("Decline", DECLINE.id(order_id=order.id)))
    )


def _terms(one: Package) -> str:
    price = write_money(one.price_minor, one.currency)
    return f"{lots.minutes(one.minutes)} · {price} · valid {lots.days(one.days_valid)}"
