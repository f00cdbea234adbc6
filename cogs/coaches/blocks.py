"""Blocking members from booking or applying: by command, from a card, and undone from the list."""

from collections.abc import Sequence
from typing import Any, Literal

import discord
from discord import app_commands

from cogs import routes, ui
from cogs.ui import Interaction, Typed
from cogs.ui.group_commands import group_command
from cogs.ui.routing import Cog, Route, on, opens, retried
from models import Block, BlockedFrom, CoachStatus
from scheduler.booking import blocks
from scheduler.booking.blocks import LONGEST_REASON
from scheduler.core.clock import stamp
from scheduler.core.errors import NotFound
from scheduler.servers import settings

LIST = Route("block:list:{page}")
LIFT = Route("block:list:{page}:lift:{user_id}:{what}")

WHAT = {"booking": routes.FROM_BOOKING, "applying": routes.FROM_APPLYING, "both": routes.FROM_BOTH}
"""The choices of the command, each with its number in a `custom_id`."""

_MEANT = {
    routes.FROM_BOOKING: (BlockedFrom.BOOKING,),
    routes.FROM_APPLYING: (BlockedFrom.APPLYING,),
    routes.FROM_BOTH: blocks.EVERYTHING,
}
_REASON = "Reason"
_DOING = {BlockedFrom.BOOKING: "book sessions", BlockedFrom.APPLYING: "apply to coach"}
_A_PAGE = 6
_MOST_PAGES = 10_000


class BlockingCog(Cog):
    """`/coaching block`, `unblock` and `blocked`, and the buttons that do the same."""

    @group_command("coaching", name="block", description="Stop somebody from booking, applying to coach, or both")
    @app_commands.describe(
        member="Who", what="What they can't do any more", reason="What they see when they try (optional)"
    )
    @retried
    async def block(
        self,
        interaction: Interaction,
        member: discord.User,
        what: Literal["booking", "applying", "both"],
        reason: app_commands.Range[str, 1, LONGEST_REASON] | None = None,
    ) -> None:
        """Block one person."""
        await ui.acknowledge(interaction)
        await self._block(interaction, member.id, WHAT[what], reason or "")

    @group_command("coaching", name="unblock", description="Let somebody book and apply again")
    @app_commands.describe(member="Who")
    @retried
    async def unblock(self, interaction: Interaction, member: discord.User) -> None:
        """Lift all blocks of one person."""
        await ui.acknowledge(interaction)
        await self._unblock(interaction, member.id, routes.FROM_BOTH)

    @group_command(
        "coaching", name="blocked", description="See who is blocked from what and why, and unblock them"
    )
    @retried
    async def blocked(self, interaction: Interaction) -> None:
        """List them."""
        await ui.acknowledge(interaction)
        await self._show(interaction)

    @on(routes.BLOCK)
    async def block_pressed(self, interaction: Interaction, user_id: int, what: int) -> None:
        """Block, and leave the card as it is."""
        await ui.acknowledge_beside(interaction)
        await self._block(interaction, user_id, what, ui.typed_in(interaction).get(_REASON, ""))

    @opens(routes.BLOCK)
    async def form(self, interaction: Interaction, typed: Typed, user_id: int, what: int) -> ui.Form:
        """Asks an admin why, filled in with the current reason."""
        meant = _meant(what)
        async with self.bot.db.read() as session:
            guild = await settings.look_up(session, ui.guild_id_of(interaction), self.bot.defaults)
            ui.actor_of(interaction, guild).must_be_admin()
            found = [one for one in await blocks.of(session, guild.id, user_id) if one.blocked_from in meant]
        standing = next((one.reason for one in found if one.reason), "")
        return ui.Form(
            f"Block from {' and '.join(meant)}",
            routes.BLOCK.id(user_id=user_id, what=what),
            ui.field(
                _REASON,
                typed or {_REASON: standing},
                description="They'll see this when they try.",
                long=True,
                required=False,
                most=LONGEST_REASON,
            ),
        )

    @on(routes.UNBLOCK)
    async def unblock_pressed(self, interaction: Interaction, user_id: int, what: int) -> None:
        """Lift the block and say so in a reply of its own."""
        await ui.acknowledge_beside(interaction)
        await self._unblock(interaction, user_id, what)

    @on(LIST)
    async def list_turned(self, interaction: Interaction, page: int) -> None:
        """Another page."""
        await ui.acknowledge(interaction)
        await self._show(interaction, min(page, _MOST_PAGES))

    @on(LIFT)
    async def lift_pressed(self, interaction: Interaction, page: int, user_id: int, what: int) -> None:
        """Lift a block and show the list without it."""
        await ui.acknowledge(interaction)
        await self._lift(interaction, user_id, what)
        await self._show(interaction, min(page, _MOST_PAGES))

    async def _block(self, interaction: Interaction, user_id: int, what: int, reason: str) -> None:
        """Block somebody, with a button to undo it."""
        meant = _meant(what)
        async with self.bot.db.begin() as session:
            now = self.bot.clock()
            guild = await settings.ensure(session, ui.guild_id_of(interaction), self.bot.defaults, now)
            actor = ui.actor_of(interaction, guild)
            status = await blocks.block(session, guild.id, user_id, actor, meant, reason, now)
        self.bot.wake()
        undo = ui.button("Undo", routes.UNBLOCK.id(user_id=user_id, what=what))
        await ui.show(
            interaction, ui.Panel(ui.text("\n".join(_said(user_id, meant, status, reason))), ui.row(undo))
        )

    async def _unblock(self, interaction: Interaction, user_id: int, what: int) -> None:
        """Unblock somebody."""
        lifted = await self._lift(interaction, user_id, what)
        await ui.show(interaction, ui.Panel(ui.text(f"**Unblocked.** <@{user_id}> can {_do(lifted)} again.")))

    async def _show(self, interaction: Interaction, page: int = 0) -> None:
        """List who is blocked to an admin."""
        async with self.bot.db.read() as session:
            guild = await settings.look_up(session, ui.guild_id_of(interaction), self.bot.defaults)
            actor = ui.actor_of(interaction, guild)
            found = await blocks.page_of(session, guild.id, actor, page=page, size=_A_PAGE)
        parts: list[discord.ui.Item[Any]] = [ui.text("### Blocked members")]
        parts.extend(_section(one, page) for one in found.shown)
        if not found.shown:
            parts.append(ui.text("Nobody is blocked here." if not page else "There's nobody on this page."))
        await ui.show(interaction, ui.Panel(*parts, *ui.newer_and_older(LIST.id, page, has_more=found.has_more)))

    async def _lift(self, interaction: Interaction, user_id: int, what: int) -> Sequence[BlockedFrom]:
        meant = _meant(what)
        async with self.bot.db.begin() as session:
            guild = await settings.look_up(session, ui.guild_id_of(interaction), self.bot.defaults)
            actor = ui.actor_of(interaction, guild)
            lifted = await blocks.unblock(session, guild.id, user_id, actor, meant, self.bot.clock())
        self.bot.wake()
        return lifted


def _meant(what: int) -> tuple[BlockedFrom, ...]:
    """Read the number in a `custom_id`. Raises NotFound if none of our buttons has it."""
    if what not in _MEANT:
        raise NotFound("This button is out of date. Run `/coaching blocked` to see who is blocked.")
    return _MEANT[what]


def _do(what: Sequence[BlockedFrom]) -> str:
    return " and ".join(_DOING[one] for one in what)


def _said(user_id: int, what: Sequence[BlockedFrom], status: CoachStatus | None, reason: str) -> list[str]:
    """Say what the block does, and what it leaves alone."""
    cannot = " or ".join(_DOING[one] for one in what)
    told = "They'll see your reason when they try." if reason.strip() else "They'll be told when they try."
    lines = [f"**Blocked.** <@{user_id}> can't {cannot} here. {told}"]
    if BlockedFrom.BOOKING in what:
        lines.append(
            "Sessions they've already booked stay. To cancel one, open it from `/coaching sessions`. If they were "
            "holding a time, it's free again."
        )
    if status is CoachStatus.APPROVED:
        lines.append("They still coach here. To stop that, use `/coach suspend`.")
    if status is CoachStatus.PENDING and BlockedFrom.APPLYING in what:
        lines.append("Their open application stays until you decide: `/coach approve` or `/coach reject`.")
    return lines


def _section(one: Block, page: int) -> discord.ui.Section[Any]:
    words = (
        f"<@{one.user_id}> · **{one.blocked_from}** · by <@{one.blocked_by}> {stamp(one.blocked_at, 'f')}\n"
        f"{ui.block(ui.quoted(one.reason, 300)) if one.reason else '-# No reason given'}"
    )
    custom_id = LIFT.id(page=page, user_id=one.user_id, what=WHAT[one.blocked_from])
    return discord.ui.Section(words, accessory=ui.button("Unblock", custom_id))
